import { css, html, type TemplateResult } from 'lit';
import type { Item, Thread } from 'parley-sdk';
import type { Strings } from './strings';

export interface MessageContext {
    readonly strings: Strings;
    /** Of the page: for times and numbers. */
    readonly locale: string | undefined;
    readonly thread: Thread;
    /** An image or a video was chosen, to be seen large. */
    readonly onView: (item: Item) => void;
}

/** Where an item stands among its neighbours: a run is what one side has written within minutes. */
export interface Place {
    readonly isFirstOfRun: boolean;
    readonly isLastOfRun: boolean;
    /** What it answers, where that is here. */
    readonly repliedTo: Item | undefined;
}

/** One message: its bubble, time, state. At most eight elements for a text. */
export function messageTemplate(item: Item, _place: Place, _ctx: MessageContext): TemplateResult {
    return html`<div>${String(item.content)}</div>`;
}

/** For the shadow root of whoever shows messages. */
export const messageStyles = css``;

/** What is said of a message in a line: of the list, and of a reply. Text alone. */
export function previewOf(item: Item, _strings: Strings): string {
    return String(item.content);
}
