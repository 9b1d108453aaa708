#!/usr/bin/env node
/**
 * usage: run.mjs [--only TEXT]
 *
 * `parley migrate`, into the PostgreSQL of TEST_POSTGRES: killed again and again, and what clients
 * have of the server that it moves. The programs are PARLEY, and migrate-fill beside it, else
 * those of build/.
 *
 * MIGRATE_MESSAGES  of the directory that is moved under kills (20000)
 * MIGRATE_KILLS     of them (8)
 * SEED              for the same messages and moments again
 */
import { randomInt } from 'node:crypto';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAlone } from '../e2e/chat/alone.mjs';
import { Database, psql } from '../e2e/chat/database.mjs';
import { joinSynced } from '../e2e/chat/peer.mjs';
import { folder } from '../e2e/chat/serve.mjs';
import { Failure, SANITIZER, match, now, run, same, sleep, until, within } from '../e2e/lib.mjs';
import { select } from '../e2e/runner.mjs';

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const filler = join(dirname(binary), 'migrate-fill');
const nMessages = Number(process.env.MIGRATE_MESSAGES || 20000);
const nKills = Number(process.env.MIGRATE_KILLS || 8);
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const RUN_MS = 60000 + nMessages / 2; // of one run, on a busy machine
const PARTS = 4; // of the messages: a run gets no further than one before it is killed, about
const QUIET = { options: ['--rate-limits=off', '--drain=1s'] };

let state = seed || 1;
function chance(n) { // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
}

/** A program until its end. @return how it ended, and all that it has said */
async function ended(child, how) {
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    const code = await within(RUN_MS, 'end of the program', how);
    if (SANITIZER.test(said)) throw new Failure(said);
    return { code, said };
}

function start(program, words, url) {
    const env = { ...process.env, STORE: '', ...(url && { PARLEY_STORE: url }) };
    return run(program, words, ['ignore', 'pipe', 'pipe'], { env });
}

function command(program, words, url) {
    const { child, ended: how } = start(program, words, url);
    return ended(child, how);
}

const migrate = (dir, url, ...more) =>
    command(binary, ['migrate', '--data', dir, ...more], url);

async function database(t) {
    const db = await Database.make();
    t.defer(() => db.drop());
    return db;
}

const resultsOf = (said) => said.split('\n').filter((line) => /  same$|DIFFERENT/.test(line));

/** @return what it has said, and how long it has copied messages, in milliseconds */
async function migrateAndLook(dir, url) {
    const { child, ended: how } = start(binary, ['migrate', '--data', dir], url);
    const at = {};
    child.stderr.on('data', (text) => {
        if (/: messages 0 of/.test(text)) at.begun ??= now();
        if (/: comparing messages/.test(text)) at.copied ??= now();
    });
    const first = await ended(child, how);
    return { first, copying: at.copied - at.begun };
}

/** Told that messages are on their way it is killed, at a moment by chance. */
async function killedOnce(dir, url, ms) {
    const { child, ended: how } = start(binary, ['migrate', '--data', dir], url);
    const begun = new Promise((resolve) => {
        child.stderr.on('data', (text) => /: messages \d+ of/.test(text) && resolve());
    });
    const done = ended(child, how);
    await within(RUN_MS, 'messages', Promise.race([begun, done]));
    await sleep(chance(ms));
    child.kill('SIGKILL');
    return done;
}

const isDone = async (url) =>
    (await psql(url, 'SELECT done_at IS NOT NULL FROM migration')).trim() === 't';

async function isRefusedHalfway(dir, url) {
    const early = await command(binary, ['serve', '--listen=127.0.0.1:0',
        `--data=${folder('early')}`], url);
    same(early.code, 1, 'exit code of a server that comes too early');
    match(early.said, /run parley migrate again/, 'what it says');
    same((await migrate(dir, url, '--check')).code, 1, 'exit code of an early --check');
}

/**
 * In the middle, for certain: the database makes it wait there. Its tables are made before, by a
 * server.
 */
async function killedAt(t, dir, db, position) {
    await t.serve({ ...QUIET, env: { PARLEY_STORE: db.url } });
    await t.server.stop();
    await psql(db.url, `CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN PERFORM pg_sleep(600); RETURN NEW; END $$;
        CREATE TRIGGER wait BEFORE INSERT ON message FOR EACH ROW
            WHEN (NEW.position >= ${position}) EXECUTE FUNCTION wait()`);
    const { child, ended: how } = start(binary, ['migrate', '--data', dir], db.url);
    const done = ended(child, how);
    await until('in the middle', async () => (await psql(db.url,
        "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'")) !== '', RUN_MS);
    child.kill('SIGKILL');
    same((await done).code, 'SIGKILL', 'its end');
    await db.cut(); // or the database would find out by and by that nobody waits
    await psql(db.url, 'DROP FUNCTION wait() CASCADE');
}

// Rows.

async function goesOnWhereItWasKilled(t) {
    const dir = folder('fill');
    same((await command(filler, [dir, `${nMessages}`, `${seed}`])).code, 0, 'exit code of the fill');
    const { url: plain } = await database(t);
    const db = await database(t);
    const { url: killed } = db;

    const from = now();
    const { first, copying } = await migrateAndLook(dir, plain);
    const whole = now() - from;
    same(first.code, 0, `exit code, of ${first.said}`);
    const want = resultsOf(first.said);
    match(want.join('\n'), /^messages +\d{4,} .* same$/m, 'what it says');

    const last = Number(await psql(plain, 'SELECT position FROM meta'));
    await killedAt(t, dir, db, Math.ceil(last / 4) + chance(Math.ceil(last / 2)));
    await isRefusedHalfway(dir, killed);
    let nResumed = 0;
    const ran = ({ said }) => (nResumed += /goes on behind [1-9]\d* messages/.test(said));
    for (let n = 0; n < nKills; n++) {
        const { code, said } = await killedOnce(dir, killed, Math.ceil(copying / PARTS));
        ran({ said });
        if (code !== 'SIGKILL') same(code, 0, `exit code, of ${said}`);
        if (await isDone(killed)) break;
    }
    const final = await migrate(dir, killed, ...(await isDone(killed) ? ['--check'] : []));
    ran(final);
    same(final.code, 0, `exit code, of ${final.said}`);
    same(resultsOf(final.said), want, 'what is there');
    if (!nResumed) throw new Failure('it went on nowhere');

    const again = await migrate(dir, killed);
    same(again.code, 1, 'exit code of one more');
    match(again.said, /all was moved before/, 'what it says');
    same(resultsOf((await migrate(dir, killed, '--check')).said), want, 'what --check says');
    await psql(killed, 'DELETE FROM message WHERE position = (SELECT max(position) FROM message)');
    const less = await migrate(dir, killed, '--check');
    same(less.code, 1, 'exit code where one is missing');
    match(less.said, /^messages .*DIFFERENT from the database's\n.*\n.*: \d+ \d+ \d+\n.*nothing more$/m,
        'what it says');
    console.log(`  ${nMessages} messages, ${Math.round(whole)} ms, resumed ${nResumed} times, SEED=${seed}`);
}

/** What they have kept is good: cursor, token, ids, seqs, marks. */
async function clientsGoOn(t) {
    const { url } = await database(t);
    await t.serve(QUIET);
    const [a, b, c] = [await joinSynced(t), await joinSynced(t), await joinSynced(t)];
    const one = await a.send(b.address, 'one');
    await b.take('message.new');
    await b.send(a.address, 'and back');
    await a.take('message.new');
    await c.send(b.address, 'hello');
    await b.take('message.new');
    await b.ok('conversation.block', { peer: c.address });
    await b.ok('message.read', { conversation: one.conversation, seq: 1 });
    await b.leave();
    await a.send(b.address, 'missed');
    await c.send(b.address, 'withheld');
    const { conversations } = await a.ok('conversation.list', { limit: 10 });
    await a.leave();
    await c.leave();
    await t.server.stop();

    const moved = await migrate(t.server.data, url);
    same(moved.code, 0, `exit code, of ${moved.said}`);
    await t.serveAgain({ ...QUIET, env: { PARLEY_STORE: url } });
    const again = (peer) =>
        joinSynced(t, peer.address, { token: peer.token, cursor: peer.cursor, had: peer.kept });
    const b2 = await again(b);
    same(b2.ready.recovered, true, 'recovered');
    const { content, seq } = await b2.take('message.new');
    same([content, seq], ['missed', 3], 'what b has missed');
    await b2.heardNo('message.new');
    const a2 = await again(a);
    same((await a2.ok('conversation.list', { limit: 10 })).conversations.length,
        conversations.length, 'conversations of a');
    await b2.ok('message.read', { conversation: one.conversation, seq: 3 });
    same((await a2.take('message.read')).seq, 3, 'what a hears');
    same((await a2.send(b.address, 'next')).seq, 4, 'the next seq');
    same((await b2.take('message.new')).content, 'next', 'and it comes');
    await t.server.stop();
}

async function saysWhatToDo(t) {
    const { url } = await database(t);
    const dir = folder('none');
    const rows = [
        ['no PostgreSQL', [], undefined, 2, /where to\? --to, or PARLEY_STORE, names a PostgreSQL/],
        ['a password', ['--to', 'postgresql://me:secret@127.0.0.1:1/x'], undefined, 2,
            /others can read a password on a command line/],
        ['no store', ['--data', dir], url, 1, /--data names the directory .*: there is no parley\.db/],
    ];
    for (const [what, words, to, want, pattern] of rows) {
        const { code, said } = await command(binary, ['migrate', ...words], to);
        same(code, want, `exit code with ${what}`);
        match(said, pattern, what);
        same(said.includes('secret'), false, 'a password in what it says');
    }
}

const rows = select([
    { name: 'goes on where it was killed', run: goesOnWhereItWasKilled,
        limit: (nKills + 6) * RUN_MS },
    { name: 'clients go on where they were', run: clientsGoOn, limit: 60000 },
    { name: 'says what to do', run: saysWhatToDo },
], flags.only);

await runAlone(rows, [binary, filler],
    process.env.TEST_POSTGRES ? undefined : 'there is no TEST_POSTGRES');
