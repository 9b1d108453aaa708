import { describe, expect, it, vi } from 'vitest';
import { ParleyError } from '../src/errors.js';
import { tokenAuth } from '../src/token.js';

/** Answers to come, one after another. */
const giving = (...tokens: unknown[]) => vi.fn(async () => tokens.shift() as string);

describe('tokenAuth', () => {
    it('asks each time that a token is needed', async () => {
        const auth = tokenAuth(giving('a', 'b'));
        expect(await auth.token()).toBe('a');
        expect(await auth.token()).toBe('b');
    });

    it('takes a function that has the token at hand', async () => {
        expect(await tokenAuth(() => 'a').token()).toBe('a');
    });

    it('asks once for all who need one at the same time', async () => {
        const get = giving('a', 'b');
        const auth = tokenAuth(get);
        expect(await Promise.all([auth.token(), auth.token()])).toEqual(['a', 'a']);
        expect(get).toHaveBeenCalledTimes(1);
        expect(await auth.token()).toBe('b');
    });

    it('asks again where the answer that was under way is the refused one', async () => {
        const auth = tokenAuth(giving('a', 'b'));
        expect(await Promise.all([auth.token(), auth.token('a')])).toEqual(['a', 'b']);
    });

    it('is refused where the application has the refused one only, and asked for again', async () => {
        const auth = tokenAuth(giving('a', 'a', 'b'));
        await auth.token();
        await expect(auth.token('a')).rejects.toMatchObject({ code: 'token_expired' });
        expect(await auth.token('a')).toBe('b');
    });

    it('passes on what the application throws, and asks again', async () => {
        const error = new ParleyError({ code: 'signed_out', message: 'Log in to the shop.' });
        const get = giving('a').mockRejectedValueOnce(error);
        const auth = tokenAuth(get);
        await expect(auth.token()).rejects.toBe(error);
        expect(await auth.token()).toBe('a');
    });

    it('passes on what a function throws at once', async () => {
        const auth = tokenAuth(() => {
            throw new Error('no backend');
        });
        await expect(auth.token()).rejects.toThrow('no backend');
    });

    it.each([[undefined], [null], [''], [{ token: 'a' }]])(
        'takes %j for no token',
        async (what) => {
            await expect(tokenAuth(giving(what)).token()).rejects.toMatchObject({
                code: 'token_missing',
            });
        },
    );

    it('of a text is that token, until it is refused', async () => {
        const auth = tokenAuth('a');
        expect(await auth.token()).toBe('a');
        await expect(auth.token('a')).rejects.toMatchObject({ code: 'signed_out' });
    });
});
