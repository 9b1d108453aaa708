/** `parley doctor`, and what it is to find fault with: a bucket, and a proxy of a few lines. */
import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { connect } from 'node:net';
import { Failure, match, run, same, within } from '../lib.mjs';
import { presign } from './sigv4.mjs';

const VERDICTS = ['ok', 'warn', 'bad', 'skip'];
const MACHINES = ['disk', 'memory', 'clock']; // a machine that runs tests may be warned of

/** One run. */
export class Report {
    /** @param options  as of `parley serve` @param how  env, and words before the program */
    static async of(t, options, { env, wrap = [] } = {}) {
        const words = [...wrap, t.servers.binary, 'doctor', '--json', ...options];
        const { child, ended } = run(words[0], words.slice(1), ['ignore', 'pipe', 'pipe'],
            { env: { ...process.env, ...env } });
        t.defer(() => child.kill('SIGKILL'));
        const report = Object.assign(new Report(), { out: '', err: '' });
        child.stdout.on('data', (text) => (report.out += text));
        child.stderr.on('data', (text) => (report.err += text));
        report.code = await within(60000, 'end of parley doctor', ended);
        report.all = report.out.split('\n').filter(Boolean).map((line) => JSON.parse(line));
        for (const { verdict, name, what } of report.all)
            if (!VERDICTS.includes(verdict) || !name || !what) throw new Failure(`no finding: ${report.out}`);
        same(report.err, '', 'stderr');
        return report;
    }

    of(verdict) {
        return this.all.filter((each) => each.verdict === verdict);
    }

    /** Nothing is bad, and of warnings there are these. */
    isGood(...warned) {
        const wrong = [...this.of('bad'), ...this.of('warn')].map(({ name }) => name);
        same(wrong.filter((name) => !MACHINES.includes(name)), warned, `what is wrong in\n${this.out}`);
        same(this.code, 0, 'exit code');
    }

    has(verdict, name, what, remedy) {
        const found = this.all.find((each) =>
            each.verdict === verdict && each.name === name && what.test(each.what));
        if (!found) throw new Failure(`no "${name}" is ${verdict} with ${what} in\n${this.out}`);
        if (remedy) match(found.remedy ?? '', remedy, `remedy of ${name}`);
        same(this.code, this.of('bad').length > 0 ? 1 : 0, 'exit code');
    }
}

/** What is asked of an S3: a bucket in memory, with what can be wrong about one. */
export class Bucket {
    region = 'us-east-1';
    name = 'files';
    objects = new Map();
    cors = [];       // origins whose pages may put
    isPublic = false;
    aheadMs = 0;     // of its clock
    key = { access: 'AKIADOCTOR', secret: 'geheim-of-the-bucket', region: 'us-east-1' };

    static async open(t) {
        const bucket = new Bucket();
        bucket.server = http.createServer((request, response) => bucket.#answer(request, response));
        bucket.server.listen(0, '127.0.0.1');
        await once(bucket.server, 'listening');
        bucket.url = `http://127.0.0.1:${bucket.server.address().port}`;
        t.defer(() => {
            bucket.server.closeAllConnections();
            bucket.server.close();
        });
        return bucket;
    }

    get options() {
        return ['--media=s3', `--s3-endpoint=${this.url}`, `--s3-bucket=${this.name}`,
            `--s3-region=${this.region}`, `--s3-access-key=${this.key.access}`];
    }

    get env() {
        return { PARLEY_S3_SECRET_KEY: this.key.secret };
    }

    #refuse(response, status, code) {
        response.writeHead(status, { 'Content-Type': 'application/xml' })
            .end(`<?xml version="1.0"?><Error><Code>${code}</Code><Message>No.</Message></Error>`);
    }

    /** @return the code of what is wrong with the signature; undefined: nothing */
    #wrong(request, url) {
        const { searchParams: query } = url;
        const [access, , region] = (query.get('X-Amz-Credential') ?? '').split('/');
        if (!query.get('X-Amz-Signature')) return this.isPublic && request.method === 'GET' ? undefined : 'AccessDenied';
        if (access !== this.key.access) return 'InvalidAccessKeyId';
        if (region !== this.key.region) return 'AuthorizationQueryParametersError';
        const at = query.get('X-Amz-Date');
        const unixMs = Date.parse(at.replace(/(....)(..)(..)T(..)(..)(..)Z/, '$1-$2-$3T$4:$5:$6Z'));
        if (Math.abs(unixMs - Date.now() - this.aheadMs) > 900000) return 'RequestTimeTooSkewed';
        const names = query.get('X-Amz-SignedHeaders').split(';').filter((name) => name !== 'host');
        const want = presign(this.key, {
            origin: `http://${request.headers.host}`, path: url.pathname, method: request.method, unixMs,
            expires: query.get('X-Amz-Expires'),
            headers: Object.fromEntries(names.map((name) => [name, request.headers[name] ?? ''])),
        });
        return new URL(want).searchParams.get('X-Amz-Signature') === query.get('X-Amz-Signature')
            ? undefined : 'SignatureDoesNotMatch';
    }

    #preflight(request, response) {
        const { origin } = request.headers;
        if (!this.cors.includes(origin)) return this.#refuse(response, 403, 'AccessForbidden');
        return response.writeHead(200, {
            'Access-Control-Allow-Origin': origin, 'Access-Control-Allow-Methods': 'GET, HEAD, PUT',
            'Access-Control-Allow-Headers': 'content-type, x-amz-checksum-sha256',
        }).end();
    }

    async #answer(request, response) {
        const url = new URL(request.url, 'http://x');
        const [, bucket, ...rest] = decodeURIComponent(url.pathname).split('/');
        const key = rest.join('/');
        response.setHeader('Date', new Date(Date.now() + this.aheadMs).toUTCString());
        let body = '';
        for await (const some of request) body += some;
        if (request.method === 'OPTIONS') return this.#preflight(request, response);
        const code = this.#wrong(request, url);
        if (code) return this.#refuse(response, 403, code);
        if (bucket !== this.name) return this.#refuse(response, 404, 'NoSuchBucket');
        return this.#do(request.method, key, body, response);
    }

    #do(method, key, body, response) {
        if (method === 'PUT') this.objects.set(key, body);
        if (method === 'DELETE') this.objects.delete(key);
        if (method === 'GET' || method === 'HEAD') {
            const text = this.objects.get(key);
            if (text === undefined) return this.#refuse(response, 404, 'NoSuchKey');
            response.writeHead(200, { 'Content-Length': Buffer.byteLength(text) });
            return response.end(method === 'GET' ? text : undefined);
        }
        return response.writeHead(method === 'DELETE' ? 204 : 200).end();
    }
}

/** Before a server: what it does to requests is up to the test. */
export class Proxy {
    forwards = 'append'; // X-Forwarded-For: append, pass, none
    keepsHost = true;
    keepsOrigin = true;
    upgrades = true;
    hides = '/metrics';
    bodyMost = Infinity;
    from = '127.0.0.1';  // whence it comes to the server
    status = 0;          // what it answers by itself; 0: nothing

    /** @param tls  a certificate and its key @param to  a URL */
    static async open(t, to, tls) {
        const proxy = Object.assign(new Proxy(), { to: new URL(to) });
        const answer = (request, response) => proxy.#pass(request, response);
        proxy.server = tls ? https.createServer(tls, answer) : http.createServer(answer);
        proxy.server.on('upgrade', (request, socket) => proxy.#upgrade(request, socket));
        proxy.server.listen(0, '127.0.0.1');
        await once(proxy.server, 'listening');
        proxy.url = `http${tls ? 's' : ''}://127.0.0.1:${proxy.server.address().port}`;
        t.defer(() => {
            proxy.server.closeAllConnections();
            proxy.server.close();
        });
        return proxy;
    }

    #headers(request) {
        const headers = { ...request.headers };
        if (!this.keepsHost) headers.host = this.to.host;
        if (!this.keepsOrigin) delete headers.origin;
        const came = headers['x-forwarded-for'];
        delete headers['x-forwarded-for'];
        const peer = request.socket.remoteAddress.replace('::ffff:', '');
        if (this.forwards === 'append') headers['x-forwarded-for'] = came ? `${came}, ${peer}` : peer;
        if (this.forwards === 'pass' && came) headers['x-forwarded-for'] = came;
        return headers;
    }

    #pass(request, response) {
        if (request.url === this.hides) return response.writeHead(403).end();
        if (this.status) return response.writeHead(this.status, { Location: 'https://elsewhere.example/' }).end();
        if (Number(request.headers['content-length'] ?? 0) > this.bodyMost)
            return response.writeHead(413, { Connection: 'close' }).end();
        const { hostname: host, port } = this.to;
        const asked = http.request({
            host, port, method: request.method, path: request.url, headers: this.#headers(request),
            localAddress: this.from,
        }, (answer) => {
            response.writeHead(answer.statusCode, answer.headers);
            answer.pipe(response);
        });
        asked.on('error', () => response.headersSent ? response.destroy() : response.writeHead(502).end());
        return request.pipe(asked);
    }

    #upgrade(request, client) {
        client.on('error', () => {});
        if (!this.upgrades) return client.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n');
        const server = connect({ host: this.to.hostname, port: this.to.port, localAddress: this.from });
        server.on('error', () => client.destroy());
        const lines = Object.entries(this.#headers(request)).map(([name, value]) => `${name}: ${value}\r\n`);
        server.write(`${request.method} ${request.url} HTTP/1.1\r\n${lines.join('')}\r\n`);
        client.on('close', () => server.destroy());
        server.on('close', () => client.destroy());
        client.pipe(server);
        return server.pipe(client);
    }
}
