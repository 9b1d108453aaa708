import { walletFailed } from './ask.js';
import { cleanIcon, cleanName, has, isObject, ofSolana, type Add } from './found.js';
import type { FoundWallet, SolanaWallet } from './index.js';

/** Of the Wallet Standard (github.com/wallet-standard), what of it is used here. */
interface Account {
    address: string;
    chains: readonly string[];
    features: readonly string[];
}

interface StandardWallet {
    name: unknown;
    icon: unknown;
    /** Empty until it is connected. */
    accounts: readonly Account[];
    features: {
        'standard:connect': { connect(): Promise<{ accounts: readonly Account[] }> };
        'solana:signMessage': {
            signMessage(input: {
                account: Account;
                message: Uint8Array;
            }): Promise<readonly { signature: Uint8Array }[]>;
        };
    };
}

const REGISTER = 'wallet-standard:register-wallet';
const READY = 'wallet-standard:app-ready';
const SIGN = 'solana:signMessage';

function isSolana(wallet: unknown): wallet is StandardWallet {
    const features = isObject(wallet) ? wallet['features'] : undefined;
    if (!isObject(features)) return false;
    return has(features['standard:connect'], 'connect') && has(features[SIGN], 'signMessage');
}

const canSign = ({ chains, features }: Account): boolean =>
    features.includes(SIGN) && chains.some((chain) => chain.startsWith('solana:'));

/** Signs with the account that it has connected with. */
function adapt(wallet: StandardWallet): SolanaWallet {
    let account: Account | undefined;
    return {
        async connect() {
            const { accounts } = await wallet.features['standard:connect'].connect();
            account = accounts.find(canSign);
            if (!account) throw walletFailed('The wallet has no account of Solana for this page.');
            return account.address;
        },
        async signMessage(message) {
            if (!account) throw walletFailed('The wallet is not connected.');
            const answers = await wallet.features[SIGN].signMessage({ account, message });
            if (!answers[0]) throw walletFailed('The wallet gave no signature.');
            return answers[0].signature;
        },
    };
}

function read(wallet: unknown): FoundWallet | undefined {
    if (!isSolana(wallet)) return undefined;
    const name = cleanName(wallet.name);
    const named = { id: name, name, icon: cleanIcon(wallet.icon) };
    return name === '' ? undefined : ofSolana(named, adapt(wallet));
}

/** A wallet may be there before the page asks, or come later: each tells the other. */
export function watchStandard(add: Add): () => void {
    const register = (...wallets: unknown[]): (() => void) => {
        const undo = wallets.map(read).map((found) => found && add(found));
        return () => undo.forEach((takeBack) => takeBack?.());
    };
    const api = Object.freeze({ register });
    const onRegister = (event: Event) => {
        const { detail } = event as CustomEvent<unknown>;
        if (typeof detail === 'function') (detail as (to: typeof api) => void)(api);
    };
    window.addEventListener(REGISTER, onRegister);
    window.dispatchEvent(Object.assign(new Event(READY), { detail: api }));
    return () => window.removeEventListener(REGISTER, onRegister);
}
