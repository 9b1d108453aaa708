#include "http/assets.h"

#include "http/accept.h"
#include "http/etag.h"

#define FIELDS_MAX 2048 // bytes; what they say does not depend on any client

#define LASTING     "public, max-age=31536000, immutable"
#define CHANGING    "no-cache" // kept, and asked for each time
#define SNIFF_NOT   "X-Content-Type-Options: nosniff\r\n"
#define BY_ENCODING "Vary: Accept-Encoding\r\n"

/** Modules are loaded by CORS, and from pages that isolate themselves (COEP) as well. */
#define SHARED                                                                                 \
    "Access-Control-Allow-Origin: *\r\n"                                                       \
    "Cross-Origin-Resource-Policy: cross-origin\r\n"

#define PREFLIGHT                                                                              \
    "Access-Control-Allow-Methods: GET, HEAD\r\n"                                              \
    "Access-Control-Allow-Headers: *\r\n"                                                      \
    "Access-Control-Max-Age: 86400\r\n"                                                        \
    "Allow: GET, HEAD, OPTIONS\r\n"

/** Files and images may be at any store, and the chat's server anywhere. */
#define PAGE                                                                                   \
    "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "       \
    "connect-src 'self' http: https: ws: wss:; img-src 'self' blob: data: http: https:; "      \
    "media-src 'self' blob: http: https:; base-uri 'none'; form-action 'none'; "               \
    "frame-ancestors 'self'; require-trusted-types-for 'script'; "                             \
    "trusted-types lit-html\r\n"                                                               \
    "Referrer-Policy: no-referrer\r\n"                                                         \
    "Permissions-Policy: microphone=(self), camera=()\r\n"                                     \
    "Cross-Origin-Opener-Policy: same-origin-allow-popups\r\n"

static const struct http_asset *find(const struct http_assets *assets, str path)
{
    if (str_eq(path, STR("/")))
        path = STR("/index.html");
    for (size_t i = 0; i < assets->n; i++) {
        if (str_eq(assets->list[i].path, path))
            return &assets->list[i];
    }
    return NULL;
}

static bool is_shared(str path)
{
    return str_starts(path, STR(HTTP_ASSETS_SHARED));
}

static void refuse(struct http_request *rq, unsigned status, str headers, str body)
{
    http_respond(rq, &(struct http_response){
                         .status = status,
                         .type = STR("text/plain; charset=utf-8"),
                         .headers = headers,
                         .body = body,
                     });
}

/** Of a shared one any page may read that it is not there: an older widget asks for its parts.
 */
static void refuse_name(struct http_request *rq, bool is_of_shared)
{
    refuse(rq, 404,
           is_of_shared ? STR("Cache-Control: no-store\r\n" SNIFF_NOT SHARED)
                        : STR("Cache-Control: no-store\r\n" SNIFF_NOT),
           STR("Not Found\n"));
}

static void refuse_method(struct http_request *rq, bool is_of_shared)
{
    if (is_of_shared) {
        refuse(rq, 405, STR(SNIFF_NOT SHARED "Allow: GET, HEAD, OPTIONS\r\n"),
               STR("Method Not Allowed\n"));
    } else {
        refuse(rq, 405, STR(SNIFF_NOT "Allow: GET, HEAD\r\n"), STR("Method Not Allowed\n"));
    }
}

static bool is_known(const struct http_asset *a, const struct http_head *head)
{
    for (size_t i = 0; i < head->n_headers; i++) {
        if (str_eq_nocase(head->headers[i].name, STR("If-None-Match")) &&
            http_etag_is_listed(head->headers[i].value, a->etag))
            return true;
    }
    return false;
}

static void add_fields(struct buf *out, const struct http_asset *a, bool is_gzip)
{
    int r = buf_addf(out, "ETag: " STR_FMT "\r\nCache-Control: %s\r\n" BY_ENCODING SNIFF_NOT,
                     STR_ARG(a->etag), a->is_lasting ? LASTING : CHANGING);

    if (is_gzip)
        r |= buf_add(out, STR("Content-Encoding: gzip\r\n"));
    if (is_shared(a->path))
        r |= buf_add(out, STR(SHARED));
    if (str_starts(a->type, STR("text/html")))
        r |= buf_add(out, STR(PAGE));
    assert(r == 0);
    (void)r;
}

static void answer(struct http_request *rq, const struct http_head *head,
                   const struct http_asset *a)
{
    const bool is_304 = is_known(a, head);
    const bool is_gzip = !is_304 && a->gzip.len > 0 && http_accepts_gzip(head);
    struct buf fields;

    buf_init(&fields, FIELDS_MAX);
    add_fields(&fields, a, is_gzip);
    struct http_response r = {.status = 304, .headers = buf_str(&fields)};
    if (!is_304) {
        r.status = 200;
        r.type = a->type;
        r.body = is_gzip ? a->gzip : a->bytes;
    }
    http_respond(rq, &r);
    buf_fini(&fields);
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const struct http_asset *a = find(arg, head->path);

    if (!a) {
        refuse_name(rq, is_shared(head->path));
    } else if (head->method == HTTP_GET || head->method == HTTP_HEAD) {
        answer(rq, head, a);
    } else if (head->method == HTTP_OPTIONS && is_shared(a->path)) {
        http_respond(rq, &(struct http_response){.status = 204,
                                                 .headers = STR(SNIFF_NOT SHARED PREFLIGHT)});
    } else {
        refuse_method(rq, is_shared(a->path));
    }
}

const struct http_handler http_assets_handler = {.on_head = on_head};
