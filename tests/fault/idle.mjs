/** Does the server do nothing where there is nothing to do? */
import { readFileSync } from 'node:fs';
import { Failure, sleep } from '../e2e/lib.mjs';

const IDLE_MS = 300;
const IDLE_TICKS = 15; // of 30: of a hundredth of a second, as the kernel counts

function cpuTicks({ child }) {
    const stat = readFileSync(`/proc/${child.pid}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(fields[11]) + Number(fields[12]); // its own, and the kernel's for it
}

/** Nobody asks it for anything meanwhile. */
export async function isIdle(server) {
    const before = cpuTicks(server);
    await sleep(IDLE_MS);
    const ticks = cpuTicks(server) - before;
    if (ticks > IDLE_TICKS) throw new Failure(`${ticks} ticks of CPU in ${IDLE_MS} ms of nothing`);
}
