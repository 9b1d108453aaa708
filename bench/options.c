#include "bench/options.h"

#include <stdio.h>

#include "bench/load.h"
#include "bench/pairing.h"
#include "bench/wire.h"

#define LOAD_S 10
#define IDLE_S 60

#define FIELD(name) offsetof(struct bench_options, name)
static const struct option rows[] = {
    OPTIONS_HEADING("The server"),
    {"url", OPTION_EACH, FIELD(urls), NULL, "URL",
     "where it is: http://HOST:PORT. May be given several times: the sessions are dealt out", 0,
     0},
    {"data", OPTION_TEXT, FIELD(data), NULL, "DIR",
     "its data directory, for the key that signs the tokens (./parley-data)", 0, 0},
    {"config", OPTION_TEXT, FIELD(config), NULL, "FILE",
     "its file of options, which says where that is", 0, 0},
    {"pid", OPTION_EACH, FIELD(pids), NULL, "PID",
     "whose CPU and memory to report. May be given several times: they are added up", 0, 0},

    OPTIONS_HEADING("The load"),
    {"sessions", OPTION_COUNT, FIELD(sessions), "100", "N", "wallets, one connection each", 2,
     BENCH_SESSIONS_MAX},
    {"peers", OPTION_TEXT, FIELD(peers), "pair", "pair|uniform",
     "who writes to whom: 0 and 1 to each other, 2 and 3 …; or each to any other", 0, 0},
    {"stored-per-conversation", OPTION_COUNT, FIELD(stored_per_conversation), "0", "N",
     "instead, conversations grow with the store: with M messages stored and under way, M / N "
     "are in play (at least one for each wallet), and each wallet writes to any of its peers "
     "in "
     "them; 0: not so",
     0, 1000000},
    {"window", OPTION_COUNT, FIELD(window), "16", "N",
     "messages of a session that are not answered yet, at most", 1, BENCH_WINDOW_MAX},
    {"rate", OPTION_COUNT, FIELD(rate), "0", "N",
     "messages a second, of all sessions, each at its planned moment, from which its latency "
     "counts; 0: as fast as the windows let it",
     0, 10000000},
    {"size", OPTION_SIZE, FIELD(size), "200", "SIZE", "of a message's content",
     WIRE_CONTENT_MIN, WIRE_CONTENT_MAX},
    {"receipts", OPTION_SWITCH, FIELD(receipts), "on", "on|off",
     "say 'read' of what came, once for all that came at once. 'Delivered' is always said: "
     "without it no more would come",
     0, 0},
    {"transport", OPTION_TEXT, FIELD(transport), "websocket", "websocket|polling",
     "how the sessions connect", 0, 0},
    {"preload", OPTION_COUNT, FIELD(preload), "0", "N",
     "messages to store, and deliver, before anything is measured", 0, 0},
    {"runs", OPTION_COUNT, FIELD(runs), "1", "N",
     "measured one after the other, on the same store: the medians are reported, and each. 0: "
     "only what is before and behind",
     0, BENCH_RUNS_MAX},
    {"history", OPTION_COUNT, FIELD(history), "0", "N",
     "pages of 50 messages to ask for behind the runs, one after the other: of any "
     "conversation, "
     "and of one of the longest, in turn. With --stored-per-conversation",
     0, 10000000},
    {"wallets", OPTION_TEXT, FIELD(wallets), NULL, "NAME",
     "the wallets of this name, so that another invocation can go on with them (by chance)", 0,
     0},
    {"stored", OPTION_COUNT, FIELD(stored), "0", "N",
     "messages that they have from there: its last line says how many", 0, 0},
    {"seconds", OPTION_COUNT, FIELD(seconds), NULL, "S",
     "to measure, behind 2 s of warm-up (10; with --idle 60)", 0, 86400},
    {"idle", OPTION_FLAG, FIELD(idle), NULL, "",
     "send nothing: what do sessions cost that only answer heartbeats?", 0, 0},

    OPTIONS_HEADING("The report"),
    {"floor", OPTION_TEXT, FIELD(floor), NULL, "DIR",
     "measure before the runs and behind them what the machine can: frames that are only "
     "forwarded, by as many --sessions with the same --window, and records appended to a file "
     "in "
     "DIR and synced. Without --url nothing else",
     0, 0},
    {"json", OPTION_FLAG, FIELD(json), NULL, "", "one JSON object on stdout", 0, 0},
};
#undef FIELD

static const struct option_table table = {
    .command = "parley-bench",
    .summary =
        "Loads a Parley server, measures it, and checks that every message that it has\n"
        "acknowledged came to its recipient, once and in order. Ends with 1 if one did not.\n"
        "\n"
        "The server must run with --rate-limits off:\n"
        "\n"
        "  parley serve --data DIR --rate-limits off &\n"
        "  parley-bench --url http://127.0.0.1:8080 --data DIR --pid $!\n"
        "\n"
        "Each run is made by new wallets; what they write stays in the store. Like\n"
        "'parley token' it looks into the environment: PARLEY_DATA, PARLEY_CONFIG.",
    .options = rows,
    .n_options = COUNT_OF(rows),
};

static int bad(const char *what)
{
    fprintf(stderr, "parley-bench: %s; 'parley-bench --help' tells more\n", what);
    return OPTIONS_BAD;
}

static bool is_one_of(str value, str one, str other)
{
    return str_eq(value, one) || str_eq(value, other);
}

/** All that the runs are known to send, before they begin. */
static uint64_t sent_at_least(const struct bench_options *o)
{
    const uint64_t run = o->idle ? 0 : o->rate * (o->seconds + LOAD_WARM_UP_US / 1000000);

    return o->stored + o->preload + o->runs * run;
}

static int check_growth(const struct bench_options *o)
{
    const uint64_t per = o->stored_per_conversation;

    if (per == 0 && o->history > 0)
        return bad("--history needs --stored-per-conversation");
    if (per == 0 && o->stored > 0)
        return bad("--stored needs --stored-per-conversation");
    if (per == 0)
        return 0;
    if (str_eq(o->peers, STR("uniform")))
        return bad("--peers=uniform or --stored-per-conversation, not both");
    if (o->stored > 0 && !o->wallets.ptr)
        return bad("--stored needs --wallets: whose messages are they?");
    const uint64_t n = sent_at_least(o) / per;
    if (n <= pairing_most((uint32_t)o->sessions))
        return 0;
    fprintf(
        stderr,
        "parley-bench: %llu messages make %llu conversations, which takes %llu --sessions\n",
        (unsigned long long)sent_at_least(o), (unsigned long long)n,
        (unsigned long long)pairing_wallets(n));
    return OPTIONS_BAD;
}

static int check(const struct bench_options *o)
{
    if (o->urls.n == 0 && !o->floor.ptr)
        return bad("where is the server? It needs --url");
    if (o->floor.ptr && o->floor.len == 0)
        return bad("--floor needs a directory");
    if (o->data.ptr && o->config.ptr)
        return bad("--data or --config, not both");
    if (!is_one_of(o->transport, STR("websocket"), STR("polling")))
        return bad("--transport is websocket or polling");
    if (!is_one_of(o->peers, STR("pair"), STR("uniform")))
        return bad("--peers is pair or uniform");
    if (str_eq(o->peers, STR("pair")) && o->sessions % 2 != 0)
        return bad("pairs need an even number of --sessions");
    if (o->idle && (o->runs != 1 || o->history > 0))
        return bad("--idle has no --runs, and no --history");
    return check_growth(o);
}

int bench_options_parse(struct bench_options *out, int argc, char **argv)
{
    const struct options_from from = {.argc = argc, .argv = argv};

    *out = (struct bench_options){0};
    const int r = options_parse(&table, out, &from);
    if (r != 0)
        return r;
    if (out->seconds == 0)
        out->seconds = out->idle ? IDLE_S : LOAD_S;
    return check(out);
}
