#!/usr/bin/env node
/** What judges a run: each thing that must never be is found, and what may be is let pass. */
import { Trial, same } from '../e2e/lib.mjs';
import { Runner } from '../e2e/runner.mjs';
import { Chance, hash } from './chance.mjs';
import { A, B, Story } from './story.mjs';
import { Violation } from './violation.mjs';

const bothHear = (s) => s.fourth(s.b1, s.b2);

/** B blocks A, then unblocks it; a message of A's comes in between. */
function block(s) {
    s.told = new Map([...s.marks].map(([wallet, marks]) => [wallet, { ...marks }]));
    s.contact(s.b1, 'block', s.b2);
    s.send(s.a);
}

function unblock(s) {
    s.told = s.marks;
    s.contact(s.b2, 'unblock', s.b1);
}

/** A new device of B, which has begun behind what there was. */
function another(s) {
    const device = { name: 'b3', wallet: B };
    s.checker.begins(device, false);
    return s.dial(device, false);
}

/** B sends on two connections, the second time while it blocks A. */
function late(s) {
    s.contact(s.b1, 'block', s.b2);
    s.asksToSend(s.b1, 't4');
    s.synced(s.dial(s.end(s.b1)));
    s.refuses(s.asksToSend(s.b1, 't4'), 'forbidden');
    s.contact(s.b1, 'unblock', s.b2);
    const seq = s.store(B, 't4');
    for (const conn of [s.a, s.b1, s.b2]) s.hear(conn, seq);
    s.ack(s.a, seq);
    s.move(A, 'delivered', seq, s.a, s.b1, s.b2);
}

const heard = (...seqs) => seqs.map((seq) => ({ event: 'message.new', seq }));

/** Name, what is done behind the beginning, and the kind of what is found; none is fine. */
function asksForFile(s, { owner = A, isPut = true } = {}) {
    s.checker.announced('u', owner, { name: 'n', mime: 'text/plain', size: 3 });
    if (isPut) s.checker.putting('u');
    if (isPut) s.checker.isPut('u');
    return s.checker.asks(s.a, 'message.send', { to: B, type: 'file', client_msg_id: 't4',
        content: { token: 't4', upload: 'u' } });
}

/** @param more  of its content, as it is heard */
function file(s, how, more) {
    const asked = asksForFile(s, how);
    const content = { token: 't4', upload: 'u', name: 'n', mime: 'text/plain', size: 3,
        url: 'http://files', expires_at: '2030-01-01T00:00:00.000Z' };
    const seq = s.store(A, 't4', { type: 'file', content });
    s.answers(asked, { duplicate: false, message: s.view(seq, A) });
    for (const conn of [s.b1, s.b2]) s.hear(conn, seq, { content: { ...content, ...more } });
    s.ack(s.b1, seq);
    s.move(B, 'delivered', seq, s.a, s.b1, s.b2);
}

const ROWS = [
    // Messages.
    ['all as it must be', bothHear],
    ['a message is skipped', (s) => s.fourth(s.b1), 'skipped'],
    ['one is skipped, and the next one comes', (s) => {
        s.send(s.a);
        s.send(s.a);
        s.hear(s.b1, 5);
    }, 'skipped'],
    ['one of its own is skipped', (s) => {
        s.send(s.b1);
        s.hear(s.a, 4);
        s.ack(s.a, 4);
        s.move(A, 'delivered', 4, s.a, s.b1, s.b2);
    }, 'skipped'],
    ['who has sent it has it', (s) => {
        s.send(s.b1);
        s.hear(s.b2, 4);
        s.hear(s.a, 4);
        s.ack(s.a, 4);
        s.move(A, 'delivered', 4, s.a, s.b1, s.b2);
    }],
    ['a call that a device of its own does not hear of', (s) => {
        s.send({ name: 'a.bot', wallet: A });
        for (const conn of [s.b1, s.b2]) s.hear(conn, 4);
        s.ack(s.b1, 4);
        s.move(B, 'delivered', 4, s.a, s.b1, s.b2);
    }, 'skipped'],
    ['a call that all hear of', (s) => {
        s.send({ name: 'a.bot', wallet: A });
        for (const conn of [s.a, s.b1, s.b2]) s.hear(conn, 4);
        s.ack(s.b1, 4);
        s.move(B, 'delivered', 4, s.a, s.b1, s.b2);
    }],
    ['one comes again on a connection', (s) => s.hear(s.b1, 3), 'doubled'],
    ['one comes again on the next connection', (s) => {
        const next = s.dial(s.end(s.b1));
        s.hear(next, 3);
        s.synced(next);
    }],
    ['one comes too early', (s) => {
        const next = s.dial(s.end(s.b1));
        s.hear(next, 3);
        s.hear(next, 2);
    }, 'reordered'],
    ['one that nobody has sent', (s) => {
        s.store(A, 'nobody');
        s.hear(s.b1, 4);
        s.hear(s.b2, 4);
    }, 'invented'],
    ['one that is in no history', (s) => {
        s.store(A, 'nobody');
        s.hear(s.b1, 4);
        s.messages.pop();
    }, 'invented'],
    ['another content on the other side', (s) => {
        s.send(s.a);
        s.hear(s.b1, 4, { content: 't4 y' });
    }, 'changed'],
    ['its key for the other side', (s) => {
        s.send(s.a);
        s.hear(s.b1, 4, { client_msg_id: 't4' });
    }, 'changed'],
    ['stored twice', (s) => {
        s.send(s.a);
        s.store(A, 't4');
    }, 'doubled'],
    ['stored, and refused', (s) => {
        const asked = s.asksToSend(s.a, 't4');
        s.store(A, 't4');
        s.refuses(asked, 'conflict');
    }, 'refused'],
    ['refused when it was sent again, and stored before', (s) => late(s), 'refused'],
    ['refused when it was sent again, and stored when the first one came', (s) => late(s),
        undefined, { clock: () => 1e12 }],
    ['acknowledged, and not stored', (s) => {
        s.send(s.a);
        s.messages.pop();
    }, 'lost'],
    ['not answered, and not stored', (s) => s.asksToSend(s.a, 't4')],
    ['sent again, and said to be new', (s) => {
        const message = s.view(3, A);
        s.answers(s.asksToSend(s.a, 't3'), { duplicate: false, message });
    }, 'doubled'],
    ['sent again, and said to be so', (s) => {
        const message = s.view(3, A);
        s.answers(s.asksToSend(s.a, 't3'), { duplicate: true, message });
    }],
    ['sent once, and said to be again', (s) => {
        const asked = s.asksToSend(s.a, 't4');
        s.answers(asked, { duplicate: true, message: s.view(s.store(A, 't4'), A) });
    }, 'doubled'],
    ['an error that it can not be', (s) => s.refuses(s.asksToSend(s.a, 't4'), 'internal'),
        'answer'],
    ['a conflict that is taken', (s) => s.answers(s.asksToSend(s.a, 't3', { isConflict: true }),
        { duplicate: true, message: s.view(3, A) }), 'answer'],
    ['a gap in a history', (s) => s.settle(({ ofA }) => (ofA[1].seq = 7)), 'gap'],
    ['one less in a history', (s) => s.settle(({ ofB }) => ofB.pop()), 'unequal'],
    // Files.
    ['a file that was put', (s) => file(s)],
    ['a file with a link of its own each time', (s) => file(s, {}, { url: 'http://other' })],
    ['a file that nobody has put', (s) => file(s, { isPut: false }), 'file'],
    ['a file of another', (s) => file(s, { owner: B }), 'file'],
    ['a file of which something else is said', (s) => file(s, {}, { size: 4 }), 'changed'],
    ['a file without a link', (s) => file(s, {}, { url: undefined }), 'link'],
    ['missing, and it was put', (s) => s.refuses(asksForFile(s), 'upload_missing'), 'answer'],
    ['missing, and nobody has put it',
        (s) => s.refuses(asksForFile(s, { isPut: false }), 'upload_missing')],
    ['missing, and it is of another',
        (s) => s.refuses(asksForFile(s, { owner: B }), 'upload_missing')],
    ['missing, and it is no file', (s) => s.refuses(s.asksToSend(s.a, 't4'), 'upload_missing'),
        'answer'],
    // Resuming.
    ['a cursor that is not taken', (s) => s.dial(s.end(s.b1), true, undefined,
        { recovered: false }), 'recovered'],
    ["another's cursor that is taken", (s) => s.dial(s.end(s.b1), false, undefined,
        { recovered: true }), 'recovered'],
    ['not all behind an old cursor', (s) => {
        const next = s.dial(s.end(s.b1), true, new Map([[A, heard(2, 3)]]));
        s.hear(next, 3);
        s.synced(next);
    }, 'skipped'],
    ['all behind an old cursor', (s) => {
        const next = s.dial(s.end(s.b1), true, new Map([[A, heard(2, 3)]]));
        [2, 3].forEach((seq) => s.hear(next, seq));
        s.synced(next);
    }],
    ['not a receipt behind an old cursor', (s) => {
        const must = new Map([[B, [{ event: 'message.read', by: B, seq: 1 }]]]);
        const next = s.dial(s.end(s.a), true, must);
        s.receipt(next, B, 'delivered', 3);
        s.synced(next);
    }, 'skipped'],
    ['a receipt behind an old cursor', (s) => {
        const must = new Map([[B, [{ event: 'message.read', by: B, seq: 1 }]]]);
        const next = s.dial(s.end(s.a), true, must);
        s.receipt(next, B, 'read', 1);
        s.synced(next);
    }],
    ['not a change behind an old cursor', (s) => {
        block(s);
        s.synced(s.dial(s.end(s.b1), true,
            new Map([[A, [{ event: 'conversation.changed' }]]])));
    }, 'skipped'],
    ['a new device that has nothing', (s) => s.synced(another(s))],
    ['a new device without what was undelivered', (s) => {
        s.send(s.a);
        s.hear(s.b1, 4);
        s.hear(s.b2, 4);
        s.synced(another(s));
        s.ack(s.b1, 4);
        s.move(B, 'delivered', 4, s.a, s.b1, s.b2, s.conns.get('b3'));
    }, 'skipped'],
    // Marks.
    ['a mark that goes back', (s) => s.receipt(s.a, B, 'delivered', 2), 'went back'],
    ['a mark that stays', (s) => s.receipt(s.a, B, 'delivered', 3)],
    ['a status that goes back', (s) => {
        const next = s.dial(s.end(s.b1));
        s.hear(next, 3, { status: 'undelivered' });
    }, 'went back'],
    ['a mark above what was acknowledged', (s) => {
        s.send(s.a);
        s.hear(s.b1, 4);
        s.hear(s.b2, 4);
        s.receipt(s.a, B, 'delivered', 4);
    }, 'too far'],
    ['a mark that two connections make', (s) => {
        [4, 5].forEach(() => s.send(s.a));
        for (const conn of [s.b1, s.b2]) [4, 5].forEach((seq) => s.hear(conn, seq));
        s.ack(s.b1, 5);
        s.ack(s.b2, 4);
        s.move(B, 'delivered', 5, s.a, s.b1, s.b2);
    }],
    ['a mark over a hole', (s) => {
        [4, 5].forEach(() => s.send(s.a));
        for (const conn of [s.b1, s.b2]) [4, 5].forEach((seq) => s.hear(conn, seq));
        s.ack(s.b1, 5);
        s.receipt(s.a, B, 'delivered', 5);
    }, 'too far'],
    ['a mark above what was read', (s) => s.receipt(s.a, B, 'read', 2), 'too far'],
    ['a status above what was acknowledged', (s) => {
        s.send(s.a);
        s.hear(s.b1, 4, { status: 'delivered' });
    }, 'too far'],
    ['what one acknowledges of its own moves nothing', (s) => {
        s.send(s.b1);
        s.hear(s.b2, 4);
        s.hear(s.a, 4);
        s.ack(s.b2, 4);
        s.receipt(s.b1, A, 'delivered', 4);
    }, 'too far'],
    ['an answer below what was asked for', (s) => {
        const asked = s.checker.asks(s.b1, 'message.read', { peer: A, seq: 3 });
        s.answers(asked, { seq: 1 });
    }, 'went back'],
    ['all is acknowledged, and the mark does not move', (s) => {
        s.send(s.a);
        for (const conn of [s.b1, s.b2]) s.hear(conn, 4);
        s.ack(s.b1, 4);
    }, 'fell short'],
    ['a receipt that a device does not hear', (s) => {
        s.read(s.b1, 3);
        s.move(B, 'read', 3, s.a, s.b1);
    }, 'unheard'],
    ['a mark above all that is taken', (s) => s.answers(
        s.checker.asks(s.b1, 'message.read', { peer: A, seq: 99 }, { isTooFar: true }),
        { seq: 3 }), 'answer'],
    // Lists.
    ['too many unread', (s) => s.settle(({ b }) => (b.list[0].unread = 3)), 'unread'],
    ['too few unread when it is ready', (s) => s.settle(({ b }) => (b.unread = 0)), 'unread'],
    ['another last message', (s) => s.settle(({ a }) => (a.list[0].last_message = s.view(2, A))),
        'list'],
    ['not in the list', (s) => s.settle(({ b }) => Object.assign(b, { list: [], unread: 0 })),
        'list'],
    // Blocks.
    ['a block, and its end', (s) => {
        block(s);
        unblock(s);
        bothHear(s);
    }],
    ['a block that stays', block],
    ['a withheld one is shown', (s) => {
        block(s);
        s.hear(s.b2, 4, { type: 'text', content: 't4 x' });
    }, 'withheld'],
    ['a withheld one comes as a stub', (s) => {
        block(s);
        s.hear(s.b1, 4);
    }, 'withheld'],
    ['a withheld one is shown after the unblock', (s) => {
        block(s);
        unblock(s);
        s.hear(s.b2, 4, { type: 'text', content: 't4 x' });
    }, 'withheld'],
    ['one is not withheld', (s) => {
        block(s);
        s.messages[3].withheld = false;
        for (const conn of [s.b1, s.b2]) s.hear(conn, 4);
        s.ack(s.b1, 4);
        s.move(B, 'delivered', 4, s.b1, s.b2);
    }, 'withheld'],
    ['one that was undelivered is not withheld', (s) => {
        s.send(s.a);
        for (const conn of [s.b1, s.b2]) s.hear(conn, 4);
        s.contact(s.b1, 'block', s.b2);
        s.ack(s.b1, 4);
        s.move(B, 'delivered', 4, s.b1, s.b2);
        s.told = new Map([...s.marks, [B, { delivered: 3, read: 1 }]]);
    }, 'withheld'],
    ['one that was undelivered is withheld', (s) => {
        s.send(s.a);
        for (const conn of [s.b1, s.b2]) s.hear(conn, 4);
        s.messages[3].withheld = true;
        s.contact(s.b1, 'block', s.b2);
    }],
    ['a stub that nobody has made so', (s) => {
        bothHear(s);
        s.settle(({ ofB }) => Object.assign(ofB[3], { type: 'gone', content: null }));
    }, 'stub'],
    ['a stub with its content', (s) => {
        block(s);
        s.settle(({ ofB }) => (ofB[3].content = 't4 x'));
    }, 'stub'],
    ['a withheld one in a later history', (s) => {
        block(s);
        s.settle();
        const asked = s.checker.asks(s.b1, 'message.history', { peer: A });
        s.answers(asked, { messages: [s.view(4, B, { type: 'text', content: 't4 x' })] });
    }, 'withheld'],
    ['a withheld one is unread', (s) => {
        block(s);
        s.settle(({ b }) => (b.list[0].unread = 3));
    }, 'unread'],
    ['the blocked one is told of a mark', (s) => {
        block(s);
        s.read(s.b1, 3);
        s.move(B, 'read', 3, s.a);
    }, 'too far'],
    ['the blocked one sees a mark in its list', (s) => {
        block(s);
        s.read(s.b1, 3);
        s.move(B, 'read', 3, s.b1, s.b2);
        s.told = s.marks;
    }, 'too far'],
    ['the blocked one is told of a mark after the unblock', (s) => {
        block(s);
        s.read(s.b1, 3);
        s.move(B, 'read', 3, s.b1, s.b2);
        unblock(s);
        s.receipt(s.a, B, 'read', 3);
    }],
    ['the blocker may send', (s) => {
        block(s);
        s.send(s.b1);
    }, 'forbidden'],
    ['the blocker may not send', (s) => {
        block(s);
        s.refuses(s.asksToSend(s.b1, 't5'), 'forbidden');
    }],
    ['who blocks nobody may not send', (s) => s.refuses(s.asksToSend(s.b1, 't5'), 'forbidden'),
        'answer'],
    ['the blocked one may not send', (s) => {
        block(s);
        s.refuses(s.asksToSend(s.a, 't5'), 'forbidden');
    }, 'answer'],
    // Changes.
    ['a change that reaches the peer', (s) => {
        block(s);
        s.changed(s.a);
    }, 'told'],
    ['a change that a device does not hear', (s) => s.contact(s.b1, 'block'), 'unheard'],
    ['a change that is told again, on the next connection', (s) => {
        block(s);
        s.changed(s.dial(s.end(s.b1)));
    }],
    ['a change that was not made', (s) => {
        s.blocks.set(B, true);
        s.changed(s.b1);
    }, 'told'],
    ['a block that is not in the list', (s) => {
        block(s);
        s.settle(({ b }) => (b.list[0].blocked = false));
    }, 'contact'],
    ['accepting that nobody has done', (s) => s.settle(({ b }) => (b.list[0].accepted = true)),
        'contact'],
    ['accepting that is not in the list', (s) => s.settle(({ a }) => (a.list[0].accepted = false)),
        'contact'],
    // Mailboxes.
    ['full, and there is room', (s) => s.refuses(s.asksToSend(s.a, 't4'), 'mailbox_full'),
        'mailbox', { limits: { peer: 9, stranger: 2 } }],
    ['full', (s) => {
        for (const _ of [4, 5, 6]) s.send(s.a);
        s.refuses(s.asksToSend(s.a, 't7'), 'mailbox_full');
        for (const conn of [s.b1, s.b2]) [4, 5, 6].forEach((seq) => s.hear(conn, seq));
        s.ack(s.b1, 4, 5, 6);
        s.move(B, 'delivered', 6, s.a, s.b1, s.b2);
    }, undefined, { limits: { peer: 9, stranger: 3 } }],
    ['full, and one more is taken', (s) => {
        for (const _ of [1, 2, 3, 4]) s.send(s.a);
    }, 'mailbox', { limits: { peer: 9, stranger: 3 } }],
    // Receipts that wait until their sender has accepted.
    ['a shy one is told of', () => {}, 'too far', { isShy: true }],
];

const judged = ROWS.map(([name, happens, kind, how]) => ({
    name: `${kind ?? 'fine'}: ${name}`,
    run: async () => {
        const s = new Story(how);
        let found;
        try {
            s.begin();
            happens(s);
            s.settle();
        } catch (error) {
            if (!(error instanceof Violation)) throw error;
            found = error;
        }
        if (found?.kind !== kind) throw found ?? new Violation('nothing', `want ${kind}`);
    },
}));

/** What a failure shows: the last of the conversation, and all about the message. */
async function tells() {
    const s = new Story().begin();
    for (let i = 0; i < 60; i++) s.receipt(s.a, B, 'read', 1);
    s.checker.step = 7;
    s.receipt(s.a, B, 'read', 3);
    try {
        s.settle();
    } catch ({ message }) {
        same(message.split('\n').length, 51, 'lines');
        same(/^too far: read by w1 is 3, .* \(w0-w1\)$/m.test(message), true, 'first line');
        same(/step 7 at \d+ a#: receipt read by w1 3$/.test(message), true, 'last line');
        return;
    }
    throw new Violation('nothing', 'was found');
}

async function goesOn() {
    const s = new Story().begin();
    s.settle();
    bothHear(s);
    s.settle();
    same(s.checker.settled(A, B), 4, 'messages');
    s.fourth(s.b1);
    try {
        s.settle();
    } catch ({ kind }) {
        same(kind, 'skipped', 'kind');
        return;
    }
    throw new Violation('nothing', 'was found');
}

async function isTheSame() {
    const [one, other] = [new Chance(7), new Chance(7)];
    same(one.draw(5), other.draw(5), 'numbers');
    same(new Chance(8).draw(5).join() === new Chance(7).draw(5).join(), false, 'of other seeds');
    same(hash('a', 1), hash('a', 1), 'hashes');
    same(hash('a', 1) === hash('a', 2), false, 'hashes of others');
}

const runner = new Runner();
const rows = [...judged,
    { name: 'tells what was before', run: tells },
    { name: 'goes on behind a time of quiet', run: goesOn },
    { name: 'a seed makes the same numbers', run: isTheSame },
];
await runner.all(rows, async (row) => {
    const { wrong } = await runner.attempt(row, new Trial());
    runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}, 1);
process.exit(runner.close());
