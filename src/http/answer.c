#include "http/answer.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char *reason_of(unsigned status)
{
    switch (status) {
    case 200: return "OK";
    case 201: return "Created";
    case 204: return "No Content";
    case 206: return "Partial Content";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 411: return "Length Required";
    case 412: return "Precondition Failed";
    case 413: return "Content Too Large";
    case 416: return "Range Not Satisfiable";
    case 417: return "Expectation Failed";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 503: return "Service Unavailable";
    case 505: return "HTTP Version Not Supported";
    case 507: return "Insufficient Storage";
    default: return "Unknown";
    }
}

const char *http_date_text(struct http_date *d, int64_t unix_ms)
{
    const int64_t now_s = unix_ms / 1000;
    struct tm utc;

    if (now_s != d->s) {
        const time_t t = now_s;
        gmtime_r(&t, &utc);
        strftime(d->text, sizeof(d->text), "%a, %d %b %Y %H:%M:%S GMT", &utc);
        d->s = now_s;
    }
    return d->text;
}

struct head {
    char *out;
    size_t len;
};

static void add(struct head *h, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct head *h, const char *fmt, ...)
{
    const size_t room = HTTP_ANSWER_HEAD_SIZE - h->len;
    va_list args;

    va_start(args, fmt);
    const int n = vsnprintf(h->out + h->len, room, fmt, args);
    va_end(args);
    assert(n >= 0 && (size_t)n < room);
    h->len += (size_t)n;
}

size_t http_answer_head(char out[HTTP_ANSWER_HEAD_SIZE], const struct http_answer *a)
{
    struct head h = {out, 0};

    add(&h, "HTTP/1.1 %u %s\r\nDate: %s\r\n", a->status, reason_of(a->status), a->date);
    if (a->type.len > 0)
        add(&h, "Content-Type: " STR_FMT "\r\n", STR_ARG(a->type));
    // With 204 too, against RFC 9110, section 8.6: some browsers wait for the body of a CORS
    // preflight that says no length. Of 304 it would be the length of what was not modified.
    if (a->status != 304)
        add(&h, "Content-Length: %llu\r\n", (unsigned long long)a->length);
    if (a->connection)
        add(&h, "Connection: %s\r\n", a->connection);
    return h.len;
}
