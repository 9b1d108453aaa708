import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Auth, Chat } from 'parley-sdk';
import { english, type Strings } from './strings';

/** The widget: see docs/embedding.md. */
@customElement('parley-chat')
export class ParleyChat extends LitElement {
    /** Where the server is. Default: where this file came from. */
    @property() server = '';
    /** With whom: then there is no list. */
    @property() to = '';
    @property({ reflect: true }) theme: 'auto' | 'light' | 'dark' = 'auto';
    /** Asked by POST, with the page's cookies, for {token}: sign-in by one's own backend. */
    @property({ attribute: 'token-url' }) tokenUrl = '';
    /** Instead of token-url: who signs in, by the page's own code. */
    @property({ attribute: false }) auth: Auth | undefined;
    /** Instead of all of these: a Chat that the page has made. */
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) strings: Partial<Strings> = english;

    override render() {
        return html``;
    }
}

declare global {
    interface HTMLElementTagNameMap {
        'parley-chat': ParleyChat;
    }
}
