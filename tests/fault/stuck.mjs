/** A disk that takes its time: what was sent meanwhile waits. */
import { oneOf, same } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { join, joinAll } from '../e2e/chat/peer.mjs';
import { tracing } from './trace.mjs';

const sendOf = (to, i) => ({
    to: to.address, type: 'text', content: `${i}`, client_msg_id: `k${i}`,
});

const slowly = (ms) => tracing(`fdatasync:delay_enter=${ms * 1000}`); // microseconds

/** More than may be under way at once: the rest is not read before, and no other socket minds. */
async function takesItsTime(t) {
    await t.serve({ options: ['--rate-limits=off'], wrap: slowly(300) });
    const [a, b, c] = await joinAll(t, 3);
    await b.send(a.address, 'welcome'); // or its mailbox would be full before
    await a.take('message.new');
    let n = 0;
    const sends = numbers(1500).map((i) =>
        a.ok('message.send', sendOf(b, i), 30000).finally(() => n++));
    await c.works();
    same(n < 1500, true, 'the other one has not waited for all of them');
    const answers = await Promise.all(sends);
    same(answers.map(({ message }) => message.seq), numbers(1500, 2), 'seqs');
}

/** A duplicate waits as long as the first does. */
async function letsDuplicatesWait(t) {
    await t.serve({ options: ['--rate-limits=off'], wrap: slowly(500) });
    const [a, b] = await joinAll(t, 2);
    const one = { to: b.address, type: 'text', content: 'x', client_msg_id: 'k' };
    const answers = await Promise.all(numbers(10).map(() => a.ok('message.send', one, 20000)));
    same(answers.map(({ duplicate }) => duplicate), [false, ...Array(9).fill(true)], 'duplicate');
    same(new Set(answers.map(({ message }) => message.id)).size, 1, 'ids');
    await b.take('message.new', 10000);
}

/** SIGTERM while a commit is under way: it is answered, or it is not and the client asks. */
async function drainsWhileItWaits(t) {
    const { data } = await t.serve({
        options: ['--rate-limits=off', '--drain=1s'], wrap: slowly(400),
    });
    const [a, b] = await joinAll(t, 2);
    const asks = numbers(20).map((i) => a.askAtTheEnd('message.send', sendOf(b, i)));
    await a.works(); // so that all of them have been read
    t.server.terminate();
    const answers = await Promise.all(asks);
    oneOf(await t.server.over(20000), [0], 'exit status');
    await t.serve({ data, options: ['--rate-limits=off'] });
    const back = await join(t, a.address);
    for (const [i, answer] of answers.entries()) {
        if (answer) same(answer.status, 'ok', 'answer');
        const { duplicate } = await back.ok('message.send', sendOf(b, i + 1));
        if (answer) same(duplicate, true, 'duplicate of what was answered');
    }
    const { messages } = await back.ok('message.history', { peer: b.address });
    same(messages.length, 20, 'messages');
}

export const rows = [
    ['stuck: takes 1500 messages in its time', takesItsTime],
    ['stuck: lets duplicates wait for the first', letsDuplicatesWait],
    ['stuck: drains while a commit is under way', drainsWhileItWaits],
].map(([name, run]) => ({ name, run, limit: 60000 }));
