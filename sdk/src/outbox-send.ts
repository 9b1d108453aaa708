import { accountKey } from './address.js';
import { ParleyError, isPassing } from './errors.js';
import { lineOf, type Lines } from './outbox-lines.js';
import type { Entry, Outgoing } from './outbox.js';
import type { Account, MediaContent, Message, SendRequest } from './protocol.js';
import type { Announced } from './upload.js';
import type { Wire } from './wire.js';

const SENDS_MAX = 4;
const UPLOADS_MAX = 4;
const UPLOADS_PER_PEER = 2;
const BACKOFF_MS = 1000;
const BACKOFF_MAX_MS = 30000;
/** What another tab has to send to the same peer, and was written before, goes first for so long. */
const OTHERS_MS = 3000;
/** Who must wait longer is told so: what is behind must not wait with it. */
const PATIENCE_MS = 60000;

type Timer = ReturnType<typeof setTimeout>;

/** What this tab does for an entry. */
interface Work {
    /** Until it is in the store, or can't be. */
    isKept: boolean;
    /** That failed in a row. */
    tries: number;
    /** Until the next try. */
    timer: Timer | undefined;
    /** Until what is another tab's is not waited for any more. */
    others: Timer | undefined;
    /** It has waited for that. */
    goesAhead: boolean;
    /** It waits for a connection: a new one ends the wait. */
    isLost: boolean;
    /** While its file is on the way. */
    upload: AbortController | undefined;
    announced: Announced;
    /** The upload was gone when it was to be sent, and its file was put anew: once. */
    isPutAnew: boolean;
}

export interface SenderHost {
    readonly wire: Pick<Wire, 'request' | 'status'>;
    readonly lines: Lines;
    /** It is so from now on: shown, and told to other tabs. */
    show(line: Outgoing): void;
    /** Resolves when it is in the store, or can't be. */
    keep(entry: Entry): Promise<void>;
    stored(key: string, message: Message): void;
    failed(line: Outgoing): void;
}

/** 1 s, doubled each time, less up to a half by chance: not all clients at once. */
function backoffMs(tries: number): number {
    const most = Math.min(BACKOFF_MAX_MS, BACKOFF_MS * 2 ** tries);
    return most * (1 - Math.random() / 2);
}

/** Of a bug, or of a content that is no JSON: it fails, and is not tried again by itself. */
function errorOf(error: unknown): ParleyError {
    if (error instanceof ParleyError) return error;
    return new ParleyError({ code: 'bad_request', message: String(error) });
}

const isWaitShort = (error: ParleyError): boolean => (error.retryAfterMs ?? 0) <= PATIENCE_MS;

/** Loaded with the first file. It comes from where the page did: without a network it waits. */
const loadUpload = () =>
    import('./upload.js').catch(() => {
        throw new ParleyError({ code: 'offline', message: 'A part of the page is missing.' });
    });

const mustUpload = (entry: Entry): boolean =>
    entry.file !== undefined && entry.upload === undefined;

/** The server says itself what is known of an upload. */
function contentOf({ content, upload }: Entry): unknown {
    if (upload === undefined) return content;
    const { mime: _, size: __, url: ___, expires_at: ____, ...rest } = content as MediaContent;
    return { ...rest, upload };
}

/** A file may take long, whoever sends it: other tabs do not wait for it. */
const isOnItsWay = ({ state, entry }: Outgoing): boolean =>
    state !== 'failed' && !mustUpload(entry);

function requestOf(entry: Entry): SendRequest {
    const { to, type, key, replyTo } = entry;
    const request = { to, type, content: contentOf(entry), client_msg_id: key };
    return replyTo === undefined ? request : { ...request, reply_to: replyTo };
}

export function withoutUpload({ upload: _, ...entry }: Entry): Entry {
    return entry;
}

/** Sends the entries that are this tab's: of each peer one at a time and in order, each until it is
 * answered. */
export class Sender {
    readonly #host: SenderHost;
    /** By key, of the entries that are this tab's to send. */
    readonly #works = new Map<string, Work>();
    /** Which is being sent, by accountKey of its peer. */
    readonly #sending = new Map<string, string>();
    #isOnline: boolean;
    #isStarted = false;

    constructor(host: SenderHost) {
        this.#host = host;
        this.#isOnline = host.wire.status === 'online';
    }

    /** Nothing is sent before it is known what earlier pages have left. */
    start(): void {
        this.#isStarted = true;
        this.pump();
    }

    close(): void {
        this.#isStarted = false;
        for (const key of [...this.#works.keys()]) this.drop(key);
    }

    setOnline(isOnline: boolean): void {
        this.#isOnline = isOnline;
        if (!isOnline) return;
        for (const work of this.#works.values()) if (work.isLost) this.#endWait(work);
        this.pump();
    }

    /** From now on it is this tab's to send, as soon as it is kept. */
    take(key: string, kept: Promise<void>): void {
        const work: Work = {
            isKept: false,
            tries: 0,
            timer: undefined,
            others: undefined,
            goesAhead: false,
            isLost: false,
            upload: undefined,
            announced: {},
            isPutAnew: false,
        };
        this.#works.set(key, work);
        this.#whenKept(work, kept);
    }

    /** It is not any more. What was asked for it already goes on. */
    drop(key: string): void {
        const work = this.#works.get(key);
        if (!work) return;
        this.#works.delete(key);
        clearTimeout(work.timer);
        clearTimeout(work.others);
        work.upload?.abort();
    }

    /** Its peer's next one need not wait for the answer: it is stored. */
    release({ key, to }: Entry): void {
        if (this.#sending.get(accountKey(to)) === key) this.#sending.delete(accountKey(to));
    }

    /** Without waiting any longer. */
    hurry(key: string): void {
        const work = this.#works.get(key);
        if (work) this.#endWait(work);
        this.pump();
    }

    has(key: string): boolean {
        return this.#works.has(key);
    }

    pump(): void {
        if (!this.#isStarted || !this.#isOnline) return;
        for (const peer of this.#host.lines.peers) {
            this.#uploadNext(peer);
            this.#sendNext(peer);
        }
    }

    /** Those of a peer that are this tab's and were not refused, in order. */
    #due(peer: Account): Outgoing[] {
        return this.#host.lines
            .of(peer)
            .filter((line) => line.state !== 'failed' && this.#works.has(line.entry.key));
    }

    #endWait(work: Work): void {
        clearTimeout(work.timer);
        work.timer = undefined;
        work.isLost = false;
        work.tries = 0;
    }

    #whenKept(work: Work, kept: Promise<void>): void {
        work.isKept = false;
        void kept.then(() => {
            work.isKept = true;
            this.pump();
        });
    }

    #sendNext(peer: Account): void {
        if (this.#sending.size >= SENDS_MAX || this.#sending.has(accountKey(peer))) return;
        const entry = this.#due(peer)[0]?.entry;
        const work = entry && this.#works.get(entry.key);
        if (!work || !work.isKept || work.timer || work.upload || mustUpload(entry)) return;
        if (this.#isBehind(entry, work)) return;
        this.#sending.set(accountKey(peer), entry.key);
        void this.#send(entry, work);
    }

    /** A tab that was loaded anew has left entries to another one, perhaps: they are before its next. */
    #isBehind(entry: Entry, work: Work): boolean {
        if (work.goesAhead) return false;
        const first = this.#host.lines.of(entry.to).find((line) => isOnItsWay(line));
        if (!first || first.entry.key === entry.key) return false;
        work.others ??= setTimeout(() => {
            work.goesAhead = true;
            this.pump();
        }, OTHERS_MS);
        return true;
    }

    async #send(entry: Entry, work: Work): Promise<void> {
        this.#host.show(lineOf(entry, 'sending'));
        try {
            const answer = await this.#host.wire.request('message.send', requestOf(entry));
            this.#host.stored(entry.key, answer.message);
        } catch (error) {
            this.release(entry);
            // Otherwise it is another tab's by now, or was stored nevertheless.
            if (this.#works.get(entry.key) === work) this.#refused(entry, work, errorOf(error));
        }
        this.release(entry);
        this.pump();
    }

    #refused(entry: Entry, work: Work, error: ParleyError): void {
        const isGone = error.code === 'upload_missing' || error.code === 'upload_mismatch';
        if (!isGone || !entry.file || work.isPutAnew) {
            this.#failed(entry, work, error);
            return;
        }
        // It has expired while it waited here.
        work.isPutAnew = true;
        work.announced = {};
        const anew = withoutUpload(entry);
        this.#whenKept(work, this.#host.keep(anew));
        this.#host.show(lineOf(anew));
    }

    #failed(entry: Entry, work: Work, error: ParleyError): void {
        if (isPassing(error) && isWaitShort(error)) {
            this.#wait(work, error);
            this.#host.show(lineOf(entry));
            return;
        }
        const { code, message } = error;
        const line = { ...lineOf({ ...entry, error: { code, message } }), error };
        this.drop(entry.key);
        void this.#host.keep(line.entry);
        this.#host.show(line);
        this.#host.failed(line);
    }

    #wait(work: Work, error: ParleyError): void {
        const ms = error.retryAfterMs ?? backoffMs(work.tries);
        work.tries++;
        work.isLost = error.code === 'offline';
        work.timer = setTimeout(() => {
            work.timer = undefined;
            this.pump();
        }, ms);
    }

    #uploadNext(peer: Account): void {
        for (const { entry } of this.#due(peer)) {
            const work = this.#works.get(entry.key);
            if (!work || !mustUpload(entry) || work.timer || work.upload) continue;
            if (!this.#mayUpload(peer)) return;
            void this.#upload(entry, work);
        }
    }

    #mayUpload(peer: Account): boolean {
        const running = [...this.#works].filter(([, work]) => work.upload);
        const keys = new Set(running.map(([key]) => key));
        const ofPeer = this.#host.lines.of(peer).filter(({ entry }) => keys.has(entry.key));
        return running.length < UPLOADS_MAX && ofPeer.length < UPLOADS_PER_PEER;
    }

    async #upload(entry: Entry, work: Work): Promise<void> {
        const { signal } = (work.upload = new AbortController());
        try {
            const upload = await this.#put(entry, work, signal);
            if (!signal.aborted) this.#uploaded({ ...entry, upload }, work);
        } catch (error) {
            work.upload = undefined;
            if (!signal.aborted) this.#failed(entry, work, errorOf(error));
        }
        this.pump();
    }

    async #put(entry: Entry, work: Work, signal: AbortSignal): Promise<string> {
        const onProgress = (progress: number): void => {
            if (!signal.aborted) this.#host.show(lineOf(entry, 'uploading', progress));
        };
        onProgress(0);
        const { uploadFile } = await loadUpload();
        const file = entry.file as NonNullable<Entry['file']>;
        return uploadFile(this.#host.wire, file, work.announced, { signal, onProgress });
    }

    #uploaded(entry: Entry, work: Work): void {
        work.upload = undefined;
        work.tries = 0;
        this.#whenKept(work, this.#host.keep(entry));
        this.#host.show(lineOf(entry));
    }
}
