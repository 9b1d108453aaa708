import { LitElement, css, html, nothing } from 'lit';
import { property, query, state } from './decorators';
import { ParleyError, sameAccount, type Chat } from 'parley-sdk';
import { parseAccount } from './parse-account';
import { english, type Strings } from './strings';
import { base } from './tokens';
import { whyOf } from './why';

/** Where the address of a wallet is typed. Fires `parley-open` (detail: {peer}), as the list does. */
export class ParleyNewChat extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @state() private error = '';
    @query('input') private readonly field!: HTMLInputElement;

    static override styles = [
        base,
        css`
            :host {
                display: block;
                flex: none;
            }
            @keyframes drop {
                from {
                    opacity: 0;
                    transform: translateY(-6px);
                }
            }
            form {
                flex: none;
                padding: 14px 16px 16px;
                border-bottom: 1px solid var(--_border);
                animation: drop 140ms ease-out;
            }
            label {
                display: block;
                margin-bottom: 6px;
                font-size: 13px;
                font-weight: 600;
            }
            .field {
                display: flex;
                gap: 8px;
            }
            input {
                flex: 1;
                min-width: 0;
                height: 40px;
                padding: 0 12px;
                border: 1px solid var(--_border);
                border-radius: 12px;
                background: var(--_surface);
                color: inherit;
                /* Smaller ones make a phone zoom in. */
                font: 16px/1.4 var(--_font);
                font-variant-ligatures: none; /* of Inter: see address.ts */
            }
            @media (pointer: fine) {
                input {
                    font-size: 14px;
                }
            }
            input:focus-visible {
                outline-offset: -1px;
            }
            input::placeholder {
                color: var(--_muted);
                opacity: 1;
            }
            input[aria-invalid='true'] {
                outline: 2px solid var(--_danger);
                outline-offset: -1px;
            }
            form .primary {
                padding: 0 14px;
                border-radius: 12px;
                white-space: nowrap;
            }
            .error {
                margin: 8px 0 0;
                font-size: 13px;
                color: var(--_danger);
            }
        `,
    ];

    override focus(options?: FocusOptions): void {
        this.field.focus(options);
    }

    /** @return why one can't write there; empty: one can */
    #whyNot(peer: string | undefined): string {
        if (!peer) return this.strings.newChatWrong;
        const own = this.chat?.account;
        if (own !== undefined && sameAccount(own, peer)) return this.strings.newChatOwn;
        try {
            this.chat?.thread(peer);
            return '';
        } catch (error) {
            if (error instanceof ParleyError) return whyOf(error, this.strings);
            throw error;
        }
    }

    #onSubmit(event: SubmitEvent): void {
        event.preventDefault();
        const peer = parseAccount(this.field.value);
        this.error = this.#whyNot(peer);
        if (this.error) {
            this.field.focus();
            return;
        }
        this.field.value = '';
        const detail = { peer };
        this.dispatchEvent(
            new CustomEvent('parley-open', { bubbles: true, composed: true, detail }),
        );
    }

    override render() {
        const { newChatLabel, newChatHint, newChatOpen } = this.strings;
        return html`<form novalidate @submit=${this.#onSubmit}>
            <label for="peer">${newChatLabel}</label>
            <div class="field">
                <input
                    id="peer"
                    dir="ltr"
                    autocomplete="off"
                    autocapitalize="off"
                    spellcheck="false"
                    placeholder=${newChatHint}
                    aria-invalid=${this.error ? 'true' : 'false'}
                    aria-describedby=${this.error ? 'why' : nothing}
                    @input=${() => (this.error = '')}
                />
                <button class="primary">${newChatOpen}</button>
            </div>
            ${this.error ? html`<p class="error" id="why" role="alert">${this.error}</p>` : nothing}
        </form>`;
    }
}
customElements.define('parley-new-chat', ParleyNewChat);
