/** Conversations that were there before somebody opens a page: written over HTTP, or Socket.IO. */
import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { Failure, next } from '../e2e/lib.mjs';
import { wallet } from '../e2e/chat/wallet.mjs';
import { landscape } from './files.mjs';

const require = createRequire(fileURLToPath(new URL('../e2e/package.json', import.meta.url)));
const { generatePrivateKey, privateKeyToAccount } = require('viem/accounts');
const { io } = require('socket.io-client');

const AHEAD = 200; // messages that wait for their answers at a time

export class Api {
    constructor(t, server, account) {
        const token = t.servers.command('token', account, `--data=${server.data}`).trim();
        Object.assign(this, { server, account, token });
    }

    async ask(path, body) {
        const response = await fetch(this.server.url + path, {
            method: body ? 'POST' : 'GET', body: body && JSON.stringify(body),
            headers: { authorization: `Bearer ${this.token}`, 'content-type': 'application/json' },
        });
        const answer = await response.json();
        if (answer.status !== 'ok') throw new Failure(`${path}: ${JSON.stringify(answer.error)}`);
        return answer;
    }

    write(peer, content, type = 'text') {
        return this.ask(`/v1/conversations/${peer}/messages`, {
            type, content, client_msg_id: randomUUID(),
        });
    }

    async picture(peer, bytes, more) {
        const { upload, method, url, headers } = await this.ask('/v1/uploads', {
            name: 'hallway.png', mime: 'image/png', size: bytes.length,
        });
        const put = await fetch(url, { method, headers, body: bytes });
        if (!put.ok) throw new Failure(`PUT: ${put.status}`);
        return this.write(peer, { upload, ...more }, 'image');
    }

    read(peer, seq) {
        return this.ask(`/v1/conversations/${peer}/read`, { seq });
    }

    accept(peer) {
        return this.ask(`/v1/conversations/${peer}/accept`, {});
    }
}

/** A socket of this one's, which takes what comes. */
async function dial(t, { server, token }) {
    const socket = io(server.url, { transports: ['websocket'], forceNew: true, auth: { token } });
    t.defer(() => socket.close());
    socket.on('message.new', (message, ack) => ack());
    await next(socket, 'ready');
    return socket;
}

/**
 * Much that two have written to one another. Those of one side are in their order; the first and the
 * last of all stand where they are.
 *
 * @param lines  [who, text]
 */
export async function converse(t, both, lines) {
    const sockets = new Map();
    for (const one of both) sockets.set(one, await dial(t, one));
    const send = async ([who, content]) => {
        const to = both.find((one) => one !== who).account;
        const answer = await sockets.get(who).timeout(20000)
            .emitWithAck('message.send', { to, type: 'text', content });
        if (answer.status !== 'ok') throw new Failure(JSON.stringify(answer.error));
    };
    await send(lines[0]);
    for (let at = 1; at < lines.length - 1; at += AHEAD)
        await Promise.all(lines.slice(at, Math.min(at + AHEAD, lines.length - 1)).map(send));
    await send(lines.at(-1));
    for (const socket of sockets.values()) socket.close();
}

/** Alice's wallet, of which a test has the key, and those she talks to. */
export class Seeds {
    static async sow(t, server) {
        const seeds = new Seeds();
        seeds.key = generatePrivateKey();
        seeds.alice = new Api(t, server, privateKeyToAccount(seeds.key).address);
        seeds.others = Array.from({ length: 7 }, () => new Api(t, server, wallet()));
        const [seller, friend, guild, shop, courier, ...strangers] = seeds.others;
        const { alice } = seeds;
        await seeds.#talk(guild, [
            [guild, 'Raid on Saturday at 20:00 UTC'], [alice, 'I am in'],
            [guild, 'Great. Bring the blue potion, it was the blue one that worked'],
        ], 2);
        await seeds.#talk(shop, [
            [alice, 'Do you ship to Norway?'], [shop, 'We do, in three days.'],
            [alice, 'Perfect, thank you!'],
        ], 3);
        await seeds.#talk(friend, [
            [friend, 'did you see the drop?'], [alice, 'not yet, is it the blue one?'],
            [friend, 'yes, the blue one 🔵'],
        ], 1);
        await seeds.#talk(courier, [[alice, 'Is the door code still 4411?'],
            [courier, 'Voicemail is full, please write here'], [alice, 'Will do']], 3);
        await strangers[0].write(alice.account, 'Hi! I love your collection. Is #1042 for sale?');
        await strangers[1].write(alice.account, 'gm, are you the artist?');
        await seeds.#seller(seller);
        return seeds;
    }

    /** In this order; Alice has read everything up to seq. */
    async #talk(peer, lines, read) {
        const { alice } = this;
        await alice.accept(peer.account);
        await peer.accept(alice.account);
        let seq = 0;
        for (const [who, text] of lines) {
            const other = who === alice ? peer : alice;
            ({ message: { seq } } = await who.write(other.account, text));
        }
        await peer.read(alice.account, seq);
        await alice.read(peer.account, Math.min(read, seq));
    }

    async #seller(seller) {
        const { alice } = this;
        await this.#talk(seller, [
            [alice, 'Hello! Is the Eames chair still available?'],
            [seller, 'Hi, yes it is 🙂'],
            [seller, 'It has a small scratch on the left arm, otherwise like new. Shall I send a photo?'],
            [alice, 'Please do'],
        ], 99);
        await seller.picture(alice.account, landscape(), {
            width: 960, height: 640, caption: 'Taken this morning',
        });
        await alice.write(seller.account, 'Lovely. I take it at the price listed, 0.42 ETH.');
        await alice.write(seller.account,
            'Could I pick it up on Friday? The address is on https://example.com/orders/1042');
        await seller.read(alice.account, 7);
        await seller.write(alice.account, 'Friday works. You can pick it up any time after ten.');
        await alice.read(seller.account, 8);
    }

    /** So many from the friend, one after the other, not read. */
    async fill(server, n) {
        const friend = this.others[1];
        for (let i = 1; i <= n; i++)
            await friend.write(this.alice.account, `note ${i}: ${'more to say. '.repeat(i % 4)}`);
    }
}
