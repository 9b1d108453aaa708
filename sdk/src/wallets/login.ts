import { pause } from '../abort.js';
import { ParleyError, isPassing } from '../errors.js';
import { call } from '../http.js';
import type { SessionTokens } from '../protocol.js';
import { Session, type SessionOptions } from '../session.js';

/** What the server wants in the text: all times are its own, as this device's clock may be wrong. */
export interface Challenge {
    nonce: string;
    issued_at: string;
    domain: string;
    /** Of Ethereum's; the home chain first. */
    chain_ids: number[];
}

export interface Proof {
    message: string;
    signature: string;
}

/** The user has signed already: what passes soon is not worth another signature. */
const PAUSES_MS = [1_000, 3_000];
const PAUSE_MS_MAX = 10_000;

/**
 * The text names the site that shows it: wallets warn of any other, and rightly so. A server that
 * answers with another one does not let wallets sign in on this page.
 */
function checkDomain({ domain }: Challenge): void {
    const { host } = location;
    if (domain === host) return;
    throw new ParleyError({
        code: 'login_domain',
        message:
            `Wallets can’t sign in on ${host || 'this page'}. ` +
            'The operator of the server can allow it: with --domains, or --origins.',
    });
}

/** @param isContract  several owners may have to sign: the nonce is good for longer */
export async function getChallenge(
    server: string,
    { isContract = false, signal }: { isContract?: boolean; signal: AbortSignal | undefined },
): Promise<Challenge> {
    const path = `/v1/auth/nonce${isContract ? '?contract=1' : ''}`;
    const challenge = await call<Challenge>(server, path, { signal });
    checkDomain(challenge);
    return challenge;
}

/** How long to wait before the next try; undefined: there is none. */
function pauseAfter(error: unknown, n: number): number | undefined {
    const ms = PAUSES_MS[n];
    if (ms === undefined || !(error instanceof ParleyError) || !isPassing(error)) return undefined;
    const wanted = error.retryAfterMs ?? ms;
    return wanted <= PAUSE_MS_MAX ? wanted : undefined;
}

/** @param options  of the session, and the signal of who waits for it */
export async function logIn(
    server: string,
    proof: Proof,
    options: SessionOptions & { signal?: AbortSignal },
): Promise<Session> {
    const { signal } = options;
    for (let n = 0; ; n++) {
        try {
            const tokens = await call<SessionTokens>(server, '/v1/auth/login', {
                body: proof,
                signal,
            });
            return Session.from(server, tokens, options);
        } catch (error) {
            const ms = pauseAfter(error, n);
            if (ms === undefined) throw error;
            await pause(ms, signal);
        }
    }
}
