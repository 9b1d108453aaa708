/** Names of files, as the server takes them. */

const NAME_BYTES = 255;
const EXTENSION_CHARS = 16;

/** Controls, slashes, and what turns the direction of text; halves of surrogate pairs. */
const BAD_IN_NAME = /[\u0000-\u001f\u007f-\u009f/\\\u2028-\u202e\u2066-\u2069\p{Surrogate}]/gu;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** The longest beginning in so many bytes. */
function cut(text: string, bytes: number): string {
    let kept = '';
    let left = bytes;
    for (const char of text) {
        left -= bytesOf(char);
        if (left < 0) break;
        kept += char;
    }
    return kept;
}

/** A name that the server takes; its extension stays. */
export function cleanName(name: string): string {
    const clean = name.replace(BAD_IN_NAME, '_').trim() || 'file';
    if (bytesOf(clean) <= NAME_BYTES) return clean;
    const dot = clean.lastIndexOf('.');
    const extension = dot > 0 && clean.length - dot <= EXTENSION_CHARS ? clean.slice(dot) : '';
    return cut(clean, NAME_BYTES - bytesOf(extension)) + extension;
}
