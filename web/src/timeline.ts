/** What a thread shows, one below the other: made of its items, and of nothing else. */
import type { Item } from 'parley-sdk';
import type { Place } from './message';

export interface MessageRow {
    readonly kind: 'message';
    readonly key: string;
    readonly item: Item;
    readonly place: Place;
}

/** `older`: there are some, and they are asked for as one gets near. */
export type Edge = 'older' | 'failed' | 'beginning';

export type Row =
    | MessageRow
    | { readonly kind: 'edge'; readonly key: string; readonly edge: Edge }
    | { readonly kind: 'day'; readonly key: string; readonly at: number }
    | { readonly kind: 'new'; readonly key: string }
    | { readonly kind: 'typing'; readonly key: string };

export interface TimelineOptions {
    readonly edge: Edge;
    /** The first seq that is new: the line is before it. */
    readonly newFrom?: number | undefined;
    readonly isTyping?: boolean;
    /** Rows as they were: what has not changed is the same object again. */
    readonly previous?: readonly Row[];
}

export const NEW_KEY = 'new';
const RUN_MS = 5 * 60_000;

/** Of the page's time zone. Its end is not a day of hours later: clocks are changed. */
function dayOf(at: number): { start: number; end: number } {
    const date = new Date(at);
    const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()];
    return {
        start: new Date(year, month, day).getTime(),
        end: new Date(year, month, day + 1).getTime(),
    };
}

/** Whole days from the one of `at` to the one of `now`. */
export function daysBetween(at: number, now: number): number {
    return Math.round((dayOf(now).start - dayOf(at).start) / 86_400_000);
}

/**
 * The index before which the line stands; -1: nowhere, also where nothing is above it, and where that
 * is not known because what is before the first item is not here.
 */
export function lineIndex(items: readonly Item[], newFrom: number | undefined, edge: Edge): number {
    if (newFrom === undefined) return -1;
    const first = items[0]?.seq;
    if (edge !== 'beginning' && (first === undefined || first > newFrom)) return -1;
    const at = items.findIndex((one) => !one.own && one.seq !== undefined && one.seq >= newFrom);
    return at === 0 && edge === 'beginning' ? -1 : at;
}

/** Stored items have no holes, so its place says itself. */
function itemOfSeq(items: readonly Item[], seq: number | undefined): Item | undefined {
    const first = items[0]?.seq;
    if (seq === undefined || first === undefined) return undefined;
    const found = items[seq - first];
    return found?.seq === seq ? found : undefined;
}

function isSameRow(row: Row | undefined, item: Item, place: Place): row is MessageRow {
    return (
        row?.kind === 'message' &&
        row.item === item &&
        row.place.isFirstOfRun === place.isFirstOfRun &&
        row.place.isLastOfRun === place.isLastOfRun &&
        row.place.repliedTo === place.repliedTo
    );
}

/** Whether each item begins a run. Days never go back: a clock that is behind makes no new one. */
function findBreaks(items: readonly Item[], line: number): { runs: boolean[]; days: Set<number> } {
    const runs: boolean[] = [];
    const days = new Set<number>();
    let end = -Infinity;
    items.forEach((item, i) => {
        const isNewDay = item.at >= end;
        if (isNewDay) {
            days.add(i);
            end = dayOf(item.at).end;
        }
        const before = items[i - 1];
        const isApart =
            !before || before.own !== item.own || Math.abs(item.at - before.at) > RUN_MS;
        runs.push(isNewDay || i === line || isApart);
    });
    return { runs, days };
}

/** Rows from the top down, in time linear in the items. */
export function buildTimeline(items: readonly Item[], options: TimelineOptions): Row[] {
    const { edge, newFrom, isTyping, previous } = options;
    const known = new Map(previous?.map((row) => [row.key, row]));
    const line = lineIndex(items, newFrom, edge);
    const { runs, days } = findBreaks(items, line);
    const rows: Row[] = [];
    const push = (row: Row, isSame: (old: Row) => boolean) => {
        const old = known.get(row.key);
        rows.push(old && isSame(old) ? old : row);
    };

    push({ kind: 'edge', key: 'edge', edge }, (old) => old.kind === 'edge' && old.edge === edge);
    items.forEach((item, i) => {
        const { at } = item;
        if (days.has(i)) {
            const isSame = (old: Row) => old.kind === 'day' && old.at === at;
            push({ kind: 'day', key: `day ${item.key}`, at }, isSame);
        }
        if (i === line) push({ kind: 'new', key: NEW_KEY }, () => true);
        const place: Place = {
            isFirstOfRun: runs[i] === true,
            isLastOfRun: runs[i + 1] !== false,
            repliedTo: itemOfSeq(items, item.replyTo),
        };
        const key = `m ${item.key}`;
        push({ kind: 'message', key, item, place }, (old) => isSameRow(old, item, place));
    });
    if (isTyping) push({ kind: 'typing', key: 'typing' }, () => true);
    return rows;
}
