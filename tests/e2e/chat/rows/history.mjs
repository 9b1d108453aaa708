/** What was: pages of messages, pages of conversations, and what is unread. */
import { same } from '../../lib.mjs';
import { areInOrder, asPeer, isTime, numbers, seqs } from '../expect.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

/** One that has sent n messages, and the one that got them. */
async function talked(t, n, how) {
    const [a, b] = await joinAll(t, 2);
    await sendMany(a, b.address, n, how);
    await b.takeAll('message.new', n, 10000);
    return [a, b];
}

async function pagesBothWays(t) {
    const [a, b] = await talked(t, 130);
    const peer = a.address;
    const page = async (more) => {
        const { messages, has_more: hasMore, first_seq: first, ...rest } =
            await b.ok('message.history', { peer, ...more });
        same([first, rest], [1, {}], 'first_seq');
        return [seqs(messages), hasMore];
    };
    const range = (from, to) => numbers(to - from + 1, from);
    const rows = [
        [{}, range(81, 130), true],
        [{ limit: 200 }, range(1, 130), false],
        [{ limit: 130 }, range(1, 130), false],
        [{ limit: 129 }, range(2, 130), true],
        [{ limit: 1 }, [130], true],
        [{ before: 81 }, range(31, 80), true],
        [{ before: 31 }, range(1, 30), false],
        [{ before: 51 }, range(1, 50), false],
        [{ before: 1 }, [], false],
        [{ before: 1000, limit: 2 }, [129, 130], true],
        [{ after: 1, limit: 3 }, [2, 3, 4], true],
        [{ after: 127, limit: 3 }, [128, 129, 130], false],
        [{ after: 130 }, [], false],
        [{ after: 1000 }, [], false],
        [{ after: 10, before: 14 }, [11, 12, 13], false],
        [{ after: 10, before: 14, limit: 2 }, [11, 12], true],
        [{ after: 10, before: 11 }, [], false],
        [{ after: 14, before: 10 }, [], false],
    ];
    for (const [more, want, hasMore] of rows)
        same(await page(more), [want, hasMore], JSON.stringify(more));
}

/** A page ends at a megabyte, too; nothing is lost between pages. */
async function pagesByBytes(t) {
    const [a, b] = await talked(t, 40, { fill: 'x'.repeat(65000), atOnce: 5 });
    const back = [];
    let before;
    for (let hasMore = true; hasMore;) {
        const page = await b.ok('message.history', { peer: a.address, limit: 200, before });
        same(page.messages.length > 0 && page.messages.length < 20, true, 'a page');
        back.unshift(...seqs(page.messages));
        ({ has_more: hasMore } = page);
        [before] = back;
    }
    areInOrder(back, 1, 40);
    const forth = [1];
    for (let hasMore = true; hasMore;) {
        const page = await b.ok('message.history',
            { peer: a.address, limit: 200, after: forth.at(-1) });
        forth.push(...seqs(page.messages));
        ({ has_more: hasMore } = page);
    }
    areInOrder(forth, 1, 40);
}

/** The same messages as were told, but for the status and the cursor. */
async function isWhatWasTold(t) {
    const [a, b] = await joinAll(t, 2);
    const sent = [await a.send(b.address, 'one', { client_msg_id: 'k' }),
        await b.send(a.address, 'two', { reply_to: 1 })];
    await a.take('message.new');
    await heardOf(b, 'message.delivered', 2, a.address);
    await heardOf(a, 'message.delivered', 1, b.address);
    const status = 'delivered';
    const mine = await a.ok('message.history', { peer: b.address });
    same(mine.messages, [{ ...sent[0], status }, asPeer(sent[1], a.address, { status })], 'to a');
    const theirs = await b.ok('message.history', { conversation: sent[0].conversation });
    same(theirs.messages, [asPeer(sent[0], b.address, { status }), { ...sent[1], status }],
        'to b');
}

async function knowsNone(t) {
    const [a, b, c] = await joinAll(t, 3);
    const { conversation } = await a.send(b.address, 'x');
    await a.refused('message.history', { peer: wallet() }, 'not_found');
    await a.refused('message.history', { peer: c.address }, 'not_found');
    await c.refused('message.history', { conversation }, 'not_found');
    await a.refused('message.history', { conversation: '0123456789abcdef' }, 'not_found');
}

async function listsField(t) {
    const [a, b] = await joinAll(t, 2);
    same(await a.ok('conversation.list', {}), { conversations: [] }, 'none');
    await a.send(b.address, 'one');
    const sent = await a.send(b.address, 'two', { client_msg_id: 'k' });
    await b.takeAll('message.new', 2);
    await heardOf(a, 'message.delivered', 2);
    await b.ok('message.read', { peer: a.address, seq: 1 });
    await heardOf(a, 'message.read', 1);
    const last = { ...sent, status: 'delivered' };
    const common = {
        conversation: sent.conversation, blocked: false, first_seq: 1, last_seq: 2,
    };
    const [none, some] = [{ delivered_seq: 0, read_seq: 0 }, { delivered_seq: 2, read_seq: 1 }];
    const ofA = await a.ok('conversation.list', {});
    isTime(ofA.conversations[0].updated_at, 'updated_at');
    same(ofA, { conversations: [{
        ...common, peer: b.address, accepted: true, last_message: last, unread: 0,
        mine: none, theirs: some, updated_at: sent.created_at,
    }] }, 'list of the sender');
    same(await b.ok('conversation.list', {}), { conversations: [{
        ...common, peer: a.address, accepted: false, last_message: asPeer(last, b.address),
        unread: 1, mine: some, theirs: none, updated_at: sent.created_at,
    }] }, 'list of the recipient');
    await b.send(a.address, 'back');
    const { conversations: [now] } = await b.ok('conversation.list', {});
    same([now.accepted, now.last_seq, now.unread], [true, 3, 1], 'accepted by an answer');
}

async function listsInPages(t) {
    const a = await joinSynced(t);
    const peers = numbers(25).map(() => wallet());
    for (const peer of peers) await a.send(peer, 'x');
    await a.send(peers[3], 'again'); // and so it is the latest
    const want = [peers[3], ...peers.filter((_, i) => i !== 3).reverse()];
    for (const limit of [1, 7, 24, 25, 26, 200]) {
        const got = [];
        let next;
        do {
            const page = await a.ok('conversation.list', { limit, ...(next && { after: next }) });
            got.push(...page.conversations.map(({ peer }) => peer));
            same(page.conversations.length <= limit, true, 'limit');
            ({ next } = page);
            if (next) same(page.conversations.length, limit, 'a page that is not the last');
        } while (next);
        same(got, want, `pages of ${limit}`);
    }
    same((await a.ok('conversation.list', {})).conversations.length, 25, 'without a limit');
}

async function countsWhatIsUnread(t) {
    const senders = await joinAll(t, 3);
    const b = await joinSynced(t);
    const unread = async () => {
        const { conversations } = await b.ok('conversation.list', {});
        const by = new Map(conversations.map((one) => [one.peer, one.unread]));
        const again = await joinSynced(t, b.address);
        const { unread: total } = again.ready;
        await again.leave();
        return [...senders.map(({ address }) => by.get(address)), total];
    };
    for (const [i, a] of senders.entries()) await sendMany(a, b.address, i + 1);
    await b.takeAll('message.new', 6);
    same(await unread(), [1, 2, 3, 3], 'delivered is not read');
    await b.send(senders[1].address, 'mine'); // which reads nothing, and is not unread
    same(await unread(), [1, 2, 3, 3], 'own ones do not count');
    await b.ok('message.read', { peer: senders[1].address, seq: 1 });
    same(await unread(), [1, 1, 3, 3], 'read one');
    await b.ok('message.read', { peer: senders[0].address, seq: 1 });
    await b.ok('message.read', { peer: senders[1].address, seq: 3 });
    same(await unread(), [0, 0, 3, 1], 'read two conversations');
    await senders[0].send(b.address, 'and one more');
    same(await unread(), [1, 0, 3, 2], 'and one more');
}

export const rows = overTransports('history', [
    ['pages by before and after', pagesBothWays],
    ['ends a page at a megabyte', pagesByBytes, { limit: 30000 }],
    ['has what was told', isWhatWasTold],
    ['knows no conversation that is not there', knowsNone],
    ['lists conversations, field by field', listsField],
    ['lists conversations in pages, the latest first', listsInPages],
    ['counts what is unread', countsWhatIsUnread],
]);
