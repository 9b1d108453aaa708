#include "store/pg_read.h"

#include "base/log.h"
#include "store/front.h"
#include "store/pg_row.h"

// Revocations.

enum {
    REVOCATION_POSITION = 1,
    REVOCATION_SESSION,
    REVOCATION_ACCOUNT,
    REVOCATION_BEFORE,
    REVOCATION_UNTIL,
};

static const char revocations_text[] =
    "SELECT x.position, v.position, v.session, v.account, v.before_ms, v.until_ms"
    " FROM meta x LEFT JOIN ("
    "  SELECT * FROM revocation v WHERE v.position > $1::int8 AND v.until_ms > $2::int8"
    "  ORDER BY v.position LIMIT $3::int8) v ON true ORDER BY v.position";

static void ask_revocations(const struct read_op *op, struct pg_args *a)
{
    const struct auth_store_revocations *asked = &op->asked.revocations;

    pg_arg_i64(a, asked->after);
    pg_arg_i64(a, asked->now_ms);
    pg_arg_i64(a, pg_row_n(asked->max_revocations));
}

static str keep_str(struct read_op *op, str s)
{
    return str_copy(read_op_room(op, s.len), s);
}

static int take_revocations(struct read_op *op, const PGresult *r)
{
    struct auth_store_revocations_page *page = &op->answer.revocations;

    for (int row = 0; row < PQntuples(r) && !pg_is_null(r, row, REVOCATION_POSITION); row++) {
        page->has_more = page->n_revocations == op->asked.revocations.max_revocations;
        if (page->has_more)
            break;
        struct auth_revocation *all = read_op_grow(op, page->n_revocations, sizeof(*all));
        all[page->n_revocations++] = (struct auth_revocation){
            .position = pg_i64(r, row, REVOCATION_POSITION),
            .session = keep_str(op, pg_str(r, row, REVOCATION_SESSION)),
            .account = pg_account(r, row, REVOCATION_ACCOUNT),
            .before_ms = pg_i64(r, row, REVOCATION_BEFORE),
            .until_ms = pg_i64(r, row, REVOCATION_UNTIL),
        };
    }
    page->revocations = op->items;
    return 0;
}

static const struct pg_question revocations = {
    .statement = {41, revocations_text}, .ask = ask_revocations, .take = take_revocations};

// An upload.

enum {
    UPLOAD_STATE = 1,
    UPLOAD_OWNER,
    UPLOAD_NAME,
    UPLOAD_MIME,
    UPLOAD_SIZE,
    UPLOAD_SHA256,
};

static const char upload_text[] =
    "SELECT x.position, u.state, u.owner, u.name, u.mime, u.size, u.sha256"
    " FROM meta x LEFT JOIN upload u ON u.id = $1::bytea";

static void ask_upload(const struct read_op *op, struct pg_args *a)
{
    pg_arg_bytes(a, op->asked.upload);
}

static int take_upload(struct read_op *op, const PGresult *r)
{
    struct chat_upload *u = &op->answer.upload;
    const enum upload_state state = (enum upload_state)pg_i64(r, 0, UPLOAD_STATE);

    if (pg_is_null(r, 0, UPLOAD_STATE) || state == UPLOAD_DELETING)
        return UPLOADS_NOT_FOUND;
    const str sha256 = pg_str(r, 0, UPLOAD_SHA256);
    *u = (struct chat_upload){
        .id = op->asked.upload,
        .owner = pg_account(r, 0, UPLOAD_OWNER),
        .name = keep_str(op, pg_str(r, 0, UPLOAD_NAME)),
        .mime = keep_str(op, pg_str(r, 0, UPLOAD_MIME)),
        .size = pg_row_u64(r, 0, UPLOAD_SIZE),
        .has_sha256 = sha256.len == CHAT_SHA256_SIZE,
        .state = state,
    };
    if (u->has_sha256)
        str_copy((char *)u->sha256, sha256);
    return 0;
}

static const struct pg_question upload = {
    .statement = {42, upload_text}, .ask = ask_upload, .take = take_upload};

// All of them.

const struct pg_question *const pg_questions[READ_UPLOAD + 1] = {
    [READ_DUE] = &pg_due,
    [READ_RECEIPTS] = &pg_receipts,
    [READ_HISTORY] = &pg_history,
    [READ_LIST] = &pg_list,
    [READ_CONVERSATION] = &pg_conversation,
    [READ_CHANGES] = &pg_changes,
    [READ_RELATIONS] = &pg_relations,
    [READ_TOUCHED] = &pg_touched,
    [READ_UNREAD] = &pg_unread,
    [READ_REVOCATIONS] = &revocations,
    [READ_UPLOAD] = &upload,
};

/** Each is a transaction of its own: one that fails takes no other one along. */
static void ask_all(const struct pg_reader *rd, const struct list *reads, struct list *first)
{
    struct pg_args args;

    pg_args_init(&args);
    for (struct list *node = first; node != reads; node = node->next) {
        const struct read_op *op = read_op_of(node);
        const struct pg_question *q = pg_questions[op->kind];
        pg_args_clear(&args);
        q->ask(op, &args);
        pg_link_send(rd->link, &q->statement, &args);
        pg_link_sync(rd->link);
    }
    pg_args_fini(&args);
}

/** What was answered before must be there: a replica may be behind, or a database restored.
 * @return 0 or a refusal */
static int take(struct pg_reader *rd, struct read_op *op, const PGresult *r)
{
    const int64_t horizon = PQntuples(r) > 0 ? pg_row_horizon(r) : -1;

    if (horizon < op->horizon) {
        log_error(NULL, "store_postgres_behind", PG_BEHIND, (long long)horizon,
                  (long long)op->horizon);
        return STORE_UNAVAILABLE;
    }
    const int refusal = pg_questions[op->kind]->take(op, r);
    store_engine_reach(rd->engine, horizon);
    return refusal;
}

/** @return 0, or PG_LOST: not answered */
static int take_next(struct pg_reader *rd, struct read_op *op)
{
    PGresult *result = NULL;

    const int r = pg_link_result(rd->link, &result);
    if (r == PG_LOST)
        return r;
    op->r = r == 0 ? take(rd, op, result) : STORE_UNAVAILABLE;
    pg_result_free(&result);
    return 0;
}

/** All go out before the first is answered: they wait for one turn and not for many.
 * @return the first that was not answered, for the connection was lost; reads: none */
static struct list *run_from(struct pg_reader *rd, struct list *reads, struct list *first)
{
    struct list *lost = reads;

    ask_all(rd, reads, first);
    for (struct list *node = first; node != reads; node = node->next) {
        const int r = take_next(rd, read_op_of(node));
        if (r != 0 && lost == reads)
            lost = node;
    }
    return lost;
}

#define TRIES 2 // to read again does no harm

void pg_reader_run(struct pg_reader *rd, struct list *reads)
{
    struct list *left = reads->next;

    for (unsigned i = 0; i < TRIES && left != reads && pg_link_up(rd->link) == 0; i++)
        left = run_from(rd, reads, left);
    for (; left != reads; left = left->next)
        read_op_of(left)->r = STORE_UNAVAILABLE;
}
