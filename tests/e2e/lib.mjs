/** What a row of the tables gets: servers, checks, and an end that takes all down again. */
import { spawn } from 'node:child_process';
import { isDeepStrictEqual, inspect } from 'node:util';
import { performance } from 'node:perf_hooks';

export const now = () => performance.now();
export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Not before: a timer may come a millisecond early, and some rules count it. */
export async function sleepUntil(at) {
    while (now() < at) await sleep(Math.max(1, at - now()));
}

export class Failure extends Error {}

/** What a row throws that cannot run here; the message says why. */
export class Skip extends Error {}

const shown = (value) => {
    const text = inspect(value, { depth: 6, breakLength: Infinity });
    return text.length > 400 ? `${text.slice(0, 400)}… (${text.length} characters)` : text;
};

export function same(got, want, what = 'value') {
    if (!isDeepStrictEqual(got, want))
        throw new Failure(`${what}: got ${shown(got)}, want ${shown(want)}`);
}

export function oneOf(got, wanted, what = 'value') {
    if (!wanted.some((want) => isDeepStrictEqual(got, want)))
        throw new Failure(`${what}: got ${shown(got)}, want one of ${shown(wanted)}`);
}

export function match(got, pattern, what = 'text') {
    if (typeof got !== 'string' || !pattern.test(got))
        throw new Failure(`${what}: got ${shown(got)}, want ${pattern}`);
}

export function between(got, low, high, what) {
    if (!(got >= low && got <= high))
        throw new Failure(`${what}: ${Math.round(got)} is not from ${low} to ${high}`);
}

/** A row that fails leaves promises that nobody awaits; they must not end the process. */
export function spare(promise) {
    promise.catch(() => {});
    return promise;
}

/** The promise, or a failure that says what was waited for. */
export function within(ms, what, promise) {
    let timer;
    const late = new Promise((_, reject) => {
        timer = setTimeout(() => reject(new Failure(`no ${what} within ${ms} ms`)), ms);
    });
    return spare(Promise.race([promise, late]).finally(() => clearTimeout(timer)));
}

/** Nothing for that long. The promise goes on, for whoever awaits it next. */
export async function nothing(ms, what, promise) {
    const silence = Symbol('silence');
    const got = await Promise.race([promise, sleep(ms).then(() => silence)]);
    if (got !== silence) throw new Failure(`${what}: got ${shown(got)}, want nothing`);
}

/** @return what the function gives, once that is something */
export async function until(what, look, ms = 20000) {
    const end = now() + ms;
    for (;;) {
        const got = await look();
        if (got) return got;
        if (now() > end) throw new Failure(`not ${what} within ${ms} ms`);
        await sleep(20);
    }
}

/** The arguments of the next such event. */
export function next(emitter, event, ms = 5000) {
    const args = new Promise((resolve) => emitter.once(event, (...got) => resolve(got)));
    return within(ms, `event "${event}"`, args);
}

/** The first n arguments of an event, in the order of their coming. */
export function collect(emitter, event, n, ms = 10000) {
    const got = [];
    const all = new Promise((resolve) => {
        emitter.on(event, (value) => got.push(value) === n && resolve(got));
    });
    return spare(within(ms, `${n} events "${event}"`, all).catch((error) => {
        throw new Failure(`${error.message}: ${got.length} came`);
    }));
}

export const SANITIZER = /(Address|Leak|Memory|Thread|UndefinedBehavior)Sanitizer|runtime error:/;

/** What still runs, to be ended with this process, however that ends. */
const children = new Set();
process.on('exit', () => children.forEach((child) => child.kill('SIGKILL')));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

/** spawn(), and a promise of the exit status, or of what else ended it. */
export function run(program, args, stdio, options = {}) {
    const child = spawn(program, args, { stdio, ...options });
    children.add(child);
    const ended = new Promise((resolve) => {
        child.on('error', (error) => resolve(error.message));
        child.on('close', (code, signal) => resolve(signal ?? code));
    }).finally(() => children.delete(child));
    return { child, ended };
}

/** System calls that a server has made, and may not (io/harden.h). */
export const REFUSED = new Set();

/** A process that says where it listens: `parley selftest`, unless other words are given. */
export class Server {
    /** @param files  how many it may open; undefined for as many as we may */
    static start(binary, options = [], listen = '127.0.0.1:0', files = undefined) {
        const args = ['selftest', `--listen=${listen}`, ...options];
        const limited = ['-c', 'ulimit -n "$0"; exec "$@"', files, binary, ...args];
        return files ? this.launch('/bin/sh', limited) : this.launch(binary, args);
    }

    /** @param options  spawn()'s */
    static async launch(program, words, options) {
        const server = new this();
        Object.assign(server, run(program, words, ['ignore', 'pipe', 'pipe'], options));
        Object.assign(server, { stdout: '', stderr: '' });
        server.child.stderr.on('data', (text) => {
            server.stderr += text;
            for (const [call] of `${text}`.matchAll(/event=io_call_refused .*/g)) REFUSED.add(call);
        });
        const ready = new Promise((resolve) => {
            server.child.stdout.on('data', (text) => {
                const line = /^parley: ready (https?:\/\/\S+)$/m.exec((server.stdout += text));
                if (line) resolve(line[1]);
            });
        });
        const died = spare(server.ended.then((how) => {
            throw new Failure(`${program} ended (${how}), not ready:\n${server.stderr}`);
        }));
        try {
            server.url = await within(10000, 'ready line', Promise.race([ready, died]));
        } catch (error) {
            server.child.kill('SIGKILL');
            throw error;
        }
        return server;
    }

    get listen() {
        return new URL(this.url).host;
    }

    /** Once: a second SIGTERM may mean something else. */
    terminate() {
        if (!this.isAsked) this.child.kill('SIGTERM');
        this.isAsked = true;
    }

    /** Ask it to end, and see that it does so cleanly. */
    async stop() {
        this.terminate();
        try {
            same(await within(5000, 'end after SIGTERM', this.ended), 0, 'exit status');
        } catch (error) {
            throw new Failure(`${error.message}${this.stderr && `\n${this.stderr}`}`);
        } finally {
            this.child.kill('SIGKILL');
        }
        if (SANITIZER.test(this.stderr)) throw new Failure(this.stderr);
    }
}

export const SMALL = 1024; // bytes, the least that --max-payload takes
const CORS_LIST = '--cors-origin=http://a.test,http://b.test';

/** What rows call their server, and the options that it has. */
const OPTIONS = {
    default: [],
    short: ['--ping-interval=300ms', '--ping-timeout=200ms'],
    hasty: ['--connect-timeout=300ms', '--upgrade-timeout=300ms'],
    small: [`--max-payload=${SMALL}`],
    'two attachments': ['--max-attachments=2'],
    path: ['--path=/chat/'],
    websocket: ['--transports=websocket'],
    polling: ['--transports=polling'],
    'no upgrades': ['--allow-upgrades=false'],
    'cors any': ['--cors-origin=*'],
    'cors list': [CORS_LIST],
    'cors credentials': [CORS_LIST, '--cors-credentials=true'],
};

/** The servers that rows share, each started when the first row needs it. */
export class Servers {
    #started = new Map();

    /** @param url  of a server that runs already, which then is the only one */
    constructor(binary, url) {
        Object.assign(this, { binary, only: url });
    }

    has(name) {
        return !this.only || name === 'default';
    }

    async url(name) {
        if (this.only) return this.only;
        if (!this.#started.has(name))
            this.#started.set(name, Server.start(this.binary, OPTIONS[name]));
        return (await this.#started.get(name)).url;
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
export class Trial {
    #undo = [];

    constructor(servers, url) {
        Object.assign(this, { servers, url });
    }

    defer(undo) {
        this.#undo.push(undo);
    }

    /** A server of the row's own, which it may stop itself. */
    async start(options, listen, files) {
        const server = await Server.start(this.servers.binary, options, listen, files);
        this.defer(() => server.child.kill('SIGKILL'));
        return server;
    }

    end() {
        while (this.#undo.length) this.#undo.pop()();
    }
}
