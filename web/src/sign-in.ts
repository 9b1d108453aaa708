import { LitElement, css, html, nothing, svg, type PropertyValues, type TemplateResult } from 'lit';
import { property, state } from './decorators';
import { ParleyError, type Session } from 'parley-sdk';
import type { FoundWallet } from 'parley-sdk/wallets';
import { avatar } from './avatar';
import { icon, icons } from './icons';
import { signInEnglish } from './sign-in-strings';
import { english, say, type AllStrings } from './strings';
import { base } from './tokens';
import { whyOf } from './why';

/** How long wallets have to announce themselves before it is said that there is none. */
const LOOK_MS = 1500;

const walletIcon = icon(
    svg`<path d="M4 7.5A2.5 2.5 0 0 1 6.5 5H17v3M4 7.5A2.5 2.5 0 0 0 6.5 10H20v9H6.5A2.5 2.5 0 0 1 4 16.5zM16 14.5v.01"/>`,
);

/** Of an icon that was loaded: whether there is nothing to be seen in it. */
function isBlank(image: HTMLImageElement): boolean {
    const context = new OffscreenCanvas(8, 8).getContext('2d');
    context?.drawImage(image, 0, 0, 8, 8);
    return !context?.getImageData(0, 0, 8, 8).data.some(Boolean);
}

/** Its initial stays in the place of an icon that does not come. */
function showIcon({ target }: Event): void {
    const image = target as HTMLImageElement;
    image.classList.toggle('shown', !isBlank(image));
}

/** Signing in with a wallet. Fires `parley-signed-in` (detail: {session}), bubbling and composed. */
export class ParleySignIn extends LitElement {
    @property() server = '';
    /** With whom to chat then, where that is known. */
    @property({ attribute: false }) peer: string | undefined;
    /** Why one has to sign in again. */
    @property({ attribute: false }) note = '';
    @property({ attribute: false }) strings: Partial<AllStrings> = {};

    @state() private wallets: readonly FoundWallet[] = [];
    @state() private isLooking = true;
    @state() private signing: FoundWallet | undefined;
    @state() private error = '';
    #words: AllStrings = { ...english, ...signInEnglish };
    #end: () => void = () => {};
    #abort: AbortController | undefined;
    #timer: ReturnType<typeof setTimeout> | undefined;

    static override styles = [
        base,
        css`
            :host {
                display: grid;
                flex: 1;
                min-height: 0;
                overflow: auto;
                padding: 24px;
            }
            .card {
                display: grid;
                justify-items: center;
                width: min(360px, 100%);
                margin: auto;
                text-align: center;
            }
            .sign {
                display: grid;
                place-items: center;
                width: 64px;
                height: 64px;
                border-radius: 50%;
                background: var(--_surface);
                color: var(--_accent);
            }
            .sign svg:not(.avatar) {
                width: 30px;
                height: 30px;
            }
            h2 {
                margin: 16px 0 6px;
                font-size: 20px;
                letter-spacing: -0.01em;
            }
            p {
                margin: 0;
                color: var(--_muted);
                text-wrap: pretty;
            }
            ul {
                display: grid;
                gap: 8px;
                width: 100%;
                margin: 24px 0 0;
                padding: 0;
                list-style: none;
            }
            .wallet {
                display: flex;
                align-items: center;
                gap: 12px;
                width: 100%;
                min-height: 56px;
                padding: 8px 16px;
                border: 1px solid var(--_border);
                border-radius: 14px;
                font-weight: 600;
                text-align: start;
                transition: background 120ms;
            }
            .wallet:hover:not(:disabled) {
                background: var(--_surface);
            }
            .wallet:disabled {
                opacity: 0.45;
            }
            .wallet .icon {
                position: relative;
                display: grid;
                place-items: center;
                width: 32px;
                height: 32px;
                flex: none;
                border-radius: 8px;
                overflow: hidden;
                background: color-mix(in srgb, var(--_accent) 14%, var(--_bg));
                color: var(--_accent);
            }
            /* Painted, for it is not a part of what the button is called. */
            .wallet .icon::before {
                content: attr(data-initial) / '';
            }
            .wallet .icon:has(.shown) {
                background: none;
                color: transparent;
            }
            .wallet img {
                position: absolute;
                inset: 0;
                width: 100%;
                height: 100%;
                visibility: hidden;
            }
            .wallet .shown {
                visibility: visible;
            }
            .go {
                display: grid;
                color: var(--_muted);
            }
            .go svg {
                width: 18px;
                height: 18px;
            }
            .go:dir(ltr) svg {
                transform: scaleX(-1);
            }
            .wallet .name {
                flex: 1;
                min-width: 0;
                overflow-wrap: anywhere;
            }
            .spinner {
                width: 20px;
                height: 20px;
                border: 2px solid var(--_border);
                border-top-color: var(--_accent);
                border-radius: 50%;
                animation: turn 0.8s linear infinite;
            }
            @keyframes turn {
                to {
                    transform: rotate(1turn);
                }
            }
            .said {
                min-height: 22px;
                margin-top: 20px;
            }
            .said button {
                margin-top: 10px;
            }
            .error {
                width: 100%;
                margin-top: 20px;
                padding: 10px 14px;
                border-radius: 12px;
                background: var(--_danger-bg);
                color: var(--_danger);
                overflow-wrap: anywhere;
            }
        `,
    ];

    protected override willUpdate(changed: PropertyValues<this>): void {
        if (changed.has('strings')) this.#words = { ...english, ...signInEnglish, ...this.strings };
    }

    override connectedCallback(): void {
        super.connectedCallback();
        void this.#look();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        clearTimeout(this.#timer);
        this.#end();
        this.#abort?.abort();
    }

    async #look(): Promise<void> {
        this.error = '';
        this.isLooking = true;
        try {
            const { watchWallets } = await import('parley-sdk/wallets');
            if (!this.isConnected) return;
            this.#end();
            this.#end = watchWallets((wallets) => (this.wallets = wallets));
            this.#timer = setTimeout(() => (this.isLooking = false), LOOK_MS);
        } catch (error) {
            this.isLooking = false;
            this.error = whyOf(error, this.#words);
        }
    }

    async #signIn(wallet: FoundWallet): Promise<void> {
        if (this.signing) return;
        const abort = new AbortController();
        this.#abort = abort;
        this.signing = wallet;
        this.error = '';
        try {
            const { signInStatement: statement } = this.#words;
            const session = await wallet.signIn(this.server, { statement, signal: abort.signal });
            if (!abort.signal.aborted) this.#done(session);
        } catch (error) {
            if (!abort.signal.aborted) this.#fail(error);
        } finally {
            if (this.#abort === abort) this.signing = undefined;
        }
    }

    #cancel(): void {
        this.#abort?.abort();
        this.renderRoot.querySelector<HTMLElement>('[aria-busy=true]')?.focus();
        this.signing = undefined;
    }

    #done(session: Session): void {
        const detail = { session };
        this.dispatchEvent(
            new CustomEvent('parley-signed-in', { bubbles: true, composed: true, detail }),
        );
    }

    #fail(error: unknown): void {
        this.error = whyOf(error, this.#words);
        if (!(error instanceof ParleyError)) reportError(error);
    }

    #wallet(wallet: FoundWallet): TemplateResult {
        const isSigning = wallet === this.signing;
        return html`<li>
            <button
                class="wallet"
                ?disabled=${this.signing !== undefined && !isSigning}
                aria-busy=${isSigning ? 'true' : 'false'}
                aria-label=${say(this.#words.signInWith, { name: wallet.name })}
                @click=${() => this.#signIn(wallet)}
            >
                <span class="icon" data-initial=${[...wallet.name][0]?.toUpperCase() ?? ''}
                    >${wallet.icon
                        ? html`<img src=${wallet.icon} alt="" @load=${showIcon} />`
                        : nothing}</span
                >
                <span class="name" dir="auto">${wallet.name}</span>
                ${isSigning
                    ? html`<span class="spinner"></span>`
                    : html`<span class="go">${icons.back}</span>`}
            </button>
        </li>`;
    }

    /** What goes on, below the wallets. */
    #said(): string {
        if (this.signing) return this.#words.signing;
        if (this.wallets.length || this.error) return '';
        return this.isLooking ? this.#words.lookingForWallets : this.#words.noWallet;
    }

    #action(): TemplateResult | typeof nothing {
        const { cancel, tryAgain } = this.#words;
        if (this.signing)
            return html`<button class="secondary" @click=${this.#cancel}>${cancel}</button>`;
        const isStuck = !this.wallets.length && !this.isLooking;
        return isStuck
            ? html`<button class="secondary" @click=${this.#look}>${tryAgain}</button>`
            : nothing;
    }

    override render() {
        const { signInTitle, signInText } = this.#words;
        const said = this.#said();
        const why = this.error || this.note;
        return html`<div class="card">
            <div class="sign">${this.peer ? avatar(this.peer, 64) : walletIcon}</div>
            <h2>${signInTitle}</h2>
            <p>${signInText}</p>
            ${why ? html`<p class="error" role="alert">${why}</p>` : nothing}
            ${this.wallets.length
                ? html`<ul role="list">
                      ${this.wallets.map((one) => this.#wallet(one))}
                  </ul>`
                : nothing}
            <div class="said">
                <p role="status">${said}</p>
                ${this.#action()}
            </div>
        </div>`;
    }
}
customElements.define('parley-sign-in', ParleySignIn);
