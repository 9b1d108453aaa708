import { html, nothing, type TemplateResult } from 'lit';
import type { Item, ItemState } from 'parley-sdk';
import { say, type Strings } from './strings';

const CLOCK = 'M8 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 1 0 0-9M8 3.6V6l1.6 1.1';
const TICK = 'M4 6.5l3 3L13.5 3';
const TICKS = 'M1 6.5l3 3L10.5 3M8 9l.5.5L15 3';
const WARNING = 'M8 1.2a4.8 4.8 0 1 0 0 9.6a4.8 4.8 0 1 0 0-9.6M8 3.6v2.9M8 8.4v.01';

/** Of one line each: with an icon of icons.ts a message would have two elements more. */
const SHAPES: Record<Exclude<ItemState, 'received'>, string> = {
    queued: CLOCK,
    uploading: CLOCK,
    sending: CLOCK,
    sent: TICK,
    delivered: TICKS,
    read: TICKS,
    failed: WARNING,
};

/** How one's own message stands, in words; empty for those of others. */
export function stateLabel(item: Item, strings: Strings): string {
    if (item.state === 'received') return '';
    const percent = Math.floor((item.progress ?? 0) * 100);
    return say(strings[item.state], { percent });
}

/** The same as a picture that has these words as its name. */
export function stateMark(item: Item, strings: Strings): TemplateResult | typeof nothing {
    if (item.state === 'received') return nothing;
    return html`<svg
        class="state ${item.state}"
        role="img"
        aria-label=${stateLabel(item, strings)}
        viewBox="0 0 16 12"
    >
        <path d=${SHAPES[item.state]} />
    </svg>`;
}
