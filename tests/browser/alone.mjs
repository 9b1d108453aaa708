/** A part of the widget alone, on a chat in memory: web/test/NAME-page.ts, under a strict policy. */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { Shop, page } from './shop.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; " +
    "img-src 'self' blob: data:; media-src 'self' blob:; connect-src 'self' blob:";
const VIEWPORT = '<meta name="viewport" content="width=device-width, initial-scale=1">';

/** What each page has in its body. */
const BODIES = {
    composer: '<main><h1>Composer</h1></main>', message: '<main><h1>Messages</h1></main>',
    shell: '', thread: '',
};

/** Each script that Vite makes of them, by its path. */
async function build() {
    const require = createRequire(here('../../package.json'));
    // Its ES module: the other one names nothing that Node 18 could find.
    const entry = join(dirname(require.resolve('vite/package.json')), 'dist/node/index.js');
    const vite = await import(pathToFileURL(entry));
    const { config } = await vite.loadConfigFromFile(
        { command: 'build', mode: 'production' }, here('../../web/vite.config.ts'));
    const input = Object.fromEntries(Object.keys(BODIES).map((name) =>
        [name, here(`../../web/test/${name}-page.ts`)]));
    const output = { entryFileNames: '[name].js', chunkFileNames: 'chunk-[name]-[hash].js' };
    const made = await vite.build({
        ...config, configFile: false, publicDir: false, logLevel: 'warn',
        build: { ...config.build, write: false, rollupOptions: { input, output } },
    });
    return Object.fromEntries(made.output.filter(({ type }) => type === 'chunk')
        .map(({ fileName, code }) => [`/${fileName}`, code]));
}

let scripts; // of all rows of a run

/**
 * @param how    the person's, as BrowserTrial has it
 * @param init   a function that runs in the page before its scripts
 * @param files  more that is to be had there, as Shop has it
 * @param query  of the page's address
 */
export async function open(t, name, { how, init, files, query = '' } = {}) {
    scripts ??= build();
    const made = await scripts;
    const html = page(BODIES[name], `${VIEWPORT}<script type="module" src="/${name}.js"></script>`);
    const { url } = await Shop.open(t, { ...made, '/': html, ...files }, { policy: POLICY });
    const person = await t.person(how);
    if (init) await person.addInitScript(init);
    return t.open(`${url}/${query}`, person);
}
