/** Conversations that grow with the store; several runs on it, and invocations that go on. */
import { between, same } from '../../e2e/lib.mjs';
import { numbers } from '../../e2e/chat/expect.mjs';
import { LIVELY, RATE, SERVER, WARM_UP_S, found, isFine, markOf } from '../generator.mjs';
import { Proxy, asIs } from '../proxy.mjs';
import { drop, isAnswer, isNew, once, replace, twice } from './faults.mjs';

const PER = 10;
const GROWING = [`--stored-per-conversation=${PER}`, '--seconds=1', `--rate=${RATE}`];
const OF_A_RUN = RATE * (WARM_UP_S + 1);

/** Which conversation two of n wallets have, by the rounds of a tournament; from 0. */
function conversationOf(n, one, other) {
    const circle = n - 1;
    const [low, high] = [one, other].sort((a, b) => a - b);
    const round = high === circle ? low
        : numbers(circle, 0).find((r) => (low + high - 2 * r) % circle === 0);
    const far = high === circle ? 0 : (low - round + circle) % circle;
    return round * (n / 2) + Math.min(far, circle - far);
}

/** A way to the server on which each message.send is seen: its mark, and its recipient. */
async function watched(t) {
    const sends = [];
    const asked = [];
    const { url } = await Proxy.start(t, t.url, (text, link, from) => {
        const [, name, json] = /^42\d+\["([a-z.]+)",(.*)\]$/.exec(text) ?? [];
        if (from === 'client' && name === 'message.send')
            sends.push({ ...markOf(text), address: JSON.parse(json).to });
        if (from === 'client' && name === 'message.history') asked.push(JSON.parse(json));
        return asIs(text);
    });
    return { url, sends, asked };
}

/** With the 300th message 30 of 45 are in play; of these nearly all had one by then. */
async function grow(t) {
    await t.serve({ options: LIVELY });
    const { url, sends } = await watched(t);
    await t.loaded(['--sessions=10', '--preload=300', '--idle', ...GROWING], url);
    same(sends.length, 300, 'messages');
    const used = new Set(sends.map(({ from, to }) => conversationOf(10, from, to)));
    between(used.size, 20, 30, 'conversations');
    same(Math.max(...used) < 30, true, 'none but the first 30 is in play');
    same(new Set(sends.map(({ from }) => from)).size, 10, 'senders');
    same(conversationOf(10, 9, 8) < 45 && conversationOf(10, 0, 9) === 0, true, 'of 45');
}

const isOrdered = (least, middle, most) => least <= middle && middle <= most;

async function runsSeveralTimes(t) {
    await t.serve({ options: SERVER });
    const report = isFine(await t.load(['--sessions=30', '--runs=3', '--preload=100',
        ...GROWING]).report());
    const { runs, each, least, most, sent, stored_at_end: stored } = report;
    same([runs, sent, stored], [3, 3 * RATE, 100 + 3 * OF_A_RUN], 'runs, sent, stored');
    same(each.map((run) => run.stored), numbers(3).map((n) => 100 + n * OF_A_RUN), 'stored');
    same(each.map((run) => run.conversations), each.map((run) => run.stored / PER),
        'conversations');
    for (const name of ['acked_per_s', 'delivered_per_s', 'generator_cpu_us_per_message'])
        same(isOrdered(least[name], report[name], most[name]), true, name);
    same(isOrdered(least.ack_ms.p99, report.ack_ms.p99, most.ack_ms.p99), true, 'p99');
    const metrics = await t.server.metrics();
    same(metrics.get('parley_messages_sent_total'), stored, 'at the server');
}

async function goesOn(t) {
    await t.serve({ options: SERVER });
    const addresses = [];
    for (const [options, stored] of [[['--preload=200', '--runs=0'], 200],
        [['--stored=200', '--runs=1'], 200 + OF_A_RUN]]) {
        const { url, sends } = await watched(t);
        const report = await t.load(['--sessions=40', '--wallets=some', ...GROWING, ...options],
            url).report();
        found(report);
        same(report.stored_at_end, stored, 'stored');
        addresses.push([...new Set(sends.map((send) => send.address))].sort());
        if (report.runs > 0) same(report.conversations, stored / PER, 'conversations');
    }
    same(addresses.map((some) => some.length), [40, 40], 'wallets');
    same(addresses[0], addresses[1], 'wallets');
}

async function asksForHistories(t) {
    await t.serve({ options: SERVER });
    const { url, asked } = await watched(t);
    const report = await t.load(['--sessions=8', '--preload=280', '--runs=0', '--history=21',
        ...GROWING], url).report();
    found(report);
    const { history_ms: any, history_long_ms: long } = report;
    same([any.pages, long.pages], [11, 10], 'pages');
    for (const { messages, p50, p99 } of [any, long]) {
        between(messages, 1, 50, 'messages on a page');
        same(0 < p50 && p50 <= p99, true, 'times');
    }
    same(long.messages > any.messages, true, 'the oldest conversations are the longest');
    same(asked.length >= 21 && asked.every(({ limit }) => limit === 50), true, 'pages of 50');
}

// Faults.

/** One that is sent well within the measured time, of four wallets and few conversations: each
 * of them has some more behind it. */
const KTH = 100 + RATE * WARM_UP_S + 40;
const FAULTY = ['--sessions=4', '--preload=100', '--stored-per-conversation=250', '--seconds=1',
    `--rate=${RATE}`];

function kth(is) {
    let n = 0;
    return (text) => is(text) && ++n === KTH;
}

/** Behind the next one of its sender, wherever that is. */
function swap() {
    const isIt = kth(isNew);
    let held;
    let isDone = false;
    const key = (text) => `${markOf(text)?.from}:${markOf(text)?.to}`;
    return (text) => {
        if (isDone || !isNew(text)) return asIs(text);
        if (!held && isIt(text)) {
            held = text;
            return [];
        }
        if (!held || key(text) !== key(held)) return asIs(text);
        isDone = true;
        return [text, held];
    };
}

/** As in faults.mjs: what is done, what is found, and what else is so. */
const FAULTS = [
    ['a message that does not come is lost', () => once(kth(isNew), drop), { lost: 1 },
        { delivered: RATE - 1, idle: true }],
    ['a message that comes twice is duplicated', () => once(kth(isNew), twice),
        { duplicated: 1 }],
    ['a message behind the next one of its flow is reordered', swap, { reordered: 1 }],
    ['a message with a letter changed is invented, and its own lost',
        () => once(kth(isNew), replace(/abcdef/, 'abcdeF')), { invented: 1, lost: 1 },
        { delivered: RATE - 1, idle: true }],
    ['an answer that names another seq invents it',
        () => once(kth(isAnswer), replace(/"seq":\d+/, '"seq":999999')), { invented: 1 }],
];

const finds = (meddler, want, delivered = RATE) => async (t) => {
    await t.serve({ options: SERVER });
    const { url } = await Proxy.start(t, t.url, meddler());
    const report = await t.load(FAULTY, url).report(1);
    found(report, want);
    same([report.sent, report.acked, report.delivered, report.errors],
        [RATE, RATE, delivered, 0], 'sent, acked, delivered, errors');
};

/** What is late would be told of the next run. */
async function endsWithTheFirstThatFails(t) {
    await t.serve({ options: SERVER });
    const { url } = await Proxy.start(t, t.url, once(kth(isNew), drop));
    const report = await t.load([...FAULTY, '--runs=2'], url).report(1);
    found(report, { lost: 1 });
    same([report.runs, report.sent], [1, RATE], 'runs, sent');
}

export const rows = [
    ['conversations grow with the store', grow],
    ['three runs follow each other on one store', runsSeveralTimes],
    ['another invocation goes on with the wallets', goesOn],
    ['histories are asked for', asksForHistories],
    ...FAULTS.map(([name, meddler, want, { delivered, idle = false } = {}]) =>
        [name, finds(meddler, want, delivered), { idle }]),
    ['a run that fails is the last one', endsWithTheFirstThatFails, { idle: true }],
].map(([name, run, more]) => ({ name: `growing: ${name}`, run, ...more }));
