/** Under a service manager: a socket that outlives the server, and what that is told of it. */
import { io } from 'socket.io-client';
import { fileURLToPath } from 'node:url';
import { Failure, match, run, same, spare, until, within } from '../../lib.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { joinSynced, overTransports } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const ACTIVATE = fileURLToPath(new URL('../../../support/activate', import.meta.url));
const QUIET = ['--rate-limits=off', '--drain=1s'];
const ROOM = ['--mailbox-messages=1000000', '--mailbox-stranger-messages=1000000',
    '--mailbox-stranger-bytes=1GiB']; // one client may be the last to come back
const RESTARTS = 5;
const SENDERS = 10;
const ANSWER_MS = 3000; // then it is sent again

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

/** A client as any application has it. What went wrong between it and the server it keeps. */
class Client {
    wrong = [];
    got = [];
    #ids = new Set(); // of these

    constructor(t, token) {
        this.socket = io(t.url, {
            auth: (give) => give({ token, ...(this.cursor && { cursor: this.cursor }) }),
            transports: { websocket: ['websocket'], polling: ['polling'] }[t.transport],
            forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200,
        });
        t.defer(() => this.socket.disconnect());
        this.socket.on('connect_error', (error) => this.wrong.push(error));
        this.socket.on('message.new', (message, ack) => {
            if (!this.#ids.has(message.id)) this.got.push(message);
            this.#ids.add(message.id);
            this.cursor = message.cursor ?? this.cursor;
            ack();
        });
    }

    /** Until it is answered. @return the answer */
    async send(to, key) {
        const message = { to, type: 'text', content: key, client_msg_id: key };
        for (;;) {
            const answer = await this.socket.timeout(ANSWER_MS).emitWithAck('message.send', message)
                .catch(() => undefined);
            if (answer?.status === 'ok') return answer;
            if (answer) throw new Failure(`${key}: ${answer.error.code}`);
        }
    }
}

/** Nobody was turned away at the door: TCP has let each of them in. */
function wasLetIn({ wrong }) {
    for (const error of wrong) {
        const text = `${error.message} ${error.description?.message ?? error.description ?? ''}`;
        if (/ECONNREFUSED|ECONNRESET/.test(text) || error.description === 0)
            throw new Failure(`a connection was refused: ${text}`);
    }
}

/** Over each of them clients go on, nothing is lost, and nothing comes twice. */
async function outlivesRestarts(t) {
    await serve(t, ['--workers=2', ...ROOM]);
    const addresses = numbers(SENDERS + 1).map(() => wallet());
    const tokens = await Promise.all(addresses.map((address) => t.issuers.token(address)));
    const [to, ...senders] = tokens.map((token) => new Client(t, token));
    await within(10000, 'the first message', Promise.all(
        senders.map((sender, i) => sender.send(addresses[0], `${i}:1`))));
    let isOver = false;
    const sending = spare(Promise.all(senders.map(async (sender, i) => {
        let n = 1;
        while (!isOver) await sender.send(addresses[0], `${i}:${++n}`);
        return n;
    })));
    for (const i of numbers(RESTARTS)) {
        const had = to.got.length;
        await until('messages', () => to.got.length > had + 100, 20000);
        t.server.child.kill('SIGHUP');
        await Promise.race([told(t, 'READY=1', i + 1), sending]);
    }
    isOver = true;
    const sent = await within(20000, 'the last answers', sending);
    await until('all messages', () => to.got.length >= sent.reduce((a, b) => a + b), 20000);
    for (const [i, n] of sent.entries()) {
        const its = to.got.filter(({ content }) => content.startsWith(`${i}:`));
        areInOrder(seqs(its), 1, n);
        same(its.map(({ content }) => content), numbers(n).map((k) => `${i}:${k}`), 'contents');
    }
    for (const client of [to, ...senders]) wasLetIn(client);
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
