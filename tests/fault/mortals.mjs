/**
 * A PostgreSQL and a NATS that are killed and come again: the one on its data, with fsync on,
 * the other with nothing. They listen everywhere, for they are in a network of ours.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, readdirSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Failure, now, run, until, within } from '../e2e/lib.mjs';
import { folder } from '../e2e/chat/serve.mjs';

const START_MS = 30000;
const PROGRAMS = '/usr/lib/postgresql';
const AS_POSTGRES = ['--reuid=postgres', '--regid=postgres', '--clear-groups'];
const SETTINGS = {
    listen_addresses: '*', max_connections: 200, shared_buffers: '64MB', log_lock_waits: 'on',
    logging_collector: 'off',
};

const binOf = () => {
    const newest = readdirSync(PROGRAMS).map(Number).sort((a, b) => a - b).at(-1);
    return join(PROGRAMS, `${newest}`, 'bin');
};

const childrenOf = (pid) =>
    readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean).map(Number);

function end(pid) {
    try {
        process.kill(pid, 'SIGKILL');
    } catch (error) {
        if (error.code !== 'ESRCH') throw error; // gone by itself
    }
}

/** Does anybody listen? */
const answers = (port) => new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
});

class Mortal {
    said = '';
    backAt = Infinity; // since when it is there; for ever, while it is not

    /** @param words  the program, which is our child itself */
    async launch(words, options, isThere) {
        const { child, ended } = run('setpriv', ['--pdeathsig=KILL', ...words],
            ['ignore', 'ignore', 'pipe'], options);
        child.stderr.on('data', (text) => (this.said = (this.said + text).slice(-20000)));
        let how;
        ended.then((got) => (how = got));
        Object.assign(this, { child, ended });
        await until('ready', () => {
            if (how !== undefined) throw new Failure(`${words.at(-1)} ended (${how}): ${this.said}`);
            return isThere();
        }, START_MS);
        this.backAt = now();
    }

    async kill() {
        this.backAt = Infinity;
        end(this.child.pid);
        await within(START_MS, 'end after SIGKILL', this.ended);
    }
}

export class Postgres extends Mortal {
    port = 5432;

    static async start() {
        const dir = folder('postgres');
        chmodSync(join(dir, '..'), 0o711); // its user is not us
        chmodSync(dir, 0o755);
        for (const name of ['data', 'socket']) mkdirSync(join(dir, name));
        execFileSync('chown', ['-R', 'postgres:', dir]);
        const server = Object.assign(new Postgres(), { dir, bin: binOf() });
        execFileSync('setpriv', [...AS_POSTGRES, join(server.bin, 'initdb'), `--pgdata=${dir}/data`,
            '--username=parley', '--auth=trust', '--encoding=UTF8', '--no-locale', '--no-sync'],
        { cwd: dir, stdio: 'pipe' });
        execFileSync('sed', ['-i', '$a host all all 10.0.0.0/8 trust', `${dir}/data/pg_hba.conf`]);
        await server.start();
        return server;
    }

    start() {
        const { dir, bin } = this;
        const settings = Object.entries({ ...SETTINGS, unix_socket_directories: `${dir}/socket` });
        return this.launch([...AS_POSTGRES, join(bin, 'postgres'), '-D', `${dir}/data`,
            ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])],
        { cwd: dir }, () => this.#isReady());
    }

    #isReady() {
        try {
            execFileSync(join(this.bin, 'pg_isready'), ['-q', '-h', `${this.dir}/socket`]);
            return true;
        } catch {
            return false;
        }
    }

    /** With all its processes at once: none ends in order because another one has. */
    async kill() {
        const children = childrenOf(this.child.pid);
        process.kill(this.child.pid, 'SIGSTOP'); // so that it makes no other
        for (const pid of new Set([...children, ...childrenOf(this.child.pid)])) end(pid);
        await super.kill();
    }

    urlAt(host) {
        return `postgresql://parley@${host}:${this.port}/postgres`;
    }
}

export class Nats extends Mortal {
    port = 4222;

    static async start() {
        const server = new Nats();
        await server.start();
        return server;
    }

    start() {
        const env = { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/usr/local/sbin` };
        return this.launch(['nats-server', '--addr=0.0.0.0', `--port=${this.port}`,
            '--user=parley', '--pass=secret'], { env }, () => answers(this.port));
    }

    urlAt(host) {
        return `nats://parley:secret@${host}:${this.port}`;
    }
}
