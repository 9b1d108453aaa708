import type { Session, SessionOptions } from '../session.js';
import type { EthereumProvider, SignInOptions } from './index.js';

/**
 * Asks the wallet for an account and its signature (EIP-4361), and the server for a session.
 *
 * @throws ParleyError `wallet_rejected`, `wallet_failed`, or as the server has said
 */
export function signInWithEthereum(
    _server: string,
    _provider: EthereumProvider,
    _options?: SignInOptions & SessionOptions,
): Promise<Session> {
    throw new Error('not built yet');
}
