import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { Chat, Item, Thread } from 'parley-sdk';
import { english, type Strings } from './strings';

/** Where one writes. Fires `parley-sent` (detail: {item}), so that the thread shows its end. */
@customElement('parley-composer')
export class ParleyComposer extends LitElement {
    @property({ attribute: false }) chat: Chat | undefined;
    @property({ attribute: false }) thread: Thread | undefined;
    @property({ attribute: false }) strings: Strings = english;

    /** Files that were dropped on the thread, or pasted elsewhere in it. */
    addFiles(_files: Iterable<File>): void {}

    override focus(): void {}

    override render() {
        return html``;
    }
}
export type { Item };
