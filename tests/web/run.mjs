#!/usr/bin/env node
/**
 * usage: run.mjs [--only TEXT]
 *
 * The sources of the front end: formatted, of the right types, their unit tests; and web/dist, which
 * the server embeds: that it is what these sources make, and as small as it has to be.
 */
import { execFile } from 'node:child_process';
import {
    cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync,
    writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { Failure, Skip, Trial, between, same } from '../e2e/lib.mjs';
import { Runner, select } from '../e2e/runner.mjs';

const AT_ONCE = 2;
const START_BYTES = 60_000; // gzipped, all that the widget loads before anybody does anything
const root = fileURLToPath(new URL('../..', import.meta.url));
const packages = join(root, 'node_modules');
const dist = join(root, 'web/dist');
const scratch = mkdtempSync(join(tmpdir(), 'parley-web-'));
process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const runner = new Runner();
const call = promisify(execFile);

/** What it prints; a failure is that, if it fails. */
async function npx(name, args, cwd = root) {
    const program = join(packages, '.bin', name);
    try {
        return (await call(program, args, { cwd, maxBuffer: 1 << 26 })).stdout;
    } catch (error) {
        throw new Failure(`${name} ${args.join(' ')}:\n${error.stdout}${error.stderr}`);
    }
}

const filesOf = (dir, base = dir) => readdirSync(dir, { withFileTypes: true })
    .flatMap((entry) => {
        const path = join(dir, entry.name);
        return entry.isDirectory() ? filesOf(path, base) : [relative(base, path)];
    }).sort();

async function isFormatted() {
    await npx('prettier', ['--check', 'sdk', 'web', 'package.json', 'vitest.config.ts']);
}

const typed = (workspace) => npx('tsc', ['-p', `${workspace}/tsconfig.json`, '--noEmit']);

/** Each test of vitest is one of ours. */
async function unitTests() {
    const report = join(scratch, 'vitest.json');
    const failure = await npx('vitest', ['run', '--reporter=json', `--outputFile=${report}`])
        .catch((error) => error);
    if (!existsSync(report)) throw failure;
    const files = JSON.parse(readFileSync(report, 'utf8')).testResults;
    for (const { name, message, assertionResults: tests } of files) {
        const file = relative(root, name);
        if (!tests.length) runner.report('failed', file, message || 'it has no tests');
        for (const { fullName, status, failureMessages } of tests) {
            const verdict = { passed: 'passed', failed: 'failed' }[status] ?? 'skipped';
            runner.report(verdict, `${file}: ${fullName}`, failureMessages.join('\n'));
        }
    }
    if (failure instanceof Error && files.every(({ status }) => status === 'passed')) throw failure;
}

async function isBuiltFromSources() {
    const made = join(scratch, 'dist');
    await npx('vite', ['build', '--outDir', made, '--emptyOutDir'], join(root, 'web'));
    same(filesOf(dist), filesOf(made), 'files of web/dist (npm run build makes them anew)');
    for (const file of filesOf(made))
        if (!readFileSync(join(made, file)).equals(readFileSync(join(dist, file))))
            throw new Failure(`web/dist/${file} is not what the sources make: npm run build`);
}

const IMPORT = /(?:^|[;}\s])(?:import|export)\s*(?:[\w*${},\s]+?from\s*)?["'](\.[^"']+)["']/g;

/** The file, and what it imports at once, and that in turn. */
function loadedWith(file, seen = new Set()) {
    if (seen.has(file)) return seen;
    seen.add(file);
    for (const [, other] of readFileSync(file, 'utf8').matchAll(IMPORT))
        loadedWith(resolve(dirname(file), other), seen);
    return seen;
}

/** Of those that are loaded where they are shown: what is shown before anybody does anything. */
const AT_START = /^(parley-chat\.js|list-.*\.js)$/;

async function isSmall() {
    const roots = filesOf(join(dist, 'embed')).filter((file) => AT_START.test(file));
    same(roots.length, 2, 'the widget, and the list');
    const files = new Set(roots.flatMap((file) => [...loadedWith(join(dist, 'embed', file))]));
    const sizes = [...files].map((file) => gzipSync(readFileSync(file), { level: 9 }).length);
    const total = sizes.reduce((a, b) => a + b);
    [...files].forEach((file, i) => console.log(`  ${relative(dist, file)}: ${sizes[i]} bytes gzipped`));
    console.log(`  together ${(total / 1000).toFixed(1)} KB`);
    between(total, 5000, START_BYTES, 'bytes that the widget loads at start');
}

/** The wallets' code is there, and it is not among what is loaded at start. */
async function loadsWalletsLater() {
    const has = (file) => readFileSync(file, 'utf8').includes('personal_sign');
    for (const entry of ['parley-chat', 'parley-sdk']) {
        const found = [...loadedWith(join(dist, `embed/${entry}.js`))].filter(has);
        same(found, [], `what ${entry}.js loads at once that can sign`);
    }
    const others = filesOf(join(dist, 'embed')).map((file) => join(dist, 'embed', file));
    if (!others.some(has)) throw new Failure('nothing can sign at all');
}

const NOT_IN_BROWSERS = new Set([
    'debug', 'ms', 'ws', 'xmlhttprequest-ssl', '@types/trusted-types', '@lit-labs/ssr-dom-shim',
]);

/** Of each package whose code is served, and of its version. */
async function namesLicences() {
    const { packages: all } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
    const served = new Map();
    const add = (names) => Object.keys(names ?? {}).forEach((name) => {
        const found = all[`node_modules/${name}`];
        if (NOT_IN_BROWSERS.has(name) || served.has(name) || found.link) return;
        served.set(name, found.version);
        add(found.dependencies);
    });
    for (const workspace of ['sdk', 'web']) add(all[workspace].dependencies);
    const text = readFileSync(join(dist, 'embed/licenses.txt'), 'utf8');
    const missing = [...served].map((pair) => pair.join(' ')).filter((one) => !text.includes(one));
    same(missing, [], 'packages that web/public/embed/licenses.txt does not name');
    between(served.size, 8, 99, 'packages that are served');
}

/** What npm would publish, as somebody uses it: in Node, and from strict TypeScript. */
async function packs() {
    await npx('tsc', ['-p', 'sdk/tsconfig.build.json']);
    const home = join(scratch, 'consumer');
    const at = join(home, 'node_modules/parley-sdk');
    mkdirSync(at, { recursive: true });
    const { stdout } = await call('npm', ['pack', '--dry-run', '--json', '-w', 'sdk'], { cwd: root });
    for (const { path } of JSON.parse(stdout)[0].files)
        cpSync(join(root, 'sdk', path), join(at, path), { recursive: true });
    for (const name of ['socket.io-client', '@noble'])
        symlinkSync(join(packages, name), join(home, 'node_modules', name));
    writeFileSync(join(home, 'package.json'), '{"type": "module"}');
    writeFileSync(join(home, 'use.mts'), `
        import { createChat, tokenAuth, shortAccount, type Item } from 'parley-sdk';
        import { signInWithEthereum, watchWallets } from 'parley-sdk/wallets';
        const chat = createChat({ server: 'http://127.0.0.1:9', auth: tokenAuth(() => 'x'),
            persist: false });
        const items: readonly Item[] =
            chat.thread('0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359').items;
        console.log(typeof signInWithEthereum, typeof watchWallets, items.length, chat.status,
            shortAccount('0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359'));
        process.exit();
    `);
    symlinkSync(join(packages, '@types'), join(home, 'node_modules/@types'));
    await npx('tsc', ['--strict', '--module', 'nodenext', '--target', 'es2022', '--lib',
        'es2022,dom', '--types', 'node', 'use.mts'], home);
    const { stdout: said } = await call(process.execPath, ['use.mjs'], { cwd: home });
    same(said.trim(), 'function function 0 idle 0xfB69…d359', 'what it prints');
}

const rows = select([
    ['sources are formatted', isFormatted],
    ['types of the SDK', () => typed('sdk')],
    ['types of the widget', () => typed('web')],
    ['unit tests', unitTests],
    ['web/dist is what the sources make, byte for byte', isBuiltFromSources],
    ['what the widget loads at start is at most 60 KB gzipped', isSmall],
    ['wallets are loaded when somebody signs in', loadsWalletsLater],
    ['the licences of what is served are served', namesLicences],
    ['the package of the SDK works in Node and in TypeScript', packs],
].map(([name, run]) => ({ name, run, limit: 180000 })), flags.only);

async function runRow(row) {
    const { wrong, skip } = existsSync(packages) ? await runner.attempt(row, new Trial())
        : { wrong: new Skip('npm ci was not run: script/setup test').message };
    runner.report(skip ? 'skipped' : wrong ? 'failed' : 'passed', row.name, skip ?? wrong);
}

await runner.all(rows, runRow, AT_ONCE);
if (!runner.hasRun) runner.report('failed', `rows with "${flags.only}"`, 'none');
process.exit(runner.close());
