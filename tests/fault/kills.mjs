/**
 * A server that is killed again and again under the load of many wallets, each time at a moment
 * by chance: what was acknowledged is there, once and in order, on every device.
 */
import { randomInt } from 'node:crypto';
import { Failure, now, sleep } from '../e2e/lib.mjs';
import { World, isClean, said } from './world.mjs';

const WALLETS = 50;
const DEVICES = 2;
const OPTIONS = ['--rate-limits=off'];
/** With so little the index of the store is filled all the time, and is left in the middle of it. */
const BUSY_INDEX = [...OPTIONS, '--store-memory=64KiB'];
const LOAD = { wallets: WALLETS, devices: DEVICES, friends: 5, underWay: 4, reads: 5 };
const PER_KILL = 500;   // messages that are acknowledged, on the average: about 400 are under way
const EARLY = 8;        // one of so many kills comes while all are just back
const MOMENT_MS = 20;
const CYCLE_MS = 20000; // on a busy machine, with what comes behind

const kills = Number(process.env.KILLS || 10);
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));

/** When so many more are acknowledged, and a moment later. */
async function waits(world) {
    const [way, n, ms] = world.chance.draw(3);
    const more = way % EARLY === 0 ? 1 + n % 20 : PER_KILL / 5 + n % PER_KILL;
    await world.acknowledges(Math.floor(more));
    await sleep(ms % MOMENT_MS);
}

async function killsAll(world) {
    for (let n = 0; n < kills || world.acknowledged < kills * PER_KILL; n++) {
        await waits(world);
        if (world.isOver) return;
        await world.kill(n % 2 ? OPTIONS : BUSY_INDEX);
    }
}

function show({ counts, figures, kills: all }, seconds) {
    const sum = (what) => all.reduce((n, kill) => n + kill[what], 0);
    const having = (what) => all.filter((kill) => kill[what]).length;
    console.log([
        `  kills ${all.length}, clients ${WALLETS}, devices ${WALLETS * DEVICES}`,
        said(figures),
        `kills that found a send without its answer ${having('found')} (${sum('found')} sends)`,
        `and stored it ${having('stored')} (${sum('stored')})`,
        said(counts), `seconds ${Math.round(seconds)}`, `SEED=${seed}`,
    ].join(', '));
}

/** There was a load, and what was between its arrival and its answer when a kill came. */
function isNotVoid({ kills: all, figures: { acknowledged } }) {
    const found = all.filter((kill) => kill.found).length;
    if (all.length < kills || 2 * found < all.length || acknowledged < kills * PER_KILL)
        throw new Failure(`void: ${all.length} kills, of which ${found} have found a send, and ` +
            `${acknowledged} messages`);
}

async function losesNothing(t) {
    const from = now();
    await t.serve({ options: OPTIONS });
    const world = new World(t, seed, LOAD);
    const result = await world.run(() => killsAll(world));
    show(result, (now() - from) / 1000);
    isClean(result);
    isNotVoid(result);
    await t.server.stop();
}

export const rows = [{
    name: `kills: ${kills} under load, and nothing is lost (SEED=${seed})`,
    run: losesNothing,
    limit: 60000 + kills * CYCLE_MS,
    alone: true,
    isTraced: false,
}];
