#include "cli/migrate_print.h"

#include <inttypes.h>
#include <string.h>

#include "base/hex.h"

#define BAR_WIDTH 24
#define DIGEST    16 // bytes that are shown
#define LEFT_SIZE 64
#define BAR_MS    200  // from one look of the bar to the next
#define LINE_MS   5000 // from one line to the next
#define TEXT_SIZE 256

void migrate_print_init(struct migrate_print *p, FILE *out, bool is_quiet, bool is_terminal)
{
    *p = (struct migrate_print){.out = out, .is_quiet = is_quiet, .is_terminal = is_terminal};
}

/** @param out  "", where nobody knows */
static void print_left(char out[LEFT_SIZE], int64_t n, int64_t rate)
{
    const int64_t s = rate > 0 ? n / rate : 0;

    out[0] = '\0';
    if (rate <= 0)
        return;
    if (s >= 3600) {
        snprintf(out, LEFT_SIZE, ", %" PRId64 " h %02" PRId64 " min left", s / 3600,
                 s / 60 % 60);
    } else if (s >= 60) {
        snprintf(out, LEFT_SIZE, ", %" PRId64 " min %02" PRId64 " s left", s / 60, s % 60);
    } else {
        snprintf(out, LEFT_SIZE, ", %" PRId64 " s left", s);
    }
}

/** "messages 40000 of 1000000, 4 %, 8000/s, 2 min 00 s left" */
static void print_text(char out[TEXT_SIZE], const struct migrate_print *p,
                       const struct migrate_progress *now, int64_t now_ms)
{
    const int64_t ms = now_ms - p->began_ms;
    const int64_t rate = ms > 0 ? (now->n - p->began_n) * 1000 / ms : 0;
    const char *doing = now->is_compared ? "comparing " : "";
    char left[LEFT_SIZE];

    if (now->of <= 0) {
        snprintf(out, TEXT_SIZE, "%s%s %" PRId64, doing, now->what, now->n);
        return;
    }
    print_left(left, now->of - now->n, rate);
    snprintf(out, TEXT_SIZE, "%s%s %" PRId64 " of %" PRId64 ", %" PRId64 " %%, %" PRId64 "/s%s",
             doing, now->what, now->n, now->of, now->n * 100 / now->of, rate, left);
}

static void print_bar(char out[BAR_WIDTH + 1], const struct migrate_progress *now)
{
    const int64_t full = now->of > 0 ? now->n * BAR_WIDTH / now->of : 0;

    for (int64_t i = 0; i < BAR_WIDTH; i++)
        out[i] = i < full ? '#' : '.';
    out[BAR_WIDTH] = '\0';
}

static void show(struct migrate_print *p, const struct migrate_progress *now, int64_t now_ms)
{
    char text[TEXT_SIZE];
    char bar[BAR_WIDTH + 1];

    p->told_ms = now_ms;
    print_text(text, p, now, now_ms);
    if (!p->is_terminal) {
        fprintf(p->out, "parley migrate: %s\n", text);
    } else if (now->of > 0) {
        print_bar(bar, now);
        fprintf(p->out, "\r[%s] %s\x1b[K", bar, text);
        p->has_bar = true;
    } else {
        fprintf(p->out, "\r%s\x1b[K", text);
        p->has_bar = true;
    }
    fflush(p->out);
}

void migrate_print_progress(struct migrate_print *p, const struct migrate_progress *now,
                            int64_t now_ms)
{
    const bool is_new = !p->what || strcmp(p->what, now->what) != 0;

    if (p->is_quiet)
        return;
    if (is_new) {
        p->what = now->what;
        p->began_ms = p->told_ms = now_ms;
        p->began_n = now->n;
        if (now->is_resumed) {
            fprintf(p->out, "parley migrate: goes on behind %" PRId64 " %s\n", now->n,
                    now->what);
        }
    }
    if ((is_new && now->of > 0) || now_ms - p->told_ms >= (p->is_terminal ? BAR_MS : LINE_MS)) {
        show(p, now, now_ms);
    }
}

void migrate_print_end(struct migrate_print *p)
{
    if (p->has_bar)
        fprintf(p->out, "\r\x1b[K");
    p->has_bar = false;
    p->what = NULL;
    fflush(p->out);
}

static const char *or_none(const char *row)
{
    return row && row[0] != '\0' ? row : "nothing more";
}

void migrate_print_compared(struct migrate_print *p, FILE *to, const struct migrate_compared *c)
{
    char digests[2][2 * DIGEST + 1];

    migrate_print_end(p);
    for (unsigned i = 0; i < 2; i++)
        *hex_encode(digests[i], c->digests[i], DIGEST) = '\0';
    if (c->is_same) {
        fprintf(to, "%-14s %10" PRId64 "  %s  same\n", c->name, c->n[0], digests[0]);
    } else {
        p->n_differ++;
        fprintf(to,
                "%-14s %10" PRId64 "  %s  DIFFERENT from the database's\n%-14s %10" PRId64
                "  %s\n  first in the directory: %s\n  and in the database:    %s\n",
                c->name, c->n[0], digests[0], "", c->n[1], digests[1], or_none(c->here),
                or_none(c->there));
    }
    if (c->n_changed > 0) {
        fprintf(to,
                "  %" PRId64
                " of them are not what their senders have sent, the first at "
                "position %" PRId64 ": somebody, or a disk, has changed parley.db\n",
                c->n_changed, c->changed_at);
    }
    fflush(to);
}
