#!/usr/bin/env node
/**
 * usage: parts.mjs [--list] [--only TEXT]
 *
 * The shell and the thread of the widget in Chromium, over a chat in memory: the pages in web/test,
 * served by Vite from the sources. CHROMIUM names another browser.
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createServer } from 'vite';
import { Runner, select } from '../e2e/runner.mjs';
import { BrowserTrial, WIDE, launch } from './browser.mjs';
import { shellTests } from './shell.mjs';
import { cases } from './thread.mjs';

const AT_ONCE = 2;
const LIMIT_MS = 90000;

const rowsOf = (name, tests, path) =>
    Object.entries(tests).map(([what, test]) => ({
        name: `${name}: ${what}`,
        limit: LIMIT_MS,
        run: async (t) => test(await t.open(new URL(path, base).href, undefined, { viewport: WIDE })),
    }));

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const root = fileURLToPath(new URL('../../web/', import.meta.url));
const configFile = `${root}vite.config.ts`;
const server = { port: 0, host: '127.0.0.1' };
const vite = await createServer({ root, configFile, logLevel: 'error', server });
await vite.listen();
const { port } = vite.httpServer.address();
const base = `http://127.0.0.1:${port}/`;

const rows = select(
    [...rowsOf('shell', shellTests, 'test/shell-page.html'),
        ...rowsOf('thread', cases, 'test/thread-page.html')], flags.only);
const runner = new Runner();
const browser = flags.list ? undefined : await launch();

async function runRow(row) {
    if (flags.list) return console.log(row.name);
    if (!browser) return runner.report('skipped', row.name, 'Chromium is absent');
    const { wrong, skip } = await runner.attempt(row, new BrowserTrial({}, browser));
    runner.report(skip ? 'skipped' : wrong ? 'failed' : 'passed', row.name, skip ?? wrong);
}

await runner.all(rows, runRow, AT_ONCE);
await browser?.close();
await vite.close();
if (!flags.list && !runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
process.exit(flags.list ? 0 : runner.close());
