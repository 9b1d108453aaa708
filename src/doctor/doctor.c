#include "doctor/doctor.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "crypto/random.h"
#include "doctor/checks.h"
#include "doctor/owner.h"
#include "doctor/said.h"
#include "server/serve_config.h"

static const struct {
    const char *name; // while it is under way
    void (*check)(struct doctor *d);
} checks[] = {
    {"configuration", check_options},
    {"certificate", check_certificate},
    {"disk", check_disk},
    {"keys", check_keys},
    {"listen", check_listen},
    {"files", check_files},
    {"memory", check_memory},
    {"store", check_store},
    {"bus", check_bus},
    {"media", check_media},
    {"issuer keys", check_issuers},
    {"RPC", check_rpcs},
    {"public URL", check_public},
    {"clock", check_clock}, // after those that know another one
};

void doctor_note_ahead(struct doctor *d, const char *whose, int64_t ahead_ms)
{
    struct doctor_clocks *c = &d->clocks;

    if (c->n++ > 0 && llabs(ahead_ms) <= llabs(c->worst_ms))
        return;
    c->worst_ms = ahead_ms;
    snprintf(c->whose, sizeof(c->whose), "%s", whose);
}

void doctor_note_clock(struct doctor *d, const char *whose, const struct answer *a)
{
    int64_t ahead_ms = 0;

    if (answer_ahead_ms(a, &ahead_ms))
        doctor_note_ahead(d, whose, ahead_ms);
}

// What is said first.

static void say_server(const struct server *s, FILE *out)
{
    if (s->is_unseen) {
        fprintf(out, "whether a server runs can't be seen");
    } else if (s->pid == 0) {
        fprintf(out, "no server runs on its data directory");
    } else if (s->pid < 0) {
        fprintf(out, "the server runs, in another container");
    } else {
        fprintf(out, "the server runs (pid %lld%s%s)", (long long)s->pid,
                s->version[0] ? ", " : "", s->version);
    }
}

static void say_head(const struct doctor *d)
{
    FILE *out = d->findings.out;
    const str config = d->options->config;

    if (d->findings.is_json)
        return;
    fprintf(out, "parley doctor " PARLEY_VERSION ": " STR_FMT "; ",
            STR_ARG(config.len > 0 ? config : STR("no --config")));
    say_server(&d->server, out);
    fprintf(out, "%s%s\n", d->user ? "; looked at as " : "", d->user ? d->user : "");
}

static void check_server(struct doctor *d)
{
    const struct server *s = &d->server;
    static const char restart[] = "Restart it: clients that come again see no error.";
    struct findings *f = &d->findings;

    if (s->is_unseen) {
        finding_add(f, VERDICT_WARN, "server", "Run this as the server's user, or as root.",
                    "whether one runs on %s can't be seen by user %u", d->data,
                    (unsigned)geteuid());
    } else if (s->is_old) {
        finding_add(f, VERDICT_WARN, "server", restart, "it is of an older version");
    } else if (s->pid == 0) {
        finding_add(f, VERDICT_SKIP, "server", NULL, "none runs on %s", d->data);
    } else if (s->why) {
        finding_add(f, VERDICT_BAD, "server",
                    "If it starts or stops, try again in a moment. Else its log says more "
                    "(journalctl -u parley); restarting it loses no message.",
                    "one has %s, and %s", d->data, s->why);
    } else if (strcmp(s->version, PARLEY_VERSION) != 0) {
        finding_add(f, VERDICT_WARN, "server", restart,
                    "it is %s, and what is installed is " PARLEY_VERSION, s->version);
    } else {
        finding_add(f, VERDICT_OK, "server", NULL, "it answers");
    }
}

// The whole.

static void init(struct doctor *d, const struct serve_options *o, FILE *out)
{
    *d = (struct doctor){.options = o};
    d->findings = (struct findings){
        .out = out,
        .is_json = o->doctor_json,
        .has_progress = !o->doctor_json && isatty(fileno(out)),
    };
    d->data = str_dup(o->data); // in a file no NUL stands behind it
    d->ca_file = o->ca_file.len > 0 ? str_dup(o->ca_file) : NULL;
    d->scan = o->media.scan.len > 0 ? str_dup(o->media.scan) : NULL;
    d->store = str_dup(o->store);
}

static void fini(struct doctor *d)
{
    asker_fini(&d->asker);
    serve_cluster_fini(&d->config.cluster);
    free(d->data);
    free(d->ca_file);
    free(d->scan);
    free(d->store);
    free(d->user);
}

static void drop(void *arg, str line)
{
    (void)arg, (void)line; // what is to be said of it, a finding says
}

/** @return false: said */
static bool read_config(struct doctor *d)
{
    struct said said;

    said_begin(&said);
    const int code = serve_config_read(&d->config, d->options);
    char *words = said_end(&said);
    if (code != 0) {
        finding_add(&d->findings, VERDICT_BAD, "configuration",
                    "The server does not start with it. Correct that, then look again.", "%s",
                    words);
    }
    free(words);
    return code == 0;
}

static int look(struct doctor *d)
{
    listener_find(&d->listener, d->options->listen.port); // while we may see whose it is
    const int owner = owner_become(d->data, &d->user);
    server_find(&d->server, d->data);
    say_head(d);
    if (owner == OWNER_FAILED) {
        finding_add(&d->findings, VERDICT_WARN, "user", "Run it as the server's user.",
                    "it is root still, and sees more than the server does");
    }
    if (!read_config(d) || asker_init(&d->asker, d->ca_file) != 0)
        return 1;
    check_server(d);
    for (size_t i = 0; i < COUNT_OF(checks); i++) {
        finding_progress(&d->findings, checks[i].name);
        checks[i].check(d);
    }
    return d->findings.n[VERDICT_BAD] > 0;
}

int doctor_run(const struct serve_options *o, FILE *out)
{
    struct doctor d;

    log_set_sink(drop, NULL);
    init(&d, o, out);
    const int code = look(&d);
    finding_end(&d.findings);
    fini(&d);
    log_set_sink(NULL, NULL);
    return code;
}

int doctor_refuse(const struct serve_options *o, FILE *out, const char *why)
{
    struct findings f = {.out = out, .is_json = o->doctor_json};

    if (!f.is_json)
        fprintf(out, "parley doctor " PARLEY_VERSION ":\n");
    finding_add(&f, VERDICT_BAD, "configuration",
                "The server does not start with it, and nothing else can be looked at. Correct "
                "that, then look again.",
                "%s", why);
    finding_end(&f);
    return 1;
}
