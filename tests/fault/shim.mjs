/** A server whose allocations fail when their turn comes, and whose clocks are what we say. */
import { closeSync, existsSync, openSync, readSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Skip } from '../e2e/lib.mjs';
import { folder } from '../e2e/chat/serve.mjs';

/** Where each is in the file: struct orders of shim.c. */
const AT = { failAt: 0, asked: 8, hasFailed: 16, wall: 24, steady: 32, caller: 40 };
const SIZE = 104;
const NS_PER_MS = 1000000n;

/** libc's own; all others have been given functions that do not come back. */
const OF_LIBC = /^(libc|ld-linux)[-.]/;

export class Shim {
    #bytes = Buffer.alloc(8);

    constructor(t) {
        const library = join(dirname(t.servers.binary), 'fault_shim.so');
        if (!existsSync(library)) throw new Skip(`${library}: not built`);
        const path = join(folder('shim'), 'orders');
        this.file = openSync(path, 'w+');
        t.defer(() => closeSync(this.file));
        writeSync(this.file, Buffer.alloc(SIZE), 0, SIZE, 0);
        this.env = { LD_PRELOAD: library, FAULT_SHIM: path };
    }

    #put(at, value) {
        this.#bytes.writeBigInt64LE(BigInt(value));
        writeSync(this.file, this.#bytes, 0, 8, at);
    }

    #get(at) {
        readSync(this.file, this.#bytes, 0, 8, at);
        return Number(this.#bytes.readBigInt64LE());
    }

    /** From now the n-th allocation fails, whoever asks for it. */
    arm(n) {
        this.#put(AT.asked, 0);
        this.#put(AT.hasFailed, 0);
        this.#put(AT.failAt, n);
    }

    /** None fails any more. @return how many there were */
    disarm() {
        this.#put(AT.failAt, 0);
        return this.#get(AT.asked);
    }

    get hasFailed() {
        return this.#get(AT.hasFailed) === 1;
    }

    /** Was it libc that asked, which then says so to its caller? */
    get wasOfLibc() {
        const bytes = Buffer.alloc(SIZE - AT.caller);
        readSync(this.file, bytes, 0, bytes.length, AT.caller);
        return OF_LIBC.test(bytes.toString('latin1'));
    }

    /** How far the wall clock is ahead. */
    wall(ms) {
        this.#put(AT.wall, BigInt(Math.round(ms)) * NS_PER_MS);
    }

    /** How far the clock is ahead that never goes back; no less than before. */
    steady(ms) {
        this.#put(AT.steady, BigInt(Math.round(ms)) * NS_PER_MS);
    }
}
