import { watchAnnounced } from './announced.js';
import type { Add } from './found.js';
import type { FoundWallet } from './index.js';
import { injectedWallets } from './injected.js';
import { watchStandard } from './standard.js';

/** So long wallets have to say who they are. One that is slower takes the place of its guess. */
const MOMENT_MS = 300;
/** More than anybody has: announcing is free to every script of the page. */
const WALLETS_MAX = 100;

/** Of a kind of which none has announced itself, the one that is just there. Ethereum's first. */
function listOf(announced: FoundWallet[], injected: FoundWallet[]): FoundWallet[] {
    const isNew = ({ kind }: FoundWallet) => !announced.some((wallet) => wallet.kind === kind);
    const all = [...announced, ...injected.filter(isNew)];
    return [
        ...all.filter(({ kind }) => kind === 'ethereum'),
        ...all.filter(({ kind }) => kind === 'solana'),
    ];
}

/**
 * The wallets in this page: EIP-6963, `window.ethereum` where none has announced itself, and those
 * of the Wallet Standard that can sign for Solana. The listener is called at once, and again as they
 * announce themselves.
 *
 * @return a function that ends it
 */
export function watchWallets(listener: (wallets: readonly FoundWallet[]) => void): () => void {
    const announced = new Map<string, FoundWallet>();
    let injected: FoundWallet[] = [];
    let isWatching = false;

    const tell = () => {
        if (isWatching) listener(listOf([...announced.values()], injected));
    };
    /** Of two by the same name the first one stays. */
    const add: Add = (wallet) => {
        const key = `${wallet.kind} ${wallet.id}`;
        if (announced.has(key) || announced.size >= WALLETS_MAX) return () => {};
        announced.set(key, wallet);
        tell();
        return () => {
            if (announced.delete(key)) tell();
        };
    };
    const look = () => {
        injected = injectedWallets();
        if (injected.length > 0) tell();
    };
    const ends = [watchAnnounced(add), watchStandard(add)];
    const timer = setTimeout(look, MOMENT_MS);
    window.addEventListener('ethereum#initialized', look); // of a wallet that comes late
    isWatching = true;
    tell();
    return () => {
        isWatching = false;
        clearTimeout(timer);
        window.removeEventListener('ethereum#initialized', look);
        ends.forEach((end) => end());
    };
}
