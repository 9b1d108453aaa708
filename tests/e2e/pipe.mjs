/**
 * A way to the server that can be cut, go dead or be slow: TCP connections, each passed on as it
 * comes, whatever it carries, unless somebody else sees to it.
 */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

const TICK_MS = 20; // of a slow pipe

/** From the server at so many bytes a second: what it has not passed on, it does not read. */
class Tap {
    #waiting = [];
    #allowed = 0;
    #isOver = false;

    /** @param pass  gets what may go on by now */
    constructor({ from, to, pass }, bytesPerS) {
        Object.assign(this, { from, to, pass, perTick: (bytesPerS * TICK_MS) / 1000 });
        from.on('data', (bytes) => {
            this.#waiting.push(bytes);
            from.pause();
        });
        from.on('end', () => (this.#isOver = true));
        this.timer = setInterval(() => this.#tick(), TICK_MS);
        from.on('close', () => clearInterval(this.timer)); // what is left nobody waits for
    }

    #tick() {
        this.#allowed = this.#waiting.length ? this.#allowed + this.perTick : 0;
        while (this.#waiting.length && this.#allowed >= 1) {
            const [bytes] = this.#waiting;
            const n = Math.min(bytes.length, Math.floor(this.#allowed));
            this.pass(bytes.subarray(0, n));
            this.#allowed -= n;
            if (n < bytes.length) this.#waiting[0] = bytes.subarray(n);
            else this.#waiting.shift();
        }
        if (this.#waiting.length) return;
        if (this.#isOver) this.to.end();
        else this.from.resume();
    }
}

class Link {
    #isDead = false;

    constructor(client, server, pipe) {
        Object.assign(this, { client, server });
        this.#join({ from: client, to: server, side: 'up', pass: (bytes) => {
            pipe.up += bytes.length;
            server.write(bytes);
        } }, pipe);
        this.#join({ from: server, to: client, side: 'down', pass: (bytes) => {
            if (pipe.isMute) return;
            pipe.down += bytes.length;
            client.write(bytes);
        } }, pipe);
    }

    #join(way, { bytesPerS, tap }) {
        const { from, to, pass } = way;
        from.setNoDelay(true);
        from.on('error', () => {}); // 'close' follows
        from.on('close', () => this.#isDead || way.isDead || to.destroy());
        if (tap?.(way)) return;
        if (bytesPerS && way.side === 'down') {
            new Tap(way, bytesPerS);
        } else {
            from.on('data', pass);
            from.on('end', () => to.end());
        }
    }

    /** What one side says from now on, and that it ends, the other is not told. */
    die() {
        this.#isDead = true;
        this.client.pause();
        this.server.pause();
    }

    cut() {
        this.client.destroy();
        this.server.destroy();
    }
}

export class Pipe {
    links = []; // all that there ever were
    #isDead = false;
    #isShut = false;
    isMute = false;
    up = 0;     // bytes from clients
    down = 0;   // bytes from the server

    /**
     * @param t          whose end is the pipe's
     * @param url        of the server
     * @param to         what connect() takes for a server that url does not say it of
     * @param bytesPerS  from the server, of each connection; undefined: as they come
     * @param tap        gets each direction of each connection, { from, to, side, pass }: "up"
     *                   from a client, or "down"; and true says that it hands on what comes. With
     *                   isDead in it, nobody is told when its side is closed
     */
    static async lay(t, url, { to, bytesPerS, tap } = {}) {
        const pipe = Object.assign(new Pipe(), { bytesPerS, tap });
        const { hostname: host, port, protocol } = new URL(url);
        const listener = createServer({ allowHalfOpen: true }, (client) => {
            if (pipe.#isShut) {
                client.destroy();
                return;
            }
            const server = connect({ ...(to ?? { host, port }), allowHalfOpen: true });
            const link = new Link(client, server, pipe);
            pipe.links.push(link);
            if (pipe.#isDead) link.die();
        });
        listener.listen(0, '127.0.0.1');
        await once(listener, 'listening');
        pipe.url = `${protocol}//127.0.0.1:${listener.address().port}`;
        t.defer(() => {
            listener.close();
            pipe.cut();
        });
        return pipe;
    }

    /** What the server says from now on is lost, until the pipe is cut. */
    mute() {
        this.isMute = true;
    }

    /** Both sides at once, with what is under way. What connects from now on, may. */
    cut() {
        this.isMute = false;
        this.links.forEach((link) => link.cut());
    }

    /** Nobody is behind it any more, until open(). */
    shut() {
        this.#isShut = true;
        this.cut();
    }

    open() {
        this.#isShut = false;
    }

    /** As a phone that loses its network: no FIN, and nothing passes from now on. */
    die() {
        this.#isDead = true;
        this.links.forEach((link) => link.die());
    }

    /** The network is back: what connects from now on, may. */
    heal() {
        this.#isDead = false;
    }
}
