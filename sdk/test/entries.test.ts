import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const IMPORT = /^(?:import|export) (?!type)(?:[^;]*? from )?'([^']+)';/gm;

/** What is loaded with a module of src/: its own files, and packages by their names. */
function loadedWith(entry: string): Set<string> {
    const seen = new Set<string>();
    const queue = [new URL(`../src/${entry}`, import.meta.url)];
    for (let url = queue.pop(); url; url = queue.pop()) {
        const name = url.pathname.split('/src/')[1] ?? '';
        if (seen.has(name)) continue;
        seen.add(name);
        for (const [, from = ''] of readFileSync(fileURLToPath(url), 'utf8').matchAll(IMPORT)) {
            if (from.startsWith('.')) queue.push(new URL(from.replace(/\.js$/, '.ts'), url));
            else seen.add(from);
        }
    }
    return seen;
}

describe('the entries', () => {
    it('load nothing of wallets with the chat', () => {
        const loaded = [...loadedWith('index.ts')];
        expect(loaded).toContain('session.ts');
        expect(loaded.filter((name) => /wallets|noble/.test(name))).toEqual([]);
    });

    it('load nothing of the chat with wallets', () => {
        const loaded = [...loadedWith('wallets/index.ts')];
        expect(loaded).toContain('@noble/hashes/sha3');
        expect(loaded.filter((name) => /socket|chat|outbox/.test(name))).toEqual([]);
    });
});
