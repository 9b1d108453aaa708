/** Chains of the tests' own, with contract wallets on them. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createTestClient, http, publicActions, walletActions } from 'viem';
import { Failure, Skip, run, spare, within } from '../lib.mjs';

const PROGRAM = fileURLToPath(new URL('../node_modules/.bin/anvil', import.meta.url));
const START_MS = 10000;
const POLL_MS = 20;
const STATES = 100;

const compiled = new URL('../contracts/compiled.json', import.meta.url);
export const { contracts: CONTRACTS } = JSON.parse(readFileSync(compiled, 'utf8'));

/** What the program is made for. */
const isOurs = process.platform === 'linux' && process.arch === 'x64';

function launch(words) {
    if (!isOurs || !existsSync(PROGRAM)) throw new Skip('there is no anvil for this machine');
    return run(PROGRAM, words, ['ignore', 'pipe', 'pipe']);
}

/**
 * anvil: an EVM that mines a block for each transaction, and asks nobody. It keeps the states of
 * some blocks, as one that is asked about the latest may be overtaken by the next; none on disk.
 */
export class Anvil {
    #last = Promise.resolve();

    /** @param id  of the chain (EIP-155) */
    static async start(id) {
        const anvil = new Anvil();
        const { child, ended } = launch([
            '--host=127.0.0.1', '--port=0', `--chain-id=${id}`, '--threads=1',
            `--prune-history=${STATES}`,
        ]);
        Object.assign(anvil, { id, child, ended });
        try {
            anvil.url = `http://${await within(START_MS, 'anvil', anvil.#listening())}`;
        } catch (error) {
            child.kill('SIGKILL');
            throw error;
        }
        anvil.client = createTestClient({
            mode: 'anvil', transport: http(anvil.url), pollingInterval: POLL_MS, cacheTime: 0,
        }).extend(publicActions).extend(walletActions);
        [anvil.payer] = await anvil.client.getAddresses();
        return anvil;
    }

    /** @return where */
    #listening() {
        let said = '';
        const { stdout, stderr } = this.child;
        const listening = new Promise((resolve) => {
            const hear = (text) => {
                const found = /^Listening on (\S+)$/m.exec((said += text));
                if (!found) return;
                stdout.off('data', hear).resume(); // it goes on to say what it is asked
                resolve(found[1]);
            };
            stdout.on('data', hear);
        });
        stderr.on('data', (text) => (said += text));
        const died = spare(this.ended.then((how) => {
            throw new Failure(`anvil ended (${how}):\n${said}`);
        }));
        return Promise.race([listening, died]);
    }

    /** One after the other: they have one payer, and each has a nonce. @return the receipt */
    #transact(send) {
        const next = this.#last.then(async () => {
            const receipt = await this.client.waitForTransactionReceipt({ hash: await send() });
            if (receipt.status !== 'success') throw new Failure('a transaction was reverted');
            return receipt;
        });
        this.#last = next.catch(() => {});
        return next;
    }

    /** @return its address */
    async deploy(name, ...args) {
        const { contractAddress } = await this.#transact(() => this.client.deployContract({
            ...CONTRACTS[name], args, account: this.payer, chain: null,
        }));
        return contractAddress;
    }

    call(name, address, functionName, ...args) {
        const { abi } = CONTRACTS[name];
        return this.#transact(() => this.client.writeContract({
            abi, address, functionName, args, account: this.payer, chain: null,
        }));
    }

    read(name, address, functionName, ...args) {
        return this.client.readContract({ ...CONTRACTS[name], address, functionName, args });
    }
}
