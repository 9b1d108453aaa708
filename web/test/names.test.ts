import { describe, expect, it } from 'vitest';
import { knownName, shownName } from '../src/names';
import { BOB } from './fake';

describe('an account is shown', () => {
    it.each([
        ['by its name', 'Bob', 'Bob'],
        ['by a name as it is, whatever is in it', '<b>Bob</b>', '<b>Bob</b>'],
        ['by its name without what turns the text around it', '\u202eboB\u202c', 'boB'],
        ['by its address where it has no name', undefined, '0xfB69…d359'],
        ['by its address where the name is empty', '', '0xfB69…d359'],
        ['by its address where there is nothing to see in the name', ' \u202e ', '0xfB69…d359'],
    ])('%s', (_, name, shown) => {
        expect(shownName(BOB, () => name)).toBe(shown);
    });

    it('by the name of just this account', () => {
        const nameOf = (account: string) => (account === BOB ? 'Bob' : undefined);
        expect(knownName(BOB, nameOf)).toBe('Bob');
        expect(knownName(BOB.toLowerCase(), nameOf)).toBe('');
    });
});
