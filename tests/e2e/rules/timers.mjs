/** Chapters 5 and 12: what happens when nothing does. */
import { between, nothing, now, same, sleep, sleepUntil } from '../lib.mjs';
import { CLOSE, probe } from '../wire.mjs';
import { ALIVE_CUSTOM, JOIN, JOIN_CUSTOM, play, refusalOf } from './script.mjs';
import { LATE, SOCKET, Table, alive, openTimed } from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

// Pings after 300 ms, dead after 200 more.
const timed = { server: 'short', alone: true };

for (const transport of ['polling', 'websocket']) {
    rule(5, `pings after pingInterval, and again after each pong (${transport})`, async (t) => {
        const s = await openTimed(t, transport);
        let [from, to] = [s.asked, s.opened];
        for (let i = 0; i < 3; i++) {
            same(await s.hear(), '2', 'packet');
            between(now(), from + 300 - 2, to + 300 + LATE, 'time of the ping');
            await sleep(50);
            from = now();
            await s.say('3');
            to = now();
        }
    }, timed);
    rule(5, `a pong that nobody asked for puts the ping off (${transport})`, async (t) => {
        const s = await openTimed(t, transport);
        await sleepUntil(s.opened + 150);
        const from = now();
        await s.say('3');
        const to = now();
        same(await s.hear(), '2', 'packet');
        between(now(), from + 300 - 2, to + 300 + LATE, 'time of the ping');
    }, timed);
    rule(5, `pings come although data flows (${transport})`, async (t) => {
        const s = await openTimed(t, transport);
        let pings = 0;
        while (now() < s.opened + 1500) {
            await s.say('4x');
            for (let packet = ''; packet !== '4x';) {
                packet = await s.hear();
                if (packet !== '2') continue;
                pings++;
                await s.say('3');
            }
            await sleep(10);
        }
        between(pings, 3, 5, 'pings in 1500 ms');
    }, timed);
}
rule(5, 'without a pong a WebSocket closes after pingTimeout', async (t) => {
    const s = await openTimed(t, 'websocket');
    same(await s.hear(), '2', 'packet');
    same(await s.closing(), { code: 1005, reason: '' }, 'close frame');
    between(now(), s.asked + 500 - 2, s.opened + 500 + LATE, 'time of the close');
}, timed);
rule(5, 'without a pong a waiting GET gets "1" after pingTimeout', async (t) => {
    const s = await openTimed(t, 'polling');
    same(await s.hear(), '2', 'packet');
    same((await s.get()).body, '1', 'poll');
    between(now(), s.asked + 500 - 2, s.opened + 500 + LATE, 'time of the close');
    await s.unknown();
}, timed);
rule(5, 'a session that nobody polls is there until pingTimeout', async (t) => {
    const s = await openTimed(t, 'polling');
    await sleepUntil(s.asked + 450);
    same(await s.hear(), '2', 'buffered ping');
    await s.say('3');
    await sleepUntil(s.opened + 600);
    await alive(s);
}, timed);
rule(5, 'two milliseconds after pingTimeout it is unknown', async (t) => {
    for (let i = 0; i < 5; i++) {
        const s = await openTimed(t, 'polling');
        await sleepUntil(s.opened + 502);
        await s.unknown();
    }
}, timed);
rule(5, 'messages are no pongs, though the first may give one pingTimeout more', async (t) => {
    const s = await openTimed(t, 'websocket');
    const talk = setInterval(() => s.say('4x'), 30);
    t.defer(() => clearInterval(talk));
    for (;;) {
        const { first } = await s.hearFrame();
        if (first === (0x80 | CLOSE)) break;
    }
    between(now(), s.asked + 500 - 2, s.opened + 700 + LATE, 'time of the close');
}, timed);
rule(5, 'a ping before the upgrade is followed by one after it', async (t) => {
    const s = await openTimed(t, 'polling');
    same(await s.hear(), '2', 'packet');
    const ws = await probe(t, s);
    const from = now();
    ws.say('5');
    for (let i = 0; i < 2; i++) {
        same(await ws.hear(), '2', 'packet');
        if (i === 0) between(now(), from + 300 - 2, from + 300 + LATE, 'time of the ping');
        ws.say('3');
    }
}, { ...timed, dev: 'never pings again' });
rule(5, 'the ping does not go to a WebSocket that probes', async (t) => {
    const s = await openTimed(t, 'polling');
    const ws = await probe(t, s);
    const heard = ws.hear();
    for (let packet = '6'; packet === '6'; packet = await s.hear()) await sleep(10);
    between(now(), s.asked + 300 - 2, s.opened + 300 + LATE, 'time of the ping');
    await nothing(100, 'packet on the WebSocket', heard);
}, timed);
rule(5, 'an upgraded session without a pong closes', async (t) => {
    const s = await openTimed(t, 'upgrade');
    const upgraded = now();
    same(await s.hear(), '2', 'packet');
    await s.gone();
    between(now(), s.asked + 500 - 2, upgraded + 500 + LATE, 'time of the close');
}, timed);

// connectTimeout is 300 ms.
const hasty = { server: 'hasty', alone: true };
for (const [name, lines] of [
    ['without CONNECT', []],
    ['with only a refusal', ['>40/unknown,', refusalOf('/unknown')]],
])
    for (const transport of ['polling', 'websocket'])
        rule(12, `${name} it closes after connectTimeout (${transport})`, async (t) => {
            const s = await openTimed(t, transport, SOCKET);
            await play(s, lines);
            await s.gone();
            between(now(), s.asked + 300 - 2, s.opened + 300 + LATE, 'time of the close');
        }, hasty);
for (const [name, lines] of [
    ['with CONNECT', JOIN],
    ['with CONNECT after a refusal', ['>40/unknown,', refusalOf('/unknown'), ...JOIN]],
    ['with CONNECT and DISCONNECT', [...JOIN, '>41']],
])
    rule(12, `${name} it stays`, async (t) => {
        const s = await openTimed(t, 'websocket', SOCKET);
        await play(s, lines);
        await sleepUntil(s.opened + 400);
        await play(s, [...JOIN_CUSTOM, ...ALIVE_CUSTOM]);
    }, hasty);

export const { rows } = table;
