#include "server/relay_door.h"

#define SAY_EVERY_MS 1000

/** The other one's operator, or ours, has to do something. */
static void say_denied(struct relay_door *d, struct http_request *rq, int refusal)
{
    const ip from = http_peer(rq);
    char peer[ADDR_HOST_SIZE];

    if (!seldom_is_due(&d->said, d->timers->now_ms, SAY_EVERY_MS, NULL))
        return;
    log_warn(&rq->log, "relay_refused", "remedy=\"%s\" peer=%s reason=%s",
             refusal == RELAY_HEAD_KEY ? "give all nodes the same key"
                                       : "run the same version on all nodes",
             ip_text(peer, &from), refusal == RELAY_HEAD_KEY ? "key" : "version");
}

/** With Engine.IO's code for it: a client may get to see it. */
static void deny(struct relay_door *d, struct http_request *rq, int refusal)
{
    say_denied(d, rq, refusal);
    d->n_denied++;
    http_respond(rq, &(struct http_response){
                         .status = 403,
                         .type = STR("application/json"),
                         .headers = STR("Cache-Control: no-store\r\n"),
                         .body = STR("{\"code\":4,\"message\":\"Forbidden\"}"),
                         .close = true,
                     });
}

/** @return false: it was answered */
static bool let_in(struct relay_door *d, struct http_request *rq, const struct http_head *head)
{
    const int r = relay_head_check(head, d->key);

    if (r != 0) {
        deny(d, rq, r);
        return false;
    }
    const ip peer = http_peer(rq);
    relay_peers_add(d->peers, &peer);
    return true;
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    struct relay_door *d = arg;

    if (relay_head_is_relayed(head)) {
        if (!let_in(d, rq, head))
            return;
    } else if (d->relay && relay_turns_away(d->relay, head)) {
        eio_server_turn_away(d->eio, rq, head, RELAY_RETRY_AFTER_S);
        return;
    }
    eio_http_handler.on_head(d->eio, rq, head);
}

static void on_body(void *arg, struct http_request *rq)
{
    const struct relay_door *d = arg;
    eio_http_handler.on_body(d->eio, rq);
}

static void on_gone(void *arg, struct http_request *rq)
{
    const struct relay_door *d = arg;
    eio_http_handler.on_gone(d->eio, rq);
}

const struct http_handler relay_door_handler = {
    .on_head = on_head,
    .on_body = on_body,
    .on_gone = on_gone,
};

struct relay_numbers relay_door_numbers(const struct relay_door *d)
{
    struct relay_numbers n = d->relay ? relay_numbers(d->relay) : (struct relay_numbers){0};

    n.denied = d->n_denied;
    return n;
}
