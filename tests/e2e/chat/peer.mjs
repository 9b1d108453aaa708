/** A wallet on one socket: the official client as it is, and what it has heard. */
import { io } from 'socket.io-client';
import { Failure, match, next, same, spare, within } from '../lib.mjs';
import { wallet } from './wallet.mjs';

export const TRANSPORTS = {
    websocket: ['websocket'],
    polling: ['polling'],
    upgrade: ['polling', 'websocket'],
};

/** The events of a resume, each with a cursor. */
export const DURABLE = [
    'message.new', 'message.delivered', 'message.read', 'conversation.changed',
];

/** Every error code that any client of this run was sent. */
export const codes = new Set();
export const saw = (code) => codes.add(code);

/** What a receipt says, but for how far it goes. */
const markOf = (event, { conversation, by }) => `${event} of ${conversation} by ${by}`;

/**
 * What an application has kept, and so drops when it comes again: messages by their id, receipts
 * that go no further, changes that change nothing.
 */
class Kept {
    #messages = new Set();
    #marks = new Map();
    #wants = new Map(); // by conversation

    add(event, payload) {
        if (event === 'message.new') {
            this.#messages.add(payload.id);
        } else if (event === 'conversation.changed') {
            const { conversation, ...wants } = payload.conversation;
            this.#wants.set(conversation, wants);
        } else if (event.startsWith('message.')) {
            const mark = markOf(event, payload);
            this.#marks.set(mark, Math.max(this.#marks.get(mark) ?? 0, payload.seq));
        }
    }

    has(event, payload) {
        if (event === 'message.new') return this.#messages.has(payload.id);
        if (event === 'conversation.changed') {
            const { conversation, accepted, blocked } = payload.conversation;
            const wants = this.#wants.get(conversation);
            return wants?.accepted === accepted && wants.blocked === blocked;
        }
        return this.#marks.get(markOf(event, payload)) >= payload.seq;
    }
}

export class Peer {
    #waiting = new Map();
    heard = new Map(); // by event, what nobody has taken yet
    log = [];          // all of it: [event, payload]
    acks = new Map();  // by message id, of those that it withholds
    #had = new Kept(); // by the same device, on connections before this one
    cursor = undefined;

    /**
     * @param token    of the wallet, unless given; null for none
     * @param cursor   to resume from
     * @param acking   acknowledge each message at once; else ack() does
     * @param tap      gets each event as it comes, and its ack: (event, payload, ack)
     * @param had      events that its device has kept: where a resume may repeat, it drops them
     * @param url      a way to the trial's server
     * @param options  of socket.io-client
     */
    static async dial(t, address, {
        token, cursor, acking = true, tap, had, url = t.url, ...options
    } = {}) {
        const peer = new Peer();
        const auth = {
            ...(token !== null && { token: token ?? (await t.issuers.token(address)) }),
            ...(cursor && { cursor }),
        };
        Object.assign(peer, { t, address, isAcking: acking, token: auth.token, tap });
        if (had && t.server.mayRepeat) had.forEach((event) => peer.#had.add(...event));
        peer.socket = io(url, {
            transports: TRANSPORTS[t.transport], forceNew: true, reconnection: false, auth,
            ...options,
        });
        t.defer(() => peer.socket.io._close());
        peer.#listen();
        return peer;
    }

    #listen() {
        this.socket.onAny((event, ...args) => {
            const ack = typeof args.at(-1) === 'function' ? args.pop() : undefined;
            this.#hear(event, args.length === 1 ? args[0] : args, ack);
        });
        this.socket.on('connect_error', (error) => {
            if (error.data) saw(error.data.code); // none where there is no server
            this.#put('connect_error', error);
        });
        this.socket.on('disconnect', (reason) => this.#put('disconnect', reason));
    }

    #hear(event, payload, ack) {
        if (payload?.cursor) this.cursor = payload.cursor;
        if (DURABLE.includes(event) && this.#had.has(event, payload)) {
            ack?.();
            return;
        }
        this.log.push([event, payload]);
        if (event === 'error') saw(payload.error.code);
        this.tap?.(event, payload, ack);
        if (ack && this.isAcking) ack();
        else if (ack) this.acks.set(payload.id, ack);
        this.#put(event, payload);
    }

    #put(event, value) {
        const waiting = this.#waiting.get(event)?.shift();
        if (waiting) waiting(value);
        else this.#queue(event).push(value);
    }

    #queue(event) {
        if (!this.heard.has(event)) this.heard.set(event, []);
        return this.heard.get(event);
    }

    /** The payload of the next such event, whether it has come already or not. */
    take(event, ms = 5000) {
        const queue = this.#queue(event);
        if (queue.length) return Promise.resolve(queue.shift());
        const coming = new Promise((resolve) => {
            this.#waiting.set(event, [...(this.#waiting.get(event) ?? []), resolve]);
        });
        return within(ms, `event "${event}"`, coming);
    }

    async takeAll(event, n, ms = 5000) {
        const all = [];
        while (all.length < n)
            all.push(await this.take(event, ms).catch((error) => {
                throw new Failure(`${error.message}, after ${all.length} of ${n}`);
            }));
        return all;
    }

    /** Nobody has taken any, and none is on its way: what was asked first is answered first. */
    async heardNo(event) {
        await this.works();
        same(this.#queue(event), [], `events "${event}"`);
    }

    /** What its device has of it: not what it could not take yet. */
    get kept() {
        return this.log.filter(([event, { id }]) =>
            DURABLE.includes(event) && !this.acks.has(id));
    }

    ack(message) {
        this.acks.get(message.id)();
        this.acks.delete(message.id);
    }

    get isLive() {
        return this.socket.connected;
    }

    /** Still in use, both ways. */
    works() {
        return this.ok('conversation.list', { limit: 1 });
    }

    /** The answer as it is. */
    async ask(event, payload, ms = 10000) {
        const answer = await this.socket.timeout(ms).emitWithAck(event, payload).catch((error) => {
            throw new Failure(`${event}: ${error.message}`);
        });
        if (answer?.error) saw(answer.error.code);
        return answer;
    }

    /** The answer, or undefined where the connection is over before it comes. */
    async askAtTheEnd(event, payload, ms = 20000) {
        try {
            return await this.ask(event, payload, ms);
        } catch (error) {
            match(error.message, /socket has been disconnected/, 'why there is no answer');
            return undefined;
        }
    }

    /** What the answer says beside its status, which must be ok. */
    async ok(event, payload, ms) {
        const { status, ...rest } = await this.ask(event, payload, ms);
        if (status !== 'ok')
            throw new Failure(`${event}: ${JSON.stringify(rest.error)}, want ok`);
        return rest;
    }

    /** @param more  what the error says beside code and message */
    async refused(event, payload, code, more = {}) {
        isRefusal(await this.ask(event, payload), code, more);
    }

    /** @return the message, as its answer has it */
    async send(to, content, more) {
        const sent = { to, type: 'text', content, ...more };
        return (await this.ok('message.send', sent)).message;
    }

    /** Away without a word, as a phone that enters a tunnel. */
    async drop() {
        const gone = this.take('disconnect');
        this.socket.io.engine.close();
        await gone;
    }

    async leave() {
        this.socket.disconnect();
        await this.take('disconnect');
    }
}

export function isRefusal(answer, code, more = {}) {
    const sentence = answer?.error?.message;
    same(answer, { status: 'error', error: { code, message: sentence, ...more } }, 'answer');
    match(sentence, /^\w.* .*\.$/, `message of ${code}`);
}

/** On the transport that the row is about, accepted, and told all that it has missed. */
export async function join(t, address = wallet(), options = {}) {
    const peer = await Peer.dial(t, address, options);
    const refused = new Promise((_, reject) => {
        peer.socket.once('connect_error', ({ message, data, description }) => {
            reject(new Failure(`refused: ${message} ${JSON.stringify(data ?? description)}`));
        });
    });
    peer.ready = await Promise.race([peer.take('ready'), spare(refused)]);
    const { engine } = peer.socket.io;
    if (t.transport === 'upgrade' && engine.transport.name === 'polling')
        await next(engine, 'upgrade');
    same(engine.transport.name, t.transport === 'polling' ? 'polling' : 'websocket', 'transport');
    return peer;
}

/** Joined, with the backlog behind it. */
export async function joinSynced(t, address, options) {
    const peer = await join(t, address, options);
    await peer.take('synced', 10000);
    return peer;
}

/** Two wallets that talk: n of them, each on one socket. */
export const joinAll = (t, n) => Promise.all(Array.from({ length: n }, () => joinSynced(t)));

/** What it is refused with. */
export async function refusal(t, address, options) {
    const peer = await Peer.dial(t, address, options);
    const letIn = peer.take('ready').then(() => {
        peer.socket.disconnect();
        throw new Failure('it was let in');
    });
    const error = await Promise.race([peer.take('connect_error'), spare(letIn)]);
    same(peer.socket.active, false, 'will try again');
    return error;
}

/** Rows of a table, each over each transport. */
export const overTransports = (what, table) => table.flatMap(([name, run, more = {}]) =>
    (more.over ?? Object.keys(TRANSPORTS)).map((transport) => ({
        name: `${what}/${transport}: ${name}`, run, transport, ...more,
    })));
