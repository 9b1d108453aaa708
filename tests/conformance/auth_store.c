/** What every backend of auth/store.h must do: one suite, run on each. */
#include "support/aborts.h"
#include "support/auth_store_world.h"

/** On disk all that was answered is still there when it is opened again. */
static void reopen(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    store_world_close(w);
    store_world_open(w);
}

// Beginning.

static void begins_a_session_with_generation_1(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "laptop", "n1");

    b.now_ms = NOW + 7;
    b.expires_at_ms = NOW + DAY;
    ask_begin(w, &b, 0, "a/laptop g1 7-86400000");
    b = begin_of('s', "phone", "n2"); // of another namespace: its accounts are longer
    ask_begin(w, &b, 0, "s/phone g1 0-3600000");
    reopen(w);
    turn(w, "phone", 1, 0, 0, 2);
    expect_revoked(w, 0, "");
    assert_int_equal(w->store->counters.queued, 0);
}

static void a_nonce_is_used_once(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin again = begin_of('a', "tablet", "n");
    const struct auth_store_begin of_another = begin_of('b', "phone", "n");
    struct auth_store_begin b = begin_of('a', "laptop", "n");

    ask_begin(w, &b, 0, NULL);
    ask_begin(w, &again, AUTH_STORE_NONCE_USED, "");
    ask_begin(w, &of_another, AUTH_STORE_NONCE_USED, "");
    reopen(w);
    ask_begin(w, &again, AUTH_STORE_NONCE_USED, "");
    turn(w, "tablet", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "phone", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "laptop", 1, 0, 0, 2);
}

static void a_nonce_may_come_again_when_it_is_over(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "s1", "n");

    b.nonce_until_ms = NOW + 10;
    ask_begin(w, &b, 0, NULL);
    b.session = STR("s2");
    b.now_ms = NOW + 9;
    b.nonce_until_ms = NOW + 20;
    ask_begin(w, &b, AUTH_STORE_NONCE_USED, "");
    b.now_ms = NOW + 10;
    ask_begin(w, &b, 0, "a/s2 g1 10-3600000");
    b.session = STR("s3");
    b.now_ms = NOW + 19; // it is held anew
    ask_begin(w, &b, AUTH_STORE_NONCE_USED, "");
    b.now_ms = NOW + 20;
    ask_begin(w, &b, 0, "a/s3 g1 20-3600000");
}

static void nonces_and_names_are_bytes_up_to_their_longest(void **state)
{
    struct store_world *w = *state;
    char nonce[AUTH_NONCE_MAX];
    char name[AUTH_SESSION_SIZE] = "";
    char want[128];
    struct auth_store_begin b = begin_of('a', "s1", "");

    memset(nonce, '\0', sizeof(nonce));
    b.nonce = (str){nonce, sizeof(nonce)};
    ask_begin(w, &b, 0, NULL);
    memset(name, 'x', sizeof(name) - 1);
    b.session = str_of(name);
    ask_begin(w, &b, AUTH_STORE_NONCE_USED, "");
    b.nonce.len--; // another one
    snprintf(want, sizeof(want), "a/%s g1 0-3600000", name);
    ask_begin(w, &b, 0, want);
    b.nonce = (str){"\xff", 1};
    b.session = STR("X"); // case counts
    ask_begin(w, &b, 0, "a/X g1 0-3600000");
    turn(w, "x", 1, 0, AUTH_STORE_NO_SESSION, 0);
    const struct auth_store_end longest = end_of(name);
    ask_end(w, &longest, 0, "1");
    snprintf(want, sizeof(want), "%s@1~3600000", name);
    expect_revoked(w, 0, want);
}

static void begin_so_many(struct store_world *w, char letter, unsigned first, unsigned n)
{
    for (unsigned i = first; i < first + n; i++) {
        char name[16];
        char want[64];
        snprintf(name, sizeof(name), "%c%u", letter, i);
        struct auth_store_begin b = begin_of(letter, name, name);
        b.now_ms = NOW + i;
        snprintf(want, sizeof(want), "%c/%s g1 %u-3600000", letter, name, i);
        ask_begin(w, &b, 0, want);
    }
}

static void one_session_too_many_ends_the_one_refreshed_longest_ago(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "a100", "a100");

    begin_so_many(w, 'b', 0, 1);
    begin_so_many(w, 'a', 0, AUTH_SESSIONS_MAX);
    reopen(w);
    const struct auth_store_refresh r = refresh_of("a0", 1, MINUTE);
    ask_refresh(w, &r, 0, "a/a0 g2 0-3600000");
    b.now_ms = NOW + HOUR - 1;
    b.expires_at_ms = NOW + DAY;
    b.revoked_until_ms = NOW + 2 * HOUR;
    ask_begin(w, &b, 0, "a/a100 g1 3599999-86400000 -a1");
    turn(w, "a1", 1, 0, AUTH_STORE_NO_SESSION, 0);
    expect_revoked(w, 0, "a1@1~7200000");
    turn(w, "b0", 1, 0, 0, 2); // another account's is older

    b.session = b.nonce = STR("a101");
    ask_begin(w, &b, 0, "a/a101 g1 3599999-86400000 -a2");
    expect_revoked(w, 0, "a1@1~7200000 a2@2~7200000");
}

static void the_first_of_those_refreshed_at_once_ends(void **state)
{
    struct store_world *w = *state;
    char name[16];

    for (unsigned i = 0; i < AUTH_SESSIONS_MAX; i++) {
        snprintf(name, sizeof(name), "s%u", AUTH_SESSIONS_MAX - i);
        sign_in(w, 'a', name);
    }
    const struct auth_store_begin b = begin_of('a', "more", "more");
    ask_begin(w, &b, 0, "a/more g1 0-3600000 -s100");
}

static void only_live_sessions_count(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin b = begin_of('a', "next", "next");

    begin_so_many(w, 'a', 0, AUTH_SESSIONS_MAX);
    b.now_ms = NOW + HOUR;
    b.expires_at_ms = NOW + DAY;
    ask_begin(w, &b, 0, "a/next g1 3600000-86400000");
    const struct auth_store_end all = {
        .account = who('a'), .now_ms = NOW + HOUR, .until_ms = NOW + DAY};
    ask_end(w, &all, 0, "1");
    expect_revoked(w, 0, "a@1<3600000~86400000");
}

static void a_refused_beginning_ends_nothing(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin b = begin_of('a', "more", "a5");

    begin_so_many(w, 'a', 0, AUTH_SESSIONS_MAX);
    ask_begin(w, &b, AUTH_STORE_NONCE_USED, "");
    expect_revoked(w, 0, "");
    const struct auth_store_end all = end_all_of('a');
    ask_end(w, &all, 0, "100");
}

// Refreshing.

static void each_use_makes_the_next_generation(void **state)
{
    struct store_world *w = *state;

    sign_in(w, 'a', "s");
    for (uint32_t g = 1; g <= 5; g++)
        turn(w, "s", g, g * MINUTE, 0, g + 1);
    reopen(w);
    turn(w, "s", 6, 6 * MINUTE, 0, 7);
    expect_revoked(w, 0, "");
}

/** Of a session in generation 3: 1 was used after 1 minute, 2 after 2 minutes. */
struct turn {
    const char *name;
    uint32_t generation;
    int64_t after_ms;
    int r;
    uint32_t next; // that it is answered with
    uint32_t then; // that the session has; 0: it is gone
};

static const struct turn turns[] = {
    {"current", 3, 3 * MINUTE, 0, 4, 4},
    {"current, long after", 3, HOUR - 1, 0, 4, 4},
    {"current, when it is over", 3, HOUR, AUTH_STORE_NO_SESSION, 0, 3},
    {"current, the clock set back", 3, -DAY, 0, 4, 4},
    {"last, at once", 2, 2 * MINUTE, 0, 3, 3},
    {"last, at the end of the grace", 2, 3 * MINUTE, 0, 3, 3},
    {"last, after the grace", 2, 3 * MINUTE + 1, AUTH_STORE_LATE, 0, 3},
    {"last, when it is over", 2, HOUR, AUTH_STORE_NO_SESSION, 0, 3},
    {"last, the clock set back", 2, 0, 0, 3, 3},
    {"older", 1, 2 * MINUTE, AUTH_STORE_REUSED, 0, 0},
    {"older, when it is over", 1, HOUR, AUTH_STORE_NO_SESSION, 0, 3},
    {"later", 4, 2 * MINUTE, AUTH_STORE_NO_SESSION, 0, 3},
    {"latest", UINT32_MAX, 2 * MINUTE, AUTH_STORE_NO_SESSION, 0, 3},
    {"none", 0, 2 * MINUTE, AUTH_STORE_NO_SESSION, 0, 3},
};

static void a_token_is_judged_by_its_generation_and_time(void **state)
{
    struct store_world *w = *state;

    for (size_t i = 0; i < COUNT_OF(turns); i++) {
        const struct turn *t = &turns[i];
        sign_in(w, 'a', t->name);
        turn(w, t->name, 1, MINUTE, 0, 2);
        turn(w, t->name, 2, 2 * MINUTE, 0, 3);
        turn(w, t->name, t->generation, t->after_ms, t->r, t->next);
        reopen(w);
        if (t->then == 0) {
            turn(w, t->name, 3, 2 * MINUTE, AUTH_STORE_NO_SESSION, 0);
        } else {
            turn(w, t->name, t->then, 3 * MINUTE, 0, t->then + 1);
        }
    }
    expect_revoked(w, 0, "older@1~3600000");
}

static void the_grace_begins_with_the_first_use(void **state)
{
    struct store_world *w = *state;

    sign_in(w, 'a', "s");
    turn(w, "s", 1, 0, 0, 2);
    turn(w, "s", 1, MINUTE, 0, 2); // again
    turn(w, "s", 1, MINUTE + 1, AUTH_STORE_LATE, 0);
    turn(w, "s", 1, MINUTE + 2, AUTH_STORE_LATE, 0); // late is not reused
    turn(w, "s", 2, 2 * MINUTE, 0, 3);
    turn(w, "s", 2, 3 * MINUTE, 0, 3);
}

static void a_first_generation_has_none_before_it(void **state)
{
    struct store_world *w = *state;

    sign_in(w, 'a', "s");
    turn(w, "s", 0, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s", 2, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "nobody", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s", 1, 0, 0, 2);
}

static void a_reused_token_ends_its_session_alone(void **state)
{
    struct store_world *w = *state;
    struct auth_store_refresh r = refresh_of("s1", 1, MINUTE);

    sign_in(w, 'a', "s1");
    sign_in(w, 'a', "s2");
    turn(w, "s1", 1, 0, 0, 2);
    turn(w, "s1", 2, 0, 0, 3);
    r.revoked_until_ms = NOW + 5 * MINUTE;
    ask_refresh(w, &r, AUTH_STORE_REUSED, "");
    reopen(w);
    ask_refresh(w, &r, AUTH_STORE_NO_SESSION, "");
    turn(w, "s1", 3, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s2", 1, 0, 0, 2);
    expect_revoked(w, 0, "s1@1~300000");
}

// Ending.

static void ends_a_session_by_its_name(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_end e = end_of("s1");

    sign_in(w, 'a', "s1");
    sign_in(w, 'a', "s2");
    ask_end(w, &e, 0, "1");
    reopen(w);
    turn(w, "s1", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s2", 1, 0, 0, 2);
    expect_revoked(w, 0, "s1@1~3600000");
    ask_end(w, &e, 0, "0"); // it is remembered anew
    expect_revoked(w, 0, "s1@2~3600000");
}

static void ends_all_sessions_of_an_account(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end e = end_all_of('a');

    sign_in(w, 'a', "s1");
    sign_in(w, 'A', "s2"); // the same address on another chain
    sign_in(w, 'a', "s3");
    sign_in(w, 's', "s4");
    e.now_ms = NOW + 5;
    ask_end(w, &e, 0, "2");
    reopen(w);
    turn(w, "s1", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s3", 1, 0, AUTH_STORE_NO_SESSION, 0);
    turn(w, "s2", 1, 0, 0, 2);
    turn(w, "s4", 1, 0, 0, 2);
    expect_revoked(w, 0, "a@1<5~3600000");
    sign_in(w, 'a', "s5");
    turn(w, "s5", 1, 0, 0, 2);
}

static void remembers_what_has_no_session_in_here(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_end one = end_of("of-another-issuer");
    const struct auth_store_end all = end_all_of('b');

    ask_end(w, &one, 0, "0");
    ask_end(w, &all, 0, "0");
    reopen(w);
    expect_revoked(w, 0, "of-another-issuer@1~3600000 b@2<0~3600000");
}

static void a_session_that_is_over_does_not_end_again(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end e = end_of("s1");

    sign_in(w, 'a', "s1");
    sign_in(w, 'a', "s2");
    e.now_ms = NOW + HOUR;
    e.until_ms = NOW + DAY;
    ask_end(w, &e, 0, "0");
    turn(w, "s1", 1, 0, AUTH_STORE_NO_SESSION, 0); // not even with the clock set back
    e = end_all_of('a');
    e.now_ms = NOW + HOUR;
    ask_end(w, &e, 0, "0");
    turn(w, "s2", 1, 0, AUTH_STORE_NO_SESSION, 0);
}

// Revocations.

static void a_revocation_never_says_less_than_before(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end one = end_of("s");
    struct auth_store_end all = end_all_of('a');

    ask_end(w, &one, 0, "0");
    one.until_ms = NOW + MINUTE;
    ask_end(w, &one, 0, "0");
    expect_revoked(w, 0, "s@2~3600000");
    one.until_ms = NOW + DAY;
    ask_end(w, &one, 0, "0");
    expect_revoked(w, 0, "s@3~86400000");

    all.now_ms = NOW + SECOND;
    ask_end(w, &all, 0, "0");
    all.now_ms = NOW - DAY; // the clock was set back
    all.until_ms = NOW + MINUTE;
    ask_end(w, &all, 0, "0");
    expect_revoked(w, 0, "s@3~86400000 a@5<1000~3600000");
    all.now_ms = NOW + MINUTE;
    all.until_ms = NOW + DAY;
    ask_end(w, &all, 0, "0");
    reopen(w);
    expect_revoked(w, 0, "s@3~86400000 a@6<60000~86400000");
}

static void what_is_over_is_in_no_page(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end e = end_of("s1");

    ask_end(w, &e, 0, "0");
    e.session = STR("s2");
    e.until_ms = NOW + MINUTE;
    ask_end(w, &e, 0, "0");
    e.session = STR("s3");
    e.until_ms = NOW;
    ask_end(w, &e, 0, "0");
    expect_revoked(w, 0, "s1@1~3600000 s2@2~60000");
    expect_revoked(w, MINUTE - 1, "s1@1~3600000 s2@2~60000");
    expect_revoked(w, MINUTE, "s1@1~3600000");
    expect_revoked(w, HOUR, "");
}

static void revocations_are_paged_by_position(void **state)
{
    struct store_world *w = *state;
    struct auth_store_revocations r = {.now_ms = NOW, .max_revocations = 2};
    struct auth_store_end e = end_of("s1");

    ask_revocations(w, &r, 0, "");
    for (const char *name = "12345"; *name; name++) {
        e.session = (str){name, 1};
        e.until_ms = NOW + (*name == '3' ? 1 : HOUR);
        ask_end(w, &e, 0, "0");
    }
    e.session = STR("1");
    ask_end(w, &e, 0, "0");
    r.after = ask_revocations(w, &r, 0, "2@2~3600000 3@3~1 more").position;
    r.after = ask_revocations(w, &r, 0, "4@4~3600000 5@5~3600000 more").position;
    r.after = ask_revocations(w, &r, 0, "1@6~3600000").position;
    ask_revocations(w, &r, 0, "");
    r = (struct auth_store_revocations){.now_ms = NOW + 1, .max_revocations = 4};
    ask_revocations(w, &r, 0, "2@2~3600000 4@4~3600000 5@5~3600000 1@6~3600000");
    r.after = 2;
    ask_revocations(w, &r, 0, "4@4~3600000 5@5~3600000 1@6~3600000");
    r.max_revocations = 1;
    ask_revocations(w, &r, 0, "4@4~3600000 more");
    r.after = 5;
    ask_revocations(w, &r, 0, "1@6~3600000"); // just full
}

static void a_position_is_never_given_again(void **state)
{
    struct store_world *w = *state;
    struct auth_store_end e = end_of("s1");

    e.until_ms = NOW - DAY; // over before it is made
    ask_end(w, &e, 0, "0");
    e = end_of("s2");
    ask_end(w, &e, 0, "0");
    reopen(w);
    e = end_of("s3");
    ask_end(w, &e, 0, "0");
    expect_revoked(w, 0, "s2@2~3600000 s3@3~3600000");
}

// Order.

struct in_order {
    struct auth_answer base;
    unsigned *n;
    unsigned number;
};

static void expect_next(struct in_order *o)
{
    expect_int("order of answers", *o->n, o->number);
    (*o->n)++;
}

static void on_ordered_begun(void *arg, int r, const struct auth_store_begun *b)
{
    on_begun(arg, r, b);
    expect_next(arg);
}

static void on_ordered_refreshed(void *arg, int r, const struct auth_session *s)
{
    on_refreshed(arg, r, s);
    expect_next(arg);
}

static void on_ordered_ended(void *arg, int r, size_t n)
{
    on_ended(arg, r, n);
    expect_next(arg);
}

static void on_ordered_append(void *arg, int r, const struct store_appended *a)
{
    auth_answered(arg, r, a);
    expect_next(arg);
}

/** One of the eight calls on a session, all of them before the first is answered. */
static void call(struct store_world *w, struct in_order *o, unsigned step, const char *name)
{
    const struct auth_store_begin b = begin_of('a', name, name);
    const struct auth_store_refresh first = refresh_of(name, 1, 0);
    const struct auth_store_refresh second = refresh_of(name, 2, 0);
    const struct auth_store_end e = end_of(name);
    const struct store_append m = message('a', 'b', name, name);

    switch (step) {
    case 0:
    case 1: auth_store_begin(auth_of(w), &b, on_ordered_begun, o); break;
    case 3: auth_store_refresh(auth_of(w), &second, on_ordered_refreshed, o); break;
    case 4: store_append(w->store, &m, on_ordered_append, o); break;
    case 6: auth_store_end(auth_of(w), &e, on_ordered_ended, o); break;
    default: auth_store_refresh(auth_of(w), &first, on_ordered_refreshed, o); break;
    }
}

static void changes_and_messages_are_done_and_answered_in_the_order_of_calls(void **state)
{
    struct store_world *w = *state;
    static const int want[] = {0, AUTH_STORE_NONCE_USED, 0, 0,
                               0, AUTH_STORE_REUSED,     0, AUTH_STORE_NO_SESSION};
    struct in_order orders[40 * COUNT_OF(want)];
    unsigned n = 0;

    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        char name[16];
        snprintf(name, sizeof(name), "s%zu", i / COUNT_OF(want));
        orders[i] = (struct in_order){.n = &n, .number = i};
        auth_answer_init(&orders[i].base, w);
        call(w, &orders[i], i % COUNT_OF(want), name);
        assert_int_equal(orders[i].base.times, 0);
        if (i % 50 == 49)
            loop_run_once(w->loop);
    }
    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        auth_answer_await(&orders[i].base);
        expect_int("answer", orders[i].base.r, want[i % COUNT_OF(want)]);
        auth_answer_fini(&orders[i].base);
    }
    assert_int_equal(w->store->counters.queued, 0);
    assert_int_equal(w->store->counters.appended, 40);
    assert_int_equal(w->store->counters.refused, 0);
}

struct looks {
    struct auth_answer ended;
    struct auth_answer page;
};

static void look(void *arg, int r, size_t n)
{
    struct looks *l = arg;
    const struct auth_store_revocations all = {.now_ms = NOW, .max_revocations = 1};

    on_ended(&l->ended, r, n);
    auth_store_revocations(auth_of(l->ended.w), &all, on_revocations, &l->page);
}

static void a_page_in_a_callback_sees_what_that_answered(void **state)
{
    struct store_world *w = *state;

    for (unsigned i = 1; i <= 50; i++) {
        const struct auth_store_end e = end_of("s");
        struct looks l;
        char want[32];
        auth_answer_init(&l.ended, w);
        auth_answer_init(&l.page, w);
        auth_store_end(auth_of(w), &e, look, &l);
        auth_answer_await(&l.ended);
        auth_answer_await(&l.page);
        snprintf(want, sizeof(want), "s@%u~3600000", i);
        expect_str("page", buf_str(&l.page.text), str_of(want));
        auth_answer_fini(&l.ended);
        auth_answer_fini(&l.page);
    }
}

static void arguments_are_borrowed_until_the_call_returns(void **state)
{
    struct store_world *w = *state;
    char name[] = "name";
    char nonce[] = "nonce";
    const struct auth_store_begin b = begin_of('a', name, nonce);
    const struct auth_store_begin same = begin_of('a', "s", "nonce");
    struct auth_answer a;

    auth_answer_init(&a, w);
    auth_store_begin(auth_of(w), &b, on_begun, &a);
    memset(name, '!', sizeof(name) - 1);
    memset(nonce, '!', sizeof(nonce) - 1);
    auth_answer_await(&a);
    expect_str("begun", buf_str(&a.text), STR("a/name g1 0-3600000"));
    auth_answer_fini(&a);
    ask_begin(w, &same, AUTH_STORE_NONCE_USED, "");
}

// The queue.

static void more_waiting_changes_than_the_queue_holds_are_refused(void **state)
{
    struct store_world *w = *state;
    struct auth_answer *answers = mem_alloc((AUTH_STORE_QUEUE_MAX + 2) * sizeof(*answers));

    for (unsigned i = 0; i < AUTH_STORE_QUEUE_MAX + 2; i++) {
        const struct auth_store_end e = end_of(i < AUTH_STORE_QUEUE_MAX ? "s" : "refused");
        auth_answer_init(&answers[i], w);
        auth_store_end(auth_of(w), &e, on_ended, &answers[i]);
        assert_int_equal(answers[i].times, 0);
    }
    assert_int_equal(w->store->counters.queued, AUTH_STORE_QUEUE_MAX + 2);
    put(w, 'a', 'b', "1", 1); // messages have a queue of their own
    for (unsigned i = 0; i < AUTH_STORE_QUEUE_MAX + 2; i++) {
        auth_answer_await(&answers[i]);
        expect_int("end", answers[i].r, i < AUTH_STORE_QUEUE_MAX ? 0 : AUTH_STORE_UNAVAILABLE);
        auth_answer_fini(&answers[i]);
    }
    free(answers);
    assert_int_equal(w->store->counters.queued, 0);
    assert_int_equal(w->store->counters.refused, 0); // it is not out of reach
    expect_revoked(w, 0, "s@1024~3600000");
    sign_in(w, 'a', "later");
}

// Mistakes of ours.

static void begin_without_a_nonce(void *arg)
{
    struct store_world *w = arg;
    const struct auth_store_begin b = begin_of('a', "s", "");
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void begin_without_a_name(void *arg)
{
    struct store_world *w = arg;
    const struct auth_store_begin b = begin_of('a', "", "n");
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void begin_with_too_long_a_nonce(void *arg)
{
    struct store_world *w = arg;
    static const char nonce[AUTH_NONCE_MAX + 1] = "n";
    struct auth_store_begin b = begin_of('a', "s", "");
    b.nonce = (str){nonce, sizeof(nonce)};
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void begin_with_too_long_a_name(void *arg)
{
    struct store_world *w = arg;
    static const char name[AUTH_SESSION_SIZE] = "s";
    struct auth_store_begin b = begin_of('a', "", "n");
    b.session = (str){name, sizeof(name)};
    auth_store_begin(auth_of(w), &b, on_begun, NULL);
}

static void end_nobody(void *arg)
{
    struct store_world *w = arg;
    const struct auth_store_end e = end_of("");
    auth_store_end(auth_of(w), &e, on_ended, NULL);
}

static void ask_for_an_empty_page(void *arg)
{
    struct store_world *w = arg;
    const struct auth_store_revocations r = {.now_ms = NOW};
    auth_store_revocations(auth_of(w), &r, on_revocations, NULL);
}

static void aborts_on_what_can_not_be_asked(void **state)
{
    static void (*const calls[])(void *) = {
        begin_without_a_nonce,      begin_without_a_name, begin_with_too_long_a_nonce,
        begin_with_too_long_a_name, end_nobody,           ask_for_an_empty_page};
    char text[1024];

    for (unsigned i = 0; i < COUNT_OF(calls); i++)
        assert_true(aborts(calls[i], *state, text, sizeof(text)));
}

// The suite.

static int setup_mem(void **state)
{
    *state = store_world_new(BACKEND_MEM);
    return 0;
}

static int setup_sqlite(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int setup_postgres(void **state)
{
    *state = store_world_new(BACKEND_POSTGRES);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

#define TEST(backend, test)                                                                    \
    {                                                                                          \
        #backend ": " #test, test, setup_##backend, teardown, NULL                             \
    }
#define SUITE(backend)                                                                         \
    TEST(backend, begins_a_session_with_generation_1), TEST(backend, a_nonce_is_used_once),    \
        TEST(backend, a_nonce_may_come_again_when_it_is_over),                                 \
        TEST(backend, nonces_and_names_are_bytes_up_to_their_longest),                         \
        TEST(backend, one_session_too_many_ends_the_one_refreshed_longest_ago),                \
        TEST(backend, the_first_of_those_refreshed_at_once_ends),                              \
        TEST(backend, only_live_sessions_count),                                               \
        TEST(backend, a_refused_beginning_ends_nothing),                                       \
        TEST(backend, each_use_makes_the_next_generation),                                     \
        TEST(backend, a_token_is_judged_by_its_generation_and_time),                           \
        TEST(backend, the_grace_begins_with_the_first_use),                                    \
        TEST(backend, a_first_generation_has_none_before_it),                                  \
        TEST(backend, a_reused_token_ends_its_session_alone),                                  \
        TEST(backend, ends_a_session_by_its_name),                                             \
        TEST(backend, ends_all_sessions_of_an_account),                                        \
        TEST(backend, remembers_what_has_no_session_in_here),                                  \
        TEST(backend, a_session_that_is_over_does_not_end_again),                              \
        TEST(backend, a_revocation_never_says_less_than_before),                               \
        TEST(backend, what_is_over_is_in_no_page),                                             \
        TEST(backend, revocations_are_paged_by_position),                                      \
        TEST(backend, a_position_is_never_given_again),                                        \
        TEST(backend, changes_and_messages_are_done_and_answered_in_the_order_of_calls),       \
        TEST(backend, a_page_in_a_callback_sees_what_that_answered),                           \
        TEST(backend, arguments_are_borrowed_until_the_call_returns),                          \
        TEST(backend, more_waiting_changes_than_the_queue_holds_are_refused),                  \
        TEST(backend, aborts_on_what_can_not_be_asked)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("auth_store", on_postgres);
    return cmocka_run_group_tests_name("auth_store", tests, NULL, NULL);
}
