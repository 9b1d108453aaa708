import { ParleyError } from '../errors.js';

/** What a wallet signs, and shows to its owner before. */
export interface SignInText {
    /** Host and port of this page. */
    domain: string;
    uri: string;
    address: string;
    statement: string;
    nonce: string;
    issuedAt: string;
}

const ORDINARY = 'Sign in to the chat. This costs nothing.';

/** EIP-4361: reserved and unreserved characters of RFC 3986, and spaces. */
const STATEMENT = /^[-\w.~:/?#[\]@!$&'()*+,;= ]{1,1024}$/;

/** @throws ParleyError `bad_request`, before the user is asked to sign what will be refused */
export function statementOf(text: string = ORDINARY): string {
    if (STATEMENT.test(text)) return text;
    throw new ParleyError({
        code: 'bad_request',
        field: 'statement',
        message: 'The statement must be one line of ASCII, without any of "%<>\\^`{|}.',
    });
}

function write(kind: string, text: SignInText, chain: string[]): string {
    const { domain, address, statement, uri, nonce, issuedAt } = text;
    return [
        `${domain} wants you to sign in with your ${kind} account:`,
        address,
        '',
        statement,
        '',
        `URI: ${uri}`,
        'Version: 1',
        ...chain,
        `Nonce: ${nonce}`,
        `Issued At: ${issuedAt}`,
    ].join('\n');
}

/** EIP-4361. @param text  its address is in the case of EIP-55 */
export const ethereumText = (text: SignInText & { chainId: number }): string =>
    write('Ethereum', text, [`Chain ID: ${text.chainId}`]);

/** Sign-In With Solana; without the cluster, as a wallet is the same one on each. */
export const solanaText = (text: SignInText): string => write('Solana', text, []);
