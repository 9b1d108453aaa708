#include <stdio.h>

#include "base/fsm.h"
#include "support/aborts.h"

enum door {
    DOOR_SHUT,
    DOOR_OPEN,
    DOOR_GONE,
};

static const struct fsm_state states[] = {
    [DOOR_SHUT] = {"door_shut", FSM_TO(DOOR_OPEN) | FSM_TO(DOOR_GONE)},
    [DOOR_OPEN] = {"door_open", FSM_TO(DOOR_SHUT)},
    [DOOR_GONE] = {"door_gone", 0},
};

static void moves_as_the_table_says(void **state)
{
    (void)state;
    struct fsm m;

    fsm_init(&m, states, DOOR_SHUT);
    expect_int("first", m.now, DOOR_SHUT);
    fsm_move(&m, DOOR_OPEN);
    expect_int("opened", m.now, DOOR_OPEN);
    fsm_move(&m, DOOR_SHUT);
    fsm_move(&m, DOOR_GONE);
    expect_int("last", m.now, DOOR_GONE);
    fsm_fini(&m);
}

struct attempt {
    struct fsm m;
    unsigned to;
};

static void attempt_move(void *arg)
{
    struct attempt *a = arg;
    fsm_move(&a->m, a->to);
}

/** Every pair of states: legal exactly when the table has the move. */
static void an_illegal_move_aborts_and_names_both_states(void **state)
{
    static const bool is_legal[3][3] = {
        [DOOR_SHUT] = {[DOOR_OPEN] = true, [DOOR_GONE] = true},
        [DOOR_OPEN] = {[DOOR_SHUT] = true},
    };
    char said[256];
    char want[64];

    (void)state;
    for (unsigned from = 0; from < 3; from++) {
        for (unsigned to = 0; to < 3; to++) {
            struct attempt a = {.to = to};
            fsm_init(&a.m, states, from);
            snprintf(want, sizeof(want), "illegal move %s -> %s\n", states[from].name,
                     states[to].name);

            expect_int(want, fsm_can(&a.m, to), is_legal[from][to]);
            expect_int(want, aborts(attempt_move, &a, said, sizeof(said)), !is_legal[from][to]);
            expect_str(want, str_of(said), is_legal[from][to] ? STR("") : str_of(want));
        }
    }
}

static void fini(void *m)
{
    fsm_fini(m);
}

static void ends_only_in_an_end_state(void **state)
{
    (void)state;
    struct fsm m;
    char said[256];

    fsm_init(&m, states, DOOR_OPEN);
    assert_true(aborts(fini, &m, said, sizeof(said)));
    fsm_init(&m, states, DOOR_GONE);
    assert_false(aborts(fini, &m, said, sizeof(said)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moves_as_the_table_says),
        cmocka_unit_test(an_illegal_move_aborts_and_names_both_states),
        cmocka_unit_test(ends_only_in_an_end_state),
    };
    return cmocka_run_group_tests_name("base/fsm", tests, NULL, NULL);
}
