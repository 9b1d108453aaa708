const FRAME_MS = 16;

/**
 * A function that has `run` called soon, once for however many calls: at the end of this turn, and
 * not more than once a frame. (Timers, as there are no frames in a hidden page.)
 */
export function coalesce(run: () => void): () => void {
    let isDue = false;
    let last = -Infinity;
    const flush = () => {
        isDue = false;
        last = Date.now();
        run();
    };
    return () => {
        if (isDue) return;
        isDue = true;
        const since = Date.now() - last;
        // A clock that was put back is not waited for.
        if (since >= FRAME_MS || since < 0) queueMicrotask(flush);
        else setTimeout(flush, FRAME_MS - since);
    };
}
