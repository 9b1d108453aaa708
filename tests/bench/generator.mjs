/** parley-bench, what it prints, and what that must be. */
import { Failure, SANITIZER, run, same, until, within } from '../e2e/lib.mjs';
import { ChatTrial } from '../e2e/chat/serve.mjs';

export const END_MS = 50000; // of a run that takes 5 s, or 15 if it has to be patient
export const WARM_UP_S = 2;

/** What must be 0. */
export const CHECKS = ['lost', 'duplicated', 'reordered', 'invented', 'unanswered'];

/** Eight wallets, for a second, at a pace that leaves the machine to others. */
export const SESSIONS = 8;
export const RATE = 200;
export const PACED = [`--sessions=${SESSIONS}`, '--seconds=1', `--rate=${RATE}`];

/** A server for a run, and one on which idling takes no minute. */
export const SERVER = ['--rate-limits=off', '--drain=1s'];
export const LIVELY = [...SERVER, '--ping-interval=300ms'];

/** A run of the program. */
class Generator {
    stdout = '';
    stderr = '';

    constructor(words, options) {
        const [program, ...args] = words;
        Object.assign(this, run(program, args, ['ignore', 'pipe', 'pipe'], options));
        this.child.stdout.on('data', (text) => (this.stdout += text));
        this.child.stderr.on('data', (text) => (this.stderr += text));
    }

    /** @return the exit status */
    async end() {
        const status = await within(END_MS, 'end of the generator', this.ended);
        if (SANITIZER.test(this.stderr)) throw new Failure(this.stderr);
        return status;
    }

    /** Ends, having found that all is well or (1) that it is not. @return its report */
    async report(status = 0) {
        const got = await this.end();
        const said = `\n${this.stdout}${this.stderr}`;
        if (got !== status) throw new Failure(`exit status ${got}, want ${status}:${said}`);
        same(this.stdout.split('\n').length, 2, 'lines on stdout, and what is behind them');
        return JSON.parse(this.stdout);
    }
}

export class BenchTrial extends ChatTrial {
    constructor(servers, program) {
        super(servers, undefined, 'websocket');
        this.program = program;
    }

    /**
     * @param wrap  words before the program
     * @param env   beside ours
     */
    generator(options, { wrap = [], env } = {}) {
        const generator = new Generator([...wrap, this.program, ...options],
            { env: { ...process.env, ...env } });
        this.defer(() => generator.child.kill('SIGKILL'));
        return generator;
    }

    /** A run on this trial's server. @param url  a way to it */
    load(options, url = this.url) {
        return this.generator([`--url=${url}`, `--data=${this.server.data}`, '--json',
            ...options]);
    }

    /** The same, to its good end. @return the report */
    async loaded(options, url) {
        return isFine(await this.load(options, url).report());
    }

    /** The metrics, once this holds of them. */
    metricsWith(what, holds) {
        return until(what, async () => {
            const all = await this.server.metrics();
            return holds(all) && all;
        });
    }

    stored(n) {
        return this.metricsWith(`${n} messages stored`,
            (all) => all.get('parley_store_appended_total') >= n);
    }
}

/** Of the checks of a report, only these found anything. */
export function found(report, want = {}) {
    same(Object.fromEntries(CHECKS.map((check) => [check, report[check]])),
        { ...Object.fromEntries(CHECKS.map((check) => [check, 0])), ...want }, 'checks');
}

/** @return the report */
export function isFine(report) {
    found(report);
    if (report.kind !== 'load') return report;
    same(report.sent > 0, true, 'something was sent');
    same([report.acked, report.delivered], Array(2).fill(report.sent), 'acked, delivered');
    return report;
}

/** Whose n-th message to whom a packet bears, if any. */
export function markOf(text) {
    const numbers = /"content":"[0-9a-f]{8}:(\d+):(\d+):(\d+):/.exec(text);
    if (!numbers) return undefined;
    const [from, to, n] = numbers.slice(1).map(Number);
    return { from, to, n };
}
