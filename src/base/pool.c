#include "base/pool.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"

struct pool {
    size_t size;
    size_t n_each;     // objects of a slab
    size_t n_slabs;    // there are
    struct list roomy; // slabs with room
    bool is_over;      // it is freed with its last slab
};

#if IS_SANITIZED

struct pool *pool_new(size_t size)
{
    struct pool *p = NEW(struct pool);

    p->size = size;
    return p;
}

void pool_free(struct pool *p)
{
    free(p);
}

void *pool_take(struct pool *p)
{
    return mem_alloc(p->size);
}

void pool_give(void *object)
{
    free(object);
}

#else

// A slab is found by the address of what is in it, so that whoever gives back need not have the
// pool, nor what that was of.

    #define SLAB_AT    16384                      // bytes; its address is a multiple of that
    #define SLAB_BYTES (SLAB_AT - sizeof(size_t)) // what malloc puts right before the next one

/** What an object holds while nobody does. */
struct free_object {
    struct free_object *next;
};

struct slab {
    struct list node; // of those with room, or alone
    struct pool *pool;
    struct free_object *free; // given back
    uint32_t n_taken;
    uint32_t n_fresh; // from the first on; behind them none was ever taken
    uint64_t objects[];
};

static struct slab *slab_of(void *object)
{
    return (void *)((char *)object - (uintptr_t)object % SLAB_AT);
}

static void slab_new(struct pool *p)
{
    void *bytes = NULL;

    if (posix_memalign(&bytes, SLAB_AT, SLAB_BYTES) != 0)
        mem_fail(SLAB_BYTES);
    struct slab *s = bytes;
    *s = (struct slab){.pool = p};
    list_push(&p->roomy, &s->node);
    p->n_slabs++;
}

static void slab_free(struct slab *s)
{
    s->pool->n_slabs--;
    list_remove(&s->node);
    free(s);
}

struct pool *pool_new(size_t size)
{
    struct pool *p = NEW(struct pool);

    assert(size > 0);
    p->size = (size + sizeof(uint64_t) - 1) / sizeof(uint64_t) * sizeof(uint64_t);
    p->n_each = (SLAB_BYTES - sizeof(struct slab)) / p->size;
    assert(p->n_each > 1);
    list_init(&p->roomy);
    return p;
}

static void free_unused(struct pool *p)
{
    list_each (node, &p->roomy) {
        struct slab *s = container_of(node, struct slab, node);
        if (s->n_taken == 0)
            slab_free(s);
    }
    if (p->n_slabs == 0)
        free(p);
}

void pool_free(struct pool *p)
{
    if (!p)
        return;
    p->is_over = true;
    free_unused(p);
}

void *pool_take(struct pool *p)
{
    assert(!p->is_over);
    if (list_is_empty(&p->roomy))
        slab_new(p);
    struct slab *s = container_of(p->roomy.next, struct slab, node);
    void *object = s->free;
    if (object) {
        s->free = s->free->next;
    } else {
        object = s->objects + s->n_fresh++ * (p->size / sizeof(s->objects[0]));
    }
    if (++s->n_taken == p->n_each)
        list_remove(&s->node);
    return memset(object, 0, p->size);
}

/** One that is empty is kept where no other has room: the next one taken would need it. */
static bool is_spare(const struct slab *s)
{
    return s->n_taken == 0 && (s->pool->is_over || s->pool->roomy.next != s->pool->roomy.prev);
}

void pool_give(void *object)
{
    struct slab *s = slab_of(object);
    struct free_object *given = object;

    if (s->n_taken-- == s->pool->n_each)
        list_push(&s->pool->roomy, &s->node);
    given->next = s->free;
    s->free = given;
    if (!is_spare(s))
        return;
    struct pool *p = s->pool;
    slab_free(s);
    if (p->is_over && p->n_slabs == 0)
        free(p);
}

#endif
