#include "server/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/hex.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "crypto/ed25519.h"
#include "crypto/secret.h"

#define HEX_SIZE  (2 * AUTH_KEY_SIZE + 1) // bytes of a file of hex digits
#define NAME_SIZE (32 + RAND_NAME_SIZE)

/** A secret, and what to tell the operator of it. */
struct kind {
    const char *file;
    size_t size; // bytes that it takes, at most
    bool (*is_good)(str bytes);
    void (*make)(struct buf *out, struct rand *rand);
    const char *form;    // "is no …"
    const char *abuse;   // what one can do with it
    const char *renewed; // what happens when it is removed
};

struct place {
    const struct kind *kind;
    char *path; // of the directory; owned
    int fd;     // likewise
};

// What there is.

static bool is_own_key(str pem)
{
    struct crypto_ed25519 key;
    const int r = crypto_ed25519_parse(&key, pem);

    crypto_ed25519_fini(&key);
    return r == 0;
}

static const struct kind own_key = {
    .file = KEYS_OWN_FILE,
    .size = AUTH_OWN_KEY_SIZE,
    .is_good = is_own_key,
    .make = auth_own_key_new,
    .form = "private Ed25519 key in PEM",
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

static void make_hex(struct buf *out, struct rand *rand)
{
    uint8_t bytes[AUTH_KEY_SIZE];
    char *room = buf_room(out, HEX_SIZE);

    assert(room);
    rand_bytes(rand, bytes, sizeof(bytes));
    for (size_t i = 0; i < sizeof(bytes); i++) {
        *room++ = hex_digit(bytes[i] >> 4);
        *room++ = hex_digit(bytes[i] & 15U);
    }
    *room = '\n';
    crypto_wipe(bytes, sizeof(bytes));
    buf_added(out, HEX_SIZE);
}

static const struct kind sign_in_key = {
    .file = KEYS_SIGN_IN_FILE,
    .size = HEX_SIZE,
    .is_good = is_hex,
    .make = make_hex,
    .form = "key of 64 hex digits",
    .abuse = "go on with anybody's session",
    .renewed = "a new key is made, and everybody signs in anew",
};

// Files.

static int refuse(const struct place *p, const char *what)
{
    fprintf(stderr, "parley: %s/%s %s\n", p->path, p->kind->file, what);
    return KEYS_UNUSABLE;
}

static int refuse_errno(const struct place *p, const char *what)
{
    fprintf(stderr, "parley: %s/%s %s: %s\n", p->path, p->kind->file, what,
            strerrordesc_np(errno));
    return KEYS_UNUSABLE;
}

static int place_open(struct place *p, const struct kind *kind, str dir)
{
    *p = (struct place){.kind = kind, .path = mem_alloc(dir.len + 1), .fd = -1};
    str_copy(p->path, dir);
    if (mkdir(p->path, 0700) == 0 || errno == EEXIST)
        p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->fd >= 0)
        return 0;
    fprintf(stderr, "parley: the data directory '%s' can't be %s: %s. --data names another.\n",
            p->path, errno == ENOENT ? "made" : "opened", strerrordesc_np(errno));
    return KEYS_UNUSABLE;
}

static void place_close(struct place *p)
{
    if (p->fd >= 0)
        close(p->fd);
    free(p->path);
}

static int check_mode(const struct place *p, int fd)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return refuse_errno(p, "can't be looked at");
    if (!S_ISREG(st.st_mode))
        return refuse(p, "is no file. Move it away, and a new key is made.");
    if ((st.st_mode & 077) == 0)
        return 0;
    fprintf(stderr,
            "parley: others may read %s/%s (mode %03o), and with it %s. If nobody has: chmod "
            "600 %s/%s. If somebody may have, remove it: %s.\n",
            p->path, p->kind->file, (unsigned)st.st_mode & 0777, p->kind->abuse, p->path,
            p->kind->file, p->kind->renewed);
    return KEYS_UNUSABLE;
}

/** As much of it as a key takes. */
static int read_all(const struct place *p, int fd, struct buf *out)
{
    const size_t max = p->kind->size;
    ssize_t n = 1;

    while (n > 0) {
        char *room = buf_room(out, max - buf_str(out).len);
        n = read(fd, room, max - buf_str(out).len);
        if (n > 0)
            buf_added(out, (size_t)n);
    }
    return n == 0 ? 0 : refuse_errno(p, "can't be read");
}

static int refuse_form(const struct place *p)
{
    fprintf(stderr,
            "parley: %s/%s is no %s. Put back the one that was there, or remove it: %s.\n",
            p->path, p->kind->file, p->kind->form, p->kind->renewed);
    return KEYS_UNUSABLE;
}

static int read_file(const struct place *p, int fd, struct buf *out)
{
    int r = check_mode(p, fd);

    if (r == 0)
        r = read_all(p, fd, out);
    if (r == 0 && !p->kind->is_good(buf_str(out)))
        r = refuse_form(p);
    return r;
}

#define ABSENT 2 // beside KEYS_UNUSABLE: nothing was said

static int read_key(const struct place *p, struct buf *out)
{
    const int fd = openat(p->fd, p->kind->file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? ABSENT : refuse_errno(p, "can't be opened");
    const int r = read_file(p, fd, out);
    close(fd);
    return r;
}

/** Whole and on the disk, before it gets its name. */
static int write_new(const struct place *p, const char *name, struct rand *rand)
{
    struct buf key;
    const int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return refuse_errno(p, "can't be made");
    buf_init(&key, p->kind->size);
    p->kind->make(&key, rand);
    const bool is_written =
        write(fd, buf_str(&key).ptr, buf_str(&key).len) == (ssize_t)buf_str(&key).len &&
        fsync(fd) == 0;
    const int r = is_written ? 0 : refuse_errno(p, "can't be written");
    secret_buf_fini(&key);
    close(fd);
    return r;
}

/** Under its name there never is half a key, nor another than the first. */
static int make_key(const struct place *p, struct rand *rand)
{
    char random[RAND_NAME_SIZE];
    char name[NAME_SIZE];

    rand_name(rand, random);
    snprintf(name, sizeof(name), "%s.%s", p->kind->file, random);
    int r = write_new(p, name, rand);
    if (r == 0 && linkat(p->fd, name, p->fd, p->kind->file, 0) != 0 && errno != EEXIST)
        r = refuse_errno(p, "can't be made");
    unlinkat(p->fd, name, 0);
    if (r == 0 && fsync(p->fd) != 0)
        r = refuse_errno(p, "can't be kept");
    return r;
}

static int get_key(const struct place *p, struct buf *out, struct rand *rand)
{
    int r = read_key(p, out);

    if (r != ABSENT)
        return r;
    r = make_key(p, rand);
    if (r == 0)
        r = read_key(p, out);
    return r == ABSENT ? refuse(p, "was made, and is gone again") : r;
}

static int find(struct buf *out, const struct kind *kind, str dir, struct rand *rand)
{
    struct place p;
    int r = place_open(&p, kind, dir);

    if (r == 0)
        r = get_key(&p, out, rand);
    place_close(&p);
    return r;
}

int keys_own(struct buf *pem, str dir, struct rand *rand)
{
    return find(pem, &own_key, dir, rand);
}

static void derive(uint8_t out[AUTH_KEY_SIZE], str key, const char *what)
{
    static_assert(AUTH_KEY_SIZE == CRYPTO_SHA256_SIZE, "");
    crypto_hmac_sha256(out, key, str_of(what));
}

int keys_sign_in(struct keys_sign_in *out, str dir, struct rand *rand)
{
    struct buf text;

    buf_init(&text, HEX_SIZE);
    const int r = find(&text, &sign_in_key, dir, rand);
    if (r == 0) {
        derive(out->nonce, buf_str(&text), "nonce");
        derive(out->refresh, buf_str(&text), "refresh");
    }
    secret_buf_fini(&text);
    return r;
}
