import { readFileSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { shortCss, shortHtml, shortenLiterals } from '../build-literals';

describe('a style', () => {
    it.each([
        ['\n    a {\n        color: red;\n        top: 0;\n    }\n', 'a{color:red;top:0}'],
        ['a,\n b  c { top: 0 }', 'a,b c{top:0}'],
        ['/* why: so; */ a { } /* end */', 'a{}'],
        [".a::after { content: ' ; /* x */  ' }", ".a::after{content:' ; /* x */  '}"],
        ["[type='a b'] :first-child { top: 0 }", "[type='a b'] :first-child{top:0}"],
        ['a { top: calc(1px + 2 * (3px - 1px)) }', 'a{top:calc(1px + 2 * (3px - 1px))}'],
        [
            '@media (a: b) and (c: d) { a { font: var(\n --x,\n y\n ) } }',
            '@media (a:b) and (c:d){a{font:var(--x,y)}}',
        ],
        ['a { margin: 0 auto !important; }', 'a{margin:0 auto !important}'],
    ])('%j is %j', (text, short) => {
        expect(shortCss([text])).toEqual([short]);
    });

    it('keeps what separates it from what is put in', () => {
        const texts = ['\n a { ', '\n top: 0; }\n b ', ' { ', '; }\n'];
        expect(shortCss(texts)).toEqual(['a{', ' top:0}b ', '{', '}']);
    });
});

describe('a template', () => {
    it.each([
        ['<a\n    b="c"\n    d\n>\n  x\n  y\n</a\n>', '<a b="c" d> x y </a>'],
        ['<p class="a  b"  title=\'c  "\n d\'> </p>', '<p class="a  b" title=\'c  "\n d\'> </p>'],
        ['<br  />\n<i></i><b>1 < 2  > 0</b>', '<br/> <i></i><b>1 < 2 > 0</b>'],
        ['<pre>  a\n b</pre>  <i>  </i>', '<pre>  a\n b</pre> <i> </i>'],
        ['<textarea\n rows="1"\n>  a </textarea>', '<textarea rows="1">  a </textarea>'],
        ['<!--  <a   b> -->  x', '<!--  <a   b> --> x'],
    ])('%j is %j', (text, short) => {
        expect(shortHtml([text])).toEqual([short]);
    });

    it('is in the same place after what is put in', () => {
        const texts = ['<a href="x  ', '  y"\n  @click=', '\n  b\n>', '  ', ' \n c</a>'];
        expect(shortHtml(texts)).toEqual(['<a href="x  ', '  y" @click=', ' b>', ' ', ' c</a>']);
    });
});

it('only templates of these tags are shortened, and those within them', () => {
    const code =
        'const a = html`<i>\n  ${b ? svg`<p\n  q>` : `x\n  y`}</i\n>`; // c\n  f(css`a { }`)';
    const short = 'const a = html`<i> ${b ? svg`<p q>` : `x\n  y`}</i>`; // c\n  f(css`a{}`)';
    expect(shortenLiterals(code)).toBe(short);
});

const sources = fileURLToPath(new URL('../src', import.meta.url));

it.each(readdirSync(sources))('%s has the same words when it is shortened', (name) => {
    const code = readFileSync(`${sources}/${name}`, 'utf8');
    const short = shortenLiterals(code);
    const words = (text: string) => text.replace(/\/\*[^]*?\*\//g, '').replace(/[\s;]+/g, '');
    expect(words(short)).toBe(words(code));
    expect(shortenLiterals(short)).toBe(short);
});
