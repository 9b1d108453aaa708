/**
 * A few wallets and their devices on one server. Each step's chance is drawn before anything
 * is looked at, so that a seed makes the same steps in every run; what they come to depends on
 * answers where steps overlap, and does not in lock step.
 */
import { Failure, now, sleep } from '../e2e/lib.mjs';
import { checksummed, hasBothCases } from '../e2e/chat/wallet.mjs';
import { Bot } from './bot.mjs';
import { Chance } from './chance.mjs';
import { Checker } from './checker.mjs';
import { Device } from './device.mjs';
import { operations } from './operations.mjs';
import { settle } from './settle.mjs';

const WALLETS = 4;
const DEVICES = 3; // of each
const DRAWS = 8;   // of each step
const AT_ONCE = 24;
const STEPS = 300; // between two times of quiet
const SAY_MS = 10000;
const SYNC_MS = 1000;

function walletBy(chance) {
    for (;;) {
        const hex = chance.draw(5).map((n) => n.toString(16).padStart(8, '0')).join('');
        if (hasBothCases(checksummed(hex))) return checksummed(hex);
    }
}

export class World {
    isUp = true;
    step = 0;
    settles = 0;
    heard = 0;
    files = new Map(); // by upload: name, bytes, wallet; in the order of their announcement
    done = new Map(); // by name of a device, in lock step
    #underWay = new Set();
    #tokens = new Map();
    #wrong = undefined;

    /**
     * @param t    the trial, with a server
     * @param how  name, seed, limits, isShy, ends: the server does at times, isLockStep,
     *             options of the server, counts: what has come of it
     */
    static async make(t, how) {
        const world = new World();
        const chance = new Chance(how.seed);
        const wallets = Array.from({ length: WALLETS }, () => walletBy(chance));
        Object.assign(world, { t, wallets, chance, ...how });
        world.checker = new Checker(wallets, how);
        world.operations = operations(how.ends);
        world.devices = [];
        for (const [i, address] of wallets.entries())
            for (let k = 0; k < DEVICES; k++)
                world.devices.push(new Device(world, address, `w${i}.${k}`));
        world.bots = wallets.map((address, i) => new Bot(world, address, `w${i}.bot`));
        t.defer(() => world.devices.forEach((device) => device.end()));
        await Promise.all(world.devices.map((device) => device.dial({ isAcking: true })));
        await Promise.all(world.devices.map(({ conn }) => conn?.synced));
        return world;
    }

    async token(address) {
        if (!this.#tokens.has(address))
            this.#tokens.set(address, this.t.issuers.token(address));
        return this.#tokens.get(address);
    }

    count(what) {
        this.counts.set(what, 1 + (this.counts.get(what) ?? 0));
    }

    peer(address, n) {
        const others = this.wallets.filter((other) => other !== address);
        return others[n % others.length];
    }

    // What goes wrong, wherever it is seen.

    guard(act) {
        try {
            act();
        } catch (error) {
            this.#wrong ??= error;
        }
    }

    told(conn, event, payload) {
        if (event === 'error')
            throw new Failure(`${conn.name}: ${event} ${JSON.stringify(payload)}`);
        this.count(payload.code);
    }

    /** @param why  it has ended; where we have not ended it, the server must be down */
    ended(conn, why) {
        if (/^(disconnect|connect_error)/.test(why) && this.isUp)
            this.#wrong ??= new Failure(`${conn.name}: ${why}`);
    }

    #check() {
        if (this.#wrong) throw this.#wrong;
    }

    // Steps.

    async run(until, steps = Infinity) {
        for (let said = now(); now() < until && this.step < steps;) {
            await this.#step();
            this.#check();
            if (this.step % STEPS === 0) await this.settle();
            if (now() < said + SAY_MS) continue;
            said = now();
            console.log(`  ${this.name}: ${this.said()}`);
        }
        await this.settle();
    }

    said() {
        const messages = this.counts.get('message.send') ?? 0;
        return `${this.step} steps, ${messages} messages, ${this.settles} times quiet`;
    }

    async #step() {
        this.checker.step = ++this.step;
        const [dice, which, slack, ...d] = this.chance.draw(DRAWS);
        const device = this.devices[which % this.devices.length];
        const doing = this.#begin(this.#operation(dice), device, d)
            .finally(() => this.#underWay.delete(doing));
        if (this.isLockStep) {
            await doing;
            await this.#rest();
            return;
        }
        this.#underWay.add(doing);
        if (slack % 4 === 0) await sleep(slack % 8);
        while (this.#underWay.size >= AT_ONCE) await Promise.race(this.#underWay);
    }

    /** All that came of a step has come, if nothing holds it back. */
    async #rest() {
        await Promise.all([...this.devices, ...this.bots].map((device) => device.flush()));
        const syncing = this.devices.map(({ conn }) => conn)
            .filter((conn) => conn?.isReady && !conn.wasAwaited);
        const synced = Promise.all(syncing.map((conn) => conn.synced));
        if (syncing.length) await Promise.race([synced, sleep(SYNC_MS)]);
        for (const conn of syncing) conn.wasAwaited = true; // it may have to acknowledge first
        await this.fence();
    }

    #operation(dice) {
        let n = dice % this.operations.total;
        return this.operations.all.find(({ weight }) => (n -= weight) < 0);
    }

    async #begin({ name, run, wants }, device, d) {
        const isDone = wants !== 'live' || device.isLive;
        this.does(`${name} ${isDone}`, device, d);
        try {
            if (isDone) await run(this, device, d);
        } catch (error) {
            this.#wrong ??= error;
        }
    }

    /** In lock step the same for the same seed: of each device, as some go at once at the end. */
    does(what, device, more) {
        if (!this.isLockStep) return;
        const line = `step ${this.step} ${device.name} ${what} ${this.#inWords(more)}`;
        if (!this.done.has(device.name)) this.done.set(device.name, []);
        this.done.get(device.name).push(line);
    }

    /** The server gives other ids to uploads each time. */
    #inWords(value) {
        return JSON.stringify(value, (name, one) =>
            (name === 'upload' ? this.files.get(one)?.name : one));
    }

    async settle() {
        await Promise.all(this.#underWay);
        this.#check();
        await settle(this);
        this.#check();
        this.settles++;
    }

    /** What was on its way to those that are connected has arrived. */
    async fence() {
        await Promise.all(this.devices.map((device) =>
            device.raw('conversation.list', { limit: 1 })));
        this.#check();
    }

    /** The server, at any time. */
    async kill(isHard) {
        if (!this.isUp) return;
        this.isUp = false;
        if (isHard) await this.t.server.kill();
        else await this.t.server.stop();
        await Promise.all(this.devices.map((device) => device.vanish(1)));
        await this.t.serveAgain({ options: this.options });
        this.isUp = true;
    }
}
