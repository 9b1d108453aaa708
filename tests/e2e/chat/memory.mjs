/** The whole memory of another process, by mappings: for who may look, which is root. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { Skip } from '../lib.mjs';

const PIECE = 1 << 22;
const SHADOW = 2 ** 38; // bytes; what is larger is a sanitizer's own, of which almost nothing is there

/** Each as { from, to, name, flags }, of those that can be read. */
function mappingsOf(pid) {
    const all = [];
    for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
        const head = /^([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+\s*(.*)$/.exec(line);
        if (head) {
            const [, from, to, rights, name] = head;
            all.push({ from: Number.parseInt(from, 16), to: Number.parseInt(to, 16), rights, name });
        } else if (line.startsWith('VmFlags:')) all.at(-1).flags = line.split(/\s+/);
    }
    return all.filter(({ from, to, rights, name }) =>
        rights[0] === 'r' && !/^\[v/.test(name) && to - from < SHADOW);
}

/** The text in pieces, which overlap so far that nothing is cut in two. */
function* pieces(file, { from, to }, overlap) {
    const room = Buffer.alloc(PIECE + overlap);
    for (let at = from; at < to; at += PIECE) {
        const n = (() => {
            try {
                return readSync(file, room, 0, Math.min(room.length, to - at), at);
            } catch {
                return 0; // a page that is not there
            }
        })();
        yield room.subarray(0, n);
    }
}

/**
 * Where these bytes are.
 *
 * @param needles  Buffers by name
 * @return [name of the needle, its mapping] of each place, in any order
 */
export function search(pid, needles) {
    if (process.getuid() !== 0) throw new Skip('it takes root to look into memory');
    const overlap = Math.max(...Object.values(needles).map((bytes) => bytes.length)) - 1;
    const found = [];
    const file = openSync(`/proc/${pid}/mem`, 'r');
    try {
        for (const mapping of mappingsOf(pid)) {
            for (const piece of pieces(file, mapping, overlap)) {
                for (const [what, bytes] of Object.entries(needles))
                    if (piece.includes(bytes)) found.push([what, mapping]);
            }
        }
    } finally {
        closeSync(file);
    }
    return found;
}

/** Never on a disk, and in no core. */
export const isVault = ({ flags }) => flags.includes('lo') && flags.includes('dd');
