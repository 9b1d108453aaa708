/** What listeners do: they acknowledge never, in any order, or throw before they do. */
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { run, same, within } from '../../lib.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { TRANSPORTS, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const WINDOW = 256;

const statuses = async (peer, to) => {
    const { messages } = await peer.ok('message.history', { peer: to, limit: 200 });
    return messages.map(({ status }) => status);
};

/** Nothing is delivered, whatever it was told and shows: to any device all comes again. */
async function comesAgainToWhoNeverDoes(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, 20);
    areInOrder(seqs(await b.takeAll('message.new', 20)), 1, 20);
    for (const how of [{}, { cursor: b.cursor }]) {
        const other = await joinSynced(t, b.address, { ...how, acking: false });
        same(other.ready.unread, 1, 'conversations with unread messages');
        areInOrder(seqs(await other.takeAll('message.new', 20)), 1, 20);
        await other.leave();
    }
    await a.heardNo('message.delivered');
    same(await statuses(a, b.address), Array(20).fill('undelivered'), 'status');
    await b.drop();
    const again = await joinSynced(t, b.address);
    areInOrder(seqs(await again.takeAll('message.new', 20)), 1, 20);
    await heardOf(a, 'message.delivered', 20);
}

/** From the last to the first: there is room long before the mark moves, and then it moves. */
async function takesThemBackwards(t) {
    const [a, b] = [await joinSynced(t), await joinSynced(t, undefined, { acking: false })];
    await sendMany(a, b.address, WINDOW + 100);
    const got = await b.takeAll('message.new', WINDOW);
    for (const message of got.slice(1).reverse()) b.ack(message);
    const rest = await b.takeAll('message.new', 100);
    for (const message of [...rest].reverse()) b.ack(message);
    await b.works();
    await a.heardNo('message.delivered');
    b.ack(got[0]);
    await heardOf(a, 'message.delivered', WINDOW + 100);
    areInOrder(seqs([...got, ...rest]), 1, WINDOW + 100);
    await b.leave();
    await (await joinSynced(t, b.address)).heardNo('message.new');
}

/** What was acknowledged on a socket that is gone counts only as far as it moved the mark. */
async function forgetsTheSocket(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    const [b1, b2] = await Promise.all([1, 2].map(() => joinSynced(t, address, { acking: false })));
    await sendMany(a, address, 4);
    const [got1, got2] = await Promise.all([b1, b2].map((b) => b.takeAll('message.new', 4)));
    b1.ack(got1[1]);
    b1.ack(got1[2]);
    await b1.works();
    await b1.leave();
    b2.ack(got2[0]);
    b2.ack(got2[3]);
    await heardOf(a, 'message.delivered', 1); // 2 and 3 were acknowledged elsewhere
    await b2.works();
    await a.heardNo('message.delivered');
    await b2.leave();
    const again = await joinSynced(t, address);
    same(seqs(await again.takeAll('message.new', 3)), [2, 3, 4], 'seqs');
    await heardOf(a, 'message.delivered', 4);
}

/** Messages of the account's other devices take room as any, and acknowledged, give it back. */
async function ownOnesTakeRoom(t) {
    const [a, peer] = [await joinSynced(t), wallet()];
    const other = await joinSynced(t, a.address, { acking: false });
    await sendMany(a, peer, WINDOW + 44);
    const got = await other.takeAll('message.new', WINDOW);
    await other.heardNo('message.new');
    for (const message of got) other.ack(message);
    const rest = await other.takeAll('message.new', 44);
    areInOrder(seqs([...got, ...rest]), 1, WINDOW + 44);
    for (const message of rest) other.ack(message);
    await other.works();
    await a.heardNo('message.delivered');
    same(new Set(await statuses(a, peer)), new Set(['undelivered']), 'status');
}

/** Half a minute passes in which there is nothing to acknowledge, or something at times. */
async function warnsNobodyElse(t) {
    const [a, idle] = await joinAll(t, 2);
    const slow = await joinSynced(t, undefined, { acking: false });
    await sendMany(a, slow.address, 4);
    const got = await slow.takeAll('message.new', 4);
    const silent = await joinSynced(t, undefined, { acking: false });
    await a.send(silent.address, 'x');
    const fed = silent.take('warning', 40000);
    for (const message of got.slice(0, 2)) {
        await new Promise((resolve) => setTimeout(resolve, 14000)); // of the server's 30 s
        slow.ack(message);
    }
    same((await fed).code, 'not_acknowledging', 'code');
    for (const peer of [a, idle, slow]) await peer.heardNo('warning');
}

/** What listener.mjs prints: the values of an event, as they come. */
class Listener {
    #heard = [];
    #wake = () => {};

    static async start(t, address, env = {}) {
        const listener = new Listener();
        const script = fileURLToPath(new URL('../listener.mjs', import.meta.url));
        const words = [script, t.url, TRANSPORTS[t.transport][0],
            await t.issuers.token(address)];
        Object.assign(listener, run(process.execPath, words, ['ignore', 'pipe', 'pipe'],
            { env: { ...process.env, ...env } }));
        t.defer(() => listener.child.kill('SIGKILL'));
        listener.said = '';
        listener.child.stderr.on('data', (text) => (listener.said += text));
        createInterface({ input: listener.child.stdout }).on('line', (line) => {
            listener.#heard.push(JSON.parse(line));
            listener.#wake();
        });
        return listener;
    }

    async takeAll(event, n) {
        const of = () => this.#heard.filter(([what]) => what === event).map(([, value]) => value);
        const enough = async () => {
            while (of().length < n) await new Promise((resolve) => (this.#wake = resolve));
        };
        await within(10000, `${n} of "${event}" (${this.said})`, enough());
        return of();
    }
}

const TEXTS = ['fine', 'poison', 'fine', 'fine'];

async function sendTexts(a, to) {
    for (const content of TEXTS) await a.send(to, content);
}

/** It goes on with what is behind; the mark does not, and so all of that comes again. */
async function staysBeforeWhatThrows(t) {
    const [a, c] = await joinAll(t, 2);
    const address = wallet();
    const listener = await Listener.start(t, address, { LIKE_A_PAGE: 'yes' });
    await listener.takeAll('synced', 1);
    await sendTexts(a, address);
    await c.send(address, 'of another conversation');
    same(seqs(await listener.takeAll('message.new', 5)), [1, 2, 3, 4, 1], 'seqs');
    same(await listener.takeAll('uncaught', 1), ['it can not be shown'], 'uncaught');
    await heardOf(a, 'message.delivered', 1);
    await heardOf(c, 'message.delivered', 1);
    await a.heardNo('message.delivered');
    same(await statuses(a, address), ['delivered', ...Array(3).fill('undelivered')], 'status');

    const all = await listener.takeAll('message.new', 5);
    const had = all.filter(({ seq }) => seq === 1).map((one) => ['message.new', one]);
    const { cursor } = all.at(-1);
    const other = await joinSynced(t, address, { cursor, had, acking: false });
    same(seqs(await other.takeAll('message.new', 3)), [2, 3, 4], 'on another device');
    await other.heardNo('message.new');
    same(await listener.takeAll('disconnect', 0), [], 'disconnects');
    await other.ok('message.delivered', { peer: a.address, seq: 2 });
    await heardOf(a, 'message.delivered', 4); // 3 and 4 were acknowledged, behind it
    await other.leave();
    await (await joinSynced(t, address)).heardNo('message.new');
}

/** A program that nobody has told what to do with it: each time it starts, it comes again. */
async function endsAProgram(t) {
    const [a, address] = [await joinSynced(t), wallet()];
    await sendTexts(a, address);
    for (const _ of numbers(2)) {
        const listener = await Listener.start(t, address);
        same(await within(10000, 'end of the program', listener.ended), 1, 'exit status');
        same(listener.said.includes('it can not be shown'), true, `why (${listener.said})`);
        same((await listener.takeAll('message.new', 1)).at(-1).content, 'poison', 'the last one');
    }
    same((await statuses(a, address)).slice(1), Array(3).fill('undelivered'), 'status');
    const again = await joinSynced(t, address);
    await heardOf(a, 'message.delivered', 4);
    same(seqs(again.heard.get('message.new')).slice(-3), [2, 3, 4], 'seqs');
}

const IDLE = { idle: true, limit: 60000 };
const TWO = { over: ['websocket', 'polling'] };

export const rows = overTransports('listeners', [
    ['send again to who never acknowledges', comesAgainToWhoNeverDoes],
    ['may acknowledge from the last to the first', takesThemBackwards],
    ['count as far as their own socket goes', forgetsTheSocket],
    ['have room again for what they have acknowledged of their own', ownOnesTakeRoom],
    ['slow: are not warned where they acknowledge, or have nothing', warnsNobodyElse, IDLE],
    ['that throw leave the mark before what they threw for', staysBeforeWhatThrows, TWO],
    ['that throw end a program, and it comes again', endsAProgram, TWO],
]);
