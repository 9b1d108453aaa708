import { css } from 'lit';

export const chatStyles = css`
    :host {
        display: block;
        position: relative;
        height: 100%;
        min-height: 480px;
        overflow: hidden;
        background: var(--_bg);
    }
    .app {
        position: absolute;
        inset: 0;
        display: flex;
        flex-direction: column;
        container-type: inline-size;
        outline: none;
    }
    .panes {
        position: relative;
        flex: 1;
        min-height: 0;
        display: flex;
    }
    parley-list {
        flex: none;
        width: 320px;
        border-inline-end: 1px solid var(--_border);
    }
    .narrow parley-list {
        width: 100%;
        border: 0;
    }
    /* It keeps its size there, and so where it was scrolled to. */
    .behind {
        position: absolute;
        inset: 0;
        visibility: hidden;
    }
    .pane {
        flex: 1;
        min-width: 0;
        display: flex;
        flex-direction: column;
        outline: none;
    }
    parley-thread {
        flex: 1;
        min-height: 0;
    }
    .notice {
        display: grid;
        justify-items: center;
        gap: 14px;
        margin: auto;
        padding: 24px;
        text-align: center;
        color: var(--_muted);
    }
`;
