#include "power/script.h"

#include <sys/mman.h>

#include "store/sqlite_engine.h"

#define BATCH_MAX 10

// Books.

struct power_book *power_book_new(void)
{
    struct power_book *book =
        mmap(NULL, sizeof(*book), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert(book != MAP_FAILED);
    return book;
}

void power_book_free(struct power_book *book)
{
    munmap(book, sizeof(*book));
}

void power_book_at(const struct power_book *book, size_t n, struct power_book *out)
{
    *out = *book;
    out->is_open = book->is_open && book->opened_at <= n;
    for (size_t i = 0; i < POWER_STEPS_MAX; i++) {
        struct power_entry *e = &out->entries[i];
        e->is_sent = e->is_sent && e->sent_at <= n;
        e->is_answered = e->is_sent && e->is_answered && e->answered_at <= n;
    }
}

// Scripts.

/** What a script has done until now, as far as it can guess. */
struct story {
    struct power_script *script;
    struct seeded *chance;
    unsigned n_letters;
    unsigned n_named; // sessions and uploads
};

struct power_script *power_script_new(void)
{
    return NEW(struct power_script);
}

void power_script_free(struct power_script *script)
{
    for (size_t i = 0; i < script->n_steps; i++)
        free(script->steps[i].content);
    free(script);
}

struct power_script *power_script_copy(const struct power_script *script)
{
    struct power_script *copy = NEW(struct power_script);

    copy->index_after = script->index_after;
    copy->n_steps = script->n_steps;
    copy->n_batches = script->n_batches;
    memcpy(copy->batches, script->batches, script->n_batches * sizeof(*script->batches));
    for (size_t i = 0; i < script->n_steps; i++) {
        copy->steps[i] = script->steps[i];
        if (script->steps[i].content)
            copy->steps[i].content = strdup(script->steps[i].content);
    }
    return copy;
}

static uint64_t below(struct seeded *chance, uint64_t n)
{
    return power_below(&chance->rand, n);
}

static struct power_step *add(struct power_script *script, enum power_step_kind kind)
{
    assert(script->n_steps < POWER_STEPS_MAX);
    struct power_step *step = &script->steps[script->n_steps];

    *step = (struct power_step){.kind = kind, .key = (unsigned)script->n_steps};
    script->n_steps++;
    return step;
}

static void end_batch(struct power_script *script, size_t from)
{
    assert(script->n_batches < POWER_BATCHES_MAX);
    script->batches[script->n_batches].from = from;
    script->batches[script->n_batches].to = script->n_steps;
    script->n_batches++;
}

static struct power_step *add_by(struct story *s, enum power_step_kind kind)
{
    struct power_step *step = add(s->script, kind);

    step->by = POWER_LETTERS[below(s->chance, s->n_letters)];
    do {
        step->peer = POWER_LETTERS[below(s->chance, s->n_letters)];
    } while (step->peer == step->by);
    step->at_ms = NOW + (int64_t)step->key * SECOND;
    return step;
}

/** Some step of this kind before; NULL: there is none. */
static const struct power_step *any_earlier(const struct story *s, enum power_step_kind kind)
{
    const struct power_step *found = NULL;
    size_t n = 0;

    for (size_t i = 0; i + 1 < s->script->n_steps; i++) {
        const struct power_step *step = &s->script->steps[i];
        if (step->kind == kind && below(s->chance, ++n) == 0)
            found = step;
    }
    return found;
}

static char *content_of(unsigned key, size_t size)
{
    char *content = mem_alloc(size + 32);
    const int n = snprintf(content, 32, "\"%u ", key);

    for (size_t i = (size_t)n; i < size; i++)
        content[i] = (char)('a' + (i * 7 + key) % 26);
    str_copy(content + (size > (size_t)n ? size : (size_t)n), STR("\""));
    return content;
}

static void tell_message(struct story *s)
{
    static const uint64_t sizes[] = {20, 60, 200, 600, 3000, 9000};
    struct power_step *step = add_by(s, POWER_APPEND);

    step->content = content_of(step->key, below(s->chance, sizes[below(s->chance, 6)]));
    step->reply_to = below(s->chance, 12) == 0 ? below(s->chance, 6) : 0;
}

/** The same once more; or another one of its key. */
static void tell_resend(struct story *s)
{
    struct power_step *step = add_by(s, POWER_APPEND);
    const struct power_step *first = any_earlier(s, POWER_APPEND);
    const unsigned number = step->key;

    if (!first || first->name[0] != '\0') {
        step->content = content_of(number, 30);
        return;
    }
    *step = *first;
    step->is_twisted = below(s->chance, 3) == 0;
    step->content = step->is_twisted ? content_of(number, 50) : strdup(first->content);
}

static void tell_receipt(struct story *s)
{
    struct power_step *step = add_by(s, POWER_RECEIPT);

    step->delivered = below(s->chance, 2 + s->script->n_steps / 20);
    step->read = below(s->chance, 2 + s->script->n_steps / 30);
}

static void tell_contact(struct story *s)
{
    static const enum chat_contact kinds[] = {CHAT_ACCEPT, CHAT_BLOCK, CHAT_UNBLOCK,
                                              CHAT_UNBLOCK};
    add_by(s, POWER_CONTACT)->what = kinds[below(s->chance, COUNT_OF(kinds))];
}

static void tell_seen(struct story *s)
{
    add_by(s, POWER_SEEN);
}

static void tell_begin(struct story *s)
{
    struct power_step *step = add_by(s, POWER_BEGIN);
    const struct power_step *other = any_earlier(s, POWER_BEGIN);

    snprintf(step->name, sizeof(step->name), "s%u", ++s->n_named);
    snprintf(step->nonce, sizeof(step->nonce), "n%u", s->n_named);
    if (other && below(s->chance, 5) == 0)
        str_copy(step->nonce, (str){other->nonce, sizeof(other->nonce)});
}

static void tell_refresh(struct story *s)
{
    struct power_step *step = add_by(s, POWER_REFRESH);
    const struct power_step *begun = any_earlier(s, POWER_BEGIN);

    str_copy(step->name, begun ? (str){begun->name, sizeof(begun->name)} : STR("none"));
    step->generation = 1;
    for (size_t i = 0; i + 1 < s->script->n_steps; i++) {
        const struct power_step *other = &s->script->steps[i];
        step->generation +=
            other->kind == POWER_REFRESH && strcmp(other->name, step->name) == 0;
    }
}

static void tell_end(struct story *s)
{
    struct power_step *step = add_by(s, POWER_END);
    const struct power_step *begun = any_earlier(s, POWER_BEGIN);

    if (begun && below(s->chance, 4) > 0)
        str_copy(step->name, (str){begun->name, sizeof(begun->name)});
}

static void tell_announce(struct story *s)
{
    struct power_step *step = add_by(s, POWER_ANNOUNCE);
    snprintf(step->name, sizeof(step->name), "u%u", ++s->n_named);
}

static void of_upload(struct story *s, struct power_step *step)
{
    const struct power_step *announced = any_earlier(s, POWER_ANNOUNCE);

    if (!announced) {
        str_copy(step->name, STR("nothing"));
        return;
    }
    step->by = announced->by;
    if (step->peer == step->by)
        step->peer = step->by == 'a' ? 'b' : 'a';
    str_copy(step->name, (str){announced->name, sizeof(announced->name)});
}

static void tell_settle(struct story *s)
{
    struct power_step *step = add_by(s, POWER_SETTLE);

    of_upload(s, step);
    step->state = below(s->chance, 4) == 0 ? UPLOAD_REJECTED : UPLOAD_ACCEPTED;
}

static void tell_message_with_upload(struct story *s)
{
    struct power_step *step = add_by(s, POWER_APPEND);

    step->content = content_of(step->key, 40);
    of_upload(s, step);
}

/** By a clock that is a little early, so that few are over. */
static void tell_claim(struct story *s)
{
    add_by(s, POWER_CLAIM);
}

static void tell_remove(struct story *s)
{
    of_upload(s, add_by(s, POWER_REMOVE));
}

typedef void tell_fn(struct story *s);

static tell_fn *const tales[] = {
    tell_message,  tell_message, tell_message, tell_message,
    tell_message,  tell_message, tell_message, tell_message,
    tell_message,  tell_message, tell_message, tell_message,
    tell_resend,   tell_resend,  tell_receipt, tell_receipt,
    tell_receipt,  tell_receipt, tell_contact, tell_contact,
    tell_seen,     tell_begin,   tell_begin,   tell_refresh,
    tell_refresh,  tell_refresh, tell_end,     tell_announce,
    tell_announce, tell_settle,  tell_settle,  tell_message_with_upload,
    tell_claim,    tell_remove,
};

/**
 * Receipts wait for something else to share a sync with. A batch that ends with others is one
 * group of the store's, however slow the machine is.
 */
static void tell_batch(struct story *s, size_t n)
{
    const size_t from = s->script->n_steps;

    while (s->script->n_steps < from + n)
        tales[below(s->chance, COUNT_OF(tales))](s);
    const enum power_step_kind last = s->script->steps[s->script->n_steps - 1].kind;
    if (last == POWER_RECEIPT || last == POWER_SEEN)
        tell_message(s);
    end_batch(s->script, from);
}

static void tell_held(struct story *s)
{
    const size_t from = s->script->n_steps;

    for (unsigned i = 0; i < 3; i++)
        tell_receipt(s);
    tell_seen(s);
    end_batch(s->script, from);
}

static void tell_checkpoint(struct story *s, const char *mode)
{
    add_by(s, POWER_CHECKPOINT)->mode = mode;
    end_batch(s->script, s->script->n_steps - 1);
}

static void tell_reopen(struct story *s)
{
    add_by(s, POWER_REOPEN);
    end_batch(s->script, s->script->n_steps - 1);
}

void power_script_add_by_chance(struct power_script *script, struct seeded *chance, size_t n)
{
    static const char *const modes[] = {"PASSIVE", "TRUNCATE", "PASSIVE", "RESTART"};
    struct story s = {.script = script, .chance = chance};

    for (size_t i = 1; i <= n; i++) {
        s.n_letters = 3 + (unsigned)(i * (strlen(POWER_LETTERS) - 3) / n);
        if (i % 9 == 0) {
            tell_checkpoint(&s, modes[i / 9 % COUNT_OF(modes)]);
        } else if (i == n / 3 || i == n * 2 / 3) {
            tell_reopen(&s);
        } else if (i == n / 4 || i == n / 2) {
            tell_held(&s);
        } else {
            tell_batch(&s, 1 + below(chance, BATCH_MAX));
        }
    }
}

void power_script_add_long(struct power_script *script, struct seeded *chance)
{
    struct story s = {
        .script = script, .chance = chance, .n_letters = (unsigned)strlen(POWER_LETTERS)};
    struct power_step *step = add_by(&s, POWER_APPEND);

    step->content = content_of(step->key, 16000);
    end_batch(script, script->n_steps - 1);
}

/** What was answered must not be done again: a nonce is used up, an old token and a session
 * that has ended are no good. */
static void probe_auth(struct story *s, const struct power_step *done)
{
    if (done->kind == POWER_BEGIN) {
        struct power_step *step = add_by(s, POWER_BEGIN);
        snprintf(step->name, sizeof(step->name), "again%u", step->key);
        str_copy(step->nonce, (str){done->nonce, sizeof(done->nonce)});
        step->must_fail = true;
    } else if (done->kind == POWER_REFRESH || (done->kind == POWER_END && done->name[0])) {
        struct power_step *step = add_by(s, POWER_REFRESH);
        str_copy(step->name, (str){done->name, sizeof(done->name)});
        step->generation = done->kind == POWER_REFRESH ? done->generation : 1;
        step->must_fail = true;
    }
}

void power_script_add_probe(struct power_script *script, const struct power_book *book,
                            struct seeded *chance)
{
    const size_t from = script->n_steps;
    const size_t first = from > 0 ? below(chance, from) : 0;
    struct story s = {
        .script = script, .chance = chance, .n_letters = (unsigned)strlen(POWER_LETTERS)};

    for (size_t i = 0; i < from && script->n_steps < from + 5; i++) {
        const size_t at = (first + i) % from;
        const struct power_entry *e = &book->entries[at];
        if (e->is_answered && e->r == 0)
            probe_auth(&s, &script->steps[at]);
    }
    for (unsigned i = 0; i < 4; i++)
        tell_message(&s);
    end_batch(script, from);
}

// Worlds.

struct store_world *power_world_in(const char *dir)
{
    struct store_world *w = NEW(struct store_world);

    w->backend = BACKEND_SQLITE;
    w->limits = limits_of(FROM_ACCEPTED, FROM_STRANGER);
    w->chance = seeded_of(1);
    w->in_full = true;
    assert_int_equal(loop_new(&w->loop), 0);
    snprintf(w->dir, sizeof(w->dir), "%s", dir);
    return w;
}

struct store_world *power_world_new(void)
{
    char dir[] = "/tmp/parley-power-XXXXXX";

    assert_non_null(mkdtemp(dir));
    return power_world_in(dir);
}

void power_world_free(struct store_world *w)
{
    store_world_free(w);
}

int power_world_open(struct store_world *w)
{
    const struct store_sqlite_config config = {.dir = w->dir,
                                               .index_after = w->index_after,
                                               .index_slice = w->index_after > 0 ? 2 : 0,
                                               .threads_kept = w->index_after > 0 ? 4 : 0,
                                               .limits = w->limits,
                                               .rand = &w->chance.rand};

    return store_sqlite_open(&w->store, w->loop, &config);
}

void power_world_close(struct store_world *w)
{
    store_world_close(w);
    loop_run_once(w->loop); // what its threads were woken by is closed
}

sqlite3 *power_world_db(const struct store_world *w)
{
    char path[128];
    char text[160];
    sqlite3 *db = NULL;

    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    int r = sqlite3_open(path, &db);
    assert_int_equal(r, SQLITE_OK);
    snprintf(text, sizeof(text), "ATTACH '%s/index.db' AS ix", w->dir);
    r = sqlite3_exec(db, text, NULL, NULL, NULL);
    assert_int_equal(r, SQLITE_OK);
    return db;
}

// Playing.

static void ask_append_of(struct store_world *w, const struct power_step *step,
                          struct power_answer *a)
{
    char key[16];
    struct store_append what = message(step->by, step->peer, "", step->content);

    snprintf(key, sizeof(key), "%u", step->key);
    what.key = str_of(key);
    what.upload = str_of(step->name);
    what.reply_to = step->reply_to;
    what.now_ms = step->at_ms;
    store_append(w->store, &what, done_append, &a->store);
}

static void ask_receipt_of(struct store_world *w, const struct power_step *step,
                           struct power_answer *a)
{
    struct store_receipt what = receipt_at(step->by, step->peer, step->delivered, step->read);

    what.now_ms = step->at_ms;
    store_receipt(w->store, &what, done_receipt, &a->store);
}

static void ask_contact_of(struct store_world *w, const struct power_step *step,
                           struct power_answer *a)
{
    const struct store_contact what = {.by = who(step->by),
                                       .place.peer = who(step->peer),
                                       .what = step->what,
                                       .now_ms = step->at_ms};
    store_contact(w->store, &what, done_contact, &a->store);
}

static void ask_seen_of(struct store_world *w, const struct power_step *step,
                        struct power_answer *a)
{
    const account of = who(step->by);
    store_seen(w->store, &of, step->at_ms, done_seen, &a->store);
}

static void ask_begin_of(struct store_world *w, const struct power_step *step,
                         struct power_answer *a)
{
    struct auth_store_begin what = begin_of(step->by, step->name, step->nonce);

    what.now_ms = step->at_ms;
    what.nonce_until_ms = what.expires_at_ms = what.revoked_until_ms = NOW + POWER_LONG;
    if (step->key % 3 == 0)
        what.proof = proof_of(10, step->by, STR("signed"));
    auth_store_begin(auth_of(w), &what, done_begun, &a->auth);
}

static void ask_refresh_of(struct store_world *w, const struct power_step *step,
                           struct power_answer *a)
{
    struct auth_store_refresh what = refresh_of(step->name, step->generation, 0);

    what.now_ms = step->at_ms;
    what.grace_ms = 0;
    what.is_proven = true;
    what.revoked_until_ms = NOW + POWER_LONG;
    auth_store_refresh(auth_of(w), &what, done_refreshed, &a->auth);
}

static void ask_end_of(struct store_world *w, const struct power_step *step,
                       struct power_answer *a)
{
    const struct auth_store_end what = {.session = str_of(step->name),
                                        .account = who(step->by),
                                        .now_ms = step->at_ms,
                                        .until_ms = NOW + POWER_LONG};
    auth_store_end(auth_of(w), &what, done_ended, &a->auth);
}

static void ask_announce_of(struct store_world *w, const struct power_step *step,
                            struct power_answer *a)
{
    struct uploads_create what = create_of(step->by, step->name);

    what.now_ms = step->at_ms;
    what.until_ms = step->at_ms + HOUR;
    uploads_create(uploads_of(w), &what, done_created, &a->store);
}

static void ask_settle_of(struct store_world *w, const struct power_step *step,
                          struct power_answer *a)
{
    struct uploads_settle what = settle_of(step->name, step->state);

    what.until_ms = step->at_ms + HOUR;
    uploads_settle(uploads_of(w), &what, done_settled, &a->store);
}

static void ask_claim_of(struct store_world *w, const struct power_step *step,
                         struct power_answer *a)
{
    const struct uploads_claim what = {.now_ms = step->at_ms + HOUR - 3 * MINUTE,
                                       .again_ms = step->at_ms + 2 * HOUR,
                                       .max = 2};
    uploads_claim(uploads_of(w), &what, done_claimed, &a->store);
}

static void ask_remove_of(struct store_world *w, const struct power_step *step,
                          struct power_answer *a)
{
    uploads_remove(uploads_of(w), str_of(step->name), done_removed, &a->store);
}

typedef void ask_fn(struct store_world *w, const struct power_step *step,
                    struct power_answer *a);

static ask_fn *const asks[] = {
    [POWER_APPEND] = ask_append_of,
    [POWER_RECEIPT] = ask_receipt_of,
    [POWER_CONTACT] = ask_contact_of,
    [POWER_SEEN] = ask_seen_of,
    [POWER_BEGIN] = ask_begin_of,
    [POWER_REFRESH] = ask_refresh_of,
    [POWER_END] = ask_end_of,
    [POWER_ANNOUNCE] = ask_announce_of,
    [POWER_SETTLE] = ask_settle_of,
    [POWER_CLAIM] = ask_claim_of,
    [POWER_REMOVE] = ask_remove_of,
    [POWER_CHECKPOINT] = NULL,
    [POWER_REOPEN] = NULL,
};

/** Somebody else's, on a disk that may fail: whether it succeeds is nobody's concern. */
static void copy_log(const struct store_world *w, const char *mode)
{
    sqlite3 *db = NULL;
    char path[128];
    char text[48];

    snprintf(path, sizeof(path), "%s/parley.db", w->dir);
    snprintf(text, sizeof(text), "PRAGMA wal_checkpoint(%s)", mode);
    if (sqlite3_open(path, &db) == SQLITE_OK)
        (void)sqlite3_exec(db, text, NULL, NULL, NULL);
    sqlite3_close(db);
}

static void reopen(struct store_world *w)
{
    power_world_close(w);
    if (power_world_open(w) < 0)
        w->store = NULL;
}

static void play_apart(const struct power_player *p, const struct power_step *step)
{
    if (p->w->backend == BACKEND_MEM) // the model has neither
        return;
    if (step->kind == POWER_CHECKPOINT) {
        copy_log(p->w, step->mode);
    } else {
        reopen(p->w);
    }
}

/** Has the log something in it that was not copied? Then it can't begin anew, and whoever reads
 * changes nothing of what is done to the disk. */
static bool has_log(const struct power_log *log)
{
    size_t i = power_log_count(log);

    while (i > 0 &&
           (log->ops[i - 1].kind != POWER_WRITE || power_op_is_of_index(log, &log->ops[i - 1])))
        i--;
    return i > 0 && power_op_is_of(log, &log->ops[i - 1], POWER_WAL);
}

/** Somebody who reads meanwhile, on the other thread: what he sees is of no interest. */
static void read_meanwhile(const struct power_player *p, struct power_answer answers[2],
                           char letter)
{
    const struct store_read read = {SOME_OF(letter)};
    const struct store_list list = {
        .account = who(letter), .max_conversations = PLENTY, .max_bytes = PLENTY};

    store_read(p->w->store, &read, done_read, &answers[0].store);
    store_list(p->w->store, &list, done_list, &answers[1].store);
}

static void play_together(const struct power_player *p, const struct power_step *steps,
                          struct power_answer *answers, size_t n)
{
    struct power_waiter waiter = {.loop = p->w->loop};
    struct power_answer reads[2];

    power_answers_init(answers, n, &waiter, p->w);
    for (size_t i = 0; i < n; i++)
        asks[steps[i].kind](p->w, &steps[i], &answers[i]);
    const bool is_read = p->log && has_log(p->log);
    if (is_read) {
        power_answers_init(reads, COUNT_OF(reads), &waiter, p->w);
        read_meanwhile(p, reads, steps->by);
    }
    power_await(&waiter);
    if (is_read)
        power_answers_fini(reads, COUNT_OF(reads));
}

static void note_sent(const struct power_player *p, size_t from, size_t to)
{
    for (size_t i = from; p->book && i < to; i++) {
        p->book->entries[i] =
            (struct power_entry){.is_sent = true, .sent_at = power_log_count(p->log)};
    }
}

static void note_answer(const struct power_player *p, size_t i, const struct power_answer *a)
{
    if (!p->book)
        return;
    struct power_entry *e = &p->book->entries[i];
    e->r = power_answer_result(a);
    e->seq = a->store.seq;
    e->position = a->store.position;
    e->answered_at = power_log_count(p->log);
    e->is_answered = true;
}

/** The index is filled and logs are copied behind what was answered. */
static void await_kept(const struct store_world *w)
{
    while (w->store && w->backend != BACKEND_MEM &&
           !sqlite_keep_is_idle(&sqlite_engine_in(w->store)->keep))
        loop_run_once(w->loop);
}

void power_play(const struct power_player *p, const struct power_script *script, size_t batch,
                struct buf *texts)
{
    const size_t from = script->batches[batch].from;
    const size_t n = script->batches[batch].to - from;
    const struct power_step *steps = &script->steps[from];
    struct power_answer *answers = mem_alloc(n * sizeof(*answers));

    note_sent(p, from, from + n);
    if (asks[steps->kind]) {
        play_together(p, steps, answers, n);
    } else {
        play_apart(p, steps);
    }
    for (size_t i = 0; i < n; i++) {
        note_answer(p, from + i, &answers[i]);
        if (texts)
            power_answer_say(&answers[i], texts);
    }
    await_kept(p->w);
    power_answers_fini(answers, n);
    free(answers);
}
