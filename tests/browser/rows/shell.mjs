/** <parley-chat>, its list and its states, on a chat in memory. */
import { match, same, until } from '../../e2e/lib.mjs';
import * as alone from '../alone.mjs';
import { button, field } from '../browser.mjs';

const WIDE = { width: 1000, height: 700 };
const NARROW = { width: 390, height: 700 };

/** Shows a chat as chatOf() of the page makes it. */
async function show(page, chat = {}, members = {}, size = WIDE) {
    await page.evaluate(([ofChat, more, box]) => {
        window.chat = window.chatOf(ofChat);
        window.show({ chat: window.chat, theme: 'light', ...more }, box);
    }, [chat, members, size]);
}

const lines = (page) => page.getByRole('list').getByRole('listitem').getByRole('button');
const requests = (page) => page.getByRole('button', { name: /^Requests/ });
const heard = (page) => page.evaluate(() => JSON.parse(JSON.stringify(window.heard)));

const hasLines = (page, n) =>
    until(`${n} lines`, async () => (await lines(page).count()) === n);

/** Until what has the focus, through all shadow roots, is called so. */
const focusAt = (page, name) => until(`focus at ${name}`, async () => name.test(
    await page.evaluate(() => {
        let one = document.activeElement;
        while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
        return one?.getAttribute('aria-label') ?? one?.textContent.trim() ?? '';
    })));

async function saysAll(page) {
    await show(page, { chats: 1 });
    const name = /^0xfB69…d359 Online \d+:\d\d.* Hello 0 1 unread$/;
    await page.getByRole('button', { name }).waitFor();
}

async function arrows(page) {
    await show(page, { chats: 8, requests: 2 });
    await requests(page).focus();
    for (const [key, at] of [
        ['ArrowDown', /^0xfB69…d359/], ['End', /Hello 7/], ['ArrowDown', /Hello 7/],
        ['Home', /^Requests/],
    ]) {
        await page.keyboard.press(key);
        await focusAt(page, at);
    }
    same(await page.locator('parley-list .row[tabindex="0"]').count(), 1, 'lines that Tab reaches');
}

/** The line that has the focus is moved up by what comes. */
async function keepsTheFocus(page) {
    await show(page, { chats: 3 });
    await lines(page).nth(2).focus();
    await page.evaluate(() => {
        const [, , last] = window.chat.threads.values();
        last.items = [...last.items, window.item({ content: 'News', at: Date.now() + 1000 })];
        window.chat.set({});
    });
    await until('the line on top', async () => /News/.test(await lines(page).nth(0).innerText()));
    await focusAt(page, /News/);
    await page.keyboard.press('ArrowDown');
    await focusAt(page, /Hello 0/);
}

/** What is written and not sent goes with the account that signs out. */
async function forgetsDrafts(page) {
    await show(page, { chats: 1 });
    await lines(page).nth(0).click();
    await field(page).fill('a secret');
    const isKept = () => page.evaluate(() =>
        JSON.stringify({ ...sessionStorage }).includes('a secret'));
    same(await isKept(), true, 'kept while one is signed in');
    await page.evaluate(() => window.element.renderRoot.querySelector('parley-list')
        .dispatchEvent(new CustomEvent('parley-sign-out')));
    await page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
    same(await isKept(), false, 'kept then');
}

async function besideTheList(page) {
    await show(page, { chats: 3 });
    await page.getByText('Choose a conversation').waitFor();
    await lines(page).nth(1).click();
    await field(page).waitFor();
    await focusAt(page, /^Message$/);
    same(await lines(page).nth(1).getAttribute('aria-current'), 'true', 'aria-current');
    same(await button(page, 'Back').count(), 0, 'buttons that lead back');
}

async function leadsBack(page) {
    await show(page, { chats: 3 }, {}, NARROW);
    await lines(page).nth(2).click();
    await field(page).waitFor();
    same(await lines(page).count(), 0, 'lines beside the thread');
    await button(page, 'Back').click();
    await focusAt(page, /Hello 2/);
}

async function followsItsWidth(page) {
    await show(page, { chats: 3 });
    await lines(page).nth(0).click();
    await field(page).waitFor();
    await page.evaluate(() => (window.element.style.width = '639px'));
    await button(page, 'Back').waitFor();
    await page.evaluate(() => (window.element.style.width = '640px'));
    await button(page, 'Back').waitFor({ state: 'detached' });
    await lines(page).nth(0).waitFor();
}

async function strangers(page) {
    await show(page, { chats: 2, requests: 3 });
    await hasLines(page, 3);
    await requests(page).click();
    await page.getByRole('heading', { name: 'Requests' }).waitFor();
    await hasLines(page, 3);
    await button(page, 'Back').click();
    await focusAt(page, /^Requests/);
}

async function newChat(page) {
    await show(page, { chats: 2 });
    const address = page.getByRole('textbox', { name: 'Wallet address' });
    await button(page, 'New chat').click();
    for (const [text, said] of [
        ['0x12', 'Not a valid address. Paste the whole address: 0x and 40 characters, or solana:…'],
        [await page.evaluate(() => window.ME), 'This is your own address.'],
    ]) {
        await address.fill(text);
        await button(page, 'Open chat').click();
        await page.getByRole('alert').getByText(said).waitFor();
        same(await address.getAttribute('aria-invalid'), 'true', 'aria-invalid');
    }
    await address.fill(await page.evaluate(() => ` ${window.STRANGER} `));
    await address.press('Enter');
    await field(page).waitFor();
    await address.waitFor({ state: 'detached' });
}

async function escapes(page) {
    await show(page, { chats: 2 });
    for (const name of ['New chat', 'Account']) {
        const opener = button(page, name);
        const isOpen = (is) => until(`aria-expanded ${is}`, async () =>
            (await opener.getAttribute('aria-expanded')) === is);
        await opener.click();
        await isOpen('true');
        await page.keyboard.press('Escape');
        await isOpen('false');
        await focusAt(page, new RegExp(`^${name}$`));
        // What opens may take a while to load: until then the focus is where it was.
        await opener.click();
        await isOpen('true');
        await opener.press('Escape');
        await isOpen('false');
        await focusAt(page, new RegExp(`^${name}$`));
    }
}

async function loadsMore(page) {
    await show(page, { chats: 3, hasMore: true });
    await page.evaluate(() => {
        let page = 0;
        window.chat.loadMore = async () => {
            const more = window.chatOf({ chats: 3 + ++page * 3 });
            for (const [peer, thread] of more.threads)
                if (!window.chat.threads.has(peer)) window.chat.threads.set(peer, thread);
            window.chat.set({ hasMore: page < 2 });
        };
        window.chat.set({});
    });
    await hasLines(page, 9);
    same(await button(page, 'Show more').count(), 0, 'buttons for more');
}

async function saysWhyNoMore(page) {
    await show(page, { chats: 3 });
    await page.evaluate(() => {
        window.asked = 0;
        window.chat.loadMore = () => Promise.reject(new Error(`Not now: ${++window.asked}`));
        window.chat.set({ hasMore: true });
    });
    await page.getByRole('alert').getByText('Not now: 1').waitFor();
    await button(page, 'Try again').click();
    await page.getByRole('alert').getByText('Not now: 2').waitFor();
    same(await page.evaluate(() => window.asked), 2, 'times it was asked');
}

async function onePeer(page) {
    await show(page, { chats: 3 }, { to: await page.evaluate(() => window.BOB) });
    await field(page).waitFor();
    same(await page.locator('parley-list').count(), 0, 'lists');
    for (const [to, said] of [
        ['0x123', 'The address of this chat is not a wallet’s.'],
        [await page.evaluate(() => window.ME), 'This is your own address'],
    ]) {
        await page.evaluate((peer) => window.element.setAttribute('to', peer), to);
        await page.getByText(said).waitFor();
    }
    await page.evaluate(() => window.element.removeAttribute('to'));
    await hasLines(page, 3);
}

async function tellsThePage(page) {
    await show(page, { chats: 6 });
    await until('unread', async () => (await heard(page)).length === 1);
    same(await heard(page), [['parley-unread', { count: 2 }]], 'what it heard');
    same(await page.evaluate(() => window.element.unread), 2, 'unread');
    await page.evaluate(() => {
        const error = Object.assign(new Error('Too many connections are open.'),
            { code: 'too_many_sockets' });
        window.chat.set({ status: 'stopped', error });
        window.chat.set({});
    });
    await page.getByRole('status').getByText('Too many connections are open.').waitFor();
    same((await heard(page)).slice(1).map(([name, { error }]) => [name, error.code]),
        [['parley-error', 'too_many_sockets']], 'what it heard then');
    await button(page, 'Try again').click();
    await until('online', () => page.evaluate(() => window.chat.status === 'online'));
}

async function goesOn(page) {
    await show(page, { chats: 2 });
    await lines(page).nth(0).waitFor();
    await page.evaluate(async () => {
        const { element } = window;
        element.remove();
        await Promise.resolve();
        document.body.append(element);
    });
    same(await page.evaluate(() => window.chat.status), 'online', 'status');
    await page.evaluate(() => window.chat.thread(window.BOB).set({ isTyping: true }));
    await page.evaluate(() => window.chat.set({}));
    await page.getByRole('button', { name: /typing…/ }).waitFor();
}

async function copies(page) {
    await show(page, { chats: 1 });
    await button(page, 'Account').click();
    await button(page, 'Copy address').click();
    await page.getByText('Copied').waitFor();
}

async function asks(page) {
    await show(page, { chats: 2 });
    for (const [press, answer] of [['Escape', false], ['Enter', false], ['Tab Enter', true]]) {
        await button(page, 'New chat').focus();
        const asked = page.evaluate(() => window.confirmDialog(window.element, {
            title: 'Block it?', text: 'It is not told.', action: 'Block', cancel: 'Cancel',
        }));
        await page.getByRole('dialog', { name: 'Block it?' }).waitFor();
        for (const key of press.split(' ')) await page.keyboard.press(key);
        same(await asked, answer, `the answer of ${press}`);
        await focusAt(page, /^New chat$/);
    }
}

async function noToken(page) {
    let status = 500;
    await page.route('**/chat-token', (route) => route.fulfill({ status, body: '' }));
    const signIn = () =>
        page.evaluate(() => window.show({ server: location.origin, tokenUrl: '/chat-token' }));
    await signIn();
    await page.getByRole('status').getByText('could not sign you in (500)').waitFor();
    same((await heard(page))[0][0], 'parley-error', 'what the page heard');
    status = 401;
    await signIn();
    await page.getByRole('status').getByText('You are not signed in on this site.').waitFor();
    await button(page, 'Try again').waitFor();
}

async function findsWallets(page) {
    await page.evaluate(() => {
        const info = { uuid: crypto.randomUUID(), name: 'Rabbit', rdns: 'io.rabbit', icon: '' };
        const refuse = async () => {
            throw Object.assign(new Error('User rejected'), { code: 4001 });
        };
        const detail = Object.freeze({ info, provider: { request: refuse } });
        addEventListener('eip6963:requestProvider', () =>
            dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })));
        window.show({ server: location.origin });
    });
    await page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
    await button(page, 'Sign in with Rabbit').click();
    await page.getByRole('alert').filter({ hasText: /./ }).waitFor();
    same(await button(page, 'Sign in with Rabbit').isEnabled(), true, 'it can be tried again');
}

export const rows = [
    ['a row says who, when, what, and how much is unread', saysAll],
    ['arrow keys, Home and End move between rows, of which Tab reaches one', arrows],
    ['a row that moves up keeps the focus', keepsTheFocus],
    ['what is written and not sent is forgotten with the account that signs out', forgetsDrafts, { cut: true }],
    ['where it is wide, a chosen thread stands beside the list, ready to write', besideTheList],
    ['where it is narrow, Back leads to the row that one came from', leadsBack],
    ['it follows its own width, not the window’s', followsItsWidth],
    ['strangers wait behind a row of their own', strangers],
    ['a new chat refuses what is no address, or one’s own, and opens another', newChat],
    ['Escape closes what is open, and gives the focus back', escapes],
    ['the end of the list loads more, while there is more', loadsMore],
    ['more that does not come is said once, and can be asked for again', saysWhyNoMore],
    ['with a peer there is no list, and a wrong one is said', onePeer],
    ['the page hears how much is unread, and why it stopped', tellsThePage],
    ['taken out and put back it goes on, and a chat of the page’s stays connected', goesOn],
    ['an address is copied, and it is said', copies],
    ['a question takes Escape for a no, and gives the focus back', asks],
    ['a token that the page’s backend does not give is said', noToken, { cut: true }],
    ['where nobody is signed in, it shows how, with whom it found', findsWallets, { cut: true }],
].map(([name, look, quiet]) => ({
    name: `shell: ${name}`,
    run: async (t) => {
        const page = await alone.open(t, 'shell', { how: { viewport: { width: 1100, height: 760 } } });
        await look(page);
        t.isQuiet(quiet);
    },
}));
