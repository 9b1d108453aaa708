/** Whom a wallet has accepted, whom it has blocked, and what becomes of messages then. */
import { same } from '../../lib.mjs';
import { isCursor, isTime, seqs } from '../expect.mjs';
import { join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { heardOf, sendMany } from './delivery.mjs';
import { wallet } from '../wallet.mjs';

const conversationWith = async (peer, other) => {
    const { conversations } = await peer.ok('conversation.list', {});
    return conversations.find((one) => one.peer === other);
};

const want = async (peer, what, other) =>
    (await peer.ok(`conversation.${what}`, { peer: other })).conversation;

/** A message as its reader may not have it. */
function isStub(message, { seq, from, to }) {
    isTime(message.created_at, 'created_at');
    const { id, conversation, created_at: _, status: __, ...rest } = message;
    same(id, `${conversation}:${seq}`, 'id');
    same(rest, { seq, peer: from, from, to, type: 'gone', content: null }, 'stub');
}

// Accepting.

async function acceptsByAskingAndByWriting(t) {
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'hi');
    same((await conversationWith(a, b.address)).accepted, true, 'who wrote');
    same((await conversationWith(b, a.address)).accepted, false, 'who was written to');
    const accepted = await want(b, 'accept', a.address);
    same(accepted, await conversationWith(b, a.address), 'answer');
    same(accepted.accepted, true, 'accepted');
    const c = await joinSynced(t);
    await c.send(a.address, 'hello');
    await a.send(c.address, 'hello');
    same((await conversationWith(a, c.address)).accepted, true, 'who answered');
}

/** What is told is how it is when it is read: of two changes at once perhaps the last alone. */
async function changesTo(b, states) {
    const take = async () => {
        const { conversation: c } = await b.take('conversation.changed');
        return [c.accepted, c.blocked];
    };
    let told = await take();
    if (`${told}` === `${states[0]}`) told = await take();
    same(told, states[1], 'the last change');
    await b.heardNo('conversation.changed');
}

async function tellsOwnDevicesOfAChange(t) {
    const a = await joinSynced(t);
    const address = wallet();
    const [b1, b2] = await Promise.all([1, 2].map(() => joinSynced(t, address)));
    await a.send(address, 'hi');
    const answer = await want(b1, 'accept', a.address);
    for (const b of [b1, b2]) {
        const { conversation, cursor } = await b.take('conversation.changed');
        isCursor(cursor);
        same([conversation.accepted, conversation.blocked], [true, false], 'changed');
        same(conversation.conversation, answer.conversation, 'conversation');
        same(conversation.peer, a.address, 'peer');
        same(conversation.last_message.content, 'hi', 'last_message');
    }
    await want(b2, 'block', a.address);
    await want(b2, 'block', a.address); // no change
    await want(b2, 'unblock', a.address);
    for (const b of [b1, b2]) await changesTo(b, [[true, true], [true, false]]);
    await a.heardNo('conversation.changed');
}

async function resumesChanges(t) {
    const [b, c] = await joinAll(t, 2);
    const laptop = await joinSynced(t, b.address);
    await laptop.drop();
    const stranger = wallet();
    await want(b, 'block', stranger);
    await want(b, 'accept', c.address);
    await want(b, 'block', c.address);
    const again = await joinSynced(t, b.address, { cursor: laptop.cursor });
    same(again.ready.recovered, true, 'recovered');
    const changes = await again.takeAll('conversation.changed', 2);
    same(changes.map(({ conversation: one }) => [one.peer, one.accepted, one.blocked]),
        [[stranger, false, true], [c.address, true, true]], 'as they are now');
    const anew = await joinSynced(t, b.address);
    await anew.heardNo('conversation.changed');
}

/** Before a word was said. */
async function acceptsAndBlocksWhoHasNeverWritten(t) {
    const [a, b] = await joinAll(t, 2);
    const blocked = await want(b, 'block', a.address);
    same({ ...blocked, conversation: 0 }, {
        conversation: 0, peer: a.address, accepted: false, blocked: true, first_seq: 1,
        last_seq: 0, last_message: null, unread: 0, mine: { delivered_seq: 0, read_seq: 0 },
        theirs: { delivered_seq: 0, read_seq: 0 }, updated_at: null,
    }, 'conversation');
    same(await conversationWith(b, a.address), undefined, 'in the list');
    same((await a.send(b.address, 'hi')).seq, 1, 'seq');
    await b.heardNo('message.new');
    same(await conversationWith(b, a.address), undefined, 'in the list');
    const c = wallet();
    same((await want(b, 'accept', c)).accepted, true, 'accepted');
}

async function refusesWhatCanNotBeMeant(t) {
    const a = await joinSynced(t);
    for (const what of ['accept', 'block', 'unblock']) {
        const event = `conversation.${what}`;
        await a.refused(event, { peer: a.address }, 'recipient_invalid', { field: 'peer' });
        await a.refused(event, { peer: '0x12' }, 'recipient_invalid', { field: 'peer' });
        await a.refused(event, {}, 'bad_request', { field: 'peer' });
        await a.refused(event, { conversation: '0123456789abcdef' }, 'not_found');
    }
    await a.refused('conversation.unblock', { peer: wallet() }, 'not_found');
}

async function takesAConversationForAPeer(t) {
    const [a, b] = await joinAll(t, 2);
    const { conversation } = await a.send(b.address, 'hi');
    const { conversation: blocked } = await b.ok('conversation.block', { conversation });
    same([blocked.conversation, blocked.blocked], [conversation, true], 'blocked');
}

// Blocking.

async function withholdsWhatTheBlockedSend(t) {
    const [a, b] = await joinAll(t, 2);
    const a2 = await joinSynced(t, a.address);
    await a.send(b.address, 'before');
    await b.take('message.new');
    await heardOf(a, 'message.delivered', 1);
    await want(b, 'block', a.address);
    const sent = await a.send(b.address, 'withheld', { client_msg_id: 'k', reply_to: 1 });
    same([sent.seq, sent.status], [2, 'undelivered'], 'stored');
    same((await a2.takeAll('message.new', 2))[1].content, 'withheld', 'on the sender\'s device');
    same((await a.send(b.address, 'withheld', { client_msg_id: 'k', reply_to: 1 })).id, sent.id,
        'sent again');
    await b.heardNo('message.new');
    const inList = await conversationWith(b, a.address);
    same([inList.unread, inList.last_seq, inList.last_message.content], [1, 2, 'before'], 'list');
    const { messages } = await b.ok('message.history', { peer: a.address });
    same(messages[0].content, 'before', 'before');
    isStub(messages[1], { seq: 2, from: a.address, to: b.address });
    same((await a.ok('message.history', { peer: b.address })).messages[1].content, 'withheld',
        'for its sender');
    await want(b, 'unblock', a.address);
    same((await a.send(b.address, 'after')).seq, 3, 'seq');
    same((await b.take('message.new')).content, 'after', 'after the unblock');
    await heardOf(a, 'message.delivered', 3); // over the withheld one
    const later = await b.ok('message.history', { peer: a.address });
    isStub(later.messages[1], { seq: 2, from: a.address, to: b.address });
    same((await conversationWith(b, a.address)).unread, 2, 'unread');
    const b2 = await joinSynced(t, b.address);
    await b2.heardNo('message.new');
}

async function withholdsWhatWasNotDelivered(t) {
    const a = await joinSynced(t);
    const address = wallet();
    const [b1, b2] = await Promise.all([1, 2].map(
        () => joinSynced(t, address, { acking: false })));
    await sendMany(a, address, 4);
    const got = await b1.takeAll('message.new', 4);
    b1.ack(got[0]);
    await heardOf(a, 'message.delivered', 1);
    await want(b1, 'block', a.address);
    await Promise.all([b1, b2].map((b) => b.drop()));
    const again = await joinSynced(t, address);
    await again.heardNo('message.new');
    same((await conversationWith(again, a.address)).unread, 1, 'unread');
    const { messages } = await again.ok('message.history', { peer: a.address });
    same(messages.map(({ type }) => type), ['text', 'gone', 'gone', 'gone'], 'types');
    await a.heardNo('message.delivered');
}

async function keepsReceiptsFromTheBlocked(t) {
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'hi');
    await b.take('message.new');
    await heardOf(a, 'message.delivered', 1);
    await want(b, 'block', a.address);
    await b.ok('message.read', { peer: a.address, seq: 1 });
    await heardOf(b, 'message.read', 1);
    await a.heardNo('message.read');
    same((await conversationWith(a, b.address)).theirs, { delivered_seq: 1, read_seq: 0 },
        'theirs');
    const { messages } = await a.ok('message.history', { peer: b.address });
    same(messages[0].status, 'delivered', 'status');
    const resumed = await joinSynced(t, a.address, { cursor: a.cursor });
    await resumed.heardNo('message.read');
    await want(b, 'unblock', a.address);
    await heardOf(a, 'message.read', 1);
}

async function letsNobodyWriteToWhomTheyBlocked(t) {
    const [a, b] = await joinAll(t, 2);
    await want(b, 'block', a.address);
    await b.refused('message.send', { to: a.address, type: 'text', content: 'hi' }, 'forbidden',
        { field: 'to' });
    await want(b, 'unblock', a.address);
    same((await b.send(a.address, 'hi')).seq, 1, 'seq');
}

/** The blocked meet the same limit as if they were not; others meet no other. */
async function countsTheBlockedAsTheOffline(t) {
    const [a, b, c] = await joinAll(t, 3);
    await want(b, 'block', a.address);
    await sendMany(a, b.address, 5);
    await a.refused('message.send', { to: b.address, type: 'text', content: 'x' },
        'mailbox_full');
    await want(b, 'unblock', a.address);
    same((await a.send(b.address, 'again')).seq, 6, 'seq');
    same((await b.take('message.new')).seq, 6, 'seq');
    await c.send(b.address, 'hi');
}

/** A mailbox of 10, of which strangers have 5. */
async function keepsRoomForFriends(t) {
    const owner = await joinSynced(t);
    const [friend, s1, s2] = await joinAll(t, 3);
    await owner.send(friend.address, 'hi'); // which accepts
    await owner.leave();
    await sendMany(s1, owner.address, 3);
    await sendMany(s2, owner.address, 2);
    for (const stranger of [s1, s2])
        await stranger.refused('message.send',
            { to: owner.address, type: 'text', content: 'x' }, 'mailbox_full');
    await sendMany(friend, owner.address, 5);
    await friend.refused('message.send', { to: owner.address, type: 'text', content: 'x' },
        'mailbox_full');
    const back = await joinSynced(t, owner.address);
    await back.takeAll('message.new', 10);
    await Promise.all([[friend, 5 + 1], [s1, 3], [s2, 2]].map(
        ([sender, seq]) => heardOf(sender, 'message.delivered', seq)));
    await s1.send(owner.address, 'there is room again');
}

async function countsWithheldOnesForNoMailbox(t) {
    const owner = await joinSynced(t);
    const [spammer, stranger] = await joinAll(t, 2);
    await want(owner, 'block', spammer.address);
    await owner.leave();
    await sendMany(spammer, owner.address, 20); // more than the mailbox has
    await sendMany(stranger, owner.address, 5);
}

/** 8 KiB of a friend, 2 KiB of a stranger: one more is taken while there is less. */
async function countsBytesAsWell(t) {
    const owner = await joinSynced(t);
    const [friend, stranger] = await joinAll(t, 2);
    await owner.send(friend.address, 'hi');
    await owner.leave();
    const content = 'x'.repeat(1022); // and its quotes
    for (const [sender, n] of [[stranger, 2], [friend, 8]]) {
        for (let i = 0; i < n; i++) await sender.send(owner.address, content);
        await sender.refused('message.send', { to: owner.address, type: 'text', content: 'x' },
            'mailbox_full');
    }
}

// --contact-policy request

async function letsReceiptsWaitForAcceptance(t) {
    const [a, b, c] = await joinAll(t, 3);
    for (const from of [a, c]) {
        await from.send(b.address, 'hi');
        await b.take('message.new');
        await b.ok('message.read', { peer: from.address, seq: 1 });
        await heardOf(b, 'message.read', 1);
        await from.heardNo('message.delivered');
        await from.heardNo('message.read');
    }
    await want(b, 'accept', a.address);
    await heardOf(a, 'message.delivered', 1);
    await heardOf(a, 'message.read', 1);
    await b.send(c.address, 'hello');
    await heardOf(c, 'message.read', 1);
    await a.send(b.address, 'more');
    await heardOf(a, 'message.delivered', 2);
}

async function resumesWhatHasWaited(t) {
    const [a, b] = await joinAll(t, 2);
    await a.send(b.address, 'hi');
    await b.take('message.new');
    await heardOf(b, 'message.delivered', 1);
    await a.works();
    await a.drop();
    const early = await joinSynced(t, a.address, { cursor: a.cursor });
    await early.heardNo('message.delivered');
    await early.drop();
    await want(b, 'accept', a.address);
    const again = await join(t, a.address, { cursor: early.cursor });
    await heardOf(again, 'message.delivered', 1);
}

export const rows = [
    ...overTransports('contacts', [
        ['one accepts by asking, and by writing', acceptsByAskingAndByWriting],
        ['a change is told to one\'s own devices', tellsOwnDevicesOfAChange],
        ['a change is part of a resume', resumesChanges],
        ['who has never written can be accepted and blocked', acceptsAndBlocksWhoHasNeverWritten],
        ['what can\'t be meant is refused', refusesWhatCanNotBeMeant],
        ['a conversation does for a peer', takesAConversationForAPeer],
        ['what the blocked send is withheld for ever', withholdsWhatTheBlockedSend],
        ['a block withholds what was not delivered', withholdsWhatWasNotDelivered],
        ['the blocked get no receipts', keepsReceiptsFromTheBlocked],
        ['nobody can write to whom they have blocked', letsNobodyWriteToWhomTheyBlocked],
        ['the blocked meet the limit of the offline', countsTheBlockedAsTheOffline,
            { server: 'small mailboxes' }],
        ['a mailbox keeps room for friends', keepsRoomForFriends,
            // Of several nodes each counts by itself, for 2 s (docs/decisions/0025-postgresql.md).
            { server: 'one small mailbox', single: true }],
        ['what is withheld is in no mailbox', countsWithheldOnesForNoMailbox,
            { server: 'one small mailbox' }],
        ['bytes count, too', countsBytesAsWell, { server: 'few bytes' }],
        ['receipts wait for acceptance, where the operator says so',
            letsReceiptsWaitForAcceptance, { server: 'requests' }],
        ['receipts that have waited are part of a resume', resumesWhatHasWaited,
            { server: 'requests' }],
    ]),
];
