/**
 * The states that people meet the widget in: each is looked at by axe (rows/access.mjs), and by
 * people, on the pictures that shots.mjs makes of them.
 */
import { button, field, hasStates, inLog, log, pair, say, sendButton, NARROW, WIDE } from './browser.mjs';
import { film, landscape, picture } from './files.mjs';
import { injected } from './injected.mjs';
import { Seeds } from './seeds.mjs';

/** A server where Alice's wallet has talked to several. */
export async function busyList(t, how) {
    const server = await t.serve();
    const seeds = await Seeds.sow(t, server);
    const person = await t.person(how);
    await injected(person, { key: seeds.key });
    const page = await t.open(`${server.url}/#wallet`, person);
    await button(page, 'Sign in with Test Wallet').click();
    await page.getByText('yes, the blue one').first().waitFor();
    return { server, seeds, page };
}

async function busyThread(t, how) {
    const { server, seeds, page } = await busyList(t, how);
    await page.getByRole('button', { name: /pick it up/ }).first().click();
    await field(page).waitFor();
    await log(page).locator('img').first().waitFor();
    return { server, seeds, page };
}

const looks = {
    wide: { viewport: WIDE }, narrow: { viewport: NARROW, hasTouch: true },
    dark: { viewport: WIDE, colorScheme: 'dark' },
    'dark narrow': { viewport: NARROW, hasTouch: true, colorScheme: 'dark' },
};

/** name -> (t) => the page, as it is to be looked at */
export const states = {
    landing: async (t) => {
        const { url } = await t.serve();
        const page = await t.open(url, undefined, looks.wide);
        await page.getByRole('link', { name: /Alice/ }).first().waitFor();
        return page;
    },
    'sign-in': async (t) => {
        const { url } = await t.serve();
        const person = await t.person(looks.wide);
        await injected(person);
        await injected(person, { name: 'Other Wallet' });
        const page = await t.open(`${url}/#wallet`, person);
        await button(page, 'Sign in with Other Wallet').waitFor();
        return page;
    },
    'sign-in refused': async (t) => {
        const { url } = await t.serve();
        const person = await t.person(looks.wide);
        await injected(person, { refuses: true });
        const page = await t.open(`${url}/#wallet`, person);
        await button(page, 'Sign in with Test Wallet').click();
        await page.getByRole('alert').filter({ hasText: /./ }).first().waitFor();
        return page;
    },
    empty: async (t) => {
        const { url } = await t.serve();
        const person = await t.person(looks.wide);
        await injected(person);
        const page = await t.open(`${url}/#wallet`, person);
        await button(page, 'Sign in with Test Wallet').click();
        await page.getByText('No conversations yet').waitFor();
        return page;
    },
    'new chat': async (t) => {
        const { page } = await busyList(t, looks.wide);
        await button(page, 'New chat').click();
        await page.getByRole('textbox', { name: 'Wallet address' }).fill('0x123');
        await button(page, 'Open chat').click();
        await page.getByText('Not a valid address').waitFor();
        return page;
    },
    list: async (t) => (await busyList(t, looks.wide)).page,
    'list narrow': async (t) => (await busyList(t, looks.narrow)).page,
    thread: async (t) => (await busyThread(t, looks.wide)).page,
    'thread dark': async (t) => (await busyThread(t, looks.dark)).page,
    'thread narrow': async (t) => (await busyThread(t, looks.narrow)).page,
    'thread dark narrow': async (t) => (await busyThread(t, looks['dark narrow'])).page,
    'empty thread': async (t) => {
        const { alice } = await pair(t);
        return alice;
    },
    typing: async (t) => {
        const { alice, bob } = await pair(t);
        await say(alice, 'are you coming tonight?');
        await say(bob, 'let me look');
        await hasStates(alice, 'Read', 1);
        await hasStates(bob, 'Read', 1); // before that he has not accepted her
        await field(bob).pressSequentially('I think');
        await alice.getByText('typing…').first().waitFor();
        return alice;
    },
    unread: async (t) => {
        const { server, seeds, page } = await busyList(t, looks.wide);
        await seeds.fill(server, 30);
        await page.getByRole('button', { name: /note 30/ }).first().click();
        await page.getByText('New messages').first().waitFor();
        return page;
    },
    request: async (t) => {
        const { page } = await busyList(t, looks.wide);
        await button(page, /Requests/).click();
        await page.getByRole('button', { name: /your collection/ }).first().click();
        await page.getByText(/wants to chat\.$/).waitFor();
        return page;
    },
    tray: async (t) => {
        const { alice } = await pair(t);
        await alice.locator('input[type=file]').setInputFiles([
            picture('summit.png'), await film(alice), {
                name: 'A rather long name of a contract, signed by both.pdf',
                mimeType: 'application/pdf', buffer: Buffer.alloc(184320),
            },
        ]);
        await button(alice, /^Remove A rather/).waitFor();
        await field(alice).fill('From our walk');
        return alice;
    },
    recording: async (t) => {
        const { alice } = await pair(t);
        await button(alice, 'Record a voice message').click();
        await alice.getByText(/^Recording 0:0[1-9]/).waitFor();
        return alice;
    },
    media: async (t) => {
        const { alice, bob } = await pair(t);
        const input = alice.locator('input[type=file]');
        await field(alice).fill('The view from the hut');
        await input.setInputFiles([picture('hut.png', landscape()), await film(alice), {
            name: 'route.gpx', mimeType: 'application/gpx+xml', buffer: Buffer.alloc(23456),
        }]);
        await sendButton(alice).click();
        await log(bob).getByText('route.gpx').waitFor();
        await button(bob, 'Record a voice message').click();
        await bob.getByText(/^Recording 0:0[1-9]/).waitFor();
        await button(bob, 'Stop recording').click();
        await sendButton(bob).click().catch(() => {});
        await log(alice).getByRole('button', { name: 'Play', exact: true }).waitFor();
        return alice;
    },
    viewer: async (t) => {
        const { alice, bob } = await pair(t);
        await field(alice).fill('The view from the hut');
        await alice.locator('input[type=file]').setInputFiles([picture('hut.png', landscape())]);
        await sendButton(alice).click();
        await log(bob).getByRole('button', { name: /^Open photo/ }).click();
        await bob.getByRole('dialog').locator('img').waitFor();
        return bob;
    },
    uploading: async (t) => {
        const { alice } = await pair(t);
        await alice.route('**/media/**', (route) =>
            (route.request().method() === 'PUT' ? undefined : route.continue()));
        await alice.locator('input[type=file]').setInputFiles([picture('hut.png', landscape())]);
        await sendButton(alice).click();
        await alice.getByRole('img', { name: /^Uploading/ }).first().waitFor();
        return alice;
    },
    failed: async (t) => {
        const server = await t.serve({
            options: ['--rate-limits=off', '--mailbox-peer-messages=1',
                '--mailbox-stranger-messages=1'],
        });
        const page = await t.open(`${server.url}/#alice`);
        await field(page).waitFor();
        for (const text of ['are you there?', 'call me back']) await say(page, text);
        await hasStates(page, 'Failed', 1);
        return page;
    },
    offline: async (t) => {
        const { alice, bob } = await pair(t);
        await say(alice, 'on the train');
        await inLog(bob, 'on the train').waitFor();
        await alice.context().setOffline(true);
        await alice.getByText('You’re offline').waitFor();
        await say(alice, 'there is a tunnel');
        await hasStates(alice, 'Waiting', 1);
        return alice;
    },
    blocked: async (t) => {
        const { alice, bob } = await pair(t);
        await say(bob, 'buy now!!!');
        await inLog(alice, 'buy now!!!').waitFor();
        await button(alice, 'More').click();
        await alice.getByRole('menuitem', { name: 'Block' }).click();
        await alice.getByRole('dialog').getByRole('button', { name: 'Block' }).click();
        await alice.getByText('You have blocked this wallet.').waitFor();
        return alice;
    },
    menu: async (t) => {
        const { alice, bob } = await pair(t);
        await say(bob, 'hello');
        await inLog(alice, 'hello').waitFor();
        await button(alice, 'More').click();
        await alice.getByRole('menuitem', { name: 'Block' }).waitFor();
        return alice;
    },
    dialog: async (t) => {
        const { alice, bob } = await pair(t);
        await say(bob, 'hello');
        await inLog(alice, 'hello').waitFor();
        await button(alice, 'More').click();
        await alice.getByRole('menuitem', { name: 'Block' }).click();
        await alice.getByRole('dialog').getByRole('button', { name: 'Block' }).waitFor();
        return alice;
    },
    scripts: async (t) => {
        const { alice, bob } = await pair(t);
        for (const [page, text] of [
            [alice, 'مرحبا! هل ما زالت القطعة متاحة؟'], [bob, 'نعم، ما زالت متاحة 🎉'],
            [alice, 'שלום, מה שלומך?'], [bob, '您好，今天发货，预计周五到达。'],
            [alice, 'धन्यवाद!'], [bob, '🙏'], [alice, 'See https://example.com/items/1042?ref=chat'],
        ]) {
            await say(page, text);
            await inLog(page === alice ? bob : alice, text).first().waitFor().catch(() => {});
        }
        await hasStates(alice, 'Read', 4);
        return alice;
    },
};
