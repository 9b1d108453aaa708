#!/usr/bin/env node
/**
 * usage: run.mjs
 *
 * A mailbox of 100 000 messages is read by a client on a slow line, 50 KB/s, which acknowledges
 * each: is all there, in order, and how much memory does that cost the server? And does a
 * message cost it more because many others wait? The program is PARLEY, else build/parley:
 * without sanitizers.
 *
 * DRAIN_MESSAGES  how many of them are read (5000: some 45 s over each transport)
 * DRAIN_SENDERS   who have sent them (10)
 * DRAIN_COLD      yes: the server is started anew before they are read on the slow line; what the
 *                 cache of its database takes then is counted, too
 *
 * On stdout comes a line of JSON, with all that was measured, then a table, and whether each
 * clause holds. Progress is told on stderr.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ChatServers, ChatTrial } from '../e2e/chat/serve.mjs';
import { Runner } from '../e2e/runner.mjs';
import { drain, fill } from './mailbox.mjs';

const MAILBOX = 100000;
const BYTES_PER_S = 50000;
const GROWN_MAX = 4 * 1048576;
const SLOWEST = 0.7;  // of what the line lets through: below, it is not the line that was slow
const AT_ONCE = 5000; // messages that are read as fast as it goes
const DEARER_MAX = 2; // times the CPU of a message in a mailbox that holds no others
const TRANSPORTS = ['websocket', 'polling'];
const WIRE_BYTES = 600; // of a message, at most, for how long a run may take

function wrong(why) {
    console.error(why);
    process.exit(2);
}

/** @param all  what it has to be a part of */
function count(name, otherwise, all) {
    const n = Number(process.env[name] || otherwise);
    if (!(Number.isInteger(n) && n > 0 && all % n === 0))
        wrong(`${name}: ${process.env[name]} does not divide ${all}`);
    return n;
}

const n = count('DRAIN_MESSAGES', 5000, MAILBOX);
const isCold = process.env.DRAIN_COLD === 'yes';
const nSenders = count('DRAIN_SENDERS', 10, AT_ONCE);
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
if (!existsSync(binary)) wrong(`${binary}: not built; build it, or set PARLEY`);

const servers = await ChatServers.make(binary);
const runner = new Runner();

/** @return what was measured; undefined: it has not come to its end, and has failed */
async function measured(name, transport, nThere, nRead, how) {
    console.error(name);
    let got;
    const row = {
        limit: 180000 + (how?.bytesPerS ? (nRead * WIRE_BYTES * 1000) / how.bytesPerS : 0),
        run: async (t) => {
            const address = await fill(t, nThere, nSenders);
            got = await drain(t, address, nRead, how);
        },
    };
    const trial = new ChatTrial(servers, undefined, transport);
    const { wrong: why } = await runner.attempt(row, trial);
    runner.report(why ? 'failed' : 'passed', `${name}: all there, in order, delivered`, why);
    return got && { name, mailbox: nThere, ...got };
}

const clause = (name, wanted, holds, saw) =>
    runner.report(holds ? 'passed' : 'failed', `${name}: ${wanted}`, saw);

const mib = (bytes) => (bytes / 1048576).toFixed(2);

const HEAD = ['', 'messages', 'seconds', 'KB/s', 'MiB before', 'more', 'µs CPU a message'];
const cellsOf = (run) => [run.name, `${run.messages} of ${run.mailbox}`, run.seconds.toFixed(1),
    (run.bytes_per_s / 1000).toFixed(1), mib(run.before_bytes), mib(run.grown_bytes),
    run.cpu_us_per_message.toFixed(1)];

function table(runs) {
    const rows = [HEAD, ...runs.map(cellsOf)];
    const wide = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    return rows.map((row) => `  ${row.map((cell, i) =>
        (i === 0 ? cell.padEnd(wide[i]) : cell.padStart(wide[i]))).join('  ')}`).join('\n');
}

const slow = [];
for (const transport of TRANSPORTS)
    slow.push(await measured(`slow ${transport}`, transport, MAILBOX, n,
        { bytesPerS: BYTES_PER_S, isCold }));
const large = await measured('at once, of a large mailbox', 'websocket', MAILBOX, AT_ONCE);
const small = await measured('at once, of a small mailbox', 'websocket', AT_ONCE, AT_ONCE);

const all = [...slow, large, small].filter(Boolean);
console.log(JSON.stringify({ kind: 'drain', senders: nSenders, runs: all }, (_, value) =>
    (typeof value === 'number' ? Number(value.toFixed(4)) : value)));
console.log(table(all));
for (const run of slow.filter(Boolean)) {
    clause(`${run.name}, memory`, `at most ${mib(GROWN_MAX)} MiB more`,
        run.grown_bytes <= GROWN_MAX, `${mib(run.grown_bytes)} MiB`);
    clause(`${run.name}, line`, `${SLOWEST * BYTES_PER_S} to ${BYTES_PER_S} bytes/s`,
        run.bytes_per_s >= SLOWEST * BYTES_PER_S && run.bytes_per_s <= 1.02 * BYTES_PER_S,
        `${Math.round(run.bytes_per_s)}`);
}
if (large && small) {
    const times = large.cpu_us_per_message / small.cpu_us_per_message;
    clause('CPU', `at most ${DEARER_MAX} times that of a small mailbox`, times <= DEARER_MAX,
        `${times.toFixed(2)} times`);
}
process.exit(runner.close());
