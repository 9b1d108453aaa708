import { LitElement, html, nothing, type PropertyValues } from 'lit';
import { property, query, state } from './decorators';
import { guard } from 'lit/directives/guard.js';
import { keyed } from 'lit/directives/keyed.js';
import type { Chat, Item, Thread } from 'parley-sdk';
import './composer';
import './head';
import type { ParleyComposer } from './composer';
import { daily } from './daily';
import { confirmDialog, loadDialog } from './dialog';
import { DropZone } from './drop-zone';
import { estimateHeight } from './estimate';
import type { ParleyHead } from './head';
import { icons } from './icons';
import { messageStyles, messageTemplate, previewOf, type MessageContext } from './message';
import { noNames, shownName, type NameOf } from './names';
import { SeenMarks, isLooking } from './seen';
import { english, say, type Strings } from './strings';
import { threadStyles } from './thread-styles';
import {
    blockedBanner,
    edgeText,
    loading,
    newestButton,
    noMessages,
    notLoaded,
    requestBanner,
    retryButton,
} from './thread-parts';
import {
    NEW_KEY,
    buildTimeline,
    lineIndex,
    type Edge,
    type MessageRow,
    type Row,
} from './timeline';
import { base } from './tokens';
import type { ParleyViewer } from './viewer';
import { VirtualList, type Hold } from './virtual';
import { dayLabel, pageLocale } from './when';
import { whyOf } from './why';

/** Pixels from the start at which older messages are asked for. */
const LOAD_WITHIN = 1000;
/** Pixels from the end at which there is a button to it. */
const FAR_FROM_END = 240;
/** The line is looked for among so many unread messages; with more one begins at the end. */
const LINE_WITHIN = 400;
/** What was read out stands that long: who goes through the page afterwards would hear it twice. */
const NEWS_MS = 5000;
/** Of new messages that come at once, so many are read out. */
const SPOKEN_MAX = 3;

/** Where one was in each thread, as long as there is the thread. */
const places = new WeakMap<Thread, Hold>();

const isPeers = (item: Item) => !item.own && item.type !== 'gone';
/** Of somebody new, who waits to be accepted. */
const isRequest = ({ accepted, blocked, items }: Thread) =>
    !accepted && !blocked && items.some(isPeers) && !items.some((one) => one.own);

/** One conversation, with its head and its composer. Fires `parley-back`, bubbling and composed. */
export class ParleyThread extends LitElement {
    static override styles = [base, messageStyles, threadStyles];

    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;
    @property({ attribute: false }) nameOf: NameOf = noNames;
    /** Whether there is a list to go back to. */
    @property({ type: Boolean }) hasBack = false;

    @state() private isDropping = false;
    @state() private isFar = false;
    /** Others' messages that came below what is seen. */
    @state() private newCount = 0;
    /** What is read out. */
    @state() private news = '';
    #nNews = 0;
    #newsTimer: ReturnType<typeof setTimeout> | undefined;
    /** Own messages that could not be sent, as far as that was read out. */
    #failed = new Set<string>();
    /** Why the last accept, block or unblock was not done. */
    @state() private problem = '';
    /** The button of the last of them, if it had the focus. */
    #acted: Element | undefined;
    /** What may be tried again then. */
    @state() private again: (() => void) | undefined;

    @query('.log') private log!: HTMLElement;
    @query('.sizer') private sizer!: HTMLElement;
    @query('.column') private column!: HTMLElement;
    @query('parley-composer') private composer!: ParleyComposer | null;

    #list: VirtualList<Row> | undefined;
    #rows: readonly Row[] = [];
    #context: MessageContext | undefined;
    /** Whose changes we are told of. */
    #opened: Thread | undefined;
    #unsubscribe: (() => void) | undefined;
    /** Of what the rows were made. */
    #items: readonly Item[] | undefined;
    #made = '';
    /** Whether the place to begin at was found. */
    #isPlaced = false;
    #newFrom: number | undefined;
    #lastSeq = 0;
    #readSeq = 0;
    readonly #seen = new SeenMarks(() => this.#markSeen());
    #isAsking = false;
    readonly #drop = new DropZone(
        (files) => this.composer?.addFiles(files),
        (isOver) => (this.isDropping = isOver),
    );

    constructor() {
        super();
        daily(this);
        for (const type of ['dragenter', 'dragover', 'dragleave', 'drop'] as const)
            this.addEventListener(type, this.#onDrag);
        this.addEventListener('paste', this.#onPaste);
    }

    override connectedCallback(): void {
        super.connectedCallback();
        this.#seen.connect();
        this.#list?.connect();
        this.requestUpdate();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.#seen.disconnect();
        this.#leave();
        this.#list?.disconnect();
    }

    /** Where one writes, or what one can do instead. */
    override focus(): void {
        (
            this.composer ??
            this.renderRoot.querySelector<HTMLElement>('.blocked button, .banner .primary')
        )?.focus();
    }

    protected override willUpdate(changed: PropertyValues<this>): void {
        if (!this.isConnected) return;
        if (this.thread !== this.#opened) {
            this.#leave();
            if (this.thread) this.#enter(this.thread);
        }
        const isOther = changed.has('strings') || changed.has('nameOf');
        if (this.thread && (isOther || this.#context?.thread !== this.thread))
            this.#context = this.#makeContext(this.thread);
        if (this.thread) this.#read(this.thread);
    }

    protected override firstUpdated(): void {
        const { log: scroller, sizer, column } = this;
        this.#list = new VirtualList<Row>({
            scroller,
            sizer,
            column,
            template: (row) => this.#row(row),
            estimate: estimateHeight,
            isAnchor: (row) => row.kind === 'message',
            onMove: () => this.#moved(),
        });
        this.#list.connect();
    }

    protected override updated(): void {
        if (!this.isConnected) return;
        this.#list?.setRows(this.#rows);
        this.#passFocus();
    }

    #makeContext(thread: Thread): MessageContext {
        const { strings, nameOf } = this;
        return {
            strings,
            thread,
            nameOf,
            locale: pageLocale(),
            onView: (item) => void this.#view(item),
            onFile: () => void this.#loadFiles(),
        };
    }

    #enter(thread: Thread): void {
        this.#opened = thread;
        this.#unsubscribe = thread.on('change', () => this.requestUpdate());
        thread.open();
        this.#items = undefined;
        this.#rows = [];
        this.#isPlaced = this.#isAsking = false;
        this.#newFrom = undefined;
        this.#lastSeq = this.#readSeq = this.newCount = 0;
        this.news = '';
        this.#forgetProblem();
    }

    #leave(): void {
        this.#acted = undefined;
        if (!this.#opened) return;
        this.#seen.forget();
        if (this.#list && this.#isPlaced) places.set(this.#opened, this.#list.held);
        this.#unsubscribe?.();
        this.#opened.close();
        this.#opened = undefined;
    }

    #edge(thread: Thread): Edge {
        if (thread.isLoaded && !thread.hasOlder) return 'beginning';
        // Without a connection it is tried again with the next one.
        return thread.loadError && thread.loadError.code !== 'offline' ? 'failed' : 'older';
    }

    /** Makes the rows anew, where something they are made of is not as it was. */
    #read(thread: Thread): void {
        const { items, isTyping } = thread;
        const edge = this.#edge(thread);
        if (items !== this.#items) this.#meet(items);
        if (!this.#isPlaced && thread.isLoaded && thread.unread > 0)
            this.#newFrom ??= this.#firstUnread(thread);
        const made = `${edge} ${isTyping} ${this.#newFrom}`;
        if (items === this.#items && made === this.#made) return;
        this.#items = items;
        this.#made = made;
        const newFrom = this.#newFrom;
        const previous = this.#rows;
        const options = { edge, newFrom, isTyping, previous };
        this.#rows = items.length > 0 || isTyping ? buildTimeline(items, options) : [];
    }

    /** What others have written since the last time. */
    #meet(items: readonly Item[]): void {
        const known = this.#lastSeq;
        const fresh: Item[] = [];
        const failed: Item[] = [];
        for (let i = items.length - 1; i >= 0; i--) {
            const item = items[i]!;
            if (item.state === 'failed') failed.unshift(item);
            if (item.seq === undefined) continue;
            if (item.seq <= known) break;
            this.#lastSeq = Math.max(this.#lastSeq, item.seq);
            if (isPeers(item)) fresh.unshift(item);
        }
        this.#meetFailed(failed);
        const first = fresh[0]?.seq;
        if (!this.#isPlaced || first === undefined) return;
        this.#announce(shownName(this.thread?.peer ?? '', this.nameOf), fresh);
        const isAway = !this.#list?.isAtEnd;
        if (isAway) this.newCount += fresh.length;
        const isLineRead = this.#newFrom === undefined || this.#newFrom <= this.#readSeq;
        if (isLineRead && (isAway || !isLooking())) this.#newFrom = first;
    }

    #meetFailed(items: readonly Item[]): void {
        const fresh = items.filter((one) => !this.#failed.has(one.key));
        this.#failed = new Set(items.map((one) => one.key));
        if (this.#isPlaced && fresh.length > 0) this.#announce(this.strings.failed, fresh);
    }

    #announce(about: string, items: readonly Item[]): void {
        const texts = items.slice(-SPOKEN_MAX).map((one) => previewOf(one, this.strings));
        this.news = `${about}: ${texts.join('. ')}`;
        this.#nNews++;
        clearTimeout(this.#newsTimer);
        this.#newsTimer = setTimeout(() => (this.news = ''), NEWS_MS);
    }

    /** Where one begins: at the line, where one was, or at the end; once the messages are there. */
    #findPlace(thread: Thread): void {
        if (!thread.isLoaded) return;
        const edge = this.#edge(thread);
        const isHere = lineIndex(thread.items, this.#newFrom, edge) >= 0;
        const isWanted = this.#newFrom !== undefined && thread.unread <= LINE_WITHIN;
        if (isWanted && !isHere && edge === 'older') this.#loadOlder(thread);
        else this.#place(isHere);
    }

    #firstUnread(thread: Thread): number | undefined {
        const read = thread.conversation?.mine.read_seq;
        if (read !== undefined) return read + 1;
        return thread.items.filter(isPeers).at(-thread.unread)?.seq;
    }

    #place(hasLine: boolean): void {
        const list = this.#list!;
        this.#isPlaced = true;
        const kept = places.get(this.#opened!);
        if (hasLine) list.hold({ key: NEW_KEY, y: Math.round(list.view / 3) });
        else list.hold(kept ?? (this.#isAllNew(this.#opened!) ? { key: 'edge', y: 0 } : 'end'));
    }

    /** Then there is no line, and one begins where the conversation does. */
    #isAllNew(thread: Thread): boolean {
        if (this.#newFrom === undefined || this.#edge(thread) !== 'beginning') return false;
        return (thread.items[0]?.seq ?? 0) >= this.#newFrom;
    }

    #moved(): void {
        const { thread } = this;
        if (!thread || !this.#list) return;
        if (!this.#isPlaced) return this.#findPlace(thread);
        this.isFar = this.#list.below > FAR_FROM_END;
        if (this.#list.isAtEnd) this.newCount = 0;
        this.#seen.look();
        const isNear = this.#list.above < LOAD_WITHIN && this.#rows.length > 0;
        if (isNear && this.#edge(thread) === 'older') this.#loadOlder(thread);
    }

    /** Failing is the thread's to say: loadError. */
    #loadOlder(thread: Thread): void {
        if (this.#isAsking || thread.isLoading || this.chat?.status !== 'online') return;
        this.#isAsking = true;
        const first = thread.items[0];
        void thread.loadOlder().finally(() => {
            if (thread !== this.#opened) return;
            this.#isAsking = false;
            if (thread.items[0] !== first) this.requestUpdate();
        });
    }

    #markSeen(): void {
        if (!this.#isPlaced || !this.thread) return;
        const row = this.#list?.lastSeen((one) => one.kind === 'message');
        const seq = row?.kind === 'message' ? this.#lastOfPeer(row.item) : undefined;
        const read = Math.max(this.#readSeq, this.thread.conversation?.mine.read_seq ?? 0);
        if (seq === undefined || seq <= read) return;
        this.#readSeq = seq;
        this.thread.markRead(seq);
    }

    /** Whoever sees an item of their own has read what is above it. */
    #lastOfPeer(upTo: Item): number | undefined {
        const items = this.#items ?? [];
        for (let i = items.lastIndexOf(upTo); i >= 0; i--) {
            const { own, seq } = items[i]!;
            if (!own && seq !== undefined) return seq;
        }
        return undefined;
    }

    /** @return whether the part of the widget is there; else it is said, and may be tried again */
    async #load(part: () => Promise<unknown>, again: () => void): Promise<boolean> {
        try {
            await part();
            return true;
        } catch {
            this.problem = this.strings.loadPartFailed;
            this.again = again;
            return false;
        }
    }

    async #loadFiles(): Promise<void> {
        if (customElements.get('parley-media')) return;
        await this.#load(
            () => import('./files'),
            () => void this.#loadFiles(),
        );
    }

    async #view(item: Item): Promise<void> {
        const again = () => void this.#view(item);
        if (!(await this.#load(() => import('./viewer'), again))) return;
        if (!this.thread || !this.isConnected) return;
        const viewer: ParleyViewer = document.createElement('parley-viewer');
        const { thread, strings, nameOf } = this;
        Object.assign(viewer, { item, thread, strings, nameOf, locale: this.#context?.locale });
        this.renderRoot.querySelector('parley-viewer')?.remove();
        this.renderRoot.append(viewer);
        await viewer.updateComplete;
        viewer.show();
    }

    #forgetProblem(): void {
        this.problem = '';
        this.again = undefined;
    }

    #tryAgain(): void {
        const { again } = this;
        this.#forgetProblem();
        again?.();
    }

    async #act(what: 'accept' | 'block' | 'unblock'): Promise<void> {
        const { thread } = this;
        const focused = this.shadowRoot?.activeElement;
        this.#acted = focused?.closest('.banner') ? focused : undefined;
        this.#forgetProblem();
        try {
            await thread?.[what]();
        } catch (error) {
            this.problem = whyOf(error, this.strings);
        }
    }

    /** What was asked for takes its button away, sooner or later: the focus goes on from there. */
    #passFocus(): void {
        if (!this.#acted || this.#acted.isConnected) return;
        this.#acted = undefined;
        if (!this.shadowRoot?.activeElement) this.focus();
    }

    async #askToBlock(): Promise<void> {
        const { strings, thread } = this;
        const again = () => void this.#askToBlock();
        if (!(await this.#load(loadDialog, again)) || thread !== this.thread) return;
        const isWanted = await confirmDialog(this, {
            title: say(strings.blockTitle, { name: shownName(thread?.peer ?? '', this.nameOf) }),
            text: strings.blockText,
            action: strings.block,
            cancel: strings.cancel,
            isDangerous: true,
        });
        // Of the wallet that was asked about, whatever is shown by now.
        if (isWanted && thread === this.thread) await this.#act('block');
    }

    #toNewest(): void {
        this.#list?.hold('end');
        this.log.focus({ preventScroll: true });
    }

    #sent(): void {
        this.#newFrom = undefined;
        this.#list?.hold('end');
        this.requestUpdate();
    }

    #onKey(event: KeyboardEvent): void {
        if (event.key !== 'End' || event.target !== this.log) return;
        event.preventDefault();
        this.#list?.hold('end');
    }

    readonly #onDrag = (event: DragEvent): void => {
        if (this.composer) this.#drop.handle(event);
    };

    /** The composer has its own. */
    readonly #onPaste = (event: ClipboardEvent): void => {
        const files = event.clipboardData?.files;
        const isComposers = this.composer && event.composedPath().includes(this.composer);
        if (!files?.length || isComposers || event.defaultPrevented) return;
        event.preventDefault();
        this.composer?.addFiles(files);
    };

    #row(row: Row) {
        switch (row.kind) {
            case 'message':
                return this.#message(row);
            case 'day': {
                const label = dayLabel(row.at, Date.now(), this.strings, this.#context?.locale);
                return html`<div class="day"><span>${label}</span></div>`;
            }
            case 'new':
                return html`<div class="new">${this.strings.newMessages}</div>`;
            case 'typing':
                return html`<div class="row typing" aria-hidden="true">
                    <span class="dots"><i></i><i></i><i></i></span>
                </div>`;
            case 'edge':
                return html`<div class="edge">
                    ${edgeText(row.edge, this.strings, this.#retry)}
                </div>`;
        }
    }

    #message(row: MessageRow) {
        const context = this.#context!;
        return html`<div class="row">
            ${guard([row, context], () => messageTemplate(row.item, row.place, context))}
        </div>`;
    }

    readonly #retry = (): void => {
        if (this.thread) this.#loadOlder(this.thread);
    };

    #placeholder(thread: Thread) {
        if (this.#rows.length > 0) return nothing;
        if (this.#edge(thread) === 'failed') return notLoaded(this.strings, this.#retry);
        return thread.isLoaded ? noMessages(this.strings) : loading(this.strings);
    }

    #newest() {
        if (!this.isFar && this.newCount === 0) return nothing;
        const n = Math.max(this.newCount, this.isFar ? (this.thread?.unread ?? 0) : 0);
        return newestButton(n, this.strings, () => this.#toNewest());
    }

    #banner(thread: Thread) {
        if (thread.blocked) return blockedBanner(this.strings, () => this.#act('unblock'));
        if (thread.accepted || !thread.items.some(isPeers)) return nothing;
        return requestBanner(
            shownName(thread.peer, this.nameOf),
            this.strings,
            () => this.#act('accept'),
            () => this.#askToBlock(),
        );
    }

    #problem() {
        const retry = retryButton(this.strings, () => this.#tryAgain());
        return html`<div class="banner error" role="alert">
            <span class="words">${this.problem}</span>${this.again ? retry : nothing}
        </div>`;
    }

    /** A log would read out rows as one scrolls: what is new is said by regions of its own. */
    #log(thread: Thread | undefined) {
        const { strings } = this;
        return html`<div class="main">
            <div
                class="log"
                role="log"
                aria-label=${strings.messages}
                aria-live="off"
                tabindex="0"
                @keydown=${(event: KeyboardEvent) => this.#onKey(event)}
            >
                <div class="sizer"><div class="column"></div></div>
            </div>
            ${thread ? this.#placeholder(thread) : nothing} ${this.#newest()}
            <div class="sr-only" role="status">
                ${keyed(this.#nNews, html`<p>${this.news}</p>`)}
            </div>
            <div class="sr-only" role="status">${thread?.isTyping ? strings.typing : nothing}</div>
        </div>`;
    }

    #composer(thread: Thread) {
        // It is not taken away from who writes: sending accepts as well.
        if (thread.blocked || (isRequest(thread) && !this.composer?.hasText(thread)))
            return nothing;
        return html`<parley-composer
            .chat=${this.chat}
            .thread=${thread}
            .strings=${this.strings}
            @parley-sent=${() => this.#sent()}
        ></parley-composer>`;
    }

    override render() {
        const { thread, strings } = this;
        return html`<parley-head
                .thread=${thread}
                .strings=${strings}
                .nameOf=${this.nameOf}
                .hasBack=${this.hasBack}
                @block=${() => this.#askToBlock()}
                @unblock=${() => this.#act('unblock')}
            ></parley-head>
            ${this.#log(thread)} ${this.problem ? this.#problem() : nothing}
            ${thread ? html`${this.#banner(thread)}${this.#composer(thread)}` : nothing}
            ${this.isDropping
                ? html`<div class="drop">${icons.attach}${strings.dropHere}</div>`
                : nothing}`;
    }
}
customElements.define('parley-thread', ParleyThread);

declare global {
    interface HTMLElementTagNameMap {
        'parley-thread': ParleyThread;
        'parley-head': ParleyHead;
        'parley-viewer': ParleyViewer;
        'parley-composer': ParleyComposer;
    }
}
