/** How high a row will be, before it is there: near enough that little has to be moved. */
import type { Item } from 'parley-sdk';
import { fileInfo } from './file-info';
import type { Row } from './timeline';

/** Pixels, as messageStyles and threadStyles have them. */
const LINE = 21;
const CHARACTER = 7.4;
const BUBBLE_MAX = 560;
const NARROW = 520;
const BUBBLE_PADDING = 16;
const MEDIA_MAX = 320;
/** Longer texts are of this length here: they are cut where they are shown. */
const CHARACTERS_MAX = 4000;

function textHeight(text: string, width: number): number {
    const share = width <= NARROW ? 0.85 : 0.75;
    const bubble = Math.min(width * share, BUBBLE_MAX) - 2 * BUBBLE_PADDING;
    const perLine = Math.max(8, Math.floor(bubble / CHARACTER));
    let lines = 0;
    for (const line of text.slice(0, CHARACTERS_MAX).split('\n'))
        lines += Math.max(1, Math.ceil(line.length / perLine));
    return lines * LINE + BUBBLE_PADDING;
}

function mediaHeight(item: Item): number {
    const { width, height, caption } = fileInfo(item);
    const box = width && height ? Math.min(MEDIA_MAX, (MEDIA_MAX * height) / width) : MEDIA_MAX;
    return Math.max(120, box) + (caption ? LINE + BUBBLE_PADDING : 0);
}

function messageHeight(item: Item, width: number): number {
    const { type, content } = item;
    if (type === 'text' && typeof content === 'string') return textHeight(content, width);
    if (type === 'image' || type === 'video') return mediaHeight(item);
    return type === 'file' || type === 'audio' ? 64 : LINE + BUBBLE_PADDING;
}

export function estimateHeight(row: Row, width: number): number {
    if (row.kind === 'message')
        return messageHeight(row.item, width) + (row.place.isFirstOfRun ? 12 : 2);
    return { edge: 48, day: 44, new: 34, typing: 47 }[row.kind];
}
