/** Several workers in one process (--workers): to clients they are one server. */
import http from 'node:http';
import { between, now, oneOf, same, until } from '../../lib.mjs';
import { EIO, SEPARATOR, Wire, ask, handshakeOf, request } from '../../wire.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { Peer, join, joinSynced, overTransports } from '../peer.mjs';
import { SIGN_IN } from '../serve.mjs';
import { evmWallet } from '../signer.mjs';
import { bearer, granted, logout, signIn } from '../site.mjs';
import { wallet } from '../wallet.mjs';
import { clientsAre } from './broken.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { areKept, drains, sendUntilItEnds } from './life.mjs';
import { burst } from './limits.mjs';
import { ONLINE, befriend, isAway, watch } from './live.mjs';
import { revoke } from './revoke.mjs';
import { hasTaken, own as ownToken, rotate } from './rotation.mjs';
import { isEnded } from './sessions.mjs';

const N = 3;
const HOME = 'A'; // the number of the first worker, as ids of sessions begin
const TRIES = 200; // of connections, until the kernel has brought one to each worker
const LATE_MS = 15000; // a presence that is over, on a busy machine
const SHORT = '--drain=1s';
const ENDS = ['transport close', 'transport error'];

const workers = `--workers=${N}`;
const start = (t, ...more) =>
    t.serve({ options: [workers, '--rate-limits=off', '--log=info', ...more] });

/** Clients hold to its limits. */
const startStrict = (t, ...more) => t.serve({ options: [workers, SHORT, ...more] });

const workerOf = (sid) => sid[0];
const sidOf = (peer) => peer.socket.io.engine.id;

/**
 * One on each worker. Where a connection comes to is up to the kernel: those that come to where one
 * is leave again.
 */
async function joinEach(t, address, options) {
    const there = new Map();
    for (let i = 0; i < TRIES && there.size < N; i++) {
        const peer = await joinSynced(t, address, options);
        const worker = workerOf(sidOf(peer));
        if (there.has(worker)) await peer.leave();
        else there.set(worker, peer);
    }
    same(there.size, N, 'workers with a session');
    return [...there.values()];
}

/** As often as it takes until each worker has done so. */
async function isRefusedByEach(t, address, token, code) {
    const by = new Set();
    for (let i = 0; i < TRIES && by.size < N; i++) {
        const peer = await Peer.dial(t, address, { token });
        peer.socket.io.engine.once('handshake', ({ sid }) => by.add(workerOf(sid)));
        same((await peer.take('connect_error')).data, { code }, 'data');
    }
    same(by.size, N, 'workers that have refused it');
}

// Connections, and where they go.

const PATH = `/socket.io/?${EIO}polling`;
const POSTED = { 'Content-Type': 'text/plain;charset=UTF-8' };

/** A polling client by hand, with a connection of its own for each request. */
export class Bare {
    #heard = [];
    target = PATH;

    /** @param url  that it asks, until somebody gives it another */
    static async join(t, address = wallet(), url = t.url) {
        const bare = Object.assign(new Bare(), { t, address, url });
        const { sid } = handshakeOf(await bare.hear());
        bare.target = `${PATH}&sid=${sid}`;
        bare.worker = workerOf(sid);
        await bare.say(`40${JSON.stringify({ token: await t.issuers.token(address) })}`);
        while (!(await bare.hear()).startsWith('42["synced"'));
        return bare;
    }

    /** Whatever comes of it. */
    try(method, { headers, ...options } = {}) {
        return ask(this.t, this.url, method, this.target, {
            headers: { Connection: 'close', ...headers }, ...options,
        });
    }

    async #ask(method, options) {
        const { status, body } = await this.try(method, options);
        same(status, 200, `${method} (${body})`);
        return body;
    }

    async say(...packets) {
        same(await this.#ask('POST', { headers: POSTED, body: packets.join(SEPARATOR) }), 'ok',
            'answer to the POST');
    }

    /** The next packet that is no ping. */
    async hear() {
        if (!this.#heard.length) this.#heard = (await this.#ask('GET')).split(SEPARATOR);
        const packet = this.#heard.shift();
        if (packet !== '2') return packet;
        await this.say('3');
        return this.hear();
    }
}

/**
 * n messages to the other, and n from it. One's own may come as events, too, where several loops
 * store at once: those it has by its answers.
 * @return seqs: told, and answered
 */
export async function talk(one, other, n) {
    for (const i of numbers(n)) {
        const message = { to: other.address, type: 'text', content: `${i}` };
        await one.say(`42${i}${JSON.stringify(['message.send', message])}`);
    }
    const [told, answered] = [[], []];
    while (told.length < n || answered.length < n) {
        const packet = await one.hear();
        const [, event, text] = /^42(\d+)\["message\.new",(.*)\]$/s.exec(packet) ?? [];
        const [, answer] = /^43\d+\[(.*)\]$/s.exec(packet) ?? [];
        if (answer) answered.push(JSON.parse(answer).message.seq);
        if (!event) continue;
        const message = JSON.parse(text);
        if (message.from !== one.address) told.push(message.seq);
        await one.say(`43${event}[]`);
    }
    return { told, answered };
}

async function servesAConnectionForEachRequest(t) {
    await start(t, SHORT);
    const [all, n] = [[], 15];
    const isSpread = () => new Set(all.map(({ worker }) => worker)).size === N;
    while (all.length < 6 || (all.length < TRIES && !isSpread())) all.push(await Bare.join(t));
    same(isSpread(), true, 'sessions on each worker');
    const there = all.slice(-6);
    const pairs = [[0, 1], [2, 3], [4, 5]].map((pair) => pair.map((i) => there[i]));
    await Promise.all(pairs.map(async ([a, b]) => {
        for (const { told, answered } of await Promise.all([talk(a, b, n), talk(b, a, n)])) {
            same(told, [...told].sort((x, y) => x - y), 'order');
            areInOrder([...told, ...answered].sort((x, y) => x - y), 1, 2 * n);
        }
    }));
}

/** It keeps connections alive, and knows of each for which workers' sessions it was used. */
class Pool extends http.Agent {
    used = new Map();

    addRequest(request, ...rest) {
        const { searchParams } = new URL(request.path, 'http://any.test');
        const sid = searchParams.get('sid');
        if (sid) request.once('socket', (socket) => this.#note(socket, workerOf(sid)));
        super.addRequest(request, ...rest);
    }

    #note(socket, worker) {
        if (!this.used.has(socket)) this.used.set(socket, new Set());
        this.used.get(socket).add(worker);
    }

    /** Some connection was used for sessions of all of them. */
    get isMixed() {
        return [...this.used.values()].some((of) => of.size === N);
    }
}

const CLIENTS = 10;

/** A client each on a connection of its own, which the pool has from now on. */
async function fillPool(t) {
    const agent = new Pool({ keepAlive: true, maxSockets: CLIENTS + 2 });
    t.defer(() => agent.destroy());
    const peers = await Promise.all(
        numbers(CLIENTS).map(() => joinSynced(t, undefined, { agent })));
    return { agent, peers };
}

/** As behind a proxy: all of them poll, and what is left is for what they send. */
async function sharesConnections(t) {
    await start(t, SHORT);
    const workersOf = (peers) => new Set(peers.map((peer) => workerOf(sidOf(peer)))).size;
    let pool = await fillPool(t);
    for (let i = 0; i < TRIES && workersOf(pool.peers) < N; i++) pool = await fillPool(t);
    const { agent, peers } = pool;
    same(workersOf(peers), N, 'workers with a session');
    const next = (i) => peers[(i + 1) % CLIENTS].address;
    const [rounds, n] = [20, 5];
    let sent = 0;
    for (let i = 0; i < rounds && (i < 3 || !agent.isMixed); i++, sent += n)
        await Promise.all(peers.map((peer, k) => sendMany(peer, next(k), n, { from: sent + 1 })));
    for (const peer of peers)
        areInOrder(seqs(await peer.takeAll('message.new', sent)), 1, sent);
    for (const [k, peer] of peers.entries()) await heardOf(peer, 'message.delivered', sent, next(k));
    same(agent.isMixed, true, 'a connection was used for sessions of all workers');
    between(agent.used.size, 1, CLIENTS + 2, 'connections');
}

/** A handshake stays where the connection is, and says so; a request for a session goes to it. */
async function goesWhereASessionIs(t) {
    await start(t, SHORT);
    const sessions = new Map();
    const shake = async (wire) => {
        const { status, body } = await wire.ask('GET', PATH);
        same(status, 200, body);
        return handshakeOf(body.split(SEPARATOR)[0]).sid;
    };
    for (let i = 0; i < TRIES && sessions.size < N; i++) {
        const sid = await shake(await Wire.open(t, t.url));
        sessions.set(workerOf(sid), `${PATH}&sid=${sid}`);
    }
    same(sessions.size, N, 'workers with a session');
    const wire = await Wire.open(t, t.url);
    const post = (target, body) => wire.ask('POST', target, { headers: POSTED, body });
    for (const [worker, target] of sessions) {
        const token = await t.issuers.token(wallet());
        same((await post(target, `40${JSON.stringify({ token })}`)).body, 'ok', 'CONNECT');
        same(workerOf(await shake(wire)), worker, 'where it is');
        same((await wire.ask('GET', target)).status, 200, 'poll');
    }
    const elsewhere = [['/metrics', 200], ['/v1/nothing', 404], ['/.well-known/jwks.json', 200]];
    for (const [path, status] of elsewhere) {
        for (const [worker, target] of sessions) {
            same((await post(target, '42["conversation.list",{}]')).body, 'ok', 'request');
            same(workerOf(await shake(wire)), worker, 'where it is');
            same((await wire.ask('GET', path)).status, status, path);
            same(workerOf(await shake(wire)), HOME, `after ${path}`);
        }
    }
}

/** Asked in one piece, of sessions here and there: each where it belongs, answered in order. */
async function answersInOrderWhereverItGoes(t) {
    await start(t, SHORT);
    const bares = await Promise.all(numbers(12).map(() => Bare.join(t)));
    const wire = await Wire.open(t, t.url);
    wire.send(Buffer.concat(bares.flatMap(({ target }) => [
        request('POST', target, { headers: POSTED, body: '42["conversation.list",{}]' }),
        request('GET', PATH),
    ])));
    for (const { worker } of bares) {
        same((await wire.response()).body, 'ok', 'answer to the POST');
        const { body } = await wire.response();
        same(workerOf(handshakeOf(body.split(SEPARATOR)[0]).sid), worker, 'where it is');
    }
}

// Two wallets, each with sockets on all workers.

async function twoWallets(t) {
    await start(t, SHORT);
    return Promise.all([wallet(), wallet()].map((address) => joinEach(t, address)));
}

const isTold = (peer, address, upto) => peer.log.some(([event, { by, seq }]) =>
    event === 'message.delivered' && by === address && seq === upto);

/**
 * Each of the six sends; each hears of what the other five have sent, in order, once. What it has
 * by its own answers may come as well.
 */
async function reachesAllDevices(t) {
    const [as, bs] = await twoWallets(t);
    const [all, n] = [[...as, ...bs], 40];
    const toOther = (i) => (i < N ? bs : as)[0].address;
    const own = await Promise.all(all.map(async (peer, i) => {
        const sending = numbers(n).map((k) =>
            peer.send(toOther(i), `${i}:${k}`, { client_msg_id: `${i}:${k}` }));
        return seqs(await Promise.all(sending));
    }));
    const sent = numbers(all.length * n);
    same(own.flat().sort((x, y) => x - y), sent, 'seqs of all');
    const [ofAs, ofBs] = [own.slice(0, N), own.slice(N)].map((of) => Math.max(...of.flat()));
    const others = (i) => all[i].log.filter(([event]) => event === 'message.new')
        .map(([, { seq }]) => seq).filter((seq) => !own[i].includes(seq));
    for (const [i, peer] of all.entries()) {
        await until(`told all, ${i}`, () => others(i).length >= sent.length - n);
        await until(`told the marks, ${i}`, () =>
            isTold(peer, as[0].address, ofBs) && isTold(peer, bs[0].address, ofAs));
    }
    await bs[1].ok('message.read', { peer: as[0].address, seq: sent.length });
    for (const [i, peer] of all.entries()) {
        same((await heardOf(peer, 'message.read', sent.length)).by, bs[0].address, 'by');
        same(others(i), sent.filter((seq) => !own[i].includes(seq)), `seqs of ${i}`);
    }
}

/** @return the conversation, as each device is told */
async function toldToAll(peers, [accepted, blocked], why) {
    for (const peer of peers) {
        const { conversation: one } = await peer.take('conversation.changed');
        same([one.accepted, one.blocked], [accepted, blocked], why);
    }
}

async function tellsAllWhatIsWanted(t) {
    const [as, bs] = await twoWallets(t);
    const [a, b] = [as[0].address, bs[0].address];
    const { conversation } = await as[0].send(b, 'hi');
    for (const peer of bs) await peer.take('message.new');
    await bs[1].ok('conversation.accept', { peer: a });
    await toldToAll(bs, [true, false], 'accepted');
    await as[1].ok('typing.start', { peer: b });
    for (const peer of bs)
        same(await peer.take('typing.start'), { conversation, peer: a }, 'typing');
    await as[2].ok('typing.stop', { peer: b });
    for (const peer of bs) await peer.take('typing.stop');

    await bs[2].ok('conversation.block', { peer: a });
    await toldToAll(bs, [true, true], 'blocked');
    await Promise.all(as.map((peer) => peer.send(b, 'withheld')));
    await bs[0].ok('conversation.unblock', { peer: a });
    await toldToAll(bs, [true, false], 'unblocked');
    const { seq } = await as[1].send(b, 'after');
    for (const peer of bs) same((await peer.take('message.new')).seq, seq, 'the next message');
    for (const peer of [...as, ...bs]) await peer.heardNo('conversation.changed');
}

/** Who has a socket left, on whichever worker, is there; and one who comes is told of to all. */
async function knowsWhoIsThere(t) {
    const [as, bs] = await twoWallets(t);
    const c = await joinSynced(t);
    await befriend(as[0], bs[0]);
    await befriend(as[0], c);
    for (const peer of as)
        same(await watch(peer, bs[0].address, c.address),
            [bs[0], c].map(({ address: account }) => ({ account, ...ONLINE })), 'watched');
    const from = Date.now();
    await bs[0].leave();
    await bs[1].leave();
    await c.leave();
    for (const peer of as) isAway(await peer.take('presence.changed', LATE_MS), c.address, from);
    for (const peer of as) await peer.heardNo('presence.changed'); // of the other, who left before
    await bs[2].leave();
    const account = bs[0].address;
    for (const peer of as) isAway(await peer.take('presence.changed', LATE_MS), account, from);
    await joinSynced(t, account);
    for (const peer of as)
        same(await peer.take('presence.changed'), { account, ...ONLINE }, 'back');
}

// What ends sockets, and what is good.

async function logsOutEverywhere(t) {
    await t.serve({ options: [workers, ...SIGN_IN] });
    const mine = evmWallet();
    const grants = [await signIn(t, mine), await signIn(t, mine)];
    const tokens = [...grants.map(({ access_token: token }) => token),
        await t.issuers.token(mine.account)];
    const sockets = await Promise.all(
        tokens.map((token) => joinEach(t, mine.account, { token })));
    const others = await joinEach(t, wallet());
    await granted(logout(t, { all: true }, bearer(tokens[0])));
    await Promise.all(sockets.flat().map(isEnded));
    for (const token of tokens) await isRefusedByEach(t, mine.account, token, 'token_revoked');
    for (const peer of others) await peer.works();
    const { access_token: token } = await signIn(t, mine);
    await joinEach(t, mine.account, { token });
}

async function revokesEverywhere(t) {
    await start(t, SHORT);
    const address = wallet();
    const tokens = await Promise.all(numbers(3).map(() => t.issuers.token(address)));
    const [first, ...rest] = await Promise.all(
        tokens.map((token) => joinEach(t, address, { token })));
    const others = await joinEach(t, wallet());
    await revoke(t, first[0].ready.session);
    await Promise.all(first.map(isEnded));
    await isRefusedByEach(t, address, tokens[0], 'token_revoked');
    for (const peer of rest.flat()) await peer.works();
    await revoke(t, address);
    await Promise.all(rest.flat().map(isEnded));
    for (const token of tokens) await isRefusedByEach(t, address, token, 'token_revoked');
    for (const peer of others) await peer.works();
}

/** What home publishes is good everywhere. */
async function takesANewKeyEverywhere(t) {
    const { data } = await start(t, SHORT);
    const address = wallet();
    const old = [ownToken(t, address, data)];
    for (let i = 0; i < 3; i++) {
        await hasTaken(t, rotate(t, data).kid);
        old.push(ownToken(t, address, data));
        for (const token of old)
            for (const peer of await joinEach(t, address, { token })) await peer.leave();
    }
    await hasTaken(t, rotate(t, data, '--drop-old').kid);
    for (const token of old) await isRefusedByEach(t, address, token, 'token_invalid');
    await joinEach(t, address, { token: ownToken(t, address, data) });
}

// Limits, of all together.

const isOpen = ({ isLive }) => isLive;

async function limitsSocketsOfAWallet(t) {
    await startStrict(t, '--sockets-per-wallet=3');
    const [address, peers, seen] = [wallet(), [], new Set()];
    while (peers.length < 12 || (seen.size < N && peers.length < TRIES)) {
        const peer = await joinSynced(t, address);
        peers.push(peer);
        seen.add(workerOf(sidOf(peer)));
        const n = Math.min(peers.length, 3);
        await until(`${n} sockets`, () => peers.filter(isOpen).length === n);
    }
    same(seen.size, N, 'workers with a session');
    const there = peers.filter(isOpen);
    same(there.at(-1), peers.at(-1), 'the last one is there');
    for (const peer of there) await peer.works();
    for (const peer of peers.filter(({ isLive }) => !isLive))
        same((await peer.take('error')).error.code, 'too_many_sockets', 'code');
}

/** Many come at once, on whichever worker: exactly so many are let in. */
async function limitsSocketsOfAnAddress(t) {
    await startStrict(t, '--sockets-per-ip=6');
    const peers = await Promise.all(numbers(30).map(() => Peer.dial(t, wallet())));
    const comings = await Promise.all(peers.map((peer) =>
        Promise.race([peer.take('ready'), peer.take('connect_error')])));
    const refused = comings.filter((coming) => coming instanceof Error);
    for (const { data } of refused) same(data, { code: 'too_many_sockets' }, 'data');
    const there = peers.filter(isOpen);
    same([there.length, refused.length], [6, 24], 'let in, and refused');
    for (const peer of there) await peer.works();
    for (let i = 0; i < 6; i++) {
        await there.shift().leave();
        await clientsAre(t, 5);
        there.push(await joinSynced(t)); // in the place that is free
    }
}

/** Many at once, too; and a connection has its place wherever it goes. */
async function limitsConnectionsOfAnAddress(t) {
    await startStrict(t, '--connections-per-ip=6');
    const open = async () => {
        const wire = await Wire.open(t, t.url);
        wire.socket.once('close', () => (wire.isClosed = true));
        return wire;
    };
    const isThere = ({ isClosed }) => !isClosed;
    const wires = await Promise.all(numbers(30).map(open));
    await until('6 connections left', () => wires.filter(isThere).length <= 6);
    const there = wires.filter(isThere);
    same(there.length, 6, 'connections');
    for (const wire of there) {
        const { body } = await wire.ask('GET', '/metrics'); // it is at home then
        same(/^parley_connections (\d+)$/m.exec(body)[1], '6', 'parley_connections');
    }
    for (let i = 0; i < 6; i++) {
        const more = await open();
        await until('its end', () => more.isClosed);
    }
    for (const wire of there) same((await wire.ask('GET', '/healthz')).status, 200, 'healthz');
}

async function limitsSends(t) {
    await startStrict(t, '--send-rate=5', '--send-burst=20');
    const [peers, to] = [await joinEach(t, wallet()), wallet()];
    const { passed } = await burst(peers, 'message.send', { to, type: 'text', content: 'x' }, 20);
    const { messages } = await peers[0].ok('message.history', { peer: to, limit: 200 });
    same(messages.length, passed, 'stored');
}

// Numbers.

/** As soon as what is counted was answered. */
async function sumsItsNumbers(t) {
    await start(t, SHORT);
    const [as, bs] = await Promise.all([wallet(), wallet()].map((address) => joinEach(t, address)));
    const all = [...as, ...bs];
    const base = await t.server.metrics();
    const total = (numbersNow, name) => numbersNow.get(`parley_${name}`);
    await until('nobody but them', async () => total(await t.server.metrics(), 'sessions') === 6);
    for (const round of numbers(5)) {
        await Promise.all(all.map((peer, i) =>
            peer.send((i < N ? bs : as)[0].address, `${round}`)));
        const got = await t.server.metrics();
        same(['clients', 'sessions', 'messages_sent_total', 'store_appended_total']
            .map((name) => total(got, name)), [6, 6, 6 * round, 6 * round], `round ${round}`);
    }
    const connects = total(base, 'connects_total');
    for (const i of numbers(9)) {
        await joinSynced(t);
        const got = await t.server.metrics();
        same(['clients', 'sessions', 'connects_total'].map((name) => total(got, name)),
            [6 + i, 6 + i, connects + i], `client ${i}`);
    }
    // The one that asks counts as well, and the one that asked before may still be going.
    await until('16 connections', async () =>
        total(await t.server.metrics(), 'connections') === 16);
}

// The end.

async function tellsAllThatItEnds(t) {
    await start(t, SHORT);
    const peers = [...await joinEach(t), ...await joinEach(t)];
    const telling = peers.map((peer) => peer.take('disconnect', 10000));
    await drains(t.server);
    for (const reason of await Promise.all(telling)) oneOf(reason, ENDS, 'reason');
}

/** One who does not want to wait says so twice. */
async function hurries(t) {
    await start(t, '--drain=60s');
    const peers = await joinEach(t);
    const from = now();
    t.server.terminate();
    await until('the first signal is in the log', () =>
        t.server.stderr.includes('event=server_stop'));
    t.server.child.kill('SIGTERM');
    same(await t.server.over(), 0, 'exit status');
    between(now() - from, 0, 10000, 'milliseconds until the end');
    for (const peer of peers) oneOf(await peer.take('disconnect'), ENDS, 'reason');
}

/** @param end  ends the server while messages are sent @param again  options of the next start */
const losesNothing = (end, again) => async (t) => {
    await start(t, SHORT);
    const [senders, to] = [await joinEach(t), wallet()];
    const all = senders.map((peer) => sendUntilItEnds(peer, to));
    const isEnough = () => all.every(({ acked }) => acked.length >= 100);
    while (!isEnough()) await Promise.all(senders.map((peer) => peer.works()));
    await end(t.server);
    await Promise.all(all.map(({ ended }) => ended));
    await t.serveAgain({ options: again });
    const back = await join(t, to);
    await back.take('synced', 20000);
    const got = back.heard.get('message.new');
    for (const [i, { acked }] of all.entries())
        areKept(got.filter(({ from }) => from === senders[i].address), acked);
};

const SAME = [workers, '--rate-limits=off', SHORT];
const ALONE = ['--workers=1', '--rate-limits=off', SHORT];
const kill = (server) => server.kill();

/** Threads of one process: connections that it moves, and counts that they share. */
const own = { own: true, limit: 30000, single: true };
const polling = { ...own, over: ['polling'] };
const websocket = { ...own, over: ['websocket'] };
const both = { ...own, over: ['websocket', 'polling'] };

export const rows = overTransports('workers', [
    ['serve a client with a connection for each request', servesAConnectionForEachRequest, polling],
    ['serve clients that share connections', sharesConnections,
        { ...polling, plain: 'its agent is of http:' }],
    ['take a connection to the session that it asks for', goesWhereASessionIs, polling],
    ['answer in order what a connection asks of several', answersInOrderWhereverItGoes, polling],
    ['reach all devices of a wallet', reachesAllDevices, own],
    ['tell all devices of a wallet what it wants', tellsAllWhatIsWanted, own],
    ['know together who is there', knowsWhoIsThere, { ...websocket, idle: true, limit: 60000 }],
    ['end all sockets of a wallet that logs out', logsOutEverywhere, websocket],
    ['end all sockets of what was revoked', revokesEverywhere, websocket],
    ['take a new key of the server together', takesANewKeyEverywhere, websocket],
    ['limit the sockets of a wallet together', limitsSocketsOfAWallet, websocket],
    ['limit the sockets of an address together', limitsSocketsOfAnAddress, websocket],
    ['limit the connections of an address together', limitsConnectionsOfAnAddress,
        { ...websocket, plain: 'it counts before any handshake' }],
    ['limit the sends of a wallet together', limitsSends, websocket],
    ['sum their numbers', sumsItsNumbers, websocket],
    ['tell all clients that they end', tellsAllThatItEnds, both],
    ['hurry when they are told twice', hurries, both],
    ['lose nothing when they are ended', losesNothing(drains, SAME), own],
    ['lose nothing when one comes after them', losesNothing(drains, ALONE), websocket],
    ['lose nothing when they are killed', losesNothing(kill, SAME), own],
    ['lose nothing when they are killed and one comes', losesNothing(kill, ALONE), websocket],
]);
