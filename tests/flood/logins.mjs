/** What a flood is made of, made beforehand: signing takes longer than all that is measured. */
import { availableParallelism } from 'node:os';
import { same } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Wire } from '../e2e/wire.mjs';
import { inThread } from './thread.mjs';

const WIRES = 8;

/** n nonces of the server's, and what else a message needs. */
async function challenges(t, n) {
    const got = [];
    let left = n;
    await Promise.all(numbers(WIRES).map(async () => {
        const wire = await Wire.open(t, t.url);
        while (left-- > 0) {
            const { status, body } = await wire.ask('GET', '/v1/auth/nonce');
            same(status, 200, `status of a nonce (${body})`);
            got.push(JSON.parse(body));
        }
        wire.socket.destroy();
    }));
    return got;
}

/** @return n requests, each with a nonce of its own: good for five minutes */
export async function logins(t, n) {
    const all = await challenges(t, n);
    const size = Math.ceil(n / availableParallelism());
    const shares = numbers(Math.ceil(n / size), 0).map((i) => all.slice(i * size, (i + 1) * size));
    const signed = await Promise.all(shares.map((share, i) =>
        inThread('./sign.mjs', { challenges: share, name: `signer ${i + 1}` })));
    return signed.flat();
}
