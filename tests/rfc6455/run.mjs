#!/usr/bin/env node
// The RFC 6455 suite: each case of cases.txt on a TCP connection of its own.
//
//   node run.mjs                start $PARLEY (build/parley) selftest, and test that
//   node run.mjs URL            test the server at http://HOST:PORT/PATH, which echoes each
//                               message and takes messages of up to 131072 bytes
//   node run.mjs --list         print the cases
//   node run.mjs --case 5.13    only this one, with all that is sent and received
//   node run.mjs --skip 9,2.27  without section 9 and case 2.27; they count as skipped
import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

import { readCases } from './table.mjs';

const MAX_PAYLOAD = 131072; // bytes of a message; cases.txt counts on it
const CASE_MS = 10000; // for all of a case
const START_MS = 10000;
const STOP_MS = 10000; // from SIGTERM to SIGKILL
const PAUSE_MS = 20; // '/' in a send line
const PIECE_MS = 1; // between two pieces
const AT_ONCE = 8;
const GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
const GOODBYE = Buffer.from('88820000000003e8', 'hex');
const ITS_ANSWER = Buffer.from('880203e8', 'hex');

const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Bytes in the notation of cases.txt, cut short. */
function show(bytes) {
  const runs = bytes.subarray(0, 160).toString('latin1').match(/[ !#-~]{3,}|[^]/g) ?? [];
  const text = runs
    .map((run) => (run.length > 2 ? ` "${run}" ` : Buffer.from(run, 'latin1').toString('hex')))
    .join('')
    .trim();
  return bytes.length > 160 ? `${text} … (${bytes.length} bytes)` : text || '(nothing)';
}

function request(c, server, key) {
  const values = { '{host}': server.host, '{path}': server.path, '\\t': '\t' };
  const fill = (text) => text.replace(/\{host\}|\{path\}|\\t/g, (name) => values[name]);
  const nameOf = (field) => field.split(':')[0].toLowerCase();
  const lines = [
    'GET {path} HTTP/1.1',
    'Host: {host}',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
  ];

  for (const [verb, text] of c.changes) {
    const i = lines.findIndex((line, n) => n > 0 && nameOf(line) === nameOf(text));
    if (verb === 'first') lines[0] = text;
    else if (verb === 'add') lines.push(text);
    else if (i < 0) throw new Error(`${c.number}: no field to ${verb}: ${text}`);
    else if (verb === 'set') lines[i] = text;
    else lines.splice(i, 1);
  }
  return lines.map(fill);
}

/** @returns what is wrong with the answer's head, or nothing */
function checkHead(c, head, key) {
  const [first, ...fields] = head.split('\r\n');
  const status = /^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1];
  const valuesOf = (name) =>
    fields
      .filter((field) => field.split(':')[0].toLowerCase() === name.toLowerCase())
      .map((field) => field.slice(name.length + 1).trim());
  const mustGive = (name, value) => {
    const values = valuesOf(name);
    if (values.length !== 1 || values[0] !== value) return `${name} is ${JSON.stringify(values)}`;
  };

  if (!status || !new RegExp(`^${c.status.replaceAll('x', '\\d')}$`).test(status)) return first;
  for (const { name, value } of c.gives) {
    const wrong = mustGive(name, value);
    if (wrong) return wrong;
  }
  if (c.status !== '101') return undefined;

  const unasked = ['Sec-WebSocket-Extensions', 'Sec-WebSocket-Protocol'].find(
    (name) => valuesOf(name).length > 0 && !c.gives.some((field) => field.name === name),
  );
  if (unasked) return `${unasked} is ${JSON.stringify(valuesOf(unasked))}`;
  return (
    mustGive('Upgrade', 'websocket') ??
    mustGive('Connection', 'Upgrade') ??
    mustGive('Sec-WebSocket-Accept', createHash('sha1').update(key + GUID).digest('base64'))
  );
}

/** Is it a server's close frame with this code, and a reason of valid UTF-8? */
function isClose(frame, code) {
  if (frame.length < 4 || frame[0] !== 0x88 || frame[1] > 125) return false;
  if (frame[1] !== frame.length - 2 || frame.readUInt16BE(2) !== code) return false;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(frame.subarray(4));
    return true;
  } catch {
    return false;
  }
}

/** @returns what is wrong with what came behind the answer's head, or nothing */
function checkBody(c, body) {
  const { bytes, code, isOver } = c.want;
  const want = isOver ? bytes : Buffer.concat([bytes, ITS_ANSWER]);
  const start = body.subarray(0, want.length);

  if (!start.equals(want)) {
    const at = want.findIndex((byte, i) => byte !== start[i]);
    return `byte ${at} differs`;
  }
  const rest = body.subarray(want.length);
  if (code) return isClose(rest, code) ? undefined : `no close frame of ${code} alone at the end`;
  return rest.length > 0 ? 'more than that' : undefined;
}

/** One connection: what came so far, and whether it is over. */
class Client {
  constructor(server, log) {
    this.log = log;
    this.got = Buffer.alloc(0);
    this.end = undefined; // 'EOF', or the code of the error
    this.wake = () => {};
    const chunks = (chunk) => {
      this.got = Buffer.concat([this.got, chunk]);
      this.log('<', chunk);
      this.wake();
    };
    const over = (end) => {
      this.end ??= end;
      this.log('<', end);
      this.wake();
    };
    this.socket = connect({ host: server.hostname, port: server.port, allowHalfOpen: true })
      .setNoDelay()
      .on('data', chunks)
      .on('end', () => over('EOF'))
      .on('error', (e) => over(e.code));
  }

  async write(bytes, pieceSize = bytes.length) {
    for (let at = 0; at < bytes.length && !this.end; at += pieceSize) {
      if (at > 0) await sleep(PIECE_MS);
      const piece = bytes.subarray(at, at + pieceSize);
      this.log('>', piece);
      this.socket.write(piece);
    }
  }

  /** @returns when the condition holds, or the connection is over, or it is too late */
  async until(condition, deadline) {
    while (!condition() && !this.end && Date.now() < deadline) {
      const timer = setTimeout(() => this.wake(), deadline - Date.now());
      await new Promise((resolve) => (this.wake = resolve));
      clearTimeout(timer);
    }
  }
}

async function writeRest(client, c) {
  for (const [i, bytes] of c.send.entries()) {
    if (c.isGlued && i === 0) continue;
    if (i > 0) await sleep(PAUSE_MS);
    await client.write(bytes, c.pieces);
  }
  if (!c.want.isOver) await client.write(GOODBYE);
  if (c.endsFirst) client.socket.end();
}

/** @returns {wrong, got}: wrong is undefined if the server did as it should */
async function converse(client, c, server) {
  const deadline = Date.now() + CASE_MS;
  const lines = request(c, server, randomBytes(16).toString('base64'));
  const key = lines.find((line) => /^sec-websocket-key:/i.test(line))?.split(':')[1].trim();
  const head = Buffer.from(lines.join('\r\n') + '\r\n\r\n', 'latin1');
  const early = c.isGlued ? c.send[0] : Buffer.alloc(0);

  await client.write(Buffer.concat([head, early]), c.headPieces);
  await client.until(() => client.got.includes('\r\n\r\n'), deadline);
  const n = client.got.indexOf('\r\n\r\n');
  if (n < 0) return { wrong: `no answer to the request: ${client.end ?? 'late'}`, got: client.got };
  const wrong = checkHead(c, client.got.toString('latin1', 0, n), key);
  if (wrong || c.status !== '101') return { wrong, got: client.got };

  await writeRest(client, c);
  await client.until(() => false, deadline);
  const got = client.got.subarray(n + 4);
  const isEnded = client.end === 'EOF' ? undefined : `the end is ${client.end ?? 'missing'}`;
  return { wrong: checkBody(c, got) ?? isEnded, got };
}

async function runCase(c, server, log = () => {}) {
  const client = new Client(server, log);
  try {
    return await converse(client, c, server);
  } finally {
    client.socket.destroy();
  }
}

function printFailure(c, { wrong, got }) {
  console.log(`\n${c.number} [${c.section}] ${c.words}: ${wrong}`);
  for (const line of c.lines) console.log(`  ${line}`);
  if (!c.want.isOver && c.status === '101') console.log('  (then a close frame, and its answer)');
  console.log(`  got   ${show(got)}`);
}

/** Runs AT_ONCE cases at a time. @returns how many failed */
async function runAll(cases, server) {
  const todo = [...cases];
  let nFailed = 0;
  let nDone = 0;

  async function worker() {
    for (let c = todo.shift(); c; c = todo.shift()) {
      const outcome = await runCase(c, server);
      if (outcome.wrong) {
        printFailure(c, outcome);
        nFailed++;
      }
      if (++nDone % 100 === 0) console.log(`${nDone} of ${cases.length}`);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return nFailed;
}

async function runOne(c, server) {
  const start = Date.now();
  for (const line of c.lines) console.log(`  ${line}`);
  const outcome = await runCase(c, server, (arrow, what) => {
    const at = String(Date.now() - start).padStart(6);
    console.log(`${at} ms ${arrow} ${Buffer.isBuffer(what) ? show(what) : what}`);
  });
  if (outcome.wrong) printFailure(c, outcome);
  return outcome.wrong ? 1 : 0;
}

/** @returns {url, stop}; stop() resolves to what is wrong with its end, or nothing */
async function startParley() {
  const path = process.env.PARLEY ?? here('../../build/parley');
  const args = ['selftest', '--listen', '127.0.0.1:0', '--max-payload', String(MAX_PAYLOAD)];
  const child = spawn(path, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const gone = new Promise((resolve) => {
    child.on('error', (e) => resolve(`${path}: ${e.message}`));
    child.on('exit', (code, signal) => {
      resolve(code === 0 ? undefined : `${path} ended: ${signal ?? code}`);
    });
  });
  const stop = async () => {
    child.kill('SIGTERM');
    const kill = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
    const wrong = await gone;
    clearTimeout(kill);
    return wrong;
  };

  const ready = new Promise((resolve) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const url = /^parley: ready (http:\S+)$/.exec(line)?.[1];
      if (url) resolve({ url: new URL('/ws-echo', url) });
    });
  });
  const late = sleep(START_MS, `${path}: not ready in time`, { ref: false });
  const first = await Promise.race([ready, gone, late]);
  if (!first?.url) {
    child.kill('SIGKILL');
    throw new Error(first ?? `${path}: ended at once`);
  }
  return { ...first, stop };
}

function list(cases) {
  for (const c of cases) {
    const lines = c.lines.filter((line) => !/^(send|want)/.test(line));
    if (c.status === '101') {
      lines.push(`send ${c.sendText}`.trim(), `want ${c.wantText || '(nothing)'}`);
    }
    console.log(`${c.number} [${c.section}] ${c.words} | ${lines.join(' | ')}`);
  }
  console.log(`${cases.length} cases`);
}

async function main() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { list: { type: 'boolean' }, case: { type: 'string' }, skip: { type: 'string' } },
  });
  const all = readCases(here('cases.txt'));
  if (values.list) {
    list(all);
    return 0;
  }

  const skips = values.skip?.split(',') ?? [];
  const isSkipped = (c) => skips.some((s) => c.number === s || c.number.startsWith(`${s}.`));
  const cases = all.filter((c) => (values.case ? c.number === values.case : !isSkipped(c)));
  if (cases.length === 0) throw new Error('no such case');

  const given = positionals.length > 0 && { url: new URL(positionals[0]), stop: () => {} };
  const parley = given || (await startParley());
  const server = {
    hostname: parley.url.hostname.replace(/^\[|\]$/g, ''), // [::1]
    port: Number(parley.url.port || 80),
    host: parley.url.host,
    path: parley.url.pathname,
  };
  let nFailed;
  let badEnd;
  try {
    nFailed = values.case ? await runOne(cases[0], server) : await runAll(cases, server);
  } finally {
    badEnd = await parley.stop();
    if (badEnd) console.log(`\n${badEnd}`);
  }
  const nPassed = cases.length - nFailed;
  const nAllFailed = nFailed + (badEnd ? 1 : 0);
  console.log(`${nPassed} passed, ${nAllFailed} failed, ${all.length - cases.length} skipped`);
  return nAllFailed > 0 ? 1 : 0;
}

try {
  process.exitCode = await main();
} catch (e) {
  console.error(`rfc6455: ${e.message}`);
  process.exitCode = 2;
}
