/** A file on its way to where files are: announced, and put there. */
import { cancelled, throwIfCancelled } from './abort.js';
import { ParleyError } from './errors.js';
import { cleanName } from './file-names.js';
import type { UploadTicket } from './protocol.js';
import type { Wire } from './wire.js';

const MIME_BYTES = 127;
const PROGRESS_MS = 100;
/** Without a byte more, or an answer. */
const STALLED_MS = 60000;

export interface LocalFile {
    blob: Blob;
    name: string;
    mime: string;
}

/** What the server said of a file, kept over several tries: to announce it once is enough. */
export interface Announced {
    ticket?: UploadTicket | undefined;
}

export interface UploadOptions {
    signal: AbortSignal;
    /** 0 to 1, at most ten times a second. */
    onProgress: (progress: number) => void;
}

interface PutAnswer {
    status: number;
    body: string;
}

const TOKEN = "[\\w!#$%&'*+.^`|~-]+";
const MIME = new RegExp(`^${TOKEN}/${TOKEN}(;${TOKEN}=${TOKEN}(,${TOKEN})*)*$`);

/** A type that the server takes. What a browser has recorded may have quotes: codecs="vp8,opus". */
export function cleanMime(mime: string): string {
    const clean = mime
        .replace(/\s*([;,])\s*/g, '$1')
        .replace(/"/g, '')
        .trim();
    return clean.length <= MIME_BYTES && MIME.test(clean) ? clean : 'application/octet-stream';
}

// Putting it.

const lost = (): ParleyError =>
    new ParleyError({ code: 'offline', message: 'The connection broke while the file was sent.' });

/** By fetch, where there is no XMLHttpRequest (Node): without progress. */
async function putByFetch(t: UploadTicket, blob: Blob, o: UploadOptions): Promise<PutAnswer> {
    try {
        const { method, headers } = t;
        const answer = await fetch(t.url, { method, headers, body: blob, signal: o.signal });
        return { status: answer.status, body: await answer.text() };
    } catch {
        throw o.signal.aborted ? cancelled() : lost();
    }
}

function putByXhr(ticket: UploadTicket, blob: Blob, options: UploadOptions): Promise<PutAnswer> {
    const { signal } = options;
    const xhr = new XMLHttpRequest();
    const abort = (): void => xhr.abort();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let toldAt = 0;
    const isAlive = (): void => {
        clearTimeout(timer);
        timer = setTimeout(abort, STALLED_MS);
    };
    xhr.upload.onprogress = ({ loaded, total }) => {
        isAlive();
        if (Date.now() - toldAt < PROGRESS_MS || total === 0) return;
        toldAt = Date.now();
        options.onProgress(loaded / total);
    };
    return new Promise<PutAnswer>((resolve, reject) => {
        xhr.onload = () => resolve({ status: xhr.status, body: xhr.responseText });
        xhr.onerror = () => reject(lost());
        xhr.onabort = () => reject(signal.aborted ? cancelled() : lost());
        signal.addEventListener('abort', abort);
        xhr.open(ticket.method, ticket.url);
        for (const [name, value] of Object.entries(ticket.headers))
            xhr.setRequestHeader(name, value);
        isAlive();
        xhr.send(blob);
    }).finally(() => {
        clearTimeout(timer);
        signal.removeEventListener('abort', abort);
    });
}

async function put(t: UploadTicket, blob: Blob, options: UploadOptions): Promise<PutAnswer> {
    throwIfCancelled(options.signal);
    if (typeof XMLHttpRequest === 'undefined') return putByFetch(t, blob, options);
    return putByXhr(t, blob, options);
}

/** 412: it is there already, from a try whose answer was lost. */
const isThere = (status: number): boolean => (status >= 200 && status < 300) || status === 412;

/** 409: a try before this one was still under way. */
const isPassingStatus = (status: number): boolean =>
    status >= 500 || status === 408 || status === 409 || status === 429;

/** S3's errors are XML, with a code for programs and a message for people. */
function errorOf({ status, body }: PutAnswer): ParleyError {
    if (isPassingStatus(status)) {
        const message = `The file was not taken now (${status}).`;
        return new ParleyError({ code: 'storage_unavailable', message });
    }
    const [, code, why] = /<Code>([\w.]{1,64})<\/Code>(?:<Message>([^<]{1,300}))?/.exec(body) ?? [];
    const tail = why ? `: ${why}` : ` (${code ? `${code}, ` : ''}${status}).`;
    return new ParleyError({ code: 'upload_failed', message: `The file was not taken${tail}` });
}

/** A file that was changed or deleted since it was chosen fails as a connection does. */
async function checkReadable(blob: Blob): Promise<void> {
    try {
        await blob.slice(0, 1).arrayBuffer();
    } catch {
        throw new ParleyError({ code: 'upload_failed', message: 'The file can not be read.' });
    }
}

async function putOrExplain(
    ticket: UploadTicket,
    blob: Blob,
    options: UploadOptions,
): Promise<PutAnswer> {
    try {
        return await put(ticket, blob, options);
    } catch (error) {
        if (!options.signal.aborted) await checkReadable(blob);
        throw error;
    }
}

// The whole.

type Asks = Pick<Wire, 'request'>;

function announce(wire: Asks, file: LocalFile, signal: AbortSignal): Promise<UploadTicket> {
    const { blob, name, mime } = file;
    const announcement = { name: cleanName(name), mime: cleanMime(mime), size: blob.size };
    return wire.request('upload.create', announcement, { signal });
}

const isGood = (ticket: UploadTicket | undefined): ticket is UploadTicket =>
    ticket !== undefined && Date.parse(ticket.expires_at) > Date.now();

/** @return the upload, and what was said to its file */
async function tryOnce(
    wire: Asks,
    file: LocalFile,
    announced: Announced,
    options: UploadOptions,
): Promise<[string, PutAnswer]> {
    if (!isGood(announced.ticket)) announced.ticket = await announce(wire, file, options.signal);
    const { ticket } = announced;
    return [ticket.upload, await putOrExplain(ticket, file.blob, options)];
}

/**
 * @param announced  an empty object at the first try of a file, and the same one at the next ones
 * @return the upload, to be named in a message
 * @throws ParleyError as upload.create was refused, or `upload_failed`, `cancelled`; passing ones:
 *         `offline`, `storage_unavailable`
 */
export async function uploadFile(
    wire: Asks,
    file: LocalFile,
    announced: Announced,
    options: UploadOptions,
): Promise<string> {
    let [upload, answer] = await tryOnce(wire, file, announced, options);
    if (answer.status === 403) {
        // The link has expired, by the server's clock.
        announced.ticket = undefined;
        [upload, answer] = await tryOnce(wire, file, announced, options);
    }
    if (isThere(answer.status)) return upload;
    if (!isPassingStatus(answer.status)) announced.ticket = undefined;
    throw errorOf(answer);
}
