/** A wallet that is a key in the page: for a demo with throw-away keys, and for nothing else. */
import { keccak_256 } from '@noble/hashes/sha3';
import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils';
import { signAsync } from '@noble/secp256k1';
import type { EthereumProvider } from 'parley-sdk/wallets';

const MAINNET = '0x1';

const bytesOf = (hex: string): Uint8Array => hexToBytes(hex.replace(/^0x/, ''));

/** EIP-191, version 0x45. */
async function personalSign(message: Uint8Array, key: Uint8Array): Promise<string> {
    const prefix = utf8ToBytes(`\x19Ethereum Signed Message:\n${message.length}`);
    const signature = await signAsync(keccak_256(concatBytes(prefix, message)), key);
    const v = 27 + signature.recovery;
    return `0x${bytesToHex(signature.toCompactRawBytes())}${v.toString(16)}`;
}

/** @param key  32 bytes, in hex */
export function keyProvider(address: string, key: string): EthereumProvider {
    return {
        async request({ method, params }) {
            switch (method) {
                case 'eth_requestAccounts':
                case 'eth_accounts':
                    return [address];
                case 'eth_chainId':
                    return MAINNET;
                case 'personal_sign':
                    return personalSign(bytesOf((params as [string])[0]), bytesOf(key));
                default:
                    // EIP-1193: the provider does not support the method.
                    throw Object.assign(new Error(`${method} is not there`), { code: 4200 });
            }
        },
    };
}
