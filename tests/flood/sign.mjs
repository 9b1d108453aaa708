/** Logins that are right in all but one thing: another key has signed. */
import { request } from '../e2e/wire.mjs';
import { evmWallet } from '../e2e/chat/signer.mjs';

const HEADERS = { 'Content-Type': 'application/json' };
const SAY_EVERY = 2500;

/** @return for each challenge a request, as text */
export default async function sign({ challenges, name }) {
    const [wallet, other] = [evmWallet(), evmWallet()];
    const requests = [];
    for (const challenge of challenges) {
        const message = wallet.write(wallet, challenge);
        const body = JSON.stringify({ message, signature: await other.sign(message) });
        requests.push(request('POST', '/v1/auth/login', { headers: HEADERS, body }).toString());
        if (requests.length % SAY_EVERY === 0)
            console.error(`${name}: ${requests.length} of ${challenges.length} signed`);
    }
    return requests;
}
