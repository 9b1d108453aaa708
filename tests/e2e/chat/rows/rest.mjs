/** Without a socket: the same requests over HTTP, and what sockets are told of them. */
import { between, match, same } from '../../lib.mjs';
import { Wire, request } from '../../wire.mjs';
import { Bot, at } from '../bot.mjs';
import { areInOrder, asPeer, isMessage, isReceipt, numbers, seqs } from '../expect.mjs';
import { joinSynced } from '../peer.mjs';
import { evmWallet } from '../signer.mjs';
import { bearer, call, denied, isRevoked, logout, signIn } from '../site.mjs';
import { ZERO, badChecksum, wallet } from '../wallet.mjs';

const text = (content, more) => ({ type: 'text', content, ...more });
const messagesOf = (peer, query = '') => at(peer, `/messages${query}`);

// Messages and receipts.

/** To both sides, all devices of the sender included: no socket of its own has the answer. */
async function reachesAllSockets(t) {
    const bot = await Bot.make(t);
    const [own, other] = await Promise.all([0, 1].map(() => joinSynced(t, bot.address)));
    const b = await joinSynced(t);
    const sent = await bot.send(b.address, 'hello', { client_msg_id: 'k' });
    const one = { seq: 1, from: bot.address, to: b.address, type: 'text', content: 'hello' };
    const status = 'undelivered';
    isMessage(sent, { ...one, peer: b.address, client_msg_id: 'k', status });
    isMessage(await b.take('message.new'), { ...one, peer: bot.address, status }, true);
    for (const peer of [own, other]) {
        const told = await peer.take('message.new');
        isMessage(told, { ...one, peer: b.address, client_msg_id: 'k', status }, true);
        same(told.id, sent.id, 'id');
        same((await peer.take('message.delivered')).seq, 1, 'delivered');
    }
    const { messages } = await bot.ok(messagesOf(b.address));
    same(messages, [{ ...sent, status: 'delivered' }], 'history');
    for (const peer of [own, other, b]) await peer.heardNo('message.new');
}

async function hearsFromSockets(t) {
    const bot = await Bot.make(t);
    const a = await joinSynced(t);
    const sent = await a.send(bot.address, 'hi', { client_msg_id: 'k' });
    const { messages, ...rest } = await bot.ok(messagesOf(a.address));
    same(messages, [asPeer(sent, bot.address)], 'messages');
    same(rest, { has_more: false, first_seq: 1 }, 'beside them');
    const back = await bot.send(a.address, 'hi yourself', { reply_to: 1 });
    same((await a.take('message.new')).reply_to, 1, 'reply_to');
    same(back.seq, 2, 'seq');
}

async function sendsOnce(t) {
    const bot = await Bot.make(t);
    const [a, b] = [await joinSynced(t, bot.address), await joinSynced(t)];
    const first = await bot.send(b.address, 'one', { client_msg_id: 'k' });
    await b.take('message.new');
    const again = await bot.post(messagesOf(b.address), text('one', { client_msg_id: 'k' }));
    same([again.status, again.answer.duplicate, again.answer.message.id], [200, true, first.id],
        'again');
    const socket = await a.ok('message.send', { to: b.address, ...text('one'),
        client_msg_id: 'k' });
    same([socket.duplicate, socket.message.id], [true, first.id], 'by a socket');
    await bot.refused(messagesOf(b.address), text('two', { client_msg_id: 'k' }), 'conflict',
        { field: 'client_msg_id' });
    await a.refused('message.send', { to: b.address, ...text('two'), client_msg_id: 'k' },
        'conflict', { field: 'client_msg_id' });
    await b.heardNo('message.new');
}

/** Many at once, some of them twice: each is stored once, and the seqs have no gap. */
async function sendsManyAtOnce(t) {
    const bot = await Bot.make(t);
    const b = await joinSynced(t);
    const send = (i) => bot.post(messagesOf(b.address),
        text(`${i % 6}`, { client_msg_id: `k${i % 6}` }));
    const sent = await Promise.all(numbers(12).map(send));
    same(sent.filter(({ status }) => status === 201).length, 6, 'new ones');
    same(sent.filter(({ status }) => status === 200).length, 6, 'duplicates');
    areInOrder(seqs(await b.takeAll('message.new', 6)), 1, 6);
    await b.heardNo('message.new');
}

async function movesMarks(t) {
    const bot = await Bot.make(t);
    const a = await joinSynced(t);
    for (const i of numbers(3)) await a.send(bot.address, `${i}`);
    const own = await joinSynced(t, bot.address, { acking: false });
    await own.takeAll('message.new', 3);
    const move = (what, seq) => bot.ok(at(a.address, `/${what}`), { seq });
    same(await move('delivered', 2), { seq: 2 }, 'delivered');
    for (const [who, peer] of [[a, bot.address], [own, a.address]]) {
        const { conversation, ...receipt } = await who.take('message.delivered');
        isReceipt(receipt, { peer, seq: 2, by: bot.address });
        match(conversation, /^[0-9a-f]{16}$/, 'conversation');
    }
    same(await move('read', 1), { seq: 1 }, 'read');
    for (const who of [a, own]) same((await who.take('message.read')).seq, 1, 'read');
    same(await move('delivered', 1), { seq: 2 }, 'it never goes back');
    same(await move('read', 3), { seq: 3 }, 'read');
    for (const who of [a, own]) same((await who.take('message.delivered')).seq, 3, 'delivered');
    await bot.refused(at(a.address, '/read'), { seq: 4 }, 'bad_request', { field: 'seq' });
}

// Pages.

async function pagesThroughHistory(t) {
    const bot = await Bot.make(t);
    const b = await joinSynced(t);
    for (const i of numbers(25)) await bot.send(b.address, `${i}`);
    const { messages: [{ conversation }] } = await bot.ok(messagesOf(b.address, '?limit=1'));
    const rows = [
        ['', numbers(25), false],
        ['?limit=10', numbers(10, 16), true],
        ['?limit=10&before=16', numbers(10, 6), true],
        ['?limit=10&before=6', numbers(5), false],
        ['?after=20', numbers(5, 21), false],
        ['?after=20&limit=2', [21, 22], true],
        ['?after=10&before=14', [11, 12, 13], false],
        ['?after=25&nobody=knows', [], false],
    ];
    for (const peer of [b.address, b.address.toLowerCase(), `eip155:1:${b.address}`, conversation])
        for (const [query, want, hasMore] of rows) {
            const page = await bot.ok(messagesOf(peer, query));
            same([seqs(page.messages), page.has_more], [want, hasMore], `${peer} ${query}`);
        }
    const twin = await (await joinSynced(t, bot.address)).ok('message.history',
        { peer: b.address, limit: 7 });
    same(await bot.ok(messagesOf(b.address, '?limit=7')), twin, 'as by a socket');
}

async function pagesThroughConversations(t) {
    const bot = await Bot.make(t);
    const peers = numbers(7).map(() => wallet());
    same(await bot.ok('/v1/conversations'), { conversations: [] }, 'none');
    for (const peer of peers) await bot.send(peer, 'x');
    const got = [];
    for (let next = ''; next !== undefined;) {
        const page = await bot.ok(`/v1/conversations?limit=3${next}`);
        got.push(...page.conversations.map(({ peer }) => peer));
        next = page.next && `&after=${page.next}`;
    }
    same(got, peers.reverse(), 'the latest first');
    const twin = await (await joinSynced(t, bot.address)).ok('conversation.list', { limit: 3 });
    same(await bot.ok('/v1/conversations?limit=3'), twin, 'as by a socket');
}

/** A megabyte each, asked for at once on one connection and read at leisure. */
async function pagesAreTakenOneByOne(t) {
    const bot = await Bot.make(t);
    const peer = wallet();
    for (let i = 0; i < 16; i++) await bot.send(peer, 'x'.repeat(65000));
    const wire = await Wire.open(t, t.url);
    const asked = request('GET', messagesOf(peer), { headers: bearer(bot.token) });
    wire.send(Buffer.concat(Array(8).fill(asked)));
    wire.socket.pause();
    await bot.ok('/v1/conversations'); // others are answered meanwhile
    wire.socket.resume();
    for (let i = 0; i < 8; i++) {
        const { status, body } = await wire.response({ ms: 10000 });
        same([status, JSON.parse(body).messages.length], [200, 16], `page ${i}`);
    }
}

/** One conversation, by each of its names; an id will do for sending, too. */
async function findsConversations(t) {
    const bot = await Bot.make(t);
    const b = await joinSynced(t);
    await bot.refused(at(b.address), undefined, 'not_found');
    const { conversation: id } = await bot.send(b.address, 'one');
    await bot.refused(messagesOf('0123456789abcdef'), text('x'), 'not_found');
    await (await Bot.make(t)).refused(messagesOf(id), text('x'), 'not_found');
    same((await bot.send(id, 'two', { reply_to: 1 })).to, b.address, 'to');
    same(seqs(await b.takeAll('message.new', 2)), [1, 2], 'seqs');
    await bot.refused(messagesOf(id), text(''), 'bad_request', { field: 'content' });
    const { conversations: [listed] } = await bot.ok('/v1/conversations');
    for (const peer of [id, b.address, b.address.toLowerCase(), `eip155:0:${b.address}`]) {
        const { conversation: found } = await bot.ok(at(peer));
        same({ ...found, theirs: 0, last_message: 0 }, { ...listed, theirs: 0, last_message: 0 },
            peer);
    }
    const theirs = { type: 'text', content: 'three', client_msg_id: 'k' };
    const { status, answer } = await bot.post(messagesOf(id), theirs);
    same([status, answer.message.seq], [201, 3], 'by its id');
    const again = await bot.post(messagesOf(b.address), theirs);
    same([again.status, again.answer.message.seq], [200, 3], 'by its address');
}

// What is refused.

async function wantsAToken(t) {
    const address = wallet();
    const expired = { claims: { exp: 1 } };
    const rows = [
        [null, 'token_missing'], ['x', 'token_invalid'],
        [await t.issuers.forged(address, 'hs'), 'token_invalid'],
        [await t.issuers.token(address, expired), 'token_expired'],
    ];
    for (const [token, code] of rows) {
        const bot = await Bot.make(t, address, token);
        await bot.refused('/v1/conversations', undefined, code);
        await bot.refused(messagesOf(wallet()), text('x'), code);
        await bot.refused(at('nobody', '/read'), 'no JSON', code);
    }
}

/** A session that was logged out of, by whichever way it asks. */
async function knowsWhoIsLoggedOut(t) {
    const me = evmWallet();
    const { access_token: token } = await signIn(t, me);
    const bot = await Bot.make(t, me.account, token);
    await bot.send(wallet(), 'x');
    same((await logout(t, {}, bearer(token))).status, 200, 'logout');
    await isRevoked(t, token);
    await bot.refused('/v1/conversations', undefined, 'token_revoked');
    await bot.refused(messagesOf(wallet()), text('x'), 'token_revoked');
}

async function saysWhatIsWrong(t) {
    const bot = await Bot.make(t);
    const peer = wallet();
    const { conversation } = await bot.send(peer, 'x');
    const field = (name) => ({ field: name });
    const rows = [
        [at('nobody', '/messages'), undefined, 'recipient_invalid', field('peer')],
        [messagesOf(badChecksum(peer)), text('x'), 'recipient_invalid', field('peer')],
        [messagesOf(ZERO), text('x'), 'recipient_invalid', field('peer')],
        [messagesOf(bot.address), text('x'), 'recipient_invalid', field('peer')],
        [messagesOf(wallet()), undefined, 'not_found'],
        [messagesOf('0123456789abcdef'), undefined, 'not_found'],
        [at(wallet(), '/read'), { seq: 1 }, 'not_found'],
        [at(peer, '/nothing'), undefined, 'not_found'],
        ['/v1/conversations/', undefined, 'not_found'],
        ['/v1/conversations?limit=0', undefined, 'bad_request', field('limit')],
        ['/v1/conversations?after=x', undefined, 'bad_request', field('after')],
        [messagesOf(peer, '?limit=201'), undefined, 'bad_request', field('limit')],
        [messagesOf(peer, '?before=-1'), undefined, 'bad_request', field('before')],
        [messagesOf(peer), '', 'bad_request'],
        [messagesOf(peer), '[]', 'bad_request'],
        [messagesOf(peer), '{"type":"text","content":"a","content":"b"}', 'bad_request'],
        [messagesOf(peer), text(''), 'bad_request', field('content')],
        [messagesOf(peer), text('x', { to: peer }), 'bad_request', field('to')],
        [messagesOf(peer), text('x', { conversation }), 'bad_request', field('conversation')],
        [messagesOf(peer), text('x', { reply_to: 2 }), 'bad_request', field('reply_to')],
        [messagesOf(peer), { type: 'sticker', content: {} }, 'unsupported_type', field('type')],
        [at(peer, '/read'), {}, 'bad_request', field('seq')],
    ];
    for (const row of rows) await bot.refused(...row);
    const { conversations } = await bot.ok('/v1/conversations');
    same(conversations.map(({ last_seq: seq }) => seq), [1], 'nothing of it is stored');
}

async function takesItsMethods(t) {
    const bot = await Bot.make(t);
    const rows = [
        ['POST', '/v1/conversations', 'GET, HEAD'], ['DELETE', at(wallet()), 'GET, HEAD'],
        ['PUT', messagesOf(wallet()), 'GET, HEAD, POST'], ['GET', at(wallet(), '/read'), 'POST'],
    ];
    for (const [method, path, allow] of rows) {
        const { status, headers, answer } = await bot.call(method, path);
        same([status, headers.allow, answer.error.code], [405, allow, 'bad_request'], path);
    }
    const { status, answer } = await bot.call('HEAD', '/v1/conversations');
    same([status, answer], [200, undefined], 'HEAD');
}

/** With the connection kept, unless the body is so long that nobody wants to read it. */
async function limitsContents(t) {
    const bot = await Bot.make(t);
    const peer = wallet();
    const wire = await Wire.open(t, t.url);
    const send = (content) => wire.ask('POST', messagesOf(peer), {
        headers: bearer(bot.token), body: JSON.stringify(text(content)),
    });
    same((await send('x'.repeat(1024))).status, 201, 'the longest');
    same((await send('\u0001'.repeat(1024))).status, 201, 'each byte escaped');
    for (const content of ['x'.repeat(1025), '\u0001'.repeat(1025)]) {
        const { status, body } = await send(content);
        same([status, JSON.parse(body).error.code], [413, 'too_large'], 'longer');
    }
    same((await send('x')).status, 201, 'the connection is kept');
    const { status, headers } = await send('x'.repeat(12000));
    same([status, headers.connection], [413, 'close'], 'a body that is too long');
    await wire.over();
    same((await bot.ok(messagesOf(peer))).messages.length, 3, 'messages');
}

async function fillsMailboxes(t) {
    const bot = await Bot.make(t);
    const peer = wallet();
    for (const i of numbers(5)) await bot.send(peer, `${i}`);
    await bot.refused(messagesOf(peer), text('x'), 'mailbox_full');
}

async function limitsRates(t) {
    const bot = await Bot.make(t);
    const answers = await Promise.all(numbers(12).map(() => bot.post(messagesOf(wallet()), {})));
    same(answers.filter(({ status }) => status === 400).length, 12, 'what is wrong');
    const sent = [];
    while (sent.at(-1)?.status !== 429 && sent.length < 100)
        sent.push(await bot.post(messagesOf(wallet()), text('x')));
    between(sent.length, 21, 60, 'sends');
    const { headers, answer } = sent.at(-1);
    same([answer.error.code, headers['retry-after']], ['rate_limited', '1'], 'refused');
    between(answer.error.retry_after_ms, 1, 200, 'retry_after_ms');
    await bot.ok('/v1/conversations'); // has a rate of its own
    await (await Bot.make(t)).send(wallet(), 'as another wallet has');
}

/** Bad tokens can't be tried without end; who has a good one does not notice. */
async function limitsBadTokens(t) {
    await t.serve({ options: ['--auth-rate=1', '--auth-burst=5'] });
    const [good, bad] = [await Bot.make(t), await Bot.make(t, wallet(), 'x')];
    for (let i = 0; i < 5; i++) await bad.refused('/v1/conversations', undefined, 'token_invalid');
    const { status, headers, answer } = await bad.get('/v1/conversations');
    same([status, answer.error.code], [429, 'rate_limited'], 'one more');
    same(Number(headers['retry-after']) > 0, true, 'Retry-After');
    await good.send(wallet(), 'x');
}

/** A head of a POST, which the server has taken: it waits for the body. */
async function headOf(t, bot, path, body) {
    const wire = await Wire.open(t, t.url);
    wire.send(request('POST', path, { headers: {
        ...bearer(bot.token), 'Content-Length': Buffer.byteLength(body), Expect: '100-continue',
    } }));
    const end = '\r\n\r\n';
    const head = await wire.take('100', (bytes) => {
        const at = bytes.indexOf(end);
        return at >= 0 && { value: bytes.toString('latin1', 0, at), length: at + end.length };
    });
    same(head, 'HTTP/1.1 100 Continue', 'what it is told');
    return wire;
}

/** Sixteen whose bodies are to come; one more is refused, and the others go on. */
async function limitsCalls(t) {
    const bot = await Bot.make(t);
    const [path, body] = [messagesOf(wallet()), JSON.stringify(text('x'))];
    const wires = await Promise.all(numbers(16).map(() => headOf(t, bot, path, body)));
    const { status, headers, answer } = await bot.get('/v1/conversations');
    same([status, answer.error.code, headers['retry-after']], [503, 'busy', '1'], 'refused');
    await (await Bot.make(t)).ok('/v1/conversations');
    for (const wire of wires) wire.send(body);
    for (const wire of wires) same((await wire.response()).status, 201, 'the others');
    await bot.ok('/v1/conversations');
}

// Pages of other origins.

async function letsPagesAsk(t) {
    const bot = await Bot.make(t);
    const [path, origin] = [messagesOf(wallet()), 'https://app.test'];
    const preflight = await call(t, 'OPTIONS', path, { headers: {
        Origin: origin, 'Access-Control-Request-Method': 'POST',
        'Access-Control-Request-Headers': 'authorization,content-type',
    } });
    same(preflight.status, 204, 'preflight');
    same(preflight.headers['access-control-allow-origin'], origin, 'origin');
    same(preflight.headers['access-control-allow-headers'], 'authorization,content-type',
        'headers');
    match(preflight.headers['access-control-allow-methods'], /\bPOST\b/, 'methods');
    const ask = (from) => call(t, 'POST', path,
        { headers: { ...bearer(bot.token), Origin: from }, body: text('x') });
    const sent = await ask(origin);
    same([sent.status, sent.headers['access-control-allow-origin']], [201, origin], 'sent');
    await denied(ask('https://evil.test'), 'origin_denied');
    same((await bot.ok(path)).messages.length, 1, 'messages');
}

// The end of a server.

async function isAnsweredWhileTheServerEnds(t) {
    await t.serve({ options: ['--rate-limits=off', '--drain=1s'] });
    const bot = await Bot.make(t);
    const peer = wallet();
    await bot.send(peer, 'x');
    const body = JSON.stringify(text('the last'));
    const wire = await headOf(t, bot, messagesOf(peer), body);
    const stopped = t.server.stop();
    wire.send(body);
    same((await wire.response()).status, 201, 'what was under way');
    await stopped;
    await t.serveAgain();
    same((await bot.ok(messagesOf(peer))).messages.length, 2, 'messages');
}

const own = { own: true };

// What a wallet wants of others.

async function acceptsAndBlocks(t) {
    const bot = await Bot.make(t);
    const [own, a] = [await joinSynced(t, bot.address), await joinSynced(t)];
    await a.send(bot.address, 'hi');
    await own.take('message.new');
    await a.take('message.delivered');
    for (const [what, body, accepted, blocked] of [
        ['accept', {}, true, false], ['block', '', true, true], ['unblock', {}, true, false],
        ['block', {}, true, true],
    ]) {
        const { conversation } = await bot.ok(at(a.address, `/${what}`), body);
        same([conversation.accepted, conversation.blocked], [accepted, blocked], what);
        const told = (await own.take('conversation.changed')).conversation;
        same([told.accepted, told.blocked], [accepted, blocked], `${what}, told`);
    }
    await a.send(bot.address, 'withheld');
    await own.heardNo('message.new');
    same((await bot.ok(messagesOf(a.address))).messages.map(({ type }) => type),
        ['text', 'gone'], 'history');
    await bot.refused(messagesOf(a.address), text('x'), 'forbidden', { field: 'peer' });
    await bot.refused(at(bot.address, '/block'), {}, 'recipient_invalid', { field: 'peer' });
    await bot.refused(at(wallet(), '/unblock'), {}, 'not_found');
}

/** Rates hold for each node (docs/decisions/0028-nodes.md). */
const ofANode = { single: true };

export const rows = [
    ['what is sent reaches all sockets of both sides', reachesAllSockets],
    ['what sockets send is there', hearsFromSockets],
    ['a key sends once, however it is sent', sendsOnce],
    ['many at once are each stored once', sendsManyAtOnce],
    ['marks move, and sockets are told', movesMarks],
    ['history comes in pages', pagesThroughHistory],
    ['accepts and blocks, and sockets are told', acceptsAndBlocks],
    ['conversations come in pages', pagesThroughConversations],
    ['conversations are found by each of their names', findsConversations],
    ['long pages are taken one by one', pagesAreTakenOneByOne],
    ['wants a token', wantsAToken],
    ['knows who is logged out', knowsWhoIsLoggedOut, { server: 'sign in' }],
    ['says what is wrong, and where', saysWhatIsWrong],
    ['a path takes its methods', takesItsMethods],
    ['limits contents', limitsContents, { server: 'small contents' }],
    ['fills mailboxes', fillsMailboxes, { server: 'small mailboxes' }],
    ['limits the rates of a wallet', limitsRates, { server: 'rates', ...ofANode }],
    ['limits bad tokens of an address', limitsBadTokens, { ...own, ...ofANode }],
    ['limits the calls of a wallet', limitsCalls, ofANode],
    ['lets the pages ask that may', letsPagesAsk, { server: 'origins' }],
    ['is answered while the server ends', isAnsweredWhileTheServerEnds, own],
].map(([name, run, more = {}]) => ({ name: `rest: ${name}`, run, transport: 'websocket', ...more }));
