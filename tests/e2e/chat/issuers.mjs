/**
 * Host applications that mint tokens, each with keys of its own: what `parley serve` is told
 * about them, and their tokens, right or wrong in one thing.
 */
import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SignJWT, UnsecuredJWT, exportJWK } from 'jose';

export const AUDIENCE = 'chat.test';
export const HOUR = 3600; // seconds, as in tokens

const PAIRS = {
    RS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    PS256: () => generateKeyPairSync('rsa', { modulusLength: 2048 }),
    ES256: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    EdDSA: () => generateKeyPairSync('ed25519'),
};

const pem = (key, type) => key.export({ type, format: 'pem' });
const unix = () => Math.floor(Date.now() / 1000);

export class Issuers {
    /** By name: alg, and the key that signs. */
    all = {};
    #sections = [];

    static async make(dir) {
        const issuers = new Issuers();
        issuers.dir = dir;
        issuers.#addSecret('hs');
        issuers.#addSecret('claim', 'claim = wallet');
        issuers.#addSecret('strict', 'skew = 0s');
        for (const alg of Object.keys(PAIRS)) issuers.#addPem(alg);
        await issuers.#addJwks();
        issuers.config = join(dir, 'parley.conf');
        writeFileSync(issuers.config, issuers.#sections.join('\n'));
        return issuers;
    }

    #file(name, text) {
        const path = join(this.dir, name);
        writeFileSync(path, text, { mode: 0o600 });
        return path;
    }

    #section(name, ...lines) {
        this.#sections.push(`[issuer ${name}]`, `iss = https://${name}.test`,
            `aud = ${AUDIENCE}`, ...lines, '');
    }

    #addSecret(name, ...lines) {
        const secret = randomBytes(24).toString('hex');
        const file = this.#file(`${name}.secret`, secret);
        this.#section(name, ...lines, `secret-file = ${file}`);
        this.all[name] = { alg: 'HS256', key: Buffer.from(secret), secret, file };
    }

    #addPem(alg) {
        const name = alg.toLowerCase();
        const { privateKey, publicKey } = PAIRS[alg]();
        const text = pem(publicKey, 'spki');
        this.#section(name, ...(alg === 'PS256' ? ['alg = PS256'] : []),
            `pem-file = ${this.#file(`${name}.pem`, text)}`);
        this.all[name] = { alg, key: privateKey, pem: text };
    }

    /** One issuer with a key for each alg. */
    async #addJwks() {
        const keys = [];
        for (const alg of Object.keys(PAIRS)) {
            const { privateKey, publicKey } = PAIRS[alg]();
            const kid = `key-${alg}`;
            keys.push({ ...(await exportJWK(publicKey)), alg, kid, use: 'sig' });
            this.all[`jwks-${alg.toLowerCase()}`] = {
                alg, kid, iss: 'https://jwks.test', key: privateKey, pem: pem(publicKey, 'spki'),
            };
        }
        const file = this.#file('keys.jwks', JSON.stringify({ keys }));
        this.#section('jwks', `jwks-file = ${file}`);
    }

    /** What a token that is right says; a claim of undefined is left out. */
    #claims(address, name, more) {
        const claims = {
            iss: this.all[name].iss ?? `https://${name}.test`,
            aud: AUDIENCE,
            [name === 'claim' ? 'wallet' : 'sub']: address,
            exp: unix() + HOUR,
            jti: randomUUID(), // which makes each token one of its own
            ...more,
        };
        for (const claim of Object.keys(claims))
            if (claims[claim] === undefined) delete claims[claim];
        return claims;
    }

    /**
     * @param by      the issuer; its header and key, unless these are given
     * @param claims  instead of, and beside, what a token that is right says
     */
    token(address, { by = 'hs', claims, header, key } = {}) {
        const issuer = this.all[by];
        return new SignJWT(this.#claims(address, by, claims))
            .setProtectedHeader({ alg: issuer.alg, typ: 'JWT',
                ...(issuer.kid && { kid: issuer.kid }), ...header })
            .sign(key ?? issuer.key);
    }

    unsigned(address, by = 'hs') {
        return new UnsecuredJWT(this.#claims(address, by)).encode();
    }

    /** Right in all but the signature: that of another key of the same kind. */
    forged(address, by) {
        const { alg } = this.all[by];
        const key = alg === 'HS256' ? randomBytes(48) : PAIRS[alg]().privateKey;
        return this.token(address, { by, key });
    }

    /** The public key, which everybody knows, as a secret. */
    confused(address, by) {
        return this.token(address, {
            by, header: { alg: 'HS256' }, key: Buffer.from(this.all[by].pem),
        });
    }
}

export { unix };
