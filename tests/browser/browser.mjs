/** Pages in a real browser, and a server of their own for each row. */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Failure, Trial, until } from '../e2e/lib.mjs';
import { Pipe } from '../e2e/pipe.mjs';
import { ChatServer, folder } from '../e2e/chat/serve.mjs';

const require = createRequire(fileURLToPath(new URL('../e2e/package.json', import.meta.url)));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const PROGRAMS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];
const PATIENCE_MS = 25000; // many times what it takes: the machine may be busy
export const WIDE = { width: 1100, height: 760 };
export const NARROW = { width: 390, height: 760 };

/** @return the browser; undefined where there is none */
export async function launch() {
    const executablePath = process.env.CHROMIUM ?? PROGRAMS.find((path) => existsSync(path));
    if (!executablePath) return undefined;
    return chromium.launch({
        executablePath,
        ignoreDefaultArgs: ['--disable-back-forward-cache'],
        args: [
            '--no-sandbox', // root, in a sandbox of its own perhaps
            '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
            '--autoplay-policy=no-user-gesture-required',
        ],
    });
}

/** What a page says that no page should: errors, and what its own policy forbids. */
function listen(page, complaints) {
    page.on('pageerror', (error) => complaints.push(`exception: ${error.message}`));
    page.on('console', (message) => {
        if (message.type() !== 'error' && message.type() !== 'warning') return;
        complaints.push(`console: ${message.text()}`);
    });
}

/** Runs in each page and frame: what a policy forbids, the page's own or one that is only reported. */
function tellViolations() {
    addEventListener('securitypolicyviolation', ({ effectiveDirective, blockedURI, sample }) =>
        console.error(`the policy forbids: ${effectiveDirective} ${blockedURI} ${sample}`));
}

/** What the browser says by itself where a row takes the network away, or is refused. */
const NETWORK = /net::ERR_|Failed to load resource|WebSocket connection to|ERR_INTERNET/;

export class BrowserTrial extends Trial {
    #pages = [];

    constructor(servers, browser) {
        super(servers);
        Object.assign(this, { browser, complaints: [] });
    }

    /** `parley serve --dev` of the row's own. */
    async serve({ options = ['--rate-limits=off'], dev = true, ...how } = {}) {
        const { issuers, binary } = this.servers;
        const server = await ChatServer.serve(binary, issuers, {
            options: [...(dev ? ['--dev'] : []), '--drain=1s', ...options], ...how,
        });
        this.defer(() => server.child.kill('SIGKILL'));
        return server;
    }

    folder = folder;

    pipe(url, how) {
        return Pipe.lay(this, url, how);
    }

    /** Somebody with a browser of their own. */
    async person({ viewport = WIDE, colorScheme = 'light', ...more } = {}) {
        const context = await this.browser.newContext({ viewport, colorScheme, ...more });
        context.setDefaultTimeout(PATIENCE_MS);
        this.defer(() => context.close().catch(() => {}));
        return context;
    }

    /** @param context  of a person; undefined: a new one */
    async open(url, context, how) {
        const page = await this.blank(context ?? (await this.person(how)));
        await page.goto(url);
        return page;
    }

    /** A page that is nowhere yet. */
    async blank(context) {
        const page = await context.newPage();
        listen(page, this.complaints);
        await page.addInitScript(tellViolations);
        this.#pages.push(page);
        return page;
    }

    /** Every row ends with it: nothing was complained of, but the network where it was cut. */
    isQuiet({ cut = false } = {}) {
        const wrong = this.complaints.filter((text) => !(cut && NETWORK.test(text)));
        if (wrong.length) throw new Failure(`the page complains: ${wrong.join(' | ')}`);
    }
}

/** Whose page says what, by the names that people with a screen reader hear. */
export const field = (page) => page.getByRole('textbox', { name: 'Message', exact: true });
export const sendButton = (page) => page.getByRole('button', { name: 'Send', exact: true });
export const log = (page) => page.getByRole('log', { name: 'Messages' });
export const inLog = (page, text) => log(page).getByText(text, { exact: true });
export const button = (page, name) => page.getByRole('button', { name, exact: true });

export async function say(page, text) {
    await field(page).fill(text);
    await sendButton(page).click();
}

/** How often an own message's state is shown so. */
export const states = (page, state) =>
    log(page).getByRole('img', { name: state, exact: true });

export async function hasStates(page, state, n) {
    await until(`${n} of "${state}"`, async () => (await states(page, state).count()) === n, PATIENCE_MS);
}

/** Alice's page and Bob's, each with a browser of their own, who know each other. */
export async function pair(t, { server, url, alice, bob } = {}) {
    const at = url ?? (server ?? (await t.serve())).url;
    const a = await t.open(`${at}/#alice`, undefined, alice);
    const b = await t.open(`${at}/#bob`, undefined, bob);
    await field(a).waitFor();
    await field(b).waitFor();
    return { url: at, alice: a, bob: b };
}

/** What axe finds, in a sentence each. */
export async function violations(page) {
    await page.evaluate(async () => { // what moves into its place has other colours on the way
        const all = (root) => [...root.getAnimations(), ...[...root.querySelectorAll('*')]
            .flatMap((it) => (it.shadowRoot ? all(it.shadowRoot) : []))];
        const ends = all(document).filter((one) => one.effect.getComputedTiming().endTime < 5000);
        await Promise.allSettled(ends.map((one) => one.finished));
    });
    await page.evaluate(axe); // as the debugger does: no policy of the page is asked
    const { violations: found } = await page.evaluate(() =>
        globalThis.axe.run(document, {
            resultTypes: ['violations'], rules: { 'target-size': { enabled: true } },
        }));
    return found.map(({ id, nodes }) =>
        `${id}: ${nodes.map((node) => `${node.target} ${node.failureSummary}`).join('; ')}`);
}
