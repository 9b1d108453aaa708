import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
    resolve: {
        alias: [
            { find: 'parley-sdk/wallets', replacement: here('sdk/src/wallets/index.ts') },
            { find: /^parley-sdk$/, replacement: here('sdk/src/index.ts') },
        ],
    },
    test: {
        include: ['sdk/test/**/*.test.ts', 'web/test/**/*.test.ts'],
        environment: 'node',
        setupFiles: [here('sdk/test/setup.ts')],
        testTimeout: 10000,
    },
});
