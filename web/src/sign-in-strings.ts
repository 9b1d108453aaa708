/** As strings.ts: what is said where somebody signs in. */
export const signInEnglish = {
    signInTitle: 'Sign in to chat',
    signInText: 'Sign a message with your wallet. It costs nothing, and sends no transaction.',
    signInWith: 'Sign in with {name}', // NAME
    signInStatement: 'Sign in to the chat.', // what the wallet shows: one line of ASCII
    signing: 'Confirm in your wallet…',
    noWallet: 'No wallet was found in this browser. Install one, or open this page in it.',
    lookingForWallets: 'Looking for wallets…',
    why_wallet_rejected: 'You declined the signature. Choose your wallet to try again.',
    why_login_domain: 'This site isn’t allowed to sign in here. Its operator can: --origins.',
    why_login_chain: 'Wallets of this network can’t sign in here. Switch the network.',
};
