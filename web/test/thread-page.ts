/** A <parley-thread> of a chat in memory: for rows/thread.mjs of tests/browser. */
import { LitElement, css, html } from 'lit';
import { property } from '../src/decorators';
import '../src/thread';
import { darkTokens, tokens } from '../src/tokens';
import { BOB, FakeChat, FakeThread, STRANGER, item } from './fake';

const page = new CSSStyleSheet();
page.replaceSync('html, body { height: 100%; margin: 0; }');
document.adoptedStyleSheets = [page];

/** Stands for <parley-chat>: has the colours. */
class TestFrame extends LitElement {
    static override styles = [
        tokens,
        darkTokens,
        css`
            :host {
                display: block;
                height: 100%;
                background: var(--_bg);
            }
        `,
    ];
    @property({ reflect: true }) theme = 'light';
    @property({ attribute: false }) chat = new FakeChat();
    @property({ attribute: false }) thread: FakeThread | undefined;
    @property({ type: Boolean }) hasBack = false;

    override render() {
        return html`<parley-thread
            .chat=${this.chat}
            .thread=${this.thread}
            .hasBack=${this.hasBack}
        ></parley-thread>`;
    }
}
customElements.define('test-frame', TestFrame);

const WORDS = 'so we met at the old harbour and talked about boats until it was dark'.split(' ');

/** The same each time; lengths as in chats: mostly a line, now and then a paragraph. */
export function words(n: number): string {
    const length = n % 17 === 0 ? 60 : n % 5 === 0 ? 18 : 2 + (n % 7);
    return `${n} ${Array.from({ length }, (_, i) => WORDS[(n * 7 + i * 3) % WORDS.length]).join(' ')}`;
}

/** Messages `from` to `to`, by seq; a run changes sides every few, a day every 40. */
export function messages(from: number, to: number) {
    const start = Date.UTC(2026, 9, 1, 9);
    return Array.from({ length: to - from + 1 }, (_, i) => {
        const seq = from + i;
        const own = Math.floor(seq / 3) % 2 === 0;
        const at = start + Math.floor(seq / 40) * 86_400_000 + (seq % 40) * 90_000;
        const state = own ? ('read' as const) : ('received' as const);
        return item({ key: `s${seq}`, seq, own, state, at, content: words(seq) });
    });
}

/** Also those that are only reported: an observer that was not done, for instance. */
const errors: string[] = [];
window.addEventListener('error', (event) => errors.push(event.message));

const frame = document.createElement('test-frame') as TestFrame;
document.body.append(frame);
Object.assign(window, { frame, FakeThread, BOB, STRANGER, item, messages, errors });
