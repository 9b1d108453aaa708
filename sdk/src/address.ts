import type { Account } from './protocol.js';

const EVM = /^0x[0-9a-fA-F]{40}$/;
const CHAIN = /^eip155:(\d{1,20}):(0x[0-9a-fA-F]{40})$/;
const SOLANA = /^solana:[-_a-zA-Z0-9]{1,32}:[1-9A-HJ-NP-Za-km-z]{32,44}$/;

/** Whether it looks like an account. (Only the server checks the case of EIP-55.) */
export const isAccount = (text: string): boolean =>
    EVM.test(text) || CHAIN.test(text) || SOLANA.test(text);

/** Equal for two texts that name the same account: to key a map by. */
export function accountKey(account: Account): string {
    if (account.startsWith('solana:')) return account;
    const lower = account.toLowerCase();
    return lower.startsWith('eip155:0:') ? lower.slice('eip155:0:'.length) : lower;
}

export const sameAccount = (a: Account, b: Account): boolean => accountKey(a) === accountKey(b);

/** For people: `0x5aAe…eAed`. Never to compare, or to send to. */
export function shortAccount(account: Account): string {
    const address = account.slice(account.lastIndexOf(':') + 1);
    return address.length > 12 ? `${address.slice(0, 6)}…${address.slice(-4)}` : address;
}
