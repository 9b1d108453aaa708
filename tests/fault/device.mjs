/** A device as a careful application has it: it keeps what it gets, and where it stands. */
import { Failure, same } from '../e2e/lib.mjs';
import { join } from '../e2e/chat/peer.mjs';

export class Device {
    kept = new Map();     // by conversation: seq -> message
    sent = new Map();     // key -> message: what it has sent, and was answered
    unanswered = [];      // what it sends again
    marks = new Map();    // "conversation, event, whose": the highest seq that it was told
    acks = 0.95;          // how many of the messages it acknowledges
    crashes = 0.02;       // and after how many it is gone, with others on their way
    cursor = undefined;
    wrong = undefined;    // the first thing that was
    #sockets = 0;
    #last = new Map();    // by conversation: the last seq on this socket

    constructor(t, address, name, random) {
        Object.assign(this, { t, address, name, random });
    }

    get isLive() {
        return this.peer?.isLive ?? false;
    }

    /** On a socket of its own; from where it stands. */
    async connect() {
        const socket = ++this.#sockets;
        const { cursor } = this;
        this.#last = new Map();
        const tap = (event, payload, ack) => {
            if (socket === this.#sockets && !this.wrong) this.#hear(event, payload, ack);
        };
        this.peer = await join(this.t, this.address, { cursor, acking: false, tap });
        same(this.peer.ready.recovered, cursor !== undefined, `${this.name}: recovered`);
        await this.#checkMarks(new Map(this.marks));
    }

    /** What it was told of is stored, whatever has happened since. */
    async #checkMarks(told) {
        const list = await this.peer.askAtTheEnd('conversation.list', {});
        const check = (event, conversation, whose, seq) => {
            if (seq < told.get(`${conversation}, ${event}, ${whose}`))
                this.wrong = `${event} of ${whose} has gone back to ${seq}`;
        };
        for (const { conversation, peer, mine, theirs } of list?.conversations ?? [])
            for (const [whose, marks] of [[this.address, mine], [peer, theirs]]) {
                check('message.delivered', conversation, whose, marks.delivered_seq);
                check('message.read', conversation, whose, marks.read_seq);
            }
    }

    #hear(event, payload, ack) {
        if (event === 'message.new') this.#keep(payload);
        else if (payload.by) this.#mark(event, payload);
        if (payload.cursor) this.cursor = payload.cursor; // after it has been kept
        if (ack && this.random() < this.acks) ack();
        if (ack && this.random() < this.crashes) this.vanish();
    }

    #keep({ conversation, seq, id, content }) {
        const last = this.#last.get(conversation) ?? 0;
        const all = this.kept.get(conversation) ?? new Map();
        const before = all.get(seq);
        if (seq <= last) this.wrong = `seq ${seq} behind ${last}`;
        if (before && before.content !== content) this.wrong = `${id} has changed`;
        this.#last.set(conversation, seq);
        this.kept.set(conversation, all.set(seq, { id, content }));
    }

    #mark(event, { conversation, by, seq }) {
        const mark = `${conversation}, ${event}, ${by}`;
        this.marks.set(mark, Math.max(seq, this.marks.get(mark) ?? 0));
    }

    check() {
        if (this.wrong) throw new Failure(`${this.name}: ${this.wrong}`);
    }

    async send(to, key) {
        this.unanswered.push({ to, type: 'text', content: key, client_msg_id: key });
        await this.flush();
    }

    /** What was never answered is sent again, under its key, in order. */
    async flush() {
        while (this.isLive && this.unanswered.length) {
            const [send] = this.unanswered;
            const answer = await this.peer.askAtTheEnd('message.send', send);
            if (!answer) return;
            same(answer.error, undefined, `${this.name}: error for ${send.client_msg_id}`);
            this.sent.set(send.client_msg_id, answer.message);
            this.unanswered.shift();
        }
    }

    /** Without a word. */
    vanish() {
        this.#sockets++;
        this.peer?.socket.io._close();
        this.peer = undefined;
    }

    /** The seqs of a conversation that it has: got, or sent itself. */
    seqsOf(conversation) {
        const mine = [...this.sent.values()].filter((m) => m.conversation === conversation);
        const seqs = [...(this.kept.get(conversation)?.keys() ?? []), ...mine.map((m) => m.seq)];
        return [...new Set(seqs)].sort((x, y) => x - y);
    }
}
