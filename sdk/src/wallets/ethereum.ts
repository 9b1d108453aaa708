import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';
import { ParleyError } from '../errors.js';
import type { Session, SessionOptions } from '../session.js';
import { askWallet, walletFailed } from './ask.js';
import { checksummed } from './eip55.js';
import type { EthereumProvider, SignInOptions } from './index.js';
import { getChallenge, logIn, type Challenge } from './login.js';
import { ethereumText, statementOf } from './text.js';

/** So long a wallet may take to say what its node knows; it is not worth more. */
const HINT_MS = 3_000;

const ADDRESS = /^0x[0-9a-fA-F]{40}$/;
const SIGNATURE = /^0x([0-9a-fA-F]{2})*$/;

/** In the case of EIP-55, whatever the wallet writes. */
async function askAccount(provider: EthereumProvider, signal: AbortSignal | undefined) {
    const ask = () => provider.request({ method: 'eth_requestAccounts' });
    const accounts = await askWallet(ask, signal);
    const address: unknown = Array.isArray(accounts) ? accounts[0] : undefined;
    if (typeof address !== 'string' || !ADDRESS.test(address))
        throw walletFailed('The wallet has no account for this page.');
    return checksummed(address);
}

/** Hex digits that sign-in can do without: undefined where the wallet does not know, or is slow. */
function hint(provider: EthereumProvider, method: string, params: string[]) {
    const ask = async () => {
        const answer = await provider.request({ method, params });
        return typeof answer === 'string' && /^0x[0-9a-fA-F]+$/.test(answer) ? answer : undefined;
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), HINT_MS);
    });
    return Promise.race([ask().catch(() => undefined), late]).finally(() => clearTimeout(timer));
}

/** The wallet's own, if it may sign in here: wallets warn of another, and contracts are on one. */
function chainOf({ chain_ids }: Challenge, told: string | undefined): number {
    const own = told === undefined ? undefined : Number(told);
    const chainId = chain_ids.find((id) => id === own) ?? chain_ids[0];
    if (chainId !== undefined) return chainId;
    throw new ParleyError({ code: 'login_chain', message: 'No wallet of Ethereum signs in here.' });
}

async function askSignature(
    provider: EthereumProvider,
    { message, address }: { message: string; address: string },
    signal: AbortSignal | undefined,
): Promise<string> {
    const params = [`0x${bytesToHex(utf8ToBytes(message))}`, address];
    const ask = () => provider.request({ method: 'personal_sign', params });
    const signature = await askWallet(ask, signal);
    if (typeof signature === 'string' && SIGNATURE.test(signature)) return signature;
    throw walletFailed('The wallet gave no signature.');
}

/**
 * Asks the wallet for an account and its signature (EIP-4361), and the server for a session.
 *
 * @throws ParleyError `wallet_rejected`, `wallet_failed`, `cancelled`, or as the server has said
 */
export async function signInWithEthereum(
    server: string,
    provider: EthereumProvider,
    options: SignInOptions & SessionOptions = {},
): Promise<Session> {
    const { signal } = options;
    const statement = statementOf(options.statement);
    const address = await askAccount(provider, signal);
    const [chain, code] = await Promise.all([
        hint(provider, 'eth_chainId', []),
        hint(provider, 'eth_getCode', [address, 'latest']),
    ]);
    const challenge = await getChallenge(server, { isContract: code !== undefined, signal });
    const message = ethereumText({
        domain: challenge.domain,
        uri: location.origin,
        address,
        statement,
        chainId: chainOf(challenge, chain),
        nonce: challenge.nonce,
        issuedAt: challenge.issued_at,
    });
    const signature = await askSignature(provider, { message, address }, signal);
    return logIn(server, { message, signature }, options);
}
