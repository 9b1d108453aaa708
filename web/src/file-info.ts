import type { Item } from 'parley-sdk';
import type { Strings } from './strings';

/** What is said of the file of a message. All of it comes from outside: each member is either of
 * its type, or missing. */
export interface FileInfo {
    readonly name: string | undefined;
    readonly caption: string | undefined;
    /** Without parameters, lower case. */
    readonly mime: string | undefined;
    /** Where it was when the message came: may have expired. */
    readonly url: string | undefined;
    readonly size: number | undefined;
    readonly width: number | undefined;
    readonly height: number | undefined;
    readonly duration: number | undefined;
}

/** Marks that turn the direction around make `exe.txt` of `txt.exe`. */
const TURNING = /[\u202a-\u202e\u2066-\u2069]/g;

export const withoutTurning = (text: string): string => text.replace(TURNING, '');

export function fileInfo(item: Item): FileInfo {
    const content = (item.content ?? {}) as Record<string, unknown>;
    const text = (name: string) => {
        const value = content[name];
        return typeof value === 'string' && value !== '' ? value : undefined;
    };
    const amount = (name: string) => {
        const value = content[name];
        return typeof value === 'number' && value > 0 && value < Infinity ? value : undefined;
    };
    const name = text('name');
    return {
        name: name && withoutTurning(name),
        caption: text('caption')?.trim() || undefined,
        mime: text('mime')?.split(';')[0]?.trim().toLowerCase(),
        url: text('url'),
        size: amount('size'),
        width: amount('width'),
        height: amount('height'),
        duration: amount('duration'),
    };
}

const IMAGES = /^image\/(png|jpeg|gif|webp|avif)$/;
const VIDEOS = /^video\/(mp4|webm)$/;

/**
 * How a message with a file is shown. A page shows itself only what can hold no script; a file of
 * another site has no type here, and is loaded as what the message says, which runs nothing either.
 */
export function mediaKind(item: Item): 'image' | 'video' | 'audio' | 'file' | undefined {
    const { mime } = fileInfo(item);
    if (item.type === 'image') return !mime || IMAGES.test(mime) ? 'image' : 'file';
    if (item.type === 'video') return !mime || VIDEOS.test(mime) ? 'video' : 'file';
    if (item.type === 'audio') return 'audio';
    return item.type === 'file' ? 'file' : undefined;
}

/** Whether it can be seen large. */
export const isViewable = (item: Item): boolean =>
    ['image', 'video'].includes(mediaKind(item) ?? '');

/** What it is called, for people: never empty. */
export function fileTitle(item: Item, strings: Strings): string {
    const { caption, name } = fileInfo(item);
    return caption ?? name ?? strings[mediaKind(item) ?? 'file'];
}

/** A name that is too long is cut in its middle: its end says what the file is. */
export function splitName(name: string): [string, string] {
    const [, start = name, end = ''] = /^(.+?)([\x20-\x7e]{0,4}\.[^.]{1,8})$/s.exec(name) ?? [];
    return [start, end];
}
