import { describe, expect, it } from 'vitest';
import { base58 } from '../src/wallets/base58.js';
import { checksummed } from '../src/wallets/eip55.js';
import { ethereumText, solanaText, statementOf } from '../src/wallets/text.js';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));

describe('EIP-55', () => {
    // Those of the EIP.
    it.each([
        '0x52908400098527886E0F7030069857D2E4169EE7',
        '0x8617E340B3D01FA5F11F306F4090FD50E238070D',
        '0xde709f2102306220921060314715629080e2fb77',
        '0x27b1fdb04752bbc536007a920d24acb045561c26',
        '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed',
        '0xfB6916095ca1df60bB79Ce92cE3Ea74c37c5d359',
        '0xdbF03B407c01E7cD3CBea99509d93f8DDDC8C6FB',
        '0xD1220A0cf47c7B9Be7A2E6BA89F429762e7b9aDb',
    ])('is the case of %s, however it is written', (address) => {
        expect(checksummed(address.toLowerCase())).toBe(address);
        expect(checksummed(`0x${address.slice(2).toUpperCase()}`)).toBe(address);
    });
});

describe('base58', () => {
    it.each([
        ['', ''],
        ['61', '2g'],
        ['626262', 'a3gV'],
        ['636363', 'aPEr'],
        ['73696d706c792061206c6f6e6720737472696e67', '2cFupjhnEsSn59qHXstmK2ffpLv2'],
        [
            '00eb15231dfceb60925886b67d065299925915aeb172c06647',
            '1NS17iag9jJgTHD1VXjvLCEnZuQ3rJDE9L',
        ],
        ['516b6fcd0f', 'ABnLTmg'],
        ['10c8511e', 'Rt5zm'],
        ['00000000000000000000', '1111111111'],
        ['00', '1'],
        ['0001', '12'],
        ['ff'.repeat(32), 'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG'],
    ])('of %s is %s', (bytes, text) => {
        expect(base58(hex(bytes))).toBe(text);
    });
});

const TEXT = {
    domain: 'shop.example:8443',
    uri: 'https://shop.example:8443',
    statement: 'Sign in.',
    nonce: 'abcdefgh',
    issuedAt: '2026-11-26T12:00:00.000Z',
};

describe('the text', () => {
    it('of Ethereum is that of EIP-4361', () => {
        const address = '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed';
        expect(ethereumText({ ...TEXT, address, chainId: 8453 })).toBe(
            'shop.example:8443 wants you to sign in with your Ethereum account:\n' +
                '0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed\n' +
                '\n' +
                'Sign in.\n' +
                '\n' +
                'URI: https://shop.example:8443\n' +
                'Version: 1\n' +
                'Chain ID: 8453\n' +
                'Nonce: abcdefgh\n' +
                'Issued At: 2026-11-26T12:00:00.000Z',
        );
    });

    it('of Solana names no cluster', () => {
        const address = 'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG';
        expect(solanaText({ ...TEXT, address })).toBe(
            'shop.example:8443 wants you to sign in with your Solana account:\n' +
                'JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFG\n' +
                '\n' +
                'Sign in.\n' +
                '\n' +
                'URI: https://shop.example:8443\n' +
                'Version: 1\n' +
                'Nonce: abcdefgh\n' +
                'Issued At: 2026-11-26T12:00:00.000Z',
        );
    });
});

describe('the statement', () => {
    it.each([
        'Hi.',
        "It's (really) free; 100 of 100: go! @shop #1, a=b&c*d+e~_[f]?/$",
        'x'.repeat(1024),
    ])('may be %j', (text) => {
        expect(statementOf(text)).toBe(text);
    });

    it('is one of ours where there is none', () => {
        expect(statementOf()).toMatch(/^Sign in /);
    });

    it.each([
        '',
        'two\nlines',
        'Größe',
        '100 %',
        'a "b"',
        '<b>',
        'a\\b',
        '`',
        '{}',
        '|',
        '^',
        'x'.repeat(1025),
    ])('may not be %j', (text) => {
        expect(() => statementOf(text)).toThrow(
            expect.objectContaining({ code: 'bad_request', field: 'statement' }),
        );
    });
});
