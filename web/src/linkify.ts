/** A link is shown as it was typed; `href` is what it leads to. */
export interface Link {
    readonly text: string;
    readonly href: string;
}

const SCHEME = /https?:\/\//gi;
/** A letter before it makes `https` the end of another word, or of another scheme. */
const WORD_END = /[a-z0-9_+.-]$/i;
/** Ends at white space, quotes, and the punctuation of Chinese, which is written without spaces. */
const RUN =
    /[^\s\u0000-\u001f\u007f-\u009f<>"`\u3000-\u303f\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65]+/y;
const PUNCTUATION = ".,;:!?'*~…’”»›";
const BRACKETS: Record<string, string> = { ')': '(', ']': '[', '}': '{' };
/** What is invisible or turns the text around makes a link look as if it led elsewhere; so does a
 * backslash, which is a slash to a browser. */
const DECEPTIVE = /[\\\p{Cf}]/u;
const MAX_LENGTH = 2048;
/** Of a text. What comes after these stays text. */
const MAX_LINKS = 100;

function countChars(text: string): Map<string, number> {
    const counts = new Map<string, number>();
    for (const char of text) counts.set(char, (counts.get(char) ?? 0) + 1);
    return counts;
}

/** Without the punctuation of the sentence around it, and brackets that were opened outside. */
function trimmed(run: string): string {
    const counts = countChars(run);
    const count = (char: string) => counts.get(char) ?? 0;
    let end = run.length;
    for (; end > 0; end--) {
        const last = run.charAt(end - 1);
        const opening = BRACKETS[last];
        const isOutside = opening ? count(last) > count(opening) : '([{'.includes(last);
        if (!isOutside && !PUNCTUATION.includes(last)) break;
        counts.set(last, count(last) - 1);
    }
    return run.slice(0, end);
}

function parsed(text: string): URL | undefined {
    try {
        return new URL(text);
    } catch {
        return undefined; // Not a URL: it stays text.
    }
}

/** Where it leads; undefined where it is none, or not what it seems to be. */
function safeHref(text: string): string | undefined {
    if (text.length > MAX_LENGTH || DECEPTIVE.test(text)) return undefined;
    const authority = /^https?:\/\/([^/?#]*)/i.exec(text)?.[1] ?? '';
    if (/[@%]/.test(authority)) return undefined;
    return parsed(text)?.href;
}

function runAt(text: string, index: number): string {
    RUN.lastIndex = index;
    return RUN.exec(text)?.[0] ?? '';
}

/**
 * The links in a plain text, http and https alone, and what is between them. In linear time: each
 * character is looked at a fixed number of times, whatever the text is.
 */
export function linkify(text: string): (string | Link)[] {
    const parts: (string | Link)[] = [];
    let from = 0;
    let links = 0;
    SCHEME.lastIndex = 0;
    for (let m = SCHEME.exec(text); m && links < MAX_LINKS; m = SCHEME.exec(text)) {
        if (m.index > 0 && WORD_END.test(text.charAt(m.index - 1))) continue;
        const run = runAt(text, m.index);
        const shown = trimmed(run);
        const href = safeHref(shown);
        SCHEME.lastIndex = m.index + run.length;
        if (!href) continue;
        if (m.index > from) parts.push(text.slice(from, m.index));
        parts.push({ text: shown, href });
        from = m.index + shown.length;
        links++;
    }
    if (from < text.length) parts.push(text.slice(from));
    return parts;
}

/** Whether a link that the server gave leads to where a browser loads a file from. */
export const isWebUrl = (url: string): boolean => /^https?:$/.test(parsed(url)?.protocol ?? '');
