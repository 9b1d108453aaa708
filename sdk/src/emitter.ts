type Listener<T> = (value: T) => void;

/** Events by name. A listener that throws is reported, and keeps nobody else from being told. */
export class Emitter<Events extends object> {
    readonly #listeners = new Map<keyof Events, Set<Listener<never>>>();

    /** @return a function that ends it */
    on<K extends keyof Events>(event: K, listener: Listener<Events[K]>): () => void {
        const listeners = this.#listeners.get(event) ?? new Set();
        this.#listeners.set(event, listeners);
        listeners.add(listener as Listener<never>);
        return () => {
            listeners.delete(listener as Listener<never>);
        };
    }

    emit<K extends keyof Events>(event: K, value: Events[K]): void {
        for (const listener of [...(this.#listeners.get(event) ?? [])]) {
            try {
                (listener as Listener<Events[K]>)(value);
            } catch (error) {
                reportError(error);
            }
        }
    }
}

/** As the browser reports what nobody has caught; Node 18 has no reportError(). */
function reportError(error: unknown): void {
    if (typeof globalThis.reportError === 'function') globalThis.reportError(error);
    else console.error(error);
}
