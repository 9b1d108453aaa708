/** Under a service manager: a socket that outlives the server, and what that is told of it. */
import { fileURLToPath } from 'node:url';
import { match, run, same, until, within } from '../../lib.mjs';
import { numbers } from '../expect.mjs';
import { joinSynced, overTransports } from '../peer.mjs';
import { Crowd } from '../restless.mjs';
import { folder } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const ACTIVATE = fileURLToPath(new URL('../../../support/activate', import.meta.url));
const QUIET = ['--rate-limits=off', '--drain=1s'];
const ROOM = ['--mailbox-messages=1000000', '--mailbox-stranger-messages=1000000',
    '--mailbox-stranger-bytes=1GiB']; // one client may be the last to come back
const RESTARTS = 5;
const SENDERS = 10;

const serve = (t, options, env) => t.serve({ options: [...QUIET, ...options], wrap: [ACTIVATE], env });

const toldOf = (t, what) => t.server.stderr.split(`activate: ${what}\n`).length - 1;

const told = (t, what, n) => until(`told ${what} ${n} times`, () => toldOf(t, what) >= n, 15000);

async function tellsHowItIs(t) {
    await serve(t, [], { WATCHDOG_MS: '200' });
    await told(t, 'READY=1', 1);
    await told(t, 'WATCHDOG=1', 5);
    same(toldOf(t, 'STOPPING=1'), 0, 'STOPPING=1');
    match(t.server.stderr, /event=server_start .* socket=given /, 'log');
    await (await joinSynced(t)).works();
    await t.server.stop();
    same([toldOf(t, 'READY=1'), toldOf(t, 'STOPPING=1')], [1, 1], 'READY=1, STOPPING=1');
}

/** Over each of them clients go on, nothing is lost, and nothing comes twice. */
async function outlivesRestarts(t) {
    await serve(t, ['--workers=2', ...ROOM]);
    const wallets = await Promise.all(numbers(SENDERS + 1).map(async () => {
        const address = wallet();
        return [address, await t.issuers.token(address)];
    }));
    const crowd = new Crowd(t.url, t.transport, wallets);
    t.defer(() => crowd.close());
    await crowd.start();
    for (const i of numbers(RESTARTS)) {
        const had = crowd.received;
        await until('messages', () => crowd.received > had + 100, 20000);
        t.server.child.kill('SIGHUP');
        await Promise.race([told(t, 'READY=1', i + 1), crowd.sending]);
    }
    await crowd.end();
    match(t.server.stderr, /event=server_stop /, 'log');
}

/** For as long as it takes to start, who comes waits, and is answered. */
async function waitsForTheNext(t) {
    await serve(t, []);
    const before = toldOf(t, 'READY=1');
    t.server.child.kill('SIGHUP');
    await told(t, 'STOPPING=1', 1);
    const answers = numbers(20).map(async () => (await fetch(`${t.url}/healthz`)).status);
    same(await Promise.all(answers), numbers(20).map(() => 200), 'statuses');
    await told(t, 'READY=1', before + 1);
}

const refusesToServeEverybody = async (t) => {
    const wrap = ['/usr/bin/python3', '-c', `
import os, socket, sys
s = socket.create_server(('0.0.0.0', 0))
os.dup2(os.dup(s.fileno()), 3)
os.set_inheritable(3, True)
os.environ |= {'LISTEN_PID': str(os.getpid()), 'LISTEN_FDS': '1'}
os.execvp(sys.argv[1], sys.argv[1:])`];
    const { child, ended } = run(wrap[0], [...wrap.slice(1), t.servers.binary, 'serve', '--dev',
        `--data=${folder('data')}`], ['ignore', 'ignore', 'pipe']);
    t.defer(() => child.kill('SIGKILL'));
    let said = '';
    child.stderr.on('data', (some) => (said += some));
    same(await within(10000, 'end', ended), 2, 'exit code');
    match(said, /--dev is for this machine alone/, 'why');
};

const own = { own: true, single: true, limit: 120000 };
const once = { ...own, over: ['websocket'] };

export const rows = overTransports('service', [
    ['tells how it is', tellsHowItIs, once],
    ['outlives restarts', outlivesRestarts, { ...own, over: ['websocket', 'polling'] }],
    ['who comes waits for the next one', waitsForTheNext, once],
    ['serves with --dev this machine alone', refusesToServeEverybody, once],
]);
