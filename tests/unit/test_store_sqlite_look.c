/** A look into a store says what the store says, by whichever way, and changes nothing. */
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "auth/account.h"
#include "store/sqlite_look.h"
#include "store/sqlite_look_table.h"
#include "support/sqlite_world.h"
#include "support/uploads_world.h"

#define HOME 1
#define PAGE INT64_C(8192) // bytes

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

// Looking.

/** A result: a line for each row, its values between bars. */
struct seen_rows {
    struct buf text;
    size_t n_rows;
    size_t max_rows;             // then it is enough; 0: never
    void (*at_first)(void *arg); // while the statement is under way; NULL: nothing
    void *arg;
    bool has_gone_out;
};

static int on_columns(void *arg, size_t n, const char *const *names)
{
    struct seen_rows *s = arg;

    (void)n, (void)names;
    return s->has_gone_out && s->n_rows > 0;
}

static int on_row(void *arg, size_t n, const struct sqlite_look_value *values)
{
    struct seen_rows *s = arg;
    int r = 0;

    for (size_t i = 0; i < n; i++) {
        r |= buf_addf(&s->text, "%s", i > 0 ? "|" : "");
        r |= buf_add(&s->text, values[i].text);
    }
    r |= buf_add(&s->text, STR("\n"));
    assert_int_equal(r, 0);
    if (s->n_rows++ == 0 && s->at_first)
        s->at_first(s->arg);
    return s->n_rows == s->max_rows;
}

static struct sqlite_look *look_open(const struct store_world *w, bool without_index)
{
    const struct sqlite_look_config config = {
        .dir = w->dir, .home_chain = HOME, .timeout_ms = 60000, .without_index = without_index};
    struct sqlite_look *l = NULL;

    const int r = sqlite_look_open(&l, &config);
    if (r != 0)
        fail_msg("%d: %s", r, sqlite_look_why(l));
    return l;
}

static int run(struct sqlite_look *l, const char *statement, struct seen_rows *s)
{
    const struct sqlite_look_rows to = {.on_columns = on_columns, .on_row = on_row, .arg = s};
    str text = str_of(statement);

    buf_init(&s->text, SIZE_MAX / 2);
    return sqlite_look_run(l, &text, &to);
}

static void expect_rows(struct sqlite_look *l, const char *statement, const char *want)
{
    struct seen_rows s = {.n_rows = 0};

    const int r = run(l, statement, &s);
    if (r != 0)
        fail_msg("%s: %d: %s", statement, r, sqlite_look_why(l));
    expect_str(statement, buf_str(&s.text), str_of(want));
    buf_fini(&s.text);
}

static void expect_refusal(struct sqlite_look *l, const char *statement, int refusal,
                           const char *why)
{
    struct seen_rows s = {.n_rows = 0};

    expect_int(statement, run(l, statement, &s), refusal);
    if (!strstr(sqlite_look_why(l), why))
        fail_msg("%s: \"%s\" is not in \"%s\"", statement, why, sqlite_look_why(l));
    buf_fini(&s.text);
}

/** Both say the same. */
static void expect_same(struct sqlite_look *a, const char *of_a, struct sqlite_look *b,
                        const char *of_b)
{
    struct seen_rows one = {.n_rows = 0};
    struct seen_rows other = {.n_rows = 0};

    const int r = run(a, of_a, &one);
    if (r != 0)
        fail_msg("%s: %d: %s", of_a, r, sqlite_look_why(a));
    expect_int(of_b, run(b, of_b, &other), 0);
    expect_str(of_a, buf_str(&one.text), buf_str(&other.text));
    buf_fini(&one.text);
    buf_fini(&other.text);
}

static const char *text_of(char letter)
{
    static char text[AUTH_ACCOUNT_TEXT_SIZE];
    const account a = who(letter);

    return auth_account_text(text, &a).ptr;
}

// What there is.

static void says_it_in_the_words_of_the_protocol(void **state)
{
    struct store_world *w = *state;
    struct store_append what = message('a', 'b', "key-1", "\"hi\"");
    char want[1024];

    const conversation_id id = append(w, &what).conversation;
    what = message('s', 'a', "~0123", "{\"x\":1}");
    what.type = STR("x-it");
    what.now_ms += 1;
    const conversation_id other = append(w, &what).conversation;
    what = message('a', 's', "key-2", "\"yes\"");
    what.reply_to = 1;
    append(w, &what);
    seen(w, 'a', NOW + 5);
    struct sqlite_look *l = look_open(w, false);

    char a[AUTH_ACCOUNT_TEXT_SIZE];
    char b[AUTH_ACCOUNT_TEXT_SIZE];
    char s[AUTH_ACCOUNT_TEXT_SIZE];
    strcpy(a, text_of('a')); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    strcpy(b, text_of('b')); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    strcpy(s, text_of('s')); // NOLINT(clang-analyzer-security.insecureAPI.strcpy)
    snprintf(want, sizeof(want),
             "%016llx|1|%s|%s|text|\"hi\"|key-1||2023-11-14T22:13:20.000Z|1\n"
             "%016llx|1|%s|%s|x-it|{\"x\":1}|||2023-11-14T22:13:20.001Z|2\n"
             "%016llx|2|%s|%s|text|\"yes\"|key-2|1|2023-11-14T22:13:20.001Z|3\n",
             (unsigned long long)id, a, b, (unsigned long long)other, s, a,
             (unsigned long long)other, a, s);
    expect_rows(l, "SELECT * FROM messages ORDER BY position", want);
    snprintf(want, sizeof(want),
             "%016llx|%s|%s|1|1|2023-11-14T22:13:20.000Z\n"
             "%016llx|%s|%s|1|2|2023-11-14T22:13:20.001Z\n",
             (unsigned long long)id, a, b, (unsigned long long)other, a, s);
    expect_rows(l, "SELECT * FROM conversations ORDER BY conversation", want);
    snprintf(want, sizeof(want), "%s|2023-11-14T22:13:20.005Z|2\n%s||1\n%s||1\n", a, b, s);
    expect_rows(l, "SELECT * FROM accounts ORDER BY conversations DESC, account", want);
    snprintf(want, sizeof(want),
             "%s|1|1|2023-11-14T22:13:20.001Z\n%s|1|1|2023-11-14T22:13:20.000Z\n"
             "%s|1|1|2023-11-14T22:13:20.001Z\n",
             a, b, s);
    expect_rows(l, "SELECT * FROM undelivered ORDER BY account", want);
    snprintf(want, sizeof(want), "%016llx|%s|%s|1|0|0|0|0\n%016llx|%s|%s|0|0|0|0|1\n",
             (unsigned long long)id, a, b, (unsigned long long)id, b, a);
    char text[128];
    snprintf(text, sizeof(text),
             "SELECT * FROM sides WHERE conversation = '%016llx' ORDER BY account",
             (unsigned long long)id);
    expect_rows(l, text, want);
    sqlite_look_close(l);
}

static void says_sessions_and_uploads(void **state)
{
    struct store_world *w = *state;
    const struct auth_store_begin begin = begin_of('a', "tab-1", "nonce-1");
    char want[1024];

    ask_begin(w, &begin, 0, NULL);
    announce(w, 'b', "upload-1");
    upload(w, 'a', "upload-2");
    send_upload(w, 'a', "key", "upload-2", 0);
    struct sqlite_look *l = look_open(w, false);
    snprintf(want, sizeof(want),
             "tab-1|%s|2023-11-14T22:13:20.000Z|2023-11-14T22:13:20.000Z|"
             "2023-11-14T23:13:20.000Z\n",
             text_of('a'));
    expect_rows(l, "SELECT * FROM sessions", want);
    expect_rows(l, "SELECT upload, state, messages, expires_at IS NULL FROM uploads",
                "upload-1|pending|0|0\nupload-2|accepted|1|1\n");
    snprintf(want, sizeof(want), "SELECT upload FROM uploads WHERE account = '%s'",
             text_of('b'));
    expect_rows(l, want, "upload-1\n");
    expect_rows(l, "SELECT upload FROM uploads WHERE upload = 'upload-2'", "upload-2\n");
    sqlite_look_close(l);
}

// By chance.

static struct seeded seed_of_the_day(void)
{
    const char *seed = getenv("SEED"); // NOLINT(concurrency-mt-unsafe): one thread
    const uint64_t number = seed ? strtoull(seed, NULL, 10) : (uint64_t)time(NULL);

    print_message("SEED=%llu\n", (unsigned long long)number);
    return seeded_of(number);
}

/** A side as the store has it. */
struct side {
    int r;
    bool is_done;
    bool accepted;
    bool blocked;
    struct chat_marks mine;
    uint64_t last_seq;
    conversation_id id;
};

static void on_side(void *arg, int r, const struct chat_conversation *c)
{
    struct side *s = arg;

    *s = (struct side){.r = r, .is_done = true};
    if (c) {
        s->accepted = c->accepted;
        s->blocked = c->blocked;
        s->mine = c->mine;
        s->last_seq = c->last_seq;
        s->id = c->id;
    }
}

/** Messages that wait for this account, from this peer. */
struct waiting {
    bool is_done;
    account peer;
    uint64_t n;
};

static void on_waiting(void *arg, int r, const struct store_page *page)
{
    struct waiting *x = arg;

    assert_int_equal(r, 0);
    x->is_done = true;
    for (size_t i = 0; i < page->n_messages; i++)
        x->n += account_eq(&page->messages[i].from, &x->peer);
}

static void expect_side(struct store_world *w, struct sqlite_look *l, char letter, char peer)
{
    const struct store_conversation c = {.account = who(letter), .place.peer = who(peer)};
    const struct store_read read = {SOME_OF(letter), .since = INT64_MAX};
    struct waiting waiting = {.peer = who(peer)};
    struct side s = {.is_done = false};
    char text[512];
    char want[128] = "";

    store_conversation(w->store, &c, on_side, &s);
    store_read(w->store, &read, on_waiting, &waiting);
    while (!s.is_done || !waiting.is_done)
        loop_run_once(w->loop);
    if (s.r == 0) {
        snprintf(want, sizeof(want), "%016llx|%d|%d|%llu|%llu|%llu|%llu\n",
                 (unsigned long long)s.id, s.accepted, s.blocked,
                 (unsigned long long)s.mine.delivered_seq, (unsigned long long)s.mine.read_seq,
                 (unsigned long long)waiting.n, (unsigned long long)s.last_seq);
    }
    int n = snprintf(text, sizeof(text),
                     "SELECT s.conversation, accepted, blocked, delivered_seq, read_seq,"
                     " undelivered, last_seq FROM sides s JOIN conversations USING"
                     " (conversation) WHERE account = '%s'",
                     text_of(letter));
    snprintf(text + n, sizeof(text) - (size_t)n, " AND peer = '%s'", text_of(peer));
    expect_rows(l, text, want);
}

// The messages, as the log itself says them.
#define RAW                                                                                    \
    "SELECT conversation_text(m.conversation), m.seq, address(f.bytes), address(t.bytes),"     \
    " m.content, m.position FROM message m JOIN conversation c ON c.id = m.conversation"       \
    " JOIN account f ON f.id = CASE m.sender WHEN 0 THEN c.a ELSE c.b END"                     \
    " JOIN account t ON t.id = CASE m.sender WHEN 1 THEN c.a ELSE c.b END WHERE "
#define FIELDS "SELECT conversation, seq, \"from\", \"to\", content, position FROM messages "

static void expect_messages(struct sqlite_look *l, const char *where, const char *raw,
                            const char *order)
{
    char text[512];
    char log_text[1024];

    snprintf(text, sizeof(text), FIELDS "WHERE %s ORDER BY %s", where, order);
    snprintf(log_text, sizeof(log_text), RAW "%s ORDER BY %s", raw, order);
    expect_same(l, text, l, log_text);
}

#define ONE                                                                                    \
    "(SELECT conversation FROM conversations ORDER BY last_seq DESC, conversation LIMIT 1)"

/** By each way, and in each order. */
static void expect_all_messages(struct sqlite_look *l)
{
    static const char *const orders[] = {"position", "position DESC", "seq, position",
                                         "seq DESC, position"};
    static const char *const ranges[][2] = {
        {"seq >= 0", "m.seq >= 0"},
        {"seq = 3", "m.seq = 3"},
        {"seq > 3", "m.seq > 3"},
        {"seq <= 7", "m.seq <= 7"},
        {"seq BETWEEN 4 AND 9", "m.seq BETWEEN 4 AND 9"},
        {"seq > 2.5 AND seq < '7'", "m.seq > 2.5 AND m.seq < '7'"},
        {"seq > 5000000000", "m.seq > 5000000000"},
        {"seq > -5", "m.seq > -5"},
        {"position < 40", "m.position < 40"},
    };
    char where[512];
    char raw[512];

    for (size_t i = 0; i < COUNT_OF(ranges); i++) {
        for (size_t k = 0; k < COUNT_OF(orders); k++) {
            expect_messages(l, ranges[i][0], ranges[i][1], orders[k]);
            snprintf(where, sizeof(where), "conversation = " ONE " AND %s", ranges[i][0]);
            snprintf(raw, sizeof(raw), "conversation_text(m.conversation) = " ONE " AND %s",
                     ranges[i][1]);
            expect_messages(l, where, raw, orders[k]);
        }
    }
    expect_messages(l, "conversation = " ONE, "conversation_text(m.conversation) = " ONE,
                    "seq");
    expect_messages(l, "conversation = " ONE, "conversation_text(m.conversation) = " ONE,
                    "seq DESC");
    expect_messages(l, "conversation IN (SELECT conversation FROM conversations LIMIT 2)",
                    "conversation_text(m.conversation) IN (SELECT conversation FROM"
                    " conversations LIMIT 2)",
                    "position");
}

static void expect_messages_of(struct sqlite_look *l, char letter)
{
    char where[512];
    char raw[512];
    char address[AUTH_ACCOUNT_TEXT_SIZE];

    snprintf(address, sizeof(address), "%s", text_of(letter));
    snprintf(where, sizeof(where), "\"from\" = '%s'", address);
    snprintf(raw, sizeof(raw), "f.bytes = account_bytes('%s')", address);
    expect_messages(l, where, raw, "position");
    snprintf(where, sizeof(where), "\"to\" = '%s'", address);
    snprintf(raw, sizeof(raw), "t.bytes = account_bytes('%s')", address);
    expect_messages(l, where, raw, "position DESC");
    snprintf(where, sizeof(where), "\"from\" = '%s' OR \"to\" = '%s'", address, address);
    snprintf(raw, sizeof(raw), "account_bytes('%s') IN (f.bytes, t.bytes)", address);
    expect_messages(l, where, raw, "position");
}

// NOLINTBEGIN(bugprone-suspicious-missing-comma): ONE stands in the middle of some
static const char *const whole[] = {
    "SELECT * FROM messages ORDER BY position",
    "SELECT * FROM conversations ORDER BY conversation",
    "SELECT * FROM sides ORDER BY conversation, account",
    "SELECT * FROM undelivered ORDER BY account",
    "SELECT * FROM accounts ORDER BY account",
    "SELECT * FROM conversations WHERE conversation = " ONE,
    "SELECT * FROM sides WHERE conversation = " ONE " ORDER BY account",
    "SELECT * FROM sides WHERE account = (SELECT min(account) FROM accounts) ORDER BY peer",
    "SELECT * FROM sides WHERE peer = (SELECT min(account) FROM accounts) ORDER BY account",
    "SELECT * FROM conversations WHERE a = (SELECT min(account) FROM accounts) ORDER BY b",
    "SELECT * FROM conversations WHERE b = (SELECT max(account) FROM accounts) ORDER BY a",
    "SELECT * FROM undelivered WHERE account = (SELECT max(account) FROM accounts)",
    "SELECT * FROM accounts WHERE account = (SELECT max(account) FROM accounts)",
};
// NOLINTEND(bugprone-suspicious-missing-comma)

/** What is given makes no difference but to the time it takes. */
static const char *const filtered[][2] = {
    {"SELECT * FROM sides WHERE conversation = " ONE " ORDER BY account",
     "SELECT * FROM sides WHERE +conversation = " ONE " ORDER BY account"},
    {"SELECT * FROM sides WHERE account IN (SELECT account FROM accounts) ORDER BY 1, 2",
     "SELECT * FROM sides ORDER BY 1, 2"},
    {"SELECT * FROM sides WHERE peer IN (SELECT account FROM accounts) ORDER BY 1, 2",
     "SELECT * FROM sides ORDER BY 1, 2"},
    {"SELECT * FROM undelivered WHERE account IN (SELECT account FROM accounts) ORDER BY 1",
     "SELECT * FROM undelivered ORDER BY 1"},
    {"SELECT * FROM accounts WHERE account IN (SELECT a FROM conversations UNION SELECT b FROM"
     " conversations) ORDER BY 1",
     "SELECT * FROM accounts ORDER BY 1"},
    {"SELECT * FROM conversations WHERE a IN (SELECT account FROM accounts) ORDER BY 1",
     "SELECT * FROM conversations ORDER BY 1"},
    {"SELECT * FROM conversations WHERE b IN (SELECT account FROM accounts) ORDER BY 1",
     "SELECT * FROM conversations ORDER BY 1"},
    {"SELECT account, sum(undelivered) FROM sides GROUP BY 1 HAVING sum(undelivered) > 0",
     "SELECT account, messages FROM undelivered ORDER BY 1"},
    {"SELECT conversation, count(*), max(seq), max(created_at) FROM messages GROUP BY 1"
     " HAVING max(seq) > 0 ORDER BY 1",
     "SELECT conversation, last_seq, last_seq, updated_at FROM conversations WHERE last_seq > 0"
     " ORDER BY 1"},
};

static void expect_all(struct store_world *w, bool without_index)
{
    struct sqlite_look *l = look_open(w, without_index);
    struct sqlite_look *plain = look_open(w, true);

    assert_null(sqlite_look_without_index(l));
    for (size_t i = 0; LETTERS[i] != '\0'; i++) {
        expect_messages_of(l, LETTERS[i]);
        for (size_t k = 0; LETTERS[k] != '\0'; k++) {
            if (i != k)
                expect_side(w, l, LETTERS[i], LETTERS[k]);
        }
    }
    expect_all_messages(l);
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        expect_same(l, whole[i], plain, whole[i]);
    for (size_t i = 0; i < COUNT_OF(filtered); i++)
        expect_same(l, filtered[i][0], l, filtered[i][1]);
    sqlite_look_close(plain);
    sqlite_look_close(l);
}

static void change_many(struct store_world *w, struct seeded *chance, unsigned n)
{
    for (unsigned i = 0; i < n; i++)
        change_some(w, chance);
}

static void says_what_the_store_says(void **state)
{
    static const size_t index_after[] = {PLENTY, 3000, 1};
    struct store_world *w = *state;
    struct seeded chance = seed_of_the_day();

    for (size_t i = 0; i < COUNT_OF(index_after); i++) {
        store_world_close(w);
        w->index_after = index_after[i];
        store_world_open(w);
        change_many(w, &chance, 40);
        expect_all(w, false);
        expect_all(w, true);
    }
    await_index(w);
    expect_all(w, false);
}

/** Taken out by an operator, with sqlite3: the numbers that were given stay given. */
static void knows_of_what_is_gone(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    for (uint64_t seq = 1; seq <= 6; seq++) {
        char key[8];
        snprintf(key, sizeof(key), "%d", (int)seq);
        put(w, 'a', 'b', key, seq);
    }
    await_index(w);
    store_world_close(w);
    run_sql(w, "DELETE FROM message WHERE content IN ('2', '6')");
    store_world_open(w);
    struct sqlite_look *l = look_open(w, false);
    struct sqlite_look *plain = look_open(w, true);
    expect_rows(l, "SELECT seq FROM messages ORDER BY seq", "1\n3\n4\n5\n");
    expect_rows(l, "SELECT last_seq FROM conversations WHERE last_seq > 0", "6\n");
    expect_rows(plain, "SELECT last_seq FROM conversations WHERE last_seq > 0", "6\n");
    for (size_t i = 0; i < COUNT_OF(whole); i++)
        expect_same(l, whole[i], plain, whole[i]);
    sqlite_look_close(plain);
    sqlite_look_close(l);
}

// The ways.

static void explain(sqlite3 *db, const char *text, char *out, size_t size)
{
    char question[4096];
    sqlite3_stmt *stmt = NULL;
    size_t n = 0;

    snprintf(question, sizeof(question), "EXPLAIN QUERY PLAN %s", text);
    if (sqlite3_prepare_v2(db, question, -1, &stmt, NULL) != SQLITE_OK)
        fail_msg("%s: %s", text, sqlite3_errmsg(db));
    out[0] = '\0';
    while (sqlite3_step(stmt) == SQLITE_ROW) {
        const int more = snprintf(out + n, size - n, "%s\n", sqlite3_column_text(stmt, 3));
        n += (size_t)more;
        assert_true(n < size);
    }
    sqlite3_finalize(stmt);
}

/** What is asked for is found by what is given. */
static void statements_come_by_the_best_way(void **state)
{
    static const struct {
        const char *text;
        const char *plan;
    } plans[] = {
        {"SELECT * FROM messages WHERE conversation = 'x' ORDER BY seq DESC LIMIT 50",
         "SCAN messages VIRTUAL TABLE INDEX %d:by conversation\n"},
        {"SELECT * FROM messages WHERE conversation = 'x' AND seq > 9 ORDER BY position",
         "SCAN messages VIRTUAL TABLE INDEX %d:by conversation\n"},
        {"SELECT * FROM messages WHERE conversation = 'x' AND \"from\" = 'y'",
         "SCAN messages VIRTUAL TABLE INDEX %d:by conversation\n"},
        {"SELECT * FROM messages WHERE \"from\" = 'x'",
         "SCAN messages VIRTUAL TABLE INDEX %d:by from\n"},
        {"SELECT * FROM messages WHERE \"to\" = 'x' AND type = 'text'",
         "SCAN messages VIRTUAL TABLE INDEX %d:by to\n"},
        {"SELECT * FROM messages ORDER BY position DESC LIMIT 10",
         "SCAN messages VIRTUAL TABLE INDEX %d:by position\n"},
        {"SELECT count(*) FROM messages", "SCAN messages VIRTUAL TABLE INDEX %d:by position\n"},
        {"SELECT m.* FROM conversations c JOIN messages m USING (conversation) WHERE c.a = 'x'",
         "SCAN c VIRTUAL TABLE INDEX %d:by a\nSCAN m VIRTUAL TABLE INDEX %d:by "
         "conversation\n"},
        {"SELECT * FROM sides WHERE account = 'x'",
         "SCAN sides VIRTUAL TABLE INDEX %d:by account\n"},
    };
    struct store_world *w = *state;
    struct sqlite_look *l = look_open(w, false);

    for (size_t i = 0; i < COUNT_OF(plans); i++) {
        struct seen_rows s = {.n_rows = 0};
        char text[512];
        char said[512];
        size_t n = 0;
        snprintf(text, sizeof(text), "EXPLAIN QUERY PLAN %s", plans[i].text);
        expect_int(text, run(l, text, &s), 0);
        str rows = buf_str(&s.text);
        while (rows.len > 0) {
            str row = str_take_until(&rows, '\n');
            for (int k = 0; k < 3; k++)
                str_take_until(&row, '|');
            const str head = str_take_until(&row, ' ');
            n += (size_t)snprintf(said + n, sizeof(said) - n, STR_FMT " ", STR_ARG(head));
            while (row.len > 0) { // the plan's number is ours alone
                const str word = str_take_until(&row, ' ');
                const size_t at = str_find(word, ':');
                const str rest = {word.ptr + at, word.len - at};
                n += (size_t)snprintf(said + n, sizeof(said) - n,
                                      at < word.len ? "%%d" STR_FMT "%s" : STR_FMT "%s",
                                      STR_ARG(at < word.len ? rest : word),
                                      row.len > 0 ? " " : "\n");
            }
        }
        assert_string_equal(said, plans[i].plan);
        buf_fini(&s.text);
    }
    sqlite_look_close(l);
}

/** And each way by what is there for it in the files. */
static void ways_go_through_no_more_than_they_must(void **state)
{
    static const char views[] =
        "CREATE TEMP VIEW indexed AS SELECT position FROM ix.state;"
        "CREATE TEMP VIEW placed AS SELECT id, position FROM ix.place"
        " WHERE position <= (SELECT position FROM ix.state);"
        "CREATE TEMP VIEW kept AS SELECT t.id AS number, j.value AS position FROM ix.thread t"
        " CROSS JOIN json_each(kept_positions(t.places)) j"
        " WHERE j.value <= (SELECT position FROM ix.state)";
    static const char *const first[][SQLITE_LOOK_PARTS] = {
        {"SEARCH ix.place USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n",
         "SEARCH t USING INTEGER PRIMARY KEY (rowid=?)\n",
         "SEARCH m USING INTEGER PRIMARY KEY (rowid>?)\n"},
        {"SCAN c USING COVERING INDEX", "SCAN c USING COVERING INDEX",
         "SEARCH m USING INTEGER PRIMARY KEY (rowid>?)\n"},
        {"SCAN c USING COVERING INDEX", "SCAN c USING COVERING INDEX",
         "SEARCH m USING INTEGER PRIMARY KEY (rowid>?)\n"},
        {"SEARCH m USING INTEGER PRIMARY KEY (rowid>? AND rowid<?)\n", NULL, NULL},
    };
    struct store_world *w = *state;
    const struct sqlite_look_table *t = sqlite_look_tables[0];
    struct sqlite_look_text functions;
    sqlite3 *db = open_both(w);
    char text[2048];
    char plan[4096];

    assert_string_equal(t->name, "messages");
    sqlite_look_text_init(&functions, db, HOME);
    assert_int_equal(sqlite3_exec(db, views, NULL, NULL, NULL), SQLITE_OK);
    for (size_t i = 0; i < COUNT_OF(first); i++) {
        for (size_t k = 0; k < SQLITE_LOOK_PARTS && t->ways[i].parts[k].from; k++) {
            const struct sqlite_look_part *p = &t->ways[i].parts[k];
            snprintf(text, sizeof(text), "SELECT m.content FROM %s WHERE %s%s%s", p->from,
                     p->where, p->order ? " ORDER BY " : "", p->order ? p->order : "");
            explain(db, text, plan, sizeof(plan));
            assert_non_null(first[i][k]);
            if (strncmp(plan, first[i][k], strlen(first[i][k])) != 0 ||
                strstr(plan, "SCAN m\n") || strstr(plan, "SCAN ix.place") ||
                strstr(plan, "SCAN t\n"))
                fail_msg("%s:\n%s", text, plan);
        }
    }
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    sqlite_look_text_fini(&functions);
}

// What somebody types.

static void takes_an_address_in_each_of_its_forms(void **state)
{
    static const char *const forms[] = {
        "0x0000000000000000000000000000000000000061",
        "eip155:1:0x0000000000000000000000000000000000000061",
        "eip155:0:0x0000000000000000000000000000000000000061",
    };
    struct store_world *w = *state;
    char text[256];

    put(w, 'a', 'b', "key", 1);
    struct sqlite_look *l = look_open(w, false);
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        snprintf(text, sizeof(text), "SELECT seq FROM messages WHERE \"from\" = '%s'",
                 forms[i]);
        expect_rows(l, text, "1\n");
        snprintf(text, sizeof(text), "SELECT 1 FROM account WHERE bytes = account_bytes('%s')",
                 forms[i]);
        expect_rows(l, text, "1\n");
        snprintf(text, sizeof(text), "SELECT address('%s')", forms[i]);
        expect_rows(l, text, "0x0000000000000000000000000000000000000061\n");
    }
    expect_rows(l,
                "SELECT address('0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed'), address(NULL)",
                "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed|\n");
    expect_rows(l, "SELECT conversation_id('00000001c52a9e3f'), conversation_text(7602871871)",
                "7602871871|00000001c52a9e3f\n");
    expect_rows(l, "SELECT 1 FROM messages WHERE \"from\" = 'nobody' OR conversation = 'none'",
                "");
    expect_refusal(l, "SELECT address('0x5aAeb6053F3E94C9b9A09f33669435E7Ef1Beaed')",
                   LOOK_WRONG, "is no address");
    expect_refusal(l, "SELECT account_bytes('it')", LOOK_WRONG, "'it' is no address");
    expect_refusal(l, "SELECT address(x'0102')", LOOK_WRONG, "these bytes are no account");
    expect_refusal(l, "SELECT conversation_id('1')", LOOK_WRONG, "'1' is no conversation");
    sqlite_look_close(l);
}

static void reads_only(void **state)
{
    static const char *const refused[] = {
        "INSERT INTO removed VALUES (1, 1, 1, 1, 1, 1, 1, 1)",
        "UPDATE meta SET epoch = 1",
        "DELETE FROM message",
        "DROP TABLE message",
        "CREATE TABLE x (y)",
        "CREATE TEMP TABLE x (y)",
        "CREATE VIEW x AS SELECT 1",
        "INSERT INTO messages (seq) VALUES (1)",
        "DROP VIEW placed",
        "VACUUM",
        "VACUUM INTO '/nowhere/x'",
        "REINDEX",
        "ANALYZE",
        "ATTACH '/nowhere/x' AS x",
        "DETACH ix",
        "BEGIN",
        "COMMIT",
        "ROLLBACK",
        "SAVEPOINT x",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA wal_checkpoint(TRUNCATE)",
        "PRAGMA user_version = 1",
        "PRAGMA writable_schema = 1",
        "SELECT load_extension('x')",
    };
    static const char *const fine[] = {
        "EXPLAIN SELECT 1",
        "PRAGMA quick_check",
        "SELECT name FROM pragma_table_info('messages')",
        "WITH RECURSIVE r(i) AS (VALUES (1) UNION SELECT 2 FROM r) SELECT i FROM r",
        "SELECT sql FROM sqlite_schema",
        "SELECT value FROM json_each('[1]')",
        "SELECT content ->> '$.x' FROM messages",
        "PRAGMA user_version",
        " -- nothing at all",
        "",
    };
    struct store_world *w = *state;
    struct sqlite_look *l = look_open(w, false);
    const int64_t epoch = sql_number(w, "SELECT epoch FROM meta");

    for (size_t i = 0; i < COUNT_OF(refused); i++)
        expect_refusal(l, refused[i], LOOK_READS_ONLY, "");
    for (size_t i = 0; i < COUNT_OF(fine); i++) {
        struct seen_rows s = {.n_rows = 0};
        expect_int(fine[i], run(l, fine[i], &s), 0);
        buf_fini(&s.text);
    }
    assert_int_equal(sql_number(w, "SELECT epoch FROM meta"), epoch);
    expect_refusal(l, "SELECT", LOOK_WRONG, "incomplete input");
    expect_refusal(l, "SELECT x FROM messages", LOOK_WRONG, "no such column: x");
    sqlite_look_close(l);
}

static void shows_no_secrets(void **state)
{
    struct store_world *w = *state;
    struct auth_store_begin begin = begin_of('a', "tab-1", "nonce-1");

    begin.proof = (struct auth_session_proof){.chain = 1, .signature = STR("signed")};
    ask_begin(w, &begin, 0, NULL);
    struct sqlite_look *l = look_open(w, false);
    assert_int_equal(sql_number(w, "SELECT length(proof_signature) FROM session"), 6);
    expect_rows(l,
                "SELECT s.proof_signature IS NULL, s.proof_digest IS NULL, n.bytes IS NULL,"
                " i.hash_key IS NULL FROM session s, nonce n, ix.state i",
                "1|1|1|1\n");
    expect_rows(l, "SELECT count(*) FROM session WHERE proof_signature = 'signed'", "0\n");
    sqlite_look_close(l);
}

static void runs_statement_by_statement(void **state)
{
    struct store_world *w = *state;
    struct sqlite_look *l = look_open(w, false);
    struct seen_rows s = {.n_rows = 0};
    const struct sqlite_look_rows to = {.on_columns = on_columns, .on_row = on_row, .arg = &s};
    str text = STR("SELECT 1; SELECT ';' -- ;\n; SELECT x'0a', 1e3, NULL, 1e999");

    buf_init(&s.text, PLENTY);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(sqlite_look_run(l, &text, &to), 0);
        assert_int_equal(s.n_rows, i);
    }
    assert_int_equal(text.len, 0);
    expect_str("rows", buf_str(&s.text), STR("1\n;\n\n|1000.0||Inf\n"));
    buf_fini(&s.text);
    assert_true(sqlite_look_is_whole("SELECT 1;"));
    assert_true(sqlite_look_is_whole("SELECT ';' ; -- so\n"));
    assert_false(sqlite_look_is_whole("SELECT ';"));
    assert_false(sqlite_look_is_whole("SELECT 1"));
    sqlite_look_close(l);
}

static void ends_what_takes_too_long(void **state)
{
    struct store_world *w = *state;
    const struct sqlite_look_config config = {
        .dir = w->dir, .home_chain = HOME, .timeout_ms = 100};
    struct sqlite_look *l = NULL;

    assert_int_equal(sqlite_look_open(&l, &config), 0);
    expect_refusal(l,
                   "WITH RECURSIVE r(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM r)"
                   " SELECT count(*) FROM r",
                   LOOK_LATE, "");
    assert_int_equal(sqlite_look_left_ms(l), 0);
    expect_rows(l, "SELECT 1", "1\n");
    sqlite_look_close(l);
}

static void stops_when_told_to(void **state)
{
    struct store_world *w = *state;
    struct sqlite_look *l = look_open(w, false);
    struct seen_rows s = {.max_rows = 2};

    assert_int_equal(run(l, "VALUES (1), (2), (3)", &s), LOOK_STOPPED);
    assert_int_equal(s.n_rows, 2);
    buf_fini(&s.text);
    sqlite_look_close(l);
}

// Beside a store that is written to.

static void write_and_index(void *arg)
{
    struct store_world *w = arg;

    put(w, 'a', 'b', "7", 7);
    put(w, 'c', 'a', "8", 1);
    await_index(w);
}

/** Whatever is written meanwhile, and goes from the end of the log into the index. */
static void a_statement_sees_one_store(void **state)
{
    struct store_world *w = *state;

    index_at_once(w);
    for (uint64_t seq = 1; seq <= 6; seq++) {
        const char key[] = {(char)('0' + seq), '\0'};
        put(w, 'a', 'b', key, seq);
        if (seq == 3)
            await_index(w);
    }
    struct sqlite_look *l = look_open(w, false);
    struct seen_rows s = {.at_first = write_and_index, .arg = w};
    assert_int_equal(run(l, "SELECT seq FROM messages WHERE conversation = " ONE, &s), 0);
    expect_str("rows", buf_str(&s.text), STR("1\n2\n3\n4\n5\n6\n"));
    buf_fini(&s.text);
    expect_rows(l, "SELECT seq FROM messages WHERE conversation = " ONE " AND seq > 5",
                "6\n7\n");
    sqlite_look_close(l);
}

// The files.

static void path_of(const struct store_world *w, const char *name, char out[128])
{
    snprintf(out, 128, "%s/%s", w->dir, name);
}

static void remove_index(const struct store_world *w)
{
    char path[128];

    path_of(w, "index.db", path);
    assert_int_equal(unlink(path), 0);
}

/** The head of each page, from this one on. */
static void spoil(const struct store_world *w, int first)
{
    char path[128];

    path_of(w, "index.db", path);
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    struct stat st;
    assert_int_equal(fstat(fd, &st), 0);
    for (off_t at = first * PAGE; at < st.st_size; at += PAGE)
        assert_int_equal(pwrite(fd, "\xff\xff\xff\xff\xff\xff\xff\xff", 8, at), 8);
    close(fd);
}

/** The store is closed, and this is its index. */
static void expect_without(struct store_world *w, const char *what, const char *why)
{
    struct sqlite_look *l = look_open(w, false);
    struct sqlite_look *plain = look_open(w, true);

    for (size_t i = 0; i < COUNT_OF(whole); i++)
        expect_same(l, whole[i], plain, whole[i]);
    const char *said = sqlite_look_without_index(l);
    if (!said || !strstr(said, why))
        fail_msg("%s: \"%s\" is not in \"%s\"", what, why, said ? said : "");
    assert_null(sqlite_look_without_index(plain));
    sqlite_look_close(plain);
    sqlite_look_close(l);
}

static void make_indexed(struct store_world *w)
{
    struct seeded chance = seeded_of(1);

    index_at_once(w);
    change_many(w, &chance, 60);
    await_index(w);
    store_world_close(w);
    run_sql(w, "PRAGMA wal_checkpoint(TRUNCATE)");
}

static void goes_on_without_an_index(void **state)
{
    struct store_world *w = *state;
    char path[128];

    make_indexed(w);
    spoil(w, 1); // not the first, which has the schema
    expect_without(w, "pages", "is damaged");
    spoil(w, 0);
    expect_without(w, "all of it", "is damaged");
    path_of(w, "index.db", path);
    assert_int_equal(truncate(path, 0), 0);
    expect_without(w, "empty", "of another store or version");
    remove_index(w);
    expect_without(w, "none", "is missing");
    assert_int_equal(access(path, F_OK), -1);
    store_world_open(w);
}

static void does_not_believe_the_index_of_another_log(void **state)
{
    static const char *const changes[] = {
        "UPDATE ix.state SET epoch = epoch + 1",
        "UPDATE ix.state SET chain = chain + 1",
        "UPDATE ix.state SET position = position + 100000",
        "UPDATE ix.state SET ahead = ahead + 100000",
        "UPDATE ix.state SET ahead_chain = ahead_chain + 1",
        "ALTER TABLE ix.place RENAME COLUMN position TO there",
    };
    struct store_world *w = *state;

    make_indexed(w);
    for (size_t i = 0; i < COUNT_OF(changes); i++) {
        run_sql(w, changes[i]);
        expect_without(w, changes[i], "of another store or version");
        remove_index(w);
        store_world_open(w);
        await_index(w);
        store_world_close(w);
    }
    store_world_open(w);
}

/** Messages from a to b with these seqs, in as few groups as there can be. */
static conversation_id put_many(struct store_world *w, uint64_t first, uint64_t last)
{
    static struct store_answer answers[1000];
    char key[8];

    assert_true(last - first < COUNT_OF(answers));
    for (uint64_t seq = first; seq <= last; seq++) {
        snprintf(key, sizeof(key), "%d", (int)seq);
        const struct store_append what = message('a', 'b', key, key);
        answer_init(&answers[seq - first], w);
        store_append(w->store, &what, on_append, &answers[seq - first]);
    }
    for (uint64_t seq = first; seq <= last; seq++) {
        answer_await(&answers[seq - first]);
        assert_int_equal(answers[seq - first].seq, seq);
        answer_fini(&answers[seq - first]);
    }
    return answers[0].conversation;
}

/** Rows of the end of the log have gone out, and what was before them can't be found. There are
 * enough for the index to have pages of it that were not read yet. */
static void says_when_the_index_is_found_damaged_too_late(void **state)
{
    struct store_world *w = *state;
    char text[128];

    index_at_once(w);
    put_many(w, 1, 997);
    await_index(w);
    store_world_close(w);
    w->index_after = PLENTY; // from here on the log alone has them
    store_world_open(w);
    const conversation_id id = put_many(w, 998, 1000);
    store_world_close(w);
    run_sql(w, "PRAGMA wal_checkpoint(TRUNCATE)");
    struct sqlite_look *l = look_open(w, false);
    spoil(w, 1);
    struct seen_rows s = {.has_gone_out = true};
    snprintf(text, sizeof(text),
             "SELECT seq FROM messages WHERE conversation = '%016llx' ORDER BY seq DESC",
             (unsigned long long)id);
    assert_int_equal(run(l, text, &s), LOOK_INDEX_DAMAGED);
    assert_true(str_starts(buf_str(&s.text), STR("1000\n999\n998\n")));
    assert_in_range(s.n_rows, 3, 999);
    buf_fini(&s.text);
    assert_non_null(sqlite_look_without_index(l));
    s = (struct seen_rows){.n_rows = 0};
    assert_int_equal(run(l, "SELECT seq FROM messages", &s), 0);
    assert_int_equal(s.n_rows, 1000);
    buf_fini(&s.text);
    sqlite_look_close(l);
    remove_index(w);
    store_world_open(w);
}

static int open_refusal(const char *dir, char why[SQLITE_LOOK_WHY_SIZE])
{
    const struct sqlite_look_config config = {
        .dir = dir, .home_chain = HOME, .timeout_ms = 60000};
    struct sqlite_look *l = NULL;

    const int r = sqlite_look_open(&l, &config);
    snprintf(why, SQLITE_LOOK_WHY_SIZE, "%s", sqlite_look_why(l));
    sqlite_look_close(l);
    return r;
}

static size_t n_files(const char *path)
{
    DIR *dir = opendir(path);
    size_t n = 0;

    assert_non_null(dir);
    while (readdir(dir)) // NOLINT(concurrency-mt-unsafe): one thread
        n++;
    closedir(dir);
    return n - 2;
}

static void makes_no_store(void **state)
{
    struct store_world *w = *state;
    char path[128];
    char why[SQLITE_LOOK_WHY_SIZE];

    store_world_close(w);
    empty_dir(w->dir);
    assert_int_equal(open_refusal(w->dir, why), LOOK_NO_STORE);
    path_of(w, "none", path);
    assert_int_equal(open_refusal(path, why), LOOK_NO_STORE);
    assert_int_equal(n_files(w->dir), 0);

    path_of(w, "parley.db", path);
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(open_refusal(w->dir, why), LOOK_UNREADABLE);
    assert_non_null(strstr(why, "it is no store, or of another version of Parley"));
    for (int i = 0; i < 1000; i++)
        assert_int_equal(write(fd, "this is none\n", 13), 13);
    close(fd);
    assert_int_equal(open_refusal(w->dir, why), LOOK_UNREADABLE);
    assert_string_equal(why, "file is not a database");
    assert_int_equal(n_files(w->dir), 1);
    empty_dir(w->dir);
    store_world_open(w);
}

/** Of a server that was killed: all of it is in the files beside. */
static void reads_what_a_crash_has_left(void **state)
{
    struct store_world *w = *state;
    char from[128];
    char to[160];
    char dir[] = "/tmp/parley-test-look-XXXXXX";
    char text[512];

    put(w, 'a', 'b', "key", 1);
    assert_non_null(mkdtemp(dir));
    static const char *const names[] = {"parley.db", "parley.db-wal"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        path_of(w, names[i], from);
        snprintf(to, sizeof(to), "%s/%s", dir, names[i]);
        FILE *in = fopen(from, "re");
        FILE *out = fopen(to, "we");
        assert_true(in && out);
        for (size_t n = 0; (n = fread(text, 1, sizeof(text), in)) > 0;)
            assert_int_equal(fwrite(text, 1, n, out), n);
        assert_int_equal(fclose(in), 0);
        assert_int_equal(fclose(out), 0);
    }
    struct store_world copy = {.loop = NULL};
    str_copy(copy.dir, str_of(dir));
    for (int i = 0; i < 2; i++) {
        struct sqlite_look *l = look_open(&copy, true);
        expect_rows(l, "SELECT seq, content FROM messages", "1|key\n");
        sqlite_look_close(l);
    }
    remove_dir(dir);
}

#undef TEST
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(says_it_in_the_words_of_the_protocol),
        TEST(says_sessions_and_uploads),
        TEST(says_what_the_store_says),
        TEST(knows_of_what_is_gone),
        TEST(statements_come_by_the_best_way),
        TEST(ways_go_through_no_more_than_they_must),
        TEST(takes_an_address_in_each_of_its_forms),
        TEST(reads_only),
        TEST(shows_no_secrets),
        TEST(runs_statement_by_statement),
        TEST(ends_what_takes_too_long),
        TEST(stops_when_told_to),
        TEST(a_statement_sees_one_store),
        TEST(goes_on_without_an_index),
        TEST(does_not_believe_the_index_of_another_log),
        TEST(says_when_the_index_is_found_damaged_too_late),
        TEST(makes_no_store),
        TEST(reads_what_a_crash_has_left),
    };
    return cmocka_run_group_tests_name("store/sqlite_look", tests, NULL, NULL);
}
