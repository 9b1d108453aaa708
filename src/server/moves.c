#include "server/moves.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/tcp.h"

struct moved {
    struct post post;
    struct moves *to;
    struct stream_parcel parcel;
};

int moves_place(const struct moves *m, int worker)
{
    if (worker < 0 || worker == (int)m->number || (unsigned)worker >= posts_count(m->posts))
        return HTTP_HERE;
    return posts_is_open(m->posts, (unsigned)worker) ? worker : HTTP_HERE;
}

static void on_moved(struct post *post, void *there)
{
    struct moved *m = container_of(post, struct moved, post);
    struct stream *stream = NULL;

    (void)there;
    if (!m->to->has_ended && tcp_attach(&stream, m->to->loop, &m->parcel) == 0)
        http_server_adopt(m->to->http, stream, buf_str(&m->parcel.unread));
    stream_parcel_drop(&m->parcel);
    free(m);
}

void moves_move(const struct moves *m, int place, struct stream_parcel *parcel)
{
    struct moved *moved = NEW(struct moved);

    *moved = (struct moved){.post = {.run = on_moved}, .to = m->all[place], .parcel = *parcel};
    if (posts_put(m->posts, (unsigned)place, &moved->post))
        return;
    stream_parcel_drop(&moved->parcel);
    free(moved);
}
