/** The runs: text by itself, text beside a flood of logins, a flood of a server with limits. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { same, sleep, spare, until } from '../e2e/lib.mjs';
import { WARM_UP_S, isFine } from '../bench/generator.mjs';
import { logins } from './logins.mjs';
import { inThread } from './thread.mjs';

export const LOGINS_PER_S = 500;
const SAID_S = 1; // after so much of the warm-up the generator says for the first time that it is
const IDLE_S = 5;
const LIMITED = ['--domains=app.test', '--drain=1s'];
const UNLIMITED = [...LIMITED, '--rate-limits=off'];
const TEXT = ['--sessions=100', '--rate=1000'];

/** @param at  when to begin, Unix ms; undefined: at once */
const flood = (t, requests, at) =>
    inThread('./flood.mjs', { url: t.url, requests, rate: LOGINS_PER_S, at });

/** 1000 messages a second. @param beside  gets the moment it is measured from */
export async function text(t, seconds, beside = () => ({})) {
    const generator = t.load([...TEXT, `--seconds=${seconds}`, `--pid=${t.server.child.pid}`]);
    const ended = spare(generator.report());
    await Promise.race([ended, until('warming up', () => /warming up/.test(generator.stderr))]);
    const more = await beside(Date.now() + (WARM_UP_S - SAID_S) * 1000);
    const report = isFine(await ended);
    same(report.errors_by_code, {}, 'errors of the text');
    return { ...report, ...more };
}

/** Both runs on one server, which has been asked for the nonces before either. */
export async function pair(t, n, isQuietFirst) {
    await t.serve({ options: UNLIMITED });
    const requests = await logins(t, n);
    const runs = {
        quiet: () => text(t, n / LOGINS_PER_S),
        flooded: () => text(t, n / LOGINS_PER_S, async (at) => ({ logins: await flood(t, requests, at) })),
    };
    const done = {};
    for (const name of isQuietFirst ? ['quiet', 'flooded'] : ['flooded', 'quiet']) {
        console.error(`${name}: ${n / LOGINS_PER_S} s`);
        done[name] = await runs[name]();
    }
    await t.server.stop();
    return done;
}

/** What a process uses meanwhile, on all its threads (proc(5)). @return [seconds, work's] */
async function cpuDuring(pid, work) {
    const ticks = Number(execFileSync('getconf', ['CLK_TCK']));
    const used = () => {
        const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
        return (Number(fields[11]) + Number(fields[12])) / ticks; // utime, stime
    };
    const before = used();
    const done = await work();
    return [used() - before, done];
}

/** The nonces are from before it had limits: with them it gives out 60 a minute. */
export async function limited(t, n) {
    await t.serve({ options: UNLIMITED });
    const requests = await logins(t, n);
    await t.server.stop();
    await t.serveAgain({ options: LIMITED });
    const { pid } = t.server.child;
    console.error(`idle: ${IDLE_S} s`);
    const [idle] = await cpuDuring(pid, () => sleep(IDLE_S * 1000));
    console.error(`flooded: ${n / LOGINS_PER_S} s`);
    const [used, done] = await cpuDuring(pid, () => flood(t, requests));
    await t.server.stop();
    return { idle_cores: idle / IDLE_S, flooded_cores: used / done.seconds, logins: done };
}
