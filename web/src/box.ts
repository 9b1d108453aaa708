import type { FileInfo } from './file-info';

/** Pixels: of a picture in a message. */
const MAX_SIDE = 320;
const MIN_SIDE = 120;
/** Where nobody has said how large it is. */
const UNKNOWN = { width: 240, height: 180 };

export interface Box {
    readonly width: number;
    readonly height: number;
    /** Smaller than its box: not made larger. */
    readonly isSmall: boolean;
}

/** The room that a picture gets, before anything of it is loaded; what does not fit is cut off. */
export function boxOf({ width, height }: Pick<FileInfo, 'width' | 'height'>): Box {
    if (!width || !height) return { ...UNKNOWN, isSmall: false };
    const scale = Math.min(1, MAX_SIDE / width, MAX_SIDE / height);
    const side = (length: number) => Math.max(MIN_SIDE, Math.round(length * scale));
    const box = { width: side(width), height: side(height) };
    return { ...box, isSmall: width < box.width && height < box.height };
}
