import { describe, expect, it } from 'vitest';
import { copyText, parseAccount } from '../src/parse-account';
import { ME } from './fake';

const BARE = '7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv';
const SOLANA = `solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:${BARE}`;

describe('an address that somebody types', () => {
    it.each([
        ['an address', ME, ME],
        ['with spaces and a line break around it', ` ${ME}\n`, ME],
        ['on another chain', `eip155:10:${ME}`, `eip155:10:${ME}`],
        ['of Solana, with its chain', SOLANA, SOLANA],
        ['of Solana, as wallets show it', BARE, SOLANA],
    ])('is taken: %s', (_, text, account) => {
        expect(parseAccount(text)).toBe(account);
    });

    it.each([
        ['nothing', ''],
        ['a digit too few', ME.slice(0, -1)],
        ['a digit too many', `${ME}0`],
        ['a letter that is none of base58', BARE.replace('7', '0')],
        ['a name', 'alice.eth'],
        ['a shortened one', '0x5aAe…eAed'],
    ])('is not taken: %s', (_, text) => {
        expect(parseAccount(text)).toBeUndefined();
    });

    it('is copied as it can be typed again', () => {
        for (const account of [ME, SOLANA, `eip155:10:${ME}`])
            expect(parseAccount(copyText(account))).toBe(account);
    });
});
