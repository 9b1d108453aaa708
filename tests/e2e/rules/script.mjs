/**
 * Conversations as lists of lines: ">…" says a packet, "<…" hears one, "closes" at the end
 * means that the session does.
 */
import { isDeepStrictEqual } from 'node:util';
import { Failure, match, same } from '../lib.mjs';
import { Poll, SESSIONS } from '../wire.mjs';

/** "SID" stands for an id; JSON is compared as a value, what is before it as text. */
export function isPacket(got, want) {
    if (want.includes('"SID"')) {
        const id = /"sid":"[A-Za-z0-9_-]{20}"/;
        match(got, id, 'packet');
        return isPacket(got.replace(id, '"sid":"sid"'), want.replace('"SID"', '"sid"'));
    }
    const split = (text) => {
        const at = /^4[0-9]/.test(text) ? text.search(/[[{]/) : -1;
        return at < 0 ? [text] : [text.slice(0, at), JSON.parse(text.slice(at))];
    };
    if (got !== want && !isDeepStrictEqual(split(got), split(want)))
        throw new Failure(`packet: got ${got.slice(0, 300)}, want ${want.slice(0, 300)}`);
}

/** A session that closes may refuse the packet that made it, or find it gone already. */
async function sayLast(session, packet) {
    if (!(session instanceof Poll)) return session.say(packet);
    const { status, body } = await session.post(packet);
    if (status === 400) return undefined;
    return same([status, body], [200, 'ok'], 'answer to the POST');
}

export async function play(session, script) {
    const closes = script.at(-1) === 'closes';
    for (const line of script) {
        const packet = line.slice(1);
        if (line === 'closes') await session.gone();
        else if (line[0] === '<') isPacket(await session.hear(), packet);
        else if (closes) await sayLast(session, packet);
        else await session.say(packet);
    }
}

export const refusalOf = (namespace) => `<44${namespace},{"message":"Invalid namespace"}`;
export const JOIN = ['>40', '<40{"sid":"SID"}', '<42["auth",{}]'];
export const JOIN_CUSTOM = [
    '>40/custom,', '<40/custom,{"sid":"SID"}', '<42/custom,["auth",{}]',
];
export const ALIVE = ['>42["message","alive"]', '<42["message-back","alive"]'];
export const ALIVE_CUSTOM = [
    '>42/custom,["message","alive"]', '<42/custom,["message-back","alive"]',
];

/**
 * Rows of table: the same over each transport. `before` and `after` stand around the lines,
 * `after` unless they end closed. `other` is played first, in a session of its own. `own`
 * starts a server for the row.
 */
export function script(table, chapter, name, lines, options) {
    const { path, before, after, over, other, ...more } = options;
    for (const [transport, open] of Object.entries(SESSIONS)) {
        if (over && !over.includes(transport)) continue;
        table.rule(chapter, `${name} (${transport})`, async (t) => {
            const server = more.own && (await t.start([]));
            const url = server ? server.url : t.url;
            if (other) await play(await open(t, url, path), [...before, ...other]);
            const session = await open(t, url, path);
            await play(session, [...before, ...lines]);
            if (lines.at(-1) !== 'closes') await play(session, after);
            if (server) await server.stop();
        }, more);
    }
}
