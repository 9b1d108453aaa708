import type { Entry, OutboxStore } from './outbox.js';

/** For as long as the page is there. */
export function memoryStore(): OutboxStore {
    const entries = new Map<string, Entry>();
    return {
        isPersistent: false,
        async put(entry) {
            entries.set(entry.key, entry);
        },
        async remove(key) {
            entries.delete(key);
        },
        async all() {
            return [...entries.values()];
        },
        async adopt(from, to) {
            for (const entry of entries.values())
                if (entry.tab === from) entries.set(entry.key, { ...entry, tab: to });
            return [...entries.values()];
        },
        close() {},
    };
}
