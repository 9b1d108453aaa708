#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT]
 *
 * The demo page and the widget in Chromium, against `parley serve --dev`, which each row starts
 * for itself: the program PARLEY, else build/parley. CHROMIUM names another browser.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { Runner, select } from '../e2e/runner.mjs';
import { BrowserTrial, launch } from './browser.mjs';
import { rows as access } from './rows/access.mjs';
import { rows as chaos } from './rows/chaos.mjs';
import { rows as composer } from './rows/composer.mjs';
import { rows as embedding } from './rows/embedding.mjs';
import { rows as hostile } from './rows/hostile.mjs';
import { rows as long } from './rows/long.mjs';
import { rows as media } from './rows/media.mjs';
import { rows as message } from './rows/message.mjs';
import { rows as shell } from './rows/shell.mjs';
import { rows as talk } from './rows/talk.mjs';
import { rows as thread } from './rows/thread.mjs';

const AT_ONCE = 2; // more of them take longer: each has windows of its own to paint
const LIMIT_MS = 90000; // of a row, at least: the machine may be busy

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const rows = select([
    ...talk, ...media, ...shell, ...thread, ...message, ...composer, ...access, ...embedding,
    ...hostile, ...long, ...chaos,
], flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
if (!existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}

const runner = new Runner();
const servers = await ChatServers.make(binary);
const browser = await launch();

async function runRow(row) {
    if (!browser) {
        runner.report('skipped', row.name, 'Chromium is absent');
        return;
    }
    const { wrong, skip } = await runner.attempt(
        { ...row, limit: Math.max(row.limit ?? 0, LIMIT_MS) }, new BrowserTrial(servers, browser));
    runner.report(skip ? 'skipped' : wrong ? 'failed' : 'passed', row.name, skip ?? wrong);
}

await runner.all(rows, runRow, AT_ONCE);
await browser?.close();
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
process.exit(runner.close());
