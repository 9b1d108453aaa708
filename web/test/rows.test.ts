import { describe, expect, it } from 'vitest';
import type { ItemState, Summary } from 'parley-sdk';
import { badgeOf, rowText, sectionsOf } from '../src/rows';
import { english } from '../src/strings';
import { BOB, item, ME, STRANGER } from './fake';

const NOW = new Date('2026-11-26T12:00:00').getTime();

const summary = (more: Partial<Summary> = {}): Summary => ({
    peer: BOB,
    conversation: undefined,
    last: item({ content: 'hi', at: NOW }),
    unread: 0,
    isRequest: false,
    blocked: false,
    isTyping: false,
    presence: undefined,
    at: NOW,
    ...more,
});

const text = (more: Partial<Summary>) => rowText(summary(more), english, NOW, 'en-GB');

describe('the list', () => {
    it('keeps strangers who wait for an answer apart, in their order', () => {
        const friend = summary();
        const stranger = summary({ peer: STRANGER, isRequest: true });
        const other = summary({ peer: ME, isRequest: true });
        expect(sectionsOf([stranger, friend, other])).toEqual({
            chats: [friend],
            requests: [stranger, other],
        });
    });

    it('calls nobody a stranger whom the user writes to', () => {
        const written = summary({ isRequest: true, last: item({ own: true, state: 'queued' }) });
        expect(sectionsOf([written])).toEqual({ chats: [written], requests: [] });
    });

    it('leaves out whom nobody has written to yet, but not whom one has blocked', () => {
        const blocked = summary({ last: undefined, blocked: true });
        const opened = summary({ last: undefined, isRequest: true });
        expect(sectionsOf([blocked, opened])).toEqual({ chats: [blocked], requests: [] });
    });
});

describe('a row', () => {
    it.each<[string, Partial<Summary>, string]>([
        ['the last message', {}, 'hi'],
        ['that it was the user’s own', { last: item({ own: true, content: 'yo' }) }, 'You: yo'],
        ['that the other side writes', { isTyping: true }, 'typing…'],
        ['that it is blocked', { blocked: true, isTyping: true }, 'You have blocked this wallet.'],
        ['nothing where nothing was written', { last: undefined }, ''],
    ])('says %s', (_, more, preview) => {
        expect(text(more).preview).toBe(preview);
    });

    it.each<[ItemState, string | undefined, string]>([
        ['queued', 'clock', 'Waiting'],
        ['uploading', 'clock', 'Uploading 44 %'],
        ['sending', 'clock', 'Sending'],
        ['sent', 'tick', 'Sent'],
        ['delivered', 'ticks', 'Delivered'],
        ['read', 'ticks', 'Read'],
        ['failed', 'warning', 'Failed'],
        ['received', undefined, ''],
    ])('marks a last message that is %s', (state, mark, said) => {
        const last = item({ own: state !== 'received', state, progress: 0.449 });
        expect(text({ last })).toMatchObject({ mark, state: said, isRead: state === 'read' });
    });

    it('has no mark while it says something else', () => {
        const last = item({ own: true, state: 'read' });
        expect(text({ last, isTyping: true })).toMatchObject({ mark: undefined, isRead: false });
        expect(text({ last, blocked: true })).toMatchObject({ mark: undefined, state: '' });
    });

    it('says in words what is seen as a dot and a number', () => {
        const presence = { account: BOB, online: true, last_seen: null };
        expect(text({ unread: 3, presence })).toMatchObject({
            badge: '3',
            unread: '3 unread',
            presence: 'Online',
        });
        expect(text({ presence: { ...presence, online: false } }).presence).toBe('');
    });

    it('says no time where there was nothing', () => {
        expect(text({ at: 0 }).when).toBe('');
        expect(text({}).when).toBe('12:00');
    });

    it.each([
        [0, ''],
        [1, '1'],
        [99, '99'],
        [100, '99+'],
    ])('with %i unread has the badge "%s"', (count, badge) => {
        expect(badgeOf(count)).toBe(badge);
    });
});
