import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Chat } from 'parley-sdk';
import { english, type Strings } from './strings';

/** The conversations. Fires `parley-open` (detail: {peer}), bubbling and composed. */
@customElement('parley-list')
export class ParleyList extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) strings: Strings = english;
    /** The account whose thread is open. */
    @property({ attribute: false }) selected: string | undefined;

    override render() {
        return html``;
    }
}
