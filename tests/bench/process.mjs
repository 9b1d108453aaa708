/** What a process takes of the machine, as the kernel tells it: proc(5). */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';

const SAMPLE_MS = 1000;

function statusOf(pid, name) {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)[1]) * 1024;
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
        this.#most = Math.max(this.#most, anonymousOf(this.pid));
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
