import type { FoundWallet } from './index.js';

/**
 * The wallets in this page: EIP-6963, `window.ethereum` where none has announced itself, and those
 * of the Wallet Standard that can sign for Solana. The listener is called at once, and again as they
 * announce themselves.
 *
 * @return a function that ends it
 */
export function watchWallets(_listener: (wallets: readonly FoundWallet[]) => void): () => void {
    throw new Error('not built yet');
}
