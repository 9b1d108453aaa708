/**
 * Wallets that write, read, forget and vanish at random, on a server that is killed or stopped
 * under them again and again. Whatever happened in between, at the end every device has
 * everything.
 */
import { randomInt } from 'node:crypto';
import { Failure, sleep } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { World, isClean } from './world.mjs';

const LIVES = 4; // of the server
const LIFE_MS = 700;
const OPTIONS = ['--rate-limits=off', '--drain=1s'];
const CHAOS = { leaves: 7, restMs: 5, habits: { acks: 95, crashes: 2 } };

async function end(world) {
    const [ms, way] = world.chance.draw(2);
    await sleep(LIFE_MS * 0.5 + (ms % LIFE_MS));
    if (way % 10 < 7) await world.kill(OPTIONS);
    else
        await world.without(async () => {
            await world.t.server.stop(); // which it may be asked to as well
            await world.t.serveAgain({ options: OPTIONS });
        });
}

async function survives(t, seed) {
    await t.serve({ options: OPTIONS });
    const world = new World(t, seed, CHAOS);
    const result = await world.run(async () => {
        for (const _ of numbers(LIVES - 1)) await end(world);
        await sleep(LIFE_MS);
    });
    isClean(result);
    const { acknowledged: n } = result.figures;
    if (process.env.TIMES) console.log('messages', n);
    if (n < 50) throw new Failure(`only ${n} messages were sent`);
    await t.server.stop();
}

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));

export const rows = ['websocket', 'polling', 'upgrade'].map((transport, i) => ({
    name: `chaos/${transport}: everybody has everything (SEED=${seed})`,
    run: (t) => survives(Object.assign(t, { transport }), seed + i),
    limit: 60000,
    isTraced: false,
}));
