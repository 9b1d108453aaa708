/** Several sockets of one wallet, and where a socket that was away goes on. */
import { same } from '../../lib.mjs';
import { areInOrder, asPeer, isMessage, numbers, seqs } from '../expect.mjs';
import { Peer, join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const twoOf = (t, address = wallet()) =>
    Promise.all([joinSynced(t, address), joinSynced(t, address)]);

async function tellsEachDevice(t) {
    const [[a1, a2], [b1, b2]] = await Promise.all([twoOf(t), twoOf(t)]);
    const sent = await a1.send(b1.address, 'hello', { client_msg_id: 'k' });
    const toA2 = await a2.take('message.new');
    isMessage(toA2, {
        seq: 1, from: a1.address, to: b1.address, peer: b1.address, type: 'text',
        content: 'hello', client_msg_id: 'k', status: 'undelivered',
    }, true);
    same(toA2.id, sent.id, 'id');
    for (const b of [b1, b2]) {
        const { cursor, ...got } = await b.take('message.new');
        same(typeof cursor, 'string', 'cursor');
        same({ ...got, status: 0 }, asPeer(sent, b.address, { status: 0 }), 'message');
    }
    await b2.ok('message.read', { peer: a1.address, seq: 1 });
    for (const each of [a1, a2, b1, b2]) {
        same((await each.take('message.read')).by, b1.address, 'by');
        same((await heardOf(each, 'message.delivered', 1)).by, b1.address, 'by');
    }
    for (const each of [a1, a2, b1, b2]) await each.heardNo('message.new');
}

/** A duplicate is no new message for any device. */
async function tellsADuplicateOnce(t) {
    const [[a1, a2], b] = await Promise.all([twoOf(t), joinSynced(t)]);
    await a1.send(b.address, 'x', { client_msg_id: 'k' });
    await a2.take('message.new'); // or else it may get it by its own answer alone
    await a2.send(b.address, 'x', { client_msg_id: 'k' });
    await b.take('message.new');
    for (const each of [a1, a2, b]) await each.heardNo('message.new');
}

/** What one device has, the other need not get again; what it has not, comes to both. */
async function countsEachSocketForItself(t) {
    const a = await joinSynced(t);
    const address = wallet();
    const [b1, b2] = await Promise.all([1, 2].map(() => joinSynced(t, address, { acking: false })));
    await sendMany(a, address, 3);
    const [got1, got2] = await Promise.all([b1, b2].map((b) => b.takeAll('message.new', 3)));
    b1.ack(got1[0]);
    await heardOf(a, 'message.delivered', 1);
    b2.ack(got2[2]); // above 2, which no socket has acknowledged
    await b2.works();
    await a.heardNo('message.delivered');
    b2.ack(got2[1]);
    await heardOf(a, 'message.delivered', 3);
    await Promise.all([b1, b2].map((b) => b.leave()));
    const again = await joinSynced(t, address);
    await again.heardNo('message.new');
}

/** From a cursor: all that there was since, one's own as well, and nothing from before. */
async function goesOnFromACursor(t) {
    const [a, b] = await joinAll(t, 2);
    const b2 = await joinSynced(t, b.address);
    await a.send(b.address, 'before');
    await b.take('message.new');
    await b2.take('message.new');
    await heardOf(a, 'message.delivered', 1);
    await heardOf(b, 'message.delivered', 1);
    await b.ok('conversation.list', {});
    await b.drop();
    const { cursor } = b;
    await a.send(b.address, 'while away');
    await b2.take('message.new'); // which delivers it, on this device
    await heardOf(a, 'message.delivered', 2);
    await b2.send(a.address, 'own, of the other device', { client_msg_id: 'own' });
    await a.take('message.new');
    await heardOf(b2, 'message.delivered', 3);
    await a.ok('message.read', { peer: b.address, seq: 3 });
    const again = await join(t, b.address, { cursor, had: b.kept });
    same(again.ready.recovered, true, 'recovered');
    await again.take('synced');
    const got = await again.takeAll('message.new', 2);
    same(got.map(({ content }) => content), ['while away', 'own, of the other device'], 'texts');
    same(got[1].client_msg_id, 'own', 'client_msg_id');
    await heardOf(again, 'message.read', 3);
    await again.heardNo('message.new');
    const had = [...b.kept, ...again.kept];
    const later = await joinSynced(t, b.address, { cursor: again.cursor, had });
    same(later.ready.recovered, true, 'recovered');
    await later.heardNo('message.new');
}

/** Only what is undelivered, where there is no cursor. */
async function startsWithoutACursor(t) {
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'delivered');
    await heardOf(a, 'message.delivered', 1);
    const again = await joinSynced(t, b.address);
    same(again.ready.recovered, false, 'recovered');
    await again.heardNo('message.new');
    same((await again.ok('message.history', { peer: a.address })).messages.length, 1, 'history');
}

const FOREIGN = {
    "another account's": (b, other) => other.cursor,
    'garbage': () => 'garbage',
    'of 64 characters': () => 'x'.repeat(64),
    'too long': () => 'x'.repeat(1000),
    'a number': () => 7,
};

async function refusesForeignCursors(t) {
    const [a, b, other] = await joinAll(t, 3);
    await a.send(other.address, 'so that it has a cursor');
    await other.take('message.new');
    await a.send(b.address, 'delivered');
    await b.take('message.new');
    await heardOf(a, 'message.delivered', 1, b.address);
    await b.leave();
    await a.send(b.address, 'undelivered');
    for (const [what, make] of Object.entries(FOREIGN)) {
        const again = await join(t, b.address, { cursor: make(b, other), acking: false });
        same(again.ready.recovered, false, `recovered with a cursor that is ${what}`);
        await again.take('synced');
        same(seqs(await again.takeAll('message.new', 1)), [2], 'as without');
        await again.heardNo('message.new');
        await again.leave();
    }
}

/** Of another data directory; positions may be the same there. */
async function refusesACursorOfAnotherStore(t) {
    const address = wallet();
    const b = await joinSynced(t, address);
    const { cursor } = b;
    await t.serve({ options: ['--rate-limits=off'] });
    const again = await joinSynced(t, address, { cursor });
    same(again.ready.recovered, false, 'recovered');
}

/** A restart is no reason to lose one's place. */
async function goesOnAfterARestart(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=1s'] });
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'before');
    await b.take('message.new');
    await heardOf(b, 'message.delivered', 1);
    await t.server.stop();
    await t.serveAgain({ options: ['--rate-limits=off'] });
    const again = await joinSynced(t, b.address, { cursor: b.cursor, had: b.kept });
    same(again.ready.recovered, true, 'recovered');
    await again.heardNo('message.new');
    same((await again.ok('message.history', { peer: a.address })).messages.length, 1, 'history');
}

/**
 * The socket breaks off again and again while messages come, and goes on from what it has
 * kept: each is there, in order on each socket, and those that another device sent as well.
 */
async function skipsNothingUnderWay(t) {
    const [a, b] = await joinAll(t, 2);
    const other = await joinSynced(t, b.address);
    await b.leave();
    const n = 400;
    const kept = new Set();
    const sending = Promise.all([
        sendMany(a, b.address, n, { atOnce: 3 }),
        sendMany(other, a.address, 20, { atOnce: 1 }),
    ]);
    let { cursor } = b;
    for (let k = 0; kept.size < n + 20; k++) {
        const one = await join(t, b.address, { cursor, acking: false });
        same(one.ready.recovered, true, 'recovered');
        const upto = Math.min(n + 20, kept.size + 10 + 7 * (k % 5));
        let last = 0;
        while (kept.size < upto) {
            const m = await one.take('message.new');
            same(m.seq > last, true, `seq ${m.seq} behind ${last}`);
            last = m.seq;
            kept.add(m.seq);
            ({ cursor } = m); // and not that of what came since: it is not kept, yet
            one.ack(m);
        }
        one.socket.io.engine.close();
    }
    await sending;
    areInOrder([...kept].sort((x, y) => x - y), 1, n + 20);
}

async function hearsNothingOfOthers(t) {
    const [a, b, c] = await joinAll(t, 3);
    const message = await a.send(b.address, 'x');
    await b.take('message.new');
    await b.ok('message.read', { peer: a.address, seq: 1 });
    await heardOf(a, 'message.read', 1);
    await c.works();
    same(c.log.map(([event]) => event), ['ready', 'synced'], 'events');
    const { conversation } = message;
    await c.refused('message.history', { conversation }, 'not_found');
    await c.refused('message.history', { peer: a.address }, 'not_found');
    const cursor = b.cursor;
    const thief = await Peer.dial(t, c.address, { cursor });
    same((await thief.take('ready')).recovered, false, 'recovered');
    await thief.take('synced');
    await thief.heardNo('message.new');
}

export const rows = overTransports('devices', [
    ['tells each device, and the sender once', tellsEachDevice],
    ['tells a duplicate once', tellsADuplicateOnce],
    ['counts acknowledgements of each socket for itself', countsEachSocketForItself],
    ['goes on from a cursor', goesOnFromACursor],
    ['starts with what is undelivered', startsWithoutACursor],
    ['refuses cursors that are not its own', refusesForeignCursors],
    ['refuses a cursor of another store', refusesACursorOfAnotherStore],
    ['goes on from a cursor after a restart', goesOnAfterARestart, { own: true }],
    ['skips nothing when a socket breaks off again and again', skipsNothingUnderWay,
        { limit: 30000 }],
    ['hears nothing of the conversations of others', hearsNothingOfOthers],
]);
