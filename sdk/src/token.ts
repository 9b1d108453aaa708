import type { Auth } from './auth.js';
import { ParleyError } from './errors.js';

const missing = (): ParleyError =>
    new ParleyError({ code: 'token_missing', message: 'The application gave no token.' });

const repeated = (code: string): ParleyError =>
    new ParleyError({ code, message: 'The application has no other token than the refused one.' });

/**
 * Tokens that an application's own backend mints.
 *
 * @param get  asked for one each time that one is needed: it may answer with the same again while
 *             that is good, and only then: the refused one again, or none, stops the chat. What it
 *             throws is passing, except a ParleyError that says it is not (isPassing). Or a token
 *             that is all there is: once it is refused, that is `signed_out`
 */
export function tokenAuth(get: string | (() => string | Promise<string>)): Auth {
    let asking: Promise<string> | undefined;

    const ask = async (): Promise<string> => {
        const token: unknown = typeof get === 'string' ? get : await get();
        if (typeof token !== 'string' || token === '') throw missing();
        return token;
    };
    const share = (): Promise<string> => {
        asking ??= ask().finally(() => {
            asking = undefined;
        });
        return asking;
    };
    return {
        async token(refused?: string): Promise<string> {
            const isLate = asking !== undefined;
            let token = await share();
            if (token === refused && isLate) token = await share(); // it was asked before the refusal
            if (token !== refused) return token;
            throw repeated(typeof get === 'string' ? 'signed_out' : 'token_expired');
        },
    };
}
