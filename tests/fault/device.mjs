/**
 * A device as a careful application has it: it keeps where it stands after it has kept what it
 * got, and sends again what was not answered. What it does and hears it writes down.
 */
import { Failure, now, sleep, within } from '../e2e/lib.mjs';
import { Peer } from '../e2e/chat/peer.mjs';

const READY_MS = 30000;
const ANSWER_MS = 30000;
const LOOK_MS = 500;
const HANDSHAKE_MS = 3000; // for a way that swallows what is said
const DISCONNECTED = /^socket has been disconnected$/;
const AGAIN_MS = 200;      // until it asks again what could not be done at the moment
const PASSING = ['storage_unavailable', 'busy'];

export class Device {
    cursor = undefined;
    outbox = new Map(); // by key: what it sends until it is answered
    tops = new Map();   // by conversation: the highest seq that it was told of
    conn = undefined;
    wrong = undefined;  // the first thing that was
    #awaited = new Map(); // by content

    /**
     * @param t        the trial, with a server and a transport
     * @param chance   its own
     * @param friends  the wallets that it writes to
     * @param habits   acks: how many of 100 messages it acknowledges; crashes: after how many of
     *                100 it is gone, with others on their way; isPatient: what can't be done at
     *                the moment is no mistake, and it tries again
     */
    constructor(t, { habits, ...how }) {
        Object.assign(this, { t, acks: 100, crashes: 0, isPatient: false, ...how, ...habits });
    }

    get isLive() {
        return this.conn?.isReady ?? false;
    }

    /** On a connection of its own, from where it stands. @return whether it has come about */
    async connect(url = this.t.url) {
        this.vanish();
        this.token ??= await this.t.issuers.token(this.address);
        const conn = this.#dials();
        const { transport } = this.t;
        conn.peer = await Peer.dial({ url, transport, defer: (undo) => (conn.undo = undo) },
            this.address, {
                token: this.token, cursor: this.cursor, acking: false, timeout: HANDSHAKE_MS,
                tap: (...heard) => this.#hear(conn, ...heard),
            });
        const { socket } = conn.peer;
        // The client itself does not look for that before the engine is open, and then waits.
        socket.io.engine.once('close', () => this.#end(conn));
        socket.once('disconnect', () => this.#end(conn));
        socket.once('connect_error', (error) => {
            if (error.data) this.#fail(`refused: ${error.data.code}`);
            this.#end(conn);
        });
        await this.#becomesReady(conn);
        return conn.isReady;
    }

    /** Nobody is ready without a store: where that goes again and again, the time begins anew. */
    async #becomesReady(conn) {
        const ready = conn.ready.then(() => true);
        const dialled = now();
        const lateAt = () => {
            const backAt = this.t.cluster?.postgres.backAt ?? 0;
            return READY_MS + Math.min(now(), Math.max(dialled, backAt));
        };
        while (!await Promise.race([ready, sleep(LOOK_MS)]))
            if (now() > lateAt()) throw new Failure(`no ${this.name} ready within ${READY_MS} ms`);
    }

    #dials() {
        const conn = { number: this.history.dials(this), isReady: false, isOver: false };
        conn.ready = new Promise((resolve) => (conn.isThere = resolve));
        conn.synced = new Promise((resolve) => (conn.isSynced = resolve));
        conn.over = new Promise((resolve) => (conn.isEnding = resolve));
        return (this.conn = conn);
    }

    #end(conn) {
        if (conn.isOver) return;
        Object.assign(conn, { isOver: true, isReady: false });
        if (this.conn === conn) this.conn = undefined;
        conn.undo?.();
        this.history.ends(conn.number);
        for (const resolve of [conn.isThere, conn.isSynced, conn.isEnding]) resolve();
    }

    /** Without a word. */
    vanish() {
        if (!this.conn) return;
        this.conn.hasLeft = true;
        this.#end(this.conn);
    }

    #fail(what) {
        this.wrong ??= new Failure(`${this.name}: ${what}`);
    }

    check() {
        if (this.wrong) throw this.wrong;
    }

    /** At once, so that nothing new is sent twice. */
    #resume(conn) {
        conn.isReady = true;
        conn.isThere();
        this.list(conn);
        for (const send of this.outbox.values()) this.#attempt(conn, send);
    }

    #hear(conn, event, payload, ack) {
        if (conn.isOver) return;
        this.history.hears(conn.number, event, payload);
        if (event === 'ready') this.#resume(conn);
        if (event === 'error') this.#fail(`error ${payload.error.code}`);
        if (event === 'message.new') this.#keep(payload);
        if (payload.cursor) this.cursor = payload.cursor; // after it has been kept
        if (event === 'synced') conn.isSynced();
        if (ack && this.#happens(this.acks)) {
            this.history.acks(conn.number, payload);
            ack();
        }
        if (ack && this.#happens(this.crashes)) this.vanish();
    }

    #happens(ofHundred) {
        return this.chance.next() % 100 < ofHundred;
    }

    #keep({ conversation, seq, content }) {
        this.tops.set(conversation, Math.max(seq, this.tops.get(conversation) ?? 0));
        this.#awaited.get(content)?.();
        this.#awaited.delete(content);
    }

    /** It will be told of a message that is not sent yet. */
    hears(content) {
        return new Promise((resolve) => this.#awaited.set(content, resolve));
    }

    // What it asks for.

    /**
     * @param take  gets the answer as soon as it is there, and not behind what comes with it;
     *              undefined where the connection is over before it comes
     */
    #ask(conn, event, payload, take) {
        conn.peer.socket.timeout(ANSWER_MS).emit(event, payload, (error, answer) => {
            if (error && !conn.isOver && !DISCONNECTED.test(error.message))
                this.#fail(`${event}: ${error.message}`);
            else if (answer?.error && !this.#isPassing(answer))
                this.#fail(`${event}: ${answer.error.code}`);
            take(answer);
        });
    }

    #isPassing(answer) {
        return this.isPatient && PASSING.includes(answer.error?.code);
    }

    /** As often as it takes. @return its answer */
    send(to, key, content) {
        const answered = new Promise((take) => {
            this.outbox.set(key, { key, from: this.address, to, content, take });
        });
        if (this.isLive) this.#attempt(this.conn, this.outbox.get(key));
        return answered;
    }

    #attempt(conn, send) {
        const { key, to, content, take } = send;
        const attempt = this.history.sends(conn.number, send);
        const payload = { to, type: 'text', content, client_msg_id: key };
        this.#ask(conn, 'message.send', payload, (answer) => {
            this.history.answered(attempt, answer);
            if (!answer) return;
            if (this.#isPassing(answer)) return this.#later(conn, send);
            this.outbox.delete(key);
            take(answer);
        });
    }

    /** Unless the next connection has, by then. */
    async #later(conn, send) {
        await sleep(AGAIN_MS);
        if (!conn.isOver) this.#attempt(conn, send);
    }

    /** It has read what it was told of, in one conversation. */
    async read() {
        const all = [...this.tops];
        if (!all.length || !this.isLive) return;
        const [conversation, seq] = all[this.chance.next() % all.length];
        this.history.hasRead(this.conn.number, conversation, seq);
        await new Promise((take) =>
            this.#ask(this.conn, 'message.read', { conversation, seq }, take));
    }

    /** @return its conversations */
    async list(conn = this.conn) {
        const asked = this.history.now;
        const all = [];
        for (let after; ;) {
            const page = await new Promise((take) =>
                this.#ask(conn, 'conversation.list', { limit: 200, after }, take));
            if (!page?.conversations) return all;
            this.history.lists(this.address, asked, page.conversations);
            all.push(...page.conversations);
            if (!(after = page.next)) return all;
        }
    }
}
