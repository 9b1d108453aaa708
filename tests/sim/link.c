/**
 * TCP between a device and a node: bytes arrive later, in order, in other pieces than they
 * were written in; and a connection may end at any byte, for one side sooner than for the
 * other, or stop without a word.
 */
#include "sim.h"

#define QUEUED_MAX (1 << 24)

static void set_timer(struct sim *sim, struct sim_pipe *p)
{
    if (p->n_pieces == 0) {
        timer_cancel(&sim->timers, &p->timer);
    } else {
        timer_set(&sim->timers, &p->timer, p->pieces[0].at_ms);
    }
}

static void push(struct sim *sim, struct sim_pipe *p, str bytes, bool is_end)
{
    const int64_t at_ms = sim->timers.now_ms + sim_between(sim, 0, sim->config.net_ms);

    if (buf_add(&p->bytes, bytes) != 0)
        sim_fail(sim, "more is under way than a network takes");
    p->last_ms = at_ms > p->last_ms ? at_ms : p->last_ms;
    p->pieces = mem_resize(p->pieces, (p->n_pieces + 1) * sizeof(*p->pieces));
    p->pieces[p->n_pieces++] = (struct sim_piece){p->last_ms, bytes.len, is_end};
    set_timer(sim, p);
}

/** Each arrives for itself. */
static void push_pieces(struct sim *sim, struct sim_pipe *p, str bytes)
{
    while (bytes.len > 0) {
        const size_t n = sim_one_in(sim, 4) ? 1 + (size_t)sim_below(sim, bytes.len) : bytes.len;
        push(sim, p, str_take(&bytes, n), false);
    }
}

static void clear(struct sim *sim, struct sim_pipe *p)
{
    buf_clear(&p->bytes);
    p->n_pieces = 0;
    timer_cancel(&sim->timers, &p->timer);
}

/** @param bytes  of the first that has arrived; borrowed until more is pushed */
static bool take(struct sim *sim, struct sim_pipe *p, struct sim_piece *out, str *bytes)
{
    if (p->n_pieces == 0 || p->pieces[0].at_ms > sim->timers.now_ms)
        return false;
    *out = p->pieces[0];
    *bytes = (str){buf_str(&p->bytes).ptr, out->len};
    buf_consume(&p->bytes, out->len);
    p->n_pieces--;
    memmove(p->pieces, p->pieces + 1, p->n_pieces * sizeof(*p->pieces));
    return true;
}

// What arrives at the server.

static bool hears(const struct sim_link *l)
{
    return l->is_up && !mem_stream_is_over(&l->stream);
}

static void end_server(struct sim_link *l, enum stream_end how)
{
    timer_cancel(&l->sim->timers, &l->server_end);
    clear(l->sim, &l->up);
    if (hears(l))
        mem_stream_end(&l->stream, how);
    l->is_up = false;
}

static void on_up(struct timer *t)
{
    struct sim_link *l = container_of(t, struct sim_link, up.timer);
    struct sim_piece piece;
    str bytes;

    while (hears(l) && l->stream.is_reading && take(l->sim, &l->up, &piece, &bytes)) {
        if (piece.is_end) {
            end_server(l, STREAM_LOST);
        } else {
            mem_stream_feed(&l->stream, bytes);
        }
        sim_settle(l->sim);
    }
    if (!hears(l)) {
        clear(l->sim, &l->up);
    } else if (l->stream.is_reading) {
        set_timer(l->sim, &l->up);
    }
}

static void on_server_end(struct timer *t)
{
    end_server(container_of(t, struct sim_link, server_end), STREAM_LOST);
}

// What arrives at the device.

static void end_device(struct sim_link *l)
{
    struct sim_device *d = l->device;

    timer_cancel(&l->sim->timers, &l->device_end);
    clear(l->sim, &l->down);
    l->device = NULL;
    if (d)
        sim_device_on_end(d);
}

static void on_down(struct timer *t)
{
    struct sim_link *l = container_of(t, struct sim_link, down.timer);
    struct sim_piece piece;
    str bytes;

    while (l->device && take(l->sim, &l->down, &piece, &bytes)) {
        if (piece.is_end) {
            end_device(l);
        } else {
            sim_device_on_bytes(l->device, bytes);
        }
    }
    if (l->device) {
        set_timer(l->sim, &l->down);
    } else {
        clear(l->sim, &l->down);
    }
}

static void on_device_end(struct timer *t)
{
    end_device(container_of(t, struct sim_link, device_end));
}

// Its life.

struct sim_link *sim_link_new(struct sim_device *d, unsigned node)
{
    struct sim *sim = d->sim;

    if (!sim->nodes[node])
        return NULL;
    struct sim_link *l = NEW(struct sim_link);
    l->sim = sim;
    l->device = d;
    l->at = node;
    l->is_up = true;
    buf_init(&l->up.bytes, QUEUED_MAX);
    buf_init(&l->down.bytes, QUEUED_MAX);
    timer_init(&l->up.timer, on_up);
    timer_init(&l->down.timer, on_down);
    timer_init(&l->server_end, on_server_end);
    timer_init(&l->device_end, on_device_end);
    mem_stream_init(&l->stream, QUEUED_MAX);
    list_push(&sim->links, &l->node);
    sim_node_accept(sim->nodes[node], &l->stream.stream);
    return l;
}

void sim_link_write(struct sim_link *l, str bytes)
{
    if (l->is_up && !l->is_black)
        push_pieces(l->sim, &l->up, bytes);
}

void sim_link_close(struct sim_link *l)
{
    l->device = NULL;
    clear(l->sim, &l->down);
    if (l->is_up && !l->is_black)
        push(l->sim, &l->up, STR(""), true);
}

/** All that is under way but, perhaps, some bytes of what would have come next. */
static void lose(struct sim_link *l, struct sim_pipe *p)
{
    if (p->n_pieces == 0)
        return;
    p->pieces[0].at_ms = l->sim->timers.now_ms;
    p->pieces[0].len = sim_below(l->sim, p->pieces[0].len + 1);
    p->pieces[0].is_end = false;
    p->n_pieces = 1;
    (p == &l->up ? on_up : on_down)(&p->timer);
    clear(l->sim, p);
}

void sim_link_cut(struct sim_link *l)
{
    struct sim *sim = l->sim;

    lose(l, &l->up);
    lose(l, &l->down);
    l->is_black = true;
    if (l->is_up && !sim_one_in(sim, 4)) // else it finds out by its pings
        timer_set(&sim->timers, &l->server_end, sim->timers.now_ms + sim_between(sim, 0, 1000));
    if (l->device && !sim_one_in(sim, 4))
        timer_set(&sim->timers, &l->device_end, sim->timers.now_ms + sim_between(sim, 0, 1000));
}

void sim_link_drop(struct sim_link *l)
{
    end_server(l, STREAM_LOST);
    if (!l->device || l->is_black)
        return;
    if (sim_one_in(l->sim, 2))
        lose(l, &l->down);
    if (l->device)
        push(l->sim, &l->down, STR(""), true);
}

static void pipe_fini(struct sim *sim, struct sim_pipe *p)
{
    clear(sim, p);
    buf_fini(&p->bytes);
    free(p->pieces);
}

static void link_free(struct sim_link *l)
{
    pipe_fini(l->sim, &l->up);
    pipe_fini(l->sim, &l->down);
    timer_cancel(&l->sim->timers, &l->server_end);
    timer_cancel(&l->sim->timers, &l->device_end);
    list_remove(&l->node);
    mem_stream_fini(&l->stream);
    free(l);
}

static void turn(struct sim_link *l)
{
    struct sim *sim = l->sim;
    const str out = buf_str(&l->stream.stream.out);

    if (out.len > 0 && l->is_up && l->device && !l->is_black)
        push_pieces(sim, &l->down, out);
    if (l->is_up && out.len > 0)
        mem_stream_drain(&l->stream);
    if (l->is_up && mem_stream_is_over(&l->stream)) {
        l->is_up = false;
        clear(sim, &l->up);
        timer_cancel(&sim->timers, &l->server_end);
        if (l->device && !l->is_black)
            push(sim, &l->down, STR(""), true);
    }
    if (l->is_up && l->stream.is_reading && !timer_is_set(&l->up.timer))
        set_timer(sim, &l->up); // it was not, and bytes wait
    if (!l->is_up && !l->device)
        link_free(l);
}

void sim_links_turn(struct sim *sim)
{
    list_each (node, &sim->links)
        turn(container_of(node, struct sim_link, node));
}

void sim_links_free(struct sim *sim)
{
    list_each (node, &sim->links)
        link_free(container_of(node, struct sim_link, node));
}
