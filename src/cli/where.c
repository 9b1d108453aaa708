#include "cli/where.h"

#include <unistd.h>

#include "server/serve_config.h"
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
    w->is_store_elsewhere = !serve_config_is_sqlite(&server);
    w->is_media_elsewhere = str_eq(server.media.where, STR("s3"));
    if (w->home_chain == 0)
        w->home_chain = serve_home_chain(&server);
    return 0;
}

int where_run(const struct option_table *table, const struct options_from *from, void *values,
              struct where *where, int (*run)(void *values))
{
    struct buf file;

    const int r = options_parse(table, values, from);
    if (r != 0)
        return r == OPTIONS_HELP ? 0 : 2;
    buf_init(&file, OPTIONS_FILE_MAX + 1);
    int code = where_read(where, &file);
    if (code == 0)
        code = run(values);
    buf_fini(&file);
    return code;
}

str where_keys(const struct where *w)
{
    return w->keys.len > 0 ? w->keys : w->data;
}
