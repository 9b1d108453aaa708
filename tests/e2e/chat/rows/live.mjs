/** What is only of this moment: who is writing, and who is there. */
import { between, now, same, sleep } from '../../lib.mjs';
import { isTime, numbers } from '../expect.mjs';
import { join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { wallet } from '../wallet.mjs';

const TYPING_MS = 6000;
const OFFLINE_MS = 10000;
const LATE_MS = 3000; // for a busy machine

/** Each has written to the other, which accepts it. */
export async function befriend(a, b) {
    const { conversation } = await a.send(b.address, 'hi');
    await b.take('message.new');
    await b.send(a.address, 'ho');
    await a.take('message.new');
    return conversation;
}

/** Two of them, on a socket each. */
async function friends(t) {
    const [a, b] = await joinAll(t, 2);
    return [a, b, await befriend(a, b)];
}

export const watch = async (peer, ...accounts) =>
    (await peer.ok('presence.watch', { accounts })).accounts;

const OFFLINE = { online: false, last_seen: null };
export const ONLINE = { online: true, last_seen: null };

/** Away, and when that was. */
export function isAway(presence, account, from) {
    const { last_seen: seen, ...rest } = presence;
    same(rest, { account, online: false }, 'presence');
    isTime(seen, 'last_seen');
    between(Date.parse(seen), from - 1000, Date.now(), 'last_seen');
}

// Typing.

async function tellsWhoIsTyping(t) {
    const [a, b, conversation] = await friends(t);
    const b2 = await joinSynced(t, b.address);
    same(await a.ok('typing.start', { peer: b.address }), {}, 'answer');
    for (const each of [b, b2])
        same(await each.take('typing.start'), { conversation, peer: a.address }, 'start');
    await a.ok('typing.start', { conversation });
    for (const each of [b, b2]) await each.take('typing.start');
    same(await a.ok('typing.stop', { peer: b.address }), {}, 'answer');
    for (const each of [b, b2])
        same(await each.take('typing.stop'), { conversation, peer: a.address }, 'stop');
    await a.ok('typing.stop', { peer: b.address }); // it has stopped already
    for (const each of [a, b, b2])
        for (const event of ['typing.start', 'typing.stop']) await each.heardNo(event);
}

async function typingEndsByItself(t) {
    const [a, b] = await friends(t);
    await a.ok('typing.start', { peer: b.address });
    await b.take('typing.start');
    const from = now();
    await a.drop(); // in the middle of it
    await b.take('typing.stop', TYPING_MS + LATE_MS);
    between(now() - from, TYPING_MS - 500, TYPING_MS + LATE_MS, 'the end');
    await b.heardNo('typing.stop');
}

async function typingEndsWithTheMessage(t) {
    const [a, b] = await friends(t);
    await a.ok('typing.start', { peer: b.address });
    await b.take('typing.start');
    await a.send(b.address, 'written');
    await b.take('typing.stop');
    await b.take('message.new');
    await a.ok('typing.stop', { peer: b.address });
    await b.heardNo('typing.stop');
}

/** Neither is told to one who has not accepted the other, and nobody learns why. */
async function waitsUntilBothHaveAccepted(t) {
    const [a, b] = await joinAll(t, 2);
    const types = () => a.ok('typing.start', { peer: b.address });
    same(await watch(a, b.address), [{ account: b.address, ...OFFLINE }], 'of a stranger');
    same(await types(), {}, 'to a stranger');
    await a.send(b.address, 'hi');
    await b.take('message.new');
    same(await types(), {}, 'to one who has not answered');
    same(await watch(a, b.address), [{ account: b.address, ...OFFLINE }], 'who has not answered');
    await b.heardNo('typing.start');
    await a.heardNo('presence.changed');
    await b.send(a.address, 'ho');
    same(await a.take('presence.changed'), { account: b.address, ...ONLINE }, 'a friend');
    await types();
    await b.take('typing.start');
}

async function refusesBadTyping(t) {
    const a = await joinSynced(t);
    for (const event of ['typing.start', 'typing.stop']) {
        await a.refused(event, {}, 'bad_request', { field: 'peer' });
        await a.refused(event, { peer: 'nobody' }, 'recipient_invalid', { field: 'peer' });
        await a.refused(event, { peer: a.address }, 'recipient_invalid', { field: 'peer' });
        await a.refused(event, { conversation: '00000000000000ff' }, 'not_found');
    }
    a.socket.emit('typing.start', { peer: 'nobody' }); // without a callback
    const { event, error } = await a.take('error');
    same([event, error.code], ['typing.start', 'recipient_invalid'], 'error');
    a.socket.emit('typing.start', { peer: wallet() });
    await a.heardNo('error');
}

// Presence.

async function tellsWhoComesAndGoes(t) {
    const [a, b] = await friends(t);
    await b.leave();
    same(await watch(a, b.address), [{ account: b.address, ...ONLINE }], 'just now');
    const from = Date.now();
    isAway(await a.take('presence.changed', OFFLINE_MS + LATE_MS), b.address, from);
    const [known] = await watch(a, b.address, wallet());
    isAway(known, b.address, from);
    await joinSynced(t, b.address);
    same(await a.take('presence.changed'), { account: b.address, ...ONLINE }, 'back');
    same(await watch(a, b.address), [{ account: b.address, ...ONLINE }], 'back');
    await a.heardNo('presence.changed');
}

/** A page that is loaded anew, and a phone in a tunnel, do not go and come. */
async function doesNotFlap(t) {
    const [a, b] = await friends(t);
    await watch(a, b.address);
    for (const away of ['leave', 'drop']) {
        const one = await joinSynced(t, b.address);
        if (b.isLive) await b.leave();
        await one[away]();
        await sleep(500); // it is away for a moment: nothing shows it
    }
    await joinSynced(t, b.address);
    await sleep(OFFLINE_MS + 1000);
    await a.heardNo('presence.changed');
}

async function oneOfTwoDevicesMayGo(t) {
    const [a, b] = await friends(t);
    const b2 = await joinSynced(t, b.address);
    await watch(a, b.address);
    await b.leave();
    await sleep(OFFLINE_MS + 1000);
    await a.heardNo('presence.changed');
    await b2.leave();
    const from = Date.now();
    isAway(await a.take('presence.changed', OFFLINE_MS + LATE_MS), b.address, from);
}

async function tellsNobodyWhoDoesNotWatch(t) {
    const [a, b] = await friends(t);
    const a2 = await joinSynced(t, a.address);
    await watch(a, b.address);
    await watch(a2, b.address);
    same(await a.ok('presence.unwatch', { accounts: [b.address, wallet()] }), {}, 'answer');
    await b.leave();
    await a2.take('presence.changed', OFFLINE_MS + LATE_MS);
    await a.heardNo('presence.changed');
}

async function aBlockHidesBoth(t) {
    const [a, b] = await friends(t);
    await watch(a, b.address);
    await watch(b, a.address);
    await b.ok('conversation.block', { peer: a.address });
    same(await a.take('presence.changed'), { account: b.address, ...OFFLINE }, 'blocked');
    same(await b.take('presence.changed'), { account: a.address, ...OFFLINE }, 'has blocked');
    same(await watch(a, b.address), [{ account: b.address, ...OFFLINE }], 'asked');
    same(await a.ok('typing.start', { peer: b.address }), {}, 'answer');
    await b.heardNo('typing.start');
    await b.ok('conversation.unblock', { peer: a.address });
    same(await a.take('presence.changed'), { account: b.address, ...ONLINE }, 'unblocked');
    same(await b.take('presence.changed'), { account: a.address, ...ONLINE }, 'unblocked');
}

const addresses = (n) => numbers(n).map((i) => `0x${i.toString(16).padStart(40, '0')}`);

async function watches200(t) {
    const [a, b] = await friends(t);
    const all = addresses(200);
    const known = await watch(a, ...all);
    same(known.length, 200, 'accounts');
    known.forEach((one, i) => {
        same(one.account.toLowerCase(), all[i], 'in their order');
        same({ online: one.online, last_seen: one.last_seen }, OFFLINE, 'of a stranger');
    });
    await watch(a, ...all); // which is nothing new
    const refused = { field: 'accounts' };
    await a.refused('presence.watch', { accounts: [b.address] }, 'bad_request', refused);
    await a.ok('presence.unwatch', { accounts: all.slice(0, 1) });
    same((await watch(a, b.address))[0].online, true, 'one of 200');
    same(await watch(a, a.address), [{ account: a.address, ...ONLINE }], 'oneself, not counted');
    const again = await joinSynced(t, a.address); // each socket has its own
    await watch(again, ...all);
}

const BAD_ACCOUNTS = {
    'none': undefined,
    'null': null,
    'an address': wallet(),
    'an empty list': [],
    '201': addresses(201),
    'a number in the list': [7],
};

async function refusesBadAccounts(t) {
    const a = await joinSynced(t);
    for (const event of ['presence.watch', 'presence.unwatch']) {
        for (const accounts of Object.values(BAD_ACCOUNTS))
            await a.refused(event, { accounts }, 'bad_request', { field: 'accounts' });
        await a.refused(event, { accounts: [wallet(), '0x5'] }, 'recipient_invalid',
            { field: 'accounts' });
    }
}

/** When one was seen last outlives the server, also of who was there when it ended. */
async function remembersWhoWasSeen(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=1s'] });
    const [a, b] = await friends(t);
    await watch(a, b.address);
    const from = Date.now();
    await t.server.stop();
    await t.serveAgain({ options: ['--rate-limits=off'] });
    const again = await join(t, a.address);
    isAway((await watch(again, b.address))[0], b.address, from);
    same((await t.server.metrics()).get('parley_watches'), 1, 'parley_watches');
}

const long = { idle: true, limit: 40000 };

export const rows = overTransports('live', [
    ['tells who is typing', tellsWhoIsTyping],
    ['ends typing by itself', typingEndsByItself, long],
    ['ends typing with the message', typingEndsWithTheMessage],
    ['waits until both have accepted', waitsUntilBothHaveAccepted],
    ['refuses bad typing', refusesBadTyping],
    ['tells who comes and goes', tellsWhoComesAndGoes, long],
    ['does not say that who comes back was away', doesNotFlap, long],
    ['does not say that one is away who has another device', oneOfTwoDevicesMayGo, long],
    ['tells nobody who does not watch', tellsNobodyWhoDoesNotWatch, long],
    ['hides both behind a block', aBlockHidesBoth],
    ['watches 200 and no more', watches200],
    ['refuses bad accounts', refusesBadAccounts],
    ['remembers who was seen over a restart', remembersWhoWasSeen, { own: true }],
]);
