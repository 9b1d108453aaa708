import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { icons } from '../src/icons';
import { mediaIcons } from '../src/media-icons';
import { signInEnglish } from '../src/sign-in-strings';
import { english } from '../src/strings';

const dir = fileURLToPath(new URL('../src', import.meta.url));
/** All sources but those where they are said. */
const sources = readdirSync(dir)
    .filter(
        (name) =>
            name.endsWith('.ts') && !/^(strings|sign-in-strings|icons|media-icons)\.ts$/.test(name),
    )
    .map((name) => readFileSync(`${dir}/${name}`, 'utf8'))
    .join('\n');

const read = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)), 'utf8');
/** Where codes of errors are said: the server's, and the SDK's own. */
const codes = read('../../docs/protocol.md') + read('../../sdk/src/errors.ts');

/**
 * Some are named by what comes from elsewhere: the state of a message, the kind of its file, the
 * code of an error.
 */
const isUsed = (name: string) =>
    name.startsWith('why_')
        ? codes.includes(`\`${name.slice('why_'.length)}\``)
        : new RegExp(`\\b${name}\\b`).test(sources);

describe('something uses', () => {
    it.each([...Object.keys(english), ...Object.keys(signInEnglish)])('the string %s', (name) => {
        expect(isUsed(name)).toBe(true);
    });

    it.each([...Object.keys(icons), ...Object.keys(mediaIcons)])('the icon %s', (name) => {
        expect(sources).toMatch(new RegExp(`cons\\.${name}\\b|'${name}'`));
    });
});
