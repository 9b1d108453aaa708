// parley-bench: see --help.

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "auth/account.h"
#include "auth/signer.h"
#include "base/clock.h"
#include "base/mem.h"
#include "bench/floor.h"
#include "bench/load.h"
#include "bench/options.h"
#include "bench/report.h"
#include "bench/url.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "io/loop.h"
#include "io/process.h"
#include "server/keys.h"
#include "server/serve_options.h"

#define TOKEN_TTL_MS (INT64_C(48) * 3600 * 1000) // a day is the longest run
#define FILES_SPARE  64                          // descriptors beside the connections

/** What a run is made of, and what it leaves. */
struct bench {
    struct bench_options options;
    struct load_config config;
    struct load_result result;
    struct target targets[OPTIONS_LIST_MAX];
    struct floor floors[2]; // before the runs, and behind them
    size_t n_floors;
    struct wire wire;
    str *tokens;
    struct buf token_text; // all of them, one after the other
};

static int failed(const char *what, str about)
{
    fprintf(stderr, "parley-bench: %s: " STR_FMT "\n", what, STR_ARG(about));
    return 1;
}

static int find_target(struct target *out, str text)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    struct url url;

    const int bad = url_parse(&url, text);
    if (bad != 0) {
        (void)failed(bad == URL_TLS ? "https is not spoken here: name the server itself, "
                                      "behind what ends TLS"
                                    : "--url is not http://HOST:PORT",
                     text);
        return 2;
    }
    const int r = getaddrinfo(url.host, url.port, &hints, &found);
    if (r != 0)
        return failed(gai_strerror(r), text);
    memcpy(&out->address.addr, found->ai_addr, found->ai_addrlen);
    out->address.len = found->ai_addrlen;
    freeaddrinfo(found);
    out->host = url.authority;
    out->path = url.path;
    return 0;
}

static int find_targets(struct bench *b)
{
    for (size_t i = 0; i < b->options.urls.n; i++) {
        const int code = find_target(&b->targets[i], b->options.urls.items[i]);
        if (code != 0)
            return code;
    }
    b->config.targets = b->targets;
    b->config.n_targets = b->options.urls.n;
    return 0;
}

static int find_processes(struct bench *b)
{
    for (size_t i = 0; i < b->options.pids.n; i++) {
        const str text = b->options.pids.items[i];
        struct process_use use;
        if (str_to_u64(text, INT32_MAX, &b->config.pids[i]) != 0 || b->config.pids[i] == 0 ||
            process_use(b->config.pids[i], &use) != 0)
            return failed("there is no such process", text);
    }
    static_assert(LOAD_PIDS_MAX >= OPTIONS_LIST_MAX, "each --pid has room");
    b->config.n_pids = b->options.pids.n;
    return 0;
}

/** Polling takes two connections. */
static int raise_file_limit(const struct bench *b)
{
    const bool is_polling = b->config.transport == &transport_polling;
    const uint64_t need = b->options.sessions * (is_polling ? 2 : 1) + FILES_SPARE;
    const uint64_t have = process_raise_file_limit();

    if (have >= need)
        return 0;
    fprintf(stderr,
            "parley-bench: %llu sessions need %llu open files, and %llu are allowed: raise "
            "the limit (ulimit -Hn), or take fewer\n",
            (unsigned long long)b->options.sessions, (unsigned long long)need,
            (unsigned long long)have);
    return 1;
}

static void make_token(struct bench *b, const struct auth_signer *signer, uint32_t i)
{
    char address[WIRE_ADDRESS_SIZE];
    struct auth_mint mint = {
        .now_ms = clock_unix_ms(loop_wall_clock()),
        .ttl_ms = TOKEN_TTL_MS,
        .session = STR("parley-bench"),
    };

    wire_address(&b->wire, i, address);
    // Whatever the home chain is, 0x… is on it.
    const int r = auth_account_parse(&mint.account, (str){address, sizeof(address)}, 1);
    assert(r == 0);
    (void)r;
    const size_t before = b->token_text.len;
    auth_mint(&b->token_text, signer, &mint);
    b->tokens[i].len = b->token_text.len - before;
}

static int make_tokens(struct bench *b, str pem)
{
    const uint32_t n = b->config.n_sessions;
    struct auth_signer signer;

    if (auth_signer_init(&signer, pem) != 0)
        return failed("it can't be signed with", STR(KEYS_OWN_FILE));
    b->tokens = mem_alloc(n * sizeof(*b->tokens));
    buf_init(&b->token_text, (size_t)n * AUTH_TOKEN_MAX);
    for (uint32_t i = 0; i < n; i++)
        make_token(b, &signer, i);
    auth_signer_fini(&signer);
    const char *at = buf_str(&b->token_text).ptr; // which does not move any more
    for (uint32_t i = 0; i < n; i++) {
        b->tokens[i].ptr = at;
        at += b->tokens[i].len;
    }
    b->config.tokens = b->tokens;
    return 0;
}

/** The server's key: where it is, the server's own options say, if ours don't. */
static int sign_tokens(struct bench *b)
{
    struct serve_options server;
    struct buf file;
    struct buf pem;
    str data = b->options.data;
    int code = 0;

    buf_init(&file, OPTIONS_FILE_MAX + 1);
    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    if (!data.ptr) {
        code = serve_options_read(&server, b->options.config, environ, &file) != 0 ? 2 : 0;
        data = server.data;
    }
    if (code == 0)
        code = keys_own(&pem, data, crypto_random()) != 0;
    if (code == 0)
        code = make_tokens(b, buf_str(&pem));
    secret_buf_fini(&pem);
    buf_fini(&file);
    return code;
}

static void configure(struct bench *b)
{
    const struct bench_options *o = &b->options;
    struct load_config *c = &b->config;

    c->transport =
        str_eq(o->transport, STR("polling")) ? &transport_polling : &transport_websocket;
    c->n_sessions = (uint32_t)o->sessions;
    c->window = (uint32_t)o->window;
    c->rate = o->rate;
    c->measured_us = (int64_t)o->seconds * 1000000;
    c->n_preload = o->preload;
    c->n_runs = (uint32_t)o->runs;
    c->n_pages = o->history;
    c->n_stored = o->stored;
    c->per_conversation = (uint32_t)o->stored_per_conversation;
    c->is_uniform = str_eq(o->peers, STR("uniform"));
    c->has_receipts = o->receipts;
    c->is_idle = o->idle;
    rand_bytes(crypto_random(), &c->seed, sizeof(c->seed));
    c->wire = &b->wire;
    wire_init(&b->wire, crypto_random(), (size_t)o->size);
    if (o->wallets.ptr)
        wire_name(&b->wire, o->wallets);
}

static int report(const struct bench *b)
{
    const struct report r = {
        .options = &b->options,
        .result = b->options.urls.n > 0 ? &b->result : NULL,
        .floors = b->floors,
        .n_floors = b->n_floors,
    };
    const char *verdict = report_verdict(&r);

    if (strcmp(b->result.measure.first_refusal, "rate_limited") == 0) {
        fprintf(stderr,
                "parley-bench: sends were refused: rate_limited. Does the server run "
                "with --rate-limits off?\n");
    }
    if (b->options.json) {
        report_json(stdout, &r);
        if (verdict)
            fprintf(stderr, "parley-bench: FAILED: %s\n", verdict);
    } else {
        report_text(stdout, &r);
    }
    return verdict != NULL || fflush(stdout) != 0;
}

/** If it was asked for. */
static int measure_floor(struct bench *b)
{
    const struct bench_options *o = &b->options;
    const struct floor_config config = {
        .n_sessions = (uint32_t)o->sessions,
        .window = (uint32_t)o->window,
        .size = (size_t)o->size,
        .folder = o->floor,
        .seed = b->config.seed,
    };

    return o->floor.ptr && floor_measure(&b->floors[b->n_floors++], &config) != 0;
}

/** With the floor before and behind it. */
static int run_load(struct bench *b)
{
    int code = sign_tokens(b);

    if (code == 0)
        code = measure_floor(b);
    if (code == 0)
        code = load_run(&b->config, &b->result) != 0;
    return code == 0 ? measure_floor(b) : code;
}

static int run(struct bench *b)
{
    int code = find_targets(b);

    if (code == 0)
        code = find_processes(b);
    if (code == 0)
        code = raise_file_limit(b);
    if (code == 0)
        code = b->options.urls.n > 0 ? run_load(b) : measure_floor(b);
    return code == 0 ? report(b) : code;
}

int main(int argc, char **argv)
{
    struct bench *b = NEW(struct bench);

    const int r = bench_options_parse(&b->options, argc - 1, argv + 1);
    if (r != 0) {
        free(b);
        return r == OPTIONS_HELP ? 0 : 2;
    }
    configure(b);
    const int code = run(b);
    load_result_fini(&b->result);
    wire_fini(&b->wire);
    buf_fini(&b->token_text);
    free(b->tokens);
    free(b);
    return code;
}
