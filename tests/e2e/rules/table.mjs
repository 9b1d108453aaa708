/** What the rules share: how a row is made, where to ask, what an error looks like. */
import { match, now, same } from '../lib.mjs';
import { EIO, SESSIONS } from '../wire.mjs';

/**
 * Rows that test rules, by chapter: 1 HTTP entry, 2 handshake, 3 packets, 4 polling,
 * 5 heartbeat, 6 upgrade, 7 WebSocket, 8 closing, 9 Socket.IO, 12 timers, 18 selftest.
 */
export class Table {
    rows = [];

    /**
     * @param more  of a row: server, by name, and own, for rows that start theirs; alone, for
     *              those that count milliseconds; limit, in ms; dev, what the reference does
     *              where Parley does otherwise on purpose
     */
    rule(chapter, name, run, more = {}) {
        this.rows.push({ name: `rule ${chapter}: ${name}`, run, ...more });
    }
}

export const ENGINE = '/engine.io/';
export const SOCKET = '/socket.io/';
export const POLLING = `${ENGINE}?${EIO}polling`;
export const WEBSOCKET = `${ENGINE}?${EIO}websocket`;
export const NO_SESSION = `${POLLING}&sid=AAAAAAAAAAAAAAAAAAAA`;

export const ERRORS = [
    'Transport unknown', 'Session ID unknown', 'Bad handshake method', 'Bad request',
    'Forbidden', 'Unsupported protocol version',
];
const errorBody = (code) => JSON.stringify({ code, message: ERRORS[code] });

export function isError(response, code) {
    const { status, body, headers } = response;
    same([status, body], [400, errorBody(code)], 'answer');
    match(headers['content-type'], /^application\/json/, 'Content-Type');
}

/** A header that is undefined must not be there. */
export function hasHeaders(response, wanted) {
    for (const [name, want] of Object.entries(wanted))
        same(response.headers[name.toLowerCase()], want, name);
}

export async function alive(session) {
    await session.say('4alive');
    same(await session.hear(), '4alive', 'echo');
}

export const numbers = (n) => Array.from({ length: n }, (_, i) => i);

/** ms that a loaded machine may take */
export const LATE = 60;

/** A deadline counts from some moment between `asked` and `opened`. */
export async function openTimed(t, transport, path = ENGINE) {
    const asked = now();
    const session = await SESSIONS[transport](t, t.url, path);
    return Object.assign(session, { asked, opened: now() });
}
