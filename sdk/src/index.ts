export { createChat, type ChatOptions } from './chat.js';
export { ParleyError, isPassing } from './errors.js';
export { accountKey, isAccount, sameAccount, shortAccount } from './address.js';
export { Session, type SessionOptions } from './session.js';
export { tokenAuth } from './token.js';
export type { Auth } from './auth.js';
export type { Status } from './wire.js';
export type * from './model.js';
export type {
    Account,
    Limits,
    Marks,
    MediaType,
    MessageStatus,
    MessageType,
    SessionTokens,
} from './protocol.js';
