import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/**
 * At build time: import() as it is written. By itself Vite wraps it in code that writes links into
 * the page's head, to preload what a part needs: of ours all of that is there already.
 */
export const plainImports = (): Plugin => ({
    name: 'parley-plain-imports',
    apply: 'build',
    enforce: 'pre',
    load: (id) =>
        id === '\0vite/preload-helper.js' ? 'export const __vitePreload = (load) => load();' : null,
});

/** By the end of its path: what stands in for a part of the Socket.IO client. */
const STAND_INS: readonly (readonly [RegExp, string])[] = [
    // It would be used only with a server that offers it, and Parley does not.
    [/engine\.io-client.*\/transports\/webtransport\.js$/, 'export class WT {}'],
    // The other one is loaded by who has need of it, and the others by nobody.
    [
        /engine\.io-client\/build\/esm\/index\.js$/,
        `import { Socket } from './socket.js';
        export { Socket };
        export const protocol = Socket.protocol;
        export { installTimerFunctions } from './util.js';
        export { parse } from './contrib/parseuri.js';
        export { nextTick } from './globals.node.js';
        export const Fetch = null, NodeXHR = null, XHR = null, NodeWebSocket = null,
            WebSocket = null, WebTransport = null;`,
    ],
    [
        /engine\.io-client.*\/transports\/index\.js$/,
        `import { WS } from './websocket.js'; export const transports = { websocket: WS };`,
    ],
    [
        /\/sdk\/src\/polling\.ts$/,
        `export { XHR as polling } from '${fileURLToPath(
            new URL(
                '../node_modules/engine.io-client/build/esm/transports/polling-xhr.js',
                import.meta.url,
            ),
        )}';`,
    ],
    // Neither side sends anything binary: files go past the chat. What comes all the same is an
    // error of the parser's, which ends the connection.
    [
        /socket\.io-parser.*\/is-binary\.js$/,
        'export const isBinary = () => false; export const hasBinary = () => false;',
    ],
    [
        /socket\.io-parser.*\/binary\.js$/,
        `export const deconstructPacket = (packet) => ({ packet, buffers: [] });
        export const reconstructPacket = (packet) => packet;`,
    ],
    [
        /engine\.io-parser.*\/base64-arraybuffer\.js$/,
        'export const decode = () => new ArrayBuffer(0);',
    ],
    // The SDK itself says when it is tried again.
    [
        /socket\.io-client.*\/backo2\.js$/,
        'export class Backoff { reset() {} setMin() {} setMax() {} setJitter() {} }',
    ],
    // Of a server's address, which is one that URL takes: the SDK has looked.
    [
        /engine\.io-client.*\/parseuri\.js$/,
        `export const parse = (source) => {
            const { protocol, hostname, port, pathname, search, searchParams } = new URL(source);
            return {
                source, port, protocol: protocol.slice(0, -1), path: pathname,
                host: hostname.replace(/^\\[|\\]$/g, ''), query: search.slice(1),
                queryKey: Object.fromEntries(searchParams),
            };
        };`,
    ],
];

/** At build time: the Socket.IO client without what Parley has no use for. The SDK on npm has it whole. */
export const smallSocketIo = (): Plugin => ({
    name: 'parley-small-socket-io',
    apply: 'build',
    enforce: 'pre',
    load: (id) => STAND_INS.find(([path]) => path.test(id))?.[1] ?? null,
});
