#include <fcntl.h>
#include <sys/wait.h>

#include "auth/auth.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "server/keys.h"
#include "support/folder.h"
#include "support/own_key.h"
#include "support/said.h"

struct world {
    struct folder folder;
    char data[512]; // not made yet
    char file[512];
    struct buf pem;
    struct said said;
};

static int setup(void **state)
{
    static struct world w;
    folder_make(&w.folder);
    folder_path(w.data, &w.folder, "data");
    folder_path(w.file, &w.folder, "data/" KEYS_OWN_FILE);
    buf_init(&w.pem, AUTH_OWN_KEY_SIZE);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    secret_buf_fini(&w->pem);
    said_free(&w->said);
    w->said = (struct said){0};
    folder_remove(&w->folder);
    return 0;
}

/** keys_own(), and what it said. */
static int own_in(struct world *w, const char *dir)
{
    said_free(&w->said);
    buf_clear(&w->pem);
    said_start(&w->said);
    const int r = keys_own(&w->pem, str_of(dir), crypto_random());
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static int own(struct world *w)
{
    return own_in(w, w->data);
}

static unsigned mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(stat(path, &st), 0);
    return st.st_mode & 0777;
}

static void put(const struct world *w, str bytes, mode_t mode)
{
    const int fd = open(w->file, O_WRONLY | O_CREAT | O_TRUNC, mode);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes.ptr, bytes.len), bytes.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static void makes_a_key_that_nobody_else_may_read(void **state)
{
    struct world *w = *state;
    struct auth *a = auth_new(1);

    assert_int_equal(own(w), 0);
    assert_int_equal(mode_of(w->data), 0700);
    assert_int_equal(mode_of(w->file), 0600);
    assert_int_equal(folder_count(w->data), 1);
    assert_int_equal(set_own_key(a, buf_str(&w->pem)), 0);
    auth_free(a);
}

static void the_next_start_finds_the_same(void **state)
{
    struct world *w = *state;
    char first[AUTH_OWN_KEY_SIZE];

    assert_int_equal(own(w), 0);
    const str made = str_copy(first, buf_str(&w->pem));
    assert_int_equal(own(w), 0);
    expect_str("the key", buf_str(&w->pem), made);
}

static void two_folders_have_two_keys(void **state)
{
    struct world *w = *state;
    char first[AUTH_OWN_KEY_SIZE];

    assert_int_equal(own(w), 0);
    const str made = str_copy(first, buf_str(&w->pem));
    assert_int_equal(own_in(w, w->folder.path), 0);
    assert_false(str_eq(buf_str(&w->pem), made));
}

/** A process of its own makes or finds the key, and tells it. */
static pid_t start_one(const struct world *w, int out, const int gate[2])
{
    const pid_t child = fork();

    assert_true(child >= 0);
    if (child > 0)
        return child;
    struct buf pem;
    char go;
    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    close(gate[1]); // it opens when the last one who holds this end lets go
    if (read(gate[0], &go, 1) != 0 || keys_own(&pem, str_of(w->data), crypto_random()) != 0)
        _exit(1);
    const str s = buf_str(&pem);
    _exit(write(out, s.ptr, s.len) != (ssize_t)s.len);
}

static void starts_at_once_end_with_one_key(void **state)
{
    enum {
        N_STARTS = 8
    };
    struct world *w = *state;
    int gate[2];
    int answers[N_STARTS];
    pid_t children[N_STARTS];

    assert_int_equal(pipe(gate), 0);
    for (size_t i = 0; i < N_STARTS; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        answers[i] = ends[0];
        children[i] = start_one(w, ends[1], gate);
        close(ends[1]);
    }
    close(gate[1]);
    for (size_t i = 0; i < N_STARTS; i++) {
        char pem[AUTH_OWN_KEY_SIZE];
        int status = 0;
        const ssize_t n = read(answers[i], pem, sizeof(pem));
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
        close(answers[i]);
        assert_int_equal(own(w), 0);
        expect_str("the key of a start", ((str){pem, (size_t)n}), buf_str(&w->pem));
    }
    close(gate[0]);
    assert_int_equal(folder_count(w->data), 1);
}

static void a_key_that_others_may_read_is_refused(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0777};
    struct world *w = *state;

    assert_int_equal(own(w), 0);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        assert_int_equal(chmod(w->file, modes[i]), 0);
        assert_int_equal(own(w), KEYS_UNUSABLE);
        expect_in("what to do", w->said.err, "chmod 600");
        assert_int_equal(w->pem.len, 0);
    }
    assert_int_equal(chmod(w->file, 0400), 0);
    assert_int_equal(own(w), 0);
}

static void a_file_that_is_no_key_of_ours_is_refused(void **state)
{
    static const str rows[] = {
        STR(""),
        STR("x\n"),
        STR("-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIKq/\n"),
        STR("-----BEGIN PUBLIC KEY-----\n"
            "MCowBQYDK2VwAyEAfU0Of2FTpptiQrUiq77mhf2kQg+INLEIw72uNp71Sfo=\n"
            "-----END PUBLIC KEY-----\n"),
        // an EC key, made for this line
        STR("-----BEGIN PRIVATE KEY-----\n"
            "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg73qhTchBOzwN7YeW\n"
            "uueCXQqBNtsWPFK2+/Nz8kNQVXGhRANCAARy4wbrVardbv12OsZa2TLhScEdYlOI\n"
            "kFG0cQ5sLmB5XeT6pbmKEcuoDxCzmno9/QM/ppxOOA/Kr62nXX5qC5IG\n"
            "-----END PRIVATE KEY-----\n"),
    };
    struct world *w = *state;

    assert_int_equal(mkdir(w->data, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        put(w, rows[i], 0600);
        expect_int(rows[i].ptr, own(w), KEYS_UNUSABLE);
        expect_in(rows[i].ptr, w->said.err, "remove it: a new key is made");
    }
}

static void what_is_behind_a_key_does_not_matter(void **state)
{
    struct world *w = *state;
    char text[2 * AUTH_OWN_KEY_SIZE];

    assert_int_equal(own(w), 0);
    const size_t n = str_copy(text, buf_str(&w->pem)).len;
    memset(text + n, '\n', sizeof(text) - n);
    put(w, (str){text, sizeof(text)}, 0600);
    assert_int_equal(own(w), 0);
}

static void says_where_a_key_can_not_be(void **state)
{
    struct world *w = *state;
    char path[512];

    assert_int_equal(own_in(w, folder_path(path, &w->folder, "no/such")), KEYS_UNUSABLE);
    expect_in("no parent", w->said.err, "can't be made: No such file or directory");
    expect_in("what to do", w->said.err, "--data names another");
    assert_int_equal(own_in(w, ""), KEYS_UNUSABLE);

    assert_int_equal(mkdir(w->data, 0700), 0);
    assert_int_equal(mkdir(w->file, 0700), 0);
    assert_int_equal(own(w), KEYS_UNUSABLE);
    expect_in("a folder", w->said.err, "is no file");

    assert_int_equal(rmdir(w->file), 0);
    put(w, STR("x"), 0600);
    assert_int_equal(own_in(w, w->file), KEYS_UNUSABLE);
    expect_in("a file for a folder", w->said.err, "can't be opened: Not a directory");

    assert_int_equal(unlink(w->file), 0);
    assert_int_equal(symlink("nowhere", w->file), 0); // a name that is taken, and leads nowhere
    assert_int_equal(own(w), KEYS_UNUSABLE);
    expect_in("a link", w->said.err, "is gone again");

    assert_int_equal(unlink(w->file), 0);
    assert_int_equal(symlink(KEYS_OWN_FILE, w->file), 0);
    assert_int_equal(own(w), KEYS_UNUSABLE);
    expect_in("a loop", w->said.err, "can't be opened: Too many levels");
    assert_int_equal(folder_count(w->data), 1);
}

// The key of nonces and refresh tokens.

/** keys_sign_in() in this folder, and what it said. */
static int sign_in_keys(struct world *w, const char *dir, struct keys_sign_in *out)
{
    said_free(&w->said);
    said_start(&w->said);
    const int r = keys_sign_in(out, str_of(dir), crypto_random());
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static bool is_same(const struct keys_sign_in *a, const struct keys_sign_in *b)
{
    return memcmp(a->nonce, b->nonce, AUTH_KEY_SIZE) == 0 &&
           memcmp(a->refresh, b->refresh, AUTH_KEY_SIZE) == 0;
}

static int setup_sign_in(void **state)
{
    struct world *w;

    setup((void **)&w);
    folder_path(w->file, &w->folder, "data/" KEYS_SIGN_IN_FILE);
    *state = w;
    return 0;
}

static void makes_a_key_to_sign_in_with_once(void **state)
{
    struct world *w = *state;
    struct keys_sign_in first;
    struct keys_sign_in again;
    struct keys_sign_in other;

    assert_int_equal(sign_in_keys(w, w->data, &first), 0);
    assert_int_equal(mode_of(w->data), 0700);
    assert_int_equal(mode_of(w->file), 0600);
    assert_int_equal(folder_count(w->data), 1);
    assert_int_equal(sign_in_keys(w, w->data, &again), 0);
    assert_true(is_same(&first, &again));
    assert_int_equal(sign_in_keys(w, w->folder.path, &other), 0);
    assert_memory_not_equal(first.nonce, other.nonce, AUTH_KEY_SIZE);
    assert_memory_not_equal(first.refresh, other.refresh, AUTH_KEY_SIZE);
    assert_memory_not_equal(first.nonce, first.refresh, AUTH_KEY_SIZE);
    assert_int_equal(own(w), 0); // beside it
    assert_int_equal(folder_count(w->data), 2);
}

/** A backup of today must make tomorrow's server take the tokens of today. */
static void a_key_gives_the_same_three_for_ever(void **state)
{
    // HMAC-SHA256 of "nodes", "nonce" and "refresh" with the file's bytes
    static const char nodes[] =
        "5c863d408b4992971df6f50b65605c5b"
        "45ec35c637f36558f19462c56b4f95f9";
    static const uint8_t nonce[] = {0xbc, 0xac, 0x8f, 0x2a, 0x9c, 0xd3, 0x16, 0x5f,
                                    0xab, 0x0e, 0x25, 0xe8, 0xd6, 0x35, 0x75, 0x12,
                                    0x21, 0xdd, 0xfc, 0x8b, 0xe0, 0x88, 0x1a, 0xe0,
                                    0x8c, 0xcc, 0xe9, 0x66, 0xae, 0x2f, 0x4e, 0xcb};
    static const uint8_t refresh[] = {0x4f, 0xfc, 0xd9, 0x8a, 0x5d, 0x17, 0xe5, 0x34,
                                      0x1d, 0x7f, 0x0b, 0x1e, 0x2d, 0xaf, 0x99, 0x09,
                                      0x19, 0xa3, 0xff, 0x7c, 0x08, 0xe1, 0x18, 0x23,
                                      0x23, 0x9e, 0x6c, 0x37, 0xcf, 0x79, 0xf1, 0x35};
    struct world *w = *state;
    struct keys_sign_in keys;

    assert_int_equal(mkdir(w->data, 0700), 0);
    put(w, STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"), 0600);
    assert_int_equal(sign_in_keys(w, w->data, &keys), 0);
    assert_memory_equal(keys.nonce, nonce, AUTH_KEY_SIZE);
    assert_memory_equal(keys.refresh, refresh, AUTH_KEY_SIZE);
    assert_string_equal(keys.nodes, nodes);
}

/** A process of its own makes or finds them, and tells them. */
static pid_t start_one_to_sign_in(const struct world *w, int out, const int gate[2])
{
    const pid_t child = fork();
    struct keys_sign_in keys;
    char go;

    assert_true(child >= 0);
    if (child > 0)
        return child;
    close(gate[1]);
    if (read(gate[0], &go, 1) != 0 ||
        keys_sign_in(&keys, str_of(w->data), crypto_random()) != 0)
        _exit(1);
    _exit(write(out, &keys, sizeof(keys)) != (ssize_t)sizeof(keys));
}

static void starts_at_once_sign_in_with_one_key(void **state)
{
    enum {
        N_STARTS = 8
    };
    struct world *w = *state;
    struct keys_sign_in want;
    int gate[2];
    int ends[2];
    pid_t children[N_STARTS];

    assert_int_equal(pipe(gate), 0);
    assert_int_equal(pipe(ends), 0);
    for (size_t i = 0; i < N_STARTS; i++)
        children[i] = start_one_to_sign_in(w, ends[1], gate);
    close(gate[1]);
    for (size_t i = 0; i < N_STARTS; i++) {
        int status = 0;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(sign_in_keys(w, w->data, &want), 0);
    for (size_t i = 0; i < N_STARTS; i++) {
        struct keys_sign_in keys;
        assert_int_equal(read(ends[0], &keys, sizeof(keys)), sizeof(keys));
        assert_true(is_same(&keys, &want));
    }
    close(gate[0]);
    close(ends[0]);
    close(ends[1]);
    assert_int_equal(folder_count(w->data), 1);
}

static void a_key_to_sign_in_with_is_nobody_elses(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0602, 0610, 0777};
    struct world *w = *state;
    struct keys_sign_in keys;

    assert_int_equal(sign_in_keys(w, w->data, &keys), 0);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        assert_int_equal(chmod(w->file, modes[i]), 0);
        assert_int_equal(sign_in_keys(w, w->data, &keys), KEYS_UNUSABLE);
        expect_in("what to do", w->said.err, "chmod 600");
        expect_in("what it means", w->said.err, "go on with anybody's session");
    }
    assert_int_equal(chmod(w->file, 0400), 0);
    assert_int_equal(sign_in_keys(w, w->data, &keys), 0);
}

#define HEX_63 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1"

static void what_is_no_hex_is_no_key_to_sign_in_with(void **state)
{
    static const struct {
        const char *name;
        str bytes;
        bool is_good;
    } rows[] = {
        {"64 digits", STR(HEX_63 "f\n"), true},
        {"in capitals", STR(HEX_63 "F\n"), true},
        {"a line more", STR(HEX_63 "f\nx\n"), true}, // what is behind a key does not matter
        {"nothing", STR(""), false},
        {"a newline", STR("\n"), false},
        {"no newline", STR(HEX_63 "f"), false},
        {"a digit less", STR(HEX_63 "\n"), false},
        {"a digit more", STR(HEX_63 "f0\n"), false},
        {"a letter that is none", STR(HEX_63 "g\n"), false},
        {"a letter that is none, first", STR("g" HEX_63 "\n"), false},
        {"a blank before it", STR(" " HEX_63 "\n"), false},
        {"of another system", STR(HEX_63 "f\r\n"), false},
        {"a NUL in it", STR(HEX_63 "\0\n"), false},
        {"another key",
         STR("-----BEGIN PRIVATE KEY-----\n"
             "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
             "-----END PRIVATE KEY-----\n"),
         false},
    };
    struct world *w = *state;

    assert_int_equal(mkdir(w->data, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct keys_sign_in keys;
        put(w, rows[i].bytes, 0600);
        expect_int(rows[i].name, sign_in_keys(w, w->data, &keys),
                   rows[i].is_good ? 0 : KEYS_UNUSABLE);
        if (!rows[i].is_good)
            expect_in(rows[i].name, w->said.err, "is no key of 64 hex digits");
    }
}

// The key of links to files.

static int media_key(struct world *w, const char *dir, char out[KEYS_MEDIA_SIZE])
{
    said_free(&w->said);
    said_start(&w->said);
    const int r = keys_media(out, str_of(dir), crypto_random());
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static int setup_media(void **state)
{
    struct world *w;

    setup((void **)&w);
    folder_path(w->file, &w->folder, "data/" KEYS_MEDIA_FILE);
    *state = w;
    return 0;
}

static void a_key_of_links_is_made_once_and_used_as_it_stands(void **state)
{
    struct world *w = *state;
    char first[KEYS_MEDIA_SIZE];
    char again[KEYS_MEDIA_SIZE];
    char other[KEYS_MEDIA_SIZE];

    assert_int_equal(media_key(w, w->data, first), 0);
    assert_int_equal(mode_of(w->file), 0600);
    assert_int_equal(strlen(first), KEYS_MEDIA_SIZE - 1);
    assert_int_equal(media_key(w, w->data, again), 0);
    assert_string_equal(first, again);
    assert_int_equal(media_key(w, w->folder.path, other), 0);
    assert_string_not_equal(first, other);
    assert_int_equal(unlink(w->file), 0);
    put(w, STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"), 0600);
    assert_int_equal(media_key(w, w->data, again), 0);
    assert_string_equal(again,
                        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
    put(w, STR("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e\n"), 0600);
    assert_int_equal(media_key(w, w->data, again), KEYS_UNUSABLE);
    expect_in("what it is not", w->said.err, "is no key of 64 hex digits");
}

// The wallets of the demo.

#define KEY_1 "0000000000000000000000000000000000000000000000000000000000000001\n"
#define KEY_2 "0000000000000000000000000000000000000000000000000000000000000002\n"
#define LAST  "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140\n"
#define ORDER "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141\n"
#define ZERO  "0000000000000000000000000000000000000000000000000000000000000000\n"

static int demo_keys(struct world *w, const char *dir, struct keys_demo *out)
{
    said_free(&w->said);
    said_start(&w->said);
    const int r = keys_demo(out, str_of(dir), crypto_random());
    said_stop(&w->said);
    expect_int("what is said goes with a refusal", w->said.n_err > 0, r != 0);
    return r;
}

static int setup_demo(void **state)
{
    struct world *w;

    setup((void **)&w);
    folder_path(w->file, &w->folder, "data/" KEYS_DEMO_FILE);
    *state = w;
    return 0;
}

static void wallets_of_the_demo_are_made_once(void **state)
{
    struct world *w = *state;
    struct keys_demo first;
    struct keys_demo again;
    struct keys_demo other;

    assert_int_equal(demo_keys(w, w->data, &first), 0);
    assert_int_equal(mode_of(w->data), 0700);
    assert_int_equal(mode_of(w->file), 0600);
    assert_int_equal(folder_count(w->data), 1);
    assert_int_equal(demo_keys(w, w->data, &again), 0);
    assert_memory_equal(&first, &again, sizeof(first));
    assert_memory_not_equal(first.keys[0], first.keys[1], CRYPTO_WALLET_KEY_SIZE);
    assert_int_equal(demo_keys(w, w->folder.path, &other), 0);
    assert_memory_not_equal(first.keys[0], other.keys[0], CRYPTO_WALLET_KEY_SIZE);
    assert_memory_not_equal(first.keys[1], other.keys[1], CRYPTO_WALLET_KEY_SIZE);
}

/** Gives 2^256 - 1 first, which is no key, and then 1 and 2. */
static void give_bad_then_good(struct rand *r, void *out, size_t n)
{
    static unsigned n_given;

    (void)r;
    memset(out, 0, n);
    if (n != CRYPTO_WALLET_KEY_SIZE) {
        memset(out, 'x', n);
    } else if (n_given++ == 0) {
        memset(out, 0xff, n);
    } else {
        ((uint8_t *)out)[n - 1] = (uint8_t)(n_given - 1);
    }
}

static void chance_is_asked_again_for_what_is_no_key(void **state)
{
    struct rand rand = {.bytes = give_bad_then_good};
    struct world *w = *state;
    struct keys_demo keys;

    assert_int_equal(keys_demo(&keys, str_of(w->data), &rand), 0);
    assert_int_equal(keys.keys[0][CRYPTO_WALLET_KEY_SIZE - 1], 1);
    assert_int_equal(keys.keys[1][CRYPTO_WALLET_KEY_SIZE - 1], 2);
}

static void what_is_no_two_keys_is_no_demo(void **state)
{
    static const struct {
        const char *name;
        str bytes;
        bool is_good;
    } rows[] = {
        {"two keys", STR(KEY_1 KEY_2), true},
        {"the largest", STR(KEY_1 LAST), true},
        {"a line more", STR(KEY_1 KEY_2 "x\n"), true}, // what is behind does not matter
        {"nothing", STR(""), false},
        {"one key", STR(KEY_1), false},
        {"twice the same", STR(KEY_1 KEY_1), false},
        {"zero", STR(ZERO KEY_2), false},
        {"zero, second", STR(KEY_1 ZERO), false},
        {"the order", STR(ORDER KEY_2), false},
        {"a digit that is none", STR(KEY_1 HEX_63 "g\n"), false},
        {"a digit less", STR(KEY_1 HEX_63 "\n"), false},
        {"an empty line between", STR(KEY_1 "\n" KEY_2), false},
    };
    struct world *w = *state;

    assert_int_equal(mkdir(w->data, 0700), 0);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct keys_demo keys;
        put(w, rows[i].bytes, 0600);
        expect_int(rows[i].name, demo_keys(w, w->data, &keys),
                   rows[i].is_good ? 0 : KEYS_UNUSABLE);
        if (!rows[i].is_good)
            expect_in(rows[i].name, w->said.err, "remove it: new wallets are made");
    }
    assert_int_equal(chmod(w->file, 0640), 0);
    assert_int_equal(demo_keys(w, w->data, &(struct keys_demo){0}), KEYS_UNUSABLE);
    expect_in("what it means", w->said.err, "be the wallets of the demo");
}

#define TEST(name)         cmocka_unit_test_setup_teardown(name, setup, teardown)
#define TEST_SIGN_IN(name) cmocka_unit_test_setup_teardown(name, setup_sign_in, teardown)
#define TEST_DEMO(name)    cmocka_unit_test_setup_teardown(name, setup_demo, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(makes_a_key_that_nobody_else_may_read),
        TEST(the_next_start_finds_the_same),
        TEST(two_folders_have_two_keys),
        TEST(starts_at_once_end_with_one_key),
        TEST(a_key_that_others_may_read_is_refused),
        TEST(a_file_that_is_no_key_of_ours_is_refused),
        TEST(what_is_behind_a_key_does_not_matter),
        TEST(says_where_a_key_can_not_be),
        TEST_SIGN_IN(makes_a_key_to_sign_in_with_once),
        TEST_SIGN_IN(a_key_gives_the_same_three_for_ever),
        TEST_SIGN_IN(starts_at_once_sign_in_with_one_key),
        TEST_SIGN_IN(a_key_to_sign_in_with_is_nobody_elses),
        TEST_SIGN_IN(what_is_no_hex_is_no_key_to_sign_in_with),
        cmocka_unit_test_setup_teardown(a_key_of_links_is_made_once_and_used_as_it_stands,
                                        setup_media, teardown),
        TEST_DEMO(wallets_of_the_demo_are_made_once),
        TEST_DEMO(chance_is_asked_again_for_what_is_no_key),
        TEST_DEMO(what_is_no_two_keys_is_no_demo),
    };
    return cmocka_run_group_tests_name("server/keys", tests, NULL, NULL);
}
