/**
 * Clients that were released years ago, and are still in people's pages: each says hello,
 * talks both ways, and leaves, over each transport.
 */
import { collect, next, same } from './lib.mjs';

const VERSIONS = ['3.1', '4.0', '4.4', '4.6'];
const TRANSPORTS = {
    websocket: ['websocket'],
    polling: ['polling'],
    upgrade: ['polling', 'websocket'],
};

async function talk(t, version, transport) {
    const { io } = await import(`socket.io-client-${version}`);
    const socket = io(`${t.url}/custom`, {
        transports: TRANSPORTS[transport],
        auth: { token: version },
        forceNew: true,
        reconnection: false,
    });
    t.defer(() => socket.close());
    const [auth] = await next(socket, 'auth');
    same(auth.token, version, 'auth');

    const text = 'grüße, \u{1f600}\u001e\u2028';
    const bytes = Buffer.from([0, 1, 254, 255]);
    socket.emit('message', text, { nested: [bytes, null, 1.5] });
    const [back, { nested }] = await next(socket, 'message-back');
    same(back, text, 'text');
    same(Buffer.from(nested[0]).toString('hex'), '0001feff', 'bytes');

    const acked = new Promise((done) => {
        socket.emit('message-with-ack', 'one', (...args) => done(args));
    });
    same((await acked)[0], 'one', 'ack from the server');
    socket.once('please-ack', (what, ack) => ack(`${what}!`));
    socket.emit('need-ack', 'two');
    same((await next(socket, 'ack-was'))[0], 'two!', 'ack to the server');

    const burst = collect(socket, 'b', 500);
    socket.emit('burst', 500);
    same((await burst).join(), [...Array(500).keys()].join(), 'order');
    const engine = socket.io.engine;
    if (transport === 'upgrade' && engine.transport.name === 'polling')
        await next(engine, 'upgrade');
    same(engine.transport.name, transport === 'polling' ? 'polling' : 'websocket', 'transport');

    socket.emit('kick');
    same((await next(socket, 'disconnect'))[0], 'io server disconnect', 'reason');
}

export const versions = VERSIONS.flatMap((version) =>
    Object.keys(TRANSPORTS).map((transport) => ({
        name: `client ${version}/${transport}: talks both ways`,
        run: (t) => talk(t, version, transport),
    })),
);
