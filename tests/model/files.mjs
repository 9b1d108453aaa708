/**
 * What is known of files: what was announced of each, by whom, and whether it was put. In
 * messages they have links, which are others each time; what they lead to is seen to elsewhere
 * (settle.mjs).
 */
import { Violation } from './violation.mjs';

const hasFile = (value) => typeof value.upload === 'string';

/** An answer or an event as it is for the same message always: without its links. */
export function plain(value) {
    if (typeof value !== 'object' || value === null) return value;
    if (Array.isArray(value)) return value.map(plain);
    const { url, expires_at: at, ...rest } = value;
    if (!hasFile(value))
        return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]));
    if (typeof url !== 'string' || !(Date.parse(at) > 0))
        throw new Violation('link', `none in ${JSON.stringify(value)}`);
    return rest;
}

export class Files {
    #all = new Map(); // by upload

    /** @param said  name, mime, size */
    announced(upload, owner, said) {
        this.#all.set(upload, { owner, said, putFrom: Infinity, putTo: Infinity });
    }

    putting(upload, at) {
        this.#all.get(upload).putFrom = at;
    }

    isPut(upload, at) {
        this.#all.get(upload).putTo = at;
    }

    /** The content as it must be stored. */
    described(content) {
        const file = this.#all.get(content?.upload);
        return file ? { ...content, ...file.said } : content;
    }

    /** Why this wallet can't have sent it, as far as it is known; undefined: it can */
    whyNot(content, sender) {
        if (content?.upload === undefined) return undefined;
        const file = this.#all.get(content.upload);
        if (!file) return 'nobody has announced it';
        if (file.owner !== sender) return 'it is of another';
        return file.putFrom === Infinity ? 'nobody has put it' : undefined;
    }

    /** Was it the sender's, and there, when it was asked for? Then it can't be missing. */
    wasThere(content, sender, at) {
        const file = this.#all.get(content.upload);
        return file !== undefined && file.owner === sender && file.putTo < at;
    }
}
