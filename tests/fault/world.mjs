/**
 * Wallets with their devices on one server, who write to each other and read while something is
 * done to it, or to their ways to it. What they do and see is in a history. At the end all come
 * back once more, by a way that nothing is done to, and the checker says what was.
 */
import { Failure, sleep, spare, until, within } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Chance } from '../model/chance.mjs';
import { check } from './checker.mjs';
import { Device } from './device.mjs';
import { History } from './history.mjs';

const SYNC_MS = 30000;
const SETTLE_MS = 60000;
const PAGE = 200;  // messages of a history
const FILL = 100;  // bytes at most, behind what makes a content one of its kind
const AWAY_MS = 200;

/** Of the i-th: the other of its pair comes first. */
const friendsOf = (wallets, i, n) => numbers(n).map((k) =>
    wallets[(i + (i % 2 ? wallets.length - k : k)) % wallets.length]);

export class World {
    history = new History();
    isOver = false;
    isUp = true;
    acknowledged = 0;
    #up = Promise.resolve();
    #waiting = []; // [how many must be acknowledged, resolve]
    #keys = 0;

    /**
     * @param t     the trial, with a server
     * @param seed  of what is left to chance, each device's by itself
     * @param how   wallets, and devices of each; friends: to how many others each writes;
     *              underWay: sends of a device at once; reads, leaves: how many of 100 times it
     *              does that instead; restMs: at most, in between; urlOf(device): its way to the
     *              server; isSteady: no connection ends unless its device or the server does;
     *              mayAskAgain: the checker's; habits: of devices
     */
    constructor(t, seed, { wallets = 4, devices = 2, habits, ...how } = {}) {
        Object.assign(this, {
            t, chance: new Chance(seed), friends: wallets - 1, underWay: 1, reads: 8, leaves: 0,
            restMs: 0, urlOf: () => t.url, isSteady: true, mayAskAgain: false, ...how,
        });
        this.failed = spare(new Promise((_, reject) => (this.fail = reject)));
        this.stopped = new Promise((resolve) => (this.isStopped = resolve));
        this.wallets = numbers(wallets).map(() => wallet());
        this.devices = this.wallets.flatMap((address, i) => numbers(devices).map((k) =>
            new Device(t, {
                address, name: `w${i}.${k}`, history: this.history, habits,
                chance: new Chance(this.chance.next()),
                friends: friendsOf(this.wallets, i, this.friends),
            })));
        this.firsts = this.devices.filter((_, i) => i % devices === 0); // one of each wallet
        t.defer(() => this.leave());
    }

    leave() {
        for (const device of this.devices) device.vanish();
    }

    /** @param story  what is done meanwhile @return what the checker says */
    run(story) {
        return this.#from(async () => {
            const staying = this.devices.map((device) => this.#while(() => this.#stays(device)));
            const acting = this.devices.flatMap((device) => numbers(this.underWay).map(() =>
                this.#while(() => this.#acts(device))));
            await story();
            this.#stop();
            await Promise.all(staying);
            await this.#settle();
            await Promise.all(acting);
        });
    }

    /** Likewise, and nobody does anything else. */
    script(story) {
        return this.#from(async () => {
            await story();
            await this.#settle();
        });
    }

    async #from(live) {
        const living = async () => {
            await Promise.all(this.devices.map((device) => this.joins(device)));
            await live();
            await Promise.all(this.firsts.map((device) => this.#readsAll(device)));
        };
        await Promise.race([living(), this.failed]).finally(() => this.#stop());
        return check(this.history.entries, { mayAskAgain: this.mayAskAgain });
    }

    #stop() {
        this.isOver = true;
        this.isStopped();
    }

    async #while(act) {
        try {
            while (!this.isOver) await act();
        } catch (error) {
            this.fail(error);
        }
    }

    /** With the backlog behind it, unless the connection is over before. */
    async joins(device, url) {
        if (!(await device.connect(url))) return;
        await within(SYNC_MS, `${device.name} synced`, device.conn.synced);
    }

    // What they do.

    async #stays(device) {
        await this.#up;
        const { server } = this.t;
        const connecting = device.connect(this.urlOf(device));
        const { conn } = device;
        await connecting;
        await Promise.race([conn.over, this.stopped]);
        device.check();
        const isSo = conn.isOver && !conn.hasLeft && this.isUp && server === this.t.server;
        if (this.isSteady && isSo)
            throw new Failure(`${device.name}: the connection has ended, the server has not`);
        await sleep(device.chance.next() % (conn.hasLeft ? AWAY_MS : 10));
    }

    async #acts(device) {
        const [dice, which, other, fill] = device.chance.draw(4);
        if (dice % 100 < this.reads) {
            await device.read();
        } else if (dice % 100 < this.reads + this.leaves) {
            device.vanish();
            await sleep(which % AWAY_MS); // and much is waiting when it comes back
        } else {
            const { friends } = device;
            const key = `${device.name}-${++this.#keys}`;
            const to = friends[which % 2 ? 0 : other % friends.length];
            await device.send(to, key, `${key} ${'x'.repeat(fill % FILL)}`);
            this.#acknowledges();
        }
        if (this.restMs) await sleep(device.chance.next() % this.restMs);
    }

    #acknowledges() {
        this.acknowledged++;
        for (const [n, resolve] of this.#waiting) if (this.acknowledged >= n) resolve();
        this.#waiting = this.#waiting.filter(([n]) => this.acknowledged < n);
    }

    /** So many more messages are acknowledged. */
    acknowledges(more) {
        const n = this.acknowledged + more;
        return new Promise((resolve) => this.#waiting.push([n, resolve]));
    }

    // What is done to them.

    /** @param act  ends the server, and starts the next */
    async without(act) {
        let isBack;
        this.isUp = false;
        this.#up = new Promise((resolve) => (isBack = resolve));
        await act();
        this.isUp = true;
        isBack();
    }

    kill(options) {
        return this.without(async () => {
            this.history.kills();
            await this.t.server.kill();
            await this.t.serveAgain({ options });
        });
    }

    // The end.

    #settle() {
        return Promise.all(this.devices.map((device) => this.#settles(device)));
    }

    async #settles(device) {
        Object.assign(device, { acks: 100, crashes: 0 });
        device.vanish();
        await until(`${device.name} settled`, async () => {
            device.check();
            if (!device.isLive) await this.joins(device);
            return device.isLive && !device.outbox.size;
        }, SETTLE_MS);
    }

    /** What was acknowledged is stored a little later: it hears of that. */
    async #readsAll(device) {
        const { peer } = device.conn;
        const list = await device.list();
        for (const { conversation, last_seq: last } of list) {
            const page = (before) => peer.ok('message.history',
                { conversation, limit: PAGE, ...(before && { before }) });
            await until(`all of ${conversation} delivered`, async () =>
                (await page()).messages.every(({ status }) => status !== 'undelivered'));
            const all = [];
            for (let before, hasMore = true; hasMore; before = all[0].seq) {
                const { messages, has_more } = await page(before);
                all.unshift(...messages);
                hasMore = has_more;
            }
            this.history.reads(device.address, conversation, last, all);
        }
        device.check();
    }
}

/** The counts, for people. */
export const said = (counts) =>
    Object.entries(counts).map(([what, n]) => `${what} ${n}`).join(', ');

/** Nothing is wrong. */
export function isClean({ counts, examples }) {
    if (Object.values(counts).some(Boolean))
        throw new Failure([said(counts), ...examples].join('\n    '));
}
