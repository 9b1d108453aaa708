#include "server/issuers.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/secret.h"
#include "io/fetch.h"

/** One section, and the file that it names. */
struct place {
    const char *config;
    const struct serve_issuer *issuer;
    enum auth_key_form form;
    char path[PATH_MAX]; // of the key; empty: it is at a URL
};

static void say_where(const struct place *p)
{
    fprintf(stderr, "%s: [issuer " STR_FMT "]: ", p->config, STR_ARG(p->issuer->name));
}

static int refuse(const struct place *p, const char *what)
{
    say_where(p);
    fprintf(stderr, "%s\n", what);
    return ISSUERS_BAD;
}

static int refuse_file(const struct place *p, const char *what, const char *why)
{
    say_where(p);
    fprintf(stderr, "%s %s%s%s\n", p->path, what, *why ? ": " : "", why);
    return ISSUERS_BAD;
}

/** What stands in the section is relative to the folder of the file. */
static int find_path(struct place *p, str file)
{
    const char *slash = strrchr(p->config, '/');
    const bool is_absolute = str_starts(file, STR("/"));
    const int n_folder = slash && !is_absolute ? (int)(slash - p->config) + 1 : 0;
    const int n =
        snprintf(p->path, sizeof(p->path), "%.*s" STR_FMT, n_folder, p->config, STR_ARG(file));

    return (size_t)n < sizeof(p->path) ? 0 : refuse(p, "the path of its key is too long");
}

static int check_url(const struct place *p)
{
    switch (fetch_check_url(p->issuer->jwks_url)) {
    case 0: return 0;
    case FETCH_URL_PLAIN:
        return refuse(p,
                      "jwks-url is http:// to another machine: whoever is on the way there "
                      "could put in keys of their own. It must be https://");
    default:
        return refuse(p,
                      "jwks-url is not a URL such as "
                      "https://idp.example/.well-known/jwks.json, without a user in it");
    }
}

static int find_key(struct place *p)
{
    const str keys[] = {
        [AUTH_KEY_SECRET] = p->issuer->secret_file,
        [AUTH_KEY_PEM] = p->issuer->pem_file,
        [AUTH_KEY_JWKS] = p->issuer->jwks_file,
        [AUTH_KEY_URL] = p->issuer->jwks_url,
    };
    size_t n = 0;

    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (keys[i].len == 0)
            continue;
        p->form = (enum auth_key_form)i;
        n++;
    }
    if (n != 1)
        return refuse(p, "needs exactly one of secret-file, pem-file, jwks-file and jwks-url");
    return p->form == AUTH_KEY_URL ? check_url(p) : find_path(p, keys[p->form]);
}

static bool has(str text, str part)
{
    return text.len > 0 && memmem(text.ptr, text.len, part.ptr, part.len);
}

/** Would it make tokens, and not only check them? */
static bool is_secret(const struct place *p, str key)
{
    switch (p->form) {
    case AUTH_KEY_SECRET: return true;
    case AUTH_KEY_PEM: return has(key, STR("PRIVATE KEY"));
    case AUTH_KEY_JWKS: return has(key, STR("\"k\"")) || has(key, STR("\"d\""));
    case AUTH_KEY_URL: return false;
    }
    return true;
}

/** One newline, which editors and echo put there. */
static str without_newline(str text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

static int read_all(const struct place *p, int fd, struct buf *out)
{
    char *room =
        buf_room(out, AUTH_KEY_BYTES_MAX + 1); // at once: it must not move, it is secret
    size_t n = 0;
    ssize_t got = 1;

    while (got > 0 && n <= AUTH_KEY_BYTES_MAX) {
        got = read(fd, room + n, AUTH_KEY_BYTES_MAX + 1 - n);
        n += got > 0 ? (size_t)got : 0;
    }
    buf_added(out, n);
    if (got < 0)
        return refuse_file(p, "can't be read", strerrordesc_np(errno));
    if (n > AUTH_KEY_BYTES_MAX)
        return refuse_file(p, "is too long for a key", "");
    return 0;
}

static int read_key(const struct place *p, struct buf *out)
{
    struct stat st = {0};
    const int fd = open(p->path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return refuse_file(p, "can't be opened", strerrordesc_np(errno));
    int r = read_all(p, fd, out);
    if (r == 0 && fstat(fd, &st) < 0)
        r = refuse_file(p, "can't be looked at", strerrordesc_np(errno));
    close(fd);
    if (r == 0 && (st.st_mode & S_IROTH) && is_secret(p, buf_str(out))) {
        say_where(p);
        fprintf(stderr,
                "everybody on this machine may read %s, and with it make tokens for any "
                "account. If nobody has: chmod o-r %s. If somebody may have: a new one, at "
                "the issuer as well\n",
                p->path, p->path);
        return ISSUERS_BAD;
    }
    return r;
}

static int add(struct auth *auth, const struct place *p, str key)
{
    const struct serve_issuer *i = p->issuer;
    const struct auth_issuer issuer = {
        .name = i->name,
        .iss = i->iss,
        .aud = i->aud,
        .claim = i->claim,
        .alg = i->alg,
        .skew_ms = i->skew,
        .form = p->form,
        .key = p->form == AUTH_KEY_SECRET ? without_newline(key) : key,
    };
    const char *why = "";

    switch (auth_add_issuer(auth, &issuer, &why)) {
    case 0: return 0;
    case AUTH_ISSUER_BAD_KEY: return refuse_file(p, "holds no key that we can use", why);
    case AUTH_ISSUER_SHORT_SECRET:
        return refuse_file(p,
                           "is too short: 32 random bytes or more are needed, for example "
                           "of openssl rand -hex 32",
                           why);
    case AUTH_ISSUER_PEM_AS_SECRET:
        return refuse_file(p, "is a PEM, and no secret: pem-file takes it", why);
    case AUTH_ISSUER_TOO_MANY: return refuse(p, "is one issuer too many");
    case AUTH_ISSUER_TWICE: return refuse(p, why);
    default: return ISSUERS_BAD; // a fault, which is in the log
    }
}

static int add_with_file(struct auth *auth, const struct place *p)
{
    struct buf key;

    buf_init(&key, AUTH_KEY_BYTES_MAX + 1);
    int r = read_key(p, &key);
    if (r == 0)
        r = add(auth, p, buf_str(&key));
    secret_buf_fini(&key);
    return r;
}

static int add_one(struct auth *auth, struct place *p)
{
    const str alg = p->issuer->alg;

    if (alg.len > 0 && !str_eq(alg, STR("RS256")) && !str_eq(alg, STR("PS256")))
        return refuse(p, "alg is RS256 or PS256; other keys say it themselves");
    const int r = find_key(p);
    if (r != 0)
        return r;
    return p->form == AUTH_KEY_URL ? add(auth, p, (str){0}) : add_with_file(auth, p);
}

int issuers_add(struct auth *auth, struct auth_issuer_urls *urls, const struct serve_options *o)
{
    for (size_t i = 0; i < o->n_issuers; i++) {
        const struct serve_issuer *issuer = &o->issuers[i];
        struct place p = {.config = o->config.ptr, .issuer = issuer};
        if (add_one(auth, &p) != 0)
            return ISSUERS_BAD;
        if (p.form == AUTH_KEY_URL)
            urls->urls[urls->n++] = (struct auth_issuer_url){i, issuer->name, issuer->jwks_url};
    }
    return 0;
}
