#include "base/arena.h"

#include "base/mem.h"

#define ALIGNMENT sizeof(void *)
#define SLAB_SIZE (IS_SANITIZED ? ALIGNMENT : 256U << 10) // each piece has its own, or many one

struct arena_slab {
    struct arena_slab *next;
    char bytes[];
};

void arena_fini(struct arena *a)
{
    while (a->slabs) {
        struct arena_slab *s = a->slabs;
        a->slabs = s->next;
        free(s);
    }
    *a = (struct arena){0};
}

static void add_slab(struct arena *a, size_t size)
{
    struct arena_slab *s = mem_alloc(sizeof(*s) + size);

    s->next = a->slabs;
    a->slabs = s;
    a->n_left = size;
}

void *arena_alloc(struct arena *a, size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (size > a->n_left || !a->slabs)
        add_slab(a, size > SLAB_SIZE ? size : SLAB_SIZE);
    a->n_left -= size;
    a->size += size;
    return a->slabs->bytes + a->n_left;
}
