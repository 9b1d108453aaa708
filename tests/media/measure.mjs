/** The runs: one large file; and text by itself, and beside many uploads. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, now, run, same } from '../e2e/lib.mjs';
import { Watch, cpuOf, peakOf } from '../bench/process.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import {
    MIB, announce, asHash, fileOf, get, image, sendFile, sendNew,
} from '../e2e/chat/media.mjs';
import { joinAll, joinSynced } from '../e2e/chat/peer.mjs';
import { text } from '../flood/measure.mjs';

export const UPLOADS = 50;
export const UPLOAD_MIB = 20;
const UPLOADERS = 5; // wallets
export const TEXT_S = 20;
const SAMPLE_MS = 50;
const OPTIONS = ['--rate-limits=off', '--drain=1s'];
const LARGE = [...OPTIONS, '--file-bytes=2GiB', '--upload-quota=8GiB'];
const UPLOADER = fileURLToPath(new URL('uploader.mjs', import.meta.url));

/** From another process. @return of each [status, seconds] */
async function putAll(t, uploads, at = 0) {
    const { child, ended } = run(process.execPath, [UPLOADER], ['pipe', 'pipe', 'inherit']);
    t.defer(() => child.kill('SIGKILL'));
    let said = '';
    child.stdout.on('data', (more) => (said += more));
    child.stdin.end(JSON.stringify({ at, uploads }));
    const how = await ended;
    if (how !== 0) throw new Failure(`the uploader ended with ${how}`);
    return JSON.parse(said);
}

/** A file of which nobody has so much in memory, put and got. */
export async function large(t, mib) {
    await t.serve({ options: LARGE });
    const [a, b] = await joinAll(t, 2);
    await sendNew(t, a, b.address, image({ size: 3 * MIB })); // what is made once, is there
    await b.take('message.new');
    const file = fileOf('application/octet-stream', { size: mib * MIB });
    const { pid } = t.server.child;
    const [watch, peak, cpu] = [new Watch(t, pid, SAMPLE_MS), peakOf(pid), cpuOf(pid)];
    const told = await announce(a, file);
    const [[status, seconds]] = await putAll(t, [{ told, mime: file.mime, size: file.size }]);
    same(status, 200, 'upload');
    const put = { seconds, grown_bytes: watch.grown(), peak_bytes: peak(),
        cpu_ms_per_mib: ((cpuOf(pid) - cpu) * 1000) / mib };
    await sendFile(a, b.address, 'file', told);
    const { content: { url } } = await b.take('message.new');
    const from = now();
    same((await get(t, url, { take: asHash })).size, file.size, 'download');
    const got = { seconds: (now() - from) / 1000, grown_bytes: watch.grown(),
        peak_bytes: peak() };
    await t.server.stop();
    return { mib, before_bytes: watch.before, put, got };
}

/** Announced before anything is measured. */
async function announceAll(t) {
    const file = { name: 'x.mp4', mime: 'video/mp4', size: UPLOAD_MIB * MIB };
    const wallets = await Promise.all(numbers(UPLOADERS).map(() => joinSynced(t)));
    const told = await Promise.all(numbers(UPLOADS).map((i) =>
        announce(wallets[i % UPLOADERS], file)));
    await Promise.all(wallets.map((peer) => peer.leave()));
    return told.map((one) => ({ told: one, mime: file.mime, size: file.size }));
}

/** Both runs on one server, whose files are gone afterwards. */
export async function pair(t, isQuietFirst) {
    await t.serve({ options: OPTIONS });
    const uploads = await announceAll(t);
    const runs = {
        quiet: () => text(t, TEXT_S),
        loaded: () => text(t, TEXT_S, async (at) => ({ uploads: await putAll(t, uploads, at) })),
    };
    const done = {};
    for (const name of isQuietFirst ? ['quiet', 'loaded'] : ['loaded', 'quiet']) {
        console.error(`${name}: ${TEXT_S} s`);
        done[name] = await runs[name]();
    }
    await t.server.stop();
    rmSync(join(t.server.data, 'media'), { recursive: true, force: true });
    return done;
}
