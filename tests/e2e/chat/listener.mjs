#!/usr/bin/env node
/**
 * usage: listener.mjs URL TRANSPORT TOKEN
 *
 * A client whose listener throws before it acknowledges, for what is "poison". It prints what it
 * hears, a line of JSON each. With LIKE_A_PAGE it lives on, as a page in a browser does, and
 * prints what nobody has caught; without, it is a program like any other.
 */
import { io } from 'socket.io-client';

const [url, transport, token] = process.argv.slice(2);
const print = (what, value) => console.log(JSON.stringify([what, value]));

if (process.env.LIKE_A_PAGE)
    process.on('uncaughtException', (error) => print('uncaught', error.message));

function show({ content }) {
    if (content === 'poison') throw new Error('it can not be shown');
}

const socket = io(url, { transports: [transport], auth: { token }, reconnection: false });
socket.on('message.new', (message, ack) => {
    print('message.new', message);
    show(message);
    ack();
});
for (const event of ['synced', 'disconnect', 'connect_error'])
    socket.on(event, (value) => print(event, value.message ?? value));
