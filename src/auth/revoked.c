#include "auth/revoked.h"

#include "base/mem.h"

#define SESSION_MARK 's' // before the name, so that no account has the bytes of a session
#define ACCOUNT_MARK 'a'
#define KEY_SIZE     (1 + AUTH_SESSION_SIZE)

static_assert(ACCOUNT_SIZE < AUTH_SESSION_SIZE, "the key of an account fits");

struct entry {
    struct map_node node;
    struct timer end;
    struct auth_revoked *all;
    int64_t before_ms; // of an account
    int64_t latest_ms; // likewise: what is behind that may have been issued up to then
    uint8_t key_len;
    char key[];
};

static str key_of(char out[KEY_SIZE], char mark, str name)
{
    assert(name.len < KEY_SIZE);
    out[0] = mark;
    return (str){out, 1 + str_copy(out + 1, name).len};
}

static bool is_entry(struct map_node *node, const void *key)
{
    const struct entry *e = container_of(node, struct entry, node);
    return str_eq((str){e->key, e->key_len}, *(const str *)key);
}

static struct entry *find(const struct auth_revoked *r, char mark, str name)
{
    char text[KEY_SIZE];
    const str key = key_of(text, mark, name);
    struct map_node *node = map_find(&r->entries, hash_keyed(r->hash_key, key), is_entry, &key);

    return node ? container_of(node, struct entry, node) : NULL;
}

static struct entry *find_account(const struct auth_revoked *r, const account *a)
{
    return find(r, ACCOUNT_MARK, account_str(a));
}

static void on_end(struct timer *t)
{
    struct entry *e = container_of(t, struct entry, end);

    map_remove(&e->all->entries, &e->node);
    free(e);
}

void auth_revoked_init(struct auth_revoked *r, struct rand *rand)
{
    *r = (struct auth_revoked){0};
    rand_bytes(rand, r->hash_key, sizeof(r->hash_key));
}

void auth_revoked_fini(struct auth_revoked *r)
{
    timers_run(&r->ends, INT64_MAX);
    map_fini(&r->entries);
}

static struct entry *get(struct auth_revoked *r, char mark, str name)
{
    char text[KEY_SIZE];
    const str key = key_of(text, mark, name);
    struct entry *e = find(r, mark, name);

    if (e)
        return e;
    e = mem_alloc(sizeof(*e) + key.len);
    e->all = r;
    e->before_ms = INT64_MIN;
    e->latest_ms = INT64_MIN;
    timer_init(&e->end, on_end);
    e->key_len = (uint8_t)str_copy(e->key, key).len;
    map_add(&r->entries, &e->node, hash_keyed(r->hash_key, key));
    return e;
}

static void raise_to(int64_t *ms, int64_t at_least)
{
    if (*ms < at_least)
        *ms = at_least;
}

void auth_revoked_add(struct auth_revoked *r, const struct auth_revocation *what,
                      int64_t now_ms)
{
    const bool is_session = what->session.len > 0;

    timers_run(&r->ends, now_ms - AUTH_STORE_KEPT_MS); // as the store: it may be set back
    struct entry *e = is_session ? get(r, SESSION_MARK, what->session)
                                 : get(r, ACCOUNT_MARK, account_str(&what->account));
    if (!is_session && what->before_ms > e->before_ms) {
        e->before_ms = what->before_ms;
        raise_to(&e->latest_ms, what->before_ms + 1);
    }
    if (!timer_is_set(&e->end) || what->until_ms > e->end.at_ms)
        timer_set(&r->ends, &e->end, what->until_ms);
}

struct auth_revocation *auth_revoked_dup(const struct auth_revocation *what)
{
    struct auth_revocation *copy = mem_alloc(sizeof(*copy) + what->session.len);

    *copy = *what;
    copy->session = str_copy((char *)(copy + 1), what->session);
    return copy;
}

bool auth_revoked_has_session(const struct auth_revoked *r, str session)
{
    return find(r, SESSION_MARK, session);
}

int64_t auth_revoked_before_ms(const struct auth_revoked *r, const account *a)
{
    const struct entry *e = find_account(r, a);

    return e ? e->before_ms : INT64_MIN;
}

/** What a token says that is asked for in the second in which all ended. */
static int64_t next_second(const struct entry *e)
{
    return (e->before_ms / 1000 + 1) * 1000;
}

int64_t auth_revoked_ask_ms(struct auth_revoked *r, const account *a, int64_t now_ms)
{
    struct entry *e = find_account(r, a);

    if (!e)
        return now_ms;
    if (now_ms / 1000 * 1000 <= e->before_ms)
        raise_to(&e->latest_ms, next_second(e));
    return now_ms <= e->before_ms ? e->before_ms + 1 : now_ms;
}

int64_t auth_revoked_issue_ms(struct auth_revoked *r, const account *a, int64_t asked_ms)
{
    struct entry *e = find_account(r, a);

    if (!e || asked_ms <= e->before_ms || asked_ms / 1000 * 1000 > e->before_ms)
        return asked_ms;
    raise_to(&e->latest_ms, next_second(e)); // all may have ended since it was asked for
    return next_second(e);
}

int64_t auth_revoked_end_ms(const struct auth_revoked *r, const account *a, int64_t now_ms)
{
    const struct entry *e = find_account(r, a);

    return e && now_ms < e->latest_ms ? e->latest_ms : now_ms;
}

/** By its key, as its owner ends it; or by its name, as an operator does. A name that is
 * another one's key can do no harm but to itself. */
bool auth_revoked_has(const struct auth_revoked *r, const struct auth_identity *who)
{
    return auth_revoked_has_session(r, str_of(who->key)) ||
           auth_revoked_has_session(r, str_of(who->session)) ||
           who->issued_at_ms <= auth_revoked_before_ms(r, &who->account);
}
