/** `parley serve`, and a folder for it and its issuers. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { Failure, Server, Skip, Trial, same, within } from '../lib.mjs';
import { Cluster, NODES } from './cluster.mjs';
import { onPostgres, storeOf } from './database.mjs';
import { Issuers } from './issuers.mjs';

/** All that a run writes; gone with it. */
const root = mkdtempSync(join(tmpdir(), 'parley-chat-'));
const disks = new Set();
process.on('exit', () => {
    disks.forEach((disk) => disk.end());
    rmSync(root, { recursive: true, force: true });
});

export const folder = (name) => mkdtempSync(join(root, `${name}-`));

const command = (...words) => execFileSync(words[0], words.slice(1), { stdio: 'pipe' });

/** A folder with a file system of its own, of so many kibibytes. */
export class SmallDisk {
    constructor(kib) {
        this.path = folder('disk');
        try {
            command('mount', '-t', 'tmpfs', '-o', `size=${kib}k`, 'parley-test', this.path);
        } catch {
            throw new Skip('it takes root to mount a small file system');
        }
        disks.add(this);
    }

    resize(kib) {
        command('mount', '-o', `remount,size=${kib}k`, this.path);
    }

    end() {
        if (disks.delete(this)) command('umount', '--lazy', this.path);
    }
}

/** How many loops serve: any option may come from the environment as well. */
export function workersOf(options) {
    const named = options.filter((option) => option.startsWith('--workers=')).at(-1);
    return Number(named?.slice('--workers='.length) ?? process.env.PARLEY_WORKERS ?? 1);
}

export class ChatServer extends Server {
    /**
     * With NODES above 1 it is so many processes, and a Cluster.
     *
     * @param data     folder, of a server that ran before perhaps
     * @param listen   as an earlier one did, perhaps
     * @param wrap     words before the program: a tracer
     * @param env      beside ours
     */
    static async serve(binary, issuers, {
        options = [], data, listen = '127.0.0.1:0', wrap = [], env, bus = process.env.TEST_NATS,
    } = {}) {
        const dir = data ?? folder('data');
        const store = env?.PARLEY_STORE ? {} : await storeOf(dir);
        const all = { ...process.env, ...store, ...env };
        const start = (words) => this.launch(wrap.concat(binary)[0], [
            ...wrap.concat(binary).slice(1), 'serve', `--config=${issuers.config}`, ...words,
        ], { env: all });
        if (NODES > 1) {
            return Cluster.start(binary, { data: dir, listen, options, bus }, async (more, own) => {
                const node = await start(['--listen=127.0.0.1:0', `--data=${own}`, ...more]);
                return Object.assign(node, { data: own, workers: workersOf(options) });
            });
        }
        const server = await start([`--listen=${listen}`, `--data=${dir}`, ...options]);
        const workers = workersOf(options);
        return Object.assign(server, { data: dir, workers, mayRepeat: workers > 1 || onPostgres });
    }

    /** As if the power went; what the kernel has, it keeps. */
    async kill() {
        this.child.kill('SIGKILL');
        same(await within(5000, 'end after SIGKILL', this.ended), 'SIGKILL', 'end');
    }

    /** It ends by itself. @return how */
    over(ms = 10000) {
        return within(ms, 'end of the server', this.ended);
    }

    /** The counters and gauges, with their labels, as numbers. */
    async metrics() {
        const text = await get(`${this.url}/metrics`);
        const lines = text.split('\n').filter((line) => line && line[0] !== '#');
        return new Map(lines.map((line) => {
            const at = line.lastIndexOf(' ');
            return [line.slice(0, at), Number(line.slice(at + 1))];
        }));
    }
}

export async function get(url) {
    const response = await fetch(url, { headers: { connection: 'close' } });
    const text = await response.text();
    if (response.status !== 200) throw new Failure(`${url}: ${response.status} ${text}`);
    return text;
}

/**
 * Several sites, one of them by http, and a page that is of none of them; several chains, and
 * the home chain is not the first.
 */
export const SIGN_IN = [
    '--rate-limits=off', '--drain=1s',
    '--domains=app.test,shop.test:8443,http://plain.test',
    '--origins=https://app.test,https://shop.test:8443,http://plain.test,https://page.test',
    '--chains=8453,1,solana', '--home-chain=1',
];

/** What rows call their server, and the options that it has beside the issuers. */
const OPTIONS = {
    default: ['--rate-limits=off', '--drain=1s'],
    rates: ['--send-rate=5', '--send-burst=20', '--request-rate=5', '--request-burst=30'],
    'two a wallet': ['--sockets-per-wallet=2'],
    'small mailboxes': [
        '--rate-limits=off', '--mailbox-peer-messages=20', '--mailbox-stranger-messages=5',
    ],
    'few bytes': [
        '--rate-limits=off', '--mailbox-peer-bytes=8KiB', '--mailbox-stranger-bytes=2KiB',
    ],
    'open to strangers': ['--rate-limits=off', '--mailbox-stranger-bytes=64MiB'],
    'one small mailbox': ['--rate-limits=off', '--mailbox-messages=10'],
    requests: ['--rate-limits=off', '--contact-policy=request'],
    'small contents': ['--rate-limits=off', '--content-bytes=1024'],
    origins: ['--rate-limits=off', '--origins=https://app.test,http://other.test:8080'],
    dev: ['--rate-limits=off', '--dev'],
    'sign in': SIGN_IN,
    'small files': [
        '--rate-limits=off', '--drain=1s', '--image-bytes=1000', '--audio-bytes=2000',
        '--video-bytes=3000', '--file-bytes=4000',
    ],
    'few uploads': [
        '--rate-limits=off', '--drain=1s', '--uploads-pending=2', '--upload-quota=1MiB',
        '--upload-quota-time=10s',
    ],
    'short links': [
        '--rate-limits=off', '--drain=1s', '--upload-link=3s', '--download-link=3s',
    ],
    'files of others': [
        '--rate-limits=off', '--drain=1s',
        '--media-url-allow=https://cdn.example/nft/,https://files.example:8443',
    ],
    'no files': [
        '--rate-limits=off', '--drain=1s', '--media=off',
        '--media-url-allow=https://cdn.example/nft/',
    ],
};

/**
 * Where files go without a word: the server's own disk.
 *
 * options, env  of every server, unless its options name --media
 * has()         is there a file of this upload under "in", where it is put, or "kept", where it
 *               is from its first message on?
 */
export const OWN_DISK = {
    options: [],
    env: {},
    has: (server, where, id) =>
        existsSync(join(server.data, 'media', where, id.slice(0, 2), id)),
};

/** Several processes have none that is their own. */
const NO_DISK = { options: ['--media=off'], env: {}, has: () => false };

/** The servers that rows share, each started when the first row needs it. */
export class ChatServers {
    #started = new Map();

    /** @param backend  for the files, like OWN_DISK */
    static async make(binary, backend = NODES > 1 ? NO_DISK : OWN_DISK) {
        const servers = new ChatServers();
        const issuers = await Issuers.make(folder('issuers'));
        return Object.assign(servers, { binary, backend, issuers });
    }

    get(name, how = { options: OPTIONS[name] }) {
        if (!how.options) throw new Failure(`no server is called "${name}"`);
        if (!this.#started.has(name)) this.#started.set(name, this.serve(how));
        return this.#started.get(name);
    }

    serve({ options = [], env, ...how } = {}) {
        const { backend } = this;
        const isOwn = options.some((option) => option.startsWith('--media='));
        return ChatServer.serve(this.binary, this.issuers, isOwn ? { options, env, ...how } : {
            options: [...options, ...backend.options], env: { ...backend.env, ...env }, ...how,
        });
    }

    /** What a subcommand prints. */
    command(...words) {
        return execFileSync(this.binary, words, { encoding: 'utf8', timeout: 10000 });
    }

    /** @return what stopping each of them gave: [name, undefined or the failure] */
    stop() {
        const stopped = [...this.#started].map(async ([name, starting]) => {
            try {
                await (await starting).stop();
                return [name];
            } catch (error) {
                return [name, error];
            }
        });
        return Promise.all(stopped);
    }
}

/** One run of one row. */
export class ChatTrial extends Trial {
    constructor(servers, server, transport) {
        super(servers, server?.url);
        const { issuers, backend } = servers;
        Object.assign(this, { server, transport, issuers, backend });
    }

    /** A server of the row's own, which is the one that it talks to from now on. */
    async serve(how) {
        this.server = await this.servers.serve(how);
        const { child } = this.server;
        this.defer(() => child.kill('SIGKILL'));
        this.url = this.server.url;
        return this.server;
    }

    /** The same again: on its data, its port, and with other options if they are given. */
    serveAgain(how) {
        const { data, listen } = this.server;
        return this.serve({ data, listen, ...how });
    }
}
