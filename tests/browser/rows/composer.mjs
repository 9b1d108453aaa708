/** The composer alone. */
import { Failure, between, match, same, until } from '../../e2e/lib.mjs';
import * as alone from '../alone.mjs';
import { button, field, sendButton, violations } from '../browser.mjs';
import { film, picture, png } from '../files.mjs';

async function open(t, how = {}, init = undefined) {
    const person = { viewport: { width: 700, height: 420 }, ...how };
    const page = await alone.open(t, 'composer', { how: person, init });
    await field(page).waitFor();
    return page;
}

const input = (page) => page.locator('input[type=file]');
const setLimits = (page, limits) => page.evaluate((to) => chat.set({ limits: to }), limits);

/** What the thread was told, but typing. */
const told = (page, of = 'bob') => page.evaluate((name) =>
    window[name].calls.filter(([what]) => what !== 'setTyping').map(([what, it, options]) =>
        what === 'sendFile' ? [what, { mime: it.type, size: it.size }, options] : [what, it]), of);

const typing = (page, of = 'bob') => page.evaluate((name) =>
    window[name].calls.filter(([what]) => what === 'setTyping').map(([, is]) => is), of);

const hasFocus = (page) => until('focus in the field', () =>
    field(page).evaluate((it) => it.getRootNode().activeElement === it));

const alert = (page) => page.getByRole('alert');
const removers = (page) => page.getByRole('button', { name: /^Remove / });
/** What the tray is made of is loaded with the first file. */
const hasFiles = (page, n) =>
    until(`${n} files in the tray`, async () => (await removers(page).count()) === n);
const text = (name, body = 'As agreed.') =>
    ({ name, mimeType: 'text/plain', buffer: Buffer.from(body) });

// Writing

async function enterSends(t) {
    const page = await open(t);
    await field(page).click();
    await page.keyboard.type('  one');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('two  ');
    await page.keyboard.press('Enter');
    same(await told(page), [['sendText', '  one\ntwo']], 'sent');
    same(await page.evaluate(() => sent.map(({ content }) => content)), ['  one\ntwo'], 'events');
    same(await field(page).inputValue(), '', 'what is left in the field');
    await hasFocus(page);
    t.isQuiet();
}

async function clickSends(t) {
    const page = await open(t);
    await field(page).fill('by the button');
    await sendButton(page).click();
    same(await told(page), [['sendText', 'by the button']], 'sent');
    await hasFocus(page);
    t.isQuiet();
}

async function composing(t) {
    const page = await open(t);
    await field(page).fill('にほん');
    const press = (init) => field(page).evaluate((it, more) => {
        const event = { key: 'Enter', bubbles: true, cancelable: true, composed: true, ...more };
        return it.dispatchEvent(new KeyboardEvent('keydown', event));
    }, init);
    same(await press({ isComposing: true }), true, 'a composing Enter is left alone');
    same(await press({ keyCode: 229 }), true, "Safari's is");
    same(await told(page), [], 'sent');
    same(await press({ keyCode: 13 }), false, 'the next one is taken');
    same(await told(page), [['sendText', 'にほん']], 'sent');
    t.isQuiet();
}

async function touch(t) {
    const page = await open(t, { isMobile: true, hasTouch: true });
    await field(page).tap();
    await page.keyboard.type('one');
    await page.keyboard.press('Enter');
    await page.keyboard.type('two');
    same(await field(page).inputValue(), 'one\ntwo', 'the field');
    await sendButton(page).tap();
    same(await told(page), [['sendText', 'one\ntwo']], 'sent');
    t.isQuiet();
}

async function nothingToSend(t) {
    const page = await open(t);
    same(await sendButton(page).count(), 0, 'Send, in whose place is the microphone');
    await field(page).fill(' \n ');
    same(await sendButton(page).isDisabled(), true, 'Send is disabled');
    await field(page).press('Enter');
    same(await told(page), [], 'sent');
    await setLimits(page, { content_bytes: 65536 });
    await field(page).fill('');
    same(await sendButton(page).isDisabled(), true, 'Send is there where no files are taken');
    t.isQuiet();
}

async function tooLong(t) {
    const page = await open(t);
    await setLimits(page, { content_bytes: 100, upload_bytes: 1000 });
    await field(page).fill('é'.repeat(44));
    same(await page.getByText(/ left$/).count(), 0, 'counters, far from the limit');
    await field(page).fill('é'.repeat(50));
    await page.getByText('0 left', { exact: true }).waitFor();
    same(await alert(page).textContent(), '', 'what is said at the limit');
    await field(page).fill(`${'é'.repeat(50)}a`);
    await page.getByText('-1 left', { exact: true }).waitFor();
    await alert(page).getByText('This message is too long.').waitFor();
    same(await sendButton(page).isDisabled(), true, 'Send is disabled');
    await field(page).press('Enter');
    same(await told(page), [], 'sent');
    await field(page).press('Backspace');
    await field(page).press('Enter');
    same(await told(page), [['sendText', 'é'.repeat(50)]], 'sent');
    t.isQuiet();
}

async function saysTyping(t) {
    const page = await open(t);
    await page.clock.install({ time: 0 });
    await page.clock.pauseAt(1000); // and nothing goes by but what is run
    await field(page).focus();
    await page.keyboard.type(' ');
    same(await typing(page), [], 'for a blank');
    await page.keyboard.type('a');
    await page.keyboard.press('Backspace');
    same(await typing(page), [true, false], 'written, and taken back');
    await page.keyboard.type('hello');
    await page.keyboard.press('Enter');
    same((await typing(page)).at(-1), false, 'sent');
    await page.keyboard.type('x');
    await field(page).blur();
    await page.clock.runFor(4900);
    same((await typing(page)).at(-1), true, 'just left');
    await page.clock.runFor(200);
    same((await typing(page)).at(-1), false, 'left for a while');
    await field(page).press('y');
    await page.evaluate(() => Object.assign(composer, { thread: stranger }));
    await until('an end', async () => (await typing(page)).at(-1) === false);
    same(await typing(page, 'stranger'), [], 'of the other thread');
    t.isQuiet();
}

const heightOf = async (page) => (await field(page).boundingBox()).height;

async function grows(t, init) {
    const page = await open(t, {}, init);
    const one = await heightOf(page);
    between(one, 40, 41, 'height of a line');
    await field(page).fill('1\n2');
    between((await heightOf(page)) - one, 20, 22, 'pixels that a line adds');
    await field(page).fill('1\n2\n3\n4\n5\n6');
    const six = await heightOf(page);
    between(six - one, 5 * 21 - 2, 5 * 21 + 1, 'pixels that five lines add');
    await field(page).fill('1\n2\n3\n4\n5\n6\n7');
    same(await heightOf(page), six, 'height of seven lines');
    await field(page).press('Enter');
    await until('small again', async () => (await heightOf(page)) === one);
    t.isQuiet();
}

const noFieldSizing = () => {
    const { supports } = CSS;
    CSS.supports = (...of) => of[0] !== 'field-sizing' && supports.apply(CSS, of);
    const off = new CSSStyleSheet();
    off.replaceSync('textarea { field-sizing: fixed !important; }');
    const { attachShadow } = Element.prototype;
    Element.prototype.attachShadow = function (init) {
        const root = attachShadow.call(this, init);
        queueMicrotask(() => (root.adoptedStyleSheets = [...root.adoptedStyleSheets, off]));
        return root;
    };
};

// Drafts

async function drafts(t) {
    const page = await open(t);
    const show = async (name) => {
        await page.evaluate((to) => Object.assign(composer, { thread: window[to] }), name);
        await page.evaluate(() => composer.updateComplete);
    };
    await field(page).fill('for Bob');
    await show('stranger');
    same(await field(page).inputValue(), '', 'what another thread has');
    await field(page).fill('for a stranger');
    await show('bob');
    same(await field(page).inputValue(), 'for Bob', 'what is there again');
    await page.reload();
    same(await field(page).inputValue(), 'for Bob', 'after a reload');
    await field(page).press('Enter');
    await page.reload();
    same(await field(page).inputValue(), '', 'once it was sent');
    await show('stranger');
    same(await field(page).inputValue(), 'for a stranger', 'of the other thread');
    t.isQuiet();
}

const noStorage = () => {
    for (const name of ['sessionStorage', 'localStorage'])
        Object.defineProperty(window, name, {
            get() {
                throw new DOMException('denied', 'SecurityError');
            },
        });
};

async function noDrafts(t) {
    const page = await open(t, {}, noStorage);
    await field(page).fill('for Bob');
    await page.evaluate(() => Object.assign(composer, { thread: stranger }));
    await until('another thread', async () => (await field(page).inputValue()) === '');
    await page.evaluate(() => Object.assign(composer, { thread: bob }));
    await until('the first', async () => (await field(page).inputValue()) === 'for Bob');
    await field(page).press('Enter');
    same(await told(page), [['sendText', 'for Bob']], 'sent');
    t.isQuiet();
}

async function lateAccount(t) {
    const page = await open(t);
    await page.evaluate(() => {
        chat.set({ account: undefined });
        Object.assign(composer, { thread: stranger });
    });
    await page.evaluate(() => composer.updateComplete);
    await field(page).fill('written early');
    await page.evaluate(() => chat.set({ account: '0x8ba1f109551bD432803012645Ac136ddd64DBA72' }));
    same(await field(page).inputValue(), 'written early', 'the field');
    const keys = await page.evaluate(() => Object.keys(sessionStorage));
    same(keys.length, 1, 'drafts');
    match(keys[0], /0x8ba1f109551bd432803012645ac136ddd64dba72\|/, 'key');
    t.isQuiet();
}

// Files

/** A JPEG of a camera that was held upright: what it says, as a part of EXIF. */
async function turned(page) {
    const bytes = await page.evaluate(async () => {
        const canvas = new OffscreenCanvas(80, 40);
        canvas.getContext('2d').fillRect(0, 0, 40, 40);
        const blob = await canvas.convertToBlob({ type: 'image/jpeg' });
        return [...new Uint8Array(await blob.arrayBuffer())];
    });
    const exif = Buffer.from('ffe1002245786966000049492a000800000001001201030001000000060000' +
        '0000000000', 'hex'); // one entry: orientation 6
    const buffer = Buffer.concat([Buffer.from(bytes.slice(0, 2)), exif, Buffer.from(bytes.slice(2))]);
    return { name: 'upright.jpg', mimeType: 'image/jpeg', buffer };
}

async function filesInOrder(t) {
    const page = await open(t);
    await setLimits(page, { content_bytes: 65536, upload_bytes: 1 << 20 });
    const clip = await film(page);
    await field(page).fill('From our walk ');
    await input(page).setInputFiles([
        picture('summit.png', png(40, 30)), await turned(page), clip,
        { name: 'logo.svg', mimeType: 'image/svg+xml', buffer: Buffer.from('<svg/>') },
        { name: 'broken.png', mimeType: 'image/png', buffer: Buffer.from('none') },
        { name: 'unknown', mimeType: '', buffer: Buffer.from('?') },
    ]);
    await hasFiles(page, 6);
    await field(page).press('Enter');
    await until('all sent', async () => (await told(page)).length === 6);
    const [summit, upright, video, logo, broken, unknown] = await told(page);
    same(summit[2], { type: 'image', name: 'summit.png', width: 40, height: 30,
        caption: 'From our walk' }, 'a PNG, which has the caption');
    same(upright[2], { type: 'image', name: 'upright.jpg', width: 40, height: 80 }, 'a turned JPEG');
    const { duration, ...others } = video[2];
    same(others, { type: 'video', name: 'clip.webm', width: 320, height: 180 }, 'a video');
    if (duration !== undefined) between(duration * 1000, 500, 5000, 'duration');
    same(logo[2], { type: 'file', name: 'logo.svg' }, 'an SVG');
    same(broken[2], { type: 'image', name: 'broken.png' }, 'an image that is none');
    same([unknown[1].mime, unknown[2].type], ['application/octet-stream', 'file'], 'no type');
    same(await page.evaluate(() => sent.length), 6, 'events');
    same(await removers(page).count(), 0, 'files left');
    await hasFocus(page);
    t.isQuiet();
}

async function refused(t) {
    const page = await open(t);
    await setLimits(page, { content_bytes: 65536, upload_bytes: 1024 });
    const bytes = (name, n) => ({ ...text(name), buffer: Buffer.alloc(n) });
    await input(page).setInputFiles([
        bytes('big.bin', 1025), bytes('none.bin', 0), bytes('fits.bin', 1024),
    ]);
    await alert(page).getByText('big.bin is too large: 1 kB at most. none.bin is empty.').waitFor();
    await hasFiles(page, 1);
    await input(page).setInputFiles(Array.from({ length: 10 }, (_, i) => text(`${i}.txt`)));
    await alert(page).getByText('At most 10 files can be sent at once.').waitFor();
    await hasFiles(page, 10);
    await field(page).fill('x');
    same(await alert(page).textContent(), '', 'what is said when one goes on');
    await setLimits(page, { content_bytes: 65536 });
    same(await button(page, 'Attach files').count(), 0, 'buttons to attach');
    await page.evaluate(() => composer.addFiles([new File(['x'], 'x.txt')]));
    await alert(page).getByText('This server takes no files.').waitFor();
    t.isQuiet();
}

async function removes(t) {
    const page = await open(t);
    await input(page).setInputFiles([text('a.txt'), text('b.txt')]);
    await hasFocus(page);
    await button(page, 'Remove a.txt').press('Enter');
    await until('focus on the other', () => button(page, 'Remove b.txt').evaluate((it) =>
        it.getRootNode().activeElement === it));
    await page.keyboard.press('Enter');
    await hasFocus(page);
    same(await told(page), [], 'sent');
    t.isQuiet();
}

/** Files that are picked and not sent stay with their thread. */
async function trays(t) {
    const page = await open(t);
    await input(page).setInputFiles([picture('a.png', png(8, 8))]);
    await page.evaluate(() => Object.assign(composer, { thread: stranger }));
    await until('an empty tray', async () => (await removers(page).count()) === 0);
    await page.evaluate(() => Object.assign(composer, { thread: bob }));
    await button(page, 'Remove a.png').waitFor();
    await page.evaluate(() => {
        const { parentNode } = composer;
        composer.remove();
        parentNode.append(composer);
    });
    const image = page.getByRole('img', { name: 'a.png' });
    await until('a picture', () => image.evaluate((it) => it.complete && it.naturalWidth === 8));
    t.isQuiet();
}

/** Who leaves a thread at once has sent to it all the same. */
async function leaves(t) {
    const page = await open(t);
    await field(page).fill('look');
    await input(page).setInputFiles([picture('a.png', png(8, 8))]);
    await field(page).evaluate((it) => {
        it.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', cancelable: true }));
        Object.assign(composer, { thread: stranger });
    });
    await until('it is sent', async () => (await told(page)).length === 1);
    const [[, , options]] = await told(page);
    same([options.width, options.caption], [8, 'look'], 'what was sent');
    same(await told(page, 'stranger'), [], 'sent to the other');
    await page.evaluate(() => Object.assign(composer, { thread: bob }));
    await page.evaluate(() => composer.updateComplete);
    same([await field(page).inputValue(), await removers(page).count()], ['', 0], 'what is left');
    t.isQuiet();
}

const paste = (page, types) => field(page).evaluate((it, has) => {
    const clipboardData = new DataTransfer();
    for (const [type, data] of Object.entries(has))
        if (type !== 'file') clipboardData.setData(type, data);
        else clipboardData.items.add(new File([data], 'image.png', { type: 'image/png' }));
    const init = { bubbles: true, cancelable: true, composed: true, clipboardData };
    return it.dispatchEvent(new ClipboardEvent('paste', init));
}, types);

async function pastes(t) {
    const page = await open(t);
    same(await paste(page, { 'text/plain': 'a', 'text/html': '<b>a</b>', file: 'x' }), true,
        'text of an office is left to the browser');
    same(await paste(page, { 'text/plain': 'a' }), true, 'so is plain text');
    same(await removers(page).count(), 0, 'files in the tray');
    same(await paste(page, { file: 'x' }), false, 'a picture is taken');
    await button(page, 'Remove image.png').waitFor();
    same(await paste(page, { 'text/html': '<img>', file: 'x' }), false, 'so is one of a page');
    await hasFiles(page, 2);
    t.isQuiet();
}

// Voice

/** So that a row can see what is still open. */
const watchMicrophone = () => {
    window.tracks = [];
    window.heard = 0;
    const { start } = MediaRecorder.prototype;
    MediaRecorder.prototype.start = function (...how) {
        this.addEventListener('dataavailable', ({ data }) => (window.heard += data.size));
        start.apply(this, how);
    };
    const { mediaDevices } = navigator;
    const ask = mediaDevices.getUserMedia.bind(mediaDevices);
    mediaDevices.getUserMedia = async (what) => {
        const stream = await ask(what);
        window.tracks.push(...stream.getTracks());
        return stream;
    };
};

const isSilent = (page) => until('an end of the microphone', () => page.evaluate(() =>
    window.tracks.length > 0 && window.tracks.every((one) => one.readyState === 'ended')));

async function recording(t, init) {
    const page = await open(t, {}, watchMicrophone);
    if (init) await init(page);
    same(await page.evaluate(() => window.tracks.length), 0, 'microphones before one asks');
    await button(page, 'Record a voice message').click();
    await button(page, 'Stop recording').waitFor();
    return page;
}

const isRunning = (page) => page.getByText(/^Recording 0:0[1-9]/).waitFor();

async function sendsVoice(t) {
    const page = await recording(t);
    await isRunning(page);
    await sendButton(page).click();
    await until('a voice', async () => (await told(page)).length === 1);
    const [[, { mime, size }, { duration, name, ...more }]] = await told(page);
    same([mime, more], ['audio/webm', { type: 'audio' }], 'what was sent');
    match(name, /^voice-\d{4}(-\d\d){5}\.webm$/, 'name');
    between(duration * 1000, 900, 5000, 'duration');
    between(size, 1000, 100000, 'bytes');
    await isSilent(page);
    await hasFocus(page);
    t.isQuiet();
}

async function hearsVoice(t) {
    const page = await recording(t);
    await isRunning(page);
    await button(page, 'Stop recording').click();
    await isSilent(page);
    await hasFocus(page);
    await page.getByText('Voice message', { exact: true }).waitFor();
    await button(page, 'Play').click();
    await button(page, 'Pause').waitFor();
    await button(page, 'Play').waitFor(); // it is over
    same(await told(page), [], 'sent');
    await field(page).fill('listen');
    await field(page).press('Enter');
    await until('a voice', async () => (await told(page)).length === 1);
    const [[, , { type, caption }]] = await told(page);
    same([type, caption], ['audio', 'listen'], 'what was sent');
    t.isQuiet();
}

async function discards(t) {
    const page = await recording(t);
    await button(page, 'Discard recording').click();
    await isSilent(page);
    await hasFocus(page);
    same([await told(page), await removers(page).count()], [[], 0], 'what is there of it');
    t.isQuiet();
}

async function endsWith(t, leave) {
    const page = await recording(t);
    await page.evaluate(leave);
    await isSilent(page);
    same(await told(page), [], 'sent');
    t.isQuiet();
}

async function endsByItself(t) {
    const page = await recording(t, (it) => it.clock.install());
    // The clock of the page is ours, the microphone's is not.
    await until('some sound', () => page.evaluate(() => window.heard > 0));
    await page.clock.fastForward(15 * 60 * 1000 - 5000);
    same(await page.evaluate(() => window.tracks[0].readyState), 'live', 'just before the limit');
    await page.clock.fastForward(6000);
    await isSilent(page);
    await page.getByText('Recording 15:00').waitFor();
    await sendButton(page).click();
    await until('a voice', async () => (await told(page)).length === 1);
    between((await told(page))[0][2].duration, 899, 901, 'duration');
    t.isQuiet();
}

const denied = () => {
    navigator.mediaDevices.getUserMedia = () =>
        Promise.reject(new DOMException('no', 'NotAllowedError'));
};

async function micDenied(t) {
    const page = await open(t, {}, denied);
    await button(page, 'Record a voice message').click();
    await alert(page).getByText(/^The microphone can’t be used/).waitFor();
    await hasFocus(page);
    same(await button(page, 'Record a voice message').isEnabled(), true, 'it can be tried again');
    t.isQuiet();
}

async function noMicrophone(t, init) {
    const page = await open(t, {}, init);
    same(await button(page, 'Record a voice message').count(), 0, 'buttons to record');
    same(await sendButton(page).isDisabled(), true, 'Send is in its place');
    t.isQuiet();
}

const noRecorder = () => delete window.MediaRecorder;

async function still(t) {
    const page = await open(t, { reducedMotion: 'reduce' });
    await button(page, 'Record a voice message').click();
    await isRunning(page);
    const dot = page.locator('.dot');
    same(await dot.evaluate((it) => it.getAnimations().length), 0, 'animations');
    const bars = await page.locator('.levels i').evaluateAll((all) =>
        all.filter((it) => it.style.transform !== '').length);
    same(bars, 0, 'bars that move');
    await button(page, 'Discard recording').click();
    t.isQuiet();
}

// How it looks, to eyes and to axe

export const looks = {
    empty: (t, how) => open(t, how),
    written: async (t, how) => {
        const page = await open(t, how);
        await field(page).fill('مرحبا، كيف حالك؟\nThree lines of it,\nand the last one');
        return page;
    },
    tray: async (t, how) => {
        const page = await open(t, how);
        await input(page).setInputFiles([
            picture('summit.png'), await film(page),
            { name: 'A rather long name of a contract, signed by both.pdf',
                mimeType: 'application/pdf', buffer: Buffer.alloc(184320) },
            { name: 'song.mp3', mimeType: 'audio/mpeg', buffer: Buffer.alloc(2000) },
        ]);
        await field(page).fill('From our walk');
        return page;
    },
    problem: async (t, how) => {
        const page = await open(t, how);
        await setLimits(page, { content_bytes: 100, upload_bytes: 1000 });
        await field(page).fill('w'.repeat(103));
        await input(page).setInputFiles([{ ...text('big.bin'), buffer: Buffer.alloc(1001) }]);
        return page;
    },
    recording: async (t, how) => {
        const page = await open(t, how);
        await button(page, 'Record a voice message').click();
        await page.getByText(/^Recording 0:0[2-9]/).waitFor();
        return page;
    },
};

async function isAccessible(t, look, how) {
    const page = await look(t, how);
    const found = await violations(page);
    if (found.length) throw new Failure(found.join('\n  '));
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    between(wide, -Infinity, 0, 'pixels beside the page');
    t.isQuiet();
}

const NARROW_DARK = { viewport: { width: 320, height: 480 }, colorScheme: 'dark' };

export const rows = [
    ['Enter sends, Shift+Enter makes a line', enterSends],
    ['the button sends', clickSends],
    ['an input method has its Enter', composing],
    ['a touch keyboard has its Enter', touch],
    ['nothing is not sent', nothingToSend],
    ['what is too long is not sent, and one is told', tooLong],
    ['the other side is told of writing, and of its end', saysTyping],
    ['the field grows to six lines', grows],
    ['the field grows without field-sizing', (t) => grows(t, noFieldSizing)],
    ['drafts stay with their threads, also over a reload', drafts],
    ['drafts stay with their threads without a storage', noDrafts],
    ['a draft goes to an account that is known late', lateAccount],
    ['files are sent in order, with what is known of them', filesInOrder],
    ['files that can’t be sent are named', refused],
    ['a file is taken out, and the focus goes on', removes],
    ['files stay with their threads', trays],
    ['files are sent though their thread is left', leaves],
    ['a picture is pasted, and text stays text', pastes],
    ['a voice is sent at once', sendsVoice],
    ['a voice is heard first, and sent with a caption', hearsVoice],
    ['a voice is discarded', discards],
    ['a recording ends with its element', (t) => endsWith(t, () => composer.remove())],
    ['a recording ends with its thread', (t) =>
        endsWith(t, () => Object.assign(composer, { thread: stranger }))],
    ['a recording ends by itself', endsByItself],
    ['a microphone that is denied is said', micDenied],
    ['no microphone is offered without a recorder', (t) => noMicrophone(t, noRecorder)],
    ['nothing moves for who wants no motion', still],
    ...Object.entries(looks).flatMap(([name, look]) => [
        [`axe finds nothing: ${name}`, (t) => isAccessible(t, look)],
        [`axe finds nothing: ${name}, dark and narrow`, (t) => isAccessible(t, look, NARROW_DARK)],
    ]),
].map(([name, run]) => ({ name: `composer: ${name}`, run }));
