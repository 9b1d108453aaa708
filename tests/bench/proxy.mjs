/**
 * A proxy between the generator and the server that reads the WebSocket of each connection,
 * and may change what passes. Every text is in one frame: neither side sends fragments.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const TEXT = 1;
const HEAD_END = '\r\n\r\n';

/** A frame off the front of bytes; undefined if it is not whole (RFC 6455, section 5.2). */
function readFrame(bytes) {
    if (bytes.length < 2) return undefined;
    const isMasked = bytes[1] >= 0x80;
    let length = bytes[1] & 0x7f;
    let at = 2 + ({ 126: 2, 127: 8 }[length] ?? 0);
    const start = at + (isMasked ? 4 : 0);
    if (bytes.length < start) return undefined;
    if (at === 4) length = bytes.readUInt16BE(2);
    if (at === 10) length = Number(bytes.readBigUInt64BE(2));
    const end = start + length;
    if (bytes.length < end) return undefined;
    const payload = Buffer.from(bytes.subarray(start, end));
    if (isMasked) payload.forEach((byte, i) => (payload[i] = byte ^ bytes[at + (i & 3)]));
    return { isText: (bytes[0] & 0xf) === TEXT, payload, raw: bytes.subarray(0, end) };
}

/** Whole, and with a mask of zeros where there must be one. */
function writeFrame(text, isMasked) {
    const payload = Buffer.from(text, 'latin1');
    const head = Buffer.alloc(payload.length < 126 ? 2 : payload.length < 65536 ? 4 : 10);
    head[0] = 0x80 | TEXT;
    head[1] = { 2: payload.length, 4: 126, 10: 127 }[head.length] | (isMasked ? 0x80 : 0);
    if (head.length === 4) head.writeUInt16BE(payload.length, 2);
    if (head.length === 10) head.writeBigUInt64BE(BigInt(payload.length), 2);
    return Buffer.concat([head, Buffer.alloc(isMasked ? 4 : 0), payload]);
}

/** One direction of a connection: an HTTP head, and frames behind it. */
class Lane {
    #rest = Buffer.alloc(0);
    #hasFrames = false;
    #isOpaque = false; // no WebSocket came of it: all passes as it is

    /** @param meddle  gets each text, and says what to send in its place: a list of texts */
    constructor(to, isMasked, meddle) {
        Object.assign(this, { to, isMasked, meddle });
    }

    take(bytes) {
        this.#rest = Buffer.concat([this.#rest, bytes]);
        if (!this.#hasFrames && !this.#isOpaque) this.#takeHead();
        if (this.#isOpaque) this.#pass(this.#rest.length);
        while (this.#hasFrames) {
            const frame = readFrame(this.#rest);
            if (!frame) return;
            if (frame.isText) this.#takeText(frame);
            else this.#pass(frame.raw.length);
        }
    }

    #pass(n) {
        this.#write(this.#rest.subarray(0, n));
        this.#rest = this.#rest.subarray(n);
    }

    #takeHead() {
        const end = this.#rest.indexOf(HEAD_END);
        if (end < 0) return;
        this.#hasFrames = /^(GET|HTTP\/1.1 101) /.test(this.#rest.toString('latin1', 0, end));
        this.#isOpaque = !this.#hasFrames;
        this.#pass(end + HEAD_END.length);
    }

    #takeText({ payload, raw }) {
        this.#rest = this.#rest.subarray(raw.length);
        for (const text of this.meddle(payload.toString('latin1')))
            this.#write(writeFrame(text, this.isMasked));
    }

    #write(bytes) {
        if (this.to.writable) this.to.write(bytes);
    }
}

/** A connection: both its sockets. */
class Link {
    constructor(client, server, meddle) {
        Object.assign(this, { client, server });
        const up = new Lane(server, true, (text) => meddle(text, this, 'client'));
        const down = new Lane(client, false, (text) => meddle(text, this, 'server'));
        this.#join(client, server, up);
        this.#join(server, client, down);
    }

    #join(from, to, lane) {
        from.setNoDelay(true);
        from.on('data', (bytes) => lane.take(bytes));
        from.on('error', () => {}); // 'close' follows
        from.on('close', () => to.end());
    }

    /** A text that did not come from the server just now. */
    tell(text) {
        this.client.write(writeFrame(text, false));
    }

    /** Both sides at once, with what is under way. */
    cut() {
        this.client.destroy();
        this.server.destroy();
    }
}

export const asIs = (text) => [text];

export class Proxy {
    links = []; // all that there ever were

    /**
     * @param t       whose end is the proxy's
     * @param url     of the server
     * @param meddle  (text, link, 'client' or 'server', who sent it) => a list of texts
     */
    static async start(t, url, meddle = asIs) {
        const proxy = new Proxy();
        const { hostname, port } = new URL(url);
        const listener = createServer((client) => {
            proxy.links.push(new Link(client, connect(port, hostname), meddle));
        });
        listener.listen(0, '127.0.0.1');
        await once(listener, 'listening');
        proxy.url = `http://127.0.0.1:${listener.address().port}`;
        t.defer(() => {
            listener.close();
            proxy.links.forEach((link) => link.cut());
        });
        return proxy;
    }
}
