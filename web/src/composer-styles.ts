import { css } from 'lit';

export const composerStyles = css`
    :host {
        display: block;
        padding-inline: max(0px, (100% - 784px) / 2);
        padding-bottom: env(safe-area-inset-bottom, 0);
        border-top: 1px solid var(--_border);
        background: var(--_bg);
    }
    .bar {
        display: flex;
        align-items: flex-end;
        gap: 8px;
        min-height: 60px;
        padding: 10px 12px;
    }
    .field {
        position: relative;
        flex: 1;
        min-width: 0;
        display: grid;
    }
    textarea {
        field-sizing: content;
        width: 100%;
        min-height: 40px;
        max-height: calc(6 * 1.4em + 19px);
        margin: 0;
        padding: 9.5px 16px;
        border: 0;
        border-radius: 20px;
        background: var(--_surface);
        color: inherit;
        font: inherit;
        overflow-y: auto;
        overscroll-behavior: contain;
        overflow-wrap: anywhere;
        resize: none;
        scrollbar-width: thin;
    }
    textarea::placeholder {
        color: var(--_muted);
        opacity: 1;
    }
    textarea:focus-visible {
        outline: 1.5px solid var(--_focus);
        outline-offset: -1.5px;
        box-shadow: 0 0 0 3px color-mix(in srgb, var(--_focus) 25%, transparent);
    }
    textarea[aria-invalid='true'] {
        outline: 2px solid var(--_danger);
        box-shadow: none;
    }
    #left {
        justify-self: end;
        padding: 2px 16px 0;
        color: var(--_muted);
        font-size: 12px;
        font-variant-numeric: tabular-nums;
    }
    #left.over {
        color: var(--_danger);
        font-weight: 600;
    }
    #problem p {
        margin: 10px 12px 0;
        padding: 8px 14px;
        border-radius: 12px;
        background: var(--_danger-bg);
        color: var(--_danger);
        font-size: 14px;
        overflow-wrap: anywhere;
    }
    .send:not(:disabled) {
        background: var(--_accent);
        color: var(--_accent-text);
        transition: background-color 140ms;
    }
    .send:hover:not(:disabled) {
        background: var(--_accent);
        color: var(--_accent-text);
        filter: brightness(1.08);
    }
    .send:disabled {
        background: var(--_surface);
    }
    /* A phone zooms in on a field whose text is smaller. */
    @media (pointer: coarse) {
        textarea {
            font-size: 16px;
        }
    }
`;
