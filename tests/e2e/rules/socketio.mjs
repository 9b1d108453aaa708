/** Chapter 9: Socket.IO packets. */
import { same, sleep } from '../lib.mjs';
import { Poll, SESSIONS } from '../wire.mjs';
import {
    ALIVE, ALIVE_CUSTOM, JOIN, JOIN_CUSTOM, isPacket, play, refusalOf, script,
} from './script.mjs';
import { SOCKET, Table, numbers } from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

/** With "/" joined. */
const joined = (name, lines, more) => {
    script(table, 9, name, lines, { path: SOCKET, before: JOIN, after: ALIVE, ...more });
};
/** With nothing joined. */
const fresh = (name, lines, more) => {
    script(table, 9, name, lines, { path: SOCKET, before: [], after: ALIVE, ...more });
};

fresh('CONNECT is answered, then comes auth', JOIN);
fresh('CONNECT with auth', [
    '>40{"token":"x","n":[1,null]}', '<40{"sid":"SID"}',
    '<42["auth",{"token":"x","n":[1,null]}]',
]);
fresh('CONNECT with empty auth', ['>40{}', '<40{"sid":"SID"}', '<42["auth",{}]']);
fresh('"40/" is "/"', ['>40/', '<40{"sid":"SID"}', '<42["auth",{}]']);
fresh('"40/," is "/"', ['>40/,', '<40{"sid":"SID"}', '<42["auth",{}]']);
fresh('"40/custom" is "40/custom,"', ['>40/custom', ...JOIN_CUSTOM.slice(1)],
    { after: ALIVE_CUSTOM });
fresh('auth to /custom', [
    '>40/custom,{"a":1}', '<40/custom,{"sid":"SID"}', '<42/custom,["auth",{"a":1}]',
], { after: ALIVE_CUSTOM });
fresh('an unknown namespace is refused', ['>40/unknown,', refusalOf('/unknown'), ...JOIN]);
fresh('a namespace has a case', ['>40/Custom,', refusalOf('/Custom'), ...JOIN]);
fresh('a query is no part that is stripped',
    ['>40/custom?a=1,', refusalOf('/custom?a=1'), ...JOIN]);
fresh('/secret is refused, then accepted', [
    '>40/secret,',
    '<44/secret,{"message":"not authorized","data":{"code":"E_AUTH","retry":false}}',
    '>40/secret,{"token":"ok"}', '<40/secret,{"sid":"SID"}',
    '<42/secret,["auth",{"token":"ok"}]', ...JOIN,
]);
const NOPE = ['>40/secret2,', '<44/secret2,{"message":"nope"}'];
fresh('/secret2 is refused without data', [...NOPE, ...JOIN]);
joined('a refusal leaves the other namespaces', NOPE);
for (const n of [32, 127])
    fresh(`a namespace of ${n + 1} bytes is refused`, [
        `>40/${'n'.repeat(n)},`, refusalOf(`/${'n'.repeat(n)}`), ...JOIN,
    ]);
for (const auth of ['[]', 'null', '"text"', 'true', '{', '{"a":1}x', '["a"]'])
    fresh(`CONNECT with ${auth} closes`, [`>40${auth}`, 'closes']);
joined('CONNECT twice closes', ['>40', 'closes']);
joined('CONNECT twice to /custom closes', [...JOIN_CUSTOM, '>40/custom,', 'closes']);
fresh('an event before CONNECT closes', ['>42["message","x"]', 'closes']);
fresh('an ack before CONNECT closes', ['>430[]', 'closes']);
fresh('DISCONNECT before CONNECT closes', ['>41', 'closes']);
joined('an event for a namespace not joined closes', ['>42/custom,["message","x"]', 'closes']);
joined('DISCONNECT of a namespace not joined closes', ['>41/custom,', 'closes']);
joined('an event for a namespace refused closes',
    [...NOPE, '>42/secret2,["message"]', 'closes']);

for (const transport of ['polling', 'websocket'])
    rule(9, `an event right behind CONNECT is answered (${transport})`, async (t) => {
        for (let i = 0; i < 20; i++) {
            const s = await SESSIONS[transport](t, t.url, SOCKET);
            await s.say('40', '42["message",1]', '420["message-with-ack",2]');
            const want = ['40{"sid":"SID"}', '42["auth",{}]', '42["message-back",1]', '430[2]'];
            for (const packet of want) isPacket(await s.hear(), packet);
        }
    }, { dev: 'races itself' });

joined('an event is echoed', ['>42["message","x"]', '<42["message-back","x"]']);
joined('"/," is "/" in an event', ['>42/,["message","x"]', '<42["message-back","x"]']);
joined('an event without arguments', ['>42["message"]', '<42["message-back"]']);
joined('white space in JSON', [
    '>42[ "message" ,\t1 , { "a" : 2 } ]', '<42["message-back",1,{"a":2}]',
]);
joined('JSON escapes', [
    String.raw`>42["m\u0065ssage","\u0000\u001e\u2028\ud83d\ude80\/"]`,
    '<42["message-back","\\u0000\\u001e\\u2028\u{1f680}/"]',
]);
joined('numbers', [
    '>42["message",0,-1,1.5,1e3,9007199254740991,-9007199254740991,0.1]',
    '<42["message-back",0,-1,1.5,1000,9007199254740991,-9007199254740991,0.1]',
]);
joined('an unknown event is ignored', ['>42["nobody-hears",1]']);
joined('an unknown event with an ack is ignored', ['>427["nobody-hears",1]']);
joined('a number for a name is ignored', ['>42[5,"x"]']);
joined('"error" is a name like others', ['>42["error","x"]']);
joined('an event without a payload is ignored', ['>42']);
joined('an event of an ack id alone is ignored', ['>425']);
for (const payload of [
    '[]', '{}', '[null]', '[true]', '[[]]', '[{}]', '"x"', '["message"', '["message"]x',
    '["message"] ]', "['message']", '["message",]', '["message",nul]', '["\x01"]',
    '["connect"]', '["connect_error"]', '["disconnect"]', '["disconnecting"]',
    '["newListener"]', '["removeListener"]',
])
    joined(`an event ${JSON.stringify(payload)} closes`, [`>42${payload}`, 'closes']);

joined('an ack has the id', ['>4212["message-with-ack",1,"x"]', '<4312[1,"x"]']);
joined('an ack without arguments', ['>420["message-with-ack"]', '<430[]']);
joined('an ack in another namespace', [
    ...JOIN_CUSTOM, '>42/custom,12["message-with-ack","x"]', '<43/custom,12["x"]',
]);
joined('an ack id of 2^31', ['>422147483648["message-with-ack"]', '<432147483648[]']);
joined('an ack id of 2^53-1', [
    '>429007199254740991["message-with-ack"]', '<439007199254740991[]',
]);
joined('zeros before an ack id are dropped', ['>42007["message-with-ack"]', '<437[]']);
joined('an ack id may be used again', [
    '>421["message-with-ack",1]', '<431[1]', '>421["message-with-ack",2]', '<431[2]',
]);
joined('an ack with an unknown id is ignored', ['>4399["x"]']);
joined('an ack without an id is ignored', ['>43["x"]']);
joined('an ack that is no array closes', ['>431{}', 'closes']);
joined('an ack that is text closes', ['>431"x"', 'closes']);
const OWN_COUNT = {
    other: ['>42["need-ack"]', '<420["please-ack"]'], dev: 'counts over all clients',
};
joined('the server asks for an ack from 0, once', [
    '>42["need-ack","q"]', '<420["please-ack","q"]', '>430["a",1]', '<42["ack-was","a",1]',
    '>430["again"]', '>42["need-ack"]', '<421["please-ack"]', '>431[]', '<42["ack-was"]',
], OWN_COUNT);
joined('an ack in the wrong namespace is ignored', [
    ...JOIN_CUSTOM, '>42["need-ack"]', '<420["please-ack"]', '>43/custom,0["wrong"]',
    ...ALIVE_CUSTOM,
], OWN_COUNT);

const hole = (i) => `{"_placeholder":true,"num":${i}}`;
const holes = (n) => numbers(n).map(hole).join(',');
const AQ = '>bAQ==';
joined('binary is echoed', [
    `>451-["message",${hole(0)}]`, AQ, `<451-["message-back",${hole(0)}]`, '<bAQ==',
]);
joined('nested binary is echoed', [
    `>452-["message",{"a":[${hole(0)},{"b":${hole(1)}}]},1]`, AQ, '>bAgM=',
    `<452-["message-back",{"a":[${hole(0)},{"b":${hole(1)}}]},1]`, '<bAQ==', '<bAgM=',
]);
joined('empty binary is echoed', [
    `>451-["message",${hole(0)}]`, '>b', `<451-["message-back",${hole(0)}]`, '<b',
]);
joined('ten attachments are echoed', [
    `>4510-["message",${holes(10)}]`, ...numbers(10).map(() => AQ),
    `<4510-["message-back",${holes(10)}]`, ...numbers(10).map(() => '<bAQ=='),
]);
joined('max-attachments may be less: as many are echoed', [
    `>452-["message",${holes(2)}]`, AQ, AQ, `<452-["message-back",${holes(2)}]`,
    '<bAQ==', '<bAQ==',
], { server: 'two attachments' });
joined('max-attachments may be less: one more closes',
    [`>453-["message",${holes(3)}]`, 'closes'], { server: 'two attachments' });
joined('binary in another namespace', [
    ...JOIN_CUSTOM, `>451-/custom,["message",${hole(0)}]`, AQ,
    `<451-/custom,["message-back",${hole(0)}]`, '<bAQ==',
]);
joined('a binary ack', [
    `>451-7["message-with-ack",${hole(0)}]`, AQ, `<461-7[${hole(0)}]`, '<bAQ==',
]);
joined('a binary ack of the client', [
    '>42["need-ack"]', '<420["please-ack"]', `>461-0[${hole(0)}]`, AQ,
    `<451-["ack-was",${hole(0)}]`, '<bAQ==',
], OWN_COUNT);
joined('a pong between a header and its attachments', [
    `>451-["message",${hole(0)}]`, '>3', AQ, `<451-["message-back",${hole(0)}]`, '<bAQ==',
]);
joined('another text between a header and its attachments closes',
    [`>451-["message",${hole(0)}]`, '>42["message"]', 'closes']);
joined('binary without a header closes', [AQ, 'closes']);
joined('one attachment too many closes', [
    `>451-["message",${hole(0)}]`, AQ, `<451-["message-back",${hole(0)}]`, '<bAQ==',
    AQ, 'closes',
]);
for (const [name, header] of [
    ['no count', `45["message",${hole(0)}]`],
    ['no count but a dash', `45-["message",${hole(0)}]`],
    ['a count of 0', '450-["message"]'],
    ['a count of 11', `4511-["message",${holes(11)}]`],
    ['a huge count', `4599999999999999999999-["message",${hole(0)}]`],
    ['no dash', `451["message",${hole(0)}]`],
    ['a negative count', `45-1-["message",${hole(0)}]`],
])
    joined(`a binary event with ${name} closes`, [`>${header}`, 'closes']);
for (const num of ['1', '-1', '"0"', 'null', '4294967296'])
    joined(`the placeholder ${num} of one closes`,
        [`>451-["message",{"_placeholder":true,"num":${num}}]`, AQ, 'closes']);

joined('DISCONNECT is not answered, and CONNECT may follow',
    [...JOIN_CUSTOM, '>41', ...ALIVE_CUSTOM, ...JOIN]);
joined('CONNECT may be right behind DISCONNECT', ['>41', ...JOIN],
    { over: ['websocket', 'upgrade'], dev: 'races itself' });
joined('DISCONNECT of one namespace leaves the others', [...JOIN_CUSTOM, '>41/custom,']);
joined('DISCONNECT with a payload closes', ['>41{}', 'closes']);
joined('an event after DISCONNECT closes',
    [...JOIN_CUSTOM, '>41', ...ALIVE_CUSTOM, '>42["message"]', 'closes']);
joined('kick sends 41, and the connection stays', ['>42["kick"]', '<41', ...JOIN]);
joined('kick from /custom', [...JOIN_CUSTOM, '>42/custom,["kick"]', '<41/custom,']);
joined('what comes late for a kicked namespace is ignored', [
    ...JOIN_CUSTOM, '>42/custom,["kick"]', '<41/custom,', '>42/custom,["message",1]',
    '>42/custom,5["message-with-ack"]', '>43/custom,0[]', '>41/custom,',
], { dev: 'closes' });
joined('also its attachments', [
    ...JOIN_CUSTOM, '>42/custom,["kick"]', '<41/custom,',
    `>451-/custom,["message",${hole(0)}]`, AQ,
], { dev: 'closes' });
joined('a kicked namespace may be joined again', [
    ...JOIN_CUSTOM, '>42/custom,["kick"]', '<41/custom,', ...JOIN_CUSTOM, ...ALIVE_CUSTOM,
]);
for (const packet of ['4', '44{"message":"x"}', '47', '49["message"]', '4a', '4-', '4 2["x"]'])
    joined(`${JSON.stringify(packet)} closes`, [`>${packet}`, 'closes']);
joined('a namespace without its slash closes', ['>42custom,["message"]', 'closes']);

const nested = (depth) => '['.repeat(depth) + ']'.repeat(depth);
joined('JSON 32 deep is echoed', [
    `>42["message",${nested(31)}]`, `<42["message-back",${nested(31)}]`,
]);
joined('JSON 33 deep closes', [`>42["message",${nested(32)}]`, 'closes'], { dev: 'echoes it' });
joined('JSON 100 000 deep closes', [`>42["message",${nested(100000)}]`, 'closes'],
    { over: ['websocket', 'polling'], own: true, dev: 'dies of it' });
joined('burst sends in order', ['>42["burst",5]', ...numbers(5).map((i) => `<42["b",${i}]`)]);

rule(9, 'attachments may come in a later POST than their header', async (t) => {
    const s = await Poll.open(t, t.url, SOCKET);
    await play(s, [...JOIN, `>452-["message",${holes(2)}]`]);
    await sleep(50);
    await s.say('bAQ==', 'bAg==', '42["message",1]');
    const want = [`452-["message-back",${holes(2)}]`, 'bAQ==', 'bAg==', '42["message-back",1]'];
    for (const packet of want) isPacket(await s.hear(), packet);
});
rule(9, 'sixteen refused namespaces are sixteen answers', async (t) => {
    const s = await SESSIONS.websocket(t, t.url, SOCKET);
    for (const i of numbers(16)) {
        s.say(`40/n${i},`);
        isPacket(await s.hear(), refusalOf(`/n${i}`).slice(1));
    }
    await play(s, [...JOIN, ...ALIVE]);
});
rule(9, 'volatile is sent to who listens, and not kept for who does not', async (t) => {
    const s = await Poll.open(t, t.url, SOCKET);
    await play(s, [...JOIN, '>42["volatile","lost"]', ...ALIVE]);
    const heard = s.hear();
    await s.say('42["volatile","heard"]');
    isPacket(await heard, '42["vol","heard"]');
    const ws = await SESSIONS.websocket(t, t.url, SOCKET);
    await play(ws, [...JOIN, '>42["volatile",1]', '<42["vol",1]']);
});
rule(9, 'a dead session hears nothing of its rooms', async (t) => {
    const [a, b] = [
        await SESSIONS.websocket(t, t.url, SOCKET), await SESSIONS.websocket(t, t.url, SOCKET),
    ];
    for (const s of [a, b]) await play(s, [...JOIN, '>42["join","dead"]', ...ALIVE]);
    a.leave();
    await sleep(20);
    await play(b, ['>42["room","dead",1]', '<42["roomev",1]', ...ALIVE]);
});

// A stranger may send 16 KiB in all, and nothing larger at once; who has joined, a payload.
const auth = (n) => `40{"token":"${'x'.repeat(n - 14)}"}`; // of n bytes
const STRANGER = 16384;
fresh('the largest auth', [`>${auth(STRANGER)}`, '<40{"sid":"SID"}',
    `<42["auth",${auth(STRANGER).slice(2)}]`]);
fresh('two that are too much together close', [
    `>40/unknown,${auth(STRANGER - 20).slice(2)}`, refusalOf('/unknown'), `>${auth(40)}`, 'closes',
], { dev: 'takes it' });
joined('who has joined may send more', [
    `>42["message","${'x'.repeat(STRANGER)}"]`, `<42["message-back","${'x'.repeat(STRANGER)}"]`,
]);
rule(9, 'a larger auth is 413, and the session lives (polling)', async (t) => {
    const poll = await SESSIONS.polling(t, t.url, SOCKET);
    same((await poll.post(auth(STRANGER + 1))).status, 413, 'status');
    await play(poll, [...JOIN, ...ALIVE]);
}, { dev: 'takes it' });
rule(9, 'a larger auth is 1009 (websocket)', async (t) => {
    const ws = await SESSIONS.websocket(t, t.url, SOCKET);
    ws.say(auth(STRANGER + 1));
    same((await ws.closing()).code, 1009, 'code');
}, { dev: 'takes it' });

export const { rows } = table;
