#include "server/keys.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/secret.h"

#define HEX_SIZE  (2 * AUTH_KEY_SIZE + 1) // bytes of a file of hex digits
#define NAME_SIZE (32 + RAND_NAME_SIZE)

/** A secret that is made by chance where there is none. */
struct kind {
    const char *file;
    const struct key_kind *kind;
    void (*make)(struct buf *out, struct rand *rand);
};

static bool is_own_key(str pem)
{
    struct crypto_ed25519 key;
    const int r = crypto_ed25519_parse(&key, pem);

    crypto_ed25519_fini(&key);
    return r == 0;
}

const struct key_kind keys_own_kind = {
    .size = AUTH_OWN_KEY_SIZE,
    .closed = 077,
    .is_good = is_own_key,
    .form = "private Ed25519 key in PEM",
    .access = "read",
    .abuse = "make tokens for any account",
    .renewed = "a new key is made, and tokens of the old one are refused",
};

/** Hex digits, and a newline. */
static bool is_hex(str bytes)
{
    if (bytes.len != HEX_SIZE || bytes.ptr[HEX_SIZE - 1] != '\n')
        return false;
    for (size_t i = 0; i < HEX_SIZE - 1; i++) {
        if (hex_value(bytes.ptr[i]) < 0)
            return false;
    }
    return true;
}

static void add_hex(struct buf *out, const uint8_t bytes[AUTH_KEY_SIZE])
{
    char *room = buf_room(out, HEX_SIZE);

    assert(room);
    *hex_encode(room, bytes, AUTH_KEY_SIZE) = '\n';
    buf_added(out, HEX_SIZE);
}

static void make_hex(struct buf *out, struct rand *rand)
{
    uint8_t bytes[AUTH_KEY_SIZE];

    rand_bytes(rand, bytes, sizeof(bytes));
    add_hex(out, bytes);
    crypto_wipe(bytes, sizeof(bytes));
}

static const struct key_kind sign_in_kind = {
    .size = HEX_SIZE,
    .closed = 077,
    .is_good = is_hex,
    .form = "key of 64 hex digits",
    .access = "read",
    .abuse = "go on with anybody's session",
    .renewed = "a new key is made, and everybody signs in anew",
};

static const struct key_kind media_kind = {
    .size = HEX_SIZE,
    .closed = 077,
    .is_good = is_hex,
    .form = "key of 64 hex digits",
    .access = "read",
    .abuse = "get and put any file",
    .renewed = "a new key is made, and links that are out are refused",
};

#define DEMO_SIZE ((size_t)KEYS_DEMO_WALLETS * HEX_SIZE)

/** Is this the text of so many keys, of as many wallets? */
static bool parse_demo(struct keys_demo *out, str text)
{
    static_assert(CRYPTO_WALLET_KEY_SIZE == AUTH_KEY_SIZE, "a line of each has as many digits");
    static_assert(KEYS_DEMO_WALLETS == 2, "each differs from each other");
    uint8_t unused[CRYPTO_ADDRESS_SIZE];

    if (text.len != DEMO_SIZE)
        return false;
    for (size_t i = 0; i < KEYS_DEMO_WALLETS; i++) {
        str line = str_take(&text, HEX_SIZE);
        if (!is_hex(line) || hex_decode(out->keys[i], str_take(&line, HEX_SIZE - 1)) != 0 ||
            crypto_secp256k1_address(unused, out->keys[i]) != 0)
            return false;
    }
    return !crypto_equal(out->keys[0], out->keys[1], CRYPTO_WALLET_KEY_SIZE);
}

static bool is_demo(str text)
{
    struct keys_demo keys;
    const bool is = parse_demo(&keys, text);

    crypto_wipe(&keys, sizeof(keys));
    return is;
}

static void make_wallet_key(uint8_t key[CRYPTO_WALLET_KEY_SIZE], struct rand *rand)
{
    uint8_t unused[CRYPTO_ADDRESS_SIZE];

    do { // hardly ever more than once: almost each number is a key
        rand_bytes(rand, key, CRYPTO_WALLET_KEY_SIZE);
    } while (crypto_secp256k1_address(unused, key) != 0);
}

static void make_demo(struct buf *out, struct rand *rand)
{
    uint8_t key[CRYPTO_WALLET_KEY_SIZE];
    const char *room = buf_room(out, DEMO_SIZE); // at once: no copy is left where it grew

    assert(room);
    (void)room;
    for (size_t i = 0; i < KEYS_DEMO_WALLETS; i++) {
        make_wallet_key(key, rand);
        add_hex(out, key);
    }
    crypto_wipe(key, sizeof(key));
}

static const struct key_kind demo_kind = {
    .size = DEMO_SIZE,
    .closed = 077,
    .is_good = is_demo,
    .form = "pair of keys of 64 hex digits, one a line",
    .access = "read",
    .abuse = "be the wallets of the demo",
    .renewed = "new wallets are made",
};

/** Under its name there never is half a key, nor another than the first. */
static int make_key(const struct key_dir *d, const struct kind *k, struct rand *rand)
{
    char random[RAND_NAME_SIZE];
    char name[NAME_SIZE];
    struct buf key;

    rand_name(rand, random);
    snprintf(name, sizeof(name), "%s.%s", k->file, random);
    buf_init(&key, k->kind->size);
    k->make(&key, rand);
    int r = key_file_write(d, name, buf_str(&key));
    secret_buf_fini(&key);
    if (r == 0 && linkat(d->fd, name, d->fd, k->file, 0) != 0 && errno != EEXIST)
        r = key_file_refuse_errno(d, k->file, "can't be made");
    unlinkat(d->fd, name, 0);
    return r == 0 ? key_dir_sync(d, k->file) : r;
}

static int get_key(const struct key_dir *d, const struct kind *k, struct buf *out,
                   struct rand *rand)
{
    int r = key_file_read(d, k->file, k->kind, out);

    if (r != KEY_FILE_ABSENT)
        return r;
    r = make_key(d, k, rand);
    if (r == 0)
        r = key_file_read(d, k->file, k->kind, out);
    return r == KEY_FILE_ABSENT ? key_file_refuse(d, k->file, "was made, and is gone again")
                                : r;
}

/** Another node has made it, or an operator. */
static int get_shared_key(const struct key_dir *d, const struct kind *k, struct buf *out)
{
    const int r = key_file_read(d, k->file, k->kind, out);

    if (r == KEY_FILE_ABSENT) {
        fprintf(stderr,
                "parley: put %s into '%s': nodes have one for all. 'parley make-keys --keys "
                "DIR' makes a directory with all that there is, to be copied to each node\n",
                k->file, d->path);
    }
    return r;
}

/** @param rand  NULL: none is made */
static int find(struct buf *out, const struct kind *k, str dir, struct rand *rand)
{
    struct key_dir d;
    int r = rand ? key_dir_open(&d, dir) : key_dir_find(&d, dir);

    if (r == 0)
        r = rand ? get_key(&d, k, out, rand) : get_shared_key(&d, k, out);
    key_dir_close(&d);
    return r == 0 ? 0 : KEYS_UNUSABLE;
}

int keys_own(struct buf *pem, str dir, struct rand *rand)
{
    static const struct kind own = {KEYS_OWN_FILE, &keys_own_kind, auth_own_key_new};

    return find(pem, &own, dir, rand);
}

static void derive(uint8_t out[AUTH_KEY_SIZE], str key, const char *what)
{
    static_assert(AUTH_KEY_SIZE == CRYPTO_SHA256_SIZE, "");
    crypto_hmac_sha256(out, key, str_of(what));
}

int keys_sign_in(struct keys_sign_in *out, str dir, struct rand *rand)
{
    static const struct kind sign_in = {KEYS_SIGN_IN_FILE, &sign_in_kind, make_hex};
    uint8_t between[AUTH_KEY_SIZE];
    struct buf text;

    buf_init(&text, HEX_SIZE);
    const int r = find(&text, &sign_in, dir, rand);
    if (r == 0) {
        derive(out->nonce, buf_str(&text), "nonce");
        derive(out->refresh, buf_str(&text), "refresh");
        derive(between, buf_str(&text), "nodes");
        *hex_encode(out->nodes, between, sizeof(between)) = '\0';
        crypto_wipe(between, sizeof(between));
    }
    secret_buf_fini(&text);
    return r;
}

int keys_media(char out[KEYS_MEDIA_SIZE], str dir, struct rand *rand)
{
    static const struct kind media = {KEYS_MEDIA_FILE, &media_kind, make_hex};
    struct buf text;

    buf_init(&text, HEX_SIZE);
    const int r = find(&text, &media, dir, rand);
    if (r == 0) {
        str_copy(out, buf_str(&text));
        out[KEYS_MEDIA_SIZE - 1] = '\0'; // where the newline is
    }
    secret_buf_fini(&text);
    return r;
}

int keys_demo(struct keys_demo *out, str dir, struct rand *rand)
{
    static const struct kind demo = {KEYS_DEMO_FILE, &demo_kind, make_demo};
    struct buf text;

    buf_init(&text, DEMO_SIZE);
    const int r = find(&text, &demo, dir, rand);
    if (r == 0) {
        const bool is_parsed = parse_demo(out, buf_str(&text));
        assert(is_parsed); // or find() had refused it
        (void)is_parsed;
    }
    secret_buf_fini(&text);
    return r;
}
