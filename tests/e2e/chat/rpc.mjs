/** What stands between a server and a chain: it writes down what it is asked, and misbehaves. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';

const JSON_TYPE = { 'Content-Type': 'application/json' };
const MAGIC = `0x1626ba7e${'0'.repeat(56)}`;

const says = (text, status = 200) => (response) =>
    response.writeHead(status, JSON_TYPE).end(text);
const answers = (more, status) => (response, { id }) =>
    says(JSON.stringify({ jsonrpc: '2.0', id, ...more }), status)(response);

/** Yes, in so many bytes: behind it are spaces. */
export const yesOf = (bytes) => (response, { id }) =>
    says(JSON.stringify({ jsonrpc: '2.0', id, result: MAGIC }).padEnd(bytes))(response);
export const BYTES_MOST = 4096;

/** What an RPC may do instead of answering; a yes on the way is of no use to it. */
export const MISBEHAVIOURS = {
    'answers 500': answers({ result: MAGIC }, 500),
    'answers 429': says('{}', 429),
    'redirects': (response) => response.writeHead(302, { Location: '/' }).end(),
    'never answers': () => {},
    'hangs up': (response) => response.destroy(),
    'hangs up in the middle': (response) => {
        response.writeHead(200, { ...JSON_TYPE, 'Content-Length': 100 });
        response.write('{"jsonrpc":', () => response.destroy());
    },
    'answers no JSON': says('<html>Welcome!</html>'),
    'answers nothing': says(''),
    'answers null': says('null'),
    'answers without a result': answers({}),
    'answers with a number': answers({ result: 1 }),
    'answers with what is no hex': answers({ result: '0xyz' }),
    'has had enough of us': answers({ error: { code: -32005, message: 'limit exceeded' } }),
    'answers a byte too much': yesOf(BYTES_MOST + 1),
    'answers at length': answers({ result: MAGIC, more: 'x'.repeat(1000000) }),
};

async function read(request) {
    let text = '';
    for await (const part of request) text += part;
    return text;
}

/** An address as it is in what is asked. */
const inside = (address) => address.slice(2).toLowerCase();

export class Rpc {
    calls = []; // as they came: { method, path, headers, text, body }
    #behaviours = new Map();

    /** @param target  the URL of the chain's own */
    static async start(target) {
        const rpc = new Rpc();
        const secret = randomBytes(16).toString('hex');
        const server = createServer((request, response) =>
            rpc.#hear(request, response).catch(() => response.destroy()));
        Object.assign(rpc, { target, secret });
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        rpc.url = `http://127.0.0.1:${server.address().port}/v2/${secret}`;
        return rpc;
    }

    /**
     * What becomes of a question about this address.
     * @param how  (response, asked, pass), of which the last asks the chain; undefined: that
     */
    misbehave(address, how) {
        if (how) this.#behaviours.set(inside(address), how);
        else this.#behaviours.delete(inside(address));
    }

    /** The questions about an address. */
    about(address) {
        return this.calls.filter(({ text }) => text.toLowerCase().includes(inside(address)));
    }

    async #hear(request, response) {
        const { method, url: path, headers } = request;
        const text = await read(request);
        const body = JSON.parse(text);
        this.calls.push({ method, path, headers, text, body });
        const found = [...this.#behaviours].find(([hex]) => text.toLowerCase().includes(hex));
        const pass = () => this.#pass(text, response);
        await (found ? found[1](response, body, pass) : pass());
    }

    async #pass(body, response) {
        const answer = await fetch(this.target, { method: 'POST', headers: JSON_TYPE, body });
        says(await answer.text(), answer.status)(response);
    }
}
