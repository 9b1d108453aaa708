#!/usr/bin/env node
/**
 * usage: crowd.mjs URL TRANSPORT WALLETS
 *
 * WALLETS is [[address, token], …]: all write to the first, without a pause, until stdin ends. Says "N"
 * again and again, the number of messages that have come, and at the end "done N", where all have
 * come, in order and once, and nobody was refused.
 */
import { Crowd } from '../e2e/chat/restless.mjs';

const [url, transport, wallets] = process.argv.slice(2);
const crowd = new Crowd(url, transport, JSON.parse(wallets));
await crowd.start();
const say = setInterval(() => console.log(crowd.received), 100);
await Promise.race([new Promise((resolve) => process.stdin.on('end', resolve).resume()), crowd.sending]);
clearInterval(say);
console.log(`done ${await crowd.end()}`);
crowd.close();
