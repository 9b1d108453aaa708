import { cleanIcon, cleanName, isObject, isProvider, ofEthereum, type Add } from './found.js';

const ANNOUNCE = 'eip6963:announceProvider';
const REQUEST = 'eip6963:requestProvider';
const RDNS_MAX = 255;

const isRdns = (value: unknown): value is string =>
    typeof value === 'string' && value.length <= RDNS_MAX && /^[\w-]+(\.[\w-]+)+$/.test(value);

/** Reads what is announced, by whomever: undefined where it is no wallet. */
function read(detail: unknown) {
    const { info, provider } = isObject(detail) ? detail : {};
    if (!isObject(info) || !isProvider(provider)) return undefined;
    const name = cleanName(info['name']);
    if (name === '') return undefined;
    const { uuid, rdns, icon } = info;
    const named = { id: isRdns(rdns) ? rdns : name, name, icon: cleanIcon(icon) };
    return { uuid, wallet: ofEthereum(named, provider) };
}

/** EIP-6963. A wallet announces itself at each request, of other parts of the page, too. */
export function watchAnnounced(add: Add): () => void {
    const uuids = new Set<unknown>();
    const onAnnounce = (event: Event) => {
        const found = read((event as CustomEvent<unknown>).detail);
        if (!found || uuids.has(found.uuid)) return;
        uuids.add(found.uuid);
        add(found.wallet);
    };
    window.addEventListener(ANNOUNCE, onAnnounce);
    window.dispatchEvent(new Event(REQUEST));
    return () => window.removeEventListener(ANNOUNCE, onAnnounce);
}
