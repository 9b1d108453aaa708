import { LitElement, css, html } from 'lit';
import { property, query } from './decorators';
import type { Question } from './dialog';
import { base } from './tokens';

/** The element of confirmDialog(). It goes when it is answered. */
export class ParleyConfirm extends LitElement {
    @property({ attribute: false }) question: Question | undefined;
    @property({ attribute: false }) onAnswer: (isYes: boolean) => void = () => {};
    @query('dialog') private readonly dialog!: HTMLDialogElement;
    #isYes = false;

    static override styles = [
        base,
        css`
            dialog {
                width: min(360px, calc(100% - 32px));
                padding: 24px;
                border: 0;
                border-radius: 18px;
                background: var(--_bg);
                color: var(--_text);
                box-shadow: var(--_shadow);
            }
            dialog::backdrop {
                background: rgb(10 12 20 / 45%);
            }
            dialog[open] {
                animation: rise 150ms ease-out;
            }
            @keyframes rise {
                from {
                    opacity: 0;
                    transform: translateY(8px);
                }
            }
            h2 {
                margin: 0 0 6px;
                font-size: 17px;
                font-variant-ligatures: none; /* of Inter: see address.ts */
                overflow-wrap: anywhere;
            }
            p {
                margin: 0 0 20px;
                color: var(--_muted);
            }
            .actions {
                display: flex;
                flex-wrap: wrap;
                justify-content: flex-end;
                gap: 8px;
            }
        `,
    ];

    override firstUpdated(): void {
        this.dialog.showModal();
    }

    /** Also where the host goes from the page in the middle of it. */
    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.onAnswer(this.#isYes);
    }

    /** The dialog gives the focus back by itself, before it says `close`. */
    #answer(isYes: boolean): void {
        this.#isYes = isYes;
        this.dialog.close();
    }

    #onBackdrop(event: MouseEvent): void {
        const box = this.dialog.getBoundingClientRect();
        const isInside =
            event.clientX >= box.left &&
            event.clientX <= box.right &&
            event.clientY >= box.top &&
            event.clientY <= box.bottom;
        if (event.target === this.dialog && !isInside) this.#answer(false);
    }

    override render() {
        const { title, text, action, cancel, isDangerous } = this.question!;
        return html`<dialog
            aria-labelledby="title"
            aria-describedby="text"
            @close=${() => this.remove()}
            @click=${this.#onBackdrop}
        >
            <h2 id="title">${title}</h2>
            <p id="text">${text}</p>
            <div class="actions">
                <button class="secondary" autofocus @click=${() => this.#answer(false)}>
                    ${cancel}
                </button>
                <button
                    class=${isDangerous ? 'danger' : 'primary'}
                    @click=${() => this.#answer(true)}
                >
                    ${action}
                </button>
            </div>
        </dialog>`;
    }
}
customElements.define('parley-confirm', ParleyConfirm);
