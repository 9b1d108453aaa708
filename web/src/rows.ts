import type { ItemState, Summary } from 'parley-sdk';
import { previewOf } from './message';
import { say, type Strings } from './strings';
import { shortWhen } from './short-when';
import { stateLabel } from './state';

export interface Sections {
    readonly chats: readonly Summary[];
    /** Of strangers who wait for an answer. */
    readonly requests: readonly Summary[];
}

/** One whom the user writes to first is no request, although it has not been accepted yet. */
const isWaiting = (one: Summary): boolean =>
    one.isRequest && one.last !== undefined && !one.last.own;

export function sectionsOf(summaries: readonly Summary[]): Sections {
    const shown = summaries.filter((one) => one.last !== undefined || one.blocked);
    return {
        chats: shown.filter((one) => !isWaiting(one)),
        requests: shown.filter(isWaiting),
    };
}

export type Mark = 'clock' | 'tick' | 'ticks' | 'warning';

/** What a row says, in words. */
export interface RowText {
    readonly when: string;
    readonly preview: string;
    readonly badge: string;
    /** Of one's own last message: what its state looks like. */
    readonly mark: Mark | undefined;
    readonly isRead: boolean;
    /** What is seen and not said: for who does not see it. */
    readonly state: string;
    readonly unread: string;
    readonly presence: string;
}

const MARKS: Record<ItemState, Mark | undefined> = {
    queued: 'clock',
    uploading: 'clock',
    sending: 'clock',
    sent: 'tick',
    delivered: 'ticks',
    read: 'ticks',
    failed: 'warning',
    received: undefined,
};

function previewText(one: Summary, strings: Strings): string {
    if (one.blocked) return strings.blocked;
    if (one.isTyping) return strings.typing;
    if (!one.last) return '';
    const text = previewOf(one.last, strings);
    return one.last.own ? say(strings.you, { text }) : text;
}

export const badgeOf = (count: number): string => (count > 99 ? '99+' : String(count || ''));

export function rowText(
    one: Summary,
    strings: Strings,
    now: number,
    locale: string | undefined,
): RowText {
    const last = one.blocked || one.isTyping ? undefined : one.last;
    return {
        when: one.at ? shortWhen(one.at, now, locale) : '',
        preview: previewText(one, strings),
        badge: badgeOf(one.unread),
        mark: last && MARKS[last.state],
        isRead: last?.state === 'read',
        state: last ? stateLabel(last, strings) : '',
        unread: one.unread ? say(strings.unread, { n: one.unread }) : '',
        presence: one.presence?.online ? strings.online : '',
    };
}
