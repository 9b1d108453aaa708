/** A page with each kind of message, on both sides: for rows/message.mjs of tests/browser. */
import { ParleyError, type Item } from 'parley-sdk';
import { LitElement, css, html } from 'lit';
import { query, state } from '../src/decorators';
import '../src/files';
import { messageStyles, messageTemplate, type MessageContext } from '../src/message';
import { noNames } from '../src/names';
import { english } from '../src/strings';
import { base, darkTokens, tokens } from '../src/tokens';
import '../src/viewer';
import type { ParleyViewer } from '../src/viewer';
import { BOB, FakeThread, item } from './fake';

/** Links as a test sets them: by the seq of the message, the first ones first. */
class GalleryThread extends FakeThread {
    readonly links = new Map<number, string[]>();
    override fileUrl(one: Item, options: { fresh?: boolean } = {}): Promise<string> {
        this.calls.push(['fileUrl', one.seq, options.fresh ?? false]);
        const links = this.links.get(one.seq ?? 0) ?? [];
        const link = links.length > 1 ? links.shift() : links[0];
        return link ? Promise.resolve(link) : Promise.reject(new Error('No link.'));
    }
}

export const thread = new GalleryThread(BOB);

/** A canvas with something to see in it. */
function draw(width: number, height: number, hue: number): HTMLCanvasElement {
    const canvas = Object.assign(document.createElement('canvas'), { width, height });
    const paint = canvas.getContext('2d')!;
    const sky = paint.createLinearGradient(0, 0, 0, height);
    sky.addColorStop(0, `hsl(${hue} 70% 70%)`);
    sky.addColorStop(1, `hsl(${hue + 60} 60% 35%)`);
    paint.fillStyle = sky;
    paint.fillRect(0, 0, width, height);
    paint.fillStyle = '#fffc';
    paint.arc(width * 0.7, height * 0.3, Math.min(width, height) / 9, 0, 7);
    paint.fill();
    return canvas;
}

export const picture = (width: number, height: number, hue: number): Promise<Blob> =>
    new Promise((done) => draw(width, height, hue).toBlob((blob) => done(blob!), 'image/png'));

/** A second of a moving picture. */
export function film(): Promise<Blob> {
    const canvas = draw(480, 270, 200);
    const recorder = new MediaRecorder(canvas.captureStream(10), { mimeType: 'video/webm' });
    const pieces: Blob[] = [];
    recorder.ondataavailable = ({ data }) => pieces.push(data);
    recorder.start();
    let frames = 0;
    const timer = setInterval(() => {
        canvas.getContext('2d')!.fillRect(frames++ * 40, 200, 30, 30);
        if (frames === 10) recorder.stop();
    }, 100);
    return new Promise((done) => {
        recorder.onstop = () => {
            clearInterval(timer);
            done(new Blob(pieces, { type: 'video/webm' }));
        };
    });
}

/** A tone, as WAV of 8 bits. */
export function tone(seconds: number): Blob {
    const rate = 8000;
    const n = rate * seconds;
    const wav = new DataView(new ArrayBuffer(44 + n));
    const text = (at: number, word: string) =>
        [...word].forEach((c, i) => wav.setUint8(at + i, c.charCodeAt(0)));
    text(0, 'RIFF');
    wav.setUint32(4, 36 + n, true);
    text(8, 'WAVEfmt ');
    wav.setUint32(16, 16, true);
    wav.setUint16(20, 1, true);
    wav.setUint16(22, 1, true);
    wav.setUint32(24, rate, true);
    wav.setUint32(28, rate, true);
    wav.setUint16(32, 1, true);
    wav.setUint16(34, 8, true);
    text(36, 'data');
    wav.setUint32(40, n, true);
    for (let i = 0; i < n; i++) wav.setUint8(44 + i, 128 + 40 * Math.sin(i / 3));
    return new Blob([wav], { type: 'audio/wav' });
}

const texts = (): Item[] => {
    const quoted = item({
        content: 'Shall we meet at the harbour on Thursday, before the boat leaves?',
    });
    const failed = new ParleyError({
        code: 'too_large',
        message: 'The message is too long. Send it in parts.',
    });
    return [
        quoted,
        item({ content: 'Yes.', own: true, state: 'read', replyTo: quoted.seq }),
        item({ content: 'I can bring coffee.', own: true, state: 'read' }),
        item({
            content: 'See (https://parley.example/docs/media_(files)), and https://a@evil.example.',
        }),
        item({
            content: 'https://parley.example/a/very/long/address?with=a&query=that&goes=on&and=on',
            own: true,
            state: 'delivered',
        }),
        item({
            content:
                'مرحبا، كيف حالك اليوم؟ هل يمكننا أن نلتقي غدا في الميناء قبل أن تغادر السفينة؟',
        }),
        item({ content: 'שלום! מה שלומך?', own: true, state: 'sent' }),
        item({ content: 'Hello, then Arabic:\nمرحبا بك\nand English again.' }),
        item({
            content: '你好！我们明天在港口见面好吗？船九点开，请不要迟到。谢谢你的咖啡，味道很好。',
            own: true,
            state: 'sending',
        }),
        item({ content: '😀' }),
        item({ content: '👍🏽❤️🎉', own: true, state: 'read' }),
        item({
            content:
                'Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft'.repeat(
                    2,
                ),
        }),
        item({
            content: 'Line one\n  indented\n\nafter an empty one <b>no markup</b> &amp;',
            own: true,
            state: 'queued',
        }),
        item({ content: 'It could not be sent.', own: true, state: 'failed', error: failed }),
        item({ content: 'A long story. '.repeat(300) }),
        item({ type: 'gone', content: null }),
        item({ type: 'x-poll', content: { q: 1 }, own: true, state: 'sent' }),
        item({ content: 'ok', own: true, state: 'sent' }),
        item({ content: 'k' }),
    ];
};

async function files(): Promise<Item[]> {
    const [wide, tall, small, moving] = await Promise.all([
        picture(1600, 1000, 20),
        picture(500, 1400, 160),
        picture(48, 48, 300),
        film(),
    ]);
    const image = (file: Blob, width: number, height: number, more: Partial<Item> = {}) =>
        item({
            type: 'image',
            file,
            content: { name: 'harbour.png', mime: 'image/png', size: file.size, width, height },
            ...more,
        });
    const own = { own: true, state: 'read' } as const;
    const sound = { type: 'audio', file: tone(7) } as const;
    const upload = { own: true, state: 'uploading', seq: undefined } as const;
    return [
        image(wide, 1600, 1000),
        image(tall, 500, 1400, own),
        image(small, 48, 48),
        image(wide, 1600, 1000, {
            ...own,
            content: {
                name: 'h.png',
                mime: 'image/png',
                width: 1600,
                height: 1000,
                caption: 'The harbour, as it was before the storm came and took the old pier away',
            },
        }),
        image(wide, 1600, 1000, { ...upload, progress: 0.45 }),
        item({
            type: 'image',
            content: { name: 'lost.png', mime: 'image/png', width: 400, height: 300 },
        }),
        item({
            type: 'video',
            file: moving,
            content: { name: 'f.webm', mime: 'video/webm', width: 480, height: 270, duration: 67 },
        }),
        item({ ...sound, content: { name: 'voice-1.webm', duration: 7 } }),
        item({ ...sound, ...own, content: { name: 'voice-2.webm', duration: 7 } }),
        item({
            ...sound,
            content: {
                name: 'A song with a long name that goes on.mp3',
                duration: 7,
                caption: 'Listen!',
            },
        }),
        item({
            ...sound,
            ...upload,
            progress: 0.2,
            content: { name: 'voice-3.webm', duration: 7 },
        }),
        item({
            type: 'file',
            content: {
                name: 'Annual report of the harbour authority 2026, second draft.pdf',
                mime: 'application/pdf',
                size: 1_234_567,
                url: 'https://files.example/a',
            },
        }),
        item({
            type: 'file',
            ...own,
            content: {
                name: 'drawing.svg',
                mime: 'image/svg+xml',
                size: 12_345,
                url: 'https://files.example/b',
            },
        }),
        item({
            type: 'file',
            ...upload,
            progress: 0.7,
            file: wide,
            content: { name: 'تقرير.pdf', mime: 'application/pdf', size: 99_000 },
        }),
        item({
            type: 'file',
            ...own,
            state: 'failed',
            seq: undefined,
            file: wide,
            error: new ParleyError({
                code: 'quota_exceeded',
                message: 'You have uploaded as much as you may for now. Try again later.',
            }),
            content: {
                name: 'backup.tar.gz',
                mime: 'application/gzip',
                size: 9_900_000,
                caption: 'The backup',
            },
        }),
    ];
}

export class Gallery extends LitElement {
    @state() items: Item[] = [];
    @query('parley-viewer') viewer!: ParleyViewer;
    thread = thread;

    static override styles = [
        tokens,
        darkTokens,
        base,
        messageStyles,
        css`
            :host {
                display: block;
                padding: 12px;
                background: var(--_bg);
            }
        `,
    ];

    show(items: Item[]): Promise<unknown> {
        thread.items = this.items = items;
        return this.updateComplete;
    }

    override render() {
        const ctx: MessageContext = {
            strings: english,
            locale: 'en-GB',
            thread,
            onFile: () => {},
            nameOf: noNames,
            onView: (one) => {
                this.viewer.item = one;
                void this.viewer.show();
            },
        };
        return html`<div>${this.items.map((one, i) => this.#message(one, i, ctx))}</div>
            <parley-viewer .thread=${thread} .locale=${'en-GB'}></parley-viewer>`;
    }

    #message(one: Item, i: number, ctx: MessageContext) {
        const place = {
            isFirstOfRun: this.items[i - 1]?.own !== one.own,
            isLastOfRun: this.items[i + 1]?.own !== one.own,
            repliedTo: one.replyTo ? this.items.find(({ seq }) => seq === one.replyTo) : undefined,
        };
        return messageTemplate(one, place, ctx);
    }
}
customElements.define('parley-gallery', Gallery);

const element = new Gallery();
element.setAttribute('theme', new URLSearchParams(location.search).get('theme') ?? 'light');
document.querySelector('main')?.append(element);
Object.assign(window, { gallery: { element, thread, item, texts, files, picture, tone, film } });
