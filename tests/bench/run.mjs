#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT]
 *
 * The generator of load against `parley serve`: what it reports is so, and what it checks for
 * it finds. The programs are PARLEY, else build/parley, and PARLEY_BENCH, else the parley-bench
 * beside it.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Runner, select } from '../e2e/runner.mjs';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { BenchTrial, END_MS } from './generator.mjs';
import { rows as faults } from './rows/faults.mjs';
import { rows as floors } from './rows/floors.mjs';
import { rows as growing } from './rows/growing.mjs';
import { rows as loads } from './rows/loads.mjs';
import { rows as outages } from './rows/outages.mjs';
import { rows as refusals } from './rows/refusals.mjs';

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const rows = select([...refusals, ...loads, ...growing, ...faults, ...outages, ...floors], flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}

const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const generator = process.env.PARLEY_BENCH ?? join(dirname(binary), 'parley-bench');
delete process.env.PARLEY_BENCH; // to both programs it would be an option that they don't have
for (const program of [binary, generator]) {
    if (!existsSync(program)) {
        console.error(`${program}: not built; build it, or set PARLEY and PARLEY_BENCH`);
        process.exit(2);
    }
}
const servers = await ChatServers.make(binary);
const runner = new Runner();

async function runRow(row) {
    const trial = new BenchTrial(servers, generator);
    const { wrong, skip } = await runner.attempt({ limit: END_MS + 20000, ...row }, trial);
    if (skip) return runner.report('skipped', row.name, skip);
    return runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}

await runner.all(rows, runRow);
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
process.exit(runner.close());
