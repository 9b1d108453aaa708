/** A measurement of uploads: what must hold of it, and how readers see it. */
import { median } from '../flood/quantile.mjs';
import { MIB } from '../e2e/chat/media.mjs';

const GROWN_MAX = 8 * MIB;
const P99_MAX_MS = 25;
const UPLOAD_MAX_S = 60;

const mib = (bytes) => `${(bytes / MIB).toFixed(2)} MiB`;

const staysSmall = (what, { grown_bytes: grown, peak_bytes: peak }) => ({
    key: `${what}, memory`, wanted: `less than ${mib(GROWN_MAX)} more`,
    holds: grown < GROWN_MAX && peak < GROWN_MAX,
    saw: `${mib(grown)} of its own, ${mib(peak)} with pages of files`,
});

function isFast(pairs, name, latency) {
    const p99 = median(pairs.map((pair) => pair[name][latency].p99));
    return {
        key: `${latency} p99, ${name}`, wanted: `at most ${P99_MAX_MS} ms, in the median`,
        holds: p99 <= P99_MAX_MS, saw: `${p99.toFixed(2)} ms`,
    };
}

function allEnd(pairs, n) {
    const all = pairs.flatMap(({ loaded }) => loaded.uploads);
    const bad = all.find(([status, seconds]) => status !== 200 || seconds > UPLOAD_MAX_S);
    const slowest = Math.max(...all.map(([, seconds]) => seconds ?? Infinity));
    return {
        key: 'uploads', wanted: `all of them, each within ${UPLOAD_MAX_S} s`,
        holds: all.length === pairs.length * n && !bad,
        saw: bad ? `one: ${bad.join(', ')}` : `${all.length}, the slowest ${slowest.toFixed(1)} s`,
    };
}

/** @param n  uploads beside each loaded run @return clauses, as of tests/flood/verdict.mjs */
export function verdict({ large, pairs }, n) {
    return [
        staysSmall(`${large.mib} MiB put`, large.put),
        staysSmall(`${large.mib} MiB got`, large.got),
        isFast(pairs, 'loaded', 'ack_ms'), isFast(pairs, 'loaded', 'delivery_ms'),
        allEnd(pairs, n),
    ];
}

const QUANTILES = ['p50', 'p90', 'p99', 'p999'];
const HEAD = ['', ...['ack', 'delivery'].flatMap((what) => QUANTILES.map((q, i) =>
    (i === 0 ? `${what} ${q}` : q))), 'µs CPU a message'];

const rowOf = (name, run) => [
    name, ...['ack_ms', 'delivery_ms'].flatMap((latency) => QUANTILES.map((q) =>
        run[latency][q].toFixed(2))), run.server_cpu_us_per_message.toFixed(1),
];

/** Two spaces before each line: script/test shows those. */
export function table({ large, pairs }) {
    const rows = [HEAD, ...pairs.flatMap(({ quiet, loaded }, i) =>
        [rowOf(`${i + 1} quiet`, quiet), rowOf(`${i + 1} loaded`, loaded)])];
    const wide = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i].length)));
    const lines = rows.map((row) => row.map((cell, i) =>
        (i === 0 ? cell.padEnd(wide[i]) : cell.padStart(wide[i]))).join('  '));
    const { put, got } = large;
    return [
        `${large.mib} MiB: put in ${put.seconds.toFixed(1)} s, ` +
            `${put.cpu_ms_per_mib.toFixed(2)} ms CPU a MiB; got in ${got.seconds.toFixed(1)} s`,
        ...lines, 'Latencies in ms, of text. The CPU of loaded runs is that of the uploads as well.',
    ].map((line) => `  ${line}`).join('\n');
}
