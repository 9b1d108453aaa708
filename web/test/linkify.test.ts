import { describe, expect, it } from 'vitest';
import { isWebUrl, linkify } from '../src/linkify';

/** Links as [shown, href], text as it is. */
const parts = (text: string) =>
    linkify(text).map((part) => (typeof part === 'string' ? part : [part.text, part.href]));
const links = (text: string) => parts(text).filter((part) => Array.isArray(part));

describe('a link is found', () => {
    it.each([
        ['alone', 'https://a.example/x', 'https://a.example/x'],
        ['in capitals', 'HTTPS://A.example/X', 'HTTPS://A.example/X'],
        ['without a path', 'see http://a.example now', 'http://a.example'],
        ['before a full stop', 'See https://a.example/b.', 'https://a.example/b'],
        ['before several marks', 'What, https://a.example/b?!…', 'https://a.example/b'],
        ['in brackets', '(https://a.example/b)', 'https://a.example/b'],
        ['in brackets and a sentence', '(see https://a.example/b).', 'https://a.example/b'],
        ['with brackets of its own', 'https://a.example/B_(c)', 'https://a.example/B_(c)'],
        ['with its own in others', '(https://a.example/B_(c))', 'https://a.example/B_(c)'],
        ['in square brackets', '[https://a.example]', 'https://a.example'],
        ['in angle brackets', '<https://a.example/b>', 'https://a.example/b'],
        ['in quotes', '"https://a.example/b"', 'https://a.example/b'],
        ['with a quote behind', 'say ‘https://a.example/b’', 'https://a.example/b'],
        [
            'with a port and query',
            'http://a.example:8080/?q=1&r=2#s',
            'http://a.example:8080/?q=1&r=2#s',
        ],
        ['of IPv6', 'http://[::1]:80/', 'http://[::1]:80/'],
        ['of IPv6, at the end of a sentence', 'http://[::1].', 'http://[::1]'],
        ['in Chinese', '请看https://a.example/维基，很好', 'https://a.example/维基'],
        ['before a Chinese full stop', 'https://a.example。', 'https://a.example'],
        ['in Arabic', 'انظر https://a.example/مرحبا الآن', 'https://a.example/مرحبا'],
        ['on its own line', 'a\nhttps://a.example\nb', 'https://a.example'],
        ['with an at in its path', 'https://a.example/@bob', 'https://a.example/@bob'],
        ['with a semicolon inside', 'https://a.example/a;b', 'https://a.example/a;b'],
        ['in stars', '*https://a.example/b*', 'https://a.example/b'],
        ['behind a colon', 'view-source:https://a.example', 'https://a.example'],
    ])('%s', (_, text, shown) => {
        expect(links(text).map((link) => link[0])).toEqual([shown]);
    });

    it('is shown as it was typed, and leads to what the browser makes of it', () => {
        expect(parts('https://bücher.example/ä')).toEqual([
            ['https://bücher.example/ä', 'https://xn--bcher-kva.example/%C3%A4'],
        ]);
        expect(links('https://xn--bcher-kva.example')).toEqual([
            ['https://xn--bcher-kva.example', 'https://xn--bcher-kva.example/'],
        ]);
    });

    it('keeps all the text around', () => {
        expect(parts('a (https://a.example/b), c https://d.example.')).toEqual([
            'a (',
            ['https://a.example/b', 'https://a.example/b'],
            '), c ',
            ['https://d.example', 'https://d.example/'],
            '.',
        ]);
        expect(parts('')).toEqual([]);
    });
});

describe('no link is made', () => {
    it.each([
        ['of a name without a scheme', 'www.a.example or a.example'],
        ['of a mail address', 'mailto:bob@a.example'],
        ['of a script', 'javascript:alert(1)'],
        ['of data', 'data:text/html,<script>alert(1)</script>'],
        ['of another scheme that ends alike', 'xhttps://a.example and x+http://a.example'],
        ['of a scheme alone', 'https:// and http://'],
        ['of a scheme and dots', 'https://… http://...'],
        ['with a user', 'https://a.example@evil.example'],
        ['with a user and a password', 'https://a.example:443@evil.example/'],
        ['with an encoded at', 'https://a.example%40evil.example'],
        ['with an encoded letter in its host', 'https://%65vil.example'],
        ['with a backslash', 'https://a.example\\@evil.example'],
        ['with an override', 'https://a.example/\u202Egpj.exe'],
        ['with an isolate', 'https://a.example/\u2067x'],
        ['with a left-to-right mark', 'https://a.example/\u200Ex'],
        ['with an Arabic letter mark', 'https://a.example/\u061Cx'],
        ['with a zero-width space', 'https://a.\u200Bexample'],
        ['with a soft hyphen', 'https://a.ex\u00ADample'],
        ['with an impossible host', 'https://a.example:99999999/'],
        ['with a scheme in capitals and a space', 'HTTPS: //a.example'],
    ])('%s', (_, text) => {
        expect(linkify(text)).toEqual([text]);
    });

    it('of one that is longer than 2048', () => {
        const most = `https://a.example/${'x'.repeat(2048 - 18)}`;
        expect(links(most)).toHaveLength(1);
        expect(linkify(`${most}y`)).toEqual([`${most}y`]);
    });

    it('after the hundredth', () => {
        const text = 'https://a.example/ '.repeat(101);
        expect(links(text)).toHaveLength(100);
        expect(linkify(text).at(-1)).toBe(' https://a.example/ ');
    });
});

describe('64 KiB take no longer than they are long', () => {
    const SIZE = 65536;
    it.each([
        ['schemes', 'http://'],
        ['schemes, apart', 'http:// '],
        ['schemes behind a letter', 'xhttp://'],
        ['users', 'https://a@'],
        ['links', 'https://a.example '],
        ['opening brackets', 'https://a.example/('],
        ['closing brackets', ')'],
        ['full stops', '.'],
        ['spaces', ' '],
        ['h', 'h'],
        ['overrides', 'https://a.example/\u202E '],
    ])('of %s', (_, piece) => {
        const text = `https://a.example/${piece.repeat(SIZE)}`.slice(0, SIZE);
        const before = performance.now();
        const found = linkify(text);
        // Quadratic would be minutes; this is some milliseconds on the slowest machine there is.
        expect(performance.now() - before).toBeLessThan(1000);
        expect(found.map((part) => (typeof part === 'string' ? part : part.text)).join('')).toBe(
            text,
        );
    });
});

it.each([
    ['https://a.example/x', true],
    ['http://127.0.0.1:8080/media/x', true],
    ['javascript:alert(1)', false],
    ['data:text/html,x', false],
    ['blob:https://a.example/1', false],
    ['', false],
    ['/media/x', false],
])('a file may come from %s: %s', (url, is) => {
    expect(isWebUrl(url)).toBe(is);
});
