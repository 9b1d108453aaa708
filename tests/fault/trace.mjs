/** A server whose system calls fail, or kill it, when their turn comes. */
import { spawnSync } from 'node:child_process';

/**
 * @param inject  what strace's -e inject= takes; a turn is counted in each thread for itself
 * @return words before the program, which stays our child: ending it is ending the server.
 * (strace's --seccomp-bpf would be faster, but then no signal is injected.)
 */
export const tracing = (inject) => [
    'strace', '-D', '-f', '-qq', '-o', '/dev/null', '-e', `trace=${inject.split(':')[0]}`,
    '-e', `inject=${inject}`,
];

/** @return why nothing can be traced here, or undefined */
export function whyNoTracing() {
    const words = [...tracing('getppid:error=EIO'), 'true'];
    const { status, error, stderr } = spawnSync(words[0], words.slice(1), { encoding: 'utf8' });
    if (error) return `strace: ${error.code}`;
    return status === 0 ? undefined : `strace may not trace here: ${stderr.trim()}`;
}
