/**
 * Requests at their planned moments, whether those before are answered or not, and what came
 * of each. Where all connections wait for an answer one more is opened: nothing holds back.
 */
import { now, sleep, sleepUntil } from '../e2e/lib.mjs';
import { Wire } from '../e2e/wire.mjs';
import { quantile } from './quantile.mjs';

const latency = (ms) => ({ p50: quantile(ms, 0.5), p99: quantile(ms, 0.99) });

class Flood {
    #undo = [];
    #free = [];
    #answers = {}; // by status and code, how many
    #answerMs = [];
    #lateMs = [];
    #sent = 0;
    #unanswered = 0;
    #why; // of the first

    constructor(url, waitMs) {
        Object.assign(this, { url, waitMs });
    }

    /** What a Wire asks of its trial: one for each connection. */
    defer(undo) {
        this.#undo.push(undo);
    }

    async #answer(text, planned) {
        const wire = this.#free.pop() ?? (await Wire.open(this, this.url));
        wire.send(text);
        this.#lateMs.push(now() - planned);
        const { status, headers, body } = await wire.response({ ms: this.waitMs });
        this.#answerMs.push(now() - planned);
        if (headers.connection !== 'close') this.#free.push(wire);
        return `${status} ${JSON.parse(body).error?.code ?? 'ok'}`;
    }

    /** A connection on which an answer did not come is not used again. */
    async ask(text, planned) {
        this.#sent++;
        try {
            const answer = await this.#answer(text, planned);
            this.#answers[answer] = (this.#answers[answer] ?? 0) + 1;
        } catch (error) {
            this.#unanswered++;
            this.#why ??= error.message;
        }
    }

    end() {
        this.#undo.forEach((undo) => undo());
        return {
            sent: this.#sent, answers: this.#answers,
            unanswered: this.#unanswered, why: this.#why, connections: this.#undo.length,
            answer_ms: latency(this.#answerMs), late_ms: latency(this.#lateMs),
        };
    }
}

/**
 * @param requests  texts
 * @param rate      of them, a second
 * @param at        when to begin, Unix ms
 * @param waitMs    for an answer, at most
 */
export default async function flood({ url, requests, rate, at = 0, waitMs = 10000 }) {
    await sleep(Math.max(0, at - Date.now()));
    const it = new Flood(url, waitMs);
    const cpu = process.cpuUsage();
    const from = now();
    const asking = [];
    for (const [i, text] of requests.entries()) {
        const planned = from + (i * 1000) / rate;
        await sleepUntil(planned);
        asking.push(it.ask(text, planned));
    }
    await Promise.all(asking);
    const ms = now() - from;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds: ms / 1000, flooder_cores: (user + system) / 1000 / ms, ...it.end() };
}
