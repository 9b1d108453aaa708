#include "base/base64.h"
#include "base/fsm.h"
#include "base/mem.h"
#include "crypto/secret.h"
#include "http/url.h"
#include "media/endpoint_core.h"
#include "media/mime.h"

#define CHECKSUM      "x-amz-checksum-sha256"
#define CHECKSUM_SIZE BASE64_LEN((size_t)CHAT_SHA256_SIZE) // characters of its value

enum put_state {
    PUT_ASKING, // the store, what was announced; the body waits
    PUT_RECEIVING,
    PUT_FINISHING, // all is with the disk
    PUT_LEFT,      // nobody waits, but the store has still to say
    PUT_OVER,
};

#define TO(state) FSM_TO(PUT_##state)
static const struct fsm_state states[] = {
    [PUT_ASKING] = {"media_put_request_asking", TO(RECEIVING) | TO(LEFT) | TO(OVER)},
    [PUT_RECEIVING] = {"media_put_request_receiving", TO(FINISHING) | TO(OVER)},
    [PUT_FINISHING] = {"media_put_request_finishing", TO(OVER)},
    [PUT_LEFT] = {"media_put_request_left", TO(OVER)},
    [PUT_OVER] = {"media_put_request_over", 0},
};
#undef TO

struct put {
    struct endpoint *e;
    struct list node;
    struct fsm fsm;
    struct http_request *rq; // NULL in LEFT
    struct buf headers;
    char id[FILES_ID_SIZE + 1];
    account owner; // from RECEIVING on
    char *type;    // Content-Type
    uint64_t length;
    bool has_sha256; // and must have this one
    uint8_t sha256[CHAT_SHA256_SIZE];
    bool is_paused;
    struct files_put *file;    // from RECEIVING on
    struct ips_count *counted; // NULL: not
    char first[MIME_SNIFF_SIZE];
    size_t n_first;
};

static void put_end(struct put *p)
{
    fsm_move(&p->fsm, PUT_OVER);
    fsm_fini(&p->fsm);
    list_remove(&p->node);
    p->e->n_puts--;
    p->e->counters.putting--;
    if (p->counted)
        ips_give(p->counted);
    buf_fini(&p->headers);
    free(p->type);
    free(p);
}

/** Nobody waits for it any more. */
static void put_leave(struct put *p)
{
    p->rq = NULL;
    if (p->file)
        files_put_drop(p->file);
    if (p->fsm.now == PUT_ASKING) {
        fsm_move(&p->fsm, PUT_LEFT);
    } else {
        put_end(p);
    }
}

static void put_refuse(struct put *p, enum refusal why)
{
    p->rq->state = NULL;
    endpoint_refuse(p->e, p->rq, why, buf_str(&p->headers));
    put_leave(p);
}

// The body.

/** @return false: it was refused */
static bool check_first(struct put *p)
{
    if (mime_fits(str_of(p->type), (str){p->first, p->n_first}))
        return true;
    put_refuse(p, REFUSAL_CONTENT);
    return false;
}

/** @return false: it was refused */
static bool look_at_first(struct put *p, str piece)
{
    const size_t room = sizeof(p->first) - p->n_first;

    if (room == 0)
        return true;
    const str part = str_take(&piece, piece.len < room ? piece.len : room);
    str_copy(p->first + p->n_first, part);
    p->n_first += part.len;
    return p->n_first < sizeof(p->first) || check_first(p);
}

void endpoint_put_on_piece(struct http_request *rq, str piece)
{
    struct put *p = rq->state;

    assert(p->fsm.now == PUT_RECEIVING);
    if (!look_at_first(p, piece) || files_put_write(p->file, piece) || p->is_paused)
        return;
    p->is_paused = true;
    http_pause(rq);
}

void endpoint_put_on_body(struct http_request *rq)
{
    struct put *p = rq->state;

    if (rq->is_too_large) {
        put_refuse(p, REFUSAL_TOO_LARGE);
    } else if (p->n_first == sizeof(p->first) || check_first(p)) {
        fsm_move(&p->fsm, PUT_FINISHING);
        files_put_finish(p->file);
    }
}

void endpoint_put_on_gone(struct http_request *rq)
{
    put_leave(rq->state);
}

// The disk.

static void on_room(void *arg)
{
    struct put *p = arg;

    if (!p->is_paused || p->fsm.now != PUT_RECEIVING)
        return;
    p->is_paused = false;
    http_resume(p->rq);
}

static enum refusal refusal_of(int files)
{
    switch ((enum files_refusal)files) {
    case FILES_MISMATCH: return REFUSAL_TOO_SMALL;
    case FILES_TAKEN: return REFUSAL_PUT_ALREADY;
    case FILES_DIGEST: return REFUSAL_DIGEST;
    case FILES_FULL: return REFUSAL_FULL;
    case FILES_GONE:
    case FILES_MISSING: return REFUSAL_NO_KEY;
    case FILES_STOPPED: return REFUSAL_UNAVAILABLE;
    case FILES_BROKEN: return REFUSAL_BROKEN;
    }
    return REFUSAL_NONE;
}

static void put_answer(struct put *p)
{
    p->e->counters.puts++;
    p->e->counters.put_bytes += p->length;
    const int r = buf_addf(&p->headers, "ETag: \"%s\"\r\n", p->id);
    assert(r == 0);
    (void)r;
    p->rq->state = NULL;
    http_respond(p->rq,
                 &(struct http_response){.status = 200, .headers = buf_str(&p->headers)});
    put_end(p);
}

static void on_end(void *arg, int r)
{
    struct put *p = arg;

    p->file = NULL;
    if (r == 0) {
        put_answer(p);
    } else {
        put_refuse(p, refusal_of(r));
    }
}

static const struct files_put_events events = {.on_room = on_room, .on_end = on_end};

// What was announced.

static size_t n_of(const struct endpoint *e, const account *owner)
{
    size_t n = 0;

    list_each (node, &e->puts) {
        const struct put *p = container_of(node, struct put, node);
        if (p->fsm.now >= PUT_RECEIVING && account_eq(&p->owner, owner))
            n++;
    }
    return n;
}

static enum refusal judge_size(const struct put *p, const struct chat_upload *u)
{
    if (p->length > u->size)
        return REFUSAL_TOO_LARGE;
    return p->length < u->size ? REFUSAL_TOO_SMALL : REFUSAL_NONE;
}

static enum refusal judge(const struct put *p, int r, const struct chat_upload *u)
{
    if (r != 0)
        return r == UPLOADS_NOT_FOUND ? REFUSAL_NO_KEY : REFUSAL_UNAVAILABLE;
    if (u->state != UPLOAD_PENDING)
        return REFUSAL_SETTLED;
    if (!str_eq(str_of(p->type), u->mime))
        return REFUSAL_TYPE;
    if (u->has_sha256 && p->has_sha256 &&
        !crypto_equal(p->sha256, u->sha256, sizeof(p->sha256)))
        return REFUSAL_DIGEST;
    if (n_of(p->e, &u->owner) >= MEDIA_OWNER_PUTS_MAX)
        return REFUSAL_SLOW_DOWN;
    return judge_size(p, u);
}

static void begin(struct put *p, const struct chat_upload *u)
{
    const uint8_t *sha256 = u->has_sha256 ? u->sha256 : p->has_sha256 ? p->sha256 : NULL;

    p->owner = u->owner;
    fsm_move(&p->fsm, PUT_RECEIVING);
    p->file = files_put_begin(p->e->config.files, &(struct files_put_config){
                                                      .id = str_of(p->id),
                                                      .size = p->length,
                                                      .sha256 = sha256,
                                                      .events = &events,
                                                      .arg = p,
                                                  });
    http_resume(p->rq);
}

static void on_found(void *arg, int r, const struct chat_upload *u)
{
    struct put *p = arg;

    if (p->fsm.now == PUT_LEFT) {
        put_end(p);
        return;
    }
    const enum refusal why = judge(p, r, u);
    if (why == REFUSAL_NONE) {
        begin(p, u);
        return;
    }
    p->rq->state = NULL;
    endpoint_refuse(p->e, p->rq, why, buf_str(&p->headers));
    put_end(p);
}

// The head.

/** @return 0 or REFUSAL_CHECKSUM */
static enum refusal take_checksum(struct put *p, str text)
{
    char bytes[BASE64_BYTES(CHECKSUM_SIZE)];
    size_t n;

    if (text.len != CHECKSUM_SIZE || base64_decode_lenient(bytes, &n, text) != 0 ||
        n != CHAT_SHA256_SIZE)
        return REFUSAL_CHECKSUM;
    memcpy(p->sha256, bytes, sizeof(p->sha256));
    p->has_sha256 = true;
    return REFUSAL_NONE;
}

/** SDKs move it from the header to the query. */
static enum refusal find_checksum(struct put *p, const struct http_head *head)
{
    char text[CHECKSUM_SIZE];
    const str in_header = http_head_get(head, STR(CHECKSUM));
    str in_query;

    if (in_header.ptr)
        return take_checksum(p, in_header);
    switch (url_query_get(head->query, STR(CHECKSUM), text, sizeof(text), &in_query)) {
    case 0: return take_checksum(p, in_query);
    case URL_NOT_FOUND: return REFUSAL_NONE;
    default: return REFUSAL_CHECKSUM;
    }
}

/** A client that lost its connection comes again before we have seen that it did. */
static void supersede(struct endpoint *e, str id)
{
    list_each (node, &e->puts) {
        struct put *p = container_of(node, struct put, node);
        if (p->rq && p->fsm.now != PUT_FINISHING && str_eq(str_of(p->id), id))
            put_refuse(p, REFUSAL_NEWER);
    }
}

static struct put *put_new(struct endpoint *e, struct endpoint_call *c)
{
    struct put *p = NEW(struct put);

    p->e = e;
    p->rq = c->rq;
    p->headers = c->headers;
    p->type = str_dup(http_head_get(c->head, STR("Content-Type")));
    p->length = c->head->content_length;
    str_copy(p->id, c->id);
    fsm_init(&p->fsm, states, PUT_ASKING);
    list_push(&e->puts, &p->node);
    e->n_puts++;
    e->counters.putting++;
    return p;
}

void endpoint_put_start(struct endpoint *e, struct endpoint_call *c)
{
    supersede(e, c->id);
    struct put *p = put_new(e, c);

    enum refusal why = find_checksum(p, c->head);
    if (e->n_puts > MEDIA_PUTS_MAX)
        why = REFUSAL_SLOW_DOWN;
    if (why == REFUSAL_NONE)
        why = endpoint_count(e, &e->put_ips, c, &p->counted);
    if (why != REFUSAL_NONE) {
        endpoint_refuse(e, p->rq, why, buf_str(&p->headers));
        put_end(p);
        return;
    }
    p->rq->state = p;
    p->rq->is_streamed = true;
    p->rq->max_body = p->length;
    http_pause(p->rq); // who asks first (100-continue) sends nothing that is refused
    uploads_find(e->config.uploads, str_of(p->id), on_found, p);
}

void endpoint_put_stop_all(struct endpoint *e)
{
    list_each (node, &e->puts) {
        struct put *p = container_of(node, struct put, node);
        if (p->rq)
            put_refuse(p, REFUSAL_UNAVAILABLE);
    }
}
