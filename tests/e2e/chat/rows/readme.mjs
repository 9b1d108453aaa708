/** What a newcomer pastes does what the page says. */
import { match, same, within } from '../../lib.mjs';
import { blockOf, pageOf, runPasted } from '../pasted.mjs';

/** The two wallets of the page. */
const ALICE = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
const BOB = '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359';

async function runsTheClient(t) {
    const page = pageOf('README.md');
    const client = blockOf(page, 'message.send');
    for (const address of [ALICE, BOB]) match(page, new RegExp(`parley token ${address}`), 'page');
    match(client, /'http:\/\/127\.0\.0\.1:8080'/, 'client');
    const { data, url } = await t.serve({ options: ['--dev'] });
    const token = (address) => t.servers.command('token', address, `--data=${data}`).trim();

    const { child, ended } = runPasted(t, client.replace('http://127.0.0.1:8080', url),
        { ALICE: token(ALICE), BOB: token(BOB) });
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
