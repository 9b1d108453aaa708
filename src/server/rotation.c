#include "server/rotation.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "server/keys.h"

#define NEW_FILE     KEYS_OWN_FILE ".new" // what is being written; what a kill leaves of it
#define NAME_PREFIX  "signing-key."
#define NAME_SUFFIX  ".pem"
#define NAME_SIZE    64
#define SECONDS_MAX  INT64_C(253402300799) // the year 9999
#define RETIRED_SIZE AUTH_OWN_KEY_SIZE
#define DAY_MS       INT64_C(86400000)

static bool is_public_key(str pem)
{
    struct auth_public key;

    return auth_public_init(&key, pem) == 0;
}

static const struct key_kind retired_kind = {
    .size = RETIRED_SIZE,
    .closed = 022,
    .is_good = is_public_key,
    .form = "public Ed25519 key in PEM",
    .access = "change",
    .abuse = "make tokens for any account",
    .renewed = "tokens of that key are refused",
};

// The names of retired keys.

/** @return when it was retired, in Unix seconds; -1: it is no retired key */
static int64_t retired_at(const char *name)
{
    str rest = str_of(name);
    uint64_t seconds;

    if (!str_starts(rest, STR(NAME_PREFIX)))
        return -1;
    str_take(&rest, sizeof(NAME_PREFIX) - 1);
    const str digits = str_take_until(&rest, '.');
    if (str_to_u64(digits, SECONDS_MAX, &seconds) != 0 || !str_eq(rest, STR("pem")))
        return -1;
    return (int64_t)seconds;
}

static int64_t until_ms(const char *name)
{
    return retired_at(name) * 1000 + ROTATION_RETIRED_MS;
}

static int is_retired(const struct dirent *entry)
{
    return retired_at(entry->d_name) >= 0;
}

static int newest_first(const struct dirent **a, const struct dirent **b)
{
    const int64_t at_a = retired_at((*a)->d_name);
    const int64_t at_b = retired_at((*b)->d_name);

    return (at_a < at_b) - (at_a > at_b);
}

struct names {
    struct dirent **all;
    int n;
};

static int names_init(struct names *names, const struct key_dir *d)
{
    names->n = scandirat(d->fd, ".", &names->all, is_retired, newest_first);
    return names->n >= 0 ? 0 : key_file_refuse_errno(d, "", "can't be listed");
}

static void names_fini(struct names *names)
{
    while (names->n > 0)
        free(names->all[--names->n]);
    free((void *)names->all);
}

// Loading.

static int refuse_many(const struct key_dir *d)
{
    static_assert(AUTH_RETIRED_MAX == 8, "as said");
    fprintf(stderr,
            "parley: %s has more than 8 retired keys that count. Remove the oldest "
            "(" NAME_PREFIX "SECONDS" NAME_SUFFIX "): tokens of those keys are refused.\n",
            d->path);
    return KEY_FILE_UNUSABLE;
}

static int load_one(struct auth_keyring *out, const struct key_dir *d, const char *name)
{
    struct buf pem;

    buf_init(&pem, RETIRED_SIZE);
    int r = key_file_read(d, name, &retired_kind, &pem);
    if (r == 0 && auth_keyring_retire(out, buf_str(&pem), until_ms(name)) != 0)
        r = refuse_many(d);
    secret_buf_fini(&pem);
    return r == KEY_FILE_ABSENT ? 0 : r; // a rotation is quicker than we
}

static int load_retired(struct auth_keyring *out, const struct key_dir *d, int64_t unix_ms)
{
    struct names names;
    int r = names_init(&names, d);

    if (r != 0)
        return r;
    for (int i = 0; i < names.n && r == 0; i++) {
        if (until_ms(names.all[i]->d_name) > unix_ms)
            r = load_one(out, d, names.all[i]->d_name);
    }
    names_fini(&names);
    return r;
}

static int load_own(struct auth_keyring *out, str dir, struct rand *rand)
{
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    int r = keys_own(&pem, dir, rand);
    if (r == 0)
        r = auth_keyring_init(out, buf_str(&pem));
    secret_buf_fini(&pem);
    return r;
}

int rotation_load(struct auth_keyring *out, str dir, int64_t unix_ms, struct rand *rand)
{
    struct key_dir d;

    *out = (struct auth_keyring){0};
    if (load_own(out, dir, rand) != 0)
        return ROTATION_REFUSED;
    int r = key_dir_find(&d, dir);
    if (r == 0)
        r = load_retired(out, &d, unix_ms);
    key_dir_close(&d);
    if (r != 0)
        auth_keyring_fini(out);
    return r == 0 ? 0 : ROTATION_REFUSED;
}

// Rotating.

/** A file of that name, whole, in the place of any other. */
static int put(const struct key_dir *d, const char *name, str bytes)
{
    if (unlinkat(d->fd, NEW_FILE, 0) != 0 && errno != ENOENT)
        return key_file_refuse_errno(d, NEW_FILE, "can't be removed");
    const int r = key_file_write(d, NEW_FILE, bytes);
    if (r != 0)
        return r;
    if (renameat(d->fd, NEW_FILE, d->fd, name) != 0)
        return key_file_refuse_errno(d, name, "can't be replaced");
    return key_dir_sync(d, name);
}

static int put_new_key(char kid[AUTH_KID_SIZE], const struct key_dir *d, struct rand *rand)
{
    struct auth_signer signer;
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, rand);
    int r = auth_signer_init(&signer, buf_str(&pem));
    assert(r == 0);
    memcpy(kid, signer.kid, AUTH_KID_SIZE);
    auth_signer_fini(&signer);
    r = put(d, KEYS_OWN_FILE, buf_str(&pem));
    secret_buf_fini(&pem);
    return r;
}

static int drop(const struct key_dir *d, const char *name)
{
    if (unlinkat(d->fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    return key_file_refuse_errno(d, name, "can't be removed");
}

static int drop_all(const struct key_dir *d, const struct names *names)
{
    int r = 0;

    for (int i = 0; i < names->n && r == 0; i++)
        r = drop(d, names->all[i]->d_name);
    return r == 0 ? key_dir_sync(d, KEYS_OWN_FILE) : r;
}

struct retiring {
    const struct key_dir *dir;
    const struct names *names;
    struct auth_public key; // that signs
    int64_t unix_ms;
};

/** Is it of the key that signs? A rotation was cut short after it had written that. */
static int is_copy(const struct retiring *t, const char *name, bool *out)
{
    struct auth_public key;
    struct buf pem;

    buf_init(&pem, RETIRED_SIZE);
    const int r = key_file_read(t->dir, name, &retired_kind, &pem);
    *out = r == 0 && auth_public_init(&key, buf_str(&pem)) == 0 &&
           strcmp(key.kid, t->key.kid) == 0;
    secret_buf_fini(&pem);
    return r;
}

static int refuse_one_more(const struct retiring *t, const char *oldest)
{
    static_assert(AUTH_RETIRED_MAX == 8, "as said");
    fprintf(stderr,
            "parley: %s has 8 retired keys of which tokens may still be good, and no more are "
            "kept. The oldest goes in %lld days. --drop-old makes a new key now, and refuses "
            "all tokens of the old ones.\n",
            t->dir->path, (long long)((until_ms(oldest) - t->unix_ms + DAY_MS - 1) / DAY_MS));
    return KEY_FILE_UNUSABLE;
}

/** Remove those that do not count, and see that there is room for one more. */
static int make_room(const struct retiring *t)
{
    const char *oldest = NULL;
    size_t n = 0;
    int r = 0;

    for (int i = 0; i < t->names->n && r == 0; i++) {
        const char *name = t->names->all[i]->d_name;
        bool is_over = until_ms(name) <= t->unix_ms;
        if (!is_over)
            r = is_copy(t, name, &is_over);
        if (r == 0 && is_over) {
            r = drop(t->dir, name);
        } else {
            oldest = name;
            n++;
        }
    }
    return r == 0 && n >= AUTH_RETIRED_MAX ? refuse_one_more(t, oldest) : r;
}

/** In two rotations of a second the later one is said to be of the next. */
static void name_retired(char out[NAME_SIZE], const struct retiring *t)
{
    int64_t at = t->unix_ms / 1000;

    for (int i = t->names->n - 1; i >= 0; i--) { // oldest first
        if (retired_at(t->names->all[i]->d_name) == at)
            at++;
    }
    snprintf(out, NAME_SIZE, NAME_PREFIX "%lld" NAME_SUFFIX, (long long)at);
}

static void print_public(struct buf *out, str pem)
{
    struct crypto_ed25519 key;

    const int r = crypto_ed25519_parse(&key, pem);
    assert(r == 0);
    (void)r;
    crypto_ed25519_print_public(out, &key);
    crypto_ed25519_fini(&key);
}

/** @param pem  the key that signs */
static int retire_key(struct retiring *t, str pem)
{
    char name[NAME_SIZE];
    struct buf copy;

    int r = auth_public_init(&t->key, pem);
    assert(r == 0);
    r = make_room(t);
    if (r != 0)
        return r;
    name_retired(name, t);
    buf_init(&copy, RETIRED_SIZE);
    print_public(&copy, pem);
    r = put(t->dir, name, buf_str(&copy));
    buf_fini(&copy);
    return r;
}

static int retire(const struct key_dir *d, const struct names *names, int64_t unix_ms)
{
    struct retiring retiring = {.dir = d, .names = names, .unix_ms = unix_ms};
    struct buf pem;

    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    int r = key_file_read(d, KEYS_OWN_FILE, &keys_own_kind, &pem);
    if (r == 0)
        r = retire_key(&retiring, buf_str(&pem));
    secret_buf_fini(&pem);
    return r;
}

/** The old keys first: when the new one is there, none of those to be dropped counts. */
static int replace(char kid[AUTH_KID_SIZE], const struct key_dir *d, const struct names *names,
                   const struct rotation *how)
{
    const int r = how->drops_old ? drop_all(d, names) : retire(d, names, how->unix_ms);

    return r == 0 ? put_new_key(kid, d, how->rand) : r;
}

/** A directory without a key is another one than was meant. */
static int check_dir(const struct key_dir *d)
{
    if (faccessat(d->fd, KEYS_OWN_FILE, F_OK, 0) == 0)
        return 0;
    return key_file_refuse(d, KEYS_OWN_FILE,
                           "is not there: nothing to rotate. --data names the server's data "
                           "directory; its key is made at the server's first start.");
}

static int rotate(char kid[AUTH_KID_SIZE], const struct key_dir *d, const struct rotation *how)
{
    struct names names;

    if (flock(d->fd, LOCK_EX) != 0) // until d is closed: another rotation has its turn
        return key_file_refuse_errno(d, "", "can't be locked");
    int r = check_dir(d);
    if (r == 0)
        r = names_init(&names, d);
    if (r != 0)
        return r;
    r = replace(kid, d, &names, how);
    names_fini(&names);
    return r;
}

int rotation_make(char kid[AUTH_KID_SIZE], const struct rotation *how)
{
    struct key_dir d;
    int r = key_dir_find(&d, how->dir);

    if (r == 0)
        r = rotate(kid, &d, how);
    key_dir_close(&d);
    return r == 0 ? 0 : ROTATION_REFUSED;
}
