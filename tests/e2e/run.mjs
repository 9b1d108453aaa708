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
import { parseArgs } from 'node:util';
import { Servers, Trial } from './lib.mjs';
import { Runner, select } from './runner.mjs';
import { scenarios } from './scenarios.mjs';
import { rules } from './rules.mjs';
import { versions } from './versions.mjs';

/** This client takes at most 16 packets of a poll. */
const REFERENCE_FAILS = /^(?:ok|not ok) ([^:]*(?:burst|sends in order)[^:]*\(polling\))/;

const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
        list: { type: 'boolean' },
        only: { type: 'string', default: '' },
        reference: { type: 'boolean' },
    },
});

const rows = select([...rules, ...scenarios, ...versions], flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}

const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
if (!positionals[0] && !existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}
const servers = new Servers(binary, positionals[0]);
const runner = new Runner();

async function runRow(row) {
    if (servers.only && (row.own || !servers.has(row.server ?? 'default')))
        return runner.report('skipped', row.name, 'needs a server with options of its own');
    const { wrong } = await (async () => {
        const url = row.own ? undefined : await servers.url(row.server ?? 'default');
        return runner.attempt(row, new Trial(servers, url));
    })().catch((error) => ({ wrong: error.message }));
    if (flags.reference && row.dev)
        return wrong
            ? runner.report('passed', row.name, `(the reference: ${row.dev})`)
            : runner.report('failed', row.name, `the reference does not differ, yet: ${row.dev}`);
    return wrong
        ? runner.report('failed', row.name, wrong)
        : runner.report('passed', row.name);
}

/** @return whether it has seen to the line */
function isReferenceFault(line) {
    const found = flags.reference && REFERENCE_FAILS.exec(line);
    if (found) runner.report('skipped', `python/${found[1]}`, 'the reference sends it too much');
    return Boolean(found);
}

await runner.all(rows, runRow);
const client = fileURLToPath(new URL('client.py', import.meta.url));
await runner.python(client, [await servers.url('default'), flags.only], isReferenceFault);
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
for (const [name, error] of await servers.stop())
    runner.report(error ? 'failed' : 'passed', `server "${name}" ends cleanly`, error?.message);
process.exit(runner.close());
