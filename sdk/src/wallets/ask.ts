import { untilCancelled } from '../abort.js';
import { ParleyError } from '../errors.js';

/** EIP-1193's, ethers' and WalletConnect's, of a user who has said no. */
const REJECTED = new Set<unknown>([4001, 'ACTION_REJECTED', 5000]);
/** Of EIP-1474: it has asked its user, and is not answered yet. */
const PENDING = -32002;

const SAYS_NO = /\b(reject|den(y|ied)|declin|cancel)/i;

/** Wallets wrap what other parts of them have said. */
function* layersOf(error: unknown): Generator<Record<string, unknown>> {
    for (let depth = 0; depth < 4 && typeof error === 'object' && error !== null; depth++) {
        const layer = error as Record<string, unknown>;
        yield layer;
        error = layer['originalError'] ?? layer['data'] ?? layer['cause'];
    }
}

function isRejection(error: unknown): boolean {
    for (const { code, message } of layersOf(error))
        if (REJECTED.has(code) || (typeof message === 'string' && SAYS_NO.test(message)))
            return true;
    return false;
}

/** `why` is not what the wallet has said: that may be anything, and of anybody. */
export const walletFailed = (why: string, cause?: unknown): ParleyError =>
    new ParleyError({ code: 'wallet_failed', message: why }, { cause });

/** @return what the user can do about it, where that is known */
function whyFailed(error: unknown): string {
    for (const { code } of layersOf(error))
        if (code === PENDING) return 'The wallet waits for you already. Open it, then try again.';
    return 'The wallet could not do this.';
}

function walletError(error: unknown): ParleyError {
    if (error instanceof ParleyError) return error;
    if (!isRejection(error)) return walletFailed(whyFailed(error), error);
    const wire = { code: 'wallet_rejected', message: 'This was declined in the wallet.' };
    return new ParleyError(wire, { cause: error });
}

/**
 * Asks a wallet, which waits for its user.
 *
 * @throws ParleyError `wallet_rejected`, `wallet_failed` or `cancelled`
 */
export async function askWallet<T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
): Promise<T> {
    try {
        return await untilCancelled(work, signal);
    } catch (error) {
        throw walletError(error);
    }
}
