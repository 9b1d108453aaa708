import { isAccount, type Account } from 'parley-sdk';

const SOLANA = 'solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:';

/** What somebody has typed or pasted: an account in any form, or a Solana wallet's address alone. */
export function parseAccount(text: string): Account | undefined {
    const trimmed = text.trim();
    return [trimmed, SOLANA + trimmed].find(isAccount);
}

/** As one gives it to others: Solana's wallets know their addresses without the chain. */
export const copyText = (account: Account): string =>
    account.startsWith(SOLANA) ? account.slice(SOLANA.length) : account;
