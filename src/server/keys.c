#include "server/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/mem.h"
#include "crypto/ed25519.h"
#include "crypto/secret.h"

struct place {
    char *path; // of the directory; owned
    int fd;     // likewise
};

static int refuse(const struct place *p, const char *what)
{
    fprintf(stderr, "parley: %s/" KEYS_OWN_FILE " %s\n", p->path, what);
    return KEYS_UNUSABLE;
}

static int refuse_errno(const struct place *p, const char *what)
{
    fprintf(stderr, "parley: %s/" KEYS_OWN_FILE " %s: %s\n", p->path, what, strerror(errno));
    return KEYS_UNUSABLE;
}

static int place_open(struct place *p, str dir)
{
    *p = (struct place){.path = mem_alloc(dir.len + 1), .fd = -1};
    str_copy(p->path, dir);
    if (mkdir(p->path, 0700) == 0 || errno == EEXIST)
        p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (p->fd >= 0)
        return 0;
    fprintf(stderr, "parley: the data directory '%s' can't be %s: %s. --data names another.\n",
            p->path, errno == ENOENT ? "made" : "opened", strerror(errno));
    return KEYS_UNUSABLE;
}

static void place_close(struct place *p)
{
    if (p->fd >= 0)
        close(p->fd);
    free(p->path);
}

static bool is_own_key(str pem)
{
    struct crypto_ed25519 key;
    const int r = crypto_ed25519_parse(&key, pem);

    crypto_ed25519_fini(&key);
    return r == 0;
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
            "parley: others may read %s/" KEYS_OWN_FILE
            " (mode %03o), and with it make tokens "
            "for any account. If nobody has: chmod 600 %s/" KEYS_OWN_FILE
            ". If somebody may "
            "have, remove it: a new key is made, and tokens of the old one are refused.\n",
            p->path, (unsigned)st.st_mode & 0777, p->path);
    return KEYS_UNUSABLE;
}

/** As much of it as a key takes. */
static int read_all(const struct place *p, int fd, struct buf *pem)
{
    ssize_t n = 1;

    while (n > 0) {
        char *room = buf_room(pem, AUTH_OWN_KEY_SIZE - buf_str(pem).len);
        n = read(fd, room, AUTH_OWN_KEY_SIZE - buf_str(pem).len);
        if (n > 0)
            buf_added(pem, (size_t)n);
    }
    return n == 0 ? 0 : refuse_errno(p, "can't be read");
}

static int read_file(const struct place *p, int fd, struct buf *pem)
{
    int r = check_mode(p, fd);

    if (r == 0)
        r = read_all(p, fd, pem);
    if (r == 0 && !is_own_key(buf_str(pem)))
        r = refuse(p,
                   "is no private Ed25519 key in PEM. Put back the one that was there, or "
                   "remove it: a new key is made, and tokens of the old one are refused.");
    return r;
}

#define ABSENT 2 // beside KEYS_UNUSABLE: nothing was said

static int read_key(const struct place *p, struct buf *pem)
{
    const int fd = openat(p->fd, KEYS_OWN_FILE, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

    if (fd < 0)
        return errno == ENOENT ? ABSENT : refuse_errno(p, "can't be opened");
    const int r = read_file(p, fd, pem);
    close(fd);
    return r;
}

/** Whole and on the disk, before it gets its name. */
static int write_new(const struct place *p, const char *name, struct rand *rand)
{
    struct buf pem;
    const int fd = openat(p->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

    if (fd < 0)
        return refuse_errno(p, "can't be made");
    buf_init(&pem, AUTH_OWN_KEY_SIZE);
    auth_own_key_new(&pem, rand);
    const bool is_written =
        write(fd, buf_str(&pem).ptr, buf_str(&pem).len) == (ssize_t)buf_str(&pem).len &&
        fsync(fd) == 0;
    const int r = is_written ? 0 : refuse_errno(p, "can't be written");
    secret_buf_fini(&pem);
    close(fd);
    return r;
}

/** Under its name there never is half a key, nor another than the first. */
static int make_key(const struct place *p, struct rand *rand)
{
    char name[sizeof(KEYS_OWN_FILE ".") + RAND_NAME_SIZE] = KEYS_OWN_FILE ".";

    rand_name(rand, name + sizeof(KEYS_OWN_FILE));
    int r = write_new(p, name, rand);
    if (r == 0 && linkat(p->fd, name, p->fd, KEYS_OWN_FILE, 0) != 0 && errno != EEXIST)
        r = refuse_errno(p, "can't be made");
    unlinkat(p->fd, name, 0);
    if (r == 0 && fsync(p->fd) != 0)
        r = refuse_errno(p, "can't be kept");
    return r;
}

static int get_key(const struct place *p, struct buf *pem, struct rand *rand)
{
    int r = read_key(p, pem);

    if (r != ABSENT)
        return r;
    r = make_key(p, rand);
    if (r == 0)
        r = read_key(p, pem);
    return r == ABSENT ? refuse(p, "was made, and is gone again") : r;
}

int keys_own(struct buf *pem, str dir, struct rand *rand)
{
    struct place p;
    int r = place_open(&p, dir);

    if (r == 0)
        r = get_key(&p, pem, rand);
    place_close(&p);
    return r;
}
