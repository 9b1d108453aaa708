/**
 * One conversation, as the test knows it: what was sent, what its two sides want of each
 * other, and a log of all that was asked, answered and heard. When all is quiet, the two
 * histories say what is so, and then the log is gone through in its order: see replay.mjs.
 */
import { isDeepStrictEqual } from 'node:util';
import { Contacts } from './contacts.mjs';
import { Side } from './marks.mjs';
import { replay } from './replay.mjs';
import { finish } from './finish.mjs';
import { Violation } from './violation.mjs';

const KEPT = 50; // entries of a log that was gone through, to show what was before

/** The text by which the test knows what it has sent. */
export const tokenOf = (content) =>
    (typeof content === 'string' ? content.split(' ', 1)[0] : content?.token);

/**
 * What was refused may be stored all the same, later, if it was sent before on a connection that
 * was given up: that one may have been on its way still.
 */
const mayBeLate = ({ isFirst, unix }, { created_at: at }) => !isFirst && Date.parse(at) >= unix;

export class Talk {
    id = undefined;
    messages = [];       // messages[seq - 1]: { view, as its sender sees it, send, isWithheld }
    sends = new Map();   // by token
    lines = new Map();   // connections, while they matter
    holders = new Map(); // by device
    log = [];
    settled = 0;         // messages that were known when it was quiet the last time
    #fresh = [];         // sends that were asked for since then
    #done = 0;           // entries of the log that were gone through

    constructor(addresses, { limits, isShy }, name) {
        Object.assign(this, { addresses, limits, name });
        const sides = addresses.map((address) =>
            [address, new Side(address, new Contacts(), isShy)]);
        this.sides = new Map(sides);
    }

    side(address) {
        return this.sides.get(address);
    }

    peerOf(address) {
        return this.addresses.find((other) => other !== address);
    }

    contacts(address) {
        return this.side(address).contacts;
    }

    /** Has the recipient of this one never got it? */
    isWithheldFrom(address, seq) {
        const message = this.messages[seq - 1];
        return message !== undefined && message.isWithheld && message.view.to === address;
    }

    /** @param about  the seq or token of a message, or what happened in an entry */
    wrong(kind, what, about) {
        const upto = this.now ? this.log.indexOf(this.now) + 1 : this.log.length;
        const error = new Violation(kind, what,
            { where: this.name, log: this.log.slice(0, upto), about });
        for (const address of this.addresses)
            error.message = error.message.replaceAll(address, this.nameOf(address));
        throw error;
    }

    // As it happens: what is known at once.

    note(entry) {
        this.log.push(entry);
    }

    /** @param ask  of a message; the same one may be asked for again */
    asksToSend(ask) {
        const { from, conn, payload } = ask;
        const token = tokenOf(payload.content);
        this.contacts(conn.wallet).asksToSend(from);
        if (!this.sends.has(token))
            this.sends.set(token, { ...payload, token, sender: conn.wallet, from, to: Infinity,
                recipient: payload.to, lines: new Set(), asked: 0 });
        ask.send = this.sends.get(token);
        ask.send.lines.add(conn);
        this.#fresh.push(ask.send);
    }

    sent({ send, conn, unix }, answer, at) {
        if (answer.status !== 'ok') {
            send.refused = { code: answer.error.code, unix, isFirst: send.lines.size === 1 };
            return;
        }
        send.to = Math.min(at, send.to);
        send.id = answer.message.id;
        this.contacts(conn.wallet).hasSent(at);
    }

    // When all is quiet.

    /**
     * @param final  by address: { conversation, messages }, as it is in the list, if it is
     *               there, and the history behind the messages that are known
     */
    settle(final) {
        this.#learn(final);
        this.#replay();
        finish(this, final);
        this.#forget();
    }

    #replay() {
        for (const entry of this.log.slice(this.#done)) {
            this.now = entry;
            replay(this, entry);
        }
        this.now = undefined;
    }

    #forget() {
        for (const send of this.#fresh.splice(0)) send.lines.clear();
        this.settled = this.messages.length;
        this.log = this.log.slice(-KEPT);
        this.#done = this.log.length;
        for (const { contacts } of this.sides.values()) contacts.forget();
        for (const [conn, line] of this.lines) if (line.isOver) this.lines.delete(conn);
    }

    #learn(final) {
        const [a, b] = this.addresses;
        const mine = final.get(a).messages;
        const other = final.get(b).messages;
        if (mine.length !== other.length)
            this.wrong('unequal', `${mine.length} and ${other.length} messages in history`);
        mine.forEach((message, i) => this.#add(message, other[i]));
        for (const send of this.sends.values())
            if (send.id && !send.isStored)
                this.wrong('lost', `${send.token}, ${send.id}, was acknowledged`, send.token);
    }

    #add(first, second) {
        const seq = this.messages.length + 1;
        if (first.seq !== seq || second.seq !== seq)
            this.wrong('gap', `seqs ${first.seq} and ${second.seq} in history, want ${seq}`);
        if (first.from !== second.from || !this.sides.has(first.from))
            this.wrong('unequal', `seq ${seq} is from ${first.from} and ${second.from}`);
        const [view, theirs] = first.from === this.addresses[0] ? [first, second]
            : [second, first];
        const send = this.#sendOf(view);
        const isWithheld = theirs.type === 'gone';
        this.id ??= view.conversation;
        this.messages.push({ view, send, isWithheld });
        send.seq = seq;
        this.check(theirs, view.to);
        if (isWithheld) this.#mayBeWithheld(seq);
        else if (this.contacts(view.to).must(send.from, send.to))
            this.wrong('withheld', `seq ${seq} is not, and its sender was blocked`, seq);
    }

    /** The one that was stored so, which it may be once. */
    #sendOf(view) {
        const send = this.sends.get(tokenOf(view.content));
        const seq = `seq ${view.seq}`;
        if (!send) this.wrong('invented', `${seq}: nobody has sent ${JSON.stringify(view)}`);
        if (send.isStored) this.wrong('doubled', `${send.token} is ${send.seq} and ${seq}`,
            send.token);
        if (send.refused && !mayBeLate(send.refused, view))
            this.wrong('refused', `${seq}: ${send.token} was ${send.refused.code}`, send.token);
        const got = [view.from, view.to, view.type, view.content, view.reply_to,
            view.client_msg_id];
        const want = [send.sender, send.recipient, send.type, this.files.described(send.content),
            send.reply_to, send.client_msg_id];
        const why = this.files.whyNot(send.content, send.sender);
        if (why) this.wrong('file', `${seq}: ${why}`, send.token);
        if (!isDeepStrictEqual(got, want))
            this.wrong('changed', `${seq}: ${JSON.stringify(got)}, sent ${JSON.stringify(want)}`);
        if (send.id && send.id !== view.id)
            this.wrong('changed', `${send.token} was ${send.id}, is ${view.id}`);
        const last = this.messages.at(-1);
        if (last && Date.parse(view.created_at) < Date.parse(last.view.created_at))
            this.wrong('reordered', `${seq} was created before the one before it`);
        send.isStored = true;
        return send;
    }

    /** As the viewer may see it, its status and cursor aside. */
    check(message, viewer) {
        const { seq } = message;
        const known = this.messages[seq - 1];
        if (!known) this.wrong('invented', `seq ${seq}: ${JSON.stringify(message)}`);
        const { status: _, cursor: __, ...got } = message;
        const { status: ___, ...all } = known.view;
        const want = { ...all, peer: this.peerOf(viewer) };
        if (viewer !== want.from) delete want.client_msg_id;
        if (message.type === 'gone' && this.isWithheldFrom(viewer, seq)) {
            Object.assign(want, { type: 'gone', content: null });
            delete want.reply_to;
        }
        if (!isDeepStrictEqual(got, want))
            this.wrong(message.type === 'gone' ? 'stub' : 'changed',
                `seq ${seq}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
    }

    /** The recipient may have blocked its sender when it was stored, or before it had it. */
    #mayBeWithheld(seq) {
        const { send } = this.messages[seq - 1];
        const periods = this.contacts(send.recipient).periods();
        const isSo = periods.some(({ block, from, to }) =>
            to >= send.from && (from <= send.to || !(block.least >= seq)));
        if (!isSo) this.wrong('stub', `seq ${seq} is withheld, and nobody has blocked its sender`);
    }
}
