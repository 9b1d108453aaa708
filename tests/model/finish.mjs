/** What must be so of a conversation when all is quiet and every device has acknowledged all. */
import { MARKS, marksOf, statusOf } from './marks.mjs';
import { isDue, sees } from './replay.mjs';

const isFor = (talk, wallet, { view, isWithheld }) => view.to === wallet && !isWithheld;

/** The last seq from the peer that was not withheld; 0: there is none. */
function lastFor(talk, wallet) {
    for (let seq = talk.messages.length; seq > 0; seq--)
        if (isFor(talk, wallet, talk.messages[seq - 1])) return seq;
    return 0;
}

/** Does it see anything of it but stubs? */
const hasSome = (talk, wallet) => talk.messages.some(({ view, isWithheld }) =>
    view.from === wallet || !isWithheld);

function checkMarks(talk, wallet, conversation) {
    const peer = talk.peerOf(wallet);
    const mine = marksOf(conversation.mine);
    const theirs = marksOf(conversation.theirs);
    for (const [by, marks] of [[wallet, mine], [peer, theirs]])
        for (const mark of MARKS)
            sees(talk, { viewer: wallet, by, mark, seq: marks[mark],
                least: talk.side(by).leastFor(wallet)[mark], at: Infinity });
    if (mine.delivered < lastFor(talk, wallet))
        talk.wrong('fell short', `delivered by ${talk.nameOf(wallet)} is ${mine.delivered}, ` +
            `and ${lastFor(talk, wallet)} was acknowledged`);
    if (mine.read > mine.delivered) talk.wrong('fell short', 'more is read than delivered');
}

function checkUnread(talk, wallet, { unread, mine }) {
    const want = talk.messages.slice(mine.read_seq)
        .filter((message) => isFor(talk, wallet, message)).length;
    if (unread !== want)
        talk.wrong('unread', `${unread} for ${talk.nameOf(wallet)}, want ${want}`);
}

function checkLast(talk, wallet, { last_message: last, last_seq: lastSeq, updated_at: at }) {
    const n = talk.messages.length;
    if (lastSeq !== n) talk.wrong('list', `last_seq is ${lastSeq}, and there are ${n}`);
    if (!last && !hasSome(talk, wallet)) return undefined;
    if (!last) return talk.wrong('list', `no last message for ${talk.nameOf(wallet)}`);
    if (at !== last.created_at) talk.wrong('list', `updated at ${at}`);
    talk.check(last, wallet);
    // Below it nothing is newer; above it there is nothing but what was withheld.
    for (let seq = last.seq + 1; seq <= n; seq++)
        if (!talk.isWithheldFrom(wallet, seq))
            talk.wrong('list', `the last message is ${last.seq}, and ${seq} is there`);
    return undefined;
}

function checkContact(talk, wallet, { accepted, blocked }) {
    const contacts = talk.contacts(wallet);
    const { acceptedFrom: from, acceptedTo: to } = contacts;
    if (blocked !== contacts.isBlocked)
        talk.wrong('contact', `blocked by ${talk.nameOf(wallet)}: ${blocked}`);
    if (accepted ? from === Infinity : to < Infinity)
        talk.wrong('contact', `accepted by ${talk.nameOf(wallet)}: ${accepted}`);
}

function checkStatus(talk, wallet, messages, { mine, theirs }) {
    for (const { seq, from, status, type } of messages) {
        const want = statusOf(seq, marksOf(from === wallet ? theirs : mine));
        if (type !== 'gone' && status !== want)
            talk.wrong('went back', `seq ${seq} is ${status}, want ${want}`);
    }
}

/** The sender's side is told what the recipient's marks are, unless it may not know them. */
function checkTold(talk, address, final) {
    const { contacts, isShy } = talk.side(address);
    const mine = final.get(address).conversation?.mine;
    const told = final.get(talk.peerOf(address)).conversation?.theirs;
    if (!mine || !told || contacts.isBlocked) return;
    if (isShy && contacts.acceptedTo === Infinity) return;
    for (const mark of MARKS)
        if (marksOf(mine)[mark] !== marksOf(told)[mark])
            talk.wrong('fell short', `${mark} by ${talk.nameOf(address)} is ` +
                `${marksOf(mine)[mark]}, and its peer is told ${marksOf(told)[mark]}`);
}

// Devices.

function hasAll(talk, device, holder) {
    for (let seq = holder.upto + 1; seq <= talk.messages.length; seq++)
        if (!holder.kept.has(seq) && isDue(talk, holder, device.wallet, seq))
            talk.wrong('skipped', `${device.name} has no seq ${seq}`, seq);
    holder.upto = talk.messages.length;
    holder.kept.clear();
}

function knowsMarks(talk, device, holder, conversation) {
    const peer = talk.peerOf(device.wallet);
    const all = [[device.wallet, conversation.mine], [peer, conversation.theirs]];
    for (const [by, marks] of all)
        for (const mark of MARKS) {
            const key = `${mark} ${by}`;
            const want = marksOf(marks)[mark];
            const got = holder.marks.get(key) ?? 0;
            if (holder.isSeeded ? got !== want : got > want)
                talk.wrong('unheard', `${device.name} was told ${mark} ${got} by ` +
                    `${talk.nameOf(by)}, and it is ${want}`, 'receipt');
            holder.marks.set(key, want);
        }
}

function knowsContact(talk, device, holder) {
    const { isBlocked, isTold } = talk.contacts(device.wallet);
    const { blocked, accepted } = holder.contact;
    if (holder.isSeeded && blocked !== isBlocked)
        talk.wrong('unheard', `${device.name} was told blocked: ${blocked}, want ${isBlocked}`,
            'changed');
    if (holder.isSeeded && isTold && !accepted)
        talk.wrong('unheard', `${device.name} was not told of accepting`, 'changed');
    holder.contact = { blocked: isBlocked, accepted: accepted || isTold };
}

export function finish(talk, final) {
    for (const wallet of talk.addresses) {
        const { conversation, messages } = final.get(wallet);
        if (conversation) {
            checkMarks(talk, wallet, conversation);
            checkUnread(talk, wallet, conversation);
            checkLast(talk, wallet, conversation);
            checkContact(talk, wallet, conversation);
            checkStatus(talk, wallet, messages, conversation);
        } else if (hasSome(talk, wallet)) {
            talk.wrong('list', `it is not in the list of ${talk.nameOf(wallet)}`);
        }
    }
    for (const address of talk.addresses) checkTold(talk, address, final);
    for (const [device, holder] of talk.holders) {
        const { conversation } = final.get(device.wallet);
        hasAll(talk, device, holder);
        if (conversation) knowsMarks(talk, device, holder, conversation);
        knowsContact(talk, device, holder);
        holder.isSeeded ||= conversation !== undefined;
    }
}
