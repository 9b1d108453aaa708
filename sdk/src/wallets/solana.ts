import type { Session, SessionOptions } from '../session.js';
import type { SignInOptions, SolanaWallet } from './index.js';

/** The same with a wallet of Solana: the text is what Phantom calls Sign-In With Solana. */
export function signInWithSolana(
    _server: string,
    _wallet: SolanaWallet,
    _options?: SignInOptions & SessionOptions,
): Promise<Session> {
    throw new Error('not built yet');
}
