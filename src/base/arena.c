#include "base/arena.h"

#include <string.h>

#include "base/mem.h"

#define ALIGNMENT sizeof(void *)
#define SLAB_SIZE (IS_SANITIZED ? ALIGNMENT : 256U << 10) // each piece has its own, or many one

struct arena_slab {
    struct arena_slab *next;
    size_t size;
    bool is_used; // it holds no zeroes any more
    _Alignas(void *) char bytes[];
};

static void free_all(struct arena_slab *s)
{
    while (s) {
        struct arena_slab *next = s->next;
        free(s);
        s = next;
    }
}

void arena_fini(struct arena *a)
{
    free_all(a->slabs);
    free_all(a->spare);
    *a = (struct arena){0};
}

void arena_clear(struct arena *a)
{
    struct arena kept = {.spare = a->spare};

    while (a->slabs) {
        struct arena_slab *s = a->slabs;
        a->slabs = s->next;
        if (IS_SANITIZED || s->size > SLAB_SIZE) {
            free(s);
            continue;
        }
        s->is_used = true;
        s->next = kept.spare;
        kept.spare = s;
    }
    *a = kept;
}

/** @return one that is in no list */
static struct arena_slab *take_slab(struct arena *a, size_t size)
{
    struct arena_slab *s = a->spare;

    if (s && size <= SLAB_SIZE) {
        a->spare = s->next;
        return s;
    }
    const size_t room = size > SLAB_SIZE ? size : SLAB_SIZE;
    s = mem_alloc(sizeof(*s) + room);
    s->size = room;
    return s;
}

static void add_slab(struct arena *a, size_t size)
{
    struct arena_slab *s = take_slab(a, size);

    s->next = a->slabs;
    a->slabs = s;
    a->n_left = s->size;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > a->n_left || !a->slabs)
        add_slab(a, size);
    a->n_left -= size;
    a->size += size;
    char *piece = a->slabs->bytes + a->n_left;
    return a->slabs->is_used ? memset(piece, 0, size) : piece;
}
