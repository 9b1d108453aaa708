#include "base/mem.h"
#include "chat/requests.h"

static bool is_of(str mime, str type)
{
    return mime.len >= type.len && str_eq_nocase((str){mime.ptr, type.len}, type);
}

enum chat_kind chat_kind_of(str mime)
{
    if (is_of(mime, STR("image/")))
        return CHAT_IMAGE;
    if (is_of(mime, STR("video/")))
        return CHAT_VIDEO;
    return is_of(mime, STR("audio/")) ? CHAT_AUDIO : CHAT_FILE;
}

struct upload_op {
    struct chat_actor *actor;
    chat_upload_fn *done;
    void *arg;
    struct chat_upload upload; // its strings point into bytes[]
    char bytes[];
};

static void finish(struct upload_op *op, int r)
{
    struct chat_actor *a = op->actor;

    if (r == 0) {
        a->chat->counters.uploads++;
    } else {
        a->chat->counters.refused++;
    }
    op->done(op->arg, r, r == 0 ? &op->upload : NULL);
    free(op);
    requests_end(a, r);
}

/** One that may have been announced all the same does no harm: nobody knows its id, and it is
 * swept. */
static void on_created(void *arg, int r, int64_t retry_after_ms)
{
    struct upload_op *op = arg;

    switch (r) {
    case 0: finish(op, 0); break;
    case UPLOADS_QUOTA:
        op->actor->retry_after_ms = retry_after_ms;
        finish(op, CHAT_UPLOAD_QUOTA);
        break;
    case UPLOADS_TOO_MANY: finish(op, CHAT_UPLOADS_PENDING); break;
    default: finish(op, requests_unavailable(r)); break;
    }
}

static void create(struct upload_op *op)
{
    const struct chat *c = op->actor->chat;
    const struct chat_uploads_config *config = &c->config.uploads;
    const int64_t now_ms = clock_unix_ms(c->ports.clock);
    const struct uploads_create create = {
        .upload = op->upload,
        .now_ms = now_ms,
        .until_ms = now_ms + config->kept_ms,
        .quota_bytes = config->quota_bytes,
        .quota_ms = config->quota_ms,
        .max_pending = config->max_pending,
    };

    uploads_create(c->ports.uploads, &create, on_created, op);
}

static struct upload_op *op_new(struct chat_actor *a, const struct chat_announce *what)
{
    char id[CHAT_UPLOAD_ID_SIZE];
    struct chat_upload u = {
        .owner = *a->account,
        .name = what->name,
        .mime = what->mime,
        .size = what->size,
        .has_sha256 = what->sha256 != NULL,
        .state = UPLOAD_PENDING,
    };

    rand_name(a->chat->ports.rand, id);
    u.id = str_of(id);
    if (what->sha256)
        memcpy(u.sha256, what->sha256, sizeof(u.sha256));
    struct upload_op *op = mem_alloc(sizeof(*op) + upload_bytes(&u));
    op->actor = a;
    op->upload = upload_copy(op->bytes, &u);
    return op;
}

int chat_upload(struct chat_actor *a, const struct chat_announce *what, chat_upload_fn *done,
                void *arg)
{
    struct chat *c = a->chat;
    const uint64_t max_bytes = c->config.uploads.max_bytes[chat_kind_of(what->mime)];

    assert(c->ports.media);
    if (what->size > max_bytes) {
        a->max_bytes = max_bytes;
        c->counters.refused++;
        return CHAT_UPLOAD_TOO_LARGE;
    }
    const int refusal = requests_begin(a, CHAT_BUCKET_REQUESTS);
    if (refusal)
        return refusal;

    struct upload_op *op = op_new(a, what);
    op->done = done;
    op->arg = arg;
    create(op);
    return 0;
}
