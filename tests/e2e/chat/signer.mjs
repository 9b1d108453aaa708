/** Wallets that sign: what they are asked to sign in a sign-in, and what they answer. */
import { generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import { privateKeyToAccount } from 'viem/accounts';
import { createSiweMessage } from 'viem/siwe';
import { hasBothCases } from './wallet.mjs';

const BASE58 = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';
const SOLANA = 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp';
const ED25519_SIZE = 32;

export function base58(bytes) {
    let n = BigInt(`0x0${Buffer.from(bytes).toString('hex')}`);
    let text = '';
    for (; n > 0n; n /= 58n) text = BASE58[Number(n % 58n)] + text;
    const zeroes = bytes.findIndex((byte) => byte !== 0);
    return BASE58[0].repeat(zeroes < 0 ? bytes.length : zeroes) + text;
}

/** An account of nobody's with a key; its address is of wallet()'s kind. */
export function evmWallet() {
    for (;;) {
        const account = privateKeyToAccount(`0x${randomBytes(32).toString('hex')}`);
        const { address } = account;
        if (hasBothCases(address))
            return {
                address, account: address, write: siwe,
                sign: (message) => account.signMessage({ message }),
            };
    }
}

export function solanaWallet() {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519');
    const der = publicKey.export({ type: 'spki', format: 'der' });
    const address = base58(der.subarray(-ED25519_SIZE));
    return {
        address, account: `${SOLANA}:${address}`, write: siws,
        sign: async (message) => base58(sign(null, Buffer.from(message), privateKey)),
    };
}

const ORDINARY = {
    version: '1',
    statement: 'Sign in to the chat. This costs nothing.',
};

const fieldsOf = ({ nonce, domain, chain_ids: [chainId] }) => ({
    ...ORDINARY, domain, uri: `https://${domain}/sign-in`, chainId, nonce, issuedAt: new Date(),
});

/**
 * EIP-4361, as viem writes it.
 * @param challenge  the answer with the nonce
 * @param fields     of createSiweMessage(), instead of, and beside, what is right
 */
export const siwe = ({ address }, challenge, fields) =>
    createSiweMessage({ ...fieldsOf(challenge), address, ...fields });

/** Sign-In With Solana, as wallets write it; a field of undefined is left out. */
export function siws({ address }, challenge, fields) {
    const { statement, ...all } = { ...fieldsOf(challenge), chainId: 'mainnet', ...fields };
    const lines = [
        ['URI', all.uri], ['Version', all.version], ['Chain ID', all.chainId],
        ['Nonce', all.nonce], ['Issued At', all.issuedAt?.toISOString()],
        ['Expiration Time', all.expirationTime?.toISOString()],
        ['Not Before', all.notBefore?.toISOString()], ['Request ID', all.requestId],
    ].filter(([, value]) => value !== undefined).map(([name, value]) => `${name}: ${value}`);
    const parts = [
        `${all.domain} wants you to sign in with your Solana account:\n${address}`,
        ...(statement ? [statement] : []),
        [...lines, ...(all.resources ? ['Resources:'] : []),
            ...(all.resources ?? []).map((uri) => `- ${uri}`)].join('\n'),
    ];
    return parts.join('\n\n');
}
