#include <stdlib.h>
#include <sys/timex.h>
#include <unistd.h>

#include "doctor/checks.h"
#include "doctor/judge.h"

#define NAME "clock"

static const char remedy[] =
    "Let the machine's clock be set: timedatectl set-ntp true (systemd-timesyncd), or chrony. "
    "Tokens and what S3 is asked are good for a limited time.";

/** Its clock is the host's business. */
static bool is_container(void)
{
    static const char *const signs[] = {"/run/systemd/container", "/.dockerenv",
                                        "/run/.containerenv"};

    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        if (access(signs[i], F_OK) == 0)
            return true;
    }
    return false;
}

static bool is_set(void)
{
    struct timex t = {0};
    const int r = adjtimex(&t); // asks only

    return r >= 0 && r != TIME_ERROR && !(t.status & STA_UNSYNC);
}

static void check_kernel(struct doctor *d)
{
    if (is_set()) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "the kernel says that it is kept right");
    } else if (is_container()) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL,
                    "it is the host's, and there is none to compare it with");
    } else {
        finding_add(&d->findings, VERDICT_WARN, NAME, remedy,
                    "the kernel says that nobody keeps it right");
    }
}

void check_clock(struct doctor *d)
{
    const struct doctor_clocks *c = &d->clocks;
    const enum verdict v = judge_clock(c->worst_ms);

    if (c->n == 0) {
        check_kernel(d);
    } else if (v == VERDICT_OK) {
        finding_add(&d->findings, v, NAME, NULL, "as others have it: %u of %u within %d s",
                    c->n, c->n, DOCTOR_CLOCK_WARN_MS / 1000);
    } else {
        const long long off_ms = llabs(c->worst_ms);
        finding_add(&d->findings, v, NAME, remedy, "it is %lld.%lld s %s that of %s",
                    off_ms / 1000, off_ms % 1000 / 100, c->worst_ms > 0 ? "behind" : "ahead of",
                    c->whose);
    }
}
