/** Messages of each kind, and the viewer, on a thread in memory. */
import { Failure, between, same, until as waitFor } from '../../e2e/lib.mjs';
import * as alone from '../alone.mjs';
import { button, violations } from '../browser.mjs';
import { png } from '../files.mjs';

const VIEWPORT = { width: 640, height: 900 };

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

const file = (type, body) => ({ headers: { 'content-type': type }, body });
const FILES = {
    '/ok.png': file('image/png', png(1, 1)), '/tone.wav': file('audio/wav', silence()),
    '/bad.png': file('image/png', 'this is no picture'),
};

/** So that a row can see which files the page still holds. */
const watchFiles = () => {
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
};

/** Messages that tests show, by name. */
const makers = () => {
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

async function open(t, query) {
    const how = { viewport: VIEWPORT };
    const page = await alone.open(t, 'message', { how, init: watchFiles, files: FILES, query });
    await page.evaluate(makers);
    return page;
}

/** What the page shows: what one of the makers gives. */
const show = (page, make, more = {}) => page.evaluate(async ([name, args]) =>
    window.gallery.element.show(await window.makers[name](args)), [make, more]);

const calls = (page) => page.evaluate(() => window.gallery.thread.calls);
const until = (page, what, arg) => page.waitForFunction(what, arg, { timeout: 20000 });
const at = (page, path) => new URL(path, page.url()).href;
const isLost = (page) => page.getByText('This file could not be loaded.').waitFor();

const texts = {
    'is made of at most eight elements': async (page) => {
        await show(page, 'texts');
        const counts = await page.$$eval('.message:not(:has(.failure, a, .more))', (all) =>
            all.map((one) => 1 + one.querySelectorAll('*').length),
        );
        between(counts.length, 11, 99, 'messages');
        between(Math.max(...counts), 1, 8, 'elements');
    },

    'says who has written it, and its state': async (page) => {
        await show(page, 'texts');
        const articles = (name) => page.getByRole('article', { name }).count();
        same(await articles(/^You, 26 November 2026/), 10, 'own messages');
        same(await articles(/^0xfB69…d359, /), 9, "the other side's");
        for (const name of ['Read', 'Delivered', 'Sent', 'Sending', 'Waiting', 'Failed'])
            between(await page.getByRole('img', { name, exact: true }).count(), 1, 19, name);
    },

    'is never markup': async (page) => {
        const content = '<img src=x onerror=alert(1)> <b>x</b> &amp; ${1}';
        await show(page, 'text', { content });
        same(await page.locator('.text').textContent(), content, 'text');
        same(await page.locator('.text *').count(), 0, 'elements in it');
    },

    'has links that lead away, and say nothing of where they were': async (page) => {
        await show(page, 'text', { content: 'See https://a.example/b.' });
        const link = page.getByRole('link', { name: 'https://a.example/b', exact: true });
        same(await link.getAttribute('rel'), 'noopener noreferrer nofollow ugc', 'rel');
        same(await link.getAttribute('target'), '_blank', 'target');
    },

    ...Object.fromEntries([
        ['مرحبا', 'rtl'], ['שלום https://a.example', 'rtl'], ['https://a.example مرحبا', 'rtl'],
        ['hello مرحبا', 'ltr'],
    ].map(([content, side]) => [`goes the way it is written: ${content}`, async (page) => {
        await show(page, 'text', { content });
        const direction = await page.$eval('.bubble', (one) => getComputedStyle(one).direction);
        same(direction, side, 'direction');
    }])),

    'that is long is cut until one asks for all, and then stays whole': async (page) => {
        await show(page, 'text', { content: 'word '.repeat(2000), key: 'long' });
        const length = () =>
            page.locator('.text').evaluate((one) => one.textContent.length);
        between(await length(), 1, 2099, 'characters');
        await button(page, 'Show more').click();
        between(await length(), 9999, 10000, 'characters');
        await show(page, 'none');
        await show(page, 'text', { content: 'word '.repeat(2000), key: 'long' });
        between(await length(), 9999, 10000, 'characters');
    },

    'that is cut within a link has no link to a part of it': async (page) => {
        await show(page, 'text', { content: `https://a.example/${'x'.repeat(2020)}` });
        same(await page.getByRole('link').count(), 0, 'links');
        await button(page, 'Show more').click();
        same(await page.getByRole('link').count(), 1, 'links');
    },

    'that failed says why, and can be tried again or given up': async (page) => {
        await show(page, 'text', {
            content: 'a', own: true, state: 'failed', key: 'f', error: new Error('Too long.'),
        });
        await page.getByText('Too long.').waitFor();
        await button(page, 'Retry').click();
        await button(page, 'Discard').click();
        same(await calls(page), [['retry', 'f'], ['discard', 'f']], 'calls');
    },
};

const loaded = (page) => until(page, () => {
    const media = window.gallery.element.renderRoot.querySelector('parley-media');
    return media?.shadowRoot.querySelector('img')?.naturalWidth > 0;
});

const images = {
    'takes its room before it is loaded': async (page) => {
        await show(page, 'image', { links: [at(page, '/ok.png')] });
        const height = () => page.locator('.message').evaluate((one) => one.offsetHeight);
        const reserved = await height();
        await loaded(page);
        same(await height(), reserved, 'height');
        same(reserved, 240 + 12, 'height before');
    },

    'is asked for anew, once, where its link has expired': async (page) => {
        await show(page, 'image', { links: [at(page, '/gone'), at(page, '/ok.png')] });
        await loaded(page);
        same((await calls(page)).map((call) => call[2]), [false, true], 'asked for, and anew');
    },

    'that can not be loaded says so, and loads when one tries again': async (page) => {
        const links = ['/gone', '/bad.png', '/ok.png'].map((path) => at(page, path));
        await show(page, 'image', { links });
        const again = button(page, 'Try again');
        await again.waitFor();
        same((await calls(page)).length, 2, 'calls');
        await again.click();
        await loaded(page);
    },

    'is given up where the fresh link is the same': async (page) => {
        await show(page, 'image', { links: [at(page, '/gone')] });
        await isLost(page);
        same((await calls(page)).length, 2, 'calls');
    },

    'of this tab that is none says so, and stays so': async (page) => {
        await show(page, 'broken');
        await isLost(page);
        await page.evaluate(() => window.gallery.element.show([...window.gallery.element.items]));
        await isLost(page);
        same(await page.evaluate(() => window.made), 1, 'links that were made of it');
    },

    'is not loaded from what is no link': async (page) => {
        await show(page, 'image', { links: ['javascript:alert(1)'] });
        await isLost(page);
    },

    'that is stored meanwhile stays as it is': async (page) => {
        await show(page, 'upload', { type: 'image', state: 'uploading' });
        await loaded(page);
        const src = () => page.locator('parley-media img').getAttribute('src');
        const before = await src();
        await page.evaluate(() => {
            const [one] = window.gallery.element.items;
            return window.gallery.element.show([
                { ...one, file: undefined, seq: 9, state: 'sent' },
            ]);
        });
        await until(page, () => {
            const media = window.gallery.element.renderRoot.querySelector('parley-media');
            return !media.shadowRoot.querySelector('.cancel');
        });
        same(await src(), before, 'src');
    },

    'lets go of its file when nobody shows it': async (page) => {
        await show(page, 'files');
        between(await page.evaluate(() => window.live.size), 4, 99, 'files it holds');
        await show(page, 'none');
        same(await page.evaluate(() => window.live.size), 0, 'files it still holds');
    },

    ...Object.fromEntries(['image', 'file', 'audio'].flatMap((type) =>
        [['uploading', 'Uploading 45 %'], ['queued', 'Waiting']].map(([state, name]) =>
            [`that is ${state} as ${type} can be given up`, async (page) => {
                await show(page, 'upload', { type, state });
                await page.getByRole('img', { name, exact: true }).waitFor();
                await button(page, 'Cancel').click();
                same((await calls(page))[0][0], 'discard', 'call');
            }]))),
};

const files = {
    'is asked for on the click, and handed to the browser': async (page) => {
        await show(page, 'file', { links: [at(page, '/ok.png')], fileUrl: at(page, '/old') });
        same(await calls(page), [], 'calls before');
        const download = page.waitForEvent('download');
        await page.getByRole('link', { name: 'Download a report.pdf' }).click();
        same((await download).suggestedFilename(), 'a report.pdf', 'name');
        await page.getByText('1.2 MB').waitFor();
    },

    'that can not be had says so': async (page) => {
        await show(page, 'file', { links: [], fileUrl: at(page, '/old') });
        await page.getByRole('link').click();
        await isLost(page);
    },

    'has no link to a script': async (page) => {
        await show(page, 'file', { links: [], fileUrl: 'javascript:alert(1)' });
        same(await page.getByRole('link').getAttribute('href'), '#', 'href');
    },
};

const voice = (page, n) => page.locator('parley-voice').nth(n);
const press = (page, n) => voice(page, n).locator('button').click();
const named = (page, n, name) => voice(page, n).getByRole('button', { name }).waitFor();
const slider = (page, n) => voice(page, n).getByRole('slider', { name: 'Position' });
const position = async (page, n) => Number(await slider(page, n).inputValue());
const isPast = (page, seconds) =>
    waitFor('it plays', async () => (await position(page, 0)) > seconds);
const isAtStart = (page) =>
    waitFor('the beginning', async () => (await position(page, 0)) === 0);

const voices = {
    'plays, pauses, and goes on': async (page) => {
        await show(page, 'voices', { seconds: 5 });
        await press(page, 0);
        await named(page, 0, 'Pause');
        await isPast(page, 0.3);
        await press(page, 0);
        await named(page, 0, 'Play');
        between(1000 * (await position(page, 0)), 201, 5000, 'ms');
    },

    'stops when another one begins': async (page) => {
        await show(page, 'voices', { seconds: 20 });
        await press(page, 0);
        await named(page, 0, 'Pause');
        await press(page, 1);
        await named(page, 1, 'Pause');
        await named(page, 0, 'Play');
    },

    'is at its beginning again when it has ended': async (page) => {
        await show(page, 'voices', { seconds: 2 });
        await press(page, 0);
        await named(page, 0, 'Pause');
        await named(page, 0, 'Play');
        await isAtStart(page);
    },

    'is moved by the keyboard, also before it has played': async (page) => {
        await show(page, 'voices', { seconds: 5 });
        await slider(page, 0).focus();
        await page.keyboard.press('End');
        same(await slider(page, 0).getAttribute('aria-valuetext'), '0:05 of 0:05', 'what is heard');
        await page.keyboard.press('Home');
        await isAtStart(page);
        await page.keyboard.press('PageUp');
        await isPast(page, 0.3);
    },

    'goes on while it is scrolled away, and stops with its thread': async (page) => {
        await show(page, 'voices', { seconds: 20 });
        const all = await page.evaluateHandle(() => window.gallery.element.items);
        await press(page, 0);
        await named(page, 0, 'Pause');
        await show(page, 'none');
        await page.evaluate((items) => window.gallery.element.show(items), all);
        await named(page, 0, 'Pause');
        await page.evaluate(() => (window.gallery.element.thread = { other: true }));
        await named(page, 0, 'Play');
    },

    'is given up where the fresh link is the same': async (page) => {
        await show(page, 'expiring', { links: [at(page, '/gone')] });
        await press(page, 0);
        await isLost(page);
        same((await calls(page)).length, 2, 'calls');
    },

    'plays by a link, also where the first one has expired': async (page) => {
        await show(page, 'expiring', { links: [at(page, '/gone'), at(page, '/tone.wav')] });
        await press(page, 0);
        await isPast(page, 0.3);
        await named(page, 0, 'Pause');
    },

    'whose link has expired is asked for anew, and says where that fails, too': async (page) => {
        await show(page, 'expiring', { links: [at(page, '/gone'), at(page, '/gone2')] });
        same(await calls(page), [], 'calls before');
        await press(page, 0);
        await isLost(page);
        same((await calls(page)).map((call) => call[2]), [false, true], 'asked for, and anew');
        await named(page, 0, 'Play');
    },
};

const dialog = (page, name) => page.getByRole('dialog', { name });

async function view(page) {
    await show(page, 'pictures');
    await button(page, 'Open photo first.png').focus();
    await page.keyboard.press('Enter');
    await dialog(page, 'first.png').waitFor();
}

const viewer = {
    'goes through all pictures and videos, and gives the focus back': async (page) => {
        await view(page);
        same(await button(page, 'Previous').count(), 0, 'buttons that lead before the first');
        await page.keyboard.press('ArrowRight');
        await dialog(page, 'second.webm').waitFor();
        await page.keyboard.press('ArrowRight');
        await dialog(page, 'The last one').waitFor();
        same(await button(page, 'Next').count(), 0, 'buttons that lead behind the last');
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('ArrowLeft');
        await page.keyboard.press('ArrowLeft');
        await dialog(page, 'first.png').waitFor();
        await page.keyboard.press('Escape');
        await dialog(page, 'first.png').waitFor({ state: 'hidden' });
        const name = await page.evaluate(() => {
            let at = document.activeElement;
            while (at.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
            return at.getAttribute('aria-label');
        });
        same(name, 'Open photo first.png', 'focus');
    },

    'keeps the arrow keys where the button under the focus goes': async (page) => {
        await view(page);
        await button(page, 'Next').click();
        await button(page, 'Next').click();
        await dialog(page, 'The last one').waitFor();
        await page.keyboard.press('ArrowLeft');
        await dialog(page, 'second.webm').waitFor();
    },

    'plays a video, and stops it when it closes': async (page) => {
        await view(page);
        await page.keyboard.press('ArrowRight');
        await until(page, () => {
            const viewer = window.gallery.element.viewer.shadowRoot;
            return viewer.querySelector('video')?.readyState > 1;
        });
        await button(page, 'Close').click();
        await until(page, () => !window.gallery.element.viewer.shadowRoot.querySelector('video'));
    },

    'closes by a click beside the picture': async (page) => {
        await view(page);
        await page.mouse.click(10, 450);
        await dialog(page, 'first.png').waitFor({ state: 'hidden' });
    },

    'downloads what it shows': async (page) => {
        await view(page);
        const download = page.waitForEvent('download');
        await button(page, 'Download first.png').click();
        same((await download).suggestedFilename(), 'first.png', 'name');
    },
};

async function isAccessible(page) {
    const found = await violations(page);
    if (found.length) throw new Failure(found.join('\n  '));
}

const looks = {
    texts: (page) => show(page, 'texts'),
    files: async (page) => {
        await show(page, 'files');
        await isLost(page);
    },
    pictures: (page) => show(page, 'pictures'),
    viewer: async (page) => {
        await show(page, 'pictures');
        await button(page, 'Open photo The last one').click();
        await dialog(page, 'The last one').waitFor();
    },
};

/** What is missing or broken on purpose the browser reports, too. */
const row = (name, look, query) => ({
    name: `message: ${name}`,
    run: async (t) => {
        const page = await open(t, query);
        await look(page);
        t.isQuiet({ cut: true });
    },
});

const kinds = {
    'a text': texts, 'an image': images, 'a file': files, 'a voice message': voices,
    'the viewer': viewer,
};

export const rows = [
    ...Object.entries(kinds).flatMap(([kind, cases]) =>
        Object.entries(cases).map(([name, look]) => row(`${kind} ${name}`, look))),
    ...Object.entries(looks).flatMap(([name, look]) => ['light', 'dark'].map((theme) =>
        row(`axe finds nothing: ${name}, ${theme}`, async (page) => {
            await look(page);
            await isAccessible(page);
        }, `?theme=${theme}`))),
];
