/** Each example of docs/embedding.md, as somebody pastes it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { between, match, run, same, sleep, until, within } from '../../e2e/lib.mjs';
import { wallet } from '../../e2e/chat/wallet.mjs';
import { button, field, hasStates, inLog, log, pair, say } from '../browser.mjs';
import { Shop, example, page, policy } from '../shop.mjs';
import { picture } from '../files.mjs';
import { injected } from '../injected.mjs';
import { Api } from '../seeds.mjs';

const FRIEND = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'; // of the examples
const CHAT = 'https://chat.example';
const START_BYTES = 60_000; // gzipped, of all that comes before anybody does anything
const START_MS = 2000;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const require = createRequire(here('../../e2e/package.json'));
const front = createRequire(here('../../../package.json'));

const short = (account) => `${account.slice(0, 6)}…${account.slice(-4)}`;

const token = (t, server, account) =>
    t.servers.command('token', account, `--data=${server.data}`).trim();

/** The example's style and script are the page's own: its policy here is what the page says. */
async function threeLines(t) {
    const server = await t.serve();
    const lines = example('html', 'height: 600px').replaceAll(CHAT, server.url);
    const shop = await Shop.open(t, { '/': page(lines) });
    const visitor = await t.person();
    const account = await injected(visitor);
    const shown = await t.open(shop.url, visitor);
    await button(shown, 'Sign in with Test Wallet').click();
    await field(shown).waitFor();
    await say(shown, 'is it still there?');
    await hasStates(shown, 'Sent', 1);
    const box = await shown.locator('parley-chat').boundingBox();
    same(Math.round(box.height), 600, 'height');
    const [message] = await historyOf(server, token(t, server, FRIEND), account);
    same([message.content, message.from], ['is it still there?', account], 'what arrived');
    t.isQuiet();
}

/** Where an operator has moved Socket.IO; the page of --dev does not know, and works. */
async function atAPath(t) {
    const server = await t.serve({ options: ['--rate-limits=off', '--path=/chat/'] });
    const lines = example('html', 'height: 600px').replaceAll(CHAT, server.url)
        .replace(' to=', ' path="/chat/" to=');
    const shop = await Shop.open(t, { '/': page(lines) });
    const visitor = await t.person();
    await injected(visitor);
    const shown = await t.open(shop.url, visitor);
    const connection = shown.waitForEvent('websocket');
    await button(shown, 'Sign in with Test Wallet').click();
    match((await connection).url(), /:\d+\/chat\/\?/, 'where it connects');
    await say(shown, 'at a path');
    await hasStates(shown, 'Sent', 1);
    const { alice, bob } = await pair(t, { server });
    await say(alice, 'from the page');
    await inLog(bob, 'from the page').waitFor();
    t.isQuiet();
}

/** The server has been upgraded since the page was loaded: its other parts have new names. */
async function afterAnUpgrade(t) {
    const { alice, bob } = await pair(t);
    await alice.locator('input[type=file]').setInputFiles([picture('summit.png')]);
    await button(alice, 'Send').click();
    const open = log(bob).getByRole('button', { name: /^Open photo/ });
    await open.waitFor();
    await bob.route('**/embed/*-*.js', (route) => route.fulfill({ status: 404 }));
    const said = bob.getByRole('alert').filter({ hasText: 'Reload the page' });
    await open.click();
    await said.waitFor();
    await button(bob, 'All conversations').click();
    await said.waitFor();
    await button(bob, 'Try again').waitFor();
    await bob.unroute('**/embed/*-*.js');
    await button(bob, 'All conversations').click();
    await bob.reload();
    await open.click();
    await bob.getByRole('dialog').locator('img').waitFor();
    t.isQuiet({ cut: true });
}

async function historyOf(server, bearer, peer) {
    const response = await fetch(`${server.url}/v1/conversations/${peer}/messages`, {
        headers: { authorization: `Bearer ${bearer}`, connection: 'close' },
    });
    const { messages } = await response.json();
    return messages;
}

async function sixLines(t) {
    const server = await t.serve();
    const [me, friend] = [wallet(), wallet()];
    const client = 'socket.io-client/dist/socket.io.esm.min.js';
    const cdn = /https:\/\/cdn\.jsdelivr\.net\/npm\/socket\.io-client@([\d.]+)\/\+esm/;
    const code = example('js', 'jsdelivr');
    same(cdn.exec(code)[1], require('socket.io-client/package.json').version, 'version');
    const script = `const token = ${JSON.stringify(token(t, server, me))}, to = '${friend}';
        const have = () => false, show = (m) => (document.body.textContent += m.content);
        ${code.replace(cdn, '/client.js').replaceAll(CHAT, server.url)}
        document.body.textContent += r.message.status;`
        .replace(/^([\s\S]*?)(import .*?;)/, '$2$1');
    const shop = await Shop.open(t, {
        '/': page('<script type="module" src="/app.js"></script>'), '/app.js': script,
        '/client.js': readFileSync(join(here('../../e2e/node_modules'), client), 'utf8'),
    });
    const shown = await t.open(shop.url);
    await shown.getByText('undelivered').waitFor();
    const [message] = await historyOf(server, token(t, server, friend), me);
    same(message.content, 'hi', 'what arrived');
    t.isQuiet();
}

/** A form, a list, and the SDK; signed in by an injected wallet. */
async function sdk(t) {
    const server = await t.serve();
    const code = example('js', 'createChat').replaceAll(CHAT, server.url);
    const shop = await Shop.open(t, {
        '/': page('<ul id="list"></ul><form id="form"><input name="text" aria-label="Text"></form>' +
            '<script type="module" src="/app.js"></script>'),
        '/app.js': `const list = document.getElementById('list');
            const form = document.getElementById('form');\n${code}
            document.body.dataset.listens = 'yes';`
            .replace(/^([\s\S]*?)(import .*?;)/, '$2\n$1'),
    });
    const visitor = await t.person();
    const account = await injected(visitor);
    const shown = await t.open(shop.url, visitor);
    await shown.locator('[data-listens]').waitFor(); // before that the form is any form
    await shown.getByLabel('Text').fill('by the SDK');
    await shown.getByLabel('Text').press('Enter');
    await shown.getByText('you: by the SDK (sent)').waitFor();
    const messages = await historyOf(server, token(t, server, FRIEND), account);
    same(messages[0].content, 'by the SDK', 'what arrived');
    t.isQuiet();
}

async function freePort() {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address();
    server.close();
    await once(server, 'close');
    return port;
}

/** The backend of the example, and its section of the server's file. */
async function shopWithBackend(t, files, how) {
    const dir = t.folder('backend');
    writeFileSync(join(dir, 'shop.secret'), `${'s3cret'.repeat(8)}\n`, { mode: 0o600 });
    writeFileSync(join(dir, 'parley.conf'), example('ini', '[issuer shop]'));
    writeFileSync(join(dir, 'backend.mjs'), `${example('js', 'createHmac')}
        const walletOfVisitor = (rq) => /wallet=(0x\\w+)/.exec(rq.headers.cookie ?? '')?.[1];`
        .replace(/([\s\S]*)(\n\s*const walletOfVisitor.*)/, '$2\n$1'));
    const PORT = await freePort();
    const { child } = run(process.execPath, ['backend.mjs'], ['ignore', 'inherit', 'inherit'],
        { cwd: dir, env: { ...process.env, PORT } });
    t.defer(() => child.kill('SIGKILL'));
    const isUp = () => fetch(`http://127.0.0.1:${PORT}/`).then(() => true, () => false);
    await until('the backend listens', isUp);
    const server = await t.serve({ options: ['--rate-limits=off', `--config=${dir}/parley.conf`] });
    const shop = await Shop.open(t, {
        ...files(server),
        '/chat-token': async ({ method, headers }) => {
            const answer = await fetch(`http://127.0.0.1:${PORT}/chat-token`, {
                method, headers: { cookie: headers.cookie ?? '' },
            });
            return { status: answer.status, headers: { 'content-type': 'application/json' },
                body: await answer.text() };
        },
    }, how?.(server));
    return { server, shop };
}

const cookie = (shop, account) => ({ name: 'wallet', value: account, url: shop.url });

async function visit(t, shop, account) {
    const visitor = await t.person();
    await visitor.addCookies([cookie(shop, account)]);
    return t.open(shop.url, visitor);
}

/** Two visitors of a strict page, whose backend knows them: a list, and a thread. */
async function ownBackend(t) {
    const element = example('html', 'token-url="/chat-token"');
    const { server, shop } = await shopWithBackend(t, ({ url }) => ({
        '/': page(element.replaceAll(CHAT, url),
            `<script type="module" src="${url}/embed/parley-chat.js"></script>`),
    }), ({ url }) => ({ policy: policy(url) }));
    const [me, friend] = [wallet(), wallet()];
    const shown = await visit(t, shop, me);
    await button(shown, 'New chat').click();
    await shown.getByRole('textbox', { name: 'Wallet address' }).fill(friend);
    await button(shown, 'Open chat').click();
    await say(shown, 'hello');
    await hasStates(shown, 'Sent', 1);
    const other = await visit(t, shop, friend);
    await hasStates(shown, 'Delivered', 1); // there, in a list: nobody has read it
    await button(other, /Requests/).click();
    await other.getByRole('button', { name: /hello/ }).click();
    await inLog(other, 'hello').waitFor();
    await other.getByText(/wants to chat\.$/).waitFor();
    await hasStates(shown, 'Delivered', 1); // read, and not said to a stranger
    await button(other, 'Accept').click();
    await hasStates(shown, 'Read', 1);
    await other.getByText(/wants to chat\.$/).waitFor({ state: 'hidden' });
    await say(other, 'welcome');
    await inLog(shown, 'welcome').waitFor();
    same((await historyOf(server, token(t, server, me), friend)).length, 2, 'messages');
    t.isQuiet();
}

/** @return what it is with what comes with it, once that has been asked for */
async function bytesAtStart(t, url, isThere) {
    const shown = await t.open('about:blank');
    const answers = [];
    shown.on('response', (one) => new URL(one.url()).pathname.startsWith('/embed/') && answers.push(one));
    await shown.goto(url);
    await isThere(shown);
    await sleep(START_MS); // whatever is loaded by itself
    const sizes = await Promise.all(answers.map(async (one) =>
        [new URL(one.url()).pathname, gzipSync(await one.body(), { level: 9 }).length]));
    for (const [path, size] of sizes) console.log(`  ${path}: ${size} bytes gzipped`);
    return new Map(sizes);
}

/** Of a thread of texts, and of the list; and of both together, for who goes from one to the other. */
async function startsSmall(t) {
    const server = await t.serve();
    const [me, friend] = [wallet(), wallet()];
    const element = (attributes) => page(`<parley-chat server="${server.url}"
        token-url="/chat-token" ${attributes}></parley-chat>`,
    `<script type="module" src="${server.url}/embed/parley-chat.js"></script>`);
    const shop = await Shop.open(t, {
        '/thread': element(`to="${friend}"`), '/list': element(''),
        '/chat-token': JSON.stringify({ token: token(t, server, me) }),
    });
    const writer = await t.open(`${shop.url}/thread`);
    await say(writer, 'hello');
    await hasStates(writer, 'Sent', 1);
    await writer.close();
    const thread = await bytesAtStart(t, `${shop.url}/thread`, (it) => inLog(it, 'hello').waitFor());
    const list = await bytesAtStart(t, `${shop.url}/list`, (it) => button(it, /hello/).waitFor());
    const both = [...new Map([...thread, ...list]).values()].reduce((a, b) => a + b);
    console.log(`  together ${(both / 1000).toFixed(1)} KB`);
    between(both, 20000, START_BYTES, 'bytes that the widget loads at start');
    t.isQuiet();
}

/** The component, bundled as an application would be. */
async function react(t) {
    const { build } = front('esbuild');
    const dir = t.folder('react');
    writeFileSync(join(dir, 'chat.jsx'), example('jsx', 'export function Chat'));
    const { shop } = await shopWithBackend(t, ({ url }) => {
        writeFileSync(join(dir, 'app.jsx'), `
            import { createRoot } from 'react-dom/client';
            import { Chat } from './chat.jsx';
            const tell = (count) => (document.title = \`unread \${count}\`);
            createRoot(document.getElementById('app')).render(
                <Chat server="${url}" to="${FRIEND}" onUnread={tell} />);`);
        return { '/': page('<div id="app"></div><script type="module" src="/app.js"></script>'),
            '/app.js': async () => {
                const { outputFiles } = await build({
                    entryPoints: [join(dir, 'app.jsx')], bundle: true, write: false, format: 'esm',
                    jsx: 'automatic', nodePaths: [here('../../../node_modules')],
                    define: { 'process.env.NODE_ENV': '"production"' },
                });
                return outputFiles[0].text;
            } };
    });
    const shown = await visit(t, shop, wallet());
    await say(shown, 'from React');
    await hasStates(shown, 'Sent', 1);
    match(await shown.locator('parley-chat').getAttribute('to'), /^0x/, 'to');
    t.isQuiet();
}

/** Colours of the page's, words of the page's. */
async function themes(t) {
    const { shop } = await shopWithBackend(t, ({ url }) => ({
        '/': page(`<style>${example('css', '--parley-accent')}</style>
            <parley-chat server="${url}" token-url="/chat-token" to="${FRIEND}"></parley-chat>
            <script type="module" src="${url}/embed/parley-chat.js"></script>
            <script type="module">${example('js', 'Nachricht')}</script>`),
    }));
    const shown = await visit(t, shop, wallet());
    const name = { name: 'Nachricht', exact: true };
    await shown.getByRole('textbox', name).fill('Guten Tag');
    const send = button(shown, 'Senden');
    const ground = () => send.evaluate((it) => getComputedStyle(it).backgroundColor);
    // It fades in, as there is something to send.
    await until('accent', async () => (await ground()) === 'rgb(10, 124, 102)');
    await send.click();
    await shown.getByText('Heute').waitFor();
    match(await shown.getByText('Guten Tag').evaluate((it) => getComputedStyle(it).fontFamily),
        /Georgia/, 'font');
    t.isQuiet();
}

/** The page's names are text, wherever an address would stand; who has none is shown by that. */
async function names(t) {
    const [me, friend] = [wallet(), wallet()];
    const said = '<b>Bo</b>b';
    const { server, shop } = await shopWithBackend(t, ({ url }) => ({
        '/': page(`<parley-chat server="${url}" token-url="/chat-token"></parley-chat>
            <script>const users = new Map([['${friend.toLowerCase()}', '${said}']]);</script>
            <script>${example('js', 'nameOf')}</script>`,
            `<script type="module" src="${url}/embed/parley-chat.js"></script>`),
    }));
    const [known, other] = [friend, wallet()].map((account) => new Api(t, server, account));
    await known.write(me, 'it is me');
    await other.write(me, 'guess who');
    const shown = await visit(t, shop, me);
    await button(shown, /Requests/).click();
    await button(shown, new RegExp(`^${short(other.account)}.*guess who`)).waitFor();
    await button(shown, /^<b>Bo<.b>b .*it is me/).click();
    await inLog(shown, 'it is me').waitFor();
    await shown.getByRole('article', { name: /^<b>Bo<.b>b, / }).waitFor();
    await shown.getByText(`${said} wants to chat.`).waitFor();
    same(await field(shown).count(), 0, 'fields to write in, of a request');
    await button(shown, 'Accept').click();
    await field(shown).waitFor();
    await until('the field has the focus', () => field(shown).evaluate((it) => it.matches(':focus')));
    const head = shown.locator('parley-head');
    same(await head.getByText(said, { exact: true }).count(), 1, 'names in the head');
    same(await head.getByText(short(friend), { exact: true }).count(), 1, 'addresses in the head');
    same(await shown.locator('parley-chat b').count(), 0, 'elements made of a name');
    await shown.evaluate(() => (document.querySelector('parley-chat').nameOf = () => 'Robert'));
    await shown.getByRole('article', { name: /^Robert, / }).waitFor();
    t.isQuiet();
}

/** A page of another site in an iframe, which has storage of its own, or none at all. */
async function inFrame(t, sandbox) {
    const { shop } = await shopWithBackend(t, ({ url }) => ({
        '/': page(`<parley-chat server="${url}" to="${FRIEND}"></parley-chat>`,
            `<script type="module" src="${url}/embed/parley-chat.js"></script>`),
    }));
    const outer = await Shop.open(t, {
        '/': page(`<iframe src="${shop.url}" ${sandbox} width="800" height="600"></iframe>`),
    }, { host: 'localhost' });
    const visitor = await t.person();
    await injected(visitor);
    const shown = await t.open(outer.url, visitor);
    return shown.frameLocator('iframe');
}

async function worksInFrame(t) {
    const frame = await inFrame(t, '');
    await button(frame, 'Sign in with Test Wallet').click();
    await say(frame, 'from a frame');
    await hasStates(frame, 'Sent', 1);
    t.isQuiet();
}

/** Two on a page, and a second tab: who signs in to one has signed in to all. */
async function sharesTheSession(t) {
    const server = await t.serve();
    const tag = `<script type="module" src="${server.url}/embed/parley-chat.js"></script>`;
    const element = (attributes) =>
        `<parley-chat ${attributes} server="${server.url}"></parley-chat>`;
    const shop = await Shop.open(t, {
        '/': page(`${tag}${element(`id="seller" to="${FRIEND.toLowerCase()}"`)}${element('id="all"')}`),
        '/more': page(`${tag}${element(`to="${FRIEND}"`)}`),
    });
    const visitor = await t.person();
    await injected(visitor);
    const more = await t.open(`${shop.url}/more`, visitor);
    await button(more, 'Sign in with Test Wallet').waitFor();
    const shown = await t.open(shop.url, visitor);
    const [seller, all] = [shown.locator('#seller'), shown.locator('#all')];
    await button(all, 'Sign in with Test Wallet').click();
    await say(seller, 'from the first');
    await all.getByRole('button', { name: /from the first/ }).waitFor();
    await inLog(more, 'from the first').waitFor();
    await all.getByRole('button', { name: 'Account' }).click();
    await button(all, 'Sign out').click();
    for (const one of [seller, all, more]) await button(one, 'Sign in with Test Wallet').waitFor();
    t.isQuiet();
}

/** Its origin is null, and so it may not connect: that is said, and nothing breaks. */
async function saysInSandbox(t) {
    const frame = await inFrame(t, 'sandbox="allow-scripts"');
    await within(10000, 'sign-in or an error', Promise.race([
        button(frame, 'Sign in with Test Wallet').waitFor(), frame.getByRole('alert').waitFor(),
    ]));
    await button(frame, 'Sign in with Test Wallet').click();
    await frame.getByRole('alert').filter({ hasText: /./ }).first().waitFor();
}

/** The policy of the page, to the letter of the docs. */
async function documentsPolicy() {
    const said = example('', 'script-src').replace(/;?\s*\n\s*/g, '; ').replace(/; $/, '');
    const server = 'http://chat.example';
    for (const part of said.split('; ')) {
        const [name, ...sources] = part.replaceAll('https:', 'http:').replaceAll('wss:', 'ws:').split(' ');
        const ours = policy(server).split('; ').find((one) => one.startsWith(name));
        same(sources.filter((one) => !ours.includes(one)), [], `${name} of the test's policy`);
        same(ours.split(' ').slice(1).filter((one) => one !== "'self'" && !sources.includes(one)), [],
            `what the test's ${name} has more`);
    }
}

export const rows = [
    ['three lines make a chat', threeLines],
    ['where Socket.IO has a path of its own', atAPath],
    ['parts that an upgrade has taken away are said to be missing', afterAnUpgrade],
    ['six lines with the stock client', sixLines],
    ['the SDK on a page of one’s own', sdk],
    ['tokens by one’s own backend, under a strict policy', ownBackend],
    ['the policy of the docs is the one that is tested', documentsPolicy],
    ['at most 60 KB are loaded at start', startsSmall],
    ['React', react],
    ['colours and words', themes],
    ['who signs in to one has signed in to all', sharesTheSession],
    ['names that the page knows', names],
    ['in an iframe of another site', worksInFrame],
    ['in a sandbox it says why it can’t', saysInSandbox],
].map(([name, run_, more]) => ({ name: `embedding: ${name}`, run: run_, limit: 40000, ...more }));
