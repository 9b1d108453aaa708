const FRAME_MS = 16;

/**
 * A function that has `run` called soon, once for however many calls: at the end of this turn; and
 * after that not before a frame has passed, and as much time again as the run took, with all that
 * it led to in its turn. So what comes in is taken in, however long it takes to show it. (Timers, as
 * there are no frames in a hidden page.)
 */
export function coalesce(run: () => void): () => void {
    let isDue = false;
    let isResting = false;
    const flush = () => {
        const start = performance.now();
        isDue = false;
        isResting = true;
        setTimeout(() => setTimeout(wake, Math.max(FRAME_MS, performance.now() - start)));
        run();
    };
    const wake = () => {
        isResting = false;
        if (isDue) flush();
    };
    return () => {
        if (isDue) return;
        isDue = true;
        if (!isResting) queueMicrotask(flush);
    };
}
