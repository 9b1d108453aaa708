/** A wire whose other end is the test, an outbox in memory, and what the server would say. */
import { sameAccount } from '../src/address.js';
import { Emitter } from '../src/emitter.js';
import { ParleyError } from '../src/errors.js';
import { LiveChat } from '../src/live-chat.js';
import type { Draft, Entry, Outbox, OutboxEvents, Outgoing } from '../src/outbox.js';
import type { Account, Conversation, Message, Ready, Requests } from '../src/protocol.js';
import type { Status, Wire, WireEvents } from '../src/wire.js';

export const ME = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
export const BOB = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';
export const EVE = '0x8ba1f109551bD432803012645Ac136ddd64DBA72';

/** As it goes to ME. */
export function message(seq: number, more: Partial<Message> = {}): Message {
    const peer = more.peer ?? BOB;
    const conversation = `c-${peer.slice(2, 6)}`;
    return {
        id: `${conversation}:${seq}`,
        conversation,
        seq,
        peer,
        from: peer,
        to: more.from === ME ? peer : ME,
        type: 'text',
        content: `m${seq}`,
        created_at: new Date(Date.UTC(2026, 10, 26) + seq * 1000).toISOString(),
        status: 'undelivered',
        cursor: `at-${seq}`,
        ...more,
    };
}

export const messages = (from: number, to: number, more: Partial<Message> = {}): Message[] =>
    Array.from({ length: to - from + 1 }, (_, i) => message(from + i, more));

export function conversation(more: Partial<Conversation> = {}): Conversation {
    const last_message = more.last_message ?? null;
    const peer = more.peer ?? BOB;
    return {
        conversation: `c-${peer.slice(2, 6)}`,
        peer,
        accepted: true,
        blocked: false,
        first_seq: 1,
        last_seq: last_message?.seq ?? 0,
        last_message,
        unread: 0,
        mine: { delivered_seq: 0, read_seq: 0 },
        theirs: { delivered_seq: 0, read_seq: 0 },
        updated_at: last_message?.created_at ?? null,
        ...more,
    };
}

type Handlers = { [K in keyof Requests]?: (payload: Requests[K][0]) => unknown };

export class FakeWire implements Wire {
    status: Status = 'idle';
    error: ParleyError | undefined;
    ready: Ready | undefined;
    readonly events = new Emitter<WireEvents>();
    /** What was asked, in order. */
    readonly asked: [string, unknown][] = [];
    readonly hints: [string, string][] = [];
    /** What answers; what it throws is the refusal. */
    readonly handlers: Handlers = {
        'conversation.list': () => ({ conversations: [] }),
        'message.history': () => ({ messages: [], has_more: false, first_seq: 1 }),
        'presence.watch': ({ accounts }) => ({
            accounts: accounts.map((account) => ({ account, online: true, last_seen: null })),
        }),
    };

    connect(): void {
        this.say('connecting');
    }

    disconnect(): void {
        this.say('idle');
    }

    say(status: Status): void {
        this.status = status;
        this.events.emit('status', status);
    }

    online(more: Partial<Ready> = {}): void {
        this.ready = {
            account: ME,
            session: 's',
            server_time: new Date().toISOString(),
            recovered: false,
            unread: 0,
            limits: { content_bytes: 65536 },
            ...more,
        };
        this.say('online');
        this.events.emit('ready', this.ready);
    }

    async request<K extends keyof Requests>(
        event: K,
        payload: Requests[K][0],
    ): Promise<Requests[K][1]> {
        if (this.status !== 'online')
            throw new ParleyError({ code: 'offline', message: 'There is no connection.' });
        this.asked.push([event, payload]);
        return (await this.handlers[event]?.(payload)) as Requests[K][1];
    }

    hint(event: string, { peer }: { peer: string }): void {
        this.hints.push([event, peer]);
    }

    /** @return whether it was acknowledged */
    deliver(one: Message): boolean {
        let isAcknowledged = false;
        const ack = () => {
            isAcknowledged = true;
        };
        this.events.emit('message.new', { message: one, ack });
        return isAcknowledged;
    }

    payloads(event: string): unknown[] {
        return this.asked.filter(([name]) => name === event).map(([, payload]) => payload);
    }

    /** Answers from what there is, as the server does. */
    has(all: Message[]): void {
        this.handlers['message.history'] = ({ before = Infinity, after, limit = 50 }) => {
            const isIn = (one: Message) => one.seq < before && one.seq > (after ?? 0);
            const found = all.filter(isIn);
            const page = after === undefined ? found.slice(-limit) : found.slice(0, limit);
            return { messages: page, has_more: page.length < found.length, first_seq: 1 };
        };
    }
}

export class FakeOutbox implements Outbox {
    readonly #events = new Emitter<OutboxEvents>();
    outgoings: Outgoing[] = [];
    isOnline = false;
    isClosed = false;
    isPersistent = true;
    readonly calls: [string, string][] = [];
    #made = 0;

    on<K extends keyof OutboxEvents>(event: K, listener: (v: OutboxEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    get peers(): Account[] {
        return [...new Set(this.outgoings.map(({ entry }) => entry.to))];
    }

    of(to: Account): Outgoing[] {
        return this.outgoings.filter(({ entry }) => sameAccount(entry.to, to));
    }

    add(draft: Draft): Entry {
        const n = ++this.#made;
        const entry = { key: `k${n}`, at: Date.now(), n, tab: 't', ...draft };
        this.outgoings.push({ entry, state: 'queued', progress: undefined, error: undefined });
        this.#events.emit('change', { to: entry.to });
        return entry;
    }

    set(key: string, more: Partial<Outgoing>): void {
        this.outgoings = this.outgoings.map((one) =>
            one.entry.key === key ? { ...one, ...more } : one,
        );
        const { entry } = this.#get(key);
        this.#events.emit('change', { to: entry.to });
        if (more.error) this.#events.emit('failed', { entry, error: more.error });
    }

    stored(key: string, one: Message): void {
        const { entry } = this.#get(key);
        this.#events.emit('stored', { entry, message: one });
        this.#remove(entry);
    }

    retry(key: string): void {
        this.calls.push(['retry', key]);
    }

    discard(key: string): boolean {
        const { entry } = this.#get(key);
        this.#events.emit('discarded', { entry });
        this.#remove(entry);
        return true;
    }

    sawStored(one: Message): void {
        this.calls.push(['sawStored', one.id]);
        this.stored(one.client_msg_id ?? '', one);
    }

    setOnline(isOnline: boolean): void {
        this.isOnline = isOnline;
    }

    close(): void {
        this.isClosed = true;
        if (!this.isPersistent) this.outgoings = [];
    }

    #get(key: string): Outgoing {
        const found = this.outgoings.find(({ entry }) => entry.key === key);
        if (!found) throw new Error(`no entry ${key}`);
        return found;
    }

    #remove(entry: Entry): void {
        this.outgoings = this.outgoings.filter((one) => one.entry.key !== entry.key);
        this.#events.emit('change', { to: entry.to });
    }
}

export interface Setup {
    wire: FakeWire;
    outbox: FakeOutbox;
    chat: LiveChat;
    deleted: string[];
    /** Of anybody but ME. */
    otherOutbox: FakeOutbox;
}

/** @param account  that the auth knows without the server; null: it does not */
export function setup(account: string | null = ME): Setup {
    const wire = new FakeWire();
    const outbox = new FakeOutbox();
    const otherOutbox = new FakeOutbox();
    const deleted: string[] = [];
    const chat = new LiveChat({
        server: 'http://127.0.0.1:1',
        auth: {
            account: account ?? undefined,
            token: () => Promise.resolve('t'),
            signOut: () => Promise.resolve(),
        },
        wire,
        openOutbox: (one) => (one === ME ? outbox : otherOutbox),
        deleteOutbox: (one) => Promise.resolve(void deleted.push(one)),
    });
    return { wire, outbox, chat, deleted, otherOutbox };
}

/** What waits for promises alone is done. */
export const settled = async (): Promise<void> => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
};
