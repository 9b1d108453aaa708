/** What is of PostgreSQL alone: how the server finds it, and what it does while it is away. */
import { randomBytes } from 'node:crypto';
import { between, match, run, same, spare, until, within } from '../../lib.mjs';
import { Pipe } from '../../pipe.mjs';
import { ask } from '../../wire.mjs';
import { NODES } from '../cluster.mjs';
import { Database } from '../database.mjs';
import { numbers, seqs } from '../expect.mjs';
import { Peer, isRefusal, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { SIGN_IN, folder } from '../serve.mjs';
import { evmWallet } from '../signer.mjs';
import { arrive, denied, granted, login, logout, proof, refresh } from '../site.mjs';
import { wallet } from '../wallet.mjs';
import { areKept } from './life.mjs';
import { holdsNone } from './secrets.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
const ANSWER_MS = 30000; // for what waits for the database
const RETRY_MS = 12000;  // of who sends

/** `parley serve` that does not come to serve. @return its exit code, and what it says */
async function start(t, options, env) {
    const words = ['serve', '--listen=127.0.0.1:0', `--data=${folder('data')}`, ...options];
    const { child, ended } = run(t.servers.binary, words, ['ignore', 'pipe', 'pipe'],
        { env: { ...process.env, ...env } });
    t.defer(() => child.kill('SIGKILL'));
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => (said.out += text));
    child.stderr.on('data', (text) => (said.err += text));
    const code = await within(20000, 'end of parley serve', ended);
    same(said.out, '', 'what it prints');
    return { code, said: said.err };
}

const PASSWORD = 'geheim-4711';
const WITH_PASSWORD = [
    `postgresql://chat:${PASSWORD}@127.0.0.1:1/chat`, `postgres://chat:${PASSWORD}@127.0.0.1:1/chat`,
    `postgresql://127.0.0.1:1/chat?user=chat&password=${PASSWORD}`,
    `postgresql:///chat?password=${PASSWORD}&host=127.0.0.1&port=1`,
];

/** Where it is for the server's user alone, it does. */
async function takesNoPasswordThatAllSee(t) {
    for (const url of WITH_PASSWORD) {
        const seen = await start(t, [`--store=${url}`]);
        same(seen.code, 2, `exit code of ${url}`);
        match(seen.said, /^parley serve: a password in --store .* PARLEY_STORE or PGPASSWORD, .*\n$/, url);
        const hidden = await start(t, [], { PARLEY_STORE: url });
        same(hidden.code, 1, `exit code where ${url} is in the environment`);
        match(hidden.said, /event=store_postgres_away .*Connection refused/, url);
        for (const { said } of [seen, hidden])
            holdsNone(said, [['the password', PASSWORD], ['the URL', url]], 'what it says');
    }
}

const NO_URLS = [
    ['another scheme', `mysql://chat:${PASSWORD}@127.0.0.1/chat`, 2, /--store is 'sqlite', or begins with postgresql:/],
    ['a word', PASSWORD, 2, /--store is 'sqlite', or begins with postgresql:/],
    ['no end of a host', `postgresql://chat:${PASSWORD}@[::1/chat`, 1, /want postgresql:\/\/USER:PASSWORD@HOST:PORT\/DATABASE/],
    ['a setting that there is not', `postgresql:///chat?nothing=${PASSWORD}`, 1, /this is no URL of PostgreSQL/],
];

async function refusesWhatIsNoURL(t) {
    for (const [what, url, want, pattern] of NO_URLS) {
        const { code, said } = await start(t, [], { PARLEY_STORE: url });
        same(code, want, `exit code of ${what}`);
        match(said, pattern, what);
        holdsNone(said, [['the password', PASSWORD]], 'what it says');
    }
}

const withMore = (url, more) => `${url}${url.includes('?') ? '&' : '?'}${more}`;

/** It says why, and what to do. */
async function saysThatItIsNotThere(t) {
    const db = await Database.make();
    t.defer(() => db.drop());
    await db.goAway();
    const rows = [
        ['nobody listens', 'postgresql://127.0.0.1:1/chat', /host="127.0.0.1" port=1 db="chat" .*Connection refused/],
        ['no such socket', 'postgresql:///chat?host=/nowhere', /No such file or directory/],
        ['no such database', db.url.replace(db.name, 'nothing_of_the_kind'), /database .*nothing_of_the_kind.* does not exist/],
        ['a database that takes nobody', db.url, /is not currently accepting connections/],
        ['no schema', withMore(process.env.TEST_POSTGRES, 'options=-csearch_path%3Dnowhere'),
            /make the schema that the search_path names/],
    ];
    for (const [what, url, pattern] of rows) {
        const { code, said } = await start(t, [], { PARLEY_STORE: url });
        same(code, 1, `exit code where ${what}`);
        match(said, pattern, what);
        match(said, /\nparley serve: can't open the store in PostgreSQL, .*--store names another database\n$/, what);
    }
}

// A database that goes away.

/** The second has much room for the first. */
async function joinBoth(t) {
    const [a, b] = await joinAll(t, 2);
    await b.ok('conversation.accept', { peer: a.address });
    return [a, b];
}

/** A server on a database of its own. @return the database */
async function serveOn(t, options = QUIET, more = '') {
    const db = await Database.make();
    t.defer(() => db.drop());
    await t.serve({ options, env: { PARLEY_STORE: more ? withMore(db.url, more) : db.url } });
    return db;
}

/** Each would know nothing of what the other one's clients do. */
async function keepsOthersOff(t) {
    const db = await serveOn(t);
    const [a, b] = await joinAll(t, 2);
    const other = await start(t, QUIET, { PARLEY_STORE: db.url });
    same(other.code, 1, 'exit code of another server');
    match(other.said, /event=store_postgres_taken .*stop the other server/, 'why');
    match(other.said, /\nparley serve: can't open the store in PostgreSQL, /, 'what it says');
    await a.send(b.address, 'meanwhile');
    await b.take('message.new');
    await t.server.kill();
    await t.serve({ options: QUIET, env: { PARLEY_STORE: db.url } }); // on another directory
    await (await joinSynced(t, a.address)).send(b.address, 'behind');
}

/**
 * Twenty at once, each message with its key until it is acknowledged, as docs/protocol.md has
 * it: what was being committed when the database went away may get no answer.
 *
 * @return what was acknowledged, what was refused, and stop()
 */
function sendAll(peer, to, says = (i) => `${i}`) {
    const acked = [];
    const refused = [];
    let isOver = false;
    let n = 0;
    const one = async (i) => {
        const send = { to, type: 'text', content: says(i), client_msg_id: `k${i}` };
        for (;;) {
            const answer = await peer.ask('message.send', send, RETRY_MS).catch((error) =>
                match(error.message, /timed out/, 'why there is no answer'));
            if (answer?.status === 'ok') return acked.push(answer.message);
            if (answer) refused.push(answer);
        }
    };
    const worker = async () => {
        while (!isOver) await one(++n);
    };
    const ended = spare(Promise.all(numbers(20).map(worker)));
    const stop = async () => {
        isOver = true;
        await ended;
        return n;
    };
    return { acked, refused, stop };
}

/** Everything that was sent is there, once, and each as it was acknowledged. */
async function hasAll(t, from, to, n, acked) {
    same(acked.length, n, 'acknowledged');
    const got = await to.takeAll('message.new', n, 10000);
    areKept(got, acked);
    same(new Set(got.map(({ content }) => content)).size, n, 'different ones');
    await to.heardNo('message.new');
    const last = await from.ok('message.history', { peer: to.address, limit: 10 });
    same(seqs(last.messages), numbers(10, n - 9), 'the last ones');
}

const sent = (what, n) => until(`${n} messages`, () => what.acked.length >= n, ANSWER_MS);

/** Whoever has a request under way need not know. */
async function goesOnOverACut(t) {
    const db = await serveOn(t);
    const [a, b] = await joinBoth(t);
    const sending = sendAll(a, b.address);
    for (const i of numbers(10)) {
        await sent(sending, 50 * i);
        await db.cut();
        await b.ok('message.history', { peer: a.address, limit: 1 });
    }
    await sent(sending, 600);
    const n = await sending.stop();
    same(sending.refused, [], 'what was refused');
    await hasAll(t, a, b, n, sending.acked);
    match(t.server.stderr, /event=store_postgres_lost .*sqlstate=57P01/, 'log');
    match(t.server.stderr, /event=store_postgres_back /, 'log');
}

async function readyIs(t, status) {
    await until(`${status} from /readyz`, async () =>
        (await ask(t, t.url, 'GET', '/readyz')).status === status, 15000);
}

const refuses = async (peer, event, payload) =>
    isRefusal(await peer.ask(event, payload, ANSWER_MS), 'storage_unavailable');

/** Nothing that was acknowledged is lost, nothing is there twice, and nobody has to start it. */
async function saysWhenItIsAway(t) {
    const db = await serveOn(t);
    const [[a, b], c] = [await joinBoth(t), await joinSynced(t)];
    await c.send(a.address, 'before');
    const sending = sendAll(a, b.address);
    await sent(sending, 200);
    await db.goAway();

    await refuses(c, 'message.send', { to: a.address, type: 'text', content: 'away' });
    await refuses(c, 'message.history', { peer: a.address });
    await refuses(c, 'conversation.list', {});
    await readyIs(t, 503);
    same((await ask(t, t.url, 'GET', '/healthz')).status, 200, '/healthz');
    const late = await Peer.dial(t, wallet()); // it is not ready, and told why
    await refuses(late, 'conversation.list', {});
    same(late.log, [], 'what it hears');

    await db.comeBack();
    await readyIs(t, 200);
    same((await late.take('ready', ANSWER_MS)).account, late.address, 'account');
    await late.take('synced');
    await sent(sending, sending.acked.length + 100);
    const n = await sending.stop();
    for (const answer of sending.refused) isRefusal(answer, 'storage_unavailable');
    await hasAll(t, a, b, n, sending.acked);
    await (await joinSynced(t)).send(c.address, 'behind');
    same((await c.take('message.new')).content, 'behind', 'message');
    same(t.server.child.exitCode, null, 'exit code');
    match(t.server.stderr, /event=server_store_out [^]*event=server_store_back /, 'log');
    const lost = t.server.stderr.match(/event=store_postgres_(lost|away)/g);
    const most = NODES > 1 ? 6 * NODES : 4; // of several, each has one for their table
    between(lost.length, 1, most, 'times that it says of its connections that they are lost');
}

const COMMIT = '\0s3\0'; // as a transaction of the server ends (store/pg_txn)

/** A way to a database that is lost as soon as a transaction is to be committed, once `isOpen`. */
async function layTrap(t, db) {
    const trap = { isOpen: false };
    const tap = ({ side, from, to, pass }) => {
        if (side !== 'up') return false;
        from.on('data', (bytes) => {
            pass(bytes);
            if (!trap.isOpen || !bytes.includes(COMMIT)) return;
            trap.isOpen = false;
            trap.pipe.mute();
            setTimeout(() => trap.pipe.shut(), 100);
        });
        from.on('end', () => to.end());
        return true;
    };
    trap.pipe = await Pipe.lay(t, 'tcp://127.0.0.1:1', { to: db.at, tap });
    t.defer(() => trap.pipe.cut());
    return trap;
}

/** Of what was being committed when the database went away: no answer, and no waiting for one. */
async function closesWhereNobodyKnows(t) {
    const db = await Database.make();
    t.defer(() => db.drop());
    const trap = await layTrap(t, db);
    const { hostname, port } = new URL(trap.pipe.url);
    await t.serve({ options: QUIET, env: { PARLEY_STORE: db.urlBy(hostname, port) } });
    let [a, b] = await joinBoth(t);
    for (const [event, more] of [['message.read', { seq: 1 }], ['conversation.block', {}]]) {
        await a.send(b.address, event);
        await b.take('message.new');
        await a.take('message.delivered');

        trap.isOpen = true;
        const ask = { peer: a.address, ...more };
        const asked = spare(b.ask(event, ask, ANSWER_MS));
        await b.take('disconnect', 15000);
        match(await asked.catch(({ message }) => message), /disconnected/, 'what it is answered');
        await refuses(a, 'message.send', { to: b.address, type: 'text', content: 'away' });
        trap.pipe.open();
        await readyIs(t, 200);
        b = await joinSynced(t, b.address);
        await b.ok(event, ask);
        await a.heardNo('disconnect');
    }
}

/** Nothing is used up by what was refused. */
async function saysSoToWhoSignsIn(t) {
    const db = await serveOn(t, SIGN_IN);
    const peer = await arrive(t);
    const body = await proof(t, evmWallet());
    await db.goAway();
    const { refresh_token: old } = peer.grant;
    for (const asking of [login(t, body, {}, ANSWER_MS),
        refresh(t, { refresh_token: old }, {}, ANSWER_MS)])
        await denied(asking, 'storage_unavailable');
    await db.comeBack();
    await readyIs(t, 200);
    await granted(login(t, body));
    const { refresh_token: token } = await granted(refresh(t, { refresh_token: old }));
    await granted(logout(t, { refresh_token: token }));
    await peer.take('disconnect');
}

/** At any level: also what fails, and what is repeated. */
async function leavesNoTrace(t) {
    const [password, text] = [0, 0].map(() => randomBytes(12).toString('hex'));
    const options = [...QUIET, '--log=trace'];
    const db = await serveOn(t, options, `password=${password}`);
    const [a, b] = await joinBoth(t);
    const sending = sendAll(a, b.address, (i) => `${text} ${i}`);
    await sent(sending, 50);
    await db.cut();
    await sent(sending, 200);
    await db.goAway();
    await refuses(b, 'message.send', { to: a.address, type: 'text', content: `${text} away` });
    await db.comeBack();
    await sent(sending, 300);
    await sending.stop();
    await t.server.stop();
    match(t.server.stderr, /level=trace/, 'log');
    match(t.server.stderr, /event=store_postgres_lost /, 'log');
    holdsNone(t.server.stderr, [['the password', password], ['a text', text],
        ['a token', a.token], ['the URL', withMore(db.url, `password=${password}`)],
        ['the URL without what follows', db.url]], 'the log');
}

const once = { own: true, postgres: true, over: ['websocket'] };

export const rows = overTransports('postgres', [
    ['takes no password that all can see', takesNoPasswordThatAllSee, { ...once, limit: 30000 }],
    ['refuses what is no URL', refusesWhatIsNoURL, once],
    ['says that it is not there, and what to do', saysThatItIsNotThere, { ...once, limit: 30000 }],
    ['keeps others off its database', keepsOthersOff, { ...once, limit: 30000 }],
    ['goes on over a cut, which nobody sees', goesOnOverACut, { ...once, limit: 60000 }],
    ['says when it is away, and goes on when it is back', saysWhenItIsAway,
        { ...once, limit: 90000 }],
    ['closes the connection where nobody knows what was done', closesWhereNobodyKnows,
        { ...once, single: true, limit: 60000 }],
    ['says so to who signs in', saysSoToWhoSignsIn, { ...once, limit: 60000 }],
    ['leaves no trace of what is secret', leavesNoTrace, { ...once, limit: 90000 }],
]);
