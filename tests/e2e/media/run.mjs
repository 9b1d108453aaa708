#!/usr/bin/env node
/**
 * usage: run.mjs
 *
 * The object store's side of media: the URLs of every dialect against AWS's SDK, and media/s3
 * against a real store. The tests in C are those of BUILD, else of build/.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { PutObjectCommand } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';
import { Failure, same } from '../lib.mjs';
import { Runner } from '../runner.mjs';
import { Swift, whyNot } from './swift.mjs';

const build = process.env.BUILD ?? fileURLToPath(new URL('../../../build', import.meta.url));
const REAL = 'test_media_s3_real';
const PAGE = 'https://app.example';

const runner = new Runner();

/** @param onLine  gets each line that the program writes @return its exit status */
async function lines(program, args, env, onLine) {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    createInterface({ input: child.stdout }).on('line', onLine);
    const [status] = await once(child, 'close');
    return status;
}

async function dialects() {
    const script = fileURLToPath(new URL('dialects.mjs', import.meta.url));
    const status = await lines(process.execPath, [script], {}, (line) => {
        const found = /^(ok|FAIL) (.*)$/.exec(line);
        if (found) runner.report(found[1] === 'ok' ? 'passed' : 'failed', `dialects/${found[2]}`);
    });
    if (status !== 0) runner.report('failed', 'dialects', `ended with ${status}`);
}

/** What cmocka says as TAP. */
async function real(env) {
    const tap = { CMOCKA_MESSAGE_OUTPUT: 'TAP' };
    const status = await lines(`${build}/${REAL}`, [], { ...env, ...tap }, (line) => {
        const found = /^(not ok|ok) \d+ - (\S+)(.*# SKIP)?/.exec(line);
        if (!found) return console.log(line);
        const isGood = found[1] === 'ok' && !found[3]; // there is a store: nothing is skipped
        return runner.report(isGood ? 'passed' : 'failed', `media_s3/${found[2]}`);
    });
    if (status !== 0) runner.report('failed', REAL, `ended with ${status}`);
}

/** The facts that docs for operators of an object store rest on. */
const facts = [
    {
        name: 'a preflight is answered where it has the link\'s query',
        async run(swift, url) {
            const answer = await preflight(url);
            same(answer.status, 200, 'status');
            same(answer.headers.get('access-control-allow-origin'), PAGE, 'origin');
            same(/\bPUT\b/.test(answer.headers.get('access-control-allow-methods')), true, 'methods');
        },
    },
    {
        name: 'and nowhere else',
        async run(swift, url) {
            same((await preflight(url.split('?')[0])).status, 400, 'status');
        },
    },
    {
        name: 'nobody gets or puts anything without a link',
        async run(swift, url) {
            const bare = url.split('?')[0];
            for (const method of ['GET', 'PUT']) {
                const answer = await fetch(bare, { method, ...(method === 'PUT' && { body: 'abc' }) });
                if (answer.ok) throw new Failure(`${method}: ${answer.status}`);
            }
        },
    },
];

function preflight(url) {
    return fetch(url, {
        method: 'OPTIONS',
        headers: {
            Origin: PAGE,
            'Access-Control-Request-Method': 'PUT',
            'Access-Control-Request-Headers': 'content-type',
        },
    });
}

async function store() {
    const why = whyNot();
    if (why) return runner.report('skipped', 'swift', why);
    const swift = await Swift.start();
    try {
        const what = new PutObjectCommand({ Bucket: swift.env.S3_BUCKET, Key: 'in/a', ContentType: 'image/png' });
        const url = await getSignedUrl(swift.client(), what, { signableHeaders: new Set(['host', 'content-type']) });
        for (const fact of facts) {
            const wrong = await fact.run(swift, url).then(() => '', (error) => error.message);
            runner.report(wrong ? 'failed' : 'passed', `swift/${fact.name}`, wrong);
        }
        await real(swift.env);
    } finally {
        await swift.stop();
    }
}

await dialects();
await store().catch((error) => runner.report('failed', 'swift', error.message));
process.exit(runner.close());
