import { css } from 'lit';

export const threadStyles = css`
    :host {
        display: flex;
        flex-direction: column;
        position: relative;
        min-width: 0;
        min-height: 0;
        height: 100%;
        background: var(--_bg);
        overflow: hidden;
    }
    .main {
        position: relative;
        flex: 1;
        min-height: 0;
        container-type: inline-size;
    }
    .log {
        position: absolute;
        inset: 0;
        overflow: hidden auto;
        overflow-anchor: none;
        overscroll-behavior: contain;
        scrollbar-gutter: stable;
        scrollbar-width: thin;
        scrollbar-color: var(--_border) transparent;
    }
    .log:focus-visible {
        outline-offset: -2px;
    }
    .sizer {
        position: relative;
        overflow: clip;
    }
    .column {
        position: absolute;
        inset-block: 0 auto;
        inset-inline: 0 auto;
        /* The scroll bar takes from the margin at the end, which so is as wide as the other one. */
        width: 100cqi;
    }
    .row,
    .new {
        --_margin: max(16px, (100cqi - 760px) / 2);
    }
    /* Letters with a hundred accents do not reach into what others have written. */
    .row {
        contain: content;
        padding: 0 var(--_margin);
    }
    .row.typing {
        padding-top: 12px;
    }
    .edge {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 10px;
        min-height: 48px;
        color: var(--_muted);
        font-size: 13px;
        text-align: center;
    }
    .spinner {
        width: 16px;
        height: 16px;
        flex: none;
        border: 2px solid var(--_border);
        border-top-color: var(--_accent);
        border-radius: 50%;
        animation: turn 800ms linear infinite;
    }
    @keyframes turn {
        to {
            transform: rotate(1turn);
        }
    }
    .day {
        padding: 16px 16px 4px;
        text-align: center;
    }
    .day span {
        display: inline-block;
        padding: 3px 12px;
        border-radius: 12px;
        background: var(--_surface);
        color: var(--_muted);
        font-size: 12px;
        line-height: 18px;
        font-weight: 500;
    }
    .new {
        display: flex;
        align-items: center;
        gap: 12px;
        padding: 14px var(--_margin) 2px;
        color: var(--_accent);
        font-size: 12px;
        line-height: 18px;
        font-weight: 600;
    }
    .new::before,
    .new::after {
        content: '';
        flex: 1;
        height: 1px;
        background: currentColor;
        opacity: 0.4;
    }
    .dots {
        display: inline-flex;
        gap: 5px;
        padding: 14px 16px;
        border-radius: var(--_radius);
        border-end-start-radius: 6px;
        background: var(--_other-bg);
    }
    .dots i {
        width: 7px;
        height: 7px;
        border-radius: 50%;
        background: var(--_muted);
        animation: dot 1.2s ease-in-out infinite;
    }
    .dots i:nth-child(2) {
        animation-delay: 160ms;
    }
    .dots i:nth-child(3) {
        animation-delay: 320ms;
    }
    @keyframes dot {
        0%,
        60%,
        100% {
            transform: none;
            opacity: 0.5;
        }
        30% {
            transform: translateY(-4px);
            opacity: 1;
        }
    }
    .placeholder {
        position: absolute;
        inset: 0;
        display: flex;
        flex-direction: column;
        align-items: center;
        justify-content: center;
        gap: 14px;
        padding: 24px;
        text-align: center;
        color: var(--_muted);
        pointer-events: none;
    }
    .placeholder button {
        pointer-events: auto;
    }
    .skeleton {
        align-items: stretch;
        justify-content: flex-end;
        gap: 10px;
        padding: 16px;
    }
    .skeleton i {
        width: 46%;
        height: 38px;
        border-radius: var(--_radius);
        background: var(--_surface);
        animation: pulse 1.4s ease-in-out infinite;
    }
    .skeleton i:nth-of-type(3n) {
        align-self: flex-end;
        width: 32%;
    }
    .skeleton i:nth-of-type(4n) {
        width: 60%;
        height: 58px;
    }
    @keyframes pulse {
        50% {
            opacity: 0.5;
        }
    }
    .newest {
        position: absolute;
        z-index: 2;
        inset-inline-end: 16px;
        bottom: 16px;
        display: inline-flex;
        align-items: center;
        justify-content: center;
        gap: 4px;
        min-width: 42px;
        height: 42px;
        border-radius: 21px;
        background: var(--_bg);
        color: var(--_muted);
        box-shadow:
            var(--_shadow),
            0 0 0 1px var(--_border);
        animation: rise 140ms ease-out;
    }
    @media (forced-colors: active) {
        .newest {
            border: 1px solid;
        }
    }
    .newest:hover {
        color: var(--_text);
        background: var(--_surface);
    }
    .newest.counts {
        padding: 0 10px 0 14px;
        background: var(--_accent);
        color: var(--_accent-text);
        font-size: 14px;
        font-weight: 600;
    }
    .newest.counts::before {
        content: attr(data-count);
    }
    @keyframes rise {
        from {
            opacity: 0;
            transform: translateY(8px);
        }
    }
    .banner {
        flex: none;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 10px 16px;
        padding: 12px max(16px, (100% - 760px) / 2);
        border-top: 1px solid var(--_border);
        background: var(--_surface);
        font-size: 14px;
    }
    .banner .words {
        flex: 1 1 240px;
    }
    .banner strong {
        display: block;
        font-weight: 600;
        font-variant-ligatures: none; /* of Inter: it writes 0x9 as a multiplication */
    }
    .banner .words span {
        color: var(--_muted);
        font-size: 13px;
    }
    .banner .choices {
        display: flex;
        gap: 8px;
    }
    .banner .secondary {
        background: var(--_bg);
    }
    .banner .harm {
        color: var(--_danger);
    }
    .banner.blocked {
        justify-content: center;
        min-height: 60px;
    }
    .banner.blocked .words {
        flex: 0 1 auto;
        color: var(--_muted);
    }
    .banner.error {
        background: var(--_danger-bg);
        color: var(--_danger);
    }
    .drop {
        position: absolute;
        z-index: 10;
        inset: 8px;
        display: flex;
        flex-direction: column;
        align-items: center;
        justify-content: center;
        gap: 10px;
        border: 2px dashed var(--_accent);
        border-radius: 16px;
        background: color-mix(in srgb, var(--_bg) 92%, transparent);
        color: var(--_text);
        font-weight: 600;
        pointer-events: none;
    }
    .drop svg {
        width: 36px;
        height: 36px;
        color: var(--_accent);
    }
    parley-composer {
        flex: none;
    }
`;
