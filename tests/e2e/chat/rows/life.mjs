/** The program: how it starts, ends, and what is there afterwards. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { Failure, between, match, now, oneOf, same, spare } from '../../lib.mjs';
import { ask } from '../../wire.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { get } from '../serve.mjs';
import { heardOf } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];

/** Sends until the server is gone. @return what was acknowledged, and a promise of the end */
export function sendUntilItEnds(peer, to) {
    const acked = [];
    const send = async (i) => {
        const message = { to, type: 'text', content: `${i}`, client_msg_id: `k${i}` };
        const answer = await peer.askAtTheEnd('message.send', message);
        if (!answer) return false;
        same(answer.status, 'ok', 'status');
        acked.push(answer.message);
        return true;
    };
    let i = 0;
    const worker = async () => {
        while (peer.isLive && (await send(++i)));
    };
    return { acked, ended: spare(Promise.all(numbers(20).map(worker))) };
}

/** What came of one sender, in order, has each that was acknowledged to it. */
export function areKept(got, acked) {
    areInOrder(seqs(got), 1, got.length);
    same(got.length >= acked.length, true, 'as many as were acknowledged');
    for (const message of acked) {
        const { id, content } = got[message.seq - 1];
        same({ id, content }, { id: message.id, content: message.content }, 'message');
    }
}

/** @param end  ends the server while messages are sent */
const keepsWhatItAcknowledged = (end) => async (t) => {
    await t.serve({ options: QUIET });
    const [a, b] = await joinAll(t, 2);
    await b.leave();
    await a.send(b.address, 'first');
    const { acked, ended } = sendUntilItEnds(a, b.address);
    while (acked.length < 200) await a.works();
    await end(t.server);
    await ended;
    await t.serveAgain({ options: QUIET });
    const again = await join(t, b.address);
    await again.take('synced', 20000);
    areKept(again.heard.get('message.new'), acked);
    const back = await joinSynced(t, a.address);
    for (const { seq, content } of acked.slice(-20)) {
        const retry = { to: b.address, type: 'text', content, client_msg_id: `k${content}` };
        const { duplicate, message } = await back.ok('message.send', retry);
        same([duplicate, message.seq], [true, seq], 'a retry');
    }
};

export async function drains(server) {
    const from = now();
    await server.stop();
    between(now() - from, 0, 4000, 'milliseconds until the end');
}

/** Those who are connected are told by the end of their transport, and come back. */
async function letsClientsComeBack(t) {
    await t.serve({ options: QUIET });
    const options = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 200 };
    const [a, b] = [await joinSynced(t), await joinSynced(t, wallet(), options)];
    await a.send(b.address, 'before');
    await b.take('message.new');
    await heardOf(a, 'message.delivered', 1);
    await drains(t.server);
    oneOf(await b.take('disconnect'), ['transport close', 'transport error'], 'reason');
    await t.serveAgain({ options: QUIET });
    same((await b.take('ready', 10000)).account, b.address, 'account');
    const again = await joinSynced(t, a.address);
    await again.send(b.address, 'after');
    same((await b.take('message.new')).content, 'after', 'message');
}

async function refusesASecond(t) {
    const { data } = await t.serve();
    let why;
    try {
        await t.servers.serve({ data });
    } catch (error) {
        why = error.message;
    }
    match(why, /ended \([1-9]\d*\), not ready:\n/, 'end');
    match(why, /process \d+ has opened \S+: stop it, or choose another directory/, 'why');
    await (await joinSynced(t)).works();
    await t.server.stop();
    await (await t.serve({ data })).stop(); // and when the first has gone, it may
}

async function isHealthy(t) {
    for (const path of ['/healthz', '/readyz'])
        same((await ask(t, t.url, 'GET', path)).status, 200, path);
    const peer = await joinSynced(t);
    await peer.send(wallet(), 'x');
    const { headers } = await ask(t, t.url, 'GET', '/metrics');
    match(headers['content-type'], /^text\/plain; version=0\.0\.4/, 'Content-Type');
    const text = await get(`${t.url}/metrics`);
    for (const line of text.trimEnd().split('\n'))
        match(line, /^(# (HELP|TYPE) \S+ .+|[a-z_][a-z0-9_]*(\{[^}]*\})? -?[0-9.e+-]+)$/, 'line');
}

const BAD_CONFIGS = [
    ['an unknown option', ['--no-such=1'], /no-such/],
    ['a config that is not there', ['--config=/nowhere/parley.conf'], /nowhere\/parley\.conf/],
    ['a word for a number', ['--send-rate=fast'], /send-rate/],
    ['an origin that is none', ['--origins=app.test'], /origin/],
];

/** @param table  of options: what they are, and what is said @param code  of its end */
export async function startsWithNone(t, table, code = '[1-9]\\d*') {
    for (const [what, options, pattern] of table) {
        let why = `${what}: it starts`;
        try {
            await (await t.servers.serve({ options })).stop();
        } catch (error) {
            why = error.message;
        }
        match(why, pattern, what);
        match(why, new RegExp(`ended \\(${code}\\), not ready`), what);
    }
}

const refusesToStart = (t) => startsWithNone(t, BAD_CONFIGS);

/** What may lie in the place of a database. */
const othersThan = (bytes) => ({
    'a text': Buffer.from('this is no database\n'.repeat(500)),
    'its first half': bytes.subarray(0, bytes.length / 2),
    'another program\'s': Buffer.concat([bytes.subarray(0, 68), Buffer.from('XXXX'),
        bytes.subarray(72)]), // SQLite's application_id
});

/** The index says nothing that the log doesn't. */
async function makesItsIndexAnew(t) {
    const { data } = await t.serve();
    const file = path(data, 'index.db');
    const from = await joinSynced(t);
    const to = wallet();
    await from.send(to, 'x');
    await t.server.stop();
    const others = { ...othersThan(readFileSync(file)), nothing: undefined };
    for (const [what, other] of Object.entries(others)) {
        if (other) writeFileSync(file, other);
        else rmSync(file);
        await t.serveAgain();
        const again = await joinSynced(t, from.address);
        const { messages } = await again.ok('message.history', { peer: to });
        same(messages.map(({ content }) => content), ['x'], what);
        await t.server.stop();
    }
}

/** It does not make a new one in the place of what it can't read. */
async function refusesForeignData(t) {
    const { data } = await t.serve();
    await (await joinSynced(t)).send(wallet(), 'x');
    await t.server.stop();
    const file = path(data, 'parley.db');
    const bytes = readFileSync(file);
    for (const [what, other] of Object.entries(othersThan(bytes))) {
        writeFileSync(file, other);
        const started = await t.servers.serve({ data }).then((server) => server, (error) => error);
        if (started.child) {
            started.child.kill('SIGKILL');
            throw new Failure(`it starts with ${what}`);
        }
        match(started.message, /ended \([1-9]\d*\), not ready:\n/, what);
        match(started.message, /^parley serve: can't open the store in \S+[,;] /m, what);
        same(readFileSync(file).equals(other), true, `${what} is as it was`);
    }
    writeFileSync(file, bytes);
    await (await t.serve({ data })).stop();
}

const once = { own: true, over: ['websocket'] };

export const rows = overTransports('life', [
    ['drains, and keeps what it acknowledged', keepsWhatItAcknowledged(drains),
        { own: true, limit: 40000 }],
    ['is killed, and keeps what it acknowledged', keepsWhatItAcknowledged((s) => s.kill()),
        { own: true, limit: 40000 }],
    ['lets clients come back', letsClientsComeBack, { own: true, limit: 30000 }],
    ['refuses a second server on its data', refusesASecond, once],
    ['refuses data that it cannot read', refusesForeignData, { ...once, sqlite: true }],
    ['makes its index anew where it cannot read it', makesItsIndexAnew, { ...once, sqlite: true }],
    ['refuses to start with what it does not understand', refusesToStart, once],
    ['is healthy, and counts', isHealthy, { over: ['websocket'] }],
]);
