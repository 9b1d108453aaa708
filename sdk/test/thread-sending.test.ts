import { describe, expect, test } from 'vitest';
import { message, messages, settled } from './core-fakes.js';
import { eachTestHasOne, it, open, own, refused, seqs, thread } from './thread-fakes.js';

eachTestHasOne();

describe('sending', () => {
    const keys = () => thread.items.map((item) => item.key);

    test('shows the item at once, behind those that are stored', async () => {
        await open(messages(1, 2));
        const item = thread.sendText('hi', { replyTo: 2 });
        expect(item).toMatchObject({ own: true, content: 'hi', replyTo: 2, state: 'queued' });
        expect(thread.items.at(-1)).toBe(item);
        it.wire.deliver(message(3));
        expect(keys()).toEqual(['c-fB69:1', 'c-fB69:2', 'c-fB69:3', item.key]);
        expect(thread.items.at(-1)).toBe(item);
    });

    test('keeps the key when it is stored', async () => {
        await open(messages(1, 1));
        const { key } = thread.sendText('hi');
        const stored = thread.stored(key);
        it.outbox.set(key, { state: 'sending' });
        it.outbox.stored(key, own(2, { client_msg_id: key }));
        await expect(stored).resolves.toMatchObject({ seq: 2 });
        await expect(thread.stored(key)).resolves.toMatchObject({ seq: 2 });
        expect(thread.items.at(-1)).toMatchObject({ key, state: 'sent', seq: 2 });
        expect(thread.items).toHaveLength(2);
    });

    test('that another tab has seen to comes as an event, under the same key', async () => {
        await open([]);
        const { key } = thread.sendText('hi');
        it.wire.deliver(own(1, { client_msg_id: key }));
        expect(it.outbox.calls).toEqual([['sawStored', 'c-fB69:1']]);
        expect(thread.items).toMatchObject([{ key, seq: 1, state: 'sent' }]);
    });

    test('whose answer was lost is found in the history', async () => {
        await open([]);
        const { key } = thread.sendText('hi');
        it.wire.say('offline');
        it.wire.has([own(1, { client_msg_id: key })]);
        it.wire.online();
        await settled();
        expect(thread.items).toMatchObject([{ key, seq: 1 }]);
        expect(it.outbox.outgoings).toEqual([]);
    });

    test('from another device appears', async () => {
        await open(messages(1, 1));
        it.wire.deliver(own(2, { client_msg_id: 'theirs' }));
        expect(thread.items.at(-1)).toMatchObject({ own: true, key: 'theirs', state: 'sent' });
    });

    test('that is stored behind a hole stays in sight until that is filled', async () => {
        await open(messages(1, 1));
        const { key } = thread.sendText('hi');
        it.outbox.stored(key, own(3, { client_msg_id: key }));
        expect(thread.items.at(-1)).toMatchObject({ key, state: 'sending', seq: undefined });
        it.wire.deliver(message(2));
        expect(seqs()).toEqual([1, 2, 3]);
        expect(keys().at(-1)).toBe(key);
    });

    test('that is refused says why, to who waits as well', async () => {
        await open([]);
        const { key } = thread.sendText('hi');
        const stored = thread.stored(key);
        const error = refused('mailbox_full');
        it.outbox.set(key, { state: 'failed', error });
        await expect(stored).rejects.toBe(error);
        await expect(thread.stored(key)).rejects.toBe(error);
        expect(thread.items).toMatchObject([{ state: 'failed', error }]);
        thread.retry(key);
        expect(it.outbox.calls).toEqual([['retry', key]]);
    });

    test('that is given up is gone', async () => {
        await open([]);
        const { key } = thread.sendText('hi');
        const stored = thread.stored(key);
        thread.discard(key);
        await expect(stored).rejects.toMatchObject({ code: 'cancelled' });
        expect(thread.items).toEqual([]);
    });

    test('of what was never sent here can not be waited for', async () => {
        await expect(thread.stored('nobody')).rejects.toMatchObject({ code: 'not_found' });
    });

    test('works in a thread that nobody has opened', async () => {
        it.wire.online();
        const { key } = thread.sendText('hi');
        const stored = thread.stored(key);
        it.outbox.stored(key, own(1, { client_msg_id: key }));
        await expect(stored).resolves.toMatchObject({ seq: 1 });
        await expect(thread.stored(key)).resolves.toMatchObject({ seq: 1 });
        expect(thread.items).toEqual([]);
        expect(it.chat.summaries[0]?.last).toMatchObject({ key, state: 'sent' });
    });

    test.each([
        ['image/png', 'image'],
        ['video/mp4', 'video'],
        ['audio/webm;codecs=opus', 'audio'],
        ['application/pdf', 'file'],
        ['', 'file'],
    ])('a file of type "%s" makes a message of type %s', async (mime, type) => {
        await open([]);
        const blob = new Blob(['abc'], { type: mime });
        const item = thread.sendFile(blob, { name: 'a', caption: 'b', width: 2 });
        const known = { name: 'a', mime: mime || 'application/octet-stream', size: 3 };
        expect(item).toMatchObject({
            type,
            file: blob,
            content: { ...known, caption: 'b', width: 2 },
        });
    });

    test('a file keeps it for the item that is stored', async () => {
        await open([]);
        const blob = new Blob(['abc'], { type: 'image/png' });
        const { key } = thread.sendFile(blob);
        it.outbox.set(key, { state: 'uploading', progress: 0.5 });
        expect(thread.items).toMatchObject([{ state: 'uploading', progress: 0.5 }]);
        const content = { url: 'http://f/1' };
        it.outbox.stored(key, own(1, { client_msg_id: key, type: 'image', content }));
        expect(thread.items).toMatchObject([{ key, file: blob, content, progress: undefined }]);
    });

    test('accepts the peer, unless it failed', async () => {
        await open([]);
        expect(thread.accepted).toBe(false);
        const { key } = thread.sendText('hi');
        expect(thread.accepted).toBe(true);
        it.outbox.set(key, { state: 'failed', error: refused('forbidden') });
        expect(thread.accepted).toBe(false);
        it.outbox.stored(key, own(1, { client_msg_id: key }));
        expect(thread.accepted).toBe(true);
    });
});
