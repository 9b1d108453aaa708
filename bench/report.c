#include "bench/report.h"

#include <math.h>

#define BUSY_CORES   0.9 // of the generator's one thread
#define NOT_MEASURED ((double)NAN)

/** What the figures make, once for both forms. */
struct figures {
    double seconds;
    double acked_per_s;
    double connects_per_s;
    double server_cpu_us;
    double server_cores;
    double own_cpu_us;
    double own_cores;
    double rss_kib;
    double rss_kib_per_session;
};

static double per(double what, double n)
{
    return n > 0 ? what / n : NOT_MEASURED;
}

static struct figures figures_of(const struct report *r)
{
    const struct load_result *x = r->result;
    const struct measure *m = &x->measure;
    const bool has_pids = r->options->pids.n > 0 && !x->is_use_lost;
    const double cpu_us = (double)(x->to.cpu_us - x->from.cpu_us);
    const double own_us = (double)(x->own_to.cpu_us - x->own_from.cpu_us);
    struct figures f = {
        .seconds = (double)x->measured_us / 1e6,
        .connects_per_s = per((double)r->options->sessions, (double)x->connected_us / 1e6),
        .acked_per_s = NOT_MEASURED,
        .server_cpu_us = NOT_MEASURED,
        .server_cores = NOT_MEASURED,
        .own_cpu_us = NOT_MEASURED,
        .own_cores = per(own_us, (double)x->measured_us),
        .rss_kib = has_pids ? (double)x->to.rss_kib : NOT_MEASURED,
        .rss_kib_per_session = NOT_MEASURED,
    };

    if (has_pids)
        f.server_cores = per(cpu_us, (double)x->measured_us);
    if (r->options->idle) {
        if (has_pids) {
            f.rss_kib_per_session =
                per((double)(x->to.rss_kib - x->before.rss_kib), (double)r->options->sessions);
        }
        return f;
    }
    f.acked_per_s = (double)m->acked_meanwhile / (double)r->options->seconds;
    f.own_cpu_us = per(own_us, (double)m->acked_meanwhile);
    if (has_pids)
        f.server_cpu_us = per(cpu_us, (double)m->acked_meanwhile);
    return f;
}

const char *report_verdict(const struct report *r)
{
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
    if (!r->options->idle && r->result->measure.acked == 0)
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

static void json_figure(FILE *out, const char *name, double value)
{
    json_rounded(out, name, value, 3);
}

static double ms_at(const struct histogram *h, double share)
{
    return (double)histogram_at(h, share) / 1000;
}

static void json_latency(FILE *out, const char *name, const struct histogram *h)
{
    if (h->n == 0) {
        fprintf(out, ",\"%s\":null", name);
        return;
    }
    fprintf(out, ",\"%s\":{\"p50\":%.3f,\"p90\":%.3f,\"p99\":%.3f,\"p999\":%.3f}", name,
            ms_at(h, 0.5), ms_at(h, 0.9), ms_at(h, 0.99), ms_at(h, 0.999));
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

void report_json(FILE *out, const struct report *r)
{
    const struct bench_options *o = r->options;
    const struct load_result *x = r->result;
    const struct measure *m = &x->measure;
    const struct figures f = figures_of(r);

    fprintf(out, "{\"kind\":\"%s\"", o->idle ? "idle" : "load");
    json_count(out, "sessions", o->sessions);
    json_count(out, "servers", o->urls.n);
    fprintf(out, ",\"transport\":\"" STR_FMT "\",\"peers\":\"" STR_FMT "\",\"receipts\":%s",
            STR_ARG(o->transport), STR_ARG(o->peers), o->receipts ? "true" : "false");
    json_count(out, "window", o->window);
    json_count(out, "rate", o->rate);
    json_count(out, "size", o->size);
    json_count(out, "preload", o->preload);
    json_figure(out, "seconds", f.seconds);
    json_count(out, "sent", m->sent);
    json_count(out, "acked", m->acked);
    json_count(out, "delivered", m->delivered);
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
    json_figure(out, "acked_per_s", f.acked_per_s);
    json_latency(out, "ack_ms", &m->ack);
    json_latency(out, "delivery_ms", &m->delivery);
    json_figure(out, "connects_per_s", f.connects_per_s);
    json_figure(out, "server_cpu_us_per_message", f.server_cpu_us);
    json_figure(out, "server_cores", f.server_cores);
    json_rounded(out, "server_rss_kib", f.rss_kib, 0);
    json_figure(out, "server_rss_kib_per_session", f.rss_kib_per_session);
    json_figure(out, "generator_cpu_us_per_message", f.own_cpu_us);
    json_figure(out, "generator_cores", f.own_cores);
    fprintf(out, "}\n");
}

// Lines.

static void text_latency(FILE *out, const char *name, const struct histogram *h)
{
    fprintf(out, "%-12s p50 %.2f ms, p99 %.2f ms, p99.9 %.2f ms\n", name, ms_at(h, 0.5),
            ms_at(h, 0.99), ms_at(h, 0.999));
}

static void text_load(FILE *out, const struct report *r, const struct figures *f)
{
    const struct measure *m = &r->result->measure;

    fprintf(out, "%-12s %.0f a second: %llu in %.1f s; %llu sent, %llu delivered\n", "acked",
            f->acked_per_s, (unsigned long long)m->acked_meanwhile, f->seconds,
            (unsigned long long)m->sent, (unsigned long long)m->delivered);
    text_latency(out, "ack", &m->ack);
    text_latency(out, "delivery", &m->delivery);
    fprintf(out, "%-12s %.1f µs of CPU a message, %.2f cores%s\n", "generator", f->own_cpu_us,
            f->own_cores, f->own_cores > BUSY_CORES ? ": it may be what was measured" : "");
    if (!isnan(f->server_cpu_us)) {
        fprintf(out, "%-12s %.1f µs of CPU a message, %.2f cores, %.0f KiB\n", "server",
                f->server_cpu_us, f->server_cores, f->rss_kib);
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

void report_text(FILE *out, const struct report *r)
{
    const struct figures f = figures_of(r);

    fprintf(out, "%-12s %.0f a second\n", "connected", f.connects_per_s);
    if (!r->options->idle) {
        text_load(out, r, &f);
    } else if (!isnan(f.rss_kib_per_session)) {
        fprintf(out, "%-12s %.2f KiB a session, %.0f KiB in all, %.3f cores\n", "server",
                f.rss_kib_per_session, f.rss_kib, f.server_cores);
    }
    text_checks(out, r);
}
