/** Wallets that are contracts: they sign in as those of signer.mjs do. */
import { randomBytes } from 'node:crypto';
import { encodeFunctionData, getAddress, serializeErc6492Signature } from 'viem';
import { Anvil, CONTRACTS } from './anvil.mjs';
import { Rpc } from './rpc.mjs';
import { evmWallet, siwe } from './signer.mjs';

export const HOME = 31337;
export const AWAY = 31338;
export const UNREACHABLE = 31339; // it has an RPC, and nobody is there
export const UNKNOWN = 31340;     // it has none

/** No port below 1024 is given to who asks for any, and 1 is nobody's. */
const NOBODY = 'http://127.0.0.1:1';
const NOBODYS_SECRET = randomBytes(16).toString('hex');

/** ERC-6492: makes of an owner's signature one that says what to call for the wallet to be. */
export const wrapped = (address, data) => (signature) =>
    serializeErc6492Signature({ address, data, signature });

/**
 * @param chain  where it is, by its id
 * @param sign   (message): the signature
 */
export function contractAt(chain, text, sign) {
    const address = getAddress(text);
    return {
        address, sign, account: chain === HOME ? address : `eip155:${chain}:${address}`,
        query: '?contract=1', // of the nonce that it asks for
        write: (wallet, told, fields) => siwe(wallet, told, { chainId: chain, ...fields }),
    };
}

/** A chain, what its contracts are made with, and what stands before it. */
export class Chain {
    static async start(id) {
        const anvil = await Anvil.start(id);
        const [rpc, factory] = await Promise.all([Rpc.start(anvil.url), anvil.deploy('Factory')]);
        return Object.assign(new Chain(), { id, anvil, rpc, factory });
    }

    /** Of an owner, who signs for it. */
    async deployed(owner = evmWallet()) {
        return this.#wallet(await this.anvil.deploy('Wallet', owner.address), owner);
    }

    /** One of them that answers whatever it likes. */
    async odd(name) {
        return this.#wallet(await this.anvil.deploy(name), evmWallet());
    }

    #wallet(address, owner) {
        return { ...contractAt(this.id, address, owner.sign), owner };
    }

    /**
     * One that is not there yet: its signatures say how to make it (ERC-6492), and those of
     * plain are the owner's alone.
     */
    async counterfactual(owner = evmWallet(), salt = `0x${randomBytes(32).toString('hex')}`) {
        const args = [owner.address, salt];
        const address = await this.anvil.read('Factory', this.factory, 'predict', ...args);
        const wrap = wrapped(this.factory, factoryData(...args));
        const sign = async (message) => wrap(await owner.sign(message));
        const plain = this.#wallet(address, owner);
        const deploy = () => this.anvil.call('Factory', this.factory, 'create', ...args);
        return { ...plain, sign, plain, deploy, salt };
    }

    /** Its owner is another from now on. */
    setOwner({ address }, owner) {
        return this.anvil.call('Wallet', address, 'setOwner', owner.address);
    }

    approve({ address }, hash) {
        return this.anvil.call('Wallet', address, 'approve', hash);
    }

    async isDeployed({ address }) {
        return Boolean(await this.anvil.client.getCode({ address }));
    }
}

export const factoryData = (owner, salt) => encodeFunctionData({
    abi: CONTRACTS.Factory.abi, functionName: 'create', args: [owner, salt],
});

let shared;

/** Those that rows share: of HOME and of AWAY. They end with this process. */
export const chains = () => (shared ??= Promise.all([HOME, AWAY].map((id) => Chain.start(id))));

/** How to start a server that asks them, and one chain more where nobody answers. */
export function serverOf({ home, away }) {
    const nobody = `${NOBODY}/v2/${NOBODYS_SECRET}`;
    const rpcs = [[HOME, home.rpc.url], [AWAY, away.rpc.url], [UNREACHABLE, nobody]];
    return {
        options: [
            '--rate-limits=off', '--drain=1s', '--domains=app.test', '--origins=https://app.test',
            `--chains=${[HOME, AWAY, UNREACHABLE, UNKNOWN]}`,
        ],
        env: { PARLEY_RPC: rpcs.map(([id, url]) => `${id}=${url}`).join() },
    };
}

/** What is in that, and in nothing that the server says. */
export const rpcSecrets = ({ home, away }) =>
    [home.rpc.secret, away.rpc.secret, NOBODYS_SECRET].map((text) => ['the path of an RPC', text]);
