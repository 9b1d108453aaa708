/** A wallet that has no socket: it calls over HTTP, as servers and bots do. */
import { same } from '../lib.mjs';
import { saw } from './peer.mjs';
import { bearer, denied, granted } from './site.mjs';
import { wallet } from './wallet.mjs';

export const at = (peer, what = '') => `/v1/conversations/${encodeURIComponent(peer)}${what}`;

export class Bot {
    /** @param token  of the wallet, unless given; null for none */
    static async make(t, address = wallet(), token) {
        const bot = new Bot();
        return Object.assign(bot, {
            t, address, token: token === undefined ? await t.issuers.token(address) : token,
        });
    }

    /** @param body  a text as it is, anything else as JSON @return the response as it is */
    async call(method, path, body, headers = {}) {
        const response = await fetch(this.t.url + path, {
            method,
            headers: {
                ...(this.token !== null && bearer(this.token)),
                ...(body !== undefined && { 'Content-Type': 'application/json' }), ...headers,
            },
            body: typeof body === 'string' || body === undefined ? body : JSON.stringify(body),
        });
        const text = await response.text();
        const answer = text ? JSON.parse(text) : undefined;
        if (answer?.error) saw(answer.error.code);
        return {
            status: response.status, headers: Object.fromEntries(response.headers), answer,
        };
    }

    get(path) {
        return this.call('GET', path);
    }

    post(path, body) {
        return this.call('POST', path, body);
    }

    /** What the answer says beside its status, which must be ok. @param body  undefined: a GET */
    ok(path, body) {
        return granted(body === undefined ? this.get(path) : this.post(path, body));
    }

    refused(path, body, code, more) {
        return denied(body === undefined ? this.get(path) : this.post(path, body), code, more);
    }

    /** @return the message, which must be new, as its answer has it */
    async send(peer, content, more) {
        const sent = this.post(at(peer, '/messages'), { type: 'text', content, ...more });
        const { status, answer } = await sent;
        same([status, answer.status, answer.duplicate], [201, 'ok', false], 'send');
        return answer.message;
    }
}
