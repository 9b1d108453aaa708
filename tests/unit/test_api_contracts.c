#include "support/sign_in_world.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS   INT64_C(3600000)

#define WALLET 7 // whose address the contract wallet has
#define OWNER  8 // who signs for it

static const char of_home[] = "https://one.test/v1/KEY";
static const char of_other[] = "https://other.test/KEY";

/** Contracts of the home chain and of 8453 can be asked. */
static struct api_world *start_with_chains(void **state)
{
    struct api_world *w = *state;

    w->contracts_config.n_rpcs = 2;
    w->contracts_config.rpcs[0] = (struct auth_rpc){1, str_of(of_home)};
    w->contracts_config.rpcs[1] = (struct auth_rpc){8453, str_of(of_other)};
    return start_with_site(state);
}

/** A draft of the wallet's, which names it whoever signs. */
struct named {
    struct draft draft;
    char address[AUTH_ACCOUNT_TEXT_SIZE];
    char now[32];
};

static void name_wallet(struct named *n, struct api_world *w, const char *chain)
{
    const account a = wallet_account(WALLET);
    const time_t s = (time_t)(clock_unix_ms(&w->clock) / 1000);
    struct tm utc;

    gmtime_r(&s, &utc);
    strftime(n->now, sizeof(n->now), "%Y-%m-%dT%H:%M:%SZ", &utc);
    auth_account_text(n->address, &a);
    n->draft = (struct draft){.address = n->address, .chain = chain, .issued_at = n->now};
}

/** The owner signs for the wallet. */
static void log_in_owner(struct api_world *w, struct reply *r, const char *chain)
{
    struct named n;

    name_wallet(&n, w, chain);
    log_in_with(w, r, &n.draft, OWNER);
}

static struct granted log_in_contract(struct api_world *w, const char *chain)
{
    struct reply r = {0};

    w->chain.says = CHAIN_YES;
    log_in_owner(w, &r, chain);
    const struct granted g = granted_of(&r);
    reply_fini(&r);
    return g;
}

static void expect_login(struct api_world *w, const char *chain, unsigned status,
                         const char *code)
{
    struct reply r = {0};

    log_in_owner(w, &r, chain);
    expect_reply(code, &r, status, code);
    reply_fini(&r);
}

static void expect_refresh(struct api_world *w, const char *token, unsigned status,
                           const char *code)
{
    struct reply r = {0};

    post_refresh(w, &r, token);
    expect_reply(code, &r, status, code);
    reply_fini(&r);
}

static struct granted refresh(struct api_world *w, const struct granted *g)
{
    struct reply r = {0};

    post_refresh(w, &r, g->refresh);
    const struct granted next = granted_of(&r);
    reply_fini(&r);
    return next;
}

/** What was said of a signature counts no more. */
static void forget(struct api_world *w)
{
    api_world_pass(w, AUTH_CONTRACT_KEPT_MS + 1);
}

// Signing in.

static void a_contract_signs_in_for_its_address(void **state)
{
    struct api_world *w = start_with_chains(state);
    struct named n;

    name_wallet(&n, w, "1");
    const struct granted g = log_in_contract(w, "1");
    assert_string_equal(g.account, n.address);
    assert_int_equal(w->chain.n_calls, 1);
    expect_str("asked", fake_chain_call(&w->chain, 0)->url, str_of(of_home));
    (void)join_with(w, g.access);
}

static void on_another_chain_it_is_another_account(void **state)
{
    struct api_world *w = start_with_chains(state);
    char want[AUTH_ACCOUNT_TEXT_SIZE + 16];
    struct named n;

    name_wallet(&n, w, "8453");
    const struct granted g = log_in_contract(w, "8453");
    snprintf(want, sizeof(want), "eip155:8453:%s", n.address);
    assert_string_equal(g.account, want);
    expect_str("asked", fake_chain_call(&w->chain, 0)->url, str_of(of_other));

    char packet[256];
    struct user *u = join_with(w, g.access);
    snprintf(packet, sizeof(packet),
             "[\"message.send\",{\"to\":\"%s\",\"type\":\"text\",\"content\":\"hi\","
             "\"client_msg_id\":\"a\"}]",
             n.address); // whom it would not be allowed to write to if that were itself
    expect_json(user_ask(u, packet), "status", "\"ok\"");
}

static void a_key_asks_nobody(void **state)
{
    struct api_world *w = start_with_chains(state);
    struct named n;

    for (const char *const *chain = (const char *[]){"1", "8453", NULL}; *chain; chain++) {
        struct reply r = {0};
        name_wallet(&n, w, *chain);
        log_in_with(w, &r, &n.draft, WALLET);
        const struct granted g = granted_of(&r);
        assert_string_equal(g.account, n.address);
        reply_fini(&r);
    }
    assert_int_equal(w->chain.n_calls, 0);
}

static void each_answer_of_a_chain_has_its_code(void **state)
{
    static const struct {
        const char *says;
        unsigned status;
        const char *code;
    } rows[] = {
        {CHAIN_NO, 401, "login_signature"},       {CHAIN_NO_CONTRACT, 401, "login_signature"},
        {CHAIN_REVERTED, 401, "login_signature"}, {CHAIN_BEHIND, 503, "login_unavailable"},
        {"<html>", 503, "login_unavailable"},     {NULL, 503, "login_unavailable"},
    };
    struct api_world *w = start_with_chains(state);

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        w->chain.says = rows[i].says;
        expect_login(w, "1", rows[i].status, rows[i].code);
        assert_int_equal(w->chain.n_calls, rows[i].says ? i + 1 : i);
    }
}

static void where_no_chain_can_be_asked_it_is_a_wrong_signature(void **state)
{
    struct api_world *w = *state;

    w->contracts_config.n_rpcs = 1;
    w->contracts_config.rpcs[0] = (struct auth_rpc){8453, str_of(of_other)};
    start_with_site(state);
    w->chain.says = CHAIN_YES;
    expect_login(w, "1", 401, "login_signature");
    assert_int_equal(w->chain.n_calls, 0);
}

static void no_signature_may_be_one(void **state)
{
    struct api_world *w = start_with_chains(state);
    struct reply r = {0};
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct buf message;
    struct named n;

    take_nonce(w, nonce);
    name_wallet(&n, w, "1");
    n.draft.nonce = nonce;
    buf_init(&message, SIZE_MAX / 2);
    draft_print(&message, &n.draft, WALLET);
    w->chain.says = CHAIN_YES;
    post_login(w, &r, buf_str(&message), STR("0x"));
    const struct granted g = granted_of(&r);
    assert_string_equal(g.account, n.address);
    reply_fini(&r);
    buf_fini(&message);
}

static void what_was_not_checked_may_come_again_and_what_was_may_not(void **state)
{
    struct api_world *w = start_with_chains(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct reply r = {0};
    struct named n;

    take_nonce(w, nonce);
    name_wallet(&n, w, "1");
    n.draft.nonce = nonce;
    w->chain.says = NULL;
    log_in_with(w, &r, &n.draft, OWNER);
    expect_reply("down", &r, 503, "login_unavailable");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    w->chain.says = CHAIN_YES;
    log_in_with(w, &r, &n.draft, OWNER);
    expect_reply("up", &r, 200, NULL);
    log_in_with(w, &r, &n.draft, OWNER);
    expect_reply("used", &r, 401, "login_nonce");
    reply_fini(&r);
}

static void so_many_strangers_are_asked_for(void **state)
{
    struct api_world *w = *state;

    w->contracts_config.rate_limits = true;
    w->contracts_config.sign_ins = (struct rate){2, 60, 60000};
    start_with_chains(state);
    w->chain.says = CHAIN_NO;
    expect_login(w, "1", 401, "login_signature");
    expect_login(w, "1", 401, "login_signature");
    expect_login(w, "1", 503, "busy");
    assert_int_equal(w->chain.n_calls, 2);
    api_world_pass(w, SECOND_MS);
    expect_login(w, "1", 401, "login_signature");
}

// Sessions.

static void it_is_asked_again_at_each_refresh(void **state)
{
    struct api_world *w = start_with_chains(state);
    struct granted g = log_in_contract(w, "8453");

    for (size_t i = 2; i < 6; i++) {
        forget(w);
        g = refresh(w, &g);
        assert_int_equal(w->chain.n_calls, i);
        const struct auth_fetch *first = fake_chain_call(&w->chain, 0);
        const struct auth_fetch *again = fake_chain_call(&w->chain, i - 1);
        expect_str("the same question", again->body, first->body);
        expect_str("to the same", again->url, first->url);
    }
}

static void two_tabs_ask_once(void **state)
{
    struct api_world *w = start_with_chains(state);
    const struct granted g = log_in_contract(w, "1");

    forget(w);
    const struct granted one = refresh(w, &g);
    const struct granted two = refresh(w, &g);
    assert_string_equal(one.refresh, two.refresh);
    assert_int_equal(w->chain.n_calls, 2);
}

/** Others hear of it before whoever asked is answered. */
static void on_told(void *arg, const struct auth_revocation *what)
{
    char *told = arg;

    assert_int_equal(told[0], '\0');
    str_copy(told, what->session);
}

static void a_session_that_its_contract_disowns_ends(void **state)
{
    struct api_world *w = start_with_chains(state);
    char told[AUTH_SESSION_SIZE] = {0};
    const struct granted g = log_in_contract(w, "1");
    const struct granted other = log_in_contract(w, "1"); // it is asked for itself
    struct user *u = join_with(w, g.access);

    forget(w);
    w->chain.says = CHAIN_NO;
    auth_sessions_on_ended(w->sessions, on_told, told);
    expect_refresh(w, g.refresh, 401, "token_revoked");
    assert_string_equal(told, g.session);
    expect_ended(u);
    expect_refused(w, g.access);
    w->chain.says = CHAIN_YES; // it can't be undone
    forget(w);
    expect_refresh(w, g.refresh, 401, "token_revoked");
    (void)refresh(w, &other);
}

static void a_chain_that_has_no_answer_ends_nothing(void **state)
{
    static const char *const said[] = {NULL, CHAIN_BEHIND, "nonsense"};
    struct api_world *w = start_with_chains(state);
    const struct granted g = log_in_contract(w, "1");
    struct user *u = join_with(w, g.access);

    for (size_t i = 0; i < COUNT_OF(said); i++) {
        forget(w);
        forget(w); // longer than a used token's grace
        w->chain.says = said[i];
        expect_refresh(w, g.refresh, 503, "login_unavailable");
    }
    user_expect_nothing(u);
    w->chain.says = CHAIN_YES;
    (void)refresh(w, &g);
}

static void a_stolen_token_ends_the_session_and_asks_nobody(void **state)
{
    struct api_world *w = start_with_chains(state);
    const struct granted first = log_in_contract(w, "1");
    const struct granted second = refresh(w, &first);
    const struct granted third = refresh(w, &second);

    forget(w);
    w->chain.says = NULL;
    const size_t n_asked = w->chain.n_calls;
    expect_refresh(w, first.refresh, 401, "token_revoked");
    expect_refresh(w, third.refresh, 401, "token_revoked");
    assert_int_equal(w->chain.n_calls, n_asked);
}

static void a_session_of_a_contract_lasts_a_day(void **state)
{
    struct api_world *w = start_with_chains(state);
    struct granted g = log_in_contract(w, "1");

    for (size_t i = 0; i < 23; i++) {
        api_world_pass(w, HOUR_MS);
        g = refresh(w, &g);
    }
    api_world_pass(w, HOUR_MS - 1);
    const struct granted last = refresh(w, &g);
    api_world_pass(w, 1);
    expect_refresh(w, last.refresh, 401, "token_expired");
}

static void a_session_of_a_key_lasts_as_before(void **state)
{
    struct api_world *w = start_with_chains(state);
    const struct granted g = log_in(w, WALLET);

    api_world_pass(w, 25 * HOUR_MS);
    (void)refresh(w, &g);
    assert_int_equal(w->chain.n_calls, 0);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_contract_signs_in_for_its_address),
        TEST(on_another_chain_it_is_another_account),
        TEST(a_key_asks_nobody),
        TEST(each_answer_of_a_chain_has_its_code),
        TEST(where_no_chain_can_be_asked_it_is_a_wrong_signature),
        TEST(no_signature_may_be_one),
        TEST(what_was_not_checked_may_come_again_and_what_was_may_not),
        TEST(so_many_strangers_are_asked_for),
        TEST(it_is_asked_again_at_each_refresh),
        TEST(two_tabs_ask_once),
        TEST(a_session_that_its_contract_disowns_ends),
        TEST(a_chain_that_has_no_answer_ends_nothing),
        TEST(a_stolen_token_ends_the_session_and_asks_nobody),
        TEST(a_session_of_a_contract_lasts_a_day),
        TEST(a_session_of_a_key_lasts_as_before),
    };
    return cmocka_run_group_tests_name("api_contracts", tests, NULL, NULL);
}
