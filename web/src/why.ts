import type { Strings } from './strings';

/** Codes of which there is one sentence for all. */
const ALIKE: Record<string, string> = {
    storage_unavailable: 'internal',
    busy: 'internal',
    login_unavailable: 'internal',
    token_missing: 'signed_out',
    token_invalid: 'signed_out',
    token_expired: 'signed_out',
    token_revoked: 'signed_out',
};

/** What a code comes to for who uses the chat: a code as well. */
export const reasonOf = (code: string): string =>
    Object.hasOwn(ALIKE, code) ? ALIKE[code]! : code;

/**
 * Why something was not done, in the words of `strings` where its code has some (`why_` and the
 * code), else in those that came with the error.
 *
 * @param error  a ParleyError of whichever copy of the SDK, or whatever else was thrown
 */
export function whyOf(error: unknown, strings: Strings): string {
    if (!(error instanceof Error)) return String(error);
    const { code = '' } = error as { code?: string };
    const words: Record<string, string> = strings;
    return words[`why_${reasonOf(code)}`] ?? error.message;
}
