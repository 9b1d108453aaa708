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

/** Applies them, where esbuild would have a function of its own in each file: see build-decorators.ts. */
export function __decorateClass(
    decorators: readonly FieldDecorator[],
    prototype: LitElement,
    name: string,
): void {
    for (const decorate of decorators) decorate(prototype, name);
}
