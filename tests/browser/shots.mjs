#!/usr/bin/env node
/**
 * usage: shots.mjs [--only TEXT] [DIRECTORY]
 *
 * Pictures of the states that rows/access.mjs has looked at by axe, for people: docs/screenshots,
 * unless another directory is named. Wants the fonts fonts-inter, fonts-noto-core, fonts-noto-cjk
 * and fonts-noto-color-emoji.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { ChatServers } from '../e2e/chat/serve.mjs';
import { BrowserTrial, launch } from './browser.mjs';
import { states } from './states.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: flags, positionals } = parseArgs({
    options: { only: { type: 'string', default: '' } }, allowPositionals: true,
});
const dir = positionals[0] ?? here('../../docs/screenshots');
const binary = process.env.PARLEY ?? here('../../build/parley');
if (!existsSync(binary)) {
    console.error(`${binary}: not built; build it, or set PARLEY`);
    process.exit(2);
}
mkdirSync(dir, { recursive: true });
const servers = await ChatServers.make(binary);
const browser = await launch();
if (!browser) {
    console.error('Chromium is absent: apt-get install chromium, or set CHROMIUM');
    process.exit(2);
}
for (const [name, make] of Object.entries(states)) {
    if (!name.includes(flags.only)) continue;
    const trial = new BrowserTrial(servers, browser);
    try {
        const page = await make(trial);
        await page.waitForTimeout(1000); // until what moves has come to rest
        await page.screenshot({ path: join(dir, `${name.replaceAll(' ', '-')}.png`) });
        console.log(`ok ${name}`);
    } catch (error) {
        console.log(`FAIL ${name}: ${error.message.split('\n').slice(0, 3).join(' ')}`);
        process.exitCode = 1;
    } finally {
        trial.end();
    }
}
await browser.close();
process.exit();
