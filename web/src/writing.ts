/** What is written: as it is sent, how long it is, and which key sends it. */

const encoder = new TextEncoder();

/** What a content with a file has beside its caption: the name, numbers, the upload's id. */
const MEDIA_BYTES = 1024;

/** Bytes of UTF-8. */
export const utf8Length = (text: string): number => encoder.encode(text).length;

/** The server takes no U+0000, and half a surrogate pair is no text. */
export const sendable = (text: string): string =>
    text
        .replace(/\0/g, '')
        .replace(/\p{Surrogate}/gu, '\ufffd')
        .trimEnd();

/**
 * Bytes of `limit` (Limits.content_bytes) that are left, negative where it is too long. A caption
 * is part of an object, which is measured as JSON: there a line break has two bytes.
 */
export function bytesLeft(text: string, limit: number, isCaption: boolean): number {
    const sent = sendable(text);
    if (!isCaption) return limit - utf8Length(sent);
    return limit - MEDIA_BYTES - utf8Length(JSON.stringify(sent));
}

/** When it is time to say how much is left. */
export const isNearLimit = (left: number, limit: number): boolean =>
    left <= Math.min(1000, limit / 10);

type Key = Pick<KeyboardEvent, 'key' | 'shiftKey' | 'ctrlKey' | 'metaKey' | 'altKey'> &
    Pick<KeyboardEvent, 'isComposing' | 'keyCode'>;

/**
 * Whether a key sends. The Enter that ends a composition does not: Safari tells it apart only by
 * its code of 229. On a touch keyboard there is no Shift+Enter, so Enter makes a line there.
 */
export function isSendKey(key: Key, isTouch: boolean): boolean {
    if (key.key !== 'Enter' || key.isComposing || key.keyCode === 229) return false;
    if (key.ctrlKey || key.metaKey) return true;
    return !key.shiftKey && !key.altKey && !isTouch;
}
