#include "bench/pairing.h"

// The last wallet stands in the middle, the others around it in a circle. In round r wallet r
// meets the one in the middle, and each two that are equally far from r meet each other: how
// far is their place.

uint64_t pairing_most(uint32_t n_wallets)
{
    return (uint64_t)n_wallets / 2 * (n_wallets - 1);
}

uint64_t pairing_wallets(uint64_t n_conversations)
{
    uint64_t n = 2;

    while (n / 2 * (n - 1) < n_conversations)
        n += 2;
    return n;
}

uint64_t pairing_in_play(uint32_t n_wallets, uint64_t n_messages, uint32_t per)
{
    const uint64_t n = (n_messages + per - 1) / per;
    const uint64_t least = n_wallets / 2;
    const uint64_t most = pairing_most(n_wallets);

    return n < least ? least : n < most ? n : most;
}

/** From r to i, around the circle. */
static uint32_t steps(uint32_t n_around, uint32_t round, uint32_t i)
{
    return i >= round ? i - round : i + n_around - round;
}

uint32_t pairing_peer(uint32_t n_wallets, uint32_t round, uint32_t i)
{
    const uint32_t n_around = n_wallets - 1;

    if (i == n_around)
        return round;
    const uint32_t far = steps(n_around, round, i);
    if (far == 0)
        return n_around;
    return round >= far ? round - far : round + n_around - far;
}

uint32_t pairing_place(uint32_t n_wallets, uint32_t round, uint32_t i)
{
    const uint32_t n_around = n_wallets - 1;

    if (i == n_around)
        return 0;
    const uint32_t far = steps(n_around, round, i);
    return far <= n_around / 2 ? far : n_around - far;
}

uint32_t pairing_draw(struct prng *prng, uint32_t n_wallets, uint64_t n_conversations,
                      uint32_t i)
{
    const uint32_t n_places = n_wallets / 2;
    const uint32_t n_whole = (uint32_t)(n_conversations / n_places);
    const uint32_t n_more = (uint32_t)(n_conversations % n_places); // of a round begun
    const bool is_begun = n_more > 0 && pairing_place(n_wallets, n_whole, i) < n_more;

    return pairing_peer(n_wallets, prng_below(prng, n_whole + is_begun), i);
}
