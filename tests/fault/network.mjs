/**
 * Ways to the server that are slow, break in the middle of anything, or swallow what is said:
 * everything arrives in the end, and nobody else minds.
 */
import { randomInt } from 'node:crypto';
import { same, until } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Pipe } from '../e2e/pipe.mjs';
import { Hole, KINDS, Proxy, after, reset } from './proxy.mjs';
import { World, isClean, said } from './world.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s'];
const LIVELY = [...OPTIONS, '--ping-interval=500ms', '--ping-timeout=3s'];
const CALM = [...OPTIONS, '--ping-interval=10s', '--ping-timeout=10s'];
const TALK = { restMs: 10, leaves: 4, isSteady: false };
const LEAST = 700;       // bytes of each side of an exchange
const OFTEN = 4;         // each kind has happened, at least
const ENOUGH = 300;      // messages of a row
const INTO_THE_HOLE = 50; // of each other device to the wallet there, more than a window in all
const LIMIT_MS = 120000;

/** To how many of 100 directions something happens: each poll has a connection of its own. */
const MIXED = { websocket: 50, upgrade: 25, polling: 8 };
const ALONE = 66;
const HOLES = 15; // it takes a while until one is noticed

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const step = Number(process.env.CUT_STEP || 7);

/** @param more  what else there was to say */
async function judge(t, world, name, result, more = '') {
    const { counts, figures } = result;
    console.log(`  network: ${name}: ${more}acknowledged ${figures.acknowledged}, ` +
        `unknown ${figures.unknown}, ${said(counts)}`);
    isClean(result);
    world.leave();
    await t.server.stop();
}

async function goesOn(t, name, how) {
    await t.serve({ options: LIVELY });
    const proxy = await Proxy.lay(t, t.url, { seed, ...how });
    const world = new World(t, seed, { ...TALK, urlOf: () => proxy.url });
    const result = await world.run(async () => {
        while (!proxy.hasHad(OFTEN) || world.acknowledged < ENOUGH) await world.acknowledges(10);
    });
    await judge(t, world, name, result, `${said(Object.fromEntries(proxy.happened))}, `);
}

// A way that is dead, and the others.

async function sendsMany(device) {
    const answers = [];
    for (const i of numbers(INTO_THE_HOLE))
        for (const to of device.friends) {
            const key = `${device.name}-${i}-${device.friends.indexOf(to)}`;
            answers.push(device.send(to, key, key));
        }
    return Promise.all(answers);
}

/** Each of the devices knows all that was sent to its wallet, or by the other device of it. */
const know = (devices, messages) => messages.every(({ conversation, seq, from, to, by }) =>
    devices.every((device) => device === by || ![from, to].includes(device.address) ||
        device.tops.get(conversation) >= seq));

/** @param dies  ends the way @param lay  makes it */
async function costsNobodyElse(t, name, lay, dies) {
    await t.serve({ options: CALM });
    const way = await lay(t, t.url);
    const world = new World(t, seed, TALK);
    const [lost, ...others] = world.devices;
    const result = await world.script(async () => {
        await world.joins(lost, way.url);
        dies(way);
        lost.send(others[1].address, 'lost', 'lost'); // arrives once it is back
        const answers = await Promise.all(others.map(async (by) =>
            (await sendsMany(by)).map(({ message }) => ({ ...message, by }))));
        await until('all told', () => know(others, answers.flat()));
        const clients = (await t.server.metrics()).get('parley_clients');
        same([clients, lost.isLive], [world.devices.length, true], 'nobody has noticed yet');
    });
    way.cut();
    await judge(t, world, name, result);
}

// At each byte.

/** It comes back, sends, is told something and reads it. @return once it could do no more */
async function talks(a, b, url, name) {
    await a.connect(url);
    const { over } = a.conn ?? {};
    const sent = a.send(b.address, `a${name}`, `a${name}`);
    await Promise.race([sent, over]);
    const told = a.hears(`b${name}`);
    await b.send(a.address, `b${name}`, `b${name}`);
    await Promise.race([told, over]);
    await a.read();
    return { sent, told };
}

/** So many bytes of one side pass, one step more each time, until all of the exchange does. */
async function survivesCuts(t, name, side) {
    await t.serve({ options: OPTIONS });
    let n = 0;
    let cuts = 0;
    const pipe = await Pipe.lay(t, t.url, { tap: (way) => {
        if (way.side === side)
            after(n, way, () => {
                cuts++;
                reset(way);
            });
        return way.side === side;
    } });
    const world = new World(t, seed, { wallets: 2 });
    const [a, , b] = world.devices;
    const result = await world.script(async () => {
        for (let isWhole = false; !isWhole; n += step) {
            const before = cuts;
            const { sent, told } = await talks(a, b, pipe.url, n);
            isWhole = cuts === before;
            await a.connect();
            await Promise.all([sent, told]);
        }
    });
    same(cuts >= LEAST / step, true, `a handshake and an exchange were cut (${cuts} times)`);
    await judge(t, world, name, result, `cuts ${cuts}, of ${n} bytes, `);
}

const row = (name, run) => ({
    name: `network: ${name} (SEED=${seed})`, run: (t) => run(t, name), limit: LIMIT_MS,
    isTraced: false,
});

export const rows = [
    ...KINDS.map((kind) => row(kind, (t, name) => goesOn(t, name,
        { kinds: [kind], share: kind === 'black hole' ? HOLES : ALONE }))),
    ...Object.entries(MIXED).map(([transport, share]) => row(`all at once, ${transport}`,
        (t, name) => goesOn(Object.assign(t, { transport }), name, { kinds: KINDS, share }))),
    row('a black hole costs nobody else', (t, name) =>
        costsNobodyElse(t, name, Hole.lay, (hole) => hole.opens())),
    row('a dead line costs nobody else', (t, name) =>
        costsNobodyElse(t, name, Pipe.lay, (pipe) => pipe.die())),
    row('reset at a byte from the server', (t, name) => survivesCuts(t, name, 'down')),
    row('reset at a byte from the client', (t, name) => survivesCuts(t, name, 'up')),
];
