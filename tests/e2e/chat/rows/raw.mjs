/** What no proper client does, by the byte: asking for more than it takes, and the like. */
import { readFileSync } from 'node:fs';
import { Failure, between, now, same, sleep } from '../../lib.mjs';
import { SESSIONS, TEXT, frame } from '../../wire.mjs';
import { numbers } from '../expect.mjs';
import { isRefusal, joinAll, joinSynced, saw } from '../peer.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const MEGABYTE = 1048576;
const SLOW_MS = 12000; // the server's 10 s, and less than 5 more, when it cuts

/** A session that has joined, and has been told that it is synced. */
async function signIn(t, address) {
    const session = await SESSIONS[t.transport](t, t.url, '/socket.io/');
    const token = await t.issuers.token(address);
    await session.say(`40${JSON.stringify({ token })}`);
    for (;;) {
        const packet = await session.hear();
        if (packet === '2') await session.say('3');
        if (packet.startsWith('42["synced"')) return session;
    }
}

/** Until the answer to the n-th request. @return the answers, by the number of their request */
async function answersOf(session, n) {
    const answers = [];
    while (answers.filter(Boolean).length < n) {
        const packet = await session.hear();
        const found = /^43(\d+)(\[.*\])$/s.exec(packet);
        if (/^42\d*\["message\./.test(packet)) continue;
        if (!found) throw new Failure(`packet ${packet.slice(0, 200)}, want an answer`);
        [answers[found[1]]] = JSON.parse(found[2]);
        if (answers[found[1]].error) saw(answers[found[1]].error.code);
    }
    return answers;
}

/** In one piece: of a poll that is what it does anyway. */
const sayAtOnce = (session, packets) => (session.wire
    ? session.wire.send(Buffer.concat(packets.map((packet) => frame(TEXT, packet))))
    : session.say(...packets));

/** In one piece: none of them is answered before the last is read. */
async function answersMany(t) {
    const session = await signIn(t, wallet());
    const n = 1500;
    await sayAtOnce(session, numbers(n, 0).map((i) => `42${i}["conversation.list",{}]`));
    const answers = await answersOf(session, n);
    same(answers.filter(({ status }) => status !== 'ok').length, 0, 'refused');
}

const LETTERS = 'x'.repeat(65000);
const sendTo = (to) => (i) =>
    `42${i}["message.send",${JSON.stringify({ to, type: 'text', content: LETTERS })}]`;

/** Some 20 MB in one piece, of a client that reads. */
async function takesMuchAtOnce(t) {
    const session = await signIn(t, wallet());
    const n = 300;
    await sayAtOnce(session, numbers(n, 0).map(sendTo(wallet())));
    const answers = await answersOf(session, n);
    const seqs = answers.map(({ status, message }) => (status === 'ok' ? message.seq : status));
    same(seqs.join(), numbers(n).join(), 'seqs');
}

/** Nothing holds it up, so it is told, and nothing of what is refused is stored. */
async function refusesWhatIsOverTheEdge(t) {
    const session = await signIn(t, wallet());
    const n = 90;
    const packets = numbers(n, 0).map(sendTo(wallet()));
    for (let i = 0; i < n; i += 15) await session.say(...packets.slice(i, i + 15));
    const answers = await answersOf(session, n);
    const refused = answers.filter(({ status }) => status !== 'ok');
    for (const answer of refused) isRefusal(answer, 'busy');
    between(n - refused.length, 40, n - 1, 'answered ok');
    await session.say(sendTo(wallet())(0));
    same((await answersOf(session, 1))[0].status, 'ok', 'afterwards');
}

/** Messages of some 3 MB in a conversation of the two. */
async function withALongHistory(t) {
    const [a, b] = await joinAll(t, 2);
    await sendMany(a, b.address, 45, { fill: 'x'.repeat(65000), atOnce: 5 });
    await b.takeAll('message.new', 45, 10000);
    await heardOf(a, 'message.delivered', 45); // or they would come to other sockets, too
    return [a, b];
}

/** A megabyte an answer. */
const historyOf = (peer) => (i) =>
    `42${i}["message.history",${JSON.stringify({ peer, limit: 200 })}]`;

/** @return what a session is told at its end */
async function lastWords(session) {
    for (;;) {
        const packet = await session.hear(10000);
        const found = /^42(\["error",.*)$/s.exec(packet);
        if (found) {
            const [, said] = JSON.parse(found[1]);
            saw(said.error.code);
            return said.error.code;
        }
    }
}

/** It asks for one megabyte after the other, and is there. */
async function waitsForWhoReads(t) {
    const [a, b] = await withALongHistory(t);
    const session = await signIn(t, b.address);
    const n = 50;
    await sayAtOnce(session, numbers(n, 0).map(historyOf(a.address)));
    const answers = await answersOf(session, n);
    for (const { messages } of answers) same(messages.at(-1).seq, 45, 'last seq');
    await b.works();
}

/** Was somebody told that it takes nothing? */
async function isFoundSlow(t) {
    return (await t.server.metrics()).get('parley_errors_total{code="slow_consumer"}') > 0;
}

/** It asks for one megabyte after the other, and reads none. */
async function endsWhoDoesNotRead(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=1s'] });
    const [a, b] = await withALongHistory(t);
    const session = await signIn(t, b.address);
    const ask = historyOf(a.address);
    if (t.transport !== 'polling') session.wire.socket.pause();
    // Between it and its server there may be a relay: 20 MB are on their way then before anything waits.
    for (const i of numbers(60)) {
        if (await isFoundSlow(t)) break; // a busy machine takes its time
        await session.say(ask(i));
        await b.works(); // so that one is answered before the next is asked
        await b.works();
    }
    // What it is told it has to read soon: then the connection is cut.
    const until = Date.now() + 2 * SLOW_MS;
    while (!(await isFoundSlow(t))) {
        if (Date.now() > until) throw new Failure('it may read nothing for ever');
        await sleep(100);
    }
    if (t.transport !== 'polling') session.wire.socket.resume();
    same(await lastWords(session), 'slow_consumer', 'code');
    await isOver(session);
    await b.works();
    same((await a.send(b.address, 'still here')).seq, 46, 'seq');
}

async function isOver(session) {
    if (session.unknown) return session.gone();
    try {
        for (;;) await session.hear();
    } catch (error) {
        if (!/want a message|connection over/.test(error.message)) throw error;
    }
    return undefined;
}

/** ASan keeps what was freed for a while, up to 256 MB of it. */
const KEEP_NOTHING = { ASAN_OPTIONS: `${process.env.ASAN_OPTIONS ?? ''}:quarantine_size_mb=0` };

const residentOf = (pid) => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)[1]) * 1024;
};

/** All at once: what was asked before anything was answered counts, too. */
async function staysSmall(t) {
    await t.serve({ options: ['--rate-limits=off'], env: KEEP_NOTHING });
    const [a, b] = await withALongHistory(t);
    const session = await signIn(t, b.address);
    const before = residentOf(t.server.child.pid);
    session.wire.socket.pause();
    await sayAtOnce(session, numbers(400).map(historyOf(a.address)));
    let most = 0;
    const watching = async () => {
        for (const _ of numbers(50)) {
            await b.works();
            await sleep(20);
            most = Math.max(most, residentOf(t.server.child.pid) - before);
        }
    };
    const until = Date.now() + SLOW_MS;
    await watching();
    between(most / MEGABYTE, 0, 40, 'megabytes more');
    await sleep(until - Date.now());
    session.wire.socket.resume();
    same(await lastWords(session), 'slow_consumer', 'code');
}

/** Messages that nobody takes are not queued without end: they wait in the store. */
async function waitsWithMessages(t) {
    await t.serve({ options: ['--rate-limits=off'], env: KEEP_NOTHING });
    const a = await joinSynced(t);
    const b = wallet();
    const session = await signIn(t, b);
    const before = residentOf(t.server.child.pid);
    session.wire.socket.pause();
    await sendMany(a, b, 60, { fill: 'x'.repeat(65000), atOnce: 5 });
    await a.works();
    between((residentOf(t.server.child.pid) - before) / MEGABYTE, -1000, 60, 'megabytes more');
    session.wire.socket.destroy();
    const back = await joinSynced(t, b);
    same((await back.takeAll('message.new', 60, 10000)).length, 60, 'messages');
}

const HEARTBEAT_MS = 6000;
const LIVELY = ['--rate-limits=off', '--drain=1s', '--ping-interval=3s', '--ping-timeout=3s',
    '--mailbox-peer-messages=100000'];
const MEGABYTES_MAX = 16; // a window of messages, what may be queued, and what else goes on

/** A process's memory above what it was, looked at again and again until the work is over. */
async function mostMemoryMore(pid, work) {
    const before = residentOf(pid);
    let most = 0;
    for (let isOver = false; !isOver;) {
        isOver = await work();
        most = Math.max(most, residentOf(pid) - before);
    }
    return most;
}

/**
 * Who reads nothing at all is sent messages, and the receipts of what its wallet sends from
 * another device: it is ended by its heartbeat, the server stays small, and nothing is lost.
 */
async function endsWhoReadsNothing(t) {
    await t.serve({ options: LIVELY, env: KEEP_NOTHING });
    const [a, address] = [await joinSynced(t), wallet()];
    const other = await joinSynced(t, address, { acking: false });
    const session = await signIn(t, address);
    if (t.transport !== 'polling') session.wire.socket.pause();
    const clients = async () => (await t.server.metrics()).get('parley_clients');
    same(await clients(), 3, 'clients');
    const from = now();
    let n = 0;
    const most = await mostMemoryMore(t.server.child.pid, async () => {
        const some = numbers(50, n + 1);
        await Promise.all(some.map((i) => a.send(address, `${i}`)));
        await Promise.all(some.map((i) => other.send(a.address, `back ${i}`)));
        await a.ok('message.read', { peer: address, seq: 2 * (n += some.length) });
        return (await clients()) < 3;
    });
    between(now() - from, 0, HEARTBEAT_MS + 3000, 'ms until it is ended');
    between(most / MEGABYTE, 0, MEGABYTES_MAX, 'megabytes more');
    between(n, 300, Infinity, 'messages meanwhile: more than a window holds');
    session.wire?.socket.destroy();
    await other.leave();
    const back = await joinSynced(t, address);
    const got = await back.takeAll('message.new', n, 10000);
    same(got.map(({ content }) => content), numbers(n).map(String), 'contents');
    await heardOf(a, 'message.delivered', got.at(-1).seq, address);
}

/** Ids that it was never given, and one that it has given back already. */
async function ignoresForeignAcks(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    const session = await signIn(t, address);
    for (const i of numbers(3)) await a.send(address, `${i}`);
    const ids = [];
    while (ids.length < 3) {
        const found = /^42(\d+)\["message\.new",/.exec(await session.hear());
        if (found) ids.push(Number(found[1]));
    }
    await session.say(`43${ids[2]}[]`, `43${ids[2]}[]`, `43${ids[2] + 1}[]`, `43${2 ** 31}[]`,
        '4399999999999999[]', `43${ids[2] + 1}["x",{}]`);
    await session.say('427["conversation.list",{}]');
    const [{ conversations: [{ mine }] }] = (await answersOf(session, 1)).filter(Boolean);
    same(mine.delivered_seq, 0, 'delivered_seq');
    await session.say(`43${ids[0]}["whatever",[1]]`, `43${ids[1]}[]`);
    await heardOf(a, 'message.delivered', 3);
}

/** What JavaScript cannot say: one value in several forms, and a number beyond a double. */
async function readsJsonOfOthers(t) {
    const session = await signIn(t, wallet());
    const to = wallet();
    const send = (id, content) => session.say(
        `42${id}["message.send",{"to":"${to}","type":"x-a","content":${content},` +
        '"client_msg_id":"k"}]');
    const contents = ['[1,"A/"]', '[1.0,"\\u0041\\/"]', ' [ 1e0 , "A\\/" ] '];
    for (const [i, content] of contents.entries()) await send(i, content);
    for (const [i, answer] of (await answersOf(session, contents.length)).entries())
        same([answer.status, answer.duplicate], ['ok', i > 0], contents[i]);
    await send(0, '1e400');
    isRefusal((await answersOf(session, 1))[0], 'bad_request');
    await send(0, '[1,"B/"]');
    isRefusal((await answersOf(session, 1))[0], 'conflict', { field: 'client_msg_id' });
}

/** Whoever connects and does not say who it is. */
async function letsGoOfStrangers(t) {
    await t.serve({ options: ['--connect-timeout=300ms'] });
    const session = await SESSIONS[t.transport](t, t.url, '/socket.io/');
    await isOver(session);
    await (await joinSynced(t)).works();
}

const TABLE = [
    ['answers many requests at once', answersMany, ['websocket', 'polling', 'upgrade']],
    ['takes many messages at once of who reads', takesMuchAtOnce, ['websocket', 'upgrade'],
        { server: 'open to strangers' }],
    ['answers who asks for much at once and reads', waitsForWhoReads,
        ['websocket', 'polling', 'upgrade']],
    ['refuses what is over the edge', refusesWhatIsOverTheEdge, ['polling']],
    ['ends who asks and does not read', endsWhoDoesNotRead, ['websocket', 'polling', 'upgrade'],
        { own: true, idle: true }],
    ['ignores acknowledgements of what it was not sent', ignoresForeignAcks,
        ['websocket', 'polling', 'upgrade']],
    ['reads JSON in the forms of others', readsJsonOfOthers,
        ['websocket', 'polling', 'upgrade']],
    ['lets go of who does not say who it is', letsGoOfStrangers,
        ['websocket', 'polling', 'upgrade'], { own: true }],
    // "single": the memory of one process.
    ['stays small when all is asked at once and nothing read', staysSmall, ['websocket'],
        { own: true, idle: true, single: true }],
    ['waits with messages for who does not read', waitsWithMessages, ['websocket'],
        { own: true, alone: true, single: true }],
    ['ends who reads nothing by its heartbeat, and loses nothing', endsWhoReadsNothing,
        ['websocket', 'polling', 'upgrade'], { own: true, idle: true, single: true }],
];

export const rows = TABLE.flatMap(([name, run, over, more]) => over.map((transport) => ({
    name: `raw/${transport}: ${name}`, run, transport, limit: 40000, ...more,
})));
