/** The files that go with the next message. */
import { css, html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { MediaType } from 'parley-sdk';
import { formatLength, formatSize } from './format';
import { icons } from './icons';
import { mediaIcons } from './media-icons';
import { measure, type Measures } from './measure';
import { splitName } from './file-info';
import { mediaTypeOf, mimeOf } from './pick';
import { say, type Strings } from './strings';
import type { Voice } from './recorder';

export interface Picked {
    /** With the type that it is announced as. */
    readonly blob: Blob;
    readonly name: string;
    readonly type: MediaType;
    /** Recorded here: its name was made up, and nobody needs to see it. */
    readonly isVoice: boolean;
    /** Undefined until `measuring` has resolved. */
    measures: Measures | undefined;
    readonly measuring: Promise<void>;
    /** Owned: of what is shown. */
    url: string | undefined;
    isPlaying: boolean;
}

function picked(file: File, known: Measures | undefined): Picked {
    const mime = mimeOf(file.type);
    const type = mediaTypeOf(mime);
    const blob = file.type === mime ? file : file.slice(0, file.size, mime);
    const one: Picked = {
        blob,
        name: file.name,
        type,
        isVoice: known !== undefined,
        measures: known,
        measuring: known
            ? Promise.resolve()
            : measure(blob, type).then((m) => void (one.measures = m)),
        url: undefined,
        isPlaying: false,
    };
    return one;
}

export const pickFile = (file: File): Picked => picked(file, undefined);
export const pickVoice = ({ file, duration }: Voice): Picked => picked(file, { duration });

/** What was made to show it. It can be shown again. */
export function release(picked: Picked): void {
    if (picked.url) URL.revokeObjectURL(picked.url);
    picked.url = undefined;
}

interface Context {
    readonly strings: Strings;
    readonly onRemove: (picked: Picked) => void;
    /** It plays, or does not any more. */
    readonly onChange: () => void;
}

const nameOf = (picked: Picked, strings: Strings): string =>
    picked.isVoice ? strings.audio : picked.name;

function about(picked: Picked, strings: Strings): TemplateResult {
    const seconds = picked.type === 'audio' ? picked.measures?.duration : undefined;
    const size = seconds === undefined ? formatSize(picked.blob.size) : formatLength(seconds);
    const [start, end] = splitName(nameOf(picked, strings));
    return html`<span class="about">
        <span class="name" dir="auto"><span>${start}</span><span>${end}</span></span>
        <bdi class="size">${size}</bdi>
    </span>`;
}

const image = (picked: Picked): TemplateResult =>
    html`<img src=${picked.url ?? ''} alt=${picked.name} />`;

const video = (picked: Picked): TemplateResult => html`
    <video
        src="${picked.url ?? ''}#t=0.1"
        preload="metadata"
        muted
        playsinline
        aria-label=${picked.name}
    ></video>
    <span class="badge">${mediaIcons.play}</span>
`;

/** What was recorded can be heard before it is sent. */
function audio(picked: Picked, { strings, onChange }: Context): TemplateResult {
    const isNow = (isPlaying: boolean) => () => {
        picked.isPlaying = isPlaying;
        onChange();
    };
    const toggle = ({ currentTarget }: Event) => {
        const player = (currentTarget as Element).parentElement?.querySelector('audio');
        if (player?.paused) player.play().catch(isNow(false));
        else player?.pause();
    };
    return html`
        <audio
            src=${picked.url ?? ''}
            preload="none"
            @play=${isNow(true)}
            @pause=${isNow(false)}
            @ended=${isNow(false)}
        ></audio>
        <button
            class="icon-button"
            type="button"
            aria-label=${picked.isPlaying ? strings.pause : strings.play}
            @click=${toggle}
        >
            ${picked.isPlaying ? mediaIcons.pause : mediaIcons.play}
        </button>
        ${about(picked, strings)}
    `;
}

function preview(picked: Picked, context: Context): TemplateResult {
    if (picked.type === 'file') return html`${mediaIcons.file} ${about(picked, context.strings)}`;
    picked.url ??= URL.createObjectURL(picked.blob);
    if (picked.type === 'image') return image(picked);
    return picked.type === 'video' ? video(picked) : audio(picked, context);
}

export function trayTemplate(all: readonly Picked[], context: Context): TemplateResult {
    const { strings, onRemove } = context;
    const line = (picked: Picked) => {
        const name = say(strings.removeFile, { name: nameOf(picked, strings) });
        return html`<li class=${picked.type}>
            ${preview(picked, context)}
            <button
                class="remove"
                type="button"
                aria-label=${name}
                title=${name}
                @click=${() => onRemove(picked)}
            >
                ${icons.close}
            </button>
        </li>`;
    };
    return html`<ul class="tray" aria-label=${strings.files}>
        ${repeat(all, (picked) => picked, line)}
    </ul>`;
}

export const trayStyles = css`
    .tray {
        display: flex;
        gap: 16px;
        margin: 0;
        padding: 16px 16px 4px;
        /* As the text in the field. */
        padding-inline-start: 76px;
        overflow-x: auto;
        overscroll-behavior-x: contain;
        list-style: none;
        scrollbar-width: thin;
    }
    .tray li {
        position: relative;
        flex: none;
        display: flex;
        align-items: center;
        gap: 10px;
        max-width: 280px;
        height: 72px;
        padding-block: 0;
        padding-inline: 12px 16px;
        border: 1px solid var(--_border);
        border-radius: 12px;
        background: var(--_surface);
        color: var(--_muted);
    }
    .tray .image,
    .tray .video {
        width: 72px;
        padding: 0;
    }
    .tray img,
    .tray video {
        width: 100%;
        height: 100%;
        object-fit: cover;
        border-radius: 11px;
        font-size: 12px;
    }
    .tray .audio {
        gap: 2px;
        padding-inline-start: 4px;
    }
    .tray svg {
        flex: none;
    }
    .badge {
        position: absolute;
        inset: 0;
        display: grid;
        place-items: center;
        color: #fff;
        filter: drop-shadow(0 1px 3px rgb(0 0 0 / 60%));
        pointer-events: none;
    }
    .about {
        min-width: 0;
        display: grid;
    }
    .name {
        display: flex;
        min-width: 0;
        white-space: pre;
        color: var(--_text);
        font-size: 14px;
    }
    .name :first-child {
        overflow: hidden;
        text-overflow: ellipsis;
    }
    .size {
        text-align: -webkit-match-parent;
        text-align: match-parent;
        font-size: 12px;
    }
    .remove {
        position: absolute;
        inset-block-start: -15px;
        inset-inline-end: -15px;
        width: 40px;
        height: 40px;
        display: grid;
        place-items: center;
    }
    .remove:focus-visible {
        outline: 0;
    }
    .remove:focus-visible svg {
        outline: 2px solid var(--_focus);
        outline-offset: 2px;
    }
    .remove svg {
        width: 22px;
        height: 22px;
        padding: 4px;
        border-radius: 50%;
        box-shadow: 0 0 0 2px var(--_bg);
        background: var(--_text);
        color: var(--_bg);
    }
    .remove:hover svg {
        background: var(--_danger);
    }
`;
