/** What may be in no log and no metric, in no form. */
import { randomBytes } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import { join as path } from 'node:path';
import { Failure, match, same } from '../../lib.mjs';
import { Wire, ask } from '../../wire.mjs';
import { unix } from '../issuers.mjs';
import { joinSynced, overTransports, refusal } from '../peer.mjs';
import { get } from '../serve.mjs';
import { wallet } from '../wallet.mjs';

/** Of bytes that may stand anywhere in what was encoded: only the characters they alone make. */
function base64At(bytes, shift) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64');
    const from = Math.ceil((shift * 8) / 6);
    return text.slice(from, Math.floor(((shift + bytes.length) * 8) / 6));
}

/** Each form in which a secret might be there. */
export function forms(secret) {
    const bytes = Buffer.from(secret);
    const base64 = [0, 1, 2].map((shift) => base64At(bytes, shift));
    return [
        bytes.toString('latin1'), bytes.toString('utf8'),
        bytes.toString('hex'), bytes.toString('hex').toUpperCase(),
        ...base64, ...base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    ];
}

export function holdsNone(text, secrets, what) {
    for (const [name, secret] of secrets)
        for (const form of forms(secret))
            if (text.includes(form)) throw new Failure(`${what} holds ${name}, as ${form}`);
}

/** Would it be found? */
function findsWhatIsThere() {
    const secret = randomBytes(24);
    for (const shift of [0, 1, 2, 3, 4]) {
        const around = Buffer.concat([randomBytes(shift), secret, randomBytes(7)]);
        for (const text of ['hex', 'base64', 'base64url', 'latin1'].map((e) => around.toString(e)))
            try {
                holdsNone(`event=x value=${text}\n`, [['it', secret]], 'the log');
                throw new Error(`not found behind ${shift} bytes: ${text}`);
            } catch (error) {
                if (!(error instanceof Failure)) throw error;
            }
    }
}

/** The private key that the server has made, and the text in which it keeps it. */
function ownKeys(data) {
    const keys = readdirSync(data, { withFileTypes: true })
        .filter((file) => file.isFile())
        .map((file) => readFileSync(path(data, file.name), 'latin1'))
        .filter((text) => text.includes('PRIVATE KEY'));
    same(keys.length, 1, 'files with a private key');
    const base64 = keys[0].split('\n').filter((line) => line && !line.startsWith('-')).join('');
    return Buffer.from(base64, 'base64').subarray(-32);
}

/** Everything that a client might do, with something to look for in each place. */
async function leavesNoTrace(t) {
    await t.serve({ options: ['--log=trace', '--rate-limits=off', '--drain=1s'] });
    const secrets = [];
    const secret = (name) => {
        const text = `${name.replaceAll(' ', '-')}-${randomBytes(9).toString('hex')}`;
        secrets.push([name, text]);
        return text;
    };
    const token = async (name, address, how) => {
        const made = await t.issuers.token(address, how);
        made.split('.').forEach((part, i) => i && secrets.push([`part ${i} of ${name}`, part]));
        return made;
    };
    const [wa, wb] = [wallet(), wallet()];
    const a = await joinSynced(t, wa, { token: await token('a token', wa) });
    const extraHeaders = { Authorization: `Bearer ${await token('a token in a header', wb)}` };
    const b = await joinSynced(t, wb, { token: null, extraHeaders });

    const refused = [
        await token('an expired token', wa, { claims: { exp: unix() - 100 } }),
        await token('a forged token', wa, { key: randomBytes(48) }),
        await token('a token of an unknown issuer', wa, { claims: { iss: 'https://other' } }),
        secret('garbage'),
    ];
    for (const one of refused) await refusal(t, wa, { token: one });
    await refusal(t, wa, { token: null, query: { token: secret('a token in the URL') } });
    await refusal(t, wa, {
        token: null, extraHeaders: { Authorization: `Basic ${secret('a password')}` },
    });
    const own = t.servers.command('token', wa, '--ttl=1h', `--data=${t.server.data}`).trim();
    secrets.push(['its own token', own.split('.')[2]]);
    await (await joinSynced(t, wa, { token: own })).leave();
    await (await joinSynced(t, wa, { cursor: secret('a cursor') })).leave();

    await a.send(wb, secret('a text'), { client_msg_id: 'k1' });
    await a.send(wb, secret('a text'), { client_msg_id: 'k2' });
    await a.refused('message.send',
        { to: wb, type: 'text', content: secret('a conflict'), client_msg_id: 'k1' },
        'conflict', { field: 'client_msg_id' });
    await a.ok('message.send', { to: wb, type: 'x-any', content: { [secret('a key')]: 1 } });
    await a.refused('message.send', { to: secret('a recipient'), type: 'text', content: 'x' },
        'recipient_invalid', { field: 'to' });
    await a.refused('message.send', { to: wb, type: secret('a type'), content: 'x' },
        'unsupported_type', { field: 'type' });
    await a.ask('message.send',
        { to: wb, type: 'text', content: Buffer.from(secret('some bytes')) });
    await a.refused('message.send', { to: wb, type: 'text', content: `${secret('a long text')}\0` },
        'bad_request', { field: 'content' });
    await a.refused(secret('an event'), { x: secret('a payload') }, 'unknown_event');
    a.socket.emit('message.send', { to: wb, type: 'text', content: secret('a quiet text') });
    await a.take('ack');
    await b.takeAll('message.new', 4);
    await b.ok('message.read', { peer: wa, seq: 4 });
    await b.ok('message.history', { peer: wa });
    await b.send(wa, secret('an answer'));
    await a.take('message.new');
    secrets.push(['a session id', a.socket.io.engine.id], ['a socket id', a.socket.id]);

    const wire = await Wire.open(t, t.url);
    wire.send(`GET /${secret('a path')} HTTP/1.1\r\nHost: x\r\n` +
        `Cookie: ${secret('a cookie')}\r\n\r\n`);
    await wire.response();
    await ask(t, t.url, 'POST', '/socket.io/?EIO=4&transport=polling',
        { body: secret('a body') });
    const metrics = await get(`${t.url}/metrics`);
    for (const by of ['hs', 'claim', 'strict'])
        secrets.push([`the secret of ${by}`, t.issuers.all[by].secret]);
    secrets.push(['the private key', ownKeys(t.server.data)]);
    await b.drop();
    await t.server.stop();

    match(t.server.stderr, /level=trace/, 'log');
    findsWhatIsThere();
    holdsNone(t.server.stderr, secrets, 'the log');
    holdsNone(metrics, secrets, '/metrics');
    for (const address of [wa, wb])
        if (metrics.toLowerCase().includes(address.slice(2).toLowerCase()))
            throw new Failure('/metrics names a wallet');
}

export const rows = overTransports('secrets', [
    ['leaves no trace of what is secret', leavesNoTrace, { own: true, limit: 30000 }],
]);

