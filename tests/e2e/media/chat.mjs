#!/usr/bin/env node
/**
 * usage: chat.mjs [--list] [--only TEXT]
 *
 * Files in messages, on a real S3: Debian's swift with s3api. The rows of chat/rows/media.mjs,
 * which pass on the server's own disk as well, and what only a store that is elsewhere can do:
 * be away. PARLEY is the program, else build/parley.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Runner, select } from '../runner.mjs';
import { isOfSoManyNodes } from '../chat/cluster.mjs';
import { ChatServers, ChatTrial } from '../chat/serve.mjs';
import { rows as media } from '../chat/rows/media.mjs';
import { backendOf } from './backend.mjs';
import { rows as store } from './store.mjs';
import { Swift, whyNot } from './swift.mjs';

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const rows = select([...media, ...store].filter(isOfSoManyNodes), flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../../build/parley', import.meta.url));
if (!existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}
const runner = new Runner();

async function runRow(servers, row) {
    const { wrong, skip } = await (async () => {
        const server = row.own ? undefined : await servers.get(row.server ?? 'default');
        return runner.attempt(row, new ChatTrial(servers, server, row.transport));
    })().catch((error) => ({ wrong: error.message }));
    runner.report(skip ? 'skipped' : wrong ? 'failed' : 'passed', row.name, skip ?? wrong);
}

async function runAll(swift) {
    const servers = await ChatServers.make(binary, backendOf(swift));
    await runner.all(rows, (row) => runRow(servers, row));
    for (const [name, error] of await servers.stop())
        runner.report(error ? 'failed' : 'passed', `server "${name}" ends cleanly`, error?.message);
}

const why = whyNot();
if (why) {
    runner.report('skipped', 'swift', why);
} else if (!rows.length) {
    runner.report('failed', `rows with "${flags.only}"`, 'none');
} else {
    const swift = await Swift.start();
    try {
        await runAll(swift);
    } finally {
        await swift.stop();
    }
}
process.exit(runner.close());
