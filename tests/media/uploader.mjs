#!/usr/bin/env node
/**
 * A process that puts files: on stdin it is told which, as JSON
 *
 *   { "at": when to begin, Unix ms, "uploads": [{ "told": what it was answered, "mime", "size" }] }
 *
 * and on stdout it says of each in turn [status, seconds], or [what went wrong].
 */
import { readFileSync } from 'node:fs';
import { now, sleep } from '../e2e/lib.mjs';
import { fileOf, put } from '../e2e/chat/media.mjs';

const t = { defer() {} };

async function timed({ told, mime, size }) {
    const from = now();
    try {
        const { status } = await put(t, told, fileOf(mime, { size }));
        return [status, (now() - from) / 1000];
    } catch (error) {
        return [error.message];
    }
}

const { at, uploads } = JSON.parse(readFileSync(0, 'utf8'));
await sleep(Math.max(0, at - Date.now()));
console.log(JSON.stringify(await Promise.all(uploads.map(timed))));
process.exit(0);
