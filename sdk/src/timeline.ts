import type { ItemState, Item } from './model.js';
import type { Marks, Message } from './protocol.js';

interface Row {
    message: Message;
    item: Item;
}

export const isOwn = (message: Message): boolean => message.from !== message.peer;

/** The same before and after it is stored. */
export const keyOf = (message: Message): string =>
    (isOwn(message) && message.client_msg_id) || message.id;

function stateOf(message: Message, theirs: Marks): ItemState {
    if (!isOwn(message)) return 'received';
    if (message.seq <= theirs.read_seq) return 'read';
    return message.seq <= theirs.delivered_seq ? 'delivered' : 'sent';
}

export const itemOf = (message: Message, theirs: Marks, file?: Blob): Item => ({
    key: keyOf(message),
    own: isOwn(message),
    type: message.type,
    content: message.content,
    replyTo: message.reply_to,
    at: Date.parse(message.created_at) || 0,
    state: stateOf(message, theirs),
    seq: message.seq,
    progress: undefined,
    error: undefined,
    file,
});

/**
 * The stored messages of a thread that are here: one block of seqs without holes. What comes behind
 * a hole waits `ahead` until the hole is filled.
 */
export class Timeline {
    #rows: Row[] = [];
    /** Of the first row, or of the one that will be. */
    #first = 1;
    #isStarted = false;
    readonly #ahead = new Map<number, Message>();
    readonly #seqs = new Map<string, number>();
    /** By key, what this page has sent; with its file, if there is one. */
    readonly #sent = new Map<string, Blob | undefined>();
    #theirs: Marks = { delivered_seq: 0, read_seq: 0 };

    get isStarted(): boolean {
        return this.#isStarted;
    }

    get first(): number {
        return this.#first;
    }

    /** The seq that would go on with the block. */
    get next(): number {
        return this.#first + this.#rows.length;
    }

    get hasGap(): boolean {
        return this.#isStarted && this.#ahead.size > 0;
    }

    /** How many are missing between the block and what waits. */
    get gap(): number {
        return this.hasGap ? Math.min(...this.#ahead.keys()) - this.next : 0;
    }

    items(): Item[] {
        return this.#rows.map((row) => row.item);
    }

    /** What this page has sent and is behind a hole, in order: it is not to vanish meanwhile. */
    waiting(): Item[] {
        return [...this.#ahead.values()]
            .filter((message) => this.#sent.has(keyOf(message)))
            .sort((a, b) => a.seq - b.seq)
            .map((message) => ({ ...this.#item(message), state: 'sending', seq: undefined }));
    }

    itemAt(seq: number): Item | undefined {
        return this.#rows[seq - this.#first]?.item;
    }

    has(key: string): boolean {
        return this.#seqs.has(key);
    }

    find(key: string): Message | undefined {
        const seq = this.#seqs.get(key);
        if (seq === undefined) return undefined;
        return this.#rows[seq - this.#first]?.message ?? this.#ahead.get(seq);
    }

    /** How many of others there are above seq; undefined where not all of them are here. */
    countAbove(seq: number): number | undefined {
        if (!this.#isStarted || seq + 1 < this.#first) return undefined;
        return this.#rows
            .slice(seq + 1 - this.#first)
            .filter(({ item }) => !item.own && item.type !== 'gone').length;
    }

    reset(): void {
        this.#rows = [];
        this.#first = 1;
        this.#isStarted = false;
        this.#ahead.clear();
        this.#seqs.clear();
        this.#sent.clear();
        this.#theirs = { delivered_seq: 0, read_seq: 0 };
    }

    /** The block is these from now on, and what waits behind them. */
    start(messages: readonly Message[]): void {
        this.#rows = [];
        this.#first = messages[0]?.seq ?? 1;
        this.#isStarted = true;
        this.#seqs.clear();
        for (const message of messages) this.#append(message);
        for (const message of this.#ahead.values()) this.#seqs.set(keyOf(message), message.seq);
        for (const seq of this.#ahead.keys()) if (seq < this.next) this.#ahead.delete(seq);
        this.#drain();
    }

    prepend(messages: readonly Message[]): void {
        const older = messages.filter((one) => one.seq < this.#first);
        this.#rows = [...older.map((message) => this.#row(message)), ...this.#rows];
        this.#first -= older.length;
    }

    /** @param sent  by this page; with a file perhaps */
    put(message: Message, sent?: { file: Blob | undefined }): void {
        const { seq } = message;
        if (sent) this.#sent.set(keyOf(message), sent.file);
        if (this.#isStarted && seq < this.next) return this.#replace(message);
        if (!this.#isStarted || seq > this.next) {
            this.#ahead.set(seq, message);
            if (isOwn(message)) this.#seqs.set(keyOf(message), seq);
            return;
        }
        this.#append(message);
        this.#drain();
    }

    /** Where the other side is. */
    mark(theirs: Marks): void {
        const was = this.#theirs;
        this.#theirs = theirs;
        this.#restate(was.delivered_seq, theirs.delivered_seq);
        this.#restate(was.read_seq, theirs.read_seq);
    }

    #restate(above: number, upTo: number): void {
        const end = Math.min(upTo, this.next - 1);
        for (let seq = Math.max(above + 1, this.#first); seq <= end; seq++) {
            const row = this.#rows[seq - this.#first];
            if (!row?.item.own) continue;
            const state = stateOf(row.message, this.#theirs);
            if (state !== row.item.state) row.item = { ...row.item, state };
        }
    }

    #item(message: Message): Item {
        return itemOf(message, this.#theirs, this.#sent.get(keyOf(message)));
    }

    #row(message: Message): Row {
        if (isOwn(message)) this.#seqs.set(keyOf(message), message.seq);
        return { message, item: this.#item(message) };
    }

    #append(message: Message): void {
        this.#rows.push(this.#row(message));
    }

    /** Told again: it may have become a stub since. */
    #replace(message: Message): void {
        const at = message.seq - this.#first;
        const row = this.#rows[at];
        if (row && row.message.type !== message.type) this.#rows[at] = this.#row(message);
    }

    #drain(): void {
        for (let message; (message = this.#ahead.get(this.next)); ) {
            this.#ahead.delete(message.seq);
            this.#append(message);
        }
    }
}
