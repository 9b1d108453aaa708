#include "io/pace.h"

#define S_NS     1e9
#define PAUSE_NS (INT64_MAX / 4) // so that no rate makes it overflow

static int64_t cost_ns(const struct pace *p, uint64_t n)
{
    const double ns = (double)n * S_NS / (double)p->bytes_per_s;

    return ns < (double)PAUSE_NS ? (int64_t)ns : PAUSE_NS;
}

int64_t pace_take(struct pace *p, uint64_t n, int64_t now_ns)
{
    const int64_t earliest_ns = now_ns - cost_ns(p, p->burst_bytes);
    if (p->paid_ns < earliest_ns)
        p->paid_ns = earliest_ns;
    p->paid_ns += cost_ns(p, n);
    return p->paid_ns > now_ns ? p->paid_ns - now_ns : 0;
}
