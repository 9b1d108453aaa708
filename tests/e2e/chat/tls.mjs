/** HTTPS by the server itself (--tls-cert): certificates, and whether a run is over it. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import https from 'node:https';
import { join as path } from 'node:path';
import { within } from '../lib.mjs';

/** PARLEY_TLS_CERT: the servers of the run have it, and NODE_EXTRA_CA_CERTS is for us. */
export const TLS = Boolean(process.env.PARLEY_TLS_CERT);

/** Rows that are `plain` are about TCP itself, or what only HTTP without TLS does. */
export const isOfThisScheme = (row) => !TLS || !row.plain;

const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });

const P256 = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

/** Whom clients trust: ca.pem and ca.key. @return what to trust */
export function authorize(dir) {
    openssl('req', '-x509', ...P256, '-days', '30', '-subj', '/CN=authority',
        '-keyout', path(dir, 'ca.key'), '-out', path(dir, 'ca.pem'));
    return readFileSync(path(dir, 'ca.pem'));
}

/**
 * A key, and a certificate of this machine's names.
 *
 * @param dir   gets cert.pem and key.pem
 * @param by    the authority's
 * @param name  CN
 */
export function certify(dir, by, name, key = P256) {
    openssl('req', '-x509', ...key, '-days', '30', '-subj', `/CN=${name}`,
        '-CA', path(by, 'ca.pem'), '-CAkey', path(by, 'ca.key'),
        '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1',
        '-addext', 'basicConstraints=critical,CA:FALSE',
        '-keyout', path(dir, 'key.pem'), '-out', path(dir, 'cert.pem'));
}

export const optionsOf = (dir) =>
    [`--tls-cert=${path(dir, 'cert.pem')}`, `--tls-key=${path(dir, 'key.pem')}`];

/** @param how  of https.request(): ca @return status, text, and what was shown */
export const getOver = (url, how) => exchangeOver(url, how);

export const putOver = (url, bytes, how) => exchangeOver(url, { ...how, method: 'PUT' }, bytes);

function exchangeOver(url, how, bytes) {
    return within(5000, `answer of ${url}`, new Promise((resolve, reject) => {
        https.request(url, { agent: false, ...how }, (response) => {
            const { subject } = response.socket.getPeerCertificate();
            const version = response.socket.getProtocol();
            let text = '';
            response.on('data', (some) => (text += some)).on('error', reject)
                .on('end', () => resolve({ status: response.statusCode, text, cn: subject.CN, version }));
        }).on('error', reject).end(bytes);
    }));
}
