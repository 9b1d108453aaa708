/** The package in a fresh Debian 12: installed, served from, upgraded, removed. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { authorize, certify } from '../e2e/chat/tls.mjs';
import { pageOf } from '../e2e/chat/pasted.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Failure, match, now, run, same, sleep, until, within } from '../e2e/lib.mjs';
import { command } from './machine.mjs';

const CROWD = fileURLToPath(new URL('crowd.mjs', import.meta.url));
const RESTARTS = Number(process.env.PACKAGE_RESTARTS || 5);
const WALLETS = 9;
const PLAIN = 'http://127.0.0.1:8080';
const TLS = 'https://127.0.0.1:8080';
const NEXT = '0.1.0-2'; // the version that one upgrades to
const ROOM = 'rate-limits = off\nmailbox-messages = 1000000\nmailbox-stranger-messages = 1000000\n' +
    'mailbox-stranger-bytes = 1GiB\ndrain = 1s\n';

const install = (m, deb = '/root/parley.deb', more = '') =>
    m.sh(`apt-get -q -y ${more} -o Dpkg::Options::=--force-confold install --no-install-recommends ${deb} 2>&1`,
        { ms: 180000 });

/** A fresh machine with the package. */
async function installed(t, name) {
    const m = await t.shared.boot(name);
    t.defer(() => m.halt());
    await install(m);
    return m;
}

/** The package as a later version, in the machine. @return its path there */
async function later(t, m) {
    writeFileSync(join(m.root, 'root/later.deb'), readFileSync(await t.shared.deb(NEXT)));
    return '/root/later.deb';
}

const isActive = (m, unit = 'parley.service') =>
    m.sh(`systemctl is-active ${unit} || true`).then((said) => said.trim());

const servicePid = async (m) => Number(await m.sh('systemctl show -p MainPID --value parley.service'));

const configure = (m, lines) => m.sh('cat >>/etc/parley/parley.conf', { input: lines });

const tokenOf = async (m, address) => (await m.sh(`parley token ${address} --ttl 1h`)).trim();

async function walletsOf(m, n) {
    const wallets = [];
    for (let i = 0; i < n; i++) {
        const address = wallet();
        wallets.push([address, await tokenOf(m, address)]);
    }
    return wallets;
}

/** Wallets in the machine, who write until end(). */
class Crowd {
    #line = '';

    constructor(m, url, transport, wallets, ca) {
        const [program, ...words] = [...m.network, process.execPath, CROWD, url, transport, JSON.stringify(wallets)];
        const { child, ended } = run(program, words, ['pipe', 'pipe', 'pipe'],
            { env: { ...process.env, ...(ca && { NODE_EXTRA_CA_CERTS: ca }) } });
        Object.assign(this, { child, ended, said: '' });
        createInterface({ input: child.stdout }).on('line', (line) => (this.#line = line));
        child.stderr.on('data', (text) => (this.said += text));
        ended.then(() => (this.isOver = true));
    }

    get received() {
        if (this.isOver) throw new Failure(`the crowd ended: ${this.said}`);
        return Number(this.#line) || 0;
    }

    /** So many more have come. */
    async goesOn(n = 100) {
        const had = this.received;
        await until(`${n} more messages`, () => this.received >= had + n, 60000);
    }

    async end() {
        this.child.stdin.end();
        same(await within(90000, 'end of the crowd', this.ended), 0, this.said || 'exit code');
        match(this.#line, /^done \d+$/, 'last line');
        return Number(this.#line.slice(5));
    }
}

function crowd(t, m, url, transport, wallets, ca) {
    const it = new Crowd(m, url, transport, wallets, ca);
    t.defer(() => it.child.kill('SIGKILL'));
    return it;
}

/** Some messages between wallets of the machine, which come. */
async function chats(t, m, url, ca) {
    for (const transport of ['websocket', 'polling']) {
        const it = crowd(t, m, url, transport, await walletsOf(m, 2), ca);
        await it.goesOn(10);
        same((await it.end()) >= 10, true, 'messages');
    }
}

/** A certificate of an authority of the test's. @return where: cert.pem, key.pem, ca.pem */
function certificate(t, name, by = undefined) {
    const dir = mkdtempSync(t.shared.workshop.path('tls-'));
    if (!by) authorize(dir);
    certify(dir, by ?? dir, name);
    return dir;
}

const put = (m, from, to, mode) =>
    m.sh(`mkdir -p $(dirname ${to}) && cat >${to} && chmod ${mode} ${to}`, { input: readFileSync(from) });

async function startsWithNoConfiguration(t) {
    const m = await installed(t, 'fresh');
    same([await isActive(m), await isActive(m, 'parley.socket')], ['active', 'active'], 'units');
    same((await m.sh('systemctl is-enabled parley.service parley.socket')).trim(), 'enabled\nenabled', 'at the next start');
    match(await m.sh('journalctl -u parley.service -o cat'), /event=server_start .* socket=given .* data="\/var\/lib\/parley"/, 'log');
    match(await m.sh("journalctl -u parley.service -o json | grep 'event=server_start' | tail -1"),
        /(?=.*"PRIORITY":"6")(?=.*"MESSAGE":"ts=)/, 'what the journal makes of it');
    same((await m.sh('stat -c "%U %G %a" /var/lib/parley /etc/parley /etc/parley/parley.conf')).trim().split('\n'),
        ['parley parley 700', 'root parley 750', 'root parley 640'], 'owners and modes');
    await m.fails('setpriv --reuid=nobody --regid=nogroup --clear-groups cat /etc/parley/parley.conf');
    await m.fails('setpriv --reuid=nobody --regid=nogroup --clear-groups ls /var/lib/parley');
    await chats(t, m, PLAIN);
    // What root does with it leaves nothing of root's.
    match(await m.sh('parley sql "SELECT count(*) AS n FROM messages"'), /^n\n-+\n\d\d/, 'messages');
    await m.sh('parley rotate-key');
    same(await m.sh('find /var/lib/parley ! -user parley'), '', 'files of somebody else');
    match(await m.sh('parley doctor'), /\b0 bad\b/, 'doctor');
    same(await m.sh('find /var/lib/parley ! -user parley'), '', 'files of somebody else');
}

async function servesTls(t) {
    const m = await installed(t, 'tls');
    const dir = certificate(t, 'chat');
    await put(m, join(dir, 'cert.pem'), '/etc/credstore/parley.tls-cert', '600');
    await put(m, join(dir, 'key.pem'), '/etc/credstore/parley.tls-key', '600');
    await m.sh('systemctl restart parley.service');
    match(await m.sh('journalctl -u parley.service -o cat'), /event=server_start .* tls=1 /, 'log');
    await chats(t, m, TLS, join(dir, 'ca.pem'));
    match(await m.sh('parley doctor'), /\b0 bad\b/, 'doctor');
}

async function outlivesAReboot(t) {
    const m = await installed(t, 'reboot');
    const [[address, token]] = await walletsOf(m, 1);
    const said = async () => (await command(m.network[0], [...m.network.slice(1), process.execPath, '-e', `
        fetch('${PLAIN}/v1/conversations', { headers: { authorization: 'Bearer ${token}' } })
            .then((r) => r.text()).then((text) => console.log(text))`])).trim();
    await chats(t, m, PLAIN);
    const before = await said();
    match(before, /"status":"ok"|"conversations"/, `conversations of ${address}`);
    const count = await m.sh('parley sql "SELECT count(*) AS n FROM messages"');
    await m.reboot();
    await until('active', async () => (await isActive(m)) === 'active');
    same(await said(), before, 'with a token of before');
    same(await m.sh('parley sql "SELECT count(*) AS n FROM messages"'), count, 'messages');
}

/** What an operator has changed stays, and so does what is stored. */
async function upgradesAndGoes(t) {
    const m = await installed(t, 'upgrade');
    await chats(t, m, PLAIN);
    await configure(m, '# an operator was here\nsend-rate = 11\n');
    const messages = () => m.sh('parley sql "SELECT count(*) AS n FROM messages"');
    const before = await messages();
    const [pid, socket] = [await servicePid(m), await m.sh('systemctl show -p ActiveEnterTimestampMonotonic parley.socket')];
    const deb = await later(t, m);
    await install(m, deb);
    same((await servicePid(m)) !== pid, true, 'another process');
    same(await m.sh('systemctl show -p ActiveEnterTimestampMonotonic parley.socket'), socket, 'the socket stays');
    match(await m.sh('cat /etc/parley/parley.conf'), /an operator was here/, 'options');
    same(await messages(), before, 'messages');

    // Who has stopped it for good does not find it started by an upgrade.
    await m.sh('systemctl disable --now parley.service parley.socket 2>&1');
    await install(m, '/root/parley.deb', '--allow-downgrades');
    same((await m.sh('systemctl is-enabled parley.service parley.socket || true')).trim(), 'disabled\ndisabled', 'units');
    await m.sh('systemctl enable --now parley.socket parley.service 2>&1');
    same(await messages(), before, 'messages');

    await m.sh('apt-get -q -y remove parley 2>&1');
    same(await isActive(m), 'inactive', 'service');
    same(await isActive(m, 'parley.socket'), 'inactive', 'socket');
    await m.sh('test -e /etc/parley/parley.conf -a -e /var/lib/parley/parley.db -a ! -e /usr/bin/parley');
    await install(m);
    same([await isActive(m), await messages()], ['active', before], 'installed again');

    match(await m.sh('apt-get -q -y purge parley 2>&1'), /\/var\/lib\/parley stays/, 'what is said');
    await m.sh('test ! -e /etc/parley -a -e /var/lib/parley/parley.db');
    same(await m.sh('find / -xdev -path /var/lib/parley -prune -o -path /proc -prune -o -path /root -prune -o ' +
        '-path /var/cache -prune -o -path /var/log -prune -o -path /sys -prune -o -path /run -prune -o -iname "*parley*" -print'), '', 'left');
    await install(m);
    same([await isActive(m), await messages()], ['active', before], 'installed after a purge');
}

/** Of a package that nobody has used nothing stays. */
async function leavesNothing(t) {
    const m = await installed(t, 'purged');
    await m.sh('systemctl stop parley.socket parley.service && rm -r /var/lib/parley/*');
    await m.sh('apt-get -q -y purge parley 2>&1');
    await m.sh('test ! -e /etc/parley -a ! -e /var/lib/parley && ! getent passwd parley');
}

/** Certificate, restart, upgrade, kill: clients who come again are never turned away, and nothing is lost. */
async function losesNothingUnderLoad(t) {
    const m = await installed(t, 'load');
    const first = certificate(t, 'first');
    const second = certificate(t, 'second', first);
    const give = async (dir) => {
        await put(m, join(dir, 'cert.pem'), '/etc/parley/tls/cert.pem', '644');
        await put(m, join(dir, 'key.pem'), '/etc/parley/tls/key.pem', '640');
        await m.sh('chgrp parley /etc/parley/tls/key.pem');
    };
    await give(first);
    await configure(m, `${ROOM}tls-cert = /etc/parley/tls/cert.pem\ntls-key = /etc/parley/tls/key.pem\n`);
    await m.sh('systemctl restart parley.service');
    const ca = join(first, 'ca.pem');
    const crowds = [];
    for (const transport of ['websocket', 'polling'])
        crowds.push(crowd(t, m, TLS, transport, await walletsOf(m, WALLETS), ca));
    const allGoOn = () => Promise.all(crowds.map((one) => one.goesOn()));
    const shown = async () => (await command(m.network[0], [...m.network.slice(1), 'openssl', 's_client', '-connect',
        '127.0.0.1:8080', '-CAfile', ca, '-verify_return_error'], { input: '' })).match(/subject=CN ?= ?(\w+)/)?.[1];

    await allGoOn();
    same(await shown(), 'first', 'certificate');
    const pid = await servicePid(m);
    await give(second);
    await m.sh('systemctl reload parley.service');
    await until('the second certificate', async () => (await shown()) === 'second');
    same(await servicePid(m), pid, 'process');
    await allGoOn();
    for (let i = 0; i < RESTARTS; i++) {
        await m.sh('systemctl restart parley.service');
        await allGoOn();
    }
    const deb = await later(t, m);
    await install(m, deb);
    match(await m.sh('dpkg-query -W -f "\\${Version}" parley'), new RegExp(NEXT), 'version');
    await allGoOn();
    await m.sh('systemctl kill --signal=KILL parley.service');
    await until('active', async () => (await isActive(m)) === 'active');
    await allGoOn();
    const n = (await Promise.all(crowds.map((one) => one.end()))).reduce((a, b) => a + b);
    console.log(`  ${n} messages over a new certificate, ${RESTARTS} restarts, an upgrade and a kill -9`);
}

/** By what docs/operations.md has for it: the timer, and the way back. */
async function isBackedUpAndComesBack(t) {
    const m = await installed(t, 'backup');
    const page = pageOf('docs/operations.md');
    const [, enable] = /```sh\n(systemctl enable --now parley-backup\.timer\n)```/.exec(page);
    same((await m.sh('systemctl is-enabled parley-backup.timer || true')).trim(), 'disabled', 'the timer');
    await m.sh(enable);
    match(await m.sh('systemctl list-timers parley-backup.timer'), /parley-backup\.service/, 'timers');
    const it = crowd(t, m, PLAIN, 'websocket', await walletsOf(m, 3));
    await it.goesOn();
    await m.sh('systemctl start parley-backup.service', { ms: 60000 });
    await it.goesOn();
    await m.sh('systemctl start parley-backup.service', { ms: 60000 }); // once more, the next night
    const n = await it.end();
    const said = await m.sh('journalctl -u parley-backup.service -o cat');
    match(said, /^It is whole\.$/m, 'log');
    const kept = Number([...said.matchAll(/(\d+) messages of 3 accounts, .* 3 keys/g)].at(-1)?.[1]);
    same(kept > 0 && kept <= n, true, `${kept} of ${n} messages`);
    same((await m.sh('stat -c "%U %a" /var/backups/parley /var/backups/parley/backup.db')).trim(), 'root 700\nroot 600', 'its owner');

    const [, back] = /```sh\n(systemctl stop parley\.socket parley\n[^]*?)```/.exec(page);
    await m.sh(`set -e\n${back}`, { ms: 60000 });
    same([await isActive(m), await isActive(m, 'parley.socket')], ['active', 'active'], 'units');
    same((await m.sh('parley sql --data /var/lib/parley --json "SELECT count(*) AS n FROM messages"')).trim(), `{"n":${kept}}`, 'messages');
    same((await m.sh('find /var/lib/parley -not -user parley')).trim(), '', 'what is not of parley');
    match(await m.sh('parley doctor || true'), /ok +store/, 'doctor');
    await chats(t, m, PLAIN);
    await m.sh('apt-get -q -y remove parley 2>&1');
    same((await m.sh('find /etc/systemd/system -name "parley-backup*"')).trim(), '', 'what is left of the timer');
    match(await m.sh('ls /var/backups/parley'), /backup\.db/, 'the backup stays');
}

/** It is tried again, not in a frenzy, and the socket stays: mended, it serves who has waited. */
async function waitsToBeMended(t) {
    const m = await installed(t, 'broken');
    await configure(m, 'no-such-option = 1\n');
    match(await m.fails(`parley token ${wallet()}`), /parley\.conf:\d+: there is no key 'no-such-option'/, 'token');
    await m.sh('systemctl restart parley.service || true');
    const waiting = run(m.network[0], [...m.network.slice(1), process.execPath, '-e',
        `fetch('${PLAIN}/healthz').then((r) => process.exit(r.status === 200 ? 0 : 1))`], ['ignore', 'inherit', 'inherit']);
    t.defer(() => waiting.child.kill('SIGKILL'));
    const starts = async () => Number(await m.sh('systemctl show -p NRestarts --value parley.service'));
    const [from, before] = [now(), await starts()];
    await sleep(5000);
    const rate = ((await starts()) - before) / ((now() - from) / 1000);
    same([rate > 0, rate < 2], [true, true], `${rate.toFixed(1)} starts a second`);
    same(await isActive(m, 'parley.socket'), 'active', 'socket');
    match(await m.sh('journalctl -u parley.service -o cat'), /parley\.conf:\d+: there is no key 'no-such-option'/, 'log');
    match(await m.fails('parley doctor'), /no-such-option/, 'doctor');
    await m.sh('sed -i /no-such-option/d /etc/parley/parley.conf');
    same(await within(20000, 'answer to who has waited', waiting.ended), 0, 'who has waited');
}

/** What the unit takes from it, it has not. */
async function isConfined(t) {
    const m = await installed(t, 'confined');
    const pid = await servicePid(m);
    const status = await m.sh(`cat /proc/${pid}/status`);
    match(status, /^CapEff:\t0+$/m, 'capabilities');
    match(status, /^CapBnd:\t0+$/m, 'capabilities');
    match(status, /^NoNewPrivs:\t1$/m, 'privileges');
    match(status, /^Seccomp:\t2$/m, 'calls');
    match(status, /^Uid:\t(\d+)\t\1\t\1\t\1$/m, 'user');
    match(await m.sh('journalctl -u parley.service -o cat | grep -E "layer=(io|crypto)"'),
        /event=io_hardened files=landlock-\d+ calls=seccomp core=none memory=closed privileges=none/, 'log');
    same(await m.sh('journalctl -u parley.service -o cat | grep -E "io_hardening_lacks|crypto_not_locked|io_call_refused" || true'), '', 'log');
    // As somebody in the place of the server, with all that the kernel would let root do otherwise.
    const inside = (script) => `nsenter -t ${pid} -m -- /bin/sh -c '${script}'`;
    for (const place of ['/etc/parley', '/usr/bin', '/var/lib', '/'])
        match(await m.fails(inside(`touch ${place}/x`)), /Read-only file system/, place);
    await m.sh(inside('touch /var/lib/parley/x && rm /var/lib/parley/x'));
    same(await m.sh(inside('ls /root /home /dev/kmsg 2>/dev/null || true')).then((said) => /parley.deb|kmsg/.test(said)), false, 'seen');
    const environment = await m.sh(`tr "\\0" "\\n" </proc/${pid}/environ`);
    match(environment, /^CREDENTIALS_DIRECTORY=\/run\/credentials\/parley.service$/m, 'environment');
}

const limit = 600000;

export const rows = [
    { name: 'installed: starts with no configuration', run: startsWithNoConfiguration, limit },
    { name: 'installed: serves TLS with credentials', run: servesTls, limit },
    { name: 'installed: outlives a reboot', run: outlivesAReboot, limit },
    { name: 'installed: is backed up, and comes back, as the page says', run: isBackedUpAndComesBack, limit },
    { name: 'installed: upgrades, and goes', run: upgradesAndGoes, limit },
    { name: 'installed: leaves nothing where there was nothing', run: leavesNothing, limit },
    { name: 'installed: loses nothing under load', run: losesNothingUnderLoad, limit },
    { name: 'installed: waits to be mended', run: waitsToBeMended, limit },
    { name: 'installed: is confined', run: isConfined, limit },
];
