/**
 * What three nodes stand on is killed, and cut, again and again under the load of many wallets,
 * each time at a moment by chance.
 */
import { randomInt } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { Failure, now, same, sleep, within } from '../e2e/lib.mjs';
import { Peer } from '../e2e/chat/peer.mjs';
import { WAYS } from './lan.mjs';
import { World, isClean, said } from './world.mjs';

const LOAD = {
    wallets: 24, devices: 3, friends: 5, reads: 10, leaves: 1, restMs: 400, isSteady: false,
    mayAskAgain: true,
    habits: { isPatient: true, crashes: 1 },
};
const BETWEEN = 100;      // messages that are acknowledged, at most, before the next is done
const AT_ONCE = 4;        // one of so many is done beside the one before
const SHORT_MS = 3000;    // that something is away
const LONG_MS = 9000;     // one of so many times, longer than a node has patience
const LONG_IS = 4;
const ENDLESS_MS = 18000; // one of so many times, longer than silence is borne
const ENDLESS_IS = 16;
const GOES_ON_MS = 60000;
const CYCLE_MS = 30000;   // on a busy machine, with what comes behind
const PAGE = 200;

const kills = Number(process.env.CLUSTER_KILLS || 2);
const cuts = Number(process.env.CLUSTER_CUTS || 2);
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));

function awayMs(dice, ms) {
    if (dice % ENDLESS_IS === 0) return ENDLESS_MS;
    return dice % LONG_IS === 0 ? LONG_MS / 3 + ms % LONG_MS : ms % SHORT_MS;
}

class Nemesis {
    done = { node: 0, nats: 0, postgres: 0, cut: 0 };
    #busy = new Map(); // by what it is done to: when it is back

    constructor(world, cluster) {
        Object.assign(this, { world, cluster, chance: world.chance, from: now() });
    }

    /** All that is to be done, in an order by chance. */
    #plan() {
        const ways = Object.keys(WAYS);
        const plan = [
            ...['node', 'nats', 'postgres'].flatMap((what) => Array(kills).fill([what])),
            ...Array.from({ length: cuts }, (_, i) => ['cut', ways[(seed + i) % ways.length]]),
        ];
        for (let i = plan.length - 1; i > 0; i--) {
            const k = this.chance.next() % (i + 1);
            [plan[i], plan[k]] = [plan[k], plan[i]];
        }
        return plan;
    }

    async run() {
        for (const act of this.#plan()) {
            const [more, which, dice, ms, beside] = this.chance.draw(5);
            await within(GOES_ON_MS, 'messages acknowledged',
                this.world.acknowledges(1 + more % BETWEEN));
            const doing = this.#does(act, which, awayMs(dice, ms));
            if (beside % AT_ONCE) await doing;
        }
        await Promise.all(this.#busy.values());
    }

    #does([what, way], which, ms) {
        const node = this.cluster.nodes[which % this.cluster.nodes.length];
        const [name, away] = {
            node: () => [node.name, () => this.#kills(node, ms)],
            nats: () => ['nats', () => this.#kills(this.cluster.nats, ms)],
            postgres: () => ['postgres', () => this.#kills(this.cluster.postgres, ms)],
            cut: () => [`links of ${node.name}`, () => this.#cuts(node, WAYS[way], ms)],
        }[what]();
        const doing = (this.#busy.get(name) ?? Promise.resolve()).then(async () => {
            this.#say(`${name} ${way ?? 'killed'}, for ${Math.round(ms)} ms`);
            await away();
            this.#say(`${name} back`);
        });
        doing.catch(this.world.fail);
        this.#busy.set(name, doing);
        this.done[what]++;
        return doing;
    }

    #say(what) {
        if (process.env.TIMES) console.log(`${((now() - this.from) / 1000).toFixed(2)} ${what}`);
    }

    async #kills(one, ms) {
        if (one !== this.cluster.nats) this.world.history.kills();
        await one.kill();
        await sleep(ms);
        await one.start();
    }

    async #cuts({ n }, names, ms) {
        this.cluster.lan.cut(n, names);
        await sleep(ms);
        this.cluster.lan.heal(n, names);
    }
}

// At the end.

const shown = ({ conversation, messages }) => ({
    conversation, messages: messages.map(({ id, seq, content }) => [id, seq, content]),
});

async function readsAll(peer) {
    const finals = [];
    const { conversations } = await peer.ok('conversation.list', { limit: PAGE });
    for (const { conversation } of conversations) {
        const messages = [];
        for (let before, hasMore = true; hasMore; before = messages[0].seq) {
            const page = await peer.ok('message.history', { conversation, before, limit: PAGE });
            messages.unshift(...page.messages);
            hasMore = page.has_more;
        }
        finals.push(shown({ conversation, messages }));
    }
    return finals.sort((a, b) => (a.conversation < b.conversation ? -1 : 1));
}

/** Every node says of every wallet's conversations what the checker has judged. */
async function areAlike(t, world) {
    const finals = world.history.entries.filter(({ what }) => what === 'final');
    for (const node of t.cluster.nodes)
        for (const address of world.wallets) {
            const peer = await Peer.dial(t.at(node), address);
            const want = finals.filter(({ wallet }) => wallet === address).map(shown)
                .sort((a, b) => (a.conversation < b.conversation ? -1 : 1));
            await peer.take('synced', 20000);
            same(await readsAll(peer), want, `history of ${address} at ${node.name}`);
            peer.socket.disconnect();
        }
}

function show({ counts, figures, kills: all }, done, seconds) {
    const sum = (what) => all.reduce((n, kill) => n + kill[what], 0);
    console.log([
        `  nemesis: kills of nodes ${done.node}, NATS ${done.nats}, PostgreSQL ${done.postgres}; ` +
        `cuts ${done.cut}; clients ${LOAD.wallets}, devices ${LOAD.wallets * LOAD.devices}`,
        said(figures), `sends that kills have found ${sum('found')}, stored ${sum('stored')}`,
        said(counts), `seconds ${Math.round(seconds)}`, `SEED=${seed}`,
    ].join(', '));
}

/** There was a load, and what was between its arrival and its answer when a kill came. */
function isNotVoid({ kills: all }, done) {
    const found = all.filter((kill) => kill.found).length;
    const isAll = ['node', 'nats', 'postgres'].every((what) => done[what] === kills);
    if (!isAll || done.cut !== cuts || 2 * found < all.length)
        throw new Failure(`void: ${said(done)}; ${found} of ${all.length} kills found a send`);
}

/** For who wants to know why. */
function keep(t, world) {
    const dir = process.env.KEEP;
    if (!dir) return;
    writeFileSync(`${dir}/history.jsonl`,
        world.history.entries.map((entry, i) => JSON.stringify({ i, ...entry })).join('\n'));
    for (const { name, log, server } of t.cluster.nodes)
        writeFileSync(`${dir}/${name}.log`, `${log}---\n${server?.stderr}`);
}

async function losesNothing(t) {
    const from = now();
    const cluster = await t.serve();
    let turn = 0;
    const world = new World(t, seed, {
        ...LOAD,
        // One of each wallet knows the front alone, the others the nodes.
        urlOf: ({ name }) => (name.endsWith('.1') ? t.url : cluster.nodes[turn++ % 3].url),
    });
    const nemesis = new Nemesis(world, cluster);
    try {
        const result = await world.run(async () => {
            await nemesis.run();
            await cluster.isWhole();
        });
        show(result, nemesis.done, (now() - from) / 1000);
        isClean(result);
        isNotVoid(result, nemesis.done);
        await areAlike(t, world);
        world.leave();
        await cluster.stop();
    } finally {
        keep(t, world);
    }
}

export const rows = [{
    name: `nemesis: ${kills} kills of each and ${cuts} cuts, and nothing is lost (SEED=${seed})`,
    run: losesNothing,
    limit: 120000 + (3 * kills + cuts) * CYCLE_MS,
    alone: true,
}];
