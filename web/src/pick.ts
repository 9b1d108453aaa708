/** What a file is, and whether it can be sent. */
import type { Limits, MediaType } from 'parley-sdk';
import { formatSize } from './format';
import { say, type Strings } from './strings';

/** At once, in one tray. */
export const MAX_FILES = 10;

/** What browsers call by other names than the server shows in a page (docs/media.md). */
const ALIASES: Record<string, string> = {
    'image/jpg': 'image/jpeg',
    'image/pjpeg': 'image/jpeg',
    'image/apng': 'image/png',
    'audio/mp3': 'audio/mpeg',
    'audio/m4a': 'audio/mp4',
    'audio/x-m4a': 'audio/mp4',
    'audio/wave': 'audio/wav',
    'audio/vnd.wave': 'audio/wav',
    'audio/x-flac': 'audio/flac',
    'audio/x-aac': 'audio/aac',
};

const IMAGES = /^image\/(png|jpeg|gif|webp|avif)$/;
const VIDEOS = /^video\/(mp4|webm|ogg)$/;

/** As it is announced: without parameters, in small letters. */
export function mimeOf(type: string): string {
    const essence = (type.split(';')[0] ?? '').trim().toLowerCase();
    return ALIASES[essence] ?? (essence || 'application/octet-stream');
}

/** By what can be shown in a page: an SVG, or a HEIC, is a file. */
export function mediaTypeOf(mime: string): MediaType {
    if (IMAGES.test(mime)) return 'image';
    if (VIDEOS.test(mime)) return 'video';
    return mime.startsWith('audio/') ? 'audio' : 'file';
}

/** Why it can't be sent, in a sentence; undefined where it can. */
export function whyNot(
    file: Pick<File, 'name' | 'size'>,
    nBefore: number,
    limits: Limits | undefined,
    strings: Strings,
): string | undefined {
    const max = limits?.upload_bytes;
    if (limits && max === undefined) return strings.noFiles;
    if (nBefore >= MAX_FILES) return say(strings.tooManyFiles, { n: MAX_FILES });
    if (file.size === 0) return say(strings.fileEmpty, { name: file.name });
    if (max === undefined || file.size <= max) return undefined;
    return say(strings.fileTooLarge, { name: file.name, max: formatSize(max) });
}
