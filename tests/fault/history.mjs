/**
 * What clients have done and seen, in its order: one entry for each thing, which its `what`
 * names. A connection and an attempt to send are known by the place of the entry that began
 * them. See checker.mjs for what must be so.
 */
const MARKS = { 'message.delivered': 'delivered', 'message.read': 'read' };

export class History {
    entries = [];
    #texts = new Map();

    #note(what, more) {
        return this.entries.push({ what, ...more }) - 1;
    }

    /** Each text once: there are millions of entries. */
    #one(text) {
        if (!this.#texts.has(text)) this.#texts.set(text, text);
        return this.#texts.get(text);
    }

    /** How far it is by now: what is asked for behind it has been asked for later. */
    get now() {
        return this.entries.length;
    }

    /** @param device  { name, address, cursor } @return the connection */
    dials({ name, address, cursor }) {
        return this.#note('dial', { device: name, wallet: address, cursor });
    }

    ends(conn) {
        this.#note('end', { conn });
    }

    /** @param conn  that has been told so */
    hears(conn, event, payload) {
        if (event === 'ready') this.#note('ready', { conn, isRecovered: payload.recovered });
        else if (event === 'message.new') this.#note('new', { conn, ...this.#message(payload) });
        else if (MARKS[event])
            this.#note('receipt', {
                conn, conversation: this.#one(payload.conversation), by: this.#one(payload.by),
                mark: MARKS[event], seq: payload.seq,
            });
    }

    #message({ id, conversation, seq, from, to, content, client_msg_id: key }) {
        return {
            id: this.#one(id), conversation: this.#one(conversation), seq, from: this.#one(from),
            to: this.#one(to), content: this.#one(content), key: this.#one(key),
        };
    }

    /** It acknowledges a message. */
    acks(conn, { conversation, seq }) {
        this.#note('ack', { conn, conversation: this.#one(conversation), seq });
    }

    /** It asks for the mark that says so. */
    hasRead(conn, conversation, seq) {
        this.#note('read', { conn, conversation: this.#one(conversation), seq });
    }

    /** @param send  { key, from, to, content } @return the attempt */
    sends(conn, { key, from, to, content }) {
        return this.#note('send', { conn, key, from, to, content: this.#one(content) });
    }

    /** @param answer  undefined where the connection was over before it came */
    answered(attempt, answer) {
        if (!answer) this.#note('unknown', { attempt });
        else if (answer.error) this.#note('refused', { attempt, code: answer.error.code });
        else
            this.#note('ok', {
                attempt, isDuplicate: answer.duplicate, ...this.#message(answer.message),
            });
    }

    /** @param asked  the time when its list was asked for @param list  conversations */
    lists(wallet, asked, list) {
        for (const { conversation, peer, mine, theirs } of list)
            for (const [by, marks] of [[wallet, mine], [peer, theirs]])
                this.#note('marks', {
                    asked, conversation: this.#one(conversation), by: this.#one(by),
                    delivered: marks.delivered_seq, read: marks.read_seq,
                });
    }

    /** The server is, with what has no answer yet. */
    kills() {
        this.#note('kill');
    }

    /** At the end: all of a conversation, as the wallet reads it. @param last  its last seq */
    reads(wallet, conversation, last, messages) {
        this.#note('final', {
            wallet, conversation: this.#one(conversation), last,
            messages: messages.map((message) => this.#message(message)),
        });
    }
}
