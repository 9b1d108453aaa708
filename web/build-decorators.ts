import { fileURLToPath } from 'node:url';
import type { Plugin } from 'vite';

/** What esbuild writes into each file that has decorators. */
const HELPER = /^var __defProp = [^]*?^var __decorateClass = [^]*?^};$/m;
const OURS = fileURLToPath(new URL('src/decorators.ts', import.meta.url));

/** At build time, after esbuild: one function that applies decorators, and not one for each file. */
export const decorators = (): Plugin => ({
    name: 'parley-decorators',
    apply: 'build',
    transform: (code, id) =>
        id.endsWith('.ts') && HELPER.test(code)
            ? {
                  code: code.replace(HELPER, `import { __decorateClass } from '${OURS}';`),
                  map: null,
              }
            : null,
});
