#!/usr/bin/env node
/**
 * usage: run.mjs
 *
 * A flood of logins whose signatures another key has made, beside text: how much slower is the
 * text, what do the logins get, and what does the flood cost a server with rate limits? The
 * programs are PARLEY, else build/parley, and the parley-bench beside it: without sanitizers.
 *
 * FLOOD_LOGINS  of each flood, 500 a second: a multiple of that, at most 20000 (10000)
 * FLOOD_PAIRS   runs with a flood and without one, in turn (5)
 *
 * On stdout comes a line of JSON, with all that was measured, then a table, and whether each
 * clause holds. Progress is told on stderr.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { numbers } from '../e2e/chat/expect.mjs';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { Runner } from '../e2e/runner.mjs';
import { BenchTrial } from '../bench/generator.mjs';
import { LOGINS_PER_S, limited, pair } from './measure.mjs';
import { table } from './report.mjs';
import { verdict } from './verdict.mjs';

const LOGINS_MAX = 20000; // their nonces are good for five minutes, signing included
const LIMIT_MS = 240000;  // of a pair

function wrong(why) {
    console.error(why);
    process.exit(2);
}

function count(name, otherwise, { step = 1, most = Infinity } = {}) {
    const n = Number(process.env[name] || otherwise);
    if (!(n > 0 && n % step === 0 && n <= most))
        wrong(`${name}: ${process.env[name]} is no multiple of ${step}, or too many`);
    return n;
}

const n = count('FLOOD_LOGINS', 10000, { step: LOGINS_PER_S, most: LOGINS_MAX });
const nPairs = count('FLOOD_PAIRS', 5);
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const generator = join(dirname(binary), 'parley-bench');
for (const program of [binary, generator])
    if (!existsSync(program)) wrong(`${program}: not built; build it, or set PARLEY`);

const servers = await ChatServers.make(binary);
const runner = new Runner();

/** What does not come to its end leaves nothing to judge. */
async function measured(name, run) {
    let result;
    console.error(name);
    const row = { name, limit: LIMIT_MS, run: async (t) => (result = await run(t)) };
    const { wrong: why } = await runner.attempt(row, new BenchTrial(servers, generator));
    if (!why) return result;
    runner.report('failed', name, why);
    return process.exit(runner.close());
}

const rounded = (_, value) => (typeof value === 'number' ? Number(value.toFixed(4)) : value);

const all = { kind: 'flood', logins: n, logins_per_s: LOGINS_PER_S, pairs: [] };
for (const i of numbers(nPairs))
    all.pairs.push(await measured(`pair ${i} of ${nPairs}`,
        (t) => pair(t, n, i % 2 === 1)));
all.limited = await measured('with rate limits', (t) => limited(t, n));
all.verdict = verdict(all);

console.log(JSON.stringify(all, rounded));
console.log(table(all));
for (const { key, wanted, holds, saw } of all.verdict)
    runner.report(holds ? 'passed' : 'failed', `${key}: ${wanted}`, saw);
process.exit(runner.close());
