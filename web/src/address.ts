import { LitElement, css, html, nothing } from 'lit';
import { property, state } from './decorators';
import { shortAccount } from 'parley-sdk';
import { icons } from './icons';
import { copyText } from './parse-account';
import { english, type Strings } from './strings';
import { base } from './tokens';

const SAID_MS = 2000;

/** Where a page may not use the clipboard, as in most frames, a selection can still be copied. */
function copySelected(text: string): boolean {
    const field = document.createElement('textarea');
    field.value = text;
    field.readOnly = true;
    field.style.position = 'fixed';
    field.style.opacity = '0';
    document.body.append(field);
    field.select();
    const isCopied = document.execCommand('copy');
    field.remove();
    return isCopied;
}

export async function copy(text: string): Promise<boolean> {
    try {
        await navigator.clipboard.writeText(text);
        return true;
    } catch {
        return copySelected(text);
    }
}

/** A wallet's address, short; its button copies the whole of it. */
export class ParleyAddress extends LitElement {
    @property() account = '';
    @property({ attribute: false }) strings: Strings = english;
    @state() private said = '';
    #timer: ReturnType<typeof setTimeout> | undefined;

    static override styles = [
        base,
        css`
            :host {
                display: inline-flex;
                align-items: center;
                min-width: 0;
                position: relative;
                font-weight: 600;
            }
            .text {
                font-variant-ligatures: none; /* of Inter: it writes 0x9 as a multiplication */
                white-space: nowrap;
                overflow: hidden;
                text-overflow: ellipsis;
            }
            .icon-button {
                position: relative;
                width: 28px;
                height: 28px;
                margin-inline-start: 2px;
            }
            /* The target is 40 px, and the line does not grow for it. */
            .icon-button::before {
                content: '';
                position: absolute;
                inset: -7px;
            }
            .icon-button svg {
                width: 16px;
                height: 16px;
            }
            .done {
                color: var(--_online);
            }
            .said {
                position: absolute;
                z-index: 2;
                inset-inline-end: 0;
                top: calc(100% + 4px);
                padding: 4px 10px;
                border-radius: 8px;
                background: var(--_text);
                color: var(--_bg);
                font-size: 12px;
                white-space: nowrap;
                pointer-events: none;
            }
        `,
    ];

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        clearTimeout(this.#timer);
        this.said = '';
    }

    async #copy(): Promise<void> {
        const { copied, copyFailed } = this.strings;
        const isCopied = await copy(copyText(this.account));
        // Focus went to what was selected, where that was the way.
        if (!this.shadowRoot?.activeElement) this.renderRoot.querySelector('button')?.focus();
        this.said = isCopied ? copied : copyFailed;
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => (this.said = ''), SAID_MS);
    }

    override render() {
        const isDone = this.said === this.strings.copied;
        return html`<span class="text" dir="ltr" title=${this.account}
                >${shortAccount(this.account)}</span
            ><button
                class="icon-button ${isDone ? 'done' : ''}"
                type="button"
                aria-label=${this.strings.copyAddress}
                @click=${this.#copy}
            >
                ${isDone ? icons.check : icons.copy}</button
            ><span aria-live="polite"
                >${this.said ? html`<span class="said">${this.said}</span>` : nothing}</span
            >`;
    }
}
customElements.define('parley-address', ParleyAddress);
