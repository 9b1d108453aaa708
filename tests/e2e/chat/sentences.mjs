/**
 * Which row shows that a sentence of docs/protocol.md is true: each sentence of the parts below
 * must be here, with rows that have run. A part is a section (##) or a paragraph that begins
 * with bold letters. Of a sentence the beginning and the end will do, with " ... " between; a
 * row is named without its transport, as "devices: goes on from a cursor". Of rows that are about
 * one store alone the others do.
 *
 * What the project's design says beyond the page, and what came of it:
 *   - A cursor older than retention: nothing is removed yet, so that there is none.
 *   - Kicked, and what is over when the store is away for 30 s: `kicked` is reserved; the 503 is
 *     tested with a store that fails (test_server_health.c, test_eio_server.c).
 *   - A cursor from before a restore is known as such once the epoch is a new one, to which
 *     `parley restore` sees, and with PostgreSQL the operator (docs/operations.md); before that,
 *     only beyond the end of the backup.
 */
import { pageOf } from './pasted.mjs';

const REFUSED = ['tokens: refuses no token', 'tokens: refuses garbage',
    'tokens: refuses a past exp (hs)', 'sessions: ends one session, by its access token'];

const PARTS = {
    '## Connecting': [
        ['`auth: {token, cursor?}` ... never in a URL.', 'tokens: accepts hs',
            'tokens: takes a token from the Authorization header',
            'tokens: takes no token from the URL', 'devices: goes on from a cursor'],
        ['The namespace is `/`.', 'resume: knows no other namespace'],
        ['The token is a JWT: ... *Tokens*).', 'sign in: is that wallet (Ethereum)',
            'tokens: accepts what `parley token` makes', 'tokens: accepts jwks-es256'],
        ['A client that is accepted gets, in this order ... with unread messages.',
            'resume: answers nothing before it is ready',
            'tokens: says ready, field by field', 'history: counts what is unread',
            'resume: says ready first and synced once, while messages come'],
        ['`message.new` for what it missed. ... oldest first.',
            'delivery: keeps messages for who is away',
            'delivery: keeps the order of several senders'],
        ['With one, it is everything undelivered, ... accepted and blocked.',
            'devices: goes on from a cursor', 'contacts: a change is part of a resume',
            'contacts: receipts that have waited are part of a resume',
            'resume: sends what is undelivered and what came since in one order'],
        ['`synced {cursor}`. From here on events come as they happen.',
            'resume: says ready first and synced once, while messages come'],
        ['`message.new`, `message.delivered`, ... at most 64 characters.',
            'resume: gives a cursor to what is to be kept'],
        ['Keep the latest, *after* you have kept the event.',
            'resume: goes on from each cursor in turn',
            'devices: skips nothing when a socket breaks off again and again'],
        ['A cursor belongs to one account ... as without one.',
            'devices: refuses cursors that are not its own',
            'devices: refuses a cursor of another store',
            'resume: refuses cursors from before a restore'],
        ['Who gave one and gets that forgets ... may give the ids of what was lost again.',
            'resume: refuses cursors from before a restore'],
        ['A cursor is a place to start from, never a receipt.',
            'resume: takes a cursor for no receipt'],
        ['**Resume may repeat, never skip**: drop what you have, by `id`.',
            'resume: goes on from each cursor in turn',
            'devices: skips nothing when a socket breaks off again and again'],
        ['A new device reads what others had with `message.history`.',
            'resume: tells a new device nothing that others had'],
        ['A device that is gone without a word, ... (45 s).',
            'broken: finds a device that is gone without a word'],
        ['What is sent to it meanwhile ... other devices.',
            'broken: finds a device that is gone without a word',
            'broken: gives all to a device that comes back from the dead'],

        ['what happens | how it shows | the stock client'],
        ['token missing, invalid, expired or revoked | ... then `socket.connect()`',
            ...REFUSED, 'tokens: comes back with another token'],
        ["an issuer's keys can't be fetched, ... reconnects by itself",
            'idp: lets clients in once an issuer is back'],
        ['page of another origin, over a WebSocket | ... | stops', 'origins: refuses other pages'],
        ['page of another origin, polling | ... `socket.disconnect()`',
            'origins: refuses other pages'],
        ['the server is going down | ... reconnects by itself',
            'broken: tells who comes while it goes down when to come again',
            'life: lets clients come back'],
        ['the store is out of reach | ... | stays',
            'storage: says when it is full, and goes on when there is room',
            'postgres: says when it is away, and goes on when it is back'],
        ['the token expires on a live connection ... brings a new token',
            'tokens: ends a socket whose token expires',
            'sessions: ends a socket whose access token expires'],
        ['the session was ended: ... | stops', 'sessions: ends one session, by its access token',
            'sessions: ends what was stolen', 'revoke: ends a session alone'],
        ['the client asks for much and takes nothing for 10 s | ... | reconnects',
            'raw: ends who asks and does not read'],
        ['more sockets than a wallet may have | ... | that one stops',
            'limits: ends the socket of a wallet that is silent longest'],
        ['more sockets than an IP address may have | ... | stops',
            'limits: limits the sockets of an address'],

        ['A token of a key that your application has just begun ... at most.',
            'idp: refuses nobody while an issuer changes its key'],
        ['**Before its token expires** a client is told: ... of its time).',
            'sessions: ends a socket whose access token expires'],
        ['It answers with `auth.refresh {token}`, ... from then on.',
            'sessions: goes on with another token', 'sessions: refuses to go on with a token ' +
            'that is no good', 'sessions: belongs to the session of its token'],
        ["(`login_unavailable`: the token can't be checked ... the old one ends.)",
            'idp: says that it cannot tell'],
        ['Or it does nothing, ... if `auth` is a function:',
            'sessions: ends a socket whose access token expires'],
    ],
    '**Status**': [
        ['**Status** goes `undelivered` (stored), ... never backwards.',
            'messages: sends, acknowledges, tells, delivers and reads, field by field',
            'delivery: moves at once when it is told so'],
        ['The acknowledgement of a `message.new` ... the read receipt.',
            'messages: sends, acknowledges, tells, delivers and reads, field by field'],
    ],
    '**What moves `delivered`.**': [
        ['**What moves `delivered`.** An acknowledgement counts for that message only.',
            'delivery: moves over what is acknowledged, in any order'],
        ["An account's mark moves to *n* when ... in any order.",
            'delivery: moves over what is acknowledged, in any order',
            'devices: counts acknowledgements of each socket for itself',
            'listeners: may acknowledge from the last to the first'],
        ["Acknowledging one's own message makes room and moves nothing.",
            "delivery: moves nothing for one's own messages",
            'listeners: have room again for what they have acknowledged of their own'],
        ['`message.delivered` and `message.read` move a mark at once: ... change nothing.',
            'delivery: moves at once when it is told so'],
        ['A read message is a delivered one.', 'delivery: moves at once when it is told so'],
        ['What was acknowledged on a socket that is gone ... the mark.',
            'listeners: count as far as their own socket goes'],
    ],
    '**Acknowledge everything.**': [
        ['**Acknowledge everything.** At most 256 messages ... waits in the store.',
            'delivery: keeps a window of 256 messages', 'delivery: keeps a window of a megabyte'],
        ['A client that has acknowledged nothing for 30 s ... `not_acknowledging`.',
            'delivery: slow: warns who never acknowledges',
            'listeners: slow: are not warned where they acknowledge, or have nothing'],
        ['It goes on getting messages ... the next time.',
            'delivery: slow: warns who never acknowledges',
            'listeners: send again to who never acknowledges'],
    ],
    '**If your listener throws before it acknowledges**': [
        ['**If your listener throws before it acknowledges**, ... behind it.',
            'listeners: that throw leave the mark before what they threw for'],
        ['The mark stays before the one that threw: ... over it.',
            'listeners: that throw leave the mark before what they threw for'],
        ['(In a page the exception ... that nobody catches.)',
            'listeners: that throw leave the mark before what they threw for',
            'listeners: that throw end a program, and it comes again'],
        ["If it throws each time, the peer's messages pile up until `mailbox_full`.",
            'limits: keeps 20 of an accepted wallet', 'limits: keeps 5 of a stranger'],
        ["So keep a message first, ... what you can't show, too."], // advice
    ],
    '**Exactly once, and in order**': [
        ['**Exactly once, and in order**, with what the stock client has for it:',
            'broken: stores once what is sent as docs/protocol.md has it'],
    ],
    '**Stubs.**': [
        ['**Stubs.** A message that the reader may not have ... nor `client_msg_id`.',
            'contacts: what the blocked send is withheld for ever'],
    ],
    '## Accepting and blocking': [
        ['**Accepted.** A wallet has accepted a peer once ... `conversation.accept`.',
            'contacts: one accepts by asking, and by writing'],
        ['(Your own message tells ... `conversation.changed`.)',
            "contacts: a change is told to one's own devices",
            'devices: tells each device, and the sender once'],
        ['Anybody can write to anybody, but who was not accepted has less room:',
            'limits: keeps 5 of a stranger'],
        ['undelivered messages | of a peer that the owner has accepted | of any other'],
        ['of one sender | ... or 4 MiB', 'limits: keeps 20 of an accepted wallet',
            'limits: keeps 5 of a stranger', 'contacts: bytes count, too'],
        ['of all senders together | ... of these', 'contacts: a mailbox keeps room for friends'],
        ['The next message is `mailbox_full`: ... before a friend does.',
            'contacts: a mailbox keeps room for friends'],
        ['The operator may set these ... with that.',
            'contacts: receipts wait for acceptance, where the operator says so'],

        ['**Blocked.** `conversation.block` keeps a peer away ... never written:',
            'contacts: who has never written can be accepted and blocked'],
        ['What it sends is stored, ... after an unblock.',
            'contacts: what the blocked send is withheld for ever'],
        ['What it had sent ... with the block.',
            'contacts: a block withholds what was not delivered'],
        ['It gets no receipts from you.', 'contacts: the blocked get no receipts'],
        ['It meets `mailbox_full` as if you were offline.',
            'contacts: the blocked meet the limit of the offline',
            'contacts: what is withheld is in no mailbox'],
        ["You can't write to it: `forbidden`.",
            'contacts: nobody can write to whom they have blocked'],
        ['Nothing tells a wallet that it was blocked.',
            'contacts: what the blocked send is withheld for ever',
            "contacts: a change is told to one's own devices",
            'contacts: the blocked meet the limit of the offline',
            'contacts: the blocked get no receipts', 'live: hides both behind a block'],
        ['After `conversation.unblock` ... as before;',
            'contacts: what the blocked send is withheld for ever'],
        ['your mark passes over the stubs, ... read meanwhile.',
            'contacts: what the blocked send is withheld for ever',
            'contacts: the blocked get no receipts'],
        ['Blocking and unblocking leave `accepted` ... no event tells of it.',
            "contacts: a change is told to one's own devices"],
    ],
    '## Typing and presence': [
        ['What is only of this moment: ... blocks the other.',
            'live: waits until both have accepted', 'live: hides both behind a block'],
        ['Who may not know gets the same answers ... about a block.',
            'live: waits until both have accepted', 'live: hides both behind a block'],
        ['**Typing.** Send `typing.start` ... when it ends.', 'live: tells who is typing'],
        ["The peer's sockets get `typing.start` each time, ... the last start.",
            'live: tells who is typing', 'live: ends typing by itself',
            'live: ends typing with the message'],
        ['So a page that was closed in the middle needs no care.',
            'live: ends typing by itself'],
        ['A client should forget a typing ... lost on the way.'], // advice
        ['**Presence.** `presence.watch` answers ... after each connect.',
            'live: tells who comes and goes', 'live: tells nobody who does not watch'],
        ['A socket watches at most 200 wallets ... does not count.', 'live: watches 200 and no more'],
        ['A wallet is online while ... go and come.',
            'live: does not say that who comes back was away',
            'live: does not say that one is away who has another device',
            'live: tells who comes and goes'],
        ["`last_seen` is the time ... may not know.",
            'live: remembers who was seen over a restart', 'live: tells who comes and goes',
            'live: hides both behind a block'],
        ['Watching a wallet before ... as offline.', 'live: waits until both have accepted',
            'live: hides both behind a block'],
        ['A socket that reads too slowly ... each change.'], // test_api_live.c
    ],
    '## Media': [
        ["A picture, or any other file, ... the chat's own connection.",
            'media: carries an image, field by field'],
        ['**Announcing.** `upload.create` takes', 'media: refuses what is no announcement'],
        ['member | is'],
        ['`name` | for people: ... U+2069)', 'media: refuses what is no announcement',
            'media: carries any name'],
        ["`mime` | the file's type, ... values without quotes",
            'media: refuses what is no announcement'],
        ['`size` | its bytes, ... of some types it may be less.', 'media: limits sizes by kind'],
        ['Where that is missing, ... `unsupported_type`',
            'media: takes no files where it must not'],
        ['`sha256` | its SHA-256 ... where it can', 'media here: checks the sum that was announced'],
        ['Too many bytes are `too_large`, ... where waiting helps.',
            'media: limits sizes by kind', 'media: keeps to the quota'],
        ['So are too many announced uploads ... when they were.',
            'media: limits uploads that wait'],

        ['**Putting.** `url` takes the file until ... exactly `size` bytes.',
            'media: tolerates no other upload than was signed', 'media: gives links that expire'],
        ['Put it once: 412 ... an answer that was lost.', 'media here: takes each file once'],
        ['(An object store ... until it was sent.)', 'media: keeps a file as it was taken'],
        ['Whoever knows the URL can put the file: keep it to yourself.',
            'media: carries an image, field by field'],

        ['**Sending.** The content of `image`, ... whatever else the application adds.',
            'media: carries an image, field by field', 'media: refuses what is no content',
            'media: sends a file as the pages have it'],
        ["`upload` is the id ... as often as it likes.", 'media: sends one upload several times'],
        ['`width` and `height` are whole numbers ... at most 10 000 000.',
            'media: refuses what is no content'],
        ["`mime`, `size` and `expires_at` are the server's to say: ... `bad_request`.",
            'media: refuses what is no content'],
        ['Those of these members that are `null` are left out.', 'media: leaves out what is null'],
        ['The server looks at the file now.',
            'media: refuses uploads that are not there, or of others'],
        ['If it is not there, `upload_missing`; ... `upload_rejected`.',
            'media: refuses uploads that are not there, or of others',
            'media: refuses files of another type than the message',
            "media: checks files by the operator's program"],
        ['From here on nobody can change it, not even the sender.',
            'media: keeps a file as it was taken'],
        ['While it looks, later messages ... nothing is stored.',
            'media: keeps the order behind a file', 'media: waits for a check as long as it may'],
        ['Send it again, it is looked at meanwhile.', 'media: waits for a check as long as it may'],
        ['A repeat of what is stored ... of the upload since.',
            'media: knows a duplicate whose upload is gone'],
        ["`url` in place of `upload` ... then it is that upload.",
            'media: takes the URL of an upload for its id',
            'media: knows a duplicate, however the upload is named'],
        ["Or it begins with a URL ... neither fetches nor checks it.",
            'media: takes files of others where it may'],

        ['**Receiving.** Contents with an `upload` ... until `expires_at`.',
            'media: carries an image, field by field', 'media: calls a file as its sender does'],
        ['It is made anew each time ... that one has.', 'media: gives fresh links'],
        ['Both sides of a conversation ... while it is good.', 'media: is of the two sides alone',
            'media: gives links that expire'],
        ['Do not keep it: keep the message.'], // advice
        ['`not_found` is said for a message without a file, ... not there.',
            'media: gives fresh links', 'media: gives the blocker no link'],
        ['Of a file of another site `expires_at` is `null`.',
            'media: takes files of others where it may'],
    ],
    '**Room to grow.**': [
        ['**Room to grow.** Acknowledge, count and keep a message whose `type` ... do not know.',
            'contents: counts a type that nobody knows as a message',
            'contents: ignores what it does not know',
            'resume: ignores more than it knows in auth'],
        ['Types without `x-` belong to the server.', 'contents: refuses types',
            'contents: keeps every JSON value of the application'],
    ],
};

/** The outcome of a row that is about what this run has not: a store, say. */
export const LEFT_OUT = 'left out';

const plain = (text) => text.replace(/\s+/g, ' ').trim();

/** Without its code, which rows of its own run. */
function partOf(page, name) {
    const from = page.indexOf(`\n${name}`);
    if (from < 0) return undefined;
    const end = page.indexOf(name.startsWith('#') ? '\n## ' : '\n\n', from + name.length);
    return page.slice(from, end).replace(/^```.*?^```$/gms, '').replace(/^## .*$/m, '');
}

/** @return the text without the sentence; undefined where it is not there */
function without(text, sentence) {
    const [begin, end = ''] = sentence.split(' ... ');
    const from = text.indexOf(begin);
    const to = text.indexOf(end, from + begin.length);
    if (from < 0 || to < 0) return undefined;
    return `${text.slice(0, from)}\n${text.slice(to + end.length)}`; // no sentence spans that
}

/** What is not letters is lists and tables. */
const isRest = (text) => /[A-Za-z]/.test(text);

/** What is wrong with the rows that a sentence has. @return their names */
function badOnes(rows, byName) {
    const ran = rows.filter((row) => !byName.get(row)?.every((one) => one === LEFT_OUT));
    if (rows.length && !ran.length) return rows;
    const isGood = (one) => one === 'passed' || one === LEFT_OUT; // over one transport, perhaps
    return ran.filter((row) => !byName.get(row)?.every(isGood));
}

/**
 * @param outcomes  of all rows, by name: 'passed', 'failed', 'skipped' or LEFT_OUT
 * @return of each sentence, and of what has none: [verdict, name, why]
 */
export function sentences(outcomes) {
    const page = pageOf('docs/protocol.md');
    const byName = new Map();
    for (const [name, outcome] of outcomes) {
        const short = name.replace(/^([^:]+)\/[a-z]+: /, '$1: ');
        byName.set(short, [...(byName.get(short) ?? []), outcome]);
    }
    const found = [];
    for (const [name, table] of Object.entries(PARTS)) {
        let text = plain(partOf(page, name) ?? '');
        for (const [sentence, ...rows] of table) {
            const rest = without(text, sentence);
            const bad = badOnes(rows, byName);
            const why = rest === undefined ? 'it is not on the page'
                : bad.map((row) => `"${row}" ${byName.get(row) ?? 'is no row'}`).join(', ');
            const isSkipped = rest !== undefined && bad.every((row) =>
                byName.get(row)?.every((one) => one === 'passed' || one === 'skipped'));
            found.push([why ? (isSkipped ? 'skipped' : 'failed') : 'passed',
                `sentence: ${sentence}`, why]);
            text = rest ?? text;
        }
        const left = text.split('\n').filter(isRest).join(' … ');
        found.push([left ? 'failed' : 'passed', `sentences: all of ${name}`,
            left && `no row is named for: ${left}`]);
    }
    return found;
}
