import { LitElement, adoptStyles, html, nothing, type PropertyValues } from 'lit';
import { property, query, state } from './decorators';
import { keyed } from 'lit/directives/keyed.js';
import type { Chat, FileOptions, Item, Thread } from 'parley-sdk';
import { canRecord } from './can-record';
import { composerStyles } from './composer-styles';
import { draftKey, drafts } from './drafts';
import { icons } from './icons';
import { pastedFiles } from './paste';
import type { Recording, Voice } from './recorder';
import { english, say, type Strings } from './strings';
import { bytesLeft, isNearLimit, isSendKey, sendable } from './writing';
import { base } from './tokens';
import type { Picked } from './tray';

type Kit = typeof import('./attach');

/** Who begins to write may have a file next, and no network by then. */
function preload(): void {
    // Where one is used it is loaded again, and it is said.
    for (const part of [import('./attach'), import('./files')]) part.catch(() => {});
}

/** Who has left the field with something in it does not write any more, some time after. */
const TYPING_AFTER_BLUR_MS = 5000;

/** Where one writes. Fires `parley-sent` (detail: {item}), so that the thread shows its end. */
export class ParleyComposer extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;

    @state() private _text = '';
    @state() private _problem = '';
    @state() private _recording: Recording | undefined;
    /** It is sent as soon as its files are measured. */
    @state() private _isMeasuring = false;
    /** Whether the user lets the microphone be used. */
    @state() private _isAsking = false;

    @query('textarea') private _field!: HTMLTextAreaElement | null;
    @query('.tray') private _tray!: HTMLElement | null;
    @query('input') private _input!: HTMLInputElement | null;

    readonly #canRecord = canRecord();
    /** Undefined until somebody has a file, or speaks. */
    #kit: Kit | undefined;
    /** What came while it was loaded. */
    #adding: Promise<void> | undefined;
    /** Of each thread: the files that go with its next message. */
    readonly #trays = new Map<Thread, readonly Picked[]>();
    #draftKey = '';
    #nProblems = 0;
    #isTyping = false;
    #blurTimer: ReturnType<typeof setTimeout> | undefined;
    #unsubscribe: (() => void) | undefined;

    static override styles = [base, composerStyles];

    constructor() {
        super();
        this.addEventListener('focusin', preload, { once: true });
    }

    override connectedCallback(): void {
        super.connectedCallback();
        this.#subscribe();
        this.requestUpdate();
    }

    override disconnectedCallback(): void {
        super.disconnectedCallback();
        this.#unsubscribe?.();
        this.#setTyping(this.thread, false);
        this.#discardRecording();
        for (const tray of this.#trays.values()) tray.forEach((one) => this.#kit?.release(one));
    }

    override willUpdate(changed: PropertyValues<this>): void {
        if (changed.has('chat')) this.#subscribe();
        if (changed.has('thread')) this.#switch(changed.get('thread'));
        else if (changed.has('chat')) this.#followAccount();
    }

    override updated(): void {
        const field = this._field;
        // Not by the template: what it has set last is not what is there by now.
        if (field && field.value !== this._text) field.value = this._text;
        if (!field || CSS.supports('field-sizing', 'content')) return;
        field.style.height = 'auto';
        field.style.height = `${field.scrollHeight}px`;
    }

    override focus(options?: FocusOptions): void {
        void this.updateComplete.then(() => this._field?.focus(options));
    }

    hasText(thread: Thread): boolean {
        return thread === this.thread && this._text !== '';
    }

    /** Files that were dropped on the thread, or pasted elsewhere in it. */
    addFiles(files: Iterable<File>): void {
        const { thread } = this;
        if (!thread) return;
        const all = [...files];
        if (this.#kit) this.#add(this.#kit, thread, all);
        else this.#adding = this.#load().then((kit) => kit && this.#add(kit, thread, all));
    }

    /** Said where it can't be loaded: who tries again loads it again. */
    async #load(): Promise<Kit | undefined> {
        try {
            const kit = await import('./attach');
            const styles = [...ParleyComposer.elementStyles, kit.trayStyles];
            if (!this.#kit) adoptStyles(this.renderRoot as ShadowRoot, styles);
            return (this.#kit = kit);
        } catch {
            this.#complain(this.strings.loadPartFailed);
            return undefined;
        }
    }

    #add(kit: Kit, thread: Thread, files: readonly File[]): void {
        const problems = new Set<string>();
        for (const file of files) {
            const tray = this.#trayOf(thread);
            const problem = kit.whyNot(file, tray.length, this.chat?.limits, this.strings);
            if (problem) problems.add(problem);
            else this.#setPicked(thread, [...tray, kit.pickFile(file)]);
        }
        if (thread !== this.thread) return;
        this.#complain([...problems].join(' '));
        this.focus();
        void this.updateComplete.then(() => this._tray?.scrollTo({ left: this._tray.scrollWidth }));
    }

    // What goes with the chat and the thread.

    #subscribe(): void {
        this.#unsubscribe?.();
        this.#unsubscribe = this.chat?.on('change', () => {
            this.#followAccount();
            this.requestUpdate();
        });
    }

    #keyOf(thread: Thread | undefined): string {
        return thread ? draftKey(this.chat?.server ?? '', this.chat?.account, thread.peer) : '';
    }

    #switch(from: Thread | undefined): void {
        this.#setTyping(from, false);
        this.#discardRecording();
        this.#draftKey = this.#keyOf(this.thread);
        this._text = this.#draftKey && drafts.get(this.#draftKey);
        this._problem = '';
    }

    /** Known late, the account gets what was written until then; unless it is another account. */
    #followAccount(): void {
        const { chat, thread } = this;
        const key = this.#keyOf(thread);
        if (!this.hasUpdated || !chat?.account || !thread || key === this.#draftKey) return;
        const wasUnknown = this.#draftKey === draftKey(chat.server, undefined, thread.peer);
        if (wasUnknown) drafts.set(this.#draftKey, '');
        this.#draftKey = key;
        if (wasUnknown && this._text) drafts.set(key, this._text);
        else this._text = drafts.get(key);
    }

    #setTyping(thread: Thread | undefined, isTyping: boolean): void {
        clearTimeout(this.#blurTimer);
        if (isTyping || this.#isTyping) thread?.setTyping(isTyping);
        this.#isTyping = isTyping;
    }

    #trayOf(thread: Thread): readonly Picked[] {
        return this.#trays.get(thread) ?? [];
    }

    get #picked(): readonly Picked[] {
        return this.thread ? this.#trayOf(this.thread) : [];
    }

    #setPicked(thread: Thread, picked: readonly Picked[]): void {
        if (picked.length > 0) this.#trays.set(thread, picked);
        else this.#trays.delete(thread);
        this.requestUpdate();
    }

    /** Said again, also where it is the same as before. */
    #complain(problem: string): void {
        this._problem = problem;
        this.#nProblems++;
    }

    // Writing

    #setText(text: string): void {
        this._text = text;
        if (this.#draftKey) drafts.set(this.#draftKey, text);
    }

    #onInput(): void {
        this.#setText(this._field?.value ?? '');
        this._problem = '';
        this.#setTyping(this.thread, sendable(this._text) !== '');
    }

    #onKey(event: KeyboardEvent): void {
        if (!isSendKey(event, matchMedia('(pointer: coarse)').matches)) return;
        event.preventDefault();
        void this.#send();
    }

    #onPaste(event: ClipboardEvent): void {
        const files = event.clipboardData ? pastedFiles(event.clipboardData) : [];
        if (files.length === 0) return;
        event.preventDefault();
        this.addFiles(files);
    }

    #onFocus(): void {
        clearTimeout(this.#blurTimer);
    }

    #onBlur(): void {
        clearTimeout(this.#blurTimer);
        const { thread } = this;
        this.#blurTimer = setTimeout(() => this.#setTyping(thread, false), TYPING_AFTER_BLUR_MS);
    }

    // Sending

    get #limit(): number {
        return this.chat?.limits?.content_bytes ?? Infinity;
    }

    get #left(): number {
        return bytesLeft(this._text, this.#limit, this.#picked.length > 0);
    }

    get #canSend(): boolean {
        const isThere = sendable(this._text) !== '' || this.#picked.length > 0;
        return isThere && this.thread !== undefined && !this._isMeasuring && this.#left >= 0;
    }

    /** Files are shown by their measures to the other side, before they are loaded. */
    async #measured(thread: Thread): Promise<void> {
        this._isMeasuring = true;
        await Promise.all(this.#trayOf(thread).map((one) => one.measuring));
        this._isMeasuring = false;
    }

    /** What is written for a thread, and its files, but those that came just now. */
    #take(thread: Thread): { text: string; picked: readonly Picked[] } {
        const isShown = thread === this.thread;
        const key = isShown ? this.#draftKey : this.#keyOf(thread);
        const text = sendable(drafts.get(key));
        const tray = this.#trayOf(thread);
        drafts.set(key, '');
        if (isShown) this._text = '';
        this.#setPicked(
            thread,
            tray.filter((one) => !one.measures),
        );
        return { text, picked: tray.filter((one) => one.measures) };
    }

    async #send(): Promise<void> {
        const { thread } = this;
        if (!thread || !this.#canSend) return;
        if (this.#adding && !this.#kit) await this.#adding;
        if (this.#trayOf(thread).length > 0) await this.#measured(thread);
        if (thread === this.thread && !this.#canSend) return;
        const { text, picked } = this.#take(thread);
        this._problem = '';
        this.#setTyping(thread, false);
        if (picked.length === 0 && text !== '') this.#sent(thread.sendText(text));
        picked.forEach((one, i) => this.#sendPicked(thread, one, i === 0 ? text : ''));
        if (thread === this.thread) this.focus();
    }

    #sendPicked(thread: Thread, picked: Picked, caption: string): void {
        const { blob, type, name, measures } = picked;
        this.#kit?.release(picked);
        const options: FileOptions = { type, name, ...measures, ...(caption && { caption }) };
        this.#sent(thread.sendFile(blob, options));
    }

    #sent(item: Item): void {
        this.dispatchEvent(
            new CustomEvent('parley-sent', { detail: { item }, bubbles: true, composed: true }),
        );
    }

    // Files

    #onChosen(input: HTMLInputElement): void {
        const files = [...(input.files ?? [])];
        input.value = ''; // the same one can be chosen again
        this.addFiles(files);
    }

    #remove(thread: Thread, picked: Picked): void {
        const i = this.#picked.indexOf(picked);
        this.#kit?.release(picked);
        this.#setPicked(
            thread,
            this.#picked.filter((one) => one !== picked),
        );
        this._problem = '';
        void this.updateComplete.then(() => {
            const buttons = this.renderRoot.querySelectorAll<HTMLElement>('.remove');
            (buttons[Math.min(i, buttons.length - 1)] ?? this._field)?.focus();
        });
    }

    // Voice

    async #record(): Promise<void> {
        const { thread } = this;
        this._problem = '';
        this._isAsking = true;
        try {
            const recording = await (await this.#load())?.startRecording();
            if (!recording) this.focus();
            else if (this.isConnected && thread === this.thread) this._recording = recording;
            else recording.discard();
        } catch {
            this.#complain(this.strings.micDenied);
            this.focus();
        }
        this._isAsking = false;
    }

    #discardRecording(): void {
        this._recording?.discard();
        this._recording = undefined;
    }

    #onDiscard(): void {
        this.#discardRecording();
        this.focus();
    }

    /** Then it is sent at once, or waits in the tray, to be heard. */
    async #onStop(isSent: boolean): Promise<void> {
        const { thread, _recording: recording } = this;
        this._recording = undefined;
        const voice = await recording?.stop();
        if (!voice) this.#complain(this.strings.micDenied);
        else if (thread && this.#kit) this.#takeVoice(this.#kit, thread, voice, isSent);
        this.focus();
    }

    #takeVoice(kit: Kit, thread: Thread, voice: Voice, isSent: boolean): void {
        const tray = this.#trayOf(thread);
        const n = isSent ? 0 : tray.length;
        const problem = kit.whyNot(voice.file, n, this.chat?.limits, this.strings);
        if (problem) this.#complain(problem);
        else if (isSent) this.#sendPicked(thread, kit.pickVoice(voice), '');
        else this.#setPicked(thread, [...tray, kit.pickVoice(voice)]);
    }

    // What is seen

    get #isMicShown(): boolean {
        const isEmpty = this._text === '' && this.#picked.length === 0;
        return isEmpty && this.#canRecord && this.chat?.limits?.upload_bytes !== undefined;
    }

    #alert(): unknown {
        const text = this._problem || (this.#left < 0 ? this.strings.tooLong : '');
        const line = text ? keyed(this.#nProblems, html`<p dir="auto">${text}</p>`) : nothing;
        return html`<div id="problem" role="alert">${line}</div>`;
    }

    #counter(): unknown {
        if (!isNearLimit(this.#left, this.#limit)) return nothing;
        const text = say(this.strings.bytesLeft, { n: this.#left });
        return html`<span id="left" class=${this.#left < 0 ? 'over' : ''}>${text}</span>`;
    }

    #textarea(): unknown {
        const { strings } = this;
        return html`<textarea
            rows="1"
            dir="auto"
            aria-label=${strings.message}
            aria-describedby="problem left"
            aria-invalid=${this.#left < 0 ? 'true' : 'false'}
            placeholder=${this.#picked.length > 0 ? strings.caption : strings.message}
            ?disabled=${!this.thread}
            @input=${this.#onInput}
            @keydown=${this.#onKey}
            @paste=${this.#onPaste}
            @focus=${this.#onFocus}
            @blur=${this.#onBlur}
        ></textarea>`;
    }

    #attachButton(): unknown {
        const { limits } = this.chat ?? {};
        if (limits && limits.upload_bytes === undefined) return nothing;
        return html`<button
                class="icon-button"
                type="button"
                aria-label=${this.strings.attach}
                title=${this.strings.attach}
                ?disabled=${!this.thread}
                @click=${() => this._input?.click()}
            >
                ${icons.attach}
            </button>
            <input
                type="file"
                multiple
                hidden
                @change=${(event: Event) => this.#onChosen(event.target as HTMLInputElement)}
            />`;
    }

    #endButton(): unknown {
        const { strings } = this;
        if (this.#isMicShown)
            return html`<button
                class="icon-button"
                type="button"
                aria-label=${strings.record}
                title=${strings.record}
                ?disabled=${!this.thread || this._isAsking}
                @click=${this.#record}
            >
                ${icons.mic}
            </button>`;
        return html`<button
            class="icon-button send"
            type="button"
            aria-label=${strings.send}
            title=${strings.send}
            ?disabled=${!this.#canSend}
            @click=${this.#send}
        >
            ${icons.send}
        </button>`;
    }

    #writing(): unknown {
        return html`<div class="bar">
            ${this.#attachButton()}
            <div class="field">${this.#textarea()} ${this.#counter()}</div>
            ${this.#endButton()}
        </div>`;
    }

    #voice(recording: Recording): unknown {
        return html`<parley-recording-bar
            class="bar"
            .recording=${recording}
            .strings=${this.strings}
            @discard=${this.#onDiscard}
            @stop=${() => this.#onStop(false)}
            @send=${() => this.#onStop(true)}
        ></parley-recording-bar>`;
    }

    #tray(): unknown {
        const { thread, strings } = this;
        if (!thread || !this.#kit || this.#picked.length === 0) return nothing;
        return this.#kit.trayTemplate(this.#picked, {
            strings,
            onRemove: (picked) => this.#remove(thread, picked),
            onChange: () => this.requestUpdate(),
        });
    }

    override render() {
        const bar = this._recording ? this.#voice(this._recording) : this.#writing();
        return html`${this.#alert()} ${this.#tray()} ${bar}`;
    }
}
customElements.define('parley-composer', ParleyComposer);

declare global {
    interface HTMLElementTagNameMap {
        'parley-composer': ParleyComposer;
    }
}
