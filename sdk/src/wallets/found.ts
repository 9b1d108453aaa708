import { signInWithEthereum } from './ethereum.js';
import type { EthereumProvider, FoundWallet, SolanaWallet } from './index.js';
import { signInWithSolana } from './solana.js';

/** Characters of a name that is shown, and of an icon: 256 KiB. */
const NAME_MAX = 40;
const ICON_MAX = 262_144;

const ICON = /^data:image\/(png|jpeg|gif|webp|svg\+xml)[;,]/i;

/** Controls, and marks that turn the direction of what stands beside them, or show nothing. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** @return what a wallet calls itself, fit to be shown; empty where nothing is left of it */
export function cleanName(name: unknown): string {
    if (typeof name !== 'string') return '';
    const text = name.slice(0, 1000).replace(UNSEEN, ' ').replace(/\s+/g, ' ').trim();
    const characters = [...text];
    if (characters.length <= NAME_MAX) return text;
    return `${characters
        .slice(0, NAME_MAX - 1)
        .join('')
        .trimEnd()}…`;
}

/** @return a picture that is in the URL itself: any other would tell its site who looks */
export function cleanIcon(icon: unknown): string | undefined {
    const url = typeof icon === 'string' && icon.length <= ICON_MAX ? icon.trim() : '';
    return ICON.test(url) ? url : undefined;
}

interface Named {
    id: string;
    name: string;
    icon: string | undefined;
}

export const ofEthereum = (named: Named, provider: EthereumProvider): FoundWallet => ({
    kind: 'ethereum',
    ...named,
    signIn: (server, options) => signInWithEthereum(server, provider, options),
});

export const ofSolana = (named: Named, wallet: SolanaWallet): FoundWallet => ({
    kind: 'solana',
    ...named,
    signIn: (server, options) => signInWithSolana(server, wallet, options),
});

/** Takes what was found. @return a function that takes it back */
export type Add = (wallet: FoundWallet) => () => void;

export const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null;

export const has = <K extends string>(
    value: unknown,
    method: K,
): value is Record<K, (...args: unknown[]) => unknown> =>
    isObject(value) && typeof value[method] === 'function';

export const isProvider = (value: unknown): value is EthereumProvider => has(value, 'request');
