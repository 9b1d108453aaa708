#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

#define SMALLEST 256 // bytes of the first allocation

void buf_init(struct buf *b, size_t max)
{
    *b = (struct buf){.max = max};
}

void buf_release(struct buf *b)
{
    free(b->ptr);
    buf_init(b, b->max);
}

void buf_fini(struct buf *b)
{
    buf_release(b);
}

char *buf_make_room(struct buf *b, size_t n)
{
    if (n > b->max || b->len > b->max - n)
        return NULL;

    const size_t need = b->len + n;
    if (need > b->cap) {
        size_t cap = b->cap * 2 > SMALLEST ? b->cap * 2 : SMALLEST;
        if (cap < need)
            cap = need;
        if (cap > b->max)
            cap = b->max;
        char *bigger = mem_resize(NULL, cap + 1); // and one for buf_addf()
        str_copy(bigger, buf_str(b));
        free(b->ptr);
        b->ptr = bigger;
        b->cap = cap;
        b->start = 0;
    } else if (b->start + need > b->cap) {
        assert(b->ptr);
        memmove(b->ptr, b->ptr + b->start, b->len);
        b->start = 0;
    }
    return b->ptr + b->start + b->len;
}

int buf_addf(struct buf *b, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    const int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    assert(n >= 0);

    if (n == 0)
        return 0;
    char *room = buf_room(b, (size_t)n);
    if (!room)
        return BUF_FULL;
    va_start(ap, fmt);
    vsnprintf(room, (size_t)n + 1, fmt, ap); // the NUL is not counted, nor kept
    va_end(ap);
    buf_added(b, (size_t)n);
    return 0;
}

void buf_consume(struct buf *b, size_t n)
{
    assert(n <= b->len);
    b->len -= n;
    b->start = b->len == 0 ? 0 : b->start + n;
}
