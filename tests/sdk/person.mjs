/** A wallet with the SDK in its hand, as a page has it: of sdk/dist, which is built before. */
import { createChat } from '../../sdk/dist/index.js';
import { Failure, same, spare, until, within } from '../e2e/lib.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';

export const WAIT_MS = 10000;

/** Comes true, or fails with what it is instead. */
export async function becomes(what, look, want, ms = WAIT_MS) {
    try {
        await until(what, () => JSON.stringify(look()) === JSON.stringify(want), ms);
    } catch {
        same(look(), want, what);
    }
}

export class Person {
    statuses = [];
    errors = [];
    asked = []; // for a token: with which one that was refused

    /**
     * @param token   (refused) gives one
     * @param url     a way to the trial's server
     * @param isKnown whether the client knows whose token it is before the server says so
     */
    static make(t, address = wallet(), {
        token = () => t.issuers.token(address), url = t.url, isKnown = true,
    } = {}) {
        const person = Object.assign(new Person(), { t, address });
        person.chat = createChat({
            server: url,
            persist: false,
            auth: {
                account: isKnown ? address : undefined,
                token: async (refused) => {
                    person.asked.push(refused);
                    return token(refused);
                },
            },
        });
        person.chat.on('change', () => {
            const { status } = person.chat;
            if (person.statuses.at(-1) !== status) person.statuses.push(status);
        });
        t.defer(() => person.chat.disconnect());
        return person;
    }

    static async join(t, address, options) {
        const person = this.make(t, address, options);
        person.chat.connect();
        await person.is('online');
        return person;
    }

    is(status, ms = WAIT_MS) {
        return until(`${status}, but ${this.chat.status}`, () => this.chat.status === status, ms);
    }

    thread(peer) {
        return this.chat.thread(peer.address ?? peer);
    }

    /** Its thread, opened, with its latest page. */
    async open(peer) {
        const thread = this.thread(peer);
        thread.open();
        await until('loaded', () => thread.isLoaded);
        return thread;
    }

    send(peer, text) {
        const thread = this.thread(peer);
        return within(WAIT_MS, 'stored message', thread.stored(thread.sendText(text).key));
    }
}

export const seqsOf = (thread) => thread.items.map((item) => item.seq);
export const textsOf = (thread) => thread.items.map((item) => item.content);
export const statesOf = (thread) => thread.items.map((item) => item.state);

/** Everything that is sent so is seen to: it must be stored. */
export const sendMany = (person, peer, texts) =>
    spare(Promise.all(texts.map((text) => person.send(peer, text))));

export const numbered = (n, from = 1) => Array.from({ length: n }, (_, i) => `m${from + i}`);

export async function refusedWith(promise, code) {
    const error = await within(WAIT_MS, 'refusal', promise.then(() => undefined, (e) => e));
    if (error?.code !== code) throw new Failure(`got ${error?.code ?? error}, want ${code}`);
}
