// Messages in a real browser, under a strict Content-Security-Policy: web/test/gallery.ts is the page.
//
//     NODE_PATH=…/node_modules node --test tests/browser/message.mjs
//
// NODE_PATH is where playwright-core and axe-core are; CHROMIUM, where the browser is.
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const require = createRequire(import.meta.url);
const { chromium } = require('playwright-core');
const axe = require('axe-core');

const web = fileURLToPath(new URL('../../web/', import.meta.url));
const CSP = [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob:",
    "media-src 'self' blob:",
].join('; ');
const PAGE = `<!doctype html><html lang="en"><title>Messages</title><link rel="icon" href="/ok.png">
<body><main></main><script type="module" src="/gallery.js"></script></body></html>`;
const PIXEL = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
    'base64',
);

/** Three seconds of silence, as WAV of 8 bits. */
function silence() {
    const n = 3 * 8000;
    const wav = Buffer.alloc(44 + n, 128);
    wav.write('RIFF', 0, 'latin1');
    wav.writeUInt32LE(36 + n, 4);
    wav.write('WAVEfmt ', 8, 'latin1');
    wav.writeUInt32LE(16, 16);
    wav.writeUInt16LE(1, 20);
    wav.writeUInt16LE(1, 22);
    wav.writeUInt32LE(8000, 24);
    wav.writeUInt32LE(8000, 28);
    wav.writeUInt16LE(1, 32);
    wav.writeUInt16LE(8, 34);
    wav.write('data', 36, 'latin1');
    wav.writeUInt32LE(n, 40);
    return wav;
}

async function script() {
    const { output } = await build({
        configFile: `${web}vite.config.ts`,
        root: web,
        logLevel: 'warn',
        build: {
            write: false,
            rollupOptions: {
                input: `${web}test/gallery.ts`,
                output: { inlineDynamicImports: true, entryFileNames: 'gallery.js' },
            },
        },
    });
    return output[0].code;
}

async function serve() {
    const files = {
        '/': ['text/html; charset=utf-8', PAGE],
        '/gallery.js': ['text/javascript', await script()],
        '/ok.png': ['image/png', PIXEL],
        '/tone.wav': ['audio/wav', silence()],
        '/bad.png': ['image/png', 'this is no picture'],
    };
    const server = createServer((request, response) => {
        const [type, body] = files[new URL(request.url, 'http://a').pathname] ?? [];
        response.writeHead(type ? 200 : 404, {
            'content-type': type ?? 'text/plain',
            'content-security-policy': CSP,
        });
        response.end(body ?? 'not found');
    });
    await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
    return { server, url: `http://127.0.0.1:${server.address().port}` };
}

let server, url, browser, page, problems;

before(async () => {
    ({ server, url } = await serve());
    const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';
    const args = ['--no-sandbox', '--autoplay-policy=no-user-gesture-required'];
    browser = await chromium.launch({ executablePath, args });
});
after(async () => {
    await browser?.close();
    server?.close();
});

async function open(query = '') {
    page = await browser.newPage({ viewport: { width: 640, height: 900 } });
    problems = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (said) => {
        // What a test means to be missing or broken is reported by the browser, too.
        if (said.type() === 'error' && !/Failed to load resource/.test(said.text()))
            problems.push(said.text());
    });
    await page.addInitScript(() => {
        window.live = new Set();
        const { createObjectURL, revokeObjectURL } = URL;
        URL.createObjectURL = (blob) => {
            const made = createObjectURL.call(URL, blob);
            window.live.add(made);
            window.made = (window.made ?? 0) + 1;
            return made;
        };
        URL.revokeObjectURL = (gone) => {
            window.live.delete(gone);
            revokeObjectURL.call(URL, gone);
        };
    });
    await page.goto(`${url}/${query}`);
}

/** What the page shows: the result of a function of {gallery, origin} in it. */
const show = (make, more) =>
    page.evaluate(
        async ([text, args]) => {
            // A function of the test's, as text: the policy of the page does not bind the debugger.
            const items = await window.makers[text](args);
            await window.gallery.element.show(items);
        },
        [make, more ?? {}],
    );
const calls = () => page.evaluate(() => window.gallery.thread.calls);
const until = (what, arg) => page.waitForFunction(what, arg, { timeout: 5000 });

/** Messages that tests show, by name. */
const MAKERS = () => {
    const { item, picture, tone, film, texts, files } = window.gallery;
    const image = (more) =>
        item({
            type: 'image',
            content: { name: 'a.png', mime: 'image/png', width: 400, height: 300 },
            ...more,
        });
    const voice = (n, more) =>
        item({
            type: 'audio',
            file: tone(n),
            content: { name: 'voice-1.wav', duration: n },
            ...more,
        });
    window.makers = {
        texts,
        files,
        none: () => [],
        text: ({ content, ...more }) => [item({ content, ...more })],
        image: ({ links, ...more }) => {
            const one = image(more);
            window.gallery.thread.links.set(one.seq, links);
            return [one];
        },
        broken: () => [
            image({ own: true, seq: undefined, state: 'failed', file: new Blob(['no picture']) }),
        ],
        pictures: async () => [
            image({
                file: await picture(400, 300, 10),
                content: { name: 'first.png', mime: 'image/png', width: 400, height: 300 },
            }),
            item(),
            item({
                type: 'video',
                file: await film(),
                content: { name: 'second.webm', mime: 'video/webm', width: 480, height: 270 },
            }),
            image({
                own: true,
                file: await picture(300, 400, 90),
                content: {
                    name: 'third.png',
                    mime: 'image/png',
                    width: 300,
                    height: 400,
                    caption: 'The last one',
                },
            }),
        ],
        voices: ({ seconds }) => [voice(seconds), voice(seconds, { own: true }), item()],
        upload: async ({ type, state }) => [
            item({
                type,
                own: true,
                state,
                progress: 0.45,
                seq: undefined,
                file: await picture(400, 300, 10),
                content: { name: 'up.png', mime: 'image/png', width: 400, height: 300 },
            }),
        ],
        file: ({ links, fileUrl }) => {
            const one = item({
                type: 'file',
                content: {
                    name: 'a report.pdf',
                    mime: 'application/pdf',
                    size: 1_234_567,
                    url: fileUrl,
                },
            });
            window.gallery.thread.links.set(one.seq, links);
            return [one];
        },
        expiring: ({ links }) => {
            const one = item({ type: 'audio', content: { name: 'voice-1.wav', duration: 3 } });
            window.gallery.thread.links.set(one.seq, links);
            return [one];
        },
    };
};

beforeEach(async () => {
    await open();
    await page.evaluate(MAKERS);
});
afterEach(async () => {
    await page.close();
    assert.deepEqual(problems, []);
});

describe('a text', () => {
    it('is made of at most eight elements', async () => {
        await show('texts');
        const counts = await page.$$eval('.message:not(:has(.failure, a, .more))', (all) =>
            all.map((one) => 1 + one.querySelectorAll('*').length),
        );
        assert.ok(counts.length > 10);
        assert.ok(Math.max(...counts) <= 8, `${counts}`);
    });

    it('says who has written it, and its state', async () => {
        await show('texts');
        assert.equal(
            await page.getByRole('article', { name: /^You, 26 November 2026/ }).count(),
            10,
        );
        assert.equal(await page.getByRole('article', { name: /^0xfB69…d359, / }).count(), 9);
        for (const name of ['Read', 'Delivered', 'Sent', 'Sending', 'Waiting', 'Failed'])
            assert.ok((await page.getByRole('img', { name, exact: true }).count()) > 0, name);
    });

    it('is never markup', async () => {
        const content = '<img src=x onerror=alert(1)> <b>x</b> &amp; ${1}';
        await show('text', { content });
        assert.equal(await page.locator('.text').textContent(), content);
        assert.equal(await page.locator('.text *').count(), 0);
    });

    it('has links that lead away, and say nothing of where they were', async () => {
        await show('text', { content: 'See https://a.example/b.' });
        const link = page.getByRole('link', { name: 'https://a.example/b', exact: true });
        assert.equal(await link.getAttribute('rel'), 'noopener noreferrer nofollow ugc');
        assert.equal(await link.getAttribute('target'), '_blank');
    });

    for (const [content, side] of [
        ['مرحبا', 'rtl'],
        ['שלום https://a.example', 'rtl'],
        ['https://a.example مرحبا', 'rtl'],
        ['hello مرحبا', 'ltr'],
    ])
        it(`goes the way it is written: ${content}`, async () => {
            await show('text', { content });
            const direction = await page.$eval('.bubble', (one) => getComputedStyle(one).direction);
            assert.equal(direction, side);
        });

    it('that is long is cut until one asks for all, and then stays whole', async () => {
        await show('text', { content: 'word '.repeat(2000), key: 'long' });
        const length = () => page.locator('.text').evaluate((one) => one.textContent.length);
        assert.ok((await length()) < 2100);
        await page.getByRole('button', { name: 'Show more' }).click();
        assert.ok((await length()) >= 9999);
        await show('none');
        await show('text', { content: 'word '.repeat(2000), key: 'long' });
        assert.ok((await length()) >= 9999);
    });

    it('that is cut within a link has no link to a part of it', async () => {
        await show('text', { content: `https://a.example/${'x'.repeat(2020)}` });
        assert.equal(await page.getByRole('link').count(), 0);
        await page.getByRole('button', { name: 'Show more' }).click();
        assert.equal(await page.getByRole('link').count(), 1);
    });

    it('that failed says why, and can be tried again or given up', async () => {
        await show('text', {
            content: 'a',
            own: true,
            state: 'failed',
            key: 'f',
            error: { message: 'Too long.' },
        });
        await page.getByText('Too long.').waitFor();
        await page.getByRole('button', { name: 'Retry' }).click();
        await page.getByRole('button', { name: 'Discard' }).click();
        assert.deepEqual(await calls(), [
            ['retry', 'f'],
            ['discard', 'f'],
        ]);
    });
});

describe('an image', () => {
    const loaded = () =>
        until(() => {
            const media = window.gallery.element.renderRoot.querySelector('parley-media');
            return media?.shadowRoot.querySelector('img')?.naturalWidth > 0;
        });

    it('takes its room before it is loaded', async () => {
        await show('image', { links: [`${url}/ok.png`] });
        const height = () => page.locator('.message').evaluate((one) => one.offsetHeight);
        const reserved = await height();
        await loaded();
        assert.equal(await height(), reserved);
        assert.equal(reserved, 240 + 12);
    });

    it('is asked for anew, once, where its link has expired', async () => {
        await show('image', { links: [`${url}/gone`, `${url}/ok.png`] });
        await loaded();
        assert.deepEqual(
            (await calls()).map((call) => call[2]),
            [false, true],
        );
    });

    it('that can not be loaded says so, and loads when one tries again', async () => {
        await show('image', { links: [`${url}/gone`, `${url}/bad.png`, `${url}/ok.png`] });
        const again = page.getByRole('button', { name: 'Try again' });
        await again.waitFor();
        assert.equal((await calls()).length, 2);
        await again.click();
        await loaded();
    });

    it('is given up where the fresh link is the same', async () => {
        await show('image', { links: [`${url}/gone`] });
        await page.getByText('This file could not be loaded.').waitFor();
        assert.equal((await calls()).length, 2);
    });

    it('of this tab that is none says so, and stays so', async () => {
        await show('broken');
        await page.getByText('This file could not be loaded.').waitFor();
        await page.evaluate(() => window.gallery.element.show([...window.gallery.element.items]));
        await page.getByText('This file could not be loaded.').waitFor();
        assert.equal(await page.evaluate(() => window.made), 1);
    });

    it('is not loaded from what is no link', async () => {
        await show('image', { links: ['javascript:alert(1)'] });
        await page.getByText('This file could not be loaded.').waitFor();
    });

    it('that is stored meanwhile stays as it is', async () => {
        await show('upload', { type: 'image', state: 'uploading' });
        await loaded();
        const src = () => page.locator('parley-media img').getAttribute('src');
        const before = await src();
        await page.evaluate(() => {
            const [one] = window.gallery.element.items;
            return window.gallery.element.show([
                { ...one, file: undefined, seq: 9, state: 'sent' },
            ]);
        });
        await until(
            () =>
                !window.gallery.element.renderRoot
                    .querySelector('parley-media')
                    .shadowRoot.querySelector('.cancel'),
        );
        assert.equal(await src(), before);
    });

    it('lets go of its file when nobody shows it', async () => {
        await show('files');
        assert.ok((await page.evaluate(() => window.live.size)) > 3);
        await show('none');
        assert.equal(await page.evaluate(() => window.live.size), 0);
    });

    for (const type of ['image', 'file', 'audio'])
        for (const state of ['uploading', 'queued'])
            it(`that is ${state} as ${type} can be given up`, async () => {
                await show('upload', { type, state });
                const name = state === 'queued' ? 'Waiting' : 'Uploading 45 %';
                await page.getByRole('img', { name, exact: true }).waitFor();
                await page.getByRole('button', { name: 'Cancel' }).click();
                assert.equal((await calls())[0][0], 'discard');
            });
});

describe('a file', () => {
    it('is asked for on the click, and handed to the browser', async () => {
        await show('file', { links: [`${url}/ok.png`], fileUrl: `${url}/old` });
        assert.deepEqual(await calls(), []);
        const download = page.waitForEvent('download');
        await page.getByRole('link', { name: 'Download a report.pdf' }).click();
        assert.equal((await download).suggestedFilename(), 'a report.pdf');
        await page.getByText('1.2 MB').waitFor();
    });

    it('that can not be had says so', async () => {
        await show('file', { links: [], fileUrl: `${url}/old` });
        await page.getByRole('link').click();
        await page.getByText('This file could not be loaded.').waitFor();
    });

    it('has no link to a script', async () => {
        await show('file', { links: [], fileUrl: 'javascript:alert(1)' });
        assert.equal(await page.getByRole('link').getAttribute('href'), '#');
    });
});

describe('a voice message', () => {
    const button = (n) => page.locator('parley-voice').nth(n).locator('button');
    const slider = (n) =>
        page.locator('parley-voice').nth(n).getByRole('slider', { name: 'Position' });
    const named = (n, name) =>
        page.locator('parley-voice').nth(n).getByRole('button', { name }).waitFor();
    const value = async (n) => Number(await slider(n).inputValue());

    it('plays, pauses, and goes on', async () => {
        await show('voices', { seconds: 5 });
        await button(0).click();
        await named(0, 'Pause');
        await until(
            () =>
                window.gallery.element.renderRoot
                    .querySelector('parley-voice')
                    .shadowRoot.querySelector('input').value > 0.3,
        );
        await button(0).click();
        await named(0, 'Play');
        assert.ok((await value(0)) > 0.2);
    });

    it('stops when another one begins', async () => {
        await show('voices', { seconds: 5 });
        await button(0).click();
        await named(0, 'Pause');
        await button(1).click();
        await named(1, 'Pause');
        await named(0, 'Play');
    });

    it('is at its beginning again when it has ended', async () => {
        await show('voices', { seconds: 1 });
        await button(0).click();
        await named(0, 'Pause');
        await named(0, 'Play');
        await until(
            () =>
                window.gallery.element.renderRoot
                    .querySelector('parley-voice')
                    .shadowRoot.querySelector('input').value === '0',
        );
    });

    it('is moved by the keyboard, also before it has played', async () => {
        await show('voices', { seconds: 5 });
        await slider(0).focus();
        await page.keyboard.press('End');
        assert.equal(await slider(0).getAttribute('aria-valuetext'), '0:05 of 0:05');
        await page.keyboard.press('Home');
        await until(
            () =>
                window.gallery.element.renderRoot
                    .querySelector('parley-voice')
                    .shadowRoot.querySelector('input').value === '0',
        );
        await page.keyboard.press('PageUp');
        await until(
            () =>
                window.gallery.element.renderRoot
                    .querySelector('parley-voice')
                    .shadowRoot.querySelector('input').value > 0.3,
        );
    });

    it('goes on while it is scrolled away, and stops with its thread', async () => {
        await show('voices', { seconds: 5 });
        const all = await page.evaluateHandle(() => window.gallery.element.items);
        await button(0).click();
        await named(0, 'Pause');
        await show('none');
        await page.evaluate((items) => window.gallery.element.show(items), all);
        await named(0, 'Pause');
        await page.evaluate(() => (window.gallery.element.thread = { other: true }));
        await named(0, 'Play');
    });

    it('is given up where the fresh link is the same', async () => {
        await show('expiring', { links: [`${url}/gone`] });
        await button(0).click();
        await page.getByText('This file could not be loaded.').waitFor();
        assert.equal((await calls()).length, 2);
    });

    it('plays by a link, also where the first one has expired', async () => {
        await show('expiring', { links: [`${url}/gone`, `${url}/tone.wav`] });
        await button(0).click();
        await until(
            () =>
                window.gallery.element.renderRoot
                    .querySelector('parley-voice')
                    .shadowRoot.querySelector('input').value > 0.3,
        );
        await named(0, 'Pause');
    });

    it('whose link has expired is asked for anew, and says where that fails, too', async () => {
        await show('expiring', { links: [`${url}/gone`, `${url}/gone2`] });
        assert.deepEqual(await calls(), []);
        await button(0).click();
        await page.getByText('This file could not be loaded.').waitFor();
        assert.deepEqual(
            (await calls()).map((call) => call[2]),
            [false, true],
        );
        await named(0, 'Play');
    });
});

describe('the viewer', () => {
    const dialog = (name) => page.getByRole('dialog', { name });
    const begin = async () => {
        await show('pictures');
        await page.getByRole('button', { name: 'Open photo first.png' }).focus();
        await page.keyboard.press('Enter');
        await dialog('first.png').waitFor();
    };

    it('goes through all pictures and videos, and gives the focus back', async () => {
        await begin();
        assert.equal(await page.getByRole('button', { name: 'Previous' }).count(), 0);
        await page.keyboard.press('ArrowRight');
        await dialog('second.webm').waitFor();
        await page.keyboard.press('ArrowRight');
        await dialog('The last one').waitFor();
        assert.equal(await page.getByRole('button', { name: 'Next' }).count(), 0);
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('ArrowLeft');
        await page.keyboard.press('ArrowLeft');
        await dialog('first.png').waitFor();
        await page.keyboard.press('Escape');
        await dialog('first.png').waitFor({ state: 'hidden' });
        const name = await page.evaluate(() => {
            let at = document.activeElement;
            while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            return at.getAttribute('aria-label');
        });
        assert.equal(name, 'Open photo first.png');
    });

    it('keeps the arrow keys where the button under the focus goes', async () => {
        await begin();
        await page.getByRole('button', { name: 'Next' }).click();
        await page.getByRole('button', { name: 'Next' }).click();
        await dialog('The last one').waitFor();
        await page.keyboard.press('ArrowLeft');
        await dialog('second.webm').waitFor();
    });

    it('plays a video, and stops it when it closes', async () => {
        await begin();
        await page.keyboard.press('ArrowRight');
        await until(() => {
            const viewer = window.gallery.element.viewer.shadowRoot;
            return viewer.querySelector('video')?.readyState > 1;
        });
        await page.getByRole('button', { name: 'Close' }).click();
        await until(() => !window.gallery.element.viewer.shadowRoot.querySelector('video'));
    });

    it('closes by a click beside the picture', async () => {
        await begin();
        await page.mouse.click(10, 450);
        await dialog('first.png').waitFor({ state: 'hidden' });
    });

    it('downloads what it shows', async () => {
        await begin();
        const download = page.waitForEvent('download');
        await page.getByRole('button', { name: 'Download first.png' }).click();
        assert.equal((await download).suggestedFilename(), 'first.png');
    });
});

describe('nothing is in the way of anybody', () => {
    const check = async () => {
        const { violations } = await page.evaluate(() =>
            window.axe.run(document, {
                runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
                rules: { 'page-has-heading-one': { enabled: false }, region: { enabled: false } },
            }),
        );
        assert.deepEqual(
            violations.map((v) => [v.id, v.nodes.map((n) => n.html.slice(0, 150))]),
            [],
        );
    };

    for (const theme of ['light', 'dark'])
        for (const set of ['texts', 'files', 'pictures'])
            it(`in ${set}, ${theme}`, async () => {
                await page.close();
                await open(`?theme=${theme}`);
                await page.evaluate(MAKERS);
                await page.evaluate(axe.source);
                await show(set);
                if (set === 'files')
                    await page.getByText('This file could not be loaded.').waitFor();
                await check();
                if (set !== 'pictures') return;
                await page.getByRole('button', { name: 'Open photo The last one' }).click();
                await page.getByRole('dialog', { name: 'The last one' }).waitFor();
                await check();
            });
});
