/**
 * HTTP and WebSocket by the byte, and Engine.IO sessions on top of them, so that a row
 * can say what no proper client would.
 */
import net from 'node:net';
import tls from 'node:tls';
import { createHash, randomBytes } from 'node:crypto';
import { Failure, match, same, spare, within } from './lib.mjs';

export const SEPARATOR = '\x1e';
export const EIO = 'EIO=4&transport=';
const WAIT_MS = 5000;

/** A request as text. Host, and the length of a body, are added unless headers has them. */
export function request(method, target, { headers = {}, body, version = '1.1' } = {}) {
    const given = Object.keys(headers).map((name) => name.toLowerCase());
    const fields = { ...headers };
    if (!given.includes('host')) fields.Host = '127.0.0.1';
    if (body !== undefined && !given.includes('content-length') &&
        !given.includes('transfer-encoding'))
        fields['Content-Length'] = Buffer.byteLength(body);
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`);
    return Buffer.concat([
        Buffer.from(`${method} ${target} HTTP/${version}\r\n${lines.join('')}\r\n`, 'latin1'),
        Buffer.from(body ?? ''),
    ]);
}

export const UPGRADE = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': 13,
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
};

function unchunk(bytes) {
    const parts = [];
    for (let at = 0; ;) {
        const eol = bytes.indexOf('\r\n', at);
        if (eol < 0) return undefined;
        const size = parseInt(bytes.toString('latin1', at, eol), 16);
        const end = eol + 2 + size + 2;
        if (bytes.length < end) return undefined;
        if (size === 0) return { body: Buffer.concat(parts), length: end };
        parts.push(bytes.subarray(eol + 2, end - 2));
        at = end;
    }
}

function parseBody(status, headers, rest, ended, toHead) {
    if (toHead || status < 200 || status === 204 || status === 304)
        return { body: Buffer.alloc(0), length: 0 };
    if (headers['transfer-encoding'] === 'chunked') return unchunk(rest);
    if (headers['content-length'] === undefined)
        return ended ? { body: rest, length: rest.length } : undefined;
    const length = Number(headers['content-length']);
    return rest.length < length ? undefined : { body: rest.subarray(0, length), length };
}

function parseResponse(bytes, ended, toHead) {
    const end = bytes.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const [first, ...lines] = bytes.toString('latin1', 0, end).split('\r\n');
    match(first, /^HTTP\/1\.[01] \d{3}/, 'status line');
    const status = Number(first.slice(9, 12));
    const headers = {};
    for (const line of lines) {
        const [, name, value] = /^([^:]+):\s*(.*?)\s*$/.exec(line);
        const key = name.toLowerCase();
        headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    const found = parseBody(status, headers, bytes.subarray(end + 4), ended, toHead);
    if (!found) return undefined;
    const value = { status, headers, body: found.body.toString() };
    return { value, length: end + 4 + found.length };
}

/** A TCP or TLS connection, read as HTTP responses and later perhaps as WebSocket frames. */
export class Wire {
    #bytes = Buffer.alloc(0);
    #wake = () => {};
    isOver = false;

    /** @param how  of connect(): localAddress */
    static async open(t, url, how) {
        const { hostname, port, protocol } = new URL(url);
        const isTls = protocol === 'https:';
        const wire = new Wire();
        wire.socket = (isTls ? tls : net).connect({ host: hostname, port, noDelay: true, ...how });
        wire.#listen();
        t.defer(() => wire.socket.destroy());
        await within(WAIT_MS, 'TCP connection', new Promise((resolve, reject) => {
            wire.socket.once(isTls ? 'secureConnect' : 'connect', resolve);
            wire.socket.once('error', reject);
        }));
        return wire;
    }

    #listen() {
        this.socket.on('data', (bytes) => {
            this.#bytes = Buffer.concat([this.#bytes, bytes]);
            this.#wake();
        });
        const over = () => {
            this.isOver = true;
            this.#wake();
        };
        this.socket.on('end', over).on('close', over);
        this.socket.on('error', over); // a reset is one way for it to be over
    }

    send(bytes) {
        this.socket.write(bytes);
    }

    /** Wait until parse(bytes, isOver) gives {value, length}, and take that. */
    take(what, parse, ms = WAIT_MS) {
        const taking = async () => {
            for (;;) {
                const found = parse(this.#bytes, this.isOver);
                if (found) {
                    this.#bytes = this.#bytes.subarray(found.length);
                    return found.value;
                }
                if (this.isOver) throw new Failure(`connection over before a ${what}`);
                await new Promise((resolve) => (this.#wake = resolve));
            }
        };
        return within(ms, what, taking());
    }

    response({ toHead, ms } = {}) {
        const parse = (bytes, isOver) => parseResponse(bytes, isOver, toHead);
        return this.take('HTTP response', parse, ms);
    }

    /** @return what came before the end */
    over(ms) {
        const all = (bytes, isOver) => {
            return isOver && { value: bytes.toString(), length: bytes.length };
        };
        return this.take('end of the connection', all, ms);
    }

    async ask(method, target, { ms, ...options } = {}) {
        this.send(request(method, target, options));
        return this.response({ toHead: method === 'HEAD', ms });
    }
}

/** One request on a connection of its own. */
export async function ask(t, url, method, target, options) {
    const wire = await Wire.open(t, url);
    return wire.ask(method, target, options);
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

/** A frame as a client sends it, unless the options break it. */
export function frame(opcode, payload, { fin = true, rsv = 0, mask = true, length } = {}) {
    const bytes = Buffer.from(payload);
    const n = length ?? bytes.length;
    const first = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
    const bit = mask ? 0x80 : 0;
    let head;
    if (n < 126) {
        head = Buffer.from([first, bit | n]);
    } else if (n < 65536) {
        head = Buffer.from([first, bit | 126, n >> 8, n & 255]);
    } else {
        head = Buffer.alloc(10);
        head.writeUInt8(first, 0);
        head.writeUInt8(bit | 127, 1);
        head.writeBigUInt64BE(BigInt(n), 2);
    }
    if (!mask) return Buffer.concat([head, bytes]);
    const key = randomBytes(4);
    return Buffer.concat([head, key, bytes.map((byte, i) => byte ^ key[i & 3])]);
}

/** Server frames are not masked. */
function parseFrame(bytes) {
    if (bytes.length < 2) return undefined;
    let n = bytes[1];
    let at = 2;
    if (n === 126) {
        if (bytes.length < 4) return undefined;
        n = bytes.readUInt16BE(2);
        at = 4;
    } else if (n === 127) {
        if (bytes.length < 10) return undefined;
        n = Number(bytes.readBigUInt64BE(2));
        at = 10;
    }
    if (bytes.length < at + n) return undefined;
    const value = { first: bytes[0], payload: Buffer.from(bytes.subarray(at, at + n)) };
    return { value, length: at + n };
}

export class Ws {
    /** Ask for an upgrade, with perhaps more bytes right behind. @return [Ws, response] */
    static async open(t, url, target, { headers = {}, behind = '', wire } = {}) {
        const ws = new Ws();
        ws.wire = wire ?? (await Wire.open(t, url));
        const head = request('GET', target, { headers: { ...UPGRADE, ...headers } });
        ws.wire.send(Buffer.concat([head, Buffer.from(behind)]));
        const response = await ws.wire.response();
        same(response.status, 101, `upgrade (${response.body})`);
        const accept = createHash('sha1')
            .update(`${UPGRADE['Sec-WebSocket-Key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
            .digest('base64');
        same(response.headers['sec-websocket-accept'], accept, 'Sec-WebSocket-Accept');
        return [ws, response];
    }

    /** Send packets, each a message; "b…" is base64 of a binary one. */
    say(...packets) {
        for (const packet of packets)
            if (packet[0] === 'b') this.frame(BINARY, Buffer.from(packet.slice(1), 'base64'));
            else this.frame(TEXT, packet);
    }

    frame(opcode, payload, options) {
        this.wire.send(frame(opcode, payload, options));
    }

    hearFrame(ms) {
        return this.wire.take('WebSocket frame', parseFrame, ms);
    }

    /** The next message; a binary one as "b" and base64. */
    hear(ms) {
        const hearing = async () => {
            const { first, payload } = await this.hearFrame(ms);
            if (first === (0x80 | TEXT)) return payload.toString();
            if (first === (0x80 | BINARY)) return `b${payload.toString('base64')}`;
            throw new Failure(`frame 0x${first.toString(16)} ${payload.toString('hex')}, ` +
                'want a message that is not fragmented');
        };
        return spare(hearing());
    }

    /** The server's close frame comes next: @return its code, 1005 for none, and reason. */
    async closing(ms) {
        const { first, payload } = await this.hearFrame(ms);
        if (first !== (0x80 | CLOSE))
            throw new Failure(`frame 0x${first.toString(16)} "${payload}", want a close frame`);
        this.frame(CLOSE, payload);
        return {
            code: payload.length ? payload.readUInt16BE(0) : 1005,
            reason: payload.toString('utf8', 2),
        };
    }

    /** The session closes: an empty close frame, and the end. */
    async gone(ms) {
        same(await this.closing(ms), { code: 1005, reason: '' }, 'close frame');
        await this.wire.over();
    }

    leave() {
        this.wire.socket.destroy();
    }
}

export const handshakeOf = (packet) => {
    match(packet, /^0\{/, 'handshake');
    return JSON.parse(packet.slice(1));
};

/** A polling session; GETs share one connection and POSTs another, as with a browser. */
export class Poll {
    #heard = [];

    static async open(t, url, path = '/engine.io/', query = '') {
        const poll = new Poll();
        Object.assign(poll, { t, url, getter: await Wire.open(t, url) });
        poll.poster = await Wire.open(t, url);
        const response = await poll.getter.ask('GET', `${path}?${EIO}polling${query}`);
        same(response.status, 200, `handshake (${response.body})`);
        const [open, ...more] = response.body.split(SEPARATOR);
        poll.handshake = handshakeOf(open);
        poll.#heard = more;
        poll.sid = poll.handshake.sid;
        poll.target = `${path}?${EIO}polling&sid=${poll.sid}`;
        poll.wsTarget = `${path}?${EIO}websocket&sid=${poll.sid}`;
        return poll;
    }

    /**
     * Send on the connection called name. Where it is still open this writes before it
     * returns: what is asked first arrives first.
     */
    #ask(name, method, options) {
        const asking = async () => {
            if (this[name].isOver) this[name] = await Wire.open(this.t, this.url);
            const response = await this[name].ask(method, this.target, options);
            const { connection = '' } = response.headers;
            if (connection.toLowerCase() === 'close') this[name].isOver = true;
            return response;
        };
        return spare(asking());
    }

    get() {
        return this.#ask('getter', 'GET');
    }

    post(body, headers = { 'Content-Type': 'text/plain;charset=UTF-8' }) {
        return this.#ask('poster', 'POST', { body, headers });
    }

    /** Send packets in one POST. */
    async say(...packets) {
        const { status, body } = await this.post(packets.join(SEPARATOR));
        same([status, body], [200, 'ok'], 'answer to the POST');
    }

    /** The next packet, with a GET if none is here. */
    async hear() {
        if (!this.#heard.length) {
            const { status, body } = await this.get();
            same(status, 200, `poll (${body})`);
            this.#heard = body.split(SEPARATOR);
        }
        return this.#heard.shift();
    }

    /** No such session any more. */
    async unknown() {
        const { status, body } = await this.get();
        same([status, body], [400, '{"code":1,"message":"Session ID unknown"}'], 'poll');
    }

    /** The session closes: nothing but "6" and "1" may still come, then it is unknown. */
    async gone() {
        for (;;) {
            const { status, body } = await this.get();
            if (status !== 200) break;
            match(body, /^(6\x1e)?[16]$/, 'poll of a session that should be closed');
        }
        await this.unknown();
    }
}

async function openWebsocket(t, url, path, query = '') {
    const [ws] = await Ws.open(t, url, `${path}?${EIO}websocket${query}`);
    ws.handshake = handshakeOf(await ws.hear());
    ws.sid = ws.handshake.sid;
    ws.target = `${path}?${EIO}polling&sid=${ws.sid}`;
    ws.wsTarget = `${path}?${EIO}websocket&sid=${ws.sid}`;
    return ws;
}

/** A WebSocket beside a polling session, with the probe answered. */
export async function probe(t, poll, options) {
    const [ws] = await Ws.open(t, poll.url, poll.wsTarget, options);
    ws.say('2probe');
    same(await ws.hear(), '3probe', 'answer to the probe');
    return ws;
}

async function openUpgraded(t, url, path, query) {
    const poll = await Poll.open(t, url, path, query);
    const ws = await probe(t, poll);
    ws.say('5');
    return Object.assign(ws, { handshake: poll.handshake, sid: poll.sid, target: poll.target });
}

/** An Engine.IO session each way; all have say(), hear() and gone(). */
export const SESSIONS = {
    websocket: openWebsocket,
    polling: (t, url, path, query) => Poll.open(t, url, path, query),
    upgrade: openUpgraded,
};
