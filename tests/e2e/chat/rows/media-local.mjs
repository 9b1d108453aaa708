/** The endpoint for files that the server is itself: what no other backend has to do. */
import { readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import {
    GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client,
} from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Failure, between, match, now, oneOf, same, sleep, until } from '../../lib.mjs';
import { Wire, request } from '../../wire.mjs';
import { numbers } from '../expect.mjs';
import {
    MIB, altered, announce, apart, asHash, begin, bytesOf, exchange, fileOf, get, gives, headersOf,
    image, isRefused, put, refusedSend, sendFile, sendNew, sha256Of, together, upload, withFile,
} from '../media.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { OWN_DISK, SmallDisk } from '../serve.mjs';
import { presign } from '../sigv4.mjs';
import { holdsNone } from './secrets.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s'];
const NOBODYS = 'abcdefghij0123456789'; // an upload's id

const keyOf = (server) => ({
    access: 'parley', region: 'local',
    secret: readFileSync(path(server.data, 'media.key'), 'latin1').trim(),
});

/** A link that the server itself might have made. @param where  "in/ID", or as encoded */
const signed = (t, where, how) =>
    presign(keyOf(t.server), { origin: t.url, path: `/media/files/${where}`, ...how });

const leftOver = (server) => readdirSync(path(server.data, 'media', 'tmp'));

const is = (answer, status, code, what = 'answer') =>
    same([answer.status, answer.code], [status, code], what);

/** One file, sent from a to b. @return with its link */
async function carried(t, file = image(), type = 'image') {
    const [a, b] = await joinAll(t, 2);
    const told = await upload(t, a, file);
    await sendFile(a, b.address, type, told);
    const { content } = await b.take('message.new');
    return { a, b, file, told, id: told.upload, link: content.url };
}

/** As it was announced, and nothing of it is anywhere. */
async function isNowhere(t, peer, told, type = 'image') {
    for (const where of ['in', 'kept'])
        same(OWN_DISK.has(t.server, where, told.upload), false, `a file in ${where}`);
    const to = (await joinSynced(t)).address;
    await refusedSend(peer, withFile(to, type, told), 'upload_missing');
}

// Links that other programs make.

function s3(t, { key = keyOf(t.server), ...more } = {}) {
    return new S3Client({
        endpoint: `${t.url}/media`, region: key.region, forcePathStyle: true, maxAttempts: 1,
        credentials: { accessKeyId: key.access, secretAccessKey: key.secret }, ...more,
    });
}

const Bucket = 'files';
const SIGNED = new Set(['host', 'content-type', 'content-length']);
const WITHOUT_SUMS = { requestChecksumCalculation: 'WHEN_REQUIRED' };

const putBySdk = (client, id, file, { Key = `in/${id}`, ...how } = {}) =>
    getSignedUrl(client, new PutObjectCommand({
        Bucket, Key, ContentType: file.mime, ContentLength: file.size,
    }), { expiresIn: 60, signableHeaders: SIGNED, ...how });

/** What the rows below sign themselves is what the SDK would have signed. */
async function signsAsTheSdkDoes(t) {
    const file = image();
    const client = s3(t, WITHOUT_SUMS);
    const at = new Date();
    const theirs = await putBySdk(client, NOBODYS, file, { signingDate: at });
    const ours = signed(t, `in/${NOBODYS}`, {
        method: 'PUT', unixMs: at.getTime(), headers: headersOf({ headers: {
            'content-type': file.mime,
        } }, file),
        query: { 'X-Amz-Content-Sha256': 'UNSIGNED-PAYLOAD', 'x-id': 'PutObject' },
    });
    const partsOf = (link) => apart(link).query.map((pair) => pair.join('=')).sort();
    same(partsOf(ours), partsOf(theirs), 'query');
}

async function takesWhatTheSdkSigns(t) {
    const [a, b] = await joinAll(t, 2);
    for (const more of [WITHOUT_SUMS, {}]) { // without them it adds a checksum of nothing
        const client = s3(t, more);
        const file = image();
        const told = await announce(a, file);
        const link = await putBySdk(client, told.upload, file);
        is(await put(t, told, file, { link }), 200, undefined, 'PUT');
        await sendFile(a, b.address, 'image', told);
        await gives(t, (await b.take('message.new')).content.url, file);
        const Key = `kept/${told.upload}`;
        const got = await getSignedUrl(client, new GetObjectCommand({ Bucket, Key }));
        await gives(t, got, file, 'GET');
        const head = await getSignedUrl(client, new HeadObjectCommand({ Bucket, Key }));
        const { status, headers, body } = await exchange(t, 'HEAD', head);
        same([status, headers['content-length'], body], [200, `${file.size}`, ''], 'HEAD');
    }
}

async function takesNothingElseOfTheSdk(t) {
    const a = await joinSynced(t);
    const file = image();
    const told = await announce(a, file);
    const key = keyOf(t.server);
    const good = s3(t, WITHOUT_SUMS);
    const by = (more) => s3(t, { ...WITHOUT_SUMS, key: { ...key, ...more } });
    const tries = [
        ['an upload that was never announced', putBySdk(good, NOBODYS, file), 404, 'NoSuchKey'],
        ['what messages have', putBySdk(good, '', file, { Key: `kept/${told.upload}` })],
        ['another key', putBySdk(good, '', file, { Key: 'any/thing' })],
        ['no signed type', putBySdk(good, told.upload, file, { signableHeaders: undefined }),
            403, 'AccessDenied'],
        ['another secret', putBySdk(by({ secret: altered(key.secret) }), told.upload, file), 403,
            'SignatureDoesNotMatch'],
        ['another access key', putBySdk(by({ access: 'other' }), told.upload, file), 403,
            'AccessDenied'],
        ['another region', putBySdk(by({ region: 'us-east-1' }), told.upload, file)],
        ['a link that is over', putBySdk(good, told.upload, file,
            { signingDate: new Date(Date.now() - 70000) }), 403, 'AccessDenied'],
        ['a link of tomorrow', putBySdk(good, told.upload, file,
            { signingDate: new Date(Date.now() + 86400000) }), 403],
    ];
    for (const [what, signing, status, code] of tries) {
        const answer = await put(t, told, file, { link: await signing });
        isRefused(answer, what);
        if (status) same([answer.status, code && answer.code], [status, code], what);
    }
    await isNowhere(t, a, told);
    const link = await putBySdk(good, told.upload, file);
    is(await put(t, told, file, { link }), 200, undefined, 'and the good one');
}

/** S3's codes, for S3's clients. */
async function saysWhatIsWrong(t) {
    const a = await joinSynced(t);
    const file = image();
    const told = await announce(a, file);
    const where = `in/${told.upload}`;
    const headers = headersOf(told, file);
    const { query, ...parts } = apart(told.url);
    const altering = (name, value) => together({ ...parts, query: query.map(([key, old]) =>
        [key, key === name ? value(old) : old]) });
    const link = (how) => signed(t, where, { method: 'PUT', headers, ...how });
    const bare = together({ ...parts, query: [] });
    const bucket = (name) => presign(keyOf(t.server),
        { origin: t.url, path: `/media/${name}/${where}`, method: 'PUT', headers });
    const rows = [
        ['unsigned', bare, 403, 'AccessDenied'],
        ['another signature', altering('X-Amz-Signature', altered), 403, 'SignatureDoesNotMatch'],
        ['a signature that is none', altering('X-Amz-Signature', () => 'x')],
        ['no number of seconds', altering('X-Amz-Expires', () => 'x'), 400,
            'AuthorizationQueryParametersError'],
        ['a time that is none', altering('X-Amz-Date', () => '2026'), 400,
            'AuthorizationQueryParametersError'],
        ['too long', link({ expires: 604801 }), 400, 'AuthorizationQueryParametersError'],
        ['for no time', link({ expires: 0 })],
        ['twice the same', `${told.url}&${query.find(([k]) => k === 'X-Amz-Date').join('=')}`],
        ['over', link({ unixMs: Date.now() - 120000 }), 403, 'AccessDenied'],
        ['no signed headers', signed(t, where, { method: 'PUT' }), 403, 'AccessDenied'],
        ['no such upload', signed(t, `in/${NOBODYS}`, { method: 'PUT', headers }), 404,
            'NoSuchKey'],
        ['no such bucket', bucket('other'), 404, 'NoSuchBucket'],
    ];
    for (const [what, url, status, code] of rows) {
        const answer = await put(t, told, file, { link: url });
        isRefused(answer, what);
        if (status) is(answer, status, code, what);
        match(answer.headers['content-type'], /^application\/xml/, `${what}: Content-Type`);
        match(answer.body, /^<\?xml .*<Error><Code>\w+<\/Code><Message>[^<]+<\/Message>/s, what);
    }
    is(await put(t, told, file, { link: link({ expires: 604800 }) }), 200, undefined, 'a week');
}

// How a file is put.

async function takesEachFileOnce(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await upload(t, a, file);
    const other = image({ size: file.size });
    is(await put(t, told, other), 412, 'PreconditionFailed', 'a second time');
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    is(await put(t, told, other), 403, 'AccessDenied', 'once it was sent');
    await gives(t, url, file);
    same(OWN_DISK.has(t.server, 'in', told.upload), false, 'a file to take');
}

/** Two at once, of which one is first. */
async function takesOneOfTwo(t) {
    const [a, b] = await joinAll(t, 2);
    const files = numbers(4).map(() => image({ size: 3 * MIB }));
    const told = await announce(a, files[0]);
    const answers = await Promise.all(files.map((file) => put(t, told, file)));
    same(answers.filter(({ status }) => status === 200).length, 1, 'that were taken');
    const won = answers.findIndex(({ status }) => status === 200);
    await sendFile(a, b.address, 'image', told);
    await gives(t, (await b.take('message.new')).content.url, files[won]);
    same(leftOver(t.server).includes(told.upload), false, 'what is left over');
}

async function checksSums(t) {
    const a = await joinSynced(t);
    const file = image();
    const told = await announce(a, file, { sha256: sha256Of(file) });
    is(await put(t, told, image({ size: file.size })), 400, 'BadDigest', 'other bytes');
    await isNowhere(t, a, told);
    is(await put(t, told, file), 200, undefined, 'the right ones');
}

const SVG = '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>';
const HTML = '<!DOCTYPE html><script>alert(document.domain)</script>';

async function refusesWhatIsNoImage(t) {
    const a = await joinSynced(t);
    const wrong = [
        ['image/png', SVG], ['image/png', HTML], ['image/jpeg', HTML], ['image/gif', SVG],
        ['image/webp', HTML], ['video/mp4', HTML], ['text/plain', HTML], ['audio/mpeg', HTML],
        ['text/plain', `\n  ${HTML}`], ['image/png', 'x'],
    ];
    for (const [mime, head] of wrong) {
        const file = fileOf(mime, { head });
        const told = await announce(a, file);
        is(await put(t, told, file), 400, 'InvalidRequest', `${mime} ${head.slice(0, 20)}`);
        await isNowhere(t, a, told, 'file');
    }
}

/** Whatever it is, no page of ours runs it. */
function isHarmless(headers, what) {
    same(headers['x-content-type-options'], 'nosniff', `${what}: X-Content-Type-Options`);
    const policy = headers['content-security-policy'] ?? '';
    match(policy, /\bsandbox\b/, `${what}: Content-Security-Policy`);
    match(policy, /default-src 'none'/, `${what}: Content-Security-Policy`);
}

function isSaved(headers, what) {
    isHarmless(headers, what);
    match(headers['content-disposition'], /^attachment\b/, `${what}: Content-Disposition`);
    same(headers['content-type'], 'application/octet-stream', `${what}: Content-Type`);
}

const XHTML = `<?xml version="1.0"?>${HTML}`;
const ACTIVE = [
    ['image/svg+xml', SVG, 'image', 'x.svg'], ['text/html', HTML, 'file', 'x.html'],
    ['application/xhtml+xml', XHTML, 'file', 'x.xhtml'], ['text/xml', SVG, 'file', 'x.xml'],
    ['application/pdf', '%PDF-1.7\n', 'file', 'x.pdf'], ['text/javascript', 'x', 'file', 'x.js'],
    ['image/svg+xml;charset=utf-8', SVG, 'image', 'y.svg'],
];

/** Not even by a link that asks for it, which only who has the secret can sign. */
async function savesWhatIsActive(t) {
    for (const [mime, head, type, name] of ACTIVE) {
        const { file, id, link } = await carried(t, fileOf(mime, { head, name }), type);
        isSaved(await gives(t, link, file, mime), mime);
        for (const disposition of [undefined, 'inline', 'inline; filename="x.html"', 'INLINE'])
            for (const as of [mime, 'text/html', 'TEXT/HTML;charset=utf-8', undefined]) {
                const query = {
                    ...(as && { 'response-content-type': as }),
                    ...(disposition && { 'response-content-disposition': disposition }),
                };
                const asked = signed(t, `kept/${id}`, { query });
                isSaved(await gives(t, asked, file, mime), `${mime} as ${as}, ${disposition}`);
            }
    }
}

async function showsWhatIsSafe(t) {
    const { file, link } = await carried(t);
    const headers = await gives(t, link, file);
    isHarmless(headers, 'image');
    match(headers['content-disposition'], /^inline\b/, 'Content-Disposition');
    same(headers['content-type'], 'image/png', 'Content-Type');
    match(headers['cache-control'], /\bprivate\b/, 'Cache-Control');
    same(headers['accept-ranges'], 'bytes', 'Accept-Ranges');
}

/** Values that would be lines of their own. */
const SMUGGLED = [
    'inline\r\nSet-Cookie: a=b', 'inline\nSet-Cookie: a=b', 'inline\rSet-Cookie: a=b',
    'inline\r\n\r\n<script>alert(1)</script>', 'inline\0', 'in\x7fline', 'in\x01line',
];
const TAKEN = ['response-content-disposition', 'response-content-type'];
const OTHERS = ['response-cache-control', 'response-content-language',
    'response-content-encoding', 'response-expires', 'response-set-cookie'];

async function smugglesNothing(t) {
    const { id } = await carried(t);
    for (const name of [...TAKEN, ...OTHERS])
        for (const value of SMUGGLED) {
            const answer = await get(t, signed(t, `kept/${id}`, { query: { [name]: value } }));
            same(answer.headers['set-cookie'], undefined, `${name}: Set-Cookie`);
            if (TAKEN.includes(name)) isRefused(answer, `${name}: ${JSON.stringify(value)}`);
        }
}

// Sizes.

/** A PUT on a wire, by the byte. */
async function wireOf(t, told, file, { headers = {}, link = told.url } = {}) {
    const wire = await Wire.open(t, link);
    const { origin } = apart(link);
    wire.send(request('PUT', link.slice(origin.length), {
        headers: { Host: new URL(origin).host, ...headersOf(told, file), ...headers },
    }));
    return wire;
}

const bytes = (file, n) => Buffer.concat([...bytesOf(file, n)]);
const codeOf = ({ status, body }) => [status, /<Code>(\w+)</.exec(body)?.[1]];

/** What is behind the announced length is no part of the file, whatever else it is. */
async function takesNotAByteMore(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await announce(a, file);
    const wire = await wireOf(t, told, file);
    wire.send(Buffer.concat([bytes(file), Buffer.from('more of it\r\n\r\n')]));
    same(codeOf(await wire.response()), [200, undefined], 'the file');
    same((await wire.response()).status, 400, 'what is behind it');
    await sendFile(a, b.address, 'image', told);
    await gives(t, (await b.take('message.new')).content.url, file);
}

async function takesNoPart(t) {
    const a = await joinSynced(t);
    const file = image({ size: 5 * MIB });
    for (const n of [0, 1, 100000, file.size - 1]) {
        const told = await announce(a, file);
        const wire = await wireOf(t, told, file);
        wire.send(bytes(file, n));
        await until('read', () => wire.socket.writableLength === 0);
        await sleep(50);
        wire.socket.destroy();
        await sleep(50);
        await isNowhere(t, a, told);
        is(await put(t, told, file), 200, undefined, `after ${n} bytes`);
    }
    await until('nothing left over', () => leftOver(t.server).length === 0);
}

async function wantsALength(t) {
    const a = await joinSynced(t);
    const file = image();
    const told = await announce(a, file);
    const { 'content-length': _, ...headers } = headersOf(told, file);
    const chunked = { ...headers, 'transfer-encoding': 'chunked' };
    const answer = await exchange(t, 'PUT', told.url, { headers: chunked, body: bytesOf(file) });
    is(answer, 411, 'MissingContentLength', 'chunked');
    for (const more of ['-1', '+3000', '3000,3000', '0x10', '1e3', '99999999999999999999']) {
        const wire = await wireOf(t, told, file, { headers: { 'content-length': more } });
        const { status } = await wire.response();
        between(status, 400, 499, `status of "${more}"`);
    }
    await isNowhere(t, a, told);
}

/** Who asks first sends nothing that is not wanted. */
async function saysWhetherToGoOn(t) {
    const a = await joinSynced(t);
    const file = image();
    const told = await announce(a, file);
    const headers = { Expect: '100-continue' };
    const link = together({ ...apart(told.url), query: [] });
    const refused = await wireOf(t, told, file, { headers, link });
    same(codeOf(await refused.response()), [403, 'AccessDenied'], 'unsigned');
    const wire = await wireOf(t, told, file, { headers });
    const head = await wire.take('100', (all) => {
        const at = all.indexOf('\r\n\r\n');
        return at >= 0 && { value: all.toString('latin1', 0, at), length: at + 4 };
    });
    match(head, /^HTTP\/1\.1 100 /, 'what it is told');
    wire.send(bytes(file));
    same((await wire.response()).status, 200, 'upload');
}

/** The answer can be read, though most of the body is still on its way. */
async function answersBeforeTheEnd(t) {
    const a = await joinSynced(t);
    const file = image({ size: 20 * MIB });
    const told = await announce(a, file);
    const link = together({ ...apart(told.url), query: [] });
    is(await put(t, told, file, { link }), 403, 'AccessDenied', 'unsigned');
    const headers = { 'content-type': 'image/gif' };
    is(await put(t, told, file, { headers }), 403, 'SignatureDoesNotMatch', 'another type');
}

// How a file is got.

const etagOf = async (t, link) => (await exchange(t, 'GET', link)).headers.etag;

const RANGES = [
    ['bytes=0-0', 0, 0], ['bytes=0-99', 0, 99], ['bytes=100-199', 100, 199],
    ['bytes=2999-', 2999, 2999], ['bytes=2999-5000', 2999, 2999], ['bytes=-1', 2999, 2999],
    ['bytes=-100', 2900, 2999], ['bytes=-5000', 0, 2999], ['bytes=0-', 0, 2999],
];
const NO_RANGES = ['bytes=5-1', 'bytes=a-b', 'bytes=', 'bytes', 'bytes=-', 'items=0-1', '0-1',
    'bytes=0-1,5-6', 'bytes=1-2-3', 'bytes=99999999999999999999999-1'];
const BEYOND = ['bytes=3000-', 'bytes=3000-3001', 'bytes=-0', 'bytes=999999999999-'];

async function givesParts(t) {
    const { file, link } = await carried(t);
    const all = bytes(file);
    const asked = (range, more) => get(t, link, { headers: { range, ...more } });
    for (const [range, first, last] of RANGES) {
        const answer = await asked(range);
        same([answer.status, answer.headers['content-range']],
            [206, `bytes ${first}-${last}/3000`], range);
        same(answer.bytes.equals(all.subarray(first, last + 1)), true, `the bytes of ${range}`);
        same(answer.headers['content-length'], `${last - first + 1}`, 'Content-Length');
        isHarmless(answer.headers, range);
    }
    for (const range of NO_RANGES) {
        const answer = await asked(range);
        same([answer.status, answer.bytes.equals(all)], [200, true], range);
    }
    for (const range of BEYOND) {
        const { status, headers } = await asked(range);
        same([status, headers['content-range']], [416, 'bytes */3000'], range);
    }
    const etag = await etagOf(t, link);
    same((await asked('bytes=0-9', { 'if-range': etag })).status, 206, 'If-Range');
    same((await asked('bytes=0-9', { 'if-range': '"other"' })).status, 200, 'another If-Range');
}

async function knowsWhatIsThere(t) {
    const { file, id, link } = await carried(t);
    const etag = await etagOf(t, link);
    match(etag, /^"[^"]+"$/, 'ETag');
    for (const tags of [etag, `"other", ${etag}`, `W/${etag}`, '*']) {
        const asked = { 'if-none-match': tags };
        const { status, headers, body } = await get(t, link, { headers: asked });
        same([status, headers.etag, body], [304, etag, ''], tags);
    }
    same((await get(t, link, { headers: { 'if-none-match': '"other"' } })).status, 200, 'another');
    const head = signed(t, `kept/${id}`, { method: 'HEAD' });
    const { status, headers, body } = await exchange(t, 'HEAD', head);
    same([status, headers['content-length'], headers.etag, body],
        [200, `${file.size}`, etag, ''], 'HEAD');
    for (const [method, where, answer] of [
        ['GET', `kept/${NOBODYS}`, 404], ['HEAD', `kept/${NOBODYS}`, 404],
        ['GET', `in/${id}`, undefined], ['DELETE', `kept/${id}`, 405], ['POST', `in/${id}`, 405],
    ]) {
        const got = await exchange(t, method, signed(t, where, { method }));
        isRefused(got, `${method} ${where}`);
        if (answer) same(got.status, answer, `${method} ${where}`);
        if (got.status === 405) match(got.headers.allow, /^[A-Z, ]+$/, 'Allow');
    }
}

/** What is put can't be got before a message has it, not even by who has put it. */
async function givesOnlyWhatWasTaken(t) {
    const a = await joinSynced(t);
    const told = await upload(t, a, image());
    for (const where of ['in', 'kept'])
        isRefused(await get(t, signed(t, `${where}/${told.upload}`)), where);
}

async function takesWhatAProxyMakesOfHost(t) {
    await t.serve({ options: ['--rate-limits=off', '--trusted-proxies=127.0.0.1'] });
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await announce(a, file);
    const headers = { host: 'inside.test:8080' };
    is(await put(t, told, file, { headers }), 200, undefined, 'PUT');
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    same((await get(t, url, { headers })).status, 200, 'GET');
    const link = altered(url, url.indexOf('X-Amz-Signature=') + 20);
    isRefused(await get(t, link, { headers }), 'another signature');
}

// Paths.

const PATHS = (id) => [
    '/media', '/media/', '/media/files', '/media/files/', '/media/files/kept',
    '/media/files/kept/', '/media/files/kept/.', '/media/files/kept/..', '/media/files/in/../..',
    '/media/files/kept/../../../parley.db', '/media/files/kept/../../media.key',
    '/media/files/kept/../../../media.key', '/media/../media.key', '/media/files/../../media.key',
    '/media/files/kept/%2e%2e/%2e%2e/media.key', '/media/files/kept/..%2f..%2fmedia.key',
    '/media/files/kept/..%2F..%2F..%2Fmedia.key', '/media/files/kept/%2e%2e%2f%2e%2e%2fmedia.key',
    '/media/files/kept/..%5c..%5cmedia.key', '/media/files/kept/..\\..\\media.key',
    '/media/files/kept/..%252f..%252fmedia.key', '/media/files/kept/%c0%ae%c0%ae/media.key',
    '/media/files/kept//etc/passwd', '/media/files/kept/%2fetc%2fpasswd',
    '/media/files/kept/%00', `/media/files/kept/${id}%00.png`, `/media/files/kept/${id}%2e`,
    `/media/files/kept/${id}/`, `/media/files/kept/${id}/..`, `/media/files/kept/./${id}`,
    `/media/files/kept/../kept/${id}`, `/media/files//kept/${id}`, `/media//files/kept/${id}`,
    `//media/files/kept/${id}`, `/media/files/kept/${id.slice(1)}`, `/media/files/kept/x${id}`,
    `/media/files/KEPT/${id}`, `/MEDIA/files/kept/${id}`, `/media/files/tmp/${id}`,
    `/media/files/kept/${id.slice(0, 2)}/${id}`, `/media/files/kept/${'..'.padEnd(20, '/')}`,
    `/media/files/kept/${'../'.repeat(6)}ab`, `/media/files/kept/${'%2e'.repeat(20)}`,
    `/media/files/kept/${'x'.repeat(4000)}`, `/media/files/kept/${'é'.repeat(10)}`,
    `/media/files/kept/${encodeURIComponent('\u2025'.repeat(7))}`, `/media/files/kept/${id};x`,
];

/** Raw, as it is and signed: nothing is looked up by such a path, and no file is given. */
async function leavesItsFolder(t) {
    const { id, link } = await carried(t);
    const { host } = new URL(t.url);
    const { secret } = keyOf(t.server);
    const asked = async (method, target, headers = {}, body = undefined) => {
        const wire = await Wire.open(t, t.url);
        wire.send(request(method, target, {
            headers: { Host: host, Connection: 'close', ...headers }, body,
        }));
        return wire.response();
    };
    const type = { 'content-type': 'image/png', 'content-length': '3000' };
    for (const target of PATHS(id))
        for (const [method, headers, body] of [['GET'], ['PUT', type, bytes(image())]]) {
            const link = presign(keyOf(t.server), { origin: t.url, path: target, method, headers });
            for (const way of [target, link.slice(t.url.length)]) {
                const { status, body: text } = await asked(method, way, headers, body);
                between(status, 400, 499, `status of ${method} ${way}`);
                holdsNone(text, [['the secret', secret]], 'the answer');
                if (/root:|SQLite format/.test(text)) throw new Failure(`${way} gives a file`);
            }
        }
    const { status } = await asked('GET', link); // the whole URL, as to a proxy
    oneOf(status, [200, 400, 403, 404], 'status of the absolute form');
}

// Room.

async function stillTalks(a, b, what) {
    const { seq } = await a.send(b.address, what);
    same((await b.take('message.new')).seq, seq, what);
}

/** Files leave room to messages. */
async function keepsAReserve(t) {
    const disk = new SmallDisk(60 * 1024);
    t.defer(() => disk.end());
    await t.serve({ data: disk.path, options: [...QUIET, '--media-reserve=30MiB'] });
    const [a, b] = await joinAll(t, 2);
    const large = image({ size: 25 * MIB });
    const small = image({ size: 5 * MIB });
    await sendNew(t, a, b.address, small);
    const { content: { url } } = await b.take('message.new');
    const told = await announce(a, large);
    is(await put(t, told, large), 507, 'InsufficientStorage', 'too large for now');
    same(leftOver(t.server), [], 'what is left over');
    await isNowhere(t, a, told);
    await stillTalks(a, b, 'text goes on');
    await gives(t, url, small);

    const files = numbers(6).map(() => image({ size: 5 * MIB })); // 30 MiB: what they leave
    const all = await Promise.all(files.map((file) => announce(a, file)));
    const answers = await Promise.all(all.map((one, i) => put(t, one, files[i])));
    for (const { status } of answers) oneOf(status, [200, 507], 'status');
    between(answers.filter(({ status }) => status === 200).length, 1, 4, 'files of six');
    await stillTalks(a, b, 'and on');

    disk.resize(200 * 1024);
    is(await put(t, told, large), 200, undefined, 'when there is room');
    await sendFile(a, b.address, 'image', told);
}

/** The disk is full of something else, in the middle of a file. */
async function saysWhenItIsFull(t) {
    const disk = new SmallDisk(40 * 1024);
    t.defer(() => disk.end());
    await t.serve({ data: disk.path, options: [...QUIET, '--media-reserve=0'] });
    const [a, b] = await joinAll(t, 2);
    const file = image({ size: 20 * MIB });
    const told = await announce(a, file);
    const { request: uploading, response } = begin(t, 'PUT', told.url,
        { headers: headersOf(told, file) });
    uploading.write(bytes(file, MIB));
    await until('begun', () => leftOver(t.server).length === 1);
    const ballast = path(disk.path, 'ballast');
    for (let mib = 39; mib > 0; mib--)
        try {
            writeFileSync(ballast, Buffer.alloc(mib * MIB));
            break;
        } catch {
            rmSync(ballast, { force: true });
        }
    uploading.end(bytes(file).subarray(MIB));
    same((await response).statusCode, 507, 'status');
    await until('nothing left over', () => leftOver(t.server).length === 0);
    rmSync(ballast);
    await isNowhere(t, a, told);
    await stillTalks(a, b, 'text goes on');
    is(await put(t, told, file), 200, undefined, 'when there is room');
}

// Beside the chat.

const ROUND_TRIP_MS = 1000; // of a text, at most; under sanitizers

async function textTakes(a, b) {
    const from = now();
    await stillTalks(a, b, 'beside it');
    return now() - from;
}

/** Who reads or writes slowly holds nobody up. */
async function holdsNobodyUp(t) {
    const { a, b, file, link } = await carried(t, image({ size: 20 * MIB }));
    const slow = await Promise.all(numbers(20).map(async () => {
        const { request: asking, response } = begin(t, 'GET', link);
        asking.end();
        return (await response).pause();
    }));
    const told = await Promise.all(numbers(10).map(() => announce(a, file)));
    for (const one of told) {
        const { request: putting } = begin(t, 'PUT', one.url, { headers: headersOf(one, file) });
        putting.write(bytes(file, 5 * MIB)); // and no more of it
    }
    for (const i of numbers(10)) between(await textTakes(a, b), 0, ROUND_TRIP_MS, `text ${i}`);
    await gives(t, link, file, 'who reads at once');
    for (const response of slow) {
        const { sha256 } = await asHash(response);
        same(sha256, sha256Of(file), 'who reads late');
    }
}

const filesOf = (server) => readdirSync(`/proc/${server.child.pid}/fd`).length;

/** A download that has begun. @return its request and its response, which is not read */
async function gettingOf(t, link) {
    const { request: asking, response } = begin(t, 'GET', link);
    asking.on('error', () => {}).end(); // some of them end before it
    return { asking, response: (await response).on('error', () => {}).pause() };
}

/** Some read at once, some never, and of those some close their half; some are reset. */
/** Node resets no TLS. */
const cut = (socket) => (socket.encrypted ? socket.destroy() : socket.resetAndDestroy());

async function givesToManyAtOnce(t) {
    await t.serve({ options: QUIET });
    const { a, b, file, link } = await carried(t, image({ size: 20 * MIB }));
    const before = filesOf(t.server);
    const rest = await Promise.all(numbers(200).map(() => gettingOf(t, link)));
    const [fast, slow, halves, reset] = [20, 60, 60, 60].map((n) => rest.splice(0, n));
    for (const { asking } of halves) asking.socket.end();
    await sleep(50);
    same(filesOf(t.server) >= before + 200, true, 'all of them are under way');
    const read = Promise.all(fast.map(({ response }) => asHash(response)));
    for (const i of numbers(20)) {
        between(await textTakes(a, b), 0, ROUND_TRIP_MS, `text ${i}`);
        for (const { asking } of reset.splice(-3)) cut(asking.socket);
    }
    for (const { sha256 } of await read) same(sha256, sha256Of(file), 'who reads at once');
    for (const { response } of halves.splice(-2))
        same((await asHash(response)).sha256, sha256Of(file), 'who has closed its half');
    for (const { asking } of [...slow, ...halves]) asking.destroy();
    await until('no descriptor is left', () => filesOf(t.server) <= before, 5000);
}

const PUTS = 64; // at once,
const OF_ONE = 16; // of one wallet

async function limitsWhatIsPutAtOnce(t) {
    await t.serve({ options: QUIET });
    const file = image();
    const peers = await joinAll(t, PUTS / OF_ONE + 1);
    const [last, ...told] = (await Promise.all(peers.map((peer, i) => Promise.all(
        numbers(i === 0 ? 1 : OF_ONE).map(() => announce(peer, file)))))).flat();
    const more = await announce(peers[1], file);
    const isTooMany = async (one, what) => {
        const answer = await put(t, one, file);
        is(answer, 503, 'SlowDown', what);
        match(answer.headers['retry-after'], /^[1-9]\d*$/, 'Retry-After');
    };
    const wires = [];
    for (const one of told) {
        if (wires.length === OF_ONE) await isTooMany(more, 'one more of the wallet');
        wires.push(await wireOf(t, one, file));
        wires.at(-1).send(bytes(file, 100));
        await until('begun', () => leftOver(t.server).length === wires.length);
    }
    await isTooMany(last, 'one more of all');
    for (const wire of wires) wire.send(bytes(file).subarray(100));
    for (const wire of wires) same((await wire.response()).status, 200, 'the others');
    for (const one of [last, more]) is(await put(t, one, file), 200, undefined, 'afterwards');
}

// Pages.

const PAGE = 'https://app.test';

async function letsPagesUpload(t) {
    const [a, b] = await joinAll(t, 2);
    const file = image();
    const told = await announce(a, file);
    const preflight = (url, method, origin) => exchange(t, 'OPTIONS', url, { headers: {
        origin, 'access-control-request-method': method,
        'access-control-request-headers': 'content-type,x-amz-checksum-sha256',
    } });
    const isAllowed = ({ headers }, what) => {
        same(headers['access-control-allow-origin'], PAGE, `${what}: origin`);
        match(headers.vary, /\borigin\b/i, `${what}: Vary`);
    };
    const asked = await preflight(told.url, 'PUT', PAGE);
    isAllowed(asked, 'preflight');
    same(asked.status, 204, 'preflight');
    match(asked.headers['access-control-allow-methods'], /\bPUT\b/, 'methods');
    for (const name of ['content-type', 'x-amz-checksum-sha256'])
        match(asked.headers['access-control-allow-headers'].toLowerCase(),
            new RegExp(`\\b${name}\\b`), 'headers');
    const done = await put(t, told, file, { headers: { origin: PAGE } });
    isAllowed(done, 'PUT');
    match(done.headers['access-control-expose-headers'], /\betag\b/i, 'what a page may see');
    await sendFile(a, b.address, 'image', told);
    const { content: { url } } = await b.take('message.new');
    isAllowed(await preflight(url, 'GET', PAGE), 'preflight of GET');
    isAllowed(await get(t, url, { headers: { origin: PAGE } }), 'GET');
    isAllowed(await put(t, told, file, { headers: { origin: PAGE } }), 'what is refused');

    const other = await announce(a, file);
    for (const origin of ['https://evil.test', 'null', 'http://app.test', `${PAGE}.evil.test`])
        for (const answer of [await preflight(other.url, 'PUT', origin),
            await put(t, other, file, { headers: { origin } }),
            await get(t, url, { headers: { origin } })])
            same(answer.headers['access-control-allow-origin'], undefined, origin);
    same((await get(t, url)).headers['access-control-allow-origin'], undefined, 'no page');
}

// The end of a server.

/** An upload of which a part has come. */
async function partOf(t, peer, file) {
    const told = await announce(peer, file);
    const { request: putting, response } = begin(t, 'PUT', told.url,
        { headers: headersOf(told, file) });
    putting.write(bytes(file, MIB));
    await until('begun', () => leftOver(t.server).length === 1);
    return { told, response };
}

/** @param end  of the server, in the middle of an upload */
const endsInTheMiddle = (end) => async (t) => {
    await t.serve({ options: QUIET });
    const file = image({ size: 20 * MIB });
    const before = await joinSynced(t);
    const { told, response } = await partOf(t, before, file);
    await end(t.server);
    const how = await response.then(({ statusCode: status }) => status, () => 'none');
    oneOf(how, ['none', 503], 'answer to it');
    await t.serveAgain({ options: QUIET });
    same(leftOver(t.server), [], 'what is left over');
    const a = await joinSynced(t, before.address);
    await isNowhere(t, a, told);
    is(await put(t, told, file), 200, undefined, 'again');
    await sendFile(a, (await joinSynced(t)).address, 'image', told);
};

// Secrets.

const modeOf = (...names) => (statSync(path(...names)).mode & 0o777).toString(8);

async function keepsItsFilesToItself(t) {
    const { id } = await carried(t);
    const { data } = t.server;
    const media = path(data, 'media');
    match(readFileSync(path(data, 'media.key'), 'latin1'), /^[0-9a-f]{64}\n?$/, 'media.key');
    same(modeOf(data, 'media.key'), '600', 'mode of media.key');
    for (const folder of ['', 'in', 'kept', 'tmp', `kept/${id.slice(0, 2)}`])
        same(modeOf(media, folder), '700', `mode of media/${folder}`);
    same(modeOf(media, 'kept', id.slice(0, 2), id), '600', 'mode of a file');
}

/** Everything that a client may do with a link, right and wrong. */
async function leavesNoTrace(t) {
    await t.serve({ options: [...QUIET, '--log=trace'] });
    const file = image({ name: 'a-name-of-a-file.png' });
    const { a, told, link } = await carried(t, file);
    const key = readFileSync(path(t.server.data, 'media.key'), 'latin1').trim();
    const secrets = [['its key', key], ['the bytes of its key', Buffer.from(key, 'hex')],
        ['the name of a file', 'a-name-of-a-file'], ['a caption', 'a-caption-of-a-file']];
    const use = (url) => {
        const signature = apart(url).query.find(([name]) => name === 'X-Amz-Signature')[1];
        secrets.push(['a signature', signature], ['its bytes', Buffer.from(signature, 'hex')]);
        return url;
    };
    await sendFile(a, (await joinSynced(t)).address, 'image', told,
        { caption: 'a-caption-of-a-file' });
    use(told.url);
    await get(t, use(altered(use(link), link.indexOf('X-Amz-Signature=') + 20)));
    await get(t, use(signed(t, `kept/${NOBODYS}`)));
    await get(t, use(signed(t, 'kept/..%2f..', { query: { 'response-expires': 'a\r\nb' } })));
    await get(t, link, { headers: { range: 'bytes=0-9' } });
    const other = await announce(a, file);
    await put(t, other, fileOf('image/png', { head: HTML }), { link: use(other.url) });
    await put(t, other, fileOf('image/png', { head: HTML, size: file.size }));
    const wire = await wireOf(t, other, file);
    wire.send(bytes(file, 100));
    wire.socket.destroy();
    await refusedSend(a, withFile((await joinSynced(t)).address, 'image', { upload: NOBODYS }),
        'upload_missing');
    const metrics = [...(await t.server.metrics()).keys()].join('\n');
    await t.server.stop();
    match(t.server.stderr, /level=trace/, 'log');
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(metrics, secrets, '/metrics');
    if (t.server.stderr.includes('X-Amz-Signature'))
        throw new Failure('the log holds a link with its query');
}

const own = { own: true, limit: 30000 };

export const rows = overTransports('media here', [
    ['signs as the SDK of AWS does', signsAsTheSdkDoes],
    ['takes what the SDK of AWS signs', takesWhatTheSdkSigns],
    ['takes nothing else of the SDK', takesNothingElseOfTheSdk],
    ["says what is wrong by S3's codes", saysWhatIsWrong],
    ['takes each file once', takesEachFileOnce],
    ['takes one of several that come at once', takesOneOfTwo],
    ['checks the sum that was announced', checksSums],
    ['refuses what is no image', refusesWhatIsNoImage],
    ['shows what is safe', showsWhatIsSafe],
    ['lets nobody run what is active', savesWhatIsActive, { limit: 30000 }],
    ['lets nobody smuggle headers', smugglesNothing],
    ['takes not a byte more than was announced', takesNotAByteMore],
    ['takes no part of a file', takesNoPart],
    ['wants a length', wantsALength],
    ['says whether to go on', saysWhetherToGoOn],
    ['answers before the end of what it refuses', answersBeforeTheEnd],
    ['gives parts', givesParts],
    ['knows what is there', knowsWhatIsThere],
    ['gives only what a message has', givesOnlyWhatWasTaken],
    ['takes what a proxy makes of Host', takesWhatAProxyMakesOfHost, { own: true }],
    ['leaves its folder for nobody', leavesItsFolder, { limit: 30000 }],
    ['keeps a reserve for messages', keepsAReserve, own],
    ['says when the disk is full', saysWhenItIsFull, own],
    ['holds nobody up who writes texts', holdsNobodyUp, { alone: true, limit: 60000 }],
    ['gives a file to many at once', givesToManyAtOnce, { ...own, alone: true }],
    ['limits what is put at once', limitsWhatIsPutAtOnce, own],
    ['lets the pages upload that may', letsPagesUpload, { server: 'origins' }],
    ['ends in the middle of an upload', endsInTheMiddle((server) => server.stop()), own],
    ['is killed in the middle of an upload', endsInTheMiddle((server) => server.kill()), own],
    ['keeps its files to itself', keepsItsFilesToItself],
    ['leaves no trace of links', leavesNoTrace, own],
].map(([name, run, more]) => [name, run, { over: ['websocket'], ...more }]));
