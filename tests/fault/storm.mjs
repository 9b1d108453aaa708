/** The clients of a node that is killed come to the others, all at once. */
import { Failure, now, until } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Peer } from '../e2e/chat/peer.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';

const AT_ONCE = 64;     // while they come for the first time
const SYNCED_MS = 60000;
const TRIES = 5;        // of one, while a hundred others knock

const clients = Number(process.env.STORM || 500);

const percentile = (sorted, share) => sorted[Math.ceil(sorted.length * share) - 1];

const figures = (all) => {
    const sorted = [...all].sort((a, b) => a - b);
    const [half, most, last] = [0.5, 0.99, 1].map((share) => Math.round(percentile(sorted, share)));
    return `p50 ${half} ms, p99 ${most} ms, the last ${last} ms`;
};

class Client {
    address = wallet();

    async token(issuers) {
        this.kept = await issuers.token(this.address);
    }

    /** @return when it said CONNECT */
    async comes(t, node) {
        const { kept: token, cursor } = this;
        this.peer = await Peer.dial(t.at(node), this.address, { token, cursor, timeout: SYNCED_MS });
        const { socket } = this.peer;
        this.over = new Promise((resolve) => socket.once('disconnect', resolve));
        const connects = new Promise((resolve) => socket.io.once('open', () => resolve(now())));
        const said = await Promise.race([
            connects,
            this.peer.take('connect_error', SYNCED_MS).then(() => undefined),
        ]);
        if (said === undefined) return undefined;
        await this.peer.take('synced', SYNCED_MS);
        ({ cursor: this.cursor } = this.peer);
        return said;
    }

    async comesAgain(t, nodes, i, from) {
        for (const n of numbers(TRIES)) {
            const said = await this.comes(t, nodes[(i + n) % nodes.length]);
            if (said !== undefined) return { connect: now() - said, all: now() - from };
        }
        throw new Failure(`client ${i} was not let in`);
    }
}

async function comeAgain(t) {
    const cluster = await t.serve();
    const [first, ...others] = cluster.nodes;
    const all = numbers(clients).map(() => new Client());
    for (let i = 0; i < all.length; i += AT_ONCE)
        await Promise.all(all.slice(i, i + AT_ONCE).map(async (client) => {
            await client.token(t.issuers);
            await client.comes(t, first);
        }));
    const from = now();
    await first.kill();
    const took = await Promise.all(all.map(async (client, i) => {
        await client.over;
        return client.comesAgain(t, others, i, from);
    }));
    console.log(`  storm: ${clients} clients of a node that was killed: from CONNECT to synced ` +
        `${figures(took.map(({ connect }) => connect))}; from the kill to synced ` +
        figures(took.map((one) => one.all)));
    const online = async () => {
        const got = await Promise.all(others.map((node) => node.metrics()));
        return got.reduce((sum, one) => sum + one.get('parley_clients'), 0) === clients;
    };
    await until('all of them there', online);
    await first.start();
    for (const { peer } of all) peer.socket.disconnect();
    await cluster.stop();
}

export const rows = [{
    name: `storm: ${clients} clients of a node that is killed come to the others`, run: comeAgain,
    limit: 60000 + clients * 30, alone: true,
}];
