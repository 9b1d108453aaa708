/** What somebody pastes from a page, run as it is. */
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure, run } from '../lib.mjs';
import { folder } from './serve.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export const pageOf = (name) => readFileSync(here(`../../../${name}`), 'utf8');

/** The one block of JavaScript with that text in it. */
export function blockOf(page, text) {
    const blocks = [...page.matchAll(/^```js\n(.*?)^```$/gms)].map(([, code]) => code);
    const found = blocks.filter((code) => code.includes(text));
    if (found.length !== 1) throw new Failure(`${found.length} blocks have "${text}"`);
    return found[0];
}

/** In a folder of its own, which has the packages. With `ipc` behind its output, it can be told
 * things. */
export function runPasted(t, code, env = {}, stdio = ['ignore', 'pipe', 'pipe']) {
    const dir = folder('pasted');
    symlinkSync(here('../node_modules'), join(dir, 'node_modules'));
    writeFileSync(join(dir, 'chat.mjs'), code);
    const program = run(process.execPath, ['chat.mjs'], stdio,
        { cwd: dir, env: { ...process.env, ...env } });
    t.defer(() => program.child.kill('SIGKILL'));
    return program;
}
