import { beforeEach, describe, expect, test, vi } from 'vitest';
import type { Item } from '../src/model.js';
import type { Message } from '../src/protocol.js';
import { BOB, EVE, ME, conversation, message, messages, settled } from './core-fakes.js';
import { eachTestHasOne, it, open, own, refused, seqs, states, thread } from './thread-fakes.js';

eachTestHasOne();

describe('loading', () => {
    test('waits for the connection, and gets the latest page', async () => {
        thread.open();
        expect([thread.isLoaded, thread.isLoading]).toEqual([false, false]);
        await open(messages(1, 120));
        expect([thread.isLoaded, thread.isLoading, thread.hasOlder]).toEqual([true, false, true]);
        expect(seqs()).toEqual(Array.from({ length: 50 }, (_, i) => 71 + i));
    });

    test('goes back to the first message, page by page', async () => {
        await open(messages(1, 120));
        await thread.loadOlder();
        expect([seqs()[0], thread.hasOlder]).toEqual([21, true]);
        await Promise.all([thread.loadOlder(), thread.loadOlder()]);
        expect([seqs()[0], thread.items.length, thread.hasOlder]).toEqual([1, 120, false]);
        const n = it.wire.asked.length;
        await thread.loadOlder();
        expect(it.wire.asked).toHaveLength(n);
    });

    test('of a peer that nobody has written to is done with nothing', async () => {
        it.wire.handlers['message.history'] = () => {
            throw refused('not_found');
        };
        thread.open();
        it.wire.online();
        await settled();
        expect([thread.isLoaded, thread.items.length, thread.loadError]).toEqual([
            true,
            0,
            undefined,
        ]);
    });

    test('that fails says why, until it is tried again', async () => {
        it.wire.handlers['message.history'] = () => {
            throw refused('storage_unavailable');
        };
        thread.open();
        it.wire.online();
        await settled();
        expect(thread.loadError?.code).toBe('storage_unavailable');
        it.wire.has(messages(1, 2));
        await thread.loadOlder();
        expect([thread.loadError, seqs()]).toEqual([undefined, [1, 2]]);
    });

    test('of older ones, for want of a connection, has not failed once there is one', async () => {
        await open(messages(1, 120));
        it.wire.handlers['message.history'] = () => {
            throw refused('offline');
        };
        await thread.loadOlder();
        expect(thread.loadError?.code).toBe('offline');
        it.wire.has(messages(1, 120));
        const changed = vi.fn();
        thread.on('change', changed);
        it.wire.online({ recovered: true });
        await vi.advanceTimersByTimeAsync(100);
        expect([thread.loadError, changed.mock.calls.length > 0]).toEqual([undefined, true]);
        expect(seqs()[0]).toBe(71);
    });

    test('of older ones that comes after the block has begun anew is not for it', async () => {
        const all = messages(1, 2000);
        await open(all.slice(0, 120));
        const older = it.wire.handlers['message.history']!({ peer: BOB, before: 71 });
        let answer = (_: unknown) => {};
        it.wire.handlers['message.history'] = () => new Promise((resolve) => (answer = resolve));
        const loading = thread.loadOlder();
        it.wire.has(all);
        it.wire.deliver(all[1999]!);
        await vi.advanceTimersByTimeAsync(500);
        expect(seqs()[0]).toBe(1951);
        answer(older);
        await loading;
        expect([seqs()[0], thread.items.length, thread.hasOlder]).toEqual([1951, 50, true]);
    });

    test('that may be taken later is tried again then', async () => {
        it.wire.handlers['message.history'] = () => {
            throw refused('busy', 3000);
        };
        thread.open();
        it.wire.online();
        await vi.advanceTimersByTimeAsync(2999);
        expect(it.wire.payloads('message.history')).toHaveLength(1);
        it.wire.has(messages(1, 2));
        await vi.advanceTimersByTimeAsync(1);
        expect([thread.loadError, seqs()]).toEqual([undefined, [1, 2]]);
    });

    test('misses nothing that comes meanwhile', async () => {
        let answer = (_: unknown) => {};
        it.wire.handlers['message.history'] = () => new Promise((resolve) => (answer = resolve));
        thread.open();
        it.wire.online();
        await settled();
        it.wire.deliver(message(3));
        it.wire.deliver(message(2));
        answer({ messages: messages(1, 2), has_more: false });
        await settled();
        expect(seqs()).toEqual([1, 2, 3]);
    });

    test('happens once for all who have opened it', async () => {
        await open(messages(1, 2));
        thread.open();
        thread.close();
        thread.open();
        await settled();
        expect(it.wire.payloads('message.history')).toHaveLength(1);
    });
});

describe('an event', () => {
    test('goes on with the thread, once', async () => {
        await open(messages(1, 2));
        for (const seq of [3, 3, 2, 4]) expect(it.wire.deliver(message(seq))).toBe(true);
        expect(seqs()).toEqual([1, 2, 3, 4]);
    });

    test('that leaves a hole shows once the history has filled it', async () => {
        const all = messages(1, 300);
        await open(all.slice(0, 2));
        it.wire.has(all);
        it.wire.deliver(message(300));
        expect(seqs()).toEqual([1, 2]);
        await vi.advanceTimersByTimeAsync(200);
        expect(seqs()).toEqual(all.map((one) => one.seq));
        expect(it.wire.payloads('message.history').slice(1)).toEqual([
            { peer: BOB, after: 2, limit: 200 },
            { peer: BOB, after: 202, limit: 200 },
        ]);
    });

    test('that was only early makes nobody ask', async () => {
        await open(messages(1, 2));
        it.wire.deliver(message(4));
        it.wire.deliver(message(3));
        await vi.advanceTimersByTimeAsync(1000);
        expect(seqs()).toEqual([1, 2, 3, 4]);
        expect(it.wire.payloads('message.history')).toHaveLength(1);
    });

    test.each([
        [500, 1, 503],
        [501, 455, 50],
    ])('behind %i missing ones has the thread begin at %i', async (missing, first, n) => {
        const all = messages(1, 3 + missing);
        await open(all.slice(0, 2));
        it.wire.has(all);
        it.wire.deliver(all.at(-1)!);
        await vi.advanceTimersByTimeAsync(1000);
        expect(seqs()).toEqual(Array.from({ length: n }, (_, i) => first + i));
        expect(thread.hasOlder).toBe(missing === 501);
    });

    test('behind a hole waits where the history can not be had, and is asked for again', async () => {
        await open(messages(1, 2));
        it.wire.handlers['message.history'] = () => {
            throw refused('busy', 5000);
        };
        it.wire.deliver(message(4));
        await vi.advanceTimersByTimeAsync(200);
        expect([seqs(), thread.loadError?.code]).toEqual([[1, 2], 'busy']);
        it.wire.has(messages(1, 4));
        await vi.advanceTimersByTimeAsync(5000);
        expect([seqs(), thread.loadError]).toEqual([[1, 2, 3, 4], undefined]);
    });

    test('that is so far ahead that no history has it is not asked for without end', async () => {
        await open(messages(1, 2));
        it.wire.deliver(message(1e9));
        await vi.advanceTimersByTimeAsync(200);
        expect([seqs(), thread.loadError?.code]).toEqual([[1, 2], 'internal']);
        expect(it.wire.payloads('message.history')).toHaveLength(2);
    });

    test('behind a hole is asked for with the next connection, where this one broke', async () => {
        await open(messages(1, 2));
        it.wire.deliver(message(4));
        it.wire.say('offline');
        await vi.advanceTimersByTimeAsync(10000);
        it.wire.has(messages(1, 4));
        it.wire.online({ recovered: true });
        await settled();
        expect(seqs()).toEqual([1, 2, 3, 4]);
    });

    test('of a message that is a stub by now is an item of type gone', async () => {
        await open([message(1), message(2, { type: 'gone', content: null })]);
        expect(thread.items.map((item) => item.type)).toEqual(['text', 'gone']);
    });

    test('of 5000 messages costs but a few changes, and no copy each', async () => {
        await open(messages(1, 1));
        let nChanges = 0;
        let nRead = 0;
        thread.on('change', () => {
            nChanges++;
            nRead += thread.items.length;
        });
        for (const one of messages(2, 5001)) it.wire.deliver(one);
        await vi.advanceTimersByTimeAsync(100);
        expect(thread.items.length).toBe(5001);
        expect(nChanges).toBeLessThanOrEqual(2);
        expect(nRead).toBeLessThanOrEqual(2 * 5001);
        expect(thread.items).toBe(thread.items);
    });

    test('of another one leaves the items before it as they are', async () => {
        await open(messages(1, 2));
        const before = thread.items;
        it.wire.deliver(message(3));
        expect(thread.items).not.toBe(before);
        expect(thread.items[0]).toBe(before[0]);
    });
});

describe('a connection that could not be resumed', () => {
    test('has the thread catch up from its end', async () => {
        await open(messages(1, 10));
        it.wire.say('offline');
        it.wire.has(messages(1, 200));
        it.wire.online();
        await vi.advanceTimersByTimeAsync(1000);
        expect(seqs()).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    });

    test('has a closed one catch up when it is opened again', async () => {
        await open(messages(1, 10));
        thread.close();
        it.wire.say('offline');
        it.wire.has(messages(1, 12));
        it.wire.online();
        await settled();
        expect(it.wire.payloads('message.history')).toHaveLength(1);
        thread.open();
        await settled();
        expect(seqs().at(-1)).toBe(12);
    });

    test('catches up later where the history was not to be had', async () => {
        await open(messages(1, 10));
        it.wire.say('offline');
        it.wire.handlers['message.history'] = () => {
            throw refused('storage_unavailable');
        };
        it.wire.online();
        await settled();
        it.wire.has(messages(1, 12));
        await vi.advanceTimersByTimeAsync(2000);
        expect(seqs().at(-1)).toBe(12);
    });

    test('shows what has become a stub', async () => {
        await open(messages(1, 2));
        it.wire.say('offline');
        it.wire.has([message(1), message(2, { type: 'gone', content: null })]);
        it.wire.online();
        await settled();
        expect(thread.items.map((item) => item.type)).toEqual(['text', 'gone']);
    });

    test('with much missing has it begin anew', async () => {
        await open(messages(1, 10));
        it.wire.say('offline');
        it.wire.has(messages(1, 2000));
        it.wire.online();
        await vi.advanceTimersByTimeAsync(1000);
        expect([seqs()[0], seqs().at(-1), thread.hasOlder]).toEqual([1951, 2000, true]);
    });
});

describe('ticks', () => {
    const receipt = (seq: number, by = BOB) => ({
        conversation: 'c',
        peer: BOB,
        seq,
        by,
        at: '',
        cursor: '',
    });

    test('follow what the other side has, and has read', async () => {
        await open([own(1), message(2), own(3), own(4)]);
        expect(states()).toEqual(['sent', 'received', 'sent', 'sent']);
        it.wire.events.emit('message.delivered', receipt(3));
        expect(states()).toEqual(['delivered', 'received', 'delivered', 'sent']);
        it.wire.events.emit('message.read', receipt(3));
        expect(states()).toEqual(['read', 'received', 'read', 'sent']);
        it.wire.events.emit('message.delivered', receipt(1));
        expect(states()).toEqual(['read', 'received', 'read', 'sent']);
        it.wire.events.emit('message.read', receipt(4));
        expect(states()).toEqual(['read', 'received', 'read', 'read']);
    });

    test('are those of the history as well', async () => {
        await open([own(1, { status: 'read' }), own(2, { status: 'delivered' }), own(3)]);
        expect(states()).toEqual(['read', 'delivered', 'sent']);
    });

    test('come before the message sometimes', async () => {
        await open([own(1)]);
        it.wire.events.emit('message.read', receipt(2));
        it.wire.deliver(own(2));
        expect(states()).toEqual(['read', 'read']);
    });
});

describe('reading', () => {
    const reads = () => it.wire.payloads('message.read').map((one) => (one as { seq: number }).seq);

    async function openAccepted(all: Message[]): Promise<void> {
        await open(all);
        await thread.accept();
    }

    beforeEach(() => {
        it.wire.handlers['conversation.accept'] = () => ({
            conversation: { ...thread.conversation!, accepted: true },
        });
    });

    test.each([
        ['accepted', () => thread.accept()],
        ['written to', () => Promise.resolve(void it.wire.deliver(own(4)))],
    ])('of a stranger is told once that is %s', async (_, accept) => {
        await open(messages(1, 3));
        thread.markRead(2);
        thread.markRead(3);
        await vi.advanceTimersByTimeAsync(5000);
        expect([thread.unread, reads()]).toEqual([0, []]);
        await accept();
        expect([thread.unread, reads()]).toEqual([0, [3]]);
        await vi.advanceTimersByTimeAsync(5000);
        expect(reads()).toEqual([3]);
    });

    test('of another wallet that was signed in says nothing of this one', async () => {
        await openAccepted(messages(1, 3));
        let answer = (_: { seq: number }) => {};
        it.wire.handlers['message.read'] = () => new Promise((resolve) => (answer = resolve));
        thread.markRead(3);
        it.wire.online({ account: EVE });
        answer({ seq: 3 });
        await settled();
        await thread.loadOlder();
        await thread.accept();
        thread.markRead(2);
        expect(reads()).toEqual([3, 2]);
    });

    test('is told at once, then once a second with the latest', async () => {
        await openAccepted(messages(1, 20));
        expect(thread.unread).toBe(20);
        for (let seq = 1; seq <= 10; seq++) thread.markRead(seq);
        expect([thread.unread, reads()]).toEqual([10, [1]]);
        await vi.advanceTimersByTimeAsync(999);
        expect(reads()).toEqual([1]);
        await vi.advanceTimersByTimeAsync(1);
        expect(reads()).toEqual([1, 10]);
        await vi.advanceTimersByTimeAsync(5000);
        expect(reads()).toEqual([1, 10]);
    });

    test.each([
        ['more than there is', 99, [5]],
        ['what was read before', 2, []],
    ])('of %s tells what is new alone', async (_, seq, told) => {
        await openAccepted([...messages(1, 2, { status: 'read' }), ...messages(3, 5)]);
        thread.markRead(seq);
        expect(reads()).toEqual(told);
    });

    test('that was not answered is told again with the next connection', async () => {
        await openAccepted(messages(1, 3));
        it.wire.handlers['message.read'] = () => {
            throw refused('offline');
        };
        thread.markRead(3);
        await vi.advanceTimersByTimeAsync(5000);
        expect([thread.unread, reads()]).toEqual([0, [3]]);
        delete it.wire.handlers['message.read'];
        it.wire.online({ recovered: true });
        await settled();
        expect(reads()).toEqual([3, 3]);
    });

    test('that was too often is told again when that may be', async () => {
        await openAccepted(messages(1, 3));
        it.wire.handlers['message.read'] = () => {
            throw refused('rate_limited', 4000);
        };
        thread.markRead(3);
        await vi.advanceTimersByTimeAsync(3999);
        expect(reads()).toEqual([3]);
        await vi.advanceTimersByTimeAsync(1);
        expect(reads()).toEqual([3, 3]);
    });

    test('on another device counts here, too', async () => {
        await openAccepted(messages(1, 3));
        const receipt = { conversation: 'c', peer: BOB, seq: 2, by: ME, at: '', cursor: '' };
        it.wire.events.emit('message.read', receipt);
        expect(thread.unread).toBe(1);
    });
});

describe('typing', () => {
    test('is shown until it ends, a message comes, or 10 s are over', async () => {
        await open(messages(1, 1));
        const start = () => it.wire.events.emit('typing.start', { conversation: 'c', peer: BOB });
        start();
        expect(thread.isTyping).toBe(true);
        it.wire.events.emit('typing.stop', { conversation: 'c', peer: BOB });
        expect(thread.isTyping).toBe(false);
        start();
        it.wire.deliver(message(2));
        expect(thread.isTyping).toBe(false);
        start();
        await vi.advanceTimersByTimeAsync(9000);
        start();
        await vi.advanceTimersByTimeAsync(9999);
        expect(thread.isTyping).toBe(true);
        await vi.advanceTimersByTimeAsync(1);
        expect(thread.isTyping).toBe(false);
    });

    test('is told every 3 s at most, and its end once', () => {
        thread.setTyping(true);
        vi.advanceTimersByTime(2999);
        thread.setTyping(true);
        expect(it.wire.hints).toEqual([['typing.start', BOB]]);
        vi.advanceTimersByTime(1);
        thread.setTyping(true);
        thread.setTyping(false);
        thread.setTyping(false);
        expect(it.wire.hints.map(([event]) => event)).toEqual([
            'typing.start',
            'typing.start',
            'typing.stop',
        ]);
    });
});

describe('accepting and blocking', () => {
    test.each([
        ['accept', 'conversation.accept', { accepted: true, blocked: false }],
        ['block', 'conversation.block', { accepted: false, blocked: true }],
        ['unblock', 'conversation.unblock', { accepted: false, blocked: false }],
    ] as const)('%s shows what the server has answered', async (call, event, answer) => {
        await open(messages(1, 1));
        it.wire.handlers[event] = () => ({
            conversation: conversation({ last_message: message(1), ...answer }),
        });
        await thread[call]();
        expect(it.wire.payloads(event)).toEqual([{ peer: BOB }]);
        expect([thread.accepted, thread.blocked]).toEqual([answer.accepted, answer.blocked]);
    });

    test('on another device shows here, too', async () => {
        await open(messages(1, 1));
        const told = conversation({ last_message: message(1), blocked: true });
        it.wire.events.emit('conversation.changed', { conversation: told, cursor: '' });
        expect(thread.blocked).toBe(true);
    });

    test('that is refused changes nothing', async () => {
        await open(messages(1, 1));
        it.wire.handlers['conversation.block'] = () => {
            throw refused('storage_unavailable');
        };
        await expect(thread.block()).rejects.toMatchObject({ code: 'storage_unavailable' });
        expect(thread.blocked).toBe(false);
    });
});

describe('a link to a file', () => {
    const now = Date.UTC(2026, 10, 26, 12);
    const expiring = (inMs: number | null) => ({
        url: 'http://f/old',
        expires_at: inMs === null ? null : new Date(now + inMs).toISOString(),
    });
    let item: Item;
    const asked = () => it.wire.payloads('attachment.url').length;

    const withFile = async (inMs: number | null) => {
        vi.setSystemTime(now);
        await open([message(1, { type: 'image', content: expiring(inMs) })]);
        item = thread.items[0]!;
        let n = 0;
        it.wire.handlers['attachment.url'] = () => ({
            url: `http://f/${++n}`,
            expires_at: expiring(900_000).expires_at,
        });
    };

    test.each([
        ['60 s', 60_000, 'http://f/old'],
        ['less than 60 s', 59_999, 'http://f/1'],
        ['for ever', null, 'http://f/old'],
    ])('that is good for %s', async (_, inMs, url) => {
        await withFile(inMs);
        expect(await thread.fileUrl(item)).toBe(url);
    });

    test('that is fresh is kept while it is good', async () => {
        await withFile(0);
        const both = await Promise.all([thread.fileUrl(item), thread.fileUrl(item)]);
        expect(both).toEqual(['http://f/1', 'http://f/1']);
        expect(await thread.fileUrl(item)).toBe('http://f/1');
        expect(asked()).toBe(1);
        expect(await thread.fileUrl(item, { fresh: true })).toBe('http://f/2');
    });

    test("is judged by the server's clock", async () => {
        await withFile(900_000);
        vi.setSystemTime(now + 3_600_000);
        it.wire.online({ recovered: true, server_time: new Date(now).toISOString() });
        expect(await thread.fileUrl(item)).toBe('http://f/old');
    });

    test('of one that is not stored is not to be had', async () => {
        await open([]);
        const sent = thread.sendFile(new Blob(['a']));
        await expect(thread.fileUrl(sent)).rejects.toMatchObject({ code: 'not_found' });
    });
});
