#include "bench/figures.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

#define NOT_MEASURED ((double)NAN)

static const double shares[FIGURES_SHARES] = {0.5, 0.9, 0.99, 0.999};

static double per(double what, double n)
{
    return n > 0 ? what / n : NOT_MEASURED;
}

static void set_latencies(double out[FIGURES_SHARES], const struct histogram *h)
{
    for (size_t i = 0; i < FIGURES_SHARES && h->n > 0; i++)
        out[i] = (double)histogram_at(h, shares[i]) / 1000;
}

static void set_load(struct figures *f, const struct bench_options *o, const struct load_run *r)
{
    const struct measure *m = &r->measure;

    f->of[FIGURE_ACKED_PER_S] = (double)m->acked_meanwhile / (double)o->seconds;
    f->of[FIGURE_DELIVERED_PER_S] = (double)m->delivered_meanwhile / (double)o->seconds;
    set_latencies(&f->of[FIGURE_ACK_MS], &m->ack);
    set_latencies(&f->of[FIGURE_DELIVERY_MS], &m->delivery);
    f->of[FIGURE_OWN_CPU_US] =
        per((double)(r->own_to.cpu_us - r->own_from.cpu_us), (double)m->acked_meanwhile);
    if (r->n_conversations > 0)
        f->of[FIGURE_CONVERSATIONS] = (double)r->n_conversations;
    f->of[FIGURE_STORED] = (double)r->n_stored;
}

static void set_server(struct figures *f, const struct bench_options *o,
                       const struct load_result *x, const struct load_run *r)
{
    const double cpu_us = (double)(r->to.cpu_us - r->from.cpu_us);

    f->of[FIGURE_SERVER_CORES] = per(cpu_us, (double)r->measured_us);
    f->of[FIGURE_SERVER_RSS_KIB] = (double)r->to.rss_kib;
    if (o->idle) {
        f->of[FIGURE_SERVER_RSS_KIB_PER_SESSION] =
            per((double)(r->to.rss_kib - x->before.rss_kib), (double)o->sessions);
        if (o->preload == 0) {
            f->of[FIGURE_SERVER_CPU_US_PER_CONNECT] =
                per((double)(r->from.cpu_us - x->before.cpu_us), (double)o->sessions);
        }
    } else {
        f->of[FIGURE_SERVER_CPU_US] = per(cpu_us, (double)r->measure.acked_meanwhile);
    }
}

void figures_of(struct figures *f, const struct bench_options *o, const struct load_result *x,
                const struct load_run *r)
{
    for (size_t i = 0; i < FIGURES; i++)
        f->of[i] = NOT_MEASURED;
    if (!r)
        return;
    f->of[FIGURE_SECONDS] = (double)r->measured_us / 1e6;
    f->of[FIGURE_OWN_CORES] =
        per((double)(r->own_to.cpu_us - r->own_from.cpu_us), (double)r->measured_us);
    if (o->pids.n > 0 && !x->is_use_lost)
        set_server(f, o, x, r);
    if (!o->idle)
        set_load(f, o, r);
}

static int by_value(const void *a, const void *b)
{
    const double one = *(const double *)a;
    const double other = *(const double *)b;

    return (one > other) - (one < other);
}

/** Between two neighbours the middle, as medians have it. */
static double at(const double *sorted, size_t n, double share)
{
    const double where = share * (double)(n - 1);
    const size_t below = (size_t)where;
    const size_t above = below + (where > (double)below);

    return (sorted[below] + sorted[above]) / 2;
}

void figures_at(struct figures *f, const struct figures *all, size_t n, double share)
{
    double *values = mem_alloc((n + 1) * sizeof(*values));

    for (size_t i = 0; i < FIGURES; i++) {
        size_t n_measured = 0;
        for (size_t k = 0; k < n; k++) {
            if (!isnan(all[k].of[i]))
                values[n_measured++] = all[k].of[i];
        }
        qsort(values, n_measured, sizeof(*values), by_value);
        f->of[i] = n_measured > 0 ? at(values, n_measured, share) : NOT_MEASURED;
    }
    free(values);
}
