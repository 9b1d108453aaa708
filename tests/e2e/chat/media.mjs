/** Files for messages: made, put and got, and the links to them taken apart. */
import http from 'node:http';
import https from 'node:https';
import { createCipheriv, createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { Failure, match, same, sleep, spare } from '../lib.mjs';
import { isRefusal } from './peer.mjs';
import { denied } from './site.mjs';

export const MIB = 1048576;
const ZEROES = Buffer.alloc(65536);

const PNG = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAA' +
    'AABJRU5ErkJggg==';

/** The bytes that files of these types begin with. */
const HEADS = {
    'image/png': Buffer.from(PNG, 'base64'),
    'image/jpeg': Buffer.from('ffd8ffe000104a46494600010100000100010000', 'hex'),
    'image/gif': Buffer.from('GIF89a\x01\0\x01\0\0\0\0;', 'latin1'),
    'video/mp4': Buffer.from('0000001c6674797069736f6d0000020069736f6d69736f326d703431', 'hex'),
    'audio/ogg': Buffer.from('OggS\0\x02\0\0\0\0\0\0\0\0', 'latin1'),
    'text/plain': Buffer.from('a text\n'),
};

/**
 * A file that is nowhere: its bytes are made each time they are needed, and are those of no
 * other.
 *
 * @param head  the bytes that it begins with, or all of them
 * @param size  bytes
 */
export function fileOf(mime, { name = 'a file', head = HEADS[mime] ?? '', size } = {}) {
    const begin = Buffer.from(head);
    return { mime, name, head: begin, size: size ?? begin.length, key: randomBytes(16) };
}

export const image = (more) => fileOf('image/png', { name: 'cat.png', size: 3000, ...more });

/** @param size  how much of it */
export function* bytesOf(file, size = file.size) {
    const cipher = createCipheriv('aes-128-ctr', file.key, Buffer.alloc(16));
    yield file.head.subarray(0, size);
    for (let left = size - file.head.length; left > 0; left -= ZEROES.length)
        yield cipher.update(ZEROES.subarray(0, Math.min(left, ZEROES.length)));
}

export function sha256Of(file, encoding = 'hex') {
    const hash = createHash('sha256');
    for (const piece of bytesOf(file)) hash.update(piece);
    return hash.digest(encoding);
}

// Links.

/** What each part of a link is, still encoded. */
export function apart(link) {
    const [, origin, path, query] = /^(https?:\/\/[^/?]+)([^?]*)(?:\?(.*))?$/.exec(link);
    return { origin, path, query: query ? query.split('&').map((pair) => pair.split('=')) : [] };
}

export const together = ({ origin, path, query }) =>
    `${origin}${path}${query.length ? '?' : ''}${query.map((pair) => pair.join('=')).join('&')}`;

const other = (c) => (c === '0' ? '1' : '0');

/** One character of it is another one. */
export const altered = (text, at = text.length - 1) =>
    text.slice(0, at) + other(text[at]) + text.slice(at + 1);

/** Values that are as well-formed as those that were signed. */
const OTHER_VALUES = {
    'X-Amz-Expires': () => '604800',
    'X-Amz-Date': (date) => date.replace(/\d\dZ$/, (s) => `${s[0]}${(Number(s[1]) + 1) % 10}Z`),
    'X-Amz-SignedHeaders': () => 'host',
};

/** The link, and not quite: [what was done to it, the link, the Host that goes with it] */
export function* alteredLinks(link) {
    const { origin, path, query } = apart(link);
    const { host } = new URL(origin);
    const made = (more) => together({ origin, path, query, ...more });
    for (const [i, [name, value]] of query.entries()) {
        const put = (...pairs) =>
            made({ query: [...query.slice(0, i), ...pairs, ...query.slice(i + 1)] });
        yield [`another ${name}`, put([name, altered(value)]), host];
        yield [`no ${name}`, put(), host];
        if (OTHER_VALUES[name] && OTHER_VALUES[name](value) !== value)
            yield [`${name} well-formed`, put([name, OTHER_VALUES[name](value)]), host];
    }
    yield ['a parameter more', made({ query: [...query, ['x-more', '1']] }), host];
    yield ['a type for the answer', made({ query: [...query, ['response-expires', '0']] }), host];
    yield ['no query', made({ query: [] }), host];
    yield ['another file', made({ path: altered(path) }), host];
    yield ['a file below', made({ path: `${path}/x` }), host];
    yield ['another Host', link, 'evil.test'];
}

// Requests.

/** The body as text, and what an error in it is called. */
async function asText(response) {
    const pieces = [];
    for await (const piece of response) pieces.push(piece);
    const bytes = Buffer.concat(pieces);
    const body = bytes.toString();
    return { body, bytes, code: /<Error>.*<Code>(\w+)<\/Code>/s.exec(body)?.[1] };
}

/** For what is too large to be kept. */
export async function asHash(response) {
    const hash = createHash('sha256');
    let size = 0;
    for await (const piece of response) {
        hash.update(piece);
        size += piece.length;
    }
    return { sha256: hash.digest('hex'), size };
}

/**
 * A request that has been begun, and nothing in it but what is said here.
 *
 * @param path     unless it is the link's
 * @param headers  with a Content-Length or a Transfer-Encoding where there is a body
 */
export function begin(t, method, link, { path, headers = {} } = {}) {
    const { hostname, port, protocol } = new URL(link);
    const { origin } = apart(link);
    const request = (protocol === 'https:' ? https : http).request({
        method, host: hostname, port, path: path ?? link.slice(origin.length), agent: false,
        checkServerIdentity: () => undefined, // the Host may be another's
        headers: { host: new URL(link).host, connection: 'close', ...headers },
    });
    t.defer(() => request.destroy());
    const response = spare(new Promise((resolve, reject) => {
        request.once('response', resolve).once('close', () => reject(new Failure(
            `${method}: the connection is over before an answer`)));
        request.on('error', reject); // behind the answer it says that the rest is not wanted
    }));
    return { request, response };
}

/**
 * @param body  bytes, or what gives them piece by piece
 * @param take  what becomes of the answer's body
 * @return status, headers, and what was made of the body
 */
export async function exchange(t, method, link, { body, take = asText, ...how } = {}) {
    const { request, response } = begin(t, method, link, how);
    if (body === undefined) request.end();
    else Readable.from(body).on('error', () => {}).pipe(request);
    const answer = await response;
    const { statusCode: status, headers } = answer;
    return { status, headers, ...(await take(answer)) };
}

export const get = (t, link, how) => exchange(t, 'GET', link, how);

/** The headers that an upload has to have. */
export const headersOf = (told, file) =>
    ({ ...told.headers, 'content-length': `${file.size}` });

/** @param told  what announcing it was answered with */
export function put(t, told, file, { link = told.url, headers, body, ...how } = {}) {
    return exchange(t, 'PUT', link, {
        headers: { ...headersOf(told, file), ...headers }, body: body ?? bytesOf(file), ...how,
    });
}

/** By a status from 400 to 499; or 501, as stores answer what they do not have. */
export function isRefused({ status, code }, what) {
    if (!((status >= 400 && status < 500) || status === 501))
        throw new Failure(`${what}: status ${status} ${code ?? ''}, want 4xx`);
}

// What the chat says of files.

const LINK_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

/** A link, and when it is over. */
export function isLink({ url, expires_at: at }) {
    match(url, /^https?:\/\/[^/]+\/\S+\?\S+$/, 'url');
    match(at, LINK_TIME, 'expires_at');
    const ms = Date.parse(at) - Date.now();
    if (!(ms > -2000 && ms <= 604800000)) throw new Failure(`a link that is good for ${ms} ms`);
}

/** Until a link is surely no good any more: its end is in whole seconds. */
export const sleepUntilOver = ({ expires_at: at }) =>
    sleep(Math.max(0, Date.parse(at) - Date.now()) + 1200);

/** What announcing it is answered with. @param sha256  it was announced with that */
export function isTold({ url, expires_at: at, ...rest }, file, { sha256 } = {}) {
    isLink({ url, expires_at: at });
    const { upload } = rest;
    match(upload, /^[\w-]{20}$/, 'upload');
    const headers = {
        'content-type': file.mime,
        ...(sha256 && { 'x-amz-checksum-sha256': Buffer.from(sha256, 'hex').toString('base64') }),
    };
    same(rest, { upload, method: 'PUT', headers }, 'answer');
}

export const announced = ({ name, mime, size }, more) => ({ name, mime, size, ...more });

/** @param more  a sha256 */
export const announce = (peer, file, more) => peer.ok('upload.create', announced(file, more));

/** Announced, and put. @return what it was answered with */
export async function upload(t, peer, file, more) {
    const told = await announce(peer, file, more);
    const { status, code } = await put(t, told, file);
    same([status, code], [200, undefined], 'upload');
    return told;
}

/** As a request: the content is of a file that was announced so. */
export const withFile = (to, type, told, more) =>
    ({ to, type, content: { upload: told.upload, ...more } });

/** @return the message, as its answer has it */
export async function sendFile(peer, to, type, told, more) {
    return (await peer.ok('message.send', withFile(to, type, told, more))).message;
}

/** Announced, put and sent. */
export async function sendNew(t, peer, to, file, type = 'image', more = {}) {
    return sendFile(peer, to, type, await upload(t, peer, file), more);
}

/** Of what is wrong with an upload the field need not be named. */
const fieldOf = ({ error } = {}) => error?.field && { field: 'content' };

export async function refusedSend(peer, request, code) {
    const answer = await peer.ask('message.send', request);
    isRefusal(answer, code, fieldOf(answer));
}

/** Likewise, over HTTP. @param calling  a promise of the response */
export async function deniedSend(calling, code) {
    await denied(calling, code, fieldOf((await calling).answer));
}

/** The content that a message with the file has, with nothing but what belongs there. */
export function hasFile(content, file, id, more = {}) {
    const { url, expires_at: at, ...rest } = content;
    isLink({ url, expires_at: at });
    same(rest, { upload: id, ...announced(file), ...more }, 'content');
}

/** By this link, all of it, as it was put. @return the headers */
export async function gives(t, link, file, what = 'file') {
    const { status, headers, sha256, size } = await get(t, link, { take: asHash });
    same([status, size], [200, file.size], `${what}: status, size`);
    same(sha256, sha256Of(file), `${what}: sha256`);
    return headers;
}

/** By this link, nothing. */
export async function givesNothing(t, link, what = 'link') {
    isRefused(await get(t, link), what);
}
