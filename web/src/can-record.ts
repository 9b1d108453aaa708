const FORMATS = ['audio/webm;codecs=opus', 'audio/mp4;codecs=mp4a.40.2', 'audio/mp4'];

/** What the server shows, and this browser can make; undefined where there is none. */
export const recordedFormat = (): string | undefined =>
    FORMATS.find((format) => MediaRecorder.isTypeSupported(format));

/** Whether it is worth to offer it. Asks for nothing. */
export const canRecord = (): boolean =>
    window.isSecureContext &&
    typeof navigator.mediaDevices?.getUserMedia === 'function' &&
    typeof MediaRecorder === 'function' &&
    recordedFormat() !== undefined;
