/** Wallets of nobody, each made for one row. */
import { randomBytes } from 'node:crypto';
import { keccak_256 } from '@noble/hashes/sha3';

/** EIP-55 */
export function checksummed(hex40) {
    const hex = hex40.toLowerCase();
    const hash = Buffer.from(keccak_256(hex)).toString('hex');
    const cased = [...hex].map((c, i) => (parseInt(hash[i], 16) > 7 ? c.toUpperCase() : c));
    return `0x${cased.join('')}`;
}

/**
 * Two capital and two small letters: with one of them changed there are still both kinds, and
 * only then is there a checksum that can be wrong.
 */
export const hasBothCases = (address) =>
    /[A-F].*[A-F]/.test(address) && /[a-f].*[a-f]/.test(address);

export function wallet() {
    for (;;) {
        const text = checksummed(randomBytes(20).toString('hex'));
        if (hasBothCases(text)) return text;
    }
}

/** The same with one letter in the other case. */
export function badChecksum(address) {
    const at = address.slice(2).search(/[a-fA-F]/) + 2;
    const c = address[at];
    const other = c === c.toUpperCase() ? c.toLowerCase() : c.toUpperCase();
    return address.slice(0, at) + other + address.slice(at + 1);
}

/** Nobody's. */
export const ZERO = `0x${'0'.repeat(40)}`;
