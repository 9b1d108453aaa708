#include "store/sqlite_mem.h"

#include <malloc.h>

#include <sqlite3.h>

#include "base/mem.h"

#define ALIGNMENT 8

static void *on_malloc(int size)
{
    return mem_malloc((size_t)size);
}

static void *on_realloc(void *p, int size)
{
    return mem_realloc(p, (size_t)size);
}

/** SQLite uses all that it is told of. */
static int size_of(void *p)
{
    return (int)malloc_usable_size(p);
}

static int round_up(int size)
{
    return (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
}

static int on_init(void *arg)
{
    (void)arg;
    return SQLITE_OK;
}

static void on_shutdown(void *arg)
{
    (void)arg;
}

void sqlite_mem_set(void)
{
    sqlite3_mem_methods methods = {
        .xMalloc = on_malloc,
        .xFree = free,
        .xRealloc = on_realloc,
        .xSize = size_of,
        .xRoundup = round_up,
        .xInit = on_init,
        .xShutdown = on_shutdown,
    };

    // They are copied; once in use it refuses. Its own sums, under a lock, are asked for by
    // nobody.
    const int r = sqlite3_config(SQLITE_CONFIG_MALLOC, &methods);
    const int none = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    assert(r == SQLITE_OK && none == SQLITE_OK);
    (void)none;
    (void)r;
}
