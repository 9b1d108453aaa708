/** `parley doctor`: what is wrong is found, with what to do; and where nothing is, nothing is said. */
import { execFileSync } from 'node:child_process';
import {
    chmodSync, chownSync, mkdirSync, readFileSync, readdirSync, statSync, writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import http from 'node:http';
import { createServer } from 'node:net';
import { totalmem } from 'node:os';
import { join as path } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Skip, match, run, same, until, within } from '../../lib.mjs';
import { freePorts } from '../../ports.mjs';
import { Database, psql } from '../database.mjs';
import { Bucket, Proxy, Report } from '../doctor.mjs';
import { Idp } from '../idp.mjs';
import { overTransports } from '../peer.mjs';
import { makeCertificate, startProxy } from '../proxies.mjs';
import { SmallDisk, folder } from '../serve.mjs';
import { authorize, certify, optionsOf } from '../tls.mjs';
import { holdsNone } from './secrets.mjs';

const ACTIVATE = fileURLToPath(new URL('../../../support/activate', import.meta.url));
const QUIET = ['--drain=1s'];
const PASSWORD = 'geheim-4711';
const PAGE = 'https://page.test';

/** Where no server is. */
async function place(...options) {
    const [port] = await freePorts(1);
    return [`--listen=127.0.0.1:${port}`, `--data=${path(folder('doctor'), 'data')}`, ...options];
}

/** A server runs, and these are its options. */
async function running(t, options = [], how = {}) {
    await t.serve({ options: [...QUIET, ...options], ...how });
    return ofServer(t, options);
}

const ofServer = (t, options = []) =>
    [`--config=${t.issuers.config}`, `--listen=${t.server.listen}`, `--data=${t.server.data}`,
        ...QUIET, ...options];

// All is well.

async function isGreenBeforeTheFirstStart(t) {
    const options = await place();
    const report = await Report.of(t, options);
    report.isGood();
    report.has('ok', 'disk', /not there yet: the first start makes it/);
    report.has('ok', 'listen', /is free/);
    report.has('skip', 'public URL', /no --public-url/);
    same(readdirSync(path(options[1].slice('--data='.length), '..')), [], 'what it leaves');
}

/** Every name and size below a folder, but for what SQLite shares with those who look. */
const filesOf = (dir) => execFileSync('find', [dir, '-type', 'f', '-not', '-name', '*-shm',
    '-printf', '%P %s %u %m\n'], { encoding: 'utf8' }).split('\n').sort().join('\n');

async function isGreenBesideAServer(t) {
    const options = await running(t);
    const { child, data } = t.server;
    const before = filesOf(data);
    const report = await Report.of(t, options);
    report.isGood();
    report.has('ok', 'server', /answers/);
    report.has('ok', 'listen', /the server answers there/);
    report.has('ok', 'store', /parley\.db, version \d+, .* is whole/);
    report.has('ok', 'keys', /whole/);
    report.has('ok', 'issuer keys', /\d+ in files/);
    same(filesOf(data), before, 'files');
    const words = ['doctor', ...options];
    const text = t.servers.command(...words);
    match(text, new RegExp(`^parley doctor \\S+: .*; the server runs \\(pid ${child.pid}, `), 'head');
    match(text, /^ {2}ok {4}keys {12}/m, 'a line');
    match(text, /^\d+ ok, \d+ warn, 0 bad, \d+ skipped\n$/m, 'the end');
    await t.server.stop();
    const stopped = await Report.of(t, options);
    stopped.isGood();
    stopped.has('skip', 'server', /none runs/);
    stopped.has('ok', 'listen', /is free/);
}

/** Bit by bit the server's own words: tests/tools/test_help_pages.py has each option. */
async function saysWhatCantBeRead(t) {
    const file = path(folder('doctor'), 'parley.conf');
    const rows = [
        ['max-payload = soon\n', /parley\.conf:1: max-payload/], ['origin = x\n', /parley\.conf:1: there is no key 'origin'; did you mean origins/],
        ['origins = not/an/origin\n', /is not an origin such as/],
        ['store = mysql://x\n', /--store is 'sqlite', or begins with postgresql/],
        ['bus = nats://127.0.0.1:1\n', /--bus: servers that share a bus share a store/],
        ['ca-file = /nowhere\n', /--ca-file: can't read '\/nowhere'/],
    ];
    for (const [text, what] of rows) {
        writeFileSync(file, text);
        const report = await Report.of(t, [`--config=${file}`, ...await place()]);
        report.has('bad', 'configuration', what, /The server does not start with/);
    }
    const { child, ended } = run(t.servers.binary, ['doctor', '--nothing'], ['ignore', 'pipe', 'ignore']);
    t.defer(() => child.kill('SIGKILL'));
    same(await within(10000, 'end', ended), 2, 'exit code of wrong use');
}

async function warnsOfSurprises(t) {
    const report = await Report.of(t, await place('--origins=*', '--trusted-proxies=0.0.0.0/0',
        '--rate-limits=off', '--public-url=http://chat.example'));
    report.has('warn', 'configuration', /--origins is \*/, /--origins=https:/);
    report.has('warn', 'configuration', /--trusted-proxies has everybody/, /Name the addresses/);
    report.has('warn', 'configuration', /--rate-limits is off/);
    report.has('warn', 'configuration', /--public-url is http:/, /docs\/proxies/);
    const domains = await Report.of(t, await place('--origins=https://a.test,https://b.test:8443', '--domains=a.test'));
    domains.has('warn', 'configuration', /can't sign in on pages of https:\/\/b\.test:8443/, /--domains/);
    same(domains.of('warn').filter(({ name }) => name === 'configuration').length, 1, 'warnings of them');
    const all = await Report.of(t, [...(await place()).slice(1), '--listen=0.0.0.0:0']);
    all.has('warn', 'files of users', /lead to this machine alone/, /--public-url=/);
}

async function findsAFileThatAllRead(t) {
    const file = path(folder('doctor'), 'parley.conf');
    writeFileSync(file, `s3-secret-key = ${PASSWORD}\n`, { mode: 0o644 });
    const options = [`--config=${file}`, ...await place()];
    const report = await Report.of(t, options);
    report.has('bad', 'configuration', /everybody .* may read .*parley\.conf/, /chmod o-r .*parley\.conf/);
    chmodSync(file, 0o640);
    (await Report.of(t, options)).isGood();
}

// The disk, and what is on it.

async function findsAWrongMode(t) {
    const options = await running(t);
    const { data } = t.server;
    chmodSync(path(data, 'signing-key.pem'), 0o644);
    chmodSync(data, 0o755);
    const report = await Report.of(t, options);
    report.has('bad', 'keys', /others may read .*signing-key\.pem \(mode 644\).*chmod 600/, /The server does not start/);
    report.has('warn', 'disk', /others may look into/, /chmod 700/);
    chmodSync(path(data, 'signing-key.pem'), 0o600);
    chmodSync(path(data, 'sign-in.key'), 0o640);
    (await Report.of(t, options)).has('bad', 'keys', /sign-in\.key \(mode 640\)/);
}

async function warnsOfATmpfs(t) {
    const disk = new SmallDisk(2048);
    const report = await Report.of(t, [...(await place()).slice(0, 1), `--data=${disk.path}`]);
    report.has('warn', 'disk', /is tmpfs: it is in memory/, /on a disk of this machine/);
    report.has('bad', 'disk', /2048 KiB are free/, /Make room/);
}

async function findsADirectoryThatIsNone(t) {
    const [listen] = await place();
    const file = path(folder('doctor'), 'file');
    writeFileSync(file, '');
    (await Report.of(t, [listen, `--data=${file}`])).has('bad', 'disk', /is no directory/);
    const within_ = await Report.of(t, [listen, `--data=${file}/data`]);
    within_.has('bad', 'disk', /can't be looked at: Not a directory/);
}

/** Root looks as who has the directory, and leaves nothing of its own there. */
async function looksAsTheServer(t) {
    if (process.getuid() !== 0) throw new Skip('it takes root to be somebody else');
    const options = await running(t);
    const { data } = t.server;
    await t.server.stop();
    for (const dir of [data, path(data, '..')]) chmodSync(dir, 0o755); // all that is between is of this run
    for (const name of ['.', ...readdirSync(data)]) chownSync(path(data, name), 65534, 65534);
    chmodSync(data, 0o700);
    const env = { ASAN_OPTIONS: 'detect_leaks=0' }; // which can't look into who has changed
    const config = options.slice(1); // that of the issuers is root's
    (await Report.of(t, config, { env })).isGood();
    const owners = new Set(readdirSync(data).map((name) => statSync(path(data, name)).uid));
    same([...owners], [65534], 'owners of what is there');
    writeFileSync(path(data, 'parley.db-wal'), '');
    chownSync(path(data, 'signing-key.pem'), 0, 0);
    (await Report.of(t, config, { env })).has('bad', 'keys', /signing-key\.pem can't be .*denied/);
    // Whoever is neither sees nothing, and is told whom to be.
    const stranger = await Report.of(t, config, {
        env, wrap: ['setpriv', '--reuid=65533', '--regid=65533', '--clear-groups'],
    });
    stranger.has('warn', 'server', /can't be seen by user 65533/, /as root/);
    stranger.has('bad', 'disk', /can't be written to by user 65533: it is user 65534's/, /server's user/);
    const made = path(data, 'more');
    mkdirSync(made, { mode: 0o700 });
    (await Report.of(t, [options[1], `--data=${path(made, 'data')}`], {
        env, wrap: ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'],
    })).has('bad', 'disk', /can't be (looked at|made): Permission denied/, /user/);
}

async function findsADamagedStore(t) {
    const options = await running(t);
    const { data } = t.server;
    await t.server.stop();
    const file = path(data, 'parley.db');
    const bytes = readFileSync(file);
    bytes.fill(0x55, 4096, 3 * 4096);
    writeFileSync(file, bytes);
    (await Report.of(t, options)).has('bad', 'store', /parley\.db/, /backup/);
    writeFileSync(path(data, 'moved'), '');
    (await Report.of(t, options)).has('bad', 'store', /has moved into PostgreSQL/, /--store postgresql:/);
}

async function findsWhoHasThePort(t) {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    t.defer(() => server.close());
    const [, data] = await place();
    const report = await Report.of(t, [`--listen=127.0.0.1:${server.address().port}`, data]);
    report.has('bad', 'listen', new RegExp(`process ${process.pid} \\(.*\\) has 127.0.0.1:\\d+ already`), /--listen/);
    const none = await Report.of(t, ['--listen=192.0.2.1:8080', data]);
    none.has('bad', 'listen', /no address of this machine/, /0\.0\.0\.0/);
}

/** Where the service manager has the socket, --listen says nothing. */
async function knowsWhereItListens(t) {
    const elsewhere = (options) => ['--listen=127.0.0.1:1', ...options.filter((o) => !o.startsWith('--listen='))];
    const own = await Report.of(t, elsewhere(await running(t)));
    own.has('warn', 'listen', /the server listens at 127\.0\.0\.1:\d+, and --listen is 127\.0\.0\.1:1/, /restart it/);
    await t.server.stop();
    const given = await Report.of(t, elsewhere(await running(t, [], { wrap: [ACTIVATE] })));
    given.isGood();
    given.has('ok', 'listen', /the server answers there/);
}

async function findsFewFiles(t) {
    const few = await Report.of(t, await place(), { wrap: ['prlimit', '--nofile=100:100'] });
    few.has('bad', 'files', /may open 100/, /LimitNOFILE/);
    const some = await Report.of(t, await place(), { wrap: ['prlimit', '--nofile=900:900'] });
    some.has('warn', 'files', /may open 900/, /LimitNOFILE/);
    const options = await running(t, ['--store-memory=16GiB']);
    execFileSync('prlimit', [`--pid=${t.server.child.pid}`, '--nofile=700:700']);
    const server = await Report.of(t, options);
    server.has('warn', 'files', /the server may open 700/);
    if (totalmem() < 64 * 2 ** 30)
        server.has('warn', 'memory', /may want 64 GiB/, /--store-memory/);
}

// TLS.

const openssl = (...words) => execFileSync('openssl', words, { stdio: 'pipe' });

/** As certify(), for a time that is over, or almost. */
function certifyUntil(dir, by, days) {
    const file = (name) => path(dir, name);
    openssl('req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=chat',
        '-keyout', file('key.pem'), '-out', file('csr.pem'));
    writeFileSync(file('index'), '');
    writeFileSync(file('serial'), '01');
    writeFileSync(file('ca.conf'), `[ca]\ndefault_ca=a\n[a]\nnew_certs_dir=${dir}\ndatabase=${file('index')}
serial=${file('serial')}\ndefault_md=sha256\npolicy=p\nx509_extensions=x\n[p]\ncommonName=supplied
[x]\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n`);
    const at = (ms) => new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '');
    const now = Date.now();
    openssl('ca', '-batch', '-notext', '-config', file('ca.conf'), '-cert', path(by, 'ca.pem'),
        '-keyfile', path(by, 'ca.key'), '-in', file('csr.pem'), '-out', file('cert.pem'),
        '-startdate', at(now - 90 * 86400000), '-enddate', at(now + days * 86400000));
}

async function looksAtTheCertificate(t) {
    const [by, dir, other] = ['by', 'certificate', 'other'].map(folder);
    authorize(by);
    certify(dir, by, 'chat');
    certify(other, by, 'other');
    const look = async (more = []) => Report.of(t, await place(...optionsOf(dir), ...more));
    (await look()).has('ok', 'certificate', /ends in (29|30) days/);
    (await look(['--public-url=https://chat.example']))
        .has('bad', 'certificate', /not for 'chat\.example'/, /this name/);
    const pem = readFileSync(path(dir, 'cert.pem'), 'utf8');
    writeFileSync(path(dir, 'cert.pem'), pem + readFileSync(path(other, 'cert.pem'), 'utf8'));
    (await look()).has('bad', 'certificate', /not in order/, /fullchain\.pem/);
    writeFileSync(path(dir, 'cert.pem'), pem + readFileSync(path(by, 'ca.pem'), 'utf8'));
    (await look()).has('ok', 'certificate', /ends in/);
    writeFileSync(path(dir, 'cert.pem'), readFileSync(path(other, 'cert.pem'), 'utf8'));
    (await look()).has('bad', 'certificate', /the key is not the one/, /belong together/);
    certifyUntil(dir, by, -2);
    (await look()).has('bad', 'certificate', /has ended 2 days ago/, /Renew/);
    certifyUntil(dir, by, 5);
    (await look()).has('warn', 'certificate', /ends in [45] days/, /Renew/);
    openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30',
        '-subj', '/CN=chat', '-keyout', path(dir, 'key.pem'), '-out', path(dir, 'cert.pem'));
    (await look()).has('warn', 'certificate', /signed by itself/);
}

// Those whom it names.

async function asksIssuers(t) {
    const idp = await Idp.start(t, 'doctor');
    const file = path(folder('doctor'), 'parley.conf');
    writeFileSync(file, idp.section, { mode: 0o600 });
    const look = async () => {
        const report = await Report.of(t, [`--config=${file}`, ...await place()]);
        holdsNone(report.out, [['the URL', idp.url]], 'what it says');
        return report;
    };
    (await look()).has('ok', 'issuer keys', /\[issuer doctor\]: 1 at 127\.0\.0\.1/);
    idp.say = (response) => response.writeHead(403).end();
    (await look()).has('bad', 'issuer keys', /answers 403/, /Correct the URL/);
    idp.say = (response) => response.end('<html>');
    (await look()).has('bad', 'issuer keys', /can't be used/, /jwks-url/);
    idp.say = (response) => {
        response.setHeader('Date', new Date(Date.now() + 90000).toUTCString());
        response.end(idp.jwks());
    };
    const late = await look();
    late.has('ok', 'issuer keys', /1 at/);
    late.has('bad', 'clock', /(89|90)\.\d s behind that of 127\.0\.0\.1/, /chrony/);
    idp.close();
    (await look()).has('bad', 'issuer keys', /does not answer/, /curl -v/);
}

async function asksChains(t) {
    const says = (text) => (request, response) => request.resume().on('end', () => response.end(text));
    const answers = { 1: '0x1', 8453: '0x5' };
    const urls = [];
    for (const [chain, result] of Object.entries(answers)) {
        const server = http.createServer(says(JSON.stringify({ jsonrpc: '2.0', id: 1, result })));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        t.defer(() => server.close());
        urls.push(`${chain}=http://127.0.0.1:${server.address().port}/${PASSWORD}`);
    }
    const [port] = await freePorts(1);
    const report = await Report.of(t, await place('--chains=1,8453,10,solana',
        `--rpc=${urls.join(',')},10=http://127.0.0.1:${port}/${PASSWORD}`));
    report.has('ok', 'RPC', /chain 1: 127\.0\.0\.1:\d+, in/);
    report.has('bad', 'RPC', /is of chain 5, and --rpc says 8453/, /right chain/);
    report.has('bad', 'RPC', /does not answer/, /firewall/);
    holdsNone(report.out, [['a key', PASSWORD]], 'what it says');
}

// The store, and the bus.

function database() {
    if (!process.env.TEST_POSTGRES) throw new Skip('there is no TEST_POSTGRES');
    return Database.make();
}

const onStore = (url) => ({ env: { PARLEY_STORE: url } });

async function asksPostgres(t) {
    const db = await database();
    t.defer(() => db.drop());
    const look = async (url) => Report.of(t, await place(), onStore(url));
    (await look(db.url)).has('ok', 'store', /PostgreSQL \d+, UTF8, no tables yet/);
    const options = await running(t, [], onStore(db.url));
    const report = await Report.of(t, options, onStore(db.url));
    report.has('ok', 'store', /tables of version 1/);
    report.has('ok', 'clock', /others have it/);
    (await look(db.url)).has('bad', 'store', /another server has this database/, /--bus/);
    const away = await look(`postgresql://chat:${PASSWORD}@127.0.0.1:1/chat`);
    away.has('bad', 'store', /can't be reached: .*refused/i, /pg_hba\.conf/);
    holdsNone(away.out, [['the password', PASSWORD]], 'what it says');
    await t.server.stop();
    await psqlOf(db, `ALTER DATABASE ${db.name} SET synchronous_commit = off`);
    (await look(db.url)).has('bad', 'store', /synchronous_commit is off/, /ALTER DATABASE/);
    await psqlOf(db, `ALTER DATABASE ${db.name} SET default_transaction_read_only = on`);
    (await look(db.url)).has('bad', 'store', /set to be read only/, /primary/);
}

const psqlOf = (db, sql) => psql(db.server, sql);

async function findsAWrongEncoding(t) {
    const db = await database();
    t.defer(() => db.drop());
    const name = `${db.name}_latin`;
    await psqlOf(db, `CREATE DATABASE ${name} ENCODING 'LATIN1' TEMPLATE template0 LOCALE 'C'`);
    t.defer(() => execFileSync('psql', ['-X', '-q', '-d', db.server, '-c', `DROP DATABASE ${name} WITH (FORCE)`]));
    const report = await Report.of(t, await place(), onStore(db.url.replace(db.name, name)));
    report.has('bad', 'store', /encoding is not UTF8/, /TEMPLATE template0/);
}

async function asksNats(t) {
    const bus = process.env.TEST_NATS;
    if (!bus) throw new Skip('there is no TEST_NATS');
    const db = await database();
    t.defer(() => db.drop());
    const keys = path(folder('doctor'), 'keys');
    t.servers.command('make-keys', `--keys=${keys}`);
    const more = ['--media=off', `--keys=${keys}`];
    const env = { PARLEY_STORE: db.url };
    const look = (options, url, node) =>
        Report.of(t, [...options, ...more, `--node=${node}`], { env: { ...env, PARLEY_BUS: url } });
    (await look(await place(), bus, 'a')).has('ok', 'bus', /brings what is published/);
    const options = await running(t, [...more, '--node=a', `--bus=${bus}`], { env });
    const self = await look(options.filter((o) => !o.startsWith('--bus') && !more.includes(o)), bus, 'a');
    self.has('ok', 'bus', /0 other servers are heard/);
    self.has('ok', 'advertise', /leads here/);
    (await look(await place(), bus, 'b')).has('ok', 'bus', /1 other servers are heard/);
    const [port] = await freePorts(1);
    const away = await look(await place(), `nats://chat:${PASSWORD}@127.0.0.1:${port}`, 'b');
    away.has('bad', 'bus', /NATS can't be reached/, /nats-server/);
    holdsNone(away.out, [['the password', PASSWORD]], 'what it says');
    const elsewhere = await Report.of(t, [...options, '--advertise=http://127.0.0.1:1'], { env });
    elsewhere.has('bad', 'advertise', /does not lead here/, /--advertise/);
}

// Files in a bucket.

async function asksABucket(t) {
    const bucket = await Bucket.open(t);
    const look = async (more = [], env = bucket.env) => {
        const report = await Report.of(t, await place('--dev', ...bucket.options, ...more), { env });
        holdsNone(report.out, [['the secret', bucket.key.secret], ['the secret', PASSWORD]], 'what it says');
        same([...bucket.objects.keys()], [], 'what is left in the bucket');
        return report;
    };
    const inside = async (what, remedy, ...of) => (await look(...of)).has('bad', 'S3, inside', what, remedy);
    bucket.cors = [PAGE];
    const report = await look([`--origins=${PAGE}`]);
    report.isGood();
    report.has('ok', 'S3, inside', /can be put, and is there/);
    report.has('ok', 'S3, outside', /put a file by a link, and get it/);
    report.has('ok', 'S3, pages', /all 1 origins/);
    (await look(['--origins=https://other.test']))
        .has('bad', 'S3, pages', /page of https:\/\/other\.test can't put files/, /AllowedOrigins \["https:\/\/other\.test"\]/);
    await inside(/403 SignatureDoesNotMatch/, /PARLEY_S3_SECRET_KEY/, [], { PARLEY_S3_SECRET_KEY: PASSWORD });
    await inside(/404 NoSuchBucket/, /--s3-bucket/, ['--s3-bucket=nothing']);
    await inside(/403 InvalidAccessKeyId/, /--s3-access-key/, ['--s3-access-key=nobody']);
    await inside(/403 AuthorizationQueryParametersError/, /--s3-region/, ['--s3-region=elsewhere']);
    await inside(/PUT http:\/\/127\.0\.0\.1:1: .*connect/, /--s3-endpoint/, ['--s3-endpoint=http://127.0.0.1:1']);
    bucket.isPublic = true;
    (await look()).has('warn', 'S3, outside', /the bucket is public/, /Block Public Access/);
    bucket.isPublic = false;
    bucket.aheadMs = 3600000;
    const late = await look();
    late.has('bad', 'S3, inside', /403 RequestTimeTooSkewed/, /clock/);
    late.has('bad', 'clock', /s behind that of S3/, /timedatectl/);
}

/** What is signed is not what is asked: the proxy in front of it has another Host. */
async function looksFromOutside(t) {
    const bucket = await Bucket.open(t);
    const proxy = await Proxy.open(t, bucket.url);
    bucket.cors = [PAGE];
    const look = async (url) => Report.of(t, await place('--dev', ...bucket.options, `--origins=${PAGE}`,
        `--s3-public-endpoint=${url}`), { env: bucket.env });
    (await look(proxy.url)).isGood();
    proxy.keepsHost = false;
    const report = await look(proxy.url);
    report.has('ok', 'S3, inside', /is there/);
    report.has('bad', 'S3, outside', /403 SignatureDoesNotMatch/, /passes Host on/);
    (await look('http://127.0.0.1:1')).has('bad', 'S3, outside', /127\.0\.0\.1:1: /, /reached by every client/);
    same([...bucket.objects.keys()], [], 'what is left in the bucket');
}

// What is between.

/** A server that runs behind a proxy. @param trusted  by it */
async function behind(t, { trusted = true, tls, ca, options = [] } = {}) {
    const proxy = await Proxy.open(t, 'http://127.0.0.1:1', tls);
    const all = [`--public-url=${proxy.url}`, `--origins=${PAGE}`, ...options,
        ...(trusted ? ['--trusted-proxies=127.0.0.9'] : []), ...(ca ? [`--ca-file=${ca}`] : [])];
    const own = await running(t, all);
    proxy.to = new URL(t.server.url);
    proxy.from = '127.0.0.9';
    return { proxy, look: () => Report.of(t, own) };
}

async function goesThroughAProxy(t) {
    const { proxy, look } = await behind(t);
    const report = await look();
    report.isGood();
    report.has('ok', 'public URL', /leads here/);
    report.has('ok', 'addresses', /seen as 127\.0\.0\.1, by the proxy at 127\.0\.0\.9/);
    report.has('ok', 'polling', /goes through/);
    report.has('ok', 'WebSocket', /goes through/);
    report.has('ok', 'pages', /2 origins can connect, and those of others can't/);
    proxy.upgrades = false;
    (await look()).has('bad', 'WebSocket', /does not go through: 400/, /Upgrade \$http_upgrade/);
    proxy.upgrades = true;
    proxy.keepsHost = false;
    const host = await look();
    host.has('warn', 'public URL', /changes Host: the server sees '127\.0\.0\.1:\d+'/, /\$http_host/);
    host.has('bad', 'pages', /can't connect/, /Origin and Host/);
    proxy.keepsHost = true;
    proxy.keepsOrigin = false;
    (await look()).has('bad', 'pages', /can't connect/, /pass on Origin/);
    proxy.keepsOrigin = true;
    proxy.bodyMost = 1000000;
    (await look()).has('bad', 'files, through', /refuses a body of 2048 KiB/, /client_max_body_size/);
    proxy.bodyMost = Infinity;
    proxy.hides = '';
    (await look()).has('warn', 'metrics', /everybody can read/, /deny all/);
    proxy.hides = '/metrics';
    proxy.forwards = 'none';
    (await look()).has('warn', 'addresses', /at 127\.0\.0\.9, sends no X-Forwarded-For/, /proxy_add_x_forwarded_for/);
    proxy.forwards = 'pass';
    (await look()).has('bad', 'addresses', /can claim to be at any address/, /proxy_add_x_forwarded_for/);
    proxy.forwards = 'append';
    for (const [status, remedy] of [[301, /clients do not follow/], [403, /without asking/], [404, /Another server/],
        [502, /does not reach the server/]]) {
        proxy.status = status;
        (await look()).has('bad', 'public URL', new RegExp(`does not lead to this server: ${status}`), remedy);
    }
    proxy.status = 0;
    proxy.to = new URL('http://127.0.0.1:1');
    (await look()).has('bad', 'public URL', /: 502/, /where that listens/);
    await t.server.stop();
    (await look()).has('skip', 'public URL', /start the server/);
}

const isAllThere = (report) => {
    report.isGood();
    for (const name of ['public URL', 'addresses', 'polling', 'WebSocket', 'pages']) report.has('ok', name, /./);
};

/** @param listen  the line of the example */
const likes = (program, example, listen) => async (t) => {
    const { dir } = makeCertificate();
    const [port] = await freePorts(1);
    const options = await running(t, [`--public-url=https://127.0.0.1:${port}`, `--origins=${PAGE}`,
        '--trusted-proxies=127.0.0.1', `--ca-file=${path(dir, 'ca.pem')}`]);
    await startProxy(t, {
        program, example, dir, port, pairs: [
            [listen, listen.replace(/:?443/, `127.0.0.1:${port}`)],
            ['127.0.0.1:8080', t.server.listen], ['/etc/ssl/chat.example', dir],
        ],
    });
    isAllThere(await Report.of(t, options));
};

/** Its own TLS, and nobody between. */
async function goesInByTls(t) {
    const [by, dir] = ['by', 'certificate'].map(folder);
    authorize(by);
    certify(dir, by, 'chat');
    const [port] = await freePorts(1);
    const options = [...optionsOf(dir), `--public-url=https://127.0.0.1:${port}`, `--ca-file=${path(by, 'ca.pem')}`];
    const report = await Report.of(t, await running(t, options, { listen: `127.0.0.1:${port}` }));
    isAllThere(report);
    report.has('ok', 'certificate', /ends in/);
    report.has('ok', 'listen', /with TLS/);
    report.has('ok', 'addresses', /seen as 127\.0\.0\.1$/);
    const stranger = await Report.of(t, ofServer(t, options.slice(0, -1)));
    stranger.has('bad', 'public URL', /certificate/, /whole chain/);
}

async function likesAHeaderInFront(t) {
    const { dir } = makeCertificate();
    const [port] = await freePorts(1);
    const options = await running(t, [...optionsOf(dir), `--public-url=https://127.0.0.1:${port}`,
        '--trusted-proxies=127.0.0.9', '--proxy-protocol', `--ca-file=${path(dir, 'ca.pem')}`]);
    await startProxy(t, {
        program: 'haproxy', example: 'haproxy-tcp.cfg', dir, port, pairs: [
            ['bind :443', `bind 127.0.0.1:${port}`],
            ['server one 127.0.0.1:8443', `source 127.0.0.9\n    server one ${t.server.listen}`],
        ],
    });
    isAllThere(await Report.of(t, options));
}

async function findsWhoIsNotTrusted(t) {
    const [by, dir] = ['by', 'certificate'].map(folder);
    authorize(by);
    certify(dir, by, 'chat');
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(path(dir, name)));
    const { proxy, look } = await behind(t, {
        trusted: false, tls: { cert, key }, ca: path(by, 'ca.pem'), options: ['--trusted-proxies=10.1.0.0/16'],
    });
    (await look()).has('bad', 'addresses', /a proxy at 127\.0\.0\.9 .* is not believed/,
        /--trusted-proxies=10\.1\.0\.0\/16,127\.0\.0\.9/);
    proxy.forwards = 'none';
    (await look()).has('bad', 'addresses', /sends no X-Forwarded-For/, /--trusted-proxies=127\.0\.0\.9/);
}

/** One that clients do not trust, or that has ended, is not good for --public-url. */
async function looksAtTheProxysCertificate(t) {
    const [by, dir] = ['by', 'certificate'].map(folder);
    authorize(by);
    certifyUntil(dir, by, -1);
    const [cert, key] = ['cert.pem', 'key.pem'].map((name) => readFileSync(path(dir, name)));
    const { look } = await behind(t, { tls: { cert, key }, ca: path(by, 'ca.pem') });
    (await look()).has('bad', 'public URL', /certificate has expired/, /renew it/);
}

/** The proxy leads to somebody else's server, of the same kind. */
async function findsAnotherServer(t) {
    const { proxy, look } = await behind(t);
    const other = await t.servers.serve({ options: QUIET });
    t.defer(() => other.child.kill('SIGKILL'));
    proxy.to = new URL(other.url);
    (await look()).has('bad', 'public URL', /does not lead to this server: 404/, /Another server/);
    await other.stop();
}

async function knowsTheProxyProtocol(t) {
    const proxy = await Proxy.open(t, 'http://127.0.0.1:1');
    const options = await running(t, [`--public-url=${proxy.url}`, '--proxy-protocol', '--trusted-proxies=127.0.0.9']);
    proxy.to = new URL(t.server.url);
    proxy.from = '127.0.0.9';
    (await Report.of(t, options)).has('bad', 'public URL', /502/, /does not reach the server/);
}

/** It is not as it should, and says so itself. */
async function hearsThatItIsNotReady(t) {
    const db = await database();
    t.defer(() => db.drop());
    const options = await running(t, [], onStore(db.url));
    await db.goAway();
    await until('it notices', async () => (await fetch(`${t.url}/readyz`)).status === 503);
    const report = await Report.of(t, options, onStore(db.url));
    report.has('bad', 'server', /not ready: the store is out of reach/, /its log/);
    report.has('bad', 'store', /is not currently accepting connections/);
    await db.comeBack();
}

/** Nor whether one hangs. */
async function findsOneThatHangs(t) {
    const options = await running(t);
    t.server.child.kill('SIGSTOP');
    const report = await Report.of(t, options);
    report.has('bad', 'server', /does not answer in time/, /restarting it loses no message/);
    report.has('skip', 'listen', /does not say where/);
    t.server.child.kill('SIGCONT');
}

/** Strangers learn nothing by it, and what was made is forgotten. */
async function tellsStrangersNothing(t) {
    await running(t);
    const { url, data } = t.server;
    const at = `${url}/.well-known/parley-probe/`;
    for (const name of ['', 'x', '0'.repeat(32), '0'.repeat(5000)]) {
        const answer = await fetch(`${at}${name}`);
        same([answer.status, await answer.text()], [404, ''], `answer to "${name.slice(0, 40)}"`);
    }
    same((await fetch(`${at}${'0'.repeat(32)}`, { method: 'POST' })).status, 404, 'POST');
    const ask = (method, where) => JSON.parse(execFileSync('curl', ['-s', '-X', method, '--unix-socket',
        path(data, 'admin.sock'), `http://x${where}`], { encoding: 'utf8' }));
    const names = Array.from({ length: 17 }, () => ask('POST', '/v1/probe').probe);
    same(ask('GET', `/v1/probe/${names[16]}`), { status: 'ok', seen: false }, 'one that nobody has asked for');
    same(ask('GET', `/v1/probe/${names[0]}`).status, 'error', 'the oldest of 17');
    same((await fetch(`${at}${names[16]}`)).status, 204, 'answer to one that there is');
    same(ask('GET', `/v1/probe/${names[16]}`),
        { status: 'ok', seen: true, peer: '127.0.0.1', client: '127.0.0.1', forwarded: false, host: new URL(url).host }, 'it');
    same(ask('GET', '/v1/probe').status, 'error', 'another method');
}

/** All at once, and each in its place. */
async function printsNoSecret(t) {
    const file = path(folder('doctor'), 'parley.conf');
    const secrets = ['bucket', 'session', 'rpc', 'nats', 'postgres'].map((name) => [name, `geheim-of-${name}-0815`]);
    const of = Object.fromEntries(secrets);
    writeFileSync(file, [
        'media = s3', 's3-endpoint = http://127.0.0.1:1', 's3-bucket = files', 's3-access-key = AKIA',
        `s3-secret-key = ${of.bucket}`, `s3-session-token = ${of.session}`, `rpc = 1=http://127.0.0.1:1/${of.rpc}`,
        `store = postgresql://chat:${of.postgres}@127.0.0.1:1/chat`, `bus = nats://chat:${of.nats}@127.0.0.1:1`,
        `keys = ${folder('keys')}`, 'node = a', 'public-url = http://127.0.0.1:1', '',
    ].join('\n'), { mode: 0o644 });
    const options = [`--config=${file}`, ...await place()];
    const report = await Report.of(t, options);
    holdsNone(report.out, secrets, 'what it says');
    report.has('bad', 'configuration', /everybody on this machine may read/);
    for (const name of ['store', 'bus', 'S3, inside', 'RPC', 'keys']) report.has('bad', name, /./, /./);
    const { child, ended } = run(t.servers.binary, ['doctor', ...await place(), `--s3-secret-key=${of.bucket}`],
        ['ignore', 'pipe', 'pipe']);
    t.defer(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (text) => (said += text));
    child.stderr.on('data', (text) => (said += text));
    same(await within(10000, 'end', ended), 2, 'exit code with a secret on the command line');
    match(said, /is seen by everybody on this machine/, 'what it says');
    holdsNone(said, secrets, 'what it says');
}

const own = { own: true, single: true, sqlite: true, plain: 'it is asked without TLS', over: ['websocket'], limit: 60000 };

export const rows = overTransports('doctor', [
    ['is green before the first start', isGreenBeforeTheFirstStart, own],
    ['is green beside a server, and changes nothing', isGreenBesideAServer, own],
    ['says what of the configuration can\'t be read', saysWhatCantBeRead, own],
    ['warns of what surprises', warnsOfSurprises, own],
    ['finds secrets that all may read', findsAFileThatAllRead, own],
    ['finds a key of a wrong mode', findsAWrongMode, own],
    ['warns of a disk in memory, and of a full one', warnsOfATmpfs, own],
    ['finds a data directory that is none', findsADirectoryThatIsNone, own],
    ['looks as the server would', looksAsTheServer, own],
    ['finds a store that is damaged, or moved', findsADamagedStore, own],
    ['finds who has the port', findsWhoHasThePort, own],
    ['knows where a server listens', knowsWhereItListens, own],
    ['finds limits that are low', findsFewFiles, own],
    ['looks at the certificate', looksAtTheCertificate, own],
    ['asks issuers for their keys', asksIssuers, own],
    ['asks chains who they are', asksChains, own],
    ['asks PostgreSQL', asksPostgres, own],
    ['finds a database of another encoding', findsAWrongEncoding, own],
    ['hears that a server is not ready', hearsThatItIsNotReady, own],
    ['finds a server that hangs', findsOneThatHangs, own],
    ['asks NATS', asksNats, own],
    ['asks a bucket', asksABucket, own],
    ['looks at a bucket from outside', looksFromOutside, own],
    ['goes through a proxy', goesThroughAProxy, own],
    ['is content with nginx, as docs/proxies has it', likes('nginx', 'nginx.conf', 'listen 443'), own],
    ['is content with HAProxy, as docs/proxies has it', likes('haproxy', 'haproxy.cfg', 'bind :443'), own],
    ['is content with HAProxy, that only passes on', likesAHeaderInFront, own],
    ['goes in by TLS', goesInByTls, own],
    ['finds a proxy that is not trusted', findsWhoIsNotTrusted, own],
    ['looks at the certificate of a proxy', looksAtTheProxysCertificate, own],
    ['finds another server behind the public URL', findsAnotherServer, own],
    ['knows the PROXY protocol', knowsTheProxyProtocol, own],
    ['lets strangers learn nothing', tellsStrangersNothing, own],
    ['prints no secret', printsNoSecret, own],
]);
