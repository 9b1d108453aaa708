import { accountKey } from 'parley-sdk';
import { html, svg, type SVGTemplateResult, type TemplateResult } from 'lit';

const MIDDLE = 2;

/** The next of an endless row of numbers that the text begins: FNV-1a, and then xorshift. */
function numbersOf(text: string): () => number {
    let state = 0x811c9dc5;
    for (const char of text) state = Math.imul(state ^ char.charCodeAt(0), 0x01000193);
    state ||= 1;
    return () => {
        state ^= state << 13;
        state ^= state >>> 17;
        state ^= state << 5;
        return state >>> 0;
    };
}

/** What an avatar is made of: its colours, and which cells of the pattern are set. */
export interface Face {
    readonly ground: string;
    readonly glow: string;
    /** Of a square of five, row by row; the right half mirrors the left. */
    readonly cells: readonly boolean[];
}

export function faceOf(account: string): Face {
    const next = numbersOf(accountKey(account));
    next();
    const hue = next() % 360;
    const glow = (hue + 35 + (next() % 50)) % 360;
    const half = Array.from({ length: 15 }, () => next() % 100 < 52);
    const cells = Array.from({ length: 25 }, (_, at) => {
        const column = at % 5;
        const mirrored = column > MIDDLE ? 4 - column : column;
        return half[Math.floor(at / 5) * 3 + mirrored] ?? false;
    });
    return { ground: `hsl(${hue} 52% 46%)`, glow: `hsl(${glow} 72% 60%)`, cells };
}

function dots(cells: readonly boolean[]): SVGTemplateResult[] {
    return cells.flatMap((isSet, at) => {
        if (!isSet) return [];
        const x = 9 + (at % 5) * 4.4;
        const y = 9 + Math.floor(at / 5) * 4.4;
        return [svg`<rect x=${x} y=${y} width="4.5" height="4.5" rx="0.9"/>`];
    });
}

/** A picture made from the address, the same for all forms of it. Decoration: it has no name. */
export function avatar(account: string, size: number): TemplateResult {
    const { ground, glow, cells } = faceOf(account);
    return html`<svg
        class="avatar"
        viewBox="0 0 40 40"
        width=${size}
        height=${size}
        aria-hidden="true"
        focusable="false"
    >
        <rect width="40" height="40" fill=${ground} />
        <circle cx="8" cy="6" r="26" fill=${glow} fill-opacity="0.35" />
        <circle cx="5" cy="2" r="17" fill=${glow} fill-opacity="0.5" />
        <g fill="#fff" fill-opacity="0.9">${dots(cells)}</g>
    </svg>`;
}
