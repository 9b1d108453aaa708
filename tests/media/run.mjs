#!/usr/bin/env node
/**
 * usage: run.mjs
 *
 * What files cost: how much memory does the server take for a large one, and how much slower is
 * text beside 50 uploads of 20 MiB? The programs are PARLEY, else build/parley, and the
 * parley-bench beside it: without sanitizers.
 *
 * UPLOADS_MIB    of the large file (1024)
 * UPLOADS_PAIRS  runs with uploads and without them, in turn (5)
 *
 * On stdout comes a line of JSON, with all that was measured, then a table, and whether each
 * clause holds. Progress is told on stderr.
 */
import { existsSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { numbers } from '../e2e/chat/expect.mjs';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { Runner } from '../e2e/runner.mjs';
import { BenchTrial } from '../bench/generator.mjs';
import { UPLOADS, large, pair } from './measure.mjs';
import { table, verdict } from './report.mjs';

const FREE_MIN_GIB = 3;
const LARGE_MAX_MIB = 2048; // --file-bytes of its server
const LIMIT_MS = 240000;    // of a run, or a pair

function wrong(why) {
    console.error(why);
    process.exit(2);
}

function count(name, otherwise, most = Infinity) {
    const n = Number(process.env[name] || otherwise);
    if (!(Number.isInteger(n) && n > 0 && n <= most))
        wrong(`${name}: ${process.env[name]} is no number, or too large`);
    return n;
}

const mib = count('UPLOADS_MIB', 1024, LARGE_MAX_MIB);
const nPairs = count('UPLOADS_PAIRS', 5);
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const generator = join(dirname(binary), 'parley-bench');
for (const program of [binary, generator])
    if (!existsSync(program)) wrong(`${program}: not built; build it, or set PARLEY`);
const { bavail, bsize } = statfsSync(tmpdir());
if (bavail * bsize < FREE_MIN_GIB * 2 ** 30)
    wrong(`${tmpdir()}: less than ${FREE_MIN_GIB} GiB are free; set TMPDIR`);

const servers = await ChatServers.make(binary);
const runner = new Runner();

/** What does not come to its end leaves nothing to judge. */
async function measured(name, work) {
    let result;
    console.error(name);
    const row = { name, limit: LIMIT_MS, run: async (t) => (result = await work(t)) };
    const { wrong: why } = await runner.attempt(row, new BenchTrial(servers, generator));
    if (!why) return result;
    runner.report('failed', name, why);
    return process.exit(runner.close());
}

const all = { kind: 'uploads', pairs: [] };
all.large = await measured(`${mib} MiB`, (t) => large(t, mib));
for (const i of numbers(nPairs))
    all.pairs.push(await measured(`pair ${i} of ${nPairs}`, (t) => pair(t, i % 2 === 1)));
all.verdict = verdict(all, UPLOADS);

console.log(JSON.stringify(all, (_, value) =>
    (typeof value === 'number' ? Number(value.toFixed(4)) : value)));
console.log(table(all));
for (const { key, wanted, holds, saw } of all.verdict)
    runner.report(holds ? 'passed' : 'failed', `${key}: ${wanted}`, saw);
process.exit(runner.close());
