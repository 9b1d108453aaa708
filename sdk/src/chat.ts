import type { Auth } from './auth.js';
import type { Chat } from './model.js';

export interface ChatOptions {
    /** Where the server is: `https://chat.example`. */
    server: string;
    auth: Auth;
    /** Of Socket.IO at the server (`--path`). Default: `/socket.io/`. */
    path?: string;
    /** Whether what is not sent yet outlives the page (IndexedDB). Default: true. */
    persist?: boolean;
}

export function createChat(_options: ChatOptions): Chat {
    throw new Error('not built yet');
}
