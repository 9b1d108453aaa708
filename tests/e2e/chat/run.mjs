#!/usr/bin/env node
/**
 * usage: run.mjs [--list] [--only TEXT]
 *
 * --list names the rows, all but those of client.py; --only takes those with TEXT in it.
 *
 * What applications do with the chat, against `parley serve`, which it starts as the rows
 * need it: the program PARLEY, else build/parley. At the end every error code that the
 * program says it sends must have been seen by a client of this run, and the rows that show
 * what docs/protocol.md says must have passed. With STORE=postgres the servers have their messages
 * in TEST_POSTGRES; with PARLEY_TLS_CERT and PARLEY_TLS_KEY clients come by HTTPS.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { REFUSED } from '../lib.mjs';
import { Runner, select } from '../runner.mjs';
import { NODES, isOfSoManyNodes } from './cluster.mjs';
import { isOfThisStore } from './database.mjs';
import { codes, saw } from './peer.mjs';
import { LEFT_OUT, sentences } from './sentences.mjs';
import { ChatServers, ChatTrial } from './serve.mjs';
import { isOfThisScheme } from './tls.mjs';
import { rows as contacts } from './rows/contacts.mjs';
import { rows as broken } from './rows/broken.mjs';
import { rows as contents } from './rows/contents.mjs';
import { rows as contracts } from './rows/contracts.mjs';
import { rows as delivery } from './rows/delivery.mjs';
import { rows as devices } from './rows/devices.mjs';
import { rows as doctor } from './rows/doctor.mjs';
import { rows as front } from './rows/front.mjs';
import { rows as hardening } from './rows/hardening.mjs';
import { rows as history } from './rows/history.mjs';
import { rows as idp } from './rows/idp.mjs';
import { rows as life } from './rows/life.mjs';
import { rows as limits } from './rows/limits.mjs';
import { rows as live } from './rows/live.mjs';
import { rows as listeners } from './rows/listeners.mjs';
import { rows as media } from './rows/media.mjs';
import { rows as mediaLocal } from './rows/media-local.mjs';
import { rows as messages } from './rows/messages.mjs';
import { rows as nodes } from './rows/nodes.mjs';
import { rows as origins } from './rows/origins.mjs';
import { rows as proxies } from './rows/proxies.mjs';
import { rows as postgres } from './rows/postgres.mjs';
import { rows as readme } from './rows/readme.mjs';
import { rows as secrets } from './rows/secrets.mjs';
import { rows as raw } from './rows/raw.mjs';
import { rows as reports } from './rows/reports.mjs';
import { rows as rest } from './rows/rest.mjs';
import { rows as resume } from './rows/resume.mjs';
import { rows as revoke } from './rows/revoke.mjs';
import { rows as rotation } from './rows/rotation.mjs';
import { rows as service } from './rows/service.mjs';
import { rows as sessions } from './rows/sessions.mjs';
import { rows as signIn } from './rows/sign-in.mjs';
import { rows as sql } from './rows/sql.mjs';
import { rows as storage } from './rows/storage.mjs';
import { rows as tls } from './rows/tls.mjs';
import { rows as tokens } from './rows/tokens.mjs';
import { rows as workers } from './rows/workers.mjs';

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});

/** Several processes have their files elsewhere: tests/e2e/media/chat.mjs runs these rows there. */
const ofFiles = (some) => some.map((row) => ({ ...row, single: true }));

const all = [
    ...tokens, ...idp, ...signIn, ...sessions, ...contracts, ...revoke, ...messages,
    ...contents, ...delivery, ...listeners, ...devices, ...resume, ...contacts, ...live,
    ...history, ...rest, ...limits, ...broken, ...raw, ...origins, ...storage, ...life,
    ...rotation, ...sql, ...ofFiles(media), ...ofFiles(mediaLocal), ...secrets, ...readme, ...front,
    ...workers, ...postgres, ...nodes, ...tls, ...proxies, ...service, ...doctor, ...hardening, ...reports,
];
const isOurs = (row) => isOfThisStore(row) && isOfSoManyNodes(row) && isOfThisScheme(row);
const rows = select(all.filter(isOurs), flags.only);
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
const servers = await ChatServers.make(binary);
const runner = new Runner();
const outcomes = new Map( // of rows
    all.filter((row) => !isOurs(row)).map(({ name }) => [name, LEFT_OUT]));

async function runRow(row) {
    const { wrong, skip } = await (async () => {
        const server = row.own ? undefined : await servers.get(row.server ?? 'default');
        return runner.attempt(row, new ChatTrial(servers, server, row.transport));
    })().catch((error) => ({ wrong: error.message }));
    const outcome = skip ? 'skipped' : wrong ? 'failed' : 'passed';
    outcomes.set(row.name, outcome);
    runner.report(outcome, row.name, skip ?? wrong);
}

/** What no client can make the server say: it would take a fault of the server's own. */
const UNREACHABLE = new Set(['internal']);

/** The table that the program prints. */
function checkCodes() {
    const lines = servers.command('help', 'errors').split('\n'); // code, use, when
    const table = lines.map((line) => /^\s*([a-z_]+)\s+(yes|reserved)\b/.exec(line))
        .filter(Boolean).map(([, code, use]) => [code, use]);
    runner.report(table.length > 20 ? 'passed' : 'failed', 'codes: the program has a table');
    for (const [code, use] of table) {
        if (use === 'yes' && !UNREACHABLE.has(code))
            runner.report(codes.has(code) ? 'passed' : 'failed', `codes: ${code} was seen`);
        else if (codes.has(code))
            runner.report('failed', `codes: ${code} is "${use}", and was seen`);
    }
    const known = new Set(table.map(([code]) => code));
    for (const code of codes)
        if (!known.has(code)) runner.report('failed', `codes: "${code}" is in no table`);
}

/** client.py prints "code NAME" for each that it was sent. */
function isCode(line) {
    const found = /^code (\S+)$/.exec(line);
    if (found) saw(found[1]);
    return Boolean(found);
}

await runner.all(rows, runRow);
const client = fileURLToPath(new URL('client.py', import.meta.url));
try {
    const { url } = await servers.get('default');
    await runner.python(client, [url, flags.only, servers.issuers.all.hs.file], isCode);
} catch (error) {
    runner.report('failed', 'python', error.message);
}
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
// Not of several nodes: what is left out there shows some of both, and has been seen elsewhere.
if (!flags.only && NODES === 1) {
    checkCodes();
    for (const [verdict, name, why] of sentences(outcomes)) runner.report(verdict, name, why);
}
for (const [name, error] of await servers.stop())
    runner.report(error ? 'failed' : 'passed', `server "${name}" ends cleanly`, error?.message);
// Nor does any server try what it has given up.
runner.report(REFUSED.size ? 'failed' : 'passed', 'servers make no call that is refused', [...REFUSED].join());
process.exit(runner.close());
