#include "http/body.h"

void http_body_start(struct http_body *b, const struct http_head *head)
{
    *b = (struct http_body){.is_chunked = head->is_chunked, .left = head->content_length};
}

static int next_of_length(struct http_body *b, str *in, str *piece)
{
    *piece = str_take(in, in->len < b->left ? in->len : (size_t)b->left);
    b->left -= piece->len;
    return piece->len == 0 && b->left > 0 ? HTTP_BODY_MORE : 0;
}

int http_body_next(struct http_body *b, str *in, str *piece)
{
    if (!b->is_chunked)
        return next_of_length(b, in, piece);
    switch (http_chunked_next(&b->chunked, in, piece)) {
    case 0: return 0;
    case HTTP_CHUNKED_MORE: return HTTP_BODY_MORE;
    default: return HTTP_BODY_BAD;
    }
}

bool http_body_skip(struct http_body *b, str *in)
{
    str piece = {0};
    int r = 0;

    do {
        r = http_body_next(b, in, &piece);
    } while (r == 0 && piece.len > 0);
    return r == HTTP_BODY_MORE;
}
