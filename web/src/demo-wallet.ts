import { isPassing, ParleyError, sameAccount, Session, type Auth } from 'parley-sdk';

/** As /dev/wallets gives it. */
export interface DemoWallet {
    readonly name: string;
    readonly address: string;
    readonly key: string;
    readonly peer: { readonly name: string; readonly address: string };
}

/** @throws ParleyError: the answer's status as its code, or `offline` */
export async function fetchWallet(profile: string): Promise<DemoWallet> {
    const response = await fetch(`/dev/wallets/${profile}`, { cache: 'no-store' }).catch(
        (error: Error) => {
            throw new ParleyError({ code: 'offline', message: error.message });
        },
    );
    if (response.ok) return (await response.json()) as DemoWallet;
    const { status, statusText } = response;
    throw new ParleyError({ code: String(status), message: `${status} ${statusText}`.trim() });
}

async function signIn(server: string, wallet: DemoWallet, profile: string): Promise<Session> {
    const [{ signInWithEthereum }, { keyProvider }] = await Promise.all([
        import('parley-sdk/wallets'),
        import('./demo-provider'),
    ]);
    return signInWithEthereum(server, keyProvider(wallet.address, wallet.key), { profile });
}

/** The session that is kept of it, if it is of this wallet: a new data directory has other ones. */
function kept(server: string, wallet: DemoWallet, profile: string): Session | undefined {
    const session = Session.open(server, { profile });
    return session && sameAccount(session.account, wallet.address) ? session : undefined;
}

/** What trying again does not mend ends the connection, and is said: not tried for ever. */
function ending(error: unknown): unknown {
    if (!(error instanceof ParleyError) || isPassing(error)) return error;
    return new ParleyError({ code: 'signed_out', message: error.message });
}

const isOver = (error: unknown): boolean =>
    error instanceof ParleyError && error.code === 'signed_out';

/** Signs in by itself as often as it takes: nobody has to confirm anything. */
export function demoAuth(server: string, wallet: DemoWallet, profile: string): Auth {
    let session = kept(server, wallet, profile);

    return {
        account: wallet.address,
        async token(refused) {
            try {
                if (session) return await session.token(refused);
            } catch (error) {
                if (!isOver(error)) throw error;
            }
            session = await signIn(server, wallet, profile).catch((error: unknown) => {
                throw ending(error);
            });
            return session.token();
        },
    };
}
