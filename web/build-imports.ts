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

/**
 * At build time: the Socket.IO client without WebTransport. It would use it only with a server that
 * offers it, and Parley does not.
 */
export const withoutWebTransport = (): Plugin => ({
    name: 'parley-without-webtransport',
    apply: 'build',
    enforce: 'pre',
    load: (id) =>
        /engine\.io-client.*\/transports\/webtransport\.js$/.test(id) ? 'export class WT {}' : null,
});
