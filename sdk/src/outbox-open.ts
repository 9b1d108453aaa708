import { sameAccount } from './address.js';
import { Emitter } from './emitter.js';
import { newKey } from './key.js';
import { cleanName } from './file-names.js';
import { openStore, outboxName } from './outbox-idb.js';
import { Lines, lineOf } from './outbox-lines.js';
import { memoryStore } from './outbox-memory.js';
import { Sender, withoutUpload } from './outbox-send.js';
import type {
    Draft,
    Entry,
    EntryState,
    Outbox,
    OutboxEvents,
    OutboxStore,
    Outgoing,
} from './outbox.js';
import type { Account, Message } from './protocol.js';
import { alone, joinTabs, type Tabs } from './tabs.js';
import type { Wire } from './wire.js';

const CHECK_MS = 15000;
/** What is to be sent goes on without a store that does not answer. */
const STORE_MS = 2000;
const GONE_MAX = 1000;

export interface OutboxOptions {
    server: string;
    account: Account;
    wire: Pick<Wire, 'request' | 'status'>;
    /** Whether entries outlive the page, where the browser lets them. */
    persist: boolean;
}

/** What tabs tell each other. */
type Told =
    | { set: Entry; state: EntryState; progress: number | undefined }
    | { stored: string; message: Message }
    | { discarded: string }
    /** Who comes new wants to know how things stand. */
    | { hello: true };

const inTime = (done: Promise<void>): Promise<void> =>
    new Promise((resolve, reject) => {
        const timer = setTimeout(resolve, STORE_MS);
        done.then(resolve, reject).finally(() => clearTimeout(timer));
    });

/** Who reads an entry there takes its tab for gone unless that has joined. */
async function openAs(tabs: Tabs, name: string): Promise<OutboxStore> {
    const [store] = await Promise.all([openStore(name), tabs.joined]);
    return store;
}

/** Node is not to run on for it. */
const every = (ms: number, f: () => void): ReturnType<typeof setInterval> => {
    const timer = setInterval(f, ms) as ReturnType<typeof setInterval> & { unref?(): void };
    timer.unref?.();
    return timer;
};

/** With the name as it will be sent. */
const contentOf = ({ content, file }: Draft): unknown =>
    file ? { ...(content as object), name: cleanName(file.name) } : content;

class Box implements Outbox {
    readonly #events = new Emitter<OutboxEvents>();
    readonly #lines = new Lines();
    readonly #tabs: Tabs;
    readonly #sender: Sender;
    readonly #opening: Promise<OutboxStore>;
    #store: OutboxStore | undefined;
    #timer: ReturnType<typeof setInterval> | undefined;
    #isClosed = false;
    #n = 0;
    #lastAt = 0;
    /** The latest that have gone: what is read, or told, too late is not to bring them back. */
    readonly #gone = new Set<string>();
    /** Of which listeners are being told. */
    readonly #storing = new Set<string>();

    constructor({ server, account, wire, persist }: OutboxOptions) {
        const name = outboxName(server, account);
        const isKept = persist && typeof indexedDB !== 'undefined';
        this.#tabs = isKept ? joinTabs(name, (told) => this.#onTold(told as Told)) : alone();
        this.#opening = isKept ? openAs(this.#tabs, name) : Promise.resolve(memoryStore());
        this.#sender = new Sender({
            wire,
            lines: this.#lines,
            show: (line) => this.#show(line),
            keep: (entry) => this.#keep(entry),
            stored: (key, message) => this.#stored(key, message),
            failed: ({ entry, error }) => error && this.#events.emit('failed', { entry, error }),
        });
        void this.#start();
    }

    // What is asked of it.

    on<K extends keyof OutboxEvents>(event: K, listener: (v: OutboxEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    of(to: Account): readonly Outgoing[] {
        return this.#lines.of(to);
    }

    get peers(): readonly Account[] {
        return this.#lines.peers;
    }

    get isPersistent(): boolean {
        return this.#store?.isPersistent ?? false;
    }

    add(draft: Draft): Entry {
        this.#lastAt = Math.max(Date.now(), this.#lastAt);
        const entry: Entry = {
            ...draft,
            key: draft.key ?? newKey(),
            content: contentOf(draft),
            at: this.#lastAt,
            n: ++this.#n,
            tab: this.#tabs.id,
        };
        this.#own(entry, this.#keep(entry));
        return entry;
    }

    retry(key: string): void {
        const line = this.#lines.get(key);
        if (line?.state !== 'failed') {
            this.#sender.hurry(key);
            return;
        }
        const { error, ...entry } = line.entry;
        const isOfUpload = entry.file && error?.code.startsWith('upload_');
        this.#takeOver(isOfUpload ? withoutUpload(entry) : entry);
    }

    discard(key: string): boolean {
        const line = this.#lines.get(key);
        if (!line || line.state === 'sending') return false;
        this.#discarded(line);
        this.#tabs.tell({ discarded: key } satisfies Told);
        return true;
    }

    sawStored(message: Message): void {
        const line = this.#lines.get(message.client_msg_id ?? '');
        if (!line || !sameAccount(line.entry.to, message.peer)) return;
        this.#stored(line.entry.key, message);
        this.#sender.pump();
    }

    setOnline(isOnline: boolean): void {
        this.#sender.setOnline(isOnline);
    }

    close(): void {
        this.#isClosed = true;
        clearInterval(this.#timer);
        globalThis.document?.removeEventListener('visibilitychange', this.#onVisibility);
        this.#sender.close();
        this.#tabs.close();
        void this.#opening.then((store) => store.close());
    }

    // How things stand.

    #show(line: Outgoing): void {
        if (this.#isClosed) return;
        this.#lines.set(line);
        this.#tell(line);
        this.#events.emit('change', { to: line.entry.to });
    }

    #tell({ entry, state, progress }: Outgoing): void {
        this.#tabs.tell({ set: entry, state, progress } satisfies Told);
    }

    #forget(line: Outgoing): void {
        const { entry } = line;
        this.#lines.delete(entry);
        this.#noteGone(entry.key);
        void this.#write((store) => store.remove(entry.key));
        this.#events.emit('change', { to: entry.to });
    }

    #noteGone(key: string): void {
        this.#gone.add(key);
        const [oldest] = this.#gone;
        if (oldest && this.#gone.size > GONE_MAX) this.#gone.delete(oldest);
    }

    /** @param isNews  no other tab has told it: so they are, whosever it is */
    #stored(key: string, message: Message, isNews = true): void {
        const line = this.#lines.get(key);
        if (!line || this.#isClosed || this.#storing.has(key)) return;
        this.#storing.add(key);
        if (isNews) this.#tabs.tell({ stored: key, message });
        this.#sender.drop(key);
        this.#sender.release(line.entry);
        this.#events.emit('stored', { entry: line.entry, message });
        this.#storing.delete(key);
        this.#forget(line);
    }

    #discarded(line: Outgoing): void {
        this.#sender.drop(line.entry.key);
        this.#events.emit('discarded', { entry: line.entry });
        this.#forget(line);
        this.#sender.pump();
    }

    #takeOver(entry: Entry): void {
        const own = { ...entry, tab: this.#tabs.id };
        this.#own(own, this.#keep(own));
    }

    /** It is this tab's. (A listener may discard() it at once: what is kept is asked for before.) */
    #own(entry: Entry, kept: Promise<void>): void {
        if (!entry.error) this.#sender.take(entry.key, kept);
        this.#show(lineOf(entry));
        this.#sender.pump();
    }

    // The store.

    /** A store that fails is no reason to send nothing: entries are in memory as well. */
    async #write(f: (store: OutboxStore) => Promise<void>): Promise<void> {
        try {
            await inTime(f(await this.#opening));
        } catch {
            // No room, or no store any more: what is written now does not outlive the page.
        }
    }

    #keep(entry: Entry): Promise<void> {
        return this.#write((store) => store.put(entry));
    }

    /** @param isMissing  which of what it holds is to be shown as it has it */
    async #read(
        f: (store: OutboxStore) => Promise<Entry[]>,
        isMissing: (entry: Entry) => boolean,
    ): Promise<void> {
        try {
            const entries = await f(await this.#opening);
            this.#merge(entries.filter((one) => !this.#gone.has(one.key) && isMissing(one)));
        } catch {
            // Its database is gone, or closed: nothing is left of earlier pages.
        }
    }

    async #start(): Promise<void> {
        this.#store = await this.#opening;
        this.#tabs.tell({ hello: true } satisfies Told);
        await inTime(this.#check());
        if (this.#isClosed) return;
        this.#timer = every(CHECK_MS, () => void this.#check());
        globalThis.document?.addEventListener('visibilitychange', this.#onVisibility);
        this.#sender.start();
    }

    // Other tabs.

    readonly #onVisibility = (): void => {
        if (document.visibilityState === 'visible') void this.#check();
    };

    /** What other tabs have left, or have. */
    async #check(): Promise<void> {
        const me = this.#tabs.id;
        const isMissing = (one: Entry): boolean => one.tab !== me && !this.#lines.get(one.key);
        await this.#read((store) => store.all(), isMissing);
        const tabs = new Set([...this.#lines.all].map((line) => line.entry.tab));
        tabs.delete(me);
        await Promise.all([...tabs].map((tab) => this.#look(tab)));
    }

    async #look(tab: string): Promise<void> {
        if (await this.#tabs.isGone(tab)) await this.#adopt(tab);
        else this.#tabs.watch(tab, () => void this.#adopt(tab));
    }

    async #adopt(tab: string): Promise<void> {
        const me = this.#tabs.id;
        const isMissing = ({ key }: Entry): boolean =>
            (this.#lines.get(key)?.entry.tab ?? tab) === tab;
        await this.#read((store) => store.adopt(tab, me), isMissing);
        if (this.#isClosed) return;
        for (const { entry, state } of [...this.#lines.all]) {
            // What is not in the store was never kept there: other tabs may take it over, too.
            if (entry.tab === tab) this.#takeOver(entry);
            else if (entry.tab === me && state !== 'failed' && !this.#sender.has(entry.key))
                this.#own(entry, Promise.resolve());
        }
    }

    #merge(entries: Entry[]): void {
        if (this.#isClosed) return;
        for (const entry of entries) {
            this.#lines.set(lineOf(entry));
            this.#follow(entry);
        }
        for (const to of new Set(entries.map((entry) => entry.to)))
            this.#events.emit('change', { to });
    }

    /** What is written from now on is behind it, whatever the clock says. */
    #follow({ at, n }: Entry): void {
        this.#lastAt = Math.max(this.#lastAt, at);
        this.#n = Math.max(this.#n, n);
    }

    #onTold(told: Told): void {
        if (this.#isClosed) return;
        if ('set' in told) this.#onSet(lineOf(told.set, told.state, told.progress));
        else if ('stored' in told) this.#onStored(told.stored, told.message);
        else if ('discarded' in told) this.#onDiscarded(told.discarded);
        else for (const line of this.#lines.all) this.#tellOwn(line);
        this.#sender.pump();
    }

    #tellOwn(line: Outgoing): void {
        if (line.entry.tab === this.#tabs.id) this.#tell(line);
    }

    /** Two that take the same one over at once agree: it is of the one whose id is less. */
    #onSet(line: Outgoing): void {
        const { entry, error } = line;
        if (this.#gone.has(entry.key)) return;
        const before = this.#lines.get(entry.key);
        if (before && this.#sender.has(entry.key) && this.#tabs.id < entry.tab) {
            this.#tell(before);
            return;
        }
        this.#sender.drop(entry.key);
        this.#lines.set(line);
        this.#follow(entry);
        this.#tabs.watch(entry.tab, () => void this.#adopt(entry.tab));
        this.#events.emit('change', { to: entry.to });
        if (error && before && before.state !== 'failed')
            this.#events.emit('failed', { entry, error });
    }

    #onStored(key: string, message: Message): void {
        this.#stored(key, message, false);
        this.#noteGone(key); // also of one that is just being read from the store
    }

    #onDiscarded(key: string): void {
        const line = this.#lines.get(key);
        // What is being sent may be stored already: it stays.
        if (line?.state === 'sending') return;
        if (line) this.#discarded(line);
        this.#noteGone(key);
    }
}

/** At once; what earlier pages have left comes as soon as the store has it, and is sent first. */
export function openOutbox(options: OutboxOptions): Outbox {
    return new Box(options);
}
