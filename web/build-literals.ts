/** At build time: the white space that people need in css`…` and html`…`, and browsers do not. */
import ts from 'typescript';
import type { Plugin } from 'vite';

/** Turns a template's texts, those between its `${…}`, into shorter ones that mean the same. */
type Shorten = (texts: readonly string[]) => string[];

const KEPT = /("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|\/\*[^]*?\*\//;
const CSS_KEPT = new RegExp(KEPT, 'g');

const shortRules = (text: string): string =>
    text
        .replace(/\s+/g, ' ')
        .replace(/ ?([{};,]) ?/g, '$1')
        .replace(/: /g, ':')
        .replace(/\( /g, '(')
        .replace(/ \)/g, ')')
        .replace(/;}/g, '}');

/** Strings stay as they are, comments go. What is put in for `${…}` is text as well, of any kind. */
function shortCssText(text: string): string {
    const strings: string[] = [];
    const bare = text.replace(CSS_KEPT, (_, string: string | undefined) =>
        string === undefined ? ' ' : `\0${strings.push(string) - 1}\0`,
    );
    return shortRules(bare).replace(/\0(\d+)\0/g, (_, i: string) => strings[Number(i)]!);
}

export const shortCss: Shorten = (texts) => {
    const short = texts.map(shortCssText);
    short[0] = short[0]!.trimStart();
    short.push(short.pop()!.trimEnd());
    return short;
};

/** In these all white space counts, or the text is no HTML. */
const VERBATIM = /^(pre|textarea|style|script)$/i;

/** Where in a template one is; it goes on from one text to the next. */
interface Place {
    /** `<`: in a tag. A quote: in the value of an attribute. `!`: in a comment. Else in text. */
    in: '' | '<' | '"' | "'" | '!';
    element: string;
}

const HTML_PARTS = /<!--|-->|<\/?[a-z][\w-]*|\/?>|["']|\s+|[^]/gi;

function step(place: Place, part: string): string {
    const { in: where } = place;
    if (where === '!') {
        if (part === '-->') place.in = '';
    } else if (where === '"' || where === "'") {
        if (part === where) place.in = '<';
    } else if (where === '<') {
        if (part === '"' || part === "'") place.in = part;
        if (part.endsWith('>')) place.in = '';
        if (/^\s/.test(part)) return ' ';
    } else if (part === '<!--') {
        place.in = '!';
    } else if (/^<.?[a-z]/i.test(part)) {
        place.in = '<';
        place.element = part.slice(1);
    } else if (/^\s/.test(part) && !VERBATIM.test(place.element)) {
        return ' ';
    }
    return part;
}

/** Between tags one space stays where there was white space: beside words it is seen. */
export const shortHtml: Shorten = (texts) => {
    const place: Place = { in: '', element: '' };
    return texts.map((text) => {
        let short = '';
        for (const [part] of text.matchAll(HTML_PARTS)) {
            const wasInTag = place.in === '<';
            const kept = step(place, part);
            const isEnd = wasInTag && place.in === '';
            short = (isEnd ? short.trimEnd() : short) + kept;
        }
        return short;
    });
};

const TAGS: Record<string, Shorten> = { css: shortCss, html: shortHtml, svg: shortHtml };

interface Change {
    readonly from: number;
    readonly to: number;
    readonly text: string;
}

type Piece = ts.TemplateLiteralLikeNode;

const piecesOf = (template: ts.TemplateLiteral): Piece[] =>
    ts.isNoSubstitutionTemplateLiteral(template)
        ? [template]
        : [template.head, ...template.templateSpans.map((span) => span.literal)];

/** Without what is around its text: a backquote or a brace, and a backquote or `${`. */
function spanOf(piece: Piece, file: ts.SourceFile): { from: number; to: number } {
    const end = ts.isTemplateHead(piece) || ts.isTemplateMiddle(piece) ? 2 : 1;
    return { from: piece.getStart(file) + 1, to: piece.getEnd() - end };
}

function changesIn(file: ts.SourceFile): Change[] {
    const changes: Change[] = [];
    const visit = (node: ts.Node): void => {
        if (ts.isTaggedTemplateExpression(node)) {
            const shorten = TAGS[node.tag.getText(file)];
            const spans = piecesOf(node.template).map((piece) => spanOf(piece, file));
            const short = shorten?.(spans.map(({ from, to }) => file.text.slice(from, to)));
            short?.forEach((text, i) => changes.push({ ...spans[i]!, text }));
        }
        ts.forEachChild(node, visit);
    };
    visit(file);
    return changes.sort((a, b) => a.from - b.from);
}

/** A source of ours, with its templates shortened. */
export function shortenLiterals(code: string): string {
    const file = ts.createSourceFile('source.ts', code, ts.ScriptTarget.ES2022, true);
    let result = '';
    let at = 0;
    for (const { from, to, text } of changesIn(file)) {
        result += code.slice(at, from) + text;
        at = to;
    }
    return result + code.slice(at);
}

export function literals(): Plugin {
    return {
        name: 'parley-literals',
        apply: 'build',
        enforce: 'pre',
        transform: (code, id) =>
            /\/web\/src\/[^?]*\.ts$/.test(id) ? { code: shortenLiterals(code), map: null } : null,
    };
}
