/** The files that go with the next message. */
import { css, html, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import type { MediaType } from 'parley-sdk';
import { icons } from './icons';
import { measure, type Measures } from './measure';
import { mediaTypeOf, mimeOf } from './pick';
import { say, type Strings } from './strings';
import { sizeText } from './units';

export interface Picked {
    /** With the type that it is announced as. */
    readonly blob: Blob;
    readonly name: string;
    readonly type: MediaType;
    /** Undefined until `measuring` has resolved. */
    measures: Measures | undefined;
    readonly measuring: Promise<void>;
    /** Owned: of what is shown. */
    url: string | undefined;
}

export function pick(file: File): Picked {
    const mime = mimeOf(file.type);
    const blob = file.type === mime ? file : file.slice(0, file.size, mime);
    const type = mediaTypeOf(mime);
    const picked: Picked = {
        blob,
        name: file.name,
        type,
        measures: undefined,
        measuring: measure(blob, type).then((measures) => {
            picked.measures = measures;
        }),
        url: undefined,
    };
    return picked;
}

/** What was made to show it. It can be shown again. */
export function release(picked: Picked): void {
    if (picked.url) URL.revokeObjectURL(picked.url);
    picked.url = undefined;
}

function preview(picked: Picked): TemplateResult {
    if (picked.type === 'image' || picked.type === 'video')
        picked.url ??= URL.createObjectURL(picked.blob);
    if (picked.type === 'image') return html`<img src=${picked.url} alt=${picked.name} />`;
    if (picked.type === 'video')
        return html`<video
                src="${picked.url}#t=0.1"
                preload="metadata"
                muted
                playsinline
                tabindex="-1"
                aria-label=${picked.name}
            ></video>
            <span class="badge" aria-hidden="true">${icons.play}</span>`;
    return html`
        ${picked.type === 'audio' ? icons.mic : icons.file}
        <span class="about">
            <span class="name"><bdi>${picked.name}</bdi></span>
            <span class="size">${sizeText(picked.blob.size)}</span>
        </span>
    `;
}

export function trayTemplate(
    all: readonly Picked[],
    strings: Strings,
    onRemove: (picked: Picked) => void,
): TemplateResult {
    const line = (picked: Picked) => html`
        <li class=${picked.type}>
            ${preview(picked)}
            <button
                class="remove"
                type="button"
                aria-label=${say(strings.removeFile, { name: picked.name })}
                title=${say(strings.removeFile, { name: picked.name })}
                @click=${() => onRemove(picked)}
            >
                ${icons.close}
            </button>
        </li>
    `;
    return html`<ul class="tray" aria-label=${strings.files}>
        ${repeat(all, (picked) => picked, line)}
    </ul>`;
}

export const trayStyles = css`
    .tray {
        display: flex;
        gap: 10px;
        margin: 0;
        padding: 10px 10px 4px 12px;
        overflow-x: auto;
        list-style: none;
        scrollbar-width: thin;
    }
    .tray li {
        position: relative;
        flex: none;
        display: flex;
        align-items: center;
        gap: 10px;
        width: 210px;
        height: 72px;
        padding: 0 34px 0 12px;
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
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        color: var(--_text);
        font-size: 14px;
    }
    .size {
        font-size: 12px;
    }
    .remove {
        position: absolute;
        inset-block-start: -1px;
        inset-inline-end: -1px;
        width: 40px;
        height: 40px;
        display: grid;
        place-items: center;
    }
    .remove:focus-visible {
        outline-offset: -4px;
        border-radius: 50%;
    }
    .remove svg {
        width: 22px;
        height: 22px;
        padding: 4px;
        border-radius: 50%;
        background: var(--_text);
        color: var(--_bg);
    }
    .remove:hover svg {
        background: var(--_danger);
    }
`;
