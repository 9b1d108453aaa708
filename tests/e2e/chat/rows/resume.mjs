/** What a client is told when it connects, and where it goes on from a cursor. */
import { Failure, same, until } from '../../lib.mjs';
import { urlsOf } from '../cluster.mjs';
import { changeStore, copyData, onPostgres } from '../database.mjs';
import { areInOrder, isCursor, numbers, seqs } from '../expect.mjs';
import { pageOf } from '../pasted.mjs';
import { DURABLE, Peer, join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s'];

/** While messages come all the time: each once and in order, on whichever side of synced. */
async function isReadyFirstAndSyncedOnce(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    const n = 600;
    await sendMany(a, address, n / 3);
    const sending = sendMany(a, address, n - n / 3, { from: n / 3 + 1, atOnce: 4 });
    const b = await join(t, address);
    await b.take('synced', 10000);
    await sending;
    areInOrder(seqs(await b.takeAll('message.new', n)), 1, n);
    await heardOf(a, 'message.delivered', n);
    const events = b.log.map(([event]) => event);
    same(events[0], 'ready', 'the first event');
    for (const event of ['ready', 'synced'])
        same(events.filter((one) => one === event).length, 1, `events "${event}"`);
    const before = events.indexOf('synced');
    same(events.slice(0, before).filter((one) => one === 'message.new').length >= n / 3, true,
        'what waited came before synced');
    same(b.log.map(([, payload]) => payload).filter(({ cursor }) => cursor).length,
        events.filter((one) => /^(message|synced)/.test(one)).length, 'events with a cursor');
}

/** The stock client sends what waits right behind its CONNECT. */
async function answersNothingBeforeItIsReady(t) {
    const address = wallet();
    for (let i = 0; i < 10; i++) {
        const peer = await Peer.dial(t, address);
        await peer.ok('conversation.list', {});
        same(peer.log[0]?.[0], 'ready', 'what came before the answer');
        await peer.leave();
    }
}

/** What is to be kept has one, whether it waited, came live or is one's own; nothing else has. */
async function givesCursors(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    await a.send(address, 'it waited');
    const b = await joinSynced(t, address);
    const b2 = await joinSynced(t, address);
    await a.send(address, 'live');
    await b2.send(a.address, "one's own, of another device");
    await heardOf(b, 'message.delivered', 3, a.address);
    await a.ok('message.read', { peer: address, seq: 3 });
    await heardOf(b, 'message.read', 3);
    await b.ok('conversation.block', { peer: wallet() });
    await b.take('conversation.changed');
    b.socket.emit('message.send', { to: a.address, type: 'text', content: 'ack me' });
    const answer = await b.take('ack');
    same('cursor' in answer.message, false, 'a cursor in an answer');
    b.socket.emit('no.such.event', {});
    await b.take('error');
    const again = await joinSynced(t, address, { cursor: b.log[0][1].cursor });
    for (const [event, payload] of [...b.log, ...again.log]) {
        if ([...DURABLE, 'synced'].includes(event)) isCursor(payload.cursor);
        else same('cursor' in payload, false, `a cursor in "${event}"`);
    }
    same(new Set(b.log.map(([event]) => event)),
        new Set([...DURABLE, 'synced', 'ready', 'ack', 'error']), 'events that were looked at');
}

/** Of what a log holds from there on: the ids of messages, and how far each mark is. */
function contentsOf(log) {
    const ids = new Set();
    const marks = new Map();
    for (const [event, payload] of log) {
        if (event === 'message.new') ids.add(payload.id);
        else if (event.startsWith('message.')) {
            const mark = `${event} of ${payload.conversation} by ${payload.by}`;
            marks.set(mark, Math.max(marks.get(mark) ?? 0, payload.seq));
        }
    }
    return { ids, marks };
}

function holds(again, rest, what) {
    const [got, want] = [contentsOf(again), contentsOf(rest)];
    for (const id of want.ids)
        if (!got.ids.has(id)) throw new Failure(`${what}: ${id} is skipped`);
    for (const [mark, seq] of want.marks)
        if (!(got.marks.get(mark) >= seq))
            throw new Failure(`${what}: ${mark} at ${got.marks.get(mark)}, want ${seq}`);
}

/** Who has kept an event, and its cursor, lacks what is behind it, and gets all of that. */
async function goesOnFromEach(t) {
    const [a, c, b] = await joinAll(t, 3);
    const b2 = await joinSynced(t, b.address);
    for (const i of numbers(4)) {
        await a.send(b.address, `a ${i}`);
        await b2.send(a.address, `b ${i}`);
        await c.send(b.address, `c ${i}`);
        const { conversations } = await b2.ok('conversation.list', {});
        for (const { conversation, last_seq: seq } of conversations)
            await (i % 2 ? a : b2).ask('message.read', { conversation, seq });
    }
    await heardOf(a, 'message.delivered', 8, b.address); // all that there is to be told is told
    await heardOf(c, 'message.delivered', 4, b.address);
    await heardOf(b, 'message.delivered', 8, a.address);
    await b.works();
    const log = b.log.slice(1); // `ready` is nothing to keep
    await b.leave();
    for (const [i, [event, { cursor }]] of log.entries()) {
        const again = await joinSynced(t, b.address, { cursor });
        same(again.ready.recovered, true, `recovered from ${event}`);
        holds(again.log, log.slice(i + 1), `from event ${i + 1}, ${event}`);
        await again.leave();
    }
    const { cursor } = log.at(-1)[1];
    const last = await joinSynced(t, b.address, { cursor, had: b.kept });
    same(last.log.map(([event]) => event), ['ready', 'synced'], 'from the last');
}

/** It says what a client has, and delivers nothing. */
async function isNoReceipt(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 5);
    const { cursor } = (await b.takeAll('message.new', 5)).at(-1);
    await b.leave();
    for (const _ of numbers(2)) {
        const again = await joinSynced(t, b.address, { cursor, acking: false });
        same(again.ready.recovered, true, 'recovered');
        same(seqs(await again.takeAll('message.new', 5)), numbers(5), 'seqs');
        await again.leave();
    }
    await a.heardNo('message.delivered');
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages.map(({ status }) => status), Array(5).fill('undelivered'), 'status');
}

/**
 * Undelivered from before the cursor, and since it what another device has, one's own too: as
 * they were sent. Without the cursor it is the undelivered ones alone.
 */
async function putsBothInOrder(t) {
    const [a, c, b] = [...await joinAll(t, 2), await joinSynced(t, undefined, { acking: false })];
    await a.send(b.address, 'delivered before');
    b.ack(await b.take('message.new'));
    await heardOf(a, 'message.delivered', 1);
    await a.send(b.address, 'undelivered, before');
    const { cursor } = await b.take('message.new');
    await b.leave();
    const b2 = await joinSynced(t, b.address, { acking: false });
    await c.send(b.address, 'delivered since');
    await b2.take('message.new'); // the undelivered one
    b2.ack(await b2.take('message.new'));
    await heardOf(c, 'message.delivered', 1);
    await b2.send(c.address, "one's own, since");
    await a.send(b.address, 'undelivered, since');
    const want = ['undelivered, before', 'delivered since', "one's own, since",
        'undelivered, since'];
    for (const [how, texts] of [[{ cursor, had: b.kept }, want], [{}, [want[0], want[3]]]]) {
        const again = await joinSynced(t, b.address, { ...how, acking: false });
        same(again.ready.recovered, 'cursor' in how, 'recovered');
        same((await again.takeAll('message.new', texts.length)).map((m) => m.content), texts,
            'contents');
        await again.heardNo('message.new');
        await again.leave();
    }
}

/** The others had it, and so a new one is told nothing; it reads what there was. */
async function readsWhatOthersHad(t) {
    const [a, b] = await joinAll(t, 2);
    await sendMany(a, b.address, 3);
    await b.send(a.address, 'and back');
    await heardOf(a, 'message.delivered', 3, b.address);
    await heardOf(b, 'message.delivered', 4, a.address);
    const b2 = await joinSynced(t, b.address);
    same(b2.log.map(([event]) => event), ['ready', 'synced'], 'events');
    const { messages } = await b2.ok('message.history', { peer: a.address });
    same(seqs(messages), numbers(4), 'seqs');
}

async function ignoresMoreThanItKnows(t) {
    const auth = { token: await t.issuers.token(wallet()), device: 'phone', more: [1] };
    const peer = await join(t, undefined, { auth });
    same(peer.ready.recovered, false, 'recovered');
    await peer.works();
}

async function knowsNoOtherNamespace(t) {
    for (const other of ['/other', '/chat', '//']) {
        const peer = await Peer.dial(t, wallet(), { url: `${t.url}${other}` });
        same((await peer.take('connect_error')).message, 'Invalid namespace', other);
    }
}

/** By the way that an operator has: `parley restore`, or as the page has it. @return its directory */
async function restored(t, data) {
    if (onPostgres) {
        const [, statement] = /psql \S+ --command='(UPDATE [^']+)'/.exec(pageOf('docs/operations.md'));
        await changeStore(data, statement);
        return data;
    }
    const [backup, again] = [folder('backup'), folder('restored')];
    t.servers.command('backup', '--quiet', '--data', data, backup);
    t.servers.command('restore', '--quiet', '--data', again, backup);
    return again;
}

/** Each node has seen the last of what there is. */
async function cursorBehindAll(t, address) {
    let all;
    await until('that all nodes know of the same', async () => {
        const peers = await Promise.all(urlsOf(t).map((url) => joinSynced(t, address, { url })));
        all = new Set(peers.map(({ cursor }) => cursor));
        return all.size === 1;
    });
    return [...all][0];
}

/**
 * What came behind the backup is gone, and its cursors with it: at once those beyond its end,
 * and of what was restored, as docs/operations.md has it, all of them.
 */
async function refusesOnesFromBeforeARestore(t) {
    const { data } = await t.serve({ options: OPTIONS });
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'kept');
    await b.take('message.new');
    await heardOf(b, 'message.delivered', 1);
    await t.server.stop();
    const backup = folder('backup');
    await copyData(data, backup);

    await t.serveAgain({ options: OPTIONS });
    const [a2, b2] = [await joinSynced(t, a.address), await joinSynced(t, b.address)];
    const lost = await a2.send(b.address, 'lost with the restore');
    await b2.take('message.new');
    await heardOf(b2, 'message.delivered', 2);
    const cursor = await cursorBehindAll(t, b.address);
    await t.server.stop();

    await t.serve({ data: backup, options: OPTIONS });
    same((await joinSynced(t, b.address, { cursor })).ready.recovered, false, 'recovered');
    await t.server.stop();

    await t.serve({ data: await restored(t, backup), options: OPTIONS });
    const a3 = await joinSynced(t, a.address);
    same((await a3.send(b.address, 'since 1')).id, lost.id, 'an id that is given again');
    for (const i of numbers(4, 2)) await a3.send(b.address, `since ${i}`); // and so it is passed
    for (const old of [cursor, b.cursor]) {
        const again = await joinSynced(t, b.address, { cursor: old, acking: false });
        same(again.ready.recovered, false, 'recovered');
        same(seqs(await again.takeAll('message.new', 5)), numbers(5, 2), 'all that is undelivered');
        await again.heardNo('message.new');
        await again.leave();
    }
}

export const rows = overTransports('resume', [
    ['says ready first and synced once, while messages come', isReadyFirstAndSyncedOnce,
        { limit: 30000 }],
    ['answers nothing before it is ready', answersNothingBeforeItIsReady],
    ['gives a cursor to what is to be kept', givesCursors],
    ['goes on from each cursor in turn', goesOnFromEach, { limit: 30000 }],
    ['takes a cursor for no receipt', isNoReceipt],
    ['sends what is undelivered and what came since in one order', putsBothInOrder],
    ['tells a new device nothing that others had', readsWhatOthersHad],
    ['ignores more than it knows in auth', ignoresMoreThanItKnows],
    ['knows no other namespace', knowsNoOtherNamespace],
    ['refuses cursors from before a restore', refusesOnesFromBeforeARestore,
        { own: true, over: ['websocket'], limit: 30000 }],
]);
