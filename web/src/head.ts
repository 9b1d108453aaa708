import { LitElement, css, html, nothing, type PropertyValues } from 'lit';
import { property, query, state } from './decorators';
import type { Thread } from 'parley-sdk';
import './address';
import { avatar } from './avatar';
import { daily } from './daily';
import { icons } from './icons';
import { knownName, noNames, type NameOf } from './names';
import { english, type Strings } from './strings';
import { base } from './tokens';
import { lastSeenLabel, pageLocale } from './when';

const styles = css`
    :host {
        display: flex;
        align-items: center;
        gap: 10px;
        height: 60px;
        flex: none;
        padding-inline: 16px 10px;
        border-bottom: 1px solid var(--_border);
        background: var(--_bg);
        position: relative;
    }
    .back {
        margin-inline-start: -10px;
    }
    .back:dir(rtl) svg {
        transform: scaleX(-1);
    }
    .who {
        flex: 1;
        min-width: 0;
    }
    parley-address {
        display: flex;
        height: 24px;
    }
    .name {
        font-size: 16px;
        line-height: 22px;
        font-weight: 600;
        white-space: nowrap;
        overflow: hidden;
        text-overflow: ellipsis;
    }
    .second {
        display: flex;
        align-items: center;
        gap: 2px;
        height: 18px;
        font-size: 13px;
        line-height: 18px;
        color: var(--_muted);
        white-space: nowrap;
    }
    .second parley-address {
        flex: 0 1 auto;
        height: 18px;
        font: inherit;
        color: inherit;
    }
    .presence {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
    }
    parley-address + .presence:not(:has(.dot))::before {
        content: '·';
        margin-inline-end: 6px;
    }
    .dot {
        display: inline-block;
        margin-inline-end: 6px;
        width: 8px;
        height: 8px;
        border-radius: 50%;
        background: var(--_online);
    }
    .typing {
        color: var(--_accent);
    }
    .menu {
        position: absolute;
        z-index: 5;
        top: 52px;
        inset-inline-end: 10px;
        min-width: 180px;
        padding: 6px;
        border-radius: 12px;
        background: var(--_bg);
        box-shadow:
            var(--_shadow),
            0 0 0 1px var(--_border);
    }
    .menu button {
        display: flex;
        align-items: center;
        gap: 10px;
        width: 100%;
        min-height: 40px;
        padding: 0 10px;
        border-radius: 8px;
        text-align: start;
    }
    .menu button:hover,
    .menu button:focus-visible {
        background: var(--_hover);
    }
    .menu .harm {
        color: var(--_danger);
    }
`;

/** With whom one talks. Fires `parley-back` (bubbling and composed), `block` and `unblock`. */
export class ParleyHead extends LitElement {
    static override styles = [base, styles];

    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) nameOf: NameOf = noNames;
    @property({ type: Boolean }) hasBack = false;

    @state() private isOpen = false;
    @query('.more') private moreButton!: HTMLButtonElement;
    @query('[role=menuitem]') private menuItem!: HTMLButtonElement | null;
    #unsubscribe: (() => void) | undefined;

    constructor() {
        super();
        daily(this);
    }

    override connectedCallback(): void {
        super.connectedCallback();
        window.addEventListener('pointerdown', this.#onPointer);
        this.#subscribe();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        window.removeEventListener('pointerdown', this.#onPointer);
        this.#unsubscribe?.();
        this.isOpen = false;
    }

    protected override willUpdate(changed: PropertyValues<this>): void {
        if (!changed.has('thread')) return;
        this.#subscribe();
        this.isOpen = false;
    }

    #subscribe(): void {
        this.#unsubscribe?.();
        if (this.isConnected)
            this.#unsubscribe = this.thread?.on('change', () => this.requestUpdate());
    }

    readonly #onPointer = (event: Event): void => {
        if (!event.composedPath().includes(this)) this.isOpen = false;
    };

    async #toggle(): Promise<void> {
        this.isOpen = !this.isOpen;
        await this.updateComplete;
        this.menuItem?.focus();
    }

    #onKey(event: KeyboardEvent): void {
        if (!this.isOpen || (event.key !== 'Escape' && event.key !== 'Tab')) return;
        if (event.key === 'Escape') event.stopPropagation();
        this.isOpen = false;
        this.moreButton.focus();
    }

    #choose(): void {
        this.isOpen = false;
        this.moreButton.focus();
        this.dispatchEvent(new CustomEvent(this.thread?.blocked ? 'unblock' : 'block'));
    }

    #goBack(): void {
        this.dispatchEvent(new CustomEvent('parley-back', { bubbles: true, composed: true }));
    }

    #presence(thread: Thread) {
        const { strings } = this;
        if (thread.isTyping) return html`<span class="typing">${strings.typing}</span>`;
        const { online, last_seen: lastSeen } = thread.presence ?? {};
        if (online) return html`<span class="dot"></span>${strings.online}`;
        const at = Date.parse(lastSeen ?? '');
        if (!at) return undefined;
        return lastSeenLabel(at, Date.now(), strings, pageLocale());
    }

    #menu(thread: Thread) {
        const { strings } = this;
        return html`<div class="menu" role="menu" aria-label=${strings.more}>
            <button
                role="menuitem"
                class=${thread.blocked ? '' : 'harm'}
                @click=${() => this.#choose()}
            >
                ${icons.block}${thread.blocked ? strings.unblock : strings.block}
            </button>
        </div>`;
    }

    #who(thread: Thread) {
        const name = knownName(thread.peer, this.nameOf);
        const presence = this.#presence(thread);
        const address = html`<parley-address
            .account=${thread.peer}
            .strings=${this.strings}
        ></parley-address>`;
        return html`<div class="who">
            ${name ? html`<div class="name" dir="auto">${name}</div>` : address}
            ${name || presence
                ? html`<div class="second">
                      ${name ? address : nothing}
                      ${presence ? html`<span class="presence">${presence}</span>` : nothing}
                  </div>`
                : nothing}
        </div>`;
    }

    override render() {
        const { thread, strings } = this;
        if (!thread) return nothing;
        const back = html`<button
            class="icon-button back"
            aria-label=${strings.back}
            @click=${() => this.#goBack()}
        >
            ${icons.back}
        </button>`;
        return html`${this.hasBack ? back : nothing} ${avatar(thread.peer, 40)} ${this.#who(thread)}
            <div @keydown=${(event: KeyboardEvent) => this.#onKey(event)}>
                <button
                    class="icon-button more"
                    aria-label=${strings.more}
                    aria-haspopup="menu"
                    aria-expanded=${this.isOpen}
                    @click=${() => this.#toggle()}
                >
                    ${icons.more}
                </button>
                ${this.isOpen ? this.#menu(thread) : nothing}
            </div>`;
    }
}
customElements.define('parley-head', ParleyHead);
