/**
 * A network of machines on this one: a namespace for each node, and a link from it to each of
 * what it talks to, so that one of them can be cut and the others go on. What is sent into a cut
 * link is gone without a word, as where a switch has failed. We are in a namespace ourselves:
 * all of it ends with the last process in it, however that ends.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { readlinkSync } from 'node:fs';
import { run, until } from '../e2e/lib.mjs';

const OURS = 'TEST_LAN'; // in the environment of who is in a namespace of its own

/** What a node is linked to, by the number of the network that each pair has. */
const LINKS = { clients: 1, postgres: 2, nats: 3, nodes: 4 };
const BRIDGE = 'between';

export const WAYS = {
    postgres: ['postgres'],
    nats: ['nats'],
    nodes: ['nodes'],
    'all servers': ['postgres', 'nats', 'nodes'],
    all: Object.keys(LINKS),
};

const ip = (...words) => execFileSync('ip', words, { stdio: 'pipe' });

/** @return why there are no namespaces here, or undefined */
export function whyNoLan() {
    if (process.getuid() !== 0) return 'it takes root to make a network';
    const { status, error, stderr } = spawnSync('unshare', ['--net', 'ip', 'link', 'add', BRIDGE,
        'type', 'bridge'], { encoding: 'utf8' });
    if (error) return `unshare: ${error.code}`;
    return status === 0 ? undefined : `no network can be made: ${stderr.trim()}`;
}

export const isInLan = () => OURS in process.env;

/** This program again, in a namespace of its own. @return its exit status */
export async function againInLan() {
    const words = ['--pdeathsig=TERM', 'unshare', '--net', process.execPath,
        ...process.argv.slice(1)];
    const { ended } = run('setpriv', words, 'inherit', { env: { ...process.env, [OURS]: 'yes' } });
    return ended;
}

const networkOf = (pid) => readlinkSync(`/proc/${pid}/ns/net`);

const linkOf = (name, n) => `${name}${n}`;

/** @param side  1 here, 2 at the node */
const pairOf = (name, n, side) => `10.${LINKS[name]}.${n}.${side}`;

export class Lan {
    #holders = new Map(); // by node, who keeps its namespace

    constructor() {
        ip('link', 'set', 'lo', 'up');
        ip('link', 'add', BRIDGE, 'type', 'bridge');
        ip('link', 'set', BRIDGE, 'up');
    }

    close() {
        for (const n of this.#holders.keys()) this.#remove(n);
        ip('link', 'delete', BRIDGE);
    }

    #remove(n) {
        for (const name of Object.keys(LINKS)) ip('link', 'delete', linkOf(name, n));
        this.#holders.get(n).child.kill('SIGKILL');
        this.#holders.delete(n);
    }

    /** @param n  of a node, from 1 on */
    async add(n) {
        const holder = run('setpriv', ['--pdeathsig=KILL', 'unshare', '--net', 'sleep', 'infinity'],
            'ignore');
        const { pid } = holder.child;
        await until('a network', () => networkOf(pid) !== networkOf('self'));
        this.#holders.set(n, holder);
        this.#inside(n, 'link', 'set', 'lo', 'up');
        for (const name of Object.keys(LINKS)) this.#link(name, n, pid);
    }

    #link(name, n, pid) {
        const ours = linkOf(name, n);
        ip('link', 'add', ours, 'type', 'veth', 'peer', 'name', name, 'netns', `${pid}`);
        if (name === 'nodes') {
            ip('link', 'set', ours, 'master', BRIDGE);
            this.#inside(n, 'address', 'add', `${this.meetingOf(n)}/24`, 'dev', name);
        } else {
            ip('address', 'add', `${pairOf(name, n, 1)}/30`, 'dev', ours);
            this.#inside(n, 'address', 'add', `${pairOf(name, n, 2)}/30`, 'dev', name);
        }
        ip('link', 'set', ours, 'up');
        this.#inside(n, 'link', 'set', name, 'up');
    }

    #inside(n, ...words) {
        const [program, ...args] = [...this.wrap(n), 'ip', ...words];
        execFileSync(program, args, { stdio: 'pipe' });
    }

    /** Words before a program that runs on the node's machine. */
    wrap(n) {
        return ['nsenter', `--net=/proc/${this.#holders.get(n).child.pid}/ns/net`];
    }

    // Addresses.

    /** Of what runs here, for the node. */
    hereFor(n, name) {
        return pairOf(name, n, 1);
    }

    /** Of the node, for clients. */
    addressOf(n) {
        return pairOf('clients', n, 2);
    }

    /** Of the node, for the others. */
    meetingOf(n) {
        return `10.${LINKS.nodes}.0.${n}`;
    }

    // What is done to it.

    cut(n, names) {
        for (const name of names) ip('link', 'set', linkOf(name, n), 'down');
    }

    heal(n, names) {
        for (const name of names) ip('link', 'set', linkOf(name, n), 'up');
    }
}
