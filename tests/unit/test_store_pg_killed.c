/** Nodes that write while their connections are ended, by chance with a seed (SEED=N). */
#include "support/pg_crew.h"

#define N_KILLED 40

static atomic_bool is_enough;

static void send_on(struct crew_node *n)
{
    char key[24];
    const unsigned i = crew_pick(n, 3);

    snprintf(key, sizeof(key), "n%u-%zu", n->nth, n->n_left);
    crew_send(n, "abc"[i], "abc"[(i + 1 + crew_pick(n, 2)) % 3], key);
    if (atomic_load(&is_enough))
        n->n_left = 0;
}

/** All that the others have sent. */
static void send_again(struct crew_node *n)
{
    const struct crew *c = n->all;
    size_t nth = n->n_left;

    for (size_t i = 0; i < 3; i++) {
        if (nth < c->nodes[i].n_sent) {
            const struct crew_send *s = c->nodes[i].sent[nth];
            crew_send(n, s->from, s->to, s->key);
            return;
        }
        nth -= c->nodes[i].n_sent;
    }
    assert(false);
}

/** One that is committing, if there is one. */
static void kill_one(struct crew *c)
{
    char text[320];

    snprintf(text, sizeof(text),
             "SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity"
             " WHERE application_name LIKE 'parley %s\\_%% write'"
             " ORDER BY state = 'active' AND query ~ '^(COMMIT|UPDATE)' DESC, random() LIMIT 1)"
             " x",
             c->pg.schema);
    crew_count(c, text);
}

static void connections_that_are_lost_under_load_lose_and_repeat_nothing(void **state)
{
    struct crew *c = NEW(struct crew);
    const struct store_limits limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    struct crew_node by_chance = {0};
    size_t n_sent = 0;

    (void)state;
    crew_open(c, &limits);
    by_chance.chance = seeded_of(c->seed);
    atomic_store(&is_enough, false);
    for (size_t i = 0; i < 3; i++)
        crew_add(c, send_on, 1000000)->window = 6;
    crew_start(c);
    for (size_t i = 0; i < N_KILLED; i++) {
        usleep(10000 + crew_pick(&by_chance, 80000));
        kill_one(c);
    }
    atomic_store(&is_enough, true);
    crew_join(c);
    crew_check(c);
    expect_int("refused otherwise",
               crew_count(c, "SELECT count(*) FROM answered WHERE r NOT IN (0, 1, 2)"), 0);

    for (size_t i = 0; i < 3; i++)
        n_sent += c->nodes[i].n_sent;
    crew_add(c, send_again, n_sent);
    crew_start(c);
    crew_join(c);
    crew_check(c);
    expect_int("not stored in the end",
               crew_count(c, "SELECT count(*) FROM answered WHERE node = 3 AND r <> 0"), 0);
    expect_int("all", crew_count(c, "SELECT count(*) FROM message"), n_sent);
    crew_close(c);
    free(c);
}

static int have_server(void **state)
{
    (void)state;
    return 0;
}

int main(void)
{
    struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(connections_that_are_lost_under_load_lose_and_repeat_nothing,
                               have_server),
    };

    return PG_WORLD_RUN("store_pg_killed", tests);
}
