import { cancelled } from './abort.js';
import { highest, merged, withMessage, withRead } from './conversation.js';
import { Emitter } from './emitter.js';
import { ParleyError } from './errors.js';
import { FileLinks } from './file-links.js';
import type { FileOptions, Item, Summary, Thread, ThreadEvents } from './model.js';
import type { Draft, Entry, Outbox, Outgoing } from './outbox.js';
import { Loader } from './loader.js';
import { Outgoings } from './outgoings.js';
import type { Account, Conversation, MediaType, Message, Presence, Receipt } from './protocol.js';
import { ReadMarks } from './read-marks.js';
import { Timeline, isOwn, itemOf } from './timeline.js';
import { TypingSender, TypingShown } from './typing.js';
import { Waiters } from './waiters.js';
import type { Wire } from './wire.js';

const NOBODY = { delivered_seq: 0, read_seq: 0 };

/** What a thread needs of its chat. */
export interface Host {
    readonly wire: Wire;
    readonly outbox: Outbox;
    /** How far this device's clock is behind the server's. */
    skewMs(): number;
    /** Something of the thread is not as it was. */
    changed(thread: LiveThread): void;
    /** It is looked at, or not any more. */
    watchingChanged(): void;
    /** It has messages, and the server has not said of it what it does not say with these. */
    isUnsure(thread: LiveThread): void;
    /** It is called so by the server. */
    named(thread: LiveThread, peer: Account): void;
}

const mediaTypeOf = (mime: string): MediaType => {
    const kind = mime.slice(0, mime.indexOf('/'));
    return kind === 'image' || kind === 'video' || kind === 'audio' ? kind : 'file';
};

/** Nothing else of what the caller has in there. */
const replying = ({ replyTo }: { replyTo?: number }): { replyTo?: number } =>
    replyTo === undefined ? {} : { replyTo };

/** A file as a draft has it. */
function fileDraft(file: Blob, { type, name, replyTo, ...known }: FileOptions): Omit<Draft, 'to'> {
    const called = name ?? (file as Partial<File>).name ?? 'file';
    const mime = file.type || 'application/octet-stream';
    return {
        type: type ?? mediaTypeOf(mime),
        content: { name: called, ...known },
        ...(replyTo !== undefined && { replyTo }),
        file: { blob: file, name: called, mime },
    };
}

export class LiveThread implements Thread {
    readonly #host: Host;
    readonly #asked: Account;
    readonly #events = new Emitter<ThreadEvents>();
    readonly #timeline = new Timeline();
    readonly #outgoings = new Outgoings();
    readonly #waiters = new Waiters();
    readonly #readMarks: ReadMarks;
    readonly #typing: TypingSender;
    readonly #typingShown = new TypingShown(() => this.#touch());
    readonly #links: FileLinks;
    readonly #loader: Loader;
    #conversation: Conversation | undefined;
    #isSure = false;
    #presence: Presence | undefined;
    #nOpen = 0;
    /** Of others, as events: up to here they were told of. */
    #toldSeq = 0;
    /** Read, and not to be told to a stranger: it is once that is one no more. */
    #heldSeq = 0;
    #items: readonly Item[] | undefined;
    #summary: Summary | undefined;

    constructor(host: Host, peer: Account) {
        this.#host = host;
        this.#asked = peer;
        this.#readMarks = new ReadMarks(host.wire);
        this.#typing = new TypingSender(host.wire);
        this.#links = new FileLinks(host.wire, () => Date.now() + host.skewMs());
        this.#loader = new Loader({
            wire: host.wire,
            timeline: this.#timeline,
            peer: () => this.peer,
            onMessages: (messages) => {
                this.#learn(messages);
                this.#tellOutbox(messages);
            },
            onChange: () => this.#touch(),
        });
    }

    get peer(): Account {
        return this.#conversation?.peer ?? this.#asked;
    }

    get conversation(): Conversation | undefined {
        return this.#conversation;
    }

    get items(): readonly Item[] {
        this.#items ??= [
            ...this.#timeline.items(),
            ...this.#timeline.waiting(),
            ...this.#unstored(),
        ];
        return this.#items;
    }

    get isLoaded(): boolean {
        return this.#timeline.isStarted;
    }

    get isLoading(): boolean {
        return this.#loader.isLoading;
    }

    get hasOlder(): boolean {
        return this.#loader.hasOlder;
    }

    get loadError(): ParleyError | undefined {
        return this.#loader.error;
    }

    get unread(): number {
        return this.#conversation?.unread ?? 0;
    }

    get accepted(): boolean {
        if (this.#conversation?.accepted) return true;
        return this.#unstored().some((item) => item.state !== 'failed');
    }

    get blocked(): boolean {
        return this.#conversation?.blocked ?? false;
    }

    get isTyping(): boolean {
        return this.#typingShown.isTyping;
    }

    get presence(): Presence | undefined {
        return this.#presence;
    }

    get isOpen(): boolean {
        return this.#nOpen > 0;
    }

    /** Whether what the server has not said of it yet matters. */
    get isUnsure(): boolean {
        return this.#conversation !== undefined && !this.#isSure;
    }

    /** Its line of the list; undefined where there is nothing to show. */
    get summary(): Summary | undefined {
        this.#summary ??= this.#summarise();
        return this.#summary;
    }

    on<K extends keyof ThreadEvents>(event: K, listener: (v: ThreadEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    open(): void {
        if (++this.#nOpen > 1) return;
        this.#host.watchingChanged();
        // Without a connection it is done as soon as there is one.
        if (this.#host.wire.status === 'online') void this.#loader.catchUp();
    }

    close(): void {
        if (this.#nOpen === 0) return;
        this.#nOpen--;
        this.#host.watchingChanged();
    }

    loadOlder(): Promise<void> {
        return this.#loader.load();
    }

    sendText(text: string, options: { replyTo?: number } = {}): Item {
        return this.#send({ type: 'text', content: text, ...replying(options) });
    }

    sendFile(file: Blob, options: FileOptions = {}): Item {
        return this.#send(fileDraft(file, options));
    }

    sendCustom(type: `x-${string}`, content: unknown, options: { replyTo?: number } = {}): Item {
        return this.#send({ type, content, ...replying(options) });
    }

    retry(key: string): void {
        this.#host.outbox.retry(key);
    }

    discard(key: string): void {
        this.#host.outbox.discard(key);
    }

    stored(key: string): Promise<Message> {
        const message = this.#timeline.find(key);
        if (message) return Promise.resolve(message);
        const outgoing = this.#outgoing().find(({ entry }) => entry.key === key);
        return this.#waiters.wait(key, outgoing);
    }

    markRead(seq: number): void {
        const known = this.#conversation;
        if (!known) return;
        const upTo = Math.min(seq, known.last_seq);
        if (upTo <= known.mine.read_seq) return;
        this.#heldSeq = upTo;
        this.#read(upTo);
        this.#tellRead();
    }

    setTyping(isTyping: boolean): void {
        this.#typing.set(this.peer, isTyping);
    }

    accept(): Promise<void> {
        return this.#ask('conversation.accept');
    }

    block(): Promise<void> {
        return this.#ask('conversation.block');
    }

    unblock(): Promise<void> {
        return this.#ask('conversation.unblock');
    }

    fileUrl(item: Item, { fresh = false }: { fresh?: boolean } = {}): Promise<string> {
        return this.#links.url(this.peer, item, fresh);
    }

    // Of its chat:

    /**
     * A message, as an event.
     *
     * @return the item of one that is somebody else's and new
     */
    receive(message: Message): Item | undefined {
        this.#tellOutbox([message]);
        this.#keep(message);
        if (isOwn(message)) return undefined;
        this.#typingShown.set(false);
        if (message.seq <= this.#toldSeq || message.seq <= this.#readSeq) return undefined;
        this.#toldSeq = message.seq;
        return itemOf(message, NOBODY);
    }

    receipt(mark: 'delivered' | 'read', { by, peer, seq }: Receipt): void {
        const known = this.#conversation;
        if (!known) return;
        const delivered = { delivered_seq: seq, read_seq: mark === 'read' ? seq : 0 };
        if (by === peer) this.#set({ ...known, theirs: highest(known.theirs, delivered) });
        else if (mark === 'read') this.#read(seq);
        else this.#set({ ...known, mine: highest(known.mine, delivered) });
    }

    /** What the server says of it, where something may be newer here. */
    listed(conversation: Conversation): void {
        this.#isSure = true;
        this.#set(merged(this.#conversation, conversation));
    }

    /** The server knows no more of it than is here. */
    settle(): void {
        this.#isSure = true;
    }

    showTyping(isTyping: boolean): void {
        this.#typingShown.set(isTyping);
    }

    setPresence(presence: Presence | undefined): void {
        if (presence === this.#presence) return;
        this.#presence = presence;
        this.#touch();
    }

    /** Requests are answered again. @param isWhole  whether all that was missed comes as events */
    online(isWhole: boolean): void {
        this.#readMarks.flush(this.peer);
        this.#loader.online();
        if (!isWhole) this.#loader.expire();
        if (this.isOpen) void this.#loader.catchUp();
    }

    offline(): void {
        this.#typingShown.set(false);
        this.setPresence(undefined);
    }

    outgoingChanged(): void {
        this.#touch();
    }

    wasStored(entry: Entry, message: Message): void {
        this.#keep(message, { file: entry.file?.blob });
        this.#waiters.resolve(entry.key, message);
    }

    gaveUp(entry: Entry, error: ParleyError): void {
        this.#waiters.reject(entry.key, error);
        this.#touch();
    }

    /** As if nothing were known of it. @param isLeft  nobody waits for what is on its way */
    reset(isLeft: boolean): void {
        this.#conversation = undefined;
        this.#isSure = false;
        this.#toldSeq = this.#heldSeq = 0;
        this.#timeline.reset();
        this.#loader.reset();
        this.#readMarks.forget();
        this.#links.forget();
        if (isLeft) this.#waiters.rejectAll(cancelled());
        this.offline();
        this.#touch();
    }

    emitChange(): void {
        this.#events.emit('change', undefined);
    }

    get #readSeq(): number {
        return this.#conversation?.mine.read_seq ?? 0;
    }

    #touch(): void {
        this.#items = this.#summary = undefined;
        this.#host.changed(this);
    }

    #outgoing(): readonly Outgoing[] {
        return this.#host.outbox.of(this.peer);
    }

    /** What is stored already is not shown twice. */
    #unstored(): Item[] {
        const left = this.#outgoing().filter(({ entry }) => !this.#timeline.has(entry.key));
        return this.#outgoings.itemsOf(left, this.#host.skewMs());
    }

    #send(draft: Omit<Draft, 'to'>): Item {
        this.#typing.set(this.peer, false);
        const { key } = this.#host.outbox.add({ ...draft, to: this.peer });
        this.#touch();
        const item = this.items.find((one) => one.key === key);
        if (!item) throw new Error('the outbox does not list what it was given');
        return item;
    }

    #keep(message: Message, sent?: { file: Blob | undefined }): void {
        this.#learn([message]);
        // Where nobody looks, it is loaded once somebody does.
        if (this.isLoaded || this.isOpen || this.isLoading) this.#timeline.put(message, sent);
        this.#loader.fillSoon();
    }

    /** What they say beside what is in them. */
    #learn(messages: readonly Message[]): void {
        if (messages.length === 0) return;
        let known = this.#conversation;
        for (const message of messages) known = withMessage(known, message);
        if (known) this.#set(known);
    }

    /** Another tab has sent one, or the answer was lost. */
    #tellOutbox(messages: readonly Message[]): void {
        const keys = new Set(this.#outgoing().map(({ entry }) => entry.key));
        if (keys.size === 0) return;
        for (const message of messages)
            if (isOwn(message) && keys.has(message.client_msg_id ?? ''))
                this.#host.outbox.sawStored(message);
    }

    #set(conversation: Conversation): void {
        const was = this.peer;
        this.#conversation = conversation;
        this.#timeline.mark(conversation.theirs);
        if (conversation.peer !== was) this.#host.named(this, conversation.peer);
        if (!this.#isSure) this.#host.isUnsure(this);
        this.#tellRead();
        this.#touch();
    }

    #tellRead(): void {
        if (this.#heldSeq === 0 || !this.#conversation?.accepted) return;
        this.#readMarks.read(this.peer, this.#heldSeq);
        this.#heldSeq = 0;
    }

    #read(seq: number): void {
        const known = this.#conversation;
        if (known) this.#set(withRead(known, seq, this.#timeline.countAbove(seq)));
    }

    async #ask(
        event: 'conversation.accept' | 'conversation.block' | 'conversation.unblock',
    ): Promise<void> {
        const { conversation } = await this.#host.wire.request(event, { peer: this.peer });
        this.listed(conversation);
    }

    #summarise(): Summary | undefined {
        const outgoing = this.#unstored().at(-1);
        const known = this.#conversation;
        const last = outgoing ?? this.#lastStored();
        if (!last) return undefined;
        return {
            peer: this.peer,
            conversation: known,
            last,
            unread: this.unread,
            isRequest: !this.accepted && !this.blocked,
            blocked: this.blocked,
            isTyping: this.isTyping,
            presence: this.presence,
            at: Math.max(last.at, Date.parse(known?.updated_at ?? '') || 0),
        };
    }

    #lastStored(): Item | undefined {
        const message = this.#conversation?.last_message;
        if (!message) return undefined;
        return this.#timeline.itemAt(message.seq) ?? itemOf(message, this.#conversation!.theirs);
    }
}
