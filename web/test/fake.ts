/** A Chat in memory, for the parts of the widget: it does what it is told, at once. */
import type {
    Chat,
    ChatEvents,
    Conversation,
    FileOptions,
    Item,
    Limits,
    MediaType,
    Message,
    MessageType,
    Presence,
    Status,
    Summary,
    Thread,
    ThreadEvents,
} from 'parley-sdk';
import { Emitter } from '../../sdk/src/emitter';

export const ME = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
export const BOB = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';
export const STRANGER = '0x8ba1f109551bD432803012645Ac136ddd64DBA72';

let made = 0;

export function item(more: Partial<Item> = {}): Item {
    const n = ++made;
    return {
        key: `k${n}`,
        own: false,
        type: 'text' as MessageType,
        content: `Message ${n}`,
        replyTo: undefined,
        at: Date.UTC(2026, 10, 26, 9, 0) + n * 1000,
        state: more.own ? 'sent' : 'received',
        seq: n,
        progress: undefined,
        error: undefined,
        file: undefined,
        ...more,
    };
}

export class FakeThread implements Thread {
    conversation: Conversation | undefined;
    items: Item[] = [];
    isLoaded = true;
    isLoading = false;
    hasOlder = false;
    loadError: Thread['loadError'];
    unread = 0;
    accepted = true;
    blocked = false;
    isTyping = false;
    presence: Presence | undefined;
    /** What was called, in order: ['markRead', 7]. */
    readonly calls: unknown[][] = [];
    /** What loadOlder() puts in front. */
    older: Item[] = [];
    readonly #events = new Emitter<ThreadEvents>();

    constructor(readonly peer: string) {}

    /** Set members, and say so. */
    set(more: Partial<FakeThread>): void {
        Object.assign(this, more);
        this.#events.emit('change', undefined);
    }

    on<K extends keyof ThreadEvents>(event: K, f: (v: ThreadEvents[K]) => void): () => void {
        return this.#events.on(event, f);
    }
    open(): void {
        this.calls.push(['open']);
    }
    close(): void {
        this.calls.push(['close']);
    }
    async loadOlder(): Promise<void> {
        this.calls.push(['loadOlder']);
        await Promise.resolve();
        this.set({ items: [...this.older.splice(-50), ...this.items] });
        this.set({ hasOlder: this.older.length > 0 });
    }
    #add(type: MessageType, content: unknown, more: Partial<Item>): Item {
        const one = item({ own: true, type, content, state: 'sending', seq: undefined, ...more });
        this.set({ items: [...this.items, one] });
        return one;
    }
    sendText(text: string): Item {
        this.calls.push(['sendText', text]);
        return this.#add('text', text, { at: Date.now() });
    }
    sendFile(file: Blob, options: FileOptions = {}): Item {
        this.calls.push(['sendFile', file, options]);
        const kind = file.type.split('/')[0] ?? '';
        const type =
            options.type ?? (/^(image|video|audio)$/.test(kind) ? (kind as MediaType) : 'file');
        const { type: _, replyTo: __, ...known } = options;
        const content = { name: 'file', mime: file.type, size: file.size, ...known };
        return this.#add(type, content, { file, state: 'uploading', progress: 0 });
    }
    sendCustom(type: `x-${string}`, content: unknown): Item {
        return this.#add(type, content, {});
    }
    retry(key: string): void {
        this.calls.push(['retry', key]);
    }
    discard(key: string): void {
        this.calls.push(['discard', key]);
        this.set({ items: this.items.filter((one) => one.key !== key) });
    }
    stored(): Promise<Message> {
        return new Promise(() => {});
    }
    markRead(seq: number): void {
        this.calls.push(['markRead', seq]);
    }
    setTyping(isTyping: boolean): void {
        this.calls.push(['setTyping', isTyping]);
    }
    async accept(): Promise<void> {
        this.calls.push(['accept']);
        this.set({ accepted: true });
    }
    async block(): Promise<void> {
        this.calls.push(['block']);
        this.set({ blocked: true });
    }
    async unblock(): Promise<void> {
        this.calls.push(['unblock']);
        this.set({ blocked: false });
    }
    async fileUrl(one: Item): Promise<string> {
        return String((one.content as { url?: string }).url ?? '');
    }
}

export class FakeChat implements Chat {
    server = 'http://127.0.0.1:1';
    status: Status = 'online';
    error: Chat['error'];
    account: string | undefined = ME;
    limits: Limits | undefined = { content_bytes: 65536, upload_bytes: 26214400 };
    isListed = true;
    hasMore = false;
    readonly threads = new Map<string, FakeThread>();
    readonly #events = new Emitter<ChatEvents>();

    set(more: Partial<FakeChat>): void {
        Object.assign(this, more);
        this.#events.emit('change', undefined);
    }
    get summaries(): Summary[] {
        return [...this.threads.values()]
            .map((t) => ({
                peer: t.peer,
                conversation: t.conversation,
                last: t.items.at(-1),
                unread: t.unread,
                isRequest: !t.accepted && !t.blocked,
                blocked: t.blocked,
                isTyping: t.isTyping,
                presence: t.presence,
                at: t.items.at(-1)?.at ?? 0,
            }))
            .sort((a, b) => b.at - a.at);
    }
    get unread(): number {
        return this.summaries.filter((one) => one.unread > 0 && !one.isRequest).length;
    }
    on<K extends keyof ChatEvents>(event: K, f: (v: ChatEvents[K]) => void): () => void {
        return this.#events.on(event, f);
    }
    connect(): void {
        this.set({ status: 'online' });
    }
    disconnect(): void {
        this.set({ status: 'idle' });
    }
    async signOut(): Promise<void> {
        this.set({ status: 'idle', account: undefined });
    }
    async loadMore(): Promise<void> {}
    thread(peer: string): FakeThread {
        const found = this.threads.get(peer) ?? new FakeThread(peer);
        this.threads.set(peer, found);
        return found;
    }
    send(): Promise<Message> {
        return new Promise(() => {});
    }
    async history(): Promise<{ messages: Message[]; hasMore: boolean }> {
        return { messages: [], hasMore: false };
    }
}
