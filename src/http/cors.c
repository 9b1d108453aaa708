#include "http/cors.h"

static_assert(HTTP_CORS_REFLECT_MAX + HTTP_ORIGIN_MAX + 256 <= HTTP_CORS_MAX, "");

static void add_field(struct buf *out, const char *name, str value)
{
    const int r = buf_addf(out, "%s: " STR_FMT "\r\n", name, STR_ARG(value));
    assert(r == 0);
    (void)r;
}

static str origin_of(const struct http_head *head)
{
    return http_head_get(head, STR("Origin"));
}

bool http_cors_allows(const struct http_origins *origins, const struct http_head *head)
{
    const str origin = origin_of(head);

    return !origin.ptr || http_origins_allow(origins, origin, http_head_get(head, STR("Host")));
}

static void add_preflight(struct buf *out, const struct http_head *head)
{
    const str asked = http_head_get(head, STR("Access-Control-Request-Headers"));

    if (head->method != HTTP_OPTIONS)
        return;
    add_field(out, "Access-Control-Allow-Methods", STR("GET,HEAD,PUT,PATCH,POST,DELETE"));
    add_field(out, "Vary", STR("Access-Control-Request-Headers"));
    if (asked.len > 0 && asked.len <= HTTP_CORS_REFLECT_MAX)
        add_field(out, "Access-Control-Allow-Headers", asked);
}

void http_cors_add(struct buf *out, const struct http_origins *origins,
                   const struct http_head *head)
{
    const str origin = origin_of(head);

    if (origins->any) {
        add_field(out, "Access-Control-Allow-Origin", STR("*"));
    } else {
        add_field(out, "Vary", STR("Origin"));
        if (origin.ptr && http_cors_allows(origins, head))
            add_field(out, "Access-Control-Allow-Origin", origin);
    }
    add_preflight(out, head);
}

void http_cors_add_refused(struct buf *out, const struct http_head *head)
{
    const str origin = origin_of(head);

    add_field(out, "Vary", STR("Origin"));
    if (origin.len > 0 && origin.len <= HTTP_ORIGIN_MAX)
        add_field(out, "Access-Control-Allow-Origin", origin);
    add_preflight(out, head);
}
