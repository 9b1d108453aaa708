#include "bench/floor.h"

#include <stdio.h>

int floor_measure(struct floor *out, const struct floor_config *config)
{
    *out = (struct floor){0};
    fprintf(stderr, "parley-bench: the floor: forwarding, then appending\n");
    const int r = floor_forward(out, config);
    return r == 0 ? floor_append(out, config) : r;
}

static double per_s(uint64_t n, int64_t us)
{
    return us > 0 ? (double)n * 1e6 / (double)us : 0;
}

static double each(int64_t us, uint64_t n)
{
    return n > 0 ? (double)us / (double)n : 0;
}

double floor_forward_per_s(const struct floor *f)
{
    return per_s(f->n_forwarded, f->forward_us);
}

double floor_server_cpu_us(const struct floor *f)
{
    return each(f->server_cpu_us, f->n_forwarded);
}

double floor_own_cpu_us(const struct floor *f)
{
    return each(f->own_cpu_us, f->n_forwarded);
}

double floor_append_per_s(const struct floor_append *a)
{
    return per_s(a->n, a->took_us);
}
