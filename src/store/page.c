#include "store/page.h"

#include <stdlib.h>

static int by_position(const void *a, const void *b)
{
    const struct chat_receipt *x = a;
    const struct chat_receipt *y = b;

    if (x->position != y->position)
        return x->position < y->position ? -1 : 1;
    return (int)x->mark - (int)y->mark;
}

struct store_receipts_page page_of_receipts(struct chat_receipt *receipts, size_t n, size_t max,
                                            int64_t upto)
{
    struct store_receipts_page page = {
        .receipts = receipts, .n_receipts = n, .upto = upto, .has_more = n > max};

    if (n > 0)
        qsort(receipts, n, sizeof(*receipts), by_position);
    if (!page.has_more)
        return page;
    page.n_receipts = receipts[max].position == receipts[max - 1].position ? max - 1 : max;
    page.upto = receipts[page.n_receipts - 1].position;
    return page;
}
