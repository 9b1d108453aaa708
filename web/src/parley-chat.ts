import { LitElement, html, nothing, type PropertyValues, type TemplateResult } from 'lit';
import { property, query, state } from './decorators';
import {
    createChat,
    isAccount,
    ParleyError,
    sameAccount,
    Session,
    tokenAuth,
    type Auth,
    type Chat,
    type Thread,
} from 'parley-sdk';
import { drafts } from './drafts';
import { bubbles } from './drawing';
import type { ParleyList } from './list';
import { noNames, shownName, type NameOf } from './names';
import { chatStyles } from './parley-chat-styles';
import { statusBar, statusStyles } from './status';
import { english, type AllStrings, type Strings } from './strings';
import './thread';
import type { ParleyThread } from './thread';
import { fetchToken } from './token-url';
import { base, darkTokens, tokens } from './tokens';
import { watch } from './watch';
import { reasonOf, whyOf } from './why';

/** Below this there is room for one pane: the list, or a thread. */
const WIDE_PX = 640;

/** What only some pages need: it is loaded where it is shown. */
const PARTS = {
    list: () => import('./list'),
    signIn: () => import('./sign-in'),
};
type Part = keyof typeof PARTS;

/** Who signs in to one of them has signed in to all of the page that are of the same server. */
const inPage = new Set<ParleyChat>();

const ownServer = (): string => new URL(import.meta.url).origin;

/**
 * The widget: see docs/embedding.md. Fires `parley-unread` (detail: {count}) as that changes, and
 * `parley-error` (detail: {error}) where it can't go on by itself, or does not know how long.
 */
export class ParleyChat extends LitElement {
    /** Where the server is. Default: where this file came from. */
    @property() server = '';
    /** With whom: then there is no list. */
    @property() to = '';
    @property({ reflect: true }) theme: 'auto' | 'light' | 'dark' = 'auto';
    /** Asked by POST, with the page's cookies, for {token}: sign-in by one's own backend. */
    @property({ attribute: 'token-url' }) tokenUrl = '';
    /** Of Socket.IO at the server, where that has another (--path). */
    @property() path = '';
    /** Instead of token-url: who signs in, by the page's own code. */
    @property({ attribute: false }) auth: Auth | undefined;
    /** Instead of all of these: a Chat that the page has made, and connects. */
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) strings: Partial<AllStrings> = english;
    /** What the page calls an account. Set anew, where it has come to know others. */
    @property({ attribute: false }) nameOf: NameOf = noNames;

    @state() private selected: string | undefined;
    @state() private isNarrow = false;
    /** Why there is no token at the moment. */
    @state() private trouble = '';
    /** Why one has to sign in again. */
    @state() private note = '';
    @query('parley-list') private readonly list!: ParleyList | null;
    @query('.app') private readonly app!: HTMLElement;
    @query('.pane') private readonly pane!: HTMLElement | null;

    readonly #parts = new Map<Part, 'loading' | 'here' | 'failed'>();
    #words: Strings = english;
    /** The page's, or our own. */
    #active: Chat | undefined;
    #isOurs = false;
    /** Ours, of a wallet that has signed in here: it can sign out here as well. */
    #isSession = false;
    #unread = 0;
    #told: ParleyError | undefined;
    readonly #size = new ResizeObserver(() => this.#measure());

    static override styles = [tokens, darkTokens, base, statusStyles, chatStyles];

    constructor() {
        super();
        watch(
            this,
            () => this.#active,
            () => this.#onChange(),
        );
    }

    /** With `to` its unread messages, else conversations with unread ones. */
    get unread(): number {
        return this.#unread;
    }

    override connectedCallback(): void {
        super.connectedCallback();
        inPage.add(this);
        window.addEventListener('storage', this.#findSession);
        this.#size.observe(this);
        this.#measure();
        if (this.#isOurs) this.#active?.connect();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        inPage.delete(this);
        window.removeEventListener('storage', this.#findSession);
        this.#size.disconnect();
        // One that is only moved is back by then.
        queueMicrotask(() => {
            if (!this.isConnected && this.#isOurs) this.#active?.disconnect();
        });
    }

    protected override willUpdate(changed: PropertyValues<this>): void {
        if (changed.has('strings')) this.#words = { ...english, ...this.strings };
        const isOther = (['server', 'path', 'tokenUrl', 'auth', 'chat'] as const).some((one) =>
            changed.has(one),
        );
        if (isOther) this.#start();
        const part = !this.#active ? 'signIn' : this.to ? undefined : 'list';
        if (part && !this.#parts.has(part)) void this.#load(part);
    }

    protected override updated(): void {
        this.#announce();
    }

    #measure(): void {
        this.isNarrow = this.clientWidth < WIDE_PX;
    }

    #emit(name: string, detail: object): void {
        this.dispatchEvent(new CustomEvent(name, { detail }));
    }

    // The chat, and who signs in to it.

    get #server(): string {
        return (this.server || ownServer()).replace(/\/+$/, '');
    }

    #start(): void {
        this.note = this.trouble = '';
        const session =
            this.chat || this.auth || this.tokenUrl ? undefined : Session.open(this.#server);
        const auth = this.auth ?? (this.tokenUrl ? this.#tokenAuth(this.tokenUrl) : session);
        this.#isSession = session !== undefined;
        this.#adopt(this.chat ?? (auth && this.#create(auth)), !this.chat);
    }

    #create(auth: Auth): Chat {
        return createChat({ server: this.#server, auth, ...(this.path && { path: this.path }) });
    }

    #tokenAuth(url: string): Auth {
        return tokenAuth(async () => {
            try {
                const token = await fetchToken(url, this.#words);
                this.trouble = '';
                return token;
            } catch (error) {
                this.trouble = (error as ParleyError).message;
                this.#emit('parley-error', { error });
                throw error;
            }
        });
    }

    #adopt(chat: Chat | undefined, isOurs: boolean): void {
        const old = this.#isOurs ? this.#active : undefined;
        this.#active = chat;
        this.#isOurs = isOurs && chat !== undefined;
        this.selected = undefined;
        if (old !== chat) old?.disconnect();
        if (this.#isOurs && this.isConnected) chat?.connect();
        this.requestUpdate();
        void this.#keepFocus();
    }

    #onSignedIn(session: Session): void {
        this.note = '';
        this.#isSession = true;
        this.#adopt(this.#create(session), true);
        for (const other of inPage) other.#findSession();
    }

    /** Somebody may have signed in beside this one, or in another tab. */
    readonly #findSession = (): void => {
        if (!this.#active && Session.open(this.#server)) this.#start();
    };

    /** Back to where one signs in. */
    #leave(note: string): void {
        this.note = note;
        this.#isSession = false;
        this.#adopt(undefined, false);
    }

    async #signOut(): Promise<void> {
        const chat = this.#active;
        if (chat?.account !== undefined) drafts.forget(chat.server, chat.account);
        this.app.focus(); // its menu goes at once, with the account
        try {
            await chat?.signOut();
        } catch (error) {
            this.#emit('parley-error', { error });
        }
        if (chat === this.#active) this.#leave('');
    }

    #onChange(): void {
        const { status, error } = this.#active ?? {};
        const isStopped = status === 'stopped' && error !== undefined;
        if (isStopped && error !== this.#told) this.#emit('parley-error', { error });
        this.#told = isStopped ? error : undefined;
        if (isStopped && this.#isSession && reasonOf(error.code) === 'signed_out')
            this.#leave(whyOf(error, this.#words));
    }

    #announce(): void {
        const count = (this.to ? this.#threadOf(this.to)?.unread : this.#active?.unread) ?? 0;
        if (count === this.#unread) return;
        this.#unread = count;
        this.#emit('parley-unread', { count });
    }

    /** What has it may go with the update that is due. */
    async #keepFocus(): Promise<void> {
        if (!this.shadowRoot?.activeElement) return;
        await this.updateComplete;
        if (!this.shadowRoot.activeElement) this.app.focus();
    }

    #reconnect(): void {
        this.#active?.connect();
        void this.#keepFocus();
    }

    // What is open.

    /** @return undefined where nobody can be written to at this address */
    #threadOf(peer: string): Thread | undefined {
        if (!this.#active || this.#whyNot(peer)) return undefined;
        try {
            return this.#active.thread(peer);
        } catch (error) {
            if (error instanceof ParleyError) return undefined;
            throw error;
        }
    }

    #whyNot(peer: string): string {
        const account = this.#active?.account;
        if (!isAccount(peer)) return this.#words.toWrong;
        return account !== undefined && sameAccount(account, peer) ? this.#words.toOwn : '';
    }

    async #open(peer: string): Promise<void> {
        this.selected = peer;
        await this.updateComplete;
        // Where there is a keyboard on the screen, it would cover what one came to read.
        if (matchMedia('(pointer: coarse)').matches) this.pane?.focus();
        else await this.#focusComposer();
    }

    async #focusComposer(): Promise<void> {
        const thread = this.renderRoot.querySelector<ParleyThread>('parley-thread');
        await thread?.updateComplete;
        thread?.focus();
    }

    async #back(): Promise<void> {
        const peer = this.selected;
        this.selected = undefined;
        await this.updateComplete;
        if (peer !== undefined) this.list?.focusRow(peer);
    }

    // What is shown.

    #notice(text: string): TemplateResult {
        return html`<div class="notice">${bubbles}<span>${text}</span></div>`;
    }

    #pane(peer: string, hasBack: boolean): TemplateResult {
        const thread = this.#threadOf(peer);
        if (!thread) return this.#notice(this.#whyNot(peer) || this.#words.toWrong);
        return html`<div
            class="pane"
            role="group"
            tabindex="-1"
            aria-label=${shownName(peer, this.nameOf)}
        >
            <parley-thread
                .chat=${this.#active}
                .thread=${thread}
                .strings=${this.#words}
                .nameOf=${this.nameOf}
                .hasBack=${hasBack}
                @parley-back=${this.#back}
            ></parley-thread>
        </div>`;
    }

    #panes(): TemplateResult {
        const isBehind = this.isNarrow && this.selected !== undefined;
        return html`<parley-list
                class=${isBehind ? 'behind' : ''}
                .chat=${this.#active}
                .strings=${this.#words}
                .nameOf=${this.nameOf}
                .isAlone=${this.isNarrow}
                .selected=${this.selected}
                .canSignOut=${this.#isSession}
                @parley-open=${(event: CustomEvent<{ peer: string }>) =>
                    this.#open(event.detail.peer)}
                @parley-sign-out=${this.#signOut}
            ></parley-list>
            ${this.selected !== undefined
                ? this.#pane(this.selected, this.isNarrow)
                : this.isNarrow
                  ? nothing
                  : this.#beside()}`;
    }

    /** What stands beside the list while nothing is chosen of it. */
    #beside(): TemplateResult | typeof nothing {
        const { isListed, hasMore, summaries = [] } = this.#active ?? {};
        const { pickConversation, startConversation } = this.#words;
        if (hasMore || summaries.some((one) => one.last || one.blocked))
            return this.#notice(pickConversation);
        if (!isListed) return nothing;
        return this.#notice(startConversation);
    }

    async #load(part: Part): Promise<void> {
        this.#parts.set(part, 'loading');
        try {
            await PARTS[part]();
            this.#parts.set(part, 'here');
        } catch (error) {
            this.#parts.set(part, 'failed');
            this.#emit('parley-error', { error });
        }
        this.requestUpdate();
        void this.#keepFocus();
    }

    /** What stands in its place until it is here; undefined once it is. */
    #instead(part: Part): TemplateResult | typeof nothing | undefined {
        const state = this.#parts.get(part);
        if (state === 'here') return undefined;
        if (state !== 'failed') return nothing;
        return html`<div class="notice" role="alert">
            <span>${this.#words.loadPartFailed}</span>
            <button class="secondary" @click=${() => this.#load(part)}>
                ${this.#words.tryAgain}
            </button>
        </div>`;
    }

    #signIn(): TemplateResult {
        return html`<parley-sign-in
            .server=${this.#server}
            .peer=${isAccount(this.to) ? this.to : undefined}
            .note=${this.note}
            .strings=${this.#words}
            @parley-signed-in=${(event: CustomEvent<{ session: Session }>) =>
                this.#onSignedIn(event.detail.session)}
        ></parley-sign-in>`;
    }

    #content(): TemplateResult | typeof nothing {
        if (this.to && !isAccount(this.to)) return this.#notice(this.#words.toWrong);
        if (!this.#active) return this.#instead('signIn') ?? this.#signIn();
        return this.to ? this.#pane(this.to, false) : (this.#instead('list') ?? this.#panes());
    }

    override render() {
        const chat = this.#active;
        return html`<div class="app" role="region" tabindex="-1" aria-label=${this.#words.chat}>
            ${chat ? statusBar(chat, this.trouble, this.#words, () => this.#reconnect()) : nothing}
            <div class="panes ${this.isNarrow ? 'narrow' : ''}">${this.#content()}</div>
        </div>`;
    }
}
customElements.define('parley-chat', ParleyChat);

declare global {
    interface HTMLElementTagNameMap {
        'parley-chat': ParleyChat;
    }
}
