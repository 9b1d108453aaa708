/**
 * A device of a wallet, as a careful application has it: it keeps where it stands after it has
 * kept what it got, and asks again for what was not answered. What it does and hears is noted
 * for the checker, as it happens.
 */
import { Failure, sleep, within } from '../e2e/lib.mjs';
import { Peer } from '../e2e/chat/peer.mjs';
import { hash } from './chance.mjs';
import { Cutter } from './cutter.mjs';

const TRANSPORTS = ['websocket', 'websocket', 'polling', 'upgrade'];
const ANSWER_MS = 30000;
const DIAL_MS = 20000;
const OLD_CURSORS = 4;
const BEHIND_MAX = 400; // events of a peer that are remembered behind an old cursor
const CRASH = 100;      // after one of so many messages it is gone, with others on their way
const ENDS = ['disconnect', 'connect_error'];

/** What a connection does with the messages that it gets, of 100. */
const HABITS = [
    { now: 100, later: 0 },
    { now: 60, later: 25 }, // the rest never
    { now: 20, later: 70 },
    { now: 0, later: 95 },
];

export class Device {
    cursor = undefined;
    outbox = new Map();   // by token: what is to be sent until it is answered
    asking = new Map();   // by peer: a contact, likewise
    answered = [];        // of late: what may be sent again
    top = new Map();      // by peer: the highest seq that it has
    kept = new Map();     // by peer: seqs, for who waits for them
    conn = undefined;
    isFirst = true;
    isNew = false;        // it has forgotten all, and nothing was settled since
    #conns = 0;
    #underWay = new Map(); // by token, or by peer: what is asked for just now
    #old = [];            // cursors: { cursor, conn, behind }: by peer, what came behind it

    constructor(world, wallet, name) {
        Object.assign(this, { world, wallet, name, checker: world.checker });
        this.forget();
    }

    get isLive() {
        return this.conn?.isReady ?? false;
    }

    /** As if it were installed anew; what it was sending, it still is. */
    forget() {
        this.cursor = undefined;
        this.#old = [];
        this.top.clear();
        this.kept.clear();
        this.isNew = true;
        this.checker.begins(this, this.isFirst);
        this.isFirst = false;
    }

    // Connecting.

    /**
     * @param how  transport, habit, way, age: numbers by chance; isAcking: it acknowledges all
     *             at once; foreign: another's cursor
     * @return whether it is connected
     */
    async dial({ transport = 0, habit = 0, way = 0, age = 0, foreign, isAcking = false } = {}) {
        const { cursor, must } = this.#start(age);
        const n = ++this.#conns;
        const conn = {
            name: `${this.name}#${n}`, n, device: this, wallet: this.wallet,
            habit: HABITS[isAcking ? 0 : habit % HABITS.length], held: [],
            isRecovering: cursor !== undefined, isReady: false, isOver: false,
        };
        this.conn = conn;
        this.checker.dials(conn, must);
        const ready = new Promise((resolve) => (conn.ready = resolve));
        conn.synced = new Promise((resolve) => (conn.isSynced = resolve));
        if (!isAcking && way % 2 === 0) conn.cutter = await Cutter.start(this.world.t.url);
        await this.#open(conn, TRANSPORTS[transport % TRANSPORTS.length], cursor ?? foreign);
        const isReady = await within(DIAL_MS, `${conn.name} ready`, ready);
        if (isReady) this.flush();
        return isReady;
    }

    async #open(conn, transport, cursor) {
        const t = {
            url: conn.cutter?.url ?? this.world.t.url, transport,
            defer: (undo) => (conn.undo = undo),
        };
        conn.peer = await Peer.dial(t, this.wallet, {
            token: await this.world.token(this.wallet), cursor, acking: false,
            tap: (event, payload, ack) => this.#hear(conn, event, payload, ack),
        });
        const { socket } = conn.peer;
        for (const event of ENDS)
            socket.on(event, (why) => this.#end(conn, `${event}: ${why.message ?? why}`));
        if (!conn.isOver) return;
        conn.undo?.(); // it has ended while it had no socket yet
        conn.peer = undefined;
    }

    /** From the latest cursor, or from an older one: then what came behind it comes again. */
    #start(age) {
        const old = age % 8 < this.#old.length ? this.#old[age % 8] : undefined;
        if (!old || this.cursor === undefined) return { cursor: this.cursor };
        return { cursor: old.cursor, must: old.behind };
    }

    #end(conn, why) {
        if (conn.isOver) return;
        conn.isOver = true;
        conn.isReady = false;
        if (this.conn === conn) this.conn = undefined;
        this.checker.ends(conn);
        conn.ready(false);
        conn.undo?.();
        conn.cutter?.close();
        Object.assign(conn, { held: [], peer: undefined, undo: undefined });
        if (!conn.isLeaving) this.world.ended(conn, why);
    }

    // What it hears.

    #hear(conn, event, payload, ack) {
        if (conn.isOver) return;
        this.world.guard(() => {
            this.world.heard++;
            if (event === 'error' || event === 'warning') this.world.told(conn, event, payload);
            this.checker.hears(conn, event, payload);
            if (event === 'ready') this.#isReady(conn, payload);
            else if (event === 'message.new') this.#keep(conn, payload, ack);
            if (payload?.cursor) this.#stand(conn, event, payload);
            if (event === 'synced') this.#isSynced(conn);
        });
    }

    /** But not when all come to rest; nor in lock step, where what had gone out by then is not
     * decided by the seed. */
    #mayCrash(conn, { from, seq }) {
        if (conn.habit === HABITS[0] || this.world.isLockStep) return;
        if (hash(this.world.seed, conn.name, from, seq, 'crash') % CRASH > 0) return;
        this.world.count('a device crashed');
        this.vanish(1);
    }

    #isReady(conn, { unread }) {
        Object.assign(conn, { unread, isReady: true });
        conn.ready(true);
    }

    #isSynced(conn) {
        conn.hasSynced = true;
        conn.isSynced();
    }

    #keep(conn, message, ack) {
        this.has(message);
        const dice = hash(this.world.seed, this.name, conn.n, message.from, message.seq) % 100;
        if (dice < conn.habit.now) this.ack(conn, message, ack);
        else if (dice < conn.habit.now + conn.habit.later)
            conn.held.push([message, ack]);
    }

    has({ peer, seq }) {
        this.top.set(peer, Math.max(seq, this.top.get(peer) ?? 0));
        if (!this.kept.has(peer)) this.kept.set(peer, new Set());
        this.kept.get(peer).add(seq);
    }

    /** Some of the cursors that it had are kept: an application may be late to write them. */
    #stand(conn, event, payload) {
        const { cursor } = payload;
        if (conn.hasSynced) this.#isBehind(conn, event, payload);
        const isKept = conn.hasSynced && this.#old.at(-1)?.cursor !== cursor &&
            hash(this.world.seed, conn.name, event, this.#old.length) % 8 === 0;
        this.cursor = cursor;
        if (isKept)
            this.#old = [...this.#old.slice(1 - OLD_CURSORS), { cursor, conn, behind: new Map() }];
        if (event === 'message.new') this.#mayCrash(conn, payload);
    }

    /** What it has heard must come again, if it goes on from a cursor before it. */
    #isBehind(conn, event, payload) {
        const peer = payload.peer ?? payload.conversation.peer;
        for (const old of this.#old) {
            const all = old.behind.get(peer) ?? [];
            if (old.conn === conn && all.length < BEHIND_MAX)
                old.behind.set(peer, [...all, { event, by: payload.by, seq: payload.seq }]);
        }
    }

    ack(conn, message, ack) {
        this.checker.acks(conn, message);
        ack();
    }

    /** One of those that it holds back, or all of them in an order by chance. */
    ackHeld(n, isAll = false) {
        const { conn } = this;
        const { held } = conn;
        for (let i = n; held.length; i = hash(i)) {
            const [[message, ack]] = held.splice(i % held.length, 1);
            this.ack(conn, message, ack);
            if (!isAll) return;
        }
    }

    // What it asks for.

    /** @return the answer, or undefined where the connection is over before it comes */
    ask(event, payload, more) {
        const { conn } = this;
        if (!conn?.isReady) return undefined;
        const asked = this.checker.asks(conn, event, payload, more);
        this.world.does(event, this, payload);
        return new Promise((resolve) => {
            const { socket } = conn.peer;
            socket.timeout(ANSWER_MS).emit(event, payload, (error, answer) => {
                this.world.guard(() => this.#answered(conn, asked, event, error, answer));
                resolve(error || conn.isOver ? undefined : answer);
            });
        });
    }

    #answered(conn, asked, event, error, answer) {
        if (conn.isOver) return;
        if (!error) this.checker.answered(asked, answer);
        else if (/timed out/.test(error.message))
            throw new Failure(`${conn.name}: ${event} was not answered`);
    }

    /** What the checker need not know of. */
    raw(event, payload) {
        const { conn } = this;
        if (!conn?.isReady) return undefined;
        return new Promise((resolve) => {
            conn.peer.socket.timeout(ANSWER_MS).emit(event, payload, (error, answer) => {
                this.world.guard(() => {
                    if (error && !conn.isOver && /timed out/.test(error.message))
                        throw new Failure(`${conn.name}: ${event} was not answered`);
                });
                resolve(error ? undefined : answer);
            });
        });
    }

    /** @param send  token, and what is sent; without a key it is sent once, whatever comes of it */
    async send(send) {
        this.outbox.set(send.token, send);
        await this.#try(send);
    }

    // Files.

    /** @return its upload and where to put it, or undefined */
    async announce(name, bytes) {
        const said = { name, mime: 'text/plain', size: bytes.length };
        const answer = await this.raw('upload.create', said);
        if (!answer) return undefined;
        if (answer.status !== 'ok')
            throw new Failure(`${this.name}: upload.create: ${JSON.stringify(answer)}`);
        this.checker.announced(answer.upload, this.wallet, said);
        this.world.files.set(answer.upload, { name, bytes, wallet: this.wallet });
        return answer;
    }

    /** The server may end in the middle of it: then nobody knows. */
    async put({ upload, method, url, headers }, bytes) {
        this.checker.putting(upload);
        const given = AbortSignal.timeout(ANSWER_MS);
        const answer = await fetch(url, { method, headers, body: bytes, signal: given })
            .catch(() => undefined);
        if (answer?.ok) this.checker.isPut(upload);
        this.world.count(answer?.ok ? 'a file was put' : 'a file was put, or not');
    }

    #once(key, run) {
        if (!this.#underWay.has(key))
            this.#underWay.set(key, run().finally(() => this.#underWay.delete(key)));
        return this.#underWay.get(key);
    }

    #try(send) {
        return this.#once(send.token, () => this.#attempt(send));
    }

    async #attempt({ token, ...payload }) {
        if (!this.isLive) return;
        const answer = await this.ask('message.send', payload);
        if (!answer) this.world.count('an answer was lost');
        if (!answer && payload.client_msg_id) return;
        this.outbox.delete(token);
        if (answer) this.#sent({ token, ...payload }, answer);
    }

    #sent(send, answer) {
        if (answer.status !== 'ok') {
            this.world.count(answer.error.code);
            return;
        }
        this.world.count('message.send');
        if (answer.duplicate) this.world.count('a send was a duplicate');
        this.has(answer.message);
        if (send.client_msg_id) this.#mayRepeat(send);
    }

    /** The same ones, in whatever order several were answered: a seed picks one of them. */
    #mayRepeat(send) {
        this.answered = [send, ...this.answered.filter(({ token }) => token !== send.token)]
            .sort((a, b) => b.token.localeCompare(a.token, 'en', { numeric: true }))
            .slice(0, 16);
    }

    /** accept, block or unblock, until it is answered. */
    contact(event, peer) {
        this.asking.set(peer, event);
        return this.#once(peer, () => this.#contact(event, peer));
    }

    async #contact(event, peer) {
        if (!this.isLive) return;
        const answer = await this.ask(event, { peer });
        if (!answer) return;
        this.asking.delete(peer);
        this.world.count(answer.status === 'ok' ? event : answer.error.code);
    }

    /** What was never answered is asked for again. @return when all of it is */
    flush() {
        const sends = [...this.outbox.values()].map((send) => this.#try(send));
        const contacts = [...this.asking].map(([peer, event]) => this.contact(event, peer));
        return Promise.all([...sends, ...contacts]);
    }

    // How it goes.

    /** @param how  0 to 4: politely, without a word, cut, deaf for a while, mute for a while */
    async vanish(how, ms) {
        const { conn } = this;
        if (!conn) return;
        conn.isLeaving = true;
        if (how > 2 && conn.cutter) {
            conn.cutter.lose(how === 3 ? 'server' : 'client');
            await sleep(ms);
        }
        if (how === 0) conn.peer?.socket.disconnect();
        else if (how === 1) conn.peer?.socket.io.engine?.close();
        else conn.cutter?.cut();
        this.#end(conn, 'vanished');
    }

    end() {
        const { conn } = this;
        if (!conn) return;
        conn.isLeaving = true;
        this.#end(conn, 'the end');
        conn.cutter?.cut();
    }
}
