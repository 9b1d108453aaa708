/** An issuer that publishes its keys over HTTP, as an identity provider does: it may go away, put
 * other keys there, or say what no issuer should. */
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { SignJWT, exportJWK } from 'jose';
import { AUDIENCE, HOUR, unix } from './issuers.mjs';

export class Idp {
    asked = 0;      // how often it was asked for its keys
    say = undefined; // (response) => what it does instead of publishing them
    #keys = new Map();
    #published = [];
    #isAway = false;

    /** It has a key, "first", and publishes it. */
    static async start(t, name) {
        const idp = Object.assign(new Idp(), { t, name });
        await idp.make('first');
        idp.publish('first');
        await idp.#listen();
        return idp;
    }

    async #listen() {
        this.server = createServer((request, response) => this.#answer(request, response));
        this.server.on('connection', (socket) => this.#isAway && socket.destroy());
        this.server.listen(0, '127.0.0.1');
        await once(this.server, 'listening');
        this.t.defer(() => {
            this.close();
            this.server.close();
        });
    }

    /** Whoever comes is turned away. The port stays its own, or another row's might answer there. */
    close() {
        this.#isAway = true;
        this.server.closeAllConnections();
    }

    open() {
        this.#isAway = false;
    }

    #answer(request, response) {
        this.asked++;
        if (this.say) this.say(response, request);
        else response.end(this.jwks());
    }

    async make(kid) {
        const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
        const jwk = { ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' };
        this.#keys.set(kid, { privateKey, jwk });
    }

    publish(...kids) {
        this.#published = kids;
    }

    jwks(more = []) {
        return JSON.stringify({
            keys: [...this.#published.map((kid) => this.#keys.get(kid).jwk), ...more],
        });
    }

    get url() {
        return `http://127.0.0.1:${this.server.address().port}/keys?secret=of-${this.name}`;
    }

    get iss() {
        return `https://${this.name}.test`;
    }

    /** For the file of options. */
    get section() {
        return `[issuer ${this.name}]\niss = ${this.iss}\naud = ${AUDIENCE}\njwks-url = ${this.url}\n`;
    }

    /** @param kid  that the token says, of another key perhaps */
    token(address, by = 'first', { kid = by } = {}) {
        const claims = {
            iss: this.iss, aud: AUDIENCE, sub: address, exp: unix() + HOUR, jti: randomUUID(),
        };
        return new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'JWT', kid })
            .sign(this.#keys.get(by).privateKey);
    }
}
