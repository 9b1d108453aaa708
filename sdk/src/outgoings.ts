import type { Item } from './model.js';
import type { Outgoing } from './outbox.js';
import type { MessageType } from './protocol.js';

/** What is shown of a file is the same before and after it is there. */
function contentOf({ entry }: Outgoing): unknown {
    if (!entry.file) return entry.content;
    const { blob, name, mime } = entry.file;
    return { name, mime, size: blob.size, ...(entry.content as object) };
}

const itemOf = (outgoing: Outgoing, at: number): Item => ({
    key: outgoing.entry.key,
    own: true,
    type: outgoing.entry.type as MessageType,
    content: contentOf(outgoing),
    replyTo: outgoing.entry.replyTo,
    at,
    state: outgoing.state,
    seq: undefined,
    progress: outgoing.progress,
    error: outgoing.error,
    file: outgoing.entry.file?.blob,
});

const isSame = (item: Item, { state, progress, error }: Outgoing): boolean =>
    item.state === state && item.progress === progress && item.error === error;

/** The items of the outbox's entries: the same objects for as long as nothing has changed. */
export class Outgoings {
    #items = new Map<string, Item>();

    /** @param skewMs  how far this device's clock is behind the server's */
    itemsOf(outgoings: readonly Outgoing[], skewMs: number): Item[] {
        const items = outgoings.map((outgoing) => {
            const at = outgoing.entry.at + skewMs;
            const known = this.#items.get(outgoing.entry.key);
            return known?.at === at && isSame(known, outgoing) ? known : itemOf(outgoing, at);
        });
        this.#items = new Map(items.map((item) => [item.key, item]));
        return items;
    }
}
