/**
 * A server that breaks the contract, or a connection that breaks: a proxy between does one
 * thing to one message. Each check finds what it is for, and nothing else.
 */
import { match, same } from '../../e2e/lib.mjs';
import { PACED, RATE, SERVER, found, isFine, markOf } from '../generator.mjs';
import { Proxy, asIs } from '../proxy.mjs';

/** Wallet 0 sends its message 60 in the measured time: 25 a second, from 50 on. */
const N = 60;
const isIt = (text) => {
    const mark = markOf(text);
    return mark?.from === 0 && mark.n === N;
};
export const isNew = (text) => /^42\d+\["message\.new"/.test(text);
export const isAnswer = (text) => /^43\d+\[\{"status":"ok"/.test(text);
const itsEvent = (text) => isNew(text) && isIt(text);
const itsAnswer = (text) => isAnswer(text) && isIt(text);

/** @param change  of the first such text, and of no other: what to send instead, and more */
export function once(is, change) {
    let isDone = false;
    return (text, link) => {
        if (isDone || !is(text)) return asIs(text);
        isDone = true;
        return change(text, link);
    };
}

export const drop = () => [];
export const twice = (text) => [text, text];
export const replace = (pattern, by) => (text) => [text.replace(pattern, by)];

/** It, and the next on its connection, the other way round. */
function swap() {
    let held;
    let isDone = false;
    return (text, link) => {
        if (isDone || !isNew(text)) return asIs(text);
        if (!held && isIt(text)) {
            held = { text, link };
            return [];
        }
        if (held?.link !== link) return asIs(text);
        isDone = true;
        return [text, held.text];
    };
}

const ERROR = '43$1[{"status":"error","error":{"code":"a \\"code","message":"No."}}]';

const refusal = (answer) => answer.replace(/^43(\d+)\[.*$/, ERROR);
const ackOf = (event) => `43${/^42(\d+)/.exec(event)[1]}[]`;

/** Its answer becomes a refusal, and waits until the message was acknowledged. */
function refuseBehind() {
    let event;  // its link, and the acknowledgement that it waits for
    let answer; // text and link
    let isAcked = false;
    return (text, link) => {
        const wasAcked = isAcked;
        if (itsEvent(text)) event = { link, ack: ackOf(text) };
        if (link === event?.link && text === event.ack) isAcked = true;
        if (isAcked && !wasAcked && answer) answer.link.tell(answer.text);
        if (!itsAnswer(text)) return asIs(text);
        answer = { text: refusal(text), link };
        return isAcked ? [answer.text] : [];
    };
}

/**
 * Its answer becomes a refusal, and the message waits until its sender goes on: with a window
 * of one, it has taken note of the answer then.
 */
function refuseBefore() {
    let event; // text and link
    return (text, link, from) => {
        const mark = markOf(text);
        if (from === 'client' && mark?.from === 0 && mark.n === N + 1)
            event.link.tell(event.text);
        if (itsAnswer(text)) return [refusal(text)];
        if (!itsEvent(text)) return asIs(text);
        event = { text, link };
        return [];
    };
}

const REFUSED = { acked: RATE - 1, errors: 1, errors_by_code: { 'a??': 1 } };

/**
 * What the proxy does, what the checks find, what else the report says (and with what
 * options), and whether the generator waits in vain for something (`patient`).
 */
const FAULTS = [
    ['a message that does not come is lost', () => once(itsEvent, drop), { lost: 1 },
        { delivered: RATE - 1 }, 'patient'],
    ['a message that comes twice is duplicated', () => once(itsEvent, twice), { duplicated: 1 }],
    ['a message that comes behind the next one is reordered', swap, { reordered: 1 }],
    ['a message with a letter changed is invented, and its own lost',
        () => once(itsEvent, replace(/abcdef/, 'abcdeF')), { invented: 1, lost: 1 },
        { delivered: RATE - 1 }, 'patient'],
    ['a message with a number that was not sent is invented, and its own lost',
        () => once(itsEvent, replace(`:${N}:`, ':99:')), { invented: 1, lost: 1 },
        { delivered: RATE - 1 }, 'patient'],
    ['a message for somebody else is invented, and its own lost',
        () => once(itsEvent, replace(`:0:1:${N}:`, `:0:3:${N}:`)), { invented: 1, lost: 1 },
        { delivered: RATE - 1 }, 'patient'],
    ['an answer that names another seq invents it',
        () => once(itsAnswer, replace(/"seq":\d+/, '"seq":1')), { invented: 1 }],
    ['an answer that does not come is missing', () => once(itsAnswer, drop), { unanswered: 1 },
        { acked: RATE - 1 }, 'patient'],
    ['an answer that comes twice is an error', () => once(itsAnswer, twice), {},
        { errors: 1, errors_by_code: { answer_to_nothing: 1 } }],
    ['a message that came and is refused is invented', refuseBehind, { invented: 1 },
        { ...REFUSED, delivered: RATE }],
    ['a message that was refused and comes is invented', refuseBefore, { invented: 1 },
        { ...REFUSED, delivered: RATE - 1, options: ['--window=1'] }],
];

async function run(t, meddle, options) {
    await t.serve({ options: SERVER });
    const { url } = await Proxy.start(t, t.url, meddle);
    return t.load([...PACED, ...options], url);
}

const finds = (meddler, want, { options = [], ...more } = {}) => async (t) => {
    const isBroken = Object.keys(want).length > 0;
    const generator = await run(t, meddler(), options);
    const report = await generator.report(isBroken ? 1 : 0);
    found(report, want);
    const { sent, acked, delivered, errors, errors_by_code, reconnects } = report;
    same({ sent, acked, delivered, errors, errors_by_code, reconnects }, {
        sent: RATE, acked: RATE, delivered: RATE, errors: 0, errors_by_code: {}, reconnects: 0,
        ...more,
    }, 'report');
    same(/^parley-bench: FAILED: /m.test(generator.stderr), isBroken, 'it says so');
};

async function tellsPeople(t) {
    await t.serve({ options: SERVER });
    const { url } = await Proxy.start(t, t.url, once(itsEvent, twice));
    const generator = t.generator([`--url=${url}`, `--data=${t.server.data}`, ...PACED]);
    same(await generator.end(), 1, 'exit status');
    match(generator.stdout, /^checked +0 lost, 1 duplicated, 0 reordered, /m, 'stdout');
    match(generator.stdout, /^FAILED: messages came twice on one connection$/m, 'stdout');
}

/** Cuts a connection at that moment: what was on its way is gone. */
const cutAt = (is) => once(is, (text, link) => {
    link.cut();
    return [];
});

/** The message comes, or does not; the connection is cut before the n-th is acknowledged. */
const cutBehind = (change, n) => () => {
    const dropped = once(itsEvent, change);
    let last; // whose acknowledgement is the last to come, and on what
    let isDone = false;
    return (text, link) => {
        const mark = isNew(text) && markOf(text);
        if (!last && mark && mark.from === 0 && mark.n === n) last = { link, ack: ackOf(text) };
        if (isDone || link !== last?.link || text !== last.ack) return dropped(text, link);
        isDone = true;
        link.cut();
        return [];
    };
};

/**
 * Wallet 0's next four messages do not get through. Before, answers have come in one go, so
 * that the order of sending is not that of the places where it keeps what is unanswered.
 */
function cutWhatIsSent() {
    const early = [N - 10, N - 9, N - 8];
    const held = [];
    let isDone = false;
    return (text, link, from) => {
        const mark = markOf(text);
        if (isDone || mark?.from !== 0) return asIs(text);
        if (isAnswer(text) && early.includes(mark.n))
            return held.push(text) < early.length ? [] : held;
        if (from === 'server' || mark.n < N) return asIs(text);
        isDone = mark.n === N + 3;
        if (isDone) link.cut();
        return [];
    };
}

/** @param also  what else must be so: (report, metrics) */
const survives = (meddler, also, options = []) => async (t) => {
    const report = isFine(await (await run(t, meddler(), options)).report());
    const { sent, errors, errors_by_code, reconnects } = report;
    same({ sent, errors, errors_by_code, reconnects }, {
        sent: RATE, errors: 1, errors_by_code: { connection_lost: 1 }, reconnects: 1,
    }, 'report');
    also(report, await t.server.metrics());
};

const repeats = (report, metrics) => {
    same(report.repeated > 0, true, 'something was repeated');
    same(metrics.get('parley_messages_duplicate_total') > 0, true, 'duplicates at the server');
};

const comesAgain = (report) => same(report.redelivered > 0, true, 'something came again');

const CUTS = [
    ['while a message comes', () => cutAt(itsEvent), () => {}],
    ['behind a message, before it is acknowledged', cutBehind(asIs, N), comesAgain],
    ['behind a message that did not come, and others', cutBehind(drop, N + 2), comesAgain,
        ['--receipts=off']], // 'read' would say that it had come
    ['while some are sent', () => cutWhatIsSent(),
        (report) => same(report.repeated >= 4, true, 'four are repeated')],
    ['before an answer comes', () => cutAt(itsAnswer), repeats],
];

export const rows = [
    ...FAULTS.map(([name, meddler, want, more, isPatient]) =>
        [name, finds(meddler, want, more), { idle: Boolean(isPatient) }]),
    ['people are told of it', tellsPeople],
    ...CUTS.map(([when, ...how]) =>
        [`a connection that is cut ${when} does no harm`, survives(...how)]),
].map(([name, run, more]) => ({ name: `fault: ${name}`, run, ...more }));
