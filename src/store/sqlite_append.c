/** Messages that come in, and what keeps them out. */
#include "base/mem.h"
#include "store/sqlite_change.h"
#include "store/sqlite_text.h"
#include "store/sqlite_withheld.h"

#define APPEND_NOT_IT 1000 // unlike a store_refusal

static void answer(struct write_op *op, const struct thread *t, const struct chat_message *m)
{
    const unsigned sender = thread_side_of(t, &op->append.asked.from);
    const struct chat_marks theirs = thread_marks_of(t->sides[sender].theirs);
    struct chat_message *out = &op->append.answer.message;

    *out = *m;
    out->conversation = t->id;
    out->from = op->append.asked.from;
    out->to = op->append.asked.to;
    out->key = op->append.asked.key;
    out->status = chat_status_of(m->seq, &theirs);
}

// What is there already.

static void answer_duplicate(struct write_op *op, const struct thread *t, sqlite3_stmt *found)
{
    const str type = sqlite_db_str(found, 5);
    const str content = sqlite_db_str(found, 6);

    op->append.found = mem_alloc(type.len + content.len + 1);
    op->append.answer.is_duplicate = true;
    op->append.answer.previous = sqlite3_column_int64(found, 0) - 1;
    answer(op, t,
           &(struct chat_message){
               .position = sqlite3_column_int64(found, 0),
               .seq = (uint64_t)sqlite3_column_int64(found, 1),
               .created_at_ms = sqlite3_column_int64(found, 2),
               .reply_to = (uint64_t)sqlite3_column_int64(found, 3),
               .type = str_copy(op->append.found, type),
               .content = str_copy(op->append.found + type.len, content),
           });
}

/** Is this the message with op's key? @return 0 with the answer, APPEND_NOT_IT, STORE_CONFLICT,
 * or a fault */
static int compare(struct sqlite_writer *w, struct write_op *op, const struct thread *t,
                   int64_t position)
{
    const struct store_append *a = &op->append.asked;
    const str digest = {(const char *)a->digest, CHAT_DIGEST_SIZE};
    sqlite3_stmt *stmt = w->db.stmts[W_AT];

    sqlite_db_bind(stmt, 1, position);
    int r = sqlite_db_step(&w->db, stmt);
    if (r != 0)
        return r < 0 ? r : APPEND_NOT_IT;
    if ((conversation_id)sqlite3_column_int64(stmt, 7) != t->id ||
        sqlite3_column_int(stmt, 8) != (int)thread_side_of(t, &a->from) ||
        !str_eq(sqlite_db_str(stmt, 9), a->key)) {
        r = APPEND_NOT_IT;
    } else if (!str_eq(sqlite_db_str(stmt, 4), digest)) {
        r = STORE_CONFLICT;
    } else {
        answer_duplicate(op, t, stmt);
    }
    sqlite3_reset(stmt);
    return r;
}

/** Of this group's. @return as compare() */
static int find_fresh(struct sqlite_writer *w, struct write_op *op, const struct thread *t,
                      uint32_t hash)
{
    int r = APPEND_NOT_IT;

    for (size_t i = 0; r == APPEND_NOT_IT && i < t->n_fresh; i++) {
        if (t->fresh[i].hash == hash)
            r = compare(w, op, t, t->fresh[i].position);
    }
    return r;
}

/** Is its key taken? @return as compare() */
static int find_key(struct sqlite_writer *w, struct write_op *op, const struct thread *t,
                    uint32_t hash)
{
    int64_t positions[PLACES_KEYED_MAX];
    size_t n = 0;

    if (!thread_may_have_key(&t->keys, hash))
        return APPEND_NOT_IT;
    int r = find_fresh(w, op, t, hash);
    if (r != APPEND_NOT_IT)
        return r;
    const int found = places_keyed(&w->places, t->id, hash, positions, &n);
    if (found < 0)
        return found;
    for (size_t i = 0; r == APPEND_NOT_IT && i < n; i++)
        r = compare(w, op, t, positions[i]);
    return r;
}

/** @return 0 with the answer, APPEND_NOT_IT: it is none, STORE_CONFLICT, or a fault */
static int find_duplicate(struct sqlite_writer *w, struct write_op *op, const struct thread *t,
                          uint32_t hash)
{
    const unsigned sender = thread_side_of(t, &op->append.asked.from);

    const int r = find_key(w, op, t, hash);
    if (r != 0)
        return r;
    return withheld_is(&w->threads, t, 1 - sender, op->append.answer.message.seq,
                       &op->append.answer.is_withheld);
}

// What there is room for.

static bool is_over(struct tally used, const struct store_quota *quota)
{
    return used.n >= quota->messages || used.bytes >= quota->bytes;
}

/** What the recipient has of the sender's and not yet, as the sender may count it. */
static struct tally used_by(const struct thread *t, unsigned sender)
{
    const struct thread_side *recipient = &t->sides[1 - sender];

    if (recipient->blocked)
        return tally_minus(t->sides[sender].sent, recipient->block_after);
    return thread_above(t, 1 - sender, CHAT_MARK_DELIVERED);
}

static bool is_full(const struct sqlite_writer *w, const struct mailbox *m, bool accepted)
{
    return m->waiting.n >= w->limits.mailbox ||
           (!accepted && m->waiting.n_of_strangers >= w->limits.mailbox / 2);
}

/** @return 0, STORE_MAILBOX_FULL, or a fault */
static int check_first(struct sqlite_writer *w, const struct store_append *a)
{
    struct mailbox *mailbox = NULL;

    if (is_over((struct tally){0}, &w->limits.stranger))
        return STORE_MAILBOX_FULL;
    int r = mailboxes_find(&w->threads.mailboxes, &a->to, &mailbox);
    if (r == 0)
        r = mailboxes_sum_up(&w->threads.mailboxes, mailbox);
    if (r < 0)
        return r;
    return is_full(w, mailbox, false) ? STORE_MAILBOX_FULL : 0;
}

/** @return 0, STORE_MAILBOX_FULL, or a fault */
static int check_room(struct sqlite_writer *w, struct thread *t, unsigned sender)
{
    const struct thread_side *recipient = &t->sides[1 - sender];

    const int r = threads_open_mailbox(&w->threads, t, 1 - sender);
    if (r < 0)
        return r;
    if (is_over(used_by(t, sender),
                recipient->accepted ? &w->limits.accepted : &w->limits.stranger))
        return STORE_MAILBOX_FULL;
    return is_full(w, recipient->mailbox, recipient->accepted) ? STORE_MAILBOX_FULL : 0;
}

/** @return 0, a refusal, or a fault */
static int check_place(struct sqlite_writer *w, struct thread *t, const struct store_append *a)
{
    if (a->reply_to > (t ? thread_last_seq(t) : 0))
        return STORE_NO_SUCH_SEQ;
    if (!t)
        return check_first(w, a);
    const unsigned sender = thread_side_of(t, &a->from);
    return t->sides[sender].blocked ? STORE_FORBIDDEN : check_room(w, t, sender);
}

/** @param t  NULL: there is no conversation yet
 * @return 0, why it is refused if it is new, or a fault */
static int check(struct sqlite_writer *w, struct thread *t, const struct store_append *a)
{
    const int r = check_place(w, t, a);
    return r == 0 ? sqlite_uploads_check(&w->uploads, a) : r;
}

// What is new.

static int insert(struct sqlite_writer *w, const struct thread *t, const struct store_append *a,
                  const struct chat_message *m)
{
    sqlite3_stmt *stmt = w->db.stmts[W_ADD_MESSAGE];
    const unsigned sender = thread_side_of(t, &a->from);
    const struct tally sent = t->sides[sender].sent;

    sqlite_db_bind(stmt, 1, m->position);
    sqlite_db_bind(stmt, 2, (int64_t)t->id);
    sqlite_db_bind(stmt, 3, (int64_t)m->seq);
    sqlite_db_bind(stmt, 4, sender);
    sqlite_db_bind(stmt, 5, (int64_t)sent.n + 1);
    sqlite_db_bind(stmt, 6, (int64_t)(sent.bytes + a->content.len));
    sqlite_db_bind(stmt, 7, (int64_t)t->sides[1 - sender].sent.bytes);
    sqlite_db_bind(stmt, 8, m->created_at_ms);
    sqlite_db_bind(stmt, 9, (int64_t)a->reply_to);
    sqlite_db_bind_text(stmt, 10, a->type);
    sqlite_db_bind_text(stmt, 11, a->key);
    sqlite_db_bind_bytes(stmt, 12, (str){(const char *)a->digest, CHAT_DIGEST_SIZE});
    sqlite_db_bind_text(stmt, 13, a->content);
    return sqlite_db_run(&w->db, stmt);
}

/** Where the recipient blocks the sender, the sender alone sees it come. */
static void grow(struct thread *t, unsigned sender, const struct chat_message *m)
{
    struct thread_side *from = &t->sides[sender];
    struct thread_side *to = &t->sides[1 - sender];

    from->sent.n++;
    from->sent.bytes += m->content.len;
    from->accepted = true; // who writes to the peer has accepted it
    from->last_at_ms = m->created_at_ms;
    from->message_pos = m->position;
    if (to->blocked)
        return;
    to->last_at_ms = m->created_at_ms;
    to->message_pos = m->position;
    if (to->due_pos == 0)
        to->due_pos = m->position;
}

/** @return 0 or a fault */
static int keep(struct sqlite_writer *w, struct write_op *op, struct thread *t,
                const struct chat_message *m)
{
    struct store_appended *out = &op->append.answer;
    const unsigned sender = thread_side_of(t, &op->append.asked.from);
    int r = 0;

    out->is_accepted = !t->sides[sender].accepted;
    out->is_withheld = t->sides[1 - sender].blocked;
    out->previous = thread_last_position(t);
    grow(t, sender, m);
    if (out->is_accepted)
        out->n_known = sqlite_marks_tell(w, t, sender, m->position, out->known);
    if (out->n_known > 0)
        r = sqlite_contact_log(w, t, sender, m->position, true);
    answer(op, t, m);
    return r;
}

static int add_message(struct sqlite_writer *w, struct write_op *op, struct thread *t,
                       uint32_t hash)
{
    const struct store_append *a = &op->append.asked;
    const int64_t last_at_ms = thread_last_at_ms(t);
    const struct chat_message m = {
        .seq = thread_last_seq(t) + 1,
        .position = w->position + 1,
        .created_at_ms = a->now_ms > last_at_ms ? a->now_ms : last_at_ms,
        .type = a->type,
        .content = a->content,
        .reply_to = a->reply_to,
    };

    int r = insert(w, t, a, &m);
    if (r < 0)
        return r;
    w->chain =
        sqlite_index_chain(w->chain, m.position, t->id, m.seq, thread_side_of(t, &a->from));
    r = keep(w, op, t, &m);
    if (r < 0)
        return r;
    threads_add_message(&w->threads, t, thread_side_of(t, &a->from),
                        &(struct tail_entry){.position = m.position, .hash = hash});
    sqlite_change_take(w, op, t);
    return sqlite_uploads_keep(&w->uploads, a, m.position);
}

/** Of both sides, if it changes: what the sender has not got yet is no stranger's any more. */
static int open_mailboxes(struct sqlite_writer *w, struct thread *t, unsigned sender)
{
    int r = threads_open_mailbox(&w->threads, t, 1 - sender);

    if (r == 0 && thread_above(t, sender, CHAT_MARK_DELIVERED).n > 0)
        r = threads_open_mailbox(&w->threads, t, sender);
    return r;
}

int sqlite_change_append(struct sqlite_writer *w, struct write_op *op)
{
    const struct store_append *a = &op->append.asked;
    struct thread *t = NULL;

    int r = threads_find_pair(&w->threads, &a->from, &a->to, &t);
    if (r < 0)
        return r;
    const bool is_new = r == THREADS_NONE;
    const unsigned sender = is_new ? 0 : thread_side_of(t, &a->from);
    uint32_t hash = places_hash(&w->places, sender, a->key);
    r = is_new ? APPEND_NOT_IT : find_duplicate(w, op, t, hash);
    if (r != APPEND_NOT_IT)
        return r;
    r = check(w, is_new ? NULL : t, a);
    if (r == 0 && is_new)
        r = threads_add(&w->threads, &a->from, &a->to, &t);
    if (r == THREADS_FULL && is_new)
        return STORE_UNAVAILABLE;
    if (r == 0)
        r = open_mailboxes(w, t, thread_side_of(t, &a->from));
    if (r != 0)
        return r;
    if (is_new)
        hash = places_hash(&w->places, thread_side_of(t, &a->from), a->key);
    return add_message(w, op, t, hash);
}
