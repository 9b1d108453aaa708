/** What a page has of its browser, as far as signing in needs it: put where the SDK looks. */
import { Failure } from '../e2e/lib.mjs';

const realFetch = globalThis.fetch;
const realNow = Date.now;

function storage() {
    const items = new Map();
    return {
        items,
        getItem: (key) => items.get(key) ?? null,
        setItem: (key, value) => void items.set(key, String(value)),
        removeItem: (key) => void items.delete(key),
    };
}

/** One holder of a name at a time, in the order in which they ask. */
function locks() {
    const tails = new Map();
    return {
        request(name, work) {
            const turn = (tails.get(name) ?? Promise.resolve()).then(work);
            tails.set(name, turn.catch(() => {}));
            return turn;
        },
    };
}

/** A browser with one page open, whose tabs share what it keeps. One at a time. */
export class Browser {
    /** Each call of the page: [path, body]. */
    asked = [];
    #toLose = 0;

    constructor(origin) {
        this.storage = storage();
        this.#put('localStorage', this.storage);
        this.#put('navigator', { locks: locks() });
        this.#put('fetch', (url, init) => this.#fetch(url, init));
        this.visit(origin);
    }

    /** defineProperty(), as some of them are there in later versions of Node. */
    #put(name, value) {
        Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
    }

    visit(origin) {
        const { host } = new URL(origin);
        this.#put('location', { origin, host });
    }

    withoutLocks() {
        this.#put('navigator', {});
    }

    /** The device's clock. */
    setClock(aheadMs) {
        Date.now = () => realNow() + aheadMs;
    }

    /** So many of the next answers are lost on the way: the server has given them. */
    lose(n) {
        this.#toLose = n;
    }

    /** As a page of another origin: browsers say whose it is. */
    async #fetch(url, init = {}) {
        const { pathname, search } = new URL(url);
        this.asked.push([pathname + search, init.body && JSON.parse(init.body)]);
        const headers = { ...init.headers, origin: globalThis.location.origin };
        const response = await realFetch(url, { ...init, headers });
        if (this.#toLose === 0) return response;
        this.#toLose--;
        await response.arrayBuffer();
        throw new TypeError('fetch failed');
    }

    /** The bodies of the calls of this path. */
    callsOf(path) {
        return this.asked.filter(([one]) => one === path).map(([, body]) => body);
    }

    /** What is kept of the one session that there is. */
    get kept() {
        const [text, ...more] = this.storage.items.values();
        if (!text || more.length > 0) throw new Failure('there is not one session that is kept');
        return JSON.parse(text);
    }

    close() {
        Date.now = realNow;
        this.#put('fetch', realFetch);
        for (const name of ['localStorage', 'navigator', 'location']) delete globalThis[name];
    }
}
