/**
 * Shows of a long column only what is seen, and a little around it. What one looks at stays where it
 * is, to the pixel, whatever is put in front of it or changes its height; and at the end it stays
 * the end.
 *
 * While one scrolls, scrollTop is left alone, as setting it would break off the movement: the column
 * is shifted instead, and the shift is settled at rest.
 */
import { nothing, render, type TemplateResult } from 'lit';
import { repeat } from 'lit/directives/repeat.js';
import { Heights, spanOf, type Span } from './heights';

export interface VirtualRow {
    readonly key: string;
}

/** What stays where it is: the row of `key`, its top `y` pixels below the top of the view; or the
 * end. */
export type Hold = { readonly key: string; readonly y: number } | 'end';

export interface VirtualOptions<R extends VirtualRow> {
    /** It scrolls; has no padding. */
    readonly scroller: HTMLElement;
    /** In the scroller: as high as all rows would be. */
    readonly sizer: HTMLElement;
    /** In the sizer, absolutely at its top: has the rows that there are. */
    readonly column: HTMLElement;
    /** One element without margins, of the same key always the same. */
    readonly template: (row: R) => TemplateResult;
    /** Pixels, until it is measured. */
    readonly estimate: (row: R, width: number) => number;
    /** Whether what one looks at may be held by this row: one that stays in the column. */
    readonly isAnchor: (row: R) => boolean;
    /** It was scrolled, or laid out anew. */
    readonly onMove: () => void;
}

/** Pixels ready above and below what is seen, at most. */
const OVERSCAN = 600;
/** Elements of all rows together, at most, unless more are seen. */
const MAX_ELEMENTS = 240;
/** Pixels below the last row. */
const END_SPACE = 12;
/** Pixels from the end that are still the end: scrollTop is rounded. */
const END_SLACK = 2;
/** So near to the start a shift is settled even while one scrolls: the start could not be reached. */
const START_PX = 300;
const REST_MS = 120;
/** Rows turn out smaller than they were thought, so that others come into view, and so on. */
const MAX_TURNS = 4;
/** Elements of a row, before the first one is there. */
const USUAL_ELEMENTS = 9;
/** Pixels: less is the rounding of the layout, to 64ths. */
const EXACT = 0.02;

export class VirtualList<R extends VirtualRow> {
    readonly #options: VirtualOptions<R>;
    readonly #observer = new ResizeObserver((entries) => this.#onResize(entries));
    #rows: readonly R[] = [];
    #index = new Map<string, number>();
    #heights = new Heights();
    readonly #measured = new Map<string, number>();
    /** The rows that are there, and how many elements each has. */
    #elements = new Map<Element, { key: string; count: number }>();
    #span: Span = { from: 0, to: 0 };
    #view = 0;
    #width = 0;
    /** Where it is to be scrolled to, and where it was found last. */
    #top = 0;
    #seenTop = 0;
    #shift = 0;
    #hold: Hold = 'end';
    #isUp = true;
    #restTimer: ReturnType<typeof setTimeout> | undefined;
    #isConnected = false;
    /** What is in the column is not what the templates would say. */
    #isStale = true;

    constructor(options: VirtualOptions<R>) {
        this.#options = options;
    }

    connect(): void {
        this.#isConnected = true;
        this.#options.scroller.addEventListener('scroll', this.#onScroll, { passive: true });
        this.#observer.observe(this.#options.scroller);
        this.#observer.observe(this.#options.column);
    }

    disconnect(): void {
        this.#isConnected = false;
        this.#options.scroller.removeEventListener('scroll', this.#onScroll);
        this.#observer.disconnect();
        clearTimeout(this.#restTimer);
        this.#restTimer = undefined;
        render(nothing, this.#options.column);
        this.#elements.clear();
        this.#span = { from: 0, to: 0 };
    }

    /** What is held; to be given to hold() later. */
    get held(): Hold {
        return this.#hold;
    }

    get isAtEnd(): boolean {
        return this.#hold === 'end';
    }

    /** Pixels of the column that are above, and below, what is seen. */
    get above(): number {
        return this.#top - this.#base;
    }
    get below(): number {
        return this.#maxTop - this.#top;
    }

    get view(): number {
        return this.#view;
    }

    /** Also where they are the same: their templates are asked again. */
    setRows(rows: readonly R[]): void {
        this.#catchUp();
        if (rows !== this.#rows) this.#replace(rows);
        this.#isStale = true;
        this.#place();
    }

    hold(hold: Hold): void {
        this.#hold = hold;
        this.#rest();
        this.#place();
        if (this.below <= END_SLACK) this.#hold = 'end';
    }

    /** The last row that passes, and of which at least half (or half of the view) is seen. */
    lastSeen(passes: (row: R) => boolean): R | undefined {
        const top = this.above;
        const bottom = top + this.#view;
        for (let i = this.#heights.find(bottom); i >= 0; i--) {
            const start = this.#heights.offset(i);
            const height = this.#heights.height(i);
            if (start + height <= top) return undefined;
            const seen = Math.min(bottom, start + height) - Math.max(top, start);
            const row = this.#rows[i];
            if (row && passes(row) && seen >= Math.min(height, this.#view) / 2) return row;
        }
        return undefined;
    }

    /** Where the column begins, in what scrolls: few rows are at the end of the view. */
    get #base(): number {
        return this.#shift + Math.max(0, this.#view - this.#heights.total - END_SPACE);
    }

    get #maxTop(): number {
        return Math.max(0, this.#base + this.#heights.total + END_SPACE - this.#view);
    }

    /** Somebody may have scrolled or resized since, in this very task. */
    #catchUp(): void {
        this.#readSize();
        this.#onScroll();
    }

    /** Of another width all heights are others. */
    #readSize(): void {
        const { clientWidth, clientHeight, scrollTop } = this.#options.scroller;
        // What is out of sight is at 0, and back from there where the browser likes: nobody has
        // scrolled.
        if (this.#view === 0 || clientHeight === 0) this.#seenTop = scrollTop;
        this.#view = clientHeight;
        if (clientHeight === 0 || clientWidth === this.#width) return;
        this.#width = clientWidth;
        this.#measured.clear();
        this.#heights = new Heights(this.#rows.map((row) => this.#heightOf(row)));
        this.#isStale = true;
    }

    #heightOf(row: R): number {
        return this.#measured.get(row.key) ?? this.#options.estimate(row, this.#width);
    }

    #replace(rows: readonly R[]): void {
        const index = new Map(rows.map((row, i) => [row.key, i]));
        this.#hold = this.#surviving(index);
        this.#rows = rows;
        this.#index = index;
        this.#heights = new Heights(rows.map((row) => this.#heightOf(row)));
    }

    /** What is held, or the nearest to it that is still there. */
    #surviving(index: Map<string, number>): Hold {
        if (this.#hold === 'end' || index.has(this.#hold.key)) return this.#hold;
        const at = this.#index.get(this.#hold.key) ?? -1;
        if (at < 0) return this.#hold;
        const isThere = (row: R) => index.has(row.key) && this.#options.isAnchor(row);
        const rest = this.#rows.slice(at).find(isThere);
        const found = rest ?? this.#rows.slice(0, at).reverse().find(isThere);
        return found ? { key: found.key, y: this.#yOf(this.#index.get(found.key)!) } : 'end';
    }

    #yOf(index: number): number {
        return this.#base + this.#heights.offset(index) - this.#top;
    }

    readonly #onScroll = (): void => {
        const top = this.#options.scroller.scrollTop;
        if (top === this.#seenTop) return;
        this.#isUp = top < this.#seenTop;
        this.#top = this.#seenTop = top;
        clearTimeout(this.#restTimer);
        this.#restTimer = setTimeout(() => {
            this.#rest();
            this.#place();
        }, REST_MS);
        this.#grab();
        this.#place();
    };

    #rest(): void {
        clearTimeout(this.#restTimer);
        this.#restTimer = undefined;
    }

    /** Hold what is seen now: the first row that begins in the view. */
    #grab(): void {
        if (this.#top >= this.#maxTop - END_SLACK) {
            this.#hold = 'end';
            return;
        }
        const first = this.#heights.find(this.above);
        const last = this.#heights.find(this.above + this.#view);
        let fallback = -1;
        for (let i = first; i >= 0 && i <= last; i++) {
            if (!this.#options.isAnchor(this.#rows[i]!)) continue;
            const isWhole = this.#yOf(i) >= 0;
            if (isWhole || fallback < 0) fallback = i;
            if (isWhole) break;
        }
        const index = fallback >= 0 ? fallback : first;
        const row = this.#rows[index];
        if (row) this.#hold = { key: row.key, y: this.#yOf(index) };
    }

    /** Chooses #top and #shift so that what is held is where it was. */
    #aim(): void {
        if (this.#hold === 'end') {
            this.#shift = 0;
            this.#top = this.#maxTop;
            return;
        }
        const index = this.#index.get(this.#hold.key);
        if (index === undefined) return;
        const wanted = this.#heights.offset(index) - this.#hold.y;
        const shift = this.#seenTop - wanted;
        const canWait = this.#seenTop >= START_PX + Math.max(0, shift);
        this.#shift = 0;
        if (this.#restTimer !== undefined && canWait && this.#maxTop > 0) {
            this.#shift = shift;
            this.#top = Math.min(this.#seenTop, this.#maxTop);
        } else {
            this.#top = Math.max(0, Math.min(this.#base + wanted, this.#maxTop));
        }
    }

    #place(): void {
        if (this.#view === 0) return;
        for (let turn = 0; turn < MAX_TURNS; turn++) {
            this.#aim();
            const isAll = this.#isStale;
            if (!this.#show() || !this.#measure(isAll)) break;
        }
        this.#aim();
        this.#commit();
        this.#options.onMove();
    }

    get #maxRows(): number {
        const counts = [...this.#elements.values()].map((one) => one.count);
        const sum = counts.reduce((a, b) => a + b, 0);
        const usual = counts.length > 0 ? sum / counts.length : USUAL_ELEMENTS;
        return Math.floor(MAX_ELEMENTS / usual);
    }

    /** Renders the rows of what is to be seen. @return whether there was anything to do */
    #show(): boolean {
        const span = spanOf(this.#heights, {
            top: this.above,
            view: this.#view,
            overscan: OVERSCAN,
            maxRows: this.#maxRows,
            isUp: this.#isUp,
        });
        const { from, to } = span;
        if (!this.#isStale && from === this.#span.from && to === this.#span.to) return false;
        this.#span = span;
        this.#isStale = false;
        const { column, template } = this.#options;
        const rows = this.#rows.slice(from, to);
        this.#keepFocus(() =>
            render(
                repeat(
                    rows,
                    (row) => row.key,
                    (row) => template(row),
                ),
                column,
            ),
        );
        return true;
    }

    /** Where what had the focus goes, it would be nowhere. */
    #keepFocus(change: () => void): void {
        const { column, scroller } = this.#options;
        const root = column.getRootNode() as ShadowRoot | Document;
        const wasHere = column.contains(root.activeElement);
        change();
        if (wasHere && !column.contains(root.activeElement))
            scroller.focus({ preventScroll: true });
    }

    /** Reads the heights of rows that are new here, or of all. @return whether one was not known */
    #measure(isAll: boolean): boolean {
        const elements = new Map<Element, { key: string; count: number }>();
        const fresh: Element[] = [];
        [...this.#options.column.children].forEach((element, i) => {
            const known = this.#elements.get(element);
            const count = known?.count ?? element.getElementsByTagName('*').length + 1;
            elements.set(element, { key: this.#rows[this.#span.from + i]!.key, count });
            if (!known) fresh.push(element);
        });
        this.#elements = elements;
        return this.#setHeights(isAll ? [...elements.keys()] : fresh);
    }

    #setHeights(elements: Element[]): boolean {
        const heights = elements.map((element) => element.getBoundingClientRect().height);
        return elements.map((one, i) => this.#setHeight(one, heights[i]!)).includes(true);
    }

    #setHeight(element: Element, height: number): boolean {
        const key = this.#elements.get(element)?.key;
        const index = key === undefined ? undefined : this.#index.get(key);
        if (key === undefined || index === undefined || height === 0) return false;
        this.#measured.set(key, height);
        if (Math.abs(height - this.#heights.height(index)) < EXACT) return false;
        this.#heights.set(index, height);
        return true;
    }

    /** The column alone is observed: to observe each row that comes and goes costs more than it. */
    #onResize(entries: ResizeObserverEntry[]): void {
        const { scroller } = this.#options;
        const isOwn = entries.some((entry) => entry.target === scroller);
        if (isOwn) {
            this.#readSize();
            // The browser may have moved it to what the new height allows: nobody has scrolled.
            this.#seenTop = scroller.scrollTop;
        }
        // Out of sight everything is 0 high, and says nothing.
        if (this.#view === 0 || (!isOwn && this.#isColumnAsKnown(entries))) return;
        this.#setHeights([...this.#elements.keys()]);
        this.#pauseObserving();
        this.#place();
    }

    #isColumnAsKnown(entries: ResizeObserverEntry[]): boolean {
        const { from, to } = this.#span;
        const known = this.#heights.offset(to) - this.#heights.offset(from);
        const height = entries.at(-1)?.borderBoxSize[0]?.blockSize ?? 0;
        return Math.abs(height - known) < EXACT * Math.max(1, to - from);
    }

    /** What an observer's own callback changes it complains about, as not being done in time. */
    #pauseObserving(): void {
        const { column } = this.#options;
        this.#observer.unobserve(column);
        requestAnimationFrame(() => {
            if (this.#isConnected) this.#observer.observe(column);
        });
    }

    #commit(): void {
        const { scroller, sizer, column } = this.#options;
        const height = Math.max(this.#view, this.#base + this.#heights.total + END_SPACE);
        setStyle(sizer, 'height', `${height}px`);
        if (Math.abs(this.#top - this.#seenTop) >= 1) {
            scroller.scrollTop = this.#top;
            this.#seenTop = scroller.scrollTop;
        }
        // scrollTop is rounded; where the rows are seen is not.
        if (this.#hold !== 'end') this.#shift += this.#seenTop - this.#top;
        this.#top = this.#seenTop;
        const start = this.#base + this.#heights.offset(this.#span.from);
        setStyle(column, 'transform', `translateY(${start}px)`);
    }
}

function setStyle(element: HTMLElement, name: 'height' | 'transform', value: string): void {
    if (element.style[name] !== value) element.style[name] = value;
}
