/**
 * Memory runs out at the n-th allocation of a request, n = 1, 2, 3 … until it goes through: the
 * program ends with one line that says so, and its successor has what was answered with ok,
 * nothing twice, and does the rest. ALLOC_STRIDE=1 tries each n, without it a few by chance,
 * of which SEED makes the same again.
 */
import { randomInt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { match, oneOf, same, spare, until, within } from '../e2e/lib.mjs';
import { Bot, at } from '../e2e/chat/bot.mjs';
import { areInOrder, numbers, seqs } from '../e2e/chat/expect.mjs';
import { Idp } from '../e2e/chat/idp.mjs';
import {
    announce, fileOf, get, gives, put, sendNew, upload, withFile,
} from '../e2e/chat/media.mjs';
import { Peer, join, joinSynced, refusal } from '../e2e/chat/peer.mjs';
import { SIGN_IN, folder } from '../e2e/chat/serve.mjs';
import { evmWallet } from '../e2e/chat/signer.mjs';
import { arrive, login, logout, proof, refresh } from '../e2e/chat/site.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Chance, hash } from '../model/chance.mjs';
import { Shim } from './shim.mjs';

const OPTIONS = [...SIGN_IN, '--media-reserve=0'];
const NEVER = 2 ** 40;
const SAMPLES = 5;        // by chance, beside the first
const STARTS = 15;        // 300 with a stride
const BACKLOG = 40;

const seed = Number(process.env.SEED ?? randomInt(2 ** 31));
const stride = Number(process.env.ALLOC_STRIDE ?? 0);

/** What is said of the end, and what of it is left behind. */
function hasSaidSo(stderr) {
    const fatal = stderr.split('\n').filter((line) => line.includes('level=fatal'));
    same(fatal.length, 1, `lines of level fatal in\n${stderr}`);
    match(fatal[0], /^ts=\S+ level=fatal layer=base event=base_no_memory bytes=\d+ .*memory/);
    same(/Assertion|corrupt/.test(stderr), false, `nothing else has gone wrong in\n${stderr}`);
}

class World {
    #peers = new Map();
    n = 0; // requests so far: what makes keys unique

    constructor(t) {
        const [from, to] = [wallet(), wallet()];
        const options = OPTIONS;
        Object.assign(this, { t, shim: new Shim(t), data: folder('data'), options, from, to });
    }

    /** The next server on the same data, at the same address. */
    async serve() {
        const { t, data, options, shim } = this;
        this.#peers.clear();
        const listen = t.server?.listen;
        await t.serve({ data, options, env: shim.env, listen });
    }

    /** This wallet's device, which is there, and has what it missed. */
    async peer(address) {
        if (!this.#peers.get(address)?.isLive)
            this.#peers.set(address, await joinSynced(this.t, address));
        return this.#peers.get(address);
    }

    /** What it gives; undefined where the server ends before that. */
    async orEnd(asking) {
        try {
            return await asking;
        } catch (error) {
            await within(5000, `end, after "${error.message}"`, this.t.server.ended);
            return undefined;
        }
    }

    /** It has come, or never will. */
    async awaitOrEnd(coming) {
        await Promise.race([spare(coming), this.t.server.ended]);
    }

    /** The one message with this key, or undefined. */
    async stored(peer, to, key) {
        const answer = await peer.ask('message.history', { peer: to, limit: 200 });
        if (answer.error) {
            same(answer.error.code, 'not_found', 'history');
            return undefined;
        }
        const { messages } = answer;
        areInOrder(seqs(messages), messages[0].seq, messages.at(-1).seq);
        const found = messages.filter((message) => message.client_msg_id === key);
        same(found.length <= 1, true, `one message with ${key}`);
        return found[0];
    }
}

// Kinds of requests: what is there before, the request, and what is so in the end.

/** What was answered is stored, and the same again makes no second one. */
async function isSentOnce(w, { request }, answer) {
    const a = await w.peer(w.from);
    const key = request.client_msg_id;
    const before = await w.stored(a, request.to, key);
    if (answer) {
        same(answer.status, 'ok', 'answer');
        same(before?.id, answer.message.id, `${key}, which was acknowledged`);
    }
    const again = await a.ok('message.send', request);
    same(again.duplicate, before !== undefined, `duplicate of ${key}`);
    same((await w.stored(a, request.to, key)).id, again.message.id, `${key}, stored once`);
    const b = await Peer.dial(w.t, request.to);
    await b.take('synced');
    const heard = [...(b.heard.get('message.new') ?? [])].map(({ id }) => id);
    same(new Set(heard).size, heard.length, 'messages that come twice');
    await b.leave();
}

const sendOf = (w, to) => ({
    to, type: 'text', content: `text ${w.n}`, client_msg_id: `key-${w.n}`,
});

const sends = {
    prepare: async (w) => ({
        a: await w.peer(w.from), b: await w.peer(w.to), request: sendOf(w, w.to),
    }),
    ask: async (w, { a, b, request }) => {
        const coming = b.take('message.new');
        const answer = await a.askAtTheEnd('message.send', request);
        await w.awaitOrEnd(coming);
        if (b.isLive) await w.awaitOrEnd(a.take('message.delivered'));
        return answer;
    },
    check: isSentOnce,
};

const sendsToANewOne = {
    prepare: async (w) => ({ a: await w.peer(w.from), request: sendOf(w, wallet()) }),
    ask: (w, { a, request }) => a.askAtTheEnd('message.send', request),
    check: isSentOnce,
};

const sendsAgain = {
    async prepare(w) {
        const a = await w.peer(w.from);
        const request = sendOf(w, w.to);
        return { a, request, first: (await a.ok('message.send', request)).message };
    },
    ask: (w, { a, request }) => a.askAtTheEnd('message.send', request),
    async check(w, s, answer) {
        if (answer) same([answer.duplicate, answer.message.id], [true, s.first.id], 'answer');
        await isSentOnce(w, s, answer);
    },
};

/** A mark of one side, and what the store says of it. */
const marks = (event, field) => ({
    async prepare(w) {
        const a = await w.peer(w.from);
        const { seq } = await a.send(w.to, `to be marked ${w.n}`);
        const b = await join(w.t, w.to, { acking: false });
        await b.take('synced');
        return { b, request: { peer: w.from, seq } };
    },
    ask: async (w, { b, request }) => {
        const answer = await b.askAtTheEnd(event, request);
        if (b.isLive) await w.awaitOrEnd(b.take(event));
        b.socket.io._close();
        return answer;
    },
    async check(w, { request }, answer) {
        const b = await join(w.t, w.to, { acking: false });
        const mark = async () => (await b.ok('conversation.list', {})).conversations
            .find(({ peer }) => peer === w.from).mine[field];
        if (answer) {
            same(answer, { status: 'ok', seq: request.seq }, 'answer');
            same(await mark() >= request.seq, true, 'the mark is where the answer says');
        }
        same((await b.ok(event, request)).seq, request.seq, 'the mark, again');
        same(await mark(), request.seq, 'the mark');
        b.socket.io._close();
    },
});

const reads = (event, payload, size) => ({
    async prepare(w) {
        const a = await w.peer(w.from);
        await a.send(w.to, `to be read ${w.n}`);
        return { a, whole: size(await a.ok(event, payload(w))) };
    },
    ask: (w, { a }) => a.askAtTheEnd(event, payload(w)),
    async check(w, { whole }, answer) {
        if (answer) same([answer.status, size(answer)], ['ok', whole], 'answer');
        const a = await w.peer(w.from);
        same(size(await a.ok(event, payload(w))), whole, 'the same, again');
    },
});

/** How one stands to somebody who has written. */
const contacts = (event, field) => ({
    async prepare(w) {
        const b = await w.peer(w.to);
        const stranger = await joinSynced(w.t);
        await stranger.send(w.to, 'a question');
        await stranger.leave();
        return { b, request: { peer: stranger.address } };
    },
    ask: async (w, { b, request }) => {
        const answer = await b.askAtTheEnd(event, request);
        if (answer) await w.awaitOrEnd(b.take('conversation.changed'));
        return answer;
    },
    async check(w, { request }, answer) {
        const b = await w.peer(w.to);
        const is = async () => (await b.ok('conversation.list', {})).conversations
            .find(({ peer }) => peer === request.peer)[field];
        if (answer) same([answer.conversation[field], await is()], [true, true], field);
        await b.ok(event, request);
        same(await is(), true, `${field}, again`);
    },
});

/** Nothing of it is kept. */
const asks = (event, payload) => ({
    prepare: async (w) => ({ a: await w.peer(w.from), b: await w.peer(w.to) }),
    ask: (w, { a }) => a.askAtTheEnd(event, payload(w)),
    async check(w, _, answer) {
        if (answer) same(answer.status, 'ok', 'answer');
        await (await w.peer(w.from)).ok(event, payload(w));
    },
});

/** @return {} once it is in, undefined where it is not */
async function comesIn(w, address, how) {
    const peer = await Peer.dial(w.t, address, how);
    const not = (coming) => spare(coming.then(() => undefined));
    const answer = await Promise.race([
        spare(peer.take('synced', 10000).then(() => ({}))), not(w.t.server.ended),
        not(peer.take('disconnect', 10000)), not(peer.take('connect_error', 10000)),
    ]);
    peer.socket.io._close();
    return answer;
}

const connects = {
    prepare: async () => ({ address: wallet() }),
    ask: (w, { address }) => comesIn(w, address),
    check: async (w, { address }) => (await joinSynced(w.t, address)).leave(),
};

/** By a key that the server has to fetch: over libcurl. */
const connectsByANewKey = {
    async before(w) {
        w.idp = await Idp.start(w.t, 'idp');
        const config = path(folder('idp'), 'parley.conf');
        writeFileSync(config, `${readFileSync(w.t.issuers.config, 'utf8')}\n${w.idp.section}`);
        w.options = [...OPTIONS, `--config=${config}`];
    },
    async prepare(w) {
        const { t, idp } = w;
        await until('it has the keys', () =>
            / event=auth_issuer_keys issuer=/.test(t.server.stderr));
        const key = `key-${w.n}`;
        await idp.make(key);
        idp.publish(key);
        const address = wallet();
        return { address, token: await idp.token(address, key) };
    },
    ask: (w, { address, token }) => comesIn(w, address, { token }),
    check: async (w, { address, token }) => (await joinSynced(w.t, address, { token })).leave(),
};

/** It comes back to many that it has not acknowledged. */
const catchesUp = {
    async prepare(w) {
        const a = await w.peer(w.from);
        const address = wallet();
        for (const i of numbers(BACKLOG)) await a.send(address, `${i}`);
        return { address, kept: new Map() };
    },
    async ask(w, { address, kept }) {
        const tap = (event, message) => event === 'message.new' && kept.set(message.seq, message);
        const peer = await Peer.dial(w.t, address, { tap });
        await w.awaitOrEnd(peer.take('synced', 10000));
        peer.socket.io._close();
        return {};
    },
    async check(w, { address, kept }) {
        const last = [...kept.values()].at(-1);
        const peer = await joinSynced(w.t, address, { cursor: last?.cursor });
        for (const message of peer.heard.get('message.new') ?? []) kept.set(message.seq, message);
        areInOrder([...kept.keys()].sort((x, y) => x - y), 1, BACKLOG);
        await peer.leave();
    },
};

// Files.

const fileNow = (w) => fileOf('application/octet-stream', { name: `f${w.n}`, size: 20000 });

const announces = {
    prepare: async (w) => ({ a: await w.peer(w.from), file: fileNow(w) }),
    ask: (w, { a, file: { name, mime, size } }) =>
        a.askAtTheEnd('upload.create', { name, mime, size }),
    async check(w, { file }, answer) {
        if (answer) same((await put(w.t, answer, file)).status, 200, 'PUT of what was announced');
        await sendNew(w.t, await w.peer(w.from), w.to, file, 'file');
    },
};

const puts = {
    async prepare(w) {
        const file = fileNow(w);
        return { file, told: await announce(await w.peer(w.from), file) };
    },
    ask: (w, { told, file }) => w.orEnd(put(w.t, told, file)),
    async check(w, { told, file }, answer) {
        if (answer) same(answer.status, 200, 'status');
        oneOf((await put(w.t, told, file)).status, answer ? [412] : [200, 412], 'PUT again');
        const a = await w.peer(w.from);
        const { message } = await a.ok('message.send', withFile(w.to, 'file', told));
        await gives(w.t, message.content.url, file);
    },
};

const sendsAFile = {
    async prepare(w) {
        const a = await w.peer(w.from);
        const told = await upload(w.t, a, fileNow(w));
        const key = { client_msg_id: `key-${w.n}` };
        return { a, request: { ...withFile(w.to, 'file', told), ...key } };
    },
    ask: (w, { a, request }) => a.askAtTheEnd('message.send', request),
    check: isSentOnce,
};

const getsAFile = {
    async prepare(w) {
        const file = fileNow(w);
        const { content } = await sendNew(w.t, await w.peer(w.from), w.to, file, 'file');
        return { file, url: content.url };
    },
    ask: (w, { url }) => w.orEnd(get(w.t, url)),
    async check(w, { file, url }, answer) {
        if (answer) same([answer.status, answer.bytes.length], [200, file.size], 'answer');
        await gives(w.t, url, file);
    },
};

// Over HTTP.

const gets = (path, headers) => ({
    prepare: async () => ({}),
    ask: (w) => w.orEnd(fetch(`${w.t.url}${path}`, { headers: { connection: 'close', ...headers } })
        .then(async (response) => ({ status: response.status, text: await response.text() }))),
    async check(w, _, answer) {
        if (answer) same([answer.status, answer.text.length > 0], [200, true], 'answer');
        same((await fetch(`${w.t.url}${path}`)).status, 200, 'status, again');
    },
});

const signsIn = {
    async prepare(w) {
        const who = evmWallet();
        return { who, body: await proof(w.t, who) };
    },
    ask: (w, { body }) => w.orEnd(login(w.t, body)),
    async check(w, { who, body }, answer) {
        if (answer) {
            same(answer.status, 200, 'status');
            const token = answer.answer.access_token;
            await (await joinSynced(w.t, who.account, { token })).leave();
        }
        const { status, answer: said } = await login(w.t, body);
        if (answer || status !== 200) // its nonce is used up, also where nobody was told
            same([status, said.error?.code], [401, 'login_nonce'], 'the same again');
        await (await arrive(w.t, who)).leave();
    },
};

const refreshes = {
    prepare: async (w) => ({ peer: await arrive(w.t) }),
    ask: (w, { peer }) => w.orEnd(refresh(w.t, { refresh_token: peer.grant.refresh_token })),
    async check(w, { peer }, answer) {
        const again = await refresh(w.t, { refresh_token: peer.grant.refresh_token });
        same(again.status, 200, 'the same again');
        const { refresh_token: next, session } = again.answer;
        same(session, peer.grant.session, 'session');
        if (answer) same(answer.answer.refresh_token, next, 'the next token');
        same((await refresh(w.t, { refresh_token: next })).status, 200, 'with the next token');
    },
};

const signsOut = {
    prepare: async (w) => ({ peer: await arrive(w.t) }),
    ask: (w, { peer }) => w.orEnd(logout(w.t, { refresh_token: peer.grant.refresh_token })),
    async check(w, { peer: { grant } }, answer) {
        const { access_token: token, refresh_token } = grant;
        if (answer) same(answer.status, 200, 'status');
        else await logout(w.t, { refresh_token }); // which may have happened
        same((await refusal(w.t, undefined, { token })).data.code, 'token_revoked', 'its token');
    },
};

const bots = (method, path, body) => ({
    async prepare(w) {
        await (await w.peer(w.from)).send(w.to, `for a bot ${w.n}`);
        return { bot: await Bot.make(w.t, w.from), request: sendOf(w, w.to) };
    },
    ask: (w, { bot, request }) =>
        w.orEnd(bot.call(method, path(w), body && body(request), { connection: 'close' })),
    async check(w, s, response) {
        if (response) oneOf(response.status, [200, 201], 'status');
        if (body) await isSentOnce(w, s, response?.answer);
        else same((await s.bot.call(method, path(w))).status, 200, 'again');
    },
});

/** SIGTERM, while it has clients. */
const stops = {
    async prepare(w) {
        await w.peer(w.to);
        return { a: await w.peer(w.from), request: sendOf(w, w.to) };
    },
    async ask(w, { a, request }) {
        const asking = a.askAtTheEnd('message.send', request);
        w.t.server.terminate();
        await w.t.server.over();
        return await asking ?? {};
    },
    async check(w, s, answer) {
        if (w.t.server.isAsked) await w.serve();
        await isSentOnce(w, s, answer?.status && answer);
    },
};

const textOf = ({ content, client_msg_id }) => ({ type: 'text', content, client_msg_id });

const kinds = {
    'a client connects': connects,
    'a client connects by a new key of an issuer': connectsByANewKey,
    'a client comes back to many messages': catchesUp,
    'message.send to a new recipient': sendsToANewOne,
    'message.send to one who is there': sends,
    'message.send, again': sendsAgain,
    'message.send with a file': sendsAFile,
    'message.delivered': marks('message.delivered', 'delivered_seq'),
    'message.read': marks('message.read', 'read_seq'),
    'message.history': reads('message.history', (w) => ({ peer: w.to }),
        ({ messages }) => messages.length),
    'conversation.list': reads('conversation.list', () => ({}),
        ({ conversations }) => conversations.length),
    'conversation.accept': contacts('conversation.accept', 'accepted'),
    'conversation.block': contacts('conversation.block', 'blocked'),
    'typing.start': asks('typing.start', (w) => ({ peer: w.to })),
    'presence.watch': asks('presence.watch', (w) => ({ accounts: [w.to] })),
    'upload.create': announces,
    'PUT of a file': puts,
    'GET of a file': getsAFile,
    'GET /v1/auth/nonce': gets('/v1/auth/nonce'),
    'POST /v1/auth/login': signsIn,
    'POST /v1/auth/refresh': refreshes,
    'POST /v1/auth/logout': signsOut,
    'POST of a message': bots('POST', (w) => at(w.to, '/messages'), textOf),
    'GET of messages': bots('GET', (w) => at(w.to, '/messages')),
    'GET /metrics': gets('/metrics'),
    'GET /healthz': gets('/healthz'),
    'GET /readyz': gets('/readyz'),
    'GET /embed/parley-chat.js': gets('/embed/parley-chat.js'),
    'the server stops': stops,
};

/** libc says so to its caller, which says so as of any fault: it goes on, or ends with a line. */
async function isAFault(w) {
    const goesOn = await w.orEnd(fetch(`${w.t.url}/healthz`));
    if (goesOn) await w.t.server.kill();
    else match(w.t.server.stderr, /level=(error|fatal)/, 'log');
}

async function endsForIt({ t }) {
    same(await t.server.over(), 'SIGABRT', `end\n${t.server.stderr}`);
    hasSaidSo(t.server.stderr);
}

/**
 * One request with its n-th allocation failing.
 * @return how many there were, where it was never reached, else undefined
 */
async function goesWithout(w, kind, n) {
    const { shim } = w;
    if (w.n++ > 0) { // on one that has done nothing yet: much is made at the first time
        await w.t.server.kill();
        await w.serve();
    }
    const state = await kind.prepare(w);
    shim.arm(n);
    const answer = await kind.ask(w, state);
    const asked = shim.disarm();
    if (!shim.hasFailed) {
        same(answer !== undefined, true, 'there is an answer');
        await kind.check(w, state, answer);
        return asked;
    }
    if (shim.wasOfLibc) await isAFault(w);
    else await endsForIt(w);
    const isOk = !shim.wasOfLibc || answer?.status === 'ok' || answer?.status === 200;
    await w.serve();
    await kind.check(w, state, isOk ? answer : undefined);
    return undefined;
}

async function tryEach(w, kind) {
    for (let n = 1; (await goesWithout(w, kind, n)) === undefined;) n += stride;
}

async function trySome(w, kind, name, total) {
    same(await goesWithout(w, kind, 1), undefined, 'the first one was reached');
    const chance = new Chance(hash(seed, name));
    for (const _ of numbers(SAMPLES)) await goesWithout(w, kind, 1 + (chance.next() % total));
}

async function survives(t, name) {
    const w = new World(t);
    const kind = kinds[name];
    await kind.before?.(w);
    await w.serve();
    const total = await goesWithout(w, kind, NEVER);
    if (process.env.TIMES) console.log(`${total} allocations: ${name}`);
    if (stride) await tryEach(w, kind);
    else await trySome(w, kind, name, total);
}

/** A start with its n-th allocation failing. @return how many there were, where it was ready */
async function startsWithout(w, n) {
    const { shim } = w;
    shim.arm(n);
    const why = await w.serve().then(() => undefined, ({ message }) => message);
    const asked = shim.disarm();
    if (why === undefined) {
        same(!shim.hasFailed || shim.wasOfLibc, true, 'it starts where nothing has failed');
        await w.t.server.kill();
    } else if (shim.wasOfLibc) {
        match(why, /ended \([1-9]\d*\), not ready:\n.*\S/, 'end');
    } else {
        match(why, /ended \(SIGABRT\), not ready:\n/, 'end');
        hasSaidSo(why);
    }
    return asked;
}

/** A start has tens of thousands of them. */
async function startsAgain(t) {
    const w = new World(t);
    await w.serve();
    const request = sendOf(w, w.to);
    const { message } = await (await w.peer(w.from)).ok('message.send', request);
    await t.server.kill();
    const total = await startsWithout(w, NEVER);
    if (process.env.TIMES) console.log(`${total} allocations: the server starts`);
    const chance = new Chance(hash(seed, 'start'));
    for (const _ of numbers(stride ? 20 * STARTS : STARTS))
        await startsWithout(w, 1 + (chance.next() % total));
    await w.serve();
    await isSentOnce(w, { request }, { status: 'ok', message });
}

const row = (name, run) => ({
    name: `memory: ${name} (SEED=${seed})`, run, limit: stride ? 900000 : 60000, isTraced: false,
});

export const rows = [
    row('the server starts', startsAgain),
    ...Object.keys(kinds).map((name) => row(name, (t) => survives(t, name))),
];
