/** The page of rows/composer.mjs: the composer alone, on a chat in memory. */
import { css } from 'lit';
import '../src/composer';
import { darkTokens, tokens } from '../src/tokens';
import { BOB, FakeChat, STRANGER } from './fake';

const chat = new FakeChat();
const ground = css`
    :host {
        display: block;
        background: var(--_bg);
    }
`;
const host = document.createElement('div');
const root = host.attachShadow({ mode: 'open' });
root.adoptedStyleSheets = [tokens, darkTokens, ground].map((one) => one.styleSheet!);

const composer = document.createElement('parley-composer');
Object.assign(composer, { chat, thread: chat.thread(BOB) });
root.append(composer);

const sent: unknown[] = [];
host.addEventListener('parley-sent', (event) => sent.push((event as CustomEvent).detail.item));
document.querySelector('main')?.append(host);

Object.assign(window, {
    chat,
    composer,
    sent,
    bob: chat.thread(BOB),
    stranger: chat.thread(STRANGER),
});
