import { afterEach, describe, expect, it, vi } from 'vitest';
import { english } from '../src/strings';
import { fetchToken } from '../src/token-url';

const answer = (status: number, body: string) => vi.fn(async () => new Response(body, { status }));

afterEach(() => vi.unstubAllGlobals());

describe('a token from the page’s backend', () => {
    it('is asked for by POST, with the page’s cookies', async () => {
        const fetch = answer(200, '{"token":"abc"}');
        vi.stubGlobal('fetch', fetch);
        expect(await fetchToken('/chat-token', english)).toBe('abc');
        expect(fetch).toHaveBeenCalledWith('/chat-token', {
            method: 'POST',
            credentials: 'include',
        });
    });

    it.each([401, 403])('is for nobody where the answer is %i', async (status) => {
        vi.stubGlobal('fetch', answer(status, 'no'));
        const failed = fetchToken('/chat-token', english);
        await expect(failed).rejects.toMatchObject({
            code: 'signed_out',
            message: english.tokenRefused,
        });
    });

    it.each([
        [404, '', /\(404\)/],
        [500, '{"token":"abc"}', /\(500\)/],
        [200, 'not JSON', /no token in the answer/],
        [200, 'null', /no token in the answer/],
        [200, '{}', /no token in the answer/],
        [200, '{"token":""}', /no token in the answer/],
        [200, '{"token":7}', /no token in the answer/],
    ])('may come later, where the answer is %i %s', async (status, body, message) => {
        vi.stubGlobal('fetch', answer(status, body));
        const failed = fetchToken('/chat-token', english);
        await expect(failed).rejects.toMatchObject({
            code: 'offline',
            message: expect.stringMatching(message),
        });
    });

    it('may come later, where there is no answer', async () => {
        vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
        await expect(fetchToken('/chat-token', english)).rejects.toMatchObject({
            code: 'offline',
            message: expect.stringMatching(/no answer/),
        });
    });
});
