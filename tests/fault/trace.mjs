/** A server whose system calls fail, or kill it, when their turn comes. */
import { spawn, spawnSync } from 'node:child_process';
import { Failure, within } from '../e2e/lib.mjs';

/**
 * @param inject  what strace's -e inject= takes; a turn is counted in each thread for itself
 * @param log     gets all calls of these names, for callsOf()
 * @return words before the program, which stays our child: ending it is ending the server.
 * (strace's --seccomp-bpf would be faster, but then no signal is injected.)
 */
export const tracing = (inject, { log = '/dev/null', calls = inject.split(':')[0] } = {}) => [
    'strace', '-D', '-f', '-qq', '-y', '-o', log, '-e', `trace=${calls}`,
    '-e', `inject=${inject}`,
];

/** Trace the server from now on. */
export async function attach(t, inject) {
    const words = ['-f', '-p', `${t.server.child.pid}`, '-o', '/dev/null',
        '-e', `trace=${inject.split(':')[0]}`, '-e', `inject=${inject}`];
    const tracer = spawn('strace', words, { stdio: ['ignore', 'ignore', 'pipe'] });
    t.defer(() => tracer.kill('SIGTERM'));
    let said = '';
    await within(10000, 'a tracer', new Promise((resolve, reject) => {
        tracer.stderr.on('data', (more) => /attached/.test((said += more)) && resolve());
        tracer.on('exit', () => reject(new Failure(`strace: ${said}`)));
    }));
}

/**
 * What strace wrote, as [call, its file, its arguments, when it began, when it was over]; a
 * call that another thread interrupts has two lines.
 */
export function callsOf(text) {
    const open = new Map();
    const calls = [];
    text.split('\n').forEach((line, i) => {
        const resumed = /^(\d+) +<\.\.\. (\w+) resumed>(.*)$/s.exec(line);
        if (resumed) {
            const call = open.get(resumed[1]);
            open.delete(resumed[1]);
            if (call) Object.assign(call, { over: i, how: resumed[3] });
            return;
        }
        const begun = /^(\d+) +(\w+)\(\d+<([^>]*)>(.*)$/s.exec(line);
        if (!begun) return;
        const [, pid, name, file, rest] = begun;
        const call = { name, file, rest, begin: i, over: i, how: rest };
        if (rest.endsWith('<unfinished ...>')) open.set(pid, Object.assign(call, { over: NaN }));
        calls.push(call);
    });
    return calls;
}

/** @return why nothing can be traced here, or undefined */
export function whyNoTracing() {
    const words = [...tracing('getppid:error=EIO'), 'true'];
    const { status, error, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
    if (error) return `strace: ${error.code}`;
    return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}
