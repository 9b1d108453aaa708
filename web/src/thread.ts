import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Chat, Thread } from 'parley-sdk';
import { english, type Strings } from './strings';

/** One conversation, with its head and its composer. Fires `parley-back`, bubbling and composed. */
@customElement('parley-thread')
export class ParleyThread extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;
    /** Whether there is a list to go back to. */
    @property({ type: Boolean }) hasBack = false;

    override render() {
        return html``;
    }
}
