#include "base/buf.h"
#include "base/mem.h"
#include "support/aborts.h"

static str held(const struct buf *b)
{
    assert(b->ptr || b->len == 0);
    return buf_str(b);
}

static void an_empty_buf_holds_no_memory(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 10);
    assert_null(b.ptr);
    assert_int_equal(buf_add(&b, (str){0}), 0);
    assert_null(b.ptr);

    assert_int_equal(buf_add(&b, STR("x")), 0);
    assert_non_null(b.ptr);
    buf_release(&b);
    assert_null(b.ptr);
    expect_int("after release", b.max, 10);
    assert_int_equal(buf_add(&b, STR("again")), 0);
    buf_fini(&b);
    assert_null(b.ptr);
}

static void takes_its_maximum_and_not_a_byte_more(void **state)
{
    static const struct {
        const char *name;
        size_t max;
        size_t held; // bytes that are in it first
        size_t added;
        int r;
    } rows[] = {
        {"nothing into nothing", 0, 0, 0, 0},
        {"one into nothing", 0, 0, 1, BUF_FULL},
        {"all at once", 10, 0, 10, 0},
        {"one more at once", 10, 0, 11, BUF_FULL},
        {"the last byte", 10, 9, 1, 0},
        {"one after the last", 10, 10, 1, BUF_FULL},
        {"nothing when full", 10, 10, 0, 0},
        {"past the first allocation", 1000, 256, 744, 0},
        {"past it, and the maximum", 1000, 256, 745, BUF_FULL},
        {"a length that would wrap", 1000, 256, SIZE_MAX, BUF_FULL},
    };
    static char bytes[2000];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct buf b;
        buf_init(&b, rows[i].max);
        assert_int_equal(buf_add(&b, (str){bytes, rows[i].held}), 0);

        expect_int(rows[i].name, buf_add(&b, (str){bytes, rows[i].added}), rows[i].r);
        expect_int(rows[i].name, b.len, rows[i].held + (rows[i].r ? 0 : rows[i].added));
        assert_true(b.cap <= rows[i].max);
        buf_fini(&b);
    }
}

static void what_is_consumed_makes_room(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 8);
    assert_int_equal(buf_add(&b, STR("abcdefgh")), 0);
    buf_consume(&b, 5);
    expect_str("front gone", held(&b), STR("fgh"));
    assert_int_equal(buf_add(&b, STR("123456")), BUF_FULL);
    assert_int_equal(buf_add(&b, STR("12345")), 0);
    expect_str("moved to the front", held(&b), STR("fgh12345"));
    str_copy(buf_ptr(&b), STR("F"));
    buf_consume(&b, 7);
    expect_str("last byte", held(&b), STR("5"));
    buf_consume(&b, 1);
    expect_int("empty", b.len, 0);
    expect_int("the front is the start again", b.start, 0);

    assert_int_equal(buf_add(&b, STR("x")), 0);
    buf_clear(&b);
    expect_int("cleared", b.len, 0);
    assert_non_null(b.ptr); // the memory stays
    buf_fini(&b);
}

static void room_is_counted_only_when_it_is_used(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 4);
    assert_null(buf_room(&b, 5));
    char *room = buf_room(&b, 4);
    assert_non_null(room);
    expect_int("nothing yet", b.len, 0);
    str_copy(room, STR("ab"));
    buf_added(&b, 2);
    expect_str("two of four", held(&b), STR("ab"));
    assert_null(buf_room(&b, 3));
    buf_fini(&b);
}

static void formats_at_the_end(void **state)
{
    (void)state;
    struct buf b;

    buf_init(&b, 16);
    assert_int_equal(buf_addf(&b, "%s", ""), 0); // as the first, too
    assert_int_equal(buf_addf(&b, "%d-", 12), 0);
    assert_int_equal(buf_addf(&b, "%s", ""), 0);
    assert_int_equal(buf_addf(&b, "%s", "three"), 0);
    expect_str("both", held(&b), STR("12-three"));
    assert_int_equal(buf_addf(&b, "%s", "nine more"), BUF_FULL);
    expect_str("a refusal adds nothing", held(&b), STR("12-three"));
    assert_int_equal(buf_addf(&b, "%s", "to max, "), 0);
    expect_str("up to max", held(&b), STR("12-threeto max, "));
    buf_fini(&b);
}

/** The same bytes through a buf and a plain array, in pieces of every size. */
static void keeps_the_bytes_in_order_however_they_come_and_go(void **state)
{
    (void)state;
    enum {
        TOTAL = 20000
    };
    char *all = mem_alloc(TOTAL);
    struct buf b;
    size_t added = 0;
    size_t consumed = 0;

    for (size_t i = 0; i < TOTAL; i++)
        all[i] = (char)(i * 31 >> 3);
    buf_init(&b, 700);
    for (size_t n = 1; added < TOTAL; n = n % 401 + 1) {
        size_t piece = n < TOTAL - added ? n : TOTAL - added;
        if (buf_add(&b, (str){all + added, piece}) == 0)
            added += piece;
        expect_str("held", held(&b), ((str){all + consumed, added - consumed}));
        size_t drop = b.len * 2 / 3;
        buf_consume(&b, drop);
        consumed += drop;
    }
    assert_true(consumed > TOTAL - 700);
    buf_fini(&b);
    free(all);
}

static void consume_too_much(void *b)
{
    buf_consume(b, 4);
}

static void consuming_more_than_is_held_is_a_bug(void **state)
{
    (void)state;
    struct buf b;
    char said[256];

    buf_init(&b, 10);
    assert_int_equal(buf_add(&b, STR("abc")), 0);
    assert_true(aborts(consume_too_much, &b, said, sizeof(said)));
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_buf_holds_no_memory),
        cmocka_unit_test(takes_its_maximum_and_not_a_byte_more),
        cmocka_unit_test(what_is_consumed_makes_room),
        cmocka_unit_test(room_is_counted_only_when_it_is_used),
        cmocka_unit_test(formats_at_the_end),
        cmocka_unit_test(keeps_the_bytes_in_order_however_they_come_and_go),
        cmocka_unit_test(consuming_more_than_is_held_is_a_bug),
    };
    return cmocka_run_group_tests_name("base/buf", tests, NULL, NULL);
}
