/**
 * migrate-fill DIR MESSAGES SEED: a data directory as a server would have it after some time,
 * by chance: messages as they are sent, receipts, blocks, sessions and files.
 */
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "chat/uploads.h"
#include "crypto/digest.h"
#include "io/loop.h"
#include "store/front.h"
#include "store/sqlite.h"

#define NOW    INT64_C(1700000000000)
#define UNDER  4000 // operations under way
#define PEERS  16   // of an account
#define FILES  200  // messages for one with a file
#define DAY_MS 86400000
#define MIB    1048576

struct chance {
    struct rand rand;
    uint64_t state; // xorshift64*
};

struct fill {
    struct loop *loop;
    struct store *store;
    struct chance chance;
    uint64_t n;          // messages
    uint64_t n_accounts; // that write
    uint64_t under_way;
    uint64_t n_stored;
    uint64_t n_refused;
};

static uint64_t next(struct chance *c)
{
    c->state ^= c->state >> 12;
    c->state ^= c->state << 25;
    c->state ^= c->state >> 27;
    return c->state * UINT64_C(2685821657736338717);
}

static void chance_bytes(struct rand *r, void *out, size_t n)
{
    struct chance *c = container_of(r, struct chance, rand);

    for (size_t i = 0; i < n; i++)
        ((uint8_t *)out)[i] = (uint8_t)(next(c) >> 56);
}

static uint64_t below(struct fill *f, uint64_t n)
{
    return next(&f->chance) % n;
}

/** In no order of theirs: addresses are hashes. */
static account who(uint64_t i)
{
    account a = {.len = i % 4 == 0 ? ACCOUNT_SOLANA_SIZE : ACCOUNT_EVM_SIZE};
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256(digest, (str){(const char *)&i, sizeof(i)});
    a.bytes[0] = i % 4 == 0 ? ACCOUNT_SOLANA : ACCOUNT_EVM;
    memcpy(a.bytes + 9, digest, a.len - 9U < sizeof(digest) ? a.len - 9U : sizeof(digest));
    return a;
}

static void digest_of(uint8_t out[CHAT_DIGEST_SIZE], const struct store_append *a)
{
    struct crypto_sha256 *h = crypto_sha256_new();
    const uint64_t reply_to = htobe64(a->reply_to);
    uint8_t digest[CRYPTO_SHA256_SIZE];

    crypto_sha256_add(h, a->type);
    crypto_sha256_add(h, STR("\0"));
    crypto_sha256_add(h, (str){(const char *)&reply_to, sizeof(reply_to)});
    crypto_sha256_add(h, a->content);
    crypto_sha256_end(h, digest);
    memcpy(out, digest, CHAT_DIGEST_SIZE);
    crypto_sha256_free(h);
}

// Answers.

static void done(struct fill *f, int r)
{
    f->under_way--;
    f->n_refused += r != 0;
}

static void on_append(void *arg, int r, const struct store_appended *a)
{
    struct fill *f = arg;

    (void)a;
    f->n_stored += r == 0;
    done(f, r);
}

static void on_receipt(void *arg, int r, const struct store_receipted *a)
{
    (void)a;
    done(arg, r);
}

static void on_contact(void *arg, int r, const struct store_contacted *c)
{
    (void)c;
    done(arg, r);
}

static void on_seen(void *arg, int r)
{
    done(arg, r);
}

static void on_begun(void *arg, int r, const struct auth_store_begun *b)
{
    (void)b;
    done(arg, r);
}

static void on_ended(void *arg, int r, size_t n)
{
    (void)n;
    done(arg, r);
}

static void on_created(void *arg, int r, int64_t retry_after_ms)
{
    (void)retry_after_ms;
    done(arg, r);
}

static void on_settled(void *arg, int r, enum upload_state state)
{
    (void)state;
    done(arg, r);
}

static void await(struct fill *f, uint64_t most)
{
    while (f->under_way > most)
        loop_run_once(f->loop);
}

// What there is.

static void name_of(char out[32], uint64_t i)
{
    snprintf(out, 32, "file-%012llx", (unsigned long long)i);
}

/** A file, which the next message of its owner has, or none ever. */
static void announce(struct fill *f, uint64_t i, const account *owner)
{
    char id[32];

    name_of(id, i);
    const struct uploads_create create = {
        .upload = {.id = str_of(id),
                   .owner = *owner,
                   .name = STR("a picture.png"),
                   .mime = STR("image/png"),
                   .size = 1 + below(f, MIB),
                   .has_sha256 = below(f, 2) == 0,
                   .sha256 = {(uint8_t)i}},
        .now_ms = NOW,
        .until_ms = NOW + DAY_MS,
        .quota_bytes = UINT64_C(1) << 40,
        .quota_ms = DAY_MS,
        .max_pending = 1000,
    };
    const struct uploads_settle settle = {
        .id = str_of(id), .state = UPLOAD_ACCEPTED, .until_ms = NOW + DAY_MS};

    f->under_way++;
    uploads_create(store_front_uploads(f->store), &create, on_created, f);
    if (below(f, 10) == 0)
        return;
    f->under_way++;
    uploads_settle(store_front_uploads(f->store), &settle, on_settled, f);
    await(f, 0); // an append is of another port
}

static void send(struct fill *f, uint64_t i, const account *from, const account *to)
{
    char content[600];
    char key[24];
    char id[32] = "";
    const int filler = (int)below(f, below(f, 8) == 0 ? 400 : 60);

    if (i % FILES == 0) {
        announce(f, i, from);
        name_of(id, i);
    }
    snprintf(key, sizeof(key), "%016llx", (unsigned long long)next(&f->chance));
    snprintf(
        content, sizeof(content), "\"%llu \xc3\xa4 %.*s\"", (unsigned long long)i, filler,
        "the quick brown fox jumps over the lazy dog, and then once more: the quick brown "
        "fox jumps over the lazy dog, and then once more: the quick brown fox jumps over "
        "the lazy dog, and then once more: the quick brown fox jumps over the lazy dog, and "
        "then once more: the quick brown fox jumps over the lazy dog, and then once more.");
    struct store_append a = {.from = *from,
                             .to = *to,
                             .type = STR("text"),
                             .content = str_of(content),
                             .key = str_of(key),
                             .upload =
                                 i % FILES == 0 && below(f, 3) > 0 ? str_of(id) : (str){0},
                             .reply_to = below(f, 20) == 0,
                             .now_ms = NOW + (int64_t)i};
    digest_of(a.digest, &a);
    f->under_way++;
    store_append(f->store, &a, on_append, f);
}

static void look(struct fill *f, uint64_t i, const account *by, const account *peer)
{
    const struct store_receipt receipt = {.by = *by,
                                          .place.peer = *peer,
                                          .delivered_seq = 1 + below(f, 12),
                                          .read_seq = below(f, 3) == 0 ? 1 + below(f, 8) : 0,
                                          .now_ms = NOW + (int64_t)i};
    const struct store_contact contact = {.by = *by,
                                          .place.peer = *peer,
                                          .what = below(f, 2)   ? CHAT_BLOCK
                                                  : below(f, 3) ? CHAT_UNBLOCK
                                                                : CHAT_ACCEPT,
                                          .now_ms = NOW + (int64_t)i};

    if (below(f, 2)) {
        f->under_way++;
        store_receipt(f->store, &receipt, on_receipt, f);
    }
    if (below(f, 60) == 0) {
        f->under_way++;
        store_contact(f->store, &contact, on_contact, f);
    }
    if (below(f, 30) == 0) {
        f->under_way++;
        store_seen(f->store, by, NOW + (int64_t)i, on_seen, f);
    }
}

static void sign_in(struct fill *f, uint64_t i, const account *a)
{
    char session[32];
    char nonce[32];

    snprintf(session, sizeof(session), "session-%012llx", (unsigned long long)i);
    snprintf(nonce, sizeof(nonce), "nonce-%012llx", (unsigned long long)i);
    const struct auth_store_begin begin = {
        .account = *a,
        .session = str_of(session),
        .nonce = str_of(nonce),
        .nonce_until_ms = NOW + DAY_MS,
        .now_ms = NOW,
        .expires_at_ms = NOW + 30 * (int64_t)DAY_MS,
        .revoked_until_ms = NOW + DAY_MS,
        .proof = {.chain = below(f, 5) == 0, .signature = STR("signature")},
    };
    const struct auth_store_end end = {.session = below(f, 2) ? str_of(session) : (str){0},
                                       .account = *a,
                                       .now_ms = NOW,
                                       .until_ms = NOW + DAY_MS};

    f->under_way++;
    auth_store_begin(store_front_auth(f->store), &begin, on_begun, f);
    if (below(f, 6) > 0)
        return;
    f->under_way++;
    auth_store_end(store_front_auth(f->store), &end, on_ended, f);
}

static void fill(struct fill *f)
{
    for (uint64_t i = 0; i < f->n; i++) {
        const uint64_t from = below(f, f->n_accounts);
        const uint64_t to = (from + 1 + below(f, PEERS / 2)) % f->n_accounts;
        const account a = who(from);
        const account b = who(to);
        const bool is_turned = below(f, 2);
        send(f, i, is_turned ? &b : &a, is_turned ? &a : &b);
        look(f, i, is_turned ? &a : &b, is_turned ? &b : &a);
        if (below(f, 100) == 0)
            sign_in(f, i, &a);
        await(f, UNDER);
    }
    await(f, 0);
}

static int run(struct fill *f, const char *dir)
{
    const struct store_limits limits = {
        .accepted = {.messages = 1000000, .bytes = UINT64_C(1) << 40},
        .stranger = {.messages = 1000000, .bytes = UINT64_C(1) << 40},
        .mailbox = 100000000};
    const struct store_sqlite_config config = {
        .dir = dir, .limits = limits, .rand = &f->chance.rand};

    if ((mkdir(dir, 0700) != 0 && errno != EEXIST) || loop_new(&f->loop) != 0 ||
        store_sqlite_open(&f->store, f->loop, &config) != 0)
        return 1;
    fill(f);
    store_free(f->store);
    loop_free(f->loop);
    printf("%llu messages, %llu refused\n", (unsigned long long)f->n_stored,
           (unsigned long long)f->n_refused);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "usage: migrate-fill DIR MESSAGES SEED\n");
        return 2;
    }
    struct fill f = {.n = strtoull(argv[2], NULL, 10)};
    f.chance =
        (struct chance){.rand.bytes = chance_bytes, .state = 1 + strtoull(argv[3], NULL, 10)};
    f.n_accounts = f.n / 100 + PEERS;
    return run(&f, argv[1]);
}
