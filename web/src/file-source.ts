import type { Item, Thread } from 'parley-sdk';
import { fileInfo } from './file-info';
import { isWebUrl } from './linkify';

/** Of a picture: more take more memory than a page should. A small file may hold a great many. */
const MAX_PIXELS = 8000 * 8000;

const objectUrls = new Map<Blob, { url: string; uses: number }>();

/** One URL for all who show the same file; gone with the last of them. */
function hold(blob: Blob): string {
    const held = objectUrls.get(blob) ?? { url: URL.createObjectURL(blob), uses: 0 };
    held.uses++;
    objectUrls.set(blob, held);
    return held.url;
}

function release(blob: Blob): void {
    const held = objectUrls.get(blob);
    if (!held || --held.uses > 0) return;
    objectUrls.delete(blob);
    URL.revokeObjectURL(held.url);
}

async function webUrl(thread: Thread, item: Item, fresh: boolean): Promise<string> {
    const url = await thread.fileUrl(item, { fresh });
    if (!isWebUrl(url)) throw new TypeError('Not a link to a file.');
    return url;
}

/**
 * Where the file of a message is loaded from: the tab itself, while it has it; else a link. A link
 * expires, so one that fails is asked for anew, once.
 */
export class FileSource {
    /** Undefined until it is known. */
    url: string | undefined;
    hasFailed = false;

    #thread: Thread | undefined;
    #item: Item | undefined;
    #blob: Blob | undefined;
    #isFresh = false;
    #isAsking = false;
    /** Counts what was asked: an answer to anything but the last is late. */
    #turn = 0;

    /** @param onChange  url or hasFailed is another one */
    constructor(readonly onChange: () => void) {}

    /** May be called as often as there might be something new; the same message keeps its URL. */
    show(thread: Thread, item: Item): void {
        if (thread !== this.#thread || item.key !== this.#item?.key) this.drop();
        this.#thread = thread;
        this.#item = item;
        if (this.url || this.hasFailed || this.#isAsking) return;
        if (item.file) this.#hold(item.file);
        else if (item.seq !== undefined) void this.#ask(false);
    }

    /** Nothing is shown any more. */
    drop(): void {
        this.#turn++;
        if (this.#blob) release(this.#blob);
        this.#blob = this.#item = this.#thread = this.url = undefined;
        this.hasFailed = this.#isFresh = this.#isAsking = false;
    }

    /**
     * It has been loaded: when this link has expired, another one may be asked for.
     *
     * @param image  is hidden until now, for the browser makes pixels of what is seen alone
     */
    onLoad(image?: HTMLImageElement): void {
        this.#isFresh = false;
        if (!image) return;
        if (image.naturalWidth * image.naturalHeight > MAX_PIXELS) this.#fail();
        else image.style.visibility = 'visible';
    }

    /** It could not be loaded. Without a URL meanwhile: the fresh one may be the same. */
    onError(): void {
        if (this.#isFresh || this.#item?.seq === undefined) return this.#fail();
        this.url = undefined;
        void this.#ask(true);
        this.onChange();
    }

    retry(): void {
        this.hasFailed = false;
        if (this.#item?.seq !== undefined) void this.#ask(true);
        else if (this.#item?.file) this.#hold(this.#item.file);
        this.onChange();
    }

    #hold(file: Blob): void {
        if (this.#blob) release(this.#blob);
        this.#blob = file;
        this.url = hold(file);
        this.hasFailed = false;
    }

    #fail(): void {
        this.url = undefined;
        this.#isAsking = false;
        this.hasFailed = true;
        this.onChange();
    }

    async #ask(fresh: boolean): Promise<void> {
        const turn = ++this.#turn;
        this.#isFresh = fresh;
        this.#isAsking = true;
        try {
            const url = await webUrl(this.#thread!, this.#item!, fresh);
            if (turn !== this.#turn) return;
            this.#isAsking = false;
            this.url = url;
            this.onChange();
        } catch {
            // Shown as failed, with a button to try again: there is nobody else to tell.
            if (turn === this.#turn) this.#fail();
        }
    }
}

/** Long enough for the browser to have begun. */
const DOWNLOAD_HELD_MS = 60_000;

/**
 * Hand the file to the browser: nothing of it passes through the page.
 *
 * @throws what Thread.fileUrl() throws
 */
export async function downloadFile(thread: Thread, item: Item): Promise<void> {
    const { file } = item;
    const anchor = document.createElement('a');
    anchor.href = file ? hold(file) : await webUrl(thread, item, false);
    anchor.download = fileInfo(item).name ?? '';
    anchor.target = '_blank';
    anchor.rel = 'noopener noreferrer';
    anchor.click();
    if (file) setTimeout(() => release(file), DOWNLOAD_HELD_MS);
}
