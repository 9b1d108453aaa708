import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openStore, outboxName } from '../src/outbox-idb.js';
import type { Outbox } from '../src/outbox.js';
import { joinTabs } from '../src/tabs.js';
import {
    BOB,
    EVE,
    FakeLocks,
    FakeWire,
    ME,
    kill,
    messageOf,
    open,
    parleyError,
    states,
    store,
    text,
    turns,
    until,
} from './outbox-fakes.js';

/** A page with a connection of its own. */
interface Page {
    wire: FakeWire;
    box: Outbox;
    log: string[];
}

const pages: Page[] = [];

function page(status: FakeWire['status'] = 'online'): Page {
    const wire = new FakeWire();
    wire.status = status;
    const box = open(wire);
    const log: string[] = [];
    for (const name of ['stored', 'discarded', 'failed'] as const)
        box.on(name, (event: { entry: { content: unknown } }) =>
            log.push(`${name} ${String(event.entry.content)}`),
        );
    pages.push({ wire, box, log });
    return pages.at(-1)!;
}

const kept = async () => {
    const idb = await openStore(outboxName('http://s', ME));
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
});

afterEach(async () => {
    for (const { box } of pages.splice(0)) box.close();
    await turns();
    vi.useRealTimers();
    vi.restoreAllMocks();
    vi.unstubAllGlobals();
});

describe('two tabs', () => {
    test('show the entries of both, and each sends its own', async () => {
        const [a, b] = [page(), page()];
        a.box.add(text('a'));
        await until(() => states(b.box)[0] === 'a sending');
        vi.setSystemTime(Date.now() + 1);
        b.box.add(text('b'));
        await until(() => states(a.box)[1] === 'b queued');
        await turns();
        expect(b.wire.asked).toEqual([]);
        store(a.wire.asked[0]!);
        await until(() => states(a.box)[0] === 'b sending');
        expect(a.wire.asked.map((one) => one.payload.content)).toEqual(['a']);
        expect(b.wire.asked.map((one) => one.payload.content)).toEqual(['b']);
    });

    test('wait for what the other has written before for three seconds', async () => {
        const [a, b] = [page('offline'), page()];
        a.box.add(text('a'));
        await until(() => states(b.box)[0] === 'a queued');
        vi.setSystemTime(Date.now() + 1);
        b.box.add(text('b'));
        b.box.add(text('to another', EVE));
        await until(() => b.wire.asked.length === 1);
        await turns();
        await vi.advanceTimersByTimeAsync(2999);
        expect(b.wire.asked.map((one) => one.payload.content)).toEqual(['to another']);
        await vi.advanceTimersByTimeAsync(1);
        expect(b.wire.asked.map((one) => one.payload.content)).toEqual(['to another', 'b']);
    });

    test.each<[string, FakeWire['status'], number, (a: Page) => void]>([
        ['was refused', 'online', 1, (a) => a.wire.asked[0]!.refuse(parleyError('mailbox_full'))],
        ['was given up', 'offline', 0, (a) => a.box.discard(a.box.of(BOB)[0]!.entry.key)],
    ])('do not wait for what %s', async (_, status, nAsked, end) => {
        const [a, b] = [page(status), page()];
        a.box.add(text('a'));
        await until(() => b.box.of(BOB).length === 1 && a.wire.asked.length === nAsked);
        vi.setSystemTime(Date.now() + 1);
        b.box.add(text('b'));
        await turns();
        expect(b.wire.asked).toEqual([]);
        end(a);
        await until(() => b.wire.asked.length === 1);
    });

    test('do not wait for a file of the other', async () => {
        const [a, b] = [page(), page()];
        const blob = new Blob(['x'], { type: 'text/plain' });
        a.box.add({
            ...text(''),
            type: 'file',
            content: {},
            file: { blob, name: 'f', mime: 'a/b' },
        });
        await until(() => b.box.of(BOB)[0]?.state === 'uploading');
        vi.setSystemTime(Date.now() + 1);
        b.box.add(text('b'));
        await until(() => b.wire.asked.length === 1);
    });

    test('order by who wrote first, also when the clock goes back', async () => {
        const [a, b] = [page('offline'), page('offline')];
        a.box.add(text('1'));
        a.box.add(text('2'));
        await until(() => b.box.of(BOB).length === 2);
        vi.setSystemTime(Date.now() - 60000);
        b.box.add(text('3'));
        await until(() => a.box.of(BOB).length === 3);
        expect(states(a.box)).toEqual(['1 queued', '2 queued', '3 queued']);
        kill(a.box);
        kill(b.box);
        const c = page('offline');
        await until(() => c.box.of(BOB).length === 3);
        c.box.add(text('4'));
        expect(states(c.box)).toEqual(['1 queued', '2 queued', '3 queued', '4 queued']);
    });

    test('tell each other what is stored, refused and given up', async () => {
        const [a, b] = [page(), page()];
        for (const one of ['a', 'b', 'c']) a.box.add(text(one));
        await until(() => a.wire.asked.length === 1 && b.box.of(BOB).length === 3);
        store(a.wire.asked[0]!);
        await until(() => a.wire.asked.length === 2);
        a.wire.asked[1]!.refuse(parleyError('mailbox_full'));
        await until(() => b.log.length === 2);
        expect(b.box.of(BOB)[0]?.error?.code).toBe('mailbox_full');
        a.box.discard(a.box.of(BOB)[0]!.entry.key);
        await until(() => b.log.length === 3);
        expect(b.log).toEqual(['stored a', 'failed b', 'discarded b']);
        expect(b.wire.asked).toEqual([]);
    });

    test('are not taken for gone while they wait for their locks', async () => {
        const a = page();
        const locks = navigator.locks as unknown as FakeLocks;
        const grant = locks.delayNext();
        const b = page('offline');
        b.box.add(text('b'));
        await turns();
        expect(a.box.peers).toEqual([]);
        expect(await kept()).toEqual([]);
        grant();
        await until(() => a.box.peers.length === 1);
        await turns();
        expect(a.wire.asked).toEqual([]);
    });

    test('one that comes later learns how things stand', async () => {
        const a = page();
        a.box.add(text('a'));
        a.box.add(text('b'));
        await until(() => a.wire.asked.length === 1);
        const b = page();
        await until(() => states(b.box)[0] === 'a sending');
        expect(states(b.box)).toEqual(['a sending', 'b queued']);
    });

    test('a failed entry of the other is retried here, and is then of this tab', async () => {
        const [a, b] = [page(), page()];
        const { key } = a.box.add(text('a'));
        await until(() => a.wire.asked.length === 1);
        a.wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => b.log.length === 1);
        b.box.retry(key);
        await until(() => b.wire.asked.length === 1);
        expect(b.wire.asked[0]?.payload).toEqual(a.wire.asked[0]?.payload);
        await until(() => states(a.box)[0] === 'a sending');
        expect(a.box.of(BOB)[0]?.entry.tab).toBe(b.box.of(BOB)[0]?.entry.tab);
        store(b.wire.asked[0]!);
        await until(() => a.log.length === 2);
        expect(a.log).toEqual(['failed a', 'stored a']);
        expect(a.wire.asked.length).toBe(1);
    });

    test('that retry the same entry at once send it, and agree whose it is', async () => {
        const [a, b] = [page(), page()];
        const { key } = a.box.add(text('a'));
        await until(() => a.wire.asked.length === 1);
        a.wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => b.log.length === 1);
        a.box.retry(key);
        b.box.retry(key);
        await until(() => a.wire.asked.length + b.wire.asked.length > 1);
        await turns(100);
        expect(a.box.of(BOB)[0]?.entry.tab).toBe(b.box.of(BOB)[0]?.entry.tab);
        for (const one of [...a.wire.asked.slice(1), ...b.wire.asked]) store(one);
        await until(() => a.box.peers.length + b.box.peers.length === 0);
        await turns();
        expect(await kept()).toEqual([]);
    });

    test('a queued entry of the other is given up here; one that is sent is not', async () => {
        const [a, b] = [page(), page()];
        const [first, second] = [a.box.add(text('a')), a.box.add(text('b'))];
        await until(() => states(b.box).join() === 'a sending,b queued');
        expect(b.box.discard(first.key)).toBe(false);
        expect(b.box.discard(second.key)).toBe(true);
        await until(() => a.log.length === 1);
        expect(a.log).toEqual(['discarded b']);
        expect(states(a.box)).toEqual(['a sending']);
        await turns();
        expect((await kept()).map((one) => one.content)).toEqual(['a']);
    });

    test('an event settles an entry of the other, too, which is told', async () => {
        const [a, b] = [page(), page()];
        a.box.add(text('a'));
        await until(() => states(b.box)[0] === 'a sending');
        b.box.sawStored(messageOf(a.wire.asked[0]!.payload));
        expect(b.log).toEqual(['stored a']);
        await until(() => a.log.length === 1);
        store(a.wire.asked[0]!);
        await turns();
        expect([a.log, b.log]).toEqual([['stored a'], ['stored a']]);
        expect(await kept()).toEqual([]);
    });
});

describe('a tab that goes', () => {
    test('leaves its entries to one of the others, in order', async () => {
        const a = page('offline');
        const others = [page(), page()];
        for (const one of ['a', 'b', 'c']) a.box.add(text(one));
        await until(() => others.every(({ box }) => box.of(BOB).length === 3));
        kill(a.box);
        const asked = () => others.flatMap(({ wire }) => wire.asked);
        for (const n of [1, 2, 3]) {
            await until(() => asked().length === n);
            await turns();
            store(asked()[n - 1]!);
        }
        await until(() => others.every(({ box }) => box.peers.length === 0));
        expect(asked().map((one) => one.payload.content)).toEqual(['a', 'b', 'c']);
        expect(others.filter(({ wire }) => wire.asked.length > 0).length).toBe(1);
    });

    test('leaves also what was never kept', async () => {
        const a = page('offline');
        const b = page();
        vi.spyOn(await openedStore(), 'put').mockImplementation(() => {
            throw new DOMException('full', 'QuotaExceededError');
        });
        a.box.add(text('a'));
        await until(() => b.box.of(BOB).length === 1);
        kill(a.box);
        await until(() => b.wire.asked.length === 1);
    });

    test('leaves a failed one, which is not sent by itself', async () => {
        const [a, b] = [page(), page()];
        const { key } = a.box.add(text('a'));
        await until(() => a.wire.asked.length === 1);
        a.wire.asked[0]!.refuse(parleyError('mailbox_full'));
        await until(() => b.log.length === 1);
        kill(a.box);
        await until(() => b.box.of(BOB)[0]?.entry.tab !== a.box.of(BOB)[0]?.entry.tab);
        await turns();
        expect(b.wire.asked).toEqual([]);
        b.box.retry(key);
        await until(() => b.wire.asked.length === 1);
    });

    test('with a request under way has it sent once more, and a duplicate is fine', async () => {
        const a = page();
        a.box.add(text('a'));
        await until(() => a.wire.asked.length === 1);
        kill(a.box);
        const b = page();
        await until(() => b.wire.asked.length === 1);
        store(b.wire.asked[0]!, true);
        await until(() => b.log.length === 1);
        expect(b.log).toEqual(['stored a']);
    });
});

async function openedStore() {
    const { IDBObjectStore } = await import('fake-indexeddb');
    return IDBObjectStore.prototype;
}

describe('without locks', () => {
    beforeEach(() => vi.stubGlobal('navigator', {}));

    test('who answers is there, and who does not within a second is gone', async () => {
        const [a, b] = [joinTabs('t', () => {}), joinTabs('t', () => {})];
        expect(await a.isGone(b.id)).toBe(false);
        b.close();
        let isGone: boolean | undefined;
        void a.isGone(b.id).then((so) => (isGone = so));
        await vi.advanceTimersByTimeAsync(999);
        expect(isGone).toBeUndefined();
        await vi.advanceTimersByTimeAsync(1);
        expect(isGone).toBe(true);
        a.close();
    });

    test('what a tab has left is found within 15 seconds', async () => {
        const a = page('offline');
        const b = page();
        a.box.add(text('a'));
        await until(() => b.box.of(BOB).length === 1);
        kill(a.box);
        await until(
            () => b.wire.asked.length === 1,
            async () => {
                await vi.advanceTimersByTimeAsync(100);
                await turns(1);
            },
        );
    });

    test('where they are refused, tabs ask each other likewise', async () => {
        const locks = { request: () => Promise.reject(new DOMException('no', 'SecurityError')) };
        vi.stubGlobal('navigator', { locks });
        const [a, b] = [joinTabs('t', () => {}), joinTabs('t', () => {})];
        expect(await a.isGone(b.id)).toBe(false);
        a.close();
        b.close();
    });
});

test('without a channel a tab sends its own, and takes over from one that is gone', async () => {
    vi.stubGlobal('BroadcastChannel', undefined);
    const a = page('offline');
    a.box.add(text('a'));
    await turns();
    const b = page();
    await turns(100);
    expect(b.wire.asked).toEqual([]);
    kill(a.box);
    await until(() => b.wire.asked.length === 1);
});

test('what another script says on the channel of the tabs is not taken for theirs', async () => {
    const onError = vi.fn();
    const told: unknown[] = [];
    process.on('uncaughtException', onError);
    const tabs = joinTabs('t', (message) => told.push(message));
    const channel = new BroadcastChannel('t');
    for (const text of [null, undefined, 7, 'told', [], { told: null }, { told: 'set' }, {}])
        channel.postMessage(text);
    channel.postMessage({ told: { hello: true } });
    await until(() => told.length > 0);
    expect(told).toEqual([{ hello: true }]);
    expect(onError).not.toHaveBeenCalled();
    process.off('uncaughtException', onError);
    channel.close();
    tabs.close();
});
