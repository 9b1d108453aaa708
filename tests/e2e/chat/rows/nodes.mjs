/** Several processes that are one service: NODES of them, behind a front. */
import { randomBytes } from 'node:crypto';
import { between, match, now, same, spare, until, within } from '../../lib.mjs';
import { Pipe } from '../../pipe.mjs';
import { ask } from '../../wire.mjs';
import { ENDS_MS, NODES, makeKeys } from '../cluster.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { SIGN_IN, folder } from '../serve.mjs';
import { evmWallet } from '../signer.mjs';
import { bearer, granted, logout, signIn } from '../site.mjs';
import { wallet } from '../wallet.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { ONLINE, befriend, watch } from './live.mjs';
import { revoke } from './revoke.mjs';
import { isEnded } from './sessions.mjs';
import { Bare, talk } from './workers.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];
const LOST_MS = 33000;  // 15 to miss a node, 5 to look, 10 to ask who was on it, and some
const CHECK_MS = 10000; // until what the bus did not bring is found in the store
const MISSED_MS = 5000; // until a node finds that another one has its name

const start = (t, how) => t.serve({ options: QUIET, ...how });
const metric = async (server, name) => (await server.metrics()).get(name);

/** A wallet on the node with this number. */
const joinOn = (t, i, address, options) =>
    joinSynced(t, address, { url: t.server.nodes[i].url, ...options });
const joinEach = (t, address, options) =>
    Promise.all(t.server.nodes.map((_, i) => joinOn(t, i, address, options)));

// Requests that come to another node than their session.

async function pollsThroughAll(t) {
    await start(t);
    const [a, b] = [await Bare.join(t), await Bare.join(t)];
    const n = 20;
    for (const { told, answered } of await Promise.all([talk(a, b, n), talk(b, a, n)])) {
        same(told, [...told].sort((x, y) => x - y), 'order');
        areInOrder([...told, ...answered].sort((x, y) => x - y), 1, 2 * n);
    }
    between(await metric(t.server, 'parley_relays_total'), 20, Infinity, 'requests for other nodes');
    same(await metric(t.server, 'parley_relays_failed_total'), 0, 'of those whose node was not found');
}

/** A poll that waits is answered when there is something, through whichever node it came. */
async function waitsThroughAll(t) {
    await start(t);
    const owner = t.server.nodes[0];
    const a = await joinSynced(t);
    const b = await Bare.join(t, wallet(), owner.url);
    await a.ok('presence.watch', { accounts: [b.address] });
    for (const [i, { url }] of t.server.nodes.entries()) {
        b.url = url;
        const coming = spare(b.hear());
        const content = randomBytes(20000 + i).toString('hex');
        await a.send(b.address, content);
        let packet = await within(5000, `answer to a poll through node ${i}`, coming);
        while (!packet.includes('"message.new"')) packet = await b.hear(); // its own was delivered
        const [, id, text] = /^42(\d+)\["message\.new",(.*)\]$/s.exec(packet);
        same(JSON.parse(text).content === content, true, 'the content');
        const back = randomBytes(25000).toString('hex');
        await b.say(`43${id}[]`, `42["message.send",${JSON.stringify({
            to: a.address, type: 'text', content: back })}]`);
        same((await a.take('message.new')).content === back, true, 'the content of the answer');
        await heardOf(a, 'message.delivered', 2 * i + 1, b.address);
    }
}

/** The stock client's way: it polls, and goes over to a WebSocket at some other node. */
async function upgradesElsewhere(t) {
    await start(t);
    const peers = await joinAll(t, 2 * NODES);
    between(await metric(t.server, 'parley_relays_websockets'), 1, 2 * NODES, 'WebSockets elsewhere');
    const next = (i) => peers[(i + 1) % peers.length].address;
    await Promise.all(peers.map((peer, i) => sendMany(peer, next(i), 50)));
    for (const [i, peer] of peers.entries()) {
        areInOrder(seqs(await peer.takeAll('message.new', 50)), 1, 50);
        await heardOf(peer, 'message.delivered', 50, next(i));
    }
    await peers[0].leave();
    await Promise.all(peers.slice(1).map((peer) => peer.works()));
}

// Nodes that come and go.

async function survivesAKill(t) {
    await start(t);
    const [a, watcher] = [await joinOn(t, 0), await joinOn(t, 1)];
    const only = await joinOn(t, 0);
    const bare = await Bare.join(t, wallet(), t.server.nodes[0].url);
    await befriend(watcher, only);
    same(await watch(watcher, only.address), [{ account: only.address, ...ONLINE }], 'presence');
    await sendMany(a, watcher.address, 20);
    const from = Date.now();
    await t.server.nodes[0].kill();

    await a.take('disconnect');
    bare.url = t.server.nodes[1].url;
    const { status, body } = await bare.try('GET');
    same([status, JSON.parse(body).code], [400, 1], 'a poll of a session that was there');
    const again = await joinSynced(t, a.address);
    const { messages } = await again.ok('message.history', { peer: watcher.address });
    same(seqs(messages).sort((x, y) => x - y), numbers(20), 'what was acknowledged');
    await again.send(watcher.address, 'from elsewhere');
    const got = seqs(await watcher.takeAll('message.new', 21, CHECK_MS));
    same(got.sort((x, y) => x - y), numbers(21), 'what the other has heard');
    const { account, online } = await watcher.take('presence.changed', LOST_MS);
    same([account, online], [only.address, false], 'presence'); // since when, nobody has seen
    between(Date.now() - from, 0, LOST_MS, 'milliseconds until it is offline');
    const back = await t.server.add('node-1');
    await joinSynced(t, only.address, { url: back.url });
    same(await watcher.take('presence.changed'), { account: only.address, ...ONLINE }, 'back');
}

/** Nobody has told the others of it. */
async function findsWhoComes(t) {
    await start(t);
    const [old, late] = [t.server.nodes[0], await t.server.add('one-more')];
    const bare = await Bare.join(t, wallet(), late.url);
    bare.url = old.url;
    const a = await joinOn(t, 1);
    await a.send(bare.address, 'hello');
    match(await bare.hear(), /"message\.new".*hello/, 'what it hears through an old node');
    await until('all know of it', async () =>
        (await Promise.all(t.server.nodes.map((node) => metric(node, 'parley_nodes'))))
            .every((n) => n === NODES + 1));
    await late.stop();
    await until('all know that it is gone', async () =>
        (await Promise.all(t.server.nodes.slice(0, NODES).map((node) => metric(node, 'parley_nodes'))))
            .every((n) => n === NODES));
}

/** What it sends it sends until it is answered, however often that takes, under the same key. */
function sendSteadily(peer, to) {
    const sending = { answers: [], isOver: false };
    sending.ended = spare((async () => {
        for (let i = 1; !sending.isOver;) {
            const message = { to, type: 'text', content: `${i}`, client_msg_id: `k${i}` };
            const answer = await peer.ask('message.send', message, 2000).catch(() => undefined);
            if (answer?.status !== 'ok') continue;
            sending.answers.push(answer.message);
            i++;
        }
    })());
    return sending;
}

async function rolls(t) {
    await start(t);
    const options = { reconnection: true, reconnectionDelay: 50, reconnectionDelayMax: 300,
        randomizationFactor: 0.5 };
    const [a, b] = await Promise.all([wallet(), wallet()].map((one) => joinSynced(t, one, options)));
    await befriend(a, b);
    const both = [sendSteadily(a, b.address), sendSteadily(b, a.address)];
    const goOn = () => Promise.all(both.map(({ answers }) => {
        const before = answers.length;
        return until('it goes on', () => answers.length > before + 20);
    }));
    for (const { name } of [...t.server.nodes]) {
        await goOn();
        await t.server.nodes.find((one) => one.name === name).stop();
        await t.server.add(name);
    }
    await goOn();
    both.forEach((sending) => (sending.isOver = true));
    await Promise.all(both.map(({ ended }) => ended));
    const sent = { [a.address]: both[0].answers, [b.address]: both[1].answers };
    for (const [peer, other] of [[a, b], [b, a]]) {
        const all = sent[other.address];
        const got = new Map();
        await until('all have come', () => {
            peer.heard.get('message.new')?.splice(0).forEach((message) => {
                if (message.seq > 2 && message.from === other.address && !got.has(message.id))
                    got.set(message.id, message);
            });
            return got.size >= all.length;
        });
        same([...got.keys()], all.map(({ id }) => id), 'what has come, each once, in its order');
        same([...got.values()].map(({ content }) => content), numbers(all.length).map(String), 'contents');
        const errors = peer.log.filter(([event]) => event === 'error').map(([, { error }]) => error.code);
        same(errors, [], 'what goes wrong for a client');
    }
}

// What is known everywhere.

async function endsEverywhere(t) {
    await t.serve({ options: SIGN_IN });
    const ends = [
        (of) => revoke(t, of.account),
        (of, token) => granted(logout(t, { all: true }, bearer(token))),
    ];
    for (const end of ends) {
        const of = evmWallet();
        const { access_token: token } = await signIn(t, of);
        const peers = await joinEach(t, of.account, { token });
        const from = now();
        await end(of, token);
        await Promise.all(peers.map(isEnded));
        between(now() - from, 0, ENDS_MS, 'milliseconds until all have ended');
    }
}

async function tellsAcross(t) {
    await start(t);
    const [a, b] = [await joinOn(t, 0), await joinOn(t, 1)];
    const second = await joinOn(t, 2, b.address);
    const conversation = await befriend(a, b);
    await second.take('message.new');
    same(await watch(a, b.address), [{ account: b.address, ...ONLINE }], 'presence');
    await a.ok('typing.start', { peer: b.address });
    for (const each of [b, second])
        same(await each.take('typing.start'), { conversation, peer: a.address }, 'typing');
    const { seq } = await a.send(b.address, 'read me');
    for (const each of [b, second])
        await until('it comes', async () => (await each.take('message.new')).seq === seq);
    await heardOf(a, 'message.delivered', seq, b.address);
    await second.ok('message.read', { conversation, seq });
    await heardOf(a, 'message.read', seq, b.address);
    await b.ok('conversation.block', { peer: a.address });
    await until('the other device knows', async () =>
        (await second.take('conversation.changed')).conversation.blocked);
    same((await a.take('presence.changed')).online, false, 'who has blocked is not seen');
    await a.send(b.address, 'withheld');
    for (const each of [b, second]) await each.heardNo('message.new');
    await second.ok('conversation.unblock', { peer: a.address });
    await a.send(b.address, 'and now');
    for (const each of [b, second])
        await until('it comes', async () => (await each.take('message.new')).content === 'and now');
}

/** Other services are on the same NATS, in the other rows and here. */
async function hearsNobodyElse(t) {
    const [one, other] = [await start(t), await t.servers.serve({ options: QUIET })];
    t.defer(() => other.child.kill('SIGKILL'));
    for (const node of [...one.nodes, ...other.nodes])
        await until('it hears the others', async () =>
            (await metric(node, 'parley_bus_nodes')) >= NODES - 1);
    await joinSynced(t);
    for (const node of [...one.nodes, ...other.nodes])
        same(await metric(node, 'parley_bus_nodes'), NODES - 1, 'others that it hears');
}

// NATS that is away.

async function outlivesItsBus(t) {
    const pipe = await Pipe.lay(t, process.env.TEST_NATS.replace(/^nats:/, 'http:'));
    await start(t, { bus: pipe.url.replace('http:', 'nats:') });
    const [a, b] = [await joinOn(t, 0), await joinOn(t, 1)];
    await befriend(a, b);
    pipe.shut();
    await until('all have lost it', async () => (await metric(t.server, 'parley_bus_up')) === 0);
    const from = now();
    await a.send(b.address, 'by the store alone');
    same((await b.take('message.new', CHECK_MS)).content, 'by the store alone', 'content');
    between(now() - from, 0, CHECK_MS, 'milliseconds');

    const late = await t.server.add('one-more');
    const c = await joinSynced(t, undefined, { url: late.url });
    await c.send(b.address, 'from one that has never seen it');
    await b.take('message.new', CHECK_MS);

    pipe.open();
    for (const node of t.server.nodes)
        await until('it is back', async () => (await metric(node, 'parley_bus_up')) === 1);
    await until('all hear each other', async () => (await Promise.all(t.server.nodes.map(
        (node) => metric(node, 'parley_bus_nodes')))).every((n) => n === NODES));
    const back = now();
    for (const each of [a, c]) {
        await each.send(b.address, 'at once again');
        await b.take('message.new', 2000);
    }
    between(now() - back, 0, 2000, 'milliseconds');
}

// Mistakes of operators.

async function saysThatItsNameIsTaken(t) {
    await start(t);
    const [first] = t.server.nodes;
    const a = await joinOn(t, 0);
    const second = await t.server.startOne('node-1', { data: folder('second') });
    t.defer(() => second.child.kill('SIGKILL'));
    await until('it is not ready', async () =>
        (await ask(t, first.url, 'GET', '/readyz')).status === 503, MISSED_MS + 5000);
    await until('it is in the log', () => /level=error .*event=cluster_taken /.test(first.stderr));
    same((await ask(t, second.url, 'GET', '/readyz')).status, 200, 'the other one');
    await a.works();
    await second.stop();
}

/** It has the database, and none of the keys. */
async function relaysForNobodyElse(t) {
    await start(t);
    const keys = folder('keys');
    makeKeys(t.servers.binary, keys);
    const odd = await t.server.startOne('odd', { keys });
    t.defer(() => odd.child.kill('SIGKILL'));
    const denied = async () =>
        (await Promise.all([...t.server.nodes, odd].map((node) =>
            metric(node, 'parley_relays_denied_total')))).reduce((x, y) => x + y);
    for (const [at, through] of [[odd, t.server.nodes[0]], [t.server.nodes[0], odd]]) {
        const bare = await Bare.join(t, wallet(), at.url);
        const before = await denied();
        bare.url = through.url;
        same((await bare.try('GET')).status, 403, `status through ${through.name}`);
        same(await denied(), before + 1, 'requests that were denied');
        bare.url = at.url;
        await bare.say('421["conversation.list",{}]');
        match(await bare.hear(), /^431\[\{"status":"ok"/, 'it goes on where it is');
    }
    await odd.stop();
}

const own = { own: true, nodes: true, limit: 90000 };
const idle = { ...own, idle: true };
const polling = { ...own, over: ['polling'] };
const websocket = { ...own, over: ['websocket'] };

export const rows = overTransports('nodes', [
    ['serve a client whose requests go to all of them', pollsThroughAll, polling],
    ['answer a poll that waits at another one', waitsThroughAll, polling],
    ['serve a client that upgrades at another one', upgradesElsewhere, { ...own, over: ['upgrade'] }],
    ['lose nothing when one is killed', survivesAKill, { ...idle, over: ['websocket'] }],
    ['find who comes later at once', findsWhoComes, { ...idle, over: ['polling'] }],
    ['are started again one by one, and nobody notices', rolls, own],
    ['end what was ended on one', endsEverywhere, websocket],
    ['tell each other of all that happens', tellsAcross, own],
    ['hear nobody else on their NATS', hearsNobodyElse, websocket],
    ['go on without NATS', outlivesItsBus, { ...idle, over: ['websocket'] }],
    ['say that another one has their name', saysThatItsNameIsTaken, { ...idle, over: ['websocket'] }],
    ['pass nothing on for one with other keys', relaysForNobodyElse, polling],
]);
