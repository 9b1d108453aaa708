#!/usr/bin/env node
/**
 * usage: nodes.mjs [--list] [--only TEXT]
 *
 * Three nodes on one PostgreSQL and one NATS, under the load of many wallets, while each of them is
 * killed with -9 and comes again, CLUSTER_KILLS times (2), and one node is cut off from some of the
 * others, CLUSTER_CUTS times (2): what was acknowledged is there, once and in order, on every device
 * and at every node. Then what a message takes whose hint is lost, and how long it takes STORM (500)
 * clients of a node that is killed to be back. SEED makes the same choices. The program is PARLEY,
 * else build/parley.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { spawnSync } from 'node:child_process';
import { Runner, select } from '../e2e/runner.mjs';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { ClusterTrial } from './cluster.mjs';
import { rows as hints } from './hints.mjs';
import { againInLan, isInLan, whyNoLan } from './lan.mjs';
import { rows as nemesis } from './nemesis.mjs';
import { rows as storm } from './storm.mjs';

const { values: flags } = parseArgs({
    options: { list: { type: 'boolean' }, only: { type: 'string', default: '' } },
});
const rows = select([...nemesis, ...hints, ...storm], flags.only);
if (flags.list) {
    for (const { name } of rows) console.log(name);
    process.exit(0);
}

const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
if (!existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}

const isThere = (name) =>
    spawnSync(fileURLToPath(new URL(`../support/${name}`, import.meta.url)), ['--is-there'])
        .status === 0;

function whyNot() {
    if (!isThere('postgres')) return 'PostgreSQL is absent';
    if (!isThere('nats')) return 'nats-server is absent';
    return whyNoLan();
}

async function runAll(why) {
    const servers = why ? undefined : await ChatServers.make(binary);
    const runner = new Runner();
    await runner.all(rows, async (row) => {
        if (why) return runner.report('skipped', row.name, why);
        const { wrong } = await runner.attempt(row, new ClusterTrial(servers));
        return runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
    }, 1);
    if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
    return runner.close();
}

const why = isInLan() ? undefined : whyNot();
process.exit(await (isInLan() || why ? runAll(why) : againInLan()));
