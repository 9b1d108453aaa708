/** A thread of LONG_MESSAGES, which is scrolled for LONG_SECONDS at a time. */
import { same, until } from '../../e2e/lib.mjs';
import { wallet } from '../../e2e/chat/wallet.mjs';
import { button, field, log, say } from '../browser.mjs';
import { injected } from '../injected.mjs';
import { isSmooth } from '../frames.mjs';
import { Api, converse } from '../seeds.mjs';

const MESSAGES = Number(process.env.LONG_MESSAGES ?? 2000);

const WORDS = ('the chair is here and it was not what one would call light but we had it up the stairs ' +
    'by noon which is more than I had hoped for').split(' ');

/** Of every length. */
const line = (i) => `${i}. ${WORDS.slice(0, 1 + ((i * 7) % WORDS.length)).join(' ')}` +
    (i % 50 === 0 ? ` ${WORDS.join(' ').repeat(4)}` : '');

/** @param n  messages: two of Bob's, then one of Alice's */
async function longThread(t, n) {
    const server = await t.serve();
    const person = await t.person();
    const me = await injected(person);
    const [alice, bob] = [new Api(t, server, me), new Api(t, server, wallet())];
    await alice.accept(bob.account);
    await bob.accept(alice.account);
    const lines = Array.from({ length: n }, (_, i) => [(i + 1) % 3 ? bob : alice, line(i + 1)]);
    await converse(t, [alice, bob], lines);
    await alice.read(bob.account, n);
    const page = await t.open(`${server.url}/#wallet`, person);
    await button(page, 'Sign in with Test Wallet').click();
    await page.getByRole('button', { name: new RegExp(`${n}\\.`) }).first().click();
    await log(page).getByText(`${n}. `).first().waitFor();
    return { page, alice, bob };
}

/** Up while older ones are loaded, then through all of it. */
async function scrolls(t) {
    const { page } = await longThread(t, MESSAGES);
    await isSmooth(page, log(page), 'loading while it scrolls', -60);
    await until('the beginning', async () => {
        await log(page).evaluate((it) => (it.scrollTop = 0));
        return page.getByText('beginning of your conversation').isVisible();
    }, 120000);
    await log(page).getByText('1. ', { exact: false }).first().waitFor();
    await isSmooth(page, log(page), 'down from the beginning', 120);
    await isSmooth(page, log(page), 'and up again', -40);
    t.isQuiet();
}

/** Until ten looks in a row have seen the same thing. */
async function atRest(look) {
    const seen = [];
    await until('at rest', async () => {
        seen.push(JSON.stringify(await look()));
        return seen.at(-1) && seen.length > 10 && new Set(seen.slice(-10)).size === 1;
    });
}

/** What one looks at stays where it is while older ones come, and new ones. */
async function stays(t) {
    const { page, bob, alice } = await longThread(t, 500);
    await log(page).evaluate((it) => (it.scrollTop -= 3000));
    const at = () => log(page).evaluate((it) => {
        const middle = it.getBoundingClientRect().top + it.clientHeight / 2;
        const rows = [...it.querySelectorAll('.row')];
        const row = rows.find((one) => one.getBoundingClientRect().bottom > middle);
        return row && [row.textContent.trim(), Math.round(row.getBoundingClientRect().top)];
    });
    await atRest(at);
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
    [`${MESSAGES} messages scroll smoothly`, scrolls, { alone: true, limit: 300000 }],
    ['what one looks at stays where it is', stays, { limit: 120000 }],
].map(([name, run, more]) => ({ name: `long: ${name}`, run, ...more }));
