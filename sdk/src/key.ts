/** Unique, not secret. (Pages that are not secure have no randomUUID(), Node 18 no crypto.) */
export function newKey(): string {
    const bytes = new Uint8Array(16);
    if (typeof crypto === 'undefined') bytes.forEach((_, i) => (bytes[i] = Math.random() * 256));
    else crypto.getRandomValues(bytes);
    return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
