const DIGITS = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Bitcoin's alphabet, as Solana has it; each zero byte in front is a `1`. For a few bytes. */
export function base58(bytes: Uint8Array): string {
    const firstSet = bytes.findIndex((byte) => byte !== 0);
    const zeroes = firstSet < 0 ? bytes.length : firstSet;
    let n = bytes.reduce((sum, byte) => sum * 256n + BigInt(byte), 0n);
    let text = '';
    for (; n > 0n; n /= 58n) text = DIGITS.charAt(Number(n % 58n)) + text;
    return DIGITS.charAt(0).repeat(zeroes) + text;
}
