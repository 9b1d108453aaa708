import { accountKey } from './address.js';
import { memoryStore } from './outbox-memory.js';
import type { Entry, OutboxStore } from './outbox.js';
import type { Account } from './protocol.js';

const VERSION = 1;
const ENTRIES = 'entries';
/** Apart from the entries, so that an entry that changes does not copy its file again. */
const FILES = 'files';
/** Some browsers have answered neither way, ever. */
const OPEN_MS = 3000;

/** An entry as it lies there: the blob is in FILES, and may be missing there. */
interface EntryRecord extends Omit<Entry, 'file'> {
    file?: { name: string; mime: string };
}

interface FileRecord {
    key: string;
    blob: Blob;
}

export const outboxName = (server: string, account: Account): string =>
    `parley:outbox:${server}:${accountKey(account)}`;

function resultOf<T>(request: IDBRequest<T>): Promise<T> {
    return new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
}

function completed(transaction: IDBTransaction): Promise<void> {
    return new Promise((resolve, reject) => {
        transaction.oncomplete = () => resolve();
        transaction.onabort = () =>
            reject(transaction.error ?? new DOMException('Aborted', 'AbortError'));
    });
}

/** Relaxed: it is to survive the tab, not the power. */
const write = (db: IDBDatabase): IDBTransaction =>
    db.transaction([ENTRIES, FILES], 'readwrite', { durability: 'relaxed' });

/** Not when the page gets round to it: it may be gone by then. (Older browsers can't be told.) */
const finish = (transaction: IDBTransaction): void => transaction.commit?.();

function recordOf({ file, ...entry }: Entry): EntryRecord {
    return file ? { ...entry, file: { name: file.name, mime: file.mime } } : entry;
}

function entryOf({ file, ...record }: EntryRecord, blob: Blob | undefined): Entry {
    return file && blob ? { ...record, file: { ...file, blob } } : record;
}

async function put(db: IDBDatabase, entry: Entry, isFileKept: boolean): Promise<void> {
    const transaction = write(db);
    const done = completed(transaction);
    try {
        if (entry.file && !isFileKept)
            transaction.objectStore(FILES).put({ key: entry.key, blob: entry.file.blob });
        transaction.objectStore(ENTRIES).put(recordOf(entry));
        finish(transaction);
    } catch (error) {
        // What can't be cloned: nothing is to be kept of it. The abort rejects `done`.
        transaction.abort();
        await done.catch(() => {});
        throw error;
    }
    await done;
}

async function remove(db: IDBDatabase, key: string): Promise<void> {
    const transaction = write(db);
    transaction.objectStore(FILES).delete(key);
    transaction.objectStore(ENTRIES).delete(key);
    finish(transaction);
    await completed(transaction);
}

async function read(transaction: IDBTransaction): Promise<Entry[]> {
    const [records, files] = await Promise.all([
        resultOf<EntryRecord[]>(transaction.objectStore(ENTRIES).getAll()),
        resultOf<FileRecord[]>(transaction.objectStore(FILES).getAll()),
    ]);
    const blobs = new Map(files.map((file) => [file.key, file.blob]));
    return records.map((record) => entryOf(record, blobs.get(record.key)));
}

async function adopt(db: IDBDatabase, from: string, to: string): Promise<Entry[]> {
    const transaction = write(db);
    const done = completed(transaction);
    const entries = transaction.objectStore(ENTRIES);
    for (const record of await resultOf<EntryRecord[]>(entries.getAll()))
        if (record.tab === from) entries.put({ ...record, tab: to });
    const all = await read(transaction);
    await done;
    return all;
}

function storeOf(db: IDBDatabase): OutboxStore {
    const files = new Set<string>();
    let isOpen = true;
    const close = (): void => {
        isOpen = false;
        db.close();
    };
    const known = (entries: Entry[]): Entry[] => {
        for (const entry of entries) if (entry.file) files.add(entry.key);
        return entries;
    };
    // Somebody deletes it: another tab has signed out.
    db.onversionchange = close;
    db.onclose = close;
    return {
        get isPersistent() {
            return isOpen;
        },
        async put(entry) {
            // A file that is uploaded is not needed to send the message.
            const isFileKept = files.has(entry.key) || entry.upload !== undefined;
            await put(db, entry, isFileKept);
            if (entry.file && !isFileKept) files.add(entry.key);
        },
        async remove(key) {
            files.delete(key);
            await remove(db, key);
        },
        all: async () => known(await read(db.transaction([ENTRIES, FILES]))),
        adopt: async (from, to) => known(await adopt(db, from, to)),
        close,
    };
}

function open(name: string): Promise<IDBDatabase> {
    const request = indexedDB.open(name, VERSION);
    request.onupgradeneeded = () => {
        request.result.createObjectStore(ENTRIES, { keyPath: 'key' });
        request.result.createObjectStore(FILES, { keyPath: 'key' });
    };
    return resultOf(request);
}

/** @throws where it takes too long; what comes later is closed */
function openInTime(name: string): Promise<IDBDatabase> {
    const opening = open(name);
    return new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
            reject(new DOMException('No answer', 'TimeoutError'));
            opening.then(
                (db) => db.close(),
                () => {},
            );
        }, OPEN_MS);
        opening.then(resolve, reject).finally(() => clearTimeout(timer));
    });
}

/** In IndexedDB; in memory where that is absent, forbidden (private windows, some frames), or broken:
 * isPersistent tells. */
export async function openStore(name: string): Promise<OutboxStore> {
    try {
        return storeOf(await openInTime(name));
    } catch {
        return memoryStore();
    }
}

/**
 * What is not sent yet is given up, for good: at signing out. Tabs that have it open let go of it.
 *
 * @throws DOMException where the browser can't
 */
export async function deleteOutbox(server: string, account: Account): Promise<void> {
    if (typeof indexedDB === 'undefined') return;
    const request = indexedDB.deleteDatabase(outboxName(server, account));
    await new Promise<void>((resolve, reject) => {
        request.onsuccess = () => resolve();
        // It goes as soon as the last one has closed it.
        request.onblocked = () => resolve();
        request.onerror = () => reject(request.error);
    });
}
