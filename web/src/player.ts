import type { Item, Thread } from 'parley-sdk';
import { FileSource } from './file-source';

/**
 * Plays voice messages, one at a time. It is not in the elements that show them, as those come and
 * go while one scrolls, and what is heard goes on.
 */
export interface Playing {
    readonly isPlaying: boolean;
    readonly hasFailed: boolean;
    /** Seconds. */
    readonly at: number;
    /** Of the file; undefined where it does not say. */
    readonly duration: number | undefined;
}

interface Track {
    thread: Thread;
    key: string;
    /** Whose thread is shown: once it shows another one, or is gone, nobody could stop it. */
    owner: Element & { thread?: Thread };
}

const IDLE: Playing = { isPlaying: false, hasFailed: false, at: 0, duration: undefined };

const listeners = new Set<() => void>();
const source = new FileSource(load);
let made: HTMLAudioElement | undefined;
let track: Track | undefined;
/** What was asked for while the link was not there yet. */
let wanted = { isPlaying: false, at: 0 };

function changed(): void {
    for (const listener of [...listeners]) listener();
}

function stopIfLeft(): void {
    if (!track) return;
    const { owner, thread } = track;
    if (!owner.isConnected || (owner.thread && owner.thread !== thread)) pausePlayer();
}

function audio(): HTMLAudioElement {
    if (made) return made;
    made = new Audio();
    for (const event of ['play', 'pause', 'ended', 'durationchange', 'seeked'])
        made.addEventListener(event, changed);
    made.addEventListener('timeupdate', stopIfLeft);
    made.addEventListener('timeupdate', changed);
    made.addEventListener('loadeddata', () => source.onLoad());
    made.addEventListener('ended', rewind);
    made.addEventListener('error', onError);
    return made;
}

function rewind(): void {
    wanted = { isPlaying: false, at: 0 };
    if (made) made.currentTime = 0;
}

/** A link may expire in the middle: it goes on from there by another one. */
function onError(): void {
    if (!made?.hasAttribute('src')) return;
    wanted.at = made.currentTime || wanted.at;
    made.removeAttribute('src');
    source.onError();
}

/** A promise that is refused says no more than the events do: paused again, or `error`. */
const start = (): void => void audio().play().catch(changed);

function load(): void {
    const element = audio();
    if (source.url && element.src !== source.url) {
        element.src = source.url;
        element.currentTime = wanted.at;
        if (wanted.isPlaying) start();
    }
    changed();
}

const isTrack = (thread: Thread, item: Item): boolean =>
    track?.thread === thread && track.key === item.key;

function choose(thread: Thread, item: Item, shownBy: Element): void {
    const root = shownBy.getRootNode();
    const owner = root instanceof ShadowRoot ? root.host : shownBy;
    if (!isTrack(thread, item)) {
        audio().pause();
        audio().removeAttribute('src');
        wanted = { isPlaying: false, at: 0 };
    }
    track = { thread, key: item.key, owner };
    if (source.hasFailed) source.retry();
    else source.show(thread, item);
}

export function playing(thread: Thread, item: Item): Playing {
    if (!isTrack(thread, item)) return IDLE;
    const { paused, currentTime, duration } = audio();
    const isLoaded = audio().hasAttribute('src');
    return {
        isPlaying: !source.hasFailed && (isLoaded ? !paused : wanted.isPlaying),
        hasFailed: source.hasFailed,
        at: isLoaded ? currentTime : wanted.at,
        duration: Number.isFinite(duration) ? duration : undefined,
    };
}

export function togglePlayer(thread: Thread, item: Item, shownBy: Element): void {
    const wasPlaying = playing(thread, item).isPlaying;
    choose(thread, item, shownBy);
    wanted.isPlaying = !wasPlaying;
    load();
    if (wasPlaying) audio().pause();
    else if (source.url && audio().paused) start();
}

export function seekPlayer(thread: Thread, item: Item, at: number, shownBy: Element): void {
    choose(thread, item, shownBy);
    wanted.at = at;
    load();
    if (audio().hasAttribute('src')) audio().currentTime = at;
}

export function pausePlayer(): void {
    wanted.isPlaying = false;
    made?.pause();
    changed();
}

/** @return a function that ends it */
export function onPlayer(listener: () => void): () => void {
    listeners.add(listener);
    return () => void listeners.delete(listener);
}
