import 'fake-indexeddb/auto';
import {
    IDBFactory,
    IDBDatabase as FDBDatabase,
    IDBObjectStore as FDBObjectStore,
} from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { deleteOutbox, openStore, outboxName } from '../src/outbox-idb.js';
import { openOutbox } from '../src/outbox-open.js';
import type { Outbox } from '../src/outbox.js';
import type { OutboxEvents } from '../src/outbox.js';
import {
    BOB,
    EVE,
    FakeLocks,
    FakeWire,
    ME,
    messageOf,
    open,
    parleyError,
    states,
    store,
    text,
    turns,
    until,
    kill,
} from './outbox-fakes.js';

const SERVER = 'http://s';
let wire: FakeWire;
const boxes: Outbox[] = [];

function opened(more: { wire?: FakeWire } = {}): Outbox {
    const box = open(more.wire ?? wire);
    boxes.push(box);
    return box;
}

function logOf(box: Outbox): string[] {
    const log: string[] = [];
    const names = ['stored', 'discarded', 'failed'] as const;
    for (const name of names)
        box.on(name, (event: OutboxEvents[typeof name]) =>
            log.push(`${name} ${String(event.entry.content)}`),
        );
    return log;
}

const kept = async () => {
    const idb = await openStore(outboxName(SERVER, ME));
    const all = await idb.all();
    idb.close();
    return all;
};

beforeEach(() => {
    globalThis.indexedDB = new IDBFactory();
    vi.stubGlobal('navigator', { locks: new FakeLocks() });
    vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
    });
    vi.spyOn(Math, 'random').mockReturnValue(0);
    wire = new FakeWire();
});

afterEach(() => {
    for (const box of boxes.splice(0)) box.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
});

describe('sending', () => {
    test('an entry is there at once, and is kept before it is sent', async () => {
        const box = opened();
        const entry = box.add(text('a'));
        expect(states(box)).toEqual(['a queued']);
        expect(wire.asked).toEqual([]);
        await until(() => wire.asked.length === 1);
        expect((await kept()).map((one) => one.key)).toEqual([entry.key]);
        expect(states(box)).toEqual(['a sending']);
        expect(wire.asked[0]?.payload).toEqual({
            to: BOB,
            type: 'text',
            content: 'a',
            client_msg_id: entry.key,
        });
    });

    test('a key is one that the server takes', () => {
        expect(opened().add(text('a')).key).toMatch(/^[A-Za-z0-9._:-]{1,64}$/);
    });

    test.each([false, true])('what is stored (duplicate: %s) is told, and gone', async (dup) => {
        const box = opened();
        let listed = -1;
        box.on('stored', () => (listed = box.of(BOB).length));
        const log = logOf(box);
        box.add({ ...text('a'), replyTo: 3 });
        await until(() => wire.asked.length === 1);
        expect(wire.asked[0]?.payload.reply_to).toBe(3);
        store(wire.asked[0]!, dup);
        await turns();
        expect(log).toEqual(['stored a']);
        expect(listed).toBe(1);
        expect(box.of(BOB)).toEqual([]);
        expect(box.peers).toEqual([]);
        expect(await kept()).toEqual([]);
    });

    test('one message of a peer is under way at a time, in order', async () => {
        const box = opened();
        for (const one of ['a', 'b', 'c']) box.add(text(one));
        for (const n of [1, 2, 3]) {
            await until(() => wire.asked.length === n);
            await turns();
            expect(wire.asked.length).toBe(n);
            store(wire.asked[n - 1]!);
        }
        expect(wire.asked.map((one) => one.payload.content)).toEqual(['a', 'b', 'c']);
    });

    test('two spellings of an account are one peer', async () => {
        const box = opened();
        box.add(text('a', BOB));
        box.add(text('b', BOB.toLowerCase()));
        await until(() => wire.asked.length === 1);
        await turns();
        expect(wire.asked.length).toBe(1);
        expect(states(box)).toEqual(['a sending', 'b queued']);
    });

    test('four peers are sent to at a time, and the fifth when one is done', async () => {
        const box = opened();
        const peers = [1, 2, 3, 4, 5].map((n) => `0x${String(n).repeat(40)}`);
        for (const to of peers) box.add(text('a', to));
        await until(() => wire.asked.length === 4);
        await turns();
        expect(wire.asked.map((one) => one.payload.to)).toEqual(peers.slice(0, 4));
        store(wire.asked[1]!);
        await until(() => wire.asked.length === 5);
        expect(wire.asked[4]?.payload.to).toBe(peers[4]);
    });

    test('nothing is sent while offline, and everything after', async () => {
        wire.status = 'offline';
        const box = opened();
        box.add(text('a'));
        await turns();
        expect(wire.asked).toEqual([]);
        box.setOnline(true);
        expect(wire.asked.length).toBe(1);
        box.setOnline(false);
        wire.asked[0]!.refuse(parleyError('offline'));
        await turns();
        expect(states(box)).toEqual(['a queued']);
        box.setOnline(true);
        expect(wire.asked.length).toBe(2);
        expect(wire.asked[1]?.payload.client_msg_id).toBe(wire.asked[0]?.payload.client_msg_id);
    });
});

describe('refusals', () => {
    test('a failed one waits for the user, is kept so, and holds up nothing', async () => {
        const box = opened();
        const log = logOf(box);
        box.add(text('a'));
        box.add(text('b'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => wire.asked.length === 2);
        expect(log).toEqual(['failed a']);
        expect(states(box)).toEqual(['a failed', 'b sending']);
        expect(box.of(BOB)[0]?.error?.code).toBe('mailbox_full');
        const failed = (await kept()).find((one) => one.content === 'a');
        expect(failed?.error).toEqual({ code: 'mailbox_full', message: 'mailbox_full' });
    });

    test.each(['conflict', 'too_large', 'recipient_invalid', 'upload_rejected', 'forbidden'])(
        '%s is not tried again by itself',
        async (code) => {
            const box = opened();
            box.add(text('a'));
            await until(() => wire.asked.length === 1);
            wire.asked[0]!.refuse(parleyError(code));
            await turns();
            await vi.advanceTimersByTimeAsync(120000);
            expect(wire.asked.length).toBe(1);
            expect(states(box)).toEqual(['a failed']);
        },
    );

    test('a content that can not be said fails, and does not stop the rest', async () => {
        const box = opened();
        vi.spyOn(wire, 'request').mockRejectedValueOnce(new TypeError('circular'));
        box.add(text('a'));
        await until(() => box.of(BOB)[0]?.state === 'failed');
        expect(box.of(BOB)[0]?.error?.code).toBe('bad_request');
        box.add(text('b'));
        await until(() => wire.asked.length === 1);
    });

    test.each(['rate_limited', 'storage_unavailable', 'busy', 'internal', 'offline'])(
        '%s is tried again after 1 s, then 2 s, with the same key',
        async (code) => {
            const box = opened();
            box.add(text('a'));
            box.add(text('b'));
            await until(() => wire.asked.length === 1);
            for (const [n, ms] of [1000, 2000, 4000, 8000, 16000, 30000, 30000].entries()) {
                wire.asked[n]!.refuse(parleyError(code));
                await vi.advanceTimersByTimeAsync(ms - 1);
                expect(states(box)).toEqual(['a queued', 'b queued']);
                expect(wire.asked.length).toBe(n + 1);
                await vi.advanceTimersByTimeAsync(1);
                expect(wire.asked.length).toBe(n + 2);
            }
            expect(new Set(wire.asked.map((one) => one.payload.client_msg_id)).size).toBe(1);
        },
    );

    test('chance makes a wait shorter by up to a half', async () => {
        vi.mocked(Math.random).mockReturnValue(0.999999);
        const box = opened();
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('busy'));
        await vi.advanceTimersByTimeAsync(499);
        expect(wire.asked.length).toBe(1);
        await vi.advanceTimersByTimeAsync(2);
        expect(wire.asked.length).toBe(2);
        expect(states(box)).toEqual(['a sending']);
    });

    test('the server says how long to wait, up to a minute', async () => {
        const box = opened();
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('rate_limited', 60000));
        await vi.advanceTimersByTimeAsync(59999);
        expect(wire.asked.length).toBe(1);
        await vi.advanceTimersByTimeAsync(1);
        expect(wire.asked.length).toBe(2);
        wire.asked[1]!.refuse(parleyError('quota_exceeded', 60001));
        await turns();
        expect(states(box)).toEqual(['a failed']);
    });

    test('a new connection ends the wait of what was lost, not that of what was refused', async () => {
        const box = opened();
        box.add(text('a', BOB));
        box.add(text('b', EVE));
        await until(() => wire.asked.length === 2);
        wire.sent(BOB)[0]!.refuse(parleyError('offline'));
        wire.sent(EVE)[0]!.refuse(parleyError('rate_limited', 5000));
        await turns();
        box.setOnline(true);
        expect(wire.sent(BOB).length).toBe(2);
        expect(wire.sent(EVE).length).toBe(1);
    });
});

describe('the user', () => {
    test('retries a failed one, which goes before those behind it, with its key', async () => {
        const box = opened();
        const { key } = box.add(text('a'));
        box.add(text('b'));
        box.add(text('c'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => wire.asked.length === 2);
        box.retry(key);
        expect(states(box)).toEqual(['a queued', 'b sending', 'c queued']);
        expect(box.of(BOB)[0]?.error).toBeUndefined();
        await turns();
        expect((await kept()).map((one) => one.error)).toEqual([undefined, undefined, undefined]);
        store(wire.asked[1]!);
        await until(() => wire.asked.length === 3);
        expect(wire.asked[2]?.payload).toEqual(wire.asked[0]?.payload);
    });

    test('retries from the listener that is told of the failure', async () => {
        const box = opened();
        box.on('failed', ({ entry }) => box.retry(entry.key));
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => wire.asked.length === 2);
        expect((await kept())[0]?.error).toBeUndefined();
    });

    test('need not wait for the next try', async () => {
        const box = opened();
        const { key } = box.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('busy'));
        await turns();
        box.retry(key);
        expect(wire.asked.length).toBe(2);
    });

    test('discards what is queued or failed, and not what is being sent', async () => {
        const box = opened();
        const log = logOf(box);
        const [a, b] = [box.add(text('a')), box.add(text('b'))];
        await until(() => wire.asked.length === 1);
        expect(box.discard(a.key)).toBe(false);
        expect(box.discard(b.key)).toBe(true);
        expect(box.discard(b.key)).toBe(false);
        wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await turns();
        expect(box.discard(a.key)).toBe(true);
        await turns();
        expect(log).toEqual(['discarded b', 'failed a', 'discarded a']);
        expect(await kept()).toEqual([]);
        expect(wire.asked.length).toBe(1);
    });

    test('discards in the very moment when it is shown, and nothing is kept of it', async () => {
        const box = opened();
        const end = box.on('change', () => {
            end();
            box.discard(box.of(BOB)[0]!.entry.key);
        });
        box.add(text('a'));
        await turns();
        expect(box.of(BOB)).toEqual([]);
        expect(await kept()).toEqual([]);
        expect(wire.asked).toEqual([]);
    });
});

describe('a message that comes as an event', () => {
    test('settles its entry while the answer is still to come, which is then ignored', async () => {
        const box = opened();
        const log = logOf(box);
        box.add(text('a'));
        box.add(text('b'));
        await until(() => wire.asked.length === 1);
        box.sawStored(messageOf(wire.asked[0]!.payload));
        await until(() => wire.asked.length === 2);
        expect(log).toEqual(['stored a']);
        wire.asked[0]!.refuse(parleyError('offline'));
        await turns();
        expect(states(box)).toEqual(['b sending']);
        store(wire.asked[1]!);
        await turns();
        expect(log).toEqual(['stored a', 'stored b']);
    });

    test('settles a failed one, too', async () => {
        const box = opened();
        const log = logOf(box);
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('conflict'));
        await turns();
        box.sawStored(messageOf(wire.asked[0]!.payload));
        expect(log).toEqual(['failed a', 'stored a']);
    });

    test('is told once, also where a listener says it again', async () => {
        const box = opened();
        const log = logOf(box);
        box.on('stored', ({ message }) => box.sawStored(message));
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        store(wire.asked[0]!);
        await turns();
        expect(log).toEqual(['stored a']);
    });

    test.each([
        ['of another peer', { peer: EVE }],
        ['with another key', { client_msg_id: 'other' }],
        ['without a key', { client_msg_id: undefined }],
    ])('%s settles nothing', async (_, more) => {
        const box = opened();
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        const message = { ...messageOf(wire.asked[0]!.payload), ...more };
        box.sawStored(message as ReturnType<typeof messageOf>);
        expect(states(box)).toEqual(['a sending']);
    });
});

describe('the next page', () => {
    test('sends what the one before has left, first and in its order', async () => {
        wire.status = 'offline';
        const before = opened();
        for (const one of ['a', 'b']) before.add(text(one));
        await turns();
        kill(before);
        vi.setSystemTime(Date.now() + 1);
        const next = new FakeWire();
        const box = opened({ wire: next });
        box.add(text('c'));
        for (const n of [1, 2, 3]) {
            await until(() => next.asked.length === n);
            store(next.asked[n - 1]!);
        }
        expect(next.asked.map((one) => one.payload.content)).toEqual(['a', 'b', 'c']);
        await turns();
        expect(await kept()).toEqual([]);
    });

    test('shows what has failed, with its error, and may retry it', async () => {
        const before = opened();
        before.add(text('a'));
        await until(() => wire.asked.length === 1);
        wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await turns();
        kill(before);
        const box = opened();
        await until(() => box.of(BOB).length === 1);
        await turns();
        expect(box.of(BOB)[0]?.error?.code).toBe('mailbox_full');
        expect(wire.asked.length).toBe(1);
        box.retry(box.of(BOB)[0]!.entry.key);
        await until(() => wire.asked.length === 2);
    });

    test('has nothing of another account, or of another server', async () => {
        wire.status = 'offline';
        opened().add(text('a'));
        await turns();
        const others = [
            openOutbox({ server: SERVER, account: EVE, wire, persist: true }),
            openOutbox({ server: 'http://t', account: ME, wire, persist: true }),
        ];
        boxes.push(...others);
        await turns();
        expect(others.map((box) => box.peers)).toEqual([[], []]);
    });

    test('has nothing after a sign-out, and the old one goes on in memory', async () => {
        wire.status = 'offline';
        const before = opened();
        before.add(text('a'));
        await turns();
        expect(before.isPersistent).toBe(true);
        await deleteOutbox(SERVER, ME);
        expect(before.isPersistent).toBe(false);
        before.add(text('b'));
        before.setOnline(true);
        await until(() => wire.asked.length === 1);
        kill(before);
        await turns();
        const box = opened({ wire: new FakeWire() });
        await turns();
        expect(box.peers).toEqual([]);
    });
});

describe('without a store', () => {
    const broken: [string, () => void][] = [
        ['absent', () => vi.stubGlobal('indexedDB', undefined)],
        [
            'forbidden',
            () =>
                vi.spyOn(indexedDB, 'open').mockImplementation(() => {
                    throw new DOMException('no', 'SecurityError');
                }),
        ],
        ['without an answer', () => vi.spyOn(indexedDB, 'open').mockReturnValue({} as never)],
    ];
    test.each(broken)('where IndexedDB is %s, all goes on in memory', async (_, breakIt) => {
        breakIt();
        const box = opened();
        box.add(text('a'));
        await vi.advanceTimersByTimeAsync(3000);
        await until(() => wire.asked.length === 1);
        expect(box.isPersistent).toBe(false);
        store(wire.asked[0]!);
        await turns();
        expect(box.peers).toEqual([]);
    });

    test('where it is not wanted, nothing is written', async () => {
        const opening = vi.spyOn(indexedDB, 'open');
        const box = openOutbox({ server: SERVER, account: ME, wire, persist: false });
        boxes.push(box);
        box.add(text('a'));
        await until(() => wire.asked.length === 1);
        expect(opening).not.toHaveBeenCalled();
        expect(box.isPersistent).toBe(false);
    });

    test('what can not be kept is sent all the same, and the rest is kept', async () => {
        wire.status = 'offline';
        const box = opened();
        box.add({ to: BOB, type: 'x-a', content: { f: () => {} } });
        box.add(text('b'));
        await turns();
        expect((await kept()).map((one) => one.content)).toEqual(['b']);
        box.setOnline(true);
        await until(() => wire.asked.length === 1);
        expect(wire.asked[0]?.payload.type).toBe('x-a');
    });

    test('a store that can not be read holds up the first messages for 2 s', async () => {
        vi.spyOn(FDBObjectStore.prototype, 'getAll').mockReturnValue({} as never);
        const box = opened();
        box.add(text('a'));
        await turns();
        await vi.advanceTimersByTimeAsync(1999);
        expect(wire.asked).toEqual([]);
        await vi.advanceTimersByTimeAsync(1);
        expect(wire.asked.length).toBe(1);
    });

    test('a store that does not answer holds up a message for 2 s', async () => {
        const box = opened();
        await turns();
        const hung = { objectStore: () => ({ put: () => ({}) }) };
        vi.spyOn(FDBDatabase.prototype, 'transaction').mockReturnValue(hung as never);
        box.add(text('a'));
        await vi.advanceTimersByTimeAsync(1999);
        expect(wire.asked).toEqual([]);
        await vi.advanceTimersByTimeAsync(1);
        expect(wire.asked.length).toBe(1);
    });
});

test('a closed outbox says nothing, and sends nothing', async () => {
    const box = opened();
    const log = logOf(box);
    box.add(text('a'));
    box.add(text('b'));
    await until(() => wire.asked.length === 1);
    box.close();
    store(wire.asked[0]!);
    await turns();
    await vi.advanceTimersByTimeAsync(60000);
    expect(log).toEqual([]);
    expect(wire.asked.length).toBe(1);
});
