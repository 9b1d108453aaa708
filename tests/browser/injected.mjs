/** A wallet as an extension puts it into pages: EIP-1193, announced by EIP-6963. */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

const require = createRequire(fileURLToPath(new URL('../e2e/package.json', import.meta.url)));
const { generatePrivateKey, privateKeyToAccount } = require('viem/accounts');

const ICON = 'data:image/svg+xml,%3Csvg xmlns=%22http://www.w3.org/2000/svg%22/%3E';

/**
 * In every page of this person. What it is asked to sign it signs, unless `refuses` is set.
 *
 * @return its address
 */
export async function injected(context, { name = 'Test Wallet', refuses = false, key: secret } = {}) {
    const key = privateKeyToAccount(secret ?? generatePrivateKey());
    const hidden = `__sign_${name.replace(/\W/g, '')}`;
    await context.exposeFunction(hidden, (raw) => key.signMessage({ message: { raw } }));
    await context.addInitScript(({ address, name, hidden, refuses, icon }) => {
        const answers = {
            eth_requestAccounts: async () => [address],
            eth_accounts: async () => [address],
            eth_chainId: async () => '0x1',
            eth_getCode: async () => '0x',
            personal_sign: async ([text]) => {
                if (refuses) throw Object.assign(new Error('User rejected'), { code: 4001 });
                return globalThis[hidden](text);
            },
        };
        const provider = {
            request: async ({ method, params }) => {
                if (!answers[method])
                    throw Object.assign(new Error(`no ${method}`), { code: 4200 });
                return answers[method](params);
            },
            on() {}, removeListener() {},
        };
        if (!globalThis.ethereum) globalThis.ethereum = provider;
        const info = { uuid: crypto.randomUUID(), name, icon, rdns: `test.${hidden}` };
        const announce = () => dispatchEvent(new CustomEvent('eip6963:announceProvider',
            { detail: Object.freeze({ info, provider }) }));
        addEventListener('eip6963:requestProvider', announce);
        announce();
    }, { address: key.address, name, hidden, refuses, icon: ICON });
    return key.address;
}
