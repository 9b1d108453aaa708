/**
 * Whatever happens to connections and tabs: in the end each message is stored once, and those that
 * one tab has written to one peer are in their order.
 */
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openStore, outboxName } from '../src/outbox-idb.js';
import type { Outbox } from '../src/outbox.js';
import type { Message, Requests, SendRequest } from '../src/protocol.js';
import type { Status } from '../src/wire.js';
import {
    BOB,
    EVE,
    FakeLocks,
    ME,
    kill,
    messageOf,
    open,
    parleyError,
    text,
    turns,
    until,
} from './outbox-fakes.js';

type Chance = (n: number) => number;

/** mulberry32: the same seed, the same story. */
function chanceOf(seed: number): Chance {
    let a = seed;
    return (n) => {
        a = (a + 0x6d2b79f5) | 0;
        let t = Math.imul(a ^ (a >>> 15), 1 | a);
        t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
        return ((t ^ (t >>> 14)) >>> 0) % n;
    };
}

class Server {
    readonly messages: Message[] = [];
    readonly sockets = new Set<Socket>();

    store(request: SendRequest): { duplicate: boolean; message: Message } {
        const first = this.messages.find((one) => one.client_msg_id === request.client_msg_id);
        if (first && first.content !== request.content) throw parleyError('conflict');
        if (first) return { duplicate: true, message: first };
        const message = messageOf(request, this.messages.length + 1);
        this.messages.push(message);
        return { duplicate: false, message };
    }
}

/** A connection that breaks, loses requests and answers, and gets events of other tabs' messages. */
class Socket {
    status: Status = 'online';
    box: Outbox | undefined;
    readonly #open = new Set<(error: unknown) => void>();

    constructor(
        readonly server: Server,
        readonly chance: Chance,
    ) {
        server.sockets.add(this);
    }

    set(isOnline: boolean): void {
        this.status = isOnline ? 'online' : 'offline';
        if (!isOnline) for (const lose of this.#open) lose(parleyError('offline'));
        this.box?.setOnline(isOnline);
    }

    async request<K extends keyof Requests>(_: K, payload: Requests[K][0]) {
        if (this.status !== 'online') throw parleyError('offline');
        return new Promise<Requests[K][1]>((resolve, reject) => {
            this.#open.add(reject);
            setTimeout(() => this.#arrive(payload as SendRequest, resolve, reject), this.#ms());
        });
    }

    #ms(): number {
        return this.chance(300);
    }

    #arrive(
        request: SendRequest,
        resolve: (value: never) => void,
        reject: (error: unknown) => void,
    ): void {
        const luck = this.chance(10);
        if (luck === 0) return void setTimeout(() => reject(parleyError('offline')), 10000);
        if (luck === 1) return reject(parleyError('rate_limited', 1 + this.chance(2000)));
        if (luck === 2) return reject(parleyError('storage_unavailable'));
        const answer = this.server.store(request);
        if (!answer.duplicate) this.#tellOthers(answer.message);
        if (luck === 3) return void setTimeout(() => reject(parleyError('offline')), 10000);
        setTimeout(() => resolve(answer as never), this.#ms());
    }

    #tellOthers(message: Message): void {
        for (const other of this.server.sockets)
            if (other !== this && other.status === 'online' && this.chance(3) > 0)
                setTimeout(() => other.box?.sawStored(message), this.#ms());
    }
}

interface Tab {
    socket: Socket;
    box: Outbox;
    name: number;
}

/** 100 ms, in which a store and a channel do more than one thing. */
async function pass(): Promise<void> {
    await vi.advanceTimersByTimeAsync(100);
    await turns(2);
}

/** In the store, or gone: what a tab has written in its last milliseconds may go with it. */
async function allKept(keys: string[]): Promise<void> {
    const store = await openStore(outboxName('http://s', ME));
    for (let missing = keys, i = 0; missing.length > 0 && i < 20; i++) {
        const kept = new Set((await store.all()).map((entry) => entry.key));
        missing = missing.filter((key) => !kept.has(key));
    }
    store.close();
}

class Story {
    readonly server = new Server();
    readonly tabs: Tab[] = [];
    readonly written: string[] = [];
    readonly told: string[] = [];
    #names = 0;

    constructor(readonly chance: Chance) {}

    openTab(): void {
        const socket = new Socket(this.server, this.chance);
        socket.status = this.chance(2) ? 'online' : 'offline';
        const box = open(socket);
        socket.box = box;
        box.on('failed', ({ error }) => this.told.push(error.code));
        this.tabs.push({ socket, box, name: ++this.#names });
    }

    /** As the browser does it: what was asked may still arrive. */
    async killTab(tab: Tab): Promise<void> {
        const written = [BOB, EVE].flatMap((to) => tab.box.of(to).map((line) => line.entry.key));
        await allKept(written);
        this.tabs.splice(this.tabs.indexOf(tab), 1);
        this.server.sockets.delete(tab.socket);
        tab.socket.box = undefined;
        kill(tab.box);
    }

    write(tab: Tab): void {
        const content = `${tab.name}:${this.written.length}`;
        this.written.push(content);
        tab.box.add(text(content, this.chance(2) ? BOB : EVE));
    }

    async step(): Promise<void> {
        if (this.tabs.length === 0) this.openTab();
        const tab = this.tabs[this.chance(this.tabs.length)]!;
        const what = this.chance(12);
        if (what < 5) this.write(tab);
        else if (what < 7) tab.socket.set(tab.socket.status !== 'online');
        else if (what === 7 && this.tabs.length < 3) this.openTab();
        else if (what === 8) await this.killTab(tab);
        else for (let n = this.chance(30); n >= 0; n--) await pass();
        await turns(this.chance(5));
    }

    get isDone(): boolean {
        const isEmpty = this.tabs.every(({ box }) => box.peers.length === 0);
        return isEmpty && this.server.messages.length === this.written.length;
    }
}

/** What a tab has written to a peer, in the order in which it was stored. */
function groups(messages: Message[]): Map<string, number[]> {
    const all = new Map<string, number[]>();
    for (const { content, peer } of messages) {
        const [tab, n] = String(content).split(':');
        const name = `${tab} to ${peer}`;
        all.set(name, [...(all.get(name) ?? []), Number(n)]);
    }
    return all;
}

beforeEach(() => {
    vi.stubGlobal('navigator', { locks: new FakeLocks() });
    vi.useFakeTimers({
        toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
    });
});

let story: Story;

afterEach(async () => {
    for (const { box } of story.tabs) box.close();
    await turns();
    vi.useRealTimers();
    vi.unstubAllGlobals();
});

const SEEDS = Number(process.env['SEEDS'] ?? 25);

test.each(Array.from({ length: SEEDS }, (_, i) => i + 1))(
    'story %i ends with each message stored once, in order',
    async (seed) => {
        globalThis.indexedDB = new IDBFactory();
        story = new Story(chanceOf(seed));
        for (let i = 0; i < 60; i++) await story.step();
        if (story.tabs.length === 0) story.openTab();
        for (const { socket } of story.tabs) socket.set(true);
        await until(() => story.isDone, pass);
        const contents = story.server.messages.map((one) => one.content);
        expect([...contents].sort()).toEqual([...story.written].sort());
        for (const [name, numbers] of groups(story.server.messages))
            expect(numbers, name).toEqual([...numbers].sort((a, b) => a - b));
        expect(story.told).toEqual([]);
    },
);
