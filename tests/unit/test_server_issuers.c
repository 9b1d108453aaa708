#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/issuers.h"
#include "support/t.h"

#define SECRET "0123456789abcdef0123456789abcdef" // of the least length

/** A folder with a file of options, and a key. */
struct world {
    char folder[64];
    char config[96];
    struct auth *auth;
    struct auth_issuer_urls urls; // of the last call
    char *said;
};

static int setup(void **state)
{
    static struct world w;

    w = (struct world){.folder = "/tmp/parley-test-issuers-XXXXXX"};
    assert_non_null(mkdtemp(w.folder));
    snprintf(w.config, sizeof(w.config), "%s/parley.conf", w.folder);
    w.auth = auth_new(1);
    *state = &w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    char path[96];

    snprintf(path, sizeof(path), "%s/key", w->folder);
    unlink(path);
    rmdir(w->folder);
    auth_free(w->auth);
    free(w->said);
    return 0;
}

static void write_key(struct world *w, str text, mode_t mode)
{
    char path[96];

    snprintf(path, sizeof(path), "%s/key", w->folder);
    FILE *f = fopen(path, "we");
    assert_non_null(f);
    assert_int_equal(fwrite(text.ptr, 1, text.len, f), text.len);
    fclose(f);
    assert_int_equal(chmod(path, mode), 0);
}

static struct serve_issuer issuer_of(str file)
{
    return (struct serve_issuer){.name = STR("app"),
                                 .iss = STR("https://app.test"),
                                 .claim = STR("sub"),
                                 .secret_file = file};
}

/** @return what issuers_add() returns; what it said is in w->said, up to its first line's end
 */
static int add(struct world *w, const struct serve_issuer *issuers, size_t n)
{
    FILE *const err = stderr;
    size_t size;
    struct serve_options *o = calloc(1, sizeof(*o));

    assert_non_null(o);
    o->config = str_of(w->config);
    o->n_issuers = n;
    for (size_t i = 0; i < n; i++)
        o->issuers[i] = issuers[i];
    free(w->said);
    w->said = NULL;
    stderr = open_memstream(&w->said, &size);
    w->urls.n = 0;
    const int r = issuers_add(w->auth, &w->urls, o);
    (void)fclose(stderr);
    stderr = err;
    free(o);
    return r;
}

/** @param want  "%" stands for the folder */
static void expect_said(const char *what, const struct world *w, const char *want)
{
    char text[512] = "";
    size_t n = 0;

    for (; *want && n < sizeof(text) - sizeof(w->folder); want++) {
        if (*want == '%') {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s", w->folder);
        } else {
            text[n++] = *want;
        }
    }
    expect_str(what, str_of(w->said), ((str){text, n}));
}

static void takes_a_secret_beside_the_file_of_options(void **state)
{
    static const struct {
        const char *name;
        str text;
        mode_t mode;
    } rows[] = {
        {"bare", STR(SECRET), 0600},
        {"with a newline", STR(SECRET "\n"), 0400},
        {"with CR LF", STR(SECRET "\r\n"), 0640}, // a group may be meant
    };

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct world *w = *state;
        auth_free(w->auth);
        w->auth = auth_new(1);
        write_key(w, rows[i].text, rows[i].mode);
        const struct serve_issuer issuer = issuer_of(STR("key"));
        expect_int(rows[i].name, add(w, &issuer, 1), 0);
        expect_said(rows[i].name, w, "");
    }
}

static void a_newline_alone_does_not_make_a_secret_long_enough(void **state)
{
    struct world *w = *state;
    const struct serve_issuer issuer = issuer_of(STR("key"));
    const str secret = STR(SECRET "\n");

    write_key(w, (str){secret.ptr + 1, secret.len - 1}, 0600);
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    assert_non_null(strstr(w->said, "openssl rand -hex 32"));
}

static void refuses_what_everybody_may_read_if_it_is_secret(void **state)
{
    static const struct {
        const char *name;
        enum auth_key_form form;
        str text;
        bool is_secret;
    } rows[] = {
        {"secret", AUTH_KEY_SECRET, STR(SECRET), true},
        {"private PEM", AUTH_KEY_PEM, STR("-----BEGIN PRIVATE KEY-----\n"), true},
        {"public PEM", AUTH_KEY_PEM, STR("-----BEGIN PUBLIC KEY-----\n"), false},
        {"JWKS with a secret", AUTH_KEY_JWKS, STR("{\"keys\":[{\"kty\":\"oct\",\"k\":\"\"}]}"),
         true},
        {"public JWKS", AUTH_KEY_JWKS, STR("{\"keys\":[{\"kty\":\"OKP\",\"x\":\"\"}]}"), false},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct serve_issuer issuer = issuer_of((str){0});
        str *files[] = {&issuer.secret_file, &issuer.pem_file, &issuer.jwks_file};

        *files[rows[i].form] = STR("key");
        write_key(w, rows[i].text, 0644);
        expect_int(rows[i].name, add(w, &issuer, 1), ISSUERS_BAD); // the others hold no key
        expect_int(rows[i].name, strstr(w->said, "chmod o-r") != NULL, rows[i].is_secret);
    }
}

static void says_what_is_wrong_with_an_issuer(void **state)
{
    struct world *w = *state;
    struct serve_issuer issuer = issuer_of((str){0});

    write_key(w, STR(SECRET), 0600);
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("no key", w,
                "%/parley.conf: [issuer app]: needs exactly one of secret-file, pem-file, "
                "jwks-file and jwks-url\n");
    issuer.secret_file = issuer.pem_file = STR("key");
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("two keys", w,
                "%/parley.conf: [issuer app]: needs exactly one of secret-file, pem-file, "
                "jwks-file and jwks-url\n");

    issuer = issuer_of(STR("key"));
    issuer.jwks_url = STR("https://app.test/keys");
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    assert_non_null(strstr(w->said, "needs exactly one of"));

    issuer = issuer_of(STR("nothing"));
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("no file", w,
                "%/parley.conf: [issuer app]: %/nothing can't be opened: No such file or "
                "directory\n");
    issuer = issuer_of(STR("/nowhere/nothing"));
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said(
        "an absolute path", w,
        "%/parley.conf: [issuer app]: /nowhere/nothing can't be opened: No such file or "
        "directory\n");
    issuer = issuer_of(STR("."));
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("a folder", w,
                "%/parley.conf: [issuer app]: %/. can't be read: Is a directory\n");

    issuer = issuer_of(STR("key"));
    issuer.alg = STR("HS256");
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("alg", w,
                "%/parley.conf: [issuer app]: alg is RS256 or PS256; other keys say it "
                "themselves\n");

    const struct serve_issuer twice[] = {issuer_of(STR("key")), issuer_of(STR("key"))};
    assert_int_equal(add(w, twice, 2), ISSUERS_BAD);
    assert_true(str_starts(str_of(w->said), str_of(w->config)));
}

static void keys_at_a_url_are_fetched_later(void **state)
{
    struct world *w = *state;
    struct serve_issuer issuers[] = {issuer_of((str){0}), issuer_of(STR("key")),
                                     issuer_of((str){0})};

    write_key(w, STR(SECRET), 0600);
    issuers[0].iss = STR("https://one.test");
    issuers[0].jwks_url = STR("https://one.test/.well-known/jwks.json");
    issuers[2].name = STR("local");
    issuers[2].iss = STR("https://three.test");
    issuers[2].jwks_url = STR("http://127.0.0.1:8081/keys");
    assert_int_equal(add(w, issuers, 3), 0);
    expect_said("both", w, "");
    assert_int_equal(w->urls.n, 2);
    assert_int_equal(w->urls.urls[0].issuer, 0);
    expect_str("name", w->urls.urls[0].name, STR("app"));
    expect_str("URL", w->urls.urls[0].url, issuers[0].jwks_url);
    assert_int_equal(w->urls.urls[1].issuer, 2); // as auth counts them
    expect_str("name", w->urls.urls[1].name, STR("local"));
    assert_int_equal(auth_n_issuer_keys(w->auth, 0), 0);
    assert_int_equal(auth_n_issuer_keys(w->auth, 1), 1);
}

static void refuses_a_url_that_is_not_safe(void **state)
{
    static const struct {
        const char *url;
        const char *said;
    } rows[] = {
        {"http://app.test/keys", "jwks-url is http:// to another machine"},
        {"http://10.0.0.1/keys", "jwks-url is http:// to another machine"},
        {"file:///etc/passwd", "jwks-url is not a URL such as https://"},
        {"app.test/keys", "jwks-url is not a URL such as https://"},
        {"https://me:pw@app.test/keys", "jwks-url is not a URL such as https://"},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct serve_issuer issuer = issuer_of((str){0});
        issuer.jwks_url = str_of(rows[i].url);
        expect_int(rows[i].url, add(w, &issuer, 1), ISSUERS_BAD);
        if (!strstr(w->said, rows[i].said))
            fail_msg("%s: %s", rows[i].url, w->said);
        assert_null(strstr(w->said, "pw@")); // it may be a secret
    }
}

static void a_file_of_keys_has_a_limit(void **state)
{
    static char text[AUTH_KEY_BYTES_MAX + 1];
    struct world *w = *state;
    const struct serve_issuer issuer = issuer_of(STR("key"));

    memset(text, 'x', sizeof(text));
    write_key(w, (str){text, AUTH_KEY_BYTES_MAX}, 0600);
    assert_int_equal(add(w, &issuer, 1), 0);
    write_key(w, (str){text, AUTH_KEY_BYTES_MAX + 1}, 0600);
    assert_int_equal(add(w, &issuer, 1), ISSUERS_BAD);
    expect_said("longer", w, "%/parley.conf: [issuer app]: %/key is too long for a key\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(takes_a_secret_beside_the_file_of_options),
        TEST(a_newline_alone_does_not_make_a_secret_long_enough),
        TEST(refuses_what_everybody_may_read_if_it_is_secret),
        TEST(says_what_is_wrong_with_an_issuer),
        TEST(keys_at_a_url_are_fetched_later),
        TEST(refuses_a_url_that_is_not_safe),
        TEST(a_file_of_keys_has_a_limit),
    };
    return cmocka_run_group_tests_name("server/issuers", tests, NULL, NULL);
}
