import { css, html, nothing, type TemplateResult } from 'lit';
import type { Chat } from 'parley-sdk';
import { icons } from './icons';
import type { Strings } from './strings';
import { whyOf } from './why';

export const statusStyles = css`
    .status {
        flex: none;
    }
    /* Most connections are there, or back, before anybody should hear of it. */
    .progress {
        position: absolute;
        z-index: 3;
        inset: 0 0 auto;
        height: 2px;
        overflow: hidden;
    }
    .progress,
    .progress + .sr-only {
        animation: appear 1ms 400ms both;
    }
    .progress::before {
        content: '';
        position: absolute;
        inset-block: 0;
        width: 40%;
        background: var(--_accent);
        animation: slide 1.1s ease-in-out infinite;
    }
    .bar {
        display: grid;
        grid-template-rows: 1fr;
        border-bottom: 1px solid var(--_border);
        background: var(--_surface);
        font-size: 13px;
    }
    .bar.passing {
        animation: unfold 160ms 700ms ease-out both;
    }
    .bar.ended {
        background: var(--_danger-bg);
        color: var(--_danger);
    }
    .bar > div {
        display: flex;
        align-items: center;
        justify-content: center;
        gap: 10px;
        min-height: 0;
        overflow: hidden;
        padding: 0 12px;
    }
    .bar svg {
        width: 18px;
        height: 18px;
        flex: none;
    }
    .bar span {
        padding: 9px 0;
        overflow-wrap: anywhere;
    }
    .bar button {
        min-height: 40px;
        padding: 0 10px;
        border-radius: 10px;
        font-weight: 650;
        text-decoration: underline;
        text-underline-offset: 3px;
        white-space: nowrap;
    }
    @keyframes appear {
        from {
            visibility: hidden;
        }
    }
    @keyframes slide {
        from {
            left: -40%;
        }
        to {
            left: 100%;
        }
    }
    @keyframes unfold {
        from {
            visibility: hidden;
            grid-template-rows: 0fr;
            border-bottom-width: 0;
        }
    }
`;

const ended = (text: string, strings: Strings, onRetry: () => void): TemplateResult =>
    html`<div class="bar ended">
        <div>
            ${icons.warning}<span>${text}</span>
            <button @click=${onRetry}>${strings.tryAgain}</button>
        </div>
    </div>`;

const passing = (text: string): TemplateResult =>
    html`<div class="bar passing">
        <div>${icons.offline}<span>${text}</span></div>
    </div>`;

function content(
    chat: Chat,
    trouble: string,
    strings: Strings,
    onRetry: () => void,
): TemplateResult | typeof nothing {
    switch (chat.status) {
        case 'online':
            return nothing;
        case 'connecting':
            if (trouble) return passing(trouble);
            return html`<div class="progress"></div>
                <span class="sr-only">${strings.connecting}</span>`;
        case 'offline':
            return passing(trouble || strings.offline);
        case 'idle':
        case 'stopped':
            return ended(
                trouble || (chat.error ? whyOf(chat.error, strings) : strings.stopped),
                strings,
                onRetry,
            );
    }
}

/**
 * What is wrong with the connection, in a line over everything; nothing while it is well.
 *
 * @param trouble  why there is no token at the moment, where that is so
 */
export const statusBar = (
    chat: Chat,
    trouble: string,
    strings: Strings,
    onRetry: () => void,
): TemplateResult =>
    html`<div class="status" role="status">${content(chat, trouble, strings, onRetry)}</div>`;
