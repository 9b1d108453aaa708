#!/usr/bin/env node
/**
 * usage: swift.mjs COMMAND [ARGUMENT]...
 *
 * Runs a command beside an object store: Debian's swift with s3api, on loopback and on ports
 * that are free, which it stops afterwards. The command finds it in its environment: S3_ENDPOINT,
 * S3_REGION, S3_BUCKET (there, and empty), S3_ACCESS_KEY and S3_SECRET_KEY. Told to end, it ends the
 * command first. The status is the command's; 77 says that there is no such store here: it needs
 * root, for its /etc/swift, and the packages.
 */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setTimeout as sleep } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { freePorts, isServed } from '../ports.mjs';

const SKIPPED = 77;
const ENDED = 143; // as a shell says SIGTERM
const READY_MS = 60000;
const STOP_MS = 10000;
const PROGRAMS = ['swift-proxy-server', 'swift-account-server', 'swift-container-server',
    'swift-object-server', 'memcached'];
const PARENT = fileURLToPath(new URL('../../../build/', import.meta.url));
const SCRIPT = fileURLToPath(new URL('swift.sh', import.meta.url));

/** A program, and its arguments, in a mount namespace of its own, which ends with us. */
const ownMounts = (...words) => ['setpriv',
    ['--pdeathsig', 'TERM', 'unshare', '--mount', '--propagation', 'private', ...words]];

/** @return why there can be none here; empty: there can */
export function whyNot() {
    if (process.platform !== 'linux' || process.getuid() !== 0) return 'not root';
    const absent = PROGRAMS.find((name) => !existsSync(`/usr/bin/${name}`));
    if (absent) return `${absent} is absent`;
    return spawnSync(...ownMounts('true')).status === 0 ? '' : 'no mount namespace is to be had';
}

function logsOf(dir) {
    return ['memcached', 'account', 'container', 'object', 'proxy']
        .map((name) => `${dir}/${name}.log`)
        .filter(existsSync)
        .map((file) => `${file}:\n${readFileSync(file, 'utf8')}`)
        .join('\n');
}

export class Swift {
    #child;
    #ended;
    #dir;
    #ports;

    constructor(dir, ports) {
        this.#dir = dir;
        this.#ports = ports;
        this.#child = spawn(...ownMounts('bash', SCRIPT, dir, ...ports),
            { stdio: ['ignore', 'inherit', 'inherit'], detached: true }); // from a Ctrl-C: we stop it
        this.#ended = once(this.#child, 'exit');
        this.env = {
            S3_ENDPOINT: `http://127.0.0.1:${ports[0]}`,
            S3_REGION: 'us-east-1',
            S3_BUCKET: 'files',
            S3_ACCESS_KEY: 'test:tester',
            S3_SECRET_KEY: 'testing',
        };
    }

    /** Up, and with its bucket. */
    static async start() {
        mkdirSync(PARENT, { recursive: true });
        const dir = mkdtempSync(`${PARENT}swift-`);
        const swift = new Swift(dir, await freePorts(5));
        try {
            await swift.#ready();
            return swift;
        } catch (error) {
            const logs = logsOf(dir);
            await swift.stop();
            throw new Error(`${error.message}\n${logs}`);
        }
    }

    /**
     * All of it: the proxy answers 503 for a server that is not up, and for a minute after too many
     * of these it does not ask it again.
     */
    async #ready() {
        const until = Date.now() + READY_MS;
        for (const port of this.#ports) await this.#becomes(() => isServed(port), until);
        await this.#becomes(() => fetch(`${this.env.S3_ENDPOINT}/healthcheck`).then((a) => a.ok, () => false), until);
        await this.client().send(new CreateBucketCommand({ Bucket: this.env.S3_BUCKET }));
    }

    async #becomes(isSo, until) {
        while (!await isSo()) {
            if (this.#child.exitCode !== null) throw new Error('swift ended at once');
            if (Date.now() > until) throw new Error(`swift was not up within ${READY_MS} ms`);
            await sleep(50);
        }
    }

    client() {
        return new S3Client({
            endpoint: this.env.S3_ENDPOINT,
            region: this.env.S3_REGION,
            forcePathStyle: true,
            maxAttempts: 1,
            requestChecksumCalculation: 'WHEN_REQUIRED',
            credentials: {
                accessKeyId: this.env.S3_ACCESS_KEY,
                secretAccessKey: this.env.S3_SECRET_KEY,
            },
        });
    }

    async stop() {
        this.#child.kill('SIGTERM');
        const late = setTimeout(() => this.#child.kill('SIGKILL'), STOP_MS);
        await this.#ended;
        clearTimeout(late);
        rmSync(this.#dir, { recursive: true, force: true });
    }
}

async function main(command, args) {
    const why = whyNot();
    if (why) {
        console.log(`skip swift: ${why}`);
        return SKIPPED;
    }
    const from = Date.now();
    let child;
    let isEnding = false;
    const end = () => {
        isEnding = true;
        child?.kill('SIGTERM');
    };
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, end);

    const swift = await Swift.start();
    try {
        if (isEnding) return ENDED;
        if (process.env.TIMES) console.log(`${Date.now() - from} ms until swift was up`);
        child = spawn('setpriv', ['--pdeathsig', 'TERM', command, ...args],
            { stdio: 'inherit', env: { ...process.env, ...swift.env } });
        const [status] = await once(child, 'exit');
        return isEnding ? ENDED : status ?? 1;
    } finally {
        await swift.stop();
    }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
    if (!process.argv[2]) {
        console.error('usage: swift.mjs COMMAND [ARGUMENT]...');
        process.exit(2);
    }
    process.exitCode = await main(process.argv[2], process.argv.slice(3));
}
