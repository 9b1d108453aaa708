/** A thread of 5 000 messages. */
import { between, same, until } from '../../e2e/lib.mjs';
import { wallet } from '../../e2e/chat/wallet.mjs';
import { button, field, log, say } from '../browser.mjs';
import { injected } from '../injected.mjs';
import { quantile, scrollFrames } from '../frames.mjs';
import { Api, Seeds } from '../seeds.mjs';

const MESSAGES = 5000;
const FRAME_MS = 20;
const ELEMENTS = 300;
const SECONDS = 10;

const WORDS = ('the chair is here and it was not what one would call light but we had it up the stairs ' +
    'by noon which is more than I had hoped for').split(' ');

/** Of every length. */
const line = (i) => `${i}. ${WORDS.slice(0, 1 + ((i * 7) % WORDS.length)).join(' ')}` +
    (i % 50 === 0 ? ` ${WORDS.join(' ').repeat(4)}` : '');

async function longThread(t) {
    const server = await t.serve();
    const person = await t.person();
    const me = await injected(person);
    const [alice, bob] = [new Api(t, server, me), new Api(t, server, wallet())];
    await alice.accept(bob.account);
    await bob.accept(alice.account);
    for (let i = 1; i <= MESSAGES; i++) {
        const [from, to] = i % 3 ? [bob, alice] : [alice, bob];
        await from.write(to.account, line(i));
        if (i % 500 === 0) await alice.read(bob.account, i);
    }
    await alice.read(bob.account, MESSAGES);
    const page = await t.open(`${server.url}/#wallet`, person);
    await button(page, 'Sign in with Test Wallet').click();
    await page.getByRole('button', { name: new RegExp(`${MESSAGES}\\.`) }).first().click();
    await log(page).getByText(`${MESSAGES}. `).first().waitFor();
    return { page, alice, bob };
}

async function judge(page, what, step) {
    const { frames, mostElements } =
        await scrollFrames(page, log(page), { ms: SECONDS * 1000, step });
    const p95 = quantile(frames, 0.95);
    console.log(`  ${what}: ${frames.length} frames, median ${quantile(frames, 0.5).toFixed(1)} ms, ` +
        `p95 ${p95.toFixed(1)} ms, at most ${mostElements} elements`);
    between(p95, 0, FRAME_MS, `p95 frame, ${what}`);
    between(mostElements, 1, ELEMENTS, `elements, ${what}`);
}

/** Up while older ones are loaded, then through all of it. */
async function scrolls(t) {
    const { page } = await longThread(t);
    await judge(page, 'loading while it scrolls', -60);
    await until('the beginning', async () => {
        await log(page).evaluate((it) => (it.scrollTop = 0));
        return page.getByText('beginning of your conversation').isVisible();
    }, 120000);
    await log(page).getByText('1. ', { exact: false }).first().waitFor();
    await judge(page, 'down from the beginning', 120);
    await judge(page, 'and up again', -40);
    t.isQuiet();
}

/** What one looks at stays where it is while older ones come, and new ones. */
async function stays(t) {
    const { page, bob, alice } = await longThread(t);
    await log(page).evaluate((it) => (it.scrollTop -= 3000));
    const at = () => log(page).evaluate((it) => {
        const middle = it.getBoundingClientRect().top + it.clientHeight / 2;
        const rows = [...it.querySelectorAll('[data-key]')];
        const row = rows.find((one) => one.getBoundingClientRect().bottom > middle);
        return [row.dataset.key, Math.round(row.getBoundingClientRect().top)];
    });
    await page.waitForTimeout(500); // as one who reads
    const before = await at();
    await bob.write(alice.account, 'a new one at the end');
    await button(page, /Newest messages/).waitFor();
    same(await at(), before, 'the row in the middle, after a new message');
    await page.setViewportSize({ width: 1100, height: 700 });
    await button(page, /Newest messages/).click();
    await log(page).getByText('a new one at the end').waitFor();
    await field(page).waitFor();
    await say(page, 'seen');
    t.isQuiet();
}

export const rows = [
    ['5 000 messages scroll smoothly', scrolls, { alone: true, limit: 300000 }],
    ['what one looks at stays where it is', stays, { limit: 120000 }],
].map(([name, run, more]) => ({ name: `long: ${name}`, run, ...more }));
