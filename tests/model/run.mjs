#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT] [--seed N] [--steps N]
 *
 * Wallets that do what they can by chance, against `parley serve`, and a model that says what
 * must always hold. MODEL_SECONDS (20) is for all rows together, --steps ends each of them
 * sooner. SEED, or --seed, makes the same steps again; the row "lock step" then is the same
 * from its beginning to its end, the others as far as answers come in the same order. The
 * program is PARLEY, else build/parley.
 */
import { randomInt } from 'node:crypto';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Failure, now } from '../e2e/lib.mjs';
import { ChatServers, ChatTrial, workersOf } from '../e2e/chat/serve.mjs';
import { Runner, select } from '../e2e/runner.mjs';
import { WANTED } from './operations.mjs';
import { World } from './world.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s', '--uploads-pending=100000'];
const SMALL = { peer: 40, stranger: 15 };
const SHORT = 150;         // steps of a run that is made twice
const REST_MS = 120000;    // for the last time of quiet, and for a machine with much to do
const SHOWS_MUCH_S = 10;   // a run so long does all there is

const { values: flags } = parseArgs({ options: {
    list: { type: 'boolean' }, only: { type: 'string', default: '' },
    seed: { type: 'string' }, steps: { type: 'string' },
} });

const seconds = Number(process.env.MODEL_SECONDS || 20);
const seed = Number(flags.seed ?? process.env.SEED ?? randomInt(2 ** 31));
const steps = Number(flags.steps ?? Infinity);
if (!(seconds > 0 && steps > 0 && Number.isInteger(seed))) {
    console.error('MODEL_SECONDS, --steps and the seed are numbers');
    process.exit(2);
}

const counts = new Map();

async function world(t, row, how) {
    const { options = [], ends = false, ...more } = row;
    const all = [...OPTIONS, ...options];
    await t.serve({ options: all });
    return World.make(t, {
        counts, options: all, ends, seed: how.seed,
        name: row.name, ...more,
    });
}

/** Step and seed go with whatever went wrong. */
async function drive(t, row, how) {
    const made = await world(t, row, how);
    try {
        await made.run(how.until, how.steps);
    } catch (error) {
        const text = error instanceof Failure ? error.message : error.stack;
        throw new Failure(`SEED=${seed} --only '${row.name}' step ${made.step}: ${text}`);
    }
    await t.server.stop();
    console.log(`  ${row.name}: ${made.said()}`);
    return made;
}

const rowOf = (row, i, nRows) => ({
    name: row.name,
    limit: 1000 * seconds / nRows + REST_MS,
    run: (t) => drive(t, row,
        { seed: seed + i, until: now() + 1000 * seconds / nRows, steps }),
});

/** What a seed decides is the same when it is run again. */
const isReplayed = {
    name: 'a seed makes the same steps',
    limit: REST_MS,
    run: async (t) => {
        const row = { name: 'a seed makes the same steps', isLockStep: true };
        const how = { seed, until: Infinity, steps: SHORT };
        const [first, again] = [await drive(t, row, how), await drive(t, row, how)];
        for (const [name, lines] of first.done) {
            const other = again.done.get(name) ?? [];
            const at = lines.findIndex((line, i) => line !== other[i]);
            if (at >= 0) throw new Failure(`SEED=${seed}: ${lines[at]}, and then ${other[at]}`);
        }
    },
};

const TABLE = [
    { name: 'lock step', isLockStep: true },
    { name: 'at once' },
    { name: 'at once, and the server ends', ends: true },
    { name: 'at once, with small mailboxes', limits: SMALL, options: [
        `--mailbox-peer-messages=${SMALL.peer}`, `--mailbox-stranger-messages=${SMALL.stranger}`,
    ] },
    { name: 'at once, and who has not accepted tells nothing', isShy: true,
        options: ['--contact-policy=request'] },
];
// Which of several workers a connection gets is the kernel's choice, and no seed's.
const repeats = workersOf(OPTIONS) === 1 ? [isReplayed] : [];
const chosen = select([...repeats, ...TABLE], flags.only);
const timed = chosen.filter((row) => row !== isReplayed);
const rows = [...chosen.filter((row) => row === isReplayed),
    ...timed.map((row) => rowOf(row, TABLE.indexOf(row), timed.length))];
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
console.log(`  SEED=${seed}`);
const servers = await ChatServers.make(binary);
const runner = new Runner();

async function runRow(row) {
    const { wrong } = await runner.attempt(row, new ChatTrial(servers, undefined, 'websocket'));
    runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}

function sawAll() {
    for (const what of WANTED)
        runner.report(counts.get(what) ? 'passed' : 'failed', `it came to it: ${what}`);
}

for (const row of rows) await runRow(row);
if (!flags.only && !flags.steps && seconds >= SHOWS_MUCH_S) sawAll();
console.log(`  ${[...counts].map(([what, n]) => `${what} ${n}`).join(', ')}`);
process.exit(runner.close());
