#include "chat/own.h"

#include <string.h>

#include "base/mem.h"

#define FIRST_N 16

struct own {
    int64_t heard[2]; // by enum own_kind
    uint32_t first;   // of those that are left
    uint32_t end;     // behind the last
    uint32_t n_slots;
    int64_t positions[]; // ascending
};

static struct own *grow(struct own *o)
{
    const uint32_t n_slots = o ? o->n_slots * 2 : FIRST_N;
    const bool is_new = !o;

    o = mem_resize(o, sizeof(*o) + n_slots * sizeof(o->positions[0]));
    if (is_new)
        *o = (struct own){0};
    o->n_slots = n_slots;
    return o;
}

/** Room for one more at the end. @return NULL: there may be no more */
static struct own *make_room(struct own *o)
{
    if (o && o->end < o->n_slots)
        return o;
    if (o && o->first > 0) {
        memmove(o->positions, o->positions + o->first,
                (o->end - o->first) * sizeof(o->positions[0]));
        o->end -= o->first;
        o->first = 0;
        return o;
    }
    return o && o->n_slots == CHAT_OWN_MAX ? NULL : grow(o);
}

void own_hear(struct own **own, enum own_kind kind, int64_t position)
{
    struct own *o = *own ? *own : grow(NULL);

    *own = o;
    if (position > o->heard[kind])
        o->heard[kind] = position;
}

int64_t own_heard(const struct own *o, enum own_kind kind)
{
    return o ? o->heard[kind] : 0;
}

void own_add(struct own **own, int64_t position)
{
    struct own *o = make_room(*own);

    if (!o)
        return;
    *own = o;
    uint32_t at = o->end;
    while (at > o->first && o->positions[at - 1] >= position)
        at--;
    if (at < o->end && o->positions[at] == position)
        return;
    memmove(o->positions + at + 1, o->positions + at, (o->end - at) * sizeof(o->positions[0]));
    o->positions[at] = position;
    o->end++;
}

bool own_take(struct own *o, int64_t position)
{
    if (!o)
        return false;
    while (o->first < o->end && o->positions[o->first] < position)
        o->first++;
    return o->first < o->end && o->positions[o->first] == position;
}

void own_clear(struct own **o)
{
    free(*o);
    *o = NULL;
}
