#include "io/harden.h"

#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/log.h"
#include "io/harden_calls.h"
#include "io/harden_files.h"

#define STATE_SIZE 16

static int no_core(void)
{
    const struct rlimit none = {0, 0};

    return setrlimit(RLIMIT_CORE, &none) < 0 ? -errno : 0;
}

static int set(int option, unsigned long value)
{
    return prctl(option, value, 0UL, 0UL, 0UL) < 0 ? -errno : 0;
}

static const struct harden_kernel real = {
    .no_core = no_core,
    .prctl = set,
    .files_version = harden_files_version,
    .load_calls = harden_calls_load,
};

/** What has come of each; "off" where it is not there. */
struct state {
    bool core;
    bool memory;
    bool privileges;
    char files[STATE_SIZE];
    bool calls;
};

/** @return true: it is done */
static bool is_done(int r, const char *what)
{
    if (r == 0)
        return true;
    log_warn(NULL, "io_hardening_lacks",
             "what=%s errno=%d why=\"%s\" then=\"the server goes on without it\"", what, -r,
             strerrordesc_np(-r));
    return false;
}

/** Of the same user, too, nobody else looks into it. */
static bool close_memory(const struct harden_kernel *k)
{
    if (IS_WATCHED) // its own sanitizer looks
        return false;
    return is_done(k->prctl(PR_SET_DUMPABLE, 0), "memory");
}

static void limit_files(const struct harden_config *c, const struct harden_kernel *k,
                        struct state *s)
{
    int version = k->files_version();

    if (version >= 0 && version < HARDEN_FILES_MIN)
        version = -EOPNOTSUPP;
    if (!is_done(version < 0 ? version : 0, "files"))
        return;
    if (version > HARDEN_FILES_NEWEST)
        version = HARDEN_FILES_NEWEST;
    if (version < HARDEN_FILES_BIND && c->port != HARDEN_ANY_PORT)
        (void)is_done(-EOPNOTSUPP, "ports");
    if (version < HARDEN_FILES_ENDS)
        (void)is_done(-EOPNOTSUPP, "signals");
    if (is_done(harden_files(c, version), "files"))
        (void)snprintf(s->files, sizeof(s->files), "landlock-%d", version);
}

static void say(const struct harden_config *c, const struct state *s)
{
    log_info(NULL, "io_hardened", "files=%s calls=%s core=%s memory=%s privileges=%s%s",
             s->files, s->calls ? "seccomp" : "off", s->core ? "none" : "allowed",
             s->memory ? "closed" : "open", s->privileges ? "none" : "allowed",
             c->is_running_others ? " why=\"--media-scan runs a program\"" : "");
}

void harden(const struct harden_config *c)
{
    const struct harden_kernel *k = c->kernel ? c->kernel : &real;
    struct state s = {.files = "off"};

    s.core = is_done(k->no_core(), "core");
    s.memory = close_memory(k);
    s.privileges = is_done(k->prctl(PR_SET_NO_NEW_PRIVS, 1), "privileges");
    if (!c->is_running_others) {
        limit_files(c, k, &s);
        s.calls =
            is_done(harden_calls(k->load_calls), "calls"); // last: it allows none of these
    }
    say(c, &s);
}
