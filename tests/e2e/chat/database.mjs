/**
 * Where the servers of a run have their messages: with STORE=postgres in TEST_POSTGRES
 * (tests/support/postgres), each in a schema that goes with its data directory, all of them in
 * a database that is gone with the run; else in the data directory itself.
 */
import { execFile, execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PYTHON } from '../runner.mjs';

const exec = promisify(execFile);

export const onPostgres = process.env.STORE === 'postgres';

/** Rows that are `sqlite` are about its files, those that are `postgres` about a database. */
export const isOfThisStore = (row) => !(onPostgres ? row.sqlite : row.postgres);

const psqlWords = (url, sql) => ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-c', sql];

/** @return what it prints, without names and frames */
export const psql = async (url, sql) =>
    (await exec('psql', ['-A', '-t', ...psqlWords(url, sql)])).stdout;

/** A database of the same PostgreSQL, until drop(). */
export class Database {
    static async make() {
        const name = `parley_${randomBytes(8).toString('hex')}`;
        const server = process.env.TEST_POSTGRES;
        await psql(server, `CREATE DATABASE ${name}`);
        const url = server.replace(/^(\w+:\/\/[^/?]*)(\/[^?]*)?/, `$1/${name}`);
        return Object.assign(new this(), { name, server, url });
    }

    /** What net.connect() takes to be there. */
    get at() {
        const socket = decodeURIComponent(/[?&]host=([^&]*)/.exec(this.url)?.[1] ?? '');
        const [, host, port] = /@([^/:]*):?(\d*)\//.exec(this.url);
        return socket ? { path: `${socket}/.s.PGSQL.5432` } : { host, port: port || 5432 };
    }

    /** As one comes to it by another way. */
    urlBy(host, port) {
        return `postgresql://parley@${host}:${port}/${this.name}`;
    }

    /** At once: when a run ends nobody waits any more. */
    drop() {
        execFileSync('psql', psqlWords(this.server, `DROP DATABASE ${this.name} WITH (FORCE)`),
            { stdio: 'inherit' });
    }

    /** All connections to it are cut. */
    cut() {
        return psql(this.server, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
            WHERE datname = '${this.name}'`);
    }

    /** It is out of reach, until comeBack(). */
    async goAway() {
        await psql(this.server, `ALTER DATABASE ${this.name} ALLOW_CONNECTIONS false`);
        await this.cut();
    }

    comeBack() {
        return psql(this.server, `ALTER DATABASE ${this.name} ALLOW_CONNECTIONS true`);
    }
}

let making; // the database of this run

function database() {
    making ??= Database.make().then((made) => {
        process.on('exit', () => made.drop());
        return made;
    });
    return making;
}

const schemaOf = (data) => `s_${createHash('sha256').update(data).digest('hex').slice(0, 24)}`;

async function urlOf(data) {
    const { url } = await database();
    return `${url}${url.includes('?') ? '&' : '?'}options=-csearch_path%3D${schemaOf(data)}`;
}

/** The environment in which a command finds the messages of a data directory. */
export async function storeOf(data) {
    if (!onPostgres) return {};
    const url = await urlOf(data);
    await psql(url, `SET client_min_messages = warning;
        CREATE SCHEMA IF NOT EXISTS ${schemaOf(data)}`);
    return { PARLEY_STORE: url };
}

const SQLITE = 'import sqlite3, sys\n' +
    'with sqlite3.connect(sys.argv[1]) as db: db.execute(sys.argv[2])\n';

/** As an operator may, of a server that does not run. */
export async function changeStore(data, sql) {
    if (onPostgres) await psql(await urlOf(data), sql);
    else await exec(PYTHON, ['-c', SQLITE, join(data, 'parley.db'), sql]);
}

/** A backup, of a server that does not run. @param to  a folder that is empty */
export async function copyData(from, to) {
    cpSync(from, to, { recursive: true });
    if (!onPostgres) return;
    const { url } = await database();
    const { stdout } = await exec('pg_dump', ['-n', schemaOf(from), '-d', url]);
    const file = `${to}.sql`;
    writeFileSync(file, stdout.replaceAll(schemaOf(from), schemaOf(to)));
    await exec('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-d', url, '-f', file]);
    rmSync(file);
}
