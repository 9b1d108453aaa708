/** `1.2 MB`, of 1024 each, as the server's options count. */
export function formatSize(bytes: number, locale?: string): string {
    const units = ['byte', 'kilobyte', 'megabyte', 'gigabyte'];
    const power = Math.min(3, bytes < 1024 ? 0 : Math.floor(Math.log2(bytes) / 10));
    const value = bytes / 1024 ** power;
    return new Intl.NumberFormat(locale, {
        style: 'unit',
        unit: units[power] ?? 'byte',
        unitDisplay: power === 0 ? 'long' : 'short',
        maximumFractionDigits: value < 10 ? 1 : 0,
    }).format(value);
}

/** `0:07`, `15:00`, `1:02:03`. */
export function formatDuration(seconds: number): string {
    const whole = Math.floor(seconds);
    const two = (n: number) => String(n).padStart(2, '0');
    const hours = Math.floor(whole / 3600);
    const minutes = Math.floor(whole / 60) % 60;
    const rest = `${two(whole % 60)}`;
    return hours > 0 ? `${hours}:${two(minutes)}:${rest}` : `${minutes}:${rest}`;
}
