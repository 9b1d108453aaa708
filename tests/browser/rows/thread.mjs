/** A thread on a chat in memory: what one looks at stays, what is read, how it scrolls. */
import { Failure, between, match, same, sleep } from '../../e2e/lib.mjs';
import * as alone from '../alone.mjs';
import { field, log, sendButton } from '../browser.mjs';
import { isSmooth } from '../frames.mjs';

/** Pixels by which what one looks at may be off: what is painted is rounded to whole ones. */
const STILL = 0.5;
const VIEWPORT = { width: 900, height: 800 };
const ELEMENTS = 300;
const MARK_MS = 300; // from one mark to the next

/** Shows a thread of `members`, of which `items` is [from, to] and `older` likewise, by seq. */
async function show(page, { items, older, ...members } = {}) {
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

/** Changes the thread that is shown. `change` gets {thread, messages, item}, in the page. */
async function change(page, change) {
    await page.evaluate(`(${change})({ thread: frame.thread, messages, item })`);
    await frames(page, 2);
}

/** So many frames of the page go by. */
const frames = (page, n) =>
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
const tops = (page) =>
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
    between(seen.length, 1, Infinity, `rows that are seen, ${what}`);
    for (const n of seen.slice(0, 5)) {
        if (Math.abs(before[n] - after[n]) <= STILL) continue;
        throw new Failure(`${what}: ${n} went from ${before[n]} to ${after[n]}`);
    }
}

/** No part of the view is without a row, unless it is before the first one. */
const gaps = (page) =>
    log(page).evaluate((scroller) => {
        const box = scroller.getBoundingClientRect();
        const column = scroller.querySelector('.column').getBoundingClientRect();
        return Math.max(0, column.top - box.top) + Math.max(0, box.bottom - 14 - column.bottom);
    });

const calls = (page, name) =>
    page.evaluate((wanted) => window.frame.thread.calls.filter(([one]) => one === wanted), name);

async function opensAtTheEnd(page) {
    await show(page, { items: [1, 5000] });
    same(await atEnd(page), true, 'it is at the end');
    same(await gaps(page), 0, 'pixels without a row');
    same(5000 in (await tops(page)), true, 'the last one is there');
}

async function sticksToTheEnd(page) {
    await show(page, { items: [1, 500] });
    await change(page, ({ thread, messages }) => {
        thread.set({ items: [...thread.items, ...messages(501, 503)] });
    });
    same(await atEnd(page), true, 'at the end, a new message');
    await change(page, ({ thread }) => thread.set({ isTyping: true }));
    same(await atEnd(page), true, 'at the end, typing');
    await page.setViewportSize({ width: 700, height: 400 });
    await frames(page, 2);
    same(await atEnd(page), true, 'at the end, a lower window');
    await page.setViewportSize({ width: 900, height: 800 });
    await frames(page, 2);
    same(await atEnd(page), true, 'at the end, a larger window');
    same(await gaps(page), 0, 'pixels without a row');
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
        const after = await page.evaluate(() => window.frame.thread.items.length);
        between(after, before + 1, Infinity, 'items');
    }
}

async function staysWhenThingsChange(page) {
    await show(page, { items: [1, 500] });
    await scrollTo(page, 9000);
    await atRest(page);
    same(Object.keys(await tops(page)).every((n) => n > 90), true, 'far from those that change');
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
            same(await gaps(page), 0, `pixels without a row, step ${step}`);
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
        same(Math.min(...moves) >= -STILL, true, 'a wheel upwards moves nothing up');
        same(Math.max(...moves) - Math.min(...moves) <= STILL, true, 'all rows move alike');
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
        same(await gaps(page), 0, 'pixels without a row');
    }
    await atRest(page);
    same(await log(page).evaluate((one) => one.scrollTop), 0, 'scrollTop');
    const { 1: first } = await tops(page);
    between(first, 1, 199, 'pixels above the first message');
    await page.keyboard.press('End');
    await frames(page, 2);
    same(await atEnd(page), true, 'it is at the end');
}

async function beginsAtTheLine(page) {
    await show(page, { items: [1, 500], unread: 30 });
    const line = await log(page).getByText('New messages').boundingBox();
    const box = await log(page).boundingBox();
    const at = (line.y - box.y) / box.height;
    between(100 * at, 28, 40, 'percent of the log above the line');
    await markedFrom(page, 1);
    same((await calls(page, 'markRead')).every(([, seq]) => seq < 490), true, 'read so far only');
    await change(page, ({ thread }) => thread.sendText('an answer'));
    await page.evaluate(() => {
        const thread = window.frame.renderRoot.querySelector('parley-thread');
        thread.renderRoot
            .querySelector('parley-composer')
            .dispatchEvent(new CustomEvent('parley-sent'));
    });
    await frames(page, 2);
    same(await atEnd(page), true, 'it is at the end');
    await markedFrom(page, 491);
    same(await page.getByText('New messages', { exact: true }).isVisible(), false, 'the line');
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
    same(await calls(page, 'loadOlder'), [], 'what is loaded while it is hidden');
    await page.evaluate(() => (window.frame.style.display = ''));
    const line = log(page).getByText('New messages');
    await line.waitFor();
    await frames(page, 2);
    const box = await log(page).boundingBox();
    const at = ((await line.boundingBox()).y - box.y) / box.height;
    between(100 * at, 28, 40, 'percent of the log above the line');
    same((await calls(page, 'markRead')).every(([, seq]) => seq < 400), true, 'read so far only');
}

async function countsNewOnes(page) {
    await show(page, { items: [1, 300] });
    await scrollTo(page, 3000);
    await change(page, ({ thread, item, messages }) => {
        const more = messages(301, 306).map((one) => ({ ...one, own: one.seq > 304 }));
        thread.set({ items: [...thread.items, ...more] });
    });
    const newest = page.getByRole('button', { name: 'Newest messages' });
    same(await newest.getAttribute('data-count'), '4', 'how many are new');
    await newest.click();
    await frames(page, 2);
    same(await atEnd(page), true, 'it is at the end');
    same(await newest.isVisible(), false, 'the button');
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
    between(common.length, 6, Infinity, 'rows that are there again');
    for (const n of common) between(Math.abs(before[n] - after[n]), 0, 1, `pixels that ${n} moved`);
}

async function loadsOlderOnesOnTheWay(page) {
    await show(page, { items: [951, 1000], older: [1, 950], hasOlder: true });
    for (let i = 0; i < 200; i++) {
        await log(page).evaluate((one) => (one.scrollTop -= 300));
        await frames(page, 1);
    }
    const has = await page.evaluate(() => window.frame.thread.items.length);
    between(has, 500, 1000, 'items');
}

async function keepsWithinItsElements(page) {
    await show(page, { items: [1, 50000] });
    const count = () => log(page).evaluate((one) => one.getRootNode().querySelectorAll('*').length);
    for (const top of [0, 100000, 777777, 1e9]) {
        await scrollTo(page, top);
        between(await count(), 1, ELEMENTS, `elements at ${top}`);
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
    same(await atEnd(page), true, 'at the end, the last one grew');
    await grow(page, 0, 90);
    same(await atEnd(page), true, 'at the end, one above grew');
    await scrollTo(page, 9000);
    await atRest(page);
    await assertStill(page, () => grow(page, 0, 77), 'one above grew');
    await assertStill(page, () => grow(page, -1, 77), 'one below grew');
    same(await page.evaluate(() => window.errors), [], 'errors');
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
    // With new ones before the page is laid out, so that nothing has told the list of it.
    const goesAtOnce = async () => {
        await displayAndAdd(page, 'none', [506, 510]);
        await frames(page, 2);
        await display('');
        await frames(page, 3);
    };
    await assertStill(page, goesAtOnce, 'hidden with new ones, and back');
    const comesAtOnce = async () => {
        await display('none');
        await frames(page, 2);
        await displayAndAdd(page, '', [511, 515]);
        await frames(page, 3);
    };
    await assertStill(page, comesAtOnce, 'hidden, and back with new ones');
    const remove = async () => {
        await page.evaluate(() => window.frame.remove());
        await frames(page, 2);
        await page.evaluate(() => document.body.append(window.frame));
        await frames(page, 3);
    };
    await assertStill(page, remove, 'taken out and put back');
    const names = await page.evaluate(() => window.frame.thread.calls.map(([name]) => name));
    same(names.filter((name) => name === 'open' || name === 'close'), ['open', 'close', 'open'],
        'calls');
}

/** Shows or hides it, and has messages come before there is a frame. */
const displayAndAdd = (page, display, range) =>
    page.evaluate(
        async ([value, seqs]) => {
            const { frame, messages } = window;
            frame.style.display = value;
            frame.thread.set({ items: [...frame.thread.items, ...messages(...seqs)] });
            await frame.renderRoot.querySelector('parley-thread').updateComplete;
        },
        [display, range],
    );

async function saysWhatIsNew(page) {
    await show(page, { items: [1, 50] });
    const said = () => page.locator('parley-thread [role=status]').allInnerTexts();
    same((await said()).join('').trim(), '', 'what is said of what was there');
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
    match(text, /^0xfB69…d359: .*Are you in\?/);
    match(text, /typing…/);
    same(await log(page).getAttribute('aria-live'), 'off', 'aria-live of the log');
}

async function acceptsAndBlocks(page) {
    await show(page, { items: [1, 20], accepted: false });
    await page.getByRole('button', { name: 'Accept' }).click();
    await page.getByText(/wants to chat\.$/).waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Block' }).press('Enter');
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    same(await calls(page, 'block'), [], 'calls after a no');
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Block' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
    await page.getByText('You have blocked this wallet.').waitFor();
    same(await field(page).isVisible(), false, 'the field');
    await page.getByRole('button', { name: 'Unblock' }).click();
    await field(page).waitFor();
}

/** Who is written to just then by whom he writes to, for the first time. */
async function leavesWhoWrites(page) {
    await show(page, { accepted: false });
    await field(page).pressSequentially('hello, ');
    await change(page, ({ thread, item }) => thread.set({ items: [item({ seq: 1, own: false })] }));
    await page.getByText(/wants to chat\.$/).waitFor();
    await field(page).page().keyboard.type('are you there?');
    same(await field(page).inputValue(), 'hello, are you there?', 'what is written');
    await sendButton(page).click();
    same((await calls(page, 'sendText')).length, 1, 'messages that are sent');
    // Nobody writes there any more: it is a request as any other.
    await page.getByRole('button', { name: 'Accept' }).focus();
    await change(page, ({ thread, item }) => thread.set({ items: [item({ seq: 1, own: false }), item({ seq: 2, own: false })] }));
    same(await field(page).count(), 0, 'fields to write in');
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
    await sleep(MARK_MS + 100); // a mark that is wrong would be there by then
    same((await calls(page, 'markRead')).length, before, 'marks');
    same(await log(page).getByText('New messages').isVisible(), true, 'the line');
    await page.evaluate(() => {
        document.hasFocus = () => true;
        window.dispatchEvent(new Event('focus'));
    });
    await markedFrom(page, 301);
}

/** At the end all is read, whoever wrote what is there: else it could stay unread for good. */
async function marksWhatIsAboveOwn(page) {
    const addOwn = (state) =>
        change(page, `({ thread, item }) => thread.set({ items: [
            ...Array.from({ length: 60 }, (_, i) => item({ seq: i + 1 })),
            ...Array.from({ length: 40 }, (_, i) => item({ own: true, state: '${state}',
                key: 'own' + i, seq: '${state}' === 'sent' ? 61 + i : undefined })),
        ] })`);
    for (const state of ['sent', 'queued']) {
        await show(page, { items: [1, 1] });
        await addOwn(state);
        await log(page).press('End');
        await markedFrom(page, 60);
        await sleep(MARK_MS + 100); // a mark that is wrong would be there by then
        same((await calls(page, 'markRead')).map(([, seq]) => seq).filter((seq) => seq > 1), [60],
            `marks, ${state}`);
    }
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
    same(await hint.isVisible(), true, 'the hint');
    same(await drag('dragover', '.log'), true, 'taken, or the browser would open the file');
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
    same(await page.evaluate(() => window.dropped), ['a.txt'], 'what was dropped');
}

async function isSmoothAndSmall(page) {
    await show(page, { items: [1, 5000] });
    await isSmooth(page, log(page), 'a thread in memory');
}

export const rows = [
    ['opens at its end', opensAtTheEnd],
    ['stays at its end while things come, and the window changes', sticksToTheEnd],
    ['what one looks at stays while older ones come', staysWhenOlderOnesCome],
    ['what one looks at stays while others come and change', staysWhenThingsChange],
    ['there is no gap while it is scrolled', showsNoGapsWhileScrolling],
    ['the wheel moves all rows alike', scrollsByTheWheel],
    ['the beginning is reached, and End leads back', reachesTheBeginning],
    ['begins at the line above what is new', beginsAtTheLine],
    ['begins at a line that is far up', beginsAtALineThatIsFarUp],
    ['new ones are counted while one looks elsewhere', countsNewOnes],
    ['has its place again when one comes back', keepsThePlaceOfAThread],
    ['older ones are loaded on the way', loadsOlderOnesOnTheWay],
    ['keeps within its elements, of however many messages', keepsWithinItsElements],
    ['what one looks at stays while pictures come', staysWhenPicturesCome],
    ['has its place again when it was hidden, or taken out', staysWhileHidden],
    ['what comes is said', saysWhatIsNew],
    ['is accepted, and blocked', acceptsAndBlocks],
    ['takes nothing from the hands of who writes', leavesWhoWrites],
    ['says why it was not done', saysWhyItWasNotDone],
    ['marks nothing that nobody has seen', marksNothingUnseen],
    ['marks what is above one\'s own at the end', marksWhatIsAboveOwn],
    ['takes what is dropped', takesWhatIsDropped],
    ['5 000 messages scroll smoothly', isSmoothAndSmall, { alone: true, limit: 120000 }],
].map(([name, look, more]) => ({
    name: `thread: ${name}`,
    run: async (t) => {
        const page = await alone.open(t, 'thread', { how: { viewport: VIEWPORT } });
        await look(page);
        t.isQuiet();
    },
    ...more,
}));
