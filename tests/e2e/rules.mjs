/** The rules of the transport, over the wire and by the byte. */
import { rows as cors } from './rules/cors.mjs';
import { rows as engine } from './rules/engine.mjs';
import { rows as http } from './rules/http.mjs';
import { rows as selftest } from './rules/selftest.mjs';
import { rows as socketio } from './rules/socketio.mjs';
import { rows as timers } from './rules/timers.mjs';
import { rows as upgrade } from './rules/upgrade.mjs';
import { rows as websocket } from './rules/websocket.mjs';

export const rules = [
    ...http, ...cors, ...engine, ...upgrade, ...websocket, ...socketio, ...timers,
    ...selftest,
];
