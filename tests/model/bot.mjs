/** What a wallet does over HTTP, as a server of its owner would: it asks, and hears nothing. */
const ANSWER_MS = 30000;

const CALLS = {
    'message.send': ({ to, ...body }) => [to, 'messages', body],
    'message.read': ({ peer, ...body }) => [peer, 'read', body],
    'message.delivered': ({ peer, ...body }) => [peer, 'delivered', body],
};

export class Bot {
    outbox = new Map(); // by token: what is to be sent until it is answered

    constructor(world, wallet, name) {
        Object.assign(this, { world, wallet, name });
        this.conn = { name, wallet };
    }

    /** @param ms  after which it does not wait any more. @return the answer, or undefined */
    async ask(event, payload, ms = ANSWER_MS) {
        const { world, conn } = this;
        if (!world.isUp) return undefined;
        const asked = world.checker.asks(conn, event, payload);
        const answer = await this.#call(CALLS[event](payload), ms);
        if (answer) world.guard(() => world.checker.answered(asked, answer));
        return answer;
    }

    async #call([peer, what, body], ms) {
        const given = new AbortController();
        const token = await this.world.token(this.wallet);
        const asking = fetch(`${this.world.t.url}/v1/conversations/${peer}/${what}`, {
            method: 'POST', body: JSON.stringify(body), signal: given.signal,
            headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        }).then((response) => response.json()).catch(() => undefined);
        const late = setTimeout(() => given.abort(), ms);
        return asking.finally(() => clearTimeout(late));
    }

    async send({ token, ...payload }, ms) {
        this.outbox.set(token, payload);
        const answer = await this.ask('message.send', payload, ms);
        if (!answer) return this.world.count('an answer to a call was lost');
        this.outbox.delete(token);
        return this.world.count(answer.status === 'ok' ? 'a call' : answer.error.code);
    }

    /** What was never answered is sent again. */
    async flush() {
        for (const [token, payload] of this.outbox) await this.send({ token, ...payload });
    }
}
