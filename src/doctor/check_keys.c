#include <stdlib.h>
#include <unistd.h>

#include "crypto/mem.h"
#include "crypto/secret.h"
#include "doctor/checks.h"
#include "doctor/said.h"
#include "server/rotation.h"

#define NAME      "keys"
#define PATH_SIZE 4096

static bool is_there(str dir, const char *file)
{
    char path[PATH_SIZE];
    const int n = snprintf(path, sizeof(path), STR_FMT "/%s", STR_ARG(dir), file);

    return n < (int)sizeof(path) && access(path, F_OK) == 0;
}

/** As the server does, but that none is made. @return 0, or another: said on stderr */
static int load(str dir, const char *file, int (*read)(str dir))
{
    return is_there(dir, file) ? read(dir) : 0;
}

static int read_own(str dir)
{
    struct auth_keyring keyring;
    const int r = rotation_load(&keyring, dir, clock_unix_ms(loop_wall_clock()), NULL);

    auth_keyring_fini(&keyring);
    return r;
}

static int read_sign_in(str dir)
{
    struct keys_sign_in keys;
    const int r = keys_sign_in(&keys, dir, NULL);

    crypto_wipe(&keys, sizeof(keys));
    return r;
}

static int read_media(str dir)
{
    char key[KEYS_MEDIA_SIZE];
    const int r = keys_media(key, dir, NULL);

    crypto_wipe(key, sizeof(key));
    return r;
}

static int load_all(const struct doctor *d)
{
    const bool must_be_there = d->options->keys.len > 0;
    const str keys = d->config.keys;
    int r = load(d->options->data, KEYS_MEDIA_FILE, read_media);

    if (r == 0)
        r = must_be_there ? read_own(keys) : load(keys, KEYS_OWN_FILE, read_own);
    if (r == 0)
        r = must_be_there ? read_sign_in(keys) : load(keys, KEYS_SIGN_IN_FILE, read_sign_in);
    return r;
}

void check_keys(struct doctor *d)
{
    const bool are_there = d->options->keys.len > 0 || is_there(d->config.keys, KEYS_OWN_FILE);
    struct said said;

    said_begin(&said);
    const int r = load_all(d);
    char *words = said_end(&said);
    if (r != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "The server does not start with it: do what is said there.", "%s", words);
    } else if (are_there) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "those in " STR_FMT " are whole, and nobody else's to read",
                    STR_ARG(d->config.keys));
    } else {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "the first start makes them");
    }
    free(words);
}
