import { describe, expect, it } from 'vitest';
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils';
import { keyProvider } from '../src/demo-provider';

// The example of web3.js's documentation.
const KEY = '0x4c0883a69102937d6231471b5dbb6204fe5129617082792ae468d01a3f362318';
const ADDRESS = '0x2c7536E3605D9C16a7a3D7b1898e529396a65c23';
const SIGNATURE =
    '0xb91467e570a6466aa9e9876cbcd013baba02900b8979d43fe208a4a4f339f5fd' +
    '6007e74cd82e037b800186422fc2da167c747ef045e5d18a5f5d4300f8e1a0291c';

const provider = keyProvider(ADDRESS, KEY);

describe('a wallet that is a key', () => {
    it('signs a text as every wallet does', async () => {
        const text = `0x${bytesToHex(utf8ToBytes('Some data'))}`;
        const params = [text, ADDRESS];
        expect(await provider.request({ method: 'personal_sign', params })).toBe(SIGNATURE);
    });

    it.each([
        ['eth_requestAccounts', [ADDRESS]],
        ['eth_accounts', [ADDRESS]],
        ['eth_chainId', '0x1'],
    ])('answers %s', async (method, result) => {
        expect(await provider.request({ method })).toEqual(result);
    });

    it('refuses what it can’t do, as EIP-1193 has it', async () => {
        const asked = provider.request({ method: 'eth_sendTransaction' });
        await expect(asked).rejects.toMatchObject({ code: 4200 });
    });
});
