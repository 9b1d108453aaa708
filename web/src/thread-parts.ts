/** What a thread shows beside its messages. */
import { html, nothing, type TemplateResult } from 'lit';
import { bubbles } from './drawing';
import { icons } from './icons';
import { say, type Strings } from './strings';
import type { Edge } from './timeline';

type Act = () => unknown;

export const retryButton = (strings: Strings, onRetry: Act): TemplateResult =>
    html`<button class="secondary" @click=${onRetry}>${strings.tryAgain}</button>`;

/** What is at the start of what is here. */
export function edgeText(edge: Edge, strings: Strings, onRetry: Act): unknown {
    if (edge === 'beginning') return strings.beginning;
    if (edge === 'older')
        return html`<span class="spinner"></span><span>${strings.loadingOlder}</span>`;
    return html`<span role="alert">${strings.loadFailed}</span>${retryButton(strings, onRetry)}`;
}

// In place of messages, where there are none to show.

export const notLoaded = (strings: Strings, onRetry: Act): TemplateResult =>
    html`<div class="placeholder">
        <span role="alert">${strings.notLoaded}</span>${retryButton(strings, onRetry)}
    </div>`;

export const loading = (strings: Strings): TemplateResult =>
    html`<div class="placeholder skeleton">
        <span class="sr-only" role="status">${strings.loading}</span>
        <i></i><i></i><i></i><i></i><i></i>
    </div>`;

export const noMessages = (strings: Strings): TemplateResult =>
    html`<div class="placeholder">${bubbles}<span>${strings.noMessages}</span></div>`;

/**
 * To the end of the thread. The number is painted by the style: in the name it would change what
 * the button is called.
 *
 * @param n  of new messages there
 */
export const newestButton = (n: number, strings: Strings, onClick: Act): TemplateResult =>
    html`<button
            class="newest ${n > 0 ? 'counts' : ''}"
            data-count=${n}
            aria-label=${strings.toNewest}
            aria-describedby=${n > 0 ? 'count' : nothing}
            @click=${onClick}
        >
            ${icons.down}
        </button>
        <span id="count" hidden>${say(strings.unread, { n })}</span>`;

// What is to be decided of the peer.

export const blockedBanner = (strings: Strings, onUnblock: Act): TemplateResult =>
    html`<div class="banner blocked">
        <span class="words">${strings.blocked}</span>
        <button class="secondary" @click=${onUnblock}>${strings.unblock}</button>
    </div>`;

export const requestBanner = (
    name: string,
    strings: Strings,
    onAccept: Act,
    onBlock: Act,
): TemplateResult =>
    html`<div class="banner">
        <div class="words">
            <strong dir="auto">${say(strings.requestTitle, { name })}</strong>
            <span>${strings.requestText}</span>
        </div>
        <div class="choices">
            <button class="secondary harm" @click=${onBlock}>${strings.block}</button>
            <button class="primary" @click=${onAccept}>${strings.accept}</button>
        </div>
    </div>`;
