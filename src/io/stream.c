#include "io/stream.h"

#include <unistd.h>

#include "base/err.h"
#include "io/tls.h"

// Bytes that are gathered: what has more than the one shall have few steps left to grow in,
// each of which copies all; what has more than the other grows as any buffer does.
#define SOME 512
#define MUCH 4096

/** What has gathered some in this turn will gather more. */
static size_t ahead_of(const struct buf *out, size_t n)
{
    const bool fits = out->start + out->len + n <= out->cap;
    const size_t ahead = out->len >= SOME && out->len <= MUCH ? 7 * out->len : 0;

    return fits || ahead > out->max - out->len - n ? 0 : ahead;
}

char *stream_room(struct stream *s, size_t n)
{
    if (n > s->out.max || stream_queued(s) > s->out.max - n)
        return NULL;
    return buf_room(&s->out, n + ahead_of(&s->out, n));
}

void stream_added(struct stream *s, size_t n)
{
    const bool was_empty = s->out.len == 0;

    buf_added(&s->out, n);
    if (was_empty && n > 0)
        s->ops->flush_later(s);
}

int stream_write(struct stream *s, str bytes)
{
    if (bytes.len == 0)
        return 0;
    char *room = stream_room(s, bytes.len);
    if (!room)
        return STREAM_FULL;
    str_copy(room, bytes);
    stream_added(s, bytes.len);
    return 0;
}

int stream_detach(struct stream *s, str unread, struct stream_parcel *out)
{
    out->tls = NULL;
    buf_init(&out->unread, unread.len);
    int r = buf_add(&out->unread, unread);
    assert(r == 0);
    r = s->ops->detach(s, out);
    if (r != 0)
        buf_fini(&out->unread);
    return r < 0 ? err_up(r) : r;
}

void stream_parcel_drop(struct stream_parcel *p)
{
    close(p->fd);
    tls_parcel_free(p->tls);
    tcp_limit_give(&p->place);
    buf_fini(&p->unsent);
    buf_fini(&p->unread);
}
