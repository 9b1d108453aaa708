/** Chapter 18: the program under test, as a program. */
import { io } from 'socket.io-client';
import { Failure, match, next, same } from '../lib.mjs';
import { Wire } from '../wire.mjs';
import { SOCKET, Table } from './table.mjs';

const table = new Table();
const rule = table.rule.bind(table);

/** @return why it does not start */
async function refusal(t, options, listen) {
    let server;
    try {
        server = await t.start(options, listen);
    } catch (error) {
        return error.message;
    }
    await server.stop();
    throw new Failure('it starts');
}

const own = { own: true, dev: 'is no selftest' };

for (const listen of ['0.0.0.0:0', '[::]:0', '192.0.2.1:0'])
    rule(18, `it does not listen on ${listen}`, async (t) => {
        const why = await refusal(t, [], listen);
        match(why, /ended \([1-9]\d*\), not ready:\n.*loopback/, 'end');
    }, own);
rule(18, 'it listens on the loopback of IPv6', async (t) => {
    const server = await t.start([], '[::1]:0');
    match(server.url, /^http:\/\/\[::1\]:\d+$/, 'URL');
    await server.stop();
}, own);
for (const [name, option] of [
    ['an unknown option', '--no-such=1'],
    ['a number without its unit', '--ping-interval=300'],
    ['a word for a duration', '--ping-interval=soon'],
    ['a word for a size', '--max-payload=big'],
    ['an unknown transport', '--transports=pigeon'],
    ['a word for a switch', '--allow-upgrades=perhaps'],
])
    rule(18, `it does not start with ${name}, and names it`, async (t) => {
        const [word] = /^--[a-z-]+/.exec(option);
        const why = await refusal(t, [option]);
        match(why, new RegExp(`ended \\([1-9]\\d*\\), not ready:\n.*${word.slice(2)}`), 'end');
    }, own);
for (const option of ['recovery', 'cookie', 'permessage-deflate', 'allow-eio3'])
    rule(18, `it names ${option} as ignored`, async (t) => {
        const server = await t.start([`--${option}=true`]);
        await server.stop();
        match(server.stderr, new RegExp(`${option}.*ignored|ignored.*${option}`), 'stderr');
    }, own);

rule(18, 'it keeps 64 files for itself, and says whom it turns away', async (t) => {
    const server = await t.start([], '127.0.0.1:0', 160);
    const isServed = async (wire) => {
        const { status } = await wire.ask('GET', `${SOCKET}?EIO=4&transport=polling`);
        same(status, 200, 'status');
        return wire;
    };
    const held = [];
    while (held.length < 160 - 64) held.push(await isServed(await Wire.open(t, server.url)));
    same(await (await Wire.open(t, server.url)).over(), '', 'answer to one more');

    const last = held.pop().socket.destroy();
    await next(last, 'close');
    await isServed(held[0]); // in a turn in which the end of the last one was there, too
    await isServed(await Wire.open(t, server.url));
    await server.stop();
    match(server.stderr, /event=io_too_many_connections max=96/, 'log');
}, own);

/** What the log may not hold, in each form in which it might. */
function forms(secret) {
    const bytes = Buffer.from(secret);
    return [secret, bytes.toString('hex'), bytes.toString('base64').replace(/=+$/, '')];
}

for (const transport of ['websocket', 'polling'])
    rule(18, `its log at level trace holds no session id, token or text (${transport})`,
        async (t) => {
            const server = await t.start(['--log=trace']);
            const secrets = ['token-5f3c', 'text-91ab', 'bytes-7e20', 'query-c4d1'];
            const socket = io(server.url, {
                transports: [transport],
                auth: { token: secrets[0] },
                query: { extra: secrets[3] },
                forceNew: true,
                reconnection: false,
            });
            t.defer(() => socket.close());
            same((await next(socket, 'auth'))[0].token, secrets[0], 'auth');
            secrets.push(socket.id, socket.io.engine.id);
            socket.emit('message', secrets[1], Buffer.from(secrets[2]));
            same((await next(socket, 'message-back'))[0], secrets[1], 'text');
            socket.emit(secrets[1], 'an event that nobody knows');
            socket.emit('kick');
            await next(socket, 'disconnect');
            await server.stop();
            match(server.stderr, /level=trace/, 'log');
            for (const secret of secrets)
                for (const form of forms(secret))
                    if (server.stderr.includes(form))
                        throw new Failure(`"${form}" is in the log`);
        }, { own: true, dev: 'has no such log' });

export const { rows } = table;
