/**
 * Commit before answer: the system calls themselves say in which order it was. Of each
 * message: written to the store, made durable, and only then told to anybody.
 */
import { readFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { Failure, same } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { joinAll } from '../e2e/chat/peer.mjs';
import { folder } from '../e2e/chat/serve.mjs';
import { callsOf } from './trace.mjs';

const CALLS = 'pwrite64,fdatasync,write,writev,sendmsg,sendto';

const isOfTheStore = ({ file }) => /\/[^/]+\.db(-wal|-journal)?$/.test(file);

function isInOrder(calls, marker) {
    const written = calls.find((call) =>
        call.name === 'pwrite64' && isOfTheStore(call) && call.rest.includes(marker));
    const told = calls.find((call) =>
        /^(write|writev|sendmsg|sendto)$/.test(call.name) && /socket|TCP/.test(call.file) &&
        call.rest.includes(marker));
    if (!written || !told) throw new Failure(`${marker}: ${written ? 'not told' : 'not written'}`);
    const synced = calls.find((call) => call.name === 'fdatasync' && call.file === written.file &&
        call.begin > written.over && / = 0$/.test(call.how));
    if (!synced || !(synced.over < told.begin))
        throw new Failure(`${marker}: written in line ${written.begin}, durable in line ` +
            `${synced?.over}, told in line ${told.begin}`);
}

async function tellsWhatIsDurable(t) {
    const log = path(folder('trace'), 'calls');
    const words = ['strace', '-D', '-f', '-qq', '-y', '-s', '65536', '-o', log,
        '-e', `trace=${CALLS}`];
    await t.serve({ options: ['--rate-limits=off'], wrap: words });
    const [a, b] = await joinAll(t, 2);
    const markers = numbers(60).map((i) => `marker-${i}-${'x'.repeat(i)}.`);
    for (let from = 0, n = 1; from < markers.length; from += n++) // one, two, three at once
        await Promise.all(markers.slice(from, from + n).map((text) => a.send(b.address, text)));
    await b.takeAll('message.new', markers.length);
    await t.server.stop();
    const calls = callsOf(readFileSync(log, 'latin1'));
    same(calls.length > 100, true, 'calls');
    for (const marker of markers) isInOrder(calls, marker);
}

export const rows = [
    { name: 'ordered: tells what is durable, and nothing else', run: tellsWhatIsDurable },
];
