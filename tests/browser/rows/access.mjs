/** With a keyboard alone, with a screen reader, in each state that people meet. */
import { Failure, between, same, until } from '../../e2e/lib.mjs';
import { button, field, hasStates, inLog, log, pair, say, violations } from '../browser.mjs';
import { busyList, states } from '../states.mjs';

/** Whether a finger hits it: 40 pixels each way, of all but the links in a text. */
const smallTargets = (page) => page.evaluate(() => {
    const least = 40;
    const rootsOf = (root) => [root, ...[...root.querySelectorAll('*')]
        .flatMap((one) => (one.shadowRoot ? rootsOf(one.shadowRoot) : []))];
    const hit = (x, y) => {
        let it = document.elementFromPoint(x, y);
        for (;;) {
            const inner = it?.shadowRoot?.elementFromPoint(x, y);
            if (!inner || inner === it) return it;
            it = inner;
        }
    };
    const isHit = (one, x, y) => {
        let it = hit(x, y);
        while (it && it !== one) it = it.parentNode ?? it.host;
        return it === one;
    };
    const reach = (one, x, y, dx, dy) => {
        let n = 0;
        while (n < least && isHit(one, x + dx * (n + 1), y + dy * (n + 1))) n++;
        return n;
    };
    return rootsOf(document).flatMap((root) =>
        [...root.querySelectorAll('button:enabled, input:enabled, a:not(.text a)')].flatMap((one) => {
            const box = one.getBoundingClientRect();
            const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
            if (!box.width || !isHit(one, x, y)) return []; // covered, or out of sight
            const width = 1 + reach(one, x, y, 1, 0) + reach(one, x, y, -1, 0);
            const height = 1 + reach(one, x, y, 0, 1) + reach(one, x, y, 0, -1);
            const name = one.getAttribute('aria-label') ?? one.textContent.trim();
            return Math.min(width, height) < least ? [`"${name}" is ${width} by ${height}`] : [];
        }));
});

async function isAccessible(t, make) {
    const page = await make(t);
    const found = [...(await violations(page)), ...(await smallTargets(page))];
    if (found.length) throw new Failure(found.join('\n  '));
}

/** What has the focus, through shadow roots, by the name that is heard. */
const focused = (page) => page.evaluate(() => {
    let it = document.activeElement;
    while (it?.shadowRoot?.activeElement) it = it.shadowRoot.activeElement;
    return it?.getAttribute('aria-label') ?? it?.textContent?.trim() ?? '';
});

async function tabTo(page, name, key = 'Tab') {
    for (let i = 0; i < 40; i++) {
        const at = await focused(page);
        if (name instanceof RegExp ? name.test(at) : name === at) return;
        await page.keyboard.press(key);
    }
    throw new Failure(`${key} does not reach "${name}", it is at "${await focused(page)}"`);
}

/** Nothing is clicked. */
async function keyboardOnly(t) {
    const { alice, bob } = await pair(t);
    await say(bob, 'only keys?');
    await inLog(alice, 'only keys?').waitFor();
    await tabTo(alice, 'Message');
    await alice.keyboard.type('only keys');
    await alice.keyboard.press('Shift+Enter');
    await alice.keyboard.type('and two lines');
    await alice.keyboard.press('Enter');
    await log(bob).getByText('and two lines').waitFor();
    await hasStates(alice, 'Read', 1);
    await tabTo(alice, 'More', 'Shift+Tab');
    await alice.keyboard.press('Enter');
    await alice.getByRole('menuitem', { name: 'Block' }).waitFor();
    await alice.keyboard.press('Escape');
    await alice.getByRole('menuitem', { name: 'Block' }).waitFor({ state: 'hidden' });
    same(await focused(alice), 'More', 'where the focus is after Escape');
    await alice.keyboard.press('Enter');
    await alice.getByRole('menuitem', { name: 'Block' }).waitFor();
    await tabTo(alice, 'Block', 'ArrowDown');
    await alice.keyboard.press('Enter');
    const dialog = alice.getByRole('dialog');
    await dialog.waitFor();
    await alice.keyboard.press('Escape');
    await dialog.waitFor({ state: 'hidden' });
    same(await focused(alice), 'More', 'where the focus is after the dialog');
    same(await field(alice).count(), 1, 'fields: nothing was blocked');
    t.isQuiet();
}

/** From the list into a thread and back, on a narrow page. */
async function keyboardList(t) {
    const page = await states['list narrow'](t);
    await tabTo(page, /Requests/);
    await tabTo(page, /pick it up/, 'ArrowDown');
    await page.keyboard.press('Enter');
    await field(page).waitFor();
    await tabTo(page, 'Back', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await button(page, 'New chat').waitFor();
    if (!(await focused(page)).includes('pick it up'))
        throw new Failure(`the focus is at "${await focused(page)}", not the row it came from`);
    t.isQuiet();
}

/** What is read out, without the focus being there. */
const said = (page, text) => page.getByRole('status').getByText(text);

async function announces(t) {
    const { alice, bob } = await pair(t);
    await say(bob, 'heard as well');
    await inLog(alice, 'heard as well').waitFor();
    await said(alice, 'heard as well').waitFor();
    const first = await said(alice, 'heard as well').elementHandle();
    await say(bob, 'heard as well'); // the same words, and yet said again
    await until('said again', () => first.evaluate((it) => !it.isConnected));
    await said(alice, 'heard as well').waitFor();
    t.isQuiet();
}

async function namesAreStable(t) {
    const { alice, bob } = await pair(t);
    await say(alice, 'hello');
    await hasStates(alice, 'Read', 1);
    for (const [role, name] of [
        ['textbox', 'Message'], ['button', 'Send'], ['button', 'Attach files'], ['log', 'Messages'],
        ['button', 'More'], ['button', 'Copy address'],
    ]) {
        const found = await alice.getByRole(role, { name, exact: true }).count();
        const isThere = name === 'Send' ? true : found >= 1; // in its place is the microphone
        if (!isThere) throw new Failure(`no ${role} named "${name}"`);
    }
    await field(bob).fill('x');
    same(await button(bob, 'Send').count(), 1, 'buttons named "Send"');
    t.isQuiet();
}

/** Without motion for who wants none, with everything at twice the size. */
async function zooms(t) {
    const { alice, bob } = await pair(t, { alice: { viewport: { width: 320, height: 480 } } });
    await say(bob, 'a line that has to be wrapped on a page so narrow as this one is here');
    await log(alice).getByText(/has to be wrapped/).waitFor();
    const wide = await alice.evaluate(() => document.documentElement.scrollWidth);
    if (wide > 320) throw new Failure(`the page is ${wide} pixels wide, of 320`);
    await field(alice).fill('fits');
    await button(alice, 'Send').click();
    await inLog(bob, 'fits').waitFor();
    t.isQuiet();
}

const isAt = (page, name) => until(`the focus at "${name}"`,
    async () => (await focused(page)) === name);

async function focusInRequest(t) {
    const page = await states.request(t);
    await tabTo(page, 'Accept');
    await page.keyboard.press('Enter');
    await isAt(page, 'Message');
    t.isQuiet();
}

async function focusWithBlock(t) {
    const page = await states.request(t);
    await tabTo(page, 'Block');
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await tabTo(page, 'Block');
    await page.keyboard.press('Enter');
    await isAt(page, 'Unblock');
    await page.keyboard.press('Enter');
    await isAt(page, 'Accept'); // a request, as before
    await page.keyboard.press('Enter');
    await isAt(page, 'Message');
    t.isQuiet();
}

async function focusWithFailed(t) {
    const page = await states.failed(t);
    await tabTo(page, 'Retry', 'Shift+Tab');
    const heard = said(page, 'Failed: call me back').waitFor(); // it stands for seconds only
    await page.keyboard.press('Enter');
    await Promise.all([heard, isAt(page, 'Messages')]);
    await hasStates(page, 'Failed', 1);
    await tabTo(page, 'Discard');
    await page.keyboard.press('Enter');
    await hasStates(page, 'Failed', 0);
    await isAt(page, 'Messages');
}

async function focusWithSignIn(t) {
    const page = await states['sign-in refused'](t);
    same(await focused(page), 'Sign in with Test Wallet', 'where the focus is once refused');
    const other = await states.empty(t);
    await isAt(other, 'Chat');
    await tabTo(other, 'Account');
    await other.keyboard.press('Enter');
    await tabTo(other, 'Sign out');
    await other.keyboard.press('Enter');
    await button(other, 'Sign in with Test Wallet').waitFor();
    await isAt(other, 'Chat');
}

/** A row that comes to the top, as somebody writes, has the focus as before. */
async function focusInList(t) {
    const { seeds, page } = await busyList(t);
    await tabTo(page, /Requests/);
    await tabTo(page, /Bring the blue potion/, 'ArrowDown');
    await seeds.others[2].write(seeds.alice.account, 'are you coming?');
    await page.getByRole('button', { name: /are you coming/ }).waitFor();
    if (!/are you coming/.test(await focused(page)))
        throw new Failure(`the focus is at "${await focused(page)}"`);
    t.isQuiet();
}

async function isNamed(t) {
    const { alice } = await pair(t);
    same(await alice.getByRole('region', { name: 'Chat', exact: true }).count(), 1, 'regions');
    t.isQuiet();
}

const inAllRoots = (page, ask) => page.evaluate((source) => {
    const ask = new Function(`return ${source}`)();
    const walk = (root) => [...ask(root), ...[...root.querySelectorAll('*')]
        .flatMap((one) => (one.shadowRoot ? walk(one.shadowRoot) : []))];
    return walk(document);
}, ask.toString());

async function withoutMotion(t) {
    const { alice, bob } = await pair(t, { alice: { reducedMotion: 'reduce' } });
    await say(alice, 'are you coming?');
    await say(bob, 'let me look');
    await hasStates(alice, 'Read', 1);
    await hasStates(bob, 'Read', 1); // before that he has not accepted her, and shows nothing
    await field(bob).pressSequentially('I think');
    await log(alice).locator('.dots').waitFor();
    const endless = await inAllRoots(alice, (root) => root.getAnimations()
        .filter((one) => one.effect.getTiming().iterations === Infinity)
        .map((one) => one.animationName));
    same(endless, [], 'what goes on for ever, and so flickers');
    t.isQuiet();
}

async function withForcedColors(t) {
    const { alice, bob } = await pair(t, { alice: { forcedColors: 'active' } });
    await say(alice, 'can you see it?');
    await hasStates(alice, 'Read', 1);
    const mark = log(alice).getByRole('img', { name: 'Read' });
    const system = await alice.evaluate(() => {
        document.body.style.color = 'Highlight';
        return getComputedStyle(document.body).color;
    });
    same(await mark.evaluate((it) => getComputedStyle(it).color), system, 'the tick’s colour');
    await button(alice, 'More').click();
    for (const it of [alice.getByRole('menu'), field(alice)])
        same(await it.evaluate((one) => getComputedStyle(one).borderTopWidth), '1px', 'border');
    await field(bob).waitFor();
    t.isQuiet();
}

const isMirrored = (locator) => locator.locator('svg').evaluate((it) =>
    new DOMMatrix(getComputedStyle(it).transform).a === -1);

async function rightToLeft(t) {
    const page = await states['thread narrow'](t);
    await page.evaluate(() => (document.documentElement.dir = 'rtl'));
    same(await isMirrored(button(page, 'Back')), true, 'the arrow back');
    const centre = async (locator) => {
        const box = await locator.boundingBox();
        return box.x + box.width / 2;
    };
    const width = page.viewportSize().width;
    const own = log(page).getByRole('article', { name: /^You/ }).last().locator('.bubble');
    if ((await centre(own)) > width / 2) throw new Failure('an own message is on the right');
    await button(page, 'Back').click();
    const name = page.getByRole('button', { name: /pick it up/ }).locator('.who');
    same(await name.evaluate((it) => getComputedStyle(it).textAlign), 'right', 'names');
    t.isQuiet();
}

/** As on a phone, a train: what comes late finds its room kept. */
async function withSlowNetwork(t) {
    const server = await t.serve();
    const person = await t.person({ viewport: { width: 390, height: 760 } });
    await person.addInitScript(() => {
        globalThis.shifts = 0;
        new PerformanceObserver((list) => {
            for (const one of list.getEntries()) globalThis.shifts += one.value;
        }).observe({ type: 'layout-shift', buffered: true });
    });
    const page = await t.open('about:blank', person);
    const devtools = await person.newCDPSession(page);
    await devtools.send('Network.enable');
    await devtools.send('Network.emulateNetworkConditions',
        { offline: false, latency: 300, downloadThroughput: 50000, uploadThroughput: 50000 });
    await page.goto(`${server.url}/#alice`);
    await field(page).waitFor({ timeout: 20000 });
    await page.getByText('No messages yet').waitFor({ timeout: 20000 });
    await say(page, 'from the train');
    await hasStates(page, 'Sent', 1);
    between(await page.evaluate(() => globalThis.shifts * 1000), 0, 50, 'shifts, in thousandths');
    t.isQuiet();
}

export const rows = [
    ...Object.entries(states).map(([name, make]) =>
        [`axe finds nothing: ${name}`, (t) => isAccessible(t, make)]),
    ['a keyboard is enough for a thread', keyboardOnly],
    ['a keyboard is enough for the list', keyboardList],
    ['what comes is announced', announces],
    ['accessible names are as promised', namesAreStable],
    ['a page 320 pixels wide is enough', zooms],
    ['the focus goes on from a request that is accepted', focusInRequest],
    ['the focus goes on from block to unblock, to accept, to the field', focusWithBlock],
    ['a failure is said, and to retry or discard it keeps the focus', focusWithFailed],
    ['signing in and out keep the focus', focusWithSignIn],
    ['a row of the list that moves keeps the focus', focusInList],
    ['the widget is a region named "Chat"', isNamed],
    ['nothing moves for who wants no motion', withoutMotion],
    ['colours that are forced leave borders and ticks', withForcedColors],
    ['a page from right to left is mirrored', rightToLeft],
    ['a slow network shifts nothing', withSlowNetwork],
].map(([name, run, more]) => ({ name: `access: ${name}`, run, limit: 40000, ...more }));
