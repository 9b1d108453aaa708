/** What the machine can, by itself and beside a run. */
import { readdirSync } from 'node:fs';
import { match, same } from '../../e2e/lib.mjs';
import { folder } from '../../e2e/chat/serve.mjs';
import { PACED, SERVER, isFine } from '../generator.mjs';

function isFloor({ forward, append }) {
    same(forward.per_s > 0 && forward.generator_cpu_us > 0, true, 'frames are forwarded');
    same(append.map(({ group }) => group), [1, 128, 1024], 'sizes of groups');
    for (const { per_s: rate, sync_ms_p50: p50, sync_ms_p99: p99 } of append)
        same(rate > 0 && p50 <= p99, true, 'records are appended');
}

async function measuresTheMachine(t) {
    const dir = folder('floor');
    const report = await t.generator([`--floor=${dir}`, '--sessions=4', '--json']).report();
    same([report.kind, report.floor.length], ['floor', 1], 'kind, floors');
    isFloor(report.floor[0]);
    same(readdirSync(dir), [], 'what it leaves');
}

async function tellsPeople(t) {
    const generator = t.generator([`--floor=${folder('floor')}`, '--sessions=4']);
    same(await generator.end(), 0, 'exit status');
    match(generator.stdout, /^floor +\d+ frames forwarded a second, /m, 'stdout');
    match(generator.stdout, /^ +\d+ records appended a second, in groups of 1024, /m, 'stdout');
}

async function standsBesideARun(t) {
    await t.serve({ options: SERVER });
    const report = isFine(await t.load([...PACED, `--floor=${folder('floor')}`]).report());
    same(report.floor.length, 2, 'floors, before and behind');
    report.floor.forEach(isFloor);
}

export const rows = [
    ['is measured without a server', measuresTheMachine],
    ['is told to people', tellsPeople],
    ['stands beside a run', standsBesideARun],
].map(([name, run]) => ({ name: `floor: ${name}`, run }));
