/**
 * Ways to the server on which things happen, as on those that go far: to each direction of each
 * connection its own, by chance.
 */
import { setImmediate as turn } from 'node:timers/promises';
import { sleep } from '../e2e/lib.mjs';
import { Pipe } from '../e2e/pipe.mjs';
import { Chance } from '../model/chance.mjs';

const LATE_MS = 40;
const DRIBBLE = 4;      // bytes at most, at once
const BREATH = 100;     // pieces of a dribble between two rests, on the average
const SOON = 600;       // bytes before something happens, at most: half of the time
const LATER = 6000;     // or these

/** Hands on what comes in its order, each in its time. */
function paced({ from, to }, handOn) {
    from.on('data', async (bytes) => {
        from.pause();
        await handOn(bytes);
        from.resume();
    });
    from.on('end', () => to.end());
}

/** Hands on so many bytes, and then act() is all that happens. */
export function after(n, { from, to, pass }, act) {
    let left = n;
    from.on('data', (bytes) => {
        if (left < 0) return;
        if (left > 0) pass(bytes.subarray(0, left));
        if ((left -= bytes.length) > 0) return;
        left = -1;
        act();
    });
    from.on('end', () => left >= 0 && to.end());
}

/** Both sides: what is behind it arrives nowhere. */
export function reset({ from, to }) {
    to.resetAndDestroy();
    from.resetAndDestroy();
}

function moment(chance) {
    const [n, isSoon] = chance.draw(2);
    return n % (isSoon % 2 ? SOON : LATER);
}

/** What may happen to a direction: each gets it, a Chance, and what to call when it has. */
const FAULTS = {
    latency: (way, chance, happens) => paced(way, async (bytes) => {
        await sleep(chance.next() % LATE_MS);
        way.pass(bytes);
        happens();
    }),
    dribble: (way, chance, happens) => paced(way, async (bytes) => {
        for (let from = 0, n; from < bytes.length && way.to.writable; from += n) {
            n = 1 + chance.next() % DRIBBLE;
            way.pass(bytes.subarray(from, from + n));
            await (chance.next() % BREATH ? turn() : sleep(1));
        }
        happens();
    }),
    'half-close': (way, chance, happens) => after(moment(chance), way, () => {
        way.to.end();
        happens();
    }),
    reset: (way, chance, happens) => after(moment(chance), way, () => {
        reset(way);
        happens();
    }),
    'black hole': (way, chance, happens) => after(moment(chance), way, () => {
        way.isDead = true;
        happens();
    }),
};

export const KINDS = Object.keys(FAULTS);

/** A way that swallows all that is said on it from some moment on, and stays open. */
export class Hole {
    #ways = [];

    static async lay(t, url) {
        const hole = new Hole();
        hole.pipe = await Pipe.lay(t, url, { tap: (way) => hole.#tap(way) });
        return Object.assign(hole, { url: hole.pipe.url });
    }

    #tap(way) {
        this.#ways.push(way);
        way.from.on('data', (bytes) => way.isDead || way.pass(bytes));
        way.from.on('end', () => way.isDead || way.to.end());
        return true;
    }

    opens() {
        for (const way of this.#ways) way.isDead = true;
    }

    cut() {
        this.pipe.cut();
    }
}

export class Proxy {
    happened = new Map(); // by kind: how often

    /** @param kinds  of what may happen @param share  to how many of 100 directions */
    static async lay(t, url, { seed, kinds, share }) {
        const proxy = new Proxy();
        Object.assign(proxy, { kinds, share, chance: new Chance(seed) });
        proxy.pipe = await Pipe.lay(t, url, { tap: (way) => proxy.#tap(way) });
        proxy.url = proxy.pipe.url;
        return proxy;
    }

    #tap(way) {
        const [own, dice, which] = this.chance.draw(3);
        if (dice % 100 >= this.share) return false;
        const kind = this.kinds[which % this.kinds.length];
        FAULTS[kind](way, new Chance(own), () =>
            this.happened.set(kind, 1 + (this.happened.get(kind) ?? 0)));
        return true;
    }

    /** All kinds did, so often. */
    hasHad(n) {
        return this.kinds.every((kind) => this.happened.get(kind) >= n);
    }
}
