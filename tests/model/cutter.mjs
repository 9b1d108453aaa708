/** A client's way to the server, which can be cut, or lose what one side says before. */
import { once } from 'node:events';
import { connect, createServer } from 'node:net';

export class Cutter {
    #links = new Set();
    #isLost = { client: false, server: false }; // what that side says

    /** @param url  of the server, which stays where it is over its lives */
    static async start(url) {
        const cutter = new Cutter();
        const { hostname, port } = new URL(url);
        cutter.listener = createServer((client) => cutter.#join(client, connect(port, hostname)));
        cutter.listener.listen(0, '127.0.0.1');
        await once(cutter.listener, 'listening');
        cutter.url = `http://127.0.0.1:${cutter.listener.address().port}`;
        return cutter;
    }

    #join(client, server) {
        const link = [client, server];
        this.#links.add(link);
        client.on('close', () => this.#links.delete(link));
        this.#pass(client, server, 'client');
        this.#pass(server, client, 'server');
    }

    #pass(from, to, side) {
        from.setNoDelay(true);
        from.on('data', (bytes) => {
            if (!this.#isLost[side] && to.writable) to.write(bytes);
        });
        from.on('error', () => {}); // 'close' follows
        from.on('close', () => to.destroy());
    }

    /** @param side  'client' or 'server': from now on nothing that it says arrives */
    lose(side) {
        this.#isLost[side] = true;
    }

    /** All there are, with what is under way. */
    cut() {
        for (const link of this.#links) link.forEach((socket) => socket.destroy());
        this.close();
    }

    /** What there is may go on. */
    close() {
        this.listener.close();
    }
}
