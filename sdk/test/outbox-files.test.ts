import 'fake-indexeddb/auto';
import { IDBFactory, IDBObjectStore as FDBObjectStore } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Outbox } from '../src/outbox.js';
import {
    BOB,
    EVE,
    FakeLocks,
    FakeWire,
    kill,
    open,
    parleyError,
    store,
    text,
    turns,
    until,
} from './outbox-fakes.js';

let wire: FakeWire;
let box: Outbox;
/** Each file that is put; what it is answered is up to the test. */
let puts: { url: string; answer(status: number): void; fail(): void }[];

const file = (name = 'a.png', to = BOB) => ({
    to,
    type: 'image',
    content: { caption: 'look', mime: 'image/png', size: 3, width: 2 },
    file: { blob: new Blob(['abc'], { type: 'image/png' }), name, mime: 'image/png' },
});

const announced = () => wire.asked.filter((one) => one.event === 'upload.create');

function ticket(n: number): void {
    announced()[n]!.answer({
        upload: `u${n}`,
        method: 'PUT',
        url: `http://files/${n}`,
        headers: { 'content-type': 'image/png' },
        expires_at: new Date(Date.now() + 300000).toISOString(),
    });
}

const shown = (to = BOB) => box.of(to).map((line) => line.state);

beforeEach(() => {
    globalThis.indexedDB = new IDBFactory();
    vi.stubGlobal('navigator', { locks: new FakeLocks() });
    vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
    });
    vi.spyOn(Math, 'random').mockReturnValue(0);
    puts = [];
    vi.stubGlobal(
        'fetch',
        (url: string, { signal }: { signal: AbortSignal }) =>
            new Promise((resolve, reject) => {
                const answer = (status: number) =>
                    resolve({ status, text: async () => '<Error><Code>Odd</Code></Error>' });
                puts.push({ url, answer, fail: () => reject(new TypeError('fetch failed')) });
                signal.addEventListener('abort', () => reject(signal.reason));
            }),
    );
    wire = new FakeWire();
    box = open(wire);
});

afterEach(() => {
    box.close();
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
});

test('a file is announced, put, and sent as it is known', async () => {
    box.add(file('a/b.png'));
    await until(() => announced().length === 1);
    expect(announced()[0]?.payload).toEqual({ name: 'a_b.png', mime: 'image/png', size: 3 });
    expect(shown()).toEqual(['uploading']);
    expect(box.of(BOB)[0]?.progress).toBe(0);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(200);
    await until(() => wire.sent().length === 1);
    expect(wire.sent()[0]?.payload.content).toEqual({
        upload: 'u0',
        name: 'a_b.png',
        caption: 'look',
        width: 2,
    });
    store(wire.sent()[0]!);
    await turns();
    expect(box.peers).toEqual([]);
});

test('a file is on its way while an earlier text is sent, and later ones wait for it', async () => {
    box.add(text('a'));
    box.add(file());
    box.add(text('b'));
    await until(() => wire.asked.length === 2);
    expect(shown()).toEqual(['sending', 'uploading', 'queued']);
    store(wire.sent()[0]!);
    await turns();
    expect(wire.sent().length).toBe(1);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(200);
    await until(() => wire.sent().length === 2);
    store(wire.sent()[1]!);
    await until(() => wire.sent().length === 3);
    expect(wire.sent().map((one) => one.payload.type)).toEqual(['text', 'image', 'text']);
});

test('two files of a peer are on the way at a time, and four of all', async () => {
    for (const to of [BOB, EVE, `0x${'1'.repeat(40)}`])
        for (const name of ['a', 'b', 'c']) box.add(file(name, to));
    await until(() => announced().length === 4);
    await turns();
    expect(announced().map((one) => one.payload.name)).toEqual(['a', 'b', 'a', 'b']);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(200);
    await until(() => announced().length === 5);
    expect(announced()[4]?.payload.name).toBe('c');
});

test('an upload that is there is not put again by the next page', async () => {
    box.add(file());
    await until(() => announced().length === 1);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(200);
    await until(() => wire.sent().length === 1);
    kill(box);
    box = open(wire);
    await until(() => wire.sent().length === 2);
    expect(wire.sent()[1]?.payload).toEqual(wire.sent()[0]?.payload);
    expect(announced().length).toBe(1);
    expect(await box.of(BOB)[0]?.entry.file?.blob.text()).toBe('abc');
});

test('a file that was not put goes on with the next page', async () => {
    box.add(file());
    await until(() => announced().length === 1);
    await turns();
    kill(box);
    box = open(wire);
    await until(() => announced().length === 2);
    expect(announced()[1]?.payload).toEqual(announced()[0]?.payload);
});

test('a connection that breaks is tried again with the same link', async () => {
    box.add(file());
    await until(() => announced().length === 1);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.fail();
    await until(() => shown()[0] === 'queued');
    await vi.advanceTimersByTimeAsync(1000);
    await until(() => puts.length === 2);
    expect(puts[1]?.url).toBe('http://files/0');
    puts[1]!.answer(412);
    await until(() => wire.sent().length === 1);
    expect(announced().length).toBe(1);
});

test.each([400, 404, 411, 413])('a file that is refused with %i fails', async (status) => {
    box.add(file());
    box.add(text('b'));
    await until(() => announced().length === 1);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(status);
    await until(() => shown()[0] === 'failed');
    const { error, entry } = box.of(BOB)[0]!;
    expect(error?.code).toBe('upload_failed');
    expect(error?.message).toBe(`The file was not taken (Odd, ${status}).`);
    await until(() => wire.sent().length === 1);
    box.retry(entry.key);
    await until(() => announced().length === 2);
});

test.each(['too_large', 'bad_request', 'unsupported_type'])(
    'an announcement that is refused with %s fails',
    async (code) => {
        box.add(file());
        await until(() => announced().length === 1);
        announced()[0]!.refuse(parleyError(code));
        await until(() => shown()[0] === 'failed');
        expect(box.of(BOB)[0]?.error?.code).toBe(code);
    },
);

test('discarding ends an upload, and what waits for it goes on', async () => {
    const { key } = box.add(file());
    box.add(text('b'));
    await until(() => announced().length === 1);
    ticket(0);
    await until(() => puts.length === 1);
    expect(box.discard(key)).toBe(true);
    await until(() => wire.sent().length === 1);
    expect(wire.sent()[0]?.payload.content).toBe('b');
    expect(shown()).toEqual(['sending']);
});

test.each(['upload_missing', 'upload_mismatch'])(
    'with %s the file is put anew, once, and sent with the same key',
    async (code) => {
        box.add(file());
        for (const n of [0, 1]) {
            await until(() => announced().length === n + 1);
            ticket(n);
            await until(() => puts.length === n + 1);
            puts[n]!.answer(200);
            await until(() => wire.sent().length === n + 1);
            wire.sent()[n]!.refuse(parleyError(code));
        }
        await until(() => shown()[0] === 'failed');
        expect(
            wire.sent().map((one) => (one.payload.content as { upload: string }).upload),
        ).toEqual(['u0', 'u1']);
        expect(new Set(wire.sent().map((one) => one.payload.client_msg_id)).size).toBe(1);
        box.retry(box.of(BOB)[0]!.entry.key);
        await until(() => announced().length === 3);
    },
);

test('where there is no room for a file, it is sent from memory, and texts are kept', async () => {
    const put = FDBObjectStore.prototype.put;
    vi.spyOn(FDBObjectStore.prototype, 'put').mockImplementation(function (
        this: IDBObjectStore,
        value: { blob?: Blob },
        key,
    ) {
        if (value.blob) throw new DOMException('full', 'QuotaExceededError');
        return put.call(this, value, key);
    } as typeof put);
    box.add(file());
    box.add(text('b'));
    await until(() => announced().length === 1);
    await turns();
    kill(box);
    box = open(wire);
    await until(() => box.of(BOB).length > 0);
    expect(box.of(BOB).map((line) => line.entry.content)).toEqual(['b']);
});

test('an upload whose file found no room is known to the next page nevertheless', async () => {
    const put = FDBObjectStore.prototype.put;
    vi.spyOn(FDBObjectStore.prototype, 'put').mockImplementation(function (
        this: IDBObjectStore,
        value: { blob?: Blob },
        key,
    ) {
        if (value.blob) throw new DOMException('full', 'QuotaExceededError');
        return put.call(this, value, key);
    } as typeof put);
    box.add(file());
    await until(() => announced().length === 1);
    ticket(0);
    await until(() => puts.length === 1);
    puts[0]!.answer(200);
    await until(() => wire.sent().length === 1);
    kill(box);
    box = open(wire);
    await until(() => wire.sent().length === 2);
    expect(wire.sent()[1]?.payload).toEqual(wire.sent()[0]?.payload);
});
