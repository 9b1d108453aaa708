import { css } from 'lit';

/**
 * What a page may set, on <parley-chat>: each has its default here and nowhere else. Text on each
 * ground has a contrast of 4.5 at least, in both themes; what is no text, of 3.
 */
export const tokens = css`
    :host {
        --_accent: var(--parley-accent, #3457d5);
        --_accent-text: var(--parley-accent-text, #ffffff);
        --_bg: var(--parley-bg, #ffffff);
        --_surface: var(--parley-surface, #f4f5f8);
        --_hover: var(--parley-hover, #ebedf3);
        --_text: var(--parley-text, #16181d);
        --_muted: var(--parley-muted, #5d6370);
        --_border: var(--parley-border, #e1e4ea);
        --_own-bg: var(--parley-own-bg, #3457d5);
        --_own-text: var(--parley-own-text, #ffffff);
        --_own-muted: var(--parley-own-muted, #dbe2ff);
        --_own-read: var(--parley-own-read, #7deaff);
        --_other-bg: var(--parley-other-bg, #eff1f5);
        --_other-text: var(--parley-other-text, #16181d);
        --_danger: var(--parley-danger, #b42318);
        --_danger-bg: var(--parley-danger-bg, #fef3f2);
        --_online: var(--parley-online, #128a45);
        --_focus: var(--parley-focus, #3457d5);
        --_radius: var(--parley-radius, 18px);
        --_font: var(
            --parley-font,
            Inter,
            system-ui,
            -apple-system,
            'Segoe UI',
            Roboto,
            'Noto Sans',
            sans-serif,
            'Apple Color Emoji',
            'Segoe UI Emoji',
            'Noto Color Emoji'
        );
        --_shadow: var(--parley-shadow, 0 8px 28px rgb(15 20 40 / 16%));
        color-scheme: light;
    }
`;

/** The defaults that differ where it is dark. */
const dark = css`
    --_accent: var(--parley-accent, #7d9bff);
    --_accent-text: var(--parley-accent-text, #0c1230);
    --_bg: var(--parley-bg, #14161b);
    --_surface: var(--parley-surface, #1c1f26);
    --_hover: var(--parley-hover, #262a33);
    --_text: var(--parley-text, #eceef3);
    --_muted: var(--parley-muted, #a2a9b8);
    --_border: var(--parley-border, #2d323d);
    --_own-bg: var(--parley-own-bg, #3c5bcd);
    --_own-text: var(--parley-own-text, #ffffff);
    --_own-muted: var(--parley-own-muted, #dbe2ff);
    --_own-read: var(--parley-own-read, #7deaff);
    --_other-bg: var(--parley-other-bg, #262a33);
    --_other-text: var(--parley-other-text, #eceef3);
    --_danger: var(--parley-danger, #ff9a90);
    --_danger-bg: var(--parley-danger-bg, #3a1d1b);
    --_online: var(--parley-online, #3ecf7a);
    --_focus: var(--parley-focus, #9db2ff);
    --_shadow: var(--parley-shadow, 0 8px 28px rgb(0 0 0 / 50%));
    color-scheme: dark;
`;

export const darkTokens = css`
    :host([theme='dark']) {
        ${dark}
    }
    @media (prefers-color-scheme: dark) {
        :host(:not([theme='light'])) {
            ${dark}
        }
    }
    @media (prefers-contrast: more) {
        :host([theme]) {
            --_border: currentColor;
            --_muted: var(--_text);
        }
    }
`;

/** What every element of ours begins with: the shadow root of each is its own. */
export const base = css`
    *,
    *::before,
    *::after {
        box-sizing: border-box;
    }
    :host {
        font: 15px/1.4 var(--_font);
        color: var(--_text);
        -webkit-tap-highlight-color: transparent;
    }
    :host([hidden]),
    [hidden] {
        display: none !important;
    }
    button {
        font: inherit;
        color: inherit;
        background: none;
        border: 0;
        padding: 0;
        cursor: pointer;
    }
    button:disabled {
        cursor: default;
    }
    :focus-visible {
        outline: 2px solid var(--_focus);
        outline-offset: 2px;
    }
    .icon-button {
        display: inline-grid;
        place-items: center;
        width: 40px;
        height: 40px;
        border-radius: 50%;
        color: var(--_muted);
        flex: none;
    }
    .icon-button:hover:not(:disabled) {
        background: var(--_hover);
        color: var(--_text);
    }
    .primary,
    .secondary,
    .danger {
        min-height: 40px;
        padding: 0 18px;
        border-radius: 20px;
        font-weight: 600;
    }
    .primary {
        background: var(--_accent);
        color: var(--_accent-text);
    }
    .secondary {
        background: var(--_surface);
        color: var(--_text);
        box-shadow: inset 0 0 0 1px var(--_border);
    }
    .danger {
        background: var(--_danger);
        color: var(--_bg);
    }
    .avatar {
        display: block;
        flex: none;
        border-radius: 50%;
    }
    .sr-only {
        position: absolute;
        width: 1px;
        height: 1px;
        margin: -1px;
        overflow: hidden;
        clip-path: inset(50%);
        white-space: nowrap;
    }
    /* There are no grounds and shadows then, to tell a button by. */
    @media (forced-colors: active) {
        .primary,
        .secondary,
        .danger,
        .menu,
        dialog,
        textarea {
            border: 1px solid !important;
        }
    }
    @media (prefers-reduced-motion: reduce) {
        *,
        *::before,
        *::after {
            animation-duration: 0.01ms !important;
            /* What goes on for ever would flicker. */
            animation-iteration-count: 1 !important;
            transition-duration: 0.01ms !important;
        }
    }
`;
