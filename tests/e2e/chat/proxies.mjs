/** Debian's nginx and HAProxy, in front of a server, as docs/proxies says; with the ports and files of a test. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join as path } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, Skip, run, until } from '../lib.mjs';
import { isServed } from '../ports.mjs';
import { folder } from './serve.mjs';
import { authorize, certify } from './tls.mjs';

const DOCS = fileURLToPath(new URL('../../../docs/proxies/', import.meta.url));
const isRoot = process.getuid() === 0;

/** What stands around the example in the file of all: everything in a folder of the test. */
const AROUND = {
    nginx: (dir, config) => `
daemon off;
${isRoot ? 'user root;' : ''}
pid ${dir}/pid;
error_log stderr;
events { worker_connections 1024; }
http {
    access_log off;
    ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
        .map((name) => `${name}_temp_path ${dir}/${name};`).join(' ')}
    ${config}
}`,
    haproxy: (dir, config) => `global\n    maxconn 1000\n\n${config}`,
};

const COMMANDS = {
    nginx: (dir, file) => ['/usr/sbin/nginx', '-e', 'stderr', '-p', dir, '-c', file],
    haproxy: (dir, file) => ['/usr/sbin/haproxy', '-db', '-f', file],
};

/** Whom to trust, and with what: a folder of an authority and a certificate. */
export function makeCertificate() {
    const dir = folder('proxy');
    const ca = authorize(dir);
    certify(dir, dir, 'chat.example');
    const both = ['cert.pem', 'key.pem'].map((name) => readFileSync(path(dir, name), 'utf8'));
    writeFileSync(path(dir, 'both.pem'), both.join(''), { mode: 0o600 });
    return { dir, ca };
}

/** Each in turn, which must be there. */
function replaceAll(text, pairs) {
    return pairs.reduce((before, [what, by]) => {
        if (!before.includes(what)) throw new Failure(`the example has no "${what}"`);
        return before.replaceAll(what, by);
    }, text);
}

/**
 * @param program  nginx or haproxy
 * @param example  a file of docs/proxies
 * @param dir      with the files of a certificate
 * @param port     where it listens
 * @param pairs    what is replaced in the example
 */
export async function startProxy(t, { program, example, dir, port, pairs }) {
    const text = replaceAll(readFileSync(path(DOCS, example), 'utf8'), pairs);
    const file = path(dir, example);
    writeFileSync(file, AROUND[program](dir, text));
    const [command, ...words] = COMMANDS[program](dir, file);
    if (!existsSync(command)) throw new Skip(`${program} is absent`);
    const { child, ended } = run(command, words, ['ignore', 'inherit', 'pipe']);
    let said = '';
    child.stderr.on('data', (some) => (said += some));
    t.defer(() => child.kill('SIGTERM'));
    let how;
    ended.then((got) => (how = got));
    await until(`${program} listens`, () => {
        if (how !== undefined) throw new Failure(`${program} ended (${how}): ${said}`);
        return isServed(port);
    });
}
