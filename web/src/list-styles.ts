import { css } from 'lit';

export const listStyles = css`
    :host {
        display: flex;
        flex-direction: column;
        min-width: 0;
        min-height: 0;
        position: relative;
        background: var(--_bg);
    }
    .head {
        display: flex;
        align-items: center;
        gap: 4px;
        height: 60px;
        flex: none;
        padding-inline: 16px 8px;
        border-bottom: 1px solid var(--_border);
    }
    .head.under {
        padding-inline-start: 8px;
    }
    h2 {
        flex: 1;
        min-width: 0;
        margin: 0;
        font-size: 17px;
        font-weight: 650;
        letter-spacing: -0.01em;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
    }
    :host(:dir(rtl)) .flip svg {
        transform: scaleX(-1);
    }
    .error {
        margin: 8px 0 0;
        font-size: 13px;
        color: var(--_danger);
    }
    .scroll {
        flex: 1;
        min-height: 0;
        overflow: auto;
        overscroll-behavior: contain;
        scrollbar-width: thin;
        padding: 8px;
    }
    ul {
        margin: 0;
        padding: 0;
        list-style: none;
    }
    .row {
        position: relative;
        display: flex;
        align-items: center;
        gap: 12px;
        width: 100%;
        height: 72px;
        padding: 0 8px;
        border-radius: 12px;
        text-align: start;
        transition: background 120ms;
    }
    .row:focus-visible {
        outline-offset: -2px;
    }
    .row:hover {
        background: var(--_surface);
    }
    .row[aria-current='true'] {
        background: var(--_hover);
    }
    @media (forced-colors: active) {
        .row[aria-current='true'] {
            border: 2px solid Highlight;
        }
        .mark {
            forced-color-adjust: none;
            color: CanvasText !important;
        }
    }
    .face {
        position: relative;
        flex: none;
    }
    .dot {
        position: absolute;
        inset-inline-end: -1px;
        bottom: -1px;
        width: 13px;
        height: 13px;
        border: 2px solid var(--_bg);
        border-radius: 50%;
        background: var(--_online);
    }
    .pair {
        position: relative;
        width: 44px;
        height: 44px;
        flex: none;
    }
    .pair .avatar {
        position: absolute;
        top: 0;
        inset-inline-start: 0;
    }
    .pair .avatar + .avatar {
        top: auto;
        bottom: 0;
        inset-inline: auto 0;
        box-sizing: content-box;
        border: 2px solid var(--_bg);
        margin: -2px;
    }
    .words {
        flex: 1;
        min-width: 0;
    }
    .line {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 22px;
    }
    .who,
    .preview {
        flex: 1;
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        /* The side is the page's, the order of the words their own. */
        text-align: -webkit-match-parent;
        text-align: match-parent;
    }
    .who {
        font-weight: 600;
        font-variant-ligatures: none; /* of Inter: it writes 0x9 as a multiplication */
    }
    .when {
        font-size: 12px;
        color: var(--_muted);
        white-space: nowrap;
    }
    .preview {
        font-size: 14px;
        color: var(--_muted);
    }
    .new .preview {
        color: var(--_text);
    }
    .new .when {
        color: var(--_accent);
        font-weight: 600;
    }
    .typing .preview {
        color: var(--_accent);
    }
    .mark {
        display: inline-grid;
        flex: none;
        margin-inline-end: -4px;
        color: var(--_muted);
    }
    .mark svg {
        width: 16px;
        height: 16px;
    }
    .mark.read {
        color: var(--_accent);
    }
    .mark.warning {
        color: var(--_danger);
    }
    .badge {
        flex: none;
        min-width: 20px;
        height: 20px;
        padding: 0 6px;
        border-radius: 10px;
        background: var(--_accent);
        color: var(--_accent-text);
        font-size: 12px;
        font-weight: 650;
        line-height: 20px;
        text-align: center;
    }
    .end {
        display: grid;
        justify-items: center;
        padding: 8px 8px 16px;
    }
    .empty {
        display: grid;
        justify-items: center;
        padding: 40px 16px;
        text-align: center;
        color: var(--_muted);
    }
    .empty strong {
        margin-top: 12px;
        color: var(--_text);
    }
    .bone {
        background: var(--_hover);
        border-radius: 7px;
        height: 12px;
    }
    .bone.face {
        width: 44px;
        height: 44px;
        border-radius: 50%;
    }
    .bone + .bone {
        width: 85%;
        margin-top: 10px;
    }
    .words .bone:first-child {
        width: 45%;
    }
    .skeleton .row {
        background: none;
        animation: breathe 1.4s ease-in-out infinite alternate;
    }
    @keyframes breathe {
        to {
            opacity: 0.45;
        }
    }
`;
