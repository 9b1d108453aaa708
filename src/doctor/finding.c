#include "doctor/finding.h"

#include <stdarg.h>

#include "base/utf8.h"
#include "json/json.h"

#define NAME_WIDTH 15 // columns
#define WIDTH      88 // of a remedy, with what is in front of it
#define INDENT     8

static const char *const words[VERDICTS] = {
    [VERDICT_OK] = "ok",
    [VERDICT_WARN] = "warn",
    [VERDICT_BAD] = "bad",
    [VERDICT_SKIP] = "skip",
};

void finding_progress(const struct findings *f, const char *name)
{
    if (!f->has_progress)
        return;
    fprintf(f->out, "\r\033[K  ...   %s", name);
    fflush(f->out);
}

/** Of one line, and UTF-8. */
static void make_plain(char *text)
{
    const bool is_utf8 = utf8_is_valid(str_of(text));

    for (char *c = text; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte < ' ' || byte == 0x7f || (byte >= 0x80 && !is_utf8))
            *c = *c == '\n' ? ' ' : '?';
    }
}

/** Words below each other, whole: some are to be copied. */
static void print_remedy(FILE *out, str text)
{
    size_t column = 0;

    while (text.len > 0) {
        const str word = str_take_until(&text, ' ');
        if (column > 0 && column + 1 + word.len > WIDTH) {
            fprintf(out, "\n");
            column = 0;
        }
        column +=
            (size_t)fprintf(out, "%*s" STR_FMT, column == 0 ? INDENT : 1, "", STR_ARG(word));
    }
    fprintf(out, "\n");
}

static void print_lines(const struct findings *f, enum verdict v, const char *name,
                        const char *remedy, const char *what)
{
    fprintf(f->out, "%s  %-4s  %-*s %s\n", f->has_progress ? "\r\033[K" : "", words[v],
            NAME_WIDTH, name, what);
    if (remedy[0])
        print_remedy(f->out, str_of(remedy));
}

static void print_json(const struct findings *f, enum verdict v, const char *name,
                       const char *remedy, const char *what)
{
    struct buf out;

    buf_init(&out, SIZE_MAX / 2);
    int r = buf_add(&out, STR("{\"name\":"));
    r |= json_print_str(&out, str_of(name));
    r |= buf_addf(&out, ",\"verdict\":\"%s\",\"what\":", words[v]);
    r |= json_print_str(&out, str_of(what));
    r |= buf_add(&out, STR(",\"remedy\":"));
    r |= remedy[0] ? json_print_str(&out, str_of(remedy)) : buf_add(&out, STR("null"));
    r |= buf_add(&out, STR("}\n"));
    assert(r == 0);
    (void)r;
    fprintf(f->out, STR_FMT, STR_ARG(buf_str(&out)));
    buf_fini(&out);
}

void finding_add(struct findings *f, enum verdict v, const char *name, const char *remedy,
                 const char *fmt, ...)
{
    char what[FINDING_TEXT_SIZE];
    char then[FINDING_REMEDY_SIZE];
    va_list args;

    va_start(args, fmt);
    vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    snprintf(then, sizeof(then), "%s", remedy ? remedy : "");
    make_plain(what);
    make_plain(then);
    f->n[v]++;
    if (f->is_json) {
        print_json(f, v, name, then, what);
    } else {
        print_lines(f, v, name, then, what);
    }
    fflush(f->out);
}

const char *finding_size(char out[FINDING_SIZE_SIZE], uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB"};
    uint64_t n = (bytes + 1023) / 1024;
    size_t i = 0;

    for (; n >= 10240 && i + 1 < COUNT_OF(units); i++)
        n /= 1024;
    snprintf(out, FINDING_SIZE_SIZE, "%llu %s", (unsigned long long)n, units[i]);
    return out;
}

void finding_end(const struct findings *f)
{
    if (f->is_json)
        return;
    fprintf(f->out, "%s%u ok, %u warn, %u bad, %u skipped\n", f->has_progress ? "\r\033[K" : "",
            f->n[VERDICT_OK], f->n[VERDICT_WARN], f->n[VERDICT_BAD], f->n[VERDICT_SKIP]);
}
