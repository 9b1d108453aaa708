/**
 * How smoothly an element scrolls.
 *
 * @param page     of Playwright, with `scroller` in it
 * @param scroller a Locator of what scrolls
 * @param options  ms: for how long; step: pixels per frame, below 0 towards the top
 * @returns milliseconds of each frame, and the most elements that were in the scroller's root
 */
export async function scrollFrames(page, scroller, { ms = 10_000, step = -40 } = {}) {
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
export function quantile(numbers, share) {
    const sorted = [...numbers].sort((a, b) => a - b);
    return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)];
}
