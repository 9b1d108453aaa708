import { LitElement, html } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { english, type Strings } from './strings';

/** Signing in with a wallet. Fires `parley-signed-in` (detail: {session}), bubbling and composed. */
@customElement('parley-sign-in')
export class ParleySignIn extends LitElement {
    @property() server = '';
    @property({ attribute: false }) strings: Strings = english;

    override render() {
        return html``;
    }
}
