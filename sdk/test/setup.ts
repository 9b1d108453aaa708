import { webcrypto } from 'node:crypto';

/** As every browser has it, and Node from 20 on. */
if (!('crypto' in globalThis)) Object.defineProperty(globalThis, 'crypto', { value: webcrypto });
