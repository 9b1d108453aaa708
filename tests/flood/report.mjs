/** A measurement for readers: two tables, every line of which begins with two spaces. */
import { coresOf, medians } from './verdict.mjs';

const HEAD = ['', 'ack p50', 'p99', 'delivery p50', 'p99', 'cores', 'µs a login', 'answers'];

const ms = (value) => value.toFixed(2);
const answers = (logins) => [
    ...Object.entries(logins.answers).map(([what, n]) => `${n} ${what}`),
    ...(logins.unanswered ? [`${logins.unanswered} none: ${logins.why}`] : []),
].join(', ');
const microseconds = (cores, { sent, seconds }) => (cores * seconds * 1e6 / sent).toFixed(0);

function rowOf(name, run, ...more) {
    const { ack_ms: ack, delivery_ms: delivery, server_cores: cores } = run;
    return [name, ...[ack, delivery].flatMap(({ p50, p99 }) => [ms(p50), ms(p99)]),
        cores.toFixed(3), ...more];
}

const rowsOf = ({ quiet, flooded }, i) => [
    rowOf(`${i + 1} quiet`, quiet),
    rowOf(`${i + 1} flooded`, flooded,
        microseconds(flooded.server_cores - quiet.server_cores, flooded.logins),
        answers(flooded.logins)),
];

function mediansOf(pairs) {
    const [ack, delivery] = ['ack_ms', 'delivery_ms'].map((name) => medians(pairs, name));
    return [['median quiet', '', ms(ack.quiet), '', ms(delivery.quiet)],
        ['median flooded', '', ms(ack.flooded), '', ms(delivery.flooded)],
        ['median of times', '', ms(ack.times), '', ms(delivery.times)]];
}

function limitedOf(run) {
    const none = ['', '', '', ''];
    return [
        ['limits, idle', ...none, run.idle_cores.toFixed(4)],
        ['limits, flooded', ...none, run.flooded_cores.toFixed(4),
            microseconds(coresOf(run), run.logins), answers(run.logins)],
    ];
}

/** The last column is the only one that is text. */
function print(rows) {
    const wide = HEAD.map((_, i) => Math.max(...rows.map((row) => row[i]?.length ?? 0)));
    return rows.map((row) => row.map((cell, i) =>
        (i === 0 || i === HEAD.length - 1 ? cell.padEnd(wide[i]) : cell.padStart(wide[i])))
        .join('  ').trimEnd());
}

export function table({ pairs, limited }) {
    const rows = [HEAD, ...pairs.flatMap(rowsOf), ...mediansOf(pairs), ...limitedOf(limited)];
    return [...print(rows), 'Latencies in ms, of text. Cores are what the server takes of one.']
        .map((line) => `  ${line}`).join('\n');
}
