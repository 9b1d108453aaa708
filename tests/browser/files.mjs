/** Pictures, films and sounds, made as they are needed. */
import { deflateSync } from 'node:zlib';

const table = Array.from({ length: 256 }, (_, n) => {
    let c = n;
    for (let k = 0; k < 8; k++) c = c & 1 ? 0xedb88320 ^ (c >>> 1) : c >>> 1;
    return c >>> 0;
});

/** Node 18 has none in zlib. */
function checksum(bytes) {
    let c = 0xffffffff;
    for (const byte of bytes) c = table[(c ^ byte) & 255] ^ (c >>> 8);
    return (c ^ 0xffffffff) >>> 0;
}

/** Of a PNG. */
export function chunk(type, data) {
    const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
    const frame = Buffer.alloc(body.length + 8);
    frame.writeUInt32BE(data.length, 0);
    body.copy(frame, 4);
    frame.writeUInt32BE(checksum(body), body.length + 4);
    return frame;
}

/** @param colour  of a point: (x, y) => [r, g, b] */
export function png(width, height, colour = (x, y) => [x % 256, y % 256, 160]) {
    const rows = Buffer.alloc(height * (1 + width * 3));
    for (let y = 0; y < height; y++)
        for (let x = 0; x < width; x++)
            rows.set(colour(x, y).map((c) => Math.max(0, Math.min(255, Math.round(c)))),
                y * (1 + width * 3) + 1 + x * 3);
    const head = Buffer.alloc(13);
    head.writeUInt32BE(width, 0);
    head.writeUInt32BE(height, 4);
    head.set([8, 2, 0, 0, 0], 8);
    return Buffer.concat([
        Buffer.from([137, 80, 78, 71, 13, 10, 26, 10]), chunk('IHDR', head),
        chunk('IDAT', deflateSync(rows)), chunk('IEND', Buffer.alloc(0)),
    ]);
}

/** Mountains at dusk: something to look at. */
export function landscape(width = 960, height = 640) {
    const ridge = (x, base, size, phase) =>
        base - size * (Math.sin(x * 0.011 + phase) + 0.5 * Math.sin(x * 0.027 + phase * 3) +
            0.2 * Math.sin(x * 0.09 + phase));
    return png(width, height, (x, y) => {
        const u = (x * 960) / width;
        const v = (y * 640) / height;
        if (v > ridge(u, 560, 30, 4)) return [28, 34, 66];
        if (v > ridge(u, 470, 45, 1.5)) return [62, 62, 112];
        if (v > ridge(u, 380, 55, 0)) return [118, 96, 148];
        if ((u - 660) ** 2 + (v - 210) ** 2 < 52 ** 2) return [255, 236, 190];
        const f = v / 420;
        return [120 + 135 * f, 130 + 40 * f, 190 - 60 * f];
    });
}

export const picture = (name = 'photo.png', bytes = landscape(480, 320)) =>
    ({ name, mimeType: 'image/png', buffer: bytes });

/** A film of a second, as the browser itself makes one. */
export async function film(page, name = 'clip.webm') {
    const bytes = await page.evaluate(async () => {
        const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
        const draw = canvas.getContext('2d');
        const recorder = new MediaRecorder(canvas.captureStream(25), { mimeType: 'video/webm' });
        const parts = [];
        recorder.ondataavailable = (event) => parts.push(event.data);
        const ended = new Promise((resolve) => (recorder.onstop = resolve));
        recorder.start();
        for (let i = 0; i < 25; i++) {
            draw.fillStyle = `hsl(${i * 14} 60% 50%)`;
            draw.fillRect(0, 0, 320, 180);
            draw.fillStyle = '#fff';
            draw.fillRect(i * 10, 70, 40, 40);
            await new Promise((resolve) => setTimeout(resolve, 40));
        }
        recorder.stop();
        await ended;
        return [...new Uint8Array(await new Blob(parts).arrayBuffer())];
    });
    return { name, mimeType: 'video/webm', buffer: Buffer.from(bytes) };
}
