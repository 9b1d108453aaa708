import { LitElement, css, html } from 'lit';
import { property } from './decorators';
import type { Item, Thread } from 'parley-sdk';
import { fileInfo } from './file-info';
import { formatDuration, formatLength } from './format';
import { mediaIcons } from './media-icons';
import { onPlayer, playing, seekPlayer, togglePlayer, type Playing } from './player';
import { cancelButton, isPending, progressStyles } from './progress';
import { english, say, type Strings } from './strings';
import { base } from './tokens';

/** A voice message, or other audio: button, position, time. */
export class ParleyVoice extends LitElement {
    @property({ attribute: false }) item: Item | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;

    #stopListening: (() => void) | undefined;
    #frame = 0;

    static override styles = [
        base,
        progressStyles,
        css`
            :host {
                display: flex;
                align-items: center;
                gap: 8px;
                width: 248px;
                max-width: 100%;
                color: inherit;
            }
            .toggle {
                display: grid;
                place-items: center;
                flex: none;
                width: 40px;
                height: 40px;
                border-radius: 50%;
                background: var(--_on-accent, var(--_accent));
                color: var(--_on-accent-text, var(--_accent-text));
            }
            .track {
                flex: 1;
                min-width: 0;
                display: grid;
            }
            input {
                appearance: none;
                width: 100%;
                height: 40px;
                margin: -8px 0;
                background: none;
                cursor: pointer;
                border-radius: 6px;
                forced-color-adjust: none;
            }
            input:focus-visible {
                outline-offset: -2px;
            }
            input::-webkit-slider-runnable-track {
                height: 4px;
                border-radius: 2px;
                background: linear-gradient(
                        var(--_on-accent, var(--_accent)),
                        var(--_on-accent, var(--_accent))
                    )
                    0 0 / var(--at, 0%) 100% no-repeat
                    color-mix(in srgb, currentColor 30%, transparent);
            }
            input::-webkit-slider-thumb {
                appearance: none;
                width: 12px;
                height: 12px;
                margin-top: -4px;
                border-radius: 50%;
                background: var(--_on-accent, var(--_accent));
            }
            input::-moz-range-track {
                height: 4px;
                border-radius: 2px;
                background: color-mix(in srgb, currentColor 30%, transparent);
            }
            input::-moz-range-progress {
                height: 4px;
                border-radius: 2px;
                background: var(--_on-accent, var(--_accent));
            }
            input::-moz-range-thumb {
                width: 12px;
                height: 12px;
                border: 0;
                border-radius: 50%;
                background: var(--_on-accent, var(--_accent));
            }
            .time {
                pointer-events: none;
                font-size: 11px;
                line-height: 16px;
                color: var(--_on-muted, var(--_muted));
                font-variant-numeric: tabular-nums;
                overflow: hidden;
                text-overflow: ellipsis;
                white-space: nowrap;
                /* Beside it is the time of the message. */
                padding-inline-end: 76px;
            }
            .time.wide {
                padding: 0;
                white-space: normal;
            }
        `,
    ];

    override connectedCallback(): void {
        super.connectedCallback();
        this.#stopListening = onPlayer(() => this.requestUpdate());
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.#stopListening?.();
        cancelAnimationFrame(this.#frame);
    }

    /** `timeupdate` comes four times a second: between them the position moves by frames. */
    protected override updated(): void {
        cancelAnimationFrame(this.#frame);
        if (!this.item || !this.thread || !playing(this.thread, this.item).isPlaying) return;
        this.#frame = requestAnimationFrame(() => this.requestUpdate());
    }

    override render() {
        const { item, thread, strings } = this;
        if (!item || !thread) return html``;
        const now = playing(thread, item);
        return html`
            ${isPending(item)
                ? cancelButton(item, thread, strings)
                : this.#toggle(item, thread, now)}
            <div class="track" dir="ltr">
                ${this.#slider(item, thread, now)} ${this.#caption(item, now)}
            </div>
        `;
    }

    #toggle(item: Item, thread: Thread, now: Playing) {
        const label = now.isPlaying ? this.strings.pause : this.strings.play;
        return html`<button
            class="toggle"
            aria-label=${label}
            title=${label}
            @click=${() => togglePlayer(thread, item, this)}
        >
            ${now.isPlaying ? mediaIcons.pause : mediaIcons.play}
        </button>`;
    }

    #slider(item: Item, thread: Thread, now: Playing) {
        const total = now.duration ?? fileInfo(item).duration ?? 0;
        const at = Math.min(now.at, total || now.at);
        const onInput = (event: Event) =>
            seekPlayer(thread, item, Number((event.target as HTMLInputElement).value), this);
        return html`<input
            type="range"
            min="0"
            .max=${String(total || 1)}
            step="0.1"
            .value=${String(total ? at : 0)}
            .style=${`--at: ${total ? (at / total) * 100 : 0}%`}
            ?disabled=${!total}
            aria-label=${this.strings.seek}
            aria-valuetext=${say(this.strings.seekValue, {
                at: formatDuration(at),
                total: formatLength(total),
            })}
            @input=${onInput}
        />`;
    }

    #caption(item: Item, now: Playing) {
        if (now.hasFailed)
            return html`<span class="time wide" role="status">${this.strings.mediaFailed}</span>`;
        const total = now.duration ?? fileInfo(item).duration;
        const isBegun = now.isPlaying || now.at > 0;
        const time = isBegun ? formatDuration(now.at) : formatLength(total ?? 0);
        return html`<span class="time">${time}</span>`;
    }
}
customElements.define('parley-voice', ParleyVoice);
