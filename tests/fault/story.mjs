/**
 * One sender and one recipient, a server that ends under them at some point, and its
 * successor on the same data: what must be true then, wherever that point was.
 */
import { Failure, same } from '../e2e/lib.mjs';
import { areInOrder, numbers } from '../e2e/chat/expect.mjs';
import { Peer, isRefusal, join } from '../e2e/chat/peer.mjs';
import { folder } from '../e2e/chat/serve.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { tracing } from './trace.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s'];
const AT_ONCE = 4;
const ENDLESS = 3000; // messages; if it has not ended by then, nothing will end it

export class Story {
    sent = new Set();      // keys
    acked = new Map();     // key -> message
    refused = new Set();   // keys: not stored, the server has said
    kept = new Map();      // id -> message, as the recipient has it
    cursor = undefined;

    constructor(t) {
        Object.assign(this, { t, data: folder('data'), from: wallet(), to: wallet() });
    }

    /** @param how  as of tracing() @return whether it came as far as that it was ready */
    async start(inject, how) {
        const wrap = inject && tracing(inject, how);
        const options = OPTIONS;
        try {
            await this.t.serve({ data: this.data, options, wrap });
            return true;
        } catch (error) {
            if (!(error instanceof Failure)) throw error;
            this.why = error.message;
            return false;
        }
    }

    async #hear(peer, until) {
        for (;;) {
            const message = await Promise.race([peer.take('message.new', 30000), until]);
            if (message === undefined) return;
            this.#keep(message);
        }
    }

    #keep(message) {
        const before = this.kept.get(message.id);
        if (before) same(message.content, before.content, `content of ${message.id}, again`);
        this.kept.set(message.id, message);
        this.cursor = message.cursor;
    }

    #ask(peer, key) {
        this.sent.add(key);
        const send = { to: this.to, type: 'text', content: key, client_msg_id: key };
        return peer.askAtTheEnd('message.send', send);
    }

    /** So many messages, or fewer if it ends. It is killed then, if it has not ended. */
    async sendSome(n, isEnough = () => true) {
        this.enough = n;
        this.isEnough = isEnough;
        await this.sendUntilItEnds();
    }

    /** Messages, until it ends. @return how it has ended */
    async sendUntilItEnds() {
        const { t } = this;
        const gone = t.server.over(30000).then(() => undefined);
        const joining = [this.from, this.to].map((address) => Peer.dial(t, address));
        const [a, b] = await Promise.all(joining);
        const joined = Promise.all([a, b].map((peer) => peer.take('synced', 30000)));
        if (await Promise.race([joined, gone])) {
            const hearing = this.#hear(b, gone);
            await this.#sendAll(a);
            if (this.enough) t.server.child.kill('SIGKILL');
            await hearing;
            for (const message of b.heard.get('message.new') ?? []) this.#keep(message);
        }
        return t.server.ended;
    }

    async #sendAll(peer) {
        let next = 0;
        const worker = async () => {
            while (peer.isLive && (next < (this.enough ?? ENDLESS) || this.#wantsMore(next))) {
                const key = `k${++next}`;
                const answer = await this.#ask(peer, key);
                if (!answer) return;
                if (answer.status === 'ok') this.acked.set(key, answer.message);
                else this.#refuse(key, answer);
            }
            if (peer.isLive && !this.enough)
                throw new Failure(`it has not ended after ${ENDLESS} messages`);
        };
        await Promise.all(numbers(AT_ONCE).map(worker));
    }

    #wantsMore(n) {
        return this.enough && n < ENDLESS && !this.isEnough();
    }

    #refuse(key, answer) {
        isRefusal(answer, 'storage_unavailable');
        this.refused.add(key);
    }

    async #stored(peer) {
        const all = [];
        for (let before, hasMore = true; hasMore;) {
            const answer = await peer.ask('message.history',
                { peer: this.to, limit: 200, ...(before && { before }) });
            if (answer.error?.code === 'not_found') break;
            all.unshift(...answer.messages);
            before = all[0].seq;
            hasMore = answer.has_more;
        }
        return new Map(all.map((message) => [message.client_msg_id, message]));
    }

    /** Its successor. All that was sent is sent again, and five more. */
    async goOn() {
        const { t } = this;
        await t.serve({ data: this.data, options: OPTIONS });
        const a = await join(t, this.from);
        const stored = await this.#stored(a);
        for (const [key, { id }] of this.acked)
            same(stored.get(key)?.id, id, `${key}, which was acknowledged`);
        for (const key of this.refused)
            same(stored.has(key), false, `${key}, which was refused, is stored`);
        for (const key of [...this.sent]) {
            const { status, duplicate, message } = await this.#ask(a, key);
            same([status, duplicate], ['ok', stored.has(key)], `${key}: status, duplicate`);
            if (duplicate) same(message.id, stored.get(key).id, `id of ${key}`);
        }
        for (const i of numbers(5)) same((await this.#ask(a, `more${i}`)).duplicate, false, 'new');
        await this.#hearsEach();
        await t.server.stop();
    }

    /** With what the recipient had, each once, and the seqs without a gap. */
    async #hearsEach() {
        const { t, cursor } = this;
        const b = await join(t, this.to, { cursor });
        if (cursor) same(b.ready.recovered, true, 'recovered');
        await b.take('synced', 20000);
        for (const message of b.heard.get('message.new') ?? []) this.#keep(message);
        const all = [...this.kept.values()].sort((x, y) => x.seq - y.seq);
        areInOrder(all.map(({ seq }) => seq), 1, this.sent.size);
        same(new Set(all.map(({ content }) => content)), this.sent, 'contents');
    }
}
