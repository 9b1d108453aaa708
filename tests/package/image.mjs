/** The image of packaging/Dockerfile, on a base made by debootstrap. */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { Failure, Skip, match, run, same, until, within } from '../e2e/lib.mjs';
import { command } from './machine.mjs';

const BUILD_MS = 600000;

/** buildah, with a store of its own; steps run in a chroot, where no runtime of containers is needed. */
class Buildah {
    constructor(workshop) {
        this.store = ['--root', workshop.path('images'), '--runroot', workshop.path('containers'),
            '--storage-driver', 'vfs'];
    }

    words(...words) {
        return [...this.store, ...words];
    }

    async run(...words) {
        return (await command('buildah', this.words(...words), { ms: BUILD_MS })).trim();
    }
}

/** The server among the processes of a group. */
function serverOf(group) {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
        try {
            const [, name, its] = /\((.*)\) \S+ \d+ (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'));
            if (name === 'parley' && Number(its) === group) return Number(pid);
        } catch {
            // it is gone
        }
    }
    throw new Failure('there is no server');
}

async function isBuiltAndServes(t) {
    if (!(await command('sh', ['-c', 'command -v buildah']).catch(() => ''))) throw new Skip('buildah is absent');
    const { workshop, root } = t.shared;
    const buildah = new Buildah(workshop);
    await t.shared.base();
    const scratch = await buildah.run('from', 'scratch');
    await buildah.run('add', '--quiet', scratch, workshop.path('base'), '/');
    await buildah.run('commit', '--quiet', scratch, 'localhost/debian:12');
    await buildah.run('bud', '--quiet', '--isolation', 'chroot', '--network', 'host', '--layers=false',
        '--build-arg', 'BASE=localhost/debian:12', '-f', `${root}/packaging/Dockerfile`, '-t', 'parley', root);

    const { config } = JSON.parse(await buildah.run('inspect', '--type', 'image', 'parley')).OCIv1;
    same(config.User, 'parley', 'user');
    same([...config.Entrypoint, ...config.Cmd], ['/usr/bin/parley', 'serve', '--listen', '0.0.0.0:8080'], 'command');
    same([Object.keys(config.ExposedPorts), Object.keys(config.Volumes)], [['8080/tcp'], ['/var/lib/parley']], 'open');

    const container = await buildah.run('from', 'parley');
    same(await buildah.run('run', '--isolation', 'chroot', container, '--', 'id', '-u'), '10001', 'number of the user');
    const secrets = workshop.path('secrets');
    mkdirSync(secrets);
    writeFileSync(`${secrets}/parley.origins`, 'https://shop.example\n');
    const words = buildah.words('run', '--isolation', 'chroot', '--network', 'host', '--env', 'PARLEY_DRAIN=0s',
        '--volume', `${secrets}:/run/secrets:ro`, container, '--', ...config.Entrypoint, 'serve', '--listen', '127.0.0.1:0');
    const { child, ended } = run('buildah', words, ['ignore', 'pipe', 'pipe'], { detached: true });
    t.defer(() => child.exitCode ?? process.kill(-child.pid, 'SIGKILL'));
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (some) => (said += some));
    const url = await until('ready', () => child.exitCode === null ? /parley: ready (\S+)/.exec(said)?.[1] : said);
    match(url, /^http:/, 'where it is');
    same((await fetch(`${url}/healthz`)).status, 200, 'status');
    match(said, /event=server_start .* data="\/var\/lib\/parley" .* origins=1 /, 'log, as file and secret have it');
    // It alone: buildah, told as well, may kill it before it has said its last line.
    process.kill(serverOf(child.pid), 'SIGTERM');
    await within(20000, 'end of the container', ended);
    match(said, /event=server_stop /, 'log');
}

export const rows = [{ name: 'image: is built, and serves', run: isBuiltAndServes, limit: BUILD_MS }];
