import { ParleyError } from './errors.js';
import type { Item } from './model.js';
import type { Account, MediaContent } from './protocol.js';
import type { Wire } from './wire.js';

/** A link that ends sooner is not handed out: it is to be good for a while. */
const GOOD_FOR_MS = 60_000;

interface Link {
    url: string;
    /** Unix, milliseconds, by the server's clock. */
    until: number;
}

const untilOf = (expiresAt: string | null | undefined): number =>
    expiresAt == null ? Infinity : Date.parse(expiresAt);

function linkOf(item: Item): Link | undefined {
    const { url, expires_at } = (item.content ?? {}) as MediaContent;
    return url === undefined ? undefined : { url, until: untilOf(expires_at) };
}

const notFound = () =>
    new ParleyError({ code: 'not_found', message: 'This message has no file that is stored.' });

/** Links to the files of one thread: those that they came with, or fresh ones. */
export class FileLinks {
    readonly #wire: Pick<Wire, 'request'>;
    readonly #now: () => number;
    readonly #fresh = new Map<number, Link>();
    readonly #asked = new Map<number, Promise<string>>();

    constructor(wire: Pick<Wire, 'request'>, now: () => number) {
        this.#wire = wire;
        this.#now = now;
    }

    async url(peer: Account, item: Item, isFreshWanted: boolean): Promise<string> {
        const { seq } = item;
        if (seq === undefined) throw notFound();
        const link = this.#fresh.get(seq) ?? linkOf(item);
        if (link && !isFreshWanted && link.until - this.#now() >= GOOD_FOR_MS) return link.url;
        const asked = this.#asked.get(seq) ?? this.#ask(peer, seq);
        this.#asked.set(seq, asked);
        return asked;
    }

    async #ask(peer: Account, seq: number): Promise<string> {
        try {
            const { url, expires_at } = await this.#wire.request('attachment.url', { peer, seq });
            this.#fresh.set(seq, { url, until: untilOf(expires_at) });
            return url;
        } finally {
            this.#asked.delete(seq);
        }
    }

    forget(): void {
        this.#fresh.clear();
    }
}
