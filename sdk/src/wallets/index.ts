/**
 * Signing in with a wallet, and finding the wallets there are. On a path of its own, for it is
 * loaded when somebody signs in, and not before.
 */
import type { Session } from '../session.js';

/** EIP-1193. */
export interface EthereumProvider {
    request(args: { method: string; params?: readonly unknown[] | object }): Promise<unknown>;
}

/** A wallet of Solana: the Wallet Standard's, or one injected as Phantom's is. */
export interface SolanaWallet {
    /** @return its address, in base58 */
    connect(): Promise<string>;
    /** @return the 64 bytes of the signature of this text */
    signMessage(message: Uint8Array): Promise<Uint8Array>;
}

/** One that was found in this page. */
export interface FoundWallet {
    readonly kind: 'ethereum' | 'solana';
    /** Stable for a wallet, of this page: its rdns, or its name. */
    readonly id: string;
    readonly name: string;
    /** A data: URL of a picture, as the wallet gives it; undefined where that is something else. */
    readonly icon: string | undefined;
    signIn(server: string, options?: SignInOptions): Promise<Session>;
}

export interface SignInOptions {
    /** What the user reads in the wallet: one line of ASCII. */
    statement?: string;
    /** Whether to be signed in after the page was closed (default), or with this page only. */
    remember?: boolean;
    signal?: AbortSignal;
}

export { watchWallets } from './discover.js';
export { signInWithEthereum } from './ethereum.js';
export { signInWithSolana } from './solana.js';
