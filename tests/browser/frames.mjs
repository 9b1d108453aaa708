/** How smoothly an element scrolls. */
import { Skip, between } from '../e2e/lib.mjs';

const FRAME_MS = 20;
const ELEMENTS = 300;
const SECONDS = Number(process.env.LONG_SECONDS ?? 3);
const TRIES = 5; // whatever else runs makes it slower, and nothing makes it faster

/**
 * @param page     of Playwright, with `scroller` in it
 * @param scroller a Locator of what scrolls
 * @param options  ms: for how long; step: pixels per frame, below 0 towards the top
 * @returns milliseconds of each frame, and the most elements that were in the scroller's root
 */
async function scrollFrames(page, scroller, { ms, step }) {
    await page.bringToFront();
    return scroller.evaluate(scrollInPage, { ms, step });
}

/** Runs in the page. It turns back at either end, so that something is always to be shown. */
function scrollInPage(scroller, { ms, step }) {
    return new Promise((resolve) => {
        const frames = [];
        const root = scroller.getRootNode();
        let mostElements = 0;
        let start;
        let last;
        let by = step;
        const onFrame = (now) => {
            start ??= now;
            if (last !== undefined) frames.push(now - last);
            last = now;
            const before = scroller.scrollTop;
            scroller.scrollTop += by;
            if (scroller.scrollTop === before) by = -by;
            if (frames.length % 30 === 0)
                mostElements = Math.max(mostElements, root.querySelectorAll('*').length);
            if (now - start < ms) requestAnimationFrame(onFrame);
            else resolve({ frames, mostElements });
        };
        requestAnimationFrame(onFrame);
    });
}

/** The value that `share` (0 to 1) of the numbers are not above. */
function quantile(numbers, share) {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}

/** Where even frames in which nothing happens are late, others have the machine. */
async function canMeasure(page, scroller) {
    const { frames } = await scrollFrames(page, scroller, { ms: SECONDS * 1000, step: 0 });
    const idle = quantile(frames, 0.95);
    if (idle > FRAME_MS)
        throw new Skip(`the machine is busy: frames of nothing take ${idle.toFixed(1)} ms`);
}

/** 95 of 100 frames are short enough, and the elements are few; says what it has measured. */
export async function isSmooth(page, scroller, what, step = -40) {
    let p95 = Infinity;
    for (let i = 0; i < TRIES && p95 > FRAME_MS; i++) {
        const { frames, mostElements } =
            await scrollFrames(page, scroller, { ms: SECONDS * 1000, step });
        p95 = quantile(frames, 0.95);
        console.log(`  ${what}: ${frames.length} frames, ` +
            `median ${quantile(frames, 0.5).toFixed(1)} ms, p95 ${p95.toFixed(1)} ms, ` +
            `at most ${mostElements} elements`);
        between(mostElements, 1, ELEMENTS, `elements, ${what}`);
    }
    if (p95 > FRAME_MS) await canMeasure(page, scroller);
    between(p95, 0, FRAME_MS, `p95 frame, ${what}`);
}
