/** AWS Signature Version 4 in the query of a link, for what no proper client would sign. */
import { createHash, createHmac } from 'node:crypto';

const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const stamp = (unixMs) => new Date(unixMs).toISOString().replace(/-|:|\.\d{3}/g, '');

/** As SigV4 wants it: all but letters, digits and -._~ */
export const encode = (text) => encodeURIComponent(text)
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

const byName = ([a], [b]) => (a < b ? -1 : 1);

const signatureOf = ({ secret, region }, day, text) =>
    hmac(['s3', 'aws4_request'].reduce(hmac, hmac(hmac(`AWS4${secret}`, day), region)), text)
        .toString('hex');

/**
 * @param key      { access, secret, region }
 * @param origin   "http://127.0.0.1:8080"
 * @param path     encoded already, and signed as it is
 * @param query    names and values, encoded here
 * @param headers  that are signed beside host, names in lower case
 * @return the link
 */
export function presign(key, {
    origin, path, method = 'GET', query = {}, headers = {}, unixMs = Date.now(), expires = 60,
    host = new URL(origin).host,
}) {
    const at = stamp(unixMs);
    const day = at.slice(0, 8);
    const scope = `${day}/${key.region}/s3/aws4_request`;
    const signed = Object.entries({ ...headers, host }).sort(byName);
    const names = signed.map(([name]) => name).join(';');
    const all = {
        ...query, 'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
        'X-Amz-Credential': `${key.access}/${scope}`, 'X-Amz-Date': at,
        'X-Amz-Expires': `${expires}`, 'X-Amz-SignedHeaders': names,
    };
    const text = Object.entries(all).sort(byName).map((pair) => pair.map(encode).join('='))
        .join('&');
    const lines = signed.map(([name, value]) => `${name}:${value}\n`).join('');
    const canonical = [method, path, text, lines, names, 'UNSIGNED-PAYLOAD'].join('\n');
    const hash = createHash('sha256').update(canonical).digest('hex');
    const signature = signatureOf(key, day, `AWS4-HMAC-SHA256\n${at}\n${scope}\n${hash}`);
    return `${origin}${path}?${text}&X-Amz-Signature=${signature}`;
}
