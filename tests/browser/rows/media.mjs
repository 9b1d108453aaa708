/** Pictures, films, voices and files: sent, shown, and what goes wrong with them. */
import { Failure, between, same, sleep, until } from '../../e2e/lib.mjs';
import { button, field, hasStates, inLog, log, pair, say, sendButton } from '../browser.mjs';
import { film, picture, png } from '../files.mjs';

const input = (page) => page.locator('input[type=file]');

async function attach(page, ...files) {
    await input(page).setInputFiles(files);
    await sendButton(page).click();
}

/** An image that is really there: its own pixels. */
async function isShown(page, width) {
    const image = log(page).locator('img').last();
    await image.waitFor();
    await until('the image is loaded', () => image.evaluate((it) => it.complete && it.naturalWidth));
    same(await image.evaluate((it) => it.naturalWidth), width, 'width');
}

async function image(t) {
    const { alice, bob } = await pair(t);
    await field(alice).fill('from the top');
    await attach(alice, picture('summit.png'));
    await isShown(bob, 480);
    await inLog(bob, 'from the top').waitFor();
    await isShown(alice, 480);
    await hasStates(alice, 'Read', 1);
    await log(bob).getByRole('button', { name: /^Open photo/ }).click();
    const viewer = bob.getByRole('dialog');
    await viewer.locator('img').waitFor();
    await bob.keyboard.press('Escape');
    await viewer.waitFor({ state: 'hidden' });
    t.isQuiet();
}

/** In the order in which they were chosen, each a message. */
async function several(t) {
    const { alice, bob } = await pair(t);
    await input(alice).setInputFiles([
        picture('one.png', png(40, 40)), picture('two.png', png(50, 50)),
        { name: 'terms.txt', mimeType: 'text/plain', buffer: Buffer.from('As agreed.') },
    ]);
    await button(alice, 'Remove two.png').click();
    await sendButton(alice).click();
    await log(bob).getByText('terms.txt').waitFor();
    same(await log(bob).locator('img').count(), 1, 'images');
    const loaded = bob.waitForEvent('download');
    await log(bob).getByRole('link', { name: 'Download terms.txt' })
        .or(log(bob).getByRole('button', { name: 'Download terms.txt' })).first().click();
    const download = await loaded;
    same(download.suggestedFilename(), 'terms.txt', 'name');
    t.isQuiet();
}

async function video(t) {
    const { alice, bob } = await pair(t);
    await attach(alice, await film(alice));
    const shown = log(bob).locator('video');
    await shown.waitFor();
    await until('its first frame', () => shown.evaluate((it) => it.readyState >= 1 && it.videoWidth));
    same(await shown.evaluate((it) => it.videoWidth), 320, 'width');
    await hasStates(alice, 'Read', 1);
    t.isQuiet();
}

async function voice(t) {
    const { alice, bob } = await pair(t);
    await button(alice, 'Record a voice message').click();
    await alice.getByText(/^Recording 0:0[1-9]/).waitFor();
    await button(alice, 'Stop recording').click();
    await sendButton(alice).click();
    const play = log(bob).getByRole('button', { name: 'Play', exact: true });
    await play.waitFor();
    const position = log(bob).getByRole('slider', { name: 'Position' });
    await play.click();
    await until('it plays', async () => Number(await position.inputValue()) > 0);
    await hasStates(alice, 'Read', 1);
    t.isQuiet();
}

const put = (page, kind, bytes) => page.evaluate(([how, data]) => {
    const deepest = (root) => {
        const host = [...root.querySelectorAll('*')].map((it) => it.shadowRoot).filter(Boolean);
        return host.map((it) => it.querySelector('textarea') ?? deepest(it)).find(Boolean);
    };
    const it = deepest(document);
    const transfer = new DataTransfer();
    transfer.items.add(new File([new Uint8Array(data)], 'image.png', { type: 'image/png' }));
    const init = { bubbles: true, cancelable: true, composed: true };
    if (how === 'paste')
        return it.dispatchEvent(new ClipboardEvent('paste', { ...init, clipboardData: transfer }));
    for (const type of ['dragenter', 'dragover', 'drop'])
        it.dispatchEvent(new DragEvent(type, { ...init, dataTransfer: transfer }));
    return true;
}, [kind, [...bytes]]);

async function pasted(t, kind) {
    const { alice, bob } = await pair(t);
    await put(alice, kind, png(60, 30));
    await button(alice, 'Remove image.png').waitFor();
    await sendButton(alice).click();
    await isShown(bob, 60);
    t.isQuiet();
}

/** The PUT is held: there is progress, and it may be given up. */
async function cancels(t) {
    const { alice, bob } = await pair(t);
    await alice.route('**/media/**', (route) =>
        (route.request().method() === 'PUT' ? undefined : route.continue()));
    await attach(alice, picture('never.png'));
    await alice.getByRole('img', { name: /^Uploading/ }).first().waitFor();
    await say(alice, 'written behind it');
    await sleep(200); // what must not come before what was written first
    same(await inLog(bob, 'written behind it').count(), 0, 'at Bob');
    await button(alice, 'Cancel').or(button(alice, 'Discard')).first().click();
    await inLog(bob, 'written behind it').waitFor();
    same(await log(bob).locator('img').count(), 0, 'images at Bob');
    t.isQuiet();
}

/** Chosen without a network, the tab closed: the file itself was kept. */
async function lostFile(t) {
    const server = await t.serve();
    const { alice, bob } = await pair(t, { server });
    const context = alice.context();
    await field(alice).focus(); // what sends files is loaded with the first use
    await alice.waitForFunction(() => ['parley-recording-bar', 'parley-media'].every((name) =>
        customElements.get(name)));
    await context.setOffline(true);
    await attach(alice, picture('kept.png', png(70, 35)));
    await log(alice).locator('img').first().waitFor();
    await alice.close();
    await context.setOffline(false);
    await t.open(`${server.url}/#alice`, context);
    await isShown(bob, 70);
    same(await log(bob).locator('img').count(), 1, 'images');
    t.isQuiet({ cut: true });
}

/** What takes files, and what shows them, can't be had for a while: it is said, and tried again. */
async function partsMissing(t) {
    const { alice, bob } = await pair(t);
    const missing = /\/embed\/(attach|files)-/;
    const lost = (route) => route.abort();
    for (const page of [alice, bob]) await page.route(missing, lost);
    const it = picture('late.png', png(60, 30));
    await input(alice).setInputFiles(it);
    await alice.getByRole('alert').getByText('could not be loaded').waitFor();
    await alice.unroute(missing, lost);
    const sender = /\/embed\/upload-/;
    await alice.route(sender, lost);
    await attach(alice, it);
    await hasStates(alice, 'Waiting', 1);
    await alice.unroute(sender, lost);
    const said = bob.getByRole('alert').filter({ hasText: 'could not be loaded' });
    await said.waitFor();
    const room = await log(bob).locator('parley-media').boundingBox();
    same([room.width, room.height], [120, 120], 'room for the picture');
    await bob.unroute(missing, lost);
    await said.getByRole('button', { name: 'Try again' }).click();
    await isShown(bob, 60);
    same(await log(bob).locator('parley-media').boundingBox().then((box) => [box.width, box.height]),
        [120, 120], 'its room, as before');
    same(await said.count(), 0, 'what is said then');
    t.isQuiet({ cut: true });
}

/** The bytes are not what the name says: the server refuses the file, and one is told why. */
async function notAnImage(t) {
    const { alice } = await pair(t);
    await attach(alice, { name: 'fake.png', mimeType: 'image/png', buffer: Buffer.from('<svg>') });
    await hasStates(alice, 'Failed', 1);
    await log(alice).getByText(/does not begin as one of its type does/).waitFor();
    t.isQuiet({ cut: true });
}

async function tooLarge(t) {
    const server = await t.serve({
        options: ['--rate-limits=off', '--image-bytes=1000', '--audio-bytes=1000',
            '--video-bytes=1000', '--file-bytes=1000'],
    });
    const { alice } = await pair(t, { server });
    await input(alice).setInputFiles({
        name: 'big.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1001),
    });
    await alice.getByRole('alert').getByText(/big\.bin is too large/).waitFor();
    await input(alice).setInputFiles({
        name: 'fits.bin', mimeType: 'application/octet-stream', buffer: Buffer.alloc(1000),
    });
    await sendButton(alice).click();
    await hasStates(alice, 'Read', 1);
    t.isQuiet();
}

/** A picture that comes later moves nothing that one looks at. */
async function keepsPlace(t) {
    const { alice, bob } = await pair(t);
    const lines = Array.from({ length: 40 }, (_, i) => `line ${i}`).join('\n');
    await say(alice, lines);
    await log(bob).getByText('line 39').waitFor();
    await log(bob).press('End'); // what came before its history had is read from the top
    await bob.route('**/media/**', async (route) => {
        await sleep(300);
        await route.continue();
    });
    await attach(alice, picture('late.png'));
    await isShown(bob, 480);
    const { bottom } = await log(bob).evaluate((it) => ({
        bottom: it.scrollHeight - it.clientHeight - it.scrollTop,
    }));
    between(bottom, -1, 2, 'pixels from the end');
    t.isQuiet();
}

async function svgIsAFile(t) {
    const { alice, bob } = await pair(t);
    await attach(alice, {
        name: 'logo.svg', mimeType: 'image/svg+xml',
        buffer: Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
    });
    await log(bob).getByText('logo.svg').waitFor();
    if (await log(bob).locator('img').count()) throw new Failure('it is shown as an image');
    t.isQuiet();
}

export const rows = [
    ['an image is sent with its caption, shown, and seen large', image],
    ['several files, one taken back', several],
    ['a video is sent and shown', video],
    ['a voice is recorded, sent and played', voice],
    ['an image is pasted', (t) => pasted(t, 'paste')],
    ['an image is dropped', (t) => pasted(t, 'drop')],
    ['an upload has progress, and is given up', cancels],
    ['a file lost with its tab is sent once', lostFile],
    ['a part that can’t be loaded is said, and tried again', partsMissing],
    ['a file that lies about its type is refused in words', notAnImage],
    ['a file that is too large is refused at once', tooLarge],
    ['an image that comes late keeps the end in view', keepsPlace],
    ['a drawing that could run is a file', svgIsAFile],
].map(([name, run, more]) => ({ name: `media: ${name}`, run, limit: 40000, ...more }));
