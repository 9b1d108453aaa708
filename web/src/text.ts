import { LitElement, html, type TemplateResult } from 'lit';
import { property } from './decorators';
import type { Thread } from 'parley-sdk';
import { linkify, type Link } from './linkify';
import { english, type Strings } from './strings';

/** What is longer is cut, until the user asks for all of it. */
const MAX_SHOWN = 2000;
const MAX_LINES = 40;

/** Where an address that is too long for a line may be broken: nothing that could be copied. */
const MAX_BREAKS = 20;
const breakable = (url: string): unknown => {
    const parts = url.match(/[^/?&=]*[/?&=]+|[^/?&=]+$/g) ?? [];
    if (parts.length > MAX_BREAKS) return url;
    return parts.map((part, i) => (i === 0 ? part : html`<wbr />${part}`));
};

const linked = (part: string | Link) =>
    typeof part === 'string'
        ? part
        : html`<a href=${part.href} dir="ltr" target="_blank" rel="noopener noreferrer nofollow ugc"
              >${breakable(part.text)}</a
          >`;

/** Plain text, with its links to click on. Most have none, and need nothing made for them. */
export function textTemplate(text: string): unknown {
    const parts = linkify(text);
    return parts.length === 1 && typeof parts[0] === 'string' ? text : parts.map(linked);
}

/** Where the line ends that is the last of those shown, or the text. */
function endOfLines(text: string): number {
    let end = -1;
    for (let line = 0; line < MAX_LINES; line++) {
        end = text.indexOf('\n', end + 1);
        if (end < 0) return text.length;
    }
    return end;
}

/** The beginning of a long text; undefined of one that is not. Ends between words, if it can. */
export function beginningOf(text: string): string | undefined {
    const end = Math.min(MAX_SHOWN, endOfLines(text));
    if (end >= text.length) return undefined;
    const lastWord = /\s\S{0,200}$/.exec(text.slice(Math.max(0, end - 201), end + 1));
    const cut = lastWord ? end + 1 - lastWord[0].length : end;
    // Not in the middle of a character.
    return text.slice(0, cut).replace(/[\ud800-\udbff]$/, '');
}

/** Which long ones were opened: elements come and go while one scrolls. */
const opened = new WeakMap<Thread, Set<string>>();

/** A long text. In the tree of whoever shows it, and with its styles. */
export class ParleyText extends LitElement {
    @property({ attribute: false }) text = '';
    /** Of its message. */
    @property({ attribute: false }) key = '';
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;

    protected override createRenderRoot(): HTMLElement {
        return this;
    }

    override render(): unknown {
        const beginning = beginningOf(this.text);
        const isOpened = this.thread && opened.get(this.thread)?.has(this.key);
        if (beginning === undefined || isOpened) return textTemplate(this.text);
        return this.#cut(beginning);
    }

    #cut(beginning: string): TemplateResult {
        const parts = linkify(beginning);
        const last = parts.at(-1);
        // It may go on behind the cut, and lead elsewhere.
        if (typeof last === 'object') parts.splice(-1, 1, last.text);
        return html`${parts.map(linked)}${'…'}<button class="more" @click=${this.#open}>
                ${this.strings.showMore}
            </button>`;
    }

    #open(): void {
        if (!this.thread) return;
        const keys = opened.get(this.thread) ?? new Set();
        opened.set(this.thread, keys.add(this.key));
        this.requestUpdate();
        // The button goes, and the focus would with it.
        this.closest<HTMLElement>('.log')?.focus({ preventScroll: true });
    }
}
customElements.define('parley-text', ParleyText);
