/** As lit/decorators.js has them, of TypeScript's kind and for fields alone: a tenth of the size. */
import type { LitElement, PropertyDeclaration } from 'lit';

type FieldDecorator = (prototype: LitElement, name: string) => void;

/** The element renders anew when it changes. */
export const property =
    (options?: PropertyDeclaration): FieldDecorator =>
    (prototype, name) =>
        (prototype.constructor as typeof LitElement).createProperty(name, options);

/** The same, of what is the element's own. */
export const state = (): FieldDecorator => property({ state: true, attribute: false });

/** What there is in its shadow root at the moment; null where there is none. */
export const query =
    (selector: string): FieldDecorator =>
    (prototype, name) =>
        Object.defineProperty(prototype, name, {
            get(this: LitElement) {
                return this.renderRoot?.querySelector(selector) ?? null;
            },
        });
