/** The page at `/` of a server that runs with --dev: two throw-away wallets, or one's own. */
import { html, nothing, render, svg, type TemplateResult } from 'lit';
import { createChat, isPassing, ParleyError, sameAccount, Session, type Chat } from 'parley-sdk';
import { avatar } from './avatar';
import { fetchWallet, demoAuth, type DemoWallet } from './demo-wallet';
import { icon, icons } from './icons';
import { copy } from './address';
import './parley-chat';

const server = location.origin;
const PROFILES = new Set(['alice', 'bob']);

const stage = document.getElementById('stage') as HTMLElement;
const landing = document.getElementById('landing') as HTMLElement;

/** What is to end when another part of the page is shown. */
let leave: () => void = () => {};
let shown = 0;

const external = icon(
    svg`<path d="M14 5h5v5M19 5l-8 8M10 6H7a2 2 0 0 0-2 2v9a2 2 0 0 0 2 2h9a2 2 0 0 0 2-2v-3"/>`,
);

const brand = html`<a class="brand" href="#" aria-label="Parley, start page">${icons.back}</a>`;

function frame(bar: TemplateResult, chat: TemplateResult, hint: TemplateResult): TemplateResult {
    return html`<header class="bar">${brand}${bar}</header>
        <main class="frame">${chat}</main>
        <footer class="hint">${hint}</footer>`;
}

// Alice, and Bob.

function demoBar(wallet: DemoWallet, isList: boolean, onToggle: () => void): TemplateResult {
    const { name, address, peer } = wallet;
    return html`${avatar(address, 24)}
        <h1 title=${address}>You are <strong>${name}</strong></h1>
        <span class="space"></span>
        <button class="toggle" aria-pressed=${isList ? 'true' : 'false'} @click=${onToggle}>
            All conversations
        </button>
        <a class="link" href="#${peer.name.toLowerCase()}" target="_blank" rel="noopener"
            >Open ${peer.name}’s side ${external}</a
        >`;
}

const demoHint = ({ name, peer }: DemoWallet): TemplateResult =>
    html`You’re chatting as ${name}. Open ${peer.name}’s side in another tab to answer. Both are
    throw-away wallets, for trying it out.`;

/** As who is known to each other: for ticks, typing and presence from the first message on. */
function acceptOnce(chat: Chat, peer: string): () => void {
    const end = chat.on('change', () => {
        if (chat.status !== 'online') return;
        end();
        // One who is not accepted can still be written to, and the next visit tries again.
        chat.thread(peer)
            .accept()
            .catch((error: unknown) => isPassing(error) || reportError(error));
    });
    return end;
}

function showDemo(wallet: DemoWallet, profile: string): () => void {
    const { name, peer } = wallet;
    const chat = createChat({ server, auth: demoAuth(server, wallet, profile) });
    let isList = false;
    const nameOf = (account: string) =>
        [wallet, peer].find((one) => sameAccount(one.address, account))?.name;

    /** A number is for who looks elsewhere: here it would flash up with each message. */
    const setTitle = () => {
        const n = document.hasFocus() ? 0 : chat.unread;
        document.title = `${n ? `(${n}) ` : ''}${name} · Parley`;
    };
    const draw = () => {
        setTitle();
        const widget = html`<parley-chat
            .chat=${chat}
            .nameOf=${nameOf}
            to=${isList ? '' : peer.address}
        ></parley-chat>`;
        render(frame(demoBar(wallet, isList, toggle), widget, demoHint(wallet)), stage);
    };
    const toggle = () => {
        isList = !isList;
        draw();
    };
    const ends = [acceptOnce(chat, peer.address), chat.on('change', draw)];
    addEventListener('focus', setTitle);
    addEventListener('blur', setTitle);
    chat.connect();
    draw();
    return () => {
        ends.forEach((end) => end());
        removeEventListener('focus', setTitle);
        removeEventListener('blur', setTitle);
        chat.disconnect();
    };
}

function showRefusal(error: unknown): void {
    const reason = error instanceof ParleyError ? error.message : String(error);
    const page = html`<div class="refusal" role="alert">
        <h1>There are no demo wallets here</h1>
        <p>
            A server gives them only if it runs with <code>--dev</code>, and only to pages of its
            own machine. On it, run
        </p>
        <pre>parley serve --dev</pre>
        <p>and open <code>http://127.0.0.1:8080/</code> there.</p>
        <p class="reason">The server said: ${reason}</p>
    </div>`;
    render(frame(html`<span class="space"></span>`, page, html``), stage);
}

async function openDemo(profile: string, isCurrent: () => boolean): Promise<void> {
    try {
        const wallet = await fetchWallet(profile);
        if (isCurrent()) leave = showDemo(wallet, profile);
    } catch (error) {
        if (isCurrent()) showRefusal(error);
    }
}

// One's own wallet.

function openWallet(): void {
    document.title = 'Parley';
    const bar = html`<h1><strong>Parley</strong></h1>
        <span class="space"></span>`;
    const text = html`Once you’ve signed in, you can write to any wallet: its address is enough.`;
    const draw = (isSignedIn: boolean) => {
        const widget = html`<parley-chat
            server=${server}
            @parley-signed-in=${() => draw(true)}
            @parley-sign-out=${() => draw(false)}
            @parley-open=${() => setReading(true)}
            @parley-back=${() => setReading(false)}
            @parley-error=${() => setReading(false)}
        ></parley-chat>`;
        render(frame(bar, widget, isSignedIn ? html`` : text), stage);
    };
    draw(Session.open(server) !== undefined);
}

/** On a narrow page a thread has its own way back, and needs the room. */
function setReading(isReading: boolean): void {
    stage.classList.toggle('reading', isReading);
}

function show(): void {
    const name = location.hash.slice(1);
    const turn = ++shown;
    leave();
    leave = () => {};
    render(nothing, stage);
    setReading(false);
    const isLanding = !PROFILES.has(name) && name !== 'wallet';
    landing.hidden = !isLanding;
    stage.hidden = isLanding;
    document.title = 'Parley';
    if (PROFILES.has(name)) void openDemo(name, () => turn === shown);
    else if (name === 'wallet') openWallet();
}

/** Where the keyboard of a phone is laid over the page, the stage is what is left of it. */
function fit({ height, scale }: VisualViewport): void {
    if (scale !== 1) return; // somebody looks closer
    stage.style.height = `${height}px`;
    scrollTo(0, 0);
}

function fillSnippet(): void {
    const snippet = document.getElementById('snippet') as HTMLElement;
    const button = document.getElementById('copy') as HTMLElement;
    const text = snippet.textContent.replaceAll('https://chat.example', server);
    snippet.textContent = text;
    button.addEventListener('click', () => {
        void copy(text).then((isCopied) => {
            button.textContent = isCopied ? 'Copied' : 'Copy failed';
            setTimeout(() => (button.textContent = 'Copy'), 2000);
        });
    });
}

addEventListener('hashchange', show);
visualViewport?.addEventListener('resize', () => fit(visualViewport!));
fillSnippet();
show();
