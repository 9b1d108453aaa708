/**
 * The disk fills up while wallets write: they are told so, and everything else goes on. What was
 * answered with an error is not there, what was acknowledged is: also in a successor that starts
 * on the full disk, and once there is room.
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { join as path } from 'node:path';
import { Failure, match, oneOf, same } from '../e2e/lib.mjs';
import { areInOrder, numbers, seqs } from '../e2e/chat/expect.mjs';
import { isRefusal, joinSynced } from '../e2e/chat/peer.mjs';
import { SmallDisk } from '../e2e/chat/serve.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s', '--media-reserve=0'];
const PAIRS = 3;
const AT_ONCE = 4;       // messages of each pair
const SURE = 5;          // refusals in a row: what is full
const LONG = 20000;      // bytes
const ENDLESS = 20000;   // messages
const ROOM = 200 * 1024; // KiB

/** One writes and the other reads. */
class Pair {
    acked = new Map();   // key -> message
    refused = new Map(); // key -> request, of what was not taken since
    kept = new Map();    // id -> message, as the recipient has it
    read = 0;            // the mark that was answered with ok

    constructor(t) {
        Object.assign(this, { t, from: wallet(), to: wallet() });
    }

    async join() {
        const { t, cursor } = this;
        const tap = (event, payload) => {
            if (event === 'message.new') this.#keep(payload);
            if (payload.cursor) this.cursor = payload.cursor;
        };
        this.a = await joinSynced(t, this.from);
        this.b = await joinSynced(t, this.to, { cursor, tap });
        same(this.b.ready.recovered, cursor !== undefined, 'recovered');
    }

    #keep(message) {
        const before = this.kept.get(message.id);
        if (before) same(message.content, before.content, `content of ${message.id}, again`);
        this.kept.set(message.id, message);
    }

    /** @return whether it was stored */
    async send(key, content) {
        const request = { to: this.to, type: 'text', content, client_msg_id: key };
        const answer = await this.a.ask('message.send', request);
        if (answer.status === 'ok') {
            this.acked.set(key, answer.message);
            this.refused.delete(key);
            return true;
        }
        isRefusal(answer, 'storage_unavailable');
        this.refused.set(key, request);
        return false;
    }

    /** Until none of so many bytes is taken. */
    async fill(bytes) {
        let next = 0;
        let refused = 0;
        const worker = async () => {
            while (refused < SURE) {
                const key = `${bytes}-${++next}`;
                if (next > ENDLESS) throw new Failure('it never fills');
                refused = (await this.send(key, key.padEnd(bytes, 'x'))) ? 0 : refused + 1;
            }
        };
        await Promise.all(numbers(AT_ONCE).map(worker));
    }

    /** Either it is so, or it was an error and is not. */
    async markRead() {
        const last = Math.max(...[...this.acked.values()].map(({ seq }) => seq));
        const answer = await this.b.ask('message.read', { peer: this.from, seq: last });
        if (answer.status === 'ok') this.read = answer.seq;
        else isRefusal(answer, 'storage_unavailable');
    }

    async #history() {
        const all = [];
        for (let before, hasMore = true; hasMore;) {
            const answer = await this.a.ok('message.history', { peer: this.to, limit: 200,
                ...(before && { before }) });
            all.unshift(...answer.messages);
            before = all[0].seq;
            hasMore = answer.has_more;
        }
        return all;
    }

    /** Nobody else writes to it: what is there is what was acknowledged, as it was. */
    async check() {
        const all = await this.#history();
        areInOrder(seqs(all), 1, all.length);
        const keys = new Set(all.map((message) => message.client_msg_id));
        for (const [key, { id }] of this.acked)
            same(keys.has(key), true, `${id}, which was acknowledged, is there`);
        same(all.length, this.acked.size, 'messages: those that were acknowledged');
        const { conversations } = await this.b.ok('conversation.list', {});
        const [{ mine, last_seq: last }] = conversations;
        same([mine.read_seq, last], [this.read, all.length], 'read_seq, last_seq');
    }

    /** The recipient has each. */
    async hears() {
        for (let i = 0; this.kept.size < this.acked.size && i < 500; i++)
            await this.b.ok('conversation.list', {}); // what comes is before its answer
        const all = [...this.kept.values()].map(({ seq }) => seq).sort((x, y) => x - y);
        areInOrder(all, 1, this.acked.size);
    }

    /** What was refused, once more. */
    async sendAgain() {
        for (const [key, { content }] of [...this.refused])
            same(await this.send(key, content), true, `${key}, with room`);
    }
}

/** Whoever reads is not held up: pages, a new wallet, one that comes back. */
async function readsGoOn(t, pairs) {
    await Promise.all(pairs.map((pair) => pair.check()));
    await (await joinSynced(t)).leave();
    const [{ to, cursor }] = pairs;
    const back = await joinSynced(t, to, { cursor });
    same(back.ready.recovered, true, 'recovered');
    await back.leave();
}

const each = (pairs, what) => Promise.all(pairs.map(what));

/** With readers beside those who write. */
async function fillUp(t, pairs) {
    let isOver = false;
    const reading = (async () => {
        while (!isOver) {
            const peer = await joinSynced(t);
            await peer.works();
            await peer.leave();
        }
    })();
    await each(pairs, (pair) => pair.fill(LONG));
    await each(pairs, (pair) => pair.fill(40));
    isOver = true;
    await reading;
}

async function isFull(t, pairs) {
    await each(pairs, (pair) => pair.markRead());
    await each(pairs, async (pair) =>
        same(await pair.send('one', 'x'.repeat(LONG)), false, 'it is taken'));
    await readsGoOn(t, pairs);
}

async function isWellAgain(t, pairs) {
    await each(pairs, (pair) => pair.sendAgain());
    await each(pairs, (pair) => pair.markRead());
    await each(pairs, (pair) => pair.hears());
    await readsGoOn(t, pairs);
    for (const { a } of pairs) oneOf((await a.ask('message.send', { to: wallet(), type: 'text',
        content: 'x' })).status, ['ok'], 'to a new one');
}

/** To the last byte: what the store could not use. */
function fillToTheBrim(disk) {
    const file = openSync(path(disk.path, 'ballast'), 'w');
    try {
        for (;;) writeSync(file, Buffer.alloc(4096, 'x'));
    } catch (error) {
        same(error.code, 'ENOSPC', 'error');
    } finally {
        closeSync(file);
    }
}

/** @param isKilled  the server, while the disk is full */
async function goesOn(t, kib, isKilled) {
    const disk = new SmallDisk(kib);
    t.defer(() => disk.end());
    const how = { data: disk.path, options: OPTIONS };
    await t.serve(how);
    const pairs = numbers(PAIRS).map(() => new Pair(t));
    await each(pairs, (pair) => pair.join());
    await fillUp(t, pairs);
    await isFull(t, pairs);
    if (isKilled) {
        fillToTheBrim(disk);
        await isFull(t, pairs);
        await t.server.kill();
        await t.serve(how);
        await each(pairs, (pair) => pair.join());
        await isFull(t, pairs);
    }
    disk.resize(ROOM);
    await isWellAgain(t, pairs);
    await t.server.kill();
    await t.serve(how);
    await each(pairs, (pair) => pair.join());
    await each(pairs, (pair) => pair.check());
    await t.server.stop();
}

/** What a first start needs room for is said by a line of its own. */
async function saysThatItIsFull(t) {
    const disk = new SmallDisk(64);
    t.defer(() => disk.end());
    fillToTheBrim(disk);
    const why = await t.serve({ data: disk.path, options: OPTIONS }).then(() => 'it starts',
        ({ message }) => message);
    match(why, /ended \(1\), not ready:\n.*(No space left on device|disk is full|ENOSPC)/s, 'why');
}

/** The log alone fills the smaller one; in the larger one it was written back before. */
const SIZES = [5000, 60000]; // KiB

const row = (name, run) => ({ name: `full: ${name}`, run, limit: 120000, isTraced: false });

export const rows = [
    row('says so where it has never started', saysThatItIsFull),
    ...SIZES.flatMap((kib) => [
        row(`${kib} KiB: goes on once there is room`, (t) => goesOn(t, kib, false)),
        row(`${kib} KiB: starts without room, and reads`, (t) => goesOn(t, kib, true)),
    ]),
];
