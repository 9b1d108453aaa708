import { describe, expect, it } from 'vitest';
import { darkTokens, tokens } from '../src/tokens';

type Rgb = readonly [number, number, number];

/** The defaults that a sheet gives; of dark ones the first are as good as the others. */
function defaultsOf(sheet: string): Map<string, Rgb> {
    const found = sheet.matchAll(/--_([\w-]+): var\(--parley-[\w-]+, #(\w{6})\)/g);
    return new Map(
        [...found].map(([, name, hex]) => {
            const bytes = [0, 2, 4].map((at) => parseInt(hex!.slice(at, at + 2), 16));
            return [name!, bytes as unknown as Rgb];
        }),
    );
}

/** Relative luminance, as WCAG 2 has it. */
function luminance(colour: Rgb): number {
    const [r, g, b] = colour.map((byte) => {
        const part = byte / 255;
        return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r! + 0.7152 * g! + 0.0722 * b!;
}

function contrast(one: Rgb, other: Rgb): number {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high! + 0.05) / (low! + 0.05);
}

/** [what is seen, on which grounds, the least contrast]: 4.5 of text, 3 of what is no text. */
const PAIRS: [string, string[], number][] = [
    ['text', ['bg', 'surface', 'hover', 'other-bg'], 4.5],
    ['muted', ['bg', 'surface', 'hover', 'other-bg'], 4.5],
    ['accent', ['bg', 'surface', 'hover', 'other-bg'], 4.5],
    ['accent-text', ['accent'], 4.5],
    ['own-text', ['own-bg'], 4.5],
    ['own-muted', ['own-bg'], 4.5],
    ['own-read', ['own-bg'], 3],
    ['other-text', ['other-bg'], 4.5],
    ['danger', ['bg', 'surface', 'hover', 'danger-bg'], 4.5],
    ['online', ['bg', 'surface', 'hover'], 3],
    ['focus', ['bg', 'surface', 'hover', 'other-bg'], 3],
    ['own-bg', ['bg'], 3],
];

const themes = { light: defaultsOf(tokens.cssText), dark: defaultsOf(darkTokens.cssText) };

describe.each(Object.entries(themes))('the %s theme', (_, theme) => {
    const pairs = PAIRS.flatMap(([seen, grounds, least]) =>
        grounds.map((ground) => ({ seen, ground, least })),
    );
    it.each(pairs)('shows $seen on $ground by $least at least', ({ seen, ground, least }) => {
        expect(contrast(theme.get(seen)!, theme.get(ground)!)).toBeGreaterThanOrEqual(least);
    });
});
