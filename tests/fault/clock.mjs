/**
 * Clocks that jump under a conversation: the wall clock anywhere, the steady one forward, as
 * after a machine was suspended. Order, receipts and what was acknowledged do not depend on
 * them; what has an end is judged by the wall clock.
 */
import { randomInt } from 'node:crypto';
import { Failure, next, same, sleep } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { announce, fileOf, get as getFile, gives, put, withFile } from '../e2e/chat/media.mjs';
import { join, joinSynced, refusal } from '../e2e/chat/peer.mjs';
import { SIGN_IN, get } from '../e2e/chat/serve.mjs';
import { evmWallet } from '../e2e/chat/signer.mjs';
import { arrive, granted, refresh, signIn } from '../e2e/chat/site.mjs';
import { Chance } from '../model/chance.mjs';
import { isIdle } from './idle.mjs';
import { Shim } from './shim.mjs';
import { World, isClean } from './world.mjs';

const MINUTE = 60000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
const OPTIONS = [...SIGN_IN, '--media-reserve=0'];
const DEVICES = 2; // of each wallet
const ROUNDS = 8;  // messages of each device, between two jumps

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));

/** The server's wall clock, and tokens that an issuer makes by the same. */
class Clock {
    ahead = 0;

    constructor(t) {
        const real = t.issuers;
        this.shim = new Shim(t);
        this.claims = () => ({ iat: this.seconds(), exp: this.seconds() + 3600 });
        t.issuers = {
            token: (address, how) => real.token(address, { claims: this.claims(), ...how }),
        };
    }

    get now() {
        return Date.now() + this.ahead;
    }

    seconds() {
        return Math.floor(this.now / 1000);
    }

    /** So far ahead of the real time. */
    wall(ms) {
        this.ahead = ms;
        this.shim.wall(ms);
    }

    wallAt(date) {
        this.wall(Date.parse(date) - Date.now());
    }
}

/** Two wallets, each on some devices, who say something now and then. */
class Talk {
    #keys = 0;

    constructor(t) {
        this.world = new World(t, seed, { wallets: 2, devices: DEVICES, habits: { acks: 95 } });
        this.chance = new Chance(seed);
    }

    get devices() {
        return this.world.devices;
    }

    async #round(device) {
        if (!device.isLive) await this.#connect(device);
        device.check();
        const key = `key-${++this.#keys}`;
        const { conn, friends: [to] } = device;
        await Promise.race([device.send(to, key, key), conn.over]);
        if (this.chance.next() % 10 < 3) await device.read();
    }

    /** With a token of this hour. */
    #connect(device) {
        device.token = undefined;
        return this.world.joins(device);
    }

    /** Each says something, some times. */
    async goOn() {
        await Promise.all(this.devices.map(async (device) => {
            for (const _ of numbers(ROUNDS)) await this.#round(device);
        }));
    }

    /**
     * All come back, and have everything, in order, once.
     *
     * @param story  before that
     * @return the messages
     */
    async tell(story) {
        const result = await this.world.script(async () => {
            await story();
            for (const device of this.devices) device.token = undefined;
        });
        isClean(result);
        same(result.figures.acknowledged, this.#keys, 'messages: one for each key');
        const [{ conn: { peer } }] = this.devices;
        return this.#history(peer, this.devices.at(-1).address);
    }

    async #history(peer, other) {
        const all = [];
        for (let before, hasMore = true; hasMore;) {
            const page = await peer.ok('message.history',
                { peer: other, limit: 200, ...(before && { before }) });
            all.unshift(...page.messages);
            before = all[0].seq;
            hasMore = page.has_more;
        }
        return all;
    }
}

/** Never back, and never what no clock has shown. */
function timesAreSane(messages, from, to) {
    let last = -Infinity;
    for (const { seq, created_at: at } of messages) {
        const ms = Date.parse(at);
        if (ms < last) throw new Failure(`created_at of ${seq} goes back to ${at}`);
        if (!(ms >= from - 1000 && ms <= to + 1000))
            throw new Failure(`created_at of ${seq} is ${at}, which no clock has shown`);
        last = ms;
    }
}

const isCalm = ({ stderr }) =>
    same(stderr.split('\n').filter((line) => /level=(error|fatal)/.test(line)), [], 'log');

/** @param jump  (clock, talk): between two parts of the talk */
async function talksOn(t, jump) {
    const clock = new Clock(t);
    await t.serve({ options: OPTIONS, env: clock.shim.env });
    const talk = new Talk(t);
    const seen = [clock.now];
    const messages = await talk.tell(async () => {
        await talk.goOn();
        await jump(clock, async () => {
            seen.push(clock.now);
            await talk.goOn();
            await isIdle(t.server);
            seen.push(clock.now);
        });
    });
    timesAreSane(messages, Math.min(...seen), Math.max(...seen));
    isCalm(t.server);
    await t.server.stop();
}

const jumps = {
    'an hour ahead': (clock, goOn) => (clock.wall(HOUR), goOn()),
    'a day back': (clock, goOn) => (clock.wall(-DAY), goOn()),
    'to 1970': (clock, goOn) => (clock.wallAt('1970-01-02T00:00:00Z'), goOn()),
    'to 2100': (clock, goOn) => (clock.wallAt('2100-01-01T00:00:00Z'), goOn()),
    async 'to 2100, 1970 and home'(clock, goOn) {
        clock.wallAt('2100-01-01T00:00:00Z');
        await goOn();
        clock.wallAt('1970-01-02T00:00:00Z');
        await goOn();
        clock.wall(0);
        await goOn();
    },
};

/** While they talk, and nobody's token begins or ends meanwhile. */
async function jumpsAllTheTime(t) {
    const clock = new Clock(t);
    clock.claims = () => ({ exp: Math.floor((Date.now() + 10 * DAY) / 1000) });
    await t.serve({ options: OPTIONS, env: clock.shim.env });
    const talk = new Talk(t);
    const jumping = setInterval(() => clock.wall(talk.chance.next() % (2 * DAY) - DAY), 100);
    t.defer(() => clearInterval(jumping));
    const messages = await talk.tell(async () => {
        for (const _ of numbers(12)) {
            await talk.goOn();
            await sleep(50);
        }
        clearInterval(jumping);
        await isIdle(t.server);
    });
    const now = Date.now();
    timesAreSane(messages, now - DAY - MINUTE, now + DAY);
    isCalm(t.server);
    await t.server.stop();
}

/**
 * Everybody's heartbeat is over, and every timer is due: the server reads what has come meanwhile
 * before it looks at them, so that it asks everybody, and cuts nobody who answers.
 */
async function wakesUp(t) {
    const clock = new Clock(t);
    clock.claims = () => ({ exp: Math.floor((Date.now() + 10 * DAY) / 1000) });
    await t.serve({ options: OPTIONS, env: clock.shim.env });
    const talk = new Talk(t);
    const from = clock.now;
    const messages = await talk.tell(async () => {
        await talk.goOn();
        for (const hours of [2, 4, 24 * 365]) { // in all
            const asked = talk.devices.filter(({ isLive }) => isLive)
                .map(({ conn }) => next(conn.peer.socket.io, 'ping'));
            clock.shim.steady(hours * HOUR);
            await get(t.url + '/healthz'); // the kernel does not know, and would let it sleep
            await Promise.all(asked);
            await talk.goOn();
            await isIdle(t.server);
        }
    });
    timesAreSane(messages, from, clock.now);
    isCalm(t.server);
    await t.server.stop();
}

// What has an end.

/** The text says when it was issued, by the clock of who asked for it. */
async function arriveAt(t, clock, who = evmWallet()) {
    const grant = await signIn(t, who, { fields: { issuedAt: new Date(clock.now) } });
    return joinSynced(t, who.account, { token: grant.access_token });
}

async function isTold(t, token, code) {
    same((await refusal(t, undefined, { token })).data, { code }, 'data');
}

async function endsTokens(t) {
    const clock = new Clock(t);
    await t.serve({ options: OPTIONS, env: clock.shim.env });
    const peer = await arrive(t);
    const { access_token: token, refresh_token: first } = peer.grant;
    clock.wall(HOUR);
    await isTold(t, token, 'token_expired');
    await peer.works(); // it goes by the time that has passed
    const second = await granted(refresh(t, { refresh_token: first }));
    await (await joinSynced(t, peer.address, { token: second.access_token })).leave();

    clock.wall(-DAY); // what was given out is of tomorrow
    await isTold(t, token, 'token_invalid');
    await (await arriveAt(t, clock)).leave();

    clock.wall(40 * DAY);
    const { status, answer } = await refresh(t, { refresh_token: second.refresh_token });
    same([status, answer.error.code], [401, 'token_expired'], 'of a session that is over');
    await (await arriveAt(t, clock, peer.wallet)).leave();
    await peer.works();
    isCalm(t.server);
    await t.server.stop();
}

async function endsLinks(t) {
    const clock = new Clock(t);
    await t.serve({ options: OPTIONS, env: clock.shim.env });
    const [a, b] = [await join(t), await joinSynced(t)];
    const file = fileOf('text/plain', { size: 1000 });
    const told = await announce(a, file);
    clock.wall(HOUR);
    same((await put(t, told, file)).status, 403, 'PUT, an hour late');
    clock.wall(-HOUR);
    same((await put(t, told, file)).status, 403, 'PUT, an hour early');
    clock.wall(0);
    same((await put(t, told, file)).status, 200, 'PUT, in time');
    const { message } = await a.ok('message.send', withFile(b.address, 'file', told));
    const old = message.content.url;
    for (const ms of [HOUR, DAY, -HOUR]) {
        clock.wall(ms);
        same((await getFile(t, old)).status, 403, 'GET by a link that is over, or to come');
        const { url } = await b.ok('attachment.url', { peer: a.address, seq: message.seq });
        await gives(t, url, file);
    }
    clock.wallAt('2100-01-01T00:00:00Z');
    await announce(a, file);
    clock.wall(0);
    await gives(t, old, file); // it is kept, whatever the clock has been
    await announce(a, file);   // nobody waits for 2100
    isCalm(t.server);
    await t.server.stop();
}

const row = (name, run) => ({
    name: `clock: ${name} (SEED=${seed})`, run, limit: 60000, isTraced: false,
});

export const rows = [
    ...Object.entries(jumps).map(([name, jump]) =>
        row(`the wall clock goes ${name}`, (t) => talksOn(t, jump))),
    row('the wall clock jumps all the time', jumpsAllTheTime),
    row('the steady clock goes on by hours at once', wakesUp),
    row('tokens end by the wall clock', endsTokens),
    row('links and quotas end by the wall clock', endsLinks),
];
