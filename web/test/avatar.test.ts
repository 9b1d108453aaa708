import { describe, expect, it } from 'vitest';
import { faceOf } from '../src/avatar';
import { BOB, ME } from './fake';

const SOLANA =
    'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv';

describe('an avatar', () => {
    it.each([
        ['lower case', ME.toLowerCase()],
        ['upper case', `0x${ME.slice(2).toUpperCase()}`],
        ['the home chain by name', `eip155:0:${ME}`],
    ])('is the same for an address in %s', (_, form) => {
        expect(faceOf(form)).toEqual(faceOf(ME));
    });

    it.each([
        ['another wallet', BOB],
        ['the same address on another chain', `eip155:5:${ME}`],
        ['a wallet of Solana', SOLANA],
    ])('is another one for %s', (_, other) => {
        expect(faceOf(other)).not.toEqual(faceOf(ME));
    });

    it('tells the case of Solana’s addresses apart, where it means something', () => {
        expect(faceOf(SOLANA.replace(/a/g, 'A'))).not.toEqual(faceOf(SOLANA));
    });

    it('mirrors its left half', () => {
        const { cells } = faceOf(ME);
        expect(cells).toHaveLength(25);
        for (let row = 0; row < 5; row++) {
            const line = cells.slice(row * 5, row * 5 + 5);
            expect([...line].reverse()).toEqual(line);
        }
    });

    it('differs between a thousand neighbours', () => {
        const faces = Array.from({ length: 1000 }, (_, n) =>
            JSON.stringify(faceOf(`0x${n.toString(16).padStart(40, '0')}`)),
        );
        expect(new Set(faces).size).toBeGreaterThan(990);
    });
});
