/** Over each limit: an answer that says so, and everybody else goes on. */
import { between, now, same, sleep, until } from '../../lib.mjs';
import { Wire, ask } from '../../wire.mjs';
import { numbers, seqs } from '../expect.mjs';
import { isRefusal, joinAll, joinSynced, overTransports, refusal } from '../peer.mjs';
import { clientsAre } from './broken.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const text = (to, content = 'x') => ({ to, type: 'text', content });

/**
 * More than a burst at once, of which 5 a second are let through.
 * @param peers  sockets of one wallet
 * @return how many have passed, and for how long to wait
 */
export async function burst(peers, event, payload, size) {
    const from = now();
    const answers = await Promise.all(numbers(2 * size).map((i) =>
        peers[i % peers.length].ask(event, payload)));
    const passed = answers.filter(({ status }) => status === 'ok').length;
    const most = size + Math.ceil(((now() - from) / 1000) * 5);
    between(passed, size, Math.min(most, 2 * size - 1), 'what has passed');
    let wait = 0;
    for (const answer of answers.filter(({ status }) => status === 'error')) {
        wait = answer.error.retry_after_ms;
        isRefusal(answer, 'rate_limited', { retry_after_ms: wait });
        between(wait, 1, 200, 'retry_after_ms');
        same(Number.isInteger(wait), true, 'a whole number');
    }
    return { passed, wait };
}

/** What is refused takes no seq, and another wallet has a rate of its own. */
async function limitsSends(t) {
    const [a, b] = await joinAll(t, 2);
    const { passed, wait } = await burst([a], 'message.send', text(b.address), 20);
    await a.works(); // other requests have a rate of their own
    await b.send(a.address, 'from another wallet');
    await sleep(wait + 50); // there is nothing else to wait for
    same((await a.send(b.address, 'later')).seq, passed + 2, 'seq');
}

async function limitsRequests(t) {
    const [a, b] = await joinAll(t, 2);
    const { wait } = await burst([a], 'conversation.list', {}, 30);
    await a.send(b.address, 'sends have a rate of their own');
    await b.works();
    await sleep(wait + 50);
    await a.works();
}

/** The third ends the one of the two that has been silent longest. */
async function limitsSocketsOfAWallet(t) {
    await t.serve({ options: ['--sockets-per-wallet=2'] });
    const [sender, address] = [await joinSynced(t), wallet()];
    const first = await joinSynced(t, address);
    const second = await joinSynced(t, address);
    await sleep(5); // the server counts milliseconds
    await first.works(); // and so the second is silent longest
    const third = await joinSynced(t, address);
    same((await second.take('error')).error.code, 'too_many_sockets', 'code');
    same(await second.take('disconnect'), 'io server disconnect', 'reason');
    same(second.socket.active, false, 'will come again');
    await sender.send(address, 'hello');
    for (const one of [first, third]) same((await one.take('message.new')).seq, 1, 'seq');
    await third.works();
    await third.leave();
    await clientsAre(t, 2);
    await joinSynced(t, address); // in the place that is free
    await first.works();
}

/** One more is refused, those that are there stay, and one that leaves makes room. */
async function limitsSocketsOfAnAddress(t) {
    await t.serve({ options: ['--sockets-per-ip=3'] });
    const there = await joinAll(t, 3);
    const error = await refusal(t, wallet());
    same(error.data, { code: 'too_many_sockets' }, 'data');
    for (const peer of there) await peer.works();
    await there.pop().leave();
    await clientsAre(t, 2);
    await (await joinSynced(t)).works();
}

/**
 * Also of those who never say who they are; a connection more is closed at once. Where several
 * loops accept, it need not be the last one that is too many.
 */
async function limitsConnectionsOfAnAddress(t) {
    await t.serve({ options: ['--connections-per-ip=6'] });
    const ended = [];
    const open = async () => {
        const { socket } = await Wire.open(t, t.url);
        socket.once('close', () => ended.push(socket));
        return socket;
    };
    const silent = [];
    for (let i = 0; i < 7; i++) silent.push(await open());
    await until('an end of the connection that is too many', () => ended.length > 0, 5000);
    same(ended.length, 1, 'connections that have ended');
    if (t.server.workers === 1) same(ended, [silent[6]], 'which');
    for (const socket of silent) socket.destroy();
    // There is room as soon as the server has seen them go. It is asked less and less often: what
    // asked last may still be going, too.
    const count = async () => {
        const headers = { Connection: 'close' };
        const { body } = await ask(t, t.url, 'GET', '/metrics', { headers });
        return Number(/^parley_connections (\d+)$/m.exec(body)[1]);
    };
    const isRoomy = () => count().then((n) => n === 1, () => false); // the one that asks
    for (let ms = 10; !await isRoomy(); ms *= 2) await sleep(ms);
    await (await joinSynced(t)).works();
}

const forwarded = (list) => ({ extraHeaders: { 'X-Forwarded-For': list } });

/** Whom a proxy speaks for is what it adds at the end; what is before that, anybody may say. */
async function believesItsProxies(t) {
    await t.serve({ options: ['--sockets-per-ip=1', '--trusted-proxies=127.0.0.1'] });
    await joinSynced(t, wallet(), forwarded('192.0.2.1'));
    await joinSynced(t, wallet(), forwarded('192.0.2.2'));
    await joinSynced(t, wallet(), forwarded('2001:db8::1'));
    for (const list of ['192.0.2.1', '192.0.2.77, 192.0.2.1', '192.0.2.77,192.0.2.2'])
        same((await refusal(t, wallet(), forwarded(list))).data, { code: 'too_many_sockets' },
            list);
    await joinSynced(t, wallet(), forwarded('192.0.2.1, 192.0.2.3'));
}

async function believesNobodyElse(t) {
    await t.serve({ options: ['--sockets-per-ip=1', '--trusted-proxies=192.0.2.0/24'] });
    await joinSynced(t, wallet(), forwarded('192.0.2.1'));
    const error = await refusal(t, wallet(), forwarded('192.0.2.2'));
    same(error.data, { code: 'too_many_sockets' }, 'data');
}

/** n fit; what is acknowledged makes room; a duplicate needs none. */
const mailboxOf = (n, isAccepted) => async (t) => {
    const [a, c] = await joinAll(t, 2);
    const b = await joinSynced(t);
    let from = 1;
    if (isAccepted) {
        await b.send(a.address, 'welcome');
        await a.take('message.new');
        from = 2;
    }
    await b.leave();
    await sendMany(a, b.address, n, { from });
    await a.refused('message.send', text(b.address), 'mailbox_full');
    const again = { ...text(b.address, `${from}`), client_msg_id: `k${from}` };
    same((await a.ok('message.send', again)).duplicate, true, 'a duplicate');
    await c.send(b.address, 'from another one');
    const back = await joinSynced(t, b.address, { acking: false });
    const got = await back.takeAll('message.new', n + 1);
    const first = got.find(({ seq, from: who }) => who === a.address && seq === from);
    back.ack(first);
    await heardOf(a, 'message.delivered', from);
    same((await a.send(b.address, 'there is room')).seq, from + n, 'seq');
    await a.refused('message.send', text(b.address), 'mailbox_full');
    await back.ok('message.read', { peer: a.address, seq: from + n });
    await sendMany(a, b.address, n, { from: from + n + 1 });
    await a.refused('message.send', text(b.address), 'mailbox_full');
};

/** Whom the recipient writes to is no stranger any more. */
async function acceptsByWriting(t) {
    const [a, b] = [await joinSynced(t), wallet()];
    await sendMany(a, b, 5);
    await a.refused('message.send', text(b), 'mailbox_full');
    const back = await joinSynced(t, b, { acking: false });
    await back.send(a.address, 'who are you?');
    await sendMany(a, b, 15, { from: 7 });
    await a.refused('message.send', text(b), 'mailbox_full');
    same(seqs(await back.takeAll('message.new', 20)), numbers(21).filter((i) => i !== 6), 'seqs');
}

/** An answer to one is an answer to none of the others. */
async function refusesOverManyRequests(t) {
    const [a, b] = await joinAll(t, 2);
    const lists = numbers(3000).map(() => a.ask('conversation.list', {}, 30000));
    const answers = await Promise.all(lists);
    for (const answer of answers)
        if (answer.status !== 'ok') isRefusal(answer, 'busy');
    same((await a.send(b.address, 'x')).seq, 1, 'seq');
}

/** Rates and counts hold for each node (docs/decisions/0028-nodes.md). */
const single = true;

export const rows = overTransports('limits', [
    ['limits the sends of a wallet', limitsSends, { server: 'rates', single }],
    ['limits the requests of a wallet', limitsRequests, { server: 'rates', single }],
    ['ends the socket of a wallet that is silent longest', limitsSocketsOfAWallet,
        { own: true, single }],
    ['limits the sockets of an address', limitsSocketsOfAnAddress, { own: true, single }],
    ['limits the connections of an address', limitsConnectionsOfAnAddress,
        { own: true, single, plain: 'it counts before any handshake' }],
    ['believes the proxies that it was told of', believesItsProxies, { own: true, single }],
    ['believes nobody else', believesNobodyElse, { own: true, single }],
    ['keeps 20 of an accepted wallet', mailboxOf(20, true), { server: 'small mailboxes' }],
    ['keeps 5 of a stranger', mailboxOf(5, false), { server: 'small mailboxes' }],
    ['accepts by writing', acceptsByWriting, { server: 'small mailboxes' }],
    ['answers or refuses each of many requests at once', refusesOverManyRequests,
        { limit: 40000 }],
]);
