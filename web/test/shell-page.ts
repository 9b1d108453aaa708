/** <parley-chat> over a chat in memory: for rows/shell.mjs of tests/browser, and to look at. */
import '../src/parley-chat';
import type { ParleyChat } from '../src/parley-chat';
import { confirmDialog } from '../src/dialog';
import { BOB, FakeChat, FakeThread, item, ME, STRANGER } from './fake';

const DAY_MS = 24 * 60 * 60 * 1000;

/** Any number of wallets, each the same every time. */
const wallet = (n: number): string => `0x${(n * 0x9e3779b1).toString(16).padStart(40, 'a')}`;

/** Conversations, the latest first; of them the first with Bob, and `requests` of strangers. */
function chatOf({ chats = 0, requests = 0, ...members }): FakeChat {
    const chat = new FakeChat();
    for (let n = 0; n < chats; n++) {
        const thread = chat.thread(n === 0 ? BOB : wallet(n));
        thread.unread = n % 5 === 0 ? n + 1 : 0;
        thread.presence = { account: thread.peer, online: n % 2 === 0, last_seen: null };
        thread.items = [item({ content: `Hello ${n}`, at: Date.now() - (n * DAY_MS) / 2 })];
    }
    for (let n = 0; n < requests; n++) {
        const thread = chat.thread(n === 0 ? STRANGER : wallet(1000 + n));
        Object.assign(thread, { accepted: false, unread: 1, items: [item({ content: 'May I?' })] });
    }
    Object.assign(chat, members);
    return chat;
}

/** Shows it in place of what was there; what it says to the page is kept in `heard`. */
function show(members: Partial<ParleyChat>, size = { width: 1000, height: 700 }): ParleyChat {
    const element = document.createElement('parley-chat');
    const heard: [string, unknown][] = [];
    for (const name of ['parley-unread', 'parley-error'])
        element.addEventListener(name, (event) =>
            heard.push([name, (event as CustomEvent<unknown>).detail]),
        );
    Object.assign(element, members);
    Object.assign(element.style, { width: `${size.width}px`, height: `${size.height}px` });
    document.body.replaceChildren(element);
    Object.assign(window, { element, heard });
    return element;
}

Object.assign(window, { show, chatOf, confirmDialog, FakeThread, item, BOB, ME, STRANGER });
