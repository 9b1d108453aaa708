import { LitElement, css, html, nothing, type TemplateResult } from 'lit';
import { property, query, state } from './decorators';
import { keyed } from 'lit/directives/keyed.js';
import type { Item, Thread } from 'parley-sdk';
import { fileInfo, fileTitle, isViewable, mediaKind } from './file-info';
import { FileSource, downloadFile } from './file-source';
import { formatWhen } from './format';
import { icons } from './icons';
import { mediaIcons } from './media-icons';
import { noNames, shownName, type NameOf } from './names';
import { pausePlayer } from './player';
import { english, say, type Strings } from './strings';
import { base } from './tokens';

/** Shows a picture or a video large, and those before and after it of what the thread has loaded. */
export class ParleyViewer extends LitElement {
    @property({ attribute: false }) item: Item | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) nameOf: NameOf = noNames;
    @property({ attribute: false }) locale: string | undefined;
    @state() private isOpen = false;
    @state() private hasNoDownload = false;
    @query('dialog') private dialog!: HTMLDialogElement;

    readonly #source = new FileSource(() => this.requestUpdate());

    static override styles = [
        base,
        css`
            dialog {
                position: fixed;
                inset: 0;
                width: 100%;
                height: 100%;
                max-width: none;
                max-height: none;
                margin: 0;
                padding: 0;
                border: 0;
                background: #0c0e13;
                color: #fff;
                color-scheme: dark;
            }
            dialog[open] {
                display: grid;
                grid-template: auto minmax(0, 1fr) auto / 100%;
                animation: appear 140ms ease-out;
            }
            @keyframes appear {
                from {
                    opacity: 0;
                }
            }
            :focus-visible {
                outline-color: #fff;
            }
            header {
                display: flex;
                align-items: center;
                gap: 4px;
                height: 60px;
                padding: 0 12px 0 20px;
            }
            .who {
                flex: 1;
                min-width: 0;
                font-weight: 600;
                font-variant-ligatures: none; /* of Inter: see address.ts */
                line-height: 1.3;
                overflow: hidden;
                text-overflow: ellipsis;
                white-space: nowrap;
            }
            .who time {
                display: block;
                font-size: 12px;
                font-weight: 400;
                color: #c3c8d4;
            }
            .icon-button {
                color: #fff;
            }
            .icon-button:hover:not(:disabled) {
                background: rgb(255 255 255 / 16%);
                color: #fff;
            }
            .stage {
                position: relative;
                display: grid;
                place-items: center;
                grid-template: minmax(0, 1fr) / minmax(0, 1fr);
                padding: 0 16px;
            }
            img {
                visibility: hidden;
            }
            img,
            video {
                max-width: 100%;
                max-height: 100%;
                min-width: 0;
                min-height: 0;
                object-fit: contain;
                border-radius: 6px;
            }
            .step {
                position: absolute;
                top: 50%;
                margin-top: -20px;
                background: rgb(0 0 0 / 55%);
            }
            .previous {
                left: 16px;
                transform: rotate(90deg);
            }
            .next {
                right: 16px;
                transform: rotate(-90deg);
            }
            .caption {
                max-height: 25vh;
                margin: 0;
                padding: 14px 20px 20px;
                overflow: auto;
                text-align: center;
                white-space: pre-wrap;
                overflow-wrap: anywhere;
            }
            .problem {
                display: grid;
                justify-items: center;
                gap: 12px;
            }
        `,
    ];

    async show(): Promise<void> {
        pausePlayer();
        this.isOpen = true;
        await this.updateComplete;
        // The browser keeps the focus within, and gives it back.
        if (!this.dialog.open) this.dialog.showModal();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.isOpen = false;
        this.#source.drop();
    }

    protected override willUpdate(): void {
        if (this.isOpen && this.item && this.thread) this.#source.show(this.thread, this.item);
        else this.#source.drop();
    }

    /** Where the button was that is not there any more, after the last picture for instance. */
    protected override updated(): void {
        const root = this.renderRoot as ShadowRoot;
        if (this.dialog.open && !root.activeElement)
            root.querySelector<HTMLElement>('[autofocus]')?.focus();
    }

    override render() {
        const { item, thread, strings } = this;
        return html`<dialog
            aria-label=${item ? fileTitle(item, strings) : strings.image}
            @close=${this.#onClose}
            @keydown=${this.#onKey}
        >
            ${this.isOpen && item && thread ? this.#content(item, thread) : nothing}
        </dialog>`;
    }

    #content(item: Item, thread: Thread): TemplateResult {
        return html`${this.#head(item, thread)}
            <div class="stage" @click=${this.#onStage}>
                ${keyed(item.key, this.#media(item))} ${this.#step(-1)} ${this.#step(1)}
            </div>
            ${this.#caption(item)}`;
    }

    #head(item: Item, thread: Thread): TemplateResult {
        const { strings } = this;
        const download = say(strings.download, { name: fileInfo(item).name ?? strings.file });
        return html`<header>
            <div class="who">
                <bdi>${item.own ? strings.yourself : shownName(thread.peer, this.nameOf)}</bdi>
                <time>${formatWhen(item.at, this.locale)}</time>
            </div>
            <button
                class="icon-button"
                aria-label=${download}
                title=${download}
                @click=${() => void this.#download(item, thread)}
            >
                ${mediaIcons.download}
            </button>
            <button
                class="icon-button"
                autofocus
                aria-label=${strings.close}
                title=${strings.close}
                @click=${this.#close}
            >
                ${icons.close}
            </button>
        </header>`;
    }

    #media(item: Item): TemplateResult | typeof nothing {
        const { url, hasFailed } = this.#source;
        const name = fileTitle(item, this.strings);
        const onLoad = () => this.#source.onLoad();
        const onImage = (event: Event) => this.#source.onLoad(event.target as HTMLImageElement);
        const onError = () => this.#source.onError();
        if (hasFailed) return this.#problem();
        if (!url) return nothing;
        return mediaKind(item) === 'video'
            ? html`<video
                  src=${url}
                  aria-label=${name}
                  controls
                  autoplay
                  playsinline
                  @loadeddata=${onLoad}
                  @error=${onError}
              ></video>`
            : html`<img src=${url} alt=${name} @load=${onImage} @error=${onError} />`;
    }

    #problem(): TemplateResult {
        return html`<div class="problem" role="status">
            ${this.strings.mediaFailed}
            <button class="secondary" @click=${() => this.#source.retry()}>
                ${this.strings.tryAgain}
            </button>
        </div>`;
    }

    #caption(item: Item): TemplateResult | typeof nothing {
        if (this.hasNoDownload)
            return html`<p class="caption" role="status">${this.strings.mediaFailed}</p>`;
        const { caption } = fileInfo(item);
        return caption ? html`<p class="caption" dir="auto" tabindex="0">${caption}</p>` : nothing;
    }

    #step(by: -1 | 1): TemplateResult | typeof nothing {
        const to = this.#neighbour(by);
        if (!to) return nothing;
        const label = by < 0 ? this.strings.previous : this.strings.next;
        return html`<button
            class="icon-button step ${by < 0 ? 'previous' : 'next'}"
            aria-label=${label}
            title=${label}
            @click=${() => this.#go(to)}
        >
            ${icons.down}
        </button>`;
    }

    #neighbour(by: -1 | 1): Item | undefined {
        const viewable = this.thread?.items.filter(isViewable) ?? [];
        const at = viewable.findIndex((one) => one.key === this.item?.key);
        return at < 0 ? undefined : viewable[at + by];
    }

    #go(item: Item): void {
        this.hasNoDownload = false;
        this.item = item;
    }

    #close(): void {
        this.dialog.close();
    }

    #onClose(): void {
        this.isOpen = this.hasNoDownload = false;
        this.dispatchEvent(new CustomEvent('parley-viewer-close'));
    }

    #onStage(event: Event): void {
        if (event.target === event.currentTarget) this.#close();
    }

    /** Of a video the arrows are the browser's: they seek. */
    #onKey(event: KeyboardEvent): void {
        const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key] as -1 | 1 | undefined;
        if (!by || event.target instanceof HTMLVideoElement) return;
        const to = this.#neighbour(by);
        if (to) this.#go(to);
    }

    async #download(item: Item, thread: Thread): Promise<void> {
        this.hasNoDownload = false;
        try {
            await downloadFile(thread, item);
        } catch {
            this.hasNoDownload = true; // Said below the picture; another click tries again.
        }
    }
}
customElements.define('parley-viewer', ParleyViewer);
