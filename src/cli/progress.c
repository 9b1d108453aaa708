#include "cli/progress.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "io/loop.h"

#define BAR_WIDTH 24
#define LEFT_SIZE 64
#define BAR_MS    200  // from one look of the bar to the next
#define LINE_MS   5000 // from one line to the next
#define TEXT_SIZE 256
#define MIB       1048576
#define NS_PER_MS 1000000

void progress_print_init(struct progress_print *p, const char *command, bool is_quiet)
{
    *p = (struct progress_print){
        .command = command,
        .out = stderr,
        .is_quiet = is_quiet,
        .is_terminal = isatty(fileno(stderr)) != 0,
    };
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
static void print_text(char out[TEXT_SIZE], const struct progress_print *p,
                       const struct progress *now, int64_t now_ms)
{
    const int64_t ms = now_ms - p->began_ms;
    const int64_t rate = ms > 0 ? (now->n - p->began_n) * 1000 / ms : 0;
    const char *doing = now->doing ? now->doing : "";
    const char *gap = now->doing ? " " : "";
    const char *unit = now->is_bytes ? " MiB" : "";
    const int64_t by = now->is_bytes ? MIB : 1;
    char left[LEFT_SIZE];

    if (now->of <= 0) {
        snprintf(out, TEXT_SIZE, "%s%s%s %" PRId64 "%s", doing, gap, now->what, now->n / by,
                 unit);
        return;
    }
    print_left(left, now->of - now->n, rate);
    snprintf(out, TEXT_SIZE,
             "%s%s%s %" PRId64 " of %" PRId64 "%s, %" PRId64 " %%, %" PRId64 "%s/s%s", doing,
             gap, now->what, now->n / by, now->of / by, unit, now->n * 100 / now->of, rate / by,
             unit, left);
}

static void print_bar(char out[BAR_WIDTH + 1], const struct progress *now)
{
    const int64_t full = now->of > 0 ? now->n * BAR_WIDTH / now->of : 0;

    for (int64_t i = 0; i < BAR_WIDTH; i++)
        out[i] = i < full ? '#' : '.';
    out[BAR_WIDTH] = '\0';
}

static void show(struct progress_print *p, const struct progress *now, int64_t now_ms)
{
    char text[TEXT_SIZE];
    char bar[BAR_WIDTH + 1];

    p->told_ms = now_ms;
    print_text(text, p, now, now_ms);
    if (!p->is_terminal) {
        fprintf(p->out, "%s: %s\n", p->command, text);
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

void progress_print_at(struct progress_print *p, const struct progress *now, int64_t now_ms)
{
    char told[PROGRESS_TOLD_SIZE];

    snprintf(told, sizeof(told), "%s %s", now->doing ? now->doing : "", now->what);
    const bool is_new = strcmp(p->told, told) != 0;
    if (p->is_quiet)
        return;
    if (is_new) {
        memcpy(p->told, told, sizeof(told));
        p->began_ms = p->told_ms = now_ms;
        p->began_n = now->n;
        if (now->is_resumed) {
            fprintf(p->out, "%s: goes on behind %" PRId64 " %s\n", p->command, now->n,
                    now->what);
        }
    }
    if ((is_new && now->of > 0) || now_ms - p->told_ms >= (p->is_terminal ? BAR_MS : LINE_MS)) {
        show(p, now, now_ms);
    }
}

void progress_print_end(struct progress_print *p)
{
    if (p->has_bar)
        fprintf(p->out, "\r\x1b[K");
    p->has_bar = false;
    p->told[0] = '\0';
    fflush(p->out);
}

void progress_print(void *arg, const struct progress *now)
{
    progress_print_at(arg, now, loop_now_ns() / NS_PER_MS);
}
