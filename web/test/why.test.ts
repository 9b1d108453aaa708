import { ParleyError } from 'parley-sdk';
import { describe, expect, it } from 'vitest';
import { signInEnglish } from '../src/sign-in-strings';
import { english } from '../src/strings';
import { whyOf } from '../src/why';

const of = (code: string) => new ParleyError({ code, message: 'As the server says it.' });

describe('why something was not done is said', () => {
    it.each([
        ['mailbox_full', english.why_mailbox_full],
        ['wallet_rejected', signInEnglish.why_wallet_rejected],
        ['storage_unavailable', english.why_internal],
        ['token_expired', english.why_signed_out],
    ])('of %s in words of ours', (code, why) => {
        expect(whyOf(of(code), { ...english, ...signInEnglish })).toBe(why);
    });

    it.each(['too_many_sockets', 'a_new_one', '', 'constructor', '__proto__'])(
        'of "%s" in those that it came with',
        (code) => {
            expect(whyOf(of(code), english)).toBe('As the server says it.');
        },
    );

    it('in the words that the page has set', () => {
        const strings = { ...english, why_offline: 'Kein Netz.' };
        expect(whyOf(of('offline'), strings)).toBe('Kein Netz.');
    });

    it.each([
        [new TypeError('x is not a function'), 'x is not a function'],
        ['thrown by a wallet', 'thrown by a wallet'],
        [Object.assign(new Error('by another copy'), { code: 'conflict' }), english.why_conflict],
        [Object.assign(new Error('of a wallet'), { code: 4001 }), 'of a wallet'],
    ])('whatever was thrown: %s', (error, why) => {
        expect(whyOf(error, english)).toBe(why);
    });
});
