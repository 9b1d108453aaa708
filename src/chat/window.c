#include "chat/window.h"

#include "base/mem.h"
#include "chat/chat.h"

#define FEWEST 8 // items; what is kept when none is left

void window_clear(struct window *w)
{
    free(w->items);
    *w = (struct window){0};
}

bool window_is_open(const struct window *w)
{
    return w->n < CHAT_WINDOW_MESSAGES_MAX && w->bytes < CHAT_WINDOW_BYTES_MAX;
}

bool window_is_roomy(const struct window *w)
{
    return w->n <= CHAT_WINDOW_MESSAGES_MAX / 2 && w->bytes <= CHAT_WINDOW_BYTES_MAX / 2;
}

size_t window_room(const struct window *w, size_t *bytes)
{
    if (!window_is_open(w)) {
        *bytes = 0;
        return 0;
    }
    *bytes = CHAT_WINDOW_BYTES_MAX - w->bytes;
    return CHAT_WINDOW_MESSAGES_MAX - w->n;
}

static struct window_item *item_at(const struct window *w, uint32_t i)
{
    return &w->items[(w->start + i) & (w->cap - 1)]; // cap is a power of two
}

const struct window_item *window_at(const struct window *w, uint32_t i)
{
    assert(i < w->n);
    return item_at(w, i);
}

static void resize(struct window *w, uint32_t cap)
{
    struct window_item *items = mem_alloc(cap * sizeof(*items));

    for (uint32_t i = 0; i < w->n; i++)
        items[i] = *item_at(w, i);
    free(w->items);
    w->items = items;
    w->start = 0;
    w->cap = cap;
}

void window_add(struct window *w, const struct window_item *item)
{
    if (w->n == w->cap)
        resize(w, w->cap ? w->cap * 2 : FEWEST);
    *item_at(w, w->n++) = *item;
    w->bytes += item->bytes;
}

bool window_take(struct window *w, int64_t token, struct window_item *out)
{
    uint32_t i = 0;

    while (i < w->n && item_at(w, i)->token != token)
        i++;
    if (i == w->n)
        return false;
    *out = *item_at(w, i);
    for (; i > 0; i--) // acknowledgements mostly come in order, and then i is 0
        *item_at(w, i) = *item_at(w, i - 1);
    w->start = (w->start + 1) & (w->cap - 1);
    w->n--;
    w->bytes -= out->bytes;
    if (w->n == 0 && w->cap > FEWEST)
        window_clear(w);
    return true;
}

const struct window_item *window_first(const struct window *w, conversation_id conversation,
                                       uint64_t above)
{
    for (uint32_t i = 0; i < w->n; i++) {
        const struct window_item *item = item_at(w, i);
        if (item->conversation == conversation && item->from_peer && item->seq > above)
            return item;
    }
    return NULL;
}
