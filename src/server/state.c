#include "server/state.h"

#include "base/log.h"
#include "eio/look.h"
#include "io/addr.h"

typedef unsigned long long count;

static const char *phase_of(const struct admin *a)
{
    static const char *const names[] = {[ADMIN_STARTING] = "starting",
                                        [ADMIN_SERVING] = "serving",
                                        [ADMIN_DRAINING] = "draining"};

    return names[a->phase];
}

/** Of what there is but once in a process, the first worker's line has the numbers. */
static void say_worker(const struct admin *a, const struct admin_numbers *n, unsigned worker)
{
    log_info(NULL, "server_state",
             "worker=%u phase=%s uptime_s=%llu memory=%llu connections=%llu sessions=%llu "
             "clients=%llu accounts=%llu watches=%llu requests=%llu sent=%llu emitted=%llu",
             worker, phase_of(a), (count)n->uptime_s, (count)n->memory, (count)n->connections,
             (count)n->eio.sessions, (count)n->chat.sessions, (count)n->chat.accounts,
             (count)n->chat.watches, (count)n->api.requests, (count)n->chat.sent,
             (count)n->chat.emitted);
    log_info(NULL, "server_state_behind",
             "worker=%u store_up=%llu store_queued=%llu store_commits=%llu store_refused=%llu "
             "bus_up=%llu bus_nodes=%llu bus_dropped=%llu nodes=%llu relays=%llu "
             "relays_failed=%llu putting=%llu s3_failures=%llu",
             worker, (count)n->store_up, (count)n->store.queued, (count)n->store.commits,
             (count)n->store.refused, (count)n->bus.up, (count)n->bus.nodes,
             (count)n->bus.dropped, (count)n->nodes, (count)n->relay.open,
             (count)n->relay.failed, (count)n->local.putting, (count)n->s3.failures);
}

static void say_session(const struct eio_look *s, unsigned worker)
{
    char peer[ADDR_HOST_SIZE];

    log_info(NULL, "server_state_session",
             "worker=%u session=%llu state=%s peer=%s unsent=%zu pong=%s paused=%d", worker,
             (count)s->session, s->state, ip_text(peer, &s->ip), s->unsent,
             s->awaits_pong ? "awaited" : "there", s->is_paused);
}

void state_say(const struct admin *a, unsigned worker)
{
    const struct admin_numbers n = admin_numbers_of(a);
    struct eio_look sessions[STATE_SESSIONS_MAX];

    say_worker(a, &n, worker);
    const size_t named = eio_server_look(a->eio, sessions, COUNT_OF(sessions));
    for (size_t i = 0; i < named; i++)
        say_session(&sessions[i], worker);
    if (n.eio.sessions > named) {
        log_info(NULL, "server_state_more", "worker=%u sessions=%llu", worker,
                 (count)(n.eio.sessions - named));
    }
}
