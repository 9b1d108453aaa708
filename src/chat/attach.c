/**
 * A send that waits is
 *
 *   finding    its file is looked for
 *   checking   its file is being checked
 *   ready      only what its session sent to the same recipient before it holds it up
 *   late       its time was over while it was finding: it was answered, and is freed once the
 *              look-up is back
 *   over       handed to the store, or refused
 */
#include "chat/attach.h"

#include "base/mem.h"
#include "chat/check.h"
#include "chat/requests.h"

#define COST 1024 // bytes of one that waits, beside its content

enum attach_state {
    ATTACH_FINDING,
    ATTACH_CHECKING,
    ATTACH_READY,
    ATTACH_LATE,
    ATTACH_OVER,
};

#define TO(state) FSM_TO(ATTACH_##state)
static const struct fsm_state states[] = {
    [ATTACH_FINDING] = {"chat_attach_finding", TO(CHECKING) | TO(READY) | TO(LATE) | TO(OVER)},
    [ATTACH_CHECKING] = {"chat_attach_checking", TO(READY) | TO(OVER)},
    [ATTACH_READY] = {"chat_attach_ready", TO(OVER)},
    [ATTACH_LATE] = {"chat_attach_late", TO(OVER)},
    [ATTACH_OVER] = {"chat_attach_over", 0},
};
#undef TO

struct attach {
    struct list of_session; // those that wait, in the order of the calls
    struct list of_chat;    // those of them that have a file
    struct fsm fsm;
    struct chat *chat;
    struct chat_session *session; // NULL: none
    struct attach_options options;
    struct check_waiter check;
    struct timer timer;
};

static void attach_free(struct attach *a)
{
    fsm_fini(&a->fsm);
    free(a);
}

/** @param next  over, or late */
static void finish(struct attach *a, int r, enum attach_state next)
{
    list_remove(&a->of_session);
    list_remove(&a->of_chat);
    list_remove(&a->check.node);
    timer_cancel(a->chat->ports.timers, &a->timer);
    a->chat->waiting_bytes -= COST + a->options.append->content.len;
    fsm_move(&a->fsm, next);
    a->options.done(a->options.arg, r);
    if (next == ATTACH_OVER)
        attach_free(a);
}

/** Those to one recipient that nothing holds up any more. */
static void go_on(struct chat_session *s, const account *to)
{
    list_each (node, &s->waiting) {
        struct attach *a = container_of(node, struct attach, of_session);
        if (!account_eq(&a->options.append->to, to))
            continue;
        if (a->fsm.now != ATTACH_READY)
            return;
        finish(a, 0, ATTACH_OVER);
    }
}

/** It is in no one's way any more. */
static void refuse(struct attach *a, int r, enum attach_state next)
{
    struct chat_session *s = a->session; // it is freed by a job, if at all
    const account to = a->options.append->to;

    finish(a, r, next);
    if (s)
        go_on(s, &to);
}

static void on_ready(struct attach *a)
{
    const account to = a->options.append->to;

    fsm_move(&a->fsm, ATTACH_READY);
    if (a->session) {
        go_on(a->session, &to);
    } else {
        finish(a, 0, ATTACH_OVER);
    }
}

static void give_up(struct attach *a)
{
    const bool is_finding = a->fsm.now == ATTACH_FINDING;

    refuse(a, CHAT_MEDIA_UNAVAILABLE, is_finding ? ATTACH_LATE : ATTACH_OVER);
}

static void on_late(struct timer *t)
{
    struct attach *a = container_of(t, struct attach, timer);

    a->chat->counters.uploads_late++;
    give_up(a);
}

static void on_checked(struct check_waiter *w, int r)
{
    struct attach *a = container_of(w, struct attach, check);

    if (r != 0) {
        refuse(a, r, ATTACH_OVER);
    } else {
        on_ready(a);
    }
}

/** May this be in the message? @return 0 or an enum chat_refusal */
static int judge(const struct attach *a, int r, const struct chat_upload *u)
{
    const enum chat_kind kind = a->options.kind;

    if (r != 0)
        return requests_unavailable(r);
    // That there is one of somebody else's is nobody's business.
    if (u->state == UPLOAD_DELETING || !account_eq(&u->owner, &a->options.append->from))
        return CHAT_UPLOAD_MISSING;
    if (u->state == UPLOAD_REJECTED)
        return CHAT_UPLOAD_REJECTED;
    return kind == CHAT_FILE || kind == chat_kind_of(u->mime) ? 0 : CHAT_UPLOAD_MISMATCH;
}

static void describe(const struct attach *a, const struct chat_upload *u)
{
    const str content = a->options.append->content;
    struct buf *out = a->options.content;

    buf_init(out, content.len + CHAT_DESCRIPTION_MAX);
    a->chat->config.uploads.describe(out, content, u);
}

static void check(struct attach *a, const struct chat_upload *u)
{
    if (a->chat->is_stopping) { // nothing waits any more
        refuse(a, CHAT_MEDIA_UNAVAILABLE, ATTACH_OVER);
        return;
    }
    fsm_move(&a->fsm, ATTACH_CHECKING);
    check_wait(a->chat, u, &a->check);
}

static void on_found(void *arg, int r, const struct chat_upload *u)
{
    struct attach *a = arg;

    a->chat->n_under_way--;
    if (a->fsm.now == ATTACH_LATE) {
        fsm_move(&a->fsm, ATTACH_OVER);
        attach_free(a);
        return;
    }
    // It may be sent again, and its message be there. An upload that is over never comes back:
    // the store takes nothing else that names it.
    if (r == UPLOADS_NOT_FOUND) {
        on_ready(a);
        return;
    }
    const int refusal = judge(a, r, u);
    if (refusal) {
        refuse(a, refusal, ATTACH_OVER);
        return;
    }
    describe(a, u);
    if (u->state == UPLOAD_ACCEPTED) {
        on_ready(a);
    } else {
        check(a, u);
    }
}

static void look_for_file(struct attach *a)
{
    struct chat *c = a->chat;

    list_push(&c->attaching, &a->of_chat);
    timer_set(c->ports.timers, &a->timer, chat_now_ms(c) + CHAT_UPLOAD_WAIT_MS);
    c->n_under_way++;
    uploads_find(c->ports.uploads, a->options.append->upload, on_found, a);
}

bool attach_is_behind(const struct chat_actor *a, const account *to)
{
    if (!a->session)
        return false;
    list_each (node, &a->session->waiting) {
        if (account_eq(&container_of(node, struct attach, of_session)->options.append->to, to))
            return true;
    }
    return false;
}

bool attach_has_room(const struct chat *c, size_t content)
{
    return content <= CHAT_WAITING_MAX - COST &&
           c->waiting_bytes <= CHAT_WAITING_MAX - COST - content;
}

void attach_wait(const struct attach_options *options)
{
    const bool has_file = options->append->upload.len > 0;
    struct attach *a = NEW(struct attach);

    a->chat = options->actor->chat;
    a->session = options->actor->session;
    a->options = *options;
    a->check.done = on_checked;
    list_init(&a->of_session);
    list_init(&a->of_chat);
    list_init(&a->check.node);
    timer_init(&a->timer, on_late);
    fsm_init(&a->fsm, states, has_file ? ATTACH_FINDING : ATTACH_READY);
    a->chat->waiting_bytes += COST + options->append->content.len;
    if (a->session)
        list_push(&a->session->waiting, &a->of_session);
    if (has_file)
        look_for_file(a);
}

void attach_stop(struct chat *c)
{
    struct list waiting;
    struct list *node;

    list_init(&waiting);
    list_move_all(&waiting, &c->attaching);
    while ((node = list_shift(&waiting)))
        give_up(container_of(node, struct attach, of_chat));
}
