#include "bench/histogram.h"

// Below 64 each microsecond is a class. From there on, 64 classes an octave: of
// 2^o <= us < 2^(o+1), with o >= 6, the six bits behind the leading one say which.

#define BITS       6U
#define PER_OCTAVE (UINT64_C(1) << BITS)

static size_t class_of(uint64_t us)
{
    if (us < PER_OCTAVE)
        return us;
    const unsigned octave = 63U - (unsigned)__builtin_clzll(us);
    const unsigned shift = octave - BITS;
    const size_t i = (shift + 1) * PER_OCTAVE + (us >> shift) - PER_OCTAVE;
    return i < HISTOGRAM_CLASSES ? i : HISTOGRAM_CLASSES - 1;
}

/** The longest that is counted there. */
static int64_t longest_of(size_t i)
{
    if (i < PER_OCTAVE)
        return (int64_t)i;
    const uint64_t shift = i / PER_OCTAVE - 1;
    return (int64_t)(((PER_OCTAVE + i % PER_OCTAVE + 1) << shift) - 1);
}

void histogram_add(struct histogram *h, int64_t us)
{
    h->counts[class_of(us > 0 ? (uint64_t)us : 0)]++;
    h->n++;
}

int64_t histogram_at(const struct histogram *h, double share)
{
    const double want = share * (double)h->n;
    uint64_t seen = 0;

    if (h->n == 0)
        return 0;
    for (size_t i = 0; i < HISTOGRAM_CLASSES; i++) {
        seen += h->counts[i];
        if (seen > 0 && (double)seen >= want)
            return longest_of(i);
    }
    return longest_of(HISTOGRAM_CLASSES - 1);
}
