#include "bench/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "bench/figures.h"

#define BUSY_CORES 0.9 // of the generator's one thread

/** Of all runs. */
struct summary {
    struct figures *each; // owned: of each run, and then these three
    size_t n;
    struct figures *median;
    struct figures *least;
    struct figures *most;
    double connects_per_s;
    uint64_t sent;
    uint64_t acked;
    uint64_t delivered;
    uint64_t acked_meanwhile;
};

static void summary_init(struct summary *s, const struct report *r)
{
    const struct load_result *x = r->result;

    *s = (struct summary){.n = x->n_runs};
    s->each = mem_alloc((s->n + 3) * sizeof(*s->each));
    s->median = &s->each[s->n];
    s->least = &s->each[s->n + 1];
    s->most = &s->each[s->n + 2];
    for (size_t i = 0; i < s->n; i++) {
        figures_of(&s->each[i], r->options, x, &x->runs[i]);
        s->sent += x->runs[i].measure.sent;
        s->acked += x->runs[i].measure.acked;
        s->delivered += x->runs[i].measure.delivered;
        s->acked_meanwhile += x->runs[i].measure.acked_meanwhile;
    }
    figures_at(s->median, s->each, s->n, 0.5);
    figures_at(s->least, s->each, s->n, 0);
    figures_at(s->most, s->each, s->n, 1);
    s->connects_per_s = (double)NAN;
    if (x->connected_us > 0)
        s->connects_per_s = (double)r->options->sessions * 1e6 / (double)x->connected_us;
}

static void summary_fini(struct summary *s)
{
    free(s->each);
}

/** Nothing was to be acknowledged, or something was. */
static bool has_answers(const struct load_result *x)
{
    for (size_t i = 0; i < x->n_runs; i++) {
        if (x->runs[i].measure.acked == 0)
            return false;
    }
    return true;
}

const char *report_verdict(const struct report *r)
{
    if (!r->result)
        return NULL;
    const struct ledger_counts *c = &r->result->counts;
    if (c->lost > 0)
        return "messages that were acknowledged did not come";
    if (c->duplicated > 0)
        return "messages came twice on one connection";
    if (c->reordered > 0)
        return "messages came behind later ones";
    if (c->invented > 0)
        return "messages came that were not sent so, or had been refused";
    if (r->result->n_unanswered > 0)
        return "messages got neither an acknowledgement nor an error";
    if (!r->options->idle && !has_answers(r->result))
        return "nothing was acknowledged";
    return NULL;
}

// JSON.

static void json_count(FILE *out, const char *name, uint64_t value)
{
    fprintf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

static void json_rounded(FILE *out, const char *name, double value, int decimals)
{
    if (isnan(value)) {
        fprintf(out, ",\"%s\":null", name);
    } else {
        fprintf(out, ",\"%s\":%.*f", name, decimals, value);
    }
}

static void json_latency(FILE *out, const char *name, const double ms[FIGURES_SHARES])
{
    if (isnan(ms[0])) {
        fprintf(out, ",\"%s\":null", name);
        return;
    }
    fprintf(out, ",\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f}", name, ms[0],
            ms[1], ms[2], ms[3]);
}

static void json_figures(FILE *out, const struct figures *f)
{
    static const struct {
        enum figure figure;
        const char *name;
        int decimals;
    } names[] = {
        {FIGURE_ACKED_PER_S, "acked_per_s", 3},
        {FIGURE_DELIVERED_PER_S, "delivered_per_s", 3},
        {FIGURE_SERVER_CPU_US, "server_cpu_us_per_message", 3},
        {FIGURE_SERVER_CORES, "server_cores", 3},
        {FIGURE_SERVER_RSS_KIB, "server_rss_kib", 0},
        {FIGURE_SERVER_RSS_KIB_PER_SESSION, "server_rss_kib_per_session", 3},
        {FIGURE_SERVER_CPU_US_PER_CONNECT, "server_cpu_us_per_connect", 3},
        {FIGURE_OWN_CPU_US, "generator_cpu_us_per_message", 3},
        {FIGURE_OWN_CORES, "generator_cores", 3},
        {FIGURE_STORED, "stored", 0},
        {FIGURE_CONVERSATIONS, "conversations", 0},
    };

    json_rounded(out, "seconds", f->of[FIGURE_SECONDS], 3);
    json_latency(out, "ack_ms", &f->of[FIGURE_ACK_MS]);
    json_latency(out, "delivery_ms", &f->of[FIGURE_DELIVERY_MS]);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        json_rounded(out, names[i].name, f->of[names[i].figure], names[i].decimals);
}

/** An object that has nothing else. */
static void json_figures_of(FILE *out, const char *kind, const struct figures *f)
{
    fprintf(out, "{\"kind\":\"%s\"", kind);
    json_figures(out, f);
    fprintf(out, "}");
}

static void json_runs(FILE *out, const struct summary *s)
{
    json_count(out, "runs", s->n);
    if (s->n <= 1)
        return;
    fprintf(out, ",\"each\":[");
    for (size_t i = 0; i < s->n; i++) {
        fputs(i > 0 ? "," : "", out);
        json_figures_of(out, "run", &s->each[i]);
    }
    fprintf(out, "],\"least\":");
    json_figures_of(out, "least", s->least);
    fprintf(out, ",\"most\":");
    json_figures_of(out, "most", s->most);
}

static void json_errors(FILE *out, const struct measure *m)
{
    fprintf(out, ",\"errors_by_code\":{");
    for (size_t i = 0; i < m->n_codes; i++) {
        fprintf(out, "%s\"%s\":%llu", i > 0 ? "," : "", m->errors[i].code,
                (unsigned long long)m->errors[i].n);
    }
    fprintf(out, "}");
}

static void json_pages(FILE *out, const char *name, const struct load_pages *p)
{
    fprintf(out, ",\"%s\":", name);
    if (p->us.n == 0) {
        fprintf(out, "null");
        return;
    }
    fprintf(out, "{\"pages\":%llu", (unsigned long long)p->us.n);
    json_rounded(out, "messages", (double)p->n_messages / (double)p->us.n, 1);
    json_rounded(out, "p50", (double)histogram_at(&p->us, 0.5) / 1000, 3);
    json_rounded(out, "p99", (double)histogram_at(&p->us, 0.99) / 1000, 3);
    fprintf(out, "}");
}

static void json_append(FILE *out, const struct floor_append *a)
{
    fprintf(out, "{\"group\":%u", a->n_group);
    json_rounded(out, "per_s", floor_append_per_s(a), 0);
    json_rounded(out, "cpu_us", (double)a->cpu_us / (double)a->n, 3);
    json_rounded(out, "sync_ms_p50", (double)histogram_at(&a->sync_us, 0.5) / 1000, 3);
    json_rounded(out, "sync_ms_p99", (double)histogram_at(&a->sync_us, 0.99) / 1000, 3);
    fprintf(out, "}");
}

static void json_floor(FILE *out, const struct floor *f)
{
    fprintf(out, "{\"forward\":{\"per_s\":%.0f", floor_forward_per_s(f));
    json_rounded(out, "server_cpu_us", floor_server_cpu_us(f), 3);
    json_rounded(out, "generator_cpu_us", floor_own_cpu_us(f), 3);
    fprintf(out, "},\"append\":[");
    for (size_t i = 0; i < FLOOR_GROUPS; i++) {
        fputs(i > 0 ? "," : "", out);
        json_append(out, &f->appends[i]);
    }
    fprintf(out, "]}");
}

/** Of nothing else, or of all. */
static void json_floors(FILE *out, const struct report *r)
{
    if (r->n_floors == 0)
        return;
    fprintf(out, ",\"floor\":[");
    for (size_t i = 0; i < r->n_floors; i++) {
        fputs(i > 0 ? "," : "", out);
        json_floor(out, &r->floors[i]);
    }
    fprintf(out, "]");
}

static void json_load(FILE *out, const struct report *r)
{
    const struct bench_options *o = r->options;
    const struct load_result *x = r->result;
    const struct measure *m = &x->measure;
    struct summary s;

    summary_init(&s, r);
    json_count(out, "servers", o->urls.n);
    fprintf(out, ",\"transport\":\"" STR_FMT "\",\"peers\":\"" STR_FMT "\",\"receipts\":%s",
            STR_ARG(o->transport),
            STR_ARG(o->stored_per_conversation > 0 ? STR("growing") : o->peers),
            o->receipts ? "true" : "false");
    json_count(out, "stored_per_conversation", o->stored_per_conversation);
    json_count(out, "rate", o->rate);
    json_count(out, "preload", o->preload);
    json_count(out, "sent", s.sent);
    json_count(out, "acked", s.acked);
    json_count(out, "delivered", s.delivered);
    json_count(out, "lost", x->counts.lost);
    json_count(out, "duplicated", x->counts.duplicated);
    json_count(out, "reordered", x->counts.reordered);
    json_count(out, "invented", x->counts.invented);
    json_count(out, "unanswered", x->n_unanswered);
    json_count(out, "errors", m->n_errors);
    json_errors(out, m);
    json_count(out, "reconnects", m->n_reconnects);
    json_count(out, "repeated", m->n_repeats);
    json_count(out, "redelivered", x->counts.redelivered);
    json_count(out, "echoed", m->n_echoed);
    json_rounded(out, "connects_per_s", s.connects_per_s, 3);
    json_figures(out, s.median);
    json_count(out, "stored_at_end", x->n_stored);
    json_pages(out, "history_ms", &x->any);
    json_pages(out, "history_long_ms", &x->old);
    json_runs(out, &s);
    summary_fini(&s);
}

static const char *kind_of(const struct report *r)
{
    if (!r->result)
        return "floor";
    return r->options->idle ? "idle" : "load";
}

void report_json(FILE *out, const struct report *r)
{
    const struct bench_options *o = r->options;

    fprintf(out, "{\"kind\":\"%s\"", kind_of(r));
    json_count(out, "sessions", o->sessions);
    json_count(out, "window", o->window);
    json_count(out, "size", o->size);
    if (r->result)
        json_load(out, r);
    json_floors(out, r);
    fprintf(out, "}\n");
}

// Lines.

static void text_latency(FILE *out, const char *name, const double ms[FIGURES_SHARES])
{
    fprintf(out, "%-12s p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms\n", name, ms[0], ms[2], ms[3]);
}

static void text_run(FILE *out, const struct summary *s)
{
    const struct figures *f = s->median;
    const double own_cores = f->of[FIGURE_OWN_CORES];

    fprintf(out, "%-12s %.0f a second: %llu in %.1f s; %llu sent, %llu delivered\n", "acked",
            f->of[FIGURE_ACKED_PER_S], (unsigned long long)s->acked_meanwhile,
            f->of[FIGURE_SECONDS], (unsigned long long)s->sent,
            (unsigned long long)s->delivered);
    text_latency(out, "ack", &f->of[FIGURE_ACK_MS]);
    text_latency(out, "delivery", &f->of[FIGURE_DELIVERY_MS]);
    fprintf(out, "%-12s %.1f µs of CPU a message, %.2f cores%s\n", "generator",
            f->of[FIGURE_OWN_CPU_US], own_cores,
            own_cores > BUSY_CORES ? ": it may be what was measured" : "");
    if (!isnan(f->of[FIGURE_SERVER_CPU_US])) {
        fprintf(out, "%-12s %.1f µs of CPU a message, %.2f cores, %.0f KiB\n", "server",
                f->of[FIGURE_SERVER_CPU_US], f->of[FIGURE_SERVER_CORES],
                f->of[FIGURE_SERVER_RSS_KIB]);
    }
}

struct column {
    const char *name;
    enum figure figure;
    int decimals;
};

static const struct column columns[] = {
    {"acked/s", FIGURE_ACKED_PER_S, 0},         {"delivered/s", FIGURE_DELIVERED_PER_S, 0},
    {"ack p50 ms", FIGURE_ACK_MS, 2},           {"ack p99 ms", FIGURE_ACK_MS + 2, 2},
    {"deliv. p50", FIGURE_DELIVERY_MS, 2},      {"deliv. p99", FIGURE_DELIVERY_MS + 2, 2},
    {"server µs", FIGURE_SERVER_CPU_US, 1},     {"server KiB", FIGURE_SERVER_RSS_KIB, 0},
    {"gen. µs", FIGURE_OWN_CPU_US, 1},          {"stored", FIGURE_STORED, 0},
    {"conversations", FIGURE_CONVERSATIONS, 0},
};

/** A row of a Markdown table, which people can read as well. */
static void text_row(FILE *out, const char *name, const struct figures *f)
{
    fprintf(out, "| %-6s |", name);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        const double value = f->of[columns[i].figure];
        if (isnan(value)) {
            fprintf(out, " %11s |", "");
        } else {
            fprintf(out, " %11.*f |", columns[i].decimals, value);
        }
    }
    fprintf(out, "\n");
}

static void text_runs(FILE *out, const struct summary *s)
{
    char name[24];

    fprintf(out, "| %-6s |", "run");
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        fprintf(out, " %11s |", columns[i].name);
    fprintf(out, "\n| ------ |");
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        fprintf(out, " ----------: |");
    fprintf(out, "\n");
    for (size_t i = 0; i < s->n; i++) {
        (void)snprintf(name, sizeof(name), "%zu", i + 1);
        text_row(out, name, &s->each[i]);
    }
    text_row(out, "median", s->median);
    text_row(out, "least", s->least);
    text_row(out, "most", s->most);
}

static void text_pages(FILE *out, const char *of, const struct load_pages *p)
{
    if (p->us.n == 0)
        return;
    fprintf(out, "%-12s p50 %.2f ms, p99 %.2f ms: %llu pages %s, %.1f messages on each\n",
            "history", (double)histogram_at(&p->us, 0.5) / 1000,
            (double)histogram_at(&p->us, 0.99) / 1000, (unsigned long long)p->us.n, of,
            (double)p->n_messages / (double)p->us.n);
}

static void text_floor(FILE *out, const struct floor *f)
{
    fprintf(out,
            "%-12s %.0f frames forwarded a second, %.2f µs of CPU each (generator %.2f µs)\n",
            "floor", floor_forward_per_s(f), floor_server_cpu_us(f), floor_own_cpu_us(f));
    for (size_t i = 0; i < FLOOR_GROUPS; i++) {
        const struct floor_append *a = &f->appends[i];
        fprintf(out,
                "%-12s %.0f records appended a second, in groups of %u, %.2f µs of CPU each; "
                "sync p50 %.2f ms, p99 %.2f ms\n",
                "", floor_append_per_s(a), a->n_group, (double)a->cpu_us / (double)a->n,
                (double)histogram_at(&a->sync_us, 0.5) / 1000,
                (double)histogram_at(&a->sync_us, 0.99) / 1000);
    }
}

static void text_checks(FILE *out, const struct report *r)
{
    const struct ledger_counts *c = &r->result->counts;
    const struct measure *m = &r->result->measure;
    const char *verdict = report_verdict(r);

    fprintf(out,
            "%-12s %llu lost, %llu duplicated, %llu reordered, %llu invented, "
            "%llu unanswered\n",
            "checked", (unsigned long long)c->lost, (unsigned long long)c->duplicated,
            (unsigned long long)c->reordered, (unsigned long long)c->invented,
            (unsigned long long)r->result->n_unanswered);
    fprintf(out, "%-12s %llu", "errors", (unsigned long long)m->n_errors);
    for (size_t i = 0; i < m->n_codes; i++)
        fprintf(out, ", %s %llu", m->errors[i].code, (unsigned long long)m->errors[i].n);
    fprintf(out, "\n");
    if (verdict)
        fprintf(out, "FAILED: %s\n", verdict);
}

static void text_load(FILE *out, const struct report *r)
{
    const struct load_result *x = r->result;
    struct summary s;

    summary_init(&s, r);
    fprintf(out, "%-12s %.0f a second\n", "connected", s.connects_per_s);
    const struct figures *f = s.median;
    if (r->options->idle && !isnan(f->of[FIGURE_SERVER_RSS_KIB_PER_SESSION])) {
        fprintf(out, "%-12s %.2f KiB a session, %.0f KiB in all, %.3f cores\n", "server",
                f->of[FIGURE_SERVER_RSS_KIB_PER_SESSION], f->of[FIGURE_SERVER_RSS_KIB],
                f->of[FIGURE_SERVER_CORES]);
    } else if (!r->options->idle && s.n > 1) {
        text_runs(out, &s);
    } else if (!r->options->idle && s.n == 1) {
        text_run(out, &s);
    }
    text_pages(out, "of any", &x->any);
    text_pages(out, "of the longest", &x->old);
    summary_fini(&s);
}

void report_text(FILE *out, const struct report *r)
{
    if (r->result)
        text_load(out, r);
    for (size_t i = 0; i < r->n_floors; i++)
        text_floor(out, &r->floors[i]);
    if (!r->result)
        return;
    text_checks(out, r);
    if (r->options->wallets.ptr) {
        fprintf(out, "%-12s %llu messages: --stored=%llu goes on with them\n", "stored",
                (unsigned long long)r->result->n_stored,
                (unsigned long long)r->result->n_stored);
    }
}
