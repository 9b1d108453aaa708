/** The server's own TLS: what it shows, to whom, and that a new certificate costs nobody anything. */
import { copyFileSync, rmSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { match, same, spare, until } from '../../lib.mjs';
import { Wire, ask, request } from '../../wire.mjs';
import { areInOrder, numbers, seqs } from '../expect.mjs';
import { joinSynced, overTransports } from '../peer.mjs';
import { folder } from '../serve.mjs';
import { authorize, certify, getOver, optionsOf } from '../tls.mjs';
import { sendMany } from './delivery.mjs';
import { startsWithNone } from './life.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];
const TRIES = 40; // connections, which the kernel deals out to workers

/** A server with a certificate of its own. @return its folder, and how to ask it */
async function start(t, ...options) {
    const by = folder('authority');
    const dir = folder('certificate');
    const ca = authorize(by);
    certify(dir, by, 'first');
    await t.serve({ options: [...QUIET, ...optionsOf(dir), ...options] });
    return { dir, by, ca };
}

const upload = { mime: 'image/png', size: 100, name: 'a.png' };

async function speaksHttps(t) {
    const { ca } = await start(t);
    match(t.url, /^https:\/\/127\.0\.0\.1:\d+$/, 'URL');
    for (const version of ['TLSv1.2', 'TLSv1.3']) {
        const how = { ca, minVersion: version, maxVersion: version };
        const { status, cn, version: spoken } = await getOver(`${t.url}/healthz`, how);
        same([status, cn, spoken], [200, 'first', version], version);
    }
    const { text } = await getOver(`${t.url}/metrics`, { ca });
    const [, end] = /^parley_tls_certificate_end_seconds (\d+)$/m.exec(text);
    same(Math.round((Number(end) - Date.now() / 1000) / 86400), 30, 'days that it is good');
    const a = await joinSynced(t, undefined, { ca });
    match((await a.ok('upload.create', upload)).url, /^https:\/\//, 'link');
    await a.works();
}

/** One mistyped letter. */
async function tellsWhoSpeaksHttp(t) {
    await start(t);
    const { status, body } = await ask(t, t.url.replace('https:', 'http:'), 'GET', '/healthz');
    same([status, body], [400, 'This port speaks HTTPS, not HTTP\n'], 'answer');
}

/** @return the names that new connections are shown */
async function shown(t, ca) {
    const names = new Set();
    for (let i = 0; i < TRIES; i++)
        names.add((await getOver(`${t.url}/healthz`, { ca })).cn);
    return [...names];
}

/** While messages are sent, again and again. */
async function takesANewOne(t) {
    const { dir, by, ca } = await start(t, '--workers=2');
    const [a, b] = [await joinSynced(t, undefined, { ca }), await joinSynced(t, undefined, { ca })];
    const [rounds, n] = [6, 200];
    for (const i of numbers(rounds)) {
        const sent = spare(sendMany(a, b.address, n, { from: (i - 1) * n + 1 }));
        certify(dir, by, `number ${i}`);
        t.server.child.kill('SIGHUP');
        await until('a new certificate is there', () => t.server.stderr
            .split('event=tls_certificate_new').length === i + 1, 5000);
        same(await shown(t, ca), [`number ${i}`], 'shown');
        await sent;
    }
    areInOrder(seqs(await b.takeAll('message.new', rounds * n)), 1, rounds * n);
    await a.works();
    await b.works();
}

async function keepsAGoodOne(t) {
    const { dir, by, ca } = await start(t);
    const another = folder('certificate');
    certify(another, by, 'another');
    for (const spoil of [
        () => writeFileSync(path(dir, 'key.pem'), 'no key'),
        () => copyFileSync(path(another, 'key.pem'), path(dir, 'key.pem')),
        () => rmSync(path(dir, 'cert.pem')),
    ]) {
        spoil();
        const before = t.server.stderr.split('event=tls_certificate_kept').length;
        t.server.child.kill('SIGHUP');
        await until('it says so', () =>
            t.server.stderr.split('event=tls_certificate_kept').length > before, 5000);
        same(await shown(t, ca), ['first'], 'shown');
    }
    certify(dir, by, 'second');
    t.server.child.kill('SIGHUP');
    await until('the new one is there', async () =>
        (await getOver(`${t.url}/healthz`, { ca })).cn === 'second', 5000);
}

async function refusesToStart(t) {
    const by = folder('authority');
    const [dir, other, weak] = ['one', 'other', 'weak'].map((name) => folder(name));
    authorize(by);
    certify(dir, by, 'x');
    certify(other, by, 'y');
    certify(weak, by, 'z', ['-newkey', 'rsa:1024', '-nodes']);
    const [cert, key] = optionsOf(dir);
    await startsWithNone(t, [
        ['no key', [cert], /--tls-cert and --tls-key go together/],
        ['no certificate', [key], /--tls-cert and --tls-key go together/],
        ['nothing there', [`--tls-cert=${dir}/none`, key], /--tls-cert: '.*none': no certificate/],
        ['a key in its place', [`--tls-cert=${dir}/key.pem`, key], /--tls-cert: .*no certificate/],
        ['no key there', [cert, `--tls-key=${dir}/none`], /--tls-key: '.*none': no key/],
        ['another key', [cert, `--tls-key=${other}/key.pem`], /the key is not the one of the first/],
        ['a weak one', optionsOf(weak), /too short/],
        ['several servers', [cert, key, '--bus=nats://127.0.0.1:1'], /reach each other without TLS/],
    ], 2);
}

/** Who never ends the handshake is let go of, as who never ends a request is. */
async function waitsForNobody(t) {
    const { ca } = await start(t);
    const silent = await Wire.open(t, t.url.replace('https:', 'http:'));
    const half = await Wire.open(t, t.url.replace('https:', 'http:'));
    half.socket.write(Buffer.from('16030100', 'hex'));
    const gone = [silent, half].map(({ socket }) =>
        new Promise((resolve) => socket.once('close', resolve)));
    same((await getOver(`${t.url}/healthz`, { ca })).status, 200, 'others');
    await Promise.all(gone);
    match((await getOver(`${t.url}/metrics`, { ca })).text, /^parley_connections 1$/m, 'connections');
}

const once = { own: true, single: true, over: ['websocket'] };

export const rows = overTransports('tls', [
    ['speaks HTTPS with its certificate', speaksHttps, { own: true, single: true }],
    ['tells who speaks HTTP', tellsWhoSpeaksHttp, once],
    ['takes a new certificate, and drops nobody', takesANewOne, { own: true, single: true }],
    ['keeps a good certificate where the new one is none', keepsAGoodOne, once],
    ['refuses to start with what is no good', refusesToStart,
        { ...once, plain: 'the environment names files, too' }],
    ['waits for nobody who does not say hello', waitsForNobody, once],
]);
