/**
 * Two people write to each other while all that can go wrong does, in an order of chance; then it
 * heals, and nothing is lost, doubled or out of order. SEED repeats a run (as far as the network
 * does), CHAOS_SECONDS makes it longer.
 */
import { Failure, now, same, sleep, until } from '../../e2e/lib.mjs';
import { field, hasStates, log, say, sendButton } from '../browser.mjs';
import { picture, png } from '../files.mjs';

const SECONDS = Number(process.env.CHAOS_SECONDS ?? 15);
const STEP_MS = 250;
const TABS_MOST = 2;
const HEAL_MS = 60000;
/** What a step may wait for: a page that does not answer is left to a later one. */
const PATIENCE_MS = 3000;
/** A page in the background takes its time to look into a picture before it sends it. */
const SENT_MS = 10000;

/** mulberry32. @return numbers from 0 to less than 1 */
function chanceOf(seed) {
    let a = seed >>> 0;
    return () => {
        a = (a + 0x6d2b79f5) >>> 0;
        let b = Math.imul(a ^ (a >>> 15), a | 1);
        b ^= b + Math.imul(b ^ (b >>> 7), b | 61);
        return ((b ^ (b >>> 14)) >>> 0) / 2 ** 32;
    };
}

/** One tab, however often it is loaded anew; `lane` is what was written in it, in order. */
class Tab {
    page = undefined;
    lane = [];

    constructor(person) {
        Object.assign(this, { person, lanes: [this.lane], isCrashed: false });
    }

    /** Of a tab that was closed the next one is another. */
    beginLane() {
        this.lane = [];
        this.lanes.push(this.lane);
    }

    async open() {
        const { t, context, url } = this.person;
        this.page = await t.blank(context);
        this.isCrashed = false;
        this.page.once('crash', () => (this.isCrashed = true));
        await this.load(url);
    }

    /** By another one: it may have gone without a word. */
    async replace() {
        await this.page.close().catch(() => {});
        this.beginLane();
        await this.open();
    }

    /** It may fail: there is no server, or no network. (Who goes to the address of a page that is
     * half there, with its "#", only moves about in it.) */
    async load(url = this.person.url) {
        const options = { waitUntil: 'commit', timeout: PATIENCE_MS };
        const loading = this.page.url() === url ? this.page.reload(options)
            : this.page.goto(url, options);
        await loading.catch(() => {});
    }

    async isThere() {
        return !this.isCrashed && (await field(this.page).isVisible().catch(() => false));
    }
}

class Person {
    tabs = [];
    isOffline = false;
    n = 0;
    /** What may have been written: the page went in the middle. */
    maybe = new Set();

    get lanes() {
        return this.tabs.flatMap((tab) => tab.lanes);
    }

    next() {
        return `${this.name}-${++this.n}`;
    }
}

class Chaos {
    story = [];

    static async begin(t, seed) {
        const chaos = Object.assign(new Chaos(), { t, seed, chance: chanceOf(seed), from: now() });
        chaos.server = await t.serve();
        chaos.people = [await chaos.#person('alice'), await chaos.#person('bob')];
        return chaos;
    }

    async #person(name) {
        const { t } = this;
        const pipe = await t.pipe(this.server.url);
        const context = await t.person();
        const person = Object.assign(new Person(), { t, name, pipe, context });
        person.url = `${pipe.url}/#${name}`;
        await this.#addTab(person);
        await field(person.tabs[0].page).waitFor();
        return person;
    }

    async #addTab(person) {
        const tab = new Tab(person);
        person.tabs.push(tab);
        await tab.open();
    }

    pick(list) {
        return list[Math.floor(this.chance() * list.length)];
    }

    tell(what) {
        this.story.push(`${Math.round(now() - this.from)} ${what}`);
    }

    async step() {
        const person = this.pick(this.people);
        const tab = this.pick(person.tabs);
        const deed = this.pick(DEEDS);
        this.tell(`${person.name}/${person.tabs.indexOf(tab)} ${deed.name}`);
        await deed(this, person, tab);
        await sleep(this.chance() * STEP_MS);
    }

    /** @param put  writes it into the page */
    async write(tab, name, put) {
        const { person, page } = tab;
        if (!(await tab.isThere())) return;
        person.maybe.add(name);
        try {
            await put(page);
            await sendButton(page).click({ timeout: PATIENCE_MS });
            await until('sent', () => sendButton(page).isDisabled({ timeout: PATIENCE_MS }),
                SENT_MS);
        } catch {
            this.tell(`  ${name} perhaps`);
            return;
        }
        person.maybe.delete(name);
        tab.lane.push(name);
        this.tell(`  ${name}`);
    }

    restart(afterMs) {
        this.restarting ??= this.#restart(afterMs).finally(() => (this.restarting = undefined));
    }

    async #restart(afterMs) {
        const { data, listen } = this.server;
        await this.server.kill();
        await sleep(afterMs);
        this.server = await this.t.serve({ data, listen });
    }

    async setOffline(person, isOffline) {
        person.isOffline = isOffline;
        await person.context.setOffline(isOffline);
    }

    async heal() {
        this.tell('healed');
        await this.restarting;
        for (const person of this.people) {
            person.pipe.cut();
            await this.setOffline(person, false);
            for (const tab of person.tabs) await this.#revive(tab);
        }
    }

    /** As a user does: what has not come is loaded anew. */
    async #revive(tab) {
        await until(`page of ${tab.person.name} that is there`, async () => {
            if (await tab.isThere()) return true;
            if (tab.isCrashed) await tab.replace();
            else await tab.load();
            return field(tab.page).waitFor({ timeout: PATIENCE_MS }).then(() => true, () => false);
        }, 30000);
    }
}

// What may happen.

async function text(chaos, person, tab) {
    const name = person.next();
    const fill = (page) => field(page).fill(name, { timeout: PATIENCE_MS });
    await chaos.write(tab, name, fill);
}

async function texts(chaos, person, tab) {
    for (let i = 0; i < 4; i++) await text(chaos, person, tab);
}

async function file(chaos, person, tab) {
    const name = `${person.next()}.png`;
    const one = picture(name, png(8, 8));
    const attach = (page) =>
        page.locator('input[type=file]').setInputFiles([one], { timeout: PATIENCE_MS });
    await chaos.write(tab, name, attach);
}

async function reload(_, person, tab) {
    if (person.isOffline) return; // the page would be gone for good
    if (await tab.isThere())
        await tab.page.reload({ waitUntil: 'commit', timeout: PATIENCE_MS }).catch(() => {});
    else await tab.load();
}

async function close(_, person, tab) {
    if (person.isOffline) return;
    await tab.replace();
}

/** Without a word, as a tab that has taken too much memory: all of the person's, perhaps. */
async function crash(_, person, tab) {
    if (person.isOffline) return;
    await tab.load('chrome://crash');
    await tab.replace();
}

async function another(_, person) {
    if (person.isOffline || person.tabs.length >= TABS_MOST) return;
    const tab = new Tab(person);
    person.tabs.push(tab);
    await tab.open();
}

const network = (chaos, person) => chaos.setOffline(person, !person.isOffline);

async function cut(_, { pipe }) {
    pipe.cut();
}

/** What the server says is lost, and then the connection. */
async function mute({ chance }, { pipe }) {
    pipe.mute();
    setTimeout(() => pipe.cut(), chance() * 1500);
}

async function kill(chaos) {
    chaos.restart(chaos.chance() * 1500);
}

const times = (n, deed) => Array.from({ length: n }, () => deed);

const DEEDS = [
    ...times(14, text), ...times(5, texts), ...times(5, file), ...times(4, reload),
    ...times(2, close), ...times(1, crash), ...times(3, another), ...times(6, network),
    ...times(4, cut), ...times(3, mute), ...times(2, kill),
];

// What has to be so in the end.

/** All of the thread, as the page has it: [whose, [what], state, seq]. */
const itemsOf = (page) => page.evaluate(async () => {
    const { chat } = document.querySelector('parley-chat');
    const { peer } = chat.summaries[0] ?? {};
    if (!peer) return [];
    const thread = chat.thread(peer);
    for (let i = 0; i < 50 && thread.hasOlder; i++) await thread.loadOlder();
    return thread.items.map(({ own, content, state, seq }) =>
        [own ? 'own' : 'their', [content?.name ?? content, content?.caption ?? []].flat(), state,
            seq]);
});

/** How many are left in what the browser keeps. */
const keptBy = (page) => page.evaluate(async () => {
    const resultOf = (request) => new Promise((resolve, reject) => {
        request.onsuccess = () => resolve(request.result);
        request.onerror = () => reject(request.error);
    });
    let n = 0;
    for (const { name } of await indexedDB.databases()) {
        if (!name.startsWith('parley:outbox:')) continue;
        const db = await resultOf(indexedDB.open(name));
        for (const store of db.objectStoreNames)
            n += await resultOf(db.transaction(store).objectStore(store).count());
        db.close();
    }
    return n;
});

const whatOf = (items, whose) => items.filter(([one]) => one === whose).flatMap(([, what]) => what);

const isQuiet = (items) => items.every(([whose, , state, seq], i) =>
    seq === i + 1 && state === (whose === 'own' ? 'read' : 'received'));

/** Somebody reads it to the end. */
async function read({ people }) {
    for (const { tabs } of people) await log(tabs[0].page).press('End');
}

async function settles(chaos, person, tab) {
    let items;
    const look = async () => {
        await read(chaos);
        return isQuiet((items = await itemsOf(tab.page)));
    };
    try {
        await until('settled', look, HEAL_MS);
    } catch {
        const open = items.filter(([whose, what, state, seq], i) =>
            !isQuiet([[whose, what, state, seq - i]]));
        throw new Failure(`${person.name} is not done, ${open.length} of ${items.length}: ` +
            JSON.stringify(open.slice(0, 10)));
    }
    return items;
}

/** @param found  what has come, in order */
function judge(what, person, found) {
    const times = new Map();
    for (const one of found) times.set(one, (times.get(one) ?? 0) + 1);
    const lost = person.lanes.flat().filter((one) => !times.has(one));
    same(lost, [], `${what}: lost`);
    same([...times].filter(([, n]) => n > 1), [], `${what}: doubled`);
    const known = new Set([...person.lanes.flat(), ...person.maybe]);
    same(found.filter((one) => !known.has(one)), [], `${what}: nobody wrote`);
    for (const lane of person.lanes)
        same(found.filter((one) => lane.includes(one)), lane, `${what}: order`);
}

/** What one of them still has to send is not yet in the other's thread. */
async function allSettle(chaos) {
    for (const person of chaos.people) {
        await until('nothing left in the outbox',
            async () => (await keptBy(person.tabs[0].page)) === 0, HEAL_MS);
        for (const tab of person.tabs) await settles(chaos, person, tab);
    }
}

async function verdict(chaos) {
    const { people } = chaos;
    await allSettle(chaos);
    for (const person of people) {
        const other = people.find((one) => one !== person);
        for (const tab of person.tabs) {
            const items = await settles(chaos, person, tab);
            judge(`${person.name}'s own`, person, whatOf(items, 'own'));
            judge(`at ${person.name}`, other, whatOf(items, 'their'));
        }
    }
}

async function survives(t) {
    const seed = Number(process.env.SEED ?? Math.floor(Math.random() * 2 ** 32));
    console.log(`  SEED=${seed}`);
    const chaos = await Chaos.begin(t, seed);
    try {
        const end = now() + SECONDS * 1000;
        while (now() < end) await chaos.step();
        await chaos.heal();
        await verdict(chaos);
        const n = chaos.people.map((one) => one.lanes.flat().length);
        console.log(`  ${n[0]} and ${n[1]} messages`);
        same(t.complaints.filter((one) => one.startsWith('exception')), [], 'complaints');
    } catch (error) {
        if (process.env.STORY) console.log(chaos.story.join('\n'));
        throw error;
    }
}

/** The page that one leaves is kept by the browser, as it was in the middle of something. */
async function comesBack(t) {
    const server = await t.serve();
    const url = `${server.url}/#alice`;
    const alice = await t.open(url);
    await field(alice).waitFor();
    const context = alice.context();
    await alice.evaluate(() => (globalThis.isKept = true));
    await context.setOffline(true);
    await say(alice, 'one');
    await hasStates(alice, 'Waiting', 1);
    await context.setOffline(false);
    await alice.goto('data:text/html,elsewhere');
    await alice.goBack({ waitUntil: 'commit' });
    same(await alice.evaluate(() => globalThis.isKept), true, 'it is the same page');
    await hasStates(alice, 'Sent', 1);
    await context.setOffline(true);
    await say(alice, 'two');
    await context.setOffline(false);
    await alice.goto(`${server.url}/?next#alice`); // what was left behind is sent from here
    await hasStates(alice, 'Sent', 2);
    await say(alice, 'three');
    await hasStates(alice, 'Sent', 3);
    same(await itemsOf(alice), ['one', 'two', 'three'].map((text, i) =>
        ['own', [text], 'sent', i + 1]), 'messages');
    t.isQuiet({ cut: true });
}

export const rows = [
    ['who goes back to the page goes on', comesBack, { limit: 60000 }],
    ['what goes wrong, each message comes once and in order', survives, { alone: true,
        limit: SECONDS * 1000 + 200000 }],
].map(([name, run, more]) => ({ name: `chaos: ${name}`, run, ...more }));
