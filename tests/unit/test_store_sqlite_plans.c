/** How SQLite looks for what it is asked: by the indexes that are there for it. */
#include "store/sqlite_index.h"
#include "store/sqlite_place.h"
#include "store/sqlite_replay.h"
#include "store/sqlite_row.h"
#include "store/sqlite_text.h"
#include "store/sqlite_uploads.h"
#include "support/sqlite_world.h"
#include "support/uploads_world.h"

static int setup(void **state)
{
    *state = store_world_new(BACKEND_SQLITE);
    return 0;
}

static int teardown(void **state)
{
    store_world_free(*state);
    return 0;
}

/** The steps of a statement, a line each. */
static void explain(sqlite3 *db, const char *text, char *out, size_t size)
{
    char question[4096];
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;

    snprintf(question, sizeof(question), "EXPLAIN QUERY PLAN %s", text);
    assert_int_equal(sqlite3_prepare_v2(db, question, -1, &stmt, NULL), SQLITE_OK);
    out[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const int more = snprintf(out + n, size - n, "%s\n", sqlite3_column_text(stmt, 3));
        n += (size_t)more;
        assert_true(n < size);
    }
    sqlite3_finalize(stmt);
}
#define W(which) "writer: " #which, &writer_texts[which]
#define R(which) "reader: " #which, &sqlite_row_texts[which]
#define P(which) "places: " #which, &place_texts[which]
#define I(which) "index: " #which, &sqlite_index_texts[which]
#define L(which) "replay: " #which, &sqlite_replay_texts[which]
#define U(which) "uploads: " #which, &sqlite_uploads_texts[which]
#define T(which) "triggers: " #which, &triggers[which]

enum trigger {
    T_LET_GO,
    T_IS_LAST,
    T_END,
    T_COUNT,
};

/** What those of sqlite_file.c do: SQLite does not explain it there. */
static const char *const triggers[T_COUNT] = {
    [T_LET_GO] = "DELETE FROM attachment WHERE position = ?",
    [T_IS_LAST] = "SELECT 1 FROM attachment WHERE upload = ?",
    [T_END] = "UPDATE upload SET until_ms = 1 WHERE id = ? AND until_ms = 0",
};

static const struct {
    const char *name;
    const char *const *text;
    const char *by; // the first step
} rows[] = {
    {W(W_ACCOUNT), "account USING COVERING INDEX sqlite_autoindex_account_1 (bytes=?)"},
    {W(W_SEEN), "account USING INDEX sqlite_autoindex_account_1 (bytes=?)"},
    {W(W_FIND_PAIR),
     "conversation USING COVERING INDEX sqlite_autoindex_conversation_1"
     " (kind=? AND a=? AND b=? AND context=?)"},
    {W(W_FIND_ID), "c USING INTEGER PRIMARY KEY (rowid=?)"},
    {W(W_AT), "message USING INTEGER PRIMARY KEY (rowid=?)"},
    {W(W_TALLIES_AT), "message USING INTEGER PRIMARY KEY (rowid=?)"},
    {W(W_WITHHELD_AT),
     "withheld USING PRIMARY KEY"
     " (conversation=? AND side=? AND upto_seq>?)"},
    {W(W_WITHHELD_LAST), "withheld USING PRIMARY KEY (conversation=? AND side=?)"},
    {W(W_FORGET_WITHHELD),
     "withheld USING PRIMARY KEY"
     " (conversation=? AND side=? AND upto_seq=?)"},
    {P(P_PLACE), "place USING INTEGER PRIMARY KEY (rowid=?)"},
    {P(P_KEYED), "sent USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {P(P_THREAD), "thread USING INTEGER PRIMARY KEY (rowid=?)"},
    {P(P_MEMBERS), "member USING INTEGER PRIMARY KEY (rowid=?)"},
    {P(P_KEPT), "thread USING INTEGER PRIMARY KEY (rowid=?)"},
    {I(I_PLACES), "thread USING INTEGER PRIMARY KEY (rowid=?)"},
    {I(I_SENT_AT), "sent USING INTEGER PRIMARY KEY (rowid=?)"},
    {I(I_MEMBERS), "member USING INTEGER PRIMARY KEY (rowid=?)"},
    {L(L_MESSAGES), "message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {L(L_REMOVED), "removed USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {L(L_MARKS), "mark USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {L(L_CONTACTS), "contact USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {R(R_ACCOUNT), "account USING COVERING INDEX sqlite_autoindex_account_1 (bytes=?)"},
    {R(R_CONVERSATION), "c USING INTEGER PRIMARY KEY (rowid=?)"},
    {R(R_NEAR), "message USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)"},
    {R(R_PROBE), "message USING INTEGER PRIMARY KEY (rowid=?)"},
    {R(R_AT), "message USING INTEGER PRIMARY KEY (rowid=?)"},
    {R(R_WITHHELD),
     "withheld USING PRIMARY KEY"
     " (conversation=? AND side=? AND upto_seq>?)"},
    {R(R_UPLOAD), "upload USING PRIMARY KEY (id=?)"},
    {U(U_OWNER), "uploader USING PRIMARY KEY (owner=?)"},
    {U(U_STATE), "upload USING PRIMARY KEY (id=?)"},
    {U(U_SET), "upload USING PRIMARY KEY (id=?)"},
    {U(U_OVER), "upload USING INDEX upload_by_until (until_ms>? AND until_ms<?)"},
    {U(U_REMOVE), "upload USING PRIMARY KEY (id=?)"},
    {U(U_ACCEPTED), "upload USING PRIMARY KEY (id=?)"},
    {U(U_KEEP), "upload USING PRIMARY KEY (id=?)"},
    {T(T_LET_GO), "attachment USING INTEGER PRIMARY KEY (rowid=?)"},
    {T(T_IS_LAST), "attachment USING COVERING INDEX attachment_by_upload (upload=?)"},
    {T(T_END), "upload USING PRIMARY KEY (id=?)"},
};

static void expect_plans(const struct store_world *w)
{
    sqlite3 *db = open_both(w);

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        char plan[2048];
        char want[256];
        explain(db, *rows[i].text, plan, sizeof(plan));
        snprintf(want, sizeof(want), "SEARCH %s", rows[i].by);
        const str first = {plan, strcspn(plan, "\n")};
        expect_str(rows[i].name, first, str_of(want));
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void each_statement_has_its_index(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    expect_plans(w);
    for (unsigned i = 0; i < 50; i++) { // and whatever the tables hold
        char key[8];
        snprintf(key, sizeof(key), "%u", i);
        put(w, 'a', 'b', key, i + 1);
        upload(w, 'a', key);
        send_upload(w, 'a', key, key, 0);
    }
    await_index(w);
    run_sql(w,
            "INSERT INTO contact WITH RECURSIVE n (i) AS" // few rows are not worth a search
            "  (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < 1050)"
            "  SELECT i, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM n;"
            "ANALYZE; ANALYZE ix");
    expect_plans(w);
    run_sql(w,
            "DELETE FROM contact; INSERT INTO contact VALUES (1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);"
            "ANALYZE");
    store_world_close(w); // what ANALYZE has found is forgotten
    store_world_open(w);
    expect_plans(w);
}

static void expect_no_scan(sqlite3 *db, const char *text)
{
    char plan[2048];

    explain(db, text, plan, sizeof(plan));
    const char *scan = strstr(plan, "SCAN ");
    if (scan && strncmp(scan, "SCAN meta\n", strlen("SCAN meta\n")) != 0 &&
        strncmp(scan, "SCAN state\n", strlen("SCAN state\n")) != 0) // tables of one row
        fail_msg("\"%s\":\n%s", text, plan);
    if (strstr(plan, "TEMP B-TREE") || strstr(plan, "AUTOMATIC"))
        fail_msg("\"%s\":\n%s", text, plan);
}

static void nothing_is_scanned_or_sorted(void **state)
{
    static const struct {
        const char *const *texts;
        unsigned n;
    } all[] = {{writer_texts, W_COUNT},        {sqlite_row_texts, R_COUNT},
               {place_texts, P_COUNT},         {sqlite_index_texts, I_COUNT},
               {sqlite_replay_texts, L_COUNT}, {sqlite_uploads_texts, U_COUNT}};
    sqlite3 *db = open_both(*state);

    for (unsigned i = 0; i < COUNT_OF(all); i++) {
        for (unsigned k = 0; k < all[i].n; k++)
            expect_no_scan(db, all[i].texts[k]);
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

int main(void)
{
#define UNIT(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        UNIT(each_statement_has_its_index),
        UNIT(nothing_is_scanned_or_sorted),
    };
    return cmocka_run_group_tests_name("store_sqlite_plans", tests, NULL, NULL);
}
