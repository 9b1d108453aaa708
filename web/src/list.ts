import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from './decorators';
import { repeat } from 'lit/directives/repeat.js';
import { accountKey, type Chat, type Summary } from 'parley-sdk';
import './account';
import { avatar } from './avatar';
import { daily } from './daily';
import { bubbles } from './drawing';
import { icons } from './icons';
import { listStyles } from './list-styles';
import { noNames, shownName, type NameOf } from './names';
import type { ParleyNewChat } from './new-chat';
import { badgeOf, rowText, sectionsOf, type RowText, type Sections } from './rows';
import { say, english, type Strings } from './strings';
import { base } from './tokens';
import { watch } from './watch';
import { pageLocale } from './when';
import { whyOf } from './why';

const FACE_PX = 44;
/** So many more each time that the end comes into sight: strangers may be thousands. */
const ROWS = 100;
const BONES = [0, 1, 2, 3, 4, 5];

const bone = html`<div class="row">
    <div class="bone face"></div>
    <div class="words">
        <div class="bone"></div>
        <div class="bone"></div>
    </div>
</div>`;

const skeleton = html`<div class="skeleton" aria-hidden="true">${BONES.map(() => bone)}</div>`;

/** For who does not see the rest; apart from what is beside it. */
const hidden = (text: string) => (text ? html` <span class="sr-only">${text}</span> ` : nothing);

const badge = (text: string) =>
    text ? html`<span class="badge" aria-hidden="true">${text}</span>` : nothing;

/** The conversations. Fires `parley-open` (detail: {peer}), bubbling and composed. */
export class ParleyList extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) nameOf: NameOf = noNames;
    /** Nothing is beside it that would say how to begin. */
    @property({ attribute: false }) isAlone = false;
    /** The account whose thread is open. */
    @property({ attribute: false }) selected: string | undefined;
    /** Then the account's menu has it, and fires `parley-sign-out`. */
    @property({ attribute: false }) canSignOut = false;

    @state() private isInRequests = false;
    @state() private isNewOpen = false;
    @state() private loadError = '';
    /** What shows the form could not be loaded. */
    @state() private isFormMissing = false;
    /** Of the row that Tab comes to; the arrow keys lead to the others. */
    @state() private current = '';
    /** Rows, at most. */
    @state() private most = ROWS;

    @query('.scroll') private readonly scroller!: HTMLElement;
    @query('parley-new-chat') private readonly newChat!: ParleyNewChat | null;
    #isLoading = false;
    /** What had the focus before this update. */
    #focused: Element | null | undefined;
    /** Rows that are not shown. */
    #nLeft = 0;
    #atEnd: IntersectionObserver | undefined;

    static override styles = [base, listStyles];

    constructor() {
        super();
        watch(this, () => this.chat);
        daily(this);
    }

    /** To the row of this peer, or to where a new chat begins. */
    focusRow(peer: string): void {
        const row = this.#rows().find((one) => one.dataset['peer'] === accountKey(peer));
        (row ?? this.renderRoot.querySelector<HTMLElement>('.new-chat'))?.focus();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.#atEnd?.disconnect();
        this.#atEnd = undefined;
    }

    protected override willUpdate(changed: PropertyValues<this>): void {
        this.#focused = this.shadowRoot?.activeElement;
        if (changed.has('chat')) {
            this.isInRequests = this.isNewOpen = false;
            this.loadError = '';
        }
    }

    /** A row that is moved, and a button that goes, lose the focus. */
    protected override update(changed: PropertyValues<this>): void {
        const active = this.shadowRoot?.activeElement;
        const had = active?.matches('.scroll *') && active;
        super.update(changed);
        if (!had || this.shadowRoot?.activeElement) return;
        (had.isConnected ? (had as HTMLElement) : this.#rows()[0])?.focus();
    }

    protected override updated(): void {
        this.#keepFocus();
        this.#watchEnd();
        if (this.newChat && !customElements.get('parley-new-chat')) void this.#loadForm();
    }

    #open(peer: string): void {
        const detail = { peer };
        this.dispatchEvent(
            new CustomEvent('parley-open', { bubbles: true, composed: true, detail }),
        );
    }

    // More of the list, as its end comes into sight.

    #watchEnd(): void {
        this.#atEnd ??= new IntersectionObserver(
            (entries) => {
                if (entries.some((one) => one.isIntersecting) && !this.loadError)
                    void this.#loadMore();
            },
            { root: this.scroller, rootMargin: '400px' },
        );
        // Watched anew, it is told again of an end that was in sight before, and still is.
        this.#atEnd.disconnect();
        const end = this.renderRoot.querySelector('.scroll .end');
        if (end) this.#atEnd.observe(end);
    }

    async #loadMore(): Promise<void> {
        if (this.#nLeft > 0) {
            this.most += ROWS;
            return;
        }
        if (this.#isLoading || this.chat?.status !== 'online') return;
        this.#isLoading = true;
        this.loadError = '';
        try {
            await this.chat.loadMore();
        } catch (error) {
            this.loadError = whyOf(error, this.strings);
        } finally {
            this.#isLoading = false;
            this.requestUpdate();
        }
    }

    // The keyboard.

    #rows(): HTMLElement[] {
        return [...this.renderRoot.querySelectorAll<HTMLElement>('ul .row')];
    }

    #onKey(event: KeyboardEvent): void {
        const rows = this.#rows();
        const at = rows.indexOf(event.target as HTMLElement);
        const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1 }[event.key];
        const row = to === undefined || at < 0 ? undefined : rows[to];
        if (!row) return;
        event.preventDefault();
        row.focus();
    }

    #onRowFocus(event: FocusEvent): void {
        this.current = (event.target as HTMLElement).dataset['peer'] ?? this.current;
    }

    #tabKey(keys: readonly string[]): string | undefined {
        const selected = this.selected === undefined ? '' : accountKey(this.selected);
        return [this.current, selected].find((key) => keys.includes(key)) ?? keys[0];
    }

    /** A row that is moved up has lost it. */
    #keepFocus(): void {
        const { activeElement } = this.shadowRoot!;
        if (!activeElement && this.#focused instanceof HTMLElement) this.#focused.focus();
        this.#focused = undefined;
    }

    async #setNew(isOpen: boolean): Promise<void> {
        this.isNewOpen = isOpen;
        if (!isOpen) return;
        await this.#loadForm();
        await this.updateComplete;
        await this.newChat?.updateComplete;
        this.newChat?.focus();
    }

    async #loadForm(): Promise<void> {
        this.isFormMissing = false;
        try {
            await import('./new-chat');
        } catch {
            this.isFormMissing = true; // said in its place, with a button to try again
        }
    }

    #onNewKey(event: KeyboardEvent): void {
        if (event.key !== 'Escape' || !this.isNewOpen) return;
        event.stopPropagation();
        this.isNewOpen = false;
        this.renderRoot.querySelector<HTMLElement>('.new-chat')?.focus();
    }

    // The rows.

    #mark({ mark, isRead, state }: RowText): TemplateResult {
        return html`<span class="mark ${mark} ${isRead ? 'read' : ''}">${icons[mark!]}</span
            >${hidden(state)}`;
    }

    #row(one: Summary, tabKey: string | undefined): TemplateResult {
        const text = rowText(one, this.strings, Date.now(), pageLocale());
        const key = accountKey(one.peer);
        const isSelected = this.selected !== undefined && accountKey(this.selected) === key;
        const look = `${one.unread ? 'new' : ''} ${one.isTyping && !one.blocked ? 'typing' : ''}`;
        return html`<li>
            <button
                class="row ${look}"
                data-peer=${key}
                tabindex=${key === tabKey ? 0 : -1}
                aria-current=${isSelected ? 'true' : nothing}
                @click=${() => this.#open(one.peer)}
            >
                <span class="face"
                    >${avatar(one.peer, FACE_PX)}${text.presence
                        ? html`<span class="dot"></span>`
                        : nothing}</span
                >
                <span class="words">
                    <span class="line">
                        <span class="who" dir="auto">${shownName(one.peer, this.nameOf)}</span>
                        ${hidden(text.presence)}
                        <span class="when" dir="auto">${text.when}</span>
                    </span>
                    <span class="line">
                        ${text.mark ? this.#mark(text) : nothing}
                        <span class="preview" dir="auto">${text.preview}</span>
                        ${badge(text.badge)} ${hidden(text.unread)}
                    </span>
                </span>
            </button>
        </li>`;
    }

    #requestsRow(requests: readonly Summary[], tabKey: string | undefined): TemplateResult {
        const { requests: title, requestsCount } = this.strings;
        const count = say(requestsCount, { n: requests.length });
        const unread = badgeOf(requests.filter((one) => one.unread > 0).length);
        return html`<li>
            <button
                class="row ${unread ? 'new' : ''}"
                data-peer="requests"
                tabindex=${tabKey === 'requests' ? 0 : -1}
                @click=${() => this.#showRequests(true)}
            >
                <span class="pair">${requests.slice(0, 2).map((one) => avatar(one.peer, 30))}</span>
                <span class="words">
                    <span class="line"><span class="who">${title}</span></span>
                    <span class="line">
                        <span class="preview">${count}</span>
                        ${badge(unread)}
                        ${hidden(unread && say(this.strings.unread, { n: unread }))}
                    </span>
                </span>
            </button>
        </li>`;
    }

    async #showRequests(isShown: boolean): Promise<void> {
        this.isInRequests = isShown;
        this.most = ROWS;
        await this.updateComplete;
        const next = isShown ? '.head .icon-button' : '[data-peer=requests]';
        (this.renderRoot.querySelector<HTMLElement>(next) ?? this.#rows()[0])?.focus();
    }

    #end(): TemplateResult | typeof nothing {
        if (!this.#nLeft && !this.chat?.hasMore && !this.loadError) return nothing;
        const { tryAgain, olderConversations } = this.strings;
        return html`<div class="end">
            ${this.loadError ? html`<p class="error" role="alert">${this.loadError}</p>` : nothing}
            <button class="secondary" @click=${this.#loadMore}>
                ${this.loadError ? tryAgain : olderConversations}
            </button>
        </div>`;
    }

    #rowsOf({ chats, requests }: Sections): TemplateResult {
        const all = this.isInRequests ? requests : chats;
        const shown = all.slice(0, this.most);
        this.#nLeft = all.length - shown.length;
        const hasRequests = !this.isInRequests && requests.length > 0;
        const keys = shown.map((one) => accountKey(one.peer));
        const tabKey = this.#tabKey(hasRequests ? ['requests', ...keys] : keys);
        const name = this.isInRequests ? this.strings.requests : this.strings.conversations;
        return html`<ul
                role="list"
                aria-label=${name}
                @keydown=${this.#onKey}
                @focusin=${this.#onRowFocus}
            >
                ${hasRequests ? this.#requestsRow(requests, tabKey) : nothing}${repeat(
                    shown,
                    (one) => accountKey(one.peer),
                    (one) => this.#row(one, tabKey),
                )}
            </ul>
            ${this.#end()}`;
    }

    #empty(): TemplateResult {
        const { noConversations, noConversationsText, noRequests } = this.strings;
        const isWhole = this.isAlone && !this.isInRequests;
        return html`<div class="empty">
            ${isWhole ? bubbles : nothing}
            <strong>${this.isInRequests ? noRequests : noConversations}</strong>
            ${isWhole ? html`<span>${noConversationsText}</span>` : nothing}
        </div>`;
    }

    #head(): TemplateResult {
        const { requests, conversations, newChat, back } = this.strings;
        if (this.isInRequests)
            return html`<div class="head under">
                <button
                    class="icon-button flip"
                    aria-label=${back}
                    @click=${() => this.#showRequests(false)}
                >
                    ${icons.back}
                </button>
                <h2>${requests}</h2>
            </div>`;
        return html`<div class="head">
            <h2>${conversations}</h2>
            <button
                class="icon-button new-chat"
                aria-label=${newChat}
                aria-expanded=${this.isNewOpen ? 'true' : 'false'}
                @click=${() => this.#setNew(!this.isNewOpen)}
                @keydown=${this.#onNewKey}
            >
                ${icons.edit}
            </button>
            ${this.chat?.account
                ? html`<parley-account
                      .account=${this.chat.account}
                      .nameOf=${this.nameOf}
                      .strings=${this.strings}
                      .canSignOut=${this.canSignOut}
                  ></parley-account>`
                : nothing}
        </div>`;
    }

    #body(isEmpty: boolean, sections: Sections): TemplateResult {
        if (!this.chat?.isListed && isEmpty) return skeleton;
        return isEmpty && !this.chat?.hasMore ? this.#empty() : this.#rowsOf(sections);
    }

    #form(): TemplateResult {
        const { loadPartFailed, tryAgain } = this.strings;
        if (this.isFormMissing)
            return html`<div class="end">
                <p class="error" role="alert">${loadPartFailed}</p>
                <button class="secondary" @click=${this.#loadForm}>${tryAgain}</button>
            </div>`;
        return html`<parley-new-chat
            .chat=${this.chat}
            .strings=${this.strings}
            @keydown=${this.#onNewKey}
            @parley-open=${() => (this.isNewOpen = false)}
        ></parley-new-chat>`;
    }

    override render() {
        const sections = sectionsOf(this.chat?.summaries ?? []);
        const isEmpty = this.isInRequests
            ? !sections.requests.length
            : !sections.chats.length && !sections.requests.length;
        const isNew = !this.isInRequests && (this.isNewOpen || (isEmpty && this.chat?.isListed));
        return html`${this.#head()}${isNew ? this.#form() : nothing}
            <div class="scroll" aria-busy=${this.chat?.isListed ? 'false' : 'true'}>
                ${this.#body(isEmpty, sections)}
            </div>`;
    }
}
customElements.define('parley-list', ParleyList);
