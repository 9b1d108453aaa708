/**
 * Judges what a few wallets, their devices and connections ask for, are answered and hear. It
 * knows no socket: whoever drives them notes each thing as it happens, in its order, and when
 * all is quiet what the lists and the histories say. Then everything is checked, and what is
 * wrong is thrown, as a Violation.
 */
import { NODES } from '../e2e/chat/cluster.mjs';
import { Files, plain } from './files.mjs';
import { Talk } from './talk.mjs';
import { Violation } from './violation.mjs';

/** The list goes by the order of the store; the time of each node, and worker, is of when it was asked. */
const CLOCKS_MS = NODES > 1 ? 5000 : process.env.PARLEY_WORKERS > 1 ? 1000 : 0;

const RECEIPTS = { 'message.delivered': 'delivered', 'message.read': 'read' };
const CONTACT = /^conversation\.(accept|block|unblock)$/;

export class Checker {
    step = 0;
    #at = 0;
    #talks = new Map(); // by "address address"
    #files = new Files();

    /**
     * @param wallets  addresses
     * @param limits   { peer, stranger }: undelivered messages of one sender
     * @param isShy    receipts wait until their sender has accepted the other side
     * @param clock    Unix, ms: the server's
     */
    constructor(wallets, { limits = {}, isShy = false, clock = Date.now } = {}) {
        Object.assign(this, { wallets, clock });
        const both = { peer: Infinity, stranger: Infinity, ...limits };
        wallets.forEach((a, i) => wallets.slice(i + 1).forEach((b) => {
            const talk = new Talk([a, b], { limits: both, isShy }, this.#nameOf(a, b));
            talk.files = this.#files;
            talk.nameOf = (address) => this.#nameOf(address);
            this.#talks.set(`${a} ${b}`, talk).set(`${b} ${a}`, talk);
        }));
    }

    #nameOf(...addresses) {
        return addresses.map((address) => `w${this.wallets.indexOf(address)}`).join('-');
    }

    talk(a, b) {
        const talk = this.#talks.get(`${a} ${b}`);
        if (!talk) throw new Violation('invented', `${b} told ${this.#nameOf(a)} something`);
        return talk;
    }

    talksOf(wallet) {
        return this.wallets.filter((peer) => peer !== wallet)
            .map((peer) => this.talk(wallet, peer));
    }

    #note(talks, who, what, more) {
        const entry = { at: ++this.#at, step: this.step, who: who.name, what, ...more };
        for (const talk of talks) talk.note(entry);
        return entry;
    }

    /** @param device  { name, wallet }; it knows nothing, or has forgotten all */
    begins(device, isFirst = true) {
        this.#note(this.talksOf(device.wallet), device, 'begin', { device, isFirst });
    }

    /**
     * @param conn  { name, device, wallet, isRecovering }: whether it comes with a cursor of
     *              its own
     * @param must  by peer, what was heard behind that cursor on the same connection: event,
     *              seq, by
     */
    dials(conn, must = new Map()) {
        for (const talk of this.talksOf(conn.wallet))
            this.#note([talk], conn, 'dial', { conn, isRecovering: conn.isRecovering,
                must: must.get(talk.peerOf(conn.wallet)) });
    }

    ends(conn) {
        this.#note(this.talksOf(conn.wallet), conn, 'end', { conn });
    }

    // Files: those of all wallets.

    announced(upload, owner, said) {
        this.#files.announced(upload, owner, said);
    }

    putting(upload) {
        this.#files.putting(upload, ++this.#at);
    }

    isPut(upload) {
        this.#files.isPut(upload, ++this.#at);
    }

    hears(conn, event, heard) {
        const payload = plain(heard);
        const all = this.talksOf(conn.wallet);
        if (event === 'ready') this.#ready(conn, payload);
        else if (event === 'synced') this.#note(all, conn, 'synced', { conn });
        else if (event === 'message.new')
            this.#note([this.talk(conn.wallet, payload.peer)], conn, 'new',
                { conn, message: payload });
        else if (RECEIPTS[event])
            this.#note([this.talk(conn.wallet, payload.peer)], conn, 'receipt',
                { conn, mark: RECEIPTS[event], by: payload.by, seq: payload.seq });
        else if (event === 'conversation.changed')
            this.#note([this.talk(conn.wallet, payload.conversation.peer)], conn, 'changed',
                { conn, conversation: payload.conversation });
    }

    #ready(conn, { recovered }) {
        if (recovered !== conn.isRecovering)
            throw new Violation('recovered', `${conn.name}: ${recovered}`);
        this.#note(this.talksOf(conn.wallet), conn, 'ready', { conn });
    }

    acks(conn, { peer, seq }) {
        this.#note([this.talk(conn.wallet, peer)], conn, 'ack', { conn, seq });
    }

    /** @param conn  or a call's { name, wallet }
     * @param more  isConflict, isTooFar: it must be refused, so @return for answered() */
    asks(conn, event, payload, more = {}) {
        const peer = payload.to ?? payload.peer;
        const talks = peer ? [this.talk(conn.wallet, peer)] : this.talksOf(conn.wallet);
        const entry = { conn, event, payload, ...more };
        const made = talks.map((talk) => [talk, { ...entry }]);
        for (const [talk, ask] of made) this.#ask(talk, ask);
        return made;
    }

    #ask(talk, ask) {
        const entry = this.#note([talk], ask.conn, 'ask', { ask });
        Object.assign(ask, { from: entry.at, unix: this.clock() });
        if (ask.event === 'message.send' && !ask.isConflict) talk.asksToSend(ask);
        const [, what] = CONTACT.exec(ask.event) ?? [];
        if (!what) return;
        const contacts = talk.contacts(ask.conn.wallet);
        contacts.asks(what, ask.from);
        ask.change = contacts.pending;
    }

    answered(asked, told) {
        const answer = plain(told);
        for (const [talk, ask] of asked) {
            const { at } = this.#note([talk], ask.conn, 'answer', { ask, answer });
            if (ask.send) talk.sent(ask, answer, at);
            if (ask.change && ask.change === talk.contacts(ask.conn.wallet).pending)
                talk.contacts(ask.conn.wallet).answered(at, answer.status === 'ok');
        }
    }

    /**
     * @param found  by address: { list, histories, unread }: its conversations, by peer the
     *               messages that settled() did not know yet, and what a connection of now
     *               was told of unread conversations
     */
    settle(found) {
        const final = new Map([...found].map(([wallet, { histories, ...more }]) => [wallet,
            { ...plain(more), histories: new Map([...histories].map(([peer, all]) =>
                [peer, plain(all)])) }]));
        for (const wallet of this.wallets) this.#checkList(wallet, final.get(wallet));
        for (const talk of new Set(this.#talks.values()))
            talk.settle(new Map(talk.addresses.map((address) =>
                [address, this.#part(final.get(address), talk.peerOf(address))])));
    }

    /** How many messages of the two are known. */
    settled(a, b) {
        return this.talk(a, b).messages.length;
    }

    #part({ list, histories }, peer) {
        return { conversation: list.find((one) => one.peer === peer),
            messages: histories.get(peer) ?? [] };
    }

    #checkList(wallet, { list, unread }) {
        const name = this.#nameOf(wallet);
        const n = list.filter((one) => one.unread > 0).length;
        if (unread !== n) throw new Violation('unread', `ready says ${unread}, want ${n}`,
                { where: name });
        const times = list.map((one) => Date.parse(one.updated_at));
        if (times.some((at, i) => at > times[i - 1] + CLOCKS_MS))
            throw new Violation('list', 'not the latest first', { where: name });
        if (new Set(list.map(({ peer }) => peer)).size !== list.length)
            throw new Violation('list', 'one is there twice', { where: name });
    }
}
