/** What a server says of itself where it crashes, and where it is asked (SIGUSR1). */
import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { match, same, until, within } from '../../lib.mjs';
import { joinAll, overTransports } from '../peer.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];

const serve = (t, ...options) => t.serve({ options: [...QUIET, ...options] });

/** Nothing of these is in what it said. */
function hasNone(text, secrets) {
    for (const [what, secret] of Object.entries(secrets))
        same(text.includes(secret), false, `${what} in\n${text}`);
}

// Crashes.

const signalTo = (pid, task, number) => execFileSync('/usr/bin/python3',
    ['-c', `import ctypes; ctypes.CDLL(None).tgkill(${pid}, ${task}, ${number})`]);

const taskOf = (pid, name) => readdirSync(`/proc/${pid}/task`).find((task) =>
    readFileSync(`/proc/${pid}/task/${task}/comm`, 'latin1').trim() === name);

/** With a sanitizer, which looks into its process, there is at most its own. @return ours */
function reportOf({ stderr }) {
    if (/event=io_hardened .* memory=open /.test(stderr)) return undefined;
    return /^.* event=base_crash .*$[^]*^.* event=base_crash_end .*$/m.exec(stderr)[0];
}

async function crashes(t, number, name, thread) {
    await serve(t, '--workers=2');
    const [a, b] = await joinAll(t, 2);
    const text = 'a text that is nobody else\'s business';
    await a.send(b.address, text);
    const { pid } = t.server.child;
    const task = thread ? taskOf(pid, thread) : pid;
    signalTo(pid, task, number);
    const how = await within(10000, 'end', t.server.ended);
    const said = reportOf(t.server);
    if (!said) return;
    same(how, name, 'end');
    const [first, ...rest] = said.split('\n');
    match(first, new RegExp(` level=fatal layer=base event=base_crash signal=${name} ` +
        `thread=${thread ?? 'parley'} version=\\d+\\.\\d+\\.\\d+$`), 'first line');
    match(said, /^\S*parley\((node_serve|loop_run|run_serve)\+0x[0-9a-f]+\)\[0x[0-9a-f]+\]$/m, 'a function');
    match(rest.at(-1), /^ts=\S+ level=fatal .* do="report it /, 'last line');
    same(t.server.stderr.trim().endsWith(rest.at(-1)), true, 'it is the last of the log');
    hasNone(said, { text, address: a.address, data: t.server.data });
}

// SIGUSR1.

const linesOf = ({ stderr }, event) => stderr.match(new RegExp(`^.* event=${event} .*$`, 'gm')) ?? [];

/** @return all that it says then */
async function ask(t, workers) {
    const before = t.server.stderr.length;
    const said = () => ({ stderr: t.server.stderr.slice(before) });
    t.server.child.kill('SIGUSR1');
    await until('each worker says it', () => {
        const last = linesOf(said(), 'server_state_(behind|session|more)').at(-1);
        return linesOf(said(), 'server_state_behind').length === workers && last &&
            t.server.stderr.endsWith('\n') && new Set(linesOf(said(), 'server_state')
                .map((line) => /worker=\d+/.exec(line)[0])).size === workers;
    }, 5000);
    await fetch(`${t.url}/metrics`); // has been round behind it
    return said();
}

async function saysWhatItIsDoing(t) {
    await serve(t, '--workers=2');
    const peers = await joinAll(t, 6);
    const text = 'a text that is nobody else\'s business';
    await peers[0].send(peers[1].address, text);
    const said = await ask(t, 2);
    for (const line of linesOf(said, 'server_state'))
        match(line, / level=info layer=server .* phase=serving uptime_s=\d+ .* accounts=\d+ /, 'line');
    match(said.stderr, /event=server_state_behind worker=0 store_up=1 store_queued=\d+ .* bus_up=1 /, 'line');
    const sessions = linesOf(said, 'server_state_session');
    same(sessions.length, 6, 'sessions');
    for (const line of sessions) {
        match(line, new RegExp(`worker=[01] session=\\d+ state=${t.transport} peer=127\\.0\\.0\\.1 ` +
            'unsent=\\d+ pong=(there|awaited) paused=0$'), 'line');
    }
    const [sum] = linesOf(said, 'server_state').map((line) => Number(/ sent=(\d+)/.exec(line)[1]))
        .sort((a, b) => b - a);
    same(sum, 1, 'messages');
    hasNone(said.stderr, { text, from: peers[0].address, to: peers[1].address });
    await peers[1].works();
}

const NAMED = 50; // STATE_SESSIONS_MAX

async function namesSoManySessions(t) {
    await serve(t, '--workers=1');
    await joinAll(t, NAMED);
    const all = await ask(t, 1);
    same([linesOf(all, 'server_state_session').length, linesOf(all, 'server_state_more').length],
        [NAMED, 0], 'lines');
    await joinAll(t, 3);
    const some = await ask(t, 1);
    same(linesOf(some, 'server_state_session').length, NAMED, 'sessions');
    match(linesOf(some, 'server_state_more').join(), /worker=0 sessions=3$/, 'more');
}

const once = { own: true, single: true, over: ['websocket'] };

export const rows = overTransports('reports', [
    ['says where it has crashed', (t) => crashes(t, 11, 'SIGSEGV'), once],
    ['says where a thread has crashed', (t) => crashes(t, 11, 'SIGSEGV', 'worker-1'), once],
    ['says what it is doing', saysWhatItIsDoing, { own: true, single: true, over: ['websocket', 'polling'] }],
    ['names so many sessions, and counts the others', namesSoManySessions, once],
    ['says where it has given up', (t) => crashes(t, 6, 'SIGABRT'), once],
]);
