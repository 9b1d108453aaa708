/**
 * A disk that says no when a file is to be made durable. Nobody knows then what is on it: the
 * program ends, and answers nothing of what was in that commit.
 */
import { match, same } from '../e2e/lib.mjs';
import { numbers } from '../e2e/chat/expect.mjs';
import { Story } from './story.mjs';

async function ends(t, inject) {
    const story = new Story(t);
    if (await story.start(inject)) {
        const how = await story.sendUntilItEnds();
        same(how === 0, false, `an end as if all was well (${how})`);
        match(t.server.stderr, /level=(error|fatal)/, 'log');
    } else {
        match(story.why, /ended \(([1-9]\d*|SIGABRT)\), not ready:\n.*\S/, 'end');
    }
    await story.goOn();
}

/** The second one is of a folder, and SQLite does not look at what that gives. */
const OF_A_FOLDER = 2;

/** The disk is full for some writes: what is refused is not there, and all the rest is. */
async function refuses(t, inject) {
    const story = new Story(t);
    if (await story.start(inject)) {
        await story.sendSome(80);
        same(story.refused.size > 0 && story.acked.size > 0, true, 'some refused, some not');
    } else {
        match(story.why, /ended \(([1-9]\d*)\), not ready:\n.*\S/, 'end');
    }
    await story.goOn();
}

const full = (n) => ({
    name: `the disk is full at pwrite64 number ${n}`,
    run: (t) => refuses(t, `pwrite64:error=ENOSPC:when=${n}..${n + 3}`),
    limit: 60000,
});

const failing = numbers(20).filter((n) => n !== OF_A_FOLDER).map((n) => ({
    name: `the disk fails at fdatasync number ${n}`,
    run: (t) => ends(t, `fdatasync:error=EIO:when=${n}`),
    limit: 60000,
}));

export const rows = [...failing, ...numbers(15).map((i) => full(1 + 9 * (i - 1)))];
