/**
 * What wallets do, each with a weight: how often. An operation gets a device and numbers by
 * chance, of which it makes what can be done at the time.
 */
import { NODES } from '../e2e/chat/cluster.mjs';
import { sleep } from '../e2e/lib.mjs';

/** Several nodes have them elsewhere, which takes more than this. */
const HAS_FILES = NODES === 1;

const CONTACTS = ['conversation.accept', 'conversation.block', 'conversation.unblock'];
const TOO_FAR = 1000000;
const BURST = 60;
const LOSS_MS = 40;

/** Mostly a line, sometimes a page, rarely as much as a message may be. */
function contentOf(token, n) {
    const size = n % 60 === 0 ? 60000 : n % 12 === 0 ? 2000 : n % 40;
    const text = 'x'.repeat(size);
    if (n % 5 === 1) return { type: 'x-test.model', content: { token, text, n: [n, null, 0.5] } };
    return { type: 'text', content: `${token} ${text}` };
}

function messageOf(world, device, [to, what, key, reply], token) {
    const peer = world.peer(device.wallet, to);
    const top = device.top.get(peer);
    return {
        token, to: peer, ...contentOf(token, what),
        ...(key % 10 > 0 && { client_msg_id: token }),
        ...(reply % 6 === 0 && top && { reply_to: 1 + reply % top }),
    };
}

const send = (world, device, d) =>
    device.send(messageOf(world, device, d, `s${world.step}`));

const fileTo = (world, device, [to, key], token, upload) => device.send({
    ...messageOf(world, device, [to, 0, key, 1], token), type: 'file',
    content: { token, upload },
});

/** Mostly it is put before it is sent; else after, or never. */
async function file(world, device, [to, key, size, how]) {
    const token = `s${world.step}`;
    const bytes = Buffer.from(`${token} `.repeat(1 + size % 5000));
    const told = await device.announce(`${token}.txt`, bytes);
    if (!told) return;
    const isLate = how % 4 === 0;
    if (isLate) await fileTo(world, device, [to, key], `${token}.early`, told.upload);
    if (how % 12 > 0) await device.put(told, bytes);
    await fileTo(world, device, [to, key], token, told.upload);
}

/** One that was announced before, mostly of its own. */
async function fileAgain(world, device, [to, key, which, whose]) {
    const uploads = [...world.files].filter(([, { wallet }]) =>
        whose % 4 === 0 || wallet === device.wallet);
    if (!uploads.length) return;
    const [upload] = uploads[which % uploads.length];
    await fileTo(world, device, [to, key], `s${world.step}`, upload);
}

/** Many at once, mostly to one. */
const burst = (world, device, [to, what, key, n, spread]) =>
    Promise.all(Array.from({ length: 2 + n % BURST }, (_, i) =>
        device.send(messageOf(world, device, [to + (spread % 4 ? 0 : i), what + i, key + i, 1],
            `s${world.step}.${i}`))));

/** What was answered is sent again, by the same device. */
async function repeat(world, device, [which]) {
    const { answered } = device;
    if (answered.length) await device.send({ ...answered[which % answered.length] });
}

async function conflict(world, device, [which]) {
    const { answered } = device;
    if (!answered.length) return;
    const { token: _, ...old } = answered[which % answered.length];
    const other = { ...old, type: 'text', content: `other s${world.step}` };
    const answer = await device.ask('message.send', other, { isConflict: true });
    if (answer) world.count('conflict');
}

function known(device, n) {
    const peers = [...device.top.keys()].sort();
    const peer = peers[n % peers.length];
    return peer && { peer, top: device.top.get(peer) };
}

const mark = (event, isTooFar = false) => async (world, device, [which, seq]) => {
    const { peer, top } = known(device, which) ?? {};
    if (!peer) return;
    const near = Math.max(1, top - seq % 20);
    const payload = { peer, seq: isTooFar ? top + TOO_FAR : near };
    const answer = await device.ask(event, payload, { isTooFar });
    if (answer?.status === 'ok') world.count(event);
};

async function history(world, device, [which, at, how, limit]) {
    const { peer, top } = known(device, which) ?? {};
    if (!peer) return;
    const bound = { [how % 2 ? 'before' : 'after']: 1 + at % (top + 5) };
    const answer = await device.ask('message.history',
        { peer, ...(how % 3 && bound), limit: 1 + limit % 60 });
    if (answer) world.count('message.history');
}

async function list(world, device) {
    if (await device.ask('conversation.list', {})) world.count('conversation.list');
}

/** One at a time for each of its wallet's peers. */
const contact = (event) => async (world, device, [to]) => {
    const peer = world.peer(device.wallet, to);
    const others = world.devices.filter(({ wallet }) => wallet === device.wallet);
    if (others.some(({ asking }) => asking.has(peer))) return;
    await device.contact(event, peer);
};

async function vanish(world, device, [how, ms]) {
    world.count('a device vanished');
    await device.vanish(how % 5, ms % LOSS_MS);
}

async function dial(world, device, [transport, habit, way, age]) {
    if (device.conn || !world.isUp) return;
    const isResuming = device.cursor !== undefined;
    if (await device.dial({ transport, habit, way, age }) && isResuming)
        world.count('a device resumed');
}

/** Without its cursor; sometimes with one of another wallet. */
async function install(world, device, [how, ...d]) {
    if (device.conn) await device.vanish(0);
    device.forget();
    const other = world.devices.find(({ wallet }) => wallet !== device.wallet);
    const foreign = how % 3 === 0 ? other.cursor : undefined;
    if (!world.isUp) return;
    if (await device.dial({ transport: d[0], habit: d[1], way: d[2], foreign }))
        world.count('a device began anew');
}

async function kill(world, device, [how]) {
    await world.kill(how % 4 !== 0);
    world.count('the server ended');
}

const botOf = (world, device) => world.bots.find(({ wallet }) => wallet === device.wallet);

/** Sometimes it does not wait for the answer. */
async function call(world, device, [to, what, , reply, patience]) {
    const send = messageOf(world, device, [to, what, 1, reply], `s${world.step}`);
    await botOf(world, device).send(send, patience % 4 ? undefined : patience % 5);
}

async function callRead(world, device, [which, seq, mark]) {
    const { peer, top } = known(device, which) ?? {};
    if (!peer) return;
    const event = mark % 2 ? 'message.read' : 'message.delivered';
    await botOf(world, device).ask(event, { peer, seq: Math.max(1, top - seq % 20) });
}

const pause = (world, device, [ms]) => sleep(ms % 30);

/** name, weight, what it does, and what it wants: a device that is live, a server that ends */
const TABLE = [
    ['send', 300, send],
    ['file', 25, file, 'live'],
    ['file again', 15, fileAgain, 'live'],
    ['burst', 12, burst],
    ['repeat', 20, repeat],
    ['conflict', 8, conflict],
    ['ack', 90, (world, device, [n]) => device.ackHeld(n), 'live'],
    ['ack all', 40, (world, device, [n]) => device.ackHeld(n, true), 'live'],
    ['read', 70, mark('message.read'), 'live'],
    ['delivered', 30, mark('message.delivered'), 'live'],
    ['read too far', 4, mark('message.read', true), 'live'],
    ['history', 30, history, 'live'],
    ['list', 20, list, 'live'],
    ['vanish', 60, vanish, 'live'],
    ['dial', 90, dial],
    ['install', 8, install],
    ['pause', 40, pause],
    ...CONTACTS.map((event, i) => [event, [8, 10, 24][i], contact(event)]),
    ['call', 40, call],
    ['call read', 15, callRead],
    ['kill', 4, kill, 'ends'],
].map(([name, weight, run, wants]) => ({ name, weight, run, wants }));

/** @param ends  does the server end at times, and come back? */
export function operations(ends) {
    const all = TABLE.filter(({ wants, run }) =>
        (ends || wants !== 'ends') && (HAS_FILES || ![file, fileAgain].includes(run)));
    return { all, total: all.reduce((n, { weight }) => n + weight, 0) };
}

/** What must have come of a run, or it has shown little. */
export const WANTED = [
    'message.send', 'message.read', 'message.delivered', 'message.history', 'conversation.list',
    'conflict', 'a send was a duplicate', 'an answer was lost', 'a device vanished',
    'a device crashed', 'a device resumed', 'a device began anew', 'the server ended',
    'mailbox_full', ...CONTACTS, 'forbidden', 'a call', 'an answer to a call was lost',
    ...(HAS_FILES ? ['a file was put', 'upload_missing', 'a link was good'] : []),
];
