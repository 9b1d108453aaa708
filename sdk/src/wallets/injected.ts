import { walletFailed } from './ask.js';
import { has, isObject, isProvider, ofEthereum, ofSolana } from './found.js';
import type { FoundWallet, SolanaWallet } from './index.js';

/** As Phantom was before the Wallet Standard, and as others are to be like it. */
type Injected = Record<'connect' | 'signMessage', (...args: unknown[]) => unknown> & {
    publicKey?: unknown;
    isPhantom?: unknown;
};

const isInjected = (value: unknown): value is Injected =>
    has(value, 'connect') && has(value, 'signMessage');

/** Some answer with the key and the signature in an object, some have the one and give the other. */
function adapt(wallet: Injected): SolanaWallet {
    return {
        async connect() {
            const answer = await wallet.connect();
            const key = (isObject(answer) ? answer['publicKey'] : undefined) ?? wallet.publicKey;
            if (!isObject(key)) throw walletFailed('The wallet has no account for this page.');
            return String(key);
        },
        async signMessage(message) {
            const answer = await wallet.signMessage(message, 'utf8');
            const { signature = answer } = isObject(answer) ? answer : {};
            return signature as Uint8Array;
        },
    };
}

const solanaOf = (wallet: Injected): FoundWallet =>
    ofSolana(
        {
            id: 'injected',
            name: wallet.isPhantom === true ? 'Phantom' : 'Solana wallet',
            icon: undefined,
        },
        adapt(wallet),
    );

/** What has put itself into the page without a word about what it is. */
export function injectedWallets(): FoundWallet[] {
    const page = window as unknown as Record<string, unknown>;
    const { ethereum, phantom, solana } = page;
    const ofPhantom = isObject(phantom) ? phantom['solana'] : undefined;
    const named = { id: 'injected', name: 'Browser wallet', icon: undefined };
    return [
        ...(isProvider(ethereum) ? [ofEthereum(named, ethereum)] : []),
        ...[ofPhantom, solana].filter(isInjected).slice(0, 1).map(solanaOf),
    ];
}
