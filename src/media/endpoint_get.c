#include <stdio.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/answer.h"
#include "http/etag.h"
#include "http/url.h"
#include "media/endpoint_core.h"
#include "media/mime.h"
#include "media/range.h"

#define OVERRIDE_MAX 2048  // bytes of one: the longest name of a file, encoded, is shorter
#define FIELDS_MAX   16384 // bytes of all of them
#define ETAG_SIZE    (FILES_ID_SIZE + 3)
#define OCTETS       "application/octet-stream"

/** Nothing in it may run where it comes from. */
#define GUARDS                                                                                 \
    "X-Content-Type-Options: nosniff\r\n"                                                      \
    "Content-Security-Policy: sandbox; default-src 'none'\r\n"                                 \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"                                           \
    "Referrer-Policy: no-referrer\r\n"                                                         \
    "Accept-Ranges: bytes\r\n"

struct get {
    struct endpoint *e; // NULL: it is over, and the file is still being sent
    struct list node;
    struct ips_count *counted; // NULL: not
    bool is_sending;
    struct http_request *rq; // NULL: the client is gone, or was answered
    struct buf headers;      // of any answer
    struct buf fields;       // of one with the file
    char id[FILES_ID_SIZE + 1];
    char type[CHAT_MIME_MAX + 1];
    char *range; // the fields of the request; "" without one
    char *if_range;
    char *if_none_match;
    struct files_opened file;
    char etag[ETAG_SIZE];
    struct http_date modified;
};

static void add_field(struct get *g, const char *name, str value)
{
    const int r = buf_addf(&g->fields, "%s: " STR_FMT "\r\n", name, STR_ARG(value));

    assert(r == 0);
    (void)r;
}

static void get_leave(struct get *g)
{
    if (!g->e)
        return;
    list_remove(&g->node);
    g->e->n_gets--;
    if (g->counted)
        ips_give(g->counted);
    g->e = NULL;
}

static void get_end(struct get *g)
{
    get_leave(g);
    buf_fini(&g->headers);
    buf_fini(&g->fields);
    free(g->range);
    free(g->if_range);
    free(g->if_none_match);
    free(g);
}

static struct http_request *let_go_of_request(struct get *g)
{
    struct http_request *rq = g->rq;

    g->rq = NULL;
    rq->state = NULL;
    return rq;
}

static void get_refuse(struct get *g, enum refusal why)
{
    endpoint_refuse(g->e, let_go_of_request(g), why, buf_str(&g->headers));
    get_end(g);
}

// What the link says of the answer.

/** @return 0, URL_NOT_FOUND, or URL_BAD: also with what no field may have (RFC 9110, 5.5) */
static int find_override(str *out, char room[OVERRIDE_MAX], str query, const char *name)
{
    const int r = url_query_get(query, str_of(name), room, OVERRIDE_MAX, out);

    if (r != 0)
        return r == URL_NOT_FOUND ? r : URL_BAD;
    for (size_t i = 0; i < out->len; i++) {
        if (out->ptr[i] < ' ' || out->ptr[i] > '~')
            return URL_BAD;
    }
    return 0;
}

/** What else may be said. Its type and its disposition are not as free. */
static const struct {
    const char *parameter;
    const char *field;
    const char *other; // where the link says nothing; NULL: no field
} overrides[] = {
    {"response-cache-control", "Cache-Control", "private"},
    {"response-content-encoding", "Content-Encoding", NULL},
    {"response-content-language", "Content-Language", NULL},
    {"response-expires", "Expires", NULL},
};

static enum refusal add_overrides(struct get *g, str query)
{
    char room[OVERRIDE_MAX];

    for (size_t i = 0; i < COUNT_OF(overrides); i++) {
        str value;
        const int r = find_override(&value, room, query, overrides[i].parameter);
        if (r == URL_BAD)
            return REFUSAL_OVERRIDE;
        if (r == URL_NOT_FOUND)
            value = str_of(overrides[i].other);
        if (r == 0 || overrides[i].other)
            add_field(g, overrides[i].field, value);
    }
    return REFUSAL_NONE;
}

static enum refusal add_type(struct get *g, str query)
{
    char room[OVERRIDE_MAX];
    str type;
    const int r = find_override(&type, room, query, "response-content-type");

    if (r == URL_BAD || (r == 0 && (type.len == 0 || type.len > CHAT_MIME_MAX)))
        return REFUSAL_OVERRIDE;
    str_copy(g->type, r == 0 ? type : STR(OCTETS));
    return REFUSAL_NONE;
}

static bool is_attachment(str disposition)
{
    return str_eq_nocase(str_trim(str_take_until(&disposition, ';')), STR("attachment"));
}

static void add_forced(struct get *g, str disposition)
{
    const int r = buf_addf(&g->fields, "Content-Disposition: attachment%s" STR_FMT "\r\n",
                           disposition.len > 0 ? ";" : "", STR_ARG(disposition));

    assert(r == 0);
    (void)r;
    memcpy(g->type, OCTETS, sizeof(OCTETS));
}

/** Whoever has the key may sign anything; but what is not safe to show is never shown. */
static enum refusal add_disposition(struct get *g, str query)
{
    char room[OVERRIDE_MAX];
    str value = {0};
    const int r = find_override(&value, room, query, "response-content-disposition");

    if (r == URL_BAD)
        return REFUSAL_OVERRIDE;
    if (!mime_is_safe(str_of(g->type)) && !is_attachment(value)) {
        str_take_until(&value, ';'); // the name may stay
        add_forced(g, value);
    } else if (r == 0) {
        add_field(g, "Content-Disposition", value);
    }
    return REFUSAL_NONE;
}

static enum refusal add_headers(struct get *g, str query)
{
    enum refusal why = add_type(g, query);

    if (why == REFUSAL_NONE)
        why = add_disposition(g, query);
    if (why == REFUSAL_NONE)
        why = add_overrides(g, query);
    if (why == REFUSAL_NONE) {
        const int r = buf_add(&g->fields, STR(GUARDS));
        assert(r == 0);
        (void)r;
    }
    return why;
}

// The answer.

static bool is_same(const struct get *g)
{
    const str field = str_of(g->if_range);

    return field.len == 0 || str_eq(field, str_of(g->etag)) ||
           str_eq(field, str_of(g->modified.text));
}

/** What of it is sent. @return 0 or an enum range_refusal: of RANGE_NONE, all */
static int choose(const struct get *g, uint64_t *offset, uint64_t *n)
{
    *offset = 0;
    *n = g->file.size;
    if (g->range[0] == '\0' || g->rq->method == HTTP_HEAD || g->file.size == 0 || !is_same(g))
        return RANGE_NONE;
    const int r = range_parse(offset, n, str_of(g->range), g->file.size);
    if (r == RANGE_NONE) {
        *offset = 0;
        *n = g->file.size;
    }
    return r;
}

/** All of the header, in g->fields. */
static str header_of(struct get *g)
{
    const int r = buf_add(&g->fields, buf_str(&g->headers));

    assert(r == 0);
    (void)r;
    return buf_str(&g->fields);
}

static void on_taken(void *arg)
{
    get_end(arg);
}

static void send_file(struct get *g, unsigned status, uint64_t offset, uint64_t n)
{
    const struct http_file file = {.fd = g->file.fd, .offset = offset, .length = n};

    g->e->counters.gets++;
    g->e->counters.get_bytes += n;
    g->is_sending = true;
    http_respond(let_go_of_request(g), &(struct http_response){
                                           .status = status,
                                           .type = str_of(g->type),
                                           .headers = header_of(g),
                                           .file = &file,
                                           .on_taken = on_taken,
                                           .arg = g,
                                       });
}

/** Without any of the file. */
static void send_head(struct get *g, unsigned status)
{
    close(g->file.fd);
    g->e->counters.gets++;
    http_respond(let_go_of_request(g), &(struct http_response){
                                           .status = status,
                                           .type = status == 304 ? (str){0} : str_of(g->type),
                                           .headers = header_of(g),
                                           .length = g->file.size,
                                       });
    get_end(g);
}

static void add_range(struct get *g, uint64_t offset, uint64_t n)
{
    char text[80];

    (void)snprintf(text, sizeof(text), "bytes %llu-%llu/%llu", (unsigned long long)offset,
                   (unsigned long long)(offset + n - 1), (unsigned long long)g->file.size);
    add_field(g, "Content-Range", str_of(text));
}

static void refuse_range(struct get *g)
{
    const int r = buf_addf(&g->headers, "Content-Range: bytes */%llu\r\n",
                           (unsigned long long)g->file.size);
    assert(r == 0);
    (void)r;
    close(g->file.fd);
    get_refuse(g, REFUSAL_RANGE);
}

static void get_answer(struct get *g)
{
    uint64_t offset;
    uint64_t n;
    const int r = choose(g, &offset, &n);

    if (http_etag_is_listed(str_of(g->if_none_match), str_of(g->etag))) {
        send_head(g, 304);
    } else if (g->rq->method == HTTP_HEAD || g->file.size == 0) {
        send_head(g, 200);
    } else if (r == RANGE_UNSATISFIABLE) {
        refuse_range(g);
    } else if (r == RANGE_NONE) {
        send_file(g, 200, 0, g->file.size);
    } else {
        add_range(g, offset, n);
        send_file(g, 206, offset, n);
    }
}

static enum refusal refusal_of(int files)
{
    if (files == FILES_MISSING)
        return REFUSAL_NO_KEY;
    return files == FILES_STOPPED ? REFUSAL_UNAVAILABLE : REFUSAL_BROKEN;
}

static void on_open(void *arg, int r, const struct files_opened *file)
{
    struct get *g = arg;

    if (!g->rq) {
        if (file)
            close(file->fd);
        get_end(g);
        return;
    }
    if (r != 0) {
        get_refuse(g, refusal_of(r));
        return;
    }
    g->file = *file;
    (void)snprintf(g->etag, sizeof(g->etag), "\"%s\"", g->id);
    add_field(g, "ETag", str_of(g->etag));
    add_field(g, "Last-Modified", str_of(http_date_text(&g->modified, file->modified_ms)));
    get_answer(g);
}

// The head.

static char *field_of(const struct http_head *head, str name)
{
    return str_dup(http_head_get(head, name));
}

static struct get *get_new(struct endpoint *e, struct endpoint_call *c)
{
    struct get *g = NEW(struct get);

    g->e = e;
    g->rq = c->rq;
    g->modified.s = -1;
    g->rq->state = g;
    g->headers = c->headers;
    buf_init(&g->fields, FIELDS_MAX);
    str_copy(g->id, c->id);
    g->range = field_of(c->head, STR("Range"));
    g->if_range = field_of(c->head, STR("If-Range"));
    g->if_none_match = field_of(c->head, STR("If-None-Match"));
    list_push(&e->gets, &g->node);
    e->n_gets++;
    return g;
}

void endpoint_get_start(struct endpoint *e, struct endpoint_call *c)
{
    const str query = c->head->query;
    struct get *g = get_new(e, c);
    enum refusal why = REFUSAL_SLOW_DOWN;

    if (e->n_gets <= MEDIA_GETS_MAX)
        why = endpoint_count(e, &e->get_ips, c, &g->counted);
    if (why == REFUSAL_NONE)
        why = add_headers(g, query);
    if (why != REFUSAL_NONE) {
        get_refuse(g, why);
        return;
    }
    files_open(e->config.files, str_of(g->id), on_open, g);
}

/** The file is being opened already. */
static void leave(struct get *g)
{
    g->rq = NULL;
}

void endpoint_get_on_body(struct http_request *rq)
{
    struct get *g = rq->state;

    if (!rq->is_too_large)
        return; // it has none
    endpoint_refuse(g->e, let_go_of_request(g), REFUSAL_BODY, buf_str(&g->headers));
    leave(g);
}

void endpoint_get_on_gone(struct http_request *rq)
{
    leave(rq->state);
}

void endpoint_get_stop_all(struct endpoint *e)
{
    list_each (node, &e->gets) {
        struct get *g = container_of(node, struct get, node);
        if (g->is_sending) {
            get_leave(g); // it is HTTP's alone from now on
        } else if (g->rq) {
            endpoint_refuse(e, let_go_of_request(g), REFUSAL_UNAVAILABLE, buf_str(&g->headers));
        }
    }
}
