#include "power/check.h"

#include <malloc.h>

#define LETTERS   (sizeof(POWER_LETTERS) - 1)
#define ASKS_EACH (LETTERS - 1 + 7) // histories, and what there is one of

// States.

void power_state_init(struct power_state *state)
{
    buf_init(&state->port, SIZE_MAX / 2);
    buf_init(&state->tables, SIZE_MAX / 2);
}

void power_state_fini(struct power_state *state)
{
    buf_fini(&state->port);
    buf_fini(&state->tables);
}

static void add_text(struct buf *out, str text)
{
    const int r = buf_add(out, text);
    assert_int_equal(r, 0);
}

struct questions {
    struct store_world *w;
    struct power_waiter waiter;
    size_t n;
    struct power_answer answers[LETTERS * ASKS_EACH + POWER_STEPS_MAX + 1];
};

static struct power_answer *ask(struct questions *q)
{
    struct power_answer *a = &q->answers[q->n++];

    power_answers_init(a, 1, &q->waiter, q->w);
    return a;
}

static void ask_pages(struct questions *q, char letter)
{
    struct store *s = q->w->store;
    const struct store_list list = {
        .account = who(letter), .max_conversations = PLENTY, .max_bytes = PLENTY};
    const struct store_changes changes = {
        .account = who(letter), .max_conversations = PLENTY, .max_bytes = PLENTY};
    const struct store_receipts receipts = {.account = who(letter), .max_receipts = PLENTY};
    const struct store_read read = {SOME_OF(letter)};
    const struct store_read undelivered = {SOME_OF(letter), .since = INT64_MAX};

    store_read(s, &read, done_read, &ask(q)->store);
    store_read(s, &undelivered, done_read, &ask(q)->store);
    store_receipts(s, &receipts, done_receipts, &ask(q)->store);
    store_list(s, &list, done_list, &ask(q)->store);
    store_changes(s, &changes, done_changes, &ask(q)->store);
}

static void ask_peers(struct questions *q, char letter)
{
    account peers[LETTERS];
    const struct store_relations relations = {
        .account = who(letter), .peers = peers, .n_peers = LETTERS};
    struct power_answer *a = ask(q);

    for (size_t i = 0; i < LETTERS; i++)
        peers[i] = who(POWER_LETTERS[i]);
    a->store.n = LETTERS;
    store_relations(q->w->store, &relations, done_relations, &a->store);
    for (size_t i = 0; i < LETTERS; i++) {
        const struct store_history h = {SOME_OF(letter), .place.peer = peers[i]};
        if (POWER_LETTERS[i] != letter)
            store_history(q->w->store, &h, done_history, &ask(q)->store);
    }
}

static void ask_all(struct questions *q, const struct power_script *script)
{
    const struct auth_store_revocations all = {.now_ms = NOW, .max_revocations = PLENTY};

    for (size_t i = 0; i < LETTERS; i++) {
        const account of = who(POWER_LETTERS[i]);
        ask_pages(q, POWER_LETTERS[i]);
        ask_peers(q, POWER_LETTERS[i]);
        store_unread(q->w->store, &of, done_unread, &ask(q)->store);
    }
    auth_store_revocations(auth_of(q->w), &all, done_revocations, &ask(q)->auth);
    for (size_t i = 0; i < script->n_steps; i++) {
        const struct power_step *step = &script->steps[i];
        if (step->kind == POWER_ANNOUNCE)
            uploads_find(uploads_of(q->w), str_of(step->name), done_found, &ask(q)->store);
    }
}

static void say_port(struct buf *out, struct store_world *w, const struct power_script *script)
{
    struct questions *q = NEW(struct questions);

    q->w = w;
    q->waiter.loop = w->loop;
    ask_all(q, script);
    power_await(&q->waiter);
    for (size_t i = 0; i < q->n; i++)
        power_answer_say(&q->answers[i], out);
    power_answers_fini(q->answers, q->n);
    free(q);
}

static void say_column(struct buf *out, sqlite3_stmt *stmt, int i)
{
    static const char hex[] = "0123456789abcdef";
    const int type = sqlite3_column_type(stmt, i);

    if (type == SQLITE_INTEGER || type == SQLITE_NULL) {
        const int full = buf_addf(out, " %lld", sqlite3_column_int64(stmt, i));
        assert_int_equal(full, 0);
        return;
    }
    const uint8_t *bytes = sqlite3_column_blob(stmt, i);
    const int n = sqlite3_column_bytes(stmt, i);
    add_text(out, STR(" "));
    if (type == SQLITE_TEXT) {
        add_text(out, (str){(const char *)bytes, (size_t)n});
        return;
    }
    for (int k = 0; k < n; k++)
        add_text(out, (str){(const char[]){hex[bytes[k] >> 4], hex[bytes[k] & 15]}, 2});
}

static void say_rows(struct buf *out, sqlite3 *db, const char *question)
{
    sqlite3_stmt *stmt = NULL;

    int r = sqlite3_prepare_v2(db, question, -1, &stmt, NULL);
    assert_int_equal(r, SQLITE_OK);
    for (r = sqlite3_step(stmt); r == SQLITE_ROW; r = sqlite3_step(stmt)) {
        for (int i = 0; i < sqlite3_column_count(stmt); i++)
            say_column(out, stmt, i);
        add_text(out, STR("\n"));
    }
    assert_int_equal(r, SQLITE_DONE);
    sqlite3_finalize(stmt);
}

static void say_tables(struct buf *out, sqlite3 *db)
{
    static const char *const questions[] = {
        "SELECT 'meta', position, conversations FROM meta", // an empty one's epoch may change
        "SELECT 'account', * FROM account ORDER BY id",
        "SELECT 'conversation', * FROM conversation ORDER BY id",
        "SELECT 'message', * FROM message ORDER BY position",
        "SELECT 'removed', * FROM removed ORDER BY position",
        "SELECT 'mark', * FROM mark ORDER BY position",
        "SELECT 'contact', * FROM contact ORDER BY position",
        "SELECT 'withheld', * FROM withheld ORDER BY conversation, side, upto_seq",
        "SELECT 'session', * FROM session ORDER BY id",
        "SELECT 'nonce', * FROM nonce ORDER BY bytes",
        "SELECT 'revocation', * FROM revocation ORDER BY position",
        "SELECT 'upload', * FROM upload ORDER BY id",
        "SELECT 'uploader', * FROM uploader ORDER BY owner",
        "SELECT 'attachment', * FROM attachment ORDER BY position",
        "SELECT 'sequence', * FROM sqlite_sequence ORDER BY name",
        "SELECT name FROM main.sqlite_schema ORDER BY name",
    };

    for (size_t i = 0; i < COUNT_OF(questions); i++)
        say_rows(out, db, questions[i]);
}

void power_state_say(struct power_state *state, struct store_world *w,
                     const struct power_script *script, bool tables)
{
    buf_clear(&state->port);
    buf_clear(&state->tables);
    say_port(&state->port, w, script);
    if (!tables)
        return;
    sqlite3 *db = power_world_db(w);
    say_tables(&state->tables, db);
    sqlite3_close(db);
}

// Lives.

struct power_life *power_life_new(struct power_log *log)
{
    struct power_life *life = NEW(struct power_life);

    life->log = log;
    life->book = power_book_new();
    return life;
}

void power_life_free(struct power_life *life)
{
    for (size_t i = 0; i < life->n_moments; i++)
        power_state_fini(&life->moments[i].state);
    power_image_fini(&life->from);
    power_script_free(life->script);
    power_book_free(life->book);
    free(life);
}

void power_life_note(struct power_life *life, struct store_world *w, ptrdiff_t batch)
{
    const size_t i = life->n_moments++;

    if (batch < 0) {
        life->moments[i].answered_at = life->book->opened_at;
    } else {
        const struct power_entry *e = &life->book->entries[life->script->batches[batch].from];
        life->moments[i].sent_at = e->sent_at;
        life->moments[i].answered_at = e->answered_at;
    }
    power_state_init(&life->moments[i].state);
    power_state_say(&life->moments[i].state, w, life->script, true);
}

// Looking.

struct power_checker *power_checker_new(uint64_t seed)
{
    struct power_checker *c = NEW(struct power_checker);

    // Images are made and freed by the thousand: without a system call and fresh pages for
    // each.
    mallopt(M_MMAP_THRESHOLD, 1 << 30); // NOLINT(concurrency-mt-unsafe): one thread, as yet
    mallopt(M_TRIM_THRESHOLD, 1 << 30); // NOLINT(concurrency-mt-unsafe): likewise
    c->w = power_world_new();
    c->log = power_log_new();
    c->chance = seeded_of(seed);
    return c;
}

void power_checker_free(struct power_checker *c)
{
    power_log_free(c->log);
    power_world_free(c->w);
    free(c);
}

PRINTF_LIKE(2, 3) static const char *wrong(struct power_checker *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(c->why, sizeof(c->why), fmt, ap);
    va_end(ap);
    return c->why;
}

/** One look at the rows. It has the file to itself between the store's operations. */
struct look {
    struct power_checker *c;
    sqlite3 *db;
    const struct power_claim *claim;
    bool is_there[POWER_STEPS_MAX]; // the message with the key of that step
};

static sqlite3_stmt *question(const struct look *l, const char *text)
{
    sqlite3_stmt *stmt = NULL;

    const int r = sqlite3_prepare_v2(l->db, text, -1, &stmt, NULL);
    assert_int_equal(r, SQLITE_OK);
    return stmt;
}

/** @param name  what ?1 is, or NULL @return the first column of the first row; -1: there is
 * none */
static int64_t number(const struct look *l, const char *text, const char *name)
{
    sqlite3_stmt *stmt = question(l, text);

    if (name)
        sqlite3_bind_text(stmt, 1, name, -1, SQLITE_STATIC);
    const int64_t n = sqlite3_step(stmt) == SQLITE_ROW ? sqlite3_column_int64(stmt, 0) : -1;
    sqlite3_finalize(stmt);
    return n;
}

static const char *look_at_pages(struct look *l)
{
    sqlite3_stmt *stmt = question(l, "PRAGMA integrity_check");
    const char *why = NULL;

    const int r = sqlite3_step(stmt);
    if (r != SQLITE_ROW) {
        why = wrong(l->c, "broken: %s", sqlite3_errmsg(l->db));
    } else if (strcmp((const char *)sqlite3_column_text(stmt, 0), "ok") != 0) {
        why = wrong(l->c, "broken: %s", sqlite3_column_text(stmt, 0));
    }
    sqlite3_finalize(stmt);
    if (!why && number(l, "SELECT count(*) FROM pragma_foreign_key_check", NULL) != 0)
        why = wrong(l->c, "broken: a row refers to none");
    return why;
}

static bool is_claimed(const struct power_entry *e)
{
    return e->is_sent && (!e->is_answered || e->r == 0);
}

static bool is_sure(const struct power_entry *e)
{
    return e->is_sent && e->is_answered && e->r == 0;
}

static char column_letter(sqlite3_stmt *stmt, int i)
{
    const account a =
        account_of((str){sqlite3_column_blob(stmt, i), (size_t)sqlite3_column_bytes(stmt, i)});
    return letter_of(&a);
}

/** A message as its row has it. */
struct row {
    unsigned long key;
    char by;
    char peer;
    const char *content;
    uint64_t seq;
    int64_t position;
};

static const char *look_at_claim(struct look *l, const struct row *row,
                                 const struct power_entry *e)
{
    if (e->is_answered && (row->seq != e->seq || row->position != e->position)) {
        return wrong(l->c, "moved: key %lu is %llu at %lld, and was answered %llu at %lld",
                     row->key, (unsigned long long)row->seq, (long long)row->position,
                     (unsigned long long)e->seq, (long long)e->position);
    }
    l->is_there[row->key] = true;
    return NULL;
}

/** One of those with its key has asked for it; a later one where the first was refused. */
static const char *look_at_message(struct look *l, const struct row *row)
{
    const struct power_script *script = l->claim->script;
    bool is_changed = false;

    for (size_t i = row->key; i < script->n_steps; i++) {
        const struct power_step *step = &script->steps[i];
        if (step->kind != POWER_APPEND || step->key != row->key || step->by != row->by ||
            step->peer != row->peer || !is_claimed(&l->claim->book->entries[i]))
            continue;
        if (strcmp(step->content, row->content) == 0)
            return look_at_claim(l, row, &l->claim->book->entries[i]);
        is_changed = true;
    }
    return wrong(l->c, "%s: key %lu from %c to %c, %.40s", is_changed ? "changed" : "invented",
                 row->key, row->by, row->peer, row->content);
}

/** Columns: seq, position, key, content, sender, recipient. */
static struct row read_row(sqlite3_stmt *stmt)
{
    return (struct row){
        .seq = (uint64_t)sqlite3_column_int64(stmt, 0),
        .position = sqlite3_column_int64(stmt, 1),
        .key = strtoul((const char *)sqlite3_column_text(stmt, 2), NULL, 10),
        .content = (const char *)sqlite3_column_text(stmt, 3),
        .by = column_letter(stmt, 4),
        .peer = column_letter(stmt, 5),
    };
}

static const char *look_at_messages(struct look *l)
{
    sqlite3_stmt *stmt =
        question(l,
                 "SELECT m.seq, m.position, m.key, m.content, f.bytes, t.bytes FROM message m"
                 " JOIN conversation c ON c.id = m.conversation"
                 " JOIN account f ON f.id = CASE m.sender WHEN 0 THEN c.a ELSE c.b END"
                 " JOIN account t ON t.id = CASE m.sender WHEN 0 THEN c.b ELSE c.a END");
    const char *why = NULL;

    while (!why && sqlite3_step(stmt) == SQLITE_ROW) {
        const struct row row = read_row(stmt);
        why = look_at_message(l, &row);
    }
    sqlite3_finalize(stmt);
    for (size_t i = 0; !why && i < l->claim->script->n_steps; i++) {
        const struct power_step *step = &l->claim->script->steps[i];
        if (step->kind == POWER_APPEND && is_sure(&l->claim->book->entries[i]) &&
            !l->is_there[step->key])
            why = wrong(l->c, "lost: the acknowledged message with key %u", step->key);
    }
    return why;
}

static const char *look_at_order(struct look *l)
{
    const int64_t n = number(l,
                             "SELECT count(*) FROM (SELECT 1 FROM message GROUP BY conversation"
                             " HAVING min(seq) <> 1 OR max(seq) <> count(*))",
                             NULL);
    return n == 0 ? NULL : wrong(l->c, "gap: in the seqs of %lld conversations", (long long)n);
}

/** Columns: delivered_seq, read_seq, by, peer. */
static const char *look_at_mark(struct look *l, sqlite3_stmt *stmt)
{
    const uint64_t delivered = (uint64_t)sqlite3_column_int64(stmt, 0);
    const uint64_t read = (uint64_t)sqlite3_column_int64(stmt, 1);
    const char by = column_letter(stmt, 2);
    const char peer = column_letter(stmt, 3);

    for (size_t i = 0; i < l->claim->script->n_steps; i++) {
        const struct power_step *step = &l->claim->script->steps[i];
        if (step->kind != POWER_RECEIPT || step->by != by || step->peer != peer ||
            !is_sure(&l->claim->book->entries[i]))
            continue;
        if (delivered < step->delivered || read < step->read || delivered < step->read)
            return wrong(l->c, "mark: of %c with %c, it is behind receipt %zu", by, peer, i);
    }
    return NULL;
}

static const char *look_at_marks(struct look *l)
{
    sqlite3_stmt *stmt =
        question(l,
                 "SELECT"
                 " (SELECT ifnull(max(delivered_seq), 0) FROM mark"
                 "  WHERE conversation = c.id AND side = s.side),"
                 " (SELECT ifnull(max(read_seq), 0) FROM mark"
                 "  WHERE conversation = c.id AND side = s.side), a.bytes, p.bytes"
                 " FROM conversation c, (SELECT 0 AS side UNION SELECT 1) s"
                 " JOIN account a ON a.id = CASE s.side WHEN 0 THEN c.a ELSE c.b END"
                 " JOIN account p ON p.id = CASE s.side WHEN 0 THEN c.b ELSE c.a END");
    const char *why = NULL;

    while (!why && sqlite3_step(stmt) == SQLITE_ROW)
        why = look_at_mark(l, stmt);
    sqlite3_finalize(stmt);
    return why;
}

/** Did anybody ask for this, of this name? */
static bool was_sent(const struct look *l, enum power_step_kind kind, const char *name)
{
    for (size_t i = 0; i < l->claim->script->n_steps; i++) {
        const struct power_step *step = &l->claim->script->steps[i];
        if (step->kind == kind && l->claim->book->entries[i].is_sent &&
            strcmp(step->name, name) == 0)
            return true;
    }
    return false;
}

static const char *look_at_end(struct look *l, const struct power_step *step)
{
    char hex[2 * ACCOUNT_SIZE + 1] = "";
    const account of = who(step->by);

    if (step->name[0] != '\0') {
        return number(l, "SELECT 1 FROM revocation WHERE session = ?1", step->name) == 1 &&
                       number(l, "SELECT 1 FROM session WHERE name = ?1", step->name) == -1
                   ? NULL
                   : wrong(l->c, "revocation: of session %s", step->name);
    }
    for (size_t i = 0; i < of.len; i++)
        (void)snprintf(hex + 2 * i, 3, "%02X", of.bytes[i]);
    return number(l, "SELECT 1 FROM revocation WHERE hex(account) = ?1", hex) == 1
               ? NULL
               : wrong(l->c, "revocation: of account %c", step->by);
}

static const char *look_at_nonce(struct look *l, const struct power_step *step)
{
    const char *text = "SELECT 1 FROM nonce WHERE CAST(bytes AS TEXT) = ?1";

    return number(l, text, step->nonce) == 1 ? NULL
                                             : wrong(l->c, "nonce: %s is unused", step->nonce);
}

static const char *look_at_session(struct look *l, const struct power_step *step)
{
    const int64_t got = number(l, "SELECT generation FROM session WHERE name = ?1", step->name);

    return got == -1 || got > step->generation
               ? NULL
               : wrong(l->c, "refresh: %s is of generation %lld", step->name, (long long)got);
}

static const char *look_at_upload(struct look *l, const struct power_step *step)
{
    return was_sent(l, POWER_REMOVE, step->name) ||
                   number(l, "SELECT 1 FROM upload WHERE id = ?1", step->name) == 1
               ? NULL
               : wrong(l->c, "upload: %s is gone", step->name);
}

static const char *look_at_step(struct look *l, const struct power_step *step)
{
    switch (step->kind) {
    case POWER_BEGIN: return look_at_nonce(l, step);
    case POWER_REFRESH: return look_at_session(l, step);
    case POWER_END: return look_at_end(l, step);
    case POWER_ANNOUNCE: return look_at_upload(l, step);
    case POWER_APPEND:
    case POWER_RECEIPT:
    case POWER_CONTACT:
    case POWER_SEEN:
    case POWER_SETTLE:
    case POWER_CLAIM:
    case POWER_REMOVE:
    case POWER_CHECKPOINT:
    case POWER_REOPEN: break;
    }
    return NULL;
}

static const char *look_at_steps(struct look *l)
{
    const char *why = NULL;

    for (size_t i = 0; !why && i < l->claim->script->n_steps; i++) {
        if (is_sure(&l->claim->book->entries[i]))
            why = look_at_step(l, &l->claim->script->steps[i]);
    }
    return why;
}

static bool has_answered(const struct power_claim *claim)
{
    for (size_t i = 0; i < claim->script->n_steps; i++) {
        if (claim->book->entries[i].is_answered &&
            claim->script->steps[i].kind < POWER_CHECKPOINT)
            return true;
    }
    return false;
}

static const char *look_at_rows(struct power_checker *c, const struct power_claim *claim)
{
    static const char *(*const looks[])(struct look * l) = {
        look_at_pages, look_at_messages, look_at_order, look_at_marks, look_at_steps};
    struct look l = {.c = c, .db = power_world_db(c->w), .claim = claim};
    const char *why = NULL;

    for (size_t i = 0; !why && i < COUNT_OF(looks); i++)
        why = looks[i](&l);
    sqlite3_close(l.db);
    if (!why && has_answered(claim) && c->w->store->epoch != claim->book->epoch)
        why = wrong(c, "epoch: it is another one");
    return why;
}

// What was derived.

#define SHOWN ((size_t)150) // characters, before and behind

/** What is there, of one line. */
static str line_at(str text, size_t at)
{
    size_t from = at;

    if (text.len == 0)
        return text;
    while (from > 0 && at - from < SHOWN && text.ptr[from - 1] != '\n')
        from--;
    const size_t most = text.len - from < 2 * SHOWN ? text.len - from : 2 * SHOWN;
    const char *end = memchr(text.ptr + from, '\n', most);
    return (str){text.ptr + from, end ? (size_t)(end - text.ptr) - from : most};
}

static const char *differs(struct power_checker *c, const char *what, const struct buf *got,
                           const struct buf *want)
{
    const str a = buf_str(got);
    const str b = buf_str(want);
    size_t at = 0;

    while (at < a.len && at < b.len && a.ptr[at] == b.ptr[at])
        at++;
    const str got_line = line_at(a, at);
    const str want_line = line_at(b, at);
    return wrong(c, "differs: %s: \"" STR_FMT "\", want \"" STR_FMT "\"", what,
                 STR_ARG(got_line), STR_ARG(want_line));
}

static bool is_state(const struct power_state *got, const struct power_state *want)
{
    return str_eq(buf_str(&got->port), buf_str(&want->port)) &&
           (want->tables.len == 0 || str_eq(buf_str(&got->tables), buf_str(&want->tables)));
}

static const char *look_at_state(struct power_checker *c, const struct power_claim *claim,
                                 const struct power_state *got)
{
    const struct power_state *last = claim->states[claim->n_states - 1];

    for (size_t i = 0; i < claim->n_states; i++) {
        if (is_state(got, claim->states[i]))
            return NULL;
    }
    if (!str_eq(buf_str(&got->port), buf_str(&last->port)))
        return differs(c, "the port says", &got->port, &last->port);
    return differs(c, "a row is", &got->tables, &last->tables);
}

// Going on.

static bool is_of_pair(const struct power_step *a, const struct power_step *b)
{
    return (a->by == b->by && a->peer == b->peer) || (a->by == b->peer && a->peer == b->by);
}

/** Is what a message got above all that was answered before? */
static const char *look_at_new(struct power_checker *c, const struct power_life *life, size_t i,
                               size_t n_old)
{
    const struct power_step *step = &life->script->steps[i];
    const struct power_entry *e = &life->book->entries[i];

    for (size_t k = 0; k < n_old; k++) {
        const struct power_entry *old = &life->book->entries[k];
        if (!is_sure(old))
            continue;
        if (e->position <= old->position) {
            return wrong(c, "position: %lld is given again, step %zu had %lld",
                         (long long)e->position, k, (long long)old->position);
        }
        if (life->script->steps[k].kind == POWER_APPEND &&
            is_of_pair(step, &life->script->steps[k]) && e->seq <= old->seq)
            return wrong(c, "seq: %llu is given again", (unsigned long long)e->seq);
    }
    return NULL;
}

static const char *look_at_probe(struct power_checker *c, const struct power_life *life,
                                 size_t i, size_t n_old)
{
    const struct power_step *step = &life->script->steps[i];
    const struct power_entry *e = &life->book->entries[i];

    if (!e->is_answered || e->r == STORE_UNAVAILABLE || e->r == STORE_UNCERTAIN)
        return wrong(c, "stuck: step %zu was answered %d", i, e->r);
    if (step->must_fail && e->r == 0)
        return wrong(c, "done again: step %zu of %s%s", i, step->nonce, step->name);
    if (step->kind == POWER_APPEND && e->r == 0)
        return look_at_new(c, life, i, n_old);
    return NULL;
}

static const char *go_on(struct power_checker *c, struct power_life *life)
{
    const struct power_player player = {.w = c->w, .log = c->log, .book = life->book};
    const size_t n_old = life->script->n_steps;
    const char *why = NULL;

    power_script_add_probe(life->script, life->book, &c->chance);
    power_play(&player, life->script, life->script->n_batches - 1, NULL);
    for (size_t i = n_old; !why && i < life->script->n_steps; i++)
        why = look_at_probe(c, life, i, n_old);
    return why;
}

// All of it.

/** What is sure in the new life: all that was sure; the rest is as the state has it, and asks
 * for no more. */
static void carry_over(struct power_life *life, const struct power_claim *claim)
{
    for (size_t i = 0; i < claim->script->n_steps; i++) {
        const struct power_entry *old = &claim->book->entries[i];
        struct power_entry *e = &life->book->entries[i];
        *e = *old;
        e->sent_at = e->answered_at = 0;
    }
}

static void copy_image(struct power_image *out, const struct power_image *from)
{
    *out = *from;
    for (unsigned i = 0; i < from->n_files; i++) {
        const struct power_bytes *b = &from->files[i].bytes;
        out->files[i].bytes = (struct power_bytes){0};
        power_bytes_write(&out->files[i].bytes, b->ptr, b->n, 0);
    }
}

static void tamper(const struct power_checker *c)
{
    sqlite3 *db = power_world_db(c->w);
    const int r = sqlite3_exec(db, c->tamper, NULL, NULL, NULL);

    if (r != SQLITE_OK)
        fail_msg("%s: %s", c->tamper, sqlite3_errmsg(db));
    sqlite3_close(db);
}

/** @param life  gets what comes next, with the state that was found as its first moment */
static const char *examine(struct power_checker *c, const struct power_claim *claim,
                           struct power_life *life)
{
    life->book->is_open = true;
    life->book->opened_at = power_log_count(c->log);
    life->book->epoch = c->w->store->epoch;
    if (c->tamper)
        tamper(c);
    const char *why = look_at_rows(c, claim);
    if (why)
        return why;
    power_life_note(life, c->w, -1);
    why = look_at_state(c, claim, &life->moments[0].state);
    return why ? why : go_on(c, life);
}

static void keep_instead(struct power_life *life, const struct power_claim *claim)
{
    assert(claim->n_states <= COUNT_OF(life->instead));
    life->n_instead = claim->n_states;
    for (size_t i = 0; i < claim->n_states; i++)
        life->instead[i] = claim->states[i];
}

const char *power_check(struct power_checker *c, const struct power_image *image,
                        const struct power_claim *claim, struct power_life **next)
{
    struct power_life *life = power_life_new(c->log);
    struct power_disk *disk = power_disk_new(image, c->log);
    const char *why = NULL;

    c->n_opened++;
    c->w->index_after = claim->script->index_after;
    life->script = power_script_copy(claim->script);
    copy_image(&life->from, image);
    if (next)
        keep_instead(life, claim);
    carry_over(life, claim);
    if (power_world_open(c->w) < 0) {
        why = wrong(c, "closed: the store does not open");
    } else {
        why = examine(c, claim, life);
        if (next && !why)
            power_life_note(life, c->w, (ptrdiff_t)life->script->n_batches - 1);
        power_world_close(c->w);
    }
    power_disk_free(disk);
    if (next && !why) {
        *next = life;
    } else {
        power_life_free(life);
    }
    return why;
}

const char *power_check_life(struct power_checker *c, const struct power_life *life, size_t n,
                             const struct power_image *image, struct power_life **next)
{
    const struct power_state *states[POWER_BATCHES_MAX + 1 + COUNT_OF(life->instead)];
    struct power_book *book = NEW(struct power_book);
    struct power_claim claim = {.script = life->script, .book = book, .states = states};

    power_book_at(life->book, n, book);
    for (size_t i = 0; i < life->n_instead; i++)
        states[claim.n_states++] = life->instead[i];
    for (size_t i = 0; i < life->n_moments; i++) {
        if (i > 0 && life->moments[i].sent_at > n)
            break;
        if (i > 0 && life->moments[i].answered_at <= n)
            claim.n_states = 0; // and not one before
        states[claim.n_states++] = &life->moments[i].state;
    }
    const char *why = power_check(c, image, &claim, next);
    free(book);
    return why;
}
