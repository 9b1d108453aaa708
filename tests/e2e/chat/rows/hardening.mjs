/**
 * What a server can't do any more once it has started, of its own process; what the kernel refuses to
 * such a process is in tests/unit/test_io_harden.c. Each with --hardening=off as well, where it can.
 */
import { createHmac, createPrivateKey } from 'node:crypto';
import { copyFileSync, readFileSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join as path } from 'node:path';
import { Skip, match, same, until } from '../../lib.mjs';
import { gives, image, sendFile, upload } from '../media.mjs';
import { isVault, search } from '../memory.mjs';
import { joinAll, joinSynced, overTransports } from '../peer.mjs';
import { SIGN_IN, folder } from '../serve.mjs';
import { authorize, certify, getOver, optionsOf } from '../tls.mjs';

const QUIET = ['--rate-limits=off', '--drain=1s', '--log=info'];
const OFF = '--hardening=off';

const serve = (t, ...options) => t.serve({ options: [...QUIET, ...options] });

/** Of each thread: no_new_privs, and seccomp. */
const statusOf = (pid) => readdirSync(`/proc/${pid}/task`).map((task) => {
    const status = readFileSync(`/proc/${pid}/task/${task}/status`, 'utf8');
    const [, privs] = /^NoNewPrivs:\s+(\d)$/m.exec(status);
    const [, calls] = /^Seccomp:\s+(\d)$/m.exec(status);
    return `${privs} ${calls}`;
});

const hardenedOf = (server) => /event=io_hardened (.*)$/m.exec(server.stderr)?.[1];

/** What it has done, by its log; the row needs it. */
function needs(server, what) {
    if (!hardenedOf(server)?.includes(what))
        throw new Skip(`this kernel lacks it: ${hardenedOf(server)}`);
}

const lacks = (server) => server.stderr.match(/event=io_hardening_lacks.*/g) ?? [];

async function holdsForEachThread(t) {
    await serve(t, '--workers=2');
    const [a, b] = await joinAll(t, 2); // its threads are all there
    await sendFile(a, b.address, 'image', await upload(t, a, image()));
    same([...new Set(statusOf(t.server.child.pid))],
        [`1 ${hardenedOf(t.server).includes('calls=seccomp') ? 2 : 0}`], 'each thread');
    match(readFileSync(`/proc/${t.server.child.pid}/limits`, 'utf8'),
        /^Max core file size\s+0\s+0\s/m, 'limits');
    same(lacks(t.server).every((line) => /what=(files|ports|signals|calls)/.test(line)), true, 'log');
}

async function isOffWhereItIsTold(t) {
    await serve(t, '--workers=2', OFF);
    await (await joinSynced(t)).works();
    same([...new Set(statusOf(t.server.child.pid))], ['0 0'], 'each thread');
    match(t.server.stderr, / level=info layer=io event=io_hardening_off /, 'log');
    same(hardenedOf(t.server), undefined, 'io_hardened');
}

/** A certificate that a link would have the server fetch from anywhere. */
async function linkOut(t, ...options) {
    const by = folder('authority');
    const [dir, outside] = [folder('certificate'), folder('outside')];
    const ca = authorize(by);
    certify(dir, by, 'first');
    certify(outside, by, 'outside');
    await serve(t, ...optionsOf(dir), ...options);
    for (const name of ['cert.pem', 'key.pem']) {
        rmSync(path(dir, name));
        symlinkSync(path(outside, name), path(dir, name));
    }
    t.server.child.kill('SIGHUP');
    await until('it has read them, or not', () =>
        /event=tls_certificate_(new|kept)/.test(t.server.stderr), 5000);
    const { cn } = await getOver(`${t.url}/healthz`, { ca });
    return { cn, dir, outside, ca };
}

async function followsNoLinkOut(t) {
    const { cn, dir, outside, ca } = await linkOut(t);
    needs(t.server, 'files=landlock');
    same(cn, 'first', 'shown');
    match(t.server.stderr, /event=tls_certificate_kept/, 'log');
    for (const name of ['cert.pem', 'key.pem']) { // what is put there itself is taken
        rmSync(path(dir, name));
        copyFileSync(path(outside, name), path(dir, name));
    }
    t.server.child.kill('SIGHUP');
    await until('a new one', () => /event=tls_certificate_new/.test(t.server.stderr), 5000);
    same((await getOver(`${t.url}/healthz`, { ca })).cn, 'outside', 'shown');
}

async function followsItWithout(t) {
    same((await linkOut(t, OFF)).cn, 'outside', 'shown');
}

/** Links of such certificates lead to the directory beside, where the files change their names. */
async function followsThoseOfAcme(t) {
    const by = folder('authority');
    const [live, archive] = [folder('live'), folder('archive')];
    const ca = authorize(by);
    const link = (i) => {
        certify(archive, by, `number ${i}`);
        for (const name of ['cert', 'key']) {
            copyFileSync(path(archive, `${name}.pem`), path(archive, `${name}${i}.pem`));
            rmSync(path(live, `${name}.pem`), { force: true });
            symlinkSync(path(archive, `${name}${i}.pem`), path(live, `${name}.pem`));
        }
    };
    link(1);
    await serve(t, ...optionsOf(live));
    link(2);
    t.server.child.kill('SIGHUP');
    await until('a new one', async () =>
        (await getOver(`${t.url}/healthz`, { ca })).cn === 'number 2', 5000);
}

/** A program of somebody else's needs files and calls that nobody here knows of. */
async function leavesAScanAlone(t) {
    await serve(t, '--media-scan=/bin/true', '--workers=2');
    const [a, b] = await joinAll(t, 2);
    const file = image();
    await sendFile(a, b.address, 'image', await upload(t, a, file));
    await gives(t, (await b.take('message.new')).content.url, file);
    same([...new Set(statusOf(t.server.child.pid))], ['1 0'], 'each thread');
    match(hardenedOf(t.server), /^files=off calls=off .* why="--media-scan runs a program"$/, 'log');
}

/** A number as it is written, and as BIGNUMs have it. */
const bothWays = (name, text) => {
    const bytes = Buffer.from(text, 'base64url');
    return { [name]: bytes, [`${name}, turned`]: Buffer.from(bytes).reverse() };
};

const secretsOf = (file) => {
    const pem = readFileSync(file, 'latin1');
    const { d, p, q } = createPrivateKey(pem).export({ format: 'jwk' });
    const all = { 'text of the key': Buffer.from(pem.split('\n')[1]), ...bothWays('d', d) };
    return p ? { ...all, ...bothWays('p', p), ...bothWays('q', q) } : all;
};

const named = (who, all) =>
    Object.fromEntries(Object.entries(all).map(([what, bytes]) => [`${who}: ${what}`, bytes]));

/** All that lives as long as the server. */
function needlesOf(t, dir) {
    const of = (name) => readFileSync(path(t.server.data, name));
    const derived = (what) => createHmac('sha256', of('sign-in.key')).update(what).digest();
    return {
        ...named('signing key', secretsOf(path(t.server.data, 'signing-key.pem'))),
        ...named('TLS', secretsOf(path(dir, 'key.pem'))),
        'sign-in.key': of('sign-in.key').subarray(0, 64),
        'key of nonces': derived('nonce'), 'key of refresh tokens': derived('refresh'),
        'key of nodes': derived('nodes'), 'its text': Buffer.from(derived('nodes').toString('hex')),
        'media.key': of('media.key').subarray(0, 64),
        'secret of an issuer': Buffer.from(t.issuers.all.hs.secret),
    };
}

const VAULTED = ['signing key: d', 'TLS: d, turned', 'key of nonces', 'key of refresh tokens',
    'media.key', 'secret of an issuer'];

/** Stopped, after it has used each of its keys, and read some of them anew. */
async function keepsSecretsInTheVault(t, key) {
    const by = folder('authority');
    const dir = folder('certificate');
    const ca = authorize(by);
    certify(dir, by, 'first', key);
    await t.serve({ options: [...SIGN_IN, '--log=info', ...optionsOf(dir), '--workers=2'] });
    const [a, b] = [await joinSynced(t, undefined, { ca }), await joinSynced(t, undefined, { ca })];
    await a.ok('upload.create', { mime: 'image/png', size: 100, name: 'a.png' });
    await a.send(b.address, 'text');
    t.server.child.kill('SIGHUP');
    await until('it has read them', () => /event=tls_certificate_new/.test(t.server.stderr), 5000);
    await (await joinSynced(t, undefined, { ca })).works();
    const { pid } = t.server.child;
    t.server.child.kill('SIGSTOP');
    const found = search(pid, needlesOf(t, dir));
    t.server.child.kill('SIGCONT');
    const kept = [...new Set(found.filter(([, where]) => isVault(where)).map(([what]) => what))];
    same(VAULTED.filter((what) => !kept.includes(what)), [], 'not found at all');
    const stray = found.filter(([, where]) => !isVault(where))
        .map(([what, { name, from }]) => `${what} in ${name || from.toString(16)}`);
    same([...new Set(stray)], [], 'elsewhere');
    const locked = /^VmLck:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    same(Number(locked[1]) > 0, true, 'VmLck');
}

/** The search would find them: here is what is meant to be elsewhere. */
async function findsWhatIsElsewhere(t) {
    await serve(t);
    const [a, b] = await joinAll(t, 2);
    const text = `a text that is nobody's secret ${Date.now()}`;
    await a.send(b.address, text);
    const found = search(t.server.child.pid, { text: Buffer.from(text) });
    same([found.length > 0, found.some(([, where]) => isVault(where))], [true, false], 'found');
}

const RSA = ['-newkey', 'rsa:2048', '-nodes'];
const once = { own: true, single: true, over: ['websocket'] };
const plain = { ...once, plain: 'the certificate is its own' };

export const rows = overTransports('hardening', [
    ['holds for each thread', holdsForEachThread, once],
    ['is off where it is told', isOffWhereItIsTold, once],
    ['follows no link out of where certificates are', followsNoLinkOut, plain],
    ['follows it without', followsItWithout, plain],
    ['follows the links of ACME', followsThoseOfAcme, plain],
    ['leaves a scan alone, and says so', leavesAScanAlone, once],
    ['keeps its secrets in locked memory', (t) => keepsSecretsInTheVault(t), plain],
    ['keeps them there with RSA', (t) => keepsSecretsInTheVault(t, RSA), plain],
    ['finds in memory what is elsewhere', findsWhatIsElsewhere, once],
]);
