/**
 * Judges a history, in the manner of Jepsen's total queue: each message is one of its kind by its
 * content, and was acknowledged, refused or left in doubt. It counts what must never be:
 *
 * lost        acknowledged and not in both final histories, or in one of them only; or stored,
 *             and a device of its wallets never got it
 * duplicated  stored twice, told twice on one connection, two ids or two seqs for one key, new
 *             twice, or a duplicate of nothing
 * unexpected  what nobody has sent so, two messages of one id, what was refused and is stored, or
 *             a mark of what its wallet has not acknowledged, or not read
 * reordered   a seq behind a higher one on one connection or in a history; or one that is not
 *             above all that anybody knew of before it was first sent
 * gaps        seqs that a final history lacks, or that a device lacked when it was told of a
 *             higher one
 * regressed   a mark below what was told before, or a cursor that is not known any more
 *
 * Devices have nothing at first, forget nothing, and are there before the first message.
 */
const KINDS = ['lost', 'duplicated', 'unexpected', 'reordered', 'gaps', 'regressed'];
const SHOWN = 20; // examples

const talkOf = (from, to) => (from < to ? `${from} ${to}` : `${to} ${from}`);

/** What a map has, or is given now. */
function at(map, key, make) {
    if (!map.has(key)) map.set(key, make());
    return map.get(key);
}

class Checker {
    mayAskAgain = false; // its store may be gone in the middle of a commit
    counts = Object.fromEntries(KINDS.map((kind) => [kind, 0]));
    examples = [];
    figures = { acknowledged: 0, duplicates: 0, askedAgain: 0, unknown: 0, refused: 0, told: 0 };
    kills = [];            // each: how many sends it has found, and how many of them stored
    #sends = new Map();    // by content
    #attempts = new Map(); // that were not answered yet: { send, device }
    #ids = new Map();      // id -> send
    #tops = new Map();     // by talk: the highest seq that anybody knows of
    #devices = new Map();  // by name: { wallet, held: by conversation, { upto, seqs } }
    #conns = new Map();    // that are not over
    #taken = new Map();    // "conversation by": { acked: seqs, read, marked: as far as any mark }
    #early = [];           // [id, by]: marked, and not acknowledged before
    #told = new Map();     // "conversation by mark": [time, seq] of each time that it rose

    wrong(kind, what) {
        this.counts[kind]++;
        if (this.examples.length < SHOWN) this.examples.push(`${kind}: ${what}`);
    }

    finish() {
        const devices = new Map();
        for (const device of this.#devices.values())
            at(devices, device.wallet, () => []).push(device);
        for (const send of this.#sends.values())
            this.#finish(send, [send.from, send.to].flatMap((wallet) => devices.get(wallet) ?? []));
        for (const [id, by] of this.#early)
            if (this.#ids.get(id)?.from !== by) // its own needs no acknowledgement
                this.wrong('unexpected', `${by} is said to have ${id}, and has not said so`);
    }

    #finish(send, devices) {
        const { id, seq, key, floor, storedFor } = send;
        if (seq <= floor) this.wrong('reordered', `${key}: ${id}, and ${floor} was known before`);
        if (!send.isAcked && !storedFor.size) return;
        const has = ({ held }) => held.get(send.conversation)?.seqs.has(seq);
        if (storedFor.size < 2)
            this.wrong('lost', `${key}: ${id} is in ${storedFor.size} histories`);
        else if (!devices.every(has))
            this.wrong('lost', `${key}: ${id} never came to ${devices.find((d) => !has(d)).name}`);
    }

    // Connections, and what is heard on them.

    dial({ device: name, wallet, cursor }, conn) {
        const device = at(this.#devices, name, () => ({ name, wallet, held: new Map() }));
        this.#conns.set(conn, { device, cursor, heard: new Map(), marks: new Map() });
    }

    end({ conn }) {
        this.#conns.delete(conn);
    }

    ready({ conn, isRecovered }) {
        const { cursor, device } = this.#conns.get(conn);
        if (isRecovered !== (cursor !== undefined))
            this.wrong('regressed', `${device.name}: recovered ${isRecovered} from ${cursor}`);
    }

    new({ conn, ...message }) {
        const { device, heard } = this.#conns.get(conn);
        const { conversation, seq, id } = message;
        const before = at(heard, conversation, () => ({ last: 0, seqs: new Set() }));
        if (before.seqs.has(seq)) this.wrong('duplicated', `${device.name} was told ${id} twice`);
        else if (seq < before.last)
            this.wrong('reordered', `${device.name} was told ${id} behind ${before.last}`);
        before.seqs.add(seq);
        before.last = Math.max(seq, before.last);
        this.figures.told++;
        this.#sendOf(message, device.wallet);
        this.#hold(device, message, true);
    }

    /** @param isNext  it should have all before it by now */
    #hold(device, { conversation, seq, from, to }, isNext) {
        const talk = talkOf(from, to);
        this.#tops.set(talk, Math.max(seq, this.#tops.get(talk) ?? 0));
        const held = at(device.held, conversation, () => ({ upto: 0, seqs: new Set() }));
        held.seqs.add(seq);
        if (!isNext) return;
        for (; held.upto < seq; held.upto++)
            if (!held.seqs.has(held.upto + 1))
                this.wrong('gaps', `${device.name} had no ${held.upto + 1} before ${seq}`);
    }

    /** @return the send that the message is, as the wallet sees it, or undefined */
    #sendOf(message, wallet) {
        const { id, conversation, seq, from, to, content, key } = message;
        const send = this.#sends.get(content);
        if (!send || from !== send.from || to !== send.to ||
            key !== (wallet === from ? send.key : undefined)) {
            this.wrong('unexpected', `${id} "${content}" by ${from} to ${to} under ${key}`);
            return undefined;
        }
        if (at(this.#ids, id, () => send) !== send) {
            this.wrong('unexpected', `${id} is ${send.key} and ${this.#ids.get(id).key}`);
            return undefined;
        }
        if (!send.id) Object.assign(send, { id, conversation, seq });
        if (send.id === id && send.seq === seq) return send;
        this.wrong('duplicated', `${send.key} is ${send.id}, seq ${send.seq}, and ${id}, ${seq}`);
        return undefined;
    }

    receipt({ conn, conversation, by, mark, seq }, when) {
        const { device, marks } = this.#conns.get(conn);
        const which = `${conversation} ${by} ${mark}`;
        const before = marks.get(which) ?? 0;
        if (seq < before)
            this.wrong('regressed', `${device.name} was told ${which} ${seq} behind ${before}`);
        marks.set(which, Math.max(seq, before));
        this.#tell(which, when, seq);
        this.#isSaid(conversation, by, mark, seq);
    }

    #takenBy(by, conversation) {
        return at(this.#taken, `${conversation} ${by}`, () =>
            ({ acked: new Set(), read: 0, marked: 0 }));
    }

    ack({ conn, conversation, seq }) {
        this.#takenBy(this.#conns.get(conn).device.wallet, conversation).acked.add(seq);
    }

    read({ conn, conversation, seq }) {
        const taken = this.#takenBy(this.#conns.get(conn).device.wallet, conversation);
        taken.read = Math.max(seq, taken.read);
    }

    /** Its wallet has acknowledged all of it by now, or read it. */
    #isSaid(conversation, by, mark, seq) {
        const taken = this.#takenBy(by, conversation);
        if (mark === 'read' && seq > taken.read)
            this.wrong('unexpected', `${by} is said to have read ${conversation}:${seq}`);
        for (; taken.marked < seq; taken.marked++) {
            const next = taken.marked + 1;
            if (next > taken.read && !taken.acked.has(next))
                this.#early.push([`${conversation}:${next}`, by]);
        }
    }

    #tell(which, when, seq) {
        const told = at(this.#told, which, () => [[-1, 0]]);
        if (seq > told.at(-1)[1]) told.push([when, seq]);
    }

    /** An answer knows at least what anybody was told before it was asked for. */
    marks({ asked, conversation, by, delivered, read }, when) {
        for (const [mark, seq] of Object.entries({ delivered, read })) {
            const which = `${conversation} ${by} ${mark}`;
            const [, least] = this.#told.get(which)?.findLast(([time]) => time < asked) ?? [0, 0];
            if (seq < least) this.wrong('regressed', `${which} is ${seq}, and was ${least}`);
            this.#tell(which, when, seq);
            this.#isSaid(conversation, by, mark, seq);
        }
    }

    // What is sent, and what came of it.

    send({ conn, key, from, to, content }, attempt) {
        const send = at(this.#sends, content, () => ({
            key, from, to, content, floor: this.#tops.get(talkOf(from, to)) ?? 0, asked: 0,
            storedFor: new Set(),
        }));
        send.asked++;
        this.#attempts.set(attempt, { send, device: this.#conns.get(conn).device });
    }

    #answered(attempt) {
        const asked = this.#attempts.get(attempt);
        this.#attempts.delete(attempt);
        return asked;
    }

    ok({ attempt, isDuplicate, ...message }) {
        const { send, device } = this.#answered(attempt);
        const { key, asked, isNew, isAcked } = send;
        if (message.content !== send.content)
            this.wrong('unexpected', `${key} was answered with "${message.content}"`);
        else this.#sendOf(message, device.wallet);
        this.#hold(device, message, false);
        if (isDuplicate && asked === 1) this.#isOfNothing(key);
        if (!isDuplicate && isNew) this.wrong('duplicated', `${key} was new twice`);
        if (isDuplicate && send.refused && !send.isUnknown && !isAcked)
            this.wrong('unexpected', `${key} was ${send.refused}, and had been stored`);
        if (!isAcked) this.figures.acknowledged++;
        if (isDuplicate) this.figures.duplicates++;
        if (isDuplicate && send.foundBy) send.foundBy.stored++;
        Object.assign(send, { isAcked: true, isNew: isNew || !isDuplicate, foundBy: undefined,
            refused: undefined });
    }

    /** Unless the server itself has sent it to the store again, not knowing what was stored. */
    #isOfNothing(key) {
        if (this.mayAskAgain) this.figures.askedAgain++;
        else this.wrong('duplicated', `${key}, which was new`);
    }

    /** It is not stored, unless by an attempt before it. */
    refused({ attempt, code }) {
        const { send } = this.#answered(attempt);
        this.figures.refused++;
        send.foundBy = undefined;
        if (!send.isUnknown) send.refused = code;
    }

    unknown({ attempt }) {
        this.#answered(attempt).send.isUnknown = true;
        this.figures.unknown++;
    }

    /** What it has found stored, the answer to the next attempt says. */
    kill() {
        const sends = new Set([...this.#attempts.values()].map(({ send }) => send));
        const kill = { found: sends.size, stored: 0 };
        for (const send of sends) send.foundBy = kill;
        this.kills.push(kill);
    }

    // At the end.

    final({ wallet, conversation, last, messages }) {
        const seqs = new Set();
        let before = 0;
        for (const message of messages) {
            const { id, seq } = message;
            if (seq <= before) this.wrong('reordered', `${id} is behind ${before} in history`);
            before = seq;
            seqs.add(seq);
            this.#isStored(this.#sendOf(message, wallet), wallet);
        }
        for (let seq = 1; seq <= Math.max(last, before); seq++)
            if (!seqs.has(seq) || seq > last)
                this.wrong('gaps', `${conversation} has no ${seq} of ${last}`);
    }

    #isStored(send, wallet) {
        if (!send) return;
        if (send.storedFor.has(wallet)) this.wrong('duplicated', `${send.key} is stored twice`);
        if (send.refused)
            this.wrong('unexpected', `${send.key} was ${send.refused}, and is stored`);
        send.storedFor.add(wallet);
    }
}

/**
 * @param entries  of a History
 * @param how      mayAskAgain: the store may be gone in the middle of a commit and come back
 * @return counts of what is wrong, examples of it, figures of what there was, and each kill:
 *         how many sends it found without an answer, and how many of them were stored
 */
export function check(entries, how) {
    const checker = Object.assign(new Checker(), how);
    for (const [when, entry] of entries.entries()) checker[entry.what](entry, when);
    checker.finish();
    const { counts, examples, figures, kills } = checker;
    return { counts, examples, figures, kills };
}
