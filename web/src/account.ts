import { LitElement, css, html, nothing } from 'lit';
import { property, query, state } from './decorators';
import './address';
import { avatar } from './avatar';
import { icons } from './icons';
import { knownName, noNames, type NameOf } from './names';
import { english, type Strings } from './strings';
import { base } from './tokens';

/** Who is signed in, behind a button. Fires `parley-sign-out`, bubbling and composed. */
export class ParleyAccount extends LitElement {
    @property({ attribute: false }) account = '';
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) nameOf: NameOf = noNames;
    @property({ attribute: false }) canSignOut = false;
    @state() private isOpen = false;
    @query('.icon-button') private readonly button!: HTMLElement;

    static override styles = [
        base,
        css`
            :host {
                display: flex;
                align-items: center;
            }
            .me {
                max-width: 88px;
                font-size: 13px;
                color: var(--_muted);
                overflow: hidden;
                text-overflow: ellipsis;
                white-space: nowrap;
            }
            .menu {
                position: absolute;
                z-index: 5;
                top: 56px;
                inset-inline-end: 8px;
                width: 256px;
                max-width: calc(100% - 16px);
                padding: 8px;
                border: 1px solid var(--_border);
                border-radius: 14px;
                background: var(--_bg);
                box-shadow: var(--_shadow);
                animation: drop 140ms ease-out;
            }
            @keyframes drop {
                from {
                    opacity: 0;
                    transform: translateY(-6px);
                }
            }
            .own {
                display: flex;
                align-items: center;
                gap: 10px;
                padding: 8px;
            }
            .own div {
                min-width: 0;
            }
            .own small {
                display: block;
                font-size: 12px;
                line-height: 16px;
                color: var(--_muted);
            }
            .entry {
                display: flex;
                align-items: center;
                gap: 10px;
                width: 100%;
                min-height: 40px;
                padding: 0 8px;
                border-radius: 8px;
                text-align: start;
            }
            .entry:hover {
                background: var(--_hover);
            }
            .entry svg {
                width: 20px;
                height: 20px;
                color: var(--_muted);
            }
        `,
    ];

    constructor() {
        super();
        this.addEventListener('keydown', this.#onKey);
        this.addEventListener('focusout', this.#onBlur);
    }

    override connectedCallback(): void {
        super.connectedCallback();
        document.addEventListener('pointerdown', this.#onPointer);
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        document.removeEventListener('pointerdown', this.#onPointer);
        this.isOpen = false;
    }

    readonly #onPointer = (event: Event): void => {
        if (!event.composedPath().includes(this)) this.isOpen = false;
    };

    #onBlur(event: FocusEvent): void {
        if (event.relatedTarget && event.relatedTarget !== this) this.isOpen = false;
    }

    #onKey(event: KeyboardEvent): void {
        if (event.key !== 'Escape' || !this.isOpen) return;
        event.stopPropagation();
        this.isOpen = false;
        this.button.focus();
    }

    #signOut(): void {
        this.isOpen = false;
        this.dispatchEvent(new CustomEvent('parley-sign-out', { bubbles: true, composed: true }));
    }

    get #name(): string {
        return knownName(this.account, this.nameOf);
    }

    #menu() {
        const { yourAddress, signOut } = this.strings;
        return html`<div class="menu" id="menu">
            <div class="own">
                ${avatar(this.account, 40)}
                <div>
                    <small dir="auto">${this.#name || yourAddress}</small>
                    <parley-address
                        .account=${this.account}
                        .strings=${this.strings}
                    ></parley-address>
                </div>
            </div>
            ${this.canSignOut
                ? html`<button class="entry" @click=${this.#signOut}>
                      ${icons.signOut}${signOut}
                  </button>`
                : nothing}
        </div>`;
    }

    override render() {
        return html`<span class="me" dir="auto">${this.#name || this.strings.yourself}</span
            ><button
                class="icon-button"
                aria-label=${this.strings.account}
                aria-expanded=${this.isOpen ? 'true' : 'false'}
                aria-controls=${this.isOpen ? 'menu' : nothing}
                @click=${() => (this.isOpen = !this.isOpen)}
            >
                ${avatar(this.account, 30)}</button
            >${this.isOpen ? this.#menu() : nothing}`;
    }
}
customElements.define('parley-account', ParleyAccount);
