import { ParleyError } from './errors.js';
import type { Outgoing } from './outbox.js';
import type { Message } from './protocol.js';

/** So many of the latest are remembered, for who asks late. */
const REMEMBERED = 1_000;

interface Waiter {
    resolve: (message: Message) => void;
    reject: (error: ParleyError) => void;
}

/** Those who wait for a message of this page to be stored, by its key. */
export class Waiters {
    readonly #waiting = new Map<string, Waiter[]>();
    readonly #stored = new Map<string, Message>();

    /** @param outgoing  as it stands in the outbox */
    wait(key: string, outgoing: Outgoing | undefined): Promise<Message> {
        const message = this.#stored.get(key);
        if (message) return Promise.resolve(message);
        if (!outgoing) return Promise.reject(unknown());
        if (outgoing.error) return Promise.reject(outgoing.error);
        return new Promise((resolve, reject) => {
            const waiters = this.#waiting.get(key) ?? [];
            this.#waiting.set(key, [...waiters, { resolve, reject }]);
        });
    }

    resolve(key: string, message: Message): void {
        this.#remember(key, message);
        for (const waiter of this.#take(key)) waiter.resolve(message);
    }

    reject(key: string, error: ParleyError): void {
        for (const waiter of this.#take(key)) waiter.reject(error);
    }

    rejectAll(error: ParleyError): void {
        for (const key of this.#waiting.keys()) this.reject(key, error);
        this.#stored.clear();
    }

    #take(key: string): Waiter[] {
        const waiters = this.#waiting.get(key) ?? [];
        this.#waiting.delete(key);
        return waiters;
    }

    #remember(key: string, message: Message): void {
        this.#stored.set(key, message);
        const [oldest] = this.#stored.keys();
        if (this.#stored.size > REMEMBERED && oldest !== undefined) this.#stored.delete(oldest);
    }
}

const unknown = () =>
    new ParleyError({ code: 'not_found', message: 'There is no such message of this page.' });
