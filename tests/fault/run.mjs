#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT]
 *
 * The power goes, disks fail and are full, memory and files run out, clocks jump: what was
 * acknowledged is there afterwards, once. It is killed KILLS times (10) under load; the ways to it
 * break, each at every CUT_STEP-th byte (7) of an exchange; ALLOC_STRIDE=1 has every allocation of
 * a request fail, and not some. SEED makes the same choices again. The program is PARLEY, else
 * build/parley: one without sanitizers, which do not run under a tracer.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Runner, select } from '../e2e/runner.mjs';
import { ChatServers, ChatTrial } from '../e2e/chat/serve.mjs';
import { rows as broken } from './broken.mjs';
import { rows as chaos } from './chaos.mjs';
import { rows as clock } from './clock.mjs';
import { rows as crowd } from './crowd.mjs';
import { rows as files } from './files.mjs';
import { rows as full } from './full.mjs';
import { rows as killed } from './killed.mjs';
import { rows as kills } from './kills.mjs';
import { rows as memory } from './memory.mjs';
import { rows as network } from './network.mjs';
import { rows as ordered } from './ordered.mjs';
import { rows as stuck } from './stuck.mjs';
import { whyNoTracing } from './trace.mjs';

const AT_ONCE = 3; // each has a server, a tracer and two clients

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const all = [
    ...killed, ...broken, ...full, ...files, ...stuck, ...ordered, ...chaos, ...network,
    ...memory, ...clock, ...crowd, ...kills,
];
const rows = select(all, flags.only);
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
const servers = await ChatServers.make(binary);
const runner = new Runner();
const why = whyNoTracing();

async function runRow(row) {
    if (why && row.isTraced !== false) return runner.report('skipped', row.name, why);
    const trial = new ChatTrial(servers, undefined, 'websocket');
    const { wrong, skip } = await runner.attempt(row, trial);
    if (skip) return runner.report('skipped', row.name, skip);
    return runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}

await runner.all(rows, runRow, AT_ONCE);
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
process.exit(runner.close());
