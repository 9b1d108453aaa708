import { html } from 'lit';

/** Two bubbles, where there is nothing to show yet. Decoration. */
export const bubbles = html`<svg
    viewBox="0 0 120 84"
    width="120"
    height="84"
    fill="none"
    stroke-width="2.4"
    stroke-linecap="round"
    stroke-linejoin="round"
    aria-hidden="true"
    focusable="false"
>
    <path
        d="M22 8h50a14 14 0 0 1 14 14v14a14 14 0 0 1-14 14H36L20 60V49a14 14 0 0 1-12-13V22A14 14 0 0 1 22 8z"
        fill="var(--_surface)"
        stroke="var(--_border)"
    />
    <path d="M26 24h38M26 35h24" stroke="var(--_border)" />
    <path
        d="M98 34a14 14 0 0 1 14 14v10a14 14 0 0 1-10 13.4V80L90 72H64a14 14 0 0 1-14-14V48a14 14 0 0 1 14-14z"
        fill="var(--_accent)"
        stroke="var(--_bg)"
    />
    <path d="M70 53.5v.01M81 53.5v.01M92 53.5v.01" stroke="var(--_accent-text)" stroke-width="5" />
</svg>`;
