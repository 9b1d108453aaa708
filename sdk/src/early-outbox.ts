import { sameAccount } from './address.js';
import { Emitter } from './emitter.js';
import { newKey } from './key.js';
import type { Account } from './protocol.js';
import { lineOf } from './outbox-lines.js';
import type { Draft, Entry, Outbox, OutboxEvents, Outgoing } from './outbox.js';

/** Stands in for the outbox until the account is known, whose it is, and while nobody sends. */
export class EarlyOutbox implements Outbox {
    readonly isPersistent = false;
    readonly #events = new Emitter<OutboxEvents>();
    #entries: Entry[];
    #made = 0;

    /** @param entries  of an outbox that is closed */
    constructor(entries: Entry[] = []) {
        this.#entries = entries;
    }

    on<K extends keyof OutboxEvents>(event: K, listener: (v: OutboxEvents[K]) => void): () => void {
        return this.#events.on(event, listener);
    }

    get peers(): readonly Account[] {
        return [...new Set(this.#entries.map((entry) => entry.to))];
    }

    of(to: Account): readonly Outgoing[] {
        return this.#entries
            .filter((entry) => sameAccount(entry.to, to))
            .map((entry) => lineOf(entry));
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
        for (const { at: _, n: __, tab: ___, ...draft } of this.#entries.splice(0))
            outbox.add(draft);
    }

    retry(): void {}
    sawStored(): void {}
    setOnline(): void {}
    close(): void {}
}
