import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { cleanName } from '../src/file-names.js';
import { cleanMime, uploadFile, type Announced } from '../src/upload.js';
import { FakeWire, until } from './outbox-fakes.js';

describe('a name', () => {
    test.each([
        ['photo.png', 'photo.png'],
        ['Ωμέγα 😀.txt', 'Ωμέγα 😀.txt'],
        ['a/b\\c.txt', 'a_b_c.txt'],
        ['a\u0000\u001f\u007f\u009fb', 'a____b'],
        ['exe\u202egpj.txt', 'exe_gpj.txt'],
        ['\u2028\u2066\u2069', '___'],
        ['half \ud83d of a pair', 'half _ of a pair'],
        ['', 'file'],
        ['   ', 'file'],
        ['\u200emarks that are taken\u200f', '\u200emarks that are taken\u200f'],
    ])('%j is said as %j', (name, clean) => {
        expect(cleanName(name)).toBe(clean);
    });

    const bytes = (text: string) => new TextEncoder().encode(text).length;

    test('of 255 bytes stays, and one of 256 is cut before its extension', () => {
        const most = `${'a'.repeat(251)}.png`;
        expect(cleanName(most)).toBe(most);
        expect(cleanName(`a${most}`)).toBe(most);
    });

    test('is never cut within a character', () => {
        const clean = cleanName(`${'😀'.repeat(100)}.png`);
        expect(clean).toBe(`${'😀'.repeat(62)}.png`);
        expect(bytes(clean)).toBe(252);
    });

    test('is cut at its end where what follows a dot is no extension', () => {
        expect(cleanName(`a.${'b'.repeat(300)}`)).toBe(`a.${'b'.repeat(253)}`);
    });
});

describe('a type', () => {
    const none = 'application/octet-stream';
    test.each([
        ['image/png', 'image/png'],
        ['text/plain; charset=utf-8', 'text/plain;charset=utf-8'],
        ['video/webm;codecs="vp8,opus"', 'video/webm;codecs=vp8,opus'],
        ['video/webm; codecs=vp8, opus', 'video/webm;codecs=vp8,opus'],
        ['application/vnd.ms-excel', 'application/vnd.ms-excel'],
        ['', none],
        ['image', none],
        ['image/', none],
        ['image/png;', none],
        ['image/png;a', none],
        ['image/pn g', none],
        ['ïmage/png', none],
        [`a/${'b'.repeat(125)}`, `a/${'b'.repeat(125)}`],
        [`a/${'b'.repeat(126)}`, none],
    ])('%j is said as %j', (mime, clean) => {
        expect(cleanMime(mime)).toBe(clean);
    });
});

/** As a browser's, in the hands of a test. */
class FakeXhr {
    static all: FakeXhr[] = [];
    readonly upload: { onprogress?: (event: { loaded: number; total: number }) => void } = {};
    onload?: () => void;
    onerror?: () => void;
    onabort?: () => void;
    status = 0;
    responseText = '';
    readonly said: unknown[][] = [];

    constructor() {
        FakeXhr.all.push(this);
    }
    open(...args: unknown[]): void {
        this.said.push(['open', ...args]);
    }
    setRequestHeader(...args: unknown[]): void {
        this.said.push(['header', ...args]);
    }
    send(blob: Blob): void {
        this.said.push(['send', blob.size]);
    }
    abort(): void {
        this.said.push(['abort']);
        this.onabort?.();
    }
    answer(status: number, body = ''): void {
        Object.assign(this, { status, responseText: body });
        this.onload?.();
    }
}

describe('a file on its way', () => {
    const blob = new Blob(['abcd']);
    let wire: FakeWire;
    let announced: Announced;
    let abort: AbortController;
    let told: number[];

    const upload = (file = blob) =>
        uploadFile(wire, { blob: file, name: 'a', mime: 'a/b' }, announced, {
            signal: abort.signal,
            onProgress: (progress) => told.push(progress),
        });

    function ticket(n: number, validMs = 300000): void {
        wire.asked[n]!.answer({
            upload: `u${n}`,
            method: 'PUT',
            url: `http://files/${n}`,
            headers: { 'content-type': 'a/b', 'x-amz-more': '1' },
            expires_at: new Date(Date.now() + validMs).toISOString(),
        });
    }

    async function started(validMs?: number) {
        const done = upload();
        done.catch(() => {});
        await until(() => wire.asked.length === 1);
        ticket(0, validMs);
        await until(() => FakeXhr.all.length === 1);
        return { done, xhr: FakeXhr.all[0]! };
    }

    beforeEach(() => {
        vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
        vi.stubGlobal('XMLHttpRequest', FakeXhr);
        FakeXhr.all = [];
        wire = new FakeWire();
        announced = {};
        abort = new AbortController();
        told = [];
    });

    afterEach(() => {
        vi.useRealTimers();
        vi.unstubAllGlobals();
    });

    test.each([200, 204, 412])('is there when it is answered with %i', async (status) => {
        const { done, xhr } = await started();
        expect(xhr.said).toEqual([
            ['open', 'PUT', 'http://files/0'],
            ['header', 'content-type', 'a/b'],
            ['header', 'x-amz-more', '1'],
            ['send', 4],
        ]);
        xhr.answer(status);
        expect(await done).toBe('u0');
    });

    test('tells how far it is ten times a second', async () => {
        const { done, xhr } = await started();
        for (let loaded = 0; loaded <= 40; loaded++) {
            xhr.upload.onprogress?.({ loaded, total: 40 });
            vi.advanceTimersByTime(25);
        }
        expect(told).toEqual([0, 4, 8, 12, 16, 20, 24, 28, 32, 36, 40].map((n) => n / 40));
        xhr.answer(200);
        await done;
    });

    test('that stands still for a minute is lost, and tried again later', async () => {
        const { done, xhr } = await started();
        await vi.advanceTimersByTimeAsync(59999);
        xhr.upload.onprogress?.({ loaded: 1, total: 4 });
        await vi.advanceTimersByTimeAsync(59999);
        expect(xhr.said.at(-1)).toEqual(['send', 4]);
        await vi.advanceTimersByTimeAsync(1);
        expect(xhr.said.at(-1)).toEqual(['abort']);
        await expect(done).rejects.toMatchObject({ code: 'offline' });
    });

    test('can be cancelled', async () => {
        const { done, xhr } = await started();
        abort.abort();
        expect(xhr.said.at(-1)).toEqual(['abort']);
        await expect(done).rejects.toMatchObject({ code: 'cancelled' });
    });

    test('is not put where it was cancelled while it was announced', async () => {
        const done = upload();
        await until(() => wire.asked.length === 1);
        ticket(0);
        abort.abort();
        await expect(done).rejects.toMatchObject({ code: 'cancelled' });
        expect(FakeXhr.all).toEqual([]);
    });

    test.each([408, 409, 429, 500, 503, 507])('with %i is tried again later', async (status) => {
        const { done, xhr } = await started();
        xhr.answer(status);
        await expect(done).rejects.toMatchObject({ code: 'storage_unavailable' });
        const again = upload();
        await until(() => FakeXhr.all.length === 2);
        FakeXhr.all[1]!.answer(200);
        expect(await again).toBe('u0');
    });

    test('with 400 fails with what the store says to people', async () => {
        const { done, xhr } = await started();
        xhr.answer(
            400,
            '<Error><Code>BadDigest</Code><Message>It is another one.</Message></Error>',
        );
        await expect(done).rejects.toMatchObject({
            code: 'upload_failed',
            message: 'The file was not taken: It is another one.',
        });
    });

    test('with 403 gets a new link, once', async () => {
        const { done, xhr } = await started();
        xhr.answer(403);
        await until(() => wire.asked.length === 2);
        ticket(1);
        await until(() => FakeXhr.all.length === 2);
        expect(FakeXhr.all[1]?.said[0]).toEqual(['open', 'PUT', 'http://files/1']);
        FakeXhr.all[1]!.answer(403, '<Error><Code>AccessDenied</Code></Error>');
        await expect(done).rejects.toMatchObject({
            code: 'upload_failed',
            message: 'The file was not taken (AccessDenied, 403).',
        });
        expect(announced.ticket).toBeUndefined();
    });

    test('gets a new link at the next try when its own has expired', async () => {
        const { done, xhr } = await started(1000);
        xhr.onerror?.();
        await expect(done).rejects.toMatchObject({ code: 'offline' });
        await vi.advanceTimersByTimeAsync(1000);
        const again = upload();
        await until(() => wire.asked.length === 2);
        ticket(1);
        await until(() => FakeXhr.all.length === 2);
        FakeXhr.all[1]!.answer(200);
        expect(await again).toBe('u1');
    });

    test('that can not be read any more fails', async () => {
        const gone = new Blob(['abcd']);
        vi.spyOn(gone, 'slice').mockReturnValue({
            arrayBuffer: () => Promise.reject(new DOMException('gone', 'NotReadableError')),
        } as unknown as Blob);
        const done = upload(gone);
        await until(() => wire.asked.length === 1);
        ticket(0);
        await until(() => FakeXhr.all.length === 1);
        FakeXhr.all[0]!.onerror?.();
        await expect(done).rejects.toMatchObject({ code: 'upload_failed' });
    });
});
