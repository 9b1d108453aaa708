#!/usr/bin/env node
/**
 * usage: compile.mjs [--check]
 *
 * Makes compiled.json of the contracts beside it; --check fails where that is not what is there.
 */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import solc from 'solc';

const { values: flags } = parseArgs({ options: { check: { type: 'boolean' } } });
const here = (name) => fileURLToPath(new URL(name, import.meta.url));

/** Without a hash of the source in it, bytecode changes only where the code does. */
const settings = {
    evmVersion: 'paris',
    optimizer: { enabled: true, runs: 200 },
    metadata: { appendCBOR: false, bytecodeHash: 'none' },
};

function compile() {
    const names = readdirSync(here('.')).filter((name) => name.endsWith('.sol')).sort();
    const sources = Object.fromEntries(names.map((name) =>
        [name, { content: readFileSync(here(name), 'utf8') }]));
    const outputSelection = { '*': { '*': ['abi', 'evm.bytecode.object'] } };
    const { contracts, errors } = JSON.parse(solc.compile(JSON.stringify({
        language: 'Solidity', sources, settings: { ...settings, outputSelection },
    })));
    if (errors) throw new Error(errors.map((error) => error.formattedMessage).join('\n'));
    return Object.assign({}, ...names.map((name) => contracts[name]));
}

const contracts = Object.entries(compile()).map(([name, { abi, evm }]) =>
    [name, { abi, bytecode: `0x${evm.bytecode.object}` }]);
const text = `${JSON.stringify({
    compiler: solc.version(), settings, contracts: Object.fromEntries(contracts),
}, undefined, 2)}\n`;

const out = here('compiled.json');
if (!flags.check) {
    writeFileSync(out, text);
} else if (readFileSync(out, 'utf8') !== text) {
    console.error(`${out}: not what its sources give; run compile.mjs`);
    process.exit(1);
}
