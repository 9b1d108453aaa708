#!/usr/bin/env node
/** What judges a history: an honest one passes, and what must never be is counted as its kind. */
import { Trial, same } from '../e2e/lib.mjs';
import { Runner } from '../e2e/runner.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { check } from './checker.mjs';
import { History } from './history.mjs';

const A = 'A';
const B = 'B';
const TALK = 'c';

/** Two wallets with two devices each, and three messages of which each had its way. */
class Story {
    history = new History();
    stored = [];
    conns = {};
    attempts = {};

    constructor() {
        for (const name of ['a1', 'a2', 'b1', 'b2']) this.dial(name);
        this.sends('a1', 'one');
        this.stores('one');
        this.answers('one');
        this.told(1, 'a2', 'b1', 'b2');
        this.sends('b1', 'two');
        this.stores('two');
        this.told(2, 'a1', 'a2', 'b2');
        this.dies();
        for (const name of ['a1', 'a2', 'b1', 'b2']) this.dial(name, 'cursor');
        this.told(2, 'b1');
        this.sends('b1', 'two');
        this.answers('two', { duplicate: true });
        this.send('a2', 'three');
        this.receipt(3, 'a1', 'a2', 'b1', 'b2');
        this.lists(3);
    }

    dial(name, cursor, recovered = cursor !== undefined) {
        const address = name[0].toUpperCase();
        this.conns[name] = this.history.dials({ name, address, cursor });
        this.history.hears(this.conns[name], 'ready', { recovered });
    }

    dies() {
        this.history.kills();
        for (const conn of Object.values(this.conns)) this.history.ends(conn);
        for (const attempt of Object.values(this.attempts)) this.history.answered(attempt);
        this.attempts = {};
    }

    /** On a connection of its own again. */
    again(name) {
        this.history.ends(this.conns[name]);
        this.dial(name, 'cursor');
    }

    message(key, by, more) {
        const seq = this.stored.length + 1;
        const from = by[0].toUpperCase();
        return {
            id: `${TALK}:${seq}`, conversation: TALK, seq, from, to: from === A ? B : A,
            content: `${key} content`, client_msg_id: key, ...more,
        };
    }

    /** As the wallet sees it. */
    view(message, wallet) {
        const { client_msg_id: key, ...rest } = message;
        return message.from === wallet ? { ...rest, client_msg_id: key } : rest;
    }

    sends(name, key) {
        const { from, to, content } = this.message(key, name);
        this.attempts[key] = this.history.sends(this.conns[name], { key, from, to, content });
        this.by = name;
    }

    /** The last that was sent. */
    stores(key, more) {
        this.stored.push(this.message(key, this.by, more));
    }

    answers(key, { duplicate = false, ...more } = {}) {
        const message = this.stored.find((one) => one.client_msg_id === key);
        const answer = { status: 'ok', duplicate, message: { ...message, ...more } };
        this.history.answered(this.attempts[key], answer);
        delete this.attempts[key];
    }

    refuses(key) {
        this.history.answered(this.attempts[key], { status: 'error', error: { code: 'busy' } });
        delete this.attempts[key];
    }

    hear(name, message, more) {
        const view = this.view({ ...message, ...more }, name[0].toUpperCase());
        this.history.hears(this.conns[name], 'message.new', view);
        this.history.acks(this.conns[name], view);
    }

    told(seq, ...names) {
        for (const name of names) this.hear(name, this.stored[seq - 1]);
    }

    /** A message as it should be. */
    send(name, key) {
        this.sends(name, key);
        this.stores(key);
        this.answers(key);
        this.told(this.stored.length, ...Object.keys(this.conns).filter((one) => one !== name));
    }

    receipt(seq, ...names) {
        for (const name of names)
            this.history.hears(this.conns[name], 'message.delivered',
                { conversation: TALK, by: B, seq });
    }

    read(seq, ...names) {
        for (const name of names)
            this.history.hears(this.conns[name], 'message.read',
                { conversation: TALK, by: B, seq });
    }

    lists(delivered, asked = this.history.now) {
        const none = { delivered_seq: 0, read_seq: 0 };
        this.history.lists(A, asked, [{
            conversation: TALK, peer: B, mine: none, theirs: { ...none, delivered_seq: delivered },
        }]);
    }

    /** @param seen  by wallet, where it is not what is stored @param last  likewise */
    check({ seen = {}, last = this.stored.length } = {}) {
        for (const wallet of [A, B])
            this.history.reads(wallet, TALK, last,
                (seen[wallet] ?? this.stored).map((message) => this.view(message, wallet)));
        return check(this.history.entries);
    }
}

const others = ['a1', 'b1', 'b2']; // than a2, which sends

/** Name, what is done behind the beginning (and given to check), and what is counted then. */
const TABLE = [
    ['an honest history', () => {}, {}],
    ['a message more', (s) => s.send('a2', 'four'), {}],
    ['told again on the next connection', (s) => {
        s.again('b1');
        s.told(2, 'b1');
        s.told(3, 'b1');
    }, {}],
    ['read, and not acknowledged', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.history.hasRead(s.conns.b1, TALK, 4);
        s.receipt(4, 'a1');
        s.read(4, 'a1');
        s.told(4, ...others);
    }, {}],
    ['in doubt, and not stored', (s) => {
        s.sends('a2', 'four');
        s.dies();
    }, {}],
    ['in doubt, and stored', (s) => {
        s.sends('a2', 'four');
        s.dies();
        s.stores('four');
        for (const name of Object.keys(s.conns)) s.dial(name, 'cursor');
        s.told(4, ...Object.keys(s.conns));
    }, {}],
    ['refused, and not stored', (s) => {
        s.sends('a2', 'four');
        s.refuses('four');
    }, {}],
    ['in doubt, then refused, and a duplicate in the end', (s) => {
        s.sends('a2', 'four');
        s.dies();
        s.stores('four');
        for (const name of Object.keys(s.conns)) s.dial(name, 'cursor');
        s.sends('a2', 'four');
        s.refuses('four');
        s.sends('a2', 'four');
        s.answers('four', { duplicate: true });
        s.told(4, 'a1', 'b1', 'b2');
    }, {}],
    ['in doubt, then refused, and stored', (s) => {
        s.sends('a2', 'four');
        s.dies();
        s.stores('four');
        for (const name of Object.keys(s.conns)) s.dial(name, 'cursor');
        s.sends('a2', 'four');
        s.refuses('four');
        s.told(4, ...Object.keys(s.conns));
    }, {}],
    ['an answer behind a higher seq', (s) => {
        s.sends('a2', 'four');
        s.sends('b1', 'five');
        s.by = 'a2';
        s.stores('four');
        s.by = 'b1';
        s.stores('five');
        s.answers('five');
        s.answers('four');
        s.told(4, ...others);
        s.told(5, 'a1', 'a2', 'b2');
    }, {}],
    ['a mark in an answer that was asked for before it rose', (s) => {
        const { now } = s.history;
        s.send('a2', 'four');
        s.receipt(4, 'a1');
        s.lists(3, now);
    }, {}],
    ['a mark that one device hears of later', (s) => {
        s.send('a2', 'four');
        s.receipt(4, 'a1');
        s.again('a1');
        s.receipt(3, 'a1');
        s.receipt(4, 'a1');
    }, {}],

    ['acknowledged, and in no history', (s) => {
        s.send('a2', 'four');
        s.stored.pop();
    }, { lost: 1 }],
    ['acknowledged, and not in the history of one', (s) => {
        s.send('a2', 'four');
        return { seen: { B: s.stored.slice(0, 3) } };
    }, { lost: 1, gaps: 1 }],
    ['never told to a device of the recipient', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.told(4, 'a1', 'b1');
    }, { lost: 1 }],
    ['never told to another device of the sender', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.told(4, 'b1', 'b2');
    }, { lost: 1 }],
    ['stored, never acknowledged, never told', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.dies();
    }, { lost: 1 }],

    ['stored twice', (s) => {
        s.send('a2', 'four');
        s.stores('four');
        s.told(5, ...Object.keys(s.conns));
    }, { duplicated: 6 }], // each device, and both histories
    ['told twice on one connection', (s) => s.told(3, 'b1'), { duplicated: 1 }],
    ['two ids for one key', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.sends('a2', 'four');
        s.answers('four', { duplicate: true, id: 'c:9' });
        s.told(4, ...others);
    }, { duplicated: 1 }],
    ['two seqs for one key', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.sends('a2', 'four');
        s.answers('four', { duplicate: true, seq: 9 });
        s.told(4, ...others);
    }, { duplicated: 1 }],
    ['new twice', (s) => {
        s.send('a2', 'four');
        s.sends('a2', 'four');
        s.answers('four');
    }, { duplicated: 1 }],
    ['a duplicate of nothing', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four', { duplicate: true });
        s.told(4, ...others);
    }, { duplicated: 1 }],

    ['told what nobody sent', (s) => s.hear('b1', s.message('none', 'a1')), { unexpected: 1 }],
    ['stored what nobody sent', (s) => {
        s.by = 'a1';
        s.stores('none');
    }, { unexpected: 2 }], // in both histories
    ['told with another content', (s) => {
        s.again('b1');
        s.hear('b1', s.stored[2], { content: 'three contents' });
    }, { unexpected: 1 }],
    ['told what was sent by another', (s) => {
        s.again('b1');
        s.hear('b1', s.stored[2], { from: 'C' });
    }, { unexpected: 1 }],
    ['told of a key that is not its own', (s) => {
        s.again('b1');
        s.history.hears(s.conns.b1, 'message.new', s.stored[2]);
    }, { unexpected: 1 }],
    ['stored with another content', (s) => {
        const [one, two, three] = s.stored;
        return { seen: { A: [one, two, { ...three, content: 'x' }] } };
    }, { unexpected: 1, lost: 1 }],
    ['answered with another content', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four', { content: 'one content' });
        s.told(4, ...others);
    }, { unexpected: 1 }],
    ['a seq that is given to another', (s) => {
        s.send('a2', 'four');
        s.stored.pop();
        s.sends('a2', 'five');
        s.stores('five');
        s.answers('five');
    }, { unexpected: 3, lost: 2 }], // by its answer, and in both histories
    ['refused, and a duplicate when it is sent again', (s) => {
        s.sends('a2', 'four');
        s.refuses('four');
        s.stores('four');
        s.sends('a2', 'four');
        s.answers('four', { duplicate: true });
        s.told(4, 'a1', 'b1', 'b2');
    }, { unexpected: 1 }],
    ['refused, and stored', (s) => {
        s.sends('a2', 'four');
        s.refuses('four');
        s.stores('four');
        s.told(4, ...Object.keys(s.conns));
    }, { unexpected: 2 }], // in both histories

    ['a mark that is told before anybody has acknowledged', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.receipt(4, 'a1', 'a2');
        s.told(4, ...others);
    }, { unexpected: 1 }],
    ['a mark in a list, of what nobody has acknowledged', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.lists(4);
        s.told(4, ...others);
    }, { unexpected: 1 }],
    ['read, and nobody has said so', (s) => s.read(2, 'a1'), { unexpected: 1 }],

    ['told in another order', (s) => {
        s.again('b1');
        s.told(3, 'b1');
        s.told(2, 'b1');
    }, { reordered: 1 }],
    ['sent behind an ack, and stored before it', (s) => {
        s.sends('a2', 'four');
        s.stores('four', { seq: 5, id: 'c:5' });
        s.answers('four');
        s.sends('a2', 'five');
        s.stores('five', { seq: 4, id: 'c:4' });
        s.answers('five');
        s.stored.push(...s.stored.splice(3).reverse());
        s.told(4, ...others);
        s.told(5, ...others);
    }, { reordered: 1 }],
    ['sent behind what another device has heard, and stored before it', (s) => {
        s.sends('a2', 'four');
        s.stores('four', { seq: 5, id: 'c:5' });
        s.told(4, 'b2');
        s.sends('b1', 'five');
        s.stores('five', { seq: 4, id: 'c:4' });
        s.stored.push(...s.stored.splice(3).reverse());
        s.answers('four');
        s.answers('five');
        s.again('b2');
        s.told(4, 'a1', 'a2', 'b2');
        s.told(5, 'a1', 'b1');
    }, { reordered: 1, gaps: 1 }], // b2 has heard of 5 before there was a 4
    ['a history in another order', (s) => {
        const [one, two, three] = s.stored;
        return { seen: { A: [two, one, three] } };
    }, { reordered: 1 }],

    ['a seq that no history has', (s) => {
        s.stored.push({});
        s.send('a2', 'five');
        s.stored.splice(3, 1);
        return { last: 5 };
    }, { gaps: 5 }], // in both, and on each device but that which sent the next
    ['a history that is shorter than the list says', () => ({ last: 4 }), { gaps: 2 }],
    ['a history that is longer', () => ({ last: 2 }), { gaps: 2 }],
    ['told of the next before the one before', (s) => {
        s.sends('a2', 'four');
        s.stores('four');
        s.answers('four');
        s.send('a2', 'five');
        for (const name of others) s.again(name);
        s.told(4, ...others);
    }, { gaps: 3 }],

    ['a mark that goes back on a connection', (s) => s.receipt(2, 'a1'), { regressed: 1 }],
    ['a mark that goes back in a list', (s) => s.lists(2), { regressed: 1 }],
    ['a list that is behind the list before', (s) => {
        s.send('a2', 'four');
        s.lists(4);
        s.lists(3);
    }, { regressed: 1 }],
    ['a cursor that is not known any more', (s) => {
        s.history.ends(s.conns.b1);
        s.dial('b1', 'cursor', false);
    }, { regressed: 1 }],
];

const judged = TABLE.map(([name, act, wrong]) => ({
    name: `checker: ${name}`,
    run: async () => {
        const s = new Story();
        const { counts, examples } = s.check(act(s));
        const none = { lost: 0, duplicated: 0, unexpected: 0, reordered: 0, gaps: 0, regressed: 0 };
        same(counts, { ...none, ...wrong }, `counts (${examples.join('; ')})`);
    },
}));

/** A kill finds what has no answer; the next answer says whether it was stored. */
async function countsKills() {
    const s = new Story();
    const sends = (...keys) => keys.forEach((key) => s.sends('a2', key));
    sends('four', 'five', 'six');
    s.stores('four');
    s.dies();
    for (const name of Object.keys(s.conns)) s.dial(name, 'cursor');
    s.told(4, ...Object.keys(s.conns));
    sends('four', 'five', 'six');
    s.answers('four', { duplicate: true });
    s.stores('five');
    s.answers('five');
    s.dies();
    for (const name of Object.keys(s.conns)) s.dial(name, 'cursor');
    s.told(5, ...others);
    sends('six');
    s.stores('six');
    s.answers('six');
    s.told(6, ...others);
    const { kills, figures, counts } = s.check();
    same(Object.values(counts), Array(6).fill(0), 'counts');
    same(kills.map(({ found, stored }) => [found, stored]), [[1, 1], [3, 1], [1, 0]], 'kills');
    same(figures, {
        acknowledged: 6, duplicates: 2, askedAgain: 0, unknown: 5, refused: 0, told: 20,
    }, 'figures');
}

/** Where the store may be gone in the middle of a commit, what is new may be a duplicate. */
async function knowsWhoAsksAgain() {
    const s = new Story();
    s.sends('a2', 'four');
    s.stores('four');
    s.answers('four', { duplicate: true });
    s.told(4, 'a1', 'b1', 'b2');
    const { counts } = s.check();
    same(counts.duplicated, 1, 'duplicated');
    const { counts: none, figures } = check(s.history.entries, { mayAskAgain: true });
    same(none.duplicated, 0, 'duplicated');
    same(figures.askedAgain, 1, 'asked again');
}

/** The full run has a million entries. */
async function takesMany() {
    const s = new Story();
    for (const i of numbers(50000)) s.send('a2', `more${i}`);
    const { counts, figures } = s.check();
    same(Object.values(counts), Array(6).fill(0), 'counts');
    same(figures.acknowledged, 50003, 'acknowledged');
}

const rows = [
    ...judged,
    { name: 'checker: counts what kills have found', run: countsKills },
    { name: 'checker: knows that the server may ask again', run: knowsWhoAsksAgain },
    { name: 'checker: takes many', run: takesMany },
];
const runner = new Runner();
await runner.all(rows, async (row) => {
    const { wrong } = await runner.attempt(row, new Trial());
    runner.report(wrong ? 'failed' : 'passed', row.name, wrong);
}, 1);
process.exit(runner.close());
