#include "cli/where.h"

#include <unistd.h>

#include "server/serve_options.h"

int where_read(struct where *w, struct buf *file)
{
    struct serve_options server = {0};

    if (serve_options_read(&server, w->config, environ, file) != 0)
        return 2;
    if (!w->data.ptr)
        w->data = server.data;
    if (!w->keys.ptr)
        w->keys = server.keys;
    w->store = server.store;
    if (w->home_chain == 0)
        w->home_chain = serve_home_chain(&server);
    return 0;
}

str where_keys(const struct where *w)
{
    return w->keys.len > 0 ? w->keys : w->data;
}
