/** Two people, two browsers, one conversation. */
import { Failure, between, match, now, same, sleep, until } from '../../e2e/lib.mjs';
import { button, field, hasStates, inLog, log, pair, say, states } from '../browser.mjs';

async function talks(t) {
    const { alice, bob } = await pair(t);
    await say(alice, 'hello Bob');
    await inLog(bob, 'hello Bob').waitFor();
    await say(bob, 'hello Alice');
    await inLog(alice, 'hello Alice').waitFor();
    await field(alice).press('Enter'); // nothing written, nothing sent
    await alice.keyboard.type('a second one');
    await field(alice).press('Enter');
    await inLog(bob, 'a second one').waitFor();
    same(await field(alice).inputValue(), '', 'what is left in the field');
    t.isQuiet();
}

async function ticks(t) {
    const server = await t.serve();
    const alice = await t.open(`${server.url}/#alice`);
    await field(alice).waitFor();
    await say(alice, 'are you there?');
    await hasStates(alice, 'Sent', 1);
    const bob = await t.open(`${server.url}/#bob`);
    await inLog(bob, 'are you there?').waitFor();
    await hasStates(alice, 'Read', 1);
    same(await states(alice, 'Sent').count(), 0, 'Sent');
    t.isQuiet();
}

async function order(t) {
    const { alice, bob } = await pair(t);
    for (let i = 1; i <= 30; i++) await say(alice, `number ${i}.`);
    await inLog(bob, 'number 30.').waitFor();
    for (const before of ['Sending', 'Sent', 'Delivered']) await hasStates(alice, before, 0);
    const texts = (await log(bob).innerText()).match(/number \d+\./g);
    const numbers = texts.map((text) => Number(/\d+/.exec(text)[0]));
    same(numbers, [...numbers].sort((a, b) => a - b), 'order');
    same(new Set(numbers).size, numbers.length, 'each once');
    t.isQuiet();
}

async function offlineFriend(t) {
    const server = await t.serve();
    const alice = await t.open(`${server.url}/#alice`);
    await field(alice).waitFor();
    for (const text of ['one', 'two', 'three']) await say(alice, text);
    await hasStates(alice, 'Sent', 3);
    const bob = await t.open(`${server.url}/#bob`);
    await inLog(bob, 'three').waitFor();
    same((await log(bob).innerText()).match(/\b(one|two|three)\b/g), ['one', 'two', 'three'], 'order');
    await hasStates(alice, 'Read', 3);
    t.isQuiet();
}

/** The way to the server is cut, not the page told: as a network that went. */
async function offlineAndBack(t) {
    const server = await t.serve();
    const pipe = await t.pipe(server.url);
    const { alice, bob } = await pair(t, { url: pipe.url });
    await say(alice, 'before');
    await inLog(bob, 'before').waitFor();
    await alice.context().setOffline(true);
    await alice.getByText('You’re offline').waitFor();
    await say(alice, 'written offline');
    await hasStates(alice, 'Waiting', 1);
    same(await inLog(bob, 'written offline').count(), 0, 'at Bob');
    await alice.context().setOffline(false);
    await inLog(bob, 'written offline').waitFor();
    await hasStates(alice, 'Read', 2);
    await alice.getByText('You’re offline').waitFor({ state: 'hidden' });
    t.isQuiet({ cut: true });
}

/** Typed without a network, the tab closed; another one sends it, once. */
async function lostTab(t) {
    const server = await t.serve();
    const { alice, bob } = await pair(t, { server });
    const context = alice.context();
    await context.setOffline(true);
    await say(alice, 'lost with the tab');
    await hasStates(alice, 'Waiting', 1);
    await alice.close();
    await context.setOffline(false);
    const again = await t.open(`${server.url}/#alice`, context);
    await inLog(bob, 'lost with the tab').waitFor();
    await inLog(again, 'lost with the tab').waitFor();
    await hasStates(again, 'Read', 1);
    same(await inLog(bob, 'lost with the tab').count(), 1, 'at Bob');
    same(await inLog(again, 'lost with the tab').count(), 1, 'at Alice');
    t.isQuiet({ cut: true });
}

/** The answer is lost, and the page loaded anew before it could come again. */
async function reloadInSend(t) {
    const server = await t.serve();
    const pipe = await t.pipe(server.url);
    const { alice, bob } = await pair(t, { url: pipe.url });
    await say(alice, 'first');
    await inLog(bob, 'first').waitFor();
    await hasStates(alice, 'Read', 1);
    pipe.mute();
    await say(alice, 'in the middle');
    await hasStates(alice, 'Sending', 1);
    await until('taken by the server', async () =>
        (await server.metrics()).get('parley_messages_sent_total') >= 2);
    pipe.cut();
    await alice.reload();
    await inLog(alice, 'in the middle').waitFor();
    await inLog(bob, 'in the middle').waitFor();
    await hasStates(alice, 'Read', 2);
    same(await inLog(alice, 'in the middle').count(), 1, 'at Alice');
    same(await inLog(bob, 'in the middle').count(), 1, 'at Bob');
    t.isQuiet({ cut: true });
}

async function twoTabs(t) {
    const server = await t.serve();
    const { alice, bob } = await pair(t, { server });
    const second = await t.open(`${server.url}/#alice`, alice.context());
    await field(second).waitFor();
    await say(alice, 'from the first tab');
    await inLog(second, 'from the first tab').waitFor();
    await say(second, 'from the second tab');
    await inLog(alice, 'from the second tab').waitFor();
    await inLog(bob, 'from the second tab').waitFor();
    for (const page of [alice, second]) {
        await hasStates(page, 'Read', 2);
        for (const text of ['from the first tab', 'from the second tab'])
            same(await inLog(page, text).count(), 1, text);
    }
    t.isQuiet();
}

async function serverRestarts(t) {
    const server = await t.serve();
    const { alice, bob } = await pair(t, { server });
    await say(alice, 'before');
    await inLog(bob, 'before').waitFor();
    await server.stop();
    await alice.getByText('You’re offline').waitFor();
    await say(alice, 'while it is down');
    await t.serve({ data: server.data, listen: server.listen });
    await inLog(bob, 'while it is down').waitFor({ timeout: 20000 });
    await hasStates(alice, 'Read', 2);
    t.isQuiet({ cut: true });
}

/** Bob's mailbox is full: Alice is told why, and tries again when there is room. */
async function failureAndRetry(t) {
    const server = await t.serve({
        options: ['--rate-limits=off', '--mailbox-peer-messages=2', '--mailbox-stranger-messages=2'],
    });
    const alice = await t.open(`${server.url}/#alice`);
    await field(alice).waitFor();
    for (const text of ['one', 'two', 'three']) await say(alice, text);
    await hasStates(alice, 'Failed', 1);
    await alice.getByText(/Not sent.*inbox is full/).waitFor();
    const bob = await t.open(`${server.url}/#bob`);
    await inLog(bob, 'two').waitFor();
    await hasStates(alice, 'Read', 2);
    await button(alice, 'Retry').click();
    await inLog(bob, 'three').waitFor();
    await hasStates(alice, 'Read', 3);
    same(await states(alice, 'Failed').count(), 0, 'Failed');
    t.isQuiet();
}

async function discards(t) {
    const server = await t.serve({
        options: ['--rate-limits=off', '--mailbox-peer-messages=1', '--mailbox-stranger-messages=1'],
    });
    const alice = await t.open(`${server.url}/#alice`);
    await field(alice).waitFor();
    for (const text of ['one', 'two']) await say(alice, text);
    await hasStates(alice, 'Failed', 1);
    await button(alice, 'Discard').click();
    await inLog(alice, 'two').waitFor({ state: 'detached' });
    await alice.reload();
    await inLog(alice, 'one').waitFor();
    same(await inLog(alice, 'two').count(), 0, 'two');
    t.isQuiet();
}

async function typing(t) {
    const { alice, bob } = await pair(t);
    await say(alice, 'hello');
    await say(bob, 'hello');
    await bob.getByText('Online').waitFor();
    await field(alice).pressSequentially('I am wri');
    await bob.getByText('typing…').first().waitFor();
    await field(alice).fill('');
    await bob.getByText('typing…').first().waitFor({ state: 'hidden' });
    await alice.close();
    await bob.getByText(/Last seen/).waitFor({ timeout: 20000 });
    t.isQuiet();
}

async function blocks(t) {
    const { alice, bob } = await pair(t);
    await say(bob, 'buy this');
    await inLog(alice, 'buy this').waitFor();
    await button(alice, 'More').click();
    await alice.getByRole('menuitem', { name: 'Block' }).click();
    await alice.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await alice.getByText('You have blocked this wallet.').waitFor();
    same(await field(alice).count(), 0, 'fields to write in');
    await say(bob, 'and this');
    await hasStates(bob, 'Sent', 1);
    await sleep(300); // what must not come
    same(await inLog(alice, 'and this').count(), 0, 'what came through');
    await button(alice, 'Unblock').first().click();
    await field(alice).waitFor();
    await say(bob, 'sorry');
    await inLog(alice, 'sorry').waitFor();
    same(await inLog(alice, 'and this').count(), 0, 'what was withheld');
    t.isQuiet();
}

/** What somebody writes is text, and nothing else. */
async function isText(t) {
    const { alice, bob } = await pair(t);
    const nasty = '<img src=x onerror="document.title=1"><b>bold</b> & "quotes" {{x}} ${y}';
    await say(alice, nasty);
    await inLog(bob, nasty).waitFor();
    same(await log(bob).locator('b').count(), 0, 'elements made of it');
    await say(alice, 'see https://example.com/a_(b)?c=d. And javascript:alert(1)');
    const link = log(bob).getByRole('link');
    await link.waitFor();
    same(await link.getAttribute('href'), 'https://example.com/a_(b)?c=d', 'link');
    for (const word of ['noopener', 'noreferrer'])
        if (!(await link.getAttribute('rel')).includes(word)) throw new Failure(`rel: no ${word}`);
    same(await link.getAttribute('target'), '_blank', 'target');
    for (const text of ['مرحبا بك يا صديقي', 'שלום עולם', '你好，世界', '👩‍👩‍👧‍👦', 'नमस्ते']) {
        await say(alice, text);
        await inLog(bob, text).waitFor();
    }
    match(await bob.title(), /Bob · Parley$/, 'title, which nobody has set');
    t.isQuiet();
}

/** From the page's load to the first message that one sees. */
async function isFast(t) {
    const server = await t.serve();
    const { alice } = await pair(t, { server });
    await say(alice, 'the first one');
    await hasStates(alice, 'Read', 1);
    const context = alice.context();
    await alice.close();
    const times = [];
    for (let i = 0; i < 5; i++) {
        const page = await context.newPage();
        const from = now();
        await page.goto(`${server.url}/#alice`, { waitUntil: 'commit' });
        await inLog(page, 'the first one').waitFor();
        times.push(now() - from);
        await page.close();
    }
    times.sort((a, b) => a - b);
    console.log(`  first message after ${times.map(Math.round).join(', ')} ms`);
    between(times[2], 0, 1000, 'ms to the first message, of the median');
    t.isQuiet();
}

/** Some networks let no WebSocket through: what takes its place is loaded then. */
async function polls(t) {
    const server = await t.serve({ options: ['--rate-limits=off', '--transports=polling'] });
    const { alice, bob } = await pair(t, { server });
    await say(alice, 'the slow way 🚂');
    await inLog(bob, 'the slow way 🚂').waitFor();
    await say(bob, 'as good');
    await inLog(alice, 'as good').waitFor();
    await hasStates(alice, 'Read', 1);
    const asked = await alice.evaluate(() =>
        performance.getEntriesByType('resource').map(({ name }) => name));
    same(asked.some((url) => /transport=polling/.test(url)), true, 'it polls');
    t.isQuiet({ cut: true });
}

/** A number in the title is for who looks elsewhere. */
async function titleCounts(t) {
    const { alice, bob } = await pair(t);
    const titles = () => alice.evaluate(() => globalThis.titles);
    await alice.evaluate(() => {
        globalThis.titles = [];
        new MutationObserver(() => globalThis.titles.push(document.title))
            .observe(document.querySelector('title'), { childList: true });
    });
    await say(bob, 'while she looks');
    await hasStates(bob, 'Read', 1);
    same((await titles()).filter((one) => one !== 'Alice · Parley'), [], 'titles while she looks');
    await alice.evaluate(() => { document.hasFocus = () => false; });
    await say(bob, 'while she does not');
    await until('a number', async () => (await alice.title()) === '(1) Alice · Parley');
    await alice.evaluate(() => { delete document.hasFocus; dispatchEvent(new Event('focus')); });
    await hasStates(bob, 'Read', 2);
    same(await alice.title(), 'Alice · Parley', 'the title at last');
    t.isQuiet();
}

export const rows = [
    ['text goes both ways', talks],
    ['ticks go from sent to read', ticks],
    ['messages stand in their order', order],
    ['who was away gets what was written, in order', offlineFriend],
    ['what is written offline is sent when the network is back', offlineAndBack],
    ['what was lost with its tab is sent once', lostTab],
    ['a page loaded anew in the middle of a send sends once', reloadInSend],
    ['two tabs of one wallet show the same', twoTabs],
    ['a server that restarts is found again', serverRestarts, { limit: 60000 }],
    ['a failure says why, and may be tried again', failureAndRetry],
    ['a failed one may be given up', discards],
    ['typing and presence are shown', typing, { limit: 45000 }],
    ['who is blocked does not come through', blocks],
    ['a text is text, its links are safe, in any script', isText],
    ['the first message is there within a second', isFast, { alone: true }],
    ['where no WebSocket gets through it polls', polls],
    ['the title counts for who looks elsewhere', titleCounts],
].map(([name, run, more]) => ({ name: `talk: ${name}`, run, limit: 30000, ...more }));
