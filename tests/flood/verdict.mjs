/** What must hold of a measurement, clause by clause. */
import { median } from './quantile.mjs';

const SLOWER_MAX = 2;    // times the p99 without a flood; or
const P99_MAX_MS = 10;   // this, whatever that was
const CHECKED_MIN = 0.95;
const CORES_MAX = 0.05;
const LATE_MAX_MS = 100; // beyond it, it was not the planned flood
const LOGIN_BURST = 10;  // --login-burst and --login-rate, as they are without the options
const LOGINS_PER_S = 5 / 60;

const CHECKED = '401 login_signature';
const BUSY = '503 busy';
const LIMITED = '429 rate_limited';

/** Of all answers, or of those with this status and code. */
const nOf = ({ answers }, ...which) =>
    (which.length ? which : Object.keys(answers)).reduce((n, what) => n + (answers[what] ?? 0), 0);

const countsOf = ({ answers }) =>
    Object.entries(answers).map(([what, n]) => `${n} ${what}`).join(', ') || 'none';

const each = (floods, show) => floods.map(show).join('; ');

/** Of ack_ms or delivery_ms, in all pairs. */
export function medians(pairs, latency) {
    const p99s = (run) => pairs.map((pair) => pair[run][latency].p99);
    const [quiet, flooded] = [p99s('quiet'), p99s('flooded')];
    return {
        quiet: median(quiet), flooded: median(flooded),
        times: median(flooded.map((ms, i) => ms / quiet[i])),
    };
}

function isAsFast(key, { quiet, flooded, times }) {
    return {
        key,
        wanted: `at most ${SLOWER_MAX} times the quiet one, or ${P99_MAX_MS} ms`,
        holds: times <= SLOWER_MAX || flooded <= P99_MAX_MS,
        saw: `${quiet.toFixed(2)} and ${flooded.toFixed(2)} ms, ${times.toFixed(2)} times`,
    };
}

/** Every run has to be so; a sum would hide one. */
const areAnswered = (floods) => ({
    key: 'answered',
    wanted: 'every login',
    holds: floods.every((flood) => flood.unanswered === 0 && nOf(flood) === flood.sent),
    saw: each(floods, (flood) => `${nOf(flood)} of ${flood.sent}`),
});

const areChecked = (floods) => ({
    key: 'login_signature',
    wanted: `at least ${100 * CHECKED_MIN} % of the logins`,
    holds: floods.every((flood) => nOf(flood, CHECKED) >= CHECKED_MIN * flood.sent),
    saw: each(floods, countsOf),
});

const areElseBusy = (floods) => ({
    key: 'busy',
    wanted: 'all other answers',
    holds: floods.every((flood) => nOf(flood, CHECKED, BUSY) === nOf(flood)),
    saw: each(floods, countsOf),
});

/** With rate limits. */
export const coresOf = ({ idle_cores: idle, flooded_cores: flooded }) => flooded - idle;

const costsLittle = (limited) => ({
    key: 'limits_cpu',
    wanted: `less than ${100 * CORES_MAX} % of a core`,
    holds: coresOf(limited) < CORES_MAX,
    saw: `${(100 * coresOf(limited)).toFixed(2)} %`,
});

const areLimited = ({ logins }) => ({
    key: 'limits_answers',
    wanted: 'rate_limited, but for what the rate lets through',
    holds: nOf(logins, CHECKED) <= LOGIN_BURST + Math.ceil(LOGINS_PER_S * logins.seconds) &&
        nOf(logins, CHECKED, LIMITED) === nOf(logins),
    saw: countsOf(logins),
});

const werePlanned = (floods) => ({
    key: 'sent_late_p99',
    wanted: `at most ${LATE_MAX_MS} ms`,
    holds: floods.every(({ late_ms: { p99 } }) => p99 <= LATE_MAX_MS),
    saw: each(floods, ({ late_ms: { p99 } }) => `${p99.toFixed(2)} ms`),
});

/**
 * @param pairs    { quiet, flooded }: reports of parley-bench, the second with `logins`, what
 *                 flood() gave
 * @param limited  of a server with rate limits: its cores, idle and flooded, and `logins`
 * @return clauses: key, what is wanted, whether it holds, and what was seen
 */
export function verdict({ pairs, limited }) {
    const floods = pairs.map(({ flooded }) => flooded.logins);
    const all = [...floods, limited.logins];
    return [
        isAsFast('ack_p99', medians(pairs, 'ack_ms')),
        isAsFast('delivery_p99', medians(pairs, 'delivery_ms')),
        areAnswered(all),
        areChecked(floods),
        areElseBusy(floods),
        costsLittle(limited),
        areLimited(limited),
        werePlanned(all),
    ];
}
