import type { Item } from 'parley-sdk';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FileSource } from '../src/file-source';
import { BOB, FakeThread, item } from './fake';

/** Each link is answered when the test says so. */
class SlowThread extends FakeThread {
    readonly asked: { fresh: boolean; answer: (url: string) => void; refuse: () => void }[] = [];
    override fileUrl(_: Item, { fresh = false } = {}): Promise<string> {
        return new Promise((answer, reject) =>
            this.asked.push({ fresh, answer, refuse: () => reject(new Error('offline')) }),
        );
    }
}

const A = 'https://files.example/a';
const B = 'https://files.example/b';
/** What a promise leads to has happened. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

let thread: SlowThread;
let source: FileSource;
let onChange: ReturnType<typeof vi.fn<() => void>>;
beforeEach(() => {
    thread = new SlowThread(BOB);
    onChange = vi.fn<() => void>();
    source = new FileSource(onChange);
});
afterEach(() => source.drop());

describe('a link', () => {
    it('is asked for once, however often its message is shown', async () => {
        const one = item({ type: 'image' });
        source.show(thread, one);
        source.show(thread, { ...one, state: 'read' });
        expect(thread.asked).toHaveLength(1);
        thread.asked[0]!.answer(A);
        await settled();
        source.show(thread, { ...one });
        expect([source.url, thread.asked.length, onChange.mock.calls.length]).toEqual([A, 1, 1]);
    });

    it('that comes when another message is shown is not taken', async () => {
        source.show(thread, item({ type: 'image' }));
        source.show(thread, item({ type: 'image' }));
        thread.asked[1]!.answer(B);
        thread.asked[0]!.answer(A);
        await settled();
        expect(source.url).toBe(B);
    });

    it('that comes when nothing is shown any more is not taken, nor its failure', async () => {
        source.show(thread, item({ type: 'image' }));
        source.drop();
        source.show(thread, item({ type: 'image' }));
        source.drop();
        thread.asked[0]!.answer(A);
        thread.asked[1]!.refuse();
        await settled();
        expect([source.url, source.hasFailed, onChange.mock.calls.length]).toEqual([
            undefined,
            false,
            0,
        ]);
    });

    it('that fails is asked for anew, once', async () => {
        source.show(thread, item({ type: 'image' }));
        thread.asked[0]!.answer(A);
        await settled();
        source.onError();
        expect(source.url).toBeUndefined();
        thread.asked[1]!.answer(B);
        await settled();
        expect([source.url, thread.asked[1]!.fresh]).toEqual([B, true]);
        source.onError();
        expect([source.url, source.hasFailed, thread.asked.length]).toEqual([undefined, true, 2]);
    });

    it('that was good, and has expired since, may be asked for again', async () => {
        source.show(thread, item({ type: 'video' }));
        for (const n of [0, 1, 2]) {
            thread.asked[n]!.answer(A);
            await settled();
            source.onLoad();
            source.onError();
        }
        expect([source.hasFailed, thread.asked.length]).toEqual([false, 4]);
    });

    it('that can not be had fails, stays so, and is asked for when one tries again', async () => {
        const one = item({ type: 'image' });
        source.show(thread, one);
        thread.asked[0]!.refuse();
        await settled();
        source.show(thread, { ...one });
        expect([source.hasFailed, thread.asked.length]).toEqual([true, 1]);
        source.retry();
        thread.asked[1]!.answer(B);
        await settled();
        expect([source.hasFailed, source.url]).toEqual([false, B]);
    });

    it('is not asked for before the message is stored', () => {
        const one = item({ type: 'image', own: true, state: 'queued', seq: undefined });
        source.show(thread, one);
        expect(thread.asked).toHaveLength(0);
        source.show(thread, { ...one, state: 'sent', seq: 3 });
        expect(thread.asked).toHaveLength(1);
    });
});

describe('a file of this tab', () => {
    const file = new Blob(['a']);
    const own = () => item({ type: 'image', own: true, file });
    const revoked = vi.spyOn(URL, 'revokeObjectURL').mockReturnValue();
    beforeEach(() => revoked.mockClear());

    it('has one URL for all who show it, until the last of them has gone', () => {
        const other = new FileSource(() => {});
        source.show(thread, own());
        other.show(thread, own());
        expect([other.url, thread.asked.length]).toEqual([source.url, 0]);
        source.drop();
        expect(revoked).not.toHaveBeenCalled();
        const { url } = other;
        other.drop();
        expect(revoked.mock.calls).toEqual([[url]]);
    });

    it('is shown on when the message is stored and the file let go', () => {
        const one = item({ type: 'image', own: true, file, seq: undefined });
        source.show(thread, one);
        const { url } = source;
        source.show(thread, { ...one, file: undefined, seq: 4 });
        expect([source.url, thread.asked.length]).toEqual([url, 0]);
    });

    it('that is broken fails once, and is let go', () => {
        const one = item({ type: 'image', own: true, file, seq: undefined });
        source.show(thread, one);
        source.onError();
        source.show(thread, { ...one });
        expect([source.hasFailed, source.url]).toEqual([true, undefined]);
        source.drop();
        expect(revoked).toHaveBeenCalledTimes(1);
    });
});

describe('a picture', () => {
    const loaded = async (naturalWidth: number, naturalHeight: number) => {
        source.show(thread, item({ type: 'image' }));
        thread.asked[0]!.answer(A);
        await settled();
        const image = { naturalWidth, naturalHeight, style: { visibility: '' } };
        source.onLoad(image as HTMLImageElement);
        return image.style.visibility;
    };

    it('of 64 million pixels is seen', async () => {
        expect([await loaded(64_000, 1000), source.url, source.hasFailed]).toEqual([
            'visible',
            A,
            false,
        ]);
    });

    it('of more pixels is not, as each takes four bytes', async () => {
        expect([await loaded(64_001, 1000), source.url, source.hasFailed]).toEqual([
            '',
            undefined,
            true,
        ]);
    });
});
