/** What every backend of chat/uploads.h must do: one suite, run on each. */
#include "support/aborts.h"
#include "support/uploads_world.h"

/** On disk all that was answered is still there when it is opened again. */
static void reopen(struct store_world *w)
{
    if (w->backend == BACKEND_MEM)
        return;
    store_world_close(w);
    store_world_open(w);
}

// Announcing.

static void all_that_is_announced_is_kept(void **state)
{
    struct store_world *w = *state;
    struct uploads_create c = create_of('a', "u1");

    ask_upload_create(w, &c, 0, "");
    c = create_of('s', "u2"); // of another namespace: its accounts are longer
    c.upload.size = INT64_MAX;
    c.quota_bytes = INT64_MAX;
    c.upload.has_sha256 = true;
    memset(c.upload.sha256, 'h', CHAT_SHA256_SIZE);
    ask_upload_create(w, &c, 0, "");
    reopen(w);
    w->in_full = true;
    is_found(w, "u1", "a/u1 pending image/png cat.png 4096 ");
    is_found(w, "u2",
             "s/u2 pending image/png cat.png 9223372036854775807 "
             "hhhhhhhhhhhhhhhhhhhhhhhhhhhhhhhh");
    assert_int_equal(w->store->counters.queued, 0);
}

static char longest[CHAT_FILE_NAME_MAX]; // 'n's

#define LONGEST(n)                                                                             \
    {                                                                                          \
        longest, n                                                                             \
    }

struct strings {
    str id;
    str name;
    str mime;
};

static void expect_strings(struct store_world *w, const struct strings *want)
{
    const str parts[] = {STR("a/"), want->id,   STR(" pending "), want->mime,
                         STR(" "),  want->name, STR(" 4096 ")};
    struct buf text;
    int r = 0;

    buf_init(&text, PLENTY);
    for (unsigned i = 0; i < COUNT_OF(parts); i++)
        r |= buf_add(&text, parts[i]);
    assert_int_equal(r, 0);
    struct store_answer a;
    answer_init(&a, w);
    uploads_find(uploads_of(w), want->id, on_found, &a);
    answer_await(&a);
    expect_str("found", buf_str(&a.text), buf_str(&text));
    answer_fini(&a);
    buf_fini(&text);
}

static void strings_are_bytes_up_to_their_longest(void **state)
{
    struct store_world *w = *state;
    const struct strings rows[] = {
        {STR("1"), STR("n"), STR("m")},
        {LONGEST(CHAT_UPLOAD_ID_SIZE - 1), LONGEST(CHAT_FILE_NAME_MAX), LONGEST(CHAT_MIME_MAX)},
        {LONGEST(CHAT_UPLOAD_ID_SIZE - 2), LONGEST(CHAT_FILE_NAME_MAX - 1),
         LONGEST(CHAT_MIME_MAX - 1)},
        {STR("-_"), STR("Ünïcödé 日本語 😀.png"), STR("text/plain; charset=\"utf-8\"")},
        {STR("'\""), STR("'; DROP TABLE upload; --"), STR("'\"\\%_?1")},
        {STR("\0\xff"), STR("a\0b\xff\xfe"), STR("\0")},
        {STR("\0"), STR("\0"), STR("\xff")},
        {STR("Case"), STR("Case"), STR("Case")},
        {STR("case"), STR("case"), STR("case")},
    };

    memset(longest, 'n', sizeof(longest));
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct uploads_create c = create_of('a', "");
        c.upload.id = rows[i].id;
        c.upload.name = rows[i].name;
        c.upload.mime = rows[i].mime;
        ask_upload_create(w, &c, 0, "");
    }
    reopen(w);
    w->in_full = true;
    for (unsigned i = 0; i < COUNT_OF(rows); i++)
        expect_strings(w, &rows[i]);
}

static void what_was_not_announced_is_not_found(void **state)
{
    struct store_world *w = *state;
    const struct uploads_settle s = settle_of("u", UPLOAD_ACCEPTED);
    static const char *const others[] = {"", "U1", "u", "u11", "u1 ", "u1'", "u%"};

    announce(w, 'a', "u1");
    for (unsigned i = 0; i < COUNT_OF(others); i++)
        is_not_found(w, others[i]);
    memset(longest, 'n', sizeof(longest));
    ask_upload_find(w, (str){longest, sizeof(longest)}, UPLOADS_NOT_FOUND, "");
    ask_upload_find(w, (str){"u1\0", 3}, UPLOADS_NOT_FOUND, "");
    ask_upload_settle(w, &s, UPLOADS_NOT_FOUND, "");
    remove_upload(w, "u");
    is_found(w, "u1", "a/u1 pending");
}

// Settling.

static void the_first_settling_counts(void **state)
{
    struct store_world *w = *state;
    static const struct {
        const char *id;
        enum upload_state first;
        enum upload_state second;
    } rows[] = {
        {"u1", UPLOAD_ACCEPTED, UPLOAD_ACCEPTED},
        {"u2", UPLOAD_ACCEPTED, UPLOAD_REJECTED},
        {"u3", UPLOAD_REJECTED, UPLOAD_ACCEPTED},
        {"u4", UPLOAD_REJECTED, UPLOAD_REJECTED},
    };

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct uploads_settle s = settle_of(rows[i].id, rows[i].second);
        announce(w, 'a', rows[i].id);
        settle(w, rows[i].id, rows[i].first);
        s.until_ms = NOW + DAY;
        ask_upload_settle(w, &s, 0, upload_state_name(rows[i].first));
        reopen(w);
        ask_upload_settle(w, &s, 0, upload_state_name(rows[i].first));
    }
    claim(w, HOUR, "u1 u2 u3 u4"); // and the second has not changed when it ends
}

static void settling_says_when_it_ends(void **state)
{
    struct store_world *w = *state;
    struct uploads_settle s = settle_of("u1", UPLOAD_ACCEPTED);

    announce(w, 'a', "u1");
    announce(w, 'a', "u2");
    s.until_ms = NOW + DAY;
    ask_upload_settle(w, &s, 0, "accepted");
    s = settle_of("u2", UPLOAD_REJECTED);
    s.until_ms = NOW + MINUTE; // sooner than before
    ask_upload_settle(w, &s, 0, "rejected");
    claim(w, MINUTE - 1, "");
    claim(w, MINUTE, "u2");
    remove_upload(w, "u2");
    claim(w, DAY - 1, "");
    claim(w, DAY, "u1");
}

// Claiming.

static void each_ends_when_its_time_is_over(void **state)
{
    struct store_world *w = *state;

    announce(w, 'a', "u1");
    upload(w, 'a', "u2");
    announce(w, 'b', "u3");
    settle(w, "u3", UPLOAD_REJECTED);
    claim(w, HOUR - 1, "");
    is_found(w, "u1", "a/u1 pending");
    is_found(w, "u2", "a/u2 accepted");
    is_found(w, "u3", "b/u3 rejected");
    claim(w, HOUR, "u1 u2 u3");
}

static void what_is_claimed_is_as_good_as_gone(void **state)
{
    struct store_world *w = *state;
    const struct uploads_settle s = settle_of("u1", UPLOAD_ACCEPTED);

    announce(w, 'a', "u1");
    upload(w, 'a', "u2");
    claim(w, HOUR, "u1 u2");
    reopen(w);
    is_not_found(w, "u1");
    is_not_found(w, "u2");
    ask_upload_settle(w, &s, UPLOADS_NOT_FOUND, "");
    send_upload(w, 'a', "1", "u1", STORE_NO_UPLOAD);
    send_upload(w, 'a', "2", "u2", STORE_NO_UPLOAD);
}

static void the_first_to_end_is_the_first_to_be_claimed(void **state)
{
    struct store_world *w = *state;
    static const struct {
        const char *id;
        int64_t after_ms;
    } rows[] = {{"c", 2}, {"b", 2}, {"z", 1}, {"a", 3}, {"B", 2}, {"b1", 2}, {"y", 9}};

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        struct uploads_create c = create_of('a', rows[i].id);
        c.until_ms = NOW + rows[i].after_ms;
        ask_upload_create(w, &c, 0, "");
    }
    claim(w, 3, "z B b b1 c a");
    claim(w, 8, "");
    claim(w, 9, "y");
}

static void claims_are_paged(void **state)
{
    struct store_world *w = *state;
    struct uploads_claim c = claim_at(HOUR);
    char want[8 * (UPLOADS_CLAIM_MAX + 6)] = "";
    size_t n = 0;

    for (unsigned i = 0; i < UPLOADS_CLAIM_MAX + 6; i++) {
        char id[16];
        snprintf(id, sizeof(id), "u%03u", i);
        announce(w, 'a', id);
        if (i >= 5 && i < UPLOADS_CLAIM_MAX + 5)
            n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%s", i > 5 ? " " : "", id);
    }
    c.max = 1;
    ask_upload_claim(w, &c, 0, "u000");
    c.max = 4;
    ask_upload_claim(w, &c, 0, "u001 u002 u003 u004");
    c.max = UPLOADS_CLAIM_MAX;
    ask_upload_claim(w, &c, 0, want);
    ask_upload_claim(w, &c, 0, "u069");
    ask_upload_claim(w, &c, 0, "");
}

static void what_is_not_removed_is_claimed_again(void **state)
{
    struct store_world *w = *state;

    upload(w, 'a', "u1");
    upload(w, 'a', "u2");
    claim(w, HOUR, "u1 u2"); // until a minute later
    remove_upload(w, "u1");
    claim(w, HOUR + MINUTE - 1, "");
    reopen(w);
    claim(w, HOUR + MINUTE, "u2");
    claim(w, HOUR + 2 * MINUTE - 1, "");
    claim(w, HOUR + 2 * MINUTE, "u2");
    remove_upload(w, "u2");
    claim(w, DAY, "");
}

static void removes_what_was_claimed_and_nothing_else(void **state)
{
    struct store_world *w = *state;
    const uint64_t before = w->store->counters.commits;

    announce(w, 'a', "u1");
    upload(w, 'a', "u2");
    announce(w, 'a', "u3");
    settle(w, "u3", UPLOAD_REJECTED);
    remove_upload(w, "u1");
    remove_upload(w, "u2");
    remove_upload(w, "u3");
    is_found(w, "u1", "a/u1 pending");
    is_found(w, "u2", "a/u2 accepted");
    is_found(w, "u3", "a/u3 rejected");
    claim(w, HOUR, "u1 u2 u3");
    remove_upload(w, "u2");
    remove_upload(w, "u2"); // idempotent
    reopen(w);
    remove_upload(w, "u2");
    claim(w, DAY, "u1 u3");
    assert_true(w->store->counters.commits > before);
}

// Order.

enum step {
    ANNOUNCE,
    SEND_PENDING,
    SETTLE,
    SETTLE_AGAIN,
    SEND,
    SEND_AGAIN,
    CLAIM,
    ANNOUNCE_OTHER,
    CLAIM_OTHER,
    SETTLE_OTHER,
    REMOVE,
    ANNOUNCE_OVER,
    N_STEPS,
};

/** What each step is answered with, and the text of that. */
static const struct {
    int r;
    const char *text;
} wanted[N_STEPS] = {
    [SEND_PENDING] = {STORE_NO_UPLOAD, ""},
    [SETTLE] = {0, "accepted"},
    [SETTLE_AGAIN] = {0, "accepted"},
    [SETTLE_OTHER] = {UPLOADS_NOT_FOUND, ""},
};

struct in_order {
    struct store_answer base;
    unsigned *n;
    unsigned number;
    char id[16];
    char other[16];
    char key[16];
};

static void expect_next(void *arg)
{
    struct in_order *o = arg;

    expect_int("order of answers", *o->n, o->number);
    (*o->n)++;
}

static void on_ordered_created(void *arg, int r, int64_t retry_after_ms)
{
    on_created(arg, r, retry_after_ms);
    expect_next(arg);
}

static void on_ordered_settled(void *arg, int r, enum upload_state state)
{
    on_settled(arg, r, state);
    expect_next(arg);
}

static void on_ordered_claimed(void *arg, int r, const str *ids, size_t n)
{
    const struct in_order *o = arg;

    on_claimed(arg, r, ids, n);
    if (o->number % N_STEPS == CLAIM_OTHER) {
        expect_str("claimed", n == 1 ? ids[0] : (str){0}, str_of(o->other));
    } else {
        expect_int("claimed", n, 0);
    }
    expect_next(arg);
}

static void on_ordered_removed(void *arg, int r)
{
    on_removed(arg, r);
    expect_next(arg);
}

static void on_ordered_append(void *arg, int r, const struct store_appended *a)
{
    struct store_answer *answer = answer_begin(arg, r);

    answer->is_duplicate = a && a->is_duplicate;
    expect_next(arg);
}

static void call_create(struct store_world *w, struct in_order *o, const char *id,
                        int64_t until_ms)
{
    struct uploads_create c = create_of('a', id);

    c.until_ms = until_ms;
    uploads_create(uploads_of(w), &c, on_ordered_created, o);
}

static void call_settle(struct store_world *w, struct in_order *o, const char *id,
                        enum upload_state state)
{
    const struct uploads_settle s = settle_of(id, state);
    uploads_settle(uploads_of(w), &s, on_ordered_settled, o);
}

static void call_claim(struct store_world *w, struct in_order *o)
{
    struct uploads_claim c = claim_at(MINUTE);

    c.again_ms = NOW + DAY;
    uploads_claim(uploads_of(w), &c, on_ordered_claimed, o);
}

static void call_append(struct store_world *w, struct in_order *o)
{
    const struct store_append a = message_with('a', 'z', o->key, o->id);
    store_append(w->store, &a, on_ordered_append, o);
}

/** One of the calls on a pair of uploads, all of them before the first is answered. */
static void call(struct store_world *w, struct in_order *o, enum step step)
{
    switch (step) {
    case ANNOUNCE: call_create(w, o, o->id, NOW + 1); break;
    case SEND_PENDING:
    case SEND:
    case SEND_AGAIN: call_append(w, o); break;
    case SETTLE: call_settle(w, o, o->id, UPLOAD_ACCEPTED); break;
    case SETTLE_AGAIN: call_settle(w, o, o->id, UPLOAD_REJECTED); break;
    case CLAIM:
    case CLAIM_OTHER: call_claim(w, o); break;
    case ANNOUNCE_OTHER: call_create(w, o, o->other, NOW + 1); break;
    case SETTLE_OTHER: call_settle(w, o, o->other, UPLOAD_ACCEPTED); break;
    case REMOVE: uploads_remove(uploads_of(w), str_of(o->other), on_ordered_removed, o); break;
    case ANNOUNCE_OVER: call_create(w, o, o->other, NOW + HOUR); break;
    case N_STEPS: break;
    }
}

static void changes_and_messages_are_done_and_answered_in_the_order_of_calls(void **state)
{
    struct store_world *w = *state;
    struct in_order orders[30 * N_STEPS];
    unsigned n = 0;

    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        struct in_order *o = &orders[i];
        *o = (struct in_order){.n = &n, .number = i};
        answer_init(&o->base, w);
        snprintf(o->id, sizeof(o->id), "u%u", i / N_STEPS);
        snprintf(o->other, sizeof(o->other), "v%u", i / N_STEPS);
        snprintf(o->key, sizeof(o->key), "k%u", i / N_STEPS);
        call(w, o, i % N_STEPS);
        assert_int_equal(o->base.times, 0);
        if (i % 50 == 49)
            loop_run_once(w->loop);
    }
    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        struct store_answer *a = &orders[i].base;
        const unsigned step = i % N_STEPS;
        answer_await(a);
        expect_int("answer", a->r, wanted[step].r);
        expect_int("duplicate", a->is_duplicate, step == SEND_AGAIN);
        if (wanted[step].text)
            expect_str("answer", buf_str(&a->text), str_of(wanted[step].text));
        answer_fini(a);
    }
    assert_int_equal(w->store->counters.queued, 0);
    assert_int_equal(w->store->counters.appended, 30);
}

struct looks {
    struct store_answer changed;
    struct store_answer found;
};

static void look_created(void *arg, int r, int64_t retry_after_ms)
{
    struct looks *l = arg;

    on_created(&l->changed, r, retry_after_ms);
    uploads_find(uploads_of(l->changed.w), STR("u"), on_found, &l->found);
}

static void look_settled(void *arg, int r, enum upload_state state)
{
    struct looks *l = arg;

    on_settled(&l->changed, r, state);
    uploads_find(uploads_of(l->changed.w), STR("u"), on_found, &l->found);
}

static void look_claimed(void *arg, int r, const str *ids, size_t n)
{
    struct looks *l = arg;

    on_claimed(&l->changed, r, ids, n);
    uploads_find(uploads_of(l->changed.w), STR("u"), on_found, &l->found);
}

static void expect_look(struct looks *l, int r, const char *want)
{
    answer_await(&l->changed);
    answer_await(&l->found);
    assert_int_equal(l->changed.r, 0);
    assert_int_equal(l->found.r, r);
    expect_str("found", buf_str(&l->found.text), str_of(want));
    answer_fini(&l->changed);
    answer_fini(&l->found);
    answer_init(&l->changed, l->changed.w);
    answer_init(&l->found, l->changed.w);
}

static void a_find_in_a_callback_sees_what_that_answered(void **state)
{
    struct store_world *w = *state;
    const struct uploads_create c = create_of('a', "u");
    const struct uploads_settle s = settle_of("u", UPLOAD_ACCEPTED);
    const struct uploads_claim over = claim_at(HOUR);
    struct looks l;

    answer_init(&l.changed, w);
    answer_init(&l.found, w);
    for (unsigned i = 0; i < 20; i++) {
        uploads_create(uploads_of(w), &c, look_created, &l);
        expect_look(&l, 0, "a/u pending");
        uploads_settle(uploads_of(w), &s, look_settled, &l);
        expect_look(&l, 0, "a/u accepted");
        uploads_claim(uploads_of(w), &over, look_claimed, &l);
        expect_look(&l, UPLOADS_NOT_FOUND, "");
        remove_upload(w, "u");
    }
    answer_fini(&l.changed);
    answer_fini(&l.found);
}

static void arguments_are_borrowed_until_the_call_returns(void **state)
{
    struct store_world *w = *state;
    char id[] = "u1";
    char name[] = "name";
    char mime[] = "mime";
    struct store_answer a[3];
    struct uploads_create c = create_of('a', id);
    struct store_append what = message_with('a', 'z', "1", id);

    for (unsigned i = 0; i < COUNT_OF(a); i++)
        answer_init(&a[i], w);
    w->in_full = true;
    c.upload.name = str_of(name);
    c.upload.mime = str_of(mime);
    uploads_create(uploads_of(w), &c, on_created, &a[0]);
    memset(name, '!', sizeof(name) - 1);
    memset(mime, '!', sizeof(mime) - 1);
    id[1] = '!';
    memset(&c, '!', sizeof(c));
    answer_await(&a[0]);
    id[1] = '1';
    uploads_find(uploads_of(w), str_of(id), on_found, &a[1]);
    id[1] = '!';
    answer_await(&a[1]);
    expect_str("found", buf_str(&a[1].text), STR("a/u1 pending mime name 4096 "));
    settle(w, "u1", UPLOAD_ACCEPTED);
    id[1] = '1';
    store_append(w->store, &what, on_append, &a[2]);
    id[1] = '!';
    answer_await(&a[2]);
    assert_int_equal(a[2].r, 0);
    for (unsigned i = 0; i < COUNT_OF(a); i++)
        answer_fini(&a[i]);
}

// The queue.

static void more_waiting_changes_than_the_queue_holds_are_refused(void **state)
{
    struct store_world *w = *state;
    struct store_answer *answers = mem_alloc((UPLOADS_QUEUE_MAX + 4) * sizeof(*answers));
    const struct uploads_create c = create_of('a', "refused");
    const struct uploads_settle s = settle_of("u", UPLOAD_ACCEPTED);
    const struct uploads_claim over = claim_at(DAY);
    struct store_answer *last = &answers[UPLOADS_QUEUE_MAX];

    for (unsigned i = 0; i < UPLOADS_QUEUE_MAX + 4; i++)
        answer_init(&answers[i], w);
    for (unsigned i = 0; i < UPLOADS_QUEUE_MAX; i++)
        uploads_remove(uploads_of(w), STR("u"), on_removed, &answers[i]);
    uploads_create(uploads_of(w), &c, on_created, &last[0]);
    uploads_settle(uploads_of(w), &s, on_settled, &last[1]);
    uploads_claim(uploads_of(w), &over, on_claimed, &last[2]);
    uploads_remove(uploads_of(w), STR("u"), on_removed, &last[3]);
    assert_int_equal(w->store->counters.queued, UPLOADS_QUEUE_MAX + 4);
    put(w, 'a', 'b', "1", 1); // messages have a queue of their own
    for (unsigned i = 0; i < UPLOADS_QUEUE_MAX + 4; i++) {
        answer_await(&answers[i]);
        expect_int("change", answers[i].r, i < UPLOADS_QUEUE_MAX ? 0 : UPLOADS_UNAVAILABLE);
        answer_fini(&answers[i]);
    }
    free(answers);
    assert_int_equal(w->store->counters.queued, 0);
    assert_int_equal(w->store->counters.refused, 0); // it is not out of reach
    is_not_found(w, "refused");
    announce(w, 'a', "refused");
}

// Mistakes of ours.

static void create(struct store_world *w, const struct uploads_create *c)
{
    uploads_create(uploads_of(w), c, on_created, NULL);
}

static void create_without_an_id(void *arg)
{
    const struct uploads_create c = create_of('a', "");
    create(arg, &c);
}

static void create_with_too_long_an_id(void *arg)
{
    const struct uploads_create c = create_of('a', "123456789012345678901");
    create(arg, &c);
}

static void create_without_a_name(void *arg)
{
    struct uploads_create c = create_of('a', "u");
    c.upload.name = (str){0};
    create(arg, &c);
}

static void create_with_too_long_a_name(void *arg)
{
    static const char name[CHAT_FILE_NAME_MAX + 1] = "n";
    struct uploads_create c = create_of('a', "u");
    c.upload.name = (str){name, sizeof(name)};
    create(arg, &c);
}

static void create_with_too_long_a_mime(void *arg)
{
    static const char mime[CHAT_MIME_MAX + 1] = "m";
    struct uploads_create c = create_of('a', "u");
    c.upload.mime = (str){mime, sizeof(mime)};
    create(arg, &c);
}

static void create_of_nothing(void *arg)
{
    struct uploads_create c = create_of('a', "u");
    c.upload.size = 0;
    create(arg, &c);
}

static void create_without_an_end(void *arg)
{
    struct uploads_create c = create_of('a', "u");
    c.until_ms = 0;
    create(arg, &c);
}

static void settle_as_pending(void *arg)
{
    struct store_world *w = arg;
    const struct uploads_settle s = settle_of("u", UPLOAD_PENDING);
    uploads_settle(uploads_of(w), &s, on_settled, NULL);
}

static void settle_as_deleting(void *arg)
{
    struct store_world *w = arg;
    const struct uploads_settle s = settle_of("u", UPLOAD_DELETING);
    uploads_settle(uploads_of(w), &s, on_settled, NULL);
}

static void claim_none(void *arg)
{
    struct store_world *w = arg;
    struct uploads_claim c = claim_at(0);
    c.max = 0;
    uploads_claim(uploads_of(w), &c, on_claimed, NULL);
}

static void claim_too_many(void *arg)
{
    struct store_world *w = arg;
    struct uploads_claim c = claim_at(0);
    c.max = UPLOADS_CLAIM_MAX + 1;
    uploads_claim(uploads_of(w), &c, on_claimed, NULL);
}

static void claim_again_at_once(void *arg)
{
    struct store_world *w = arg;
    struct uploads_claim c = claim_at(0);
    c.again_ms = c.now_ms;
    uploads_claim(uploads_of(w), &c, on_claimed, NULL);
}

static void aborts_on_what_can_not_be_asked(void **state)
{
    static void (*const calls[])(void *) = {create_without_an_id,
                                            create_with_too_long_an_id,
                                            create_without_a_name,
                                            create_with_too_long_a_name,
                                            create_with_too_long_a_mime,
                                            create_of_nothing,
                                            create_without_an_end,
                                            settle_as_pending,
                                            settle_as_deleting,
                                            claim_none,
                                            claim_too_many,
                                            claim_again_at_once};
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
    TEST(backend, all_that_is_announced_is_kept),                                              \
        TEST(backend, strings_are_bytes_up_to_their_longest),                                  \
        TEST(backend, what_was_not_announced_is_not_found),                                    \
        TEST(backend, the_first_settling_counts), TEST(backend, settling_says_when_it_ends),   \
        TEST(backend, each_ends_when_its_time_is_over),                                        \
        TEST(backend, what_is_claimed_is_as_good_as_gone),                                     \
        TEST(backend, the_first_to_end_is_the_first_to_be_claimed),                            \
        TEST(backend, claims_are_paged), TEST(backend, what_is_not_removed_is_claimed_again),  \
        TEST(backend, removes_what_was_claimed_and_nothing_else),                              \
        TEST(backend, changes_and_messages_are_done_and_answered_in_the_order_of_calls),       \
        TEST(backend, a_find_in_a_callback_sees_what_that_answered),                           \
        TEST(backend, arguments_are_borrowed_until_the_call_returns),                          \
        TEST(backend, more_waiting_changes_than_the_queue_holds_are_refused),                  \
        TEST(backend, aborts_on_what_can_not_be_asked)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("uploads", on_postgres);
    return cmocka_run_group_tests_name("uploads", tests, NULL, NULL);
}
