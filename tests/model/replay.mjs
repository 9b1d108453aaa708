/**
 * The log of a conversation, entry by entry, by someone who knows already which messages there
 * are, and which of them were withheld.
 */
import { Holder } from './holder.mjs';
import { MARKS, marksOf, none, raise } from './marks.mjs';

/** A connection, as far as it is about this conversation. */
class Line {
    last = 0;           // seq of a message.new
    marks = new Map();  // "mark by": the last that it was told
    acked = new Set();  // seqs
    got = new Set();    // seqs, until it is synced
    changes = 0;        // that it was told
    contacts = 0;       // and that there may have been, for it
    isSynced = false;
    isOver = false;

    constructor(entry, least) {
        Object.assign(this, { conn: entry.conn, must: entry.must ?? [], least });
        this.fence = entry.at; // what was told before that has arrived
    }
}

/** What its devices have been told of both sides, now. */
const leastOf = (talk, viewer) => new Map([...talk.sides].map(([address, side]) =>
    [address, { ...side.leastFor(viewer) }]));

const isOwn = (talk, wallet, seq) => talk.messages[seq - 1].view.from === wallet;

/** Over these a mark may move without anybody's acknowledgement. */
const isFree = (talk, wallet, seq) => isOwn(talk, wallet, seq) || talk.isWithheldFrom(wallet, seq);

/** As far as the acknowledgements of one connection after another allow. */
function advance(talk, wallet, at) {
    const { most } = talk.side(wallet);
    const lines = [...talk.lines.values()].filter(({ conn }) => conn.wallet === wallet);
    const isThere = (seq) => talk.messages[seq - 1]?.send.from <= at;
    for (let hasMoved = true; hasMoved;) {
        hasMoved = false;
        for (const acked of [new Set(), ...lines.map((line) => line.acked)]) {
            const passes = (seq) => isFree(talk, wallet, seq) || acked.has(seq);
            while (isThere(most.delivered + 1) && passes(most.delivered + 1)) {
                most.delivered++;
                hasMoved = true;
            }
        }
    }
}

/** A mark that somebody was told; `least` is what it can't be below. */
export function sees(talk, { viewer, by, mark, seq, least, at }) {
    advance(talk, by, at);
    const side = talk.side(by);
    const most = side.mostFor(viewer, at)[mark];
    const what = `${mark} by ${talk.nameOf(by)}`;
    if (seq > most) talk.wrong('too far', `${what} is ${seq}, and can't be above ${most}`);
    if (seq < least) talk.wrong('went back', `${what} is ${seq}, and was ${least}`);
    raise(side.leastFor(viewer), mark, seq);
    if (viewer !== by) raise(side.least.own, mark, seq);
}

/**
 * It was withheld before the fence, at the latest: what was on its way when the block was made
 * may still come.
 */
function isHidden(talk, viewer, seq, fence) {
    if (!talk.isWithheldFrom(viewer, seq)) return false;
    const { send } = talk.messages[seq - 1];
    const contacts = talk.contacts(viewer);
    const blocks = contacts.periods().filter(({ to }) => to >= send.from);
    return contacts.must(send.from, send.to) || blocks.every(({ answered }) => answered <= fence);
}

/** A message in an event or answer: content and status. */
function views(talk, message, { viewer, least, fence, at }) {
    talk.check(message, viewer);
    if (message.type === 'gone') return;
    const { seq, to, status } = message;
    if (isHidden(talk, viewer, seq, fence))
        talk.wrong('withheld', `seq ${seq} is withheld from ${talk.nameOf(viewer)}`, seq);
    const side = talk.side(to);
    advance(talk, to, at);
    const has = { delivered: status !== 'undelivered', read: status === 'read' };
    for (const mark of MARKS) {
        if (has[mark] && seq > side.mostFor(viewer, at)[mark])
            talk.wrong('too far', `seq ${seq} is ${status}`, seq);
        if (!has[mark] && seq <= least.get(to)[mark])
            talk.wrong('went back', `seq ${seq} is ${status}, and was ${mark}`, seq);
        if (has[mark]) raise(side.leastFor(viewer), mark, seq);
    }
}

/** Must this device have it, now or one day? */
export function isDue(talk, holder, wallet, seq) {
    if (holder.began === undefined || talk.isWithheldFrom(wallet, seq)) return false;
    if (talk.messages[seq - 1].send.from > holder.began) return true;
    return !isOwn(talk, wallet, seq) && seq > holder.above;
}

/** On one connection nothing is left out but what it has sent itself. */
function hasAllBelow(talk, line, holder, seq) {
    const { conn } = line;
    for (let q = Math.max(line.last, holder.upto) + 1; q < seq; q++)
        if (!holder.kept.has(q) && holder.above !== undefined &&
            isDue(talk, holder, conn.wallet, q) && !talk.messages[q - 1].send.lines.has(conn))
            talk.wrong('skipped', `seq ${seq} is there, and ${q} is not`, q);
}

function checkContact(talk, conversation, wallet, from, at) {
    const contacts = talk.contacts(wallet);
    const { accepted, blocked } = conversation;
    const who = talk.nameOf(wallet);
    if (blocked ? !contacts.may(from, at) : contacts.must(from, at))
        talk.wrong('contact', `blocked by ${who}: ${blocked}`);
    if (accepted ? contacts.acceptedFrom > at : contacts.acceptedTo <= from)
        talk.wrong('contact', `accepted by ${who}: ${accepted}`);
}

function viewsConversation(talk, conversation, { conn, from, least }, at) {
    const { wallet } = conn;
    const peer = talk.peerOf(wallet);
    checkContact(talk, conversation, wallet, from, at);
    for (const [by, marks] of [[wallet, conversation.mine], [peer, conversation.theirs]])
        for (const mark of MARKS)
            sees(talk, { viewer: wallet, by, mark, seq: marksOf(marks)[mark],
                least: least.get(by)[mark], at });
    if (conversation.last_message)
        views(talk, conversation.last_message, { viewer: wallet, least, fence: from, at });
}

// What was answered.

/** So many of this sender may have been undelivered, and so many were for sure. */
function undelivered(talk, { send, least, from }, at) {
    const side = talk.side(send.recipient);
    advance(talk, send.recipient, at);
    const sends = [...talk.sends.values()].filter((one) =>
        one !== send && one.sender === send.sender && one.from <= at &&
        (one.isStored || !one.wasRefused));
    const isAbove = (one, seq) => one.seq === undefined || one.seq > seq;
    const isSure = (one) => one.to < from && isAbove(one, side.most.delivered) &&
        !talk.messages[one.seq - 1].isWithheld;
    return {
        most: sends.filter((one) => isAbove(one, least.get(send.recipient).delivered)).length,
        least: sends.filter(isSure).length,
    };
}

function mailboxIsFull(talk, ask, at) {
    const { peer, stranger } = talk.limits;
    const { most } = undelivered(talk, ask, at);
    const isStranger = talk.contacts(ask.send.recipient).acceptedTo > ask.from;
    const limit = isStranger ? Math.min(peer, stranger) : peer;
    if (most < limit) talk.wrong('mailbox', `full with ${most}, and ${limit} is the limit`);
}

function mailboxHasRoom(talk, ask, at) {
    const { peer, stranger } = talk.limits;
    if (Math.min(peer, stranger) === Infinity || ask.send.asked > 1) return;
    const isStranger = talk.contacts(ask.send.recipient).acceptedFrom > at;
    const limit = isStranger ? stranger : Math.max(peer, stranger);
    const { least } = undelivered(talk, ask, at);
    if (least >= limit) talk.wrong('mailbox', `room for one more behind ${least} of ${limit}`);
}

/** A file may be missing, and it may take too long to look at it. */
function mayLackFile(talk, { conn, from, payload: { content } }, code) {
    if (content?.upload === undefined) return false;
    if (code === 'storage_unavailable') return true;
    return code === 'upload_missing' && !talk.files.wasThere(content, conn.wallet, from);
}

function refusedToSend(talk, ask, { error: { code } }, at) {
    const { send, conn } = ask;
    const mayBe = talk.contacts(conn.wallet).may(ask.from, at);
    if (send) send.wasRefused = true;
    if (code === 'forbidden' && mayBe) return;
    if (mayLackFile(talk, ask, code)) return;
    if (code === 'mailbox_full' && send) mailboxIsFull(talk, ask, at);
    else if (code !== 'conflict' || !ask.isConflict)
        talk.wrong('answer', `${code} for ${ask.payload.client_msg_id}`);
}

function hasSent(talk, ask, answer, at) {
    const { send, conn, from, least } = ask;
    if (answer.status !== 'ok') return refusedToSend(talk, ask, answer, at);
    if (ask.isConflict) talk.wrong('answer', `no conflict for ${ask.payload.client_msg_id}`);
    if (answer.duplicate && send.asked === 1)
        talk.wrong('doubled', `${send.token} is a duplicate, and was sent once`);
    if (!answer.duplicate && send.wasAnswered)
        talk.wrong('doubled', `${send.token} is no duplicate, and was sent before`);
    if (send.from === from && talk.contacts(conn.wallet).must(from, at))
        talk.wrong('forbidden', `${send.token} was taken, for one whom its sender blocks`);
    if (!answer.duplicate) mailboxHasRoom(talk, ask, at);
    send.wasAnswered = true;
    views(talk, answer.message, { viewer: conn.wallet, least, fence: from, at });
    const line = talk.lines.get(conn); // none of a call
    if (line) talk.holders.get(conn.device).kept.add(answer.message.seq);
    if (line && !line.isSynced) line.got.add(answer.message.seq);
    return undefined;
}

function hasMarked(talk, ask, answer, at) {
    const { conn: { wallet }, payload: { seq }, event, least } = ask;
    const mark = event === 'message.read' ? 'read' : 'delivered';
    if (answer.status !== 'ok') {
        if (answer.error.code !== 'bad_request' || !ask.isTooFar)
            talk.wrong('answer', `${answer.error.code} for ${event} ${seq}`);
        return;
    }
    if (ask.isTooFar) talk.wrong('answer', `${event} ${seq} is above all, and was taken`);
    sees(talk, { viewer: wallet, by: wallet, mark, seq: answer.seq,
        least: Math.max(seq, least.get(wallet)[mark]), at });
}

function hasHistory(talk, ask, answer, at) {
    const { conn: { wallet }, least, from } = ask;
    if (answer.status !== 'ok') return talk.wrong('answer', `${answer.error.code} for history`);
    answer.messages.forEach((message, i) => {
        if (i > 0 && message.seq !== answer.messages[i - 1].seq + 1)
            talk.wrong('gap', `history has ${message.seq} behind ${answer.messages[i - 1].seq}`);
        views(talk, message, { viewer: wallet, least, fence: from, at });
    });
    return undefined;
}

function hasContact(talk, { change, conn, event, from, least }, answer, at) {
    const side = talk.side(conn.wallet);
    side.isAsking = false;
    if (answer.status !== 'ok') {
        if (answer.error.code !== 'not_found' || event !== 'conversation.unblock' ||
            talk.messages[0]?.send.to < from)
            talk.wrong('answer', `${answer.error.code} for ${event}`);
        return;
    }
    const line = talk.lines.get(conn);
    line.fence = at;
    viewsConversation(talk, answer.conversation, { conn, from, least }, at);
    const { accepted, blocked } = answer.conversation;
    talk.holders.get(conn.device).contact = { accepted, blocked };
    if (change !== side.contacts.periods().find(({ block }) => block === change)?.block) return;
    side.freeze();
    withholds(talk, side, change);
}

/** What was there before the block, and can't have been delivered by then, is withheld. */
function withholds(talk, { address, most }, change) {
    for (const { view, send, isWithheld } of talk.messages.slice(most.delivered))
        if (view.to === address && !isWithheld && send.to < change.from)
            talk.wrong('withheld', `seq ${view.seq} was undelivered when its sender was blocked`);
}

const ANSWERS = {
    'message.send': hasSent,
    'message.delivered': hasMarked,
    'message.read': hasMarked,
    'message.history': hasHistory,
    'conversation.accept': hasContact,
    'conversation.block': hasContact,
    'conversation.unblock': hasContact,
    'conversation.list': (talk, ask, { conversations }, at) => {
        const peer = talk.peerOf(ask.conn.wallet);
        const found = conversations.filter((one) => one.peer === peer);
        if (found.length > 1) talk.wrong('list', 'it is in the list twice');
        for (const one of found) viewsConversation(talk, one, ask, at);
    },
};

// What happened.

function asks(talk, { ask }) {
    const { conn, event, payload } = ask;
    const side = talk.side(conn.wallet);
    ask.least = leastOf(talk, conn.wallet);
    if (ask.send && !ask.isConflict) ask.send.asked++;
    if ((event === 'message.read' || event === 'message.delivered') && !ask.isTooFar)
        raise(side.most, event.slice('message.'.length), payload.seq);
    if (event === 'conversation.unblock') side.thaw();
    if (event === 'conversation.block') ask.change.least ??= side.least.own.delivered;
    if (!event.startsWith('conversation.') || event === 'conversation.list') return;
    for (const line of talk.lines.values())
        if (line.conn.wallet === conn.wallet) line.contacts++;
    side.hasAsked = side.isAsking = true;
}

/** What was heard once, behind a cursor from which it goes on now. */
function hasCome(talk, line, { event, by, seq }) {
    if (event === 'conversation.changed') return line.changes > 0;
    if (by) return (line.marks.get(`${event.slice('message.'.length)} ${by}`) ?? 0) >= seq;
    return line.got.has(seq) || talk.isWithheldFrom(line.conn.wallet, seq);
}

const HAPPENS = {
    begin(talk, { device, isFirst }) {
        talk.holders.set(device, new Holder(talk.settled, isFirst));
    },

    dial(talk, entry) {
        const line = new Line(entry, leastOf(talk, entry.conn.wallet));
        const { hasAsked, isAsking } = talk.side(entry.conn.wallet);
        line.contacts = Number(hasAsked) + Number(isAsking);
        talk.lines.set(entry.conn, line);
    },

    ready(talk, { conn, at }) {
        if (conn.isRecovering) return;
        Object.assign(talk.holders.get(conn.device), { began: at, above: undefined });
    },

    synced(talk, { conn, at }) {
        const line = talk.lines.get(conn);
        const holder = talk.holders.get(conn.device);
        if (holder.above === undefined) {
            advance(talk, conn.wallet, at);
            holder.above = talk.side(conn.wallet).most.delivered;
        }
        for (const one of line.must)
            if (!hasCome(talk, line, one))
                talk.wrong('skipped', `${one.event} ${one.seq} did not come again`, one.seq);
        line.isSynced = true;
        line.got.clear();
    },

    new(talk, { conn, message, at }) {
        const line = talk.lines.get(conn);
        const holder = talk.holders.get(conn.device);
        const { seq } = message;
        if (message.type === 'gone') talk.wrong('withheld', `seq ${seq} came as a stub`);
        const { least, fence } = line;
        views(talk, message, { viewer: conn.wallet, least, fence, at });
        if (seq === line.last) talk.wrong('doubled', `seq ${seq} came twice on one connection`);
        if (seq < line.last) talk.wrong('reordered', `seq ${seq} came behind ${line.last}`);
        hasAllBelow(talk, line, holder, seq);
        line.last = seq;
        if (!line.isSynced) line.got.add(seq);
        if (seq > holder.upto) holder.kept.add(seq);
    },

    ack(talk, { conn, seq, at }) {
        talk.lines.get(conn).acked.add(seq);
        advance(talk, conn.wallet, at);
    },

    receipt(talk, { conn, mark, by, seq, at }) {
        const line = talk.lines.get(conn);
        const holder = talk.holders.get(conn.device);
        const key = `${mark} ${by}`;
        sees(talk, { viewer: conn.wallet, by, mark, seq, least: line.marks.get(key) ?? 0, at });
        line.marks.set(key, seq);
        const least = line.least.get(by) ?? none();
        least[mark] = Math.max(least[mark], seq);
        holder.marks.set(key, Math.max(seq, holder.marks.get(key) ?? 0));
    },

    changed(talk, { conn, conversation, at }) {
        const line = talk.lines.get(conn);
        if (++line.changes > line.contacts)
            talk.wrong('told', `of ${line.changes} changes by ${talk.nameOf(conn.wallet)}, ` +
                `and there were ${line.contacts} at most`);
        const { accepted, blocked } = conversation;
        viewsConversation(talk, conversation, { conn, from: 0, least: line.least }, at);
        talk.holders.get(conn.device).contact = { accepted, blocked };
    },

    ask: asks,

    answer(talk, { ask, answer, at }) {
        const line = talk.lines.get(ask.conn);
        if (line) line.fence = Math.max(line.fence, ask.from);
        ANSWERS[ask.event](talk, ask, answer, at);
    },

    end(talk, { conn }) {
        talk.lines.get(conn).isOver = true;
    },
};

export function replay(talk, entry) {
    HAPPENS[entry.what](talk, entry);
}
