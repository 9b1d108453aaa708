/** `parley sql`: what an operator sees of a store, beside a server that runs and without one. */
import { readdirSync, rmSync } from 'node:fs';
import { join as path } from 'node:path';
import { match, run, same, until, within } from '../../lib.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
const MISSING = /index\.db is missing/;

/** @param input  what it reads; undefined: nothing @return its exit code, and what it says */
async function parley(t, words, input) {
    const stdin = input === undefined ? 'ignore' : 'pipe';
    const { child, ended } = run(t.servers.binary, ['sql', ...words], [stdin, 'pipe', 'pipe']);
    const said = { out: '', err: '' };
    child.stdout.on('data', (text) => (said.out += text));
    child.stderr.on('data', (text) => (said.err += text));
    child.stdin?.end(input);
    const code = await within(30000, 'end of parley sql', ended);
    return { code, ...said };
}

const rowsOf = (text) => text.split('\n').slice(0, -1).map((line) => JSON.parse(line));

/** @param err  what it says beside the rows */
async function look(t, statement, err = /^$/) {
    const said = await parley(t, [`--data=${t.server.data}`, '--timeout=20s', '--json', statement]);
    same(said.code, 0, `exit code of ${statement}: ${said.err}`);
    match(said.err, err, 'stderr');
    return rowsOf(said.out);
}

/** As a message is in an answer. */
const rowOf = (message, position) => ({
    conversation: message.conversation, seq: message.seq, from: message.from, to: message.to,
    type: message.type, content: JSON.stringify(message.content),
    client_msg_id: message.client_msg_id ?? null, reply_to: message.reply_to ?? null,
    created_at: message.created_at, position,
});

/** Two wallets that have written to each other, a third that is blocked, and a fourth that is
 * away. @return what the store should say */
async function talk(t) {
    const [a, b, c] = await joinAll(t, 3);
    const away = wallet();
    const sent = [
        await a.send(b.address, 'one', { client_msg_id: 'key-1' }),
        await b.send(a.address, 'two', { reply_to: 1 }),
        await a.send(b.address, { x: ['\u00e4', 1.5] }, { type: 'x-it' }),
    ];
    await b.takeAll('message.new', 2);
    await b.ok('message.read', { peer: a.address, seq: 1 });
    await a.ok('message.delivered', { peer: b.address, seq: 2 });
    await b.ok('message.delivered', { peer: a.address, seq: 3 });
    await a.ok('conversation.block', { peer: c.address });
    const withheld = await c.send(a.address, 'hello?');
    const waiting = [await a.send(away, 'are you there?'), await a.send(away, 'and now?')];
    return { a, b, c, away, sent, withheld, waiting };
}

const side = (account, peer, more) => ({
    account, peer, accepted: 1, blocked: 0, delivered_seq: 0, read_seq: 0, undelivered: 0, ...more,
});

const byAccount = (x, y) => (x.account.toLowerCase() < y.account.toLowerCase() ? -1 : 1);

async function saysWhatThereIs(t, said, err) {
    const { a, b, c, away, sent, withheld, waiting } = said;
    const { conversation } = sent[0];
    const rows = await look(t,
        `SELECT * FROM messages WHERE conversation = '${conversation}' ORDER BY seq`, err);
    same(rows, sent.map((message, i) => rowOf(message, rows[i].position)), 'messages');
    const last = await look(t,
        `SELECT seq FROM messages WHERE conversation = '${conversation}' ORDER BY seq DESC LIMIT 2`,
        err);
    same(last, [{ seq: 3 }, { seq: 2 }], 'the last two');
    const from = await look(t,
        `SELECT content ->> '$' AS text FROM messages WHERE "from" = '${a.address.toLowerCase()}'
         AND type = 'text' ORDER BY position`, err);
    same(from.map(({ text }) => text), ['one', 'are you there?', 'and now?'], 'what a has sent');
    same(await look(t, `SELECT last_seq, updated_at FROM conversations
        WHERE conversation = '${conversation}'`, err),
    [{ last_seq: 3, updated_at: sent[2].created_at }], 'the conversation');
    const sides = (of) => look(t, `SELECT account, peer, accepted, blocked, delivered_seq, read_seq,
        undelivered FROM sides WHERE conversation = '${of}' ORDER BY account`, err);
    same(await sides(conversation), [
        side(a.address, b.address, { delivered_seq: 2 }),
        side(b.address, a.address, { delivered_seq: 3, read_seq: 1 }),
    ].sort(byAccount), 'both sides');
    same(await sides(withheld.conversation), [
        side(a.address, c.address, { accepted: 0, blocked: 1 }), side(c.address, a.address),
    ].sort(byAccount), 'the sides of a block');
    same(await look(t, `SELECT * FROM undelivered WHERE account IN
        ('${[a, b, c].map(({ address }) => address).join("', '")}', '${away}')`, err),
    [{ account: away, conversations: 1, messages: 2, oldest_at: waiting[0].created_at }], 'waiting');
}

async function saysTheSameWhoeverHasTheStore(t) {
    await t.serve({ options: QUIET });
    const said = await talk(t);
    await saysWhatThereIs(t, said);
    await t.server.kill();
    await saysWhatThereIs(t, said);
    await t.serveAgain({ options: QUIET });
    await saysWhatThereIs(t, said);
    await t.server.stop();
    await saysWhatThereIs(t, said);
    for (const name of readdirSync(t.server.data).filter((file) => file.startsWith('index.db')))
        rmSync(path(t.server.data, name));
    await saysWhatThereIs(t, said, MISSING);
    await t.serveAgain({ options: QUIET });
    await saysWhatThereIs(t, said);
}

/** Of a store whose index has a part of it: many conversations fill its memory soonest. */
async function findsWhatTheIndexHas(t) {
    await t.serve({ options: [...QUIET, '--store-memory=64KiB'] });
    const [a, b] = await joinAll(t, 2);
    let sent = 0;
    await until('something in the index', async () => {
        for (let i = 0; i < 20; i++) {
            await a.send(b.address, `${++sent}`);
            await a.send(wallet(), 'and so on');
        }
        const [{ position }] = await look(t, 'SELECT position FROM ix.state');
        return position > 0;
    }, 60000);
    await a.send(b.address, `${++sent}`);
    for (const order of ['', ' DESC']) {
        const rows = await look(t, `SELECT seq, content ->> '$' AS text FROM messages
            WHERE "to" = '${b.address}' AND conversation = (SELECT conversation FROM sides
            WHERE account = '${b.address}') ORDER BY seq${order}`);
        same(rows.length, sent, 'messages');
        rows.forEach((row, i) => {
            const seq = order ? sent - i : i + 1;
            same(row, { seq, text: `${seq}` }, 'a message');
        });
    }
}

/** Whoever looks, and for how long. */
async function holdsNobodyUp(t) {
    await t.serve({ options: QUIET });
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'first');
    const looking = parley(t, [`--data=${t.server.data}`, '--timeout=3s',
        'SELECT count(*) FROM messages, (WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1'
        + ' FROM r) SELECT i FROM r)']);
    let isOver = false;
    looking.then(() => (isOver = true));
    let sent = 1;
    for (; !isOver; sent++) await a.send(b.address, 'meanwhile');
    const { code, out, err } = await looking;
    same([code, out], [1, ''], 'what comes of it');
    match(err, /^parley sql: it was ended after 3\.000 s: --timeout gives a statement more/, 'why');
    await b.takeAll('message.new', sent);
    same(await look(t, `SELECT count(*) AS n FROM messages WHERE "to" = '${b.address}'`),
        [{ n: sent }], 'messages');
}

async function readsFromAPipe(t) {
    const data = `--data=${t.server.data}`;
    const said = await parley(t, [data, '--json'], 'SELECT 1\nAS a;\nSELECT 2 AS b');
    same(said, { code: 0, out: '{"a":1}\n{"b":2}\n', err: '' }, 'what it says');
}

async function refusesWhatIsNoLook(t) {
    const [nowhere, empty] = [path(folder('nowhere'), 'data'), folder('empty')];
    const here = `--data=${t.server.data}`;
    const rows = [
        ['a write', [here, 'DELETE FROM message'], 1, /stop the server, and use sqlite3 on /],
        ['a lock', [here, 'BEGIN'], 1, /it only looks/],
        ['another file', [here, `ATTACH '${empty}/x.db' AS x`], 1, /it only looks/],
        ['a copy', [here, `VACUUM INTO '${empty}/x.db'`], 1, /it only looks/],
        ['no SQL', [here, 'look'], 1, /syntax error/],
        ['no directory', [`--data=${nowhere}`, 'SELECT 1'], 1, /no store in .*: there is no parley\.db/],
        ['an empty one', [`--data=${empty}`, 'SELECT 1'], 1, /no store in /],
        ['an unknown option', [here, '--jsno', 'SELECT 1'], 2, /did you mean --json\?/],
    ];
    for (const [what, words, want, pattern] of rows) {
        const { code, out, err } = await parley(t, words);
        same([code, out], [want, ''], what);
        match(err, pattern, what);
    }
    same(readdirSync(empty), [], 'what it has made');
    await (await joinSynced(t)).works();
}

const once = { over: ['websocket'], sqlite: true };

export const rows = overTransports('sql', [
    ['says the same whoever has the store', saysTheSameWhoeverHasTheStore,
        { own: true, limit: 60000, ...once }],
    ['finds what the index has', findsWhatTheIndexHas, { own: true, limit: 90000, ...once }],
    ['holds nobody up', holdsNobodyUp, { own: true, limit: 30000, ...once }],
    ['reads from a pipe', readsFromAPipe, once],
    ['refuses what is no look', refusesWhatIsNoLook, { limit: 30000, ...once }],
]);
