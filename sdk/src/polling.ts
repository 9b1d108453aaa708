/**
 * The transport for networks that let no WebSocket through. Loaded by who meets one: what the server
 * serves of the SDK has another file in the place of this one, with the code itself.
 */
export const polling: string | (new (...args: never[]) => unknown) = 'polling';
