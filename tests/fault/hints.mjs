/**
 * A message whose hint is lost: NATS is killed, or one of the two nodes can't reach it. Its
 * recipient is connected to the other node all the time, and gets it within ten seconds.
 */
import { Failure, now, same, sleep } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Peer } from '../e2e/chat/peer.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';

const WITHIN_MS = 10000;
const MESSAGES = 12; // of each side
const EVERY_MS = 500;

async function dial(t, node) {
    const peer = await Peer.dial(t.at(node), wallet());
    await peer.take('synced', 20000);
    return peer;
}

/** @return how long each took, from its acknowledgement on */
async function tells(a, b) {
    const acked = new Map();
    const got = numbers(MESSAGES).map(async () => {
        const { id } = await b.take('message.new', 2 * WITHIN_MS + MESSAGES * EVERY_MS);
        return [id, now()];
    });
    for (const i of numbers(MESSAGES)) {
        const { message } = await a.ok('message.send',
            { to: b.address, type: 'text', content: `${i}` }, 20000);
        acked.set(message.id, now());
        await sleep(EVERY_MS);
    }
    return (await Promise.all(got)).map(([id, at]) => at - acked.get(id));
}

async function losesHints(t, name, ways) {
    const { cluster } = t;
    const [a, b] = await Promise.all([dial(t, cluster.nodes[0]), dial(t, cluster.nodes[1])]);
    await ways.lose(cluster);
    const took = (await Promise.all([tells(a, b), tells(b, a)])).flat();
    await ways.heal(cluster);
    await cluster.isWhole();
    const most = Math.max(...took);
    console.log(`  hints: ${name}: ${took.length} messages, the slowest after ` +
        `${(most / 1000).toFixed(1)} s, ${took.filter((ms) => ms > 1000).length} after 1 s or more`);
    if (most > WITHIN_MS) throw new Failure(`${name}: one took ${Math.round(most)} ms`);
    for (const peer of [a, b]) same(peer.heard.get('message.new') ?? [], [], 'more messages');
}

const cut = (n, name) => ({
    lose: ({ lan }) => lan.cut(n, [name]),
    heal: ({ lan }) => lan.heal(n, [name]),
});

const WAYS = {
    'NATS is killed': { lose: ({ nats }) => nats.kill(), heal: ({ nats }) => nats.start() },
    'one node is cut off from NATS': cut(1, 'nats'),
};

async function areFound(t) {
    const cluster = await t.serve();
    for (const [name, ways] of Object.entries(WAYS)) await losesHints(t, name, ways);
    await cluster.stop();
}

export const rows = [{
    name: 'hints: a message whose hint was lost is there within 10 s', run: areFound,
    limit: 120000, alone: true,
}];
