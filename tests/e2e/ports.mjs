/** Ports of this machine, for who can't be told to take any. */
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

/** Below those that the system gives to whoever connects: between here and there nobody has it. */
const PORTS = { first: 20000, n: 12000 };

/** @return whether nobody listens there, and then nobody connects from there */
async function isFree(port) {
    const server = createServer().listen(port, '127.0.0.1');
    try {
        await once(server, 'listening');
        return true;
    } catch {
        return false;
    } finally {
        server.close();
    }
}

export async function freePorts(n) {
    const ports = new Set();
    while (ports.size < n) {
        const port = PORTS.first + randomInt(PORTS.n);
        if (!ports.has(port) && await isFree(port)) ports.add(port);
    }
    return [...ports];
}

/** @return whether somebody listens there */
export async function isServed(port) {
    const socket = connect(port, '127.0.0.1');
    try {
        await once(socket, 'connect');
        return true;
    } catch {
        return false;
    } finally {
        socket.destroy();
    }
}
