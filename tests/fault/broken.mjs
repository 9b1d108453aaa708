/**
 * A disk that says no. Where nobody can know then what is on it, the program ends with a line,
 * and answers nothing of what was in that commit; else it says so to whoever asked. What it had
 * written and not made durable may be there afterwards, or not: both are tried.
 */
import { closeSync, ftruncateSync, openSync, readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { match, same } from '../e2e/lib.mjs';
import { numbers, seqs } from '../e2e/chat/expect.mjs';
import { isRefusal, joinAll, joinSynced } from '../e2e/chat/peer.mjs';
import { folder } from '../e2e/chat/serve.mjs';
import { Story } from './story.mjs';
import { attach, callsOf } from './trace.mjs';

/** The one line of an end that nobody has asked for. */
function hasSaidWhy({ stderr }) {
    const fatal = stderr.split('\n').filter((line) => line.includes('level=fatal'));
    same(fatal.length, 1, `lines of level fatal in\n${stderr}`);
    match(fatal[0], / event=store_unknown .*ends="the process/, 'line');
}

/** Of what was in a commit that failed nobody is told anything. */
async function hasEnded(story) {
    same(await story.sendUntilItEnds(), 'SIGABRT', 'end');
    hasSaidWhy(story.t.server);
    same(story.refused, new Set(), 'answered with an error');
}

const couldNotStart = ({ why }) =>
    match(why, /ended \(([1-9]\d*|SIGABRT)\), not ready:\n.*\S/, 'end');

async function ends(t, inject) {
    const story = new Story(t);
    if (await story.start(inject)) await hasEnded(story);
    else couldNotStart(story);
    await story.goOn();
}

const isOfTheLog = ({ file }) => file.endsWith('/parley.db-wal');
const offsetOf = ({ rest }) => Number(/, (\d+)(\) +=.*| <unfinished \.\.\.>)$/.exec(rest)[1]);

/** Where what was not made durable begins in the store's log, which grows in so short a life. */
function durableEnd(calls) {
    let end = Infinity;
    for (const call of calls.filter(isOfTheLog)) {
        if (call.name === 'pwrite64') end = Math.min(end, offsetOf(call));
        else if (/ = 0$/.test(call.how)) end = Infinity;
    }
    return end;
}

/** As after a power cut: what was written and not synced is gone. */
async function losesWhatWasNotSynced(t, n) {
    const story = new Story(t);
    const log = path(folder('trace'), 'calls');
    await story.start();
    await t.server.stop(); // so that the first sync is of the first commit
    await story.start(`fdatasync:error=EIO:when=${n}`, { log, calls: 'fdatasync,pwrite64' });
    await hasEnded(story);
    const end = durableEnd(callsOf(readFileSync(log, 'latin1')));
    same(end < Infinity, true, 'something was written and not synced');
    const file = openSync(path(story.data, 'parley.db-wal'), 'r+');
    ftruncateSync(file, end);
    closeSync(file);
    await story.goOn();
}

/** Whatever it does then, what it says is so. @param n  messages, or as many as it takes */
async function saysWhatIs(t, inject, { n = 80, isEnough } = {}) {
    const story = new Story(t);
    if (await story.start(inject)) {
        await story.sendSome(n, isEnough && (() => isEnough(story)));
        if (await t.server.ended === 'SIGABRT') hasSaidWhy(t.server);
        else same(await t.server.ended, 'SIGKILL', 'end'); // it was told to
    } else {
        couldNotStart(story);
    }
    await story.goOn();
    return story;
}

/** The disk is full for some writes: what is refused is not there, and all the rest is. */
async function refuses(t, inject) {
    // Of how many writes so many messages are, is a matter of what goes with what.
    const { why, acked, refused } = await saysWhatIs(t, inject, {
        isEnough: (story) => story.refused.size > 0,
    });
    if (!why) same(refused.size > 0 && acked.size > 0, true, 'some refused, some not');
}

// Reading.

const MANY = 120; // messages, a page of the store each
const textOf = (i) => `${i}-`.padEnd(3000, 'x');

/** A page of history is what was sent, or an error. @return whether it was */
async function readsRightOrNot(peer, to, before) {
    const answer = await peer.ask('message.history', { peer: to, before, limit: 5 });
    if (answer.error) {
        isRefusal(answer, 'storage_unavailable');
        return false;
    }
    same(seqs(answer.messages), numbers(5, before - 5), 'seqs');
    for (const { seq, content } of answer.messages) same(content, textOf(seq), `content of ${seq}`);
    return true;
}

/** The thread that writes reads as well, and has had no turn yet. */
async function sendsOn(peer, to) {
    const sent = { to, type: 'text', content: 'more' };
    let answer = await peer.ask('message.send', sent);
    for (let i = 0; answer.error; i++) {
        isRefusal(answer, 'storage_unavailable');
        same(i < 4, true, 'it is stored once the disk can be read');
        answer = await peer.ask('message.send', sent);
    }
    same(answer.message.seq, MANY + 1, 'nothing that was refused is there');
}

async function readsNothingWrong(t, n) {
    const options = ['--rate-limits=off'];
    const { data } = await t.serve({ options });
    const [a, b] = await joinAll(t, 2);
    for (const i of numbers(MANY)) await a.send(b.address, textOf(i));
    await t.server.stop();

    await t.serve({ data, options }); // which has read nothing yet
    const again = await joinSynced(t, a.address);
    await attach(t, `pread64:error=EIO:when=${n}..${n + 2}`);
    let wrong = 0;
    for (let before = MANY + 1; before > 5; before -= 5)
        if (!(await readsRightOrNot(again, b.address, before))) wrong++;
    same(wrong > 0, true, 'the disk could not be read');
    for (let before = MANY + 1; before > 5; before -= 5)
        same(await readsRightOrNot(again, b.address, before), true, 'once it can be read');
    await sendsOn(again, b.address);
    await t.server.stop();
}

/** The second one is of the folder. SQLite does not look at what that gives, and need not: the
 * server has synced it when it started. */
const OF_A_FOLDER = 2;

const row = (name, run) => ({ name, run, limit: 60000 });

const syncOfTheFolder = row('the disk fails to sync the folder at the start', async (t) => {
    const story = new Story(t);
    await story.start();
    await t.server.stop(); // the keys are there
    same(await story.start('fsync:error=EIO:when=1'), false, 'it starts');
    couldNotStart(story);
    match(story.why, /event=fault .*what="sync .*errno=EIO/, 'why');
    await story.goOn();
});

const syncs = numbers(20).filter((n) => n !== OF_A_FOLDER).map((n) =>
    row(`the disk fails at fdatasync number ${n}`,
        (t) => ends(t, `fdatasync:error=EIO:when=${n}`)));

const losses = [1, 3, 4, 5, 8, 13, 21].map((n) =>
    row(`the disk fails at fdatasync number ${n} of its commits, and loses what was in it`,
        (t) => losesWhatWasNotSynced(t, n)));

const full = numbers(15, 0).map((i) => 1 + 9 * i).map((n) =>
    row(`the disk is full at pwrite64 number ${n}`,
        (t) => refuses(t, `pwrite64:error=ENOSPC:when=${n}..${n + 3}`)));

const writes = numbers(12, 0).map((i) => 4 + 11 * i).map((n) =>
    row(`the disk fails at pwrite64 number ${n}`,
        (t) => saysWhatIs(t, `pwrite64:error=EIO:when=${n}`)));

const reads = [1, 2, 4, 7, 12, 20, 33].map((n) =>
    row(`the disk fails at pread64 number ${n} of a thread, under history`,
        (t) => readsNothingWrong(t, n)));

export const rows = [syncOfTheFolder, ...syncs, ...losses, ...full, ...writes, ...reads];
