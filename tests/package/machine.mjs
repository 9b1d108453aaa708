/** Fresh Debian 12 machines: roots made by debootstrap, booted by systemd-nspawn without a network. */
import { execFile } from 'node:child_process';
import { mkdtempSync, mkdirSync, readFileSync, rmSync, statfsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { Failure, Skip, run, until, within } from '../e2e/lib.mjs';

const exec = promisify(execFile);
const NEEDED = 5 * 2 ** 30; // bytes of disk
const BOOT_MS = 60000;
// A machine has these calls. systemd-nspawn takes them from what it boots, unless it is told.
const ALLOWED = '--system-call-filter=@memlock landlock_create_ruleset landlock_add_rule landlock_restrict_self';
const TOOLS = ['debootstrap', 'systemd-nspawn', 'nsenter', 'mount', 'chroot'];

/** @return what it said on stdout; a failure has all that it said */
export async function command(program, words, { ms = 60000, input = '', ...options } = {}) {
    try {
        const running = exec(program, words,
            { timeout: ms, killSignal: 'SIGKILL', maxBuffer: 2 ** 26, ...options });
        running.child.stdin.on('error', () => {}).end(input); // who does not read it says why
        return (await running).stdout;
    } catch (error) {
        throw new Failure(`${program} ${words.join(' ').slice(0, 300)}: ` +
            `${error.killed ? `not done within ${ms} ms` : error.code}\n${error.stdout}${error.stderr}`);
    }
}

const isThere = (program) =>
    command('sh', ['-c', `command -v ${program}`]).then(() => true, () => false);

/** Why there can be no machines here; undefined: there can. */
export async function whyNone() {
    if (process.getuid() !== 0) return 'it takes root';
    for (const program of TOOLS) if (!(await isThere(program))) return `${program} is absent`;
    return undefined;
}

/** Where the roots are. It is removed at the end of the process. */
export class Workshop {
    #machines = new Set();

    constructor() {
        this.dir = mkdtempSync(join(process.env.PACKAGE_TMP ?? '/var/tmp', 'parley-package.'));
        const { bavail, bsize } = statfsSync(this.dir);
        if (bavail * bsize < NEEDED) throw new Skip('5 GiB of disk are not free');
        process.on('exit', () => rmSync(this.dir, { recursive: true, force: true }));
    }

    path(...names) {
        return join(this.dir, ...names);
    }

    /** A minimal Debian 12 with systemd, whose apt has all at hand that the package depends on. */
    async base(deb) {
        const root = this.path('base');
        await command('debootstrap', ['--variant=minbase', '--include=systemd-sysv', 'bookworm', root],
            { ms: 300000 });
        await command('cp', [deb, join(root, 'root/parley.deb')]);
        const apt = ['env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', '-q', '-y'];
        await command('chroot', [root, ...apt, 'update'], { ms: 120000 });
        await command('chroot', [root, ...apt, 'install', '--download-only', '--no-install-recommends',
            '/root/parley.deb'], { ms: 300000 });
        return root;
    }

    /** Booted: what it changes of the base is its own. */
    async boot(name) {
        const machine = new Machine(this.path(name), this.path('base'));
        this.#machines.add(machine);
        await machine.boot();
        return machine;
    }

    async end() {
        for (const machine of this.#machines) await machine.halt();
    }
}

class Machine {
    constructor(dir, base) {
        Object.assign(this, { dir, base, root: join(dir, 'root') });
    }

    async boot() {
        for (const name of ['root', 'upper', 'work']) mkdirSync(join(this.dir, name), { recursive: true });
        await command('mount', ['-t', 'overlay', 'overlay', '-o',
            `lowerdir=${this.base},upperdir=${join(this.dir, 'upper')},workdir=${join(this.dir, 'work')}`,
            this.root]);
        this.isMounted = true;
        await this.#start();
    }

    async #start() {
        // Two of one name would share what systemd-nspawn has of them in /run.
        const name = `parley-${process.pid}-${basename(this.dir)}`;
        const words = ['--quiet', '--register=no', '--keep-unit', '--boot', '--private-network', ALLOWED,
            `--machine=${name}`, '-D', this.root];
        const { child, ended } = run('systemd-nspawn', words, ['ignore', 'pipe', 'pipe']);
        let said = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => (said += some));
        Object.assign(this, { child, ended });
        try {
            this.leader = await until('booted', () => this.#leader(), BOOT_MS);
            await until('booted', () => this.sh('systemctl is-system-running --wait')
                .then(() => true, (error) => /degraded/.test(error.message) && this.#sayDegraded()), BOOT_MS);
        } catch (error) {
            throw new Failure(`${error.message}: ${said.slice(-4000)}`);
        }
    }

    /** What else a minimal root has that fails is none of ours. */
    async #sayDegraded() {
        console.log(`  booted, but for ${await this.sh('systemctl --failed --plain --no-legend | cut -d" " -f1')}`);
        return true;
    }

    /** The first process of the machine. */
    #leader() {
        const task = `/proc/${this.child.pid}/task/${this.child.pid}/children`;
        return Number(readFileSync(task, 'utf8').trim().split(' ')[0]);
    }

    /** Run as root in there. @return what it said on stdout */
    sh(script, { ms = 60000, input = '' } = {}) {
        const words = ['-t', String(this.leader), '-m', '-u', '-i', '-n', '-p', '--', '/usr/bin/env', '-i',
            'PATH=/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root', 'LC_ALL=C.UTF-8', 'DEBIAN_FRONTEND=noninteractive',
            '/bin/sh', '-c', script];
        return command('nsenter', words, { ms, input });
    }

    /** The same, of which it is the failure that is wanted. @return all that it said */
    async fails(script) {
        let said;
        try {
            said = await this.sh(script);
        } catch (error) {
            return error.message;
        }
        throw new Failure(`it did not fail: ${script}: ${said}`);
    }

    /** What runs a program of ours in there, with nothing of it but its network. */
    get network() {
        return ['nsenter', '-t', String(this.leader), '-n', '--'];
    }

    async reboot() {
        await this.#stop();
        await this.#start();
    }

    async #stop() {
        await this.sh('systemctl poweroff').catch(() => {}); // it may cut what asks it
        await within(60000, 'power off', this.ended);
    }

    /** Whatever state it is in. */
    async halt() {
        if (this.child && this.child.exitCode === null) {
            process.kill(this.leader || this.child.pid, 'SIGKILL');
            await within(20000, 'end of the machine', this.ended);
        }
        if (this.isMounted) await command('umount', [this.root]);
        this.isMounted = false;
    }
}
