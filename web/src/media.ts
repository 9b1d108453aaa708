import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { property, state } from './decorators';
import type { Item, Thread } from 'parley-sdk';
import { boxOf } from './box';
import { fileInfo, fileTitle, mediaKind, splitName, type FileInfo } from './file-info';
import { FileSource, downloadFile } from './file-source';
import { formatLength, formatSize } from './format';
import { mediaIcons } from './media-icons';
import { isWebUrl } from './linkify';
import { cancelButton, isPending, progressStyles } from './progress';
import { english, say, type Strings } from './strings';
import { base } from './tokens';

/** The file of a message: a picture or a video in a box, anything else as a line. */
export class ParleyMedia extends LitElement {
    @property({ attribute: false }) item: Item | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) locale: string | undefined;
    @property({ attribute: false }) onView: ((item: Item) => void) | undefined;
    @state() private hasNoDownload = false;

    readonly #source = new FileSource(() => this.requestUpdate());

    static override styles = [
        base,
        progressStyles,
        css`
            :host {
                display: block;
                color: inherit;
            }
            .box {
                --_focus: var(--_accent);
                position: relative;
                max-width: 100%;
                overflow: hidden;
                background: var(--_hover);
                color: var(--_text);
            }
            .box > button:first-child {
                display: block;
                width: 100%;
                height: 100%;
            }
            .box > button:first-child:focus-visible {
                outline-offset: -4px;
                outline-color: #fff;
                box-shadow: inset 0 0 0 6px #000a;
            }
            img,
            video {
                display: block;
                width: 100%;
                height: 100%;
                object-fit: cover;
                pointer-events: none;
            }
            img {
                visibility: hidden;
            }
            .small img {
                object-fit: scale-down;
            }
            .glyph,
            .box .cancel {
                position: absolute;
                inset: 0;
                margin: auto;
                display: grid;
                place-items: center;
                width: 48px;
                height: 48px;
                border-radius: 50%;
                background: rgb(0 0 0 / 60%);
                color: #fff;
                pointer-events: none;
            }
            .box .cancel {
                pointer-events: auto;
            }
            .box .cancel:focus-visible {
                outline-color: #fff;
                box-shadow: 0 0 0 6px #000a;
            }
            .length {
                position: absolute;
                top: 8px;
                inset-inline-start: 8px;
                padding: 0 7px;
                border-radius: 9px;
                font-size: 11px;
                line-height: 18px;
                background: rgb(0 0 0 / 60%);
                color: #fff;
                font-variant-numeric: tabular-nums;
            }
            .problem {
                display: grid;
                place-content: center;
                justify-items: center;
                height: 100%;
                padding: 0 8px 16px;
                font-size: 12px;
                line-height: 1.3;
                text-align: center;
            }
            .problem button {
                min-height: 40px;
                padding: 0 12px;
                font-weight: 600;
                color: var(--_accent);
            }
            .file {
                position: relative;
                display: flex;
                align-items: center;
                gap: 10px;
                width: 248px;
                max-width: 100%;
                min-height: 40px;
            }
            /* One clicks on all of it; its name is what is said. */
            .file a::after {
                content: '';
                position: absolute;
                inset: 0;
                border-radius: 8px;
            }
            .file a:focus-visible {
                outline: none;
            }
            .file a:focus-visible::after {
                outline: 2px solid currentColor;
                outline-offset: 2px;
            }
            .sign {
                display: grid;
                place-items: center;
                flex: none;
                width: 40px;
                height: 40px;
                border-radius: 50%;
                background: var(--_on-accent, var(--_accent));
                color: var(--_on-accent-text, var(--_accent-text));
            }
            .lines {
                flex: 1;
                min-width: 0;
            }
            .name {
                display: flex;
                width: fit-content;
                max-width: 100%;
                font-size: 14px;
                font-weight: 600;
                line-height: 20px;
                white-space: pre;
                color: inherit;
                text-decoration: none;
            }
            .name :first-child {
                overflow: hidden;
                text-overflow: ellipsis;
            }
            a.name:hover {
                text-decoration: underline;
            }
            .size {
                display: block;
                font-size: 11px;
                line-height: 16px;
                color: var(--_on-muted, var(--_muted));
                padding-inline-end: 76px;
            }
            .size.wide {
                padding: 0;
            }
        `,
    ];

    override connectedCallback(): void {
        super.connectedCallback();
        this.requestUpdate();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.#source.drop();
    }

    protected override willUpdate(): void {
        const { item, thread } = this;
        if (!this.isConnected || !item || !thread) return;
        if (mediaKind(item) === 'file') this.#source.drop();
        else this.#source.show(thread, item);
    }

    override render() {
        const { item, thread } = this;
        if (!item || !thread) return nothing;
        if (mediaKind(item) === 'file') return this.#file(item, thread);
        const info = fileInfo(item);
        const { width, height, isSmall } = boxOf(info);
        return html`<div
            class="box ${isSmall ? 'small' : ''}"
            .style=${`width: ${width}px; aspect-ratio: ${width} / ${height}`}
        >
            ${this.#source.hasFailed ? this.#problem() : this.#picture(item, info)}
            ${isPending(item) ? cancelButton(item, thread, this.strings) : nothing}
        </div>`;
    }

    #picture(item: Item, info: FileInfo): TemplateResult {
        const isVideo = mediaKind(item) === 'video';
        const name = fileTitle(item, this.strings);
        const label = say(isVideo ? this.strings.openVideo : this.strings.openImage, { name });
        const { url } = this.#source;
        return html`<button aria-label=${label} @click=${() => this.onView?.(item)}>
                ${url ? (isVideo ? this.#video(url) : this.#image(url, name)) : nothing}
            </button>
            ${isVideo && !isPending(item)
                ? html`<span class="glyph">${mediaIcons.play}</span>`
                : nothing}
            ${isVideo && info.duration
                ? html`<span class="length">${formatLength(info.duration)}</span>`
                : nothing}`;
    }

    #image(url: string, name: string): TemplateResult {
        return html`<img
            src=${url}
            alt=${name}
            loading="lazy"
            decoding="async"
            draggable="false"
            @load=${(event: Event) => this.#source.onLoad(event.target as HTMLImageElement)}
            @error=${() => this.#source.onError()}
        />`;
    }

    /** Some browsers show nothing of a video before it is played, unless asked for a moment of it. */
    #video(url: string): TemplateResult {
        return html`<video
            src="${url}#t=0.001"
            preload="metadata"
            muted
            playsinline
            tabindex="-1"
            aria-hidden="true"
            @loadeddata=${() => this.#source.onLoad()}
            @error=${() => this.#source.onError()}
        ></video>`;
    }

    #problem(): TemplateResult {
        return html`<div class="problem" role="status">
            ${this.strings.mediaFailed}
            <button @click=${() => this.#source.retry()}>${this.strings.tryAgain}</button>
        </div>`;
    }

    #file(item: Item, thread: Thread): TemplateResult {
        const { size } = fileInfo(item);
        return html`<div class="file">
            ${isPending(item)
                ? cancelButton(item, thread, this.strings)
                : html`<span class="sign">${mediaIcons.file}</span>`}
            <span class="lines">
                ${this.#name(item)}
                ${this.hasNoDownload
                    ? html`<span class="size wide" role="status">${this.strings.mediaFailed}</span>`
                    : html`<span class="size">
                          ${size ? formatSize(size, this.locale) : nothing}
                      </span>`}
            </span>
        </div>`;
    }

    #name(item: Item): TemplateResult {
        const { name = this.strings.file, url } = fileInfo(item);
        const [start, end] = splitName(name);
        const both = html`<span>${start}</span><span>${end}</span>`;
        if (item.seq === undefined) return html`<span class="name" dir="auto">${both}</span>`;
        return html`<a
            class="name"
            dir="auto"
            href=${url && isWebUrl(url) ? url : '#'}
            download=${name}
            target="_blank"
            rel="noopener noreferrer"
            aria-label=${say(this.strings.download, { name })}
            title=${name}
            @click=${(event: Event) => void this.#download(event)}
            >${both}</a
        >`;
    }

    /** The link that it came with may have expired: the click gets one that is good. */
    async #download(event: Event): Promise<void> {
        event.preventDefault();
        const { item, thread } = this;
        if (!item || !thread) return;
        this.hasNoDownload = false;
        try {
            await downloadFile(thread, item);
        } catch {
            this.hasNoDownload = true; // Said to the user; another click tries again.
        }
    }
}
customElements.define('parley-media', ParleyMedia);
