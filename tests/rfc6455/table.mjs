// Reads cases.txt, whose own head says what its lines mean.
import { readFileSync } from 'node:fs';

const TOKENS = [
  /"(?<ascii>[^"]*)"/,
  /(?<times>\d+)\*/,
  /(?<xor>xor\()/,
  /(?<open>\()/,
  /(?<close>\))/,
  /(?<first>[0-9a-f]{2})\.\.(?<last>[0-9a-f]{2})/,
  /(?<hex>(?:[0-9a-f]{2})+)/,
  /(?<pause>\/)/,
];
const TOKEN = new RegExp(`\\s*(?:${TOKENS.map((t) => t.source).join('|')})`, 'y');

function mask(bytes) {
  const key = bytes.subarray(0, 4);
  if (key.length < 4) throw new Error('xor() without a key of four bytes');
  return Buffer.concat([key, bytes.subarray(4).map((byte, i) => byte ^ key[i % 4])]);
}

function range(first, last) {
  const from = parseInt(first, 16);
  return Buffer.from(Array.from({ length: parseInt(last, 16) - from + 1 }, (_, i) => from + i));
}

/** The bytes of a send or want line, cut at each '/'. */
export function parseBytes(text) {
  let at = 0;

  function token() {
    if (text.slice(at).trim() === '') return null;
    TOKEN.lastIndex = at;
    const m = TOKEN.exec(text);
    if (!m) throw new Error(`can't read "${text.slice(at, at + 20)}"`);
    at = TOKEN.lastIndex;
    return m.groups;
  }

  function atom({ ascii, times, xor, open, first, last, hex }) {
    if (ascii !== undefined) return Buffer.from(ascii, 'latin1');
    if (hex) return Buffer.from(hex, 'hex');
    if (first) return range(first, last);
    if (xor) return mask(group());
    if (open) return group();
    if (times) {
      const next = token();
      if (!next) throw new Error(`nothing to repeat ${times} times`);
      const bytes = atom(next);
      return Buffer.alloc(Number(times) * bytes.length, bytes);
    }
    throw new Error(`out of place before "${text.slice(at, at + 20)}"`);
  }

  function group() {
    const parts = [];
    for (let t = token(); !t?.close; t = token()) {
      if (!t) throw new Error('a parenthesis is not closed');
      parts.push(atom(t));
    }
    return Buffer.concat(parts);
  }

  const pieces = [[]];
  for (let t = token(); t; t = token()) {
    if (t.pause) pieces.push([]);
    else pieces.at(-1).push(atom(t));
  }
  return pieces.map((parts) => Buffer.concat(parts));
}

function parseWant(text) {
  const [, bytes, eof, code] = /^(.*?)\s*(?:(EOF)|close (\d+))?$/.exec(text);
  return {
    bytes: Buffer.concat(parseBytes(bytes)),
    code: code && Number(code),
    isOver: Boolean(eof || code),
  };
}

function parseField(text) {
  const [, name, value] = /^([^:]+):\s*(.*)$/.exec(text);
  return { name, value };
}

const DIRECTIVES = {
  send: (c, text) => { c.send = parseBytes(text); c.sendText = text; },
  want: (c, text) => { c.want = parseWant(text); c.wantText = text; },
  pieces: (c, text) => { c.pieces = Number(text); },
  'head-pieces': (c, text) => { c.headPieces = Number(text); },
  glued: (c) => { c.isGlued = true; },
  fin: (c) => { c.endsFirst = true; },
  first: (c, text) => { c.changes.push(['first', text]); },
  set: (c, text) => { c.changes.push(['set', text]); },
  add: (c, text) => { c.changes.push(['add', text]); },
  drop: (c, text) => { c.changes.push(['drop', text]); },
  status: (c, text) => { c.status = text; },
  gives: (c, text) => { c.gives.push(parseField(text)); },
};

/** @returns the cases, in their order; throws at a line that it can't read */
export function readCases(path) {
  const cases = [];
  const numbers = new Set();

  for (const [i, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue;
    try {
      const title = /^(\d+\.\d+) \[([\d.]+)\] (.+)$/.exec(line);
      if (title) {
        const [, number, section, words] = title;
        if (numbers.has(number)) throw new Error(`${number} is there twice`);
        numbers.add(number);
        cases.push({
          number, section, words, status: '101', changes: [], gives: [], lines: [],
          send: [], sendText: '', want: parseWant(''), wantText: '',
        });
        continue;
      }
      const [, name, text] = /^ {2}([a-z-]+)\s*(.*)$/.exec(line);
      cases.at(-1).lines.push(line.trim());
      DIRECTIVES[name](cases.at(-1), text);
    } catch (e) {
      throw new Error(`${path}:${i + 1}: ${e.message}`);
    }
  }
  return cases;
}
