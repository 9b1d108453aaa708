/** Connections that break: answers that are lost on the way, and devices that are gone. */
import { Failure, between, match, now, same, sleep, within } from '../../lib.mjs';
import { Pipe } from '../../pipe.mjs';
import { ask } from '../../wire.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { blockOf, pageOf, runPasted } from '../pasted.mjs';
import { Peer, TRANSPORTS, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s'];

/** What is around the block of the page: it sends what it is told to, and says what came of it. */
const BEFORE = `
import { io as connect } from 'socket.io-client';
import { webcrypto as crypto } from 'node:crypto';
const { URL: url, TOKEN: token, TRANSPORTS: transports } = process.env;
const auth = { token };
const fast = { reconnectionDelay: 50, reconnectionDelayMax: 100 };
const io = (to, options) =>
    connect(to, { transports: JSON.parse(transports), ...fast, ...options });
`;
const BEHIND = `
process.on('message', ({ to, content }) => {
    send(to, content).then(
        (message) => process.send({ message }), (error) => process.send({ error: error.message }));
});
`;

/** @return what sends, and a promise of its answer */
async function pasted(t, address, url) {
    const code = BEFORE + blockOf(pageOf('docs/protocol.md'), 'retries:') + BEHIND;
    const { child } = runPasted(t, code, {
        URL: url, TOKEN: await t.issuers.token(address),
        TRANSPORTS: JSON.stringify(TRANSPORTS[t.transport]),
    }, ['ignore', 'ignore', 'inherit', 'ipc']);
    const answers = [];
    let wake = () => {};
    child.on('message', (answer) => {
        answers.push(answer);
        wake();
    });
    const all = async (n) => {
        while (answers.length < n) await new Promise((resolve) => (wake = resolve));
        return answers.map(({ message, error }) => {
            if (error) throw new Failure(error);
            return message;
        });
    };
    return {
        send: (to, content) => child.send({ to, content }),
        answers: (n) => within(15000, `${n} answers`, all(n)),
    };
}

/** Of each second message the answer is lost, and with the last ones more wait behind it. */
async function storesOnce(t) {
    await t.serve({ options: OPTIONS });
    const b = await joinSynced(t);
    const pipe = await Pipe.lay(t, t.url);
    const client = await pasted(t, wallet(), pipe.url);
    const n = 8;
    for (const i of numbers(n)) {
        if (i % 2 === 0) pipe.mute();
        client.send(b.address, `${i}`);
        same((await b.take('message.new')).content, `${i}`, 'stored, and delivered');
        if (i % 2 === 0) pipe.cut();
        await client.answers(i);
    }
    pipe.mute();
    for (const i of numbers(4, n + 1)) client.send(b.address, `${i}`);
    await b.take('message.new');
    pipe.cut();
    const answers = await client.answers(n + 4);
    areInOrder(seqs(answers), 1, n + 4);
    same(answers.map(({ content }) => content), numbers(n + 4).map(String), 'contents');
    same(new Set(answers.map(({ client_msg_id: key }) => key)).size, n + 4, 'keys');
    await b.takeAll('message.new', 3);
    await b.heardNo('message.new');
    const { messages } = await b.ok('message.history', { peer: answers[0].from });
    same(messages.map(({ content }) => content), numbers(n + 4).map(String), 'stored');
    const metrics = await t.server.metrics();
    same(metrics.get('parley_messages_duplicate_total') >= n / 2 + 1, true, 'it was sent again');
}

// Ghosts.

const HEARTBEAT_MS = 2000; // ping-interval and ping-timeout
const LATE_MS = 1500;      // of a busy machine
const LIVELY = [...OPTIONS, '--ping-interval=1s', '--ping-timeout=1s'];

/** @return when the server had no more than n clients */
export async function clientsAre(t, n) {
    while ((await t.server.metrics()).get('parley_clients') > n) await sleep(20);
    return now();
}

/** A server; one who writes, and one on a line that has died just now, without a FIN. */
async function withAGhost(t, options) {
    await t.serve({ options: LIVELY });
    const a = await joinSynced(t);
    const pipe = await Pipe.lay(t, t.url);
    const ghost = await joinSynced(t, undefined, { url: pipe.url, ...options });
    await a.send(ghost.address, 'before');
    await ghost.take('message.new');
    await heardOf(a, 'message.delivered', 1);
    const { cursor } = ghost;
    pipe.die();
    return { a, ghost, pipe, cursor, from: now() };
}

/** It has acknowledged nothing; another device need not wait until it is found. */
async function findsAGhost(t) {
    const { a, ghost, cursor, from } = await withAGhost(t);
    for (const i of [2, 3]) await a.send(ghost.address, `${i}`);
    const other = await joinSynced(t, ghost.address, { acking: false });
    same(seqs(await other.takeAll('message.new', 2)), [2, 3], 'to another device');
    await other.leave();
    between((await clientsAre(t, 1)) - from, 0, HEARTBEAT_MS + LATE_MS, 'ms until it is found');
    await a.heardNo('message.delivered');
    const { messages } = await a.ok('message.history', { peer: ghost.address });
    same(messages.map(({ status }) => status), ['delivered', 'undelivered', 'undelivered'],
        'status');
    same(await ghost.take('disconnect'), 'ping timeout', 'what the client finds');
    const again = await joinSynced(t, ghost.address, { cursor, had: ghost.kept });
    same(again.ready.recovered, true, 'recovered');
    same(seqs(await again.takeAll('message.new', 2)), [2, 3], 'on the next connection');
    await heardOf(a, 'message.delivered', 3);
}

/** By itself, when it finds that nobody is there. */
async function comesBackFromTheDead(t) {
    const options = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 };
    const { a, ghost, pipe } = await withAGhost(t, options);
    ghost.socket.once('disconnect', () => pipe.heal());
    for (const i of [2, 3]) await a.send(ghost.address, `${i}`);
    await a.heardNo('message.delivered');
    same(seqs(await ghost.takeAll('message.new', 2, HEARTBEAT_MS + LATE_MS)), [2, 3], 'seqs');
    await heardOf(a, 'message.delivered', 3);
    await clientsAre(t, 2);
}

/** Those who are there are let go of one by one; who comes meanwhile comes again by itself. */
async function saysWhenToComeAgain(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=3s'] });
    await joinAll(t, 20);
    t.server.terminate();
    const shake = () => ask(t, t.url, 'GET', '/socket.io/?EIO=4&transport=polling');
    let answer = await shake();
    while (answer.status === 200) answer = await shake(); // the signal is on its way
    same(answer.status, 503, 'status');
    match(answer.headers['retry-after'], /^[1-9]\d*$/, 'Retry-After');
    const options = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 100 };
    const late = await Peer.dial(t, wallet(), options);
    await late.take('connect_error');
    same(late.socket.active, true, 'will try again');
    same(await t.server.over(), 0, 'exit status');
    await t.serveAgain({ options: OPTIONS });
    same((await late.take('ready')).account, late.address, 'account');
}

const OWN = { own: true, limit: 30000 };

const all = overTransports('broken', [
    ['stores once what is sent as docs/protocol.md has it', storesOnce, OWN],
    ['tells who comes while it goes down when to come again', saysWhenToComeAgain, OWN],
    ['finds a device that is gone without a word', findsAGhost, OWN],
    ['gives all to a device that comes back from the dead', comesBackFromTheDead, OWN],
]);

/** Of a pipe that is mute no handshake comes to an end, and a poll is a connection of its own. */
const isPlain = ({ run, transport }) => run === storesOnce && transport === 'polling';

export const rows = all.map((row) => (isPlain(row) ? { ...row, plain: 'no handshake ends' } : row));
