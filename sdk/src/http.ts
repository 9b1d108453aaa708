import { cancelled, throwIfCancelled } from './abort.js';
import { ParleyError } from './errors.js';
import type { WireError } from './protocol.js';

/** Twice that is less than the minute in which the answer to a refresh can be had again. */
const TIMEOUT_MS = 15_000;

export interface CallOptions {
    /** Makes it a POST. */
    body?: object;
    signal?: AbortSignal | undefined;
    /** Goes on when the page is closed. */
    keepalive?: boolean;
}

const offline = (cause: unknown): ParleyError =>
    new ParleyError({ code: 'offline', message: 'The chat server can’t be reached.' }, { cause });

export const isObject = (value: unknown): value is Record<string, unknown> =>
    typeof value === 'object' && value !== null;

export const isWireError = (value: unknown): value is WireError =>
    isObject(value) && typeof value['code'] === 'string' && typeof value['message'] === 'string';

/** What is no answer of ours is a proxy's, while the server is away. */
async function read<T>(response: Response): Promise<T> {
    const answer: unknown = await response.json();
    if (isObject(answer) && answer['status'] === 'ok') return answer as T;
    if (isObject(answer) && isWireError(answer['error'])) throw new ParleyError(answer['error']);
    throw new TypeError(`no answer of Parley's, with the status ${response.status}`);
}

function requestOf({ body, keepalive }: CallOptions, signal: AbortSignal): RequestInit {
    const common: RequestInit = { credentials: 'omit', cache: 'no-store', signal };
    if (!body) return common;
    return {
        ...common,
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
        keepalive: keepalive ?? false,
    };
}

/**
 * Asks the server over HTTP.
 *
 * @throws ParleyError as the server has said; `offline`: there is no answer, and what was asked may
 *         have been done or not; or `cancelled`, likewise
 */
export async function call<T>(server: string, path: string, options: CallOptions = {}): Promise<T> {
    const url = new URL(path, server);
    const { signal } = options;
    throwIfCancelled(signal);
    const end = new AbortController();
    const onAbort = () => end.abort();
    const timer = setTimeout(onAbort, TIMEOUT_MS);
    signal?.addEventListener('abort', onAbort);
    try {
        return await read<T>(await fetch(url, requestOf(options, end.signal)));
    } catch (error) {
        if (error instanceof ParleyError) throw error;
        throw signal?.aborted ? cancelled() : offline(error);
    } finally {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
    }
}
