/** Texts and files in any order, and what becomes of their checks by chance: the order holds.
 */
#include "support/file_world.h"
#include "support/seeded.h"

#define RUN_DEVICES  3
#define RUN_SENDS    150
#define RUN_FILES    40
#define RUN_TEXT_MAX 20

struct run {
    struct chat_world *w;
    struct seeded chance;
    struct device devices[RUN_DEVICES]; // of wallet 1
    unsigned session[RUN_DEVICES];      // each connection has another number
    unsigned n_sessions;
    const char *files[RUN_FILES];
    size_t n_sent;
    struct answer answers[RUN_SENDS];
    unsigned session_of[RUN_SENDS];
    uint8_t to[RUN_SENDS];
    char texts[RUN_SENDS][RUN_TEXT_MAX]; // as it would be stored
};

static uint64_t chance(struct run *r, uint64_t n)
{
    return (seeded_next(&r->chance) >> 16) % n;
}

static void join(struct run *r, size_t i)
{
    r->session[i] = r->n_sessions++;
    open_device(r->w, &r->devices[i], wallet(1), "");
}

static void send_something(struct run *r)
{
    const size_t i = r->n_sent;
    const size_t d = chance(r, RUN_DEVICES);
    const bool is_file = chance(r, 3) == 0;
    char text[RUN_TEXT_MAX / 2];

    if (i == RUN_SENDS)
        return;
    r->n_sent++;
    r->to[i] = (uint8_t)(2 + chance(r, 2));
    r->session_of[i] = r->session[d];
    snprintf(text, sizeof(text), "%zu", i);
    snprintf(r->texts[i], sizeof(r->texts[i]), "%s%s", text, is_file ? "+name" : "");
    if (is_file) {
        start_file(&r->devices[d], wallet(r->to[i]), text, r->files[chance(r, RUN_FILES)],
                   &r->answers[i]);
    } else {
        start_text(&r->devices[d], wallet(r->to[i]), text, &r->answers[i]);
    }
}

static void answer_some_take(struct run *r)
{
    static const int results[] = {
        0, 0, 0, 0, MEDIA_MISSING, MEDIA_MISMATCH, MEDIA_REJECTED, MEDIA_UNAVAILABLE};
    const struct list *held = &r->w->media->held;
    size_t skip = chance(r, 4);

    list_each (node, held) {
        const struct fake_media_op *op = container_of(node, struct fake_media_op, node);
        if (skip-- == 0 || next_node == held) {
            fake_media_answer(r->w->media, op->kind, op->id,
                              results[chance(r, COUNT_OF(results))]);
            return;
        }
    }
}

static void fail_something(struct run *r)
{
    const enum fake_uploads_kind kind = chance(r, 2) ? FAKE_FIND : FAKE_SETTLE;

    r->w->uploads->ways[kind].r = UPLOADS_UNAVAILABLE;
    r->w->uploads->ways[kind].n_failing = 1;
    if (chance(r, 2))
        store_mem_fail(r->w->mem, STORE_UNAVAILABLE, 1);
}

static void reconnect(struct run *r)
{
    const size_t i = chance(r, RUN_DEVICES);

    close_device(&r->devices[i]);
    join(r, i);
}

static void step(struct run *r)
{
    struct chat_world *w = r->w;

    switch (chance(r, 16)) {
    case 0: settle(w); break;
    case 1:
    case 2: job_run_all(&w->later); break;
    case 3:
    case 4:
    case 5:
    case 6: answer_some_take(r); break;
    case 7: fail_something(r); break;
    case 8: pass(w, (int64_t)chance(r, 2500)); break;
    case 9: reconnect(r); break;
    default: send_something(r); break;
    }
}

static void come_to_rest(struct run *r)
{
    struct chat_world *w = r->w;

    for (size_t i = 0; i < FAKE_UPLOADS_KINDS; i++)
        w->uploads->ways[i].n_failing = 0;
    store_mem_fail(w->mem, 0, 0);
    for (int i = 0; i < 100; i++) {
        answer_some_take(r);
        pass(w, 100);
    }
    assert_true(list_is_empty(&w->media->held));
    assert_true(chat_is_idle(w->chat));
}

/** Each was answered once, and what was answered 0 came, in the order of the calls. */
static void expect_order(struct run *r, const struct device *reader, uint8_t to,
                         unsigned session)
{
    size_t at = 0;

    for (size_t i = 0; i < r->n_sent; i++) {
        if (r->to[i] != to || r->session_of[i] != session)
            continue;
        expect_int(r->texts[i], r->answers[i].times, 1);
        if (r->answers[i].r != 0)
            continue;
        while (at < reader->n_got && strcmp(reader->got[at].text, r->texts[i]) != 0)
            at++;
        if (at++ == reader->n_got)
            fail_msg("%s did not come, or not in its turn", r->texts[i]);
    }
}

static void expect_readers(struct run *r, const struct device *reader, uint8_t to)
{
    size_t n_stored = 0;

    for (unsigned session = 0; session < r->n_sessions; session++)
        expect_order(r, reader, to, session);
    for (size_t i = 0; i < r->n_sent; i++)
        n_stored += r->to[i] == to && r->answers[i].r == 0;
    assert_int_equal(reader->n_got, n_stored); // so none that was refused
}

static void run_once(struct chat_world *w, uint64_t seed)
{
    struct run *r = NEW(struct run);
    struct device readers[2];

    r->w = w;
    seeded_init(&r->chance, seed);
    hold_takes(w);
    for (size_t i = 0; i < RUN_FILES; i++)
        r->files[i] = announced(w, 1, "image/png");
    for (uint8_t i = 0; i < 2; i++)
        connect_device(w, &readers[i], wallet((uint8_t)(2 + i)), "");
    for (size_t i = 0; i < RUN_DEVICES; i++)
        join(r, i);
    for (int i = 0; i < 400; i++)
        step(r);
    come_to_rest(r);
    for (uint8_t i = 0; i < 2; i++)
        expect_readers(r, &readers[i], (uint8_t)(2 + i));
    for (size_t i = 0; i < RUN_DEVICES; i++)
        close_device(&r->devices[i]);
    for (size_t i = 0; i < 2; i++)
        close_device(&readers[i]);
    free(r);
}

static void keeps_the_order_whatever_happens(void **state)
{
    const char *given = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t first = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    for (uint64_t seed = first; seed < first + (given ? 1 : 50); seed++) {
        void *w = NULL;
        print_message("# SEED=%llu\n", (unsigned long long)seed);
        file_world_setup(&w);
        run_once(w, seed);
        world_teardown(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(keeps_the_order_whatever_happens)};
    return cmocka_run_group_tests_name("chat_attach_chaos", tests, NULL, NULL);
}
