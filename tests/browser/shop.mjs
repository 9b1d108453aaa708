/** Somebody's site, on an origin of its own, with the widget on its pages. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Failure } from '../e2e/lib.mjs';

const TYPES = { js: 'text/javascript', html: 'text/html; charset=utf-8' };

/** What docs/embedding.md says that a page's policy has to let through. */
export const policy = (server) => {
    const chat = new URL(server).host;
    return [
        "default-src 'none'", `script-src 'self' http://${chat}`, "style-src 'self'",
        `connect-src 'self' http://${chat} ws://${chat}`, `img-src http://${chat} blob: data:`,
        `media-src http://${chat} blob:`, "frame-src 'self' http://localhost:* http://127.0.0.1:*",
    ].join('; ');
};

export class Shop {
    /**
     * @param files   path -> text, or a function that is asked: (request) => a text, or
     *                {status, headers, body}
     * @param policy  the Content-Security-Policy of its pages
     * @param host    that it is called by
     */
    static async open(t, files, { policy: said, host = '127.0.0.1' } = {}) {
        const shop = new Shop();
        const server = createServer(async (request, response) => {
            const { pathname } = new URL(request.url, 'http://shop');
            const found = files[pathname];
            const made = typeof found === 'function' ? await found(request) : found;
            if (made === undefined) {
                response.writeHead(404).end();
                return;
            }
            const { status = 200, headers = {}, body = made } = typeof made === 'string' ? {} : made;
            const type = TYPES[pathname.split('.').at(-1)] ?? TYPES.html;
            response.writeHead(status, {
                'content-type': type, ...(said && { 'content-security-policy': said }), ...headers,
            });
            response.end(body);
        });
        server.listen(0, host === 'localhost' ? '127.0.0.1' : host);
        await once(server, 'listening');
        t.defer(() => {
            server.closeAllConnections();
            server.close();
        });
        shop.url = `http://${host}:${server.address().port}`;
        return shop;
    }
}

export const page = (body, head = '') =>
    `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Shop</title>` +
    `<link rel="icon" href="data:,">${head}</head><body>${body}</body></html>`;

const text = readFileSync(fileURLToPath(new URL('../../docs/embedding.md', import.meta.url)), 'utf8');

/** The one block of that language in docs/embedding.md which has the text in it. */
export function example(language, has) {
    const blocks = [...text.matchAll(/^```(\w*)\n(.*?)^```$/gms)]
        .filter(([, of, code]) => of === language && code.includes(has)).map(([, , code]) => code);
    if (blocks.length !== 1) throw new Failure(`${blocks.length} blocks of ${language} have "${has}"`);
    return blocks[0];
}
