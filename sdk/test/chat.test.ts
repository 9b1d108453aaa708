import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ParleyError } from '../src/errors.js';
import type { Conversation, Presence } from '../src/protocol.js';
import {
    BOB,
    EVE,
    ME,
    conversation,
    message,
    messages,
    settled,
    setup,
    type Setup,
} from './core-fakes.js';

let it: Setup;

beforeEach(() => {
    vi.useFakeTimers();
    it = setup();
});

afterEach(() => {
    vi.useRealTimers();
});

const account = (n: number) => `0x${(n + 1).toString(16).padStart(40, '0')}`;

/** The latest first; each with one message. */
const many = (n: number): Conversation[] =>
    Array.from({ length: n }, (_, i) => {
        const peer = account(i);
        return conversation({ peer, last_message: message(1, { peer, seq: n - i }), unread: 1 });
    }).map((one) => ({ ...one, updated_at: one.last_message!.created_at }));

/** The list, as the server pages it. */
function lists(all: Conversation[]): void {
    it.wire.handlers['conversation.list'] = ({ limit = 50, after = '0' }) => {
        const end = Number(after) + limit;
        const conversations = all.slice(Number(after), end);
        return { conversations, ...(end < all.length && { next: String(end) }) };
    };
}

const refused = (code: string) => new ParleyError({ code, message: code });
const peers = () => it.chat.summaries.map((one) => one.peer);

describe('a chat', () => {
    test('says what the connection is, and whose', async () => {
        it = setup(null);
        expect([it.chat.status, it.chat.account, it.chat.limits]).toEqual([
            'idle',
            undefined,
            undefined,
        ]);
        const changed = vi.fn();
        it.chat.on('change', changed);
        it.chat.connect();
        it.wire.online();
        expect([it.chat.status, it.chat.account]).toEqual(['online', ME]);
        expect(it.chat.limits).toEqual({ content_bytes: 65536 });
        await settled();
        expect(changed).toHaveBeenCalled();
    });

    test.each([
        ['nothing', ''],
        ['no address', 'bob'],
        ['one digit too few', BOB.slice(0, -1)],
        ['the address of zeroes', `0x${'0'.repeat(40)}`],
        ["one's own", ME],
        ["one's own in small letters", ME.toLowerCase()],
    ])('has no thread with %s', (_, peer) => {
        expect(() => it.chat.thread(peer)).toThrow(
            expect.objectContaining({ code: 'recipient_invalid' }),
        );
    });

    test('has one thread for an account, however it is spelled', () => {
        const thread = it.chat.thread(BOB.toLowerCase());
        expect(it.chat.thread(BOB)).toBe(thread);
        expect(thread.peer).toBe(BOB.toLowerCase());
        it.wire.deliver(message(1));
        expect(thread.peer).toBe(BOB);
    });

    test('finds the thread by what the server calls its peer', async () => {
        const thread = it.chat.thread(`eip155:1:${BOB}`);
        it.wire.has([message(1)]);
        thread.open();
        it.wire.online();
        await settled();
        expect(thread.peer).toBe(BOB);
        expect(it.chat.thread(BOB)).toBe(thread);
        expect(it.chat.summaries).toHaveLength(1);
    });

    test('tells of each new message of somebody else once', async () => {
        it.wire.online();
        const told: unknown[] = [];
        it.chat.on('message', ({ thread, item }) => told.push([thread.peer, item.content]));
        it.wire.deliver(message(1));
        it.wire.deliver(message(1));
        it.wire.deliver(message(2, { from: ME, to: BOB }));
        it.wire.deliver(message(3));
        expect(told).toEqual([
            [BOB, 'm1'],
            [BOB, 'm3'],
        ]);
    });

    test('passes on warnings', () => {
        const warned = vi.fn();
        it.chat.on('warning', warned);
        it.wire.events.emit('warning', { code: 'not_acknowledging', message: 'x' });
        expect(warned).toHaveBeenCalledWith({ code: 'not_acknowledging', message: 'x' });
    });

    test('sends without a thread at hand', async () => {
        const stored = it.chat.send(BOB, 'hi', { type: 'file', replyTo: 3 });
        expect(it.outbox.outgoings[0]?.entry).toMatchObject({ type: 'text', replyTo: 3 });
        it.outbox.stored('k1', message(1, { from: ME, to: BOB, client_msg_id: 'k1' }));
        await expect(stored).resolves.toMatchObject({ seq: 1 });
        await expect(it.chat.send('nobody', 'hi')).rejects.toMatchObject({
            code: 'recipient_invalid',
        });
    });

    test('asks for history as it is told', async () => {
        it.wire.online();
        it.wire.has(messages(1, 5));
        const page = await it.chat.history(BOB, { before: 5, limit: 2 });
        expect([page.messages.map((one) => one.seq), page.hasMore]).toEqual([[3, 4], true]);
    });
});

describe('the list', () => {
    test('is there with its first page, and goes on', async () => {
        lists(many(120));
        expect(it.chat.isListed).toBe(false);
        it.wire.online();
        await settled();
        expect([it.chat.isListed, it.chat.hasMore, peers().length]).toEqual([true, true, 50]);
        await Promise.all([it.chat.loadMore(), it.chat.loadMore()]);
        expect([it.chat.hasMore, peers().length]).toEqual([false, 120]);
        expect(peers()).toEqual(many(120).map((one) => one.peer));
        await it.chat.loadMore();
        expect(it.wire.payloads('conversation.list')).toHaveLength(2);
    });

    test('has the latest first, and what is not sent yet as well', async () => {
        lists(many(3));
        it.wire.online();
        await settled();
        vi.setSystemTime(Date.UTC(2026, 10, 27));
        const { key } = it.chat.thread(account(2)).sendText('hi');
        expect(peers()).toEqual([account(2), account(0), account(1)]);
        expect(it.chat.summaries[0]?.last).toMatchObject({ key, state: 'queued' });
        it.wire.deliver(message(9, { peer: account(1), created_at: '2026-11-28T00:00:00.000Z' }));
        expect(peers()[0]).toBe(account(1));
    });

    test('has no line for a peer that was only looked at', () => {
        it.chat.thread(BOB);
        expect(it.chat.summaries).toEqual([]);
    });

    test('counts what is unread, as the server does and on from there', async () => {
        const last_message = message(5);
        lists([conversation({ last_message, unread: 2, mine: { delivered_seq: 5, read_seq: 3 } })]);
        it.wire.online();
        await settled();
        const unread = () => [it.chat.summaries[0]?.unread, it.chat.unread];
        expect(unread()).toEqual([2, 1]);
        it.wire.deliver(message(5));
        expect(unread()).toEqual([2, 1]);
        it.wire.deliver(message(6));
        it.wire.deliver(message(7, { from: ME, to: BOB }));
        expect(unread()).toEqual([3, 1]);
        it.chat.thread(BOB).markRead(7);
        expect(unread()).toEqual([0, 0]);
    });

    test('does not count requests among the unread', async () => {
        lists([conversation({ last_message: message(1), unread: 1, accepted: false })]);
        it.wire.online();
        await settled();
        expect(it.chat.summaries).toMatchObject([{ isRequest: true, unread: 1 }]);
        expect(it.chat.unread).toBe(0);
    });

    test('is no request once blocked', async () => {
        lists([conversation({ last_message: message(1), accepted: false, blocked: true })]);
        it.wire.online();
        await settled();
        expect(it.chat.summaries).toMatchObject([{ isRequest: false, blocked: true }]);
    });

    test('asks who somebody is that it does not know', async () => {
        lists([]);
        it.wire.online();
        await settled();
        it.wire.deliver(message(7));
        it.wire.deliver(message(1, { peer: EVE }));
        expect(it.chat.summaries.map((one) => one.isRequest)).toEqual([true, true]);
        lists([
            conversation({ last_message: message(7), unread: 3 }),
            conversation({ peer: EVE, last_message: message(1, { peer: EVE }), accepted: false }),
        ]);
        await vi.advanceTimersByTimeAsync(300);
        expect(it.wire.payloads('conversation.list')).toHaveLength(2);
        expect(it.chat.summaries).toMatchObject([
            { peer: BOB, isRequest: false, unread: 3 },
            { peer: EVE, isRequest: true },
        ]);
    });

    test('looks further down for who is open, and no longer than it has to', async () => {
        const all = [...many(60), conversation({ last_message: message(1) }), ...many(400)];
        lists(all);
        it.wire.has([message(1)]);
        const thread = it.chat.thread(BOB);
        thread.open();
        it.wire.online();
        await vi.advanceTimersByTimeAsync(1000);
        expect([thread.accepted, it.chat.hasMore]).toEqual([true, true]);
        expect(it.wire.payloads('conversation.list').length).toBeLessThanOrEqual(3);
    });

    test('asks again with the next connection who somebody is', async () => {
        it.wire.online();
        await settled();
        it.wire.deliver(message(1));
        it.wire.handlers['conversation.list'] = () => {
            it.wire.status = 'offline';
            throw refused('offline');
        };
        await vi.advanceTimersByTimeAsync(300);
        lists([conversation({ last_message: message(1) })]);
        it.wire.online({ recovered: true });
        await settled();
        expect(it.chat.thread(BOB).accepted).toBe(true);
    });

    test('does not ask for ever for who is not in it', async () => {
        lists([]);
        it.wire.online();
        await settled();
        it.wire.deliver(message(1));
        await vi.advanceTimersByTimeAsync(1000);
        it.wire.deliver(message(2));
        await vi.advanceTimersByTimeAsync(10000);
        expect(it.wire.payloads('conversation.list')).toHaveLength(2);
    });

    test('is tried again where the server could not say it', async () => {
        it.wire.handlers['conversation.list'] = () => {
            throw refused('storage_unavailable');
        };
        it.wire.online();
        await settled();
        expect(it.chat.isListed).toBe(false);
        lists(many(1));
        await vi.advanceTimersByTimeAsync(3000);
        expect(it.chat.isListed).toBe(true);
    });

    test('is asked for again after a connection that could not be resumed, and only then', async () => {
        lists(many(120));
        it.wire.online();
        await settled();
        await it.chat.loadMore();
        const n = () => it.wire.payloads('conversation.list').length;
        it.wire.say('offline');
        it.wire.online({ recovered: true });
        await settled();
        expect(n()).toBe(2);
        it.wire.say('offline');
        lists(many(120).map((one) => ({ ...one, blocked: true })));
        it.wire.online({ recovered: false });
        await settled();
        expect(n()).toBe(4);
        expect(it.chat.summaries.every((one) => one.blocked)).toBe(true);
        expect(it.chat.hasMore).toBe(false);
    });

    test('does not go back behind the events', async () => {
        let answer = (_: unknown) => {};
        it.wire.handlers['conversation.list'] = () => new Promise((resolve) => (answer = resolve));
        it.wire.online();
        await settled();
        it.wire.deliver(message(1));
        it.wire.deliver(message(2, { from: ME, to: BOB }));
        const old = conversation({ last_message: message(1), unread: 1, accepted: false });
        answer({ conversations: [old] });
        await settled();
        expect(it.chat.summaries).toMatchObject([
            { last: { seq: 2 }, unread: 1, isRequest: false },
        ]);
    });

    test('says that something has changed once for many events', async () => {
        it.wire.online();
        await settled();
        await vi.advanceTimersByTimeAsync(1000);
        const changed = vi.fn();
        it.chat.on('change', changed);
        for (let i = 0; i < 1000; i++) it.wire.deliver(message(1, { peer: account(i) }));
        expect(changed).not.toHaveBeenCalled();
        await settled();
        expect(changed).toHaveBeenCalledOnce();
        expect(it.chat.summaries).toHaveLength(1000);
    });
});

describe('presence', () => {
    const watched = () =>
        it.wire
            .payloads('presence.watch')
            .map((one) => (one as { accounts: string[] }).accounts.length);

    test('is watched of open threads and of the first 50 lines', async () => {
        lists(many(60));
        const thread = it.chat.thread(account(55));
        thread.open();
        it.wire.online();
        await settled();
        expect(watched()).toEqual([1, 50]);
        expect(thread.presence).toMatchObject({ online: true });
        thread.close();
        await settled();
        expect(it.wire.payloads('presence.unwatch')).toEqual([{ accounts: [account(55)] }]);
    });

    test('is watched anew by each connection, and not known in between', async () => {
        const thread = it.chat.thread(BOB);
        thread.open();
        it.wire.online();
        await settled();
        it.wire.say('offline');
        expect(thread.presence).toBeUndefined();
        it.wire.online({ recovered: true });
        await settled();
        expect(watched()).toEqual([1, 1]);
        expect(thread.presence).toBeDefined();
    });

    test('shows when it changes', async () => {
        const thread = it.chat.thread(BOB);
        const gone: Presence = { account: BOB, online: false, last_seen: '2026-11-26T00:00:00Z' };
        it.wire.events.emit('presence.changed', gone);
        expect(thread.presence).toBe(gone);
    });

    test('of one that the server does not take keeps it from nobody else', async () => {
        it.wire.handlers['presence.watch'] = ({ accounts }) => {
            if (accounts.includes(EVE)) throw refused('bad_request');
            return { accounts: accounts.map((one) => ({ account: one, online: true })) };
        };
        for (const peer of [EVE, BOB]) it.chat.thread(peer).open();
        it.wire.online();
        await settled();
        expect(it.chat.thread(BOB).presence).toMatchObject({ online: true });
        expect(it.chat.thread(EVE).presence).toBeUndefined();
    });

    test('is asked for again when that was too often', async () => {
        const watch = it.wire.handlers['presence.watch']!;
        it.wire.handlers['presence.watch'] = () => {
            throw refused('rate_limited');
        };
        it.chat.thread(BOB).open();
        it.wire.online();
        await settled();
        it.wire.handlers['presence.watch'] = watch;
        await vi.advanceTimersByTimeAsync(5000);
        expect(it.chat.thread(BOB).presence).toBeDefined();
    });
});

describe('the outbox', () => {
    test('is online while the connection is', () => {
        expect(it.outbox.isOnline).toBe(false);
        it.wire.online();
        expect(it.outbox.isOnline).toBe(true);
        it.wire.say('offline');
        expect(it.outbox.isOnline).toBe(false);
    });

    test('of an earlier page shows in the list', () => {
        const old = setup(null);
        old.outbox.add({ to: BOB, type: 'text', content: 'left' });
        old.wire.online();
        expect(old.chat.summaries).toMatchObject([{ peer: BOB, last: { content: 'left' } }]);
    });

    test('takes what was written before the account was known, under the same keys', () => {
        it = setup(null);
        const thread = it.chat.thread(BOB);
        const keys = ['a', 'b', 'c'].map((text) => thread.sendText(text).key);
        thread.discard(keys[1]!);
        expect(thread.items).toMatchObject([{ state: 'queued' }, { state: 'queued' }]);
        it.wire.online();
        expect(it.outbox.outgoings.map(({ entry }) => [entry.key, entry.content])).toEqual([
            [keys[0], 'a'],
            [keys[2], 'c'],
        ]);
        expect(thread.items.map((item) => item.key)).toEqual([keys[0], keys[2]]);
    });
});

describe('a server that was restored', () => {
    test('is read anew: what it has lost is gone, and its ids are given again', async () => {
        const { handlers } = it.wire;
        it.wire.online();
        const thread = it.chat.thread(BOB);
        thread.open();
        await settled();
        for (const seq of [1, 2, 3]) it.wire.deliver(message(seq));
        const sent = thread.sendText('on its way');
        it.wire.say('offline');
        const again = [message(1), message(2, { content: 'another one' })];
        handlers['message.history'] = () => ({ messages: again, has_more: false, first_seq: 1 });
        lists([conversation({ last_message: again[1]!, unread: 1 })]);
        it.wire.events.emit('restored', undefined);
        it.wire.online();
        await settled();
        const texts = thread.items.map((item) => item.content);
        expect(texts).toEqual(['m1', 'another one', 'on its way']);
        expect(thread.items.at(-1)!.key).toBe(sent.key);
        expect(it.chat.summaries[0]!.last?.content).toBe('on its way');
        it.wire.deliver(message(3, { content: 'a new one' }));
        expect(thread.items.map((item) => item.content)).toContain('a new one');
    });

    test('keeps those waiting who have sent something', async () => {
        it.wire.online();
        const { key } = it.chat.thread(BOB).sendText('hi');
        let stored: unknown;
        void it.chat
            .thread(BOB)
            .stored(key)
            .then((one) => (stored = one));
        it.wire.events.emit('restored', undefined);
        it.wire.online();
        await settled();
        expect(stored).toBeUndefined();
        it.outbox.stored(key, message(1, { from: ME, to: BOB, client_msg_id: key }));
        await settled();
        expect(stored).toMatchObject({ seq: 1 });
    });
});

describe('who disconnects', () => {
    const texts = () => it.chat.thread(BOB).items.map((item) => item.content);

    test('leaves what is not sent to others, and has it again with the next connection', async () => {
        it.wire.online();
        it.wire.deliver(message(1));
        it.chat.thread(BOB).sendText('hi');
        it.chat.disconnect();
        expect([it.outbox.isClosed, texts()]).toEqual([true, []]);
        expect(it.chat.summaries[0]!.last?.content).toBe('m1');
        it.chat.connect();
        expect(texts()).toEqual(['hi']);
        it.wire.online({ recovered: true });
        expect([it.outbox.isOnline, texts()]).toEqual([true, ['hi']]);
    });

    test('keeps what nobody else can have, as it is', async () => {
        it.outbox.isPersistent = false;
        it.wire.online();
        const thread = it.chat.thread(BOB);
        const [{ key }] = [thread.sendText('first'), thread.sendText('second')];
        it.outbox.set(key, { error: new ParleyError({ code: 'mailbox_full', message: 'full' }) });
        it.chat.disconnect();
        expect(texts()).toEqual(['first', 'second']);
        thread.sendText('third');
        it.chat.connect();
        expect(texts()).toEqual(['first', 'second', 'third']);
        expect(it.outbox.of(BOB)[0]!.entry.key).toBe(key);
    });

    test.each([true, false])('sends nothing of it as somebody else (kept: %s)', async (isKept) => {
        it.outbox.isPersistent = isKept;
        it.wire.online();
        it.chat.thread(BOB).sendText('hi');
        it.chat.disconnect();
        it.chat.thread(BOB).sendText('and hi');
        it.chat.connect();
        it.wire.online({ account: EVE });
        expect([it.otherOutbox.outgoings, texts()]).toEqual([[], []]);
    });

    test('is one that leaves the page, until it comes back to it', async () => {
        vi.stubGlobal('window', new EventTarget());
        it.chat.connect();
        it.wire.online();
        it.chat.thread(BOB).sendText('hi');
        window.dispatchEvent(new Event('pagehide'));
        expect([it.chat.status, it.outbox.isClosed, texts()]).toEqual(['idle', true, []]);
        window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
        expect([it.chat.status, texts()]).toEqual(['connecting', ['hi']]);
        it.chat.disconnect();
        window.dispatchEvent(Object.assign(new Event('pageshow'), { persisted: true }));
        expect(it.chat.status).toBe('idle');
        vi.unstubAllGlobals();
    });

    test('signs out for good also then', async () => {
        it.wire.online();
        it.chat.disconnect();
        await it.chat.signOut();
        expect(it.deleted).toEqual([ME]);
    });
});

test('what is not sent yet has its time by the clock of the server', async () => {
    vi.setSystemTime(Date.UTC(2026, 10, 25, 12));
    const item = it.chat.thread(BOB).sendText('hi');
    expect(item.at).toBe(Date.UTC(2026, 10, 25, 12));
    it.wire.online({ server_time: '2026-11-27T12:00:00.000Z' });
    it.wire.deliver(message(1, { created_at: '2026-11-26T00:00:00.000Z' }));
    expect(it.chat.summaries[0]!.at).toBe(Date.UTC(2026, 10, 27, 12));
});

describe('signing out', () => {
    test('leaves nothing of the account', async () => {
        lists(many(2));
        it.wire.online();
        await settled();
        const thread = it.chat.thread(account(0));
        it.wire.has(messages(1, 3, { peer: account(0) }));
        thread.open();
        await settled();
        const waiting = thread.stored(thread.sendText('hi').key);
        void it.chat.signOut();
        await expect(waiting).rejects.toMatchObject({ code: 'cancelled' });
        expect(it.outbox.isClosed).toBe(true);
        await settled();
        expect(it.deleted).toEqual([ME]);
        expect([it.chat.status, it.chat.account, it.chat.isListed]).toEqual([
            'idle',
            undefined,
            false,
        ]);
        expect([it.chat.summaries, thread.items, thread.conversation]).toEqual([[], [], undefined]);
    });

    test('and in as somebody else shows the threads of that one', async () => {
        it.wire.has(messages(1, 3));
        it.chat.thread(BOB).open();
        it.wire.online();
        await settled();
        it.wire.say('offline');
        it.wire.has([]);
        it.wire.online({ account: EVE });
        await settled();
        expect([it.chat.account, it.chat.thread(BOB).items]).toEqual([EVE, []]);
    });
});
