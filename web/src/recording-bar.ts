import { LitElement, css, html, type TemplateResult } from 'lit';
import { property, state } from './decorators';
import { formatDuration } from './format';
import { icons } from './icons';
import { mediaIcons } from './media-icons';
import type { Recording } from './recorder';
import { english, say, type Strings } from './strings';
import { base } from './tokens';

const N_BARS = 120;
const TICK_MS = 100;

/** A recording that goes on. Fires `discard`, `stop` and `send`: who has it ends it. */
export class ParleyRecordingBar extends LitElement {
    @property({ attribute: false }) recording: Recording | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @state() private _time = formatDuration(0);
    @state() private _isOver = false;
    #timer: ReturnType<typeof setInterval> | undefined;
    readonly #levels = new Array<number>(N_BARS).fill(0);

    static override styles = [
        base,
        css`
            :host {
                display: flex;
                align-items: center;
                gap: 8px;
            }
            .panel {
                flex: 1;
                min-width: 0;
                height: 40px;
                display: flex;
                align-items: center;
                gap: 10px;
                padding: 0 14px;
                border-radius: 20px;
                background: var(--_surface);
            }
            .dot {
                flex: none;
                width: 10px;
                height: 10px;
                border-radius: 50%;
                background: var(--_danger);
                animation: pulse 1.2s ease-in-out infinite alternate;
            }
            .over .dot {
                animation: none;
                background: var(--_muted);
            }
            @keyframes pulse {
                to {
                    opacity: 0.35;
                }
            }
            @media (prefers-reduced-motion: reduce) {
                .dot {
                    animation: none;
                }
            }
            .time {
                flex: none;
                font-variant-numeric: tabular-nums;
            }
            .levels {
                flex: 1;
                min-width: 0;
                height: 24px;
                display: flex;
                align-items: center;
                justify-content: flex-end;
                gap: 2px;
                overflow: hidden;
            }
            .levels i {
                flex: 1 0 2px;
                max-width: 4px;
                height: 100%;
                border-radius: 2px;
                background: var(--_accent);
                transform: scaleY(0.12);
            }
            .stop {
                color: var(--_danger);
            }
            .send {
                background: var(--_accent);
                color: var(--_accent-text);
            }
            .send:hover:not(:disabled) {
                background: var(--_accent);
                color: var(--_accent-text);
                filter: brightness(1.08);
            }
        `,
    ];

    override connectedCallback(): void {
        super.connectedCallback();
        this.#timer = setInterval(() => this.#tick(), TICK_MS);
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        clearInterval(this.#timer);
    }

    override firstUpdated(): void {
        this.renderRoot.querySelector<HTMLElement>('.stop')?.focus();
    }

    #tick(): void {
        if (!this.recording) return;
        this._time = formatDuration(this.recording.elapsed);
        this._isOver = this.recording.isOver;
        if (this._isOver || matchMedia('(prefers-reduced-motion: reduce)').matches) return;
        this.#levels.push(this.recording.level());
        this.#levels.shift();
        this.renderRoot.querySelectorAll<HTMLElement>('.levels i').forEach((bar, i) => {
            bar.style.transform = `scaleY(${Math.max(0.12, this.#levels[i] ?? 0)})`;
        });
    }

    #fire(type: 'discard' | 'stop' | 'send'): void {
        this.dispatchEvent(new CustomEvent(type));
    }

    #button(type: 'discard' | 'stop' | 'send', name: string, icon: TemplateResult) {
        return html`<button
            class="icon-button ${type}"
            type="button"
            aria-label=${name}
            title=${name}
            @click=${() => this.#fire(type)}
        >
            ${icon}
        </button>`;
    }

    override render() {
        const { strings } = this;
        return html`
            ${this.#button('discard', strings.discardRecording, mediaIcons.bin)}
            <div class="panel ${this._isOver ? 'over' : ''}">
                <span class="dot"></span>
                <span class="time" role="timer"
                    >${say(strings.recording, { time: this._time })}</span
                >
                <span class="levels" aria-hidden="true"
                    >${this.#levels.map(() => html`<i></i>`)}</span
                >
            </div>
            ${this.#button('stop', strings.stopRecording, mediaIcons.stop)}
            ${this.#button('send', strings.send, icons.send)}
        `;
    }
}
customElements.define('parley-recording-bar', ParleyRecordingBar);
