import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

const DYNAMIC_IMPORT = /\bimport\(("[^"]+")\)/g;

/**
 * At build time, after esbuild: import() as it is written. By itself Vite wraps it in code that writes
 * links into the page's head, to preload what a part needs: of ours all of that is there already. It
 * leaves alone what is not a bare string.
 */
export const plainImports = (): Plugin => ({
    name: 'parley-plain-imports',
    apply: 'build',
    transform: (code, id) =>
        id.endsWith('.ts')
            ? { code: code.replace(DYNAMIC_IMPORT, 'import(($1))'), map: null }
            : null,
});

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** By the end of its path: what stands in for a part of the Socket.IO client. */
const STAND_INS: readonly (readonly [RegExp, string])[] = [
    // It would be used only with a server that offers it, and Parley does not.
    [/engine\.io-client.*\/transports\/webtransport\.js$/, 'export class WT {}'],
    // The other one is loaded by who has need of it, and the others by nobody.
    [
        /engine\.io-client\/build\/esm\/index\.js$/,
        `export { Socket } from './socket.js';
        export { installTimerFunctions } from './util.js';
        export { nextTick } from './globals.node.js';`,
    ],
    [
        /engine\.io-client.*\/transports\/index\.js$/,
        `import { WS } from './websocket.js'; export const transports = { websocket: WS };`,
    ],
    [
        /\/sdk\/src\/polling\.ts$/,
        `export { XHR as polling } from '${here(
            '../node_modules/engine.io-client/build/esm/transports/polling-xhr.js',
        )}';`,
    ],
    // Neither side sends anything binary: files go past the chat. What comes all the same is an
    // error of the parser's, which ends the connection.
    [
        /engine\.io-parser.*\/encodePacket\.browser\.js$/,
        `import { PACKET_TYPES } from './commons.js';
        export const encodePacket = ({ type, data }, supportsBinary, callback) =>
            callback(PACKET_TYPES[type] + (data || ''));
        export const encodePacketToBinary = null;`,
    ],
    [
        /engine\.io-parser.*\/decodePacket\.browser\.js$/,
        `import { ERROR_PACKET, PACKET_TYPES_REVERSE } from './commons.js';
        export const decodePacket = (packet) => {
            if (typeof packet !== 'string') return { type: 'message', data: packet };
            const type = PACKET_TYPES_REVERSE[packet[0]];
            return type ? { type, data: packet.slice(1) || undefined } : ERROR_PACKET;
        };`,
    ],
    [
        /socket\.io-parser.*\/is-binary\.js$/,
        'export const isBinary = () => false; export const hasBinary = () => false;',
    ],
    [
        /socket\.io-parser.*\/binary\.js$/,
        `export const deconstructPacket = (packet) => ({ packet, buffers: [] });
        export const reconstructPacket = (packet) => packet;`,
    ],
    // The SDK has an origin, and a new connection each time.
    [
        /socket\.io-client\/build\/esm\/index\.js$/,
        `import { Manager } from './manager.js';
        export const io = (origin, options) => new Manager(origin, options).socket('/', options);`,
    ],
    // The SDK itself says when it is tried again.
    [
        /socket\.io-client.*\/backo2\.js$/,
        'export class Backoff { reset() {} setMin() {} setMax() {} setJitter() {} }',
    ],
    [
        /engine\.io-client.*\/parseqs\.js$/,
        `export const encode = (query) => String(new URLSearchParams(query));
        export const decode = (text) => Object.fromEntries(new URLSearchParams(text));`,
    ],
    // Of a server's address, which is one that URL takes: the SDK has looked.
    [
        /engine\.io-client.*\/parseuri\.js$/,
        `export const parse = (source) => {
            const { protocol, hostname, port, search } = new URL(source);
            return {
                protocol: protocol.slice(0, -1), host: hostname.replace(/^\\[|\\]$/g, ''), port,
                query: search.slice(1),
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
