/**
 * Several processes of `parley serve` that are one service: on one schema, one NATS and one
 * directory of keys, behind a front that deals out connections to them in turn. Rows that need
 * not know take it for a server.
 */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { Failure, now, same, sleep } from '../lib.mjs';

/** How many processes are one service: 1 is `parley serve` by itself. */
export const NODES = Number(process.env.NODES ?? 1);

/** What ends on one node is over on all within 2 s (docs/scaling.md). */
export const ENDS_MS = NODES > 1 ? 3000 : 1000;

/** Where several nodes have to hear of it first, not at once. */
export async function soon(check) {
    for (const end = now() + ENDS_MS; NODES > 1 && now() < end; await sleep(20)) {
        try {
            return await check();
        } catch (error) {
            if (!(error instanceof Failure)) throw error;
        }
    }
    return check();
}

/** Of each node, or of the server. */
export const urlsOf = ({ server, url }) => server?.nodes?.map((node) => node.url) ?? [url];

/** Rows that are `single` are about one process, those that are `nodes` about several. */
export const isOfSoManyNodes = (row) => (NODES > 1 ? !row.single : !row.nodes);

/** What a proxy is that balances TCP: who does not listen is passed over. */
class Front {
    #turn = 0;
    #clients = new Set();

    static async open(listen, nodes) {
        const front = Object.assign(new Front(), { nodes });
        const [, host, port] = /^\[?(.*?)\]?:(\d+)$/.exec(listen);
        const listener = createServer({ allowHalfOpen: true, noDelay: true },
            (client) => front.#take(client));
        listener.listen(Number(port), host);
        await once(listener, 'listening');
        const shown = host.includes(':') ? `[${host}]` : host;
        return Object.assign(front, { listener, url: `http://${shown}:${listener.address().port}` });
    }

    #take(client) {
        this.#clients.add(client);
        client.on('error', () => {}); // 'close' follows
        client.on('close', () => this.#clients.delete(client));
        this.#dial(client, this.#turn++, this.nodes.length);
    }

    #dial(client, turn, tries) {
        const node = this.nodes[turn % this.nodes.length];
        const next = () =>
            (tries > 1 ? this.#dial(client, turn + 1, tries - 1) : client.destroy());
        if (node.isOut) return next();
        const { port, hostname } = new URL(node.url);
        const server = connect({ port, host: hostname, allowHalfOpen: true, noDelay: true });
        server.once('error', next);
        server.once('connect', () => {
            server.off('error', next);
            server.on('error', () => {});
            if (client.destroyed) return server.destroy();
            client.on('close', () => server.destroy());
            server.on('close', () => client.destroy());
            client.pipe(server);
            return server.pipe(client);
        });
        return undefined;
    }

    close() {
        this.listener.close();
        this.#clients.forEach((client) => client.destroy());
    }
}

/** Of each process the same: the sum would say nothing. */
const OF_ALL = new Set(['parley_nodes', 'parley_bus_up', 'parley_bus_nodes', 'parley_store_up']);

export const makeKeys = (binary, dir) =>
    execFileSync(binary, ['make-keys', `--keys=${dir}`], { stdio: 'pipe' });

export class Cluster {
    /**
     * @param makeOne  (options, data) => a server, which listens where it likes
     * @param data     of all of them: their keys, and a folder for each
     * @param listen   of the front
     * @param bus      a URL of NATS
     */
    static async start(binary, { data, listen, options, bus }, makeOne) {
        makeKeys(binary, data);
        const cluster = Object.assign(new this(), { data, options, bus, makeOne });
        const names = Array.from({ length: NODES }, (_, i) => `node-${i + 1}`);
        const starting = names.map((name) => cluster.startOne(name));
        const died = (await Promise.allSettled(starting)).find(({ reason }) => reason);
        cluster.nodes = (await Promise.allSettled(starting)).map(({ value }) => value).filter(Boolean);
        if (died) {
            cluster.child.kill('SIGKILL');
            throw died.reason;
        }
        const front = await Front.open(listen, cluster.nodes);
        return Object.assign(cluster, { front, url: front.url });
    }

    /** Not behind the front. @param data, keys  where that is not as of all others */
    async startOne(name, { data = join(this.data, name), keys = this.data } = {}) {
        const node = await this.makeOne(
            [`--bus=${this.bus}`, `--keys=${keys}`, `--node=${name}`, ...this.options], data);
        return Object.assign(node, { name });
    }

    /** One more; or in the place of one that has ended, by its name. */
    async add(name) {
        const node = await this.startOne(name);
        const at = this.nodes.findIndex((one) => one.name === name);
        if (at < 0) this.nodes.push(node);
        else this.nodes[at] = node;
        return node;
    }

    /** Loops. */
    get workers() {
        return this.nodes.reduce((n, node) => n + node.workers, 0);
    }

    get mayRepeat() {
        return true;
    }

    get listen() {
        return new URL(this.url).host;
    }

    get stdout() {
        return this.nodes.map((node) => node.stdout).join('');
    }

    get stderr() {
        return this.nodes.map((node) => node.stderr).join('');
    }

    /** What is asked of a process here is asked of all. */
    get child() {
        const { nodes } = this;
        return {
            kill: (signal) => {
                nodes.forEach((node) => node.child.kill(signal));
                if (signal === 'SIGKILL') this.front?.close();
            },
            stdout: { on: (event, fn) => nodes.forEach((node) => node.child.stdout.on(event, fn)) },
            get exitCode() {
                return nodes.map((node) => node.child.exitCode).find((code) => code !== null) ?? null;
            },
        };
    }

    get ended() {
        return Promise.all(this.nodes.map((node) => node.ended)).then(([how]) => how);
    }

    terminate() {
        this.nodes.forEach((node) => node.terminate());
    }

    async #each(what) {
        const done = await Promise.allSettled(this.nodes.map(what));
        this.front.close();
        const failed = done.find(({ reason }) => reason);
        if (failed) throw failed.reason;
        return done.map(({ value }) => value);
    }

    async stop() {
        await this.#each((node) => node.stop());
    }

    async kill() {
        await this.#each((node) => node.kill());
    }

    async over(ms) {
        const all = await this.#each((node) => node.over(ms));
        same(new Set(all).size, 1, `ways to end (${all})`);
        return all[0];
    }

    /** Of all that run, the sum of each. */
    async metrics() {
        const running = this.nodes.filter(({ child }) => child.exitCode === null && !child.signalCode);
        const sums = new Map();
        for (const each of await Promise.all(running.map((node) => node.metrics())))
            for (const [name, n] of each)
                sums.set(name, OF_ALL.has(name) ? n : n + (sums.get(name) ?? 0));
        return sums;
    }
}
