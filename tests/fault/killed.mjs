/**
 * Killed from outside while it writes: at the n-th time that one of its threads makes a file
 * durable, and at the n-th time that one writes.
 */
import { oneOf } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Story } from './story.mjs';

async function survives(t, inject) {
    const story = new Story(t);
    if (await story.start(inject)) oneOf(await story.sendUntilItEnds(), ['SIGKILL'], 'end');
    await story.goOn();
}

const at = (call, n) => ({
    name: `killed at ${call} number ${n}`,
    run: (t) => survives(t, `${call}:signal=KILL:when=${n}`),
    limit: 60000,
});

export const rows = [
    ...numbers(50).map((n) => at('fdatasync', n)),
    ...numbers(20).map((i) => at('pwrite64', 1 + 11 * (i - 1))),
];
