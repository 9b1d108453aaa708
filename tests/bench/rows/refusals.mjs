/** What the generator refuses, and the sentence that it has for it. */
import { once } from 'node:events';
import { createServer } from 'node:net';
import { match, same } from '../../e2e/lib.mjs';
import { folder } from '../../e2e/chat/serve.mjs';
import { PACED, SERVER, found } from '../generator.mjs';

const NO_PID = 2 ** 22 + 1; // the kernel gives none above 2^22
const URL = '--url=http://127.0.0.1:1'; // a port that only root may take, and nobody does

const USAGE = [
    ['neither --url', [], 2, /where is the server\? It needs --url/],
    ['--data and --config', [URL, '--config=x.conf'], 2, /--data or --config, not both/],
    ['https', ['--url=https://127.0.0.1:1'], 2, /https is not spoken here: .*:\/\/127/],
    ['a --url that is none', ['--url=127.0.0.1:1'], 2, /--url is not http:\/\/HOST:PORT/],
    ['an option that it has not', [URL, '--no-such=1'], 2, /no-such/],
    ['a --config that is not there', [URL, '--config=/nowhere/parley.conf'], 2,
        /nowhere\/parley\.conf/, { hasData: false }],
    ['a size below the least', [URL, '--size=63'], 2, /size.*64/],
    ['a size beyond the largest', [URL, '--size=262145'], 2, /size.*(262144|256KiB)/],
    ['a single session', [URL, '--sessions=1'], 2, /sessions.*2/],
    ['pairs of an odd number', [URL, '--sessions=3'], 2, /even number of --sessions/],
    ['a window of none', [URL, '--window=0'], 2, /window.*1/],
    ['a window beyond the largest', [URL, '--window=1025'], 2, /window.*1024/],
    ['another transport', [URL, '--transport=smoke'], 2, /--transport is websocket or polling/],
    ['other peers', [URL, '--peers=all'], 2, /--peers is pair or uniform/],
    ['more conversations than wallets can have',
        [URL, '--sessions=8', '--stored-per-conversation=10', '--preload=290'], 2,
        /290 messages make 29 conversations, which takes 10 --sessions/],
    ['histories of pairs', [URL, '--history=1'], 2, /--history needs --stored-per-conversation/],
    ['what is stored of no name', [URL, '--stored-per-conversation=10', '--stored=1'], 2,
        /--stored needs --wallets/],
    ['a floor in no directory', ['--floor=/nowhere'], 1, /no file in \/nowhere to append to/],
    ['a PID that is not there', [URL, `--pid=${NO_PID}`], 1, /no such process: 4194305/],
    ['a PID that is none', [URL, '--pid=self'], 1, /no such process: self/],
    ['a server that is not there', [URL], 1, /session \d+ did not connect: connection refused\n.*where --url says\?/],
    ['more sessions than open files', [URL, '--sessions=100'], 1,
        /100 sessions need 164 open files, and 100 are allowed: raise the limit \(ulimit/,
        { files: 100 }],
    ['twice as many files for polling', [URL, '--sessions=100', '--transport=polling'], 1,
        /100 sessions need 264 open files, and 200 are allowed: raise the limit/,
        { files: 200 }],
];

const refuses = (options, status, sentence, { hasData = true, files } = {}) => async (t) => {
    const data = hasData ? [`--data=${folder('data')}`] : [];
    const wrap = files ? ['/bin/sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'] : [];
    const generator = t.generator([...data, ...options], { wrap });
    same(await generator.end(), status, 'exit status');
    match(generator.stderr, sentence, 'stderr');
    same(generator.stdout, '', 'stdout');
};

async function helps(t) {
    const generator = t.generator(['--help']);
    same(await generator.end(), 0, 'exit status');
    match(generator.stdout, /--sessions N/, 'stdout');
    same(generator.stderr, '', 'stderr');
}


/** It makes one where it finds none. */
async function hasAnotherKey(t) {
    const { url } = await t.serve({ options: SERVER });
    const sentences = new RegExp('not connect: refused: .*\\(token_invalid\\)\n' +
        "parley-bench: is --data \\(or --config\\) the server's");
    await refuses([`--url=${url}`], 1, sentences)(t);
}

const LIMITED = ['--send-rate=50', '--send-burst=20'];

/** What the server counts of these, the generator counts too. */
async function isRateLimited(t) {
    await t.serve({ options: LIMITED });
    const generator = t.load(['--sessions=2', '--seconds=1', '--rate=400']);
    const report = await generator.report();
    match(generator.stderr, /refused: rate_limited\. Does the server run with --rate/, 'stderr');
    found(report);
    same(report.sent > report.acked, true, 'something was refused');
    same(report.delivered, report.acked, 'delivered');
    const metrics = await t.server.metrics();
    const refused = metrics.get('parley_errors_total{code="rate_limited"}');
    same([report.errors, report.errors_by_code], [refused, { rate_limited: refused }], 'errors');
}

/** Refused, a session waits a tenth of a second: what it had under way is all that is refused. */
async function waitsWhenRefused(t) {
    await t.serve({ options: LIMITED });
    const report = await t.load(['--sessions=2', '--seconds=1']).report();
    found(report);
    const most = 2 * 16 * 10 * 3; // sessions, their windows, pauses a second, seconds
    same(report.errors > 0 && report.errors <= most + 32, true, `${report.errors} errors`);
}

async function isRateLimitedBefore(t) {
    await t.serve({ options: LIMITED });
    const generator = t.load(['--sessions=2', '--preload=1000']);
    same(await generator.end(), 1, 'exit status');
    match(generator.stderr, /preloading: a message was refused: rate_limited\. Does the server/,
        'stderr');
    same(generator.stdout, '', 'stdout');
}

async function isRefusedASocket(t) {
    await t.serve({ options: ['--sockets-per-ip=4'] });
    const generator = t.load(PACED);
    same(await generator.end(), 1, 'exit status');
    match(generator.stderr, /not connect: .*\(too_many_sockets\)\n.*--rate-limits off\?/,
        'stderr');
    same(generator.stdout, '', 'stdout');
}

const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n' +
    'Connection: Upgrade\r\nSec-WebSocket-Accept: ';

const OTHER_SERVERS = [
    ['has nothing there', 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone',
        /session \d+ did not connect: the server answered 404 none/],
    ['speaks another protocol', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', /does not speak HTTP\/1\.1/],
    ['accepts another WebSocket', `${SWITCHED}s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n`,
        /did not connect: the server accepted another WebSocket than this one/],
];

/** @param answer  to whatever is asked */
const knowsAnother = (answer, sentence) => async (t) => {
    const sockets = new Set();
    const listener = createServer((socket) => {
        sockets.add(socket);
        socket.on('error', () => {});
        socket.once('data', () => socket.write(answer));
    }).listen(0, '127.0.0.1');
    t.defer(() => listener.close());
    t.defer(() => sockets.forEach((socket) => socket.destroy()));
    await once(listener, 'listening');
    await refuses([`--url=http://127.0.0.1:${listener.address().port}`], 1, sentence)(t);
};

export const rows = [
    ...USAGE.map(([what, ...how]) => [`refuses ${what}`, refuses(...how)]),
    ...OTHER_SERVERS.map(([what, ...how]) =>
        [`says that a server ${what}`, knowsAnother(...how)]),
    ['helps', helps],
    ['says that the key is another', hasAnotherKey],
    ['counts what a server with rate limits refuses', isRateLimited],
    ['waits when it is refused, where no rate says how fast it sends', waitsWhenRefused],
    ['does not begin where what is to be there before is refused', isRateLimitedBefore],
    ['says that sockets are refused', isRefusedASocket],
].map(([name, run]) => ({ name: `refusal: ${name}`, run }));
