#include "io/tcp_limit.h"

bool tcp_limit_take(struct tcp_limit *l, struct tcp_place *out)
{
    size_t n = atomic_load(&l->n);

    do {
        if (l->max > 0 && n >= l->max)
            return false;
    } while (!atomic_compare_exchange_weak(&l->n, &n, n + 1));
    *out = (struct tcp_place){.limit = l};
    return true;
}

bool tcp_limit_take_ip(struct tcp_place *p, const ip *address)
{
    p->of_ip = ips_take(p->limit->per_ip, address);
    return p->of_ip != NULL;
}

void tcp_limit_give(struct tcp_place *p)
{
    if (p->of_ip)
        ips_give(p->of_ip);
    if (p->limit)
        atomic_fetch_sub(&p->limit->n, 1);
    *p = (struct tcp_place){0};
}
