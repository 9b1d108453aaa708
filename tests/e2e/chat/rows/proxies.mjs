/** Behind a proxy: the examples of docs/proxies, and the header that says for whom a connection is. */
import https from 'node:https';
import { match, same, until } from '../../lib.mjs';
import { freePorts } from '../../ports.mjs';
import { Wire } from '../../wire.mjs';
import { areInOrder, seqs } from '../expect.mjs';
import { bytesOf, image } from '../media.mjs';
import { joinSynced, overTransports, refusal } from '../peer.mjs';
import { makeCertificate, startProxy } from '../proxies.mjs';
import { getOver, optionsOf, putOver } from '../tls.mjs';
import { wallet } from '../wallet.mjs';
import { sendMany } from './delivery.mjs';
import { startsWithNone } from './life.mjs';

const N = 40; // messages, below the burst of one wallet
const PROXY = '127.0.0.9'; // whence HAProxy comes, where this machine's others are none
const QUIET = ['--drain=1s'];

/** Clients at an address of their own. */
const from = (localAddress, ca) => ({ ca, agent: new https.Agent({ localAddress, ca }) });

/** Three wallets of one address may be there, and none more; of another one they may. */
async function countsClients(t, ca) {
    const here = from('127.0.0.2', ca);
    const all = [];
    for (let i = 0; i < 3; i++) all.push(await joinSynced(t, wallet(), here));
    same((await refusal(t, wallet(), here)).data, { code: 'too_many_sockets' }, 'the fourth');
    await joinSynced(t, wallet(), from('127.0.0.3', ca));
    return all;
}

/** What people do. */
async function talk(t, [a, b], ca) {
    await b.ok('conversation.accept', { peer: a.address });
    await sendMany(a, b.address, N);
    areInOrder(seqs(await b.takeAll('message.new', N)), 1, N);
    await b.ok('message.read', { peer: a.address, seq: N });
    await until('it is read', async () =>
        (await a.take('message.read')).seq === N);
    const file = image({ size: 3 << 20 }); // more than a proxy lets through by itself
    const { name, mime, size } = file;
    const told = await a.ok('upload.create', { name, mime, size });
    match(told.url, new RegExp(`^${t.url}/`), 'link');
    const bytes = Buffer.concat([...bytesOf(file)]);
    same((await putOver(told.url, bytes, { ca, headers: told.headers })).status, 200, 'upload');
    await a.ok('message.send', {
        to: b.address, type: 'image', content: { upload: told.upload }, client_msg_id: 'file',
    });
    const { content: { url } } = await b.take('message.new');
    same((await getOver(url, { ca })).status, 200, 'download');
}

/** @param trusted  the proxy, as the server sees it */
const LIMITS = (trusted) => [...QUIET, '--sockets-per-ip=3', `--trusted-proxies=${trusted}`];

/**
 * A server, and a proxy in front of it, where t.url leads to then.
 *
 * @param pairs  gets the port of the proxy and the server's address: what is replaced
 */
async function serveBehind(t, { options, pairs, ...proxy }) {
    const [port] = await freePorts(1);
    const url = `https://127.0.0.1:${port}`;
    await t.serve({ options: [...options, `--public-url=${url}`] });
    await startProxy(t, { ...proxy, port, pairs: pairs(port, new URL(t.url).host) });
    t.url = url;
}

const overHttp = (program, example, listen) => async (t) => {
    const { dir, ca } = makeCertificate();
    await serveBehind(t, {
        program, example, dir, options: LIMITS('127.0.0.1'),
        pairs: (port, host) => [
            [listen, listen.replace(/:?443/, `127.0.0.1:${port}`)],
            ['127.0.0.1:8080', host], ['/etc/ssl/chat.example', dir],
        ],
    });
    await talk(t, await countsClients(t, ca), ca);
    same((await getOver(`${t.url}/metrics`, { ca })).status, 403, '/metrics');
    same((await getOver(`${t.url}/readyz`, { ca })).status, 200, '/readyz');
};

/** The proxy has no key: the server's own TLS is behind it. */
async function overTcp(t) {
    const { dir, ca } = makeCertificate();
    await serveBehind(t, {
        program: 'haproxy', example: 'haproxy-tcp.cfg', dir,
        options: [...LIMITS(PROXY), '--proxy-protocol', ...optionsOf(dir)],
        pairs: (port, host) => [
            ['bind :443', `bind 127.0.0.1:${port}`],
            ['server one 127.0.0.1:8443', `source ${PROXY}\n    server one ${host}`],
        ],
    });
    await talk(t, await countsClients(t, ca), ca);
}

const SIGNATURE = Buffer.from('0d0a0d0a000d0a515549540a', 'hex');

/** 192.0.2.LAST, to 10.0.0.1 */
const headerOf = (last) => Buffer.concat([SIGNATURE,
    Buffer.from([0x21, 0x11, 0, 12, 192, 0, 2, last, 10, 0, 0, 1, 0xdc, 4, 1, 0xbb])]);

const REQUEST = 'GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

/** @return the status that it is answered with; undefined where the connection is cut */
async function says(t, localAddress, bytes) {
    const wire = await Wire.open(t, t.url, { localAddress });
    let text = '';
    wire.socket.on('data', (some) => (text += some));
    const over = new Promise((resolve) => wire.socket.once('close', resolve));
    wire.socket.on('error', () => {});
    wire.socket.write(bytes);
    await over;
    const status = /^HTTP\/1\.1 (\d+)/.exec(text)?.[1];
    return status && Number(status);
}

async function believesProxiesAlone(t) {
    await t.serve({ options: [...LIMITS(PROXY), '--proxy-protocol', '--connections-per-ip=2'] });
    const request = Buffer.from(REQUEST);
    const rows = [
        ['a proxy, and its header', PROXY, Buffer.concat([headerOf(1), request]), 200],
        ['a proxy, without one', PROXY, request, undefined],
        ['another, without one', '127.0.0.1', request, 200],
        ['another, and a header', '127.0.0.1', Buffer.concat([headerOf(1), request]), 400],
    ];
    for (const [what, address, bytes, status] of rows)
        same(await says(t, address, bytes), status, what);
    match(t.server.stderr, /event=io_proxy_refused .*let the proxy send PROXY protocol, version 2/, 'log');
    // Two of a client stay, a third is turned away, and another client is not.
    for (let i = 0; i < 2; i++) {
        const wire = await Wire.open(t, t.url, { localAddress: PROXY });
        wire.socket.write(headerOf(7));
    }
    await until('both are there', async () => (await t.server.metrics()).get('parley_connections') >= 3);
    same(await says(t, PROXY, Buffer.concat([headerOf(7), request])), undefined, 'a third');
    same(await says(t, PROXY, Buffer.concat([headerOf(8), request])), 200, 'of another');
}

const refusesToStart = (t) => startsWithNone(t, [
    ['nobody to take it from', ['--proxy-protocol'], /name those that send it with --trusted-proxies/],
], 2);

const own = { own: true, single: true, plain: 'the proxy speaks HTTPS', limit: 60000 };
const once = { ...own, over: ['websocket'] };

export const rows = overTransports('proxies', [
    ['nginx, as docs/proxies has it',
        overHttp('nginx', 'nginx.conf', 'listen 443'), own],
    ['HAProxy, as docs/proxies has it',
        overHttp('haproxy', 'haproxy.cfg', 'bind :443'), own],
    ['HAProxy, that only passes on', overTcp, own],
    ['believes the header of proxies, and of nobody else', believesProxiesAlone, once],
    ['refuses to start where nobody may send it', refusesToStart, once],
]);
