import { keccak_256 } from '@noble/hashes/sha3';
import { bytesToHex } from '@noble/hashes/utils';

/** @param address  0x and 40 hex digits. @return the same in the case that is its checksum */
export function checksummed(address: string): string {
    const hex = address.slice(2).toLowerCase();
    const hash = bytesToHex(keccak_256(hex));
    const cased = [...hex].map((digit, i) =>
        parseInt(hash.charAt(i), 16) >= 8 ? digit.toUpperCase() : digit,
    );
    return `0x${cased.join('')}`;
}
