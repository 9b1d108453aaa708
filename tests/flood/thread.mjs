/** Work on a thread of its own: the default export of a module, given something, and its result. */
import { Worker, isMainThread, parentPort, workerData } from 'node:worker_threads';
import { Failure, spare } from '../e2e/lib.mjs';

/**
 * @param name   of a module beside this one
 * @param input  for its function, which may be async; copied, as is what that gives
 */
export function inThread(name, input) {
    const module = new URL(name, import.meta.url).href;
    const worker = new Worker(new URL(import.meta.url), { workerData: { module, input } });
    return spare(new Promise((resolve, reject) => {
        worker.once('message', resolve).once('error', reject)
            .once('exit', (code) => reject(new Failure(`${name} ended with ${code}`)));
    }));
}

if (!isMainThread) {
    const { default: work } = await import(workerData.module);
    parentPort.postMessage(await work(workerData.input));
}
