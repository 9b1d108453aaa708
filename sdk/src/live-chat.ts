import { cancelled } from './abort.js';
import { accountKey, isAccount, sameAccount } from './address.js';
import type { Auth } from './auth.js';
import { coalesce } from './coalesce.js';
import { EarlyOutbox } from './early-outbox.js';
import { Emitter } from './emitter.js';
import { ParleyError, isPassing } from './errors.js';
import type { Chat, ChatEvents, FileOptions, Summary } from './model.js';
import type { Outbox } from './outbox.js';
import { PresenceWatch } from './presence.js';
import type { Account, Limits, Message, Ready, Receipt, Requests } from './protocol.js';
import { LiveThread, type Host } from './thread.js';
import type { Status, Wire } from './wire.js';

const LIST_PAGE = 50;
const LIST_LONG_PAGE = 200;
/** Who are unknown are asked for together. */
const LIST_AFTER_MS = 300;
const LIST_AGAIN_MS = 3_000;
const WATCHED_SUMMARIES = 50;
const ZERO = /^(eip155:\d+:)?0x0{40}$/;

export interface Parts {
    /** An origin. */
    server: string;
    auth: Auth;
    wire: Wire;
    openOutbox: (account: Account) => Outbox;
    /** Nothing is left of what was kept for the account. */
    deleteOutbox: (account: Account) => Promise<void>;
}

/**
 * A page that one has left may be kept as it is, for who comes back: nothing of it runs meanwhile,
 * and its locks would keep others from what is not sent. @return a function that ends it
 */
function watchPage(onHide: () => void, onBack: () => void): () => void {
    if (typeof window === 'undefined') return () => {};
    const onShow = ({ persisted }: PageTransitionEvent) => {
        if (persisted) onBack();
    };
    window.addEventListener('pagehide', onHide);
    window.addEventListener('pageshow', onShow);
    return () => {
        window.removeEventListener('pagehide', onHide);
        window.removeEventListener('pageshow', onShow);
    };
}

export class LiveChat implements Chat {
    readonly #parts: Parts;
    readonly #events = new Emitter<ChatEvents>();
    readonly #threads = new Map<string, LiveThread>();
    readonly #presence: PresenceWatch;
    readonly #host: Host;
    #account: Account | undefined;
    #outbox: Outbox = new EarlyOutbox();
    /** The account whose outbox it is; undefined for the early one, of nobody yet. */
    #outboxOf: Account | undefined;
    /** How far the device's clock is behind the server's. */
    #skewMs = 0;
    #isListed = false;
    /** How many of the list are here, from its head; and where it goes on. */
    #depth = 0;
    #next: string | undefined;
    #listing: Promise<void> | undefined;
    #loadingMore: Promise<void> | undefined;
    #unwatch: (() => void) | undefined;
    #listTimer: ReturnType<typeof setTimeout> | undefined;
    #changed = new Set<LiveThread>();
    #summaries: readonly Summary[] | undefined;
    readonly #changeSoon = coalesce(() => this.#emitChanges());

    constructor(parts: Parts) {
        this.#parts = parts;
        this.#host = this.#makeHost();
        this.#presence = new PresenceWatch({
            wire: parts.wire,
            wanted: () => this.#wantedPresences(),
            onPresence: (presence) => this.#known(presence.account)?.setPresence(presence),
        });
        this.#hearOutbox();
        this.#hearWire();
        if (parts.auth.account !== undefined) this.#become(parts.auth.account);
    }

    get server(): string {
        return this.#parts.server;
    }

    get status(): Status {
        return this.#parts.wire.status;
    }

    get error(): ParleyError | undefined {
        return this.#parts.wire.error;
    }

    get account(): Account | undefined {
        return this.#account;
    }

    get limits(): Limits | undefined {
        return this.#parts.wire.ready?.limits;
    }

    get summaries(): readonly Summary[] {
        this.#summaries ??= [...new Set(this.#threads.values())]
            .map((thread) => thread.summary)
            .filter((summary) => summary !== undefined)
            .sort((a, b) => b.at - a.at);
        return this.#summaries;
    }

    get isListed(): boolean {
        return this.#isListed;
    }

    get hasMore(): boolean {
        return this.#next !== undefined;
    }

    get unread(): number {
        return this.summaries.filter((one) => one.unread > 0 && !one.isRequest).length;
    }

    on<K extends keyof ChatEvents>(event: K, listener: (v: ChatEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    connect(): void {
        this.#unwatch ??= watchPage(
            () => this.#pause(),
            () => this.connect(),
        );
        if (this.#account !== undefined) this.#become(this.#account);
        this.#parts.wire.connect();
    }

    disconnect(): void {
        this.#unwatch?.();
        this.#unwatch = undefined;
        this.#pause();
    }

    /** The session ends last: this device forgets, whatever the network says. */
    async signOut(): Promise<void> {
        const account = this.#account;
        this.disconnect();
        this.#useOutbox(new EarlyOutbox(), undefined);
        this.#account = undefined;
        this.#forget();
        try {
            if (account !== undefined) await this.#parts.deleteOutbox(account);
        } finally {
            await this.#parts.auth.signOut?.();
        }
    }

    loadMore(): Promise<void> {
        this.#loadingMore ??= this.#loadMore().finally(() => {
            this.#loadingMore = undefined;
        });
        return this.#loadingMore;
    }

    thread(peer: Account): LiveThread {
        const isSelf = this.#account !== undefined && sameAccount(peer, this.#account);
        if (!isAccount(peer) || ZERO.test(peer) || isSelf) throw recipientInvalid();
        return this.#get(peer);
    }

    async send(to: Account, content: string | Blob, options: FileOptions = {}): Promise<Message> {
        const thread = this.thread(to);
        const item =
            typeof content === 'string'
                ? thread.sendText(content, options)
                : thread.sendFile(content, options);
        return thread.stored(item.key);
    }

    async history(
        peer: Account,
        options: { before?: number; after?: number; limit?: number } = {},
    ): Promise<{ messages: Message[]; hasMore: boolean }> {
        const page = await this.#parts.wire.request('message.history', { peer, ...options });
        return { messages: page.messages, hasMore: page.has_more };
    }

    /** What is not sent is left to other tabs, and to other chats of this page. */
    #pause(): void {
        this.#parts.wire.disconnect();
        if (this.#outboxOf === undefined) return;
        const { isPersistent, peers } = this.#outbox;
        const lines = isPersistent ? [] : peers.flatMap((to) => this.#outbox.of(to));
        this.#useOutbox(new EarlyOutbox(lines.map(({ entry }) => entry)), undefined);
    }

    #makeHost(): Host {
        const outbox = () => this.#outbox;
        return {
            wire: this.#parts.wire,
            get outbox() {
                return outbox();
            },
            skewMs: () => this.#skewMs,
            changed: (thread) => {
                this.#changed.add(thread);
                this.#change();
            },
            watchingChanged: () => this.#presence.sync(),
            isUnsure: () => this.#listSoon(LIST_AFTER_MS),
            named: (thread, peer) => {
                const key = accountKey(peer);
                if (!this.#threads.has(key)) this.#threads.set(key, thread);
            },
        };
    }

    #change(): void {
        this.#summaries = undefined;
        this.#changeSoon();
    }

    #emitChanges(): void {
        const changed = this.#changed;
        this.#changed = new Set();
        for (const thread of changed) thread.emitChange();
        this.#events.emit('change', undefined);
    }

    #known(peer: Account): LiveThread | undefined {
        return this.#threads.get(accountKey(peer));
    }

    #get(peer: Account): LiveThread {
        const known = this.#known(peer);
        if (known) return known;
        const thread = new LiveThread(this.#host, peer);
        this.#threads.set(accountKey(peer), thread);
        return thread;
    }

    #hearWire(): void {
        const { events } = this.#parts.wire;
        events.on('status', (status) => this.#onStatus(status));
        events.on('ready', (ready) => this.#onReady(ready));
        events.on('restored', () => this.#forget(false));
        events.on('message.new', ({ message, ack }) => {
            const thread = this.#get(message.peer);
            const item = thread.receive(message);
            ack();
            if (item) this.#events.emit('message', { thread, item });
        });
        const receipt = (mark: 'delivered' | 'read') => (told: Receipt) =>
            this.#known(told.peer)?.receipt(mark, told);
        events.on('message.delivered', receipt('delivered'));
        events.on('message.read', receipt('read'));
        events.on('conversation.changed', ({ conversation }) =>
            this.#get(conversation.peer).listed(conversation),
        );
        events.on('typing.start', ({ peer }) => this.#known(peer)?.showTyping(true));
        events.on('typing.stop', ({ peer }) => this.#known(peer)?.showTyping(false));
        events.on('presence.changed', (one) => this.#presence.tell(one));
        events.on('warning', (warning) => this.#events.emit('warning', warning));
    }

    #onStatus(status: Status): void {
        if (status !== 'online') {
            this.#outbox.setOnline(false);
            for (const thread of this.#threads.values()) thread.offline();
        }
        this.#change();
    }

    #onReady(ready: Ready): void {
        this.#skewMs = Date.parse(ready.server_time) - Date.now();
        this.#become(ready.account);
        this.#outbox.setOnline(true);
        for (const thread of new Set(this.#threads.values())) thread.online(ready.recovered);
        this.#presence.restart();
        const isWhole = ready.recovered && this.#isListed && this.#unsure().length === 0;
        if (!isWhole) void this.#list(this.#depth);
        this.#change();
    }

    /** Whoever was here before leaves nothing in sight. */
    #become(account: Account): void {
        const isOther = this.#account !== undefined && !sameAccount(this.#account, account);
        this.#account = account;
        if (isOther) this.#useOutbox(new EarlyOutbox(), undefined);
        if (this.#outboxOf === undefined) this.#useOutbox(this.#parts.openOutbox(account), account);
        if (isOther) this.#forget();
    }

    #useOutbox(outbox: Outbox, of: Account | undefined): void {
        const old = this.#outbox;
        this.#outbox = outbox;
        this.#outboxOf = of;
        this.#hearOutbox();
        const { peers } = old;
        if (old instanceof EarlyOutbox && of !== undefined) old.moveTo(outbox);
        old.close();
        for (const peer of peers) this.#get(peer).outgoingChanged();
    }

    #hearOutbox(): void {
        const outbox = this.#outbox;
        outbox.on('change', ({ to }) => this.#get(to).outgoingChanged());
        outbox.on('stored', ({ entry, message }) => this.#get(entry.to).wasStored(entry, message));
        outbox.on('failed', ({ entry, error }) => this.#get(entry.to).gaveUp(entry, error));
        outbox.on('discarded', ({ entry }) => this.#get(entry.to).gaveUp(entry, cancelled()));
        for (const peer of outbox.peers) this.#get(peer).outgoingChanged();
    }

    /** @param isLeft  what is on its way is nobody's any more */
    #forget(isLeft = true): void {
        this.#isListed = false;
        this.#next = undefined;
        this.#depth = 0;
        clearTimeout(this.#listTimer);
        this.#listTimer = undefined;
        for (const thread of new Set(this.#threads.values())) thread.reset(isLeft);
        this.#change();
    }

    #listSoon(afterMs: number): void {
        this.#listTimer ??= setTimeout(() => void this.#list(0), afterMs);
    }

    /** From its head, at least so many, and on until nobody is unsure, or there is no more. */
    async #list(upTo: number): Promise<void> {
        clearTimeout(this.#listTimer);
        this.#listTimer = undefined;
        await this.#listing;
        this.#listing = this.#listFromHead(upTo).catch((error: unknown) => this.#listLater(error));
        await this.#listing;
        this.#presence.sync();
    }

    async #listFromHead(upTo: number): Promise<void> {
        let n = 0;
        let after: string | undefined;
        do {
            const page = await this.#listPage(after);
            n += page.conversations.length;
            after = page.next;
            if (n >= this.#depth) this.#listedTo(n, after);
        } while (after !== undefined && (n < upTo || this.#unsure().length > 0));
        if (after === undefined) for (const thread of this.#unsure()) thread.settle();
    }

    #listedTo(depth: number, next: string | undefined): void {
        this.#isListed = true;
        this.#depth = depth;
        this.#next = next;
        this.#change();
    }

    async #listPage(after: string | undefined): Promise<Requests['conversation.list'][1]> {
        const range = after === undefined ? { limit: LIST_PAGE } : { limit: LIST_LONG_PAGE, after };
        const page = await this.#parts.wire.request('conversation.list', range);
        for (const one of page.conversations) this.#get(one.peer).listed(one);
        return page;
    }

    /** Without a connection it is tried again with the next one. */
    #listLater(error: unknown): void {
        if (this.status !== 'online' || !isPassing(error)) return;
        this.#listSoon(Math.max(LIST_AGAIN_MS, (error as ParleyError).retryAfterMs ?? 0));
    }

    async #loadMore(): Promise<void> {
        await this.#listing;
        if (this.#next === undefined) return;
        const page = await this.#listPage(this.#next);
        this.#listedTo(this.#depth + page.conversations.length, page.next);
        this.#presence.sync();
    }

    #unsure(): LiveThread[] {
        return [...this.#threads.values()].filter((thread) => thread.isUnsure);
    }

    #wantedPresences(): Account[] {
        const threads = [...new Set(this.#threads.values())];
        const open = threads.filter((thread) => thread.isOpen).map((thread) => thread.peer);
        const listed = this.summaries.slice(0, WATCHED_SUMMARIES).map((summary) => summary.peer);
        return [...open, ...listed];
    }
}

const recipientInvalid = () =>
    new ParleyError({
        code: 'recipient_invalid',
        message: 'This is not a wallet that one can write to. Check the address.',
    });
