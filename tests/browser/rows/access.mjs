/** With a keyboard alone, with a screen reader, in each state that people meet. */
import { Failure, same } from '../../e2e/lib.mjs';
import { button, field, hasStates, inLog, log, pair, say, violations } from '../browser.mjs';
import { states } from '../states.mjs';

async function isAccessible(t, make) {
    const page = await make(t);
    const found = await violations(page);
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
        if ((await focused(page)).includes(name)) return;
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
    await tabTo(page, 'pick it up');
    await page.keyboard.press('Enter');
    await field(page).waitFor();
    await tabTo(page, 'Back', 'Shift+Tab');
    await page.keyboard.press('Enter');
    await button(page, 'New chat').waitFor();
    if (!(await focused(page)).includes('pick it up'))
        throw new Failure(`the focus is at "${await focused(page)}", not the row it came from`);
    t.isQuiet();
}

async function announces(t) {
    const { alice, bob } = await pair(t);
    await say(bob, 'heard as well');
    await inLog(alice, 'heard as well').waitFor();
    const live = alice.locator('[aria-live=polite]', { hasText: 'heard as well' });
    await live.first().waitFor({ state: 'attached' });
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

export const rows = [
    ...Object.entries(states).map(([name, make]) =>
        [`axe finds nothing: ${name}`, (t) => isAccessible(t, make)]),
    ['a keyboard is enough for a thread', keyboardOnly],
    ['a keyboard is enough for the list', keyboardList],
    ['what comes is announced', announces],
    ['accessible names are as promised', namesAreStable],
    ['a page 320 pixels wide is enough', zooms],
].map(([name, run, more]) => ({ name: `access: ${name}`, run, limit: 40000, ...more }));
