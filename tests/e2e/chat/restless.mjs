/** Clients that go on over restarts of their server, and what must be true of them at the end. */
import { io } from 'socket.io-client';
import { Failure, same, sleep, spare, until, within } from '../lib.mjs';
import { areInOrder, numbers, seqs } from './expect.mjs';

const ANSWER_MS = 3000; // then it is sent again
const TRANSPORTS = { websocket: ['websocket'], polling: ['polling'] };

/** A client as any application has it. What went wrong between it and the server it keeps. */
class Client {
    wrong = [];
    got = [];
    #ids = new Set(); // of these

    constructor(url, transport, token) {
        this.socket = io(url, {
            auth: (give) => give({ token, ...(this.cursor && { cursor: this.cursor }) }),
            transports: TRANSPORTS[transport],
            forceNew: true, reconnectionDelay: 20, reconnectionDelayMax: 200,
        });
        this.socket.on('connect_error', (error) => this.wrong.push(error));
        this.socket.on('message.new', (message, ack) => {
            if (!this.#ids.has(message.id)) this.got.push(message);
            this.#ids.add(message.id);
            this.cursor = message.cursor ?? this.cursor;
            ack();
        });
    }

    /** Until it is answered. @return the answer */
    async send(to, key) {
        const message = { to, type: 'text', content: key, client_msg_id: key };
        for (;;) {
            const answer = await this.socket.timeout(ANSWER_MS).emitWithAck('message.send', message)
                .catch(() => undefined);
            if (answer?.status === 'ok') return answer;
            if (answer?.error.retry_after_ms) await sleep(answer.error.retry_after_ms);
            else if (answer) throw new Failure(`${key}: ${answer.error.code}`);
        }
    }
}

/** Nobody was turned away at the door: TCP has let each of them in. */
function wasLetIn({ wrong }) {
    for (const error of wrong) {
        const text = `${error.message} ${error.description?.message ?? error.description ?? ''}`;
        if (/ECONNREFUSED|ECONNRESET|CERT|certificate/.test(text) || error.description === 0)
            throw new Failure(`a connection was refused: ${text}`);
    }
}

/** Wallets who write to one of them, without a pause, until the end. */
export class Crowd {
    #isOver = false;

    /** @param wallets  [address, token] of each; the first is written to */
    constructor(url, transport, wallets) {
        [this.to, ...this.senders] = wallets.map(([, token]) => new Client(url, transport, token));
        this.address = wallets[0][0];
    }

    /** Once each of them has been answered. */
    async start() {
        await within(20000, 'the first message', Promise.all(
            this.senders.map((sender, i) => sender.send(this.address, `${i}:1`))));
        this.sending = spare(Promise.all(this.senders.map(async (sender, i) => {
            let n = 1;
            while (!this.#isOver) await sender.send(this.address, `${i}:${++n}`);
            return n;
        })));
    }

    get received() {
        return this.to.got.length;
    }

    /** They stop. @return how many messages there were: all have come, in order, once, and nobody was refused */
    async end() {
        this.#isOver = true;
        const sent = await within(30000, 'the last answers', this.sending);
        const all = sent.reduce((a, b) => a + b);
        await until('all messages', () => this.received >= all, 30000);
        for (const [i, n] of sent.entries()) {
            const its = this.to.got.filter(({ content }) => content.startsWith(`${i}:`));
            areInOrder(seqs(its), 1, n);
            same(its.map(({ content }) => content), numbers(n).map((k) => `${i}:${k}`), 'contents');
        }
        for (const client of [this.to, ...this.senders]) wasLetIn(client);
        return all;
    }

    close() {
        for (const { socket } of [this.to, ...this.senders]) socket.disconnect();
    }
}
