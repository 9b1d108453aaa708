/**
 * Runs the rows of a table, some at once, and counts what came of them. With TIMES=1 it says
 * how long each has taken.
 */
import { createInterface } from 'node:readline';
import { Failure, Skip, now, run, within } from './lib.mjs';

const AT_ONCE = 6;
const LIMIT_MS = 15000;
export const PYTHON = '/usr/bin/python3'; // Debian's own, which sees Debian's python3-socketio
const PYTHON_LIMIT_MS = 60000;
const WORDS = { passed: 'ok', failed: 'FAIL', skipped: 'skip' };
const VERDICTS = { ok: 'passed', 'not ok': 'failed', skip: 'skipped' };

/** Those with the text in their name; no name may be there twice. */
export function select(rows, only) {
    const names = rows.map((row) => row.name);
    const twice = names.find((name, i) => names.indexOf(name) !== i);
    if (twice) throw new Error(`two rows have the name "${twice}"`);
    return rows.filter((row) => row.name.includes(only));
}

export class Runner {
    #counts = { passed: 0, failed: 0, skipped: 0 };
    #failures = [];

    report(verdict, name, why = '') {
        this.#counts[verdict]++;
        const line = `${WORDS[verdict]} ${name}${why && `: ${why}`}`;
        console.log(line);
        if (verdict === 'failed') this.#failures.push(line);
    }

    /** @param trial  gives a row what it needs, and end() takes it down again */
    async attempt(row, trial) {
        const from = now();
        try {
            await within(row.limit ?? LIMIT_MS, 'end of the row', row.run(trial));
            return {};
        } catch (error) {
            if (error instanceof Skip) return { skip: error.message };
            return { wrong: error instanceof Failure ? error.message : error.stack };
        } finally {
            trial.end();
            if (process.env.TIMES) console.log(`${Math.round(now() - from)} ms ${row.name}`);
        }
    }

    /**
     * @param runRow  takes a row, and reports
     * Rows that are `idle` wait for something most of the time: all of them run beside the
     * others. A row that is `alone` wants the machine for itself.
     */
    async all(rows, runRow, atOnce = AT_ONCE) {
        const idle = rows.filter((row) => row.idle).map(runRow);
        const queue = rows.filter((row) => !row.alone && !row.idle);
        const worker = async () => {
            while (queue.length) await runRow(queue.shift());
        };
        await Promise.all([...idle, ...Array.from({ length: atOnce }, worker)]);
        for (const row of rows.filter((one) => one.alone)) await runRow(row);
    }

    /**
     * The script prints "ok NAME", "not ok NAME: reason" or "skip NAME: reason".
     * @param other  is asked first what a line is, and true says that it has seen to it
     */
    async python(script, args, other = () => false, limit = PYTHON_LIMIT_MS) {
        const { child, ended } = run(PYTHON, [script, ...args], ['ignore', 'pipe', 'inherit']);
        createInterface({ input: child.stdout }).on('line', (line) => {
            if (other(line)) return;
            const found = /^(ok|not ok|skip) ([^:]+)(?:: (.*))?$/.exec(line);
            if (found) this.report(VERDICTS[found[1]], `python/${found[2]}`, found[3]);
            else this.report('failed', 'python', `unexpected line: ${line}`);
        });
        try {
            const how = await within(limit, 'end of the script', ended);
            if (how !== 0) this.report('failed', 'python', `${script} ended with ${how}`);
        } catch (error) {
            this.report('failed', 'python', error.message);
        } finally {
            child.kill('SIGKILL');
        }
    }

    get hasRun() {
        return Object.values(this.#counts).some(Boolean);
    }

    /** The closing line. @return the exit status */
    close() {
        const { passed, failed, skipped } = this.#counts;
        if (failed) console.log(`\n${this.#failures.join('\n')}\n`);
        console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
        return failed ? 1 : 0;
    }
}
