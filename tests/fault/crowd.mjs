/**
 * More come than there are files for: they are turned away, and those who are in go on. When
 * some leave, others get in. And a large crowd that says nothing costs little.
 */
import net from 'node:net';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { Failure, match, oneOf, same, until } from '../e2e/lib.mjs';
import { exactAnonymousOf } from '../bench/process.mjs';
import { areInOrder, numbers, seqs } from '../e2e/chat/expect.mjs';
import { announce, fileOf, put } from '../e2e/chat/media.mjs';
import { joinAll, joinSynced } from '../e2e/chat/peer.mjs';
import { isIdle } from './idle.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s', '--media-reserve=0'];
const FILES = 160;
const CROWD = 120; // more than half of that

const FIRST = 512;       // sessions, for what is allocated once
const IDLE = 1024;       // sessions behind them
const AT_ONCE = 64;
const IDLE_BYTES = 2048; // that one of them may cost

const limited = (files) => ['/bin/sh', '-c', `ulimit -n ${files}; exec "$@"`, 'sh'];

/** A connection that asks for nothing more, once it was let in. */
class Guest {
    isOver = false;

    static async come(t) {
        const { hostname, port } = new URL(t.url);
        const guest = new Guest();
        guest.socket = net.connect({ host: hostname, port });
        t.defer(() => guest.socket.destroy());
        const asked = new Promise((resolve) => {
            guest.socket.once('data', () => resolve(true));
            guest.socket.on('close', () => {
                guest.isOver = true;
                resolve(false);
            });
        });
        guest.socket.on('error', () => {}); // it is closed then, too
        guest.socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n');
        guest.isIn = await asked;
        return guest;
    }

    leave() {
        this.socket.destroy();
    }
}

const come = (t, n) => Promise.all(numbers(n).map(() => Guest.come(t)));

/** Those who are in. */
async function talk([a, b], from, n) {
    const sent = await Promise.all(numbers(n).map((i) => a.send(b.address, `${from + i}`)));
    areInOrder(seqs(sent), from + 1, from + n);
    areInOrder(seqs(await b.takeAll('message.new', n)), from + 1, from + n);
}

async function isTurnedAway(t) {
    const why = await joinSynced(t).then(() => 'it was let in', ({ message }) => message);
    match(why, /websocket error/, 'who comes');
}

/** One who comes when there is room gets in. */
const getsIn = (t) => until('let in', () => joinSynced(t).then((peer) => peer, () => undefined));

async function isStored(t, n, [a, b]) {
    const { data } = t.server;
    await t.server.kill();
    await t.serve({ data, options: OPTIONS });
    const again = await joinSynced(t, a.address);
    const { messages } = await again.ok('message.history', { peer: b.address, limit: 200 });
    areInOrder(seqs(messages), 1, n);
    await t.server.stop();
}

async function turnsAway(t) {
    await t.serve({ options: OPTIONS, wrap: limited(FILES) });
    const [, max] = /max_connections=(\d+)/.exec(t.server.stderr);
    const pair = await joinAll(t, 2);
    await talk(pair, 0, 20);
    const guests = await come(t, CROWD);
    const inside = guests.filter(({ isIn }) => isIn);
    same(inside.length, Number(max) - pair.length, 'guests');
    for (const _ of numbers(5)) await isTurnedAway(t);
    await talk(pair, 20, 50);
    await isIdle(t.server);
    for (const guest of inside) guest.leave();
    await (await getsIn(t)).works();
    await talk(pair, 70, 10);
    const lines = t.server.stderr.split('\n').filter((line) => /io_too_many/.test(line));
    oneOf(lines.length <= 10 && lines.length >= 1, [true], `${lines.length} lines in the log`);
    await isStored(t, 80, pair);
}

const limit = (t, files) =>
    execFileSync('prlimit', ['--pid', `${t.server.child.pid}`, `--nofile=${files}:${FILES * 10}`]);

/** So many more may be opened: the limit is of their numbers, and the lowest are taken first. */
function leave(t, n) {
    const open = new Set(readdirSync(`/proc/${t.server.child.pid}/fd`).map(Number));
    const free = numbers(open.size + n + 1, 0).filter((fd) => !open.has(fd));
    limit(t, free[n]);
}

/** What needs one says so, and all else goes on. */
async function hasNoneLeft(t) {
    await t.serve({ options: OPTIONS, wrap: limited(FILES * 10) });
    const pair = await joinAll(t, 2);
    const file = fileOf('text/plain', { size: 100 });
    const told = await announce(pair[0], file);
    await talk(pair, 0, 20);
    leave(t, 0);
    for (const _ of numbers(5)) await isTurnedAway(t);
    await talk(pair, 20, 50);
    await isIdle(t.server);
    leave(t, 1); // for its connection
    oneOf((await put(t, told, file)).status, [500, 503], 'PUT without a file');
    await talk(pair, 70, 10);
    limit(t, FILES * 10);
    await (await getsIn(t)).works();
    same((await put(t, told, file)).status, 200, 'PUT with one');
    await talk(pair, 80, 10);
    const lines = t.server.stderr.split('\n').length;
    if (lines > 30) throw new Failure(`${lines} lines in the log:\n${t.server.stderr}`);
    await isStored(t, 90, pair);
}

/** One line says so, and what to do. */
async function startsWithTooFew(t, files) {
    const starting = t.serve({ options: OPTIONS, wrap: limited(files) });
    const why = await starting.then(() => 'it starts', ({ message }) => message);
    match(why, /ended \(1\), not ready:\n.*(may open only|Too many open files).*\n$/, 'why');
}

/** As many as it needs. */
async function startsWithEnough(t, files) {
    await t.serve({ options: OPTIONS, wrap: limited(files) });
    await talk(await joinAll(t, 2), 0, 10);
    await t.server.stop();
}

async function joinMany(t, n) {
    for (let i = 0; i < n; i += AT_ONCE) await joinAll(t, AT_ONCE);
}

/** What the server has of its own for each; its heap may grow by no more. */
async function costsLittle(t) {
    await t.serve({ options: OPTIONS });
    const { pid } = t.server.child;
    await joinMany(t, FIRST);
    const before = exactAnonymousOf(pid);
    await joinMany(t, IDLE);
    const each = (exactAnonymousOf(pid) - before) / IDLE;
    if (each > IDLE_BYTES) throw new Failure(`${each} bytes each, want ${IDLE_BYTES} at most`);
}

const row = (name, run) => ({ name: `crowd: ${name}`, run, limit: 60000, isTraced: false });

export const rows = [
    row('more than there is room for are turned away', turnsAway),
    row('no file is left', hasNoneLeft),
    row('an idle session costs 2 KiB at most', costsLittle),
    row('it may open 128 files, which is enough', (t) => startsWithEnough(t, 128)),
    ...[5, 12, 20, 40, 127].map((files) =>
        row(`it may open ${files} files, which is too few`, (t) => startsWithTooFew(t, files))),
];
