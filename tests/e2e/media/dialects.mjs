#!/usr/bin/env node
/**
 * usage: dialects.mjs [--write]
 *
 * Compares dialects.json with what AWS's own SDK makes of the same input: the URLs that
 * tests/unit/test_media_dialects.c holds Parley's to. --write makes the file anew.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { GetObjectCommand, HeadObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { getSignedUrl } from '@aws-sdk/s3-request-presigner';

const FILE = new URL('dialects.json', import.meta.url);
const AT = '2026-11-23T04:20:38Z';
const ACCESS = 'AKIAIOSFODNN7EXAMPLE';
const SECRET = 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY';
const IN = 'in/ABCDEFGHIJKLMNOPQRST';
const KEPT = 'kept/-_3456789012345678ab';

const put = { method: 'PUT', key: IN, mime: 'image/png', size: 65536, expires_s: 300 };
const putWithSum = {
    ...put, mime: 'text/plain; charset=utf-8', size: 1,
    sha256: 'n4bQgYhMfWWaL+qgxVrQFaO/TxsrC4Is0V1sFbDwCgg=',
};
const get = {
    method: 'GET', key: KEPT, expires_s: 604800, type: 'image/png',
    disposition: 'inline; filename="a b.png"; filename*=UTF-8\'\'%C3%A4%20b.png',
};
const head = { method: 'HEAD', key: KEPT, expires_s: 1 };

const stores = [
    { store: 'AWS, path', endpoint: 'https://s3.eu-central-1.amazonaws.com', region: 'eu-central-1' },
    { store: 'AWS, host', endpoint: 'https://s3.eu-central-1.amazonaws.com', region: 'eu-central-1', path_style: false },
    { store: 'AWS, session', endpoint: 'https://s3.amazonaws.com', region: 'us-east-1', path_style: false, token: 'IQoJb3JpZ2luX2VjE+//////////wEaCXVzLWVhc3QtMSJH==' },
    { store: 'R2', endpoint: 'https://0123456789abcdef.r2.cloudflarestorage.com', region: 'auto' },
    { store: 'R2, host', endpoint: 'https://0123456789abcdef.r2.cloudflarestorage.com', region: 'auto', path_style: false },
    { store: 'MinIO', endpoint: 'http://minio.internal:9000', region: 'us-east-1' },
    { store: 'MinIO, own port said', endpoint: 'https://minio.example:443/', region: 'us-east-1' },
    { store: 'Ceph', endpoint: 'https://rgw.example:8443', region: 'default', bucket: 'my-files.v2' },
    { store: 'Garage', endpoint: 'http://[::1]:3900', region: 'garage' },
    { store: 'B2', endpoint: 'https://s3.us-east-005.backblazeb2.com', region: 'us-east-005', path_style: false },
    { store: 'swift, session', endpoint: 'http://127.0.0.1:8080', region: 'us-east-1', access: 'test:tester', secret: 'testing', token: 'a+b/c=' },
    { store: 'behind a path', endpoint: 'https://example.com/s3', region: 'us-east-1' },
].map((store) => ({ bucket: 'files', path_style: true, access: ACCESS, secret: SECRET, token: '', ...store }));

/** The SDK names the operation in every URL; no store needs that, and Parley does not. */
function withoutName(client) {
    client.middlewareStack.add(
        (next) => (args) => {
            delete args.request.query['x-id'];
            return next(args);
        },
        { step: 'build', name: 'withoutName' },
    );
    return client;
}

function clientOf(row) {
    return withoutName(new S3Client({
        endpoint: row.endpoint,
        region: row.region,
        forcePathStyle: row.path_style,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        responseChecksumValidation: 'WHEN_REQUIRED',
        credentials: {
            accessKeyId: row.access,
            secretAccessKey: row.secret,
            sessionToken: row.token || undefined,
        },
    }));
}

function commandOf(row) {
    const what = { Bucket: row.bucket, Key: row.key };
    if (row.method === 'HEAD') return new HeadObjectCommand(what);
    if (row.method === 'GET')
        return new GetObjectCommand({
            ...what, ResponseContentType: row.type, ResponseContentDisposition: row.disposition,
        });
    return new PutObjectCommand({
        ...what, ContentType: row.mime, ContentLength: row.size, ChecksumSHA256: row.sha256,
    });
}

async function make(row) {
    const url = await getSignedUrl(clientOf(row), commandOf(row), {
        expiresIn: row.expires_s,
        signingDate: new Date(AT),
        signableHeaders: new Set(['host', 'content-type', 'content-length', 'x-amz-checksum-sha256']),
        unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
    });
    return { name: `${row.store}: ${row.method}${row.sha256 ? ' with a sum' : ''}`, ...row, url };
}

const rows = await Promise.all(
    stores.flatMap((store) => [put, putWithSum, get, head].map((what) => make({ ...store, ...what }))),
);
const made = { at: AT, unix_ms: Date.parse(AT), rows };
if (process.argv[2] === '--write') {
    writeFileSync(FILE, `${JSON.stringify(made, null, 2)}\n`);
} else {
    const kept = JSON.parse(readFileSync(FILE, 'utf8')).rows;
    let failed = 0;
    rows.forEach((row, i) => {
        const is = JSON.stringify(row) === JSON.stringify(kept[i]);
        if (!is) failed++;
        console.log(`${is ? 'ok' : 'FAIL'} ${row.name}${is ? '' : `: ${row.url}`}`);
    });
    console.log(`${rows.length - failed} passed, ${failed} failed, 0 skipped`);
    process.exitCode = failed || kept.length !== rows.length ? 1 : 0;
}
