/** Questions over HTTP, one after the other: each is waited for. */
#pragma once

#include "base/buf.h"
#include "io/fetch.h"
#include "io/loop.h"

#define DOCTOR_ASK_MS     5000  // for an answer
#define DOCTOR_ANSWER_MAX 65536 // of its body

struct asker {
    struct loop *loop;
    struct fetcher *fetcher;
};

/** @param ca_file  as of struct fetcher_config @return 0 or a fault; asker_fini() in either
 * case */
MUST_CHECK int asker_init(struct asker *a, const char *ca_file);
void asker_fini(struct asker *a);

/** fini: answer_fini(). */
struct answer {
    int r;           // 0 or an enum fetch_refusal
    const char *why; // of a refusal; static
    unsigned status; // 0: none has come
    int64_t took_ms;
    int64_t unix_ms; // in the middle of that
    struct buf head;
    struct buf body;
};

/** @param what  timeout_ms and max_bytes of 0 are as above; wants_head does not matter */
void ask(struct asker *a, const struct fetch *what, struct answer *out);
void answer_fini(struct answer *a);

/** As it stands in the head; ptr is NULL without it. Borrowed. */
str answer_field(const struct answer *a, str name);

/** By how much the clock of who answered is ahead of ours. @return false: it does not say */
bool answer_ahead_ms(const struct answer *a, int64_t *ahead_ms);
