#include "base/rand.h"

#include "base/base64.h"

static void take_ahead(struct rand *r, void *out, size_t n)
{
    struct rand_ahead *a = container_of(r, struct rand_ahead, rand);

    if (n > sizeof(a->bytes)) {
        rand_bytes(a->from, out, n);
        return;
    }
    if (n > a->left) {
        rand_bytes(a->from, a->bytes, sizeof(a->bytes));
        a->left = sizeof(a->bytes);
    }
    a->left -= n;
    str_copy(out, (str){a->bytes + a->left, n});
    explicit_bzero(a->bytes + a->left, n);
}

void rand_ahead_init(struct rand_ahead *a, struct rand *from)
{
    *a = (struct rand_ahead){.rand.bytes = take_ahead, .from = from};
}

void rand_ahead_fini(struct rand_ahead *a)
{
    explicit_bzero(a, sizeof(*a));
}

void rand_name(struct rand *r, char out[RAND_NAME_SIZE])
{
    char random[(RAND_NAME_SIZE - 1) / 4 * 3];

    rand_bytes(r, random, sizeof(random));
    base64_encode(out, (str){random, sizeof(random)});
    for (size_t i = 0; i < RAND_NAME_SIZE - 1; i++) {
        if (out[i] == '+')
            out[i] = '-';
        if (out[i] == '/')
            out[i] = '_';
    }
    out[RAND_NAME_SIZE - 1] = '\0';
}

static bool is_of_name(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           c == '_' || c == '-';
}

bool rand_is_name(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_of_name(text.ptr[i]))
            return false;
    }
    return text.len == RAND_NAME_SIZE - 1;
}
