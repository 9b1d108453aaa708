#include "auth/contracts.h"
#include "auth/rpc.h"
#include "base/log.h"
#include "support/fake_fetcher.h"
#include "support/seeded.h"
#include "support/t.h"

#define ANSWER(member) "{\"jsonrpc\":\"2.0\",\"id\":1," member "}"
#define RESULT(hex)    ANSWER("\"result\":\"0x" hex "\"")
#define YES            RESULT("1626ba7e00000000000000000000000000000000000000000000000000000000")
#define NO             RESULT("ffffffff00000000000000000000000000000000000000000000000000000000")
#define REVERTED       ANSWER("\"error\":{\"code\":3,\"message\":\"execution reverted\"}")
#define SUFFIX_8       "\x64\x92\x64\x92\x64\x92\x64\x92"
#define WRAPPED        "how to deploy it" SUFFIX_8 SUFFIX_8 SUFFIX_8 SUFFIX_8

#define MAINNET   1
#define BASE      8453
#define OF_NO_RPC 5
#define URL       "https://rpc.example/v2/s3cret"
#define AT_ONCE   (AUTH_CONTRACT_UNDER_WAY_MAX + AUTH_CONTRACT_WAITING_MAX)

struct world {
    struct job_queue later;
    struct timers timers;
    struct seeded chance;
    struct fake_fetcher fetcher;
    struct auth_contracts *contracts;
    char logged[1024];
};

/** Who asks, and what it was told. */
struct asker {
    int n; // times
    int r;
};

static void hear(void *arg, str line)
{
    struct world *w = arg;
    const size_t n = strlen(w->logged);

    if (n + line.len < sizeof(w->logged))
        str_copy(w->logged + n, line);
}

static struct auth_contracts *make(struct world *w, bool rate_limits)
{
    const struct auth_contracts_config config = {
        .fetcher = &w->fetcher.port,
        .timers = &w->timers,
        .later = &w->later,
        .rand = &w->chance.rand,
        .rate_limits = rate_limits,
        .sign_ins = {.burst = 3, .n = 1, .per_ms = 1000},
        .n_rpcs = 2,
        .rpcs = {{MAINNET, STR(URL)}, {BASE, STR("https://base.example/")}},
    };

    return auth_contracts_new(&config);
}

static int start_new(void **state)
{
    struct world *w = NEW(struct world);

    w->later = JOB_QUEUE_INIT(w->later);
    w->timers.now_ms = 1000;
    seeded_init(&w->chance, 7);
    fake_fetcher_init(&w->fetcher, &w->later);
    w->contracts = make(w, false);
    log_set_sink(hear, w);
    *state = w;
    return 0;
}

static int stop(void **state)
{
    struct world *w = *state;

    log_set_sink(NULL, NULL);
    auth_contracts_free(w->contracts);
    fake_fetcher_fini(&w->fetcher);
    free(w);
    return 0;
}

static void run(struct world *w)
{
    while (w->later.head)
        job_run_all(&w->later);
}

static void on_answer(void *arg, int r)
{
    struct asker *a = arg;

    a->n++;
    a->r = r;
}

static const uint8_t address[AUTH_CONTRACT_ADDRESS_SIZE] = {0xa0, [19] = 0x0f};
static const uint8_t digest[AUTH_DIGEST_SIZE] = {0xd0, [31] = 0x0f};

static struct auth_contract_proof proof_of(str signature)
{
    return (struct auth_contract_proof){
        .chain = MAINNET, .address = address, .digest = digest, .signature = signature};
}

static void ask_for(struct world *w, const struct auth_contract_proof *p, struct asker *a)
{
    CLEANUP(exact_freep) char *copy = exact_copy(p->signature); // gone when it returns
    struct auth_contract_proof copied = *p;

    copied.signature.ptr = copy;
    *a = (struct asker){.r = -1};
    auth_contracts_check(w->contracts, &copied, on_answer, a);
    assert_int_equal(a->n, 0);
}

/** Both RPCs have said of which chain they are; nobody has been told anything else. */
static void make_known(struct world *w)
{
    const uint64_t chains[] = {MAINNET, BASE};
    struct auth_contract_proof p = proof_of(STR("which chain?"));
    struct asker a;

    p.is_again = true;
    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("1")));
    fake_fetcher_will_say(&w->fetcher, AUTH_FETCH_FAILED, STR(""));
    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("2105")));
    fake_fetcher_will_say(&w->fetcher, AUTH_FETCH_FAILED, STR(""));
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        p.chain = chains[i];
        ask_for(w, &p, &a);
        run(w);
        assert_int_equal(a.r, AUTH_CONTRACT_UNAVAILABLE);
    }
    assert_int_equal(w->fetcher.n_fetched, 4);
    fake_fetcher_forget(&w->fetcher);
}

static int start(void **state)
{
    start_new(state);
    make_known(*state);
    return 0;
}

static int start_limited(void **state)
{
    start_new(state);
    struct world *w = *state;
    auth_contracts_free(w->contracts);
    w->contracts = make(w, true);
    make_known(w);
    return 0;
}

static void ask(struct world *w, str signature, struct asker *a)
{
    const struct auth_contract_proof p = proof_of(signature);

    ask_for(w, &p, a);
}

/** Another signature for each number. */
static void ask_number(struct world *w, size_t number, struct asker *a)
{
    ask(w, (str){(const char *)&number, sizeof(number)}, a);
}

static void expect_told(const char *what, const struct asker *a, int r)
{
    expect_int(what, a->n, 1);
    expect_int(what, a->r, r);
}

/** Ask, and run until the answer has come. */
static int answer_to(struct world *w, str signature)
{
    struct asker a;

    ask(w, signature, &a);
    run(w);
    assert_int_equal(a.n, 1);
    return a.r;
}

static int answer_to_number(struct world *w, size_t number)
{
    return answer_to(w, (str){(const char *)&number, sizeof(number)});
}

static void release(struct world *w, size_t i, const char *body)
{
    fake_fetcher_answer(&w->fetcher, i, 0, str_of(body));
    run(w);
}

// Each answer.

static const struct {
    const char *name;
    str signature;
    int fetched;
    const char *body;
    int r;
    bool is_kept;
} outcomes[] = {
    // clang-format off
    {"yes",                STR("a"),     0, YES, 0, true},
    {"yes, to nothing",    STR(""),      0, YES, 0, true},
    {"no",                 STR("a"),     0, NO, AUTH_CONTRACT_WRONG, true},
    {"no contract",        STR("a"),     0, RESULT(""), AUTH_CONTRACT_WRONG, true},
    {"an echo",            STR("a"),     0, RESULT("1626ba7ed000000000000000000000000000000000000000000000000000000f00"), AUTH_CONTRACT_WRONG, true},
    {"it broke down",      STR("a"),     0, REVERTED, AUTH_CONTRACT_WRONG, true},
    {"what is yes of a wrapped one", STR("a"), 0, RESULT("01"), AUTH_CONTRACT_WRONG, true},
    {"wrapped, yes",       STR(WRAPPED), 0, RESULT("01"), 0, true},
    {"wrapped, no",        STR(WRAPPED), 0, RESULT("00"), AUTH_CONTRACT_WRONG, true},
    {"wrapped, magic",     STR(WRAPPED), 0, YES, AUTH_CONTRACT_WRONG, true},
    {"wrapped, nothing",   STR(WRAPPED), 0, RESULT(""), AUTH_CONTRACT_WRONG, true},
    {"wrapped, it broke down", STR(WRAPPED), 0, REVERTED, AUTH_CONTRACT_WRONG, true},
    {"a node in trouble",  STR("a"),     0, ANSWER("\"error\":{\"code\":-32000,\"message\":\"header not found\"}"), AUTH_CONTRACT_UNAVAILABLE, false},
    {"too many requests",  STR("a"),     0, ANSWER("\"error\":{\"code\":-32005,\"message\":\"limit exceeded\"}"), AUTH_CONTRACT_UNAVAILABLE, false},
    {"another's answer",   STR("a"),     0, "{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x\"}", AUTH_CONTRACT_UNAVAILABLE, false},
    {"a page",             STR("a"),     0, "<html>", AUTH_CONTRACT_UNAVAILABLE, false},
    {"nothing at all",     STR("a"),     0, "", AUTH_CONTRACT_UNAVAILABLE, false},
    {"out of reach",       STR("a"),     AUTH_FETCH_FAILED, "", AUTH_CONTRACT_UNAVAILABLE, false},
    {"the fetcher is busy", STR("a"),    AUTH_FETCH_BUSY, "", AUTH_CONTRACT_BUSY, false},
    // clang-format on
};

static void each_answer_means_what_it_says(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        fake_fetcher_will_say(&w->fetcher, outcomes[i].fetched, str_of(outcomes[i].body));
        expect_int(outcomes[i].name, answer_to(w, outcomes[i].signature), outcomes[i].r);
        w->timers.now_ms += AUTH_CONTRACT_KEPT_MS; // the next asks anew
    }
    assert_int_equal(w->fetcher.n_fetched, COUNT_OF(outcomes));
}

static void only_what_the_chain_has_said_is_kept(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(outcomes); i++) {
        const size_t n = w->fetcher.n_fetched;

        fake_fetcher_will_say(&w->fetcher, outcomes[i].fetched, str_of(outcomes[i].body));
        expect_int(outcomes[i].name, answer_to(w, outcomes[i].signature), outcomes[i].r);
        if (!outcomes[i].is_kept)
            fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
        expect_int(outcomes[i].name, answer_to(w, outcomes[i].signature),
                   outcomes[i].is_kept ? outcomes[i].r : 0);
        expect_int(outcomes[i].name, w->fetcher.n_fetched - n, outcomes[i].is_kept ? 1 : 2);
        w->timers.now_ms += AUTH_CONTRACT_KEPT_MS;
    }
}

static void one_that_is_too_long_is_no_answer(void **state)
{
    struct world *w = *state;
    char body[AUTH_RPC_BYTES_MAX + 2] = YES;

    memset(body + strlen(YES), ' ', sizeof(body) - 1 - strlen(YES));
    fake_fetcher_will_say(&w->fetcher, 0, (str){body, AUTH_RPC_BYTES_MAX + 1});
    assert_int_equal(answer_to(w, STR("a")), AUTH_CONTRACT_UNAVAILABLE);
    fake_fetcher_will_say(&w->fetcher, 0, (str){body, AUTH_RPC_BYTES_MAX});
    assert_int_equal(answer_to(w, STR("a")), 0);
}

// What is asked, and whom.

static void asks_the_wallet_at_the_rpc_of_its_chain(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR(""));
    struct asker a;

    ask_for(w, &p, &a);
    p.chain = BASE;
    ask_for(w, &p, &a);
    run(w);
    const struct auth_fetch *what = fake_fetcher_asked(&w->fetcher, 0);
    expect_str("URL", what->url, STR(URL));
    assert_int_equal(what->timeout_ms, AUTH_RPC_MS);
    assert_int_equal(what->max_bytes, AUTH_RPC_BYTES_MAX);
    expect_str("body", what->body,
               STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"
                   "\"to\":\"0xa00000000000000000000000000000000000000f\",\"data\":\"0x1626ba7e"
                   "d00000000000000000000000000000000000000000000000000000000000000f"
                   "0000000000000000000000000000000000000000000000000000000000000040"
                   "0000000000000000000000000000000000000000000000000000000000000000"
                   "\",\"gas\":\"0x4c4b40\"},\"latest\"]}"));
    expect_str("URL", fake_fetcher_asked(&w->fetcher, 1)->url, STR("https://base.example/"));
    expect_str("body", fake_fetcher_asked(&w->fetcher, 1)->body, what->body);
}

static void asks_nobody_in_particular_of_a_wallet_that_is_not_deployed(void **state)
{
    static const str head =
        STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"
            "\"data\":\"0x60806040523480156100105760");
    struct world *w = *state;
    struct asker a;

    ask(w, STR(WRAPPED), &a);
    run(w);
    assert_true(str_starts(fake_fetcher_asked(&w->fetcher, 0)->body, head));
}

static void the_longest_signature_can_be_asked_about(void **state)
{
    struct world *w = *state;
    char bytes[AUTH_SIGNATURE_MAX] = {0};

    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    assert_int_equal(answer_to(w, (str){bytes, sizeof(bytes)}), 0);
    str_copy(bytes + sizeof(bytes) - 32, STR(SUFFIX_8 SUFFIX_8 SUFFIX_8 SUFFIX_8));
    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("01")));
    assert_int_equal(answer_to(w, (str){bytes, sizeof(bytes)}), 0);
}

static void a_chain_without_an_rpc_is_unavailable(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR("a"));
    struct asker a;

    assert_true(auth_contracts_has(w->contracts, MAINNET));
    assert_true(auth_contracts_has(w->contracts, BASE));
    assert_false(auth_contracts_has(w->contracts, OF_NO_RPC));
    p.chain = OF_NO_RPC;
    ask_for(w, &p, &a);
    assert_false(auth_contracts_is_idle(w->contracts));
    run(w);
    expect_told("no RPC", &a, AUTH_CONTRACT_UNAVAILABLE);
    assert_int_equal(w->fetcher.n_fetched, 0);
    assert_true(auth_contracts_is_idle(w->contracts));
}

static void the_log_names_the_chain_and_no_secret(void **state)
{
    struct world *w = *state;

    fake_fetcher_will_say(&w->fetcher, 0, STR("{\"a\":\"b0dy\"}"));
    assert_int_equal(answer_to(w, STR("s1gnature")), AUTH_CONTRACT_UNAVAILABLE);
    assert_non_null(strstr(w->logged, "level=warn"));
    assert_non_null(strstr(w->logged, "event=auth_rpc_bad chain=1 why=\"no JSON-RPC 2.0\""));
    assert_null(strstr(w->logged, "s3cret"));
    assert_null(strstr(w->logged, "s1gnature"));
    assert_null(strstr(w->logged, "b0dy"));
}

static void what_the_chain_has_said_is_nothing_for_the_log(void **state)
{
    struct world *w = *state;

    fake_fetcher_will_say(&w->fetcher, 0, STR(NO));
    fake_fetcher_will_say(&w->fetcher, 0, STR(REVERTED));
    fake_fetcher_will_say(&w->fetcher, AUTH_FETCH_FAILED, STR("")); // the fetcher has said so
    assert_int_equal(answer_to(w, STR("a")), AUTH_CONTRACT_WRONG);
    assert_int_equal(answer_to(w, STR("b")), AUTH_CONTRACT_WRONG);
    assert_int_equal(answer_to(w, STR("c")), AUTH_CONTRACT_UNAVAILABLE);
    expect_str("log", str_of(w->logged), STR(""));
}

// Order, and limits.

static void a_few_are_under_way_and_the_others_follow_in_order(void **state)
{
    struct world *w = *state;
    struct asker a[AUTH_CONTRACT_UNDER_WAY_MAX + 3];

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask_number(w, i, &a[i]);
    run(w);
    assert_int_equal(w->fetcher.n_fetched, AUTH_CONTRACT_UNDER_WAY_MAX);

    // In another order than they were asked.
    static const size_t order[] = {3, 7, 0, 8, 10, 1, 2, 4, 5, 6, 9};
    static_assert(COUNT_OF(order) == COUNT_OF(a), "all of them");
    for (size_t i = 0; i < COUNT_OF(order); i++) {
        const size_t next = AUTH_CONTRACT_UNDER_WAY_MAX + i;

        release(w, order[i], i % 2 == 0 ? YES : NO);
        expect_told("its own", &a[order[i]], i % 2 == 0 ? 0 : AUTH_CONTRACT_WRONG);
        expect_int("asked", w->fetcher.n_fetched, next < COUNT_OF(a) ? next + 1 : COUNT_OF(a));
    }
    for (size_t i = 0; i < COUNT_OF(a); i++)
        expect_int("once", a[i].n, 1);
    assert_true(auth_contracts_is_idle(w->contracts));
}

static void the_next_one_is_the_one_that_waits_longest(void **state)
{
    struct world *w = *state;
    struct asker a[AUTH_CONTRACT_UNDER_WAY_MAX + 2];
    struct buf want;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask_number(w, i, &a[i]);
    release(w, 5, YES);
    release(w, 2, YES);
    for (size_t i = AUTH_CONTRACT_UNDER_WAY_MAX; i < COUNT_OF(a); i++) {
        buf_init(&want, 128);
        assert_int_equal(buf_addf(&want, "%02zx00000000000000%048d\",\"gas\"", i, 0), 0);
        const str body = fake_fetcher_asked(&w->fetcher, i)->body;
        assert_non_null(memmem(body.ptr, body.len, buf_str(&want).ptr, buf_str(&want).len));
        buf_fini(&want);
    }
    fake_fetcher_release_all(&w->fetcher);
    run(w);
}

static void one_more_than_may_wait_is_refused(void **state)
{
    struct world *w = *state;
    struct asker a[AT_ONCE];
    struct asker more;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask_number(w, i, &a[i]);
    ask_number(w, COUNT_OF(a), &more);
    run(w);
    expect_told("one more", &more, AUTH_CONTRACT_BUSY);
    assert_int_equal(w->fetcher.n_fetched, AUTH_CONTRACT_UNDER_WAY_MAX);

    release(w, 0, YES);
    expect_told("the first", &a[0], 0);
    ask_number(w, COUNT_OF(a), &more); // there is room again
    run(w);
    expect_int("it waits", more.n, 0);

    w->fetcher.is_holding = false;
    for (size_t i = 1; i < AUTH_CONTRACT_UNDER_WAY_MAX + 1; i++)
        fake_fetcher_answer(&w->fetcher, i, 0, STR(NO));
    run(w);
    for (size_t i = 1; i < COUNT_OF(a); i++)
        expect_int("each is told", a[i].n, 1);
    expect_told("the last", &more, AUTH_CONTRACT_UNAVAILABLE); // there is no script
    assert_true(auth_contracts_is_idle(w->contracts));
}

/** It turned away one that was to follow, and those behind it are asked all the same. */
static void a_busy_fetcher_holds_up_nobody(void **state)
{
    struct world *w = *state;
    struct asker a[AUTH_CONTRACT_UNDER_WAY_MAX + 2];

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask_number(w, i, &a[i]);
    w->fetcher.is_busy = true;
    release(w, 0, YES);
    expect_told("answered", &a[0], 0);
    expect_told("refused", &a[AUTH_CONTRACT_UNDER_WAY_MAX], AUTH_CONTRACT_BUSY);
    expect_told("refused", &a[AUTH_CONTRACT_UNDER_WAY_MAX + 1], AUTH_CONTRACT_BUSY);
    for (size_t i = 1; i < AUTH_CONTRACT_UNDER_WAY_MAX; i++)
        release(w, i, NO);
    assert_true(auth_contracts_is_idle(w->contracts));
}

// The rate.

static void who_is_not_signed_in_has_a_rate(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answer_to_number(w, i), AUTH_CONTRACT_UNAVAILABLE);
    assert_int_equal(answer_to_number(w, 3), AUTH_CONTRACT_BUSY);
    assert_int_equal(w->fetcher.n_fetched, 3);

    w->timers.now_ms += 999;
    assert_int_equal(answer_to_number(w, 3), AUTH_CONTRACT_BUSY);
    w->timers.now_ms += 1;
    assert_int_equal(answer_to_number(w, 3), AUTH_CONTRACT_UNAVAILABLE);
    assert_int_equal(answer_to_number(w, 4), AUTH_CONTRACT_BUSY);
}

static void the_rate_is_one_for_all_chains_and_wallets(void **state)
{
    static const uint8_t other[AUTH_CONTRACT_ADDRESS_SIZE] = {7};
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR("a"));
    struct asker a[4];

    ask_for(w, &p, &a[0]);
    p.chain = BASE;
    ask_for(w, &p, &a[1]);
    p.address = other;
    ask_for(w, &p, &a[2]);
    p.digest = (const uint8_t[AUTH_DIGEST_SIZE]){7};
    ask_for(w, &p, &a[3]);
    run(w);
    expect_told("the third", &a[2], AUTH_CONTRACT_UNAVAILABLE);
    expect_told("the fourth", &a[3], AUTH_CONTRACT_BUSY);
}

static void who_is_signed_in_has_none(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR("again"));
    struct asker a;

    p.is_again = true;
    for (size_t i = 0; i < 10; i++) {
        ask_for(w, &p, &a);
        run(w);
        expect_told("again", &a, AUTH_CONTRACT_UNAVAILABLE);
    }
    for (size_t i = 0; i < 3; i++) // which was not used up
        assert_int_equal(answer_to_number(w, i), AUTH_CONTRACT_UNAVAILABLE);
    ask_for(w, &p, &a);
    run(w);
    expect_told("the rate is used up", &a, AUTH_CONTRACT_UNAVAILABLE);
}

static void nobody_has_one_where_rates_are_off(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < 100; i++)
        assert_int_equal(answer_to_number(w, i), AUTH_CONTRACT_UNAVAILABLE);
}

static void what_asks_nobody_takes_nothing_of_the_rate(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR("a"));
    struct asker a;

    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(answer_to(w, STR("a")), 0); // the first asks
    p.chain = OF_NO_RPC;
    ask_for(w, &p, &a);
    run(w);

    struct asker shared[5];
    for (size_t i = 0; i < COUNT_OF(shared); i++)
        ask(w, STR("b"), &shared[i]); // likewise
    run(w);
    assert_int_equal(answer_to(w, STR("c")), AUTH_CONTRACT_UNAVAILABLE);
    assert_int_equal(answer_to(w, STR("d")), AUTH_CONTRACT_BUSY);
}

static void one_that_has_no_place_takes_nothing_of_it(void **state)
{
    struct world *w = *state;
    struct asker a[AT_ONCE];
    struct asker more;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++) {
        struct auth_contract_proof p = proof_of((str){(const char *)&i, sizeof(i)});
        p.is_again = true;
        ask_for(w, &p, &a[i]);
    }
    for (size_t i = 0; i < 5; i++) {
        ask(w, STR("more"), &more);
        run(w);
        expect_told("no place", &more, AUTH_CONTRACT_BUSY);
    }
    w->fetcher.is_holding = false;
    fake_fetcher_release_all(&w->fetcher);
    run(w);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(answer_to_number(w, 1000 + i), AUTH_CONTRACT_UNAVAILABLE);
    assert_int_equal(answer_to_number(w, 2000), AUTH_CONTRACT_BUSY);
}

// Answers that are kept.

static void an_answer_is_good_for_a_while(void **state)
{
    struct world *w = *state;

    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    fake_fetcher_will_say(&w->fetcher, 0, STR(NO));
    assert_int_equal(answer_to(w, STR("a")), 0);
    assert_int_equal(answer_to(w, STR("b")), AUTH_CONTRACT_WRONG);
    w->timers.now_ms += AUTH_CONTRACT_KEPT_MS - 1;
    assert_int_equal(answer_to(w, STR("a")), 0);
    assert_int_equal(answer_to(w, STR("b")), AUTH_CONTRACT_WRONG);
    assert_int_equal(w->fetcher.n_fetched, 2);

    w->timers.now_ms += 1; // that it was used since makes it no younger
    fake_fetcher_will_say(&w->fetcher, 0, STR(NO));
    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    assert_int_equal(answer_to(w, STR("a")), AUTH_CONTRACT_WRONG);
    assert_int_equal(answer_to(w, STR("b")), 0);
    assert_int_equal(w->fetcher.n_fetched, 4);
}

static void its_while_begins_when_it_has_come(void **state)
{
    struct world *w = *state;
    struct asker a;

    w->fetcher.is_holding = true;
    ask(w, STR("a"), &a);
    w->timers.now_ms += 2500;
    release(w, 0, YES);
    w->timers.now_ms += AUTH_CONTRACT_KEPT_MS - 1;
    assert_int_equal(answer_to(w, STR("a")), 0);
    assert_int_equal(w->fetcher.n_fetched, 1);
}

static void all_of_a_proof_tells_it_from_others(void **state)
{
    struct world *w = *state;
    uint8_t other_address[AUTH_CONTRACT_ADDRESS_SIZE];
    uint8_t other_digest[AUTH_DIGEST_SIZE];
    struct asker a;

    memcpy(other_address, address, sizeof(address));
    other_address[19] ^= 1;
    memcpy(other_digest, digest, sizeof(digest));
    other_digest[31] ^= 1;
    struct auth_contract_proof p[] = {
        proof_of(STR("ab")), proof_of(STR("ab")), proof_of(STR("ab")), proof_of(STR("ab")),
        proof_of(STR("aa")), proof_of(STR("a")),  proof_of(STR("")),   proof_of(STR("ab\0")),
    };
    p[1].chain = BASE;
    p[2].address = other_address;
    p[3].digest = other_digest;
    for (size_t i = 0; i < COUNT_OF(p); i++) {
        fake_fetcher_will_say(&w->fetcher, 0, i % 2 == 0 ? STR(YES) : STR(NO));
        ask_for(w, &p[i], &a);
        run(w);
        expect_int("asked", w->fetcher.n_fetched, i + 1);
    }
    for (size_t i = 0; i < COUNT_OF(p); i++) {
        p[i].is_again = true; // which does not tell it from another
        ask_for(w, &p[i], &a);
        run(w);
        expect_told("its own", &a, i % 2 == 0 ? 0 : AUTH_CONTRACT_WRONG);
    }
    assert_int_equal(w->fetcher.n_fetched, COUNT_OF(p));
}

static struct fake_answer say_yes(void *arg, const struct auth_fetch *what)
{
    (void)arg;
    (void)what;
    return (struct fake_answer){0, STR(YES)};
}

/** Forgets what it was asked, of which it holds only so much. */
static void renew_fetcher(struct world *w)
{
    fake_fetcher_fini(&w->fetcher);
    fake_fetcher_init(&w->fetcher, &w->later);
    w->fetcher.decide = say_yes;
}

static void with_one_more_the_oldest_is_forgotten(void **state)
{
    struct world *w = *state;

    renew_fetcher(w);
    for (size_t i = 0; i < AUTH_CONTRACT_KEPT_MAX; i++)
        assert_int_equal(answer_to_number(w, i), 0);
    renew_fetcher(w);
    for (size_t i = 0; i < AUTH_CONTRACT_KEPT_MAX; i++)
        assert_int_equal(answer_to_number(w, i), 0);
    assert_int_equal(w->fetcher.n_fetched, 0); // all were kept

    assert_int_equal(answer_to_number(w, AUTH_CONTRACT_KEPT_MAX), 0); // 0 goes
    for (size_t i = 1; i <= AUTH_CONTRACT_KEPT_MAX; i++)
        assert_int_equal(answer_to_number(w, i), 0);
    assert_int_equal(w->fetcher.n_fetched, 1);
    assert_int_equal(answer_to_number(w, 0), 0); // 1 goes
    assert_int_equal(answer_to_number(w, 2), 0);
    assert_int_equal(w->fetcher.n_fetched, 2);
    assert_int_equal(answer_to_number(w, 1), 0);
    assert_int_equal(w->fetcher.n_fetched, 3);
}

// Of which chain an RPC is.

static void an_rpc_says_first_of_which_chain_it_is(void **state)
{
    struct world *w = *state;
    struct asker a;

    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("1")));
    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    fake_fetcher_will_say(&w->fetcher, 0, STR(NO));
    ask(w, STR("a"), &a);
    run(w);
    expect_told("after two questions", &a, 0);
    assert_int_equal(w->fetcher.n_fetched, 2);
    const struct auth_fetch *what = fake_fetcher_asked(&w->fetcher, 0);
    expect_str("URL", what->url, STR(URL));
    expect_str("body", what->body,
               STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}"));
    expect_int("time", what->timeout_ms, AUTH_RPC_MS);
    expect_int("bytes", (int64_t)what->max_bytes, AUTH_RPC_BYTES_MAX);
    ask(w, STR("b"), &a);
    run(w);
    expect_told("after one", &a, AUTH_CONTRACT_WRONG);
    assert_int_equal(w->fetcher.n_fetched, 3);
}

/** Until it says so, it is asked about no contract: of another chain it knows others. */
static void one_that_does_not_say_so_is_asked_nothing_else(void **state)
{
    static const struct {
        const char *name;
        int fetched;
        str body;
        int told;
        const char *logged;
    } answers[] = {
        {"another chain", 0, STR(RESULT("a")), AUTH_CONTRACT_UNAVAILABLE,
         "event=auth_rpc_of_another_chain chain=1 says=10"},
        {"no number", 0, STR(RESULT("")), AUTH_CONTRACT_UNAVAILABLE, "event=auth_rpc_bad"},
        {"a call's failure", 0, STR(REVERTED), AUTH_CONTRACT_UNAVAILABLE, "event=auth_rpc_bad"},
        {"yes", 0, STR(YES), AUTH_CONTRACT_UNAVAILABLE, "event=auth_rpc_bad"},
        {"nothing", AUTH_FETCH_FAILED, STR(""), AUTH_CONTRACT_UNAVAILABLE, ""},
        {"busy", AUTH_FETCH_BUSY, STR(""), AUTH_CONTRACT_BUSY, ""},
    };
    struct world *w = *state;
    struct asker a;

    for (size_t i = 0; i < COUNT_OF(answers); i++) {
        w->logged[0] = '\0';
        fake_fetcher_will_say(&w->fetcher, answers[i].fetched, answers[i].body);
        ask(w, STR("a"), &a); // what it has said is not kept
        run(w);
        expect_told(answers[i].name, &a, answers[i].told);
        expect_int("asked", (int64_t)w->fetcher.n_fetched, (int64_t)i + 1);
        assert_non_null(strstr(w->logged, answers[i].logged));
        assert_null(strstr(w->logged, "s3cret"));
    }
    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("1"))); // it was mended
    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    ask(w, STR("a"), &a);
    run(w);
    expect_told("mended", &a, 0);
}

static void the_rpc_of_one_chain_does_not_speak_for_another(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof p = proof_of(STR("a"));
    struct asker a;

    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("1")));
    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    fake_fetcher_will_say(&w->fetcher, 0, STR(RESULT("1")));
    ask_for(w, &p, &a);
    run(w);
    expect_told("its own", &a, 0);
    p.chain = BASE;
    ask_for(w, &p, &a);
    run(w);
    expect_told("of the same node", &a, AUTH_CONTRACT_UNAVAILABLE);
}

// Who asks the same.

static void the_same_is_not_asked_twice_at_once(void **state)
{
    struct world *w = *state;
    struct auth_contract_proof again = proof_of(STR("a"));
    struct asker a[3];

    again.is_again = true;
    w->fetcher.is_holding = true;
    ask(w, STR("a"), &a[0]);
    ask(w, STR("a"), &a[1]);
    run(w);
    ask_for(w, &again, &a[2]);
    run(w);
    assert_int_equal(w->fetcher.n_fetched, 1);
    release(w, 0, YES);
    for (size_t i = 0; i < COUNT_OF(a); i++)
        expect_told("both tabs", &a[i], 0);
    assert_true(auth_contracts_is_idle(w->contracts));
}

static void what_waits_is_shared_as_well(void **state)
{
    struct world *w = *state;
    struct asker a[AUTH_CONTRACT_UNDER_WAY_MAX];
    struct asker one;
    struct asker other;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask_number(w, i, &a[i]);
    ask(w, STR("a"), &one);
    ask(w, STR("a"), &other);
    release(w, 0, YES);
    assert_int_equal(w->fetcher.n_fetched, AUTH_CONTRACT_UNDER_WAY_MAX + 1);
    release(w, AUTH_CONTRACT_UNDER_WAY_MAX, NO);
    expect_told("one", &one, AUTH_CONTRACT_WRONG);
    expect_told("other", &other, AUTH_CONTRACT_WRONG);
    fake_fetcher_release_all(&w->fetcher);
    run(w);
}

static void so_many_may_share_one_and_one_more_not(void **state)
{
    struct world *w = *state;
    struct asker a[AUTH_CONTRACT_SHARED_MAX];
    struct asker more;

    w->fetcher.is_holding = true;
    for (size_t i = 0; i < COUNT_OF(a); i++)
        ask(w, STR("a"), &a[i]);
    ask(w, STR("a"), &more);
    run(w);
    expect_told("one more", &more, AUTH_CONTRACT_BUSY);
    assert_int_equal(w->fetcher.n_fetched, 1);
    fake_fetcher_answer(&w->fetcher, 0, AUTH_FETCH_FAILED, STR(""));
    run(w);
    for (size_t i = 0; i < COUNT_OF(a); i++)
        expect_told("each", &a[i], AUTH_CONTRACT_UNAVAILABLE);
    assert_true(auth_contracts_is_idle(w->contracts));
}

// Callbacks that go on.

struct chain {
    struct world *w;
    size_t n_left;
    size_t n; // answers
    bool asks_the_same;
};

static void ask_on(void *arg, int r)
{
    struct chain *c = arg;
    const size_t number = c->asks_the_same ? 0 : c->n_left;
    const struct auth_contract_proof p = proof_of((str){(const char *)&number, sizeof(number)});

    c->n += r == 0;
    if (c->n_left-- > 0)
        auth_contracts_check(c->w->contracts, &p, ask_on, c);
}

static void who_was_told_may_ask_again_at_once(void **state)
{
    struct world *w = *state;
    struct chain chains[AT_ONCE];

    renew_fetcher(w);
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        chains[i] = (struct chain){.w = w, .n_left = 20, .asks_the_same = i % 2 == 0};
        ask_on(&chains[i], AUTH_CONTRACT_BUSY);
    }
    run(w);
    for (size_t i = 0; i < COUNT_OF(chains); i++)
        expect_int("answers", chains[i].n > 0 && chains[i].n_left == SIZE_MAX, true);
    assert_true(auth_contracts_is_idle(w->contracts));
}

static void free_them(void *arg, int r)
{
    struct world *w = arg;

    assert_int_equal(r, 0);
    assert_true(auth_contracts_is_idle(w->contracts));
    auth_contracts_free(w->contracts);
    w->contracts = NULL;
}

static void the_last_to_be_told_may_free_them(void **state)
{
    struct world *w = *state;
    const struct auth_contract_proof p = proof_of(STR("a"));

    fake_fetcher_will_say(&w->fetcher, 0, STR(YES));
    auth_contracts_check(w->contracts, &p, free_them, w);
    run(w);
    assert_null(w->contracts);
}

static void they_are_idle_once_all_have_been_told(void **state)
{
    struct world *w = *state;
    struct asker a;
    struct asker b;

    assert_true(auth_contracts_is_idle(w->contracts));
    w->fetcher.is_holding = true;
    ask(w, STR("a"), &a);
    ask(w, STR("b"), &b);
    run(w);
    assert_false(auth_contracts_is_idle(w->contracts));
    release(w, 1, YES);
    assert_false(auth_contracts_is_idle(w->contracts));
    release(w, 0, YES);
    assert_true(auth_contracts_is_idle(w->contracts));
    ask(w, STR("a"), &a); // it is kept, but nobody has been told yet
    assert_false(auth_contracts_is_idle(w->contracts));
    run(w);
    assert_true(auth_contracts_is_idle(w->contracts));
}

#define TEST(fn)    cmocka_unit_test_setup_teardown(fn, start, stop)
#define LIMITED(fn) cmocka_unit_test_setup_teardown(fn, start_limited, stop)
#define NEW_RPC(fn) cmocka_unit_test_setup_teardown(fn, start_new, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(each_answer_means_what_it_says),
        TEST(only_what_the_chain_has_said_is_kept),
        TEST(one_that_is_too_long_is_no_answer),
        TEST(asks_the_wallet_at_the_rpc_of_its_chain),
        TEST(asks_nobody_in_particular_of_a_wallet_that_is_not_deployed),
        TEST(the_longest_signature_can_be_asked_about),
        TEST(a_chain_without_an_rpc_is_unavailable),
        TEST(the_log_names_the_chain_and_no_secret),
        TEST(what_the_chain_has_said_is_nothing_for_the_log),
        TEST(a_few_are_under_way_and_the_others_follow_in_order),
        TEST(the_next_one_is_the_one_that_waits_longest),
        TEST(one_more_than_may_wait_is_refused),
        TEST(a_busy_fetcher_holds_up_nobody),
        LIMITED(who_is_not_signed_in_has_a_rate),
        LIMITED(the_rate_is_one_for_all_chains_and_wallets),
        LIMITED(who_is_signed_in_has_none),
        TEST(nobody_has_one_where_rates_are_off),
        LIMITED(what_asks_nobody_takes_nothing_of_the_rate),
        LIMITED(one_that_has_no_place_takes_nothing_of_it),
        TEST(an_answer_is_good_for_a_while),
        TEST(its_while_begins_when_it_has_come),
        TEST(all_of_a_proof_tells_it_from_others),
        TEST(with_one_more_the_oldest_is_forgotten),
        NEW_RPC(an_rpc_says_first_of_which_chain_it_is),
        NEW_RPC(one_that_does_not_say_so_is_asked_nothing_else),
        NEW_RPC(the_rpc_of_one_chain_does_not_speak_for_another),
        TEST(the_same_is_not_asked_twice_at_once),
        TEST(what_waits_is_shared_as_well),
        TEST(so_many_may_share_one_and_one_more_not),
        TEST(who_was_told_may_ask_again_at_once),
        TEST(the_last_to_be_told_may_free_them),
        TEST(they_are_idle_once_all_have_been_told),
    };
    return cmocka_run_group_tests_name("auth/contracts", tests, NULL, NULL);
}
