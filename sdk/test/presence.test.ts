import { expect, test } from 'vitest';
import { PresenceWatch } from '../src/presence.js';
import type { Presence } from '../src/protocol.js';

const BOB = '0x8ba1f109551bD432803012645Ac136ddd64DBA72';
const is = (online: boolean): Presence => ({ account: BOB, online, last_seen: null });

/** A watch of Bob, the answers that it awaits, and what it has said of him. */
function watching() {
    const answers: ((presence: Presence) => void)[] = [];
    const said: boolean[] = [];
    const watch = new PresenceWatch({
        wire: {
            status: 'online',
            request: (() =>
                new Promise((resolve) =>
                    answers.push((one) => resolve({ status: 'ok', accounts: [one] })),
                )) as never,
        },
        wanted: () => [BOB],
        onPresence: ({ online }) => said.push(online),
    });
    watch.sync();
    return { watch, answers, said };
}

const settled = () => new Promise((resolve) => setTimeout(resolve, 0));

test('what comes behind an answer, in one payload with it, is the later of the two', async () => {
    const { watch, answers, said } = watching();
    answers[0]!(is(false));
    watch.tell(is(true));
    await settled();
    expect(said).toEqual([true]);
});

test('what was told on a connection before says nothing on the next', async () => {
    const { watch, answers, said } = watching();
    answers[0]!(is(true));
    await settled();
    watch.tell(is(true));
    watch.restart();
    answers[1]!(is(false));
    await settled();
    expect(said).toEqual([true, true, false]);
});
