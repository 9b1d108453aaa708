/**
 * What must hold, whatever happens, and after each event:
 *
 *   a message that was acknowledged is stored, once, as it was sent
 *   nothing is stored that nobody sent, or that its sender was told is not
 *   seqs have no gap and no double; on a connection they rise, and none is left out
 *   a mark never goes back, in the store or on a connection, and `delivered` never passes a
 *     message that no device of the account has acknowledged
 *   a cursor never passes a message that its device has not got
 *   what was sent during a block never comes
 *   where a wallet may have so many sessions on all nodes together, it has no more once its
 *     nodes were told, and its newest is never the one that goes
 */
#include "chat/core.h"
#include "chat/cursor.h"

#include "sim.h"

static const struct mem_model *model_of(struct sim *sim)
{
    return &mem_of(sim->disk)->model;
}

static const struct mem_conversation *conversation_of(struct sim *sim, unsigned a, unsigned b)
{
    const account x = sim_account(a);
    const account y = sim_account(b);

    return mem_find_pair(model_of(sim), &x, &y);
}

static unsigned wallet_of(struct sim *sim, const account *a)
{
    for (unsigned i = 0; i < SIM_WALLETS; i++) {
        const account other = sim_account(i);
        if (account_eq(a, &other))
            return i;
    }
    sim_fail(sim, "an account that nobody has");
}

// Sends.

unsigned truth_new_send(struct sim *sim, const struct sim_device *d, unsigned to)
{
    struct sim_truth *t = &sim->truth;

    assert(t->n_sends < SIM_SENDS);
    t->sends[t->n_sends] = (struct sim_send){.device = d->number, .from = d->wallet, .to = to};
    return (unsigned)t->n_sends++;
}

void truth_key(unsigned send, char out[SIM_KEY_SIZE])
{
    snprintf(out, SIM_KEY_SIZE, "s%u", send);
}

/** @return the send with this key, or -1 */
static int64_t number_of(const struct sim *sim, str key)
{
    uint64_t n = 0;

    if (key.len < 2 || key.ptr[0] != 's')
        return -1;
    if (str_to_u64((str){key.ptr + 1, key.len - 1}, SIM_SENDS, &n) != 0 ||
        n >= sim->truth.n_sends)
        return -1;
    return (int64_t)n;
}

/** Of what was sent as that. */
static struct sim_send *find(struct sim *sim, str key, const char *who)
{
    const int64_t number = number_of(sim, key);

    if (number < 0)
        sim_fail(sim, "%s \"" STR_FMT "\", which nobody has sent", who, STR_ARG(key));
    return &sim->truth.sends[number];
}

void truth_on_ok(struct sim *sim, struct sim_device *d, unsigned number, uint64_t seq, str text)
{
    struct sim_send *s = &sim->truth.sends[number];

    truth_check(sim);
    if (s->n_stored != 1 || s->seq != seq || number_of(sim, text) != (int64_t)number) {
        sim_fail(sim, "device %u: s%u was acknowledged as %u, and is stored %u times, as %u",
                 d->number, number, (unsigned)seq, s->n_stored, (unsigned)s->seq);
    }
    s->state = SIM_SEND_OK;
    sim->counters.acked++;
}

void truth_on_refused(struct sim *sim, unsigned number)
{
    struct sim_send *s = &sim->truth.sends[number];

    truth_check(sim);
    // What had no answer before may have been stored then.
    if (s->n_stored > 0 && s->n_unknown == 0)
        sim_fail(sim, "s%u was refused, and is stored", number);
    s->state = SIM_SEND_REFUSED;
}

// The store.

static void check_message(struct sim *sim, const struct mem_message *m)
{
    struct sim_truth *t = &sim->truth;
    struct sim_send *s = find(sim, m->append.key, "stored:");
    const unsigned from = wallet_of(sim, &m->append.from);
    const unsigned to = wallet_of(sim, &m->append.to);
    uint64_t *last = &t->last_seq[from < to ? from : to][from < to ? to : from];

    if (s->from != from || s->to != to ||
        number_of(sim, m->append.key) != (int64_t)(s - t->sends))
        sim_fail(sim, "stored: " STR_FMT " is not as it was sent", STR_ARG(m->append.key));
    if (s->n_stored++ > 0)
        sim_fail(sim, "stored twice: " STR_FMT, STR_ARG(m->append.key));
    if (s->state == SIM_SEND_REFUSED && s->n_unknown == 0)
        sim_fail(sim, "refused, and stored: " STR_FMT, STR_ARG(m->append.key));
    if (m->seq != *last + 1 || m->seq >= SIM_SEQS)
        sim_fail(sim, "seq %u behind %u", (unsigned)m->seq, (unsigned)*last);
    if (m->position <= t->position) {
        sim_fail(sim, "position %lld behind %lld", (long long)m->position,
                 (long long)t->position);
    }
    *last = s->seq = m->seq;
    t->position = m->position;
}

/** Of the peer's messages up to the mark, some device has acknowledged each, or has said that
 * it keeps them. */
static void check_delivered(struct sim *sim, unsigned of, unsigned peer, uint64_t from,
                            uint64_t upto)
{
    const struct sim_truth *t = &sim->truth;
    const struct mem_conversation *c = conversation_of(sim, of, peer);
    const account mine = sim_account(of);
    const unsigned side = mem_side_of(c, &mine);

    for (uint64_t seq = from + 1; seq <= upto; seq++) {
        const struct mem_message *m = c->messages[seq - 1];
        if (m->side != side && m->withheld == MEM_SHOWN && !t->acked[of][peer][seq] &&
            t->said[of][peer] < seq) {
            sim_fail(sim, "%u has delivered up to %u of %u, and nobody has acknowledged %u", of,
                     (unsigned)upto, peer, (unsigned)seq);
        }
    }
}

static void check_marks(struct sim *sim, unsigned of, unsigned peer)
{
    const struct mem_conversation *c = conversation_of(sim, of, peer);
    const account mine = sim_account(of);

    if (!c)
        return;
    const struct mem_side *side = &c->sides[mem_side_of(c, &mine)];
    for (unsigned i = 0; i < 2; i++) {
        uint64_t *before = &sim->truth.marks[of][peer][i];
        if (side->marks[i].seq < *before) {
            sim_fail(sim, "a mark of %u went back from %u to %u", of, (unsigned)*before,
                     (unsigned)side->marks[i].seq);
        }
        if (i == CHAT_MARK_DELIVERED)
            check_delivered(sim, of, peer, *before, side->marks[i].seq);
        *before = side->marks[i].seq;
    }
}

// Sessions.

void truth_on_crowded(struct sim *sim, const account *a, int64_t until_ms)
{
    sim->truth.crowded_until_ms[wallet_of(sim, a)] = until_ms;
}

void truth_on_too_many(struct sim *sim, const struct sim_device *d)
{
    sim->counters.crowded++;
    for (unsigned i = d->wallet; i < SIM_DEVICES; i += SIM_WALLETS) {
        // What asked first may arrive last.
        if (i != d->number && sim->devices[i].joined_ms >= d->joined_ms - sim->config.net_ms)
            return;
    }
    sim_fail(sim, "device %u had to go, and nobody has come since it did", d->number);
}

static size_t sessions_of(struct sim *sim, unsigned wallet)
{
    const account a = sim_account(wallet);
    size_t n = 0;

    for (unsigned i = 0; i < sim->config.n_nodes; i++) {
        const struct chat_account *owner =
            sim->nodes[i] ? chat_find_account(sim_node_chat(sim->nodes[i]), &a) : NULL;
        n += owner ? owner->n_sessions : 0;
    }
    return n;
}

static void check_sessions(struct sim *sim)
{
    for (unsigned i = 0; sim->limits && i < SIM_WALLETS; i++) {
        const size_t n = sessions_of(sim, i);
        if (n > sim->config.sessions && sim->timers.now_ms > sim->truth.crowded_until_ms[i])
            sim_fail(sim, "%u has %zu sessions", i, n);
    }
}

void truth_check(struct sim *sim)
{
    const struct mem_model *m = model_of(sim);

    for (; sim->truth.n_log < m->n_log; sim->truth.n_log++)
        check_message(sim, m->log[sim->truth.n_log]);
    check_sessions(sim);
    for (unsigned of = 0; of < SIM_WALLETS; of++) {
        for (unsigned peer = 0; peer < SIM_WALLETS; peer++) {
            if (peer != of)
                check_marks(sim, of, peer);
        }
    }
}

// Devices.

static bool is_withheld(const struct sim_device *d, const struct mem_message *m)
{
    const account mine = sim_account(d->wallet);

    return m->withheld != MEM_SHOWN && !account_eq(&m->append.from, &mine);
}

/** Is it something that this device needs: not withheld, and not from before its time? */
static bool needs(const struct sim_device *d, const struct mem_message *m)
{
    return d->has_started && m->position > d->started_at && !is_withheld(d, m);
}

/** It has everything of the conversation that it needs, up to a seq and a position.
 * @return the first seq that it has not, or 0 */
static uint64_t first_missing(const struct sim_device *d, unsigned peer, uint64_t before,
                              int64_t upto)
{
    const struct mem_conversation *c = conversation_of(d->sim, d->wallet, peer);

    for (size_t i = 0; c && i < c->n_messages && i + 1 < before; i++) {
        const struct mem_message *m = c->messages[i];
        if (m->position <= upto && needs(d, m) && !d->kept[peer][m->seq])
            return m->seq;
    }
    return 0;
}

void truth_on_message(struct sim *sim, struct sim_device *d, unsigned peer, uint64_t seq,
                      str key)
{
    const struct sim_send *s = NULL;

    truth_check(sim);
    s = find(sim, key, "told:");
    if (s->n_stored != 1 || s->seq != seq ||
        !((s->from == d->wallet && s->to == peer) || (s->to == d->wallet && s->from == peer))) {
        sim_fail(sim, "device %u was told " STR_FMT " as %u of %u: that is not stored",
                 d->number, STR_ARG(key), (unsigned)seq, peer);
    }
    const struct mem_message *m = conversation_of(sim, d->wallet, peer)->messages[seq - 1];
    if (m->came_withheld && is_withheld(d, m)) {
        sim_fail(sim, "device %u was told %u of %u, which was sent during a block", d->number,
                 (unsigned)seq, peer);
    }
}

static const struct mem_side *side_of(struct sim *sim, unsigned of, unsigned peer)
{
    const struct mem_conversation *c = conversation_of(sim, of, peer);
    const account mine = sim_account(of);

    return &c->sides[mem_side_of(c, &mine)];
}

void truth_on_mark(struct sim *sim, struct sim_device *d, unsigned peer, bool by_peer,
                   enum chat_mark mark, uint64_t seq)
{
    uint64_t *before = &d->heard[peer][by_peer][mark];
    uint64_t *kept = &d->marks[peer][by_peer][mark];
    const unsigned by = by_peer ? peer : d->wallet;
    const struct mem_side *side = side_of(sim, by, by_peer ? d->wallet : peer);
    const uint64_t now = (by_peer ? side->known : side->marks)[mark].seq;

    truth_check(sim);
    if (seq > now) {
        sim_fail(sim, "device %u was told a mark %u of %u: it is at %u", d->number,
                 (unsigned)seq, by, (unsigned)now);
    }
    if (seq < *before) {
        sim_fail(sim, "device %u: a mark of %u went back from %u to %u", d->number, by,
                 (unsigned)*before, (unsigned)seq);
    }
    *before = seq;
    if (seq > *kept)
        *kept = seq;
}

void truth_on_cursor(struct sim *sim, struct sim_device *d, str cursor, bool is_synced)
{
    const account a = sim_account(d->wallet);
    int64_t position = 0;

    if (cursor.len >= sizeof(d->cursor) ||
        cursor_parse(cursor, sim->disk->epoch, &a, &position) != 0)
        sim_fail(sim, "device %u: no cursor", d->number);
    str_copy(d->cursor, cursor);
    d->cursor[cursor.len] = '\0';
    if (is_synced && !d->has_started) {
        d->has_started = true;
        d->started_at = position;
    }
    for (unsigned peer = 0; peer < SIM_WALLETS; peer++) {
        const uint64_t seq = peer == d->wallet ? 0 : first_missing(d, peer, SIM_SEQS, position);
        if (seq > 0) {
            sim_fail(sim,
                     "device %u: its cursor, %lld, is behind %u of %u, which it has not got",
                     d->number, (long long)position, (unsigned)seq, peer);
        }
    }
}

const char *truth_is_missing(struct sim *sim)
{
    static char what[128];

    for (unsigned i = 0; i < SIM_DEVICES; i++) {
        const struct sim_device *d = &sim->devices[i];
        if (!sim_device_is_done(d)) {
            snprintf(what, sizeof(what), "device %u: state %d, %zu to send, %zu to acknowledge",
                     i, (int)d->state, d->n_outbox, d->n_to_ack);
            return what;
        }
        for (unsigned peer = 0; peer < SIM_WALLETS; peer++) {
            const uint64_t seq =
                peer == d->wallet ? 0 : first_missing(d, peer, SIM_SEQS, INT64_MAX);
            if (seq > 0) {
                snprintf(what, sizeof(what), "device %u never got %u of %u", i, (unsigned)seq,
                         peer);
                return what;
            }
        }
    }
    return NULL;
}

/** @return the last message that this side has got, and may see */
static uint64_t last_got(const struct mem_conversation *c, unsigned side)
{
    uint64_t seq = c->n_messages;

    while (seq > 0 &&
           (c->messages[seq - 1]->side == side || c->messages[seq - 1]->withheld != MEM_SHOWN))
        seq--;
    return seq;
}

/** Has it been told how the peer's marks are, and whether it blocks the peer, of what has
 * changed in its time? */
static bool is_told(const struct sim_device *d, unsigned peer, char *why, size_t size)
{
    const struct mem_side *mine = side_of(d->sim, d->wallet, peer);
    const struct mem_side *theirs = side_of(d->sim, peer, d->wallet);

    for (unsigned i = 0; i < 2; i++) {
        const struct mem_mark *mark = &theirs->known[i];
        if (mark->position <= d->started_at || d->marks[peer][1][i] == mark->seq)
            continue;
        snprintf(why, size, "device %u was told mark %u of %u, not %u", d->number,
                 (unsigned)d->marks[peer][1][i], peer, (unsigned)mark->seq);
        return false;
    }
    if (mine->contact_position <= d->started_at || mine->is_blocking == d->blocks[peer])
        return true;
    snprintf(why, size, "device %u does not know whether it blocks %u", d->number, peer);
    return false;
}

static bool is_settled(struct sim *sim, unsigned of, unsigned peer, char *why, size_t size)
{
    const struct mem_conversation *c = conversation_of(sim, of, peer);
    const account mine = sim_account(of);
    bool is = true;

    if (!c)
        return true;
    const unsigned side = mem_side_of(c, &mine);
    const uint64_t delivered = c->sides[side].marks[CHAT_MARK_DELIVERED].seq;
    if (delivered < last_got(c, side)) {
        snprintf(why, size, "%u has delivered %u of %u, of %u", of, (unsigned)delivered, peer,
                 (unsigned)last_got(c, side));
        return false;
    }
    for (unsigned i = of; is && i < SIM_DEVICES; i += SIM_WALLETS)
        is = is_told(&sim->devices[i], peer, why, size);
    return is;
}

const char *truth_is_undelivered(struct sim *sim)
{
    static char why[128];

    for (unsigned of = 0; of < SIM_WALLETS; of++) {
        for (unsigned peer = 0; peer < SIM_WALLETS; peer++) {
            if (peer != of && !is_settled(sim, of, peer, why, sizeof(why)))
                return why;
        }
    }
    return NULL;
}
