import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

/** Lines in a square of 24; as large as the text around, twice a little more. Decoration: what it
 * means is said by the name of the button that has it. */
export const icon = (paths: SVGTemplateResult): TemplateResult =>
    html`<svg
        viewBox="0 0 24 24"
        width="22"
        height="22"
        fill="none"
        stroke="currentColor"
        stroke-width="1.9"
        stroke-linecap="round"
        stroke-linejoin="round"
        aria-hidden="true"
        focusable="false"
    >
        ${paths}
    </svg>`;

export const icons = {
    back: icon(svg`<path d="M15 5l-7 7 7 7"/>`),
    send: icon(svg`<path d="M12 20V5M5 11.5L12 4.5l7 7"/>`),
    attach: icon(
        svg`<path d="M20 11.5l-8.2 8.2a5 5 0 0 1-7.1-7.1l8.6-8.6a3.3 3.3 0 0 1 4.7 4.7l-8.6 8.5a1.7 1.7 0 0 1-2.4-2.4l7.8-7.7"/>`,
    ),
    mic: icon(
        svg`<rect x="9" y="3" width="6" height="11" rx="3"/><path d="M5.5 11.5a6.5 6.5 0 0 0 13 0M12 18v3"/>`,
    ),
    close: icon(svg`<path d="M6 6l12 12M18 6L6 18"/>`),
    copy: icon(
        svg`<rect x="9" y="9" width="11" height="11" rx="2"/><path d="M15 5.5V5a2 2 0 0 0-2-2H6a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h.5"/>`,
    ),
    check: icon(svg`<path d="M5 12.5l4.5 4.5L19 7.5"/>`),
    more: icon(svg`<path d="M12 5.5v.01M12 12v.01M12 18.5v.01" stroke-width="2.8"/>`),
    down: icon(svg`<path d="M6 9l6 6 6-6"/>`),
    block: icon(svg`<circle cx="12" cy="12" r="8.5"/><path d="M6 6l12 12"/>`),
    edit: icon(svg`<path d="M12 20h8M5 15.5L15.8 4.7a2 2 0 0 1 2.8 2.8L8 18.2 4 19.5z"/>`),
    offline: icon(
        svg`<path d="M4 4l16 16M8.5 12.5a5.5 5.5 0 0 1 3-1.4M5 9a11 11 0 0 1 3.5-2.2M12 6a11 11 0 0 1 7 3M15.5 12.5l-.5-.4M12 17.5v.01"/>`,
    ),
    signOut: icon(svg`<path d="M10 4H6a2 2 0 0 0-2 2v12a2 2 0 0 0 2 2h4M15 8l4 4-4 4M19 12H9"/>`),
    // What a message's state is, beside its time.
    clock: icon(svg`<circle cx="12" cy="12" r="7.5"/><path d="M12 8v4.3l2.6 1.6"/>`),
    tick: icon(svg`<path d="M5 12.5l4.5 4.5L19 7.5"/>`),
    ticks: icon(svg`<path d="M2 12.5l4.5 4.5L15 8M10.5 15.8l1.2 1.2L21 7.5"/>`),
    warning: icon(svg`<path d="M12 7.5v5.5M12 16.5v.01"/><circle cx="12" cy="12" r="8.5"/>`),
};
