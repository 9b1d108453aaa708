/** A suite of rows that have servers of their own, one after the other. */
import { existsSync } from 'node:fs';
import { Runner } from '../runner.mjs';
import { ChatServers, ChatTrial } from './serve.mjs';

/**
 * All of them; the process ends with it.
 *
 * @param programs  that the rows need; the first is the server's
 * @param why       all are skipped, if it is given
 */
export async function runAlone(rows, programs, why) {
    const runner = new Runner();
    for (const program of why ? [] : programs) {
        if (!existsSync(program)) {
            console.error(`${program}: not built; build it, or set PARLEY`);
            process.exit(2);
        }
    }
    const servers = why ? undefined : await ChatServers.make(programs[0]);
    for (const row of rows) {
        if (why) {
            runner.report('skipped', row.name, why);
            continue;
        }
        const trial = new ChatTrial(servers, undefined, 'websocket');
        const { wrong, skip } = await runner.attempt(row, trial);
        if (skip) runner.report('skipped', row.name, skip);
        else runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
    }
    process.exit(runner.close());
}
