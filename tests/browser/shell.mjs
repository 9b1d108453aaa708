/**
 * <parley-chat>, its list and its states in a real browser: rows of parts.mjs. Each is given the page
 * web/test/shell-page.html, and throws where it is not so.
 */
import assert from 'node:assert/strict';

const WIDE = { width: 1000, height: 700 };
const NARROW = { width: 390, height: 700 };

/** Shows a chat as chatOf() of the page makes it. */
export async function show(page, chat = {}, members = {}, size = WIDE) {
    await page.evaluate(
        ([ofChat, more, box]) => {
            window.chat = window.chatOf(ofChat);
            window.show({ chat: window.chat, theme: 'light', ...more }, box);
        },
        [chat, members, size],
    );
}

const rows = (page) => page.getByRole('list').getByRole('listitem').getByRole('button');
const composer = (page) => page.getByRole('textbox', { name: 'Message', exact: true });
const requests = (page) => page.getByRole('button', { name: /^Requests/ });
const heard = (page) => page.evaluate(() => JSON.parse(JSON.stringify(window.heard)));

/** The name of what has the focus, through all shadow roots. */
const focused = (page) =>
    page.evaluate(() => {
        let one = document.activeElement;
        while (one?.shadowRoot?.activeElement) one = one.shadowRoot.activeElement;
        return one?.getAttribute('aria-label') ?? one?.textContent.trim() ?? '';
    });

const until = async (isSo, what) => {
    const end = Date.now() + 5000;
    while (!(await isSo())) assert.ok(Date.now() < end, what);
};

export const shellTests = {
    'a row says who, when, what, and how much is unread': async (page) => {
        await show(page, { chats: 1 });
        const name = /^0xfB69…d359 Online \d+:\d\d.* Hello 0 1 unread$/;
        await page.getByRole('button', { name }).waitFor();
    },
    'arrow keys, Home and End move between rows, of which Tab reaches one': async (page) => {
        await show(page, { chats: 8, requests: 2 });
        await requests(page).focus();
        await page.keyboard.press('ArrowDown');
        assert.match(await focused(page), /^0xfB69…d359/);
        await page.keyboard.press('End');
        assert.match(await focused(page), /Hello 7/);
        await page.keyboard.press('ArrowDown');
        assert.match(await focused(page), /Hello 7/);
        await page.keyboard.press('Home');
        assert.match(await focused(page), /^Requests/);
        assert.equal(await page.locator('parley-list .row[tabindex="0"]').count(), 1);
    },
    'a row that moves up keeps the focus': async (page) => {
        await show(page, { chats: 3 });
        await rows(page).nth(2).focus();
        await page.evaluate(() => {
            const [, , last] = window.chat.threads.values();
            last.items = [...last.items, window.item({ content: 'News', at: Date.now() + 1000 })];
            window.chat.set({});
        });
        await until(async () => /News/.test(await rows(page).nth(0).innerText()), 'the row on top');
        assert.match(await focused(page), /News/);
        await page.keyboard.press('ArrowDown');
        assert.match(await focused(page), /Hello 0/);
    },
    'where it is wide, a chosen thread stands beside the list, ready to write': async (page) => {
        await show(page, { chats: 3 });
        await page.getByText('Choose a conversation').waitFor();
        await rows(page).nth(1).click();
        await composer(page).waitFor();
        await until(() => composer(page).evaluate((one) => one.matches(':focus')), 'focus');
        assert.equal(await rows(page).nth(1).getAttribute('aria-current'), 'true');
        assert.equal(await page.getByRole('button', { name: 'Back' }).count(), 0);
    },
    'where it is narrow, Back leads to the row that one came from': async (page) => {
        await show(page, { chats: 3 }, {}, NARROW);
        await rows(page).nth(2).click();
        await composer(page).waitFor();
        assert.equal(await rows(page).count(), 0);
        await page.getByRole('button', { name: 'Back' }).click();
        await until(async () => /Hello 2/.test(await focused(page)), 'focus on the row');
    },
    'it follows its own width, not the window’s': async (page) => {
        await show(page, { chats: 3 });
        await rows(page).nth(0).click();
        await composer(page).waitFor();
        await page.evaluate(() => (window.element.style.width = '639px'));
        await page.getByRole('button', { name: 'Back' }).waitFor();
        await page.evaluate(() => (window.element.style.width = '640px'));
        await page.getByRole('button', { name: 'Back' }).waitFor({ state: 'detached' });
        await rows(page).nth(0).waitFor();
    },
    'strangers wait behind a row of their own': async (page) => {
        await show(page, { chats: 2, requests: 3 });
        await requests(page).waitFor();
        assert.equal(await rows(page).count(), 3);
        await requests(page).click();
        await page.getByRole('heading', { name: 'Requests' }).waitFor();
        assert.equal(await rows(page).count(), 3);
        await page.getByRole('button', { name: 'Back' }).click();
        await until(async () => /^Requests/.test(await focused(page)), 'focus on the requests');
    },
    'a new chat refuses what is no address, or one’s own, and opens another': async (page) => {
        await show(page, { chats: 2 });
        const field = page.getByRole('textbox', { name: 'Wallet address' });
        await page.getByRole('button', { name: 'New chat' }).click();
        for (const [text, said] of [
            ['0x12', 'This is not a wallet’s address.'],
            [await page.evaluate(() => window.ME), 'This is your own address.'],
        ]) {
            await field.fill(text);
            await page.getByRole('button', { name: 'Open chat' }).click();
            await page.getByRole('alert').getByText(said).waitFor();
            assert.equal(await field.getAttribute('aria-invalid'), 'true');
        }
        await field.fill(await page.evaluate(() => ` ${window.STRANGER} `));
        await field.press('Enter');
        await composer(page).waitFor();
        await field.waitFor({ state: 'detached' });
    },
    'Escape closes what is open, and gives the focus back': async (page) => {
        await show(page, { chats: 2 });
        for (const name of ['New chat', 'Account']) {
            const button = page.getByRole('button', { name, exact: true });
            await button.click();
            assert.equal(await button.getAttribute('aria-expanded'), 'true');
            await page.keyboard.press('Escape');
            assert.equal(await button.getAttribute('aria-expanded'), 'false');
            assert.equal(await focused(page), name);
        }
    },
    'the end of the list loads more, while there is more': async (page) => {
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
        await until(async () => (await rows(page).count()) === 9, 'nine rows');
        assert.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0);
    },
    'more that does not come is said once, and can be asked for again': async (page) => {
        await show(page, { chats: 3 });
        await page.evaluate(() => {
            window.asked = 0;
            window.chat.loadMore = () => Promise.reject(new Error(`Not now: ${++window.asked}`));
            window.chat.set({ hasMore: true });
        });
        await page.getByRole('alert').getByText('Not now: 1').waitFor();
        await page.getByRole('button', { name: 'Try again' }).click();
        await page.getByRole('alert').getByText('Not now: 2').waitFor();
        assert.equal(await page.evaluate(() => window.asked), 2);
    },
    'with a peer there is no list, and a wrong one is said': async (page) => {
        await show(page, { chats: 3 }, { to: await page.evaluate(() => window.BOB) });
        await composer(page).waitFor();
        assert.equal(await page.locator('parley-list').count(), 0);
        for (const [to, said] of [
            ['0x123', 'The address of this chat is not a wallet’s.'],
            [await page.evaluate(() => window.ME), 'This is your own address'],
        ]) {
            await page.evaluate((peer) => window.element.setAttribute('to', peer), to);
            await page.getByText(said).waitFor();
        }
        await page.evaluate(() => window.element.removeAttribute('to'));
        await until(async () => (await rows(page).count()) === 3, 'the list');
    },
    'the page hears how much is unread, and why it stopped': async (page) => {
        await show(page, { chats: 6 });
        await until(async () => (await heard(page)).length === 1, 'unread');
        assert.deepEqual(await heard(page), [['parley-unread', { count: 2 }]]);
        assert.equal(await page.evaluate(() => window.element.unread), 2);
        await page.evaluate(() => {
            const error = { code: 'too_many_sockets', message: 'Too many connections are open.' };
            window.chat.set({ status: 'stopped', error });
            window.chat.set({});
        });
        await page.getByRole('status').getByText('Too many connections are open.').waitFor();
        assert.deepEqual(
            (await heard(page)).slice(1).map(([name, { error }]) => [name, error.code]),
            [['parley-error', 'too_many_sockets']],
        );
        await page.getByRole('button', { name: 'Try again' }).click();
        await until(() => page.evaluate(() => window.chat.status === 'online'), 'online');
    },
    'taken out and put back it goes on, and a chat of the page’s stays connected': async (page) => {
        await show(page, { chats: 2 });
        await rows(page).nth(0).waitFor();
        await page.evaluate(async () => {
            const { element } = window;
            element.remove();
            await Promise.resolve();
            document.body.append(element);
        });
        assert.equal(await page.evaluate(() => window.chat.status), 'online');
        await page.evaluate(() => window.chat.thread(window.BOB).set({ isTyping: true }));
        await page.evaluate(() => window.chat.set({}));
        await page.getByRole('button', { name: /typing…/ }).waitFor();
    },
    'what is written and not sent is forgotten with the account that signs out': async (page) => {
        await show(page, { chats: 1 });
        await rows(page).nth(0).click();
        await composer(page).fill('a secret');
        const kept = () => page.evaluate(() => JSON.stringify({ ...sessionStorage }));
        assert.match(await kept(), /a secret/);
        await page.evaluate(() =>
            window.element.renderRoot
                .querySelector('parley-list')
                .dispatchEvent(new CustomEvent('parley-sign-out')),
        );
        await page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
        assert.doesNotMatch(await kept(), /a secret/);
    },
    'an address is copied, and it is said': async (page) => {
        await show(page, { chats: 1 });
        await page.getByRole('button', { name: 'Account' }).click();
        await page.getByRole('button', { name: 'Copy address' }).click();
        await page.getByText('Copied').waitFor();
    },
    'a question takes Escape for a no, and gives the focus back': async (page) => {
        await show(page, { chats: 2 });
        for (const [press, answer] of [
            ['Escape', false],
            ['Enter', false],
            ['Tab Enter', true],
        ]) {
            await page.getByRole('button', { name: 'New chat' }).focus();
            const asked = page.evaluate(() =>
                window.confirmDialog(window.element, {
                    title: 'Block it?',
                    text: 'It is not told.',
                    action: 'Block',
                    cancel: 'Cancel',
                }),
            );
            await page.getByRole('dialog', { name: 'Block it?' }).waitFor();
            for (const key of press.split(' ')) await page.keyboard.press(key);
            assert.equal(await asked, answer);
            assert.equal(await focused(page), 'New chat');
        }
    },
    'a token that the page’s backend does not give is said': async (page) => {
        let status = 500;
        await page.route('**/chat-token', (route) => route.fulfill({ status, body: '' }));
        const signIn = () =>
            page.evaluate(() => window.show({ server: location.origin, tokenUrl: '/chat-token' }));
        await signIn();
        await page.getByRole('status').getByText('could not sign you in (500)').waitFor();
        assert.equal((await heard(page))[0][0], 'parley-error');

        status = 401;
        await signIn();
        await page.getByRole('status').getByText('You are not signed in on this site.').waitFor();
        await page.getByRole('button', { name: 'Try again' }).waitFor();
        await page.unroute('**/chat-token');
    },
    'where nobody is signed in, it shows how, with whom it found': async (page) => {
        await page.evaluate(() => {
            const info = { uuid: crypto.randomUUID(), name: 'Rabbit', rdns: 'io.rabbit', icon: '' };
            const refuse = async () => {
                throw Object.assign(new Error('User rejected'), { code: 4001 });
            };
            const detail = Object.freeze({ info, provider: { request: refuse } });
            addEventListener('eip6963:requestProvider', () =>
                dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail })),
            );
            window.show({ server: location.origin });
        });
        await page.getByRole('heading', { name: 'Sign in to chat' }).waitFor();
        await page.getByRole('button', { name: 'Sign in with Rabbit' }).click();
        await page.getByRole('alert').waitFor();
        assert.equal(
            await page.getByRole('button', { name: 'Sign in with Rabbit' }).isEnabled(),
            true,
        );
    },
};
