import type { WireError } from './protocol.js';

/** A timer of more is over at once. Quotas fill up again in 30 days, which are more. */
const WAIT_MAX_MS = 2 ** 31 - 1;

const waitOf = (ms: unknown): number | undefined =>
    typeof ms === 'number' && ms >= 0 ? Math.min(ms, WAIT_MAX_MS) : undefined;

/**
 * Why something was not done. `code` is the server's (docs/protocol.md, *Error codes*), or one of
 * the client's own: `offline` (no connection, or lost before the answer), `cancelled` (by the user),
 * `wallet_rejected` (the user said no in the wallet), `wallet_failed` (it could not sign),
 * `upload_failed` (the file did not get through), `signed_out` (there is no session any more).
 */
export class ParleyError extends Error {
    readonly code: string;
    readonly field: string | undefined;
    readonly retryAfterMs: number | undefined;

    /** @param options  `cause`: what broke, for a developer */
    constructor(error: WireError, options?: ErrorOptions) {
        super(error.message, options);
        this.name = 'ParleyError';
        this.code = error.code;
        this.field = error.field;
        this.retryAfterMs = waitOf(error.retry_after_ms);
    }
}

const PASSING = new Set([
    'offline',
    'rate_limited',
    'storage_unavailable',
    'busy',
    'login_unavailable',
    'slow_consumer',
    'internal',
]);

/** Whether the same request may be taken later as it is. */
export const isPassing = (error: unknown): boolean =>
    error instanceof ParleyError &&
    (PASSING.has(error.code) ||
        (error.code === 'quota_exceeded' && error.retryAfterMs !== undefined));
