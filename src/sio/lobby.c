#include "sio/lobby.h"

#include <stdlib.h>

#include "base/mem.h"

struct lobby *lobby_new(struct timers *timers, struct sio_conn *conn)
{
    struct lobby *l = NEW(struct lobby);

    l->conn = conn;
    l->timers = timers;
    l->waiting_tail = &l->waiting;
    return l;
}

void lobby_free(struct lobby *l)
{
    if (!l)
        return;
    timer_cancel(l->timers, &l->timer);
    while (l->waiting)
        free(lobby_take(l));
    free(l);
}

bool lobby_keep(struct lobby *l, bool is_binary, str bytes)
{
    const size_t cost = SIO_WAITING_COST + bytes.len;

    if (l->waiting_bytes + cost > SIO_WAITING_MAX)
        return false;
    struct lobby_message *m = mem_alloc(sizeof(*m) + bytes.len);
    m->is_binary = is_binary;
    m->len = bytes.len;
    str_copy(m->bytes, bytes);
    *l->waiting_tail = m;
    l->waiting_tail = &m->next;
    l->waiting_bytes += cost;
    return true;
}

struct lobby_message *lobby_take(struct lobby *l)
{
    struct lobby_message *m = l->waiting;

    l->waiting = m->next;
    if (!l->waiting)
        l->waiting_tail = &l->waiting;
    l->waiting_bytes -= SIO_WAITING_COST + m->len;
    return m;
}
