/** Files in messages, wherever they are kept: what any backend has to do. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { between, match, now, same, sleep, until } from '../../lib.mjs';
import { Bot, at } from '../bot.mjs';
import { changeStore } from '../database.mjs';
import { areInOrder, isMessage, numbers, seqs } from '../expect.mjs';
import {
    MIB, alteredLinks, announce, announced, bytesOf, deniedSend, exchange, fileOf, get, gives,
    givesNothing, hasFile, headersOf, image, isLink, isRefused, isTold, put, refusedSend,
    sendFile, sendNew, sha256Of, sleepUntilOver, upload, withFile,
} from '../media.mjs';
import { isRefusal, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { blockOf, pageOf, runPasted } from '../pasted.mjs';
import { folder } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
const NOBODYS = 'abcdefghij0123456789'; // an upload's id

/** Nothing was ever stored between the two. */
const haveNothing = (peer, other) =>
    peer.refused('message.history', { peer: other.address }, 'not_found');

const linkOf = (peer, other, seq) => peer.ok('attachment.url', { peer: other.address, seq });

const historyOf = async (peer, other) =>
    (await peer.ok('message.history', { peer: other.address })).messages;

// The life of a file.

function isFileMessage({ content, ...message }, want, { file, id, said }, isEvent) {
    isMessage(message, want, isEvent);
    hasFile(content, file, id, said);
}

/** Each step, field by field, on all sides. */
async function carriesAnImage(t) {
    const [a, b] = await joinAll(t, 2);
    const own = await joinSynced(t, a.address);
    const file = image();
    const told = await announce(a, file);
    isTold(told, file);
    const done = await put(t, told, file);
    same([done.status, done.body], [200, ''], 'upload');
    const said = { caption: 'my cat, "Tom"', width: 1, height: 1, alt: { any: ['thing'] } };
    const sent = await sendFile(a, b.address, 'image', told, said);
    const one = { seq: 1, from: a.address, to: b.address, type: 'image' };
    const what = { file, id: told.upload, said };
    const status = 'undelivered';
    isFileMessage(sent, { ...one, peer: b.address, status }, what);
    const got = await b.take('message.new');
    isFileMessage(got, { ...one, peer: a.address, status }, what, true);
    isFileMessage(await own.take('message.new'), { ...one, peer: b.address, status }, what, true);
    for (const message of [sent, got]) await gives(t, message.content.url, file);
    await a.take('message.delivered');
    for (const [who, peer] of [[a, b], [own, b], [b, a]]) {
        const [message] = await historyOf(who, peer);
        isFileMessage(message, { ...one, peer: peer.address, status: 'delivered' }, what);
        await gives(t, message.content.url, file, 'history');
        const { conversations: [listed] } = await who.ok('conversation.list', {});
        await gives(t, listed.last_message.content.url, file, 'conversation.list');
    }
    same((await b.send(a.address, 'a nice one', { reply_to: 1 })).seq, 2, 'an answer to it');
}

async function waitsForWhoIsAway(t) {
    const a = await joinSynced(t);
    const address = wallet();
    const file = image();
    const sent = await sendNew(t, a, address, file);
    const b = await joinSynced(t, address);
    const { content } = await b.take('message.new');
    hasFile(content, file, sent.content.upload);
    await gives(t, content.url, file);
}

/** As large as may be, streamed both ways. */
async function carriesAVideo(t) {
    const [a, b] = await joinAll(t, 2);
    const file = fileOf('video/mp4', { name: 'long.mp4', size: 100 * MIB });
    const sha256 = sha256Of(file);
    const told = await announce(a, file, { sha256 });
    isTold(told, file, { sha256 });
    same((await put(t, told, file)).status, 200, 'upload');
    const said = { duration: 61.5, width: 1920, height: 1080 };
    await sendFile(a, b.address, 'video', told, said);
    const { content } = await b.take('message.new');
    hasFile(content, file, told.upload, said);
    const headers = await gives(t, content.url, file);
    same(headers['content-type'], 'video/mp4', 'Content-Type');
    const { status, bytes } = await get(t, content.url, { headers: { range: 'bytes=0-27' } });
    same([status, bytes], [206, file.head.subarray(0, 28)], 'its beginning');
}

async function carriesAVoice(t) {
    const [a, b] = await joinAll(t, 2);
    const file = fileOf('audio/ogg', { name: 'voice.ogg', size: 20000 });
    await sendNew(t, a, b.address, file, 'audio', { duration: 2.25 });
    const { type, content } = await b.take('message.new');
    same([type, content.duration, content.mime], ['audio', 2.25, 'audio/ogg'], 'message');
    const headers = await gives(t, content.url, file);
    same(headers['content-type'], 'audio/ogg', 'Content-Type');
    match(headers['content-disposition'] ?? 'inline', /^inline\b/, 'Content-Disposition');
}

const NAMES = [
    'Grüße, "мир" 世界 \u{1f408}.pdf', 'a;b=c%20d\'(1)*.pdf', `${'x'.repeat(251)}.pdf`,
    '..', ' ',
];

/** RFC 8187 */
function nameOf(disposition) {
    const [, name] = /;\s*filename\*=UTF-8''([^;\s]*)/i.exec(disposition) ?? [];
    return name === undefined ? /;\s*filename="([^"]*)"/.exec(disposition)?.[1] :
        decodeURIComponent(name);
}

async function carriesNames(t) {
    const [a, b] = await joinAll(t, 2);
    for (const name of NAMES) {
        const file = fileOf('application/pdf', { name, head: '%PDF-1.7\n', size: 500 });
        await sendNew(t, a, b.address, file, 'file');
        const { content } = await b.take('message.new');
        same(content.name, name, 'name');
        const headers = await gives(t, content.url, file, name);
        const disposition = headers['content-disposition'];
        match(disposition, /^attachment;/, 'Content-Disposition');
        same(nameOf(disposition), name, `name in ${disposition}`);
        same(headers['content-type'], 'application/octet-stream', 'Content-Type');
    }
}

/** The sender may call it something else in each message. */
async function renamesFiles(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    await sendFile(a, b.address, 'image', told, { name: 'Tom.png' });
    const { content } = await b.take('message.new');
    hasFile(content, { ...file, name: 'Tom.png' }, told.upload);
    same(nameOf((await gives(t, content.url, file))['content-disposition']), 'Tom.png', 'name');
}

async function carriesMany(t) {
    const [a, b] = await joinAll(t, 2);
    const files = numbers(8).map((i) => image({ name: `${i}.png`, size: 2 * MIB + i }));
    const told = await Promise.all(files.map((file) => upload(t, a, file)));
    await Promise.all(told.map((one) => sendFile(a, b.address, 'image', one)));
    const got = await b.takeAll('message.new', 8);
    areInOrder(seqs(got), 1, 8);
    await Promise.all(got.map(({ content }, i) => {
        hasFile(content, files[i], told[i].upload);
        return gives(t, content.url, files[i], content.name);
    }));
}

async function carriesOverHttp(t) {
    const [bot, other] = await Promise.all([0, 1].map(() => Bot.make(t)));
    const b = await joinSynced(t, other.address);
    const file = image();
    const { status, answer } = await bot.post('/v1/uploads', announced(file));
    const { status: said, ...told } = answer;
    same([status, said], [201, 'ok'], 'announced');
    isTold(told, file);
    const to = at(other.address, '/messages');
    const message = { type: 'image', content: { upload: told.upload }, client_msg_id: 'k' };
    await deniedSend(bot.post(to, message), 'upload_missing');
    same((await put(t, told, file)).status, 200, 'upload');
    const sent = await bot.send(other.address, message.content, message);
    hasFile(sent.content, file, told.upload);
    await gives(t, (await b.take('message.new')).content.url, file);
    const { messages } = await other.ok(at(bot.address, '/messages'));
    await gives(t, messages[0].content.url, file);
    for (const [who, peer] of [[bot, other], [other, bot]]) {
        const fresh = await who.ok(at(peer.address, '/attachment'), { seq: 1 });
        isLink(fresh);
        same(Object.keys(fresh).sort(), ['expires_at', 'url'], 'answer');
        await gives(t, fresh.url, file);
    }
    const again = await bot.post(to, message);
    same([again.status, again.answer.duplicate], [200, true], 'again');
}

// What is the same, and what is not.

async function knowsDuplicates(t) {
    const [a, b] = await joinAll(t, 2);
    const told = await upload(t, a, image());
    const key = { client_msg_id: 'k' };
    const request = { ...withFile(b.address, 'image', told, { caption: 'x' }), ...key };
    const { message, duplicate } = await a.ok('message.send', request);
    same(duplicate, false, 'duplicate');
    const bare = told.url.split('?')[0];
    const contents = [
        { caption: 'x', upload: told.upload }, { url: told.url, caption: 'x' },
        { url: bare, caption: 'x' }, { url: `${bare}?any=thing`, caption: 'x' },
        { url: message.content.url, caption: 'x' },
    ];
    for (const content of contents) {
        const again = await a.ok('message.send', { ...request, content });
        same([again.duplicate, again.message.id], [true, message.id], JSON.stringify(content));
        hasFile(again.message.content, image(), told.upload, { caption: 'x' });
    }
    const other = await upload(t, a, image());
    for (const content of [{ upload: told.upload }, { upload: other.upload, caption: 'x' }])
        await a.refused('message.send', { ...request, content }, 'conflict',
            { field: 'client_msg_id' });
    same((await b.take('message.new')).id, message.id, 'message');
    await b.heardNo('message.new');
}

/** Its first answer may have been lost: it must not hear that nothing is stored. */
async function knowsDuplicatesOfWhatIsGone(t) {
    await t.serve({ options: QUIET });
    const [before, b] = await joinAll(t, 2);
    const told = await upload(t, before, image());
    const request = { ...withFile(b.address, 'image', told), client_msg_id: 'k' };
    const { message } = await before.ok('message.send', request);
    await t.server.stop();
    await changeStore(t.server.data, 'DELETE FROM upload');
    await t.serveAgain({ options: QUIET });
    const a = await joinSynced(t, before.address);
    const again = await a.ok('message.send', request);
    same([again.duplicate, again.message.id], [true, message.id], 'again');
    await a.refused('message.send', { ...request, content: { ...request.content, width: 1 } },
        'conflict', { field: 'client_msg_id' });
    await refusedSend(a, { ...request, client_msg_id: 'other' }, 'upload_missing');
}

async function leavesOutNulls(t) {
    const [a, b] = await joinAll(t, 2);
    const told = await upload(t, a, image());
    const none = { url: null, name: null, caption: null, width: null, height: null,
        duration: null, mime: null, size: null, expires_at: null };
    await sendFile(a, b.address, 'image', told, { ...none, alt: null });
    hasFile((await b.take('message.new')).content, image(), told.upload, { alt: null });
}

const TINY = 'iVBORw0KGgo=';

/** What is around a block of a page: an application, and a file that somebody has chosen. */
const BEFORE = `
import { File } from 'node:buffer';
import { webcrypto as crypto } from 'node:crypto';
import { io } from 'socket.io-client';
const { URL: url, TOKEN: token, TO: to } = process.env;
const socket = io(url, { auth: { token }, transports: ['websocket'] });
const input = { files: [
    new File([Buffer.from('${TINY}', 'base64')], 'cat.png', { type: 'image/png' })] };
`;
const PASTED = [
    ['docs/protocol.md', 'async function sendFile', "await sendFile(to, 'image', input.files[0]);"],
    ['docs/media.md', 'input.files[0]', ''],
];

async function isAsThePagesHaveIt(t) {
    const [a, b] = await joinAll(t, 2);
    const env = { URL: t.url, TOKEN: await t.issuers.token(a.address), TO: b.address };
    for (const [page, text, behind] of PASTED) {
        const code = `${BEFORE}${blockOf(pageOf(page), text)}${behind}\nsocket.close();\n`;
        const { ended } = runPasted(t, code, env, ['ignore', 'ignore', 'inherit']);
        same(await ended, 0, `how the code of ${page} ends`);
        const { type, content } = await b.take('message.new');
        same([type, content.name, content.size], ['image', 'cat.png', 8], 'message');
        same((await get(t, content.url)).bytes, Buffer.from(TINY, 'base64'), 'file');
    }
}

async function takesUrlsForIds(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    for (const url of [told.url, told.url.split('?')[0]]) {
        const content = { url, caption: 'x' };
        await a.ok('message.send', { to: b.address, type: 'image', content });
        const got = await b.take('message.new');
        hasFile(got.content, file, told.upload, { caption: 'x' });
        await gives(t, got.content.url, file);
    }
}

async function sendsOneSeveralTimes(t) {
    const [a, b, c] = await joinAll(t, 3);
    const file = image();
    const told = await upload(t, a, file);
    for (const [peer, seq] of [[b, 1], [b, 2], [c, 1]]) {
        const sent = await sendFile(a, peer.address, 'image', told);
        same([sent.seq, sent.content.upload], [seq, told.upload], 'sent');
        await gives(t, (await peer.take('message.new')).content.url, file);
    }
    await sendFile(a, b.address, 'file', told); // as what it is not shown
    await gives(t, (await b.take('message.new')).content.url, file);
}

/** They share the check of the file. */
async function sendsOneToManyAtOnce(t) {
    const [a, b, c] = await joinAll(t, 3);
    const file = image();
    const told = await upload(t, a, file);
    const other = await joinSynced(t, a.address);
    const askers = [[a, b], [other, b], [a, c], [other, c], [a, b]];
    await Promise.all(askers.map(([who, peer]) => sendFile(who, peer.address, 'image', told)));
    areInOrder(seqs(await b.takeAll('message.new', 3)), 1, 3);
    areInOrder(seqs(await c.takeAll('message.new', 2)), 1, 2);
}

// What is refused.

const ANNOUNCEMENTS = [
    [{ name: undefined }, 'name'], [{ name: '' }, 'name'], [{ name: 1 }, 'name'],
    [{ name: 'a/b' }, 'name'], [{ name: 'a\\b' }, 'name'], [{ name: 'a\nb' }, 'name'],
    [{ name: 'a\x7fb' }, 'name'], [{ name: 'a\x85b' }, 'name'], [{ name: 'a\0b' }, 'name'],
    [{ name: '\u202egnp.exe' }, 'name'], [{ name: '\u2066x' }, 'name'],
    [{ name: 'x'.repeat(256) }, 'name'], [{ name: '€'.repeat(86) }, 'name'],
    [{ mime: undefined }, 'mime'], [{ mime: '' }, 'mime'], [{ mime: 'image' }, 'mime'],
    [{ mime: 'image/' }, 'mime'], [{ mime: '/png' }, 'mime'], [{ mime: 'ima ge/png' }, 'mime'],
    [{ mime: 'image/png\r\nx: y' }, 'mime'], [{ mime: 'image/png, text/html' }, 'mime'],
    [{ mime: `image/${'x'.repeat(122)}` }, 'mime'], [{ mime: ['image/png'] }, 'mime'],
    [{ size: undefined }, 'size'], [{ size: 0 }, 'size'], [{ size: -1 }, 'size'],
    [{ size: 1.5 }, 'size'], [{ size: '1' }, 'size'], [{ size: 2 ** 53 }, 'size'],
    [{ sha256: 'x' }, 'sha256'], [{ sha256: 'a'.repeat(63) }, 'sha256'],
    [{ sha256: 'a'.repeat(65) }, 'sha256'], [{ sha256: 'g'.repeat(64) }, 'sha256'],
    [{ sha256: 1 }, 'sha256'],
];

async function refusesAnnouncements(t) {
    const a = await joinSynced(t);
    const bot = await Bot.make(t, a.address);
    for (const [wrong, field] of ANNOUNCEMENTS) {
        const asked = announced(image(), wrong);
        await a.refused('upload.create', asked, 'bad_request', { field });
        await bot.refused('/v1/uploads', asked, 'bad_request', { field });
    }
    for (const none of [null, 'x', []]) await a.refused('upload.create', none, 'bad_request');
    const longest = [{ name: 'x'.repeat(255) }, { name: '€'.repeat(85) },
        { mime: `image/${'x'.repeat(121)}` }, { mime: 'Image/PNG' }, { sha256: 'A'.repeat(64) }];
    for (const more of longest) await announce(a, image(), more);
}

const KINDS = [
    ['image/png', 1000], ['Image/X-any', 1000], ['audio/ogg', 2000], ['video/mp4', 3000],
    ['application/pdf', 4000], ['text/plain', 4000], ['x-image/png', 4000],
    ['image/svg+xml;charset=utf-8', 1000],
];

async function limitsSizes(t) {
    const a = await joinSynced(t);
    const bot = await Bot.make(t);
    for (const [mime, size] of KINDS) {
        await announce(a, { mime, size, name: 'x' });
        const larger = announced({ mime, size: size + 1, name: 'x' });
        await a.refused('upload.create', larger, 'too_large', { field: 'size' });
        await bot.refused('/v1/uploads', larger, 'too_large', { field: 'size' });
    }
    const b = await joinSynced(t);
    same(b.ready.limits.upload_bytes, 4000, 'the largest of any kind, in ready');
    await sendNew(t, a, b.address, image({ size: 1000 }));
}

/** What is no content of an image, where the upload is good. */
const CONTENTS = (id) => [
    'x', null, 1, [], {}, { upload: 1 }, { upload: '' }, { upload: id.slice(1) },
    { upload: `${id}x` }, { upload: `../${id.slice(3)}` }, { upload: null },
    { upload: id, url: 'https://cdn.test/x.png' }, { caption: 'x' },
    ...[
        { name: '' }, { name: 'a/b' }, { name: 1 }, { name: '\u202ex' }, { caption: 1 },
        { caption: 'a\0b' }, { width: 0 }, { width: 1.5 }, { width: '1' },
        { height: -1 }, { height: 1e9 }, { duration: -1 }, { duration: '1' },
        { mime: 'text/html' }, { size: 1 }, { expires_at: '2030-01-01T00:00:00.000Z' },
    ].map((more) => ({ upload: id, ...more })),
    { url: 1 }, { url: '' }, { url: 'https://evil.test/x.png' }, { url: 'javascript:alert(1)' },
    { url: 'data:image/png;base64,AAAA' }, { url: 'file:///etc/passwd' },
    { url: `https://evil.test/media/files/in/${id}` }, { url: `/media/files/in/${id}` },
];

async function refusesContents(t) {
    const [a, b] = await joinAll(t, 2);
    const bot = await Bot.make(t, a.address);
    const told = await upload(t, a, image());
    const field = { field: 'content' };
    for (const content of CONTENTS(told.upload)) {
        const message = { type: 'image', content };
        await a.refused('message.send', { to: b.address, ...message }, 'bad_request', field);
        await bot.refused(at(b.address, '/messages'), message, 'bad_request', field);
    }
    await haveNothing(a, b);
    same((await sendFile(a, b.address, 'image', told)).seq, 1, 'seq');
    same((await b.take('message.new')).content.upload, told.upload, 'the only message');
}

/** Also of what comes afterwards: the second send with a file is as the first. */
async function refusesWhatIsNotThere(t) {
    const [a, b, c] = await joinAll(t, 3);
    const file = image();
    const never = await announce(a, file);
    const theirs = await upload(t, c, image());
    const bare = theirs.url.split('?')[0];
    for (const content of [{ upload: NOBODYS }, { upload: never.upload }, { url: never.url },
        { upload: theirs.upload }, { url: theirs.url }, { url: bare }])
        await refusedSend(a, { to: b.address, type: 'image', content, client_msg_id: 'k' },
            'upload_missing');
    await haveNothing(a, b);
    await haveNothing(b, a);
    same(await t.backend.has(t.server, 'kept', theirs.upload), false, 'a file that others took');
    same((await put(t, never, file)).status, 200, 'upload');
    const request = { ...withFile(b.address, 'image', never), client_msg_id: 'k' };
    same((await a.ok('message.send', request)).duplicate, false, 'once it is there');
    await gives(t, (await b.take('message.new')).content.url, file);
}

const MISMATCHES = [
    ['image', 'video/mp4'], ['image', 'audio/ogg'], ['image', 'text/plain'],
    ['video', 'image/png'], ['audio', 'video/mp4'], ['video', 'text/plain'],
];

async function refusesOtherTypes(t) {
    const [a, b] = await joinAll(t, 2);
    for (const [type, mime] of MISMATCHES) {
        const told = await upload(t, a, fileOf(mime, { size: 100 }));
        await refusedSend(a, withFile(b.address, type, told), 'upload_mismatch');
        const bot = await Bot.make(t, a.address);
        await deniedSend(bot.post(at(b.address, '/messages'),
            { type, content: { upload: told.upload } }), 'upload_mismatch');
    }
    await haveNothing(a, b);
    await sendNew(t, a, b.address, image(), 'file');
    same((await b.take('message.new')).type, 'file', 'any file may be one');
}

async function keepsToTheQuota(t) {
    const [a, b] = await joinAll(t, 2);
    const large = image({ size: 600 * 1024 });
    await announce(a, large);
    const answer = await a.ask('upload.create', announced(large));
    const { retry_after_ms: ms } = answer.error ?? {};
    isRefusal(answer, 'quota_exceeded', { retry_after_ms: ms });
    between(ms, 500, 1750, 'milliseconds until there is room');
    await announce(b, large); // others have their own
    await sleep(ms + 100);
    await announce(a, large);
    await b.refused('upload.create', announced(image({ size: MIB + 1 })), 'quota_exceeded',
        { field: 'size' }); // there never is
}

async function limitsWhatIsPending(t) {
    const [a, b] = await joinAll(t, 2);
    const one = await upload(t, a, image());
    await announce(a, image());
    await a.refused('upload.create', announced(image()), 'quota_exceeded');
    const bot = await Bot.make(t, a.address);
    await bot.refused('/v1/uploads', announced(image()), 'quota_exceeded');
    await sendFile(a, b.address, 'image', one);
    await announce(a, image());
    await a.refused('upload.create', announced(image()), 'quota_exceeded');
}

// Order.

async function keepsTheOrder(t) {
    const [a, b] = await joinAll(t, 2);
    const [first, second] = [await upload(t, a, image()), await upload(t, a, image())];
    const text = (i) => ({ to: b.address, type: 'text', content: `${i}` });
    const requests = [
        withFile(b.address, 'image', first), ...numbers(25).map(text),
        withFile(b.address, 'image', second), ...numbers(25, 26).map(text),
    ];
    const answers = await Promise.all(requests.map((one) => a.ok('message.send', one)));
    areInOrder(answers.map(({ message }) => message.seq), 1, 52);
    const got = await b.takeAll('message.new', 52);
    areInOrder(seqs(got), 1, 52);
    same(got.map(({ type, content }) => (type === 'image' ? content.upload : content)),
        requests.map(({ content }) => content.upload ?? content), 'contents');
}

/** What was refused holds nobody up. */
async function goesOnBehindARefusal(t) {
    const [a, b] = await joinAll(t, 2);
    const missing = await announce(a, image());
    const there = await upload(t, a, image());
    const requests = [
        withFile(b.address, 'image', missing), { to: b.address, type: 'text', content: '1' },
        withFile(b.address, 'image', there), { to: b.address, type: 'text', content: '3' },
    ];
    const answers = await Promise.all(requests.map((one) => a.ask('message.send', one)));
    same(answers.map(({ status, error, message }) => [status, error?.code ?? message.seq]),
        [['error', 'upload_missing'], ['ok', 1], ['ok', 2], ['ok', 3]], 'answers');
    same((await b.takeAll('message.new', 3)).map(({ type }) => type), ['text', 'image', 'text'],
        'types');
    await b.heardNo('message.new');
}

// Who may have it, and for how long.

async function isOfTwoAlone(t) {
    const [a, b, c] = await joinAll(t, 3);
    const sent = await sendNew(t, a, b.address, image());
    const { upload: id, url } = sent.content;
    for (const content of [{ upload: id }, { url }, { url: url.split('?')[0] }])
        await refusedSend(c, { to: a.address, type: 'image', content }, 'upload_missing');
    await refusedSend(b, withFile(a.address, 'image', { upload: id }), 'upload_missing');
    for (const place of [{ peer: a.address }, { peer: b.address },
        { conversation: sent.conversation }])
        await c.refused('attachment.url', { ...place, seq: 1 }, 'not_found');
    const bot = await Bot.make(t, c.address);
    for (const peer of [a.address, sent.conversation])
        await bot.refused(at(peer, '/attachment'), { seq: 1 }, 'not_found');
    await haveNothing(c, a);
}

async function givesFreshLinks(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const { conversation } = await sendNew(t, a, b.address, file);
    await a.send(b.address, 'a text');
    for (const [who, peer] of [[a, b], [b, a]])
        for (const place of [{ peer: peer.address }, { conversation }]) {
            const fresh = await who.ok('attachment.url', { ...place, seq: 1 });
            same(Object.keys(fresh).sort(), ['expires_at', 'url'], 'answer');
            isLink(fresh);
            await gives(t, fresh.url, file);
        }
    const bot = await Bot.make(t, b.address);
    for (const seq of [2, 3]) {
        await b.refused('attachment.url', { peer: a.address, seq }, 'not_found', { field: 'seq' });
        await bot.refused(at(a.address, '/attachment'), { seq }, 'not_found', { field: 'seq' });
    }
    for (const seq of [undefined, 0, -1, '1'])
        await b.refused('attachment.url', { peer: a.address, seq }, 'bad_request',
            { field: 'seq' });
    await b.refused('attachment.url', { peer: wallet(), seq: 1 }, 'not_found');
}

async function linksExpire(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const late = await announce(a, file);
    await sendNew(t, a, b.address, file);
    const { content } = await b.take('message.new');
    await gives(t, content.url, file);
    between(Date.parse(content.expires_at) - Date.now(), 0, 3000, 'milliseconds to its end');
    await sleepUntilOver(content);
    await sleepUntilOver(late);
    await givesNothing(t, content.url, 'a link that is over');
    isRefused(await put(t, late, file), 'an upload by a link that is over');
    await refusedSend(a, withFile(b.address, 'image', late), 'upload_missing');
    await gives(t, (await linkOf(b, a, 1)).url, file, 'a fresh link');
    await gives(t, (await historyOf(b, a))[0].content.url, file, 'history');
}

const hasNoLink = (peer, other, seq) =>
    peer.refused('attachment.url', { peer: other.address, seq }, 'not_found', { field: 'seq' });

async function isNotForTheBlocker(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    await sendNew(t, a, b.address, file);
    await b.take('message.new');
    await a.take('message.delivered');
    await b.ok('conversation.block', { peer: a.address });
    same((await sendNew(t, a, b.address, file)).seq, 2, 'seq');
    await b.heardNo('message.new');
    const [got, stub] = await historyOf(b, a);
    await gives(t, got.content.url, file, 'what came before');
    same([stub.type, stub.content], ['gone', null], 'what came behind');
    await hasNoLink(b, a, 2);
    await gives(t, (await linkOf(a, b, 2)).url, file, 'for its sender');
    await b.ok('conversation.unblock', { peer: a.address });
    await hasNoLink(b, a, 2);
}

// Tampering.

/** What else than the link may be another one. Each is answered with 4xx. */
async function refusesAlteredUploads(t, told, file) {
    const { url } = told;
    const larger = { ...file, size: file.size + 1 };
    const smaller = { ...file, size: file.size - 1 };
    const html = { 'content-type': 'text/html' };
    const without = (name) => {
        const { [name]: _, ...headers } = headersOf(told, file);
        return exchange(t, 'PUT', url, { headers, body: bytesOf(file) });
    };
    for (const method of ['POST', 'DELETE', 'PATCH'])
        isRefused(await exchange(t, method, url,
            { headers: headersOf(told, file), body: bytesOf(file) }), method);
    isRefused(await get(t, url), 'GET');
    isRefused(await put(t, told, file, { headers: html }), 'another type');
    isRefused(await without('content-type'), 'no type');
    isRefused(await put(t, told, larger), 'a byte more');
    isRefused(await put(t, told, smaller), 'a byte less');
    isRefused(await put(t, told, file, { headers: { 'content-length': '0' }, body: '' }), 'none');
}

async function refusesAlteredSums(t, told, file) {
    const other = sha256Of(image(), 'base64');
    isRefused(await put(t, told, file, { headers: { 'x-amz-checksum-sha256': other } }),
        'another sum');
    const { 'x-amz-checksum-sha256': _, ...headers } = headersOf(told, file);
    isRefused(await exchange(t, 'PUT', told.url, { headers, body: bytesOf(file) }), 'no sum');
}

async function toleratesNoOtherUpload(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    for (const sha256 of [undefined, sha256Of(file)]) {
        const told = await announce(a, file, { sha256 });
        for (const [what, link, host] of alteredLinks(told.url))
            isRefused(await put(t, told, file, { link, headers: { host } }), what);
        await refusesAlteredUploads(t, told, file);
        if (sha256) await refusesAlteredSums(t, told, file);
        for (const where of ['in', 'kept'])
            same(await t.backend.has(t.server, where, told.upload), false, `a file in ${where}`);
        await refusedSend(a, withFile(b.address, 'image', told), 'upload_missing');
        same((await put(t, told, file)).status, 200, 'as it was signed');
        await sendFile(a, b.address, 'image', told);
        await gives(t, (await b.take('message.new')).content.url, file);
    }
}

async function toleratesNoOtherDownload(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    for (const [what, link, host] of alteredLinks(url))
        isRefused(await get(t, link, { headers: { host } }), what);
    for (const method of ['PUT', 'POST', 'DELETE'])
        isRefused(await exchange(t, method, url,
            { headers: headersOf(told, file), body: bytesOf(image()) }), method);
    await gives(t, url, file);
}

/** Whatever the link to upload still does. */
async function staysAsItWasTaken(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    await put(t, told, image({ size: file.size }));
    await gives(t, url, file, 'the link that was there');
    await gives(t, (await linkOf(b, a, 1)).url, file, 'a fresh one');
    await sendFile(a, b.address, 'image', told, { caption: 'again' });
    await put(t, told, image({ size: file.size }));
    await gives(t, (await b.take('message.new')).content.url, file, 'in another message');
}

// Its end, and that of the server.

const is = (t, has, where, id) => until(`${has ? '' : 'no '}${id} in ${where}`, async () =>
    (await t.backend.has(t.server, where, id)) === has, 10000);

async function sweeps(t) {
    const options = [...QUIET, '--upload-keep=1s'];
    await t.serve({ options });
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const sent = await upload(t, a, file);
    await sendFile(a, b.address, 'image', sent);
    const [unused, unput] = [await upload(t, a, file), await announce(a, file)];
    const { content: { url } } = await b.take('message.new');
    await is(t, false, 'in', unused.upload);
    await refusedSend(a, withFile(b.address, 'image', unused), 'upload_missing');
    await until('nothing to put any more', async () =>
        (await a.ask('message.send', withFile(b.address, 'image', unput))).status === 'error');
    await sleep(2000);
    await gives(t, url, file, 'what a message has');
    await is(t, true, 'kept', sent.upload);
    await sendFile(a, b.address, 'image', sent, { caption: 'again' });

    await t.server.stop();
    await changeStore(t.server.data, 'DELETE FROM message');
    await t.serveAgain({ options });
    await is(t, false, 'kept', sent.upload);
    const gone = await get(t, url);
    same(gone.status, 404, 'status of its link');
}

/** @param end  of the server, between the steps */
const survives = (end) => async (t) => {
    await t.serve({ options: QUIET });
    const [before, b] = await joinAll(t, 2);
    const files = [image(), image()];
    const announcedOnly = await announce(before, files[0]);
    const there = await upload(t, before, files[1]);
    await end(t.server);
    await t.serveAgain({ options: QUIET });
    const a = await joinSynced(t, before.address);
    same((await put(t, announcedOnly, files[0])).status, 200, 'by a link from before');
    await sendFile(a, b.address, 'image', announcedOnly);
    await sendFile(a, b.address, 'image', there);
    await end(t.server);
    await t.serveAgain({ options: QUIET });
    const again = await joinSynced(t, b.address);
    const got = await again.takeAll('message.new', 2);
    for (const [i, { content }] of got.entries()) await gives(t, content.url, files[i], `${i}`);
};

// The operator's check.

const SCAN = `#!/bin/sh
echo "$PARLEY_MIME $PARLEY_SIZE $1" >>"$0.log"
case $PARLEY_MIME in
image/gif) exit 1 ;;
image/jpeg) sleep 7 ;;
audio/*) exit 3 ;;
esac
`;

async function serveScanned(t) {
    const script = path(folder('scan'), 'scan');
    writeFileSync(script, SCAN, { mode: 0o755 });
    await t.serve({ options: [...QUIET, `--media-scan=${script}`] });
    return () => readFileSync(`${script}.log`, 'utf8').trimEnd().split('\n');
}

async function checksFiles(t) {
    const scanned = await serveScanned(t);
    const [a, b] = await joinAll(t, 2);
    const good = image();
    await sendNew(t, a, b.address, good);
    await gives(t, (await b.take('message.new')).content.url, good);
    match(scanned()[0], /^image\/png 3000 \S+$/, 'what the program is told');
    const bad = fileOf('image/gif', { size: 2000 });
    const told = await upload(t, a, bad);
    for (const client_msg_id of ['k1', 'k1', 'k2'])
        await refusedSend(a, { ...withFile(b.address, 'image', told), client_msg_id },
            'upload_rejected');
    const bot = await Bot.make(t, a.address);
    await deniedSend(bot.post(at(b.address, '/messages'),
        { type: 'image', content: { upload: told.upload } }), 'upload_rejected');
    same(scanned().length, 2, 'checks: one of each file');
    await is(t, false, 'kept', told.upload);
    same((await a.send(b.address, 'next')).seq, 2, 'seq: nothing was stored');
}

/** Nobody knows, and it is asked again. */
async function asksAgainWhereNobodyKnows(t) {
    const scanned = await serveScanned(t);
    const [a, b] = await joinAll(t, 2);
    const told = await upload(t, a, fileOf('audio/ogg', { size: 2000 }));
    for (const n of [1, 2]) {
        await refusedSend(a, withFile(b.address, 'audio', told), 'storage_unavailable');
        same(scanned().length >= n, true, 'checks');
    }
    await haveNothing(a, b);
}

async function waitsForACheckAsLongAsItMay(t) {
    await serveScanned(t);
    const [a, b, c] = await joinAll(t, 3);
    const file = fileOf('image/jpeg', { size: 2000 });
    const told = await upload(t, a, file);
    const request = { ...withFile(b.address, 'image', told), client_msg_id: 'k' };
    const from = now();
    const after = (promise) => promise.then((answer) => [answer, now() - from]);
    const [refused, behind, beside] = await Promise.all([
        after(a.ask('message.send', request)),
        after(a.send(b.address, 'behind it')),
        after(a.send(c.address, 'to another')),
    ]);
    same(refused[0].error?.code, 'storage_unavailable', 'the image');
    between(refused[1], 4900, 6000, 'milliseconds until it is refused');
    between(behind[1], 0, 6000, 'milliseconds of the text behind it');
    between(beside[1], 0, 2000, 'milliseconds of the text to another');
    same(behind[0].seq, 1, 'seq of the text');
    await sleep(Math.max(0, 8000 - (now() - from)));
    const { message, duplicate } = await a.ok('message.send', request);
    same([message.seq, duplicate], [2, false], 'the same again');
    same((await b.takeAll('message.new', 2)).map(({ type }) => type), ['text', 'image'], 'types');
    await gives(t, (await linkOf(b, a, 2)).url, file);
}

// Files of others.

const ALLOWED = ['https://cdn.example/nft/1.png', 'https://cdn.example/nft/a/b?c=d',
    'https://files.example:8443/x', 'https://CDN.example/nft/2.png'];
const NOT_ALLOWED = [
    'http://cdn.example/nft/1.png', 'https://cdn.example/nfts/1.png', 'https://cdn.example/',
    'https://cdn.example.evil.test/nft/1.png', 'https://cdn.example@evil.test/nft/1.png',
    'https://evil.test/https://cdn.example/nft/1.png', 'https://cdn.example/nft/../x',
    'https://cdn.example/nft/%2e%2e/x', 'https://cdn.example\\@evil.test/nft/1.png',
    'https://cdn.example/nft/1.png#x', 'https://cdn.example/nft/ 1.png',
    'https://files.example/x', '//cdn.example/nft/1.png',
];

/** @param peers  [a, b] */
async function namesFilesOfOthers(t, [a, b]) {
    for (const [i, url] of ALLOWED.filter((one) => one.includes('/nft/')).entries()) {
        const content = { url, caption: 'x' };
        await a.ok('message.send', { to: b.address, type: 'image', content });
        same((await b.take('message.new')).content, content, 'content');
        same(await linkOf(b, a, i + 1), { url, expires_at: null }, 'attachment.url');
    }
    for (const url of NOT_ALLOWED)
        await a.refused('message.send', { to: b.address, type: 'image', content: { url } },
            'bad_request', { field: 'content' });
    await b.heardNo('message.new');
}

async function takesFilesOfOthers(t) {
    const peers = await joinAll(t, 2);
    await namesFilesOfOthers(t, peers);
    await sendNew(t, peers[0], peers[1].address, image());
}

async function takesNoFiles(t) {
    const peers = await joinAll(t, 2);
    const [a, b] = peers;
    await a.refused('upload.create', announced(image()), 'unsupported_type');
    const bot = await Bot.make(t, a.address);
    await bot.refused('/v1/uploads', announced(image()), 'unsupported_type');
    await a.refused('message.send', withFile(b.address, 'image', { upload: NOBODYS }),
        'unsupported_type', { field: 'type' });
    await namesFilesOfOthers(t, peers);
}

const own = { own: true, over: ['websocket'], limit: 30000 };
const once = { over: ['websocket'] };

export const rows = overTransports('media', [
    ['carries an image, field by field', carriesAnImage],
    ['keeps a file for who is away', waitsForWhoIsAway, once],
    ['carries a video of 100 MiB', carriesAVideo,
        { ...once, alone: true, limit: 120000 }],
    ['carries a voice message', carriesAVoice, once],
    ['carries any name', carriesNames, once],
    ['calls a file as its sender does', renamesFiles, once],
    ['carries eight files at once', carriesMany, { ...once, limit: 30000 }],
    ['carries files over HTTP', carriesOverHttp, once],
    ['knows a duplicate, however the upload is named', knowsDuplicates, once],
    ['knows a duplicate whose upload is gone', knowsDuplicatesOfWhatIsGone, own],
    ['leaves out what is null', leavesOutNulls, once],
    ['sends a file as the pages have it', isAsThePagesHaveIt, once],
    ['takes the URL of an upload for its id', takesUrlsForIds, once],
    ['sends one upload several times', sendsOneSeveralTimes, once],
    ['sends one upload to many at once', sendsOneToManyAtOnce, once],
    ['refuses what is no announcement', refusesAnnouncements, once],
    ['limits sizes by kind', limitsSizes, { ...once, server: 'small files' }],
    ['refuses what is no content', refusesContents, once],
    ['refuses uploads that are not there, or of others', refusesWhatIsNotThere, once],
    ['refuses files of another type than the message', refusesOtherTypes, once],
    ['keeps to the quota', keepsToTheQuota, { ...once, server: 'few uploads' }],
    ['limits uploads that wait', limitsWhatIsPending, { ...once, server: 'few uploads' }],
    ['keeps the order behind a file', keepsTheOrder],
    ['goes on behind a file that is refused', goesOnBehindARefusal, once],
    ['is of the two sides alone', isOfTwoAlone, once],
    ['gives fresh links', givesFreshLinks, once],
    ['gives links that expire', linksExpire, { ...once, server: 'short links' }],
    ['gives the blocker no link', isNotForTheBlocker, once],
    ['tolerates no other upload than was signed', toleratesNoOtherUpload,
        { ...once, limit: 30000 }],
    ['tolerates no other download than was signed', toleratesNoOtherDownload,
        { ...once, limit: 30000 }],
    ['keeps a file as it was taken', staysAsItWasTaken, once],
    ['sweeps what is in no message', sweeps, { ...own, idle: true, limit: 60000 }],
    ['keeps uploads over a restart', survives((server) => server.stop()), own],
    ['keeps uploads when it is killed', survives((server) => server.kill()), own],
    ["checks files by the operator's program", checksFiles, own],
    ['asks again where the program does not know', asksAgainWhereNobodyKnows, own],
    ['waits for a check as long as it may', waitsForACheckAsLongAsItMay, { ...own, idle: true }],
    ['takes files of others where it may', takesFilesOfOthers,
        { ...once, server: 'files of others' }],
    ['takes no files where it must not', takesNoFiles, { ...once, server: 'no files' }],
]);
