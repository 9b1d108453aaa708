import type { FileOptions, MediaType } from 'parley-sdk';

export type Measures = Pick<FileOptions, 'width' | 'height' | 'duration'>;

/** A file that says nothing for so long goes without. */
const TIMEOUT_MS = 3000;

/** What the server takes: see docs/protocol.md, Media. */
const MAX_PIXELS = 1_000_000;
const MAX_SECONDS = 10_000_000;

/** What is not known is left out: an audio has no width, a live recording says no duration. */
function known(width: number, height: number, duration: number): Measures {
    const isSize = [width, height].every((n) => n >= 1 && n <= MAX_PIXELS);
    const isDuration = duration > 0 && duration <= MAX_SECONDS;
    return {
        ...(isSize && { width: Math.round(width), height: Math.round(height) }),
        ...(isDuration && { duration: Math.round(duration * 1000) / 1000 }),
    };
}

/** Whether the event came: neither an error, nor nothing. */
function comes(target: EventTarget, event: string): Promise<boolean> {
    return new Promise((resolve) => {
        const timer = setTimeout(() => resolve(false), TIMEOUT_MS);
        const end = (isThere: boolean) => {
            clearTimeout(timer);
            resolve(isThere);
        };
        target.addEventListener(event, () => end(true), { once: true });
        target.addEventListener('error', () => end(false), { once: true });
    });
}

/** naturalWidth is that of the picture as it is seen, whichever way the camera was held. */
async function measureImage(url: string): Promise<Measures> {
    const image = new Image();
    image.src = url;
    return (await comes(image, 'load')) ? known(image.naturalWidth, image.naturalHeight, 0) : {};
}

async function measurePlayable(url: string, tag: 'video' | 'audio'): Promise<Measures> {
    const element = document.createElement(tag);
    element.preload = 'metadata';
    element.src = url;
    const isThere = await comes(element, 'loadedmetadata');
    const { duration } = element;
    const { videoWidth = 0, videoHeight = 0 } = element as Partial<HTMLVideoElement>;
    element.removeAttribute('src');
    element.load(); // lets go of the file
    return isThere ? known(videoWidth, videoHeight, duration) : {};
}

/** Never rejects: a file that can't be read here may be what it says all the same. */
export async function measure(file: Blob, type: MediaType): Promise<Measures> {
    if (type === 'file') return {};
    const url = URL.createObjectURL(file);
    const measures = await (type === 'image' ? measureImage(url) : measurePlayable(url, type));
    URL.revokeObjectURL(url);
    return measures;
}
