#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT] [--reference] [URL]
 *
 * --list names the rows, all but those of client.py; --only takes those with TEXT in it.
 *
 * Runs the tables against `parley selftest`, which it starts as the rows need it: the
 * program PARLEY, else build/parley. With a URL, against a server that runs there with
 * the defaults; what needs other options is skipped. --reference says that the server is
 * the reference implementation: rows with `dev`, where Parley does otherwise on purpose,
 * must fail then.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { Failure, Servers, Trial, run, within } from './lib.mjs';
import { scenarios } from './scenarios.mjs';
import { rules } from './rules.mjs';
import { versions } from './versions.mjs';

const AT_ONCE = 6;
const LIMIT_MS = 15000;
const PYTHON = '/usr/bin/python3'; // Debian's own, which sees Debian's python3-socketio
const PYTHON_LIMIT_MS = 60000;
const REFERENCE_FAILS = /(burst|sends in order).*\(polling\)/; // this client takes at most 16

const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        list: { type: 'boolean' },
        only: { type: 'string', default: '' },
        reference: { type: 'boolean' },
    },
});

const counts = { passed: 0, failed: 0, skipped: 0 };
const failures = [];

function report(verdict, name, why = '') {
    counts[verdict]++;
    const word = { passed: 'ok', failed: 'FAIL', skipped: 'skip' }[verdict];
    const line = `${word} ${name}${why && `: ${why}`}`;
    console.log(line);
    if (verdict === 'failed') failures.push(line);
}

/** @return what is wrong, or undefined */
async function attempt(row, servers) {
    const url = row.own ? undefined : await servers.url(row.server ?? 'default');
    const trial = new Trial(servers, url);
    try {
        const limit = row.limit ?? LIMIT_MS;
        await within(limit, 'end of the row', row.run(trial));
        return undefined;
    } catch (error) {
        return error instanceof Failure ? error.message : error.stack;
    } finally {
        trial.end();
    }
}

async function runRow(row, servers) {
    if (servers.only && (row.own || !servers.has(row.server ?? 'default')))
        return report('skipped', row.name, 'needs a server with options of its own');
    const wrong = await attempt(row, servers).catch((error) => error.message);
    if (flags.reference && row.dev)
        return wrong
            ? report('passed', row.name, `(the reference: ${row.dev})`)
            : report('failed', row.name, `the reference does not differ, yet: ${row.dev}`);
    return wrong ? report('failed', row.name, wrong) : report('passed', row.name);
}

async function runAll(rows, servers) {
    const queue = rows.filter((row) => !row.alone);
    const worker = async () => {
        while (queue.length) await runRow(queue.shift(), servers);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, worker));
    for (const row of rows.filter((one) => one.alone)) await runRow(row, servers);
}

/** client.py prints "ok NAME", "not ok NAME: reason" or "skip NAME: reason". */
async function runPython(servers) {
    const script = fileURLToPath(new URL('client.py', import.meta.url));
    const args = [script, await servers.url('default'), flags.only];
    const { child, ended } = run(PYTHON, args, ['ignore', 'pipe', 'inherit']);
    createInterface({ input: child.stdout }).on('line', (line) => {
        const found = /^(ok|not ok|skip) ([^:]+)(?:: (.*))?$/.exec(line);
        const verdict = { ok: 'passed', 'not ok': 'failed', skip: 'skipped' };
        if (found && flags.reference && REFERENCE_FAILS.test(found[2]))
            report('skipped', `python/${found[2]}`, 'the reference sends it too much');
        else if (found) report(verdict[found[1]], `python/${found[2]}`, found[3]);
        else report('failed', 'python', `unexpected line: ${line}`);
    });
    try {
        const how = await within(PYTHON_LIMIT_MS, 'end of client.py', ended);
        if (how !== 0) report('failed', 'python', `client.py ended with ${how}`);
    } catch (error) {
        report('failed', 'python', error.message);
    } finally {
        child.kill('SIGKILL');
    }
}

const rows = [...rules, ...scenarios, ...versions].filter((row) => row.name.includes(flags.only));
const names = rows.map((row) => row.name);
const twice = names.find((name, i) => names.indexOf(name) !== i);
if (twice) throw new Error(`two rows have the name "${twice}"`);
if (flags.list) {
    for (const name of names) console.log(name);
    process.exit(0);
}

const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
if (!positionals[0] && !existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}
const servers = new Servers(binary, positionals[0]);
await runAll(rows, servers);
await runPython(servers);
if (!Object.values(counts).some(Boolean)) report('failed', `rows with "${flags.only}"`, 'none');
for (const [name, error] of await servers.stop())
    report(error ? 'failed' : 'passed', `server "${name}" ends cleanly`, error?.message);

if (failures.length) console.log(`\n${failures.join('\n')}\n`);
const { passed, failed, skipped } = counts;
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed ? 1 : 0);
