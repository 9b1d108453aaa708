import { ParleyError } from 'parley-sdk';
import { say, type Strings } from './strings';

const failed = (strings: Strings, reason: string): ParleyError =>
    new ParleyError({ code: 'offline', message: say(strings.tokenFailed, { reason }) });

async function post(url: string, strings: Strings): Promise<Response> {
    try {
        return await fetch(url, { method: 'POST', credentials: 'include' });
    } catch {
        throw failed(strings, strings.tokenUnreachable);
    }
}

/**
 * A token from the page's own backend, which knows its user by the page's cookies.
 *
 * @throws ParleyError `signed_out` where it answers 401 or 403; anything else is passing
 */
export async function fetchToken(url: string, strings: Strings): Promise<string> {
    const response = await post(url, strings);
    if (response.status === 401 || response.status === 403)
        throw new ParleyError({ code: 'signed_out', message: strings.tokenRefused });
    if (!response.ok) throw failed(strings, String(response.status));

    const body: unknown = await response.json().catch(() => undefined);
    const token = (body as { token?: unknown } | undefined | null)?.token;
    if (typeof token !== 'string' || token === '') throw failed(strings, strings.tokenMalformed);
    return token;
}
