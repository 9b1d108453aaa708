#include <stdio.h>

#include "api/client.h"
#include "api/identify.h"
#include "api/request.h"
#include "auth/account.h"
#include "base/mem.h"

#define CODE_SIZE 64 // bytes of {"code":"…"}, NUL included

static_assert(API_N_ERRORS <= COUNT_OF(((struct api_counters *)NULL)->errors),
              "every error is counted");

// Joining.

static void refuse(struct api *a, struct sio_socket *s, enum api_error error)
{
    char data[CODE_SIZE];

    log_debug(sio_log(s), "api_refuse", "reason=%s", api_error_code(error));
    a->counters.refused_connects++;
    a->counters.errors[error]++;
    const int n = snprintf(data, sizeof(data), "{\"code\":\"%s\"}", api_error_code(error));
    assert(n > 0 && (size_t)n < sizeof(data));
    sio_refuse(s, str_of(api_error_message(error)), (str){data, (size_t)n});
}

/** @return false: there is one, and it is no text */
static bool find_token(str *out, const struct sio_socket *s, const struct json *auth)
{
    const struct json *token = json_member(auth, "token");

    if (!token || json_kind(token) == JSON_KIND_NULL) {
        *out = sio_bearer(s);
        return true;
    }
    *out = json_text(token);
    return json_kind(token) == JSON_KIND_STR;
}

/** Nobody can tell yet whether it may join: it shall come back by itself. */
static void drop(struct api *a, struct sio_socket *s, enum api_error error)
{
    log_debug(sio_log(s), "api_drop", "reason=%s", api_error_code(error));
    a->counters.refused_connects++;
    sio_drop(s);
}

static void join(struct api *a, struct sio_socket *s, const struct auth_identity *who,
                 str cursor)
{
    char acct[AUTH_ACCOUNT_TEXT_SIZE];

    if (!api_client_open(a, s, who, cursor)) {
        refuse(a, s, API_TOO_MANY_SOCKETS);
        return;
    }
    a->counters.connects++;
    log_debug(sio_log(s), "api_connect", "acct=%s", auth_account_text(acct, &who->account).ptr);
}

static void decide(struct api *a, struct sio_socket *s, const struct api_identity *id,
                   str cursor)
{
    switch ((int)id->error) {
    case API_OK: join(a, s, &id->who, cursor); break;
    case API_LOGIN_UNAVAILABLE:
    case API_BUSY: drop(a, s, id->error); break;
    default: refuse(a, s, id->error); break;
    }
}

/** Whose token waits: the state of a socket that is not accepted yet. */
struct joining {
    struct api *api;
    struct api_waiting *waiting;
    size_t n_cursor;
    char cursor[CHAT_CURSOR_MAX];
};

static void on_identified(void *arg, const struct api_identity *id)
{
    struct sio_socket *s = arg;
    struct joining *j = sio_state(s);

    sio_set_state(s, NULL);
    decide(j->api, s, id, (str){j->cursor, j->n_cursor});
    free(j);
}

static void wait_to_join(struct api *a, struct sio_socket *s, struct api_waiting *waiting,
                         str cursor)
{
    struct joining *j = NEW(struct joining);

    j->api = a;
    j->waiting = waiting;
    if (cursor.len <= CHAT_CURSOR_MAX) // a longer one counts as none
        j->n_cursor = str_copy(j->cursor, cursor).len;
    sio_set_state(s, j);
}

static void leave(struct joining *j)
{
    api_identify_cancel(j->waiting);
    free(j);
}

static void identify(struct api *a, struct sio_socket *s, str token, str cursor)
{
    const struct api_asker asker = {.done = on_identified, .arg = s, .log = sio_log(s)};
    struct api_identity id;
    struct api_waiting *waiting = api_identify(a, token, &asker, &id);

    if (waiting) {
        wait_to_join(a, s, waiting, cursor);
    } else {
        decide(a, s, &id, cursor);
    }
}

static void on_connect(void *arg, struct sio_socket *s, const struct json *auth, str auth_text)
{
    struct api *a = arg;
    str token;

    (void)auth_text;
    if (!str_eq(sio_namespace(s), STR("/"))) {
        sio_refuse(s, STR("Invalid namespace"), (str){0}); // in the words of the reference
    } else if (!sio_peer(s)->origin_is_allowed) {
        refuse(a, s, API_ORIGIN_DENIED);
    } else if (!find_token(&token, s, auth)) {
        refuse(a, s, API_TOKEN_INVALID);
    } else {
        identify(a, s, token, json_text(json_member(auth, "cursor")));
    }
}

// Afterwards.

static void on_event(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    (void)arg;
    api_request(sio_state(s), e);
}

static void on_unreadable(void *arg, struct sio_socket *s, int64_t ack_id)
{
    (void)arg;
    api_request_unreadable(sio_state(s), ack_id);
}

static void on_ack(void *arg, struct sio_socket *s, const struct sio_event *e)
{
    const struct api_client *c = sio_state(s);

    (void)arg;
    chat_session_ack(c->session, e->ack_id);
}

static void on_disconnect(void *arg, struct sio_socket *s, enum sio_reason reason)
{
    static const char *const reasons[] = {
        [SIO_CLIENT_LEFT] = "client_left",
        [SIO_CONNECTION_LOST] = "connection_lost",
    };

    (void)arg;
    if (sio_is_accepted(s)) {
        api_client_close(sio_state(s), reasons[reason]);
    } else {
        leave(sio_state(s));
    }
}

const struct sio_app api_sio_app = {
    .on_connect = on_connect,
    .on_event = on_event,
    .on_unreadable = on_unreadable,
    .on_ack = on_ack,
    .on_disconnect = on_disconnect,
};

struct api *api_new(const struct api_config *config)
{
    struct api *a = NEW(struct api);

    a->config = *config;
    a->cases = auth_cases_new();
    buf_init(&a->spare, SIZE_MAX / 2);
    list_init(&a->clients);
    a->pool = pool_new(sizeof(struct api_client));
    a->request_pool = api_request_pool_new();
    api_decoder_init(&a->decoder, &(struct api_decoder_config){
                                      .home_chain = config->home_chain,
                                      .content_bytes = config->content_bytes,
                                      .cases = a->cases,
                                      .media = config->media,
                                      .urls = config->media_urls,
                                  });
    api_wallets_init(&a->wallets, config->rand);
    ips_init(&a->own_ips, config->sockets_per_ip, config->rand);
    a->ips = config->ips ? config->ips : &a->own_ips;
    rates_init(&a->ip_rates, config->rates, API_N_RATES, config->rand);
    rand_bytes(config->rand, a->hash_key, sizeof(a->hash_key));
    auth_sessions_on_revoked(config->sessions, api_client_end_revoked, a);
    return a;
}

bool api_is_idle(const struct api *a)
{
    return a->n_calls == 0 && a->n_waiting_tokens == 0;
}

void api_free(struct api *a)
{
    rates_fini(&a->ip_rates);
    ips_fini(&a->own_ips);
    api_wallets_fini(&a->wallets);
    api_decoder_fini(&a->decoder);
    pool_free(a->request_pool);
    pool_free(a->pool);
    auth_cases_free(a->cases);
    buf_fini(&a->spare);
    free(a);
}

const struct api_counters *api_counters(const struct api *a)
{
    return &a->counters;
}
