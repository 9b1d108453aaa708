/** Chapter 18: the program under test, as a program. */
import { Failure, match } from '../lib.mjs';
import { Table } from './table.mjs';

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

export const { rows } = table;
