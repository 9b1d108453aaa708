/** A voice message, by MediaRecorder. */
import { recordedFormat } from './can-record';

/** It stops by itself then, and can still be sent. */
export const MAX_SECONDS = 15 * 60;

/** Plenty for speech: a minute has a quarter of a megabyte. */
const BITS_PER_SECOND = 32_000;
/** What was recorded until an encoder failed is kept. */
const CHUNK_MS = 1000;

export interface Voice {
    readonly file: File;
    /** Seconds: measured here, as what MediaRecorder makes does not say. */
    readonly duration: number;
}

export interface Recording {
    /** Seconds. */
    readonly elapsed: number;
    /** It has stopped by itself: it was too long, or the microphone is gone. */
    readonly isOver: boolean;
    /** 0 to 1: how loud it is now. */
    level(): number;
    /** Ends it; undefined where nothing was recorded. */
    stop(): Promise<Voice | undefined>;
    /** Ends it, too, for nothing. */
    discard(): void;
}

interface Meter {
    level(): number;
    close(): void;
}

function rms(samples: Float32Array): number {
    const sum = samples.reduce((so, x) => so + x * x, 0);
    return Math.sqrt(sum / samples.length);
}

/** Over the last 85 ms or so. Speech is at some tenth of full scale: that is shown as half. */
function openMeter(stream: MediaStream): Meter {
    try {
        const context = new AudioContext();
        const analyser = new AnalyserNode(context, { fftSize: 4096 });
        const samples = new Float32Array(analyser.fftSize);
        context.createMediaStreamSource(stream).connect(analyser);
        return {
            level() {
                analyser.getFloatTimeDomainData(samples);
                return Math.min(1, rms(samples) * 5);
            },
            close: () => void context.close(),
        };
    } catch {
        return { level: () => 0, close() {} }; // decoration: the recording goes on without
    }
}

function voiceFile(chunks: Blob[], format: string): File {
    const type = format.split(';')[0] ?? format;
    const time = new Date().toISOString().slice(0, 19).replace(/[T:]/g, '-');
    const ending = type === 'audio/webm' ? 'webm' : 'm4a';
    return new File(chunks, `voice-${time}.${ending}`, { type });
}

/** @return what is there once it has stopped */
function start(recorder: MediaRecorder): Promise<Blob[]> {
    const chunks: Blob[] = [];
    recorder.addEventListener('dataavailable', ({ data }) => {
        if (data.size > 0) chunks.push(data);
    });
    recorder.start(CHUNK_MS);
    return new Promise((resolve) => recorder.addEventListener('stop', () => resolve(chunks)));
}

function record(stream: MediaStream): Recording {
    const recorder = new MediaRecorder(stream, {
        mimeType: recordedFormat() ?? '',
        audioBitsPerSecond: BITS_PER_SECOND,
    });
    const stopped = start(recorder);
    const meter = openMeter(stream);
    const startedAt = performance.now();
    let endedAt: number | undefined;

    const seconds = () =>
        Math.min(MAX_SECONDS, ((endedAt ?? performance.now()) - startedAt) / 1000);
    const end = () => {
        if (endedAt !== undefined) return;
        endedAt = performance.now();
        clearTimeout(timer);
        if (recorder.state !== 'inactive') recorder.stop();
        for (const track of stream.getTracks()) track.stop();
        meter.close();
    };
    const timer = setTimeout(end, MAX_SECONDS * 1000);
    recorder.addEventListener('stop', end); // as when the microphone is gone

    return {
        get elapsed() {
            return seconds();
        },
        get isOver() {
            return endedAt !== undefined;
        },
        level: () => (endedAt === undefined ? meter.level() : 0),
        async stop() {
            end();
            const chunks = await stopped;
            if (chunks.length === 0) return undefined;
            const file = voiceFile(chunks, recorder.mimeType);
            return { file, duration: Math.round(seconds() * 100) / 100 };
        },
        discard: end,
    };
}

/** Asks the user. Rejects where there is no microphone, or it may not be used. */
export async function startRecording(): Promise<Recording> {
    const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    try {
        return record(stream);
    } catch (error) {
        for (const track of stream.getTracks()) track.stop();
        throw error;
    }
}
