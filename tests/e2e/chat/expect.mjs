/** What the protocol says things look like, to the letter. */
import { Failure, match, same } from '../lib.mjs';

const CONVERSATION = /^[0-9a-f]{16}$/;
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;
const CURSOR = /^[\x21-\x7e]{1,64}$/;

export function isTime(text, what = 'time') {
    match(text, TIME, what);
    same(Math.abs(Date.parse(text) - Date.now()) < 120000, true, `${what} is now`);
}

export const isCursor = (cursor) => match(cursor, CURSOR, 'cursor');

/**
 * A message, with nothing but what belongs there.
 * @param want     seq, peer, from, to, type, content, status, and what it may have beside
 * @param isEvent  then it has a cursor, which an answer has not
 */
export function isMessage(message, want, isEvent = false) {
    const { id, conversation, created_at: at, cursor, ...rest } = message;
    match(conversation, CONVERSATION, 'conversation');
    same(id, `${conversation}:${want.seq}`, 'id');
    isTime(at, 'created_at');
    if (isEvent) isCursor(cursor);
    else same('cursor' in message, false, 'cursor in an answer');
    same(rest, want, 'message');
}

/** What one side is told of the other's marks. */
export function isReceipt(receipt, want) {
    const { at, cursor, ...rest } = receipt;
    isTime(at, 'at');
    isCursor(cursor);
    same(rest, want, 'receipt');
}

/** As answers and events show it, to the other side: without what only the sender sees. */
export function asPeer(message, me, more = {}) {
    const { client_msg_id: _, cursor: __, ...rest } = message;
    return { ...rest, peer: me === message.to ? message.from : message.to, ...more };
}

export const numbers = (n, from = 1) => Array.from({ length: n }, (_, i) => from + i);

/** The seqs, in the order in which they are. */
export const seqs = (messages) => messages.map(({ seq }) => seq);

/** Each once, and in order. */
export function areInOrder(got, from, to) {
    const want = numbers(to - from + 1, from);
    const at = want.findIndex((seq, i) => got[i] !== seq);
    if (at >= 0 || got.length !== want.length)
        throw new Failure(`${got.length} seqs, want ${from} to ${to}; ` +
            `the first that differs is ${got[at]} for ${want[at]}`);
}
