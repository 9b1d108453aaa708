import { shortAccount } from 'parley-sdk';
import { withoutTurning } from './file-info';

/** What the page calls an account; undefined, or empty: it knows no name. */
export type NameOf = (account: string) => string | undefined;

export const noNames: NameOf = () => undefined;

/** The page's name of an account, as text that is safe to stand within other text. */
export const knownName = (account: string, nameOf: NameOf): string =>
    withoutTurning(nameOf(account) ?? '').trim();

/** Its name, else its short address. */
export const shownName = (account: string, nameOf: NameOf): string =>
    knownName(account, nameOf) || shortAccount(account);
