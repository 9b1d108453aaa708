/**
 * Three nodes on one PostgreSQL and one NATS, each on a machine of its own, and a front that
 * deals connections out to them in turn; all of which may be killed and cut off, and come again.
 */
import net from 'node:net';
import { Failure, Trial, sleep, until, within } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { ChatServer, folder } from '../e2e/chat/serve.mjs';
import { Lan } from './lan.mjs';
import { Nats, Postgres } from './mortals.mjs';

const PORT = 8080;
const AGAIN_MS = 200;
const START_MS = 60000; // where what it needs is away, too
const DIAL_MS = 1000;   // for the front to reach a node
const OPTIONS = [
    '--rate-limits=off', '--drain=1s', '--media=off', '--ping-interval=2s', '--ping-timeout=3s',
];

class Node {
    log = '';
    server = undefined;

    constructor(cluster, n) {
        Object.assign(this, { cluster, n, name: `node-${n}`, data: folder(`node-${n}`) });
    }

    get url() {
        return `http://${this.cluster.lan.addressOf(this.n)}:${PORT}`;
    }

    /** It may take until others are there. */
    async start() {
        let why;
        const isUp = async () => {
            try {
                this.server = await this.#launch();
                return true;
            } catch (error) {
                why = error.message;
                await sleep(AGAIN_MS);
                return false;
            }
        };
        await until(`${this.name} started`, isUp, START_MS).catch((error) => {
            throw new Failure(`${error.message}: ${why}`);
        });
        this.server.ended.then(() => (this.log += this.server.stderr));
    }

    #launch() {
        const { lan, postgres, nats, binary, issuers, keys } = this.cluster;
        return ChatServer.serve(binary, issuers, {
            data: this.data, listen: `0.0.0.0:${PORT}`, wrap: lan.wrap(this.n),
            options: [...OPTIONS, `--node=${this.name}`, `--keys=${keys}`,
                `--advertise=http://${lan.meetingOf(this.n)}:${PORT}`],
            env: {
                PARLEY_STORE: postgres.urlAt(lan.hereFor(this.n, 'postgres')),
                PARLEY_BUS: nats.urlAt(lan.hereFor(this.n, 'nats')),
            },
        });
    }

    async kill() {
        await this.server.kill();
    }

    async metrics() {
        return this.server.metrics.call({ url: this.url });
    }
}

/** A load balancer that knows nothing but who can be reached. */
class Front {
    #turn = 0;

    static async open(nodes) {
        const front = new Front();
        front.nodes = nodes;
        front.server = net.createServer((socket) => front.#deal(socket));
        await new Promise((resolve) => front.server.listen(0, '127.0.0.1', resolve));
        front.url = `http://127.0.0.1:${front.server.address().port}`;
        return front;
    }

    #deal(socket, tries = 0) {
        socket.on('error', () => {});
        if (tries === this.nodes.length) return socket.destroy();
        const { hostname, port } = new URL(this.nodes[this.#turn++ % this.nodes.length].url);
        const to = net.connect({ host: hostname, port, noDelay: true, timeout: DIAL_MS });
        const next = () => {
            to.destroy();
            this.#deal(socket, tries + 1);
        };
        to.once('error', next).once('timeout', next);
        to.once('connect', () => {
            to.off('error', next).off('timeout', next).setTimeout(0);
            this.#join(socket, to);
        });
    }

    #join(a, b) {
        for (const [one, other] of [[a, b], [b, a]]) {
            one.on('error', () => other.destroy()).on('close', () => other.destroy());
            one.pipe(other);
        }
    }
}

export class Cluster {
    /** @param t  the trial, with its end @param servers  ChatServers */
    static async start(t, { binary, issuers, command }, n = 3) {
        const cluster = Object.assign(new Cluster(), { binary, issuers, keys: folder('keys') });
        cluster.lan = new Lan();
        t.defer(() => cluster.lan.close());
        cluster.nodes = numbers(n).map((i) => new Node(cluster, i));
        for (const i of numbers(n)) await cluster.lan.add(i);
        command.call({ binary }, 'make-keys', '--keys', cluster.keys);
        [cluster.postgres, cluster.nats] = await Promise.all([Postgres.start(), Nats.start()]);
        t.defer(() => cluster.#end());
        await Promise.all(cluster.nodes.map((node) => node.start()));
        cluster.front = await Front.open(cluster.nodes);
        t.defer(() => cluster.front.server.close());
        await cluster.isWhole();
        return cluster;
    }

    #end() {
        const all = [...this.nodes.map(({ server }) => server), this.postgres, this.nats];
        for (const one of all) one?.child.kill('SIGKILL');
    }

    /** Each node is ready, hears each other one and knows where it is. */
    async isWhole(ms = 60000) {
        const others = this.nodes.length - 1;
        await Promise.all(this.nodes.map((node) => until(`${node.name} with all others`, async () => {
            const { ok } = await fetch(`${node.url}/readyz`).catch(() => ({ ok: false }));
            if (!ok) return false;
            const got = await node.metrics();
            return got.get('parley_bus_up') === 1 && got.get('parley_bus_nodes') === others &&
                got.get('parley_nodes') === others + 1;
        }, ms)));
    }

    /** Each ends as it should. */
    async stop() {
        await Promise.all(this.nodes.map(({ server }) => within(20000, 'stop', server.stop())));
    }
}

/** One run of one row; who asks where the server is gets the front. */
export class ClusterTrial extends Trial {
    #turn = 0;

    constructor(servers) {
        super(servers);
        this.issuers = servers.issuers;
    }

    async serve() {
        this.cluster = await Cluster.start(this, this.servers);
        this.url = this.cluster.front.url;
        this.server = this.cluster;
        return this.cluster;
    }

    /** What Peer.dial() takes for a trial, to be at one node. */
    at({ url }) {
        const { issuers } = this;
        return { issuers, url, transport: 'websocket', defer: (undo) => this.defer(undo) };
    }

    /** In turn: each connection asks once. */
    get transport() {
        return ['websocket', 'polling', 'upgrade'][this.#turn++ % 3];
    }
}
