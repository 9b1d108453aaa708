/** A conversation as the client knows it: what events do to what the server has said last. */
import type { Conversation, Marks, Message } from './protocol.js';
import { isOwn } from './timeline.js';

/** Of which nothing is known but that it has this message. */
const begun = ({ conversation, peer }: Message): Conversation => ({
    conversation,
    peer,
    accepted: false,
    blocked: false,
    first_seq: 1,
    last_seq: 0,
    last_message: null,
    unread: 0,
    mine: { delivered_seq: 0, read_seq: 0 },
    theirs: { delivered_seq: 0, read_seq: 0 },
    updated_at: null,
});

export const highest = (a: Marks, b: Marks): Marks => ({
    delivered_seq: Math.max(a.delivered_seq, b.delivered_seq),
    read_seq: Math.max(a.read_seq, b.read_seq),
});

/** What a message says by its status of who has it. */
function marksOf({ seq, status }: Message): Marks {
    if (status === 'undelivered') return { delivered_seq: 0, read_seq: 0 };
    return { delivered_seq: seq, read_seq: status === 'read' ? seq : 0 };
}

/** As it is once the message is there: also one that was told before. */
export function withMessage(known: Conversation | undefined, message: Message): Conversation {
    const was = known ?? begun(message);
    const own = isOwn(message);
    const side = own ? 'theirs' : 'mine';
    const marks = highest(was[side], marksOf(message));
    const told = { ...was, [side]: marks, accepted: was.accepted || own };
    if (message.seq <= was.last_seq) return told;
    const isUnread = !own && message.type !== 'gone' && message.seq > told.mine.read_seq;
    return {
        ...told,
        last_seq: message.seq,
        last_message: message.type === 'gone' ? was.last_message : message,
        unread: was.unread + (isUnread ? 1 : 0),
        updated_at: message.type === 'gone' ? was.updated_at : message.created_at,
    };
}

/**
 * What the server says of it, which may be older than the latest events, and than what the user has
 * just read.
 */
export function merged(known: Conversation | undefined, told: Conversation): Conversation {
    if (!known) return told;
    const mine = highest(known.mine, told.mine);
    const isBehind = known.last_seq > told.last_seq;
    const { last_seq, last_message, updated_at } = isBehind ? known : told;
    const hasReadMore = mine.read_seq > told.mine.read_seq;
    return {
        ...told,
        accepted: known.accepted || told.accepted,
        mine,
        theirs: highest(known.theirs, told.theirs),
        last_seq,
        last_message,
        updated_at,
        unread: hasReadMore
            ? unreadAt(known, mine.read_seq)
            : Math.max(told.unread, isBehind ? known.unread : 0),
    };
}

/** At most so many are unread, where seq is read: who knows all above counts them. */
const unreadAt = ({ unread, last_seq }: Conversation, seq: number): number =>
    Math.max(0, Math.min(unread, last_seq - seq));

/** @param count  of unread ones above seq, where that is known */
export function withRead(known: Conversation, seq: number, count?: number): Conversation {
    if (seq <= known.mine.read_seq) return known;
    const mine = highest(known.mine, { delivered_seq: seq, read_seq: seq });
    return { ...known, mine, unread: count ?? unreadAt(known, seq) };
}
