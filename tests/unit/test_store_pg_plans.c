/** How PostgreSQL looks for what it is asked: by the indexes that are there for it. */
#include "support/pg_read_world.h"

#define SOMEBODY "'\\x01'::bytea"
#define SOME     "ARRAY[" SOMEBODY "]"

static const char *const arguments[READ_UPLOAD + 1] = {
    [READ_DUE] = SOMEBODY ", 0, 1, 1, 257, 1000, true",
    [READ_RECEIPTS] = SOMEBODY ", 0, 100",
    [READ_HISTORY] = SOMEBODY ", 0, " SOMEBODY ", 0, 9, 51, 1000",
    [READ_LIST] = SOMEBODY ", 9, 51, 1000",
    [READ_CONVERSATION] = SOMEBODY ", 0, " SOMEBODY,
    [READ_CHANGES] = SOMEBODY ", 0, 51, 1000",
    [READ_RELATIONS] = SOMEBODY ", " SOME,
    [READ_TOUCHED] = SOME ", 0, 4097",
    [READ_UNREAD] = SOMEBODY,
    [READ_REVOCATIONS] = "0, 0, 1001",
    [READ_UPLOAD] = SOMEBODY,
};

/** No table is gone through whole, but that of one row; also without what the reader sets. */
static void expect_no_scan(const struct pg_read_world *w, const char *when)
{
    char text[8192];

    for (unsigned i = 0; i <= READ_UPLOAD; i++) {
        const int n =
            snprintf(text, sizeof(text),
                     "CREATE OR REPLACE FUNCTION plan() RETURNS text LANGUAGE plpgsql AS $f$"
                     " DECLARE line text; lines text := ''; BEGIN"
                     "  SET LOCAL plan_cache_mode = force_generic_plan;"
                     "  EXECUTE $q$PREPARE q AS %s$q$;"
                     "  FOR line IN EXECUTE $q$EXPLAIN (COSTS off) EXECUTE q(%s)$q$ LOOP"
                     "   lines := lines || line || E'\\n'; END LOOP;"
                     "  DEALLOCATE q; RETURN lines; END $f$",
                     pg_questions[i]->statement.text, arguments[i]);
        assert_in_range(n, 1, sizeof(text) - 1);
        run(w, text);
        char *plan = look(w, "SELECT plan()");
        for (const char *at = strstr(plan, "Seq Scan on "); at;
             at = strstr(at, "Seq Scan on ")) {
            at += strlen("Seq Scan on ");
            if (!str_starts(str_of(at), STR("meta ")))
                fail_msg("%s: kind %u: %s", when, i, plan);
        }
        free(plan);
    }
}

static void each_question_is_answered_by_indexes(void **state)
{
    struct pg_read_world *w = *state;

    add_accounts(w, 500);
    run(w, MESSAGES("SELECT c, i, 500 * (i - 1) + c, i % 2, 0, 'null'::bytea"
                    " FROM generate_series(1, 20) i, generate_series(2, 500) c"));
    run(w, tally);
    run(w,
        "INSERT INTO upload SELECT int8send(i), '', '', '', 1, NULL, 1, 0, 0"
        " FROM generate_series(1, 5000) i;"
        "INSERT INTO revocation SELECT i, int8send(i), NULL, 0, i"
        " FROM generate_series(1, 5000) i");
    expect_no_scan(w, "with tables that were not analyzed");
    run(w, "ANALYZE");
    expect_no_scan(w, "analyzed");
}

int main(void)
{
    struct CMUnitTest tests[] = {
        PG_READ_TEST(each_question_is_answered_by_indexes),
    };

    return PG_WORLD_RUN("store_pg_plans", tests);
}
