/**
 * A thread in a real browser: what one looks at stays, what is read, how it scrolls. Rows of
 * parts.mjs: each is given the page web/test/thread-page.html, and throws where it is not so.
 */
import assert from 'node:assert/strict';
import { quantile, scrollFrames } from './frames.mjs';

/** Pixels by which what one looks at may be off: what is painted is rounded to whole ones. */
const STILL = 0.5;

const log = (page) => page.getByRole('log', { name: 'Messages' });

/** Shows a thread of `members`, of which `items` is [from, to] and `older` likewise, by seq. */
export async function show(page, { items, older, ...members } = {}) {
    await page.evaluate(
        async ([own, first, before]) => {
            const { frame, FakeThread, BOB, messages } = window;
            const thread = new FakeThread(BOB);
            Object.assign(thread, own);
            if (first) thread.items = messages(...first);
            if (before) thread.older = messages(...before);
            frame.chat.threads.set(BOB, thread);
            frame.thread = thread;
            await frame.updateComplete;
            await frame.renderRoot.querySelector('parley-thread').updateComplete;
        },
        [members, items, older],
    );
    await frames(page, 2);
}

/** Changes the thread that is shown. `change` gets {thread, messages, item}. */
export async function change(page, change, value) {
    await page.evaluate(
        ([source, argument]) => {
            const { frame, messages, item } = window;
            // Of this very file: it says in one place what is done in the page.
            return new Function(`return (${source})`)()(
                { thread: frame.thread, messages, item },
                argument,
            );
        },
        [change.toString(), value],
    );
    await frames(page, 2);
}

/** So many frames of the page go by. */
export const frames = (page, n) =>
    page.evaluate(
        (count) =>
            new Promise((resolve) => {
                const next = (left) =>
                    left === 0 ? resolve() : requestAnimationFrame(() => next(left - 1));
                next(count);
            }),
        n,
    );

/** Until nothing was scrolled or moved for 15 frames: longer than the list waits to settle. */
const atRest = (page) =>
    log(page).evaluate(
        (one) =>
            new Promise((resolve) => {
                let same = 0;
                let last = '';
                const next = () => {
                    const now = `${one.scrollTop} ${one.scrollHeight}`;
                    same = now === last ? same + 1 : 0;
                    last = now;
                    if (same >= 15) resolve();
                    else requestAnimationFrame(next);
                };
                next();
            }),
    );

/** Until everything up to a seq from `from` on is marked as read. */
const markedFrom = (page, from) =>
    page.waitForFunction(
        (seq) => window.frame.thread.calls.some(([name, n]) => name === 'markRead' && n >= seq),
        from,
    );

/** Where each message is, by the number its text begins with: pixels below the top of the log. */
export const tops = (page) =>
    log(page).evaluate((scroller) => {
        const start = scroller.getBoundingClientRect().top;
        const rows = [...scroller.querySelectorAll('.row')].map((row) => [
            /\d+/.exec(row.querySelector('.text, div')?.textContent ?? '')?.[0],
            row.getBoundingClientRect().top - start,
        ]);
        return Object.fromEntries(rows.filter(([number]) => number));
    });

const atEnd = (page) =>
    log(page).evaluate((one) => one.scrollHeight - one.clientHeight - one.scrollTop < 2);

async function scrollTo(page, top) {
    await log(page).evaluate((one, value) => (one.scrollTop = value), top);
    await frames(page, 2);
}

/** Whether a message that is seen before and after `act` is where it was. */
async function assertStill(page, act, what) {
    const view = await log(page).evaluate((one) => one.clientHeight);
    const before = await tops(page);
    await act();
    const after = await tops(page);
    const seen = Object.keys(before).filter((n) => before[n] >= 0 && before[n] < view - 60);
    assert.ok(seen.length > 0, `${what}: nothing was seen`);
    for (const n of seen.slice(0, 5))
        assert.ok(
            Math.abs(before[n] - after[n]) <= STILL,
            `${what}: ${n} went from ${before[n]} to ${after[n]}`,
        );
}

/** No part of the view is without a row, unless it is before the first one. */
export const gaps = (page) =>
    log(page).evaluate((scroller) => {
        const box = scroller.getBoundingClientRect();
        const column = scroller.querySelector('.column').getBoundingClientRect();
        return Math.max(0, column.top - box.top) + Math.max(0, box.bottom - 14 - column.bottom);
    });

const calls = (page, name) =>
    page.evaluate((wanted) => window.frame.thread.calls.filter(([one]) => one === wanted), name);

async function opensAtTheEnd(page) {
    await show(page, { items: [1, 5000] });
    assert.ok(await atEnd(page));
    assert.equal(await gaps(page), 0);
    assert.ok(5000 in (await tops(page)));
}

async function sticksToTheEnd(page) {
    await show(page, { items: [1, 500] });
    await change(page, ({ thread, messages }) => {
        thread.set({ items: [...thread.items, ...messages(501, 503)] });
    });
    assert.ok(await atEnd(page), 'a new message');
    await change(page, ({ thread }) => thread.set({ isTyping: true }));
    assert.ok(await atEnd(page), 'typing');
    await page.setViewportSize({ width: 700, height: 400 });
    await frames(page, 2);
    assert.ok(await atEnd(page), 'a lower window');
    await page.setViewportSize({ width: 900, height: 800 });
    await frames(page, 2);
    assert.ok(await atEnd(page), 'a larger window');
    assert.equal(await gaps(page), 0);
}

async function staysWhenOlderOnesCome(page) {
    await show(page, { items: [401, 500], older: [1, 400], hasOlder: true, unread: 0 });
    await scrollTo(page, 1500);
    await atRest(page);
    for (let i = 0; i < 3; i++) {
        const before = await page.evaluate(() => window.frame.thread.items.length);
        await assertStill(
            page,
            async () => {
                await change(page, ({ thread }) => thread.loadOlder());
                await atRest(page);
            },
            'older ones',
        );
        assert.ok((await page.evaluate(() => window.frame.thread.items.length)) > before);
    }
}

async function staysWhenThingsChange(page) {
    await show(page, { items: [1, 500] });
    await scrollTo(page, 9000);
    await atRest(page);
    assert.ok(Object.keys(await tops(page)).every((n) => n > 90));
    await assertStill(
        page,
        () =>
            change(page, ({ thread, messages }) =>
                thread.set({ items: [...thread.items, ...messages(501, 510)], isTyping: true }),
            ),
        'new ones below',
    );
    await assertStill(
        page,
        () =>
            change(page, ({ thread }) => {
                const grow = (one) => ({ ...one, content: `${one.content}\nmore\nlines` });
                thread.set({ items: thread.items.map((one) => (one.seq < 80 ? grow(one) : one)) });
            }),
        'higher ones above',
    );
    await assertStill(
        page,
        async () => {
            await page.setViewportSize({ width: 900, height: 600 });
            await frames(page, 2);
        },
        'a lower window',
    );
    await page.setViewportSize({ width: 900, height: 800 });
}

async function showsNoGapsWhileScrolling(page) {
    await show(page, { items: [1, 5000] });
    for (const step of [-37, -400, -3000, 900, -20000, 12345]) {
        for (let i = 0; i < 12; i++) {
            await log(page).evaluate((one, by) => (one.scrollTop += by), step);
            await frames(page, 1);
            assert.equal(await gaps(page), 0, `step ${step}`);
        }
    }
}

async function scrollsByTheWheel(page) {
    await show(page, { items: [1, 5000] });
    await page.mouse.move(450, 400);
    let last = await tops(page);
    for (let i = 0; i < 40; i++) {
        await page.mouse.wheel(0, -120);
        await frames(page, 2);
        const now = await tops(page);
        const moves = Object.keys(now)
            .filter((n) => n in last)
            .map((n) => now[n] - last[n]);
        assert.ok(Math.min(...moves) >= -STILL, 'a wheel upwards moves nothing up');
        assert.ok(Math.max(...moves) - Math.min(...moves) <= STILL, 'all rows move alike');
        last = now;
    }
}

async function reachesTheBeginning(page) {
    await show(page, { items: [1, 600] });
    await log(page).focus();
    // Upwards faster than anything there is measured, without a rest.
    for (let i = 0; i < 300 && (await log(page).evaluate((one) => one.scrollTop)) > 0; i++) {
        await log(page).evaluate((one) => (one.scrollTop -= 600));
        await frames(page, 1);
        assert.equal(await gaps(page), 0);
    }
    await atRest(page);
    assert.equal(await log(page).evaluate((one) => one.scrollTop), 0);
    const { 1: first } = await tops(page);
    assert.ok(first > 0 && first < 200, `the first message is at ${first}`);
    await page.keyboard.press('End');
    await frames(page, 2);
    assert.ok(await atEnd(page));
}

async function beginsAtTheLine(page) {
    await show(page, { items: [1, 500], unread: 30 });
    const line = await log(page).getByText('New messages').boundingBox();
    const box = await log(page).boundingBox();
    const at = (line.y - box.y) / box.height;
    assert.ok(at > 0.28 && at < 0.4, `the line is at ${at}`);
    const read = await calls(page, 'markRead');
    assert.ok(read.length > 0 && read.at(-1)[1] < 490, `read: ${JSON.stringify(read)}`);
    await change(page, ({ thread }) => thread.sendText('an answer'));
    await page.evaluate(() => {
        const thread = window.frame.renderRoot.querySelector('parley-thread');
        thread.renderRoot
            .querySelector('parley-composer')
            .dispatchEvent(new CustomEvent('parley-sent'));
    });
    await frames(page, 2);
    assert.ok(await atEnd(page));
    await markedFrom(page, 491);
    assert.ok(!(await page.getByText('New messages', { exact: true }).isVisible()));
}

async function beginsAtALineThatIsFarUp(page) {
    const mine = { delivered_seq: 0, read_seq: 380 };
    await page.evaluate(() => (window.frame.style.display = 'none'));
    await show(page, {
        items: [451, 500],
        older: [1, 450],
        hasOlder: true,
        unread: 60,
        conversation: { mine },
    });
    assert.deepEqual(await calls(page, 'loadOlder'), [], 'nothing while it is hidden');
    await page.evaluate(() => (window.frame.style.display = ''));
    const line = log(page).getByText('New messages');
    await line.waitFor();
    await frames(page, 2);
    const box = await log(page).boundingBox();
    const at = ((await line.boundingBox()).y - box.y) / box.height;
    assert.ok(at > 0.28 && at < 0.4, `the line is at ${at}`);
    assert.ok((await calls(page, 'markRead')).every(([, seq]) => seq < 400));
}

async function countsNewOnes(page) {
    await show(page, { items: [1, 300] });
    await scrollTo(page, 3000);
    await change(page, ({ thread, item, messages }) => {
        const more = messages(301, 306).map((one) => ({ ...one, own: one.seq > 304 }));
        thread.set({ items: [...thread.items, ...more] });
    });
    const button = page.getByRole('button', { name: 'Newest messages' });
    assert.equal(await button.getAttribute('data-count'), '4');
    await button.click();
    await frames(page, 2);
    assert.ok(await atEnd(page));
    assert.ok(!(await button.isVisible()));
}

async function keepsThePlaceOfAThread(page) {
    await show(page, { items: [1, 500] });
    await scrollTo(page, 7000);
    await atRest(page);
    const before = await tops(page);
    await page.evaluate(() => {
        window.kept = window.frame.thread;
    });
    await show(page, { items: [1, 20] });
    await page.evaluate(() => {
        window.frame.thread = window.kept;
    });
    await frames(page, 3);
    const after = await tops(page);
    const common = Object.keys(before).filter((n) => n in after);
    assert.ok(common.length > 5);
    for (const n of common) assert.ok(Math.abs(before[n] - after[n]) <= 1, `${n} moved`);
}

async function loadsOlderOnesOnTheWay(page) {
    await show(page, { items: [951, 1000], older: [1, 950], hasOlder: true });
    for (let i = 0; i < 200; i++) {
        await log(page).evaluate((one) => (one.scrollTop -= 300));
        await frames(page, 1);
    }
    const has = await page.evaluate(() => window.frame.thread.items.length);
    assert.ok(has >= 500, `only ${has} are here`);
}

async function keepsWithinItsElements(page) {
    await show(page, { items: [1, 50000] });
    const count = () => log(page).evaluate((one) => one.getRootNode().querySelectorAll('*').length);
    for (const top of [0, 100000, 777777, 1e9]) {
        await scrollTo(page, top);
        assert.ok((await count()) <= 300, `${await count()} elements at ${top}`);
    }
}

/** As a picture does that comes late: `at` of the rows that are there gets so much higher. */
async function grow(page, at, pixels) {
    await log(page).evaluate(
        (one, [index, by]) => {
            const rows = [...one.querySelectorAll('.row')];
            const row = index < 0 ? rows.at(index) : rows[index];
            row.style.paddingBottom = `${by}px`;
        },
        [at, pixels],
    );
    await frames(page, 2);
}

async function staysWhenPicturesCome(page) {
    await show(page, { items: [1, 500] });
    await grow(page, -1, 130);
    assert.ok(await atEnd(page), 'the last one grew');
    await grow(page, 0, 90);
    assert.ok(await atEnd(page), 'one above grew');
    await scrollTo(page, 9000);
    await atRest(page);
    await assertStill(page, () => grow(page, 0, 77), 'one above grew');
    await assertStill(page, () => grow(page, -1, 77), 'one below grew');
    const errors = await page.evaluate(() => window.errors);
    assert.deepEqual(errors, []);
}

async function staysWhileHidden(page) {
    await show(page, { items: [1, 500] });
    await scrollTo(page, 9000);
    await atRest(page);
    const display = (value) => page.evaluate((one) => (window.frame.style.display = one), value);
    const away = async () => {
        await display('none');
        await change(page, ({ thread, messages }) =>
            thread.set({ items: [...thread.items, ...messages(501, 505)] }),
        );
        await display('');
        await frames(page, 3);
    };
    await assertStill(page, away, 'hidden and back');
    const remove = async () => {
        await page.evaluate(() => window.frame.remove());
        await frames(page, 2);
        await page.evaluate(() => document.body.append(window.frame));
        await frames(page, 3);
    };
    await assertStill(page, remove, 'taken out and put back');
    const names = await page.evaluate(() => window.frame.thread.calls.map(([name]) => name));
    assert.deepEqual(
        names.filter((name) => name === 'open' || name === 'close'),
        ['open', 'close', 'open'],
    );
}

async function saysWhatIsNew(page) {
    await show(page, { items: [1, 50] });
    const said = () => page.locator('parley-thread [role=status]').allInnerTexts();
    assert.equal((await said()).join('').trim(), '', 'nothing of what was there');
    await change(page, ({ thread, item, messages }) =>
        thread.set({
            items: [
                ...thread.items,
                ...messages(51, 51),
                item({ seq: 52, content: 'Are you in?' }),
            ],
            isTyping: true,
        }),
    );
    const text = (await said()).join(' ');
    assert.match(text, /^0xfB69…d359: .*Are you in\?/);
    assert.match(text, /typing…/);
    assert.equal(await log(page).getAttribute('aria-live'), 'off');
}

async function acceptsAndBlocks(page) {
    await show(page, { items: [1, 20], accepted: false });
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByText('This wallet is new to you.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Block' }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    assert.deepEqual(await calls(page, 'block'), []);
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Block' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await page.getByText('You have blocked this wallet.').waitFor();
    assert.ok(!(await page.getByRole('textbox', { name: 'Message' }).isVisible()));
    await page.getByRole('button', { name: 'Unblock' }).click();
    await page.getByRole('textbox', { name: 'Message' }).waitFor();
}

async function saysWhatIsNotLoaded(page) {
    await page.route(/confirm/, (route) => route.abort());
    await show(page, { items: [1, 20], accepted: false });
    await page.getByRole('button', { name: 'Block' }).click();
    await page.getByRole('alert').getByText('could not be loaded').waitFor();
    await page.unroute(/confirm/);
}

async function saysWhyItWasNotDone(page) {
    await show(page, { items: [1, 20], accepted: false });
    await page.evaluate(() => {
        window.frame.thread.accept = () => Promise.reject(new Error('There is no connection.'));
    });
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByRole('alert').getByText('There is no connection.').waitFor();
}

async function marksNothingUnseen(page) {
    await show(page, { items: [1, 300] });
    await markedFrom(page, 299);
    await page.evaluate(() => (document.hasFocus = () => false));
    const before = (await calls(page, 'markRead')).length;
    await change(page, ({ thread, item }) =>
        thread.set({ items: [...thread.items, item({ seq: 301 })] }),
    );
    // Marks are 300 ms apart: one that is wrong would be there by then.
    await page.waitForTimeout(400);
    assert.equal((await calls(page, 'markRead')).length, before);
    assert.ok(await log(page).getByText('New messages').isVisible());
    await page.evaluate(() => {
        document.hasFocus = () => true;
        window.dispatchEvent(new Event('focus'));
    });
    await markedFrom(page, 301);
}

/** What is dragged comes in over one element and goes on to the next: enter, then leave. */
async function takesWhatIsDropped(page) {
    await show(page, { items: [1, 50] });
    const drag = (type, selector) =>
        page.evaluate(
            ([name, where]) => {
                const { renderRoot } = window.frame.renderRoot.querySelector('parley-thread');
                const dataTransfer = new DataTransfer();
                dataTransfer.items.add(new File(['x'], 'a.txt', { type: 'text/plain' }));
                const options = { dataTransfer, bubbles: true, composed: true, cancelable: true };
                const event = new DragEvent(name, options);
                return !renderRoot.querySelector(where).dispatchEvent(event);
            },
            [type, selector],
        );
    const hint = page.getByText('Drop files to send them');
    await drag('dragenter', '.row');
    await hint.waitFor();
    await drag('dragenter', '.log');
    await drag('dragleave', '.row');
    await frames(page, 1);
    assert.ok(await hint.isVisible());
    assert.ok(await drag('dragover', '.log'), 'or the browser would open the file');
    await drag('dragleave', '.log');
    await hint.waitFor({ state: 'detached' });
    await drag('dragenter', '.log');
    await page.evaluate(() => {
        const { renderRoot } = window.frame.renderRoot.querySelector('parley-thread');
        window.dropped = [];
        renderRoot.querySelector('parley-composer').addFiles = (files) =>
            window.dropped.push(...[...files].map((file) => file.name));
    });
    await drag('drop', '.log');
    await hint.waitFor({ state: 'detached' });
    assert.deepEqual(await page.evaluate(() => window.dropped), ['a.txt']);
}

export const cases = {
    staysWhenPicturesCome,
    staysWhileHidden,
    saysWhatIsNew,
    acceptsAndBlocks,
    saysWhyItWasNotDone,
    saysWhatIsNotLoaded,
    marksNothingUnseen,
    takesWhatIsDropped,
    opensAtTheEnd,
    sticksToTheEnd,
    staysWhenOlderOnesCome,
    staysWhenThingsChange,
    showsNoGapsWhileScrolling,
    scrollsByTheWheel,
    reachesTheBeginning,
    beginsAtTheLine,
    beginsAtALineThatIsFarUp,
    countsNewOnes,
    keepsThePlaceOfAThread,
    loadsOlderOnesOnTheWay,
    keepsWithinItsElements,
};

/** Of 5 000 messages. @returns {p50, p95, max (ms), elements} */
export async function measure(page, options) {
    await show(page, { items: [1, 5000] });
    const { frames: times, mostElements } = await scrollFrames(page, log(page), options);
    return {
        p50: quantile(times, 0.5),
        p95: quantile(times, 0.95),
        max: quantile(times, 1),
        elements: mostElements,
    };
}
