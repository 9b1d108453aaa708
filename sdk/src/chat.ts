import type { Auth } from './auth.js';
import { openConnection } from './connection.js';
import { LiveChat } from './live-chat.js';
import type { Chat } from './model.js';
import { deleteOutbox } from './outbox-idb.js';
import { openOutbox } from './outbox-open.js';

export interface ChatOptions {
    /** Where the server is: `https://chat.example`. */
    server: string;
    auth: Auth;
    /** Of Socket.IO at the server (`--path`). Default: `/socket.io/`. */
    path?: string;
    /** Whether what is not sent yet outlives the page (IndexedDB). Default: true. */
    persist?: boolean;
}

/** It is not connected yet: connect() does that. */
export function createChat({ server: url, auth, path, persist = true }: ChatOptions): Chat {
    const server = new URL(url).origin;
    const wire = openConnection({ server, auth, path });
    return new LiveChat({
        server,
        auth,
        wire,
        openOutbox: (account) => openOutbox({ server, account, wire, persist }),
        deleteOutbox: (account) => deleteOutbox(server, account),
    });
}
