/** The server goes away in the middle of a run, and comes back: nothing is lost by it. */
import { same, until } from '../../e2e/lib.mjs';
import { LIVELY, PACED, RATE, SERVER, SESSIONS, isFine } from '../generator.mjs';

/** Slowly: what takes the server away may take its time, and its memory is asked for at the end. */
const SLOWLY = [`--sessions=${SESSIONS}`, '--seconds=5', `--rate=${RATE / 5}`];

const kill = (server) => server.kill();
const terminate = (server) => server.stop();

/** @param transport  with polling what was under way is lost with a request */
const survives = (end, transport) => async (t) => {
    await t.serve({ options: SERVER });
    const pid = `--pid=${t.server.child.pid}`;
    const generator = t.load([...SLOWLY, `--transport=${transport}`, pid]);
    await t.stored(RATE / 5);
    await end(t.server);
    await t.serveAgain({ options: SERVER });
    const report = isFine(await generator.report());
    same(report.sent, RATE, 'sent');
    same(report.reconnects >= SESSIONS, true, 'all have reconnected');
    same(report.errors >= SESSIONS, true, 'all have lost their connection');
    same(report.server_rss_kib, null, 'memory of what is gone');
    same(Object.keys(report.errors_by_code), ['connection_lost'], 'errors by code');
};

/** It is there, and says nothing, until the generator has noticed. */
async function survivesASilence(t) {
    await t.serve({ options: [...LIVELY, '--ping-timeout=700ms'] });
    const generator = t.load(PACED);
    await t.stored(RATE);
    t.server.child.kill('SIGSTOP');
    await until('given up', () => /was lost: the server says nothing/.test(generator.stderr));
    t.server.child.kill('SIGCONT');
    const report = isFine(await generator.report());
    same(report.sent, RATE, 'sent');
    same(report.reconnects > 0, true, 'some have reconnected');
}

/** It is given some seconds to start. */
async function waitsForIt(t) {
    await t.serve({ options: SERVER });
    await t.server.stop();
    const generator = t.load(PACED);
    await until('waiting', () => /connecting: 0 of/.test(generator.stderr));
    await t.serveAgain({ options: SERVER });
    const report = isFine(await generator.report());
    same([report.errors, report.reconnects], [0, 0], 'errors, reconnects');
}

export const rows = [
    ['is only just starting', waitsForIt],
    ['is killed', survives(kill, 'websocket')],
    ['is killed while clients poll', survives(kill, 'polling')],
    ['is terminated', survives(terminate, 'websocket')],
    ['is terminated while clients poll', survives(terminate, 'polling')],
    ['says nothing for a while', survivesASilence],
].map(([name, run]) => ({ name: `outage: the server ${name}`, run }));
