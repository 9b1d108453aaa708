import { describe, expect, test } from 'vitest';
import { bytesLeft, isNearLimit, isSendKey, sendable, utf8Length } from '../src/writing';

describe('what is sent of a text', () => {
    test.each([
        ['is as it was written', 'hi', 'hi'],
        ['keeps what stands in front', '  \n hi', '  \n hi'],
        ['has nothing blank at the end', 'hi \t\n\u00a0', 'hi'],
        ['is nothing where all is blank', ' \n\n ', ''],
        ['has no U+0000', '\0h\0i\0', 'hi'],
        ['has no blanks that only U+0000 hid', 'hi \0', 'hi'],
        ['has a mark for half a pair at its end', 'a\ud83d', 'a\ufffd'],
        ['has a mark for half a pair at its beginning', '\ude00a', '\ufffda'],
        ['keeps whole pairs', '\ud83d\ude00', '\ud83d\ude00'],
    ])('%s', (_, text, expected) => {
        expect(sendable(text)).toBe(expected);
    });
});

describe('the length of a text', () => {
    test.each([
        ['ASCII has one byte', 'a', 1],
        ['the last of one byte', '\u007f', 1],
        ['the first of two', '\u0080', 2],
        ['the last of two', '\u07ff', 2],
        ['the first of three', '\u0800', 3],
        ['a pair has four', '\ud83d\ude00', 4],
        ['half a pair has the three of U+FFFD', '\ud83d', 3],
    ])('%s', (_, text, expected) => {
        expect(utf8Length(text)).toBe(expected);
    });
});

describe('the room that is left', () => {
    test.each([
        ['nothing is written', '', 10, 10],
        ['as much as may be', 'a'.repeat(10), 10, 0],
        ['one more', 'a'.repeat(11), 10, -1],
        ['a character of four bytes does not fit into three', 'abcdefg😀', 10, -1],
        ['what is trimmed does not count', 'a'.repeat(10) + '   ', 10, 0],
        ['there is no limit', 'a'.repeat(1000), Infinity, Infinity],
    ])('%s', (_, text, limit, expected) => {
        expect(bytesLeft(text, limit, false)).toBe(expected);
    });

    test('a caption is part of an object, in which a line break has two bytes', () => {
        const left = bytesLeft('', 65536, true);
        expect(left).toBeLessThanOrEqual(65536 - 1024);
        expect(bytesLeft('a', 65536, true)).toBe(left - 1);
        expect(bytesLeft('\na', 65536, true)).toBe(left - 3);
    });

    test.each([
        [1000, 65536, true],
        [1001, 65536, false],
        [10, 100, true],
        [11, 100, false],
        [-1, 100, true],
        [Infinity, Infinity, false],
    ])('%d of %d is near the limit: %s', (left, limit, expected) => {
        expect(isNearLimit(left, limit)).toBe(expected);
    });
});

describe('the key that sends', () => {
    const enter = {
        key: 'Enter',
        shiftKey: false,
        ctrlKey: false,
        metaKey: false,
        altKey: false,
        isComposing: false,
        keyCode: 13,
    };

    test.each([
        ['Enter sends', {}, false, true],
        ['Shift+Enter makes a line', { shiftKey: true }, false, false],
        ['Alt+Enter does not send', { altKey: true }, false, false],
        ['another key does not', { key: 'a', keyCode: 65 }, false, false],
        ['Enter while an input method composes does not', { isComposing: true }, false, false],
        ['Enter that ends a composition in Safari does not', { keyCode: 229 }, false, false],
        [
            'Ctrl+Enter while it composes does not',
            { isComposing: true, ctrlKey: true },
            false,
            false,
        ],
        ['Enter on a touch keyboard makes a line', {}, true, false],
        ['Ctrl+Enter sends', { ctrlKey: true }, true, true],
        ['Meta+Enter sends', { metaKey: true }, true, true],
    ])('%s', (_, more, isTouch, expected) => {
        expect(isSendKey({ ...enter, ...more }, isTouch)).toBe(expected);
    });
});
