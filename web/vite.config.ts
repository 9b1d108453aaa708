import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';
import { decorators } from './build-decorators';
import { literals } from './build-literals';
import { terser } from './build-terser';
import { plainImports, smallSocketIo } from './build-imports';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/**
 * What the server embeds. The names of embed/parley-chat.js, parley-sdk.js and parley-wallets.js stay
 * as they are, for pages name them; whatever they load has a name that changes with what is in it.
 */
export default defineConfig({
    root: here('.'),
    base: './',
    plugins: [literals(), decorators(), plainImports(), smallSocketIo(), terser()],
    resolve: {
        alias: [
            { find: 'parley-sdk/wallets', replacement: here('../sdk/src/wallets/index.ts') },
            { find: /^parley-sdk$/, replacement: here('../sdk/src/index.ts') },
        ],
    },
    server: {
        proxy: Object.fromEntries(
            ['/v1', '/dev', '/media', '/socket.io'].map((path) => [
                path,
                { target: 'http://127.0.0.1:8080', ws: true },
            ]),
        ),
    },
    esbuild: { legalComments: 'none', charset: 'utf8' },
    build: {
        target: 'es2022',
        outDir: here('dist'),
        emptyOutDir: true,
        sourcemap: false,
        modulePreload: false,
        reportCompressedSize: false,
        rollupOptions: {
            preserveEntrySignatures: 'strict',
            input: {
                'parley-chat': here('src/parley-chat.ts'),
                'parley-sdk': here('../sdk/src/index.ts'),
                'parley-wallets': here('../sdk/src/wallets/index.ts'),
                demo: here('index.html'),
            },
            output: {
                manualChunks: (id) => {
                    if (
                        /\/(transports\/polling-xhr|transports\/polling|sdk\/src\/polling)\.[jt]s$/.test(
                            id,
                        )
                    )
                        return 'polling';
                    return /\/sdk\/src\/(?!wallets|upload)|(socket|engine)\.io/.test(id)
                        ? 'sdk'
                        : undefined;
                },
                entryFileNames: ({ name }) =>
                    name === 'demo' ? 'embed/demo-[hash].js' : `embed/${name}.js`,
                chunkFileNames: 'embed/[name]-[hash].js',
                assetFileNames: 'embed/[name]-[hash][extname]',
            },
        },
    },
});
