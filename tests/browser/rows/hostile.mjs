/** What peers, wallets, files and other scripts of the page might do to the widget, and can't. */
import { deflateSync } from 'node:zlib';
import { between, match, same, until } from '../../e2e/lib.mjs';
import { wallet } from '../../e2e/chat/wallet.mjs';
import { button, field, hasStates, inLog, log, say } from '../browser.mjs';
import { chunk, png } from '../files.mjs';
import { injected } from '../injected.mjs';
import { Api } from '../seeds.mjs';
import { Shop, page as shopPage, policy } from '../shop.mjs';

/** Somebody who is signed in at the page, and somebody who knows the protocol well. */
async function against(t, { accepted = true } = {}) {
    const server = await t.serve();
    const person = await t.person();
    const [me, peer] = [new Api(t, server, await injected(person)), new Api(t, server, wallet())];
    if (accepted) {
        await me.accept(peer.account);
        await peer.accept(me.account);
    }
    await peer.write(me.account, 'before');
    const page = await t.open(`${server.url}/#wallet`, person);
    await button(page, 'Sign in with Test Wallet').click();
    return { server, person, page, me, peer };
}

async function opened(t) {
    const all = await against(t);
    await all.page.getByRole('button', { name: /before/ }).first().click();
    await inLog(all.page, 'before').waitFor();
    return all;
}

/** It shows what comes next, takes what is written, and nothing of it is wider than it is. */
async function isWell({ page, peer, me }, name = 'after') {
    await peer.write(me.account, name);
    await inLog(page, name).waitFor();
    await say(page, `${name}, too`);
    await inLog(page, `${name}, too`).waitFor();
    same(await log(page).evaluate((it) => it.scrollWidth - it.clientWidth), 0, 'what is too wide');
}

/** Members as nobody means them: of other types, of Object's own names, and very large. */
const ODD = [
    null, true, 0, -1e308, '', 'text', [], [[[[]]]], {},
    { toString: 1, valueOf: {}, length: -1, then: 1, toJSON: 'x', constructor: { name: 1 } },
    JSON.parse('{"__proto__": {"caption": "polluted", "isAdmin": true}}'),
    { name: ['a'], mime: 5, size: 'large', width: '1px', height: { a: 1 }, duration: [], url: {} },
    { url: 'javascript:alert(1)', caption: { text: 'x' }, upload: 7 },
    { _placeholder: true, num: 0 },
];

async function contents(t) {
    const all = await opened(t);
    const { page, peer, me } = all;
    let taken = 0;
    for (const type of ['x-odd', 'x-', 'x-image', 'text', 'image', 'file', 'audio', 'video', 'gone'])
        for (const content of ODD)
            await peer.write(me.account, content, type).then(() => taken++, () => {});
    between(taken, ODD.length, 1000, 'what the server lets through');
    await isWell(all);
    same(await page.evaluate(() => [{}.caption, {}.isAdmin]), [undefined, undefined], 'Object');
    t.isQuiet();
}

const RLO = '\u202e';
const TEXTS = [
    '<img src=x onerror=alert(1)><script>alert(2)</script>', '${7*7}{{7*7}}<!--', '\u0000'.replace('\0', '\u0001'),
    'w'.repeat(65000), '\n'.repeat(65000), `${RLO}gpj.exe`, '\u200b\u200d\ufeff', '\u2066'.repeat(500),
    `a${'\u0301'.repeat(20000)}`, 'Z\u0351\u0352\u0357\u035b'.repeat(5000), '\u{1f468}\u200d'.repeat(9000),
    '[('.repeat(20000), 'https://'.repeat(8000), `https://a.example/${')'.repeat(60000)}`,
    'https://a.example/ '.repeat(3000), `http://${'a.'.repeat(30000)}`, '\ufdfd'.repeat(15000),
    '\u{1f1e9}'.repeat(10000), 'javascript:alert(1)', 'data:text/html,<script>alert(1)</script>',
];

/** A page that stands still for longer is frozen, also on a busy machine. */
const FLOOD = Number(process.env.FLOOD_MESSAGES ?? 2000);
const TASK_MS = 5000;

/** The longest time in which the page could do nothing else, since it was asked last. */
const longestTask = (page) => page.evaluate(() => {
    const longest = globalThis.__longest ?? 0;
    globalThis.__longest = 0;
    globalThis.__tasks ??= new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries())
            globalThis.__longest = Math.max(globalThis.__longest, duration);
    });
    globalThis.__tasks.observe({ entryTypes: ['longtask'] });
    return longest;
});

async function texts(t) {
    const all = await opened(t);
    const { page, peer, me } = all;
    await longestTask(page);
    for (const [i, text] of TEXTS.entries()) {
        await peer.write(me.account, text);
        await isWell(all, `after ${i}`);
        const more = button(page, 'Show more');
        if (await more.count()) await more.last().click();
        await isWell(all, `and ${i}`);
        const ms = await longestTask(page);
        between(ms, 0, TASK_MS, `milliseconds for ${JSON.stringify(text.slice(0, 20))}`);
    }
    const hrefs = await log(page).locator('a').evaluateAll((links) => links.map((it) => it.protocol));
    same(hrefs.filter((it) => !/^https?:$/.test(it)), [], 'links');
    t.isQuiet();
}

/** A picture of so many points a side, one bit each: 50 MB for a browser are 50 KB in the file. */
function hugePng(side) {
    const bits = deflateSync(Buffer.alloc(side * (1 + side / 8)), { level: 9 });
    const small = png(1, 1);
    const head = Buffer.from(small.subarray(16, 29));
    head.writeUInt32BE(side, 0);
    head.writeUInt32BE(side, 4);
    head.set([1, 0, 0, 0, 0], 8);
    return Buffer.concat([small.subarray(0, 8), chunk('IHDR', head), chunk('IDAT', bits),
        chunk('IEND', Buffer.alloc(0))]);
}

async function bombs(t) {
    const all = await opened(t);
    const { page, peer, me } = all;
    for (const side of [20000, 16000]) {
        await peer.picture(me.account, hugePng(side), { width: 640, height: 480 });
        await page.getByText('This file could not be loaded').first().waitFor();
        await isWell(all, `after ${side}`);
    }
    await peer.picture(me.account, hugePng(800), { width: 640, height: 480 });
    await until('a small one is shown', () => log(page).locator('img[src]').last()
        .evaluate((it) => it.naturalWidth === 800 && getComputedStyle(it).visibility === 'visible'));
    await isWell(all, 'after a small one');
    same(await log(page).locator('img[src]').count(), 1, 'pictures that are shown');
    t.isQuiet();
}

/** What announces itself as a wallet, and is none that one should trust. */
function announceAll() {
    const say = (info, provider) => dispatchEvent(new CustomEvent('eip6963:announceProvider',
        { detail: { info, provider } }));
    const icon = 'data:image/png;base64,AAAA';
    const wallet = (name, request, more = {}) =>
        say({ uuid: name, rdns: `test.${name.replace(/\W/g, '')}`, name, icon, ...more }, { request });
    wallet('Throws', () => { throw new Error('<b>boom</b>'); });
    wallet('Throws text', () => { throw 'boom'; });
    wallet('Throws nothing', () => Promise.reject(undefined));
    wallet('Never answers', () => new Promise(() => {}));
    wallet('Answers text', async () => '0x0000000000000000000000000000000000000001');
    wallet('Answers no address', async () => ['0x00<script>', {}]);
    wallet('Answers null', async () => null);
    wallet('Signs nonsense', async ({ method }) =>
        (method === 'personal_sign' ? { length: 3 } : ['0x52908400098527886E0F7030069857D2E4169EE7']));
    wallet('By http', async () => [], { icon: 'http://127.0.0.1:9/icon.png' });
    wallet('By script', async () => [], { icon: 'javascript:alert(1)' });
    wallet('By page', async () => [], { icon: 'data:text/html,<script>alert(1)</script>' });
    wallet('\u202eksaMateM<img src=x onerror=alert(1)>'.padEnd(5000, 'x'), async () => []);
    for (const detail of [null, 7, {}, { info: null }, { info: {}, provider: {} }])
        dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail }));
    for (let i = 0; i < 5000; i++) wallet(`Many ${i}`, async () => []);
}

async function wallets(t) {
    const server = await t.serve();
    const person = await t.person();
    const asked = [];
    await person.addInitScript(announceAll.toString() +
        ';addEventListener("eip6963:requestProvider", announceAll)');
    const page = await t.open('about:blank', person);
    page.on('request', (request) => asked.push(request.url()));
    await page.goto(`${server.url}/#wallet`);
    await button(page, 'Sign in with Never answers').waitFor();
    const offered = page.getByRole('button', { name: /^Sign in with/ });
    same(await offered.count(), 100, 'wallets');
    same((await offered.allInnerTexts()).filter((it) => it.length > 45), [], 'long names');
    for (const name of ['Throws', 'Throws text', 'Throws nothing', 'Answers text',
        'Answers no address', 'Answers null', 'Signs nonsense']) {
        await button(page, `Sign in with ${name}`).click();
        await page.getByRole('alert').filter({ hasText: /wallet/ }).waitFor();
        same(await page.getByRole('alert').filter({ hasText: /boom|script/ }).count(), 0, name);
    }
    await button(page, 'Sign in with Never answers').click();
    await button(page, 'Cancel').click();
    await button(page, 'Sign in with Throws').click();
    await page.getByRole('alert').filter({ hasText: /wallet/ }).waitFor();
    const icons = await page.locator('.wallet img').evaluateAll((all) => all.map((it) => it.src));
    same(icons.filter((it) => !it.startsWith('data:image/')), [], 'icons');
    same(asked.filter((it) => !it.startsWith(server.url) && !it.startsWith('data:image/')), [],
        'what was asked of others');
    t.isQuiet();
}

/** What a page of the origin has kept: everything, as text. */
const kept = (page) => page.evaluate(async () => {
    const found = [JSON.stringify({ ...localStorage }), JSON.stringify({ ...sessionStorage }),
        document.cookie];
    const texts = (root) => {
        found.push(root.innerHTML);
        for (const it of root.querySelectorAll('*')) if (it.shadowRoot) texts(it.shadowRoot);
    };
    texts(document.documentElement);
    for (const { name } of await indexedDB.databases()) {
        const db = await new Promise((done, failed) =>
            Object.assign(indexedDB.open(name), {
                onsuccess: (event) => done(event.target.result), onerror: failed }));
        for (const store of db.objectStoreNames)
            found.push(JSON.stringify(await new Promise((done) => {
                db.transaction(store).objectStore(store).getAll().onsuccess =
                    (event) => done(event.target.result);
            })));
        db.close();
    }
    return found.join('\n');
});

async function demoKeys(t) {
    const server = await t.serve();
    const said = [];
    const asked = [];
    const page = await t.open('about:blank');
    page.on('console', (message) => said.push(message.text()));
    page.on('request', (request) => asked.push(request.url() + request.postData()));
    const answered = page.waitForResponse(/\/dev\/wallets\/alice/);
    await page.goto(`${server.url}/#alice`);
    const { key } = await (await answered).json();
    await say(page, 'who has the key?');
    await hasStates(page, 'Sent', 1);
    const secret = key.replace(/^0x/, '').toLowerCase();
    same(secret.length, 64, 'digits of the key');
    for (const [where, text] of [['kept', await kept(page)], ['said', said.join()],
        ['asked', asked.join()]])
        same(text.toLowerCase().includes(secret), false, `the key in what was ${where}`);
    match(await kept(page), /refresh_token/, 'what is kept');
    t.isQuiet();
}

/** What other scripts, or older pages, have left where the widget looks. */
async function storage(t) {
    const server = await t.serve();
    const person = await t.person();
    await injected(person);
    for (const text of ['{', 'null', '[]', '{"account":1}', 'x'.repeat(2e6),
        '{"account":"0x0","session":"s","refresh_token":"r","__proto__":{"a":1}}']) {
        const page = await t.open(`${server.url}/`, person);
        await page.evaluate((it) =>
            localStorage.setItem(`parley:session:${location.origin}:default`, it), text);
        await page.goto(`${server.url}/#wallet`);
        await button(page, 'Sign in with Test Wallet').waitFor();
        await page.close();
    }
    t.isQuiet({ cut: true }); // a refresh token of nobody's is refused: 401
}

/** Nothing that was written stays for who uses this computer next. */
async function signOut(t) {
    const { page } = await opened(t);
    await field(page).fill('not for you');
    await until('it is kept', async () => (await kept(page)).includes('not for you'));
    await button(page, 'Account').click();
    await button(page, 'Sign out').click();
    await button(page, 'Sign in with Test Wallet').waitFor();
    const left = await kept(page);
    for (const word of ['not for you', 'refresh_token', 'before'])
        same(left.includes(word), false, `"${word}" is left`);
    t.isQuiet();
}

/** So many wallets that nobody knows: a few of them are shown at once, and the others as one looks. */
async function strangers(t) {
    const { server, page, me } = await against(t, { accepted: false });
    for (let i = 0; i < 350; i++)
        await new Api(t, server, wallet()).write(me.account, `stranger ${i}.`);
    await button(page, /Requests/).click();
    await page.getByRole('button', { name: /stranger 349\./ }).waitFor();
    const rows = page.getByRole('list', { name: 'Requests' }).getByRole('listitem');
    between(await rows.count(), 1, 200, 'rows at first');
    await until('the first stranger', async () => {
        await rows.last().scrollIntoViewIfNeeded();
        return page.getByRole('button', { name: /stranger 0\./ }).isVisible();
    }, 20000);
    t.isQuiet();
}

/** While somebody looks, and without a pause. */
async function flood(t) {
    const all = await opened(t);
    const { page, peer, me } = all;
    await longestTask(page);
    for (let i = 0; i < FLOOD; i += 10)
        await Promise.all(Array.from({ length: 10 }, (_, j) =>
            peer.write(me.account, `message ${i + j}. ${'and more of it '.repeat(j)}`)));
    await isWell(all);
    between(await longestTask(page), 0, TASK_MS, 'milliseconds of a task');
    between(await log(page).locator('*').count(), 1, 300, 'elements');
    t.isQuiet();
}

/** A page that takes no HTML from strings, and whose policy is as strict as docs/embedding.md allows. */
async function strictPage(t) {
    const server = await t.serve();
    const peer = new Api(t, server, wallet());
    const types = "require-trusted-types-for 'script'; trusted-types lit-html";
    const shop = await Shop.open(t, {
        '/': shopPage(`<parley-chat server="${server.url}"></parley-chat>`,
            `<script type="module" src="${server.url}/embed/parley-chat.js"></script>`),
    }, { policy: `${policy(server.url)}; ${types}` });
    const person = await t.person();
    const me = await injected(person);
    await peer.write(me, 'see https://example.com/');
    await peer.picture(me, png(64, 64), { width: 64, height: 64 });
    const page = await t.open(shop.url, person);
    await button(page, 'Sign in with Test Wallet').click();
    await button(page, /Requests/).click();
    await page.locator('parley-list .row').first().click();
    await log(page).getByRole('link', { name: 'https://example.com/' }).waitFor();
    await log(page).getByRole('button', { name: /^Open photo/ }).click();
    await page.getByRole('dialog').locator('img').waitFor();
    await page.keyboard.press('Escape');
    await button(page, 'Block').first().click();
    await button(page, 'Cancel').click();
    await button(page, 'Accept').click();
    await say(page, 'as strict as can be');
    await hasStates(page, 'Sent', 1);
    t.isQuiet();
}

export const rows = [
    ['a flood while one looks', flood, { limit: 200000 }],
    ['under a strict policy, with Trusted Types', strictPage],
    ['no picture brings the browser down', bombs],
    ['wallets that are none', wallets],
    ['the keys of the demo stay in the page', demoKeys],
    ['what others have put into the storage', storage],
    ['nothing is left after signing out', signOut],
    ['a crowd of strangers', strangers, { limit: 120000 }],
    ['no content breaks the page', contents],
    ['no text breaks the page', texts],
].map(([name, run, more]) => ({ name: `hostile: ${name}`, run, limit: 60000, ...more }));
