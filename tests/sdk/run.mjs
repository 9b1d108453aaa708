#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT]
 *
 * The SDK as it is built (sdk/dist), in Node, against `parley serve`, which it starts as the rows
 * need it: the program PARLEY, else build/parley.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Runner, select } from '../e2e/runner.mjs';
import { ChatServers, ChatTrial } from '../e2e/chat/serve.mjs';

const AT_ONCE = 3;
const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const binary = process.env.PARLEY ?? here('../../build/parley');
for (const [file, how] of [
    [binary, 'build it, or set PARLEY'],
    [here('../../sdk/dist/index.js'), 'npm run build -w sdk'],
]) {
    if (existsSync(file)) continue;
    console.error(`${file}: not built; ${how}`);
    process.exit(2);
}
const { isOfSoManyNodes } = await import('../e2e/chat/cluster.mjs');
const { rows: chat } = await import('./chat.mjs');
const { rows: auth } = await import('./auth.mjs');
const rows = select([...chat, ...auth].filter(isOfSoManyNodes), flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}
const servers = await ChatServers.make(binary);
const runner = new Runner();

async function runRow(row) {
    const { wrong, skip } = await (async () => {
        const server = row.own ? undefined : await servers.get(row.server ?? 'default');
        return runner.attempt(row, new ChatTrial(servers, server));
    })().catch((error) => ({ wrong: error.message }));
    runner.report(skip ? 'skipped' : wrong ? 'failed' : 'passed', row.name, skip ?? wrong);
}

await runner.all(rows, runRow, AT_ONCE);
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
for (const [name, error] of await servers.stop())
    runner.report(error ? 'failed' : 'passed', `server "${name}" ends cleanly`, error?.message);
process.exit(runner.close());
