import { sameAccount } from './address.js';
import { Emitter } from './emitter.js';
import type { Account } from './protocol.js';
import type { Draft, Entry, Outbox, OutboxEvents, Outgoing } from './outbox.js';

/** Unique enough for one sender's messages. (randomUUID() is not to be had on a page by http.) */
function newKey(): string {
    const chance = () => Math.random().toString(36).slice(2);
    return `${Date.now().toString(36)}-${chance()}${chance()}`;
}

/** Stands in for the outbox until the account is known, whose it is. */
export class Drafts implements Outbox {
    readonly #events = new Emitter<OutboxEvents>();
    #entries: Entry[] = [];
    #made = 0;

    on<K extends keyof OutboxEvents>(event: K, listener: (v: OutboxEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    get peers(): readonly Account[] {
        return [...new Set(this.#entries.map((entry) => entry.to))];
    }

    of(to: Account): readonly Outgoing[] {
        return this.#entries
            .filter((entry) => sameAccount(entry.to, to))
            .map((entry) => ({ entry, state: 'queued', progress: undefined, error: undefined }));
    }

    add(draft: Draft): Entry {
        const made = { key: newKey(), at: Date.now(), n: this.#made++, tab: '' };
        const entry = { ...made, ...draft };
        this.#entries.push(entry);
        this.#events.emit('change', { to: entry.to });
        return entry;
    }

    discard(key: string): boolean {
        const entry = this.#entries.find((one) => one.key === key);
        if (!entry) return false;
        this.#entries = this.#entries.filter((one) => one !== entry);
        this.#events.emit('discarded', { entry });
        this.#events.emit('change', { to: entry.to });
        return true;
    }

    /** Into the one of the account, under the same keys. */
    moveTo(outbox: Outbox): void {
        for (const { key, to, type, content, replyTo, file } of this.#entries.splice(0))
            outbox.add({
                key,
                to,
                type,
                content,
                ...(replyTo !== undefined && { replyTo }),
                ...(file && { file }),
            });
    }

    retry(): void {}
    sawStored(): void {}
    setOnline(): void {}
    close(): void {}
}
