import { accountKey } from './address.js';
import { ParleyError } from './errors.js';
import type { Entry, EntryState, Outgoing } from './outbox.js';
import type { Account } from './protocol.js';

interface PeerLines {
    readonly to: Account;
    readonly lines: Map<string, Outgoing>;
    /** Made when it is asked for. */
    sorted: readonly Outgoing[] | undefined;
}

/** By when it was written. A tab's own are told apart by `n`, those of several by the key. */
function compare({ entry: a }: Outgoing, { entry: b }: Outgoing): number {
    return a.at - b.at || a.n - b.n || (a.key < b.key ? -1 : 1);
}

/** As it stands, by the entry alone where no state is given. */
export function lineOf(entry: Entry, state?: EntryState, progress?: number): Outgoing {
    return {
        entry,
        state: state ?? (entry.error ? 'failed' : 'queued'),
        progress,
        error: entry.error && new ParleyError(entry.error),
    };
}

/** What is in the outbox, by peer and in order. A line that changes is a new object. */
export class Lines {
    readonly #all = new Map<string, Outgoing>();
    readonly #peers = new Map<string, PeerLines>();

    get(key: string): Outgoing | undefined {
        return this.#all.get(key);
    }

    set(line: Outgoing): void {
        const { key, to } = line.entry;
        const peerKey = accountKey(to);
        const peer = this.#peers.get(peerKey) ?? { to, lines: new Map(), sorted: undefined };
        this.#peers.set(peerKey, peer);
        peer.lines.set(key, line);
        peer.sorted = undefined;
        this.#all.set(key, line);
    }

    delete({ key, to }: Entry): void {
        const peerKey = accountKey(to);
        const peer = this.#peers.get(peerKey);
        this.#all.delete(key);
        if (!peer?.lines.delete(key)) return;
        peer.sorted = undefined;
        if (peer.lines.size === 0) this.#peers.delete(peerKey);
    }

    of(to: Account): readonly Outgoing[] {
        const peer = this.#peers.get(accountKey(to));
        if (!peer) return [];
        peer.sorted ??= [...peer.lines.values()].sort(compare);
        return peer.sorted;
    }

    get peers(): readonly Account[] {
        return [...this.#peers.values()].map((peer) => peer.to);
    }

    get all(): Iterable<Outgoing> {
        return this.#all.values();
    }
}
