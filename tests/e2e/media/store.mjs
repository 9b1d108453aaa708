/** What only an object store can do, and be: it is elsewhere, and sometimes it is not there. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { between, now, same } from '../lib.mjs';
import { Pipe } from '../pipe.mjs';
import { numbers } from '../chat/expect.mjs';
import {
    announce, bytesOf, exchange, gives, image, isRefused, put, refusedSend, sendFile, sendNew,
    sha256Of, upload, withFile,
} from '../chat/media.mjs';
import { joinAll, joinSynced, overTransports } from '../chat/peer.mjs';
import { Report } from '../chat/doctor.mjs';
import { folder } from '../chat/serve.mjs';
import { backendOf } from './backend.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
const WAIT_MS = 5000; // of a send, for the check of its file

/** As who has the keys may do, past all links. */
function putPast(t, told, file, type = file.mime) {
    const { swift } = t.backend;
    return swift.client().send(new PutObjectCommand({
        Bucket: swift.env.S3_BUCKET, Key: `in/${told.upload}`, ContentType: type,
        Body: Buffer.concat([...bytesOf(file)]),
    }));
}

/** And takes it once it is right. */
async function comparesWhatIsThere(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await announce(a, file);
    const request = { ...withFile(b.address, 'image', told), client_msg_id: 'k' };
    for (const wrong of [image({ size: file.size + 1 }), image({ size: 100 })]) {
        await putPast(t, told, wrong);
        await refusedSend(a, request, 'upload_mismatch');
    }
    await putPast(t, told, file, 'text/html');
    await refusedSend(a, request, 'upload_mismatch');
    await a.refused('message.history', { peer: b.address }, 'not_found');
    same((await put(t, told, file)).status, 200, 'upload');
    same((await a.ok('message.send', request)).duplicate, false, 'duplicate');
    await gives(t, (await b.take('message.new')).content.url, file);
}

/** A link to upload may be used again, until a message has the file. */
async function takesTheLastOne(t) {
    const [a, b] = await joinAll(t, 2);
    const [first, last] = [image(), image()];
    const told = await announce(a, first);
    for (const file of [first, last]) same((await put(t, told, file)).status, 200, 'upload');
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    await gives(t, url, last);
    same(await t.backend.has(t.server, 'kept', told.upload), true, 'what was taken');
    same(await t.backend.has(t.server, 'in', told.upload), false, 'what was put');
}

/** Clients reach it by another name than the server does. */
async function hasTwoEndpoints(t) {
    const pipe = await Pipe.lay(t, t.backend.swift.env.S3_ENDPOINT);
    await t.serve({ options: [...QUIET, `--s3-public-endpoint=${pipe.url}`] });
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    same(told.url.startsWith(`${pipe.url}/`), true, 'the link to upload is public');
    const ways = pipe.links.length;
    const content = { url: told.url.split('?')[0] };
    await a.ok('message.send', { to: b.address, type: 'image', content });
    same(pipe.links.length, ways, 'ways that clients have gone: the server has its own');
    const { content: { url } } = await b.take('message.new');
    same(url.startsWith(`${pipe.url}/`), true, 'the link to download is public');
    await gives(t, url, file);
    const inside = url.replace(pipe.url, t.backend.swift.env.S3_ENDPOINT);
    isRefused(await exchange(t, 'GET', inside), 'by the other name');
}

/** `parley doctor`, against a store that is one: what it says of an error is what a store says. */
async function isLookedAt(t) {
    const { options, env } = t.backend;
    const look = (more = [], own = env) => Report.of(t,
        ['--listen=127.0.0.1:0', `--data=${folder('doctor')}`, '--dev', ...options, ...more], { env: own });
    const report = await look(['--origins=https://page.test']);
    report.has('ok', 'S3, inside', /can be put, and is there/);
    report.has('ok', 'S3, outside', /put a file by a link, and get it/);
    report.has('ok', 'S3, pages', /all 1 origins/);
    const wrong = await look([], { PARLEY_S3_SECRET_KEY: 'wrong' });
    wrong.has('bad', 'S3, inside', /403 SignatureDoesNotMatch/, /secret key/);
    (await look(['--s3-access-key=nobody:here'])).has('bad', 'S3, inside', /403/, /./);
    (await look(['--s3-bucket=nothing'])).has('bad', 'S3, inside', /404 NoSuchBucket/, /--s3-bucket/);
    (await look(['--s3-region=elsewhere'])).has('bad', 'S3, inside', /Authorization/, /--s3-region/);
}

/** As docs/media.md says: what is kept on the disk is copied, and the server started anew. */
async function takesOverFromADisk(t) {
    const { swift } = t.backend;
    const { data } = await t.serve({ options: [...QUIET, '--media=local'] });
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const { content } = await sendNew(t, a, b.address, file);
    await t.server.stop();
    const id = content.upload;
    const kept = readFileSync(join(data, 'media', 'kept', id.slice(0, 2), id));
    await swift.client().send(new PutObjectCommand({
        Bucket: swift.env.S3_BUCKET, Key: `kept/${id}`, Body: kept,
    }));

    await t.serveAgain({ options: QUIET });
    const again = await joinSynced(t, b.address);
    const { url } = await again.ok('attachment.url', { peer: a.address, seq: 1 });
    same(url.startsWith(`${swift.env.S3_ENDPOINT}/`), true, 'it is there now');
    await gives(t, url, file);
    const other = await joinSynced(t, a.address);
    await other.ok('message.send', { to: again.address, type: 'image', content: { upload: id } });
    await gives(t, (await again.take('message.new')).content.url, file);
}

/** On a server of its own. @return the way from it to the store */
async function throughAPipe(t) {
    const { swift } = t.backend;
    const pipe = await Pipe.lay(t, swift.env.S3_ENDPOINT);
    const { options, env } = backendOf(swift, pipe.url);
    const its = `--s3-public-endpoint=${swift.env.S3_ENDPOINT}`;
    await t.serve({ options: [...QUIET, ...options, its], env });
    return pipe;
}

/**
 * While the store is away: files wait, and are refused; texts do not wait for it.
 *
 * @param nBefore  messages of a and b
 */
async function textGoesOn([a, b, c], request, nBefore) {
    const from = now();
    const after = (promise) => promise.then((answer) => [answer, now() - from]);
    const [refused, ...texts] = await Promise.all([
        after(refusedSend(a, request, 'storage_unavailable')),
        after(a.send(b.address, 'behind it')), after(a.send(c.address, 'beside it')),
        after(b.send(a.address, 'back')),
    ]);
    between(refused[1], 0, WAIT_MS + 1000, 'milliseconds until it is refused');
    for (const [i, most] of [WAIT_MS + 1000, 2000, 2000].entries())
        between(texts[i][1], 0, most, `milliseconds of text ${i}`);
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages.length - nBefore, 2, 'messages that were stored: the two texts');
}

/** Once it is there, the same again does it; perhaps not the first time. */
async function comesBack(t, [a, b], request, file) {
    const from = now();
    let answer;
    do answer = await a.ask('message.send', request);
    while (answer.error?.code === 'storage_unavailable' && now() - from < 60000);
    same([answer.status, answer.duplicate], ['ok', false], 'the same again');
    const { url } = await a.ok('attachment.url', { peer: b.address, seq: answer.message.seq });
    await gives(t, url, file);
}

/** @param away, back  what becomes of it, and how that ends */
const isAway = (away, back) => async (t) => {
    const pipe = await throughAPipe(t);
    const [a, b, c] = await joinAll(t, 3);
    const file = image();
    await sendNew(t, a, b.address, file);
    const told = await upload(t, a, file);
    const request = { ...withFile(b.address, 'image', told), client_msg_id: 'k' };
    away(pipe, t);
    await textGoesOn([a, b, c], request, 1);
    await announce(a, file); // which takes no store
    await a.ok('attachment.url', { peer: b.address, seq: 1 });
    for (const _ of numbers(3)) await refusedSend(a, request, 'storage_unavailable');
    back(pipe, t);
    await comesBack(t, [a, b], request, file);
};

/** Those that this process, or one of them, has started. */
function descendants(pid) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ')
        .filter(Boolean);
    return children.flatMap((child) => [Number(child), ...descendants(child)]);
}

function signalStore(signal) {
    const isOfStore = (pid) =>
        /swift-\w+-server/.test(readFileSync(`/proc/${pid}/cmdline`, 'latin1'));
    const pids = descendants(process.pid).filter(isOfStore);
    same(pids.length >= 4, true, 'processes of the store');
    for (const pid of pids) process.kill(pid, signal);
}

const stops = (_, t) => {
    signalStore('SIGSTOP');
    t.defer(() => signalStore('SIGCONT'));
};

/** Killed, and not coming back: the last row of all. */
async function isGone(t) {
    await throughAPipe(t);
    const [a, b, c] = await joinAll(t, 3);
    const file = image();
    const told = await upload(t, a, file, { sha256: sha256Of(file) });
    await sendFile(a, b.address, 'image', told, { caption: 'before' });
    const other = await upload(t, a, file);
    await t.backend.swift.stop();
    await textGoesOn([a, b, c], withFile(b.address, 'image', other), 1);
    await sendFile(a, b.address, 'image', told, { caption: 'it was taken before' });
    await t.server.stop();
}

const once = { over: ['websocket'] };
const own = { ...once, own: true, limit: 120000 };

export const rows = overTransports('store', [
    ['is asked for size and type of what is there', comparesWhatIsThere, once],
    ['has the last of several uploads by one link', takesTheLastOne, once],
    // Several servers do not take a disk.
    ['takes over from a disk', takesOverFromADisk, { ...own, single: true, limit: 30000 }],
    ['is looked at by the doctor', isLookedAt, { ...own, single: true, limit: 60000 }],
    ['may have another name for clients', hasTwoEndpoints, { ...own, limit: 30000 }],
    ['may go dead', isAway((pipe) => pipe.die(), (pipe) => { pipe.heal(); pipe.cut(); }), own],
    ['may be stopped', isAway(stops, () => signalStore('SIGCONT')), { ...own, alone: true }],
    ['may be gone', isGone, { ...own, alone: true }],
]);
