#include "io/inbox.h"

#include <stdlib.h>

#include "base/mem.h"
#include "io/uv_loop.h"

struct inbox {
    struct uv_loop *loop;
    inbox_fn *on_items;
    void *arg;
    uv_async_t wake;
    uv_mutex_t mutex;
    struct list items;
};

static void take(struct inbox *b, struct list *out)
{
    list_init(out);
    uv_mutex_lock(&b->mutex);
    list_move_all(out, &b->items);
    uv_mutex_unlock(&b->mutex);
}

static void on_wake(uv_async_t *handle)
{
    struct inbox *b = handle->data;
    struct list items;

    uv_loop_tick(b->loop);
    take(b, &items);
    if (!list_is_empty(&items))
        b->on_items(b->arg, &items);
}

int inbox_new(struct inbox **out, struct loop *l, inbox_fn *on_items, void *arg)
{
    struct inbox *b = NEW(struct inbox);

    b->loop = uv_loop_of(l);
    b->on_items = on_items;
    b->arg = arg;
    b->wake.data = b;
    list_init(&b->items);
    int r = uv_mutex_init(&b->mutex);
    if (r < 0) {
        free(b);
        return uv_fault(r, "mutex of an inbox");
    }
    r = uv_async_init(&b->loop->uv, &b->wake, on_wake);
    if (r < 0) {
        uv_mutex_destroy(&b->mutex);
        free(b);
        return uv_fault(r, "inbox");
    }
    *out = b;
    return 0;
}

void inbox_put(struct inbox *b, struct list *items)
{
    if (list_is_empty(items))
        return;
    uv_mutex_lock(&b->mutex);
    const bool was_empty = list_is_empty(&b->items);
    list_move_all(&b->items, items);
    uv_mutex_unlock(&b->mutex);
    if (was_empty)
        uv_async_send(&b->wake);
}

void inbox_put_one(struct inbox *b, struct list *item)
{
    struct list one;

    list_init(&one);
    list_push(&one, item);
    inbox_put(b, &one);
}

static void on_closed(uv_handle_t *handle)
{
    struct inbox *b = handle->data;

    uv_mutex_destroy(&b->mutex);
    free(b);
}

void inbox_free(struct inbox *b, struct list *left)
{
    take(b, left);
    uv_close((uv_handle_t *)&b->wake, on_closed);
}
