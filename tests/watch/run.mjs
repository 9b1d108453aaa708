#!/usr/bin/env node
/**
 * usage: run.mjs [--only TEXT]
 *
 * What operators watch a server by (packaging/watching): Debian's Prometheus takes the alerts, scrapes a
 * busy server, and has an answer to each expression of theirs and of the dashboard. The program is
 * PARLEY, else that of build/.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runAlone } from '../e2e/chat/alone.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { image, sendFile, upload } from '../e2e/chat/media.mjs';
import { pageOf } from '../e2e/chat/pasted.mjs';
import { joinSynced, refusal } from '../e2e/chat/peer.mjs';
import { Crowd } from '../e2e/chat/restless.mjs';
import { folder, get } from '../e2e/chat/serve.mjs';
import { authorize, certify, optionsOf } from '../e2e/chat/tls.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { Failure, match, run, same, sleep, until, within } from '../e2e/lib.mjs';
import { freePorts } from '../e2e/ports.mjs';
import { select } from '../e2e/runner.mjs';

const { values: flags } = parseArgs({ options: { only: { type: 'string', default: '' } } });
const binary = process.env.PARLEY ??
    fileURLToPath(new URL('../../build/parley', import.meta.url));
const watching = fileURLToPath(new URL('../../packaging/watching/', import.meta.url));
const RULES = join(watching, 'parley.rules.yml');
const DASHBOARD = join(watching, 'parley-dashboard.json');
const WRITERS = 4;
const SCRAPES = 6; // at least, while it is busy: rates are of several

/** @param input  to its stdin */
async function command(program, words, input = '') {
    const { child, ended } = run(program, words, ['pipe', 'pipe', 'pipe']);
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (said += text));
    child.stdin.on('error', () => {}).end(input); // who has ended says why itself
    return { code: await within(30000, `end of ${program}`, ended), said };
}

async function passes(what, words, input) {
    const { code, said } = await command('promtool', words, input);
    same(code, 0, `exit code for ${what}, of ${said}`);
    return said;
}

/** An expression that gives 1 or nothing, by what is compared: an alert that is quiet has none. */
function comparedOf(query) {
    const found = /^([^]*) (==|>|<) -?[\d.]+$/.exec(query);
    if (!found) throw new Failure(`no alert: ${query}`);
    return found[1];
}

class Prometheus {
    /** @param targets  [url] of servers */
    static async start(t, targets) {
        const dir = folder('prometheus');
        const [port] = await freePorts(1);
        const config = join(dir, 'prometheus.yml');
        const job = (name, scheme) => ({
            job_name: name, scheme, tls_config: { insecure_skip_verify: true },
            static_configs: [{
                targets: targets.filter((url) => url.startsWith(`${scheme}:`)).map((url) => new URL(url).host),
                labels: { job: 'parley' },
            }],
        });
        writeFileSync(config, JSON.stringify({ // which is YAML as well
            global: { scrape_interval: '1s', evaluation_interval: '1s' },
            rule_files: [RULES],
            scrape_configs: [job('plain', 'http'), job('tls', 'https')],
        }));
        await passes('its configuration', ['check', 'config', config]);
        const { child, ended } = run('prometheus', [
            `--config.file=${config}`, `--storage.tsdb.path=${join(dir, 'data')}`,
            `--web.listen-address=127.0.0.1:${port}`, '--log.level=error',
        ], ['ignore', 'ignore', 'inherit'], { cwd: dir });
        t.defer(async () => {
            child.kill('SIGTERM');
            await within(10000, 'end of prometheus', ended);
        });
        const it = Object.assign(new Prometheus(), { url: `http://127.0.0.1:${port}` });
        await until('ready', () => fetch(`${it.url}/-/ready`).then(({ ok }) => ok, () => false));
        return it;
    }

    async ask(path, query = {}) {
        const answer = await fetch(`${this.url}/api/v1/${path}?${new URLSearchParams(query)}`);
        const { status, data, error } = await answer.json();
        if (status !== 'success') throw new Failure(`${path} ${JSON.stringify(query)}: ${error}`);
        return data;
    }

    /** @return its values, as numbers */
    async values(query) {
        const { result } = await this.ask('query', { query });
        return result.map(({ value: [, text] }) => Number(text));
    }
}

async function promtoolTakesTheRules() {
    match(await passes('the rules', ['check', 'rules', RULES]), /SUCCESS: \d\d rules found/, 'what it says');
    // The configuration that docs/operations.md has.
    const [, documented] = /```yaml\n(rule_files[^]*?)```/.exec(pageOf('docs/operations.md'));
    const config = join(folder('documented'), 'prometheus.yml');
    writeFileSync(config, documented.replace('[parley.rules.yml]', `[${RULES}]`));
    match(await passes('the documented configuration', ['check', 'config', config]), /\d\d rules found/, 'what it says');
    const test = readFileSync(new URL('alerts.yml', import.meta.url), 'utf8').replace('RULES', RULES);
    const path = join(folder('alerts'), 'alerts.yml');
    writeFileSync(path, test);
    match(await passes('their tests', ['test', 'rules', path]), /SUCCESS/, 'what it says');
    // Each alert is one that the tests know: `count` lists all that fire.
    for (const [, name] of readFileSync(RULES, 'utf8').matchAll(/- alert: (\w+)/g))
        match(test, new RegExp(`alertname="${name}"`), 'the tests of alerts');
}

async function metricsAreByTheBook(t) {
    await t.serve();
    same(await passes('the metrics', ['check', 'metrics'], await get(`${t.url}/metrics`)), '', 'what it says');
    await t.server.stop();
}

/** All that is counted happens, for a while. */
async function keepBusy(t, scraped) {
    const wallets = await Promise.all(numbers(WRITERS + 1).map(async () => {
        const address = wallet();
        return [address, await t.issuers.token(address)];
    }));
    const crowd = new Crowd(t.url, 'websocket', wallets);
    t.defer(() => crowd.close());
    await crowd.start();
    const [a, b] = [await joinSynced(t), await joinSynced(t)];
    const enough = (await scraped()) + SCRAPES;
    while (await scraped() < enough) {
        await sendFile(a, b.address, 'image', await upload(t, a, image()));
        await a.ask('message.send', { to: 'nobody', type: 'text', content: 'x' });
        await a.ok('message.history', { peer: b.address });
        await (await joinSynced(t)).leave();
        await refusal(t, wallet(), { token: 'none' });
        await Promise.race([sleep(200), crowd.sending]);
    }
    return crowd;
}

const expressionsOf = ({ panels }) => panels.flatMap(({ title, targets }) =>
    targets.map(({ expr }) => [title, expr.replaceAll('$instance', '.*').replaceAll('$__rate_interval', '10s')]));

async function eachExpressionHasAnAnswer(t) {
    const dir = folder('certificate');
    authorize(dir);
    certify(dir, dir, 'localhost');
    const secure = await t.servers.serve({ options: optionsOf(dir) });
    t.defer(() => secure.child.kill('SIGKILL'));
    await t.serve({ options: ['--rate-limits=off', '--workers=2', '--drain=1s'] });
    const prometheus = await Prometheus.start(t, [t.url, secure.url]);
    const scraped = async () =>
        (await prometheus.values(`count_over_time(parley_uptime_seconds{instance="${new URL(t.url).host}"}[10m])`))[0] ?? 0;
    await until('scraped', async () => (await scraped()) >= 2);
    await keepBusy(t, scraped);
    same(await prometheus.values('up{job="parley"}'), [1, 1], 'servers that are up');

    const { groups } = await prometheus.ask('rules');
    const rules = groups.flatMap(({ rules: all }) => all);
    same(rules.filter(({ health }) => health !== 'ok').map(({ name, lastError }) => [name, lastError]), [],
        'alerts that can not be evaluated');
    const dashboard = JSON.parse(readFileSync(DASHBOARD, 'utf8'));
    const all = [
        ...rules.map(({ name, query }) => [name, comparedOf(query)]),
        ...expressionsOf(dashboard),
    ];
    if (rules.length < 10 || all.length < 50) throw new Failure(`only ${all.length} expressions`);
    for (const [what, query] of all) {
        const values = await prometheus.values(query);
        if (!values.length || !values.some(Number.isFinite))
            throw new Failure(`${what}: ${JSON.stringify(values)} is the answer to ${query}`);
    }
    // What goes on is seen, and not only names.
    for (const [title, query] of expressionsOf(dashboard)) {
        if (['Messages', 'Stored in, p99', 'There in, p99', 'Clients', 'Delivery to clients that are there']
            .includes(title) && !/duplicate/.test(query) && !(await prometheus.values(query)).some((value) => value > 0))
            throw new Failure(`${title}: nothing, of ${query}`);
    }
    const names = new Set((await prometheus.ask('label/__name__/values')));
    for (const [what, query] of all)
        for (const [name] of query.matchAll(/\b(parley|process)_\w+/g))
            same(names.has(name), true, `a metric of the name ${name}, in ${what}`);
    const firing = (await prometheus.ask('alerts')).alerts.filter(({ state }) => state === 'firing');
    same(firing.map(({ labels }) => labels.alertname), [], 'alerts of a server that is well');
    console.log(`  ${all.length} expressions, ${rules.length} alerts`);
    await secure.stop();
    await t.server.stop();
}

const rows = select([
    { name: 'promtool takes the alerts, and each fires when it should', run: promtoolTakesTheRules, limit: 60000 },
    { name: 'metrics are as promtool wants them', run: metricsAreByTheBook, limit: 60000 },
    { name: 'each expression has an answer, of a busy server', run: eachExpressionHasAnAnswer, limit: 120000 },
], flags.only);

await runAlone(rows, [binary]);
