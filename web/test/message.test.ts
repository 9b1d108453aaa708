import { ParleyError, type Item } from 'parley-sdk';
import { describe, expect, it } from 'vitest';
import { boxOf } from '../src/box';
import { fileInfo, isViewable, mediaKind, splitName } from '../src/file-info';
import { isEmoji, previewOf } from '../src/message';
import { stateLabel } from '../src/state';
import { english } from '../src/strings';
import { beginningOf } from '../src/text';
import { item } from './fake';

const of = (type: Item['type'], content: unknown) => item({ type, content });

describe('the state of an own message is said', () => {
    it.each([
        ['queued', {}, 'Waiting'],
        ['uploading', { progress: 0.459 }, 'Uploading 45 %'],
        ['uploading', { progress: undefined }, 'Uploading 0 %'],
        ['uploading', { progress: 1 }, 'Uploading 100 %'],
        ['sending', {}, 'Sending'],
        ['sent', {}, 'Sent'],
        ['delivered', {}, 'Delivered'],
        ['read', {}, 'Read'],
        [
            'failed',
            { error: new ParleyError({ code: 'too_large', message: 'Too long.' }) },
            'Failed',
        ],
    ] as const)('%s %o: %s', (state, more, label) => {
        expect(stateLabel(item({ own: true, state, ...more }), english)).toBe(label);
    });

    it('and that of another one is not', () => {
        expect(stateLabel(item(), english)).toBe('');
    });
});

describe('a name that is too long is cut before', () => {
    it.each([
        ['A contract, signed by both.pdf', 'A contract, signed by ', 'both.pdf'],
        ['a.pdf', 'a', '.pdf'],
        ['.profile', '.profile', ''],
        ['no ending', 'no ending', ''],
        ['of a.long ending', 'of a.long ending', ''],
        ['v1.tar.gz', 'v1', '.tar.gz'],
        ['договор👍.pdf', 'договор👍', '.pdf'],
        ['', '', ''],
    ])('%s', (name, start, end) => {
        expect(splitName(name)).toEqual([start, end]);
    });
});

describe('a file is shown', () => {
    it.each([
        ['image', 'image/png', 'image'],
        ['image', 'IMAGE/JPEG; q=1', 'image'],
        ['image', 'image/avif', 'image'],
        ['image', 'image/svg+xml', 'file'],
        ['image', 'image/heic', 'file'],
        ['image', 'text/html', 'file'],
        ['image', undefined, 'image'],
        ['video', 'video/mp4', 'video'],
        ['video', 'video/webm;codecs=vp8', 'video'],
        ['video', 'video/quicktime', 'file'],
        ['audio', 'audio/webm', 'audio'],
        ['file', 'image/png', 'file'],
        ['file', 'application/pdf', 'file'],
        ['text', undefined, undefined],
        ['gone', undefined, undefined],
        ['x-poll', 'image/png', undefined],
    ] as const)('of %s with %s as %s', (type, mime, kind) => {
        const one = of(type, mime ? { mime } : {});
        expect(mediaKind(one)).toBe(kind);
        expect(isViewable(one)).toBe(kind === 'image' || kind === 'video');
    });

    it.each([[null], [undefined], ['text'], [7], [[1]]])(
        'whatever its content is: %o',
        (content) => {
            expect(
                Object.values(fileInfo(of('image', content))).every((v) => v === undefined),
            ).toBe(true);
        },
    );

    it('without members of a type that they may not have', () => {
        const info = fileInfo(
            of('image', { name: 7, width: '3', height: -1, duration: NaN, url: {} }),
        );
        expect(Object.values(info).every((value) => value === undefined)).toBe(true);
    });

    it('under a name that ends as it seems to', () => {
        expect(fileInfo(of('file', { name: 'a\u202Etxt.exe' })).name).toBe('atxt.exe');
    });
});

describe('in a line', () => {
    it.each<[string, Item['type'], unknown, string]>([
        ['a text', 'text', 'hello', 'hello'],
        ['a text of several lines', 'text', ' a\n\n b\t c ', 'a b c'],
        ['a text with markup, as it is', 'text', '<b>a</b> &amp;', '<b>a</b> &amp;'],
        ['a text without marks that turn it around', 'text', 'a\u202Eb', 'ab'],
        ['the most of a text', 'text', 'x'.repeat(140), 'x'.repeat(140)],
        ['one more', 'text', 'x'.repeat(141), `${'x'.repeat(139)}…`],
        ['a very long one', 'text', 'x'.repeat(65536), `${'x'.repeat(139)}…`],
        ['a text that is none', 'text', { a: 1 }, english.unknownType],
        ['a photo', 'image', { name: 'a.png', mime: 'image/png' }, 'Photo'],
        [
            'a photo with a caption',
            'image',
            { name: 'a.png', caption: ' At the\nsea ' },
            'At the sea',
        ],
        ['a drawing', 'image', { name: 'a.svg', mime: 'image/svg+xml' }, 'a.svg'],
        ['a video', 'video', { mime: 'video/mp4' }, 'Video'],
        ['a voice message', 'audio', { duration: 7.4 }, 'Voice message 0:07'],
        ['a voice message of unknown length', 'audio', {}, 'Voice message'],
        ['a file', 'file', { name: 'report.pdf' }, 'report.pdf'],
        ['a file without a name', 'file', {}, 'File'],
        ['what is not there', 'gone', null, english.gone],
        ['what an application has made', 'x-poll', { text: 'a' }, english.unknownType],
    ])('%s', (_, type, content, line) => {
        expect(previewOf(of(type, content), english)).toBe(line);
    });
});

describe('only emoji', () => {
    it.each(['😀', '😀😀😀', ' 👍🏽 ❤️ ', '👨‍👩‍👧‍👦👨‍👩‍👧‍👦👨‍👩‍👧‍👦', '🇫🇷🇩🇪', '🏴󠁧󠁢󠁳󠁣󠁴󠁿', '1️⃣', '🏳️‍🌈', '❤️‍🔥', '☝🏿', '👩🏽‍💻'])(
        'are in %s',
        (text) => expect(isEmoji(text)).toBe(true),
    );
    it.each([
        '',
        ' ',
        '1',
        '123',
        '#',
        '😀😀😀😀',
        'a😀',
        '😀.',
        '©',
        '™',
        '🇫',
        '\u200d',
        '😀'.repeat(9999),
    ])('are not in %s', (text) => expect(isEmoji(text)).toBe(false));
});

describe('a long text', () => {
    it('is one of more than 2000', () => {
        expect(beginningOf('x'.repeat(2000))).toBeUndefined();
        expect(beginningOf('x'.repeat(2001))).toBe('x'.repeat(2000));
    });

    it('is one of more than 40 lines', () => {
        expect(beginningOf(Array(40).fill('x').join('\n'))).toBeUndefined();
        const beginning = beginningOf(Array(41).fill('x').join('\n'));
        expect(beginning).toBe(Array(40).fill('x').join('\n'));
    });

    it('is cut between words', () => {
        expect(beginningOf(`${'x'.repeat(1900)} ${'y'.repeat(200)}`)).toBe('x'.repeat(1900));
        expect(beginningOf(`${'x'.repeat(2000)} y`)).toBe('x'.repeat(2000));
    });

    it('is not cut within a character', () => {
        expect(beginningOf(`x${'😀'.repeat(1500)}`)).toBe(`x${'😀'.repeat(999)}`);
    });
});

describe('a picture has its room before it is there', () => {
    it.each([
        [{}, { width: 240, height: 180, isSmall: false }],
        [
            { width: 640, height: 320 },
            { width: 320, height: 160, isSmall: false },
        ],
        [
            { width: 3000, height: 4000 },
            { width: 240, height: 320, isSmall: false },
        ],
        [
            { width: 320, height: 320 },
            { width: 320, height: 320, isSmall: false },
        ],
        [
            { width: 120, height: 120 },
            { width: 120, height: 120, isSmall: false },
        ],
        [
            { width: 119, height: 119 },
            { width: 120, height: 120, isSmall: true },
        ],
        [
            { width: 16, height: 16 },
            { width: 120, height: 120, isSmall: true },
        ],
        [
            { width: 10000, height: 10 },
            { width: 320, height: 120, isSmall: false },
        ],
        [
            { width: 10, height: 10000 },
            { width: 120, height: 320, isSmall: false },
        ],
        [
            { width: 1000000, height: 1 },
            { width: 320, height: 120, isSmall: false },
        ],
    ])('%o: %o', (known, box) => {
        expect(boxOf({ width: undefined, height: undefined, ...known })).toEqual(box);
    });
});
