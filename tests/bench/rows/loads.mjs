/** Runs in which nothing goes wrong: what they report, and what the server says of them. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { between, match, same, sleep, until } from '../../e2e/lib.mjs';
import { numbers } from '../../e2e/chat/expect.mjs';
import { joinSynced } from '../../e2e/chat/peer.mjs';
import { folder } from '../../e2e/chat/serve.mjs';
import {
    LIVELY, PACED, RATE, SERVER, SESSIONS, WARM_UP_S, isFine, markOf,
} from '../generator.mjs';
import { Proxy, asIs } from '../proxy.mjs';

const FULL_SPEED = [`--sessions=${SESSIONS}`, '--seconds=1', '--window=4'];
const NEVER_MEASURED = { // but with a --pid, when idle, or with growing conversations
    server_cpu_us_per_message: null, server_cores: null, server_rss_kib: null,
    server_rss_kib_per_session: null, server_cpu_us_per_connect: null, conversations: null, history_ms: null,
    history_long_ms: null,
};
const UUID_4 = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The members, and their types. */
function hasForm(report, numbersOf) {
    const { errors_by_code: errors, ack_ms: ack, delivery_ms: delivery, ...rest } = report;
    same(errors, {}, 'errors by code');
    for (const latency of [ack, delivery]) {
        same(Object.keys(latency), ['p50', 'p90', 'p99', 'p999'], 'latency');
        const { p50, p90, p99, p999 } = latency;
        same(0 < p50 && p50 <= p90 && p90 <= p99 && p99 <= p999, true, 'latencies rise');
    }
    const got = Object.fromEntries(Object.entries(rest).map(([name, value]) =>
        [name, typeof value === 'number' ? 'number' : value]));
    const all = [
        'sessions', 'servers', 'window', 'rate', 'size', 'preload', 'seconds', 'sent', 'acked',
        'delivered', 'lost', 'duplicated', 'reordered', 'invented', 'unanswered', 'errors',
        'reconnects', 'repeated', 'redelivered', 'echoed', 'acked_per_s', 'connects_per_s',
        'generator_cpu_us_per_message', 'generator_cores', 'delivered_per_s', 'runs', 'stored',
        'stored_at_end', 'stored_per_conversation', ...numbersOf,
    ];
    same(got, {
        kind: 'load', peers: 'pair', receipts: true, transport: report.transport,
        ...NEVER_MEASURED, ...Object.fromEntries(all.map((name) => [name, 'number'])),
    }, 'report');
}

/** As fast as it goes. */
const loads = (transport) => async (t) => {
    await t.serve({ options: SERVER });
    const report = await t.loaded([...FULL_SPEED, `--transport=${transport}`]);
    hasForm(report, []);
    const { sessions, servers, window, rate, size, preload, errors, reconnects } = report;
    same({ sessions, servers, window, rate, size, preload, errors, reconnects }, {
        sessions: SESSIONS, servers: 1, window: 4, rate: 0, size: 200, preload: 0, errors: 0,
        reconnects: 0,
    }, 'report');
    same([report.transport, report.repeated, report.redelivered], [transport, 0, 0], 'report');
    same(report.acked_per_s > 0 && report.connects_per_s > 0, true, 'rates');
};

/** The most that it ever had, KiB. */
function peakOf(pid) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)[1]);
}

/** A process counted twice uses twice as much: more than it ever had, and not thrice. */
const measuresProcesses = (times) => async (t) => {
    await t.serve({ options: SERVER });
    const { pid } = t.server.child;
    const report = await t.loaded([...PACED, ...Array(times).fill(`--pid=${pid}`)]);
    hasForm(report, ['server_cpu_us_per_message', 'server_cores', 'server_rss_kib']);
    const peak = peakOf(pid);
    between(report.server_rss_kib, (times - 0.5) * peak, (times + 0.25) * peak, 'KiB');
};

/** Every message, that of the warm-up as well. */
async function agreesWithTheServer(t) {
    await t.serve({ options: SERVER });
    const report = await t.loaded([...PACED, '--preload=100']);
    const all = 100 + RATE * (WARM_UP_S + 1);
    same(report.sent, RATE, 'sent');
    const metrics = await t.metricsWith('all acknowledged',
        (got) => got.get('parley_messages_acknowledged_total') >= all);
    const names = ['messages_sent', 'store_appended', 'messages_emitted', 'messages_acknowledged',
        'messages_duplicate', 'store_duplicates', 'requests_refused'];
    same(names.map((name) => metrics.get(`parley_${name}_total`)),
        [all, all, all, all, 0, 0, 0], names.join(', '));
}

/** What is due is sent, all of it and no more, whatever the machine does meanwhile. */
async function keepsItsRate(t) {
    await t.serve({ options: SERVER });
    const report = await t.loaded(['--sessions=8', '--seconds=2', '--rate=200']);
    same([report.rate, report.sent], [200, 400], 'rate, sent');
}

/** Even if it has no time at all when the measured second ends. */
async function makesUpForAPause(t) {
    await t.serve({ options: SERVER });
    const generator = t.load(PACED);
    await t.stored(RATE * (WARM_UP_S + 0.5));
    generator.child.kill('SIGSTOP');
    await sleep(1000); // it is over then, and were it not: the figures are the same
    generator.child.kill('SIGCONT');
    same(isFine(await generator.report()).sent, RATE, 'sent');
    const metrics = await t.server.metrics();
    same(metrics.get('parley_messages_sent_total'), RATE * (WARM_UP_S + 1), 'of the whole run');
}

/** A window that is too small for it: what is late is sent when it can be. */
async function catchesUp(t) {
    await t.serve({ options: SERVER });
    const report = await t.loaded(['--sessions=8', '--seconds=1', '--rate=1000', '--window=1']);
    same(report.sent, 1000, 'sent');
}

/** So many sends of a session are under way, as seen from between, and never more. */
async function keepsItsWindow(t) {
    await t.serve({ options: SERVER });
    const open = new Map();
    let most = 0;
    const { url } = await Proxy.start(t, t.url, (text, link, from) => {
        const change = /^42\d+\["message\.send"/.test(text) ? 1
            : from === 'server' && /^43\d/.test(text) ? -1 : 0;
        open.set(link, (open.get(link) ?? 0) + change);
        most = Math.max(most, open.get(link));
        return asIs(text);
    });
    await t.loaded(['--sessions=2', '--seconds=1', '--window=3'], url);
    same(most, 3, 'sends under way');
}

/** What the clients say, and what their history says to a client of another make. */
const givesReceipts = (receipts, status) => async (t) => {
    await t.serve({ options: LIVELY });
    const wallets = new Set();
    const names = new Set();
    const { url } = await Proxy.start(t, t.url, (text, link, from) => {
        const [, name, json] = /^42\d*\["([a-z.]+)",(.*)\]$/.exec(text) ?? [];
        if (from === 'client' && name) names.add(name);
        if (name === 'message.send') wallets.add(JSON.parse(json).to);
        return asIs(text);
    });
    await t.loaded(['--sessions=2', '--preload=100', '--idle', '--seconds=1',
        `--receipts=${receipts}`], url);
    same([...names].sort(), [...(receipts === 'on' ? ['message.read'] : []), 'message.send'],
        'what clients said');
    const [one, other] = wallets;
    const peer = await joinSynced(t, one);
    const { messages } = await until(`100 messages that are ${status}`, async () => {
        const history = await peer.ok('message.history', { peer: other, limit: 200 });
        return history.messages.every((message) => message.status === status) && history;
    });
    same(messages.length, 100, 'messages');
};

async function writesToAll(t) {
    await t.serve({ options: LIVELY });
    const wallets = new Set();
    const { url } = await Proxy.start(t, t.url, (text) => {
        const to = /^42\d+\["message\.send",\{"to":"([^"]+)"/.exec(text);
        if (to) wallets.add(to[1]);
        return asIs(text);
    });
    await t.loaded(['--sessions=8', '--peers=uniform', '--preload=1000', '--idle',
        '--seconds=1'], url);
    same(wallets.size, 8, 'wallets');
    const conversations = new Set();
    for (const wallet of wallets) {
        const list = (await (await joinSynced(t, wallet)).ok('conversation.list', {}))
            .conversations;
        same(list.length, 7, 'conversations of a wallet');
        list.forEach(({ conversation }) => conversations.add(conversation));
    }
    same(conversations.size, 28, 'conversations');
}

/** What goes over the wire is what was asked for. */
const sendsOfSize = (size, bytes) => async (t) => {
    await t.serve({ options: SERVER });
    const sends = [];
    const { url } = await Proxy.start(t, t.url, (text) => {
        const send = /^42\d+\["message\.send",(.*)\]$/.exec(text);
        if (send) sends.push(JSON.parse(send[1]));
        return asIs(text);
    });
    const report = await t.loaded(['--sessions=4', '--seconds=1', '--rate=40',
        `--size=${size}`], url);
    same([report.size, report.sent, sends.length], [bytes, 40, 120], 'size, sent, all');
    for (const { to, type, content, client_msg_id: id, ...rest } of sends) {
        same([type, content.length, rest], ['text', bytes, {}], 'message');
        match(to, /^0x[0-9a-f]{40}$/, 'to');
        match(id, UUID_4, 'client_msg_id');
    }
    same(new Set(sends.map((send) => send.client_msg_id)).size, 120, 'ids');
    const flows = sends.map((send) => markOf(JSON.stringify(send)));
    for (const from of numbers(4, 0)) {
        const own = flows.filter((mark) => mark.from === from);
        same(own, numbers(30, 0).map((n) => ({ from, to: from ^ 1, n })), 'marks of a wallet');
    }
};

async function idles(t) {
    await t.serve({ options: LIVELY });
    const said = [];
    const pings = new Map();
    const { url, links } = await Proxy.start(t, t.url, (text, link, from) => {
        if (from === 'server' && text === '2') pings.set(link, (pings.get(link) ?? 0) + 1);
        if (from === 'client') said.push(text.slice(0, 2));
        return asIs(text);
    });
    const report = await t.loaded(['--sessions=20', '--idle', '--seconds=1'], url);
    same(links.length, 20, 'connections');
    for (const link of links) same(pings.get(link) >= 2, true, 'two heartbeats');
    same([...new Set(said)].sort(), ['3', '40'], 'what clients said');
    same([report.kind, report.sent, report.acked, report.errors], ['idle', 0, 0, 0], 'report');
    same([report.ack_ms, report.delivery_ms, report.acked_per_s], [null, null, null], 'report');
    same([report.server_rss_kib, report.server_rss_kib_per_session], [null, null], 'memory');
    same(report.server_cpu_us_per_connect, null, 'CPU of a connection');
    same((await t.server.metrics()).get('parley_requests_total'), 0, 'requests');
}

/** So many that it shows: the kernel counts in batches of some hundred KiB. */
async function weighsSessions(t) {
    await t.serve({ options: LIVELY });
    const report = await t.loaded(['--sessions=400', '--idle', '--seconds=1',
        `--pid=${t.server.child.pid}`]);
    const { server_rss_kib: all, server_rss_kib_per_session: one } = report;
    between(one, 0.1, all / 400, 'KiB a session');
    same(report.server_cpu_us_per_connect > 0, true, 'CPU of a connection');
}

/** Stored, and delivered, before it idles: nothing of it is measured. */
async function preloads(t) {
    await t.serve({ options: LIVELY });
    const report = await t.loaded(['--sessions=8', '--idle', '--seconds=1', '--preload=500']);
    same([report.preload, report.sent, report.delivered], [500, 0, 0], 'report');
    const metrics = await t.metricsWith('500 acknowledged',
        (got) => got.get('parley_messages_acknowledged_total') >= 500);
    same([metrics.get('parley_store_appended_total'),
        metrics.get('parley_messages_acknowledged_total')], [500, 500], 'messages');
}

async function dealsOut(t) {
    await t.serve({ options: LIVELY });
    const proxies = await Promise.all(numbers(3).map(() => Proxy.start(t, t.url)));
    const generator = t.generator([...proxies.map(({ url }) => `--url=${url}`),
        `--data=${t.server.data}`, '--json', '--sessions=12', '--idle', '--seconds=1',
        '--preload=60']);
    same(isFine(await generator.report()).servers, 3, 'servers');
    same(proxies.map(({ links }) => links.length), [4, 4, 4], 'connections');
}

/** The key is found as the server finds it. */
const findsTheKey = (how) => async (t) => {
    await t.serve({ options: LIVELY });
    const { data } = t.server;
    const file = path(folder('config'), 'parley.conf');
    writeFileSync(file, `data = ${data}\n${readFileSync(t.issuers.config, 'utf8')}`);
    const { options = [], env } = how(file, data);
    const generator = t.generator([`--url=${t.url}`, '--idle', '--seconds=1', '--preload=10',
        '--json', ...options], { env });
    isFine(await generator.report());
};

async function tellsPeople(t) {
    await t.serve({ options: SERVER });
    const generator = t.generator([`--url=${t.url}`, `--data=${t.server.data}`, ...PACED,
        `--pid=${t.server.child.pid}`]);
    same(await generator.end(), 0, 'exit status');
    for (const line of [
        /^connected +\d+ a second$/m, /^acked +\d+ a second: .*; 200 sent, 200 delivered$/m,
        /^ack +p50 \d+\.\d\d ms, p99 /m, /^delivery +p50 \d+\.\d\d ms, p99 /m,
        /^generator +\d+\.\d .s of CPU a message, \d+\.\d\d cores$/m,
        /^server +\d+\.\d .s of CPU a message, /m,
        /^checked +0 lost, 0 duplicated, 0 reordered, 0 invented, 0 unanswered$/m,
        /^errors +0$/m,
    ])
        match(generator.stdout, line, 'stdout');
    same(/FAILED/.test(generator.stdout), false, 'failed');
    match(generator.stderr, /^parley-bench: warming up: \d+ acknowledged in this second/m,
        'stderr');
}

export const rows = [
    ['websocket', loads('websocket')],
    ['polling', loads('polling')],
    ['measures a process', measuresProcesses(1)],
    ['adds up two processes', measuresProcesses(2)],
    ['counts as the server does', agreesWithTheServer],
    ['sends what is due, not what it can', keepsItsRate],
    ['sends late what was due in a pause', makesUpForAPause],
    ['sends late what had no room', catchesUp],
    ['keeps its window', keepsItsWindow],
    ['reads what comes', givesReceipts('on', 'read')],
    ['leaves unread what comes, with --receipts=off', givesReceipts('off', 'delivered')],
    ['writes to all others, with --peers=uniform', writesToAll],
    ['sends contents of 64 bytes', sendsOfSize('64', 64)],
    ['sends contents of 64 KiB', sendsOfSize('64KiB', 65536)],
    ['idles', idles],
    ['weighs idle sessions', weighsSessions],
    ['stores and delivers what is to be there before', preloads],
    ['deals the sessions out to three servers', dealsOut],
    ['finds the key by --config', findsTheKey((file) => ({ options: [`--config=${file}`] }))],
    ['finds the key by PARLEY_CONFIG', findsTheKey((file) => ({ env: { PARLEY_CONFIG: file } }))],
    ['finds the key by PARLEY_DATA',
        findsTheKey((file, data) => ({ env: { PARLEY_DATA: data } }))],
    ['tells people', tellsPeople],
].map(([name, run]) => ({ name: `load: ${name}`, run }));
