/**
 * A time of quiet: every device connects from where it stands, acknowledges all, and has all
 * its requests answered. Then it is seen what the lists and the histories say, and all that
 * has happened is checked.
 */
import { Failure, now, sleep, within } from '../e2e/lib.mjs';

const SYNC_MS = 20000;
const ARRIVE_MS = 10000; // for what must come: beyond it, it is missing
const LIST_MAX = 200;
const PAGE = 200;
const POLL_MS = 10;
const LINKS = 2; // that are tried of each history

async function connect(world, device, n) {
    await device.vanish(n % 3);
    const isReady = await device.dial({ isAcking: true, transport: n });
    if (!isReady) throw new Failure(`${device.name} can't connect`);
    await within(SYNC_MS, `${device.conn.name} synced`, device.conn.synced);
    await device.flush();
    if (device.outbox.size || device.asking.size)
        throw new Failure(`${device.name}: no answer to ${[...device.outbox.keys()]}`);
}

async function callAgain(world) {
    await Promise.all(world.bots.map((bot) => bot.flush()));
    const waiting = world.bots.find(({ outbox }) => outbox.size);
    if (waiting) throw new Failure(`${waiting.name}: no answer to ${[...waiting.outbox.keys()]}`);
}

// What there is.

async function get(device, event, payload) {
    const answer = await device.raw(event, payload);
    if (answer?.status !== 'ok')
        throw new Failure(`${device.name}: ${event}: ${JSON.stringify(answer)}`);
    return answer;
}

/** All behind that seq. */
async function historyOf(device, peer, after) {
    const all = [];
    for (let before; ;) {
        const page = await get(device, 'message.history', { peer, limit: PAGE, before });
        if (page.first_seq !== 1) throw new Failure(`first_seq is ${page.first_seq}`);
        all.unshift(...page.messages.filter(({ seq }) => seq > after));
        const [first] = page.messages;
        if (!page.has_more || first.seq <= after + 1) return all;
        before = first.seq;
    }
}

async function statusOf(world, device) {
    const { conversations } = await get(device, 'conversation.list', { limit: LIST_MAX });
    const histories = new Map();
    for (const peer of world.wallets.filter((other) => other !== device.wallet)) {
        const answer = await device.raw('message.history', { peer, limit: 1 });
        if (answer?.error?.code === 'not_found') continue;
        const after = world.checker.settled(device.wallet, peer);
        histories.set(peer, await historyOf(device, peer, after));
    }
    return { list: conversations, histories, unread: device.conn?.unread };
}

/** Of each wallet, as its first device is told. */
async function look(world) {
    const of = (wallet) => world.devices.find((device) => device.wallet === wallet);
    const all = await Promise.all(world.wallets.map(async (wallet) =>
        [wallet, await statusOf(world, of(wallet))]));
    return new Map(all);
}

// Whether it is quiet: what is missing still, after a while, the checker finds.

/** The messages that no device of the wallet may be without. */
const shown = (histories, peer) =>
    histories.get(peer).filter(({ type }) => type !== 'gone');

function hasAll(device, histories) {
    if (device.isNew) return true; // what it must have is for the checker to say
    return [...histories.keys()].every((peer) =>
        shown(histories, peer).every(({ seq }) => device.kept.get(peer)?.has(seq)));
}

const isDelivered = ({ list, histories }) => list.every(({ peer, mine }) =>
    shown(histories, peer).every(({ from, seq }) => from !== peer || seq <= mine.delivered_seq));

const hasArrived = (world, final) => world.devices.every((device) =>
    hasAll(device, final.get(device.wallet).histories)) && [...final.values()].every(isDelivered);

async function quiet(world) {
    for (const until = now() + ARRIVE_MS; now() < until;) {
        const { heard } = world;
        await world.fence();
        const final = await look(world);
        await world.fence();
        if (heard === world.heard && hasArrived(world, final)) return;
        await sleep(POLL_MS);
    }
}

// Files.

async function gives(world, url, upload, who) {
    const response = await fetch(url);
    const bytes = Buffer.from(await response.arrayBuffer());
    if (response.status !== 200 || !bytes.equals(world.files.get(upload).bytes))
        throw new Failure(`${who}: a link to ${upload} gives ${response.status}`);
    world.count('a link was good');
}

/** It leads to the file for the two sides, and nobody else gets one. */
async function follow(world, device, peer, { conversation, seq, content: { upload, url } }) {
    await gives(world, url, upload, device.name);
    const fresh = await get(device, 'attachment.url', { peer, seq });
    await gives(world, fresh.url, upload, device.name);
    const other = world.devices.find(({ wallet }) => wallet !== device.wallet && wallet !== peer);
    const answer = await other.raw('attachment.url', { conversation, seq });
    if (answer?.error?.code !== 'not_found')
        throw new Failure(`${other.name}: attachment.url: ${JSON.stringify(answer)}`);
}

async function followAll(world, final) {
    for (const [wallet, { histories }] of final) {
        const device = world.devices.find((one) => one.wallet === wallet);
        for (const [peer, messages] of histories)
            for (const one of messages.filter(({ type }) => type === 'file').slice(-LINKS))
                await follow(world, device, peer, one);
    }
}

/** After it: some stay, some go, some come back with other habits. */
async function scatter(world) {
    const chances = world.devices.map(() => world.chance.draw(4));
    await Promise.all(world.devices.map(async (device, i) => {
        const [dice, transport, habit, way] = chances[i];
        if (dice % 4 === 0) return;
        await device.vanish(dice % 3);
        if (dice % 4 > 1) await device.dial({ transport, habit, way });
    }));
}

export async function settle(world) {
    const chances = world.devices.map(() => world.chance.next());
    await Promise.all(world.devices.map((device, i) => connect(world, device, chances[i])));
    await callAgain(world);
    await quiet(world);
    const firsts = world.wallets.map((wallet) =>
        world.devices.find((device) => device.wallet === wallet));
    await Promise.all(firsts.map((device, i) => connect(world, device, chances[i] >>> 8)));
    await quiet(world);
    const final = await look(world);
    world.checker.settle(final);
    await followAll(world, final);
    for (const device of world.devices) {
        device.isNew = false;
        device.kept.clear();
    }
    await scatter(world);
}
