#include "base/mem.h"

#include <malloc.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define GROW_BYTES (1 << 20) // that are asked for at once

void mem_keep_freed(void)
{
    // NOLINTBEGIN(concurrency-mt-unsafe): there is one thread yet
    mallopt(M_TRIM_THRESHOLD, MEM_KEEP_BYTES);
    mallopt(M_TOP_PAD, GROW_BYTES);
    // NOLINTEND(concurrency-mt-unsafe)
}

void mem_fail(size_t size)
{
    static atomic_flag is_said = ATOMIC_FLAG_INIT;

    while (atomic_flag_test_and_set(&is_said))
        pause(); // for the abort() of the thread that says it
    log_fatal(NULL, "base_no_memory",
              "bytes=%zu ends=\"the process: memory ran out; what was acknowledged is stored\" "
              "do=\"start it again; if it comes again, give it more memory, or fewer files "
              "(LimitNOFILE=), so that fewer connect at once\"",
              size);
    abort();
}

void *mem_malloc(size_t size)
{
    void *p = malloc(size);
    if (!p && size > 0)
        mem_fail(size);
    return p;
}

void *mem_calloc(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (!p && n > 0 && size > 0)
        mem_fail(size > SIZE_MAX / n ? SIZE_MAX : n * size);
    return p;
}

void *mem_realloc(void *p, size_t size)
{
    p = realloc(p, size);
    if (!p && size > 0) // of 0 it frees, and returns NULL
        mem_fail(size);
    return p;
}

char *mem_strdup(const char *s)
{
    const size_t size = strlen(s) + 1;
    return memcpy(mem_malloc(size), s, size);
}
