import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { english, type Strings } from './strings';

/** A wallet's address, short; its button copies the whole of it. */
@customElement('parley-address')
export class ParleyAddress extends LitElement {
    @property() account = '';
    @property({ attribute: false }) strings: Strings = english;

    override render() {
        return html``;
    }
}
