import { describe, expect, test } from 'vitest';
import { draftKey, openDrafts } from '../src/drafts';
import { BOB, ME, STRANGER } from './fake';

const SERVER = 'https://chat.example';

/** As localStorage is: its keys are its own members. */
function storageOf(entries: Record<string, string> = {}): Storage {
    const methods = {
        getItem: (key: string) => entries[key] ?? null,
        setItem: (key: string, text: string) => {
            entries[key] = text;
        },
        removeItem: (key: string) => {
            delete entries[key];
        },
    };
    return new Proxy(methods, { ownKeys: () => Object.keys(entries), ...descriptors }) as Storage;
}

const descriptors = {
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true, value: '' }),
};

const refuse = (): never => {
    throw new DOMException('no', 'SecurityError');
};

describe('drafts', () => {
    test('are there again after a reload', () => {
        const storage = storageOf();
        openDrafts(() => storage).set('k', 'half a sen');
        expect(openDrafts(() => storage).get('k')).toBe('half a sen');
    });

    test('are empty where nothing was written', () => {
        expect(openDrafts(() => storageOf()).get('k')).toBe('');
    });

    test('leave nothing behind once they are empty', () => {
        const entries: Record<string, string> = {};
        const drafts = openDrafts(() => storageOf(entries));
        drafts.set('k', 'text');
        drafts.set('k', '');
        expect(entries).toEqual({});
        expect(drafts.get('k')).toBe('');
    });

    test.each([
        ['there is no storage', refuse],
        ['the storage is full', () => ({ ...storageOf(), getItem: () => null, setItem: refuse })],
        ['each access throws', () => ({ getItem: refuse, setItem: refuse, removeItem: refuse })],
    ])('are kept by the page where %s', (_, storage) => {
        const drafts = openDrafts(storage as () => Storage);
        drafts.set('k', 'text');
        expect(drafts.get('k')).toBe('text');
        drafts.set('k', '');
        expect(drafts.get('k')).toBe('');
        expect(() => drafts.forget(SERVER, ME)).not.toThrow();
    });

    test('of an account that signs out are forgotten, and no others', () => {
        const other = draftKey(SERVER, BOB, ME);
        const entries = { [other]: 'stays', [draftKey(SERVER, ME, BOB)]: 'goes', else: 'stays' };
        const drafts = openDrafts(() => storageOf(entries));
        drafts.set(draftKey(SERVER, ME, STRANGER), 'goes');
        drafts.forget(SERVER, ME.toLowerCase());
        expect(entries).toEqual({ [other]: 'stays', else: 'stays' });
        expect(drafts.get(draftKey(SERVER, ME, STRANGER))).toBe('');
    });
});

describe('the key of a draft', () => {
    test('is the same for all forms of an address', () => {
        expect(draftKey(SERVER, ME, BOB)).toBe(
            draftKey(SERVER, `eip155:0:${ME.toLowerCase()}`, BOB.toLowerCase()),
        );
    });

    test.each([
        ['peer', draftKey(SERVER, ME, STRANGER)],
        ['account', draftKey(SERVER, STRANGER, BOB)],
        ['server', draftKey('https://other.example', ME, BOB)],
        ['account that is not known yet', draftKey(SERVER, undefined, BOB)],
    ])('is another one for another %s', (_, key) => {
        expect(key).not.toBe(draftKey(SERVER, ME, BOB));
    });
});
