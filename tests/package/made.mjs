/** The package itself: what is in it, and that it is made the same each time. */
import { readFileSync, readdirSync } from 'node:fs';
import { match, same } from '../e2e/lib.mjs';
import { command } from './machine.mjs';

const EXPOSURE_MAX = 20; // tenths, of systemd-analyze
// Whom it names as its maintainer is up to who makes it.
const UNASKED = 'bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs';

/** The same sources in another directory. */
async function copyTo(t, name) {
    const dir = t.shared.workshop.path(name);
    await command('sh', ['-c', `mkdir "$1" && cd "$0" && git ls-files -z --cached --others --exclude-standard |
        xargs -0 cp --parents -t "$1" && touch "$1/meson.build"`, t.shared.root, dir]);
    return dir;
}

async function isMadeTheSameTwice(t) {
    const made = [];
    for (const name of ['one', 'another-and-longer']) {
        const dir = await copyTo(t, name);
        const env = { ...process.env, SOURCE_DATE_EPOCH: '1700000000', PACKAGE_VERSION: '9-1', TMPDIR: t.shared.workshop.dir };
        await command(`${dir}/script/package`, [], { ms: 300000, env, cwd: '/' });
        made.push(readFileSync(`${dir}/dist/SHA256SUMS`, 'utf8'));
        await command('sha256sum', ['--check', '--quiet', 'SHA256SUMS'], { cwd: `${dir}/dist` });
    }
    same(made[0].trim().split('\n').length, 3, 'files');
    same(made[0], made[1], 'checksums');
}

/** Unpacked. @return where */
async function unpacked(t) {
    const dir = t.shared.workshop.path('unpacked');
    await command('dpkg-deb', ['-x', await t.shared.deb(), dir]);
    return dir;
}

async function isWellFormed(t) {
    const deb = await t.shared.deb();
    const dir = await t.shared.packages();
    for (const file of readdirSync(dir).filter((name) => name.endsWith('.deb')))
        same(await command('lintian', ['--allow-root', '--suppress-tags', UNASKED, `${dir}/${file}`]), '', file);
    same(await command('dpkg-deb', ['-I', deb, 'conffiles']), '/etc/parley/parley.conf\n', 'files of options');
    const owners = (await command('dpkg-deb', ['-c', deb])).split('\n').filter(Boolean).map((line) => line.split(/ +/)[1]);
    same([...new Set(owners)], ['root/root'], 'owners');
}

async function saysNothingOfItsMaker(t) {
    const dir = await unpacked(t);
    const named = await command('sh', ['-c', 'grep -rlaF -e "$1" -e "$2" "$0" || test $? = 1', dir, t.shared.root,
        t.shared.workshop.dir]);
    same(named, '', 'files that name a path of this machine');
}

async function hasItsSymbols(t) {
    const dir = await unpacked(t);
    const symbols = t.shared.workshop.path('symbols');
    const [deb] = readdirSync(await t.shared.packages()).filter((name) => /dbgsym.*deb$/.test(name));
    await command('dpkg-deb', ['-x', `${await t.shared.packages()}/${deb}`, symbols]);
    const id = /Build ID: ([0-9a-f]{40})/.exec(await command('readelf', ['-n', `${dir}/usr/bin/parley`]))[1];
    const file = `${symbols}/usr/lib/debug/.build-id/${id.slice(0, 2)}/${id.slice(2)}.debug`;
    const main = /^([0-9a-f]+) T main$/m.exec(await command('nm', [file]))[1];
    match(await command('addr2line', ['-f', '-e', file, main]), /^main\n.*src\/cli\/main\.c:\d+/, 'where main is');
}

/** The program needs nothing that the list does not name, and is in it whole. */
async function listsWhatIsInIt(t) {
    const dir = await t.shared.packages();
    const [name] = readdirSync(dir).filter((file) => file.endsWith('.cdx.json'));
    const bom = JSON.parse(readFileSync(`${dir}/${name}`, 'utf8'));
    same([bom.bomFormat, bom.specVersion], ['CycloneDX', '1.5'], 'form');
    const refs = bom.components.map((c) => c['bom-ref']);
    same(new Set(refs).size, refs.length, 'references, each once');
    same(bom.dependencies[0].dependsOn.filter((ref) => !refs.includes(ref)), [], 'dependencies that are not there');
    const depends = (await command('dpkg-deb', ['-f', await t.shared.deb(), 'Depends'])).split(', ')
        .map((one) => one.split(' ')[0].trim()).filter((one) => one !== 'adduser');
    const direct = bom.dependencies[0].dependsOn.map((ref) => /^pkg:deb\/debian\/([^@]+)@/.exec(ref)?.[1]).filter(Boolean);
    same(direct.sort(), depends.sort(), 'libraries');
    const licences = readFileSync(`${t.shared.root}/web/public/embed/licenses.txt`, 'utf8');
    const inside = bom.components.filter((c) => c['bom-ref'].startsWith('pkg:npm/'));
    same(inside.length > 5, true, 'packages of npm');
    for (const { name: it, version, hashes } of inside) {
        same(licences.includes(`${it} ${version}`), true, `${it} ${version} in the licences`);
        same(hashes[0].content.length, 128, `digest of ${it}`);
    }
}

async function isExposedNoMoreThan(t) {
    const units = `${await unpacked(t)}/lib/systemd/system`;
    for (const name of ['parley.service', 'parley-backup.service']) {
        console.log((await command('systemd-analyze', ['security', '--offline=true', `--threshold=${EXPOSURE_MAX}`, `${units}/${name}`]))
            .split('\n').filter((line) => /Overall/.test(line)).map((line) => `  ${line.trim()}`).join('\n'));
    }
    // Where it is not installed that is what is wrong with them, and nothing else.
    const said = await command('sh', ['-c', 'systemd-analyze verify --man=no "$@" 2>&1 || true', 'sh',
        ...['parley.service', 'parley.socket', 'parley-backup.service', 'parley-backup.timer'].map((name) => `${units}/${name}`)]);
    same(said.split('\n').filter((line) => /parley/.test(line) && !/\/usr\/bin\/parley is not executable/.test(line)), [],
        'what is wrong with the units');
}

async function isWrittenAbout(t) {
    const dir = await unpacked(t);
    const env = { ...process.env, MANWIDTH: '80', LC_ALL: 'C.UTF-8' };
    const page = await command('man', ['-l', `${dir}/usr/share/man/man1/parley.1.gz`], { env });
    match(page, /\/etc\/parley\/parley\.conf/, 'page');
    match(await command('bash', ['-c', `. "$0" && complete -p parley`,
        `${dir}/usr/share/bash-completion/completions/parley`]), /parley/, 'completions');
}

const limit = 400000;

export const rows = [
    { name: 'package: is made the same twice', run: isMadeTheSameTwice, limit },
    { name: 'package: is well formed', run: isWellFormed, limit },
    { name: 'package: says nothing of its maker', run: saysNothingOfItsMaker, limit },
    { name: 'package: has its symbols beside it', run: hasItsSymbols, limit },
    { name: 'package: lists what is in it', run: listsWhatIsInIt, limit },
    { name: 'package: is exposed no more than it must', run: isExposedNoMoreThan, limit },
    { name: 'package: has its page and its completions', run: isWrittenAbout, limit },
];
