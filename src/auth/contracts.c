#include "auth/contracts.h"

#include <inttypes.h>

#include "auth/erc1271.h"
#include "auth/rpc.h"
#include "base/job.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/digest.h"

#define SECRET_SIZE 32 // bytes

struct auth_contracts {
    struct auth_contracts_config config;
    bool is_right[AUTH_RPCS_MAX]; // it is an RPC of its chain
    struct rates rates;
    uint8_t secret[SECRET_SIZE]; // of struct id
    struct list under_way;       // questions
    struct list waiting;         // likewise, the longest first
    size_t n_under_way;
    size_t n_waiting;
    size_t n_askers;
    struct map answers;
    struct list by_age; // answers, the oldest first
};

/** What is asked, in short. Whoever signs in chooses it, and shall not find two that are alike.
 */
struct id {
    uint8_t bytes[CRYPTO_SHA256_SIZE];
};

static struct id id_of(const struct auth_contracts *c, const struct auth_contract_proof *p)
{
    char bytes[sizeof(p->chain) + AUTH_CONTRACT_ADDRESS_SIZE + AUTH_DIGEST_SIZE +
               AUTH_SIGNATURE_MAX];
    char *end = bytes;
    struct id id;

    assert(p->signature.len <= AUTH_SIGNATURE_MAX);
    end = mempcpy(end, &p->chain, sizeof(p->chain));
    end = mempcpy(end, p->address, AUTH_CONTRACT_ADDRESS_SIZE);
    end = mempcpy(end, p->digest, AUTH_DIGEST_SIZE);
    end += str_copy(end, p->signature).len;
    crypto_hmac_sha256(id.bytes, (str){(const char *)c->secret, sizeof(c->secret)},
                       (str){bytes, (size_t)(end - bytes)});
    return id;
}

static bool id_eq(const struct id *a, const struct id *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

// Answers that are kept.

struct answer {
    struct map_node node;
    struct list by_age;
    struct id id;
    int64_t until_ms;
    int r; // 0 or AUTH_CONTRACT_WRONG
};

static uint64_t hash_of(const struct id *id)
{
    uint64_t hash;

    memcpy(&hash, id, sizeof(hash)); // by the secret, nobody can choose it
    return hash;
}

static bool is_of(struct map_node *node, const void *id)
{
    return id_eq(&container_of(node, struct answer, node)->id, id);
}

static void forget(struct auth_contracts *c, struct answer *a)
{
    list_remove(&a->by_age);
    map_remove(&c->answers, &a->node);
    free(a);
}

static struct answer *oldest(const struct auth_contracts *c)
{
    if (list_is_empty(&c->by_age))
        return NULL;
    return container_of(c->by_age.next, struct answer, by_age);
}

static const struct answer *find_answer(struct auth_contracts *c, const struct id *id)
{
    struct answer *a;

    while ((a = oldest(c)) && a->until_ms <= c->config.timers->now_ms)
        forget(c, a);
    struct map_node *node = map_find(&c->answers, hash_of(id), is_of, id);
    return node ? container_of(node, struct answer, node) : NULL;
}

static void keep(struct auth_contracts *c, const struct id *id, int r)
{
    struct answer *a = oldest(c);

    if (a && c->answers.n_nodes == AUTH_CONTRACT_KEPT_MAX)
        forget(c, a);
    a = NEW(struct answer);
    a->id = *id;
    a->until_ms = c->config.timers->now_ms + AUTH_CONTRACT_KEPT_MS;
    a->r = r;
    map_add(&c->answers, &a->node, hash_of(id));
    list_push(&c->by_age, &a->by_age);
}

// Who asks.

struct asker {
    struct list node; // of a question's
    struct job job;   // once there is an answer
    struct auth_contracts *contracts;
    auth_contract_fn *done;
    void *arg;
    int r;
};

static struct asker *asker_new(struct auth_contracts *c, auth_contract_fn *done, void *arg)
{
    struct asker *a = NEW(struct asker);

    *a = (struct asker){.contracts = c, .done = done, .arg = arg};
    c->n_askers++;
    return a;
}

static void tell(struct job *job)
{
    struct asker *a = container_of(job, struct asker, job);

    a->contracts->n_askers--;
    a->done(a->arg, a->r);
    free(a);
}

static void answer(struct asker *a, int r)
{
    a->r = r;
    job_push(a->contracts->config.later, &a->job, tell);
}

// Questions.

struct question {
    struct list node; // of those under way, or of those that wait
    struct auth_contracts *contracts;
    const struct auth_rpc *rpc;
    struct id id;
    bool is_wrapped;
    struct buf request;
    struct list askers; // at least one
    size_t n_askers;
};

static void join(struct question *q, struct asker *a)
{
    q->n_askers++;
    list_push(&q->askers, &a->node);
}

static void print_request(struct question *q, const struct auth_contract_proof *p)
{
    struct buf data;

    buf_init(&data, AUTH_ERC1271_DATA_SIZE);
    auth_erc1271_print(&data, p);
    buf_init(&q->request, AUTH_RPC_REQUEST_SIZE(AUTH_ERC1271_DATA_SIZE));
    auth_rpc_print(&q->request, q->is_wrapped ? NULL : p->address, buf_str(&data));
    buf_fini(&data);
}

static struct question *question_new(struct auth_contracts *c, const struct auth_rpc *rpc,
                                     const struct id *id, const struct auth_contract_proof *p)
{
    struct question *q = NEW(struct question);

    *q = (struct question){.contracts = c, .rpc = rpc, .id = *id};
    list_init(&q->node);
    list_init(&q->askers);
    q->is_wrapped = auth_erc1271_is_wrapped(p->signature);
    print_request(q, p);
    return q;
}

/** @return 0 or an enum auth_contract_refusal */
static int judge(const struct question *q, str body)
{
    struct auth_rpc_result result;
    const char *why = NULL;

    switch (auth_rpc_parse(&result, body, &why)) {
    case 0: {
        const str bytes = {(const char *)result.bytes, result.len};
        return auth_erc1271_is_valid(bytes, q->is_wrapped) ? 0 : AUTH_CONTRACT_WRONG;
    }
    case AUTH_RPC_REVERTED: return AUTH_CONTRACT_WRONG;
    default:
        log_warn(NULL, "auth_rpc_bad", "chain=%" PRIu64 " why=\"%s\"", q->rpc->chain, why);
        return AUTH_CONTRACT_UNAVAILABLE;
    }
}

static int judge_fetched(const struct question *q, int r, str body)
{
    switch (r) {
    case 0: return judge(q, body);
    case AUTH_FETCH_BUSY: return AUTH_CONTRACT_BUSY;
    default: return AUTH_CONTRACT_UNAVAILABLE; // why is in the log
    }
}

static void ask_next(struct auth_contracts *c);

static void end(struct question *q, int r)
{
    struct auth_contracts *c = q->contracts;
    struct list *node;

    if (r == 0 || r == AUTH_CONTRACT_WRONG)
        keep(c, &q->id, r);
    while ((node = list_shift(&q->askers)))
        answer(container_of(node, struct asker, node), r);
    list_remove(&q->node);
    c->n_under_way--;
    buf_fini(&q->request);
    free(q);
    ask_next(c);
}

static void fetch(struct question *q, str request, auth_fetch_fn *done)
{
    const struct auth_fetch what = {
        .url = q->rpc->url,
        .body = request,
        .timeout_ms = AUTH_RPC_MS,
        .max_bytes = AUTH_RPC_BYTES_MAX,
    };

    auth_fetcher_fetch(q->contracts->config.fetcher, &what, done, q);
}

static void on_contract(void *arg, int fetched, str body)
{
    struct question *q = arg;
    end(q, judge_fetched(q, fetched, body));
}

// Another chain's RPC would know other contracts, and another owner at the same address: each
// is asked which it is of before it is believed.

static bool *is_right(const struct question *q)
{
    return &q->contracts->is_right[q->rpc - q->contracts->config.rpcs];
}

static bool is_of_chain(const struct question *q, str body)
{
    uint64_t chain = 0;
    const char *why = NULL;

    if (auth_rpc_parse_chain(&chain, body, &why) != 0) {
        log_warn(NULL, "auth_rpc_bad", "chain=%" PRIu64 " why=\"%s\"", q->rpc->chain, why);
        return false;
    }
    if (chain != q->rpc->chain) {
        log_error(NULL, "auth_rpc_of_another_chain", "chain=%" PRIu64 " says=%" PRIu64,
                  q->rpc->chain, chain);
    }
    return chain == q->rpc->chain;
}

static void on_chain(void *arg, int fetched, str body)
{
    struct question *q = arg;

    if (fetched != 0) {
        end(q, judge_fetched(q, fetched, body));
    } else if (!is_of_chain(q, body)) {
        end(q, AUTH_CONTRACT_UNAVAILABLE);
    } else {
        *is_right(q) = true;
        fetch(q, buf_str(&q->request), on_contract);
    }
}

static void ask_chain(struct question *q)
{
    struct buf request;

    buf_init(&request, AUTH_RPC_REQUEST_SIZE(0));
    auth_rpc_print_chain(&request);
    fetch(q, buf_str(&request), on_chain);
    buf_fini(&request);
}

static void ask(struct question *q)
{
    list_push(&q->contracts->under_way, &q->node);
    q->contracts->n_under_way++;
    if (*is_right(q)) {
        fetch(q, buf_str(&q->request), on_contract);
    } else {
        ask_chain(q);
    }
}

static void ask_next(struct auth_contracts *c)
{
    struct list *node = list_shift(&c->waiting);

    if (!node)
        return;
    c->n_waiting--;
    ask(container_of(node, struct question, node));
}

static void ask_or_wait(struct question *q)
{
    struct auth_contracts *c = q->contracts;

    if (c->n_under_way < AUTH_CONTRACT_UNDER_WAY_MAX) {
        ask(q);
    } else {
        list_push(&c->waiting, &q->node);
        c->n_waiting++;
    }
}

static struct question *find_in(struct list *questions, const struct id *id)
{
    list_each (node, questions) {
        struct question *q = container_of(node, struct question, node);
        if (id_eq(&q->id, id))
            return q;
    }
    return NULL;
}

static struct question *find_question(struct auth_contracts *c, const struct id *id)
{
    struct question *q = find_in(&c->under_way, id);

    return q ? q : find_in(&c->waiting, id);
}

// All of it.

struct auth_contracts *auth_contracts_new(const struct auth_contracts_config *config)
{
    struct auth_contracts *c = NEW(struct auth_contracts);

    assert(config->n_rpcs <= AUTH_RPCS_MAX);
    c->config = *config;
    rates_init(&c->rates, &config->sign_ins, 1, config->rand);
    rand_bytes(config->rand, c->secret, sizeof(c->secret));
    list_init(&c->under_way);
    list_init(&c->waiting);
    list_init(&c->by_age);
    return c;
}

void auth_contracts_free(struct auth_contracts *c)
{
    struct answer *a;

    if (!c)
        return;
    assert(auth_contracts_is_idle(c));
    while ((a = oldest(c)))
        forget(c, a);
    map_fini(&c->answers);
    rates_fini(&c->rates);
    free(c);
}

bool auth_contracts_is_idle(const struct auth_contracts *c)
{
    return c->n_askers == 0;
}

static const struct auth_rpc *find_rpc(const struct auth_contracts *c, uint64_t chain)
{
    for (size_t i = 0; i < c->config.n_rpcs; i++) {
        if (c->config.rpcs[i].chain == chain)
            return &c->config.rpcs[i];
    }
    return NULL;
}

bool auth_contracts_has(const struct auth_contracts *c, uint64_t chain)
{
    return find_rpc(c, chain) != NULL;
}

/** A place, and of the rate one: taken in this order, as one that has no place costs no call.
 */
static bool may_ask(struct auth_contracts *c, const struct auth_contract_proof *p)
{
    if (c->n_waiting == AUTH_CONTRACT_WAITING_MAX)
        return false;
    if (p->is_again || !c->config.rate_limits)
        return true;
    return rates_take(&c->rates, STR("all"), 0, c->config.timers->now_ms) == 0;
}

static void check(struct auth_contracts *c, const struct auth_rpc *rpc,
                  const struct auth_contract_proof *p, struct asker *a)
{
    const struct id id = id_of(c, p);
    const struct answer *known = find_answer(c, &id);
    struct question *q = find_question(c, &id);

    if (known) {
        answer(a, known->r);
    } else if (q && q->n_askers < AUTH_CONTRACT_SHARED_MAX) {
        join(q, a);
    } else if (q || !may_ask(c, p)) {
        answer(a, AUTH_CONTRACT_BUSY);
    } else {
        q = question_new(c, rpc, &id, p);
        join(q, a);
        ask_or_wait(q);
    }
}

void auth_contracts_check(struct auth_contracts *c, const struct auth_contract_proof *proof,
                          auth_contract_fn *done, void *arg)
{
    const struct auth_rpc *rpc = find_rpc(c, proof->chain);
    struct asker *a = asker_new(c, done, arg);

    if (rpc) {
        check(c, rpc, proof, a);
    } else {
        answer(a, AUTH_CONTRACT_UNAVAILABLE);
    }
}
