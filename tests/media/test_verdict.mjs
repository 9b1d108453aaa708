#!/usr/bin/env node
/** What judges a measurement of uploads: each clause fails when it should. */
import { Trial, same } from '../e2e/lib.mjs';
import { Runner } from '../e2e/runner.mjs';
import { MIB } from '../e2e/chat/media.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { table, verdict } from './report.mjs';

const N = 50;
const text = (p99) => {
    const latency = { p50: 1, p90: 2, p99, p999: 100 };
    return { ack_ms: { ...latency }, delivery_ms: { ...latency }, server_cpu_us_per_message: 30 };
};

/** All of it as bad as it may be. */
const worst = () => ({
    large: {
        mib: 1024, put: { seconds: 16, cpu_ms_per_mib: 1, grown_bytes: 8 * MIB - 1, peak_bytes: 0 },
        got: { seconds: 1, grown_bytes: 0, peak_bytes: 8 * MIB - 1 },
    },
    pairs: numbers(5).map(() => ({
        quiet: text(1), loaded: { ...text(25), uploads: numbers(N).map(() => [200, 60]) },
    })),
});

/** Name, what is done to the worst, and the clauses that then fail. */
const JUDGED = [
    ['nothing', () => {}, []],
    ['acks slower in two of five runs', ({ pairs }) => pairs.slice(3)
        .forEach(({ loaded }) => (loaded.ack_ms.p99 = 500)), []],
    ['acks slower in three', ({ pairs }) => pairs.slice(2)
        .forEach(({ loaded }) => (loaded.ack_ms.p99 = 25.1)), ['ack_ms p99, loaded']],
    ['delivery slower in three', ({ pairs }) => pairs.slice(2)
        .forEach(({ loaded }) => (loaded.delivery_ms.p99 = 25.1)), ['delivery_ms p99, loaded']],
    ['quiet runs slower', ({ pairs }) => pairs.forEach(({ quiet }) =>
        (quiet.ack_ms.p99 = 500)), []],
    ['memory of its own', ({ large }) => (large.put.grown_bytes = 8 * MIB),
        ['1024 MiB put, memory']],
    ['pages of files', ({ large }) => (large.got.peak_bytes = 8 * MIB), ['1024 MiB got, memory']],
    ['one upload refused', ({ pairs: [{ loaded }] }) => (loaded.uploads[7] = [503, 1]),
        ['uploads']],
    ['one that broke off', ({ pairs: [{ loaded }] }) => (loaded.uploads[7] = ['ECONNRESET']),
        ['uploads']],
    ['one too slow', ({ pairs: [{ loaded }] }) => (loaded.uploads[7] = [200, 60.1]), ['uploads']],
    ['one of which nobody knows', ({ pairs: [{ loaded }] }) => loaded.uploads.pop(), ['uploads']],
];

const rows = JUDGED.map(([name, change, want]) => ({
    name: `fails: ${name}`,
    run: async () => {
        const all = worst();
        change(all);
        same(verdict(all, N).filter(({ holds }) => !holds).map(({ key }) => key), want, 'fails');
    },
}));
rows.push({
    name: 'shows each run',
    run: async () => same(table(worst()).split('\n').length, 1 + 1 + 10 + 1, 'lines'),
});

const runner = new Runner();
await runner.all(rows, async (row) => {
    const { wrong } = await runner.attempt(row, new Trial());
    runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}, 1);
process.exit(runner.close());
