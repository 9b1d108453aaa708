#include "server/prover.h"

#include "base/mem.h"
#include "io/loop.h"
#include "support/direct_prover.h"
#include "support/exact.h"
#include "support/t.h"
#include "support/wallet.h"

/** What everyone owes who answers auth/proof.h. Each test gets a new one. */
struct world {
    struct loop *loop;
    struct prover *threaded; // NULL: direct
    struct direct_prover direct;
    struct auth_prover *port;
    struct asked *asked; // owned; all that was asked for
    size_t n_asked;
    size_t n_answered;
    bool is_inside; // a call of the port is under way: nothing may come
};

#define ASKED_MAX (2 * (size_t)PROVER_QUEUE_MAX)

struct asked {
    struct world *w;
    unsigned times;
    int r;
    size_t place; // among the answers
    bool asks_again;
};

static int world_open(void **state, bool has_thread)
{
    struct world *w = NEW(struct world);

    w->asked = mem_alloc(ASKED_MAX * sizeof(*w->asked));
    assert_int_equal(loop_new(&w->loop), 0);
    if (has_thread) {
        assert_int_equal(prover_new(&w->threaded, w->loop), 0);
        w->port = prover_port(w->threaded);
    } else {
        direct_prover_init(&w->direct, &w->loop->later);
        w->port = &w->direct.port;
    }
    *state = w;
    return 0;
}

static int open_direct(void **state)
{
    return world_open(state, false);
}

static int open_prover(void **state)
{
    return world_open(state, true);
}

static int close_world(void **state)
{
    struct world *w = *state;

    prover_free(w->threaded);
    loop_free(w->loop);
    free(w->asked);
    free(w);
    return 0;
}

static void check(struct world *w, struct asked *a, account who, str message, str signature);

static void on_answer(void *arg, int r)
{
    struct asked *a = arg;

    assert_false(a->w->is_inside);
    a->times++;
    a->r = r;
    a->place = a->w->n_answered++;
    if (a->asks_again) {
        struct asked *next = &a->w->asked[a->w->n_asked];
        check(a->w, next, wallet_account(1), STR("x"), (str){0});
    }
}

/** Its arguments are gone as soon as the call has returned. */
static void check(struct world *w, struct asked *a, account who, str message, str signature)
{
    char *m = exact_copy(message);
    char *s = exact_copy(signature);
    struct auth_proof proof = {
        .account = who, .message = {m, message.len}, .signature = {s, signature.len}};

    assert_true(w->n_asked < ASKED_MAX);
    w->n_asked++;
    *a = (struct asked){.w = w, .r = -1};
    w->is_inside = true;
    auth_prover_check(w->port, &proof, on_answer, a);
    w->is_inside = false;
    assert_int_equal(a->times, 0);
    memset(m, 'X', message.len);
    memset(s, 'X', signature.len);
    memset(&proof, 'X', sizeof(proof));
    free(m);
    free(s);
}

/** Ask whether this wallet has signed what wallet 1 has. */
static struct asked *ask(struct world *w, uint8_t key, str message)
{
    struct asked *a = &w->asked[w->n_asked];
    char bytes[65];

    check(w, a, wallet_account(key), message, wallet_sign(bytes, 1, message, 27));
    return a;
}

static struct asked *ask_solana(struct world *w, uint8_t key, str message)
{
    const struct crypto_ed25519 signer = wallet_solana_key(1);
    struct asked *a = &w->asked[w->n_asked];
    uint8_t bytes[CRYPTO_ED25519_SIGNATURE_SIZE];

    crypto_ed25519_sign(bytes, &signer, message);
    check(w, a, wallet_solana_account(key), message, (str){(const char *)bytes, sizeof(bytes)});
    return a;
}

/** Until all is answered; and then nothing more comes. */
static void await_all(struct world *w)
{
    while (w->n_answered < w->n_asked)
        loop_run_once(w->loop);
    loop_run_once(w->loop);
    assert_int_equal(w->n_answered, w->n_asked);
    for (size_t i = 0; i < w->n_asked; i++)
        assert_int_equal(w->asked[i].times, 1);
}

static void tells_right_from_wrong(void **state)
{
    struct world *w = *state;
    const struct asked *right = ask(w, 1, STR("hi"));
    const struct asked *wrong = ask(w, 2, STR("hi"));
    const struct asked *right_solana = ask_solana(w, 1, STR("hi"));
    const struct asked *wrong_solana = ask_solana(w, 2, STR("hi"));

    await_all(w);
    assert_int_equal(right->r, 0);
    assert_int_equal(wrong->r, AUTH_PROOF_WRONG);
    assert_int_equal(right_solana->r, 0);
    assert_int_equal(wrong_solana->r, AUTH_PROOF_WRONG);
}

static void takes_the_shortest_and_the_longest(void **state)
{
    struct world *w = *state;
    char *message = mem_alloc(AUTH_MESSAGE_MAX);
    char *signature = mem_alloc(AUTH_SIGNATURE_MAX);

    memset(message, 'm', AUTH_MESSAGE_MAX);
    const str longest = {message, AUTH_MESSAGE_MAX};
    const struct asked *none = ask(w, 1, STR(""));
    const struct asked *all = ask(w, 1, longest);
    const struct asked *all_solana = ask_solana(w, 1, longest);
    struct asked *no_signature = &w->asked[w->n_asked];
    check(w, no_signature, wallet_account(1), longest, (str){0});
    struct asked *too_long = &w->asked[w->n_asked];
    check(w, too_long, wallet_account(1), longest, (str){signature, AUTH_SIGNATURE_MAX});
    free(message);
    free(signature);
    await_all(w);
    assert_int_equal(none->r, 0);
    assert_int_equal(all->r, 0);
    assert_int_equal(all_solana->r, 0);
    assert_int_equal(no_signature->r, AUTH_PROOF_WRONG);
    assert_int_equal(too_long->r, AUTH_PROOF_WRONG);
}

static void answers_in_the_order_of_the_questions(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 50; i++) {
        ask(w, (uint8_t)(1 + i % 2), STR("one"));
        ask_solana(w, (uint8_t)(1 + i % 3), STR("two"));
        if (i % 7 == 0)
            loop_run_once(w->loop); // some in turns of their own
    }
    await_all(w);
    for (size_t i = 0; i < w->n_asked; i++) {
        assert_int_equal(w->asked[i].place, i);
        const bool is_right = i % 2 == 0 ? i / 2 % 2 == 0 : i / 2 % 3 == 0;
        assert_int_equal(w->asked[i].r, is_right ? 0 : AUTH_PROOF_WRONG);
    }
}

static void an_answer_may_ask_again(void **state)
{
    struct world *w = *state;
    struct asked *first = ask(w, 1, STR("hi"));

    first->asks_again = true;
    await_all(w);
    assert_int_equal(w->n_asked, 2);
    assert_int_equal(w->asked[1].r, AUTH_PROOF_WRONG);
}

static void is_freed_unused(void **state)
{
    const struct world *w = *state;

    assert_int_equal(w->n_asked, 0); // setup and teardown do it
}

// Of the one with a thread.

/** Nothing is answered before the loop turns: so many wait at once. */
static void so_many_wait_and_one_more_is_refused(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < PROVER_QUEUE_MAX; i++)
        ask(w, (uint8_t)(1 + i % 2), STR("hi"));
    const struct asked *one_more = ask(w, 1, STR("hi"));
    const struct asked *another = ask_solana(w, 1, STR("hi"));
    await_all(w);
    assert_int_equal(one_more->r, AUTH_PROOF_BUSY);
    assert_int_equal(another->r, AUTH_PROOF_BUSY);
    for (size_t i = 0; i < PROVER_QUEUE_MAX; i++)
        assert_int_equal(w->asked[i].r, i % 2 == 0 ? 0 : AUTH_PROOF_WRONG);

    const struct asked *later = ask(w, 1, STR("hi"));
    await_all(w);
    assert_int_equal(later->r, 0);
}

static void each_answer_makes_room_for_one(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < PROVER_QUEUE_MAX - 1; i++)
        ask(w, 1, STR("hi"));
    w->asked[0].asks_again = true; // which takes the place that it has left
    const struct asked *last = ask(w, 1, STR("hi"));
    await_all(w);
    assert_int_equal(last->r, 0);
    assert_int_equal(w->n_asked, PROVER_QUEUE_MAX + 1);
    assert_int_equal(w->asked[PROVER_QUEUE_MAX].r, AUTH_PROOF_WRONG);
}

int main(void)
{
#define FOR_BACKEND(test, backend)                                                             \
    {                                                                                          \
        #backend ": " #test, test, open_##backend, close_world, NULL                           \
    }
#define SUITE(backend)                                                                         \
    FOR_BACKEND(tells_right_from_wrong, backend),                                              \
        FOR_BACKEND(takes_the_shortest_and_the_longest, backend),                              \
        FOR_BACKEND(answers_in_the_order_of_the_questions, backend),                           \
        FOR_BACKEND(an_answer_may_ask_again, backend), FOR_BACKEND(is_freed_unused, backend)
    const struct CMUnitTest tests[] = {
        SUITE(direct),
        SUITE(prover),
        FOR_BACKEND(so_many_wait_and_one_more_is_refused, prover),
        FOR_BACKEND(each_answer_makes_room_for_one, prover),
    };
    return cmocka_run_group_tests_name("prover", tests, NULL, NULL);
}
