/** What every backend of chat/store.h must do: one suite, run on each. */
#include "support/store_world.h"

// Appends.

static void numbers_a_conversation_from_one_for_both_sides(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "1", 2);
    put(w, 'a', 'c', "1", 1);
    put(w, 'a', 'b', "2", 3);
    put(w, 'c', 'b', "1", 1);
}

static void accounts_are_equal_only_in_all_of_their_bytes(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'A', 'b', "1", 1); // the same address on another chain
    put(w, 'a', 'B', "1", 1);
    put(w, 'a', 's', "1", 1); // of two namespaces
    put(w, 's', 'a', "1", 2);
    put(w, 's', 't', "1", 1);
    due(w, 's', 0, 0, "a1 s2 s1");
}

static void positions_rise_and_are_above_zero(void **state)
{
    struct store_world *w = *state;
    int64_t last = 0;

    assert_int_equal(store_horizon(w->store), 0);
    for (unsigned i = 0; i < 8; i++) {
        const char key[] = {(char)('0' + i), '\0'};
        const struct store_answer a = put(w, 'a', i % 2 ? 'b' : 'c', key, i / 2 + 1);
        assert_true(a.position > last);
        last = a.position;
        const struct store_answer moved = mark(w, i % 2 ? 'b' : 'c', 'a', i / 2 + 1, 0, NULL);
        assert_true(moved.position > last);
        last = moved.position;
        assert_int_equal(store_horizon(w->store), last);
    }
}

static void an_answer_says_behind_what_the_message_is(void **state)
{
    struct store_world *w = *state;
    const struct store_answer first = put(w, 'a', 'b', "1", 1);

    assert_int_equal(first.previous, 0);
    assert_int_equal(put(w, 'a', 'c', "1", 1).previous, 0);
    const struct store_answer second = put(w, 'b', 'a', "1", 2);
    assert_int_equal(second.previous, first.position);
    mark(w, 'b', 'a', 1, 0, NULL); // is no message
    const struct store_answer third = put(w, 'b', 'a', "2", 3);
    assert_int_equal(third.previous, second.position);
    const struct store_answer again = put(w, 'b', 'a', "1", 2);
    assert_true(again.is_duplicate);
    assert_true(again.previous >= first.position && again.previous < second.position);
    assert_true(put(w, 'a', 'b', "1", 1).previous < first.position);
    assert_int_equal(put(w, 'a', 'b', "2", 4).previous, third.position);
}

static void an_answer_has_all_of_the_message(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 's', "key", "{\"text\":\"hi\"}");
    struct store_answer a;

    w->in_full = true;
    put(w, 's', 'a', "0", 1);
    what.reply_to = 1;
    for (unsigned i = 0; i < 2; i++) {
        answer_init(&a, w);
        store_append(w->store, &what, on_append, &a);
        answer_await(&a);
        expect_str("answer", buf_str(&a.text),
                   i == 0
                       ? STR("a2>s c1 @2 t1700000000000 re1 text/key/{\"text\":\"hi\"} dup0")
                       : STR("a2>s c1 @2 t1700000000000 re1 text/key/{\"text\":\"hi\"} dup1"));
        assert_true(a.conversation >> 32 != 0);
        answer_fini(&a);
    }
}

static void a_resend_gets_the_first_answer(void **state)
{
    struct store_world *w = *state;
    const struct store_answer first = put(w, 'a', 'b', "k", 1);

    put(w, 'a', 'b', "l", 2);
    mark(w, 'b', 'a', 1, 0, NULL);
    const int64_t horizon = store_horizon(w->store);
    const struct store_answer again = put(w, 'a', 'b', "k", 1);
    assert_true(again.is_duplicate);
    assert_int_equal(again.position, first.position);
    assert_int_equal(again.conversation, first.conversation);
    assert_int_equal(store_horizon(w->store), horizon);
    put(w, 'a', 'b', "m", 3);
    assert_int_equal(w->store->counters.appended, 3);
    assert_int_equal(w->store->counters.duplicates, 1);
}

static void a_resend_in_the_same_group_gets_the_first_answer(void **state)
{
    struct store_world *w = *state;
    const struct store_append what = message('a', 'b', "k", "k");
    struct store_answer answers[3];

    for (unsigned i = 0; i < 3; i++) {
        answer_init(&answers[i], w);
        store_append(w->store, &what, on_append, &answers[i]);
    }
    for (unsigned i = 0; i < 3; i++) {
        answer_await(&answers[i]);
        assert_int_equal(answers[i].seq, 1);
        assert_int_equal(answers[i].is_duplicate, i > 0);
        answer_fini(&answers[i]);
    }
}

static void a_key_with_another_digest_is_a_conflict(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "k", "hi");

    assert_int_equal(append(w, &what).r, 0);
    what.digest[CHAT_DIGEST_SIZE - 1] ^= 1;
    assert_int_equal(append(w, &what).r, STORE_CONFLICT);
    put(w, 'a', 'b', "l", 2);
}

static void a_key_is_its_senders_in_one_conversation(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "k", 1);
    put(w, 'b', 'a', "k", 2);
    put(w, 'a', 'c', "k", 1);
}

static void keys_and_types_are_bytes_up_to_their_longest(void **state)
{
    struct store_world *w = *state;
    char longest[CHAT_KEY_MAX];
    struct store_append what = message('a', 'b', "", "x");

    memset(longest, 'k', sizeof(longest));
    what.key = (str){longest, sizeof(longest)};
    what.type = what.key;
    assert_int_equal(append(w, &what).seq, 1);
    longest[sizeof(longest) - 1] = '\0';
    assert_int_equal(append(w, &what).seq, 2);
    what.key = (str){"\0\xff", 2};
    assert_int_equal(append(w, &what).seq, 3);
    what.key = (str){"\0", 1};
    what.type = (str){0};
    assert_int_equal(append(w, &what).seq, 4);
    assert_true(append(w, &what).is_duplicate);
}

static void a_reply_is_to_what_is_there(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "k", "hi");

    what.reply_to = 1;
    assert_int_equal(append(w, &what).r, STORE_NO_SUCH_SEQ);
    put(w, 'b', 'a', "1", 1);
    what.reply_to = 2; // itself
    assert_int_equal(append(w, &what).r, STORE_NO_SUCH_SEQ);
    what.reply_to = UINT64_MAX;
    assert_int_equal(append(w, &what).r, STORE_NO_SUCH_SEQ);
    what.reply_to = 1;
    assert_int_equal(append(w, &what).seq, 2);
}

static void a_refused_message_leaves_nothing(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "k", "hi");

    what.reply_to = 1;
    assert_int_equal(append(w, &what).r, STORE_NO_SUCH_SEQ);
    assert_int_equal(store_horizon(w->store), 0);
    listed(w, 'a', "");
    const struct store_receipt r = receipt_at('a', 'b', 0, 0);
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
}

static void time_never_goes_back_in_a_conversation(void **state)
{
    struct store_world *w = *state;
    static const int64_t at[] = {5, 3, 5, 7, -1, 7};

    for (unsigned i = 0; i < COUNT_OF(at); i++) {
        const char key[] = {(char)('0' + i), '\0'};
        struct store_append what = message(i % 2 ? 'a' : 'b', i % 2 ? 'b' : 'a', key, "hi");
        what.now_ms = NOW + at[i];
        assert_int_equal(append(w, &what).at_ms, NOW + (i < 3 ? 5 : 7));
    }
    struct store_append other = message('a', 'c', "1", "hi");
    other.now_ms = 1;
    assert_int_equal(append(w, &other).at_ms, 1);
}

static void contents_are_any_bytes_up_to_64_kib(void **state)
{
    struct store_world *w = *state;
    char *content = mem_alloc(65536);
    struct store_append what = message('a', 'b', "k", "");
    struct store_answer a;

    for (size_t i = 0; i < 65536; i++)
        content[i] = (char)(i * 7); // NULs, and what is no UTF-8
    what.content = (str){content, 65536};
    assert_int_equal(append(w, &what).r, 0);

    answer_init(&a, w);
    w->in_full = true;
    store_read(w->store, &(struct store_read){SOME_OF('b')}, on_read, &a);
    answer_await(&a);
    const str text = buf_str(&a.text);
    const size_t at = str_find(text, '/') + 2; // "…text//CONTENT": the key is not for b
    assert_true(text.len > at + 65536);
    assert_memory_equal(text.ptr + at, content, 65536);
    answer_fini(&a);
    free(content);
}

// The mailbox.

static void a_mailbox_holds_so_many_undelivered_ones_of_a_sender(void **state)
{
    struct store_world *w = *state;
    const struct store_append more = message('a', 'b', "4", "4");

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    assert_int_equal(append(w, &more).r, STORE_MAILBOX_FULL); // b does not know a: two
    put(w, 'a', 'b', "2", 2);                                 // a duplicate is no more
    put(w, 'c', 'b', "1", 1);                                 // another sender
    put(w, 'b', 'a', "1", 3);                                 // b has accepted a: three
    put(w, 'a', 'b', "4", 4);
    const struct store_append fifth = message('a', 'b', "5", "5");
    assert_int_equal(append(w, &fifth).r, STORE_MAILBOX_FULL);
    mark(w, 'b', 'a', 1, 0, NULL);
    put(w, 'a', 'b', "5", 5);
    assert_int_equal(append(w, &more).is_duplicate, true);
    const struct store_append sixth = message('a', 'b', "6", "6");
    assert_int_equal(append(w, &sixth).r, STORE_MAILBOX_FULL);
    mark(w, 'b', 'a', 3, 0, NULL); // 3 is b's own
    put(w, 'a', 'b', "6", 6);
    mark(w, 'b', 'a', 0, 6, NULL); // read takes delivered along
    for (unsigned i = 0; i < 3; i++)
        put(w, 'a', 'b', i == 0 ? "x" : i == 1 ? "y" : "z", 7 + i);
}

static void a_mailbox_may_hold_none(void **state)
{
    struct store_world *w = *state;
    const struct store_append first = message('a', 'b', "1", "1");

    assert_int_equal(append(w, &first).r, STORE_MAILBOX_FULL);
    listed(w, 'b', "");
}

// Receipts.

static void marks_never_go_back(void **state)
{
    struct store_world *w = *state;

    for (unsigned i = 0; i < 5; i++)
        put(w, 'a', 'b', (const char[]){(char)('1' + i), '\0'}, i + 1);
    mark(w, 'b', 'a', 2, 0, "a 2+ 0");
    mark(w, 'b', 'a', 2, 0, "a 2 0");
    mark(w, 'b', 'a', 1, 1, "a 2 1+");
    mark(w, 'b', 'a', 0, 3, "a 3+ 3+"); // read takes delivered along
    mark(w, 'b', 'a', 4, 2, "a 4+ 3");
    mark(w, 'b', 'a', 5, 4, "a 5+ 4+");
    mark(w, 'b', 'a', 0, 0, "a 5 4");
    mark(w, 'a', 'b', 0, 1, "b 1+ 1+"); // the other side has its own
    assert_int_equal(w->store->counters.receipts, 6);
}

static void a_receipt_that_moves_nothing_takes_no_position(void **state)
{
    struct store_world *w = *state;
    struct store_receipt r = receipt_at('b', 'a', 1, 0);

    const struct store_answer sent = put(w, 'a', 'b', "1", 1);
    r.now_ms = NOW + 9;
    const struct store_answer moved = ask_receipt(w, &r, 0, "a 1+ 0");
    assert_true(moved.position > sent.position);
    assert_int_equal(moved.at_ms, NOW + 9);
    assert_int_equal(moved.conversation, sent.conversation);
    const struct store_answer still = ask_receipt(w, &r, 0, "a 1 0");
    assert_int_equal(still.position, 0);
    assert_int_equal(store_horizon(w->store), moved.position);
}

static void a_receipt_is_for_what_is_there(void **state)
{
    struct store_world *w = *state;
    struct store_receipt r = receipt_at('b', 'a', 0, 2);

    put(w, 'a', 'b', "1", 1);
    ask_receipt(w, &r, STORE_NO_SUCH_SEQ, "");
    r = receipt_at('b', 'a', 2, 1);
    ask_receipt(w, &r, STORE_NO_SUCH_SEQ, "");
    r = receipt_at('b', 'a', UINT64_MAX, 0);
    ask_receipt(w, &r, STORE_NO_SUCH_SEQ, "");
    mark(w, 'b', 'a', 0, 0, "a 0 0"); // nothing has happened
    r = receipt_at('b', 'c', 1, 0);
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
    r = receipt_at('c', 'd', 0, 0);
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
}

static void a_place_is_an_id_or_a_peer(void **state)
{
    struct store_world *w = *state;
    struct store_receipt r = receipt_at('b', 'c', 1, 0); // with an id the peer does not count

    r.place.conversation = put(w, 'a', 'b', "1", 1).conversation;
    ask_receipt(w, &r, 0, "a 1+ 0");
    struct store_history h = {SOME_OF('a'), .place = r.place};
    ask_history(w, &h, 0, "a1d");

    r.by = h.account = who('c'); // somebody else's
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
    ask_history(w, &h, STORE_NOT_FOUND, "");
    r.by = h.account = who('a');
    r.place.conversation++;
    h.place = r.place;
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
    ask_history(w, &h, STORE_NOT_FOUND, "");
    r.place.conversation = UINT64_MAX;
    h.place = r.place;
    ask_receipt(w, &r, STORE_NOT_FOUND, "");
    ask_history(w, &h, STORE_NOT_FOUND, "");
}

// What is due.

static void what_is_undelivered_is_due(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'b', "1", 1);
    put(w, 'b', 'a', "1", 2);
    put(w, 'a', 'b', "2", 3);
    const int64_t now = store_horizon(w->store);
    due(w, 'b', now, 0, "a1 c1 a3");
    due(w, 'a', now, 0, "b2");
    due(w, 'c', now, 0, "");
    due(w, 'd', now, 0, "");
    mark(w, 'b', 'a', 1, 0, NULL);
    due(w, 'b', now, 0, "c1 a3");
    mark(w, 'b', 'a', 2, 0, NULL);
    due(w, 'b', now, 0, "c1 a3");
    mark(w, 'b', 'a', 0, 3, NULL);
    due(w, 'b', now, 0, "c1");
    mark(w, 'b', 'c', 1, 0, NULL);
    due(w, 'b', now, 0, "");
}

static void what_is_newer_is_due_to_both_sides(void **state)
{
    struct store_world *w = *state;

    const int64_t first = put(w, 'a', 'b', "1", 1).position;
    put(w, 'b', 'a', "1", 2);
    const int64_t third = put(w, 'a', 'c', "1", 1).position;
    put(w, 'b', 'a', "2", 3);
    mark(w, 'a', 'b', 0, 3, NULL);
    due(w, 'a', 0, 0, "a1 b2r a1 b3r");
    due(w, 'a', first, 0, "b2r a1 b3r");
    due(w, 'a', first, third, "b3r");
    due(w, 'a', third, first, "b3r");
    due(w, 'a', third, 0, "b3r");
    due(w, 'b', third, 0, "a1 b3r"); // a1 is undelivered
    due(w, 'b', third, first, "b3r");
    due(w, 'a', store_horizon(w->store), 0, "");
    due(w, 'a', -1, -1, "a1 b2r a1 b3r");
}

static void own_messages_between_undelivered_ones_are_not_due(void **state)
{
    struct store_world *w = *state;
    uint64_t seq = 0;
    char key[8];

    put(w, 'a', 'b', "x", ++seq);
    for (unsigned i = 0; i < 40; i++) {
        snprintf(key, sizeof(key), "%u", i);
        put(w, 'b', 'a', key, ++seq);
    }
    put(w, 'a', 'b', "y", ++seq);
    put(w, 'b', 'a', "z", ++seq);
    put(w, 'a', 'b', "z", ++seq);
    const int64_t now = store_horizon(w->store);
    put(w, 'b', 'a', "q", ++seq);
    due(w, 'b', now, 0, "a1 a42 a44 b45");
}

/** Reads page by page, each as small as it says, and expects the same as at once. */
static void expect_pages(struct store_world *w, struct store_read r)
{
    struct store_answer all;
    struct store_answer page;
    struct buf joined;

    answer_init(&all, w);
    store_read(w->store, &(struct store_read){SOME_OF('a'), .since = r.since}, on_read, &all);
    answer_await(&all);
    assert_false(all.has_more);
    buf_init(&joined, PLENTY);
    do {
        answer_init(&page, w);
        store_read(w->store, &r, on_read, &page);
        answer_await(&page);
        assert_true(page.n <= r.max_messages && (page.n >= 1 || !page.has_more));
        assert_true(page.upto > r.after || !page.has_more);
        int said = buf_add(&joined, joined.len > 0 && page.n > 0 ? STR(" ") : STR(""));
        said |= buf_add(&joined, buf_str(&page.text));
        assert_int_equal(said, 0);
        r.after = page.upto;
        answer_fini(&page);
    } while (page.has_more);
    assert_int_equal(page.upto, store_horizon(w->store));
    expect_str("pages", buf_str(&joined), buf_str(&all.text));
    buf_fini(&joined);
    answer_fini(&all);
}

static void pages_join_without_a_gap(void **state)
{
    struct store_world *w = *state;
    uint64_t seqs[4] = {0};
    int64_t middle = 0;
    char key[8];

    for (unsigned i = 0; i < 200; i++) {
        const unsigned peer = (i * i / 3) % 4;
        const char letter = (char)('p' + peer);
        snprintf(key, sizeof(key), "%u", i);
        const bool is_mine = i % 3 == 0;
        const uint64_t seq = ++seqs[peer];
        middle = is_mine ? put(w, 'a', letter, key, seq).position
                         : put(w, letter, 'a', key, seq).position;
        if (i == 120)
            mark(w, 'a', letter, seqs[peer] / 2, 0, NULL);
    }
    for (size_t n = 1; n <= 256; n = n * 2 + 1) {
        expect_pages(w, (struct store_read){
                            .account = who('a'), .max_messages = n, .max_bytes = PLENTY});
        expect_pages(w, (struct store_read){.account = who('a'),
                                            .since = middle / 2,
                                            .max_messages = n,
                                            .max_bytes = PLENTY});
        expect_pages(
            w, (struct store_read){
                   .account = who('a'), .since = middle, .max_messages = n, .max_bytes = 5});
    }
}

static void a_page_is_bounded_in_bytes(void **state)
{
    struct store_world *w = *state;
    struct store_read r = {.account = who('b'), .max_messages = PLENTY, .max_bytes = 6};

    put(w, 'a', 'b', "1234", 1);
    put(w, 'a', 'b', "12", 2);
    put(w, 'c', 'b', "1", 1);
    put(w, 'c', 'b', "1234567", 2);
    struct store_answer a = ask_read(w, &r, 0, "a1 a2"); // the largest that fits
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_read(w, &r, 0, "c1");
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_read(w, &r, 0, "c2"); // the first may be larger
    assert_false(a.has_more);
    assert_int_equal(a.upto, store_horizon(w->store));
    r = (struct store_read){.account = who('b'), .max_messages = 4, .max_bytes = 0};
    a = ask_read(w, &r, 0, "a1");
    assert_true(a.has_more);
}

static void a_page_that_is_just_full_has_no_more(void **state)
{
    struct store_world *w = *state;
    const struct store_read r = {.account = who('b'), .max_messages = 2, .max_bytes = 2};

    put(w, 'a', 'b', "1", 1);
    put(w, 'a', 'b', "2", 2);
    assert_false(ask_read(w, &r, 0, "a1 a2").has_more);
}

// Pages of receipts.

static void receipts_of_both_sides_are_listed_as_they_are_now(void **state)
{
    struct store_world *w = *state;
    struct store_receipts r = {.account = who('a'), .max_receipts = PLENTY};

    put(w, 'a', 'b', "1", 1);
    put(w, 'b', 'a', "1", 2);
    put(w, 'a', 'c', "1", 1);
    ask_receipts(w, &r, 0, "");
    mark(w, 'b', 'a', 1, 0, NULL);
    const int64_t second = mark(w, 'a', 'b', 0, 2, NULL).position;
    mark(w, 'c', 'a', 1, 0, NULL);
    ask_receipts(w, &r, 0, "bd1 ad2 ar2 cd1");
    const int64_t fourth = mark(w, 'b', 'a', 0, 1, NULL).position;
    ask_receipts(w, &r, 0, "bd1 ad2 ar2 cd1 br1");
    mark(w, 'b', 'a', 2, 0, NULL);
    const struct store_answer all = ask_receipts(w, &r, 0, "ad2 ar2 cd1 br1 bd2");
    assert_false(all.has_more);
    assert_int_equal(all.upto, store_horizon(w->store));
    r.after = second;
    ask_receipts(w, &r, 0, "cd1 br1 bd2");
    r.after = fourth;
    ask_receipts(w, &r, 0, "bd2");
    r.after = store_horizon(w->store);
    ask_receipts(w, &r, 0, "");
    r = (struct store_receipts){.account = who('c'), .max_receipts = 2};
    ask_receipts(w, &r, 0, "cd1");
    r.account = who('d');
    ask_receipts(w, &r, 0, "");
}

static void a_page_of_receipts_does_not_part_a_move(void **state)
{
    struct store_world *w = *state;
    struct store_receipts r = {.account = who('a'), .max_receipts = 2};

    put(w, 'b', 'a', "1", 1);
    put(w, 'c', 'a', "1", 1);
    put(w, 'd', 'a', "1", 1);
    mark(w, 'a', 'b', 1, 0, NULL);
    mark(w, 'a', 'c', 0, 1, NULL);
    mark(w, 'a', 'd', 0, 1, NULL);
    struct store_answer a = ask_receipts(w, &r, 0, "ad1");
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_receipts(w, &r, 0, "ad1 ar1");
    assert_true(a.has_more);
    r.after = a.upto;
    a = ask_receipts(w, &r, 0, "ad1 ar1");
    assert_false(a.has_more);
}

static void a_receipt_has_its_details(void **state)
{
    struct store_world *w = *state;
    const struct store_receipts r = {.account = who('a'), .max_receipts = 2};
    struct store_receipt read = receipt_at('b', 'a', 0, 1);

    put(w, 'a', 'b', "1", 1);
    read.now_ms = 77;
    w->in_full = true;
    ask_receipt(w, &read, 0, "a 1+ 1+ c1 @2 t77");
    ask_receipts(w, &r, 0, "bd1<a c1 @2 t77 br1<a c1 @2 t77 more0 upto2");
}

// History.

static void fill(struct store_world *w, unsigned n)
{
    char key[8];

    for (unsigned i = 0; i < n; i++) {
        snprintf(key, sizeof(key), "%u", i);
        put(w, i % 2 ? 'b' : 'a', i % 2 ? 'a' : 'b', key, i + 1);
    }
}

static void history_goes_both_ways(void **state)
{
    static const struct {
        const char *name;
        uint64_t after;
        uint64_t before;
        size_t max;
        const char *want;
        bool has_more;
    } rows[] = {
        {"all", 0, 0, 7, "a1 b2 a3 b4 a5 b6 a7", false},
        {"the last ones", 0, 0, 3, "a5 b6 a7", true},
        {"one", 0, 0, 1, "a7", true},
        {"before", 0, 5, 3, "b2 a3 b4", true},
        {"before, to the first", 0, 4, 3, "a1 b2 a3", false},
        {"before the first", 0, 1, 3, "", false},
        {"before all that will be", 0, UINT64_MAX, 2, "b6 a7", true},
        {"after", 3, 0, 2, "b4 a5", true},
        {"after, to the last", 4, 0, 3, "a5 b6 a7", false},
        {"after the last", 7, 0, 3, "", false},
        {"after all that will be", UINT64_MAX, 0, 3, "", false},
        {"between", 2, 6, 9, "a3 b4 a5", false},
        {"between, the first ones", 2, 6, 2, "a3 b4", true},
        {"between neighbours", 2, 3, 9, "", false},
        {"between the wrong way round", 5, 3, 9, "", false},
    };
    struct store_world *w = *state;

    fill(w, 7);
    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        const struct store_history h = {.account = who('b'),
                                        .place.peer = who('a'),
                                        .before = rows[i].before,
                                        .after = rows[i].after,
                                        .max_messages = rows[i].max,
                                        .max_bytes = PLENTY};
        const struct store_answer a = ask_history(w, &h, 0, rows[i].want);
        expect_int(rows[i].name, a.has_more, rows[i].has_more);
        expect_int(rows[i].name, a.upto, 1); // first_seq
    }
}

static void history_is_bounded_in_bytes(void **state)
{
    struct store_world *w = *state;
    struct store_history h = {
        .account = who('a'), .place.peer = who('b'), .max_messages = 9, .max_bytes = 3};

    fill(w, 4);
    assert_true(ask_history(w, &h, 0, "b2 a3 b4").has_more);
    h.after = 1;
    assert_false(ask_history(w, &h, 0, "b2 a3 b4").has_more);
    h.max_bytes = 2;
    assert_true(ask_history(w, &h, 0, "b2 a3").has_more);
    h = (struct store_history){.account = who('a'), .place.peer = who('b'), .max_messages = 9};
    assert_true(ask_history(w, &h, 0, "b4").has_more);
}

static void history_says_what_was_read(void **state)
{
    struct store_world *w = *state;
    const struct store_history h = {SOME_OF('a'), .place.peer = who('b')};

    fill(w, 6);
    mark(w, 'b', 'a', 5, 2, NULL);
    mark(w, 'a', 'b', 2, 0, NULL);
    ask_history(w, &h, 0, "a1r b2d a3d b4 a5d b6");
}

static void a_key_is_for_its_senders_eyes(void **state)
{
    struct store_world *w = *state;
    struct store_history h = {SOME_OF('a'), .place.peer = who('b')};

    put(w, 'a', 'b', "k", 1);
    w->in_full = true;
    ask_history(w, &h, 0, "a1>b c1 @1 t1700000000000 re0 text/k/k more0 upto1");
    h = (struct store_history){SOME_OF('b'), .place.peer = who('a')};
    ask_history(w, &h, 0, "a1>b c1 @1 t1700000000000 re0 text//k more0 upto1");
}

static void history_of_strangers_is_not_found(void **state)
{
    struct store_world *w = *state;
    const struct store_history h = {SOME_OF('a'), .place.peer = who('c')};

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'b', "1", 1);
    ask_history(w, &h, STORE_NOT_FOUND, "");
}

// Lists.

static void the_conversation_with_the_latest_message_is_first(void **state)
{
    struct store_world *w = *state;

    put(w, 'a', 'b', "1", 1);
    put(w, 'c', 'a', "1", 1);
    put(w, 'd', 'a', "1", 1);
    listed(w, 'a', "[d? u1 d1] [c? u1 c1] [b u0 a1]");
    put(w, 'b', 'a', "1", 2);
    put(w, 'c', 'a', "2", 2);
    mark(w, 'a', 'c', 0, 1, NULL);
    mark(w, 'a', 'd', 1, 0, NULL);
    listed(w, 'a', "[c? u1 c2] [b u1 b2] [d? u1 d1d]");
    listed(w, 'b', "[a u1 b2]");
    listed(w, 'e', "");
}

static void a_list_is_paged(void **state)
{
    struct store_world *w = *state;
    struct store_list l = {.account = who('a'), .max_conversations = 2, .max_bytes = PLENTY};

    for (const char *peer = "bcdef"; *peer; peer++)
        put(w, 'a', *peer, "1", 1);
    struct store_answer a = ask_list(w, &l, 0, "[f u0 a1] [e u0 a1]");
    l.before = a.upto;
    a = ask_list(w, &l, 0, "[d u0 a1] [c u0 a1]");
    l.before = a.upto;
    a = ask_list(w, &l, 0, "[b u0 a1]");
    assert_int_equal(a.upto, 0);
    l = (struct store_list){.account = who('a'), .max_conversations = 5, .max_bytes = PLENTY};
    assert_int_equal(ask_list(w, &l, 0, NULL).upto, 0); // just full
    l.max_bytes = 0;
    assert_true(ask_list(w, &l, 0, "[f u0 a1]").upto > 0);
    l.max_bytes = 3;
    assert_true(ask_list(w, &l, 0, "[f u0 a1] [e u0 a1] [d u0 a1]").upto > 0);
}

static void a_list_has_the_marks_of_both(void **state)
{
    struct store_world *w = *state;
    const struct store_list l = {.account = who('a'), .max_conversations = 2, .max_bytes = 99};

    fill(w, 4);
    mark(w, 'a', 'b', 3, 2, NULL);
    mark(w, 'b', 'a', 4, 1, NULL);
    w->in_full = true;
    ask_list(w, &l, 0,
             "[b u1 b4>a c1 @4 t1700000000000 re0 text//3] c1 mine 3 2 theirs 4 1 more0 upto0");
}

static void counts_conversations_with_unread_messages(void **state)
{
    struct store_world *w = *state;

    assert_int_equal(ask_unread(w, 'a'), 0);
    put(w, 'b', 'a', "1", 1);
    put(w, 'b', 'a', "2", 2);
    put(w, 'c', 'a', "1", 1);
    put(w, 'a', 'd', "1", 1);
    assert_int_equal(ask_unread(w, 'a'), 2);
    mark(w, 'a', 'b', 2, 1, NULL);
    assert_int_equal(ask_unread(w, 'a'), 2);
    mark(w, 'a', 'b', 0, 2, NULL);
    assert_int_equal(ask_unread(w, 'a'), 1);
    put(w, 'a', 'b', "1", 3); // to answer is not to read
    assert_int_equal(ask_unread(w, 'a'), 1);
    mark(w, 'a', 'c', 0, 1, NULL);
    assert_int_equal(ask_unread(w, 'a'), 0);
    put(w, 'c', 'a', "2", 2);
    assert_int_equal(ask_unread(w, 'a'), 1);
    assert_int_equal(ask_unread(w, 'd'), 1);
}

static void unread_counts_the_peers_messages_alone(void **state)
{
    struct store_world *w = *state;

    fill(w, 9); // a: 1 3 5 7 9
    mark(w, 'b', 'a', 0, 4, NULL);
    listed(w, 'b', "[a u3 a9]");
    mark(w, 'b', 'a', 0, 5, NULL);
    listed(w, 'b', "[a u2 a9]");
    mark(w, 'b', 'a', 0, 9, NULL);
    listed(w, 'b', "[a u0 a9r]");
    mark(w, 'a', 'b', 0, 7, NULL);
    listed(w, 'a', "[b u1 a9r]");
}

// Order.

struct in_order {
    struct store_answer base;
    int64_t *last;
    unsigned *n;
    unsigned number;
};

static void expect_next(struct in_order *o, int64_t position)
{
    expect_int("order of answers", *o->n, o->number);
    (*o->n)++;
    assert_true(position > *o->last);
    *o->last = position;
}

static void on_ordered_append(void *arg, int r, const struct store_appended *a)
{
    on_append(arg, r, a);
    expect_next(arg, ((struct in_order *)arg)->base.position);
}

static void on_ordered_receipt(void *arg, int r, const struct store_receipted *a)
{
    on_receipt(arg, r, a);
    expect_next(arg, ((struct in_order *)arg)->base.position);
}

static void answers_come_in_the_order_of_calls_and_positions(void **state)
{
    struct store_world *w = *state;
    struct in_order orders[300];
    int64_t last = 0;
    unsigned n = 0;
    char key[8];

    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        orders[i] = (struct in_order){.last = &last, .n = &n, .number = i};
        answer_init(&orders[i].base, w);
        if (i % 3 == 2) {
            const struct store_receipt r = receipt_at('b', 'a', i / 3 * 2 + 2, 0);
            store_receipt(w->store, &r, on_ordered_receipt, &orders[i]);
        } else {
            snprintf(key, sizeof(key), "%u", i);
            const struct store_append a = message('a', 'b', key, key);
            store_append(w->store, &a, on_ordered_append, &orders[i]);
        }
        assert_int_equal(orders[i].base.times, 0);
        if (i % 50 == 49)
            loop_run_once(w->loop);
    }
    for (unsigned i = 0; i < COUNT_OF(orders); i++) {
        answer_await(&orders[i].base);
        answer_fini(&orders[i].base);
    }
    assert_int_equal(w->store->counters.queued, 0);
    assert_int_equal(w->store->counters.appended, 200);
    assert_int_equal(w->store->counters.receipts, 100);
}

struct looks {
    struct store_answer sent;
    struct store_answer history;
    struct store_answer due;
    struct store_answer list;
};

static void look(void *arg, int r, const struct store_appended *a)
{
    struct looks *l = arg;
    struct store *s = l->sent.w->store;

    on_append(&l->sent, r, a);
    store_history(s,
                  &(struct store_history){
                      .account = a->message.from,
                      .place.conversation = a->message.conversation,
                      .max_messages = 1,
                      .max_bytes = 1,
                  },
                  on_history, &l->history);
    store_read(s, &(struct store_read){SOME_OF('b'), .after = a->message.position - 1}, on_read,
               &l->due);
    store_list(
        s,
        &(struct store_list){.account = a->message.to, .max_conversations = 1, .max_bytes = 1},
        on_list, &l->list);
}

static void a_read_in_a_callback_sees_what_that_answered(void **state)
{
    struct store_world *w = *state;
    struct looks l;
    char key[8];

    for (unsigned i = 1; i <= 50; i++) {
        snprintf(key, sizeof(key), "%u", i);
        const struct store_append a = message('a', 'b', key, key);
        char want[32];
        answer_init(&l.sent, w);
        answer_init(&l.history, w);
        answer_init(&l.due, w);
        answer_init(&l.list, w);
        store_append(w->store, &a, look, &l);
        answer_await(&l.sent);
        answer_await(&l.history);
        answer_await(&l.due);
        answer_await(&l.list);
        snprintf(want, sizeof(want), "a%u", i);
        expect_str("history", buf_str(&l.history.text), str_of(want));
        expect_str("due", buf_str(&l.due.text), str_of(want));
        assert_int_equal(l.due.upto, l.sent.position);
        snprintf(want, sizeof(want), "[a? u%u a%u]", i, i);
        expect_str("list", buf_str(&l.list.text), str_of(want));
        answer_fini(&l.sent);
        answer_fini(&l.history);
        answer_fini(&l.due);
        answer_fini(&l.list);
    }
}

static void a_page_has_all_up_to_a_place_and_nothing_behind_it(void **state)
{
    struct store_world *w = *state;
    const struct store_append a = message('a', 'b', "2", "2");
    struct store_answer sent;
    struct store_answer due;

    put(w, 'a', 'b', "1", 1);
    answer_init(&sent, w);
    answer_init(&due, w);
    store_append(w->store, &a, on_append, &sent);
    give_time(w);
    const int64_t horizon = store_horizon(w->store);
    store_read(w->store, &(struct store_read){SOME_OF('b')}, on_read, &due);
    answer_await(&due);
    while (sent.times == 0)
        loop_run_once(w->loop);
    assert_true(due.upto >= horizon);
    if (w->backend != BACKEND_POSTGRES) // it alone writes, and has one front
        assert_int_equal(due.upto, horizon);
    assert_true(shows(&due, STR("a1")));
    assert_int_equal(shows(&due, STR("a2")), due.upto >= sent.position);
    answer_fini(&sent);
    answer_fini(&due);
}

static void more_waiting_appends_than_the_queue_holds_are_busy(void **state)
{
    struct store_world *w = *state;
    static char content[65536 - 256 - 4 - 8]; // 256 of these are STORE_QUEUE_MAX
    struct store_answer answers[258];
    char key[16];

    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        snprintf(key, sizeof(key), "%08u", i);
        struct store_append a = message('a', 'b', key, "");
        a.content = (str){content, i == 257 ? 0 : sizeof(content)};
        answer_init(&answers[i], w);
        store_append(w->store, &a, on_append, &answers[i]);
        assert_int_equal(answers[i].times, 0);
    }
    assert_int_equal(w->store->counters.queued, COUNT_OF(answers));
    for (unsigned i = 0; i < COUNT_OF(answers); i++) {
        answer_await(&answers[i]);
        expect_int(key, answers[i].r, i < 256 ? 0 : STORE_BUSY);
        answer_fini(&answers[i]);
    }
    put(w, 'a', 'b', "later", 257);
}

static void a_conversation_may_have_10_000_messages(void **state)
{
    struct store_world *w = *state;
    struct store_answer *answers = mem_alloc(10000 * sizeof(*answers));
    struct store_history h = {
        .account = who('b'), .place.peer = who('a'), .max_messages = 2, .max_bytes = 99};
    char key[16];

    for (unsigned i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "%u", i);
        const struct store_append a = message('a', 'b', key, key);
        answer_init(&answers[i], w);
        store_append(w->store, &a, on_append, &answers[i]);
    }
    for (unsigned i = 0; i < 10000; i++) {
        answer_await(&answers[i]);
        expect_int("seq", answers[i].seq, i + 1);
        answer_fini(&answers[i]);
    }
    const int64_t upto = answers[4999].position;
    free(answers);
    ask_history(w, &h, 0, "a9999 a10000");
    h.after = 5000;
    ask_history(w, &h, 0, "a5001 a5002");
    const struct store_read r = {
        .account = who('b'), .after = upto, .max_messages = 2, .max_bytes = 99};
    ask_read(w, &r, 0, "a5001 a5002");
    mark(w, 'b', 'a', 0, 9998, NULL);
    listed(w, 'b', "[a? u2 a10000]");
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

static int with_limits(struct store_world *w, uint64_t from_accepted, uint64_t from_stranger)
{
    const struct store_limits limits = limits_of(from_accepted, from_stranger);

    store_world_limit(w, &limits);
    return 0;
}

static int setup_small_mem(void **state)
{
    setup_mem(state);
    return with_limits(*state, 3, 2);
}

static int setup_small_sqlite(void **state)
{
    setup_sqlite(state);
    return with_limits(*state, 3, 2);
}

static int setup_small_postgres(void **state)
{
    setup_postgres(state);
    return with_limits(*state, 3, 2);
}

static int setup_none_mem(void **state)
{
    setup_mem(state);
    return with_limits(*state, 0, 0);
}

static int setup_none_sqlite(void **state)
{
    setup_sqlite(state);
    return with_limits(*state, 0, 0);
}

static int setup_none_postgres(void **state)
{
    setup_postgres(state);
    return with_limits(*state, 0, 0);
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

#define TEST(backend, test, setup)                                                             \
    {                                                                                          \
        #backend ": " #test, test, setup##_##backend, teardown, NULL                           \
    }
#define SUITE(backend)                                                                         \
    TEST(backend, numbers_a_conversation_from_one_for_both_sides, setup),                      \
        TEST(backend, accounts_are_equal_only_in_all_of_their_bytes, setup),                   \
        TEST(backend, positions_rise_and_are_above_zero, setup),                               \
        TEST(backend, an_answer_says_behind_what_the_message_is, setup),                       \
        TEST(backend, an_answer_has_all_of_the_message, setup),                                \
        TEST(backend, a_resend_gets_the_first_answer, setup),                                  \
        TEST(backend, a_resend_in_the_same_group_gets_the_first_answer, setup),                \
        TEST(backend, a_key_with_another_digest_is_a_conflict, setup),                         \
        TEST(backend, a_key_is_its_senders_in_one_conversation, setup),                        \
        TEST(backend, keys_and_types_are_bytes_up_to_their_longest, setup),                    \
        TEST(backend, a_reply_is_to_what_is_there, setup),                                     \
        TEST(backend, a_refused_message_leaves_nothing, setup),                                \
        TEST(backend, time_never_goes_back_in_a_conversation, setup),                          \
        TEST(backend, contents_are_any_bytes_up_to_64_kib, setup),                             \
        TEST(backend, a_mailbox_holds_so_many_undelivered_ones_of_a_sender, setup_small),      \
        TEST(backend, a_mailbox_may_hold_none, setup_none),                                    \
        TEST(backend, marks_never_go_back, setup),                                             \
        TEST(backend, a_receipt_that_moves_nothing_takes_no_position, setup),                  \
        TEST(backend, a_receipt_is_for_what_is_there, setup),                                  \
        TEST(backend, a_place_is_an_id_or_a_peer, setup),                                      \
        TEST(backend, what_is_undelivered_is_due, setup),                                      \
        TEST(backend, what_is_newer_is_due_to_both_sides, setup),                              \
        TEST(backend, own_messages_between_undelivered_ones_are_not_due, setup),               \
        TEST(backend, pages_join_without_a_gap, setup),                                        \
        TEST(backend, a_page_is_bounded_in_bytes, setup),                                      \
        TEST(backend, a_page_that_is_just_full_has_no_more, setup),                            \
        TEST(backend, a_page_has_all_up_to_a_place_and_nothing_behind_it, setup),              \
        TEST(backend, receipts_of_both_sides_are_listed_as_they_are_now, setup),               \
        TEST(backend, a_page_of_receipts_does_not_part_a_move, setup),                         \
        TEST(backend, a_receipt_has_its_details, setup),                                       \
        TEST(backend, history_goes_both_ways, setup),                                          \
        TEST(backend, history_is_bounded_in_bytes, setup),                                     \
        TEST(backend, history_says_what_was_read, setup),                                      \
        TEST(backend, a_key_is_for_its_senders_eyes, setup),                                   \
        TEST(backend, history_of_strangers_is_not_found, setup),                               \
        TEST(backend, the_conversation_with_the_latest_message_is_first, setup),               \
        TEST(backend, a_list_is_paged, setup),                                                 \
        TEST(backend, a_list_has_the_marks_of_both, setup),                                    \
        TEST(backend, counts_conversations_with_unread_messages, setup),                       \
        TEST(backend, unread_counts_the_peers_messages_alone, setup),                          \
        TEST(backend, answers_come_in_the_order_of_calls_and_positions, setup),                \
        TEST(backend, a_read_in_a_callback_sees_what_that_answered, setup),                    \
        TEST(backend, more_waiting_appends_than_the_queue_holds_are_busy, setup),              \
        TEST(backend, a_conversation_may_have_10_000_messages, setup)

int main(void)
{
    const struct CMUnitTest tests[] = {SUITE(mem), SUITE(sqlite)};
    struct CMUnitTest on_postgres[] = {SUITE(postgres)};

    if (is_on_postgres())
        return PG_WORLD_RUN("store", on_postgres);
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
