import { utf8ToBytes } from '@noble/hashes/utils';
import type { Session, SessionOptions } from '../session.js';
import { askWallet, walletFailed } from './ask.js';
import { base58 } from './base58.js';
import type { SignInOptions, SolanaWallet } from './index.js';
import { getChallenge, logIn } from './login.js';
import { solanaText, statementOf } from './text.js';

const ADDRESS = /^[1-9A-HJ-NP-Za-km-z]{32,44}$/;
const SIGNATURE_BYTES = 64;

async function askAccount(wallet: SolanaWallet, signal: AbortSignal | undefined): Promise<string> {
    const address: unknown = await askWallet(async () => wallet.connect(), signal);
    if (typeof address === 'string' && ADDRESS.test(address)) return address;
    throw walletFailed('The wallet has no account for this page.');
}

/** A wallet's bytes may be of another realm, whose Uint8Array is not ours. */
async function askSignature(
    wallet: SolanaWallet,
    message: string,
    signal: AbortSignal | undefined,
): Promise<string> {
    const ask = async () => wallet.signMessage(utf8ToBytes(message));
    const signature = await askWallet(ask, signal);
    if (signature?.length !== SIGNATURE_BYTES) throw walletFailed('The wallet gave no signature.');
    return base58(Uint8Array.from(signature));
}

/** The same with a wallet of Solana: the text is what Phantom calls Sign-In With Solana. */
export async function signInWithSolana(
    server: string,
    wallet: SolanaWallet,
    options: SignInOptions & SessionOptions = {},
): Promise<Session> {
    const { signal } = options;
    const statement = statementOf(options.statement);
    const address = await askAccount(wallet, signal);
    const challenge = await getChallenge(server, { signal });
    const message = solanaText({
        domain: challenge.domain,
        uri: location.origin,
        address,
        statement,
        nonce: challenge.nonce,
        issuedAt: challenge.issued_at,
    });
    const signature = await askSignature(wallet, message, signal);
    return logIn(server, { message, signature }, options);
}
