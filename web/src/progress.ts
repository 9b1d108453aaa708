import { css, html, type TemplateResult } from 'lit';
import type { Item, Thread } from 'parley-sdk';
import { icons } from './icons';
import type { Strings } from './strings';

/** Whether its file is still to be sent, and may be given up. */
export const isPending = (item: Item): boolean =>
    item.state === 'uploading' || item.state === 'queued';

/** Of a hundred: so much of the ring is there from the start. */
const SEEN = 4;

/** How far a file is, around a button that gives it up. What it says is in the message's state. */
export function cancelButton(item: Item, thread: Thread, strings: Strings): TemplateResult {
    return html`<button
        class="cancel"
        aria-label=${strings.cancel}
        title=${strings.cancel}
        @click=${() => thread.discard(item.key)}
    >
        <svg class="ring" viewBox="0 0 40 40" aria-hidden="true">
            <circle cx="20" cy="20" r="17" />
            <circle
                class="done"
                cx="20"
                cy="20"
                r="17"
                pathLength="100"
                stroke-dasharray="${Math.max(SEEN, (item.progress ?? 0) * 100)} 100"
            />
        </svg>
        ${icons.close}
    </button>`;
}

export const progressStyles = css`
    .cancel {
        position: relative;
        display: grid;
        place-items: center;
        flex: none;
        width: 40px;
        height: 40px;
        border-radius: 50%;
    }
    .cancel svg:not(.ring) {
        width: 18px;
        height: 18px;
    }
    .ring {
        position: absolute;
        inset: 0;
        fill: none;
        stroke: currentColor;
        stroke-width: 3;
        transform: rotate(-90deg);
    }
    .ring :not(.done) {
        opacity: 0.2;
    }
    .ring .done {
        transition: stroke-dasharray 160ms linear;
    }
`;
