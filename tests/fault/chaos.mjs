/**
 * Wallets that write, read, forget and vanish at random, on a server that is killed or stopped
 * under them again and again. Whatever happened in between, at the end every device has
 * everything.
 */
import { randomInt } from 'node:crypto';
import { Failure, same, sleep } from '../e2e/lib.mjs';
import { areInOrder, numbers } from '../e2e/chat/expect.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Device } from './device.mjs';

const WALLETS = 4;
const DEVICES = 2; // of each
const LIVES = 4;   // of the server
const LIFE_MS = 700;
const OPTIONS = ['--rate-limits=off', '--drain=1s'];

/** mulberry32: the same numbers from the same seed. */
function randomFrom(seed) {
    let state = seed >>> 0;
    return () => {
        state = (state + 0x6d2b79f5) >>> 0;
        let z = Math.imul(state ^ (state >>> 15), state | 1);
        z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
        return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
    };
}

class World {
    isOver = false;
    isUp = true;
    #keys = 0;

    constructor(t, seed) {
        Object.assign(this, { t, random: randomFrom(seed) });
        this.wallets = numbers(WALLETS).map(() => wallet());
        this.devices = this.wallets.flatMap((address, i) => numbers(DEVICES).map((k) =>
            new Device(t, address, `wallet ${i} device ${k}`, this.random)));
    }

    pick(list) {
        return list[Math.floor(this.random() * list.length)];
    }

    /** One thing that a user might do. */
    async #act(device) {
        const others = this.wallets.filter((address) => address !== device.address);
        const dice = this.random();
        if (dice < 0.85) {
            await device.send(this.pick(others), `key-${++this.#keys}`);
        } else if (dice < 0.93) {
            const [conversation, all] = this.pick([...device.kept]) ?? [];
            if (all)
                await device.peer?.askAtTheEnd('message.read',
                    { conversation, seq: Math.max(...all.keys()) });
        } else {
            device.vanish();
            await sleep(this.random() * 200); // and much is waiting when it comes back
        }
        await sleep(this.random() * 5);
    }

    /** @return whether it is connected; the server may go away meanwhile */
    async #connect(device) {
        const { server } = this.t;
        const gone = server.ended.then(() => false);
        const connected = device.connect().then(() => device.flush()).then(() => true);
        connected.catch(() => {});
        try {
            return await Promise.race([connected, gone]);
        } catch (error) {
            if (server === this.t.server && this.isUp) throw error;
            return false;
        }
    }

    async live(device) {
        while (!this.isOver) {
            device.check();
            if (!this.isUp) await sleep(10);
            else if (device.isLive) await this.#act(device);
            else if (!(await this.#connect(device))) await sleep(10);
        }
    }

    async kill() {
        await sleep(LIFE_MS * (0.5 + this.random()));
        this.isUp = false;
        if (this.random() < 0.7) await this.t.server.kill();
        else await this.t.server.stop(); // which it may be asked to as well
        for (const device of this.devices) device.vanish();
        await this.t.serveAgain({ options: OPTIONS });
        this.isUp = true;
    }

    /** All come back once more, and acknowledge all. */
    async settle() {
        for (const device of this.devices) {
            device.vanish();
            Object.assign(device, { acks: 1, crashes: 0 });
            await device.connect();
            await device.flush();
            same(device.unanswered, [], `${device.name}: unanswered`);
        }
        for (const device of this.devices) await device.peer.take('synced', 10000);
    }

    /** Each device has each message, once, and all that was sent has been delivered. */
    async check() {
        let n = 0;
        for (const device of this.devices) {
            device.check();
            const { conversations } = await device.peer.ok('conversation.list', {});
            same(conversations.length, WALLETS - 1, `${device.name}: conversations`);
            for (const { conversation, last_seq: last } of conversations) {
                areInOrder(device.seqsOf(conversation), 1, last);
                n += last;
            }
        }
        return n / this.devices.length * WALLETS / 2; // each is in the lists of two wallets
    }

    /** What the client acknowledges is stored a little later: it hears of that. */
    async isDelivered() {
        for (const { peer } of this.devices) {
            const isSo = async () => {
                const { conversations } = await peer.ok('conversation.list', {});
                const pages = await Promise.all(conversations.map(({ conversation }) =>
                    peer.ok('message.history', { conversation, limit: 200 })));
                return pages.flatMap(({ messages }) => messages)
                    .every(({ status }) => status !== 'undelivered');
            };
            for (let i = 0; !(await isSo()); i++) {
                if (i === 100) throw new Failure(`${peer.address}: something is undelivered`);
                await sleep(20);
            }
        }
    }
}

async function survives(t, seed) {
    await t.serve({ options: OPTIONS });
    const world = new World(t, seed);
    for (const device of world.devices) await device.connect();
    for (const device of world.devices) await device.peer.take('synced');
    const killing = async () => {
        for (const _ of numbers(LIVES - 1)) await world.kill();
        await sleep(LIFE_MS);
        world.isOver = true;
    };
    const living = world.devices.map((device) => world.live(device));
    await Promise.all([...living, killing()]).finally(() => (world.isOver = true));
    await world.settle();
    const n = await world.check();
    if (process.env.TIMES) console.log('messages', n);
    if (n < 50) throw new Failure(`only ${n} messages were sent`);
    await world.isDelivered();
    const keys = world.devices.flatMap(({ sent }) => [...sent.keys()]);
    same(n, new Set(keys).size, 'messages, by what was sent');
    await t.server.stop();
}

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));

export const rows = ['websocket', 'polling', 'upgrade'].map((transport, i) => ({
    name: `chaos/${transport}: everybody has everything (SEED=${seed})`,
    run: (t) => survives(Object.assign(t, { transport }), seed + i),
    limit: 60000,
}));
