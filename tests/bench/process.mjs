/** What a process takes of the machine, as the kernel tells it: proc(5). */
import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

const SAMPLE_MS = 1000;

/** @return bytes; undefined: it has ended */
function statusOf(pid, name) {
    const file = `/proc/${pid}/status`;
    const status = existsSync(file) ? readFileSync(file, 'utf8') : '';
    const found = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status);
    return found ? Number(found[1]) * 1024 : undefined;
}

/** Memory of its own: not pages of files, nor what the kernel holds for its sockets. */
const anonymousOf = (pid) => statusOf(pid, 'RssAnon');

/** The same, page by page: the other figure may be some hundred KiB behind. */
export function exactAnonymousOf(pid) {
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    return Number(/^Anonymous:\s+(\d+) kB$/m.exec(rollup)[1]) * 1024;
}

/** Of all its threads: schedstat. @return seconds */
export function cpuOf(pid) {
    const tasks = `/proc/${pid}/task`;
    const spent = (id) => Number(readFileSync(`${tasks}/${id}/schedstat`, 'utf8').split(' ')[0]);
    return readdirSync(tasks).map(spent).reduce((sum, ns) => sum + ns / 1e9, 0);
}

/** The most that a process has of its own, looked at each second. */
export class Watch {
    #most = 0;

    constructor(t, pid, sampleMs = SAMPLE_MS) {
        this.pid = pid;
        this.before = anonymousOf(pid);
        const timer = setInterval(() => this.#look(), sampleMs);
        t.defer(() => clearInterval(timer));
    }

    #look() {
        const now = anonymousOf(this.pid);
        if (now !== undefined) this.#most = Math.max(this.#most, now);
    }

    grown() {
        this.#look();
        return this.#most - this.before;
    }
}

/** How much the most that a process ever has in memory, pages of files included, is beyond what
 * it has now. @return a function that says so, later */
export function peakOf(pid) {
    writeFileSync(`/proc/${pid}/clear_refs`, '5'); // the peak is what there is now
    const before = statusOf(pid, 'VmHWM');
    return () => statusOf(pid, 'VmHWM') - before;
}
