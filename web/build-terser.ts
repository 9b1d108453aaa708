import { minify } from 'terser';
import type { Plugin } from 'vite';

/** At build time, after esbuild: a function that is called once goes where it is called. */
export const terser = (): Plugin => ({
    name: 'parley-terser',
    apply: 'build',
    renderChunk: {
        order: 'post',
        async handler(code) {
            const options = {
                module: true,
                ecma: 2020,
                compress: { passes: 3, keep_fargs: false, unsafe_arrows: true },
            } as const;
            const short = await minify(code, options);
            return { code: short.code ?? code, map: null };
        },
    },
});
