/** A mailbox that many messages wait in, and how fast they are taken out of it. */
import { Failure, now, spare, until } from '../e2e/lib.mjs';
import { Watch, cpuOf } from '../bench/process.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Peer, joinSynced } from '../e2e/chat/peer.mjs';
import { sendMany } from '../e2e/chat/rows/delivery.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Pipe } from '../e2e/pipe.mjs';

const SENDERS_AT_ONCE = 10;
const SEND_AT_ONCE = 200; // of one sender, under way
const FILL = ` ${'x'.repeat(20)}`; // with which an event is some 420 bytes on the wire
const END_MS = 30000; // from the last message that is to be drained to the mark that says so

const OPTIONS = ['--rate-limits=off', '--drain=1s', '--mailbox-messages=1000000',
    '--mailbox-peer-messages=1000000', '--mailbox-peer-bytes=1GiB'];

/** With n messages of so many senders, all of whom its owner has accepted. @return the owner */
export async function fill(t, n, nSenders) {
    await t.serve({ options: OPTIONS });
    const address = wallet();
    const b = await joinSynced(t, address);
    const senders = numbers(nSenders).map(() => wallet());
    for (const to of senders) await b.send(to, 'welcome');
    await b.leave();
    const queue = [...senders];
    const worker = async () => {
        while (queue.length) {
            const a = await joinSynced(t, queue.shift());
            await sendMany(a, address, n / nSenders,
                { from: 2, fill: FILL, atOnce: SEND_AT_ONCE });
            await a.leave();
        }
    };
    await Promise.all(numbers(SENDERS_AT_ONCE).map(worker));
    return address;
}

/** What comes has to be the next of its conversation, and as it was sent. */
class Order {
    n = 0;
    #last = new Map();

    take({ conversation, seq, content }) {
        const want = (this.#last.get(conversation) ?? 1) + 1;
        if (seq !== want || content !== `${seq}${FILL}`)
            throw new Failure(`${conversation}: seq ${seq} "${content}", want seq ${want}`);
        this.#last.set(conversation, seq);
        this.n++;
    }
}

/** Acknowledges n messages, and no more. @return a peer's tap, and when the last one came */
function taking(n) {
    const order = new Order();
    let tap;
    const ended = new Promise((resolve, reject) => {
        tap = (event, message, ack) => {
            if (event !== 'message.new' || order.n === n) return;
            try {
                order.take(message);
            } catch (error) {
                reject(error);
            }
            ack();
            if (order.n === n) resolve(now());
        };
    });
    return { tap, ended: spare(ended) };
}

/** As far as the marks say. */
async function deliveredTo(peer) {
    let sum = 0;
    let after;
    do {
        const page = await peer.ok('conversation.list', { limit: 200, after });
        for (const { mine } of page.conversations) sum += Math.max(0, mine.delivered_seq - 1);
        after = page.next;
    } while (after);
    return sum;
}

/**
 * The first n of the mailbox through a pipe of so many bytes a second.
 *
 * @param bytesPerS  undefined: as fast as it goes
 * @param isCold     with a server that has just begun: the cache of its database, which has a
 *                   size of its own, fills as well
 */
export async function drain(t, address, n, { bytesPerS, isCold } = {}) {
    if (isCold) {
        await t.server.stop();
        await t.serveAgain({ options: OPTIONS });
    }
    const { pid } = t.server.child;
    await joinSynced(t); // somebody else, who is there all the time
    const pipe = await Pipe.lay(t, t.url, { bytesPerS });
    const watch = new Watch(t, pid);
    const [cpu, from] = [cpuOf(pid), now()];

    const { tap, ended } = taking(n);
    const b = await Peer.dial(t, address, { url: pipe.url, acking: false, tap });
    const seconds = ((await ended) - from) / 1000;
    const { down } = pipe;
    const grown = watch.grown();
    await until('as many delivered as were acknowledged', async () =>
        (await deliveredTo(b)) === n, END_MS);
    const spent = cpuOf(pid) - cpu;
    await b.leave();
    await t.server.stop();
    return {
        transport: t.transport, messages: n, seconds, bytes_per_s: down / seconds,
        before_bytes: watch.before, grown_bytes: grown, cpu_us_per_message: (spent / n) * 1e6,
    };
}
