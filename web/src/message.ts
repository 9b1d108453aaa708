import { css, html, nothing, type TemplateResult } from 'lit';
import type { Item, Thread } from 'parley-sdk';
import { boxOf } from './box';
import { fileInfo, isViewable, mediaKind, withoutTurning } from './file-info';
import { cutText, formatLength, formatTime, formatWhen } from './format';
import { shownName, type NameOf } from './names';
import { stateMark } from './state';
import { say, type Strings } from './strings';
import { beginningOf, textTemplate } from './text';
import { whyOf } from './why';

export interface MessageContext {
    readonly strings: Strings;
    /** Of the page: for times and numbers. */
    readonly locale: string | undefined;
    readonly thread: Thread;
    readonly nameOf: NameOf;
    /** An image or a video was chosen, to be seen large. */
    readonly onView: (item: Item) => void;
    /** One has a file: what shows it (files.ts) is to be loaded. */
    readonly onFile: () => void;
}

/** Where an item stands among its neighbours: a run is what one side has written within minutes. */
export interface Place {
    readonly isFirstOfRun: boolean;
    readonly isLastOfRun: boolean;
    /** What it answers, where that is here. */
    readonly repliedTo: Item | undefined;
}

/** Characters: of a line that says what a message is. */
const PREVIEW_LENGTH = 140;
/** The longest family of four is of 11, and a flag of a region of 14. */
const EMOJI_LENGTH = 3 * 14;
const EMOJI =
    /^(?:(?:\p{RI}\p{RI}|(?:(?!\p{RI})\p{Emoji_Presentation}|\p{Emoji}\ufe0f)(?:\p{EMod}|\u20e3|[\u{e0020}-\u{e007f}]+)?(?:\u200d\p{Extended_Pictographic}\p{EMod}?\ufe0f?)*|\p{Emoji_Modifier_Base}\p{EMod}(?:\u200d\p{Extended_Pictographic}\p{EMod}?\ufe0f?)*)\s*){1,3}$/u;

/** How it is laid out; the name of its class, too. */
type Look = 'words' | 'emoji' | 'picture' | 'voice' | 'file' | 'note';

/** One to three of them, and nothing else. */
export const isEmoji = (text: string): boolean =>
    text.length <= EMOJI_LENGTH && EMOJI.test(text.trim());

function lookOf(item: Item): Look {
    if (item.type === 'text' && typeof item.content === 'string')
        return isEmoji(item.content) ? 'emoji' : 'words';
    if (isViewable(item)) return 'picture';
    const kind = mediaKind(item);
    return kind === 'audio' ? 'voice' : kind === 'file' ? 'file' : 'note';
}

const writerOf = (item: Item, { strings, thread, nameOf }: MessageContext): string =>
    item.own ? strings.yourself : shownName(thread.peer, nameOf);

/** What is said of a message in a line: of the list, and of a reply. Text alone. */
export function previewOf(item: Item, strings: Strings): string {
    const oneLine = (text: string) =>
        // A long one is cut first: what is behind is not looked at.
        cutText(withoutTurning(text.slice(0, 4096)).replace(/\s+/g, ' ').trim(), PREVIEW_LENGTH);
    if (item.type === 'text' && typeof item.content === 'string') return oneLine(item.content);
    if (item.type === 'gone') return strings.gone;
    const kind = mediaKind(item);
    if (!kind) return strings.unknownType;
    const { caption, name, duration } = fileInfo(item);
    if (caption) return oneLine(caption);
    if (kind === 'audio' && duration) return `${strings.audio} ${formatLength(duration)}`;
    return kind === 'file' && name ? oneLine(name) : strings[kind];
}

function textOf(text: string, item: Item, { strings, thread }: MessageContext): TemplateResult {
    return beginningOf(text) === undefined
        ? html`<span class="text">${textTemplate(text)}</span>`
        : html`<parley-text
              class="text"
              .text=${text}
              .key=${item.key}
              .thread=${thread}
              .strings=${strings}
          ></parley-text>`;
}

/** Of music and the like; what was recorded here has a name that says nothing. */
function titleOf(item: Item): string | undefined {
    const { name } = fileInfo(item);
    return name && !name.startsWith('voice-') ? name : undefined;
}

function voiceOf(item: Item, { strings, thread }: MessageContext): TemplateResult {
    const title = titleOf(item);
    return html`${title ? html`<span class="title" dir="auto">${title}</span>` : nothing}
        <parley-voice .item=${item} .thread=${thread} .strings=${strings}></parley-voice>`;
}

/** A picture has its room before there is what shows it. */
function roomOf(item: Item): string {
    if (!isViewable(item)) return '';
    const { width, height } = boxOf(fileInfo(item));
    return `width: ${width}px; aspect-ratio: ${width} / ${height}`;
}

function mediaOf(item: Item, { strings, thread, locale, onView }: MessageContext): TemplateResult {
    return html`<parley-media
        .style=${roomOf(item)}
        .item=${item}
        .thread=${thread}
        .strings=${strings}
        .locale=${locale}
        .onView=${onView}
    ></parley-media>`;
}

function bodyOf(item: Item, look: Look, ctx: MessageContext): unknown {
    if (look === 'words' || look === 'emoji') return textOf(item.content as string, item, ctx);
    if (look === 'note') return html`<span class="text">${previewOf(item, ctx.strings)}</span>`;
    const { caption } = fileInfo(item);
    ctx.onFile();
    return html`${look === 'voice' ? voiceOf(item, ctx) : mediaOf(item, ctx)}
    ${caption ? textOf(caption, item, ctx) : nothing}`;
}

function quoteOf(repliedTo: Item, ctx: MessageContext): TemplateResult {
    return html`<span class="quote" dir="auto"
        ><b dir="auto">${writerOf(repliedTo, ctx)}</b> ${previewOf(repliedTo, ctx.strings)}</span
    >`;
}

function failureOf(item: Item, { strings, thread }: MessageContext): TemplateResult {
    return html`<div class="failure">
        <span dir="auto"
            ><b>${strings.notSent}</b> ${item.error ? whyOf(item.error, strings) : nothing}</span
        >
        <span class="choices">
            <button class="retry" @click=${() => thread.retry(item.key)}>${strings.retry}</button>
            <button @click=${() => thread.discard(item.key)}>${strings.discard}</button>
        </span>
    </div>`;
}

/** Of one that is on its way: how far it is. */
function timeOf({ state, at, progress }: Item, { strings, locale }: MessageContext): string {
    if (state !== 'uploading') return formatTime(at, locale);
    return say(strings.percent, { percent: Math.floor((progress ?? 0) * 100) });
}

function classesOf(item: Item, place: Place): string {
    const { isFirstOfRun, isLastOfRun } = place;
    const look = `${item.own ? 'own' : 'other'} ${item.state === 'failed' ? 'failed' : ''}`;
    return `message ${look} ${isFirstOfRun ? 'first' : ''} ${isLastOfRun ? 'last' : ''}`;
}

/** One message: its bubble, time, state. At most eight elements for a text. */
export function messageTemplate(item: Item, place: Place, ctx: MessageContext): TemplateResult {
    const { strings, locale } = ctx;
    const look = lookOf(item);
    const when = formatWhen(item.at, locale);
    const isBare = ['picture', 'voice', 'file'].includes(look) && !fileInfo(item).caption;
    return html`<div
        class=${classesOf(item, place)}
        role="article"
        aria-label=${say(strings.said, { name: writerOf(item, ctx), when })}
    >
        <div class="bubble ${look} ${isBare ? 'bare' : ''}" dir="auto">
            ${place.repliedTo ? quoteOf(place.repliedTo, ctx) : nothing}${bodyOf(item, look, ctx)}
            <span class="meta" dir="auto">${timeOf(item, ctx)}${stateMark(item, strings)}</span>
        </div>
        ${item.state === 'failed' ? failureOf(item, ctx) : nothing}
    </div>`;
}

/** For the shadow root of whoever shows messages. */
export const messageStyles = css`
    .message {
        display: flex;
        flex-direction: column;
        align-items: flex-start;
        padding-top: 2px;
    }
    .message.first {
        padding-top: 12px;
    }
    .message.own {
        align-items: flex-end;
    }
    .bubble {
        --_on-muted: var(--_muted);
        position: relative;
        display: flow-root;
        max-width: min(75%, 560px);
        min-width: 0;
        padding: 7px 12px;
        border-radius: var(--_radius);
        background: var(--_other-bg);
        color: var(--_other-text);
        overflow-wrap: anywhere;
        /* Each paragraph has the direction of what is in it. */
        unicode-bidi: plaintext;
    }
    .own .bubble {
        --_focus: var(--_own-text);
        --_on-muted: var(--_own-muted);
        --_on-accent: var(--_own-text);
        --_on-accent-text: var(--_own-bg);
        background: var(--_own-bg);
        color: var(--_own-text);
    }
    /* By the direction of the page: the bubble has that of its text. */
    .last.own .bubble,
    .last.other:dir(rtl) .bubble {
        border-radius: var(--_radius) var(--_radius) 6px var(--_radius);
    }
    .last.other .bubble,
    .last.own:dir(rtl) .bubble {
        border-radius: var(--_radius) var(--_radius) var(--_radius) 6px;
    }
    .text {
        white-space: pre-wrap;
    }
    .text a {
        color: var(--_accent);
        text-underline-offset: 2px;
        unicode-bidi: isolate;
        border-radius: 3px;
    }
    .own .text a {
        color: inherit;
    }
    .more {
        display: block;
        white-space: normal;
        min-height: 40px;
        font-weight: 600;
        text-decoration: underline;
    }
    .meta {
        float: inline-end;
        display: flex;
        align-items: center;
        gap: 3px;
        height: 16px;
        margin: 7px 0 0 10px;
        font-size: 11px;
        line-height: 16px;
        white-space: nowrap;
        color: var(--_on-muted);
        user-select: none;
        unicode-bidi: isolate;
    }
    /* Its own direction is that of the time. */
    .bubble:dir(rtl) > .meta {
        margin: 7px 10px 0 0;
    }
    .state {
        width: 16px;
        height: 12px;
        fill: none;
        stroke: currentColor;
        stroke-width: 1.4;
        stroke-linecap: round;
        stroke-linejoin: round;
    }
    .state.read {
        color: var(--_own-read);
        stroke-width: 1.7;
    }
    .state.failed {
        width: 20px;
        height: 15px;
        stroke-width: 1.6;
        color: var(--_danger);
    }
    .quote {
        display: block;
        margin: 1px 0 5px;
        padding-inline-start: 8px;
        border-inline-start: 3px solid var(--_on-accent, var(--_accent));
        font-size: 13px;
        line-height: 18px;
        color: var(--_on-muted);
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
        unicode-bidi: isolate;
    }
    .quote b {
        font-variant-ligatures: none;
    }
    .title {
        display: block;
        margin-bottom: 2px;
        max-width: 248px;
        font-size: 14px;
        font-weight: 600;
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
    }
    parley-media,
    parley-voice {
        max-width: 100%;
    }
    :is(parley-media, parley-voice):not(:defined) {
        display: block;
        width: 248px;
        min-height: 40px;
    }
    .bubble.note {
        background: none;
        color: var(--_muted);
        box-shadow: inset 0 0 0 1px var(--_border);
        font-style: italic;
    }
    .bubble.emoji {
        background: none;
        padding: 2px 4px;
    }
    .bubble.emoji .text {
        font-size: 40px;
        line-height: 1.2;
    }
    .bubble.emoji .meta {
        margin-top: 32px;
    }
    .bubble:is(.note, .emoji) {
        --_on-muted: var(--_muted);
        --_own-read: var(--_accent);
    }
    .bubble.picture {
        padding: 0 12px 8px;
        width: min-content;
        overflow: hidden;
    }
    .picture .quote {
        margin: 8px 0;
    }
    .picture > parley-media {
        max-width: calc(100% + 24px);
        margin: 0 -12px 8px;
    }
    .bubble.picture.bare {
        padding-bottom: 0;
    }
    .bare > parley-media {
        margin-bottom: 0;
    }
    .bubble.bare:not(.picture) .meta {
        position: absolute;
        bottom: 7px;
        inset-inline-end: 12px;
        margin: 0;
    }
    .bubble.picture.bare > .meta {
        position: absolute;
        bottom: 8px;
        inset-inline-end: 8px;
        margin: 0;
        padding: 0 7px;
        border-radius: 9px;
        height: 18px;
        background: rgb(0 0 0 / 60%);
        color: #fff;
        pointer-events: none;
    }
    .bare.picture .state.failed {
        color: inherit;
    }
    .failed .bubble {
        --_focus: var(--_text);
        --_on-muted: var(--_muted);
        --_on-accent: var(--_danger);
        --_on-accent-text: var(--_danger-bg);
        background: var(--_danger-bg);
        color: var(--_text);
        outline: 1px solid color-mix(in srgb, var(--_danger) 45%, transparent);
        outline-offset: -1px;
    }
    .failure {
        max-width: 320px;
        margin-top: 4px;
        font-size: 13px;
        line-height: 18px;
        text-align: end;
        color: var(--_muted);
    }
    .failure b {
        font-weight: 600;
        color: var(--_danger);
    }
    .choices {
        display: flex;
        justify-content: flex-end;
        gap: 20px;
        margin-top: 4px;
    }
    .failure button {
        min-width: 40px;
        min-height: 40px;
    }
    .retry {
        font-weight: 600;
        color: var(--_accent);
    }
    @container (max-width: 520px) {
        .bubble {
            max-width: 85%;
        }
    }
    @media (forced-colors: active) {
        .bubble {
            --_on-accent: CanvasText !important;
            --_on-accent-text: Canvas !important;
            outline: 1px solid;
            outline-offset: -1px;
        }
        .state {
            color: CanvasText;
        }
        .state.read {
            color: Highlight;
        }
    }
`;
