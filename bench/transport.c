#include "bench/transport.h"

#include <stdarg.h>
#include <stdio.h>

#include "bench/answer.h"

const char *transport_why(char out[TRANSPORT_WHY_SIZE], const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(out, TRANSPORT_WHY_SIZE, fmt, ap); // cut where it is too long
    va_end(ap);
    for (char *c = out; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == '\x7f')
            *c = '?';
    }
    return out;
}

const char *transport_why_answer(char out[TRANSPORT_WHY_SIZE], const struct answer *a)
{
    return transport_why(out, "the server answered %u %.*s", a->status, (int)a->body_len,
                         a->body);
}
