#!/usr/bin/env node
/** What judges a flood: each clause fails when it should, and what is counted is what came. */
import { createServer } from 'node:http';
import { once } from 'node:events';
import { Trial, between, now, same } from '../e2e/lib.mjs';
import { Runner } from '../e2e/runner.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { request } from '../e2e/wire.mjs';
import flood from './flood.mjs';
import { median, quantile } from './quantile.mjs';
import { inThread } from './thread.mjs';
import { verdict } from './verdict.mjs';

const text = (p99) => ({ ack_ms: { p99 }, delivery_ms: { p99 } });
const sent = (answers) => ({
    sent: 10000, answers, unanswered: 0, seconds: 20, late_ms: { p99: 100 },
});

/** All of it as bad as it may be. */
const worst = () => ({
    pairs: numbers(5).map(() => ({
        quiet: text(8),
        flooded: { ...text(16), logins: sent({ '401 login_signature': 9500, '503 busy': 500 }) },
    })),
    limited: {
        idle_cores: 0.25, flooded_cores: 0.25 + 0.0499,
        logins: sent({ '401 login_signature': 12, '429 rate_limited': 9988 }),
    },
});

const answers = (flooded, those) => Object.assign(flooded.logins, { answers: those });

/** Name, what is done to the worst or to some of its pairs, and the clauses that then fail. */
const JUDGED = [
    ['nothing', () => {}, []],
    ['acks slower in two of five pairs', ({ pairs }) => pairs.slice(3)
        .forEach(({ flooded }) => (flooded.ack_ms.p99 = 500)), []],
    ['acks slower in three', ({ pairs }) => pairs.slice(2)
        .forEach(({ flooded }) => (flooded.ack_ms.p99 = 16.1)), ['ack_p99']],
    ['delivery slower in three', ({ pairs }) => pairs.slice(2)
        .forEach(({ flooded }) => (flooded.delivery_ms.p99 = 16.1)), ['delivery_p99']],
    ['text ten times as slow, but 10 ms', ({ pairs }) => pairs.forEach((pair) =>
        Object.assign(pair.quiet, text(1)) && Object.assign(pair.flooded, text(10))), []],
    ['text ten times as slow, and more', ({ pairs }) => pairs.forEach((pair) =>
        Object.assign(pair.quiet, text(1)) && Object.assign(pair.flooded, text(10.1))),
    ['ack_p99', 'delivery_p99']],
    ['no pair', (all) => (all.pairs = []), ['ack_p99', 'delivery_p99']],
    ['one login of one run without an answer', ({ pairs: [{ flooded }] }) => {
        answers(flooded, { '401 login_signature': 9999 });
        flooded.logins.unanswered = 1;
    }, ['answered']],
    ['one of which nobody knows', ({ pairs: [{ flooded }] }) =>
        answers(flooded, { '401 login_signature': 9999 }), ['answered']],
    ['one too few by login_signature', ({ pairs: [{ flooded }] }) =>
        answers(flooded, { '401 login_signature': 9499, '503 busy': 501 }), ['login_signature']],
    ['one by something else', ({ pairs: [{ flooded }] }) =>
        answers(flooded, { '401 login_signature': 9999, '500 internal': 1 }), ['busy']],
    ['one that was let in', ({ pairs: [{ flooded }] }) =>
        answers(flooded, { '401 login_signature': 9999, '200 ok': 1 }), ['busy']],
    ['the code with another status', ({ pairs: [{ flooded }] }) =>
        answers(flooded, { '400 login_signature': 10000 }), ['login_signature', 'busy']],
    ['limits that do not hold', ({ limited }) =>
        answers(limited, { '401 login_signature': 13, '429 rate_limited': 9987 }),
    ['limits_answers']],
    ['a busy server with limits', ({ limited }) =>
        answers(limited, { '429 rate_limited': 9999, '503 busy': 1 }), ['limits_answers']],
    ['one without an answer, with limits', ({ limited }) => {
        answers(limited, { '429 rate_limited': 9999 });
        limited.logins.unanswered = 1;
    }, ['answered']],
    ['5 % of a core', ({ limited }) => (limited.flooded_cores = 0.25 + 0.0501), ['limits_cpu']],
    ['a flood that was not sent in time', ({ pairs: [{ flooded }] }) =>
        (flooded.logins.late_ms.p99 = 100.1), ['sent_late_p99']],
    ['a flood that was not sent', ({ pairs: [{ flooded }] }) => {
        Object.assign(flooded.logins, { answers: {}, unanswered: 10000, late_ms: { p99: NaN } });
    }, ['answered', 'login_signature', 'sent_late_p99']],
];

const judged = JUDGED.map(([name, change, failing]) => ({
    name: `verdict: ${name}`,
    run: async () => {
        const all = worst();
        change(all);
        const clauses = verdict(all);
        same(clauses.length, 8, 'clauses');
        same(clauses.filter(({ holds }) => !holds).map(({ key }) => key), failing, 'failing');
    },
}));

function findsQuantiles() {
    same(quantile([3, 1, 2], 0), 1, 'least');
    same(quantile(numbers(100), 0.99), 99, 'p99 of 1 to 100');
    same(quantile(numbers(101), 0.99), 100, 'p99 of 1 to 101');
    same(quantile([7], 0.5), 7, 'p50 of one');
    same(quantile([], 0.5), NaN, 'of none');
    same([median([10, 9, 2]), median([1, 4, 2, 10])], [9, 3], 'medians');
}

/** @param answer  gets what each request is answered with, and its number from 0 */
async function served(t, answer) {
    let n = 0;
    const server = createServer((_, response) => answer(response, n++));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.defer(() => {
        server.close();
        server.closeAllConnections();
    });
    return `http://127.0.0.1:${server.address().port}`;
}

const ask = request('POST', '/', { body: '{}' }).toString();
const asked = (url, n, more) => ({ url, requests: Array(n).fill(ask), rate: 1000, ...more });

function answerWith(response, status, code) {
    response.writeHead(status);
    response.end(JSON.stringify(code ? { status: 'error', error: { code } } : { status: 'ok' }));
}

async function counts(t) {
    const kinds = [[401, 'login_signature'], [503, 'busy'], [401, 'login_signature'], [200]];
    const url = await served(t, (response, i) => answerWith(response, ...kinds[i % 4]));
    const got = await inThread('./flood.mjs', asked(url, 40));
    same([got.sent, got.unanswered, got.why], [40, 0, undefined], 'sent, unanswered, why');
    same(got.answers, { '401 login_signature': 20, '503 busy': 10, '200 ok': 10 }, 'answers');
}

/** Silence, a cut, something that is no answer of ours. */
async function countsTheUnanswered(t) {
    const kinds = [
        (response) => answerWith(response, 503, 'busy'),
        () => {},
        (response) => response.socket.destroy(),
        (response) => response.end('no JSON'),
    ];
    const url = await served(t, (response, i) => kinds[i % 4](response));
    const got = await flood(asked(url, 8, { waitMs: 100 }));
    same([got.sent, got.unanswered, got.answers], [8, 6, { '503 busy': 2 }], 'counts');
    same(typeof got.why, 'string', 'why');
}

async function findsNobody(t) {
    const url = await served(t, () => {});
    t.end();
    const got = await flood(asked(url, 3));
    same([got.sent, got.unanswered, got.answers], [3, 3, {}], 'counts');
}

/** All wait until all have come: as many connections. */
async function doesNotHoldBack(t) {
    const waiting = [];
    const url = await served(t, (response, i) => {
        waiting.push(response);
        if (i === 9) waiting.forEach((one) => answerWith(one, 503, 'busy'));
    });
    const got = await flood(asked(url, 10));
    same([got.answers, got.connections], [{ '503 busy': 10 }, 10], 'answers, connections');
}

/** But not for each request, as long as one is kept alive. */
async function takesAnotherConnection(t) {
    const url = await served(t, (response, i) => {
        if (i === 1) response.setHeader('Connection', 'close');
        answerWith(response, 429, 'rate_limited');
    });
    const got = await flood(asked(url, 4, { rate: 10 }));
    same(got.answers, { '429 rate_limited': 4 }, 'answers');
    between(got.connections, 2, 3, 'connections');
}

const BLOCKED_MS = 150;

/** What stops the flooder makes what is planned for that time late, and ends nothing. */
async function keepsItsPlan(t) {
    const url = await served(t, (response, i) => {
        const end = now() + (i === 0 ? BLOCKED_MS : 0);
        while (now() < end); // it is the flooder's thread as well
        answerWith(response, 503, 'busy');
    });
    const got = await flood(asked(url, 100, { rate: 500 }));
    between(got.late_ms.p99, BLOCKED_MS / 2, 10 * BLOCKED_MS, 'ms late');
    between(got.answer_ms.p99, got.late_ms.p99, 10 * BLOCKED_MS, 'ms to the answer');
    between(got.seconds * 1000, 99 * 2, 10 * BLOCKED_MS, 'ms in all');
}

const ROWS = [
    ...judged,
    ['finds quantiles', findsQuantiles],
    ['flood: counts answers by status and code', counts],
    ['flood: counts what is not answered', countsTheUnanswered],
    ['flood: finds nobody', findsNobody],
    ['flood: does not hold back', doesNotHoldBack],
    ['flood: takes another connection', takesAnotherConnection],
    ['flood: keeps its plan', keepsItsPlan],
].map((row) => (Array.isArray(row) ? { name: row[0], run: async (t) => row[1](t) } : row));

const runner = new Runner();
await runner.all(ROWS, async (row) => {
    const { wrong } = await runner.attempt(row, new Trial());
    runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}, 1);
process.exit(runner.close());
