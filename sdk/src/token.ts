import type { Auth } from './auth.js';

/**
 * Tokens that an application's own backend mints.
 *
 * @param get  asked for one each time that one is needed: it may answer with the same again while
 *             that is good. What it throws is passing, except a ParleyError `signed_out`
 */
export function tokenAuth(_get: () => string | Promise<string>): Auth {
    throw new Error('not built yet');
}
