#!/usr/bin/env node
/**
 * usage: run.mjs [--only TEXT]
 *
 * What Parley is installed from: the package of script/package, in fresh Debian 12 machines that
 * systemd-nspawn boots, and the image of packaging/Dockerfile. It takes root, 5 GiB of disk, and Debian's
 * archive.
 *
 * PACKAGE_RESTARTS  under load (5)
 * PACKAGE_TMP       where the machines are (/var/tmp)
 */
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Skip } from '../e2e/lib.mjs';
import { Runner, select } from '../e2e/runner.mjs';
import { rows as image } from './image.mjs';
import { rows as installed } from './installed.mjs';
import { Workshop, command, whyNone } from './machine.mjs';
import { rows as made } from './made.mjs';

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
const rows = select([...made, ...installed, ...image], flags.only);

/** What the rows have in common: each thing is made once, when the first asks for it. */
class Shared {
    #things = new Map();

    constructor(workshop) {
        Object.assign(this, { workshop, root });
    }

    #once(name, make) {
        if (!this.#things.has(name)) this.#things.set(name, make());
        return this.#things.get(name);
    }

    /** The package of the sources as they are, and the same as a later version. @return their directory */
    packages(version = '0.1.0-1') {
        return this.#once(version, async () => {
            const dir = this.workshop.path(`dist-${version}`);
            await command(`${root}/script/package`, [dir],
                { ms: 300000, env: { ...process.env, PACKAGE_VERSION: version } });
            return dir;
        });
    }

    async deb(version = '0.1.0-1') {
        const architecture = (await command('dpkg', ['--print-architecture'])).trim();
        return `${await this.packages(version)}/parley_${version}_${architecture}.deb`;
    }

    base() {
        return this.#once('base', async () => this.workshop.base(await this.deb()));
    }

    /** A fresh machine, which has the package at /root/parley.deb. */
    async boot(name) {
        await this.base();
        return this.workshop.boot(name);
    }
}

const runner = new Runner();
const none = await whyNone();
const workshop = none ? undefined : new Workshop();
const shared = new Shared(workshop);
try {
    for (const row of rows) {
        const undo = [];
        const t = { shared, defer: (fn) => undo.push(fn), end: () => {} };
        if (none) {
            runner.report('skipped', row.name, none);
            continue;
        }
        console.log(`  ${row.name} …`);
        const { wrong, skip } = await runner.attempt(row, t);
        for (const fn of undo.reverse()) await fn();
        runner.report(wrong ? 'failed' : skip ? 'skipped' : 'passed', row.name, wrong ?? skip);
    }
} catch (error) {
    if (!(error instanceof Skip)) throw error;
    runner.report('skipped', 'package', error.message);
} finally {
    await workshop?.end();
}
process.exit(runner.close());
