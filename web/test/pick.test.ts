import { describe, expect, test } from 'vitest';
import { pastedFiles } from '../src/paste';
import { MAX_FILES, mediaTypeOf, mimeOf, whyNot } from '../src/pick';
import { english } from '../src/strings';

describe('what a file is', () => {
    test.each([
        ['image/png', 'image/png', 'image'],
        ['image/jpeg', 'image/jpeg', 'image'],
        ['image/jpg', 'image/jpeg', 'image'],
        ['image/gif', 'image/gif', 'image'],
        ['image/webp', 'image/webp', 'image'],
        ['image/avif', 'image/avif', 'image'],
        ['IMAGE/PNG', 'image/png', 'image'],
        ['image/svg+xml', 'image/svg+xml', 'file'],
        ['image/heic', 'image/heic', 'file'],
        ['image/pngx', 'image/pngx', 'file'],
        ['video/mp4', 'video/mp4', 'video'],
        ['video/webm;codecs=vp9', 'video/webm', 'video'],
        ['video/quicktime', 'video/quicktime', 'file'],
        ['audio/mpeg', 'audio/mpeg', 'audio'],
        ['audio/x-m4a', 'audio/mp4', 'audio'],
        ['audio/webm;codecs=opus', 'audio/webm', 'audio'],
        ['audio/midi', 'audio/midi', 'audio'],
        ['text/html', 'text/html', 'file'],
        ['application/pdf', 'application/pdf', 'file'],
        ['', 'application/octet-stream', 'file'],
        [';', 'application/octet-stream', 'file'],
    ])('%s is %s, sent as %s', (type, mime, mediaType) => {
        expect(mimeOf(type)).toBe(mime);
        expect(mediaTypeOf(mimeOf(type))).toBe(mediaType);
    });
});

describe('why a file is not taken', () => {
    const limits = { content_bytes: 65536, upload_bytes: 1024 };

    test.each([
        ['one byte is taken', 1, 0, undefined],
        ['as large as may be', 1024, 0, undefined],
        ['one byte more', 1025, 0, 'a.txt is too large: 1 kB at most.'],
        ['an empty one', 0, 0, 'a.txt is empty.'],
        ['the last of a tray', 1, MAX_FILES - 1, undefined],
        ['one more', 1, MAX_FILES, 'At most 10 files can be sent at once.'],
    ])('%s', (_, size, nBefore, expected) => {
        expect(whyNot({ name: 'a.txt', size }, nBefore, limits, english)).toBe(expected);
    });

    test('a server that takes none says so first', () => {
        const file = { name: 'a.txt', size: 0 };
        expect(whyNot(file, MAX_FILES, { content_bytes: 1 }, english)).toBe(english.noFiles);
    });

    test('while no limit is known, any size is taken', () => {
        expect(whyNot({ name: 'a.txt', size: 2 ** 40 }, 0, undefined, english)).toBeUndefined();
    });
});

describe('what is pasted', () => {
    const file = { name: 'image.png' } as File;
    const files = [file] as unknown as FileList;

    test.each([
        ['a picture of a screen is a file', ['Files'], [file]],
        ['a picture of a page is a file', ['text/html', 'Files'], [file]],
        ['a file of a file manager is a file', ['text/plain', 'Files'], [file]],
        ['cells of a table are text', ['text/plain', 'text/html', 'text/rtf', 'Files'], []],
    ])('%s', (_, types, expected) => {
        expect(pastedFiles({ types, files })).toEqual(expected);
    });
});
