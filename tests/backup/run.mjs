#!/usr/bin/env node
/**
 * usage: run.mjs [--only TEXT]
 *
 * `parley backup` and `parley restore`: under load, killed again and again, of damaged backups; and
 * what clients have of the server that was restored. With TEST_POSTGRES also the steps that
 * docs/operations.md has for PostgreSQL. The programs are PARLEY, and migrate-fill beside it, else
 * those of build/.
 *
 * BACKUP_MESSAGES  of the directory that is backed up under kills (20000)
 * BACKUP_KILLS     of each of the two (10)
 * BACKUP_ROUNDS    backups while wallets write (4)
 * SEED             for the same messages and moments again
 */
import { randomInt } from 'node:crypto';
import {
    copyFileSync, cpSync, existsSync, openSync, readFileSync, readSync, readdirSync, rmSync, statSync,
    statfsSync,
    truncateSync, unlinkSync, writeFileSync, writeSync, closeSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAlone } from '../e2e/chat/alone.mjs';
import { Database, psql } from '../e2e/chat/database.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { image, sendFile, upload } from '../e2e/chat/media.mjs';
import { joinSynced, refusal } from '../e2e/chat/peer.mjs';
import { Crowd } from '../e2e/chat/restless.mjs';
import { SmallDisk, folder } from '../e2e/chat/serve.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Failure, SANITIZER, Skip, match, now, run, same, sleep, until, within } from '../e2e/lib.mjs';
import { PYTHON, select } from '../e2e/runner.mjs';

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const filler = join(dirname(binary), 'migrate-fill');
const looker = fileURLToPath(new URL('store.py', import.meta.url));
const nMessages = Number(process.env.BACKUP_MESSAGES || 20000);
const nKills = Number(process.env.BACKUP_KILLS || 10);
const nRounds = Number(process.env.BACKUP_ROUNDS || 4);
const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const RUN_MS = 60000 + nMessages / 2; // of one run, on a busy machine
const QUIET = { options: ['--rate-limits=off', '--drain=1s'] };
const WRITERS = 6;
const ROOM_EACH = 6000; // bytes of disk for a message, in all the directories there are of it

let state = seed || 1;
function chance(n) { // xorshift32
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % n;
}

function start(program, words) {
    const { child, ended } = run(program, words, ['ignore', 'pipe', 'pipe'],
        { env: { ...process.env, STORE: '' } });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    const done = within(RUN_MS, `end of ${words[0]}`, ended).then((code) => {
        if (SANITIZER.test(said)) throw new Failure(said);
        return { code, said };
    });
    return { child, done };
}

const command = (...words) => start(binary, words).done;

/** What must go well. @return what it has said */
async function ok(...words) {
    const { code, said } = await command(...words);
    same(code, 0, `exit code of ${words.join(' ')}: ${said}`);
    return said;
}

async function fails(pattern, ...words) {
    const { code, said } = await command(...words);
    same(code, 1, `exit code of ${words.join(' ')}: ${said}`);
    match(said, pattern, `what ${words[0]} says`);
    return said;
}

const backUp = (data, dir, ...more) => ok('backup', dir, '--data', data, ...more);
const restore = (dir, data, ...more) => ok('restore', dir, '--data', data, ...more);
const isWhole = async (dir) => match(await ok('restore', dir, '--check'), /^It is whole\.$/m, dir);

async function look(...words) {
    const { code, said } = await start(PYTHON, [looker, ...words]).done;
    same(code, 0, `exit code of ${words.join(' ')}: ${said}`);
    return said.trim();
}

const log = (dir) => join(dir, 'parley.db');
const kept = (dir) => join(dir, 'media/kept');
const sql = async (dir, text) => (await look('sql', log(dir), text)).split('\n').filter(Boolean)
    .map((line) => JSON.parse(line));
const isSame = async (a, b, how = 'anew') =>
    same(await look('same', log(a), log(b), how), 'same', 'the two stores');

/** All of a tree's files, by their paths. */
function treeOf(dir) {
    if (!existsSync(dir)) return {};
    return Object.fromEntries(readdirSync(dir).flatMap((name) => {
        const path = join(dir, name);
        return statSync(path).isDirectory()
            ? Object.entries(treeOf(path)).map(([below, bytes]) => [`${name}/${below}`, bytes])
            : [[name, readFileSync(path).toString('base64')]];
    }));
}

/** A directory as a server would have it after some time, stopped, with its files and keys. */
async function filled(n = nMessages) {
    const dir = folder('fill');
    const { bavail, bsize } = statfsSync(dir);
    if (n > 100000 && bavail * bsize < n * ROOM_EACH)
        throw new Skip(`it takes ${Math.ceil(n * ROOM_EACH / 2 ** 30)} GiB of disk`);
    same((await start(filler, [dir, `${n}`, `${seed}`]).done).code, 0, 'exit code of the fill');
    await look('fill', log(dir), kept(dir));
    await ok('token', '--data', dir, wallet());
    for (const name of ['media.key', 'sign-in.key'])
        writeFileSync(join(dir, name), `${numbers(64).map(() => chance(10)).join('')}\n`, { mode: 0o600 });
    return dir;
}

const KEYS = ['media.key', 'sign-in.key', 'signing-key.pem'];

/** What was restored is what was backed up, and no more: files and keys as well. */
async function isRestored(data, from) {
    await isSame(data, from);
    same(treeOf(kept(data)), treeOf(kept(from)), 'files');
    for (const name of KEYS) {
        same(readFileSync(join(data, name), 'utf8'), readFileSync(join(from, name), 'utf8'), name);
        same(statSync(join(data, name)).mode & 0o777, 0o600, `mode of ${name}`);
    }
    const media = existsSync(kept(from)) ? ['media'] : []; // by chance there is no file
    same(readdirSync(data).sort(), ['index.db', 'lock', ...media, 'parley.db', ...KEYS].sort(),
        'what is there');
}

// Rows.

async function isEqual() {
    const [data, dir, again] = [await filled(), folder('backup'), folder('again')];
    match(await backUp(data, dir), /: \d+ messages of \d+ accounts, \d+ files .* 3 keys, as they were/m,
        'what it says');
    same(readdirSync(dir).sort(), ['backup.db', 'media'], 'the backup');
    same(statSync(join(dir, 'backup.db')).mode & 0o777, 0o600, 'its mode');
    await isWhole(dir);
    match(await restore(dir, again, '--verify'), /as it was backed up/, 'what it says');
    await isRestored(again, data);

    // And once more, into the same: what has gone is gone there, too, and what has come is there.
    const [[gone]] = await sql(data, 'SELECT upload FROM attachment ORDER BY position LIMIT 1');
    await sql(data, `DELETE FROM message WHERE position IN
        (SELECT position FROM attachment WHERE upload = '${gone}')`);
    await sql(data, `DELETE FROM upload WHERE id = '${gone}'`);
    unlinkSync(join(kept(data), gone.slice(0, 2), gone));
    await sql(data, "UPDATE message SET type = 'gone', content = '' WHERE position % 97 = 0");
    const second = folder('second');
    await backUp(data, dir);
    same(existsSync(join(dir, 'media', gone.slice(0, 2), gone)), false, 'a file that is gone');
    await restore(dir, second, '--verify');
    await isRestored(second, data);
}

/** Killed at a moment by chance; @return whether it had come to its end before */
async function killedOnce(ms, ...words) {
    const { child, done } = start(binary, words);
    await sleep(chance(ms));
    child.kill('SIGKILL');
    const { code, said } = await done;
    if (code !== 'SIGKILL') same(code, 0, `exit code: ${said}`);
    return { isDone: code === 0, said };
}

async function timed(work) {
    const from = now();
    await work();
    return Math.ceil(now() - from);
}

async function goesOnWhereItWasKilled() {
    const [data, dir] = [await filled(), folder('backup')];
    const plain = folder('plain');
    const ms = await timed(() => backUp(data, plain));
    const msAgain = await timed(() => backUp(data, plain)); // its files are there
    let nResumed = 0;
    let nKilled = 0;
    for (let n = 0; n < nKills; n++) {
        const { isDone, said } = await killedOnce(existsSync(join(dir, 'backup.db')) ? msAgain : ms,
            'backup', dir, '--data', data);
        nResumed += /goes on behind/.test(said);
        nKilled += !isDone;
        if (!isDone && !existsSync(join(dir, 'backup.db')))
            await fails(/run 'parley backup' again first|there is no backup\.db/, 'restore', dir, '--check');
        else await isWhole(dir); // the one before it, or this one
        // Between two runs it goes on.
        await sql(data, `UPDATE message SET type = 'gone', content = '' WHERE position = ${chance(nMessages)}`);
        await sql(data, `DELETE FROM message WHERE position = ${chance(nMessages)}`);
    }
    nResumed += /goes on behind/.test(await backUp(data, dir));
    if (!nKilled || !nResumed) throw new Failure(`killed ${nKilled} times, it went on ${nResumed} times`);
    const again = folder('again');
    await restore(dir, again, '--verify');
    await isRestored(again, data);
    console.log(`  ${nMessages} messages, ${ms} ms, killed ${nKilled} times, went on ${nResumed} times, SEED=${seed}`);
}

/** No server takes what is half there, and at the end all is. */
async function isRestoredThoughItWasKilled() {
    const [data, dir] = [await filled(), folder('backup')];
    await backUp(data, dir);
    const ms = await timed(() => restore(dir, folder('plain'), '--verify'));
    let again = folder('again');
    let nKilled = 0;
    for (let n = 0; n < nKills || !nKilled; n++) {
        const { isDone } = await killedOnce(ms, 'restore', dir, '--data', again, '--verify');
        // It may have been killed when all was done.
        if (isDone || (existsSync(log(again)) && !existsSync(join(again, 'restoring')))) {
            await isRestored(again, data);
            rmSync(again, { recursive: true });
            again = folder('again');
            continue;
        }
        nKilled++;
        if (!existsSync(join(again, 'restoring'))) continue; // before it began
        await fails(/run 'parley restore' on .* again/, 'serve', '--listen=127.0.0.1:0', '--data', again);
        await fails(/run 'parley restore' again/, 'migrate', '--data', again, '--to',
            'postgresql://nobody@127.0.0.1:1/none');
    }
    if (existsSync(join(again, 'restoring')) || !existsSync(log(again)))
        await restore(dir, again, '--verify');
    await isRestored(again, data);
    await fails(/it is not empty, and nothing is overwritten/, 'restore', dir, '--data', again);
    await isRestored(again, data);
    console.log(`  killed ${nKilled} times in ${ms} ms each, SEED=${seed}`);
}

/** Files that come, and messages that are taken away, until it is over. */
async function restless(t, a, b, files) {
    while (!t.isOver) {
        const file = image({ size: 500 + chance(200000) });
        const told = await upload(t, a, file);
        files.push((await sendFile(a, b.address, 'image', told)).id);
        const { data } = t.server;
        const [[last]] = await sql(data, 'SELECT max(position) FROM message');
        const at = 1 + chance(last);
        await sql(data, chance(2)
            ? `DELETE FROM message WHERE position = ${at} AND position NOT IN (SELECT position FROM attachment)`
            : `UPDATE message SET type = 'gone', content = '' WHERE position = ${at} AND type = 'text'`);
    }
}

async function isConsistentUnderLoad(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=1s', '--mailbox-messages=100000',
        '--mailbox-peer-messages=100000', '--mailbox-stranger-messages=100000',
        '--mailbox-stranger-bytes=1GiB', '--mailbox-peer-bytes=1GiB'] });
    const { data } = t.server;
    const [a, b] = [await joinSynced(t), await joinSynced(t)];
    const files = [];
    const wallets = await Promise.all(numbers(WRITERS + 1).map(async () => {
        const address = wallet();
        return [address, await t.issuers.token(address)];
    }));
    const crowd = new Crowd(t.url, 'websocket', wallets);
    t.defer(() => crowd.close());
    await crowd.start();
    const busy = restless(t, a, b, files);
    const dir = folder('backup');
    const backups = [];
    for (let n = 0; n < nRounds; n++) {
        const had = crowd.received;
        await Promise.race([until('messages', () => crowd.received > had + 200), crowd.sending, busy]);
        const [[before]] = await sql(data, 'SELECT position FROM meta');
        if (n > 0) await killedOnce(150, 'backup', dir, '--data', data);
        await backUp(data, dir);
        await isWhole(dir);
        const again = folder('again');
        await restore(dir, again, '--verify');
        backups.push({ again, before });
    }
    t.isOver = true;
    await busy;
    crowd.close();
    await a.ok('conversation.list', { limit: 1 });
    for (const { again, before } of backups) {
        const { messages, ...wrong } = JSON.parse(await look('part', log(again), log(data), before));
        same(wrong, { lost: 0, invented: 0, holes: 0, strangers: 0, dead: 0 }, `of ${messages} messages`);
        match(await look('files', log(again), kept(again)), /^[1-9]\d*$/, 'files of messages');
    }
    const [[n]] = await sql(data, 'SELECT count(*) FROM message');
    console.log(`  ${nRounds} backups while ${WRITERS} wallets write, ${files.length} files, ${n} messages, SEED=${seed}`);
}

/** Destroyed, restored, and clients come again with what they have kept. */
async function clientsFindWhatWasBackedUp(t) {
    await t.serve(QUIET);
    const { data } = t.server;
    const [a, b] = [await joinSynced(t), await joinSynced(t)];
    await a.send(b.address, 'one');
    await b.send(a.address, 'two');
    const file = image();
    await sendFile(a, b.address, 'image', await upload(t, a, file));
    await b.takeAll('message.new', 2);
    const dir = folder('backup');
    await backUp(data, dir);
    const lost = await a.send(b.address, 'after the backup');
    same((await b.take('message.new')).id, lost.id, 'what comes');
    const token = t.servers.command('token', '--data', data, b.address).trim();
    await t.server.kill();
    rmSync(data, { recursive: true });

    await restore(dir, data, '--verify');
    await t.serveAgain(QUIET);
    const b2 = await joinSynced(t, b.address, { token, cursor: b.cursor }); // a token of its own key
    same(b2.ready.recovered, false, 'recovered');
    const { messages } = await b2.ok('message.history', { peer: a.address });
    same(messages.map(({ seq, content }) => [seq, content.name ? 'file' : content]),
        [[1, 'one'], [2, 'two'], [3, 'file']], 'history');
    const link = await b2.ok('attachment.url', { peer: a.address, seq: 3 });
    const got = Buffer.from(await (await fetch(link.url)).arrayBuffer());
    same(got.length, file.size, 'the file');
    const a2 = await joinSynced(t, a.address, { cursor: a.cursor });
    same(a2.ready.recovered, false, 'recovered');
    same((await a2.send(b.address, 'a new one')).seq, 4, 'the next seq');
    await comes(b2, 'a new one'); // behind what b had not acknowledged by then
    // A cursor of the restored store is good, also over restarts.
    await b2.leave();
    await t.server.stop();
    await t.serveAgain(QUIET);
    same((await joinSynced(t, b.address, { cursor: b2.cursor })).ready.recovered, true, 'recovered');
    await t.server.stop();
}

/** Who asks for it signs everybody out. */
async function signsAllOut(t) {
    await t.serve(QUIET);
    const { data } = t.server;
    const address = wallet();
    const token = t.servers.command('token', '--data', data, address).trim();
    await (await joinSynced(t, address, { token })).leave();
    const dir = folder('backup');
    await backUp(data, dir);
    await t.server.stop();
    await sql(data, `INSERT INTO session (name, account, generation, began_at_ms, refreshed_at_ms,
        expires_at_ms) VALUES ('s', x'01', 1, 1, 1, 9999999999999)`);
    const again = folder('again');
    await backUp(data, dir);
    match(await restore(dir, again, '--sign-out'), /Restored into .*\. Start the server\.$/m, 'what it says');
    same(await sql(again, 'SELECT count(*) FROM session'), [[0]], 'sessions');
    same(existsSync(join(again, 'signing-key.pem')), false, 'a key for tokens');
    same(readFileSync(join(again, 'media.key'), 'utf8'), readFileSync(join(data, 'media.key'), 'utf8'),
        'the key for links');
    await t.serve({ ...QUIET, data: again });
    same((await refusal(t, address, { token })).data.code, 'token_invalid', 'the token of before');
    await t.server.stop();
}

/** One byte of a file is another one. */
function damage(path, at) {
    const fd = openSync(path, 'r+');
    const byte = Buffer.alloc(1);
    readSync(fd, byte, 0, 1, at);
    byte[0] ^= 0x20;
    writeSync(fd, byte, 0, 1, at);
    closeSync(fd);
}

async function findsDamage() {
    const [data, dir] = [await filled(2000), folder('backup')];
    await backUp(data, dir);
    const db = join(dir, 'backup.db');
    const { size } = statSync(db);
    const whole = readFileSync(db);
    const isFound = (what) => fails(new RegExp(what), 'restore', dir, '--check');
    const text = whole.indexOf('the quick brown fox');
    for (const at of [text, whole.indexOf('session-'), 100 + chance(size - 200), 0]) {
        damage(db, at);
        // In a page that is nowhere used there is nothing to be found.
        if (await command('restore', dir, '--check').then(({ code }) => code === 0) && at === text)
            throw new Failure(`a byte at ${at} is another one, and it is whole`);
        if (at === text || at === 0) await isFound('this one is damaged|see what was said above');
        writeFileSync(db, whole);
    }
    // What is in a table, and what is in an index: wherever an account's bytes are.
    const [account] = JSON.parse(await look('sql', db, 'SELECT hex(bytes) FROM account LIMIT 1'));
    const bytes = Buffer.from(account, 'hex');
    let n = 0;
    for (let at = whole.indexOf(bytes); at >= 0; at = whole.indexOf(bytes, at + 1), n++) {
        damage(db, at + bytes.length - 1);
        await fails(/this one is damaged/, 'restore', dir, '--check');
        writeFileSync(db, whole);
    }
    same(n >= 2, true, `places with an account: ${n}`);
    truncateSync(db, size - 8192);
    await isFound('this one is damaged|see what was said above');
    writeFileSync(db, whole);
    await isWhole(dir);

    // A message that is not there, though all pages are well.
    await look('sql', db, 'DROP TRIGGER message_removed');
    await look('sql', db, 'DELETE FROM message WHERE position = (SELECT max(position) FROM message)');
    await isFound('the table message is not what it was');
    const again = join(folder('again'), 'data');
    await fails(/the table message is not what it was/, 'restore', dir, '--verify', '--data', again);
    same(existsSync(log(again)), false, 'a store of a damaged backup');
    await fails(/run 'parley restore' on/, 'serve', '--listen=127.0.0.1:0', '--data', again);
    writeFileSync(db, whole);

    const [name] = Object.keys(treeOf(join(dir, 'media')));
    const file = join(dir, 'media', name);
    copyFileSync(file, `${file}.kept`);
    damage(file, 0);
    await isFound('is missing, or is another one');
    await fails(/is missing, or is another one/, 'restore', dir, '--data', again);
    unlinkSync(file);
    await isFound('is missing, or is another one');
    // The next backup brings it back, and takes away what is none of its own.
    await backUp(data, dir);
    await isWhole(dir);
    same(existsSync(`${file}.kept`), false, 'a file of nobody');
    await restore(dir, again, '--verify');
    await isRestored(again, data);
}

/** One that somebody has made to write elsewhere. */
async function isHeldToItsDirectory() {
    const [data, dir] = [await filled(200), folder('backup')];
    await backUp(data, dir);
    const db = join(dir, 'backup.db');
    const whole = readFileSync(db);
    for (const name of ['ab/../../../../escaped', '../escaped', '..', '.hidden', '/tmp/escaped', 'a', 'ab\u0000c']) {
        for (const text of [
            `INSERT OR REPLACE INTO backup_file VALUES ('${name}', 1, x'00')`,
            `INSERT OR REPLACE INTO backup_key VALUES ('${name}', x'00')`,
        ]) {
            await look('sql', db, text.replace('\u0000', "' || char(0) || '"));
            const again = folder('again');
            await fails(/a (file|key) has no good name/, 'restore', dir, '--data', again);
            same(readdirSync(dirname(again)).filter((one) => /escaped/.test(one)), [], 'what is elsewhere');
            writeFileSync(db, whole);
        }
    }
}

/** Of what was lost before it says so, and backs up the rest. */
async function saysWhatWasLostBefore() {
    const [data, dir] = [await filled(2000), folder('backup')];
    const [lost, changed] = Object.keys(treeOf(kept(data)));
    unlinkSync(join(kept(data), lost));
    truncateSync(join(kept(data), changed), 0);
    await sql(data, `UPDATE message SET content = '"forged"' WHERE position = 7`);
    const said = await backUp(data, dir);
    match(said, new RegExp(`1 files of messages are missing in media/kept, the first is ${lost.slice(3)}`), 'lost');
    match(said, new RegExp(`1 files of messages are not what was uploaded, the first is ${changed.slice(3)}`), 'changed');
    match(await ok('restore', dir, '--check'), /1 messages were not what their senders had sent .* position 7/, 'forged');
}

async function saysWhatToDo() {
    const [data, dir] = [await filled(200), folder('backup')];
    const empty = folder('empty');
    await fails(/there is no parley\.db in this one/, 'backup', dir, '--data', empty);
    same(readdirSync(empty), [], 'what it leaves there');
    await fails(/this is the data directory itself/, 'backup', data, '--data', data);
    await fails(/there is no backup\.db in this one/, 'restore', empty, '--data', dir);
    same((await command('backup', '--data', data)).code, 2, 'exit code without a backup');
    same((await command('restore', '--data', data)).code, 2, 'exit code without a backup');
    await fails(/pg_dump/, 'backup', dir, '--config', configOf('store = postgresql://me@127.0.0.1/x'));

    writeFileSync(join(dir, 'backup.db.part'), 'half of one');
    await fails(/run 'parley backup' again first/, 'restore', dir, '--check');
    match(await backUp(data, dir), /was begun anew/, 'what it says of it');
    const { child, done } = start('flock', [dir, 'sleep', '60']);
    await until('locked', async () => {
        const { code } = await start('flock', ['-n', dir, 'true']).done;
        return code !== 0;
    });
    await fails(/wait for the other one/, 'backup', dir, '--data', data);
    child.kill();
    await done;

    const full = folder('full');
    writeFileSync(join(full, 'something'), '');
    await fails(/it is not empty/, 'restore', dir, '--data', full);
    same(readdirSync(full).sort(), ['lock', 'something'], 'what it leaves there');
    // A directory of keys of its own has one already.
    const keys = folder('keys');
    writeFileSync(join(keys, 'media.key'), 'another\n');
    match(await restore(dir, folder('again'), '--keys', keys), /media\.key was there already, .* it stays/, 'a key');
    same(readFileSync(join(keys, 'media.key'), 'utf8'), 'another\n', 'the key');
    same(readdirSync(keys).sort(), KEYS, 'the other keys');

    // A key has its limit; what is longer is none.
    const long = await filled(200);
    writeFileSync(join(long, 'long.key'), 'x'.repeat(4096));
    await backUp(long, folder('long'));
    writeFileSync(join(long, 'long.key'), 'x'.repeat(4097));
    await fails(/read long\.key/, 'backup', folder('longer'), '--data', long);

    // What is in an S3 is not missed.
    const said = await ok('backup', folder('s3'), '--config', configOf(`data = ${data}`, 'media = s3'));
    same(/missing/.test(said), false, 'files that are missing');
}

/** Nothing is half done, and what was there is. */
async function outlivesAFullDisk(t) {
    const data = await filled(2000);
    const small = new SmallDisk(4096);
    t.defer(() => small.end());
    const dir = join(small.path, 'backup');
    await backUp(data, dir);
    await isWhole(dir);
    writeFileSync(join(small.path, 'filler'), Buffer.alloc(freeOf(small.path) - 8192));
    await fails(/The backup before this one is what it was/, 'backup', dir, '--data', data);
    await isWhole(dir);
    unlinkSync(join(small.path, 'filler'));
    await backUp(data, dir);
    await isWhole(dir);

    const less = new SmallDisk(512);
    t.defer(() => less.end());
    await fails(/see what was said above, and run it again/, 'restore', dir, '--data', less.path);
    await fails(/run 'parley restore' on .* again/, 'serve', '--listen=127.0.0.1:0', '--data', less.path);
    less.resize(16384);
    await restore(dir, less.path, '--verify');
    await isRestored(less.path, data);
}

const freeOf = (path) => {
    const { bavail, bsize } = statfsSync(path);
    return bavail * bsize;
};

/** Run by root, for a server that is somebody else. */
async function leavesWhatIsSomebodyElses(t) {
    if (process.getuid() !== 0) throw new Skip('it takes root to be somebody else');
    const nobody = Number((await start('id', ['-u', 'nobody']).done).said);
    const [data, dir, again] = [await filled(200), folder('backup'), folder('again')];
    await start('chown', ['-R', 'nobody', data, again]).done;
    await backUp(data, dir);
    await restore(dir, again, '--verify');
    // Also in a directory of keys of its own, which is the server's as well.
    const [keys, third] = [folder('keys'), folder('third')];
    await start('chown', ['nobody', keys, third]).done;
    await restore(dir, third, '--keys', keys);
    same(readdirSync(keys).sort(), KEYS, 'keys');
    for (const place of [data, again, keys, third]) {
        const others = await start('find', [place, '-not', '-user', 'nobody']).done;
        same(others.said, '', `what is not of nobody in ${place}`);
    }
    same([statSync(log(again)).uid, statSync(join(dir, 'backup.db')).uid], [nobody, 0], 'owners');
    await isRestored(again, data);
}

function configOf(...lines) {
    const path = join(folder('config'), 'parley.conf');
    writeFileSync(path, `${lines.join('\n')}\n`);
    return path;
}

const isPostgresThere = Boolean(process.env.TEST_POSTGRES);

/** The steps of docs/operations.md, as they stand there. */
function documented(title) {
    const text = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
    const part = text.slice(text.indexOf(title));
    return /```sh\n([^]*?)```/.exec(part)[1];
}

/** Behind what has come before. */
const comes = (peer, content) =>
    until(`"${content}"`, async () => (await peer.take('message.new')).content === content);

async function postgresComesBack(t) {
    if (!isPostgresThere) throw new Skip('there is no TEST_POSTGRES');
    const [from, to] = [await Database.make(), await Database.make()];
    t.defer(() => from.drop());
    t.defer(() => to.drop());
    await t.serve({ ...QUIET, env: { PARLEY_STORE: from.url } });
    const [a, b] = [await joinSynced(t), await joinSynced(t)];
    await a.send(b.address, 'one');
    await b.take('message.new');
    const writing = (async () => {
        for (let i = 1; !t.isOver; i++) {
            await a.send(b.address, `more ${i}`);
            await sleep(20); // or there are more than a page of history has
        }
    })();
    await b.takeAll('message.new', 20);
    const dir = folder('dump');
    const steps = (title) => start('/bin/sh', ['-euc', documented(title)
        .replaceAll('postgresql://parley@db/parley_restored', `'${to.url}'`)
        .replaceAll('postgresql://parley@db/parley', `'${from.url}'`)
        .replaceAll('/var/backups', dir)
        .replaceAll(/^createdb.*$/gm, '')]).done;
    const dumped = await steps('<!-- drill: dump -->');
    same(dumped.code, 0, `exit code: ${dumped.said}`);
    await b.takeAll('message.new', 20);
    t.isOver = true;
    await writing;
    await a.send(b.address, 'after the backup');
    await comes(b, 'after the backup');
    await t.server.kill();

    const restored = await steps('<!-- drill: restore -->');
    same(restored.code, 0, `exit code: ${restored.said}`);
    same(await psql(from.url, 'SELECT epoch FROM meta') ===
        await psql(to.url, 'SELECT epoch FROM meta'), false, 'the epoch is another one');
    await t.serveAgain({ ...QUIET, env: { PARLEY_STORE: to.url } });
    const b2 = await joinSynced(t, b.address, { cursor: b.cursor });
    same(b2.ready.recovered, false, 'recovered');
    const { messages } = await b2.ok('message.history', { peer: a.address, limit: 200 });
    same(messages.map(({ seq }) => seq), numbers(messages.length), 'seqs');
    same(messages.some(({ content }) => content === 'after the backup'), false, 'what came after it');
    const a2 = await joinSynced(t, a.address, { cursor: a.cursor });
    same(a2.ready.recovered, false, 'recovered');
    same((await a2.send(b.address, 'next')).seq, messages.length + 1, 'the next seq');
    await comes(b2, 'next');
    await t.server.stop();
}

const LONG_MS = (nKills + 6) * RUN_MS;
const rows = select([
    { name: 'what is restored is equal', run: isEqual, limit: 6 * RUN_MS },
    { name: 'goes on where it was killed', run: goesOnWhereItWasKilled, limit: LONG_MS },
    { name: 'is restored though it was killed', run: isRestoredThoughItWasKilled, limit: LONG_MS },
    { name: 'is consistent while wallets write', run: isConsistentUnderLoad,
        limit: (nRounds + 4) * RUN_MS },
    { name: 'clients find what was backed up', run: clientsFindWhatWasBackedUp, limit: 60000 },
    { name: 'signs all out', run: signsAllOut, limit: 60000 },
    { name: 'finds damage', run: findsDamage, limit: 3 * RUN_MS },
    { name: 'is held to its directory', run: isHeldToItsDirectory, limit: 2 * RUN_MS },
    { name: 'says what was lost before', run: saysWhatWasLostBefore, limit: RUN_MS },
    { name: 'says what to do', run: saysWhatToDo, limit: RUN_MS },
    { name: 'outlives a full disk', run: outlivesAFullDisk, limit: 2 * RUN_MS },
    { name: "leaves what is somebody else's", run: leavesWhatIsSomebodyElses, limit: RUN_MS },
    { name: 'PostgreSQL comes back, by its own tools', run: postgresComesBack, limit: 60000 },
], flags.only);

await runAlone(rows, [binary, filler]);
