/** When there is no room, or no disk. */
import { Failure, same, sleep, within } from '../../lib.mjs';
import { ask } from '../../wire.mjs';
import { areInOrder, seqs } from '../expect.mjs';
import { isRefusal, join, joinAll, joinSynced, overTransports } from '../peer.mjs';
import { SIGN_IN, SmallDisk } from '../serve.mjs';
import { evmWallet } from '../signer.mjs';
import { arrive, denied, granted, login, logout, proof, refresh } from '../site.mjs';

const SURE = 3; // refusals in a row: the first may have been of a group, with receipts in it

/** Sends such contents until they are refused. @return the last one, and its answer */
async function sendUntilRefused(peer, to, content, acked) {
    let refused = 0;
    for (let i = 1; i < 4000; i++) {
        const send = { to, type: 'text', content, client_msg_id: `${content.length}-${i}` };
        const answer = await peer.ask('message.send', send);
        refused = answer.status === 'ok' ? 0 : refused + 1;
        if (refused === SURE) return [send, answer];
        if (answer.status === 'ok') acked.push(answer.message);
    }
    throw new Failure('it never fills');
}

/**
 * Sends until nothing more is taken: what has no room for a short one has none for the long one
 * before it. @return what was stored, and the long one that was refused
 */
async function fill(peer, to) {
    const acked = [];
    const [send, answer] = await sendUntilRefused(peer, to, 'x'.repeat(30000), acked);
    await sendUntilRefused(peer, to, 'x', acked);
    return [acked, send, answer];
}

/** Whether clients had better come: a load balancer asks, while somebody does something. */
async function readyIs(t, status, something) {
    const asking = async () => {
        for (;;) {
            await something();
            if ((await ask(t, t.url, 'GET', '/readyz')).status === status) return;
            await sleep(100);
        }
    };
    await within(8000, `${status} from /readyz`, asking());
}

/** It says so, reads on, and writes on when there is room. */
async function saysWhenItIsFull(t) {
    const disk = new SmallDisk(6000);
    t.defer(() => disk.end());
    const data = disk.path;
    await t.serve({ data, options: ['--rate-limits=off'] });
    const [a, b] = await joinAll(t, 2);
    const [acked, refused, answer] = await fill(a, b.address);
    isRefusal(answer, 'storage_unavailable');
    areInOrder(seqs(acked), 1, acked.length);
    await b.takeAll('message.new', acked.length);
    const { messages } = await a.ok('message.history', { peer: b.address, limit: 10 });
    same(messages.at(-1).seq, acked.length, 'the last one');
    isRefusal(await a.ask('message.send', refused), 'storage_unavailable');
    await joinSynced(t); // a new wallet may join
    await readyIs(t, 503, async () =>
        isRefusal(await a.ask('message.send', refused), 'storage_unavailable'));

    disk.resize(60000);
    const { duplicate, message } = await a.ok('message.send', refused);
    same([duplicate, message.seq], [false, acked.length + 1], 'what was refused');
    same((await b.take('message.new')).seq, acked.length + 1, 'seq');
    await b.heardNo('message.new');
    await readyIs(t, 200, () => a.works());
    await t.server.stop();

    await t.serve({ data, options: ['--rate-limits=off'] });
    const again = await join(t, b.address);
    await again.take('synced', 10000);
    const page = await again.ok('message.history', { peer: a.address, limit: 200, before: 2 });
    same(page.messages.length, 1, 'the first one');
    const list = await again.ok('conversation.list', {});
    same(list.conversations[0].last_seq, acked.length + 1, 'last_seq');
}

/** @return what was refused: a message and its signature */
async function signInUntilRefused(t) {
    for (let i = 1; i < 2000; i++) {
        const body = await proof(t, evmWallet());
        const signingIn = login(t, body);
        if ((await signingIn).status !== 200) {
            await denied(signingIn, 'storage_unavailable');
            return body;
        }
    }
    throw new Failure('it never fills');
}

/** Its nonce was not used up. What comes behind it may find room: SQLite writes from the start. */
async function saysSoToWhoSignsIn(t) {
    const disk = new SmallDisk(6000);
    t.defer(() => disk.end());
    await t.serve({ data: disk.path, options: SIGN_IN });
    const peer = await arrive(t);
    await fill(peer, (await arrive(t)).address);
    const body = await signInUntilRefused(t);
    await peer.works();

    disk.resize(60000);
    await granted(login(t, body));
    const { refresh_token: token } = peer.grant;
    await granted(refresh(t, { refresh_token: token }));
    await granted(logout(t, { refresh_token: token }));
    await peer.take('disconnect');
}

export const rows = overTransports('storage', [
    ['says so to who signs in, and goes on when there is room', saysSoToWhoSignsIn,
        { own: true, limit: 30000, over: ['websocket'], sqlite: true }],
    ['says when it is full, and goes on when there is room', saysWhenItIsFull,
        { own: true, limit: 30000, sqlite: true }],
]);
