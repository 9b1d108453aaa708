/** A made-up run, for the tests of what judges one. */
import { Checker } from './checker.mjs';

export const [A, B, C] = ['0xA', '0xB', '0xC'];
const CONVERSATION = 'c1';

/**
 * Two wallets that talk, one that does not, and what a server that does all as it must would
 * say: of A one device, of B two. What a row does to it shows in what the checker says.
 */
export class Story {
    messages = []; // as A and B may see them: see view()
    marks = new Map([[A, { delivered: 0, read: 0 }], [B, { delivered: 0, read: 0 }]]);
    told = this.marks; // what of these the other side knows
    blocks = new Map([[A, false], [B, false]]);
    conns = new Map();

    constructor(how) {
        this.checker = new Checker([A, B, C], how);
        for (const [name, wallet] of [['a', A], ['b1', B], ['b2', B], ['c', C]]) {
            const device = { name, wallet };
            this.checker.begins(device);
            this.dial(device, false);
        }
    }

    get a() {
        return this.conns.get('a');
    }

    get b1() {
        return this.conns.get('b1');
    }

    get b2() {
        return this.conns.get('b2');
    }

    dial(device, isRecovering = true, must = undefined, { recovered = isRecovering } = {}) {
        const conn = { name: `${device.name}#`, device, wallet: device.wallet, isRecovering };
        this.conns.set(device.name, conn);
        this.checker.dials(conn, must);
        this.checker.hears(conn, 'ready', { recovered });
        return conn;
    }

    synced(...conns) {
        for (const conn of conns) this.checker.hears(conn, 'synced', {});
    }

    end(conn) {
        this.checker.ends(conn);
        return conn.device;
    }

    peerOf = (wallet) => (wallet === A ? B : A);

    statusOf(seq, { delivered, read }) {
        return seq <= read ? 'read' : seq <= delivered ? 'delivered' : 'undelivered';
    }

    view(seq, viewer, more) {
        const { withheld, ...message } = this.messages[seq - 1];
        const { from, to } = message;
        const marks = viewer === to ? this.marks.get(to) : this.told.get(to);
        const view = { ...message, peer: this.peerOf(viewer),
            status: this.statusOf(seq, marks) };
        if (viewer !== from) delete view.client_msg_id;
        if (withheld && viewer === to) Object.assign(view, { type: 'gone', content: null });
        if (withheld && viewer === to) delete view.reply_to;
        return { ...view, ...more };
    }

    /** It is stored. @return its seq */
    store(from, token, more = {}) {
        const seq = this.messages.length + 1;
        this.messages.push({
            id: `${CONVERSATION}:${seq}`, conversation: CONVERSATION, seq, from,
            to: this.peerOf(from), type: 'text', content: `${token} x`, client_msg_id: token,
            created_at: new Date(1e12 + seq).toISOString(),
            withheld: this.blocks.get(this.peerOf(from)), ...more,
        });
        return seq;
    }

    asksToSend(conn, token, more) {
        const payload = { to: this.peerOf(conn.wallet), type: 'text', content: `${token} x`,
            client_msg_id: token };
        return this.checker.asks(conn, 'message.send', payload, more);
    }

    answers(asked, answer) {
        this.checker.answered(asked, { status: 'ok', ...answer });
    }

    refuses(asked, code) {
        this.checker.answered(asked, { status: 'error', error: { code } });
    }

    /** Stored and answered. @return its seq */
    send(conn, token = `t${this.messages.length + 1}`) {
        const asked = this.asksToSend(conn, token);
        const seq = this.store(conn.wallet, token);
        this.answers(asked, { duplicate: false, message: this.view(seq, conn.wallet) });
        return seq;
    }

    hear(conn, seq, more) {
        this.checker.hears(conn, 'message.new', this.view(seq, conn.wallet, more));
    }

    ack(conn, ...seqs) {
        for (const seq of seqs)
            this.checker.acks(conn, { peer: this.peerOf(conn.wallet), seq });
    }

    receipt(conn, by, mark, seq) {
        this.checker.hears(conn, `message.${mark}`,
            { peer: this.peerOf(conn.wallet), by, seq });
    }

    /** A mark moves, and these are told. */
    move(by, mark, seq, ...conns) {
        const marks = this.marks.get(by);
        marks[mark] = seq;
        for (const conn of conns) this.receipt(conn, by, mark, seq);
    }

    conversation(viewer, more) {
        const marks = ({ delivered: delivered_seq, read: read_seq }) =>
            ({ delivered_seq, read_seq });
        const peer = this.peerOf(viewer);
        const isShown = ({ from, withheld }) => from === viewer || !withheld;
        const last = this.messages.filter(isShown).at(-1);
        const mine = this.marks.get(viewer);
        return {
            conversation: CONVERSATION, peer, blocked: this.blocks.get(viewer),
            accepted: this.messages.some(({ from }) => from === viewer), first_seq: 1,
            last_seq: this.messages.length,
            last_message: last ? this.view(last.seq, viewer) : null,
            unread: this.messages.filter(({ from, seq, withheld }) =>
                from === peer && !withheld && seq > mine.read).length,
            mine: marks(mine), theirs: marks(this.told.get(peer)),
            updated_at: last?.created_at ?? null, ...more,
        };
    }

    /** @param told  these hear of it, beside who has asked */
    contact(conn, what, ...told) {
        const { wallet } = conn;
        const asked = this.checker.asks(conn, `conversation.${what}`,
            { peer: this.peerOf(wallet) });
        this.blocks.set(wallet, what === 'block');
        this.answers(asked, { conversation: this.conversation(wallet) });
        for (const one of [conn, ...told]) this.changed(one);
    }

    changed(conn) {
        this.checker.hears(conn, 'conversation.changed',
            { conversation: this.conversation(conn.wallet) });
    }

    /** @param change  of what is found then, by address */
    settle(change = () => {}) {
        const final = new Map([A, B].map((wallet) => {
            const messages = this.messages.map(({ seq }) => this.view(seq, wallet));
            const list = messages.length ? [this.conversation(wallet)] : [];
            const known = this.checker.settled(A, B);
            return [wallet, { list, unread: list.filter(({ unread }) => unread > 0).length,
                histories: new Map([[this.peerOf(wallet), messages.slice(known)]]) }];
        }));
        final.set(C, { list: [], histories: new Map(), unread: 0 });
        change({ a: final.get(A), b: final.get(B), ofA: final.get(A).histories.get(B),
            ofB: final.get(B).histories.get(A) });
        this.checker.settle(final);
    }

    /** Three messages from A, which B has, on both devices; it has read one. */
    begin() {
        this.synced(...this.conns.values());
        for (let i = 1; i <= 3; i++) this.send(this.a);
        for (const conn of [this.b1, this.b2]) [1, 2, 3].forEach((seq) => this.hear(conn, seq));
        this.ack(this.b1, 1, 2, 3);
        this.ack(this.b2, 1, 2, 3);
        this.move(B, 'delivered', 3, this.a, this.b1, this.b2);
        this.read(this.b1, 1);
        this.move(B, 'read', 1, this.a, this.b1, this.b2);
        return this;
    }

    read(conn, seq, event = 'message.read') {
        const asked = this.checker.asks(conn, event, { peer: this.peerOf(conn.wallet), seq });
        this.answers(asked, { seq });
    }

    /** And a fourth, which all hear, and all of B acknowledge. */
    fourth(...hearing) {
        const seq = this.send(this.a);
        for (const conn of hearing) {
            this.hear(conn, seq);
            this.ack(conn, seq);
        }
        this.move(B, 'delivered', seq, this.a, this.b1, this.b2);
    }
}
