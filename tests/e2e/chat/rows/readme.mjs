/** What a newcomer pastes does what the page says. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, match, run, same, within } from '../../lib.mjs';
import { folder } from '../serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The two wallets of the page. */
const ALICE = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const BOB = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';

function clientOf(page) {
    const blocks = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
    const found = blocks.filter((code) => code.includes('message.send'));
    if (found.length !== 1) throw new Failure(`README.md has ${found.length} clients`);
    return found[0];
}

async function runsTheClient(t) {
    const page = readFileSync(here('../../../../README.md'), 'utf8');
    const client = clientOf(page);
    for (const address of [ALICE, BOB]) match(page, new RegExp(`parley token ${address}`), 'page');
    match(client, /'http:\/\/127\.0\.0\.1:8080'/, 'client');
    const { data, url } = await t.serve({ options: ['--dev'] });
    const token = (address) => t.servers.command('token', address, `--data=${data}`).trim();

    const dir = folder('readme');
    symlinkSync(here('../../node_modules'), join(dir, 'node_modules'));
    writeFileSync(join(dir, 'chat.mjs'), client.replace('http://127.0.0.1:8080', url));
    const { child, ended } = run(process.execPath, ['chat.mjs'], ['ignore', 'pipe', 'pipe'], {
        cwd: dir, env: { ...process.env, ALICE: token(ALICE), BOB: token(BOB) },
    });
    t.defer(() => child.kill('SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    same(await within(10000, 'end of the client', ended), 0, `exit status (${said})`);
    same(said.trim().split('\n').sort(), [
        `Alice knows that ${BOB} has 1`, `Bob knows that ${BOB} has 1`, 'Bob got hi', 'stored as 1',
    ].sort(), 'what it says');
}

export const rows = [
    { name: 'readme: its client runs', run: runsTheClient, own: true },
];
