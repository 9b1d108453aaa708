/**
 * A file is put and sent while the server is killed, or its disk fails, at some system call of
 * its own: a tracer comes once the file was announced, so that turns are counted from there. The
 * successor has what was acknowledged, whole; and nothing that is not.
 */
import { readFileSync, readdirSync, symlinkSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join as path } from 'node:path';
import { Failure, match, oneOf, same, until } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import {
    MIB, announce, fileOf, gives, put, sha256Of, withFile,
} from '../e2e/chat/media.mjs';
import { join } from '../e2e/chat/peer.mjs';
import { SmallDisk, folder } from '../e2e/chat/serve.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { attach } from './trace.mjs';

const OPTIONS = ['--rate-limits=off', '--drain=1s', '--media-reserve=0'];
const SIZE = 3 * MIB + 1; // some are written back before the end
const FILES = 2;
const TRIES = 4;
const CUT = ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'];

class Sending {
    files = [];          // { file, told, key, isPut, message }
    texts = new Map();   // key -> whether it was acknowledged

    constructor(t) {
        Object.assign(this, { t, data: folder('data'), from: wallet(), to: wallet() });
    }

    async start(inject) {
        const { t } = this;
        await t.serve({ data: this.data, options: OPTIONS });
        this.a = await join(t, this.from);
        await this.#announceAll();
        await attach(t, inject);
    }

    async #announceAll() {
        for (const i of numbers(FILES)) {
            const file = fileOf('application/octet-stream', { size: SIZE });
            this.files.push({ file, told: await announce(this.a, file), key: `file-${i}` });
        }
    }

    /** @return its status; 0: the server has ended under it */
    async #put(one) {
        let status = 0;
        try {
            ({ status } = await put(this.t, one.told, one.file));
        } catch (error) {
            if (!(error instanceof Failure) && !CUT.includes(error.code)) throw error;
            await this.t.server.over(); // nothing else cuts a connection
            await until('end of the socket', () => !this.a.isLive);
        }
        one.isPut ||= status === 200 || status === 412;
        return status;
    }

    async #sendFile(one) {
        const request = { ...withFile(this.to, 'file', one.told), client_msg_id: one.key };
        const answer = await this.a.askAtTheEnd('message.send', request);
        if (answer?.status === 'ok') one.message = answer.message;
        return answer;
    }

    async #text(key) {
        this.texts.set(key, false);
        const request = { to: this.to, type: 'text', content: key, client_msg_id: key };
        const answer = await this.a.askAtTheEnd('message.send', request);
        if (answer) same(answer.status, 'ok', `text "${key}", beside the files`);
        if (answer) this.texts.set(key, true);
    }

    /** Until it is put, and sent. What fails is said, and works when it is done again. */
    async #goThrough(one) {
        for (let i = 0; this.a.isLive && !one.isPut; i++) {
            const status = await this.#put(one);
            oneOf(status, [0, 200, 412, 500, 507], 'status of a PUT');
            same(i < TRIES, true, `it is put in ${TRIES} tries`);
        }
        if (!this.a.isLive) return;
        await this.#text(`after-${one.key}`);
        for (let i = 0; this.a.isLive && !one.message; i++) {
            const answer = await this.#sendFile(one);
            if (answer?.error) same(answer.error.code, 'storage_unavailable', 'error');
            same(i < TRIES, true, `it is sent in ${TRIES} tries`);
        }
    }

    async goThroughAll() {
        for (const one of this.files) if (this.a.isLive) await this.#goThrough(one);
    }

    /** What has a name is whole. */
    #looksAtTheDisk() {
        const media = path(this.data, 'media');
        same(readdirSync(path(media, 'tmp')), [], 'media/tmp');
        for (const name of ['in', 'kept'])
            for (const pair of readdirSync(path(media, name)))
                for (const id of readdirSync(path(media, name, pair))) {
                    const { file } = this.files.find(({ told }) => told.upload === id);
                    const bytes = readFileSync(path(media, name, pair, id));
                    const hash = createHash('sha256').update(bytes).digest('hex');
                    same(hash, sha256Of(file), `sha256 of a file in ${name}`);
                }
    }

    /** Its successor, at the same address: the links are the same. */
    async goOn() {
        const { t } = this;
        const listen = new URL(t.url).host;
        if (this.a.isLive) await t.server.kill();
        await t.serve({ data: this.data, options: OPTIONS, listen });
        this.#looksAtTheDisk();
        this.a = await join(t, this.from);
        await this.#hasAllThatWasAcknowledged();
        for (const one of this.files) {
            const wasPut = one.isPut;
            const before = one.message?.id;
            one.message = undefined;
            oneOf(await this.#put(one), wasPut ? [412, 403] : [200, 412, 403], 'PUT again');
            same((await this.#sendFile(one)).status, 'ok', `${one.key}, again`);
            if (before) same(one.message.id, before, `id of ${one.key}, again`);
            await gives(t, one.message.content.url, one.file, one.key);
        }
        await t.server.stop();
    }

    async #hasAllThatWasAcknowledged() {
        const { messages = [] } = await this.a.ask('message.history', { peer: this.to });
        const stored = new Map(messages.map((message) => [message.client_msg_id, message]));
        for (const [key, isAcked] of this.texts)
            if (isAcked) same(stored.has(key), true, `"${key}" is stored`);
        for (const { key, file, message } of this.files) {
            if (message) same(stored.get(key)?.id, message.id, `${key}, which was acknowledged`);
            if (stored.has(key)) await gives(this.t, stored.get(key).content.url, file, key);
        }
    }
}

async function isKilled(t, call, n) {
    const sending = new Sending(t);
    await sending.start(`${call}:signal=KILL:when=${n}`);
    await sending.goThroughAll();
    same(await t.server.over(), 'SIGKILL', 'end');
    await until('end of the socket', () => !sending.a.isLive);
    await sending.goOn();
}

/** It goes on, but for where the store can't know what it has. */
async function fails(t, call, error, n) {
    const sending = new Sending(t);
    await sending.start(`${call}:error=${error}:when=${n}`);
    await sending.goThroughAll();
    match(t.server.stderr, /event=(media_disk_full|media_disk_failed|store_unknown) /, 'log');
    if (call !== 'fdatasync') same(sending.a.isLive, true, 'it goes on');
    await sending.goOn();
}

/** Its files are behind the operator's link: what is left there counts, and not beside it. */
async function isOnAFullDisk(t) {
    const disk = new SmallDisk(2048);
    const data = folder('data');
    symlinkSync(disk.path, path(data, 'media'));
    await t.serve({ data, options: [...OPTIONS, '--media-reserve=1MiB'] });
    const [a, b] = [await join(t, wallet()), await join(t, wallet())];
    const file = fileOf('application/octet-stream', { size: SIZE });
    const told = await announce(a, file);
    for (const i of numbers(3)) same((await put(t, told, file)).status, 507, `PUT ${i}`);
    same((await a.send(b.address, 'text')).type, 'text', 'beside it');
    same(t.server.stderr.match(/event=media_disk_full /g)?.length, 1, 'lines in the log');
    disk.resize(8192);
    same((await put(t, told, file)).status, 200, 'PUT, with room');
    const { message } = await a.ok('message.send', withFile(b.address, 'file', told));
    await gives(t, message.content.url, file);
    await t.server.stop();
    disk.end();
}

/** The calls, and how many of a file there are. */
const KILLED = {
    openat: 7, write: 9, sync_file_range: 4, fdatasync: 3, mkdirat: 2, renameat2: 2, fsync: 5,
    unlinkat: 1,
};
const FAILING = {
    openat: [3, 5, 6, 7], sync_file_range: [1, 2, 3], fdatasync: [1], mkdirat: [1, 2],
    renameat2: [1, 2], fsync: [1, 2, 3, 4, 5],
};
const FULL = { openat: [3], sync_file_range: [1, 3], mkdirat: [1, 2], renameat2: [1, 2] };

const failing = (error, all) => Object.entries(all).flatMap(([call, turns]) => turns.map((n) => ({
    name: `a file, and ${error} at ${call} number ${n}`,
    run: (t) => fails(t, call, error, n),
    limit: 60000,
})));

const killed = Object.entries(KILLED).flatMap(([call, most]) => numbers(most).map((n) => ({
    name: `a file, and killed at ${call} number ${n}`,
    run: (t) => isKilled(t, call, n),
    limit: 60000,
})));

export const rows = [
    { name: 'a file, and its own disk is full', run: isOnAFullDisk },
    ...killed, ...failing('EIO', FAILING), ...failing('ENOSPC', FULL),
];
