/** The RPC of a chain, as auth/fetch.h: what its contracts say is up to the test. */
#pragma once

#include "support/fake_fetcher.h"

#define CHAIN_WORD(digits)   "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x" digits "\"}"
#define CHAIN_56_ZEROES      "00000000000000000000000000000000000000000000000000000000"
#define CHAIN_YES            CHAIN_WORD("1626ba7e" CHAIN_56_ZEROES)
#define CHAIN_NO             CHAIN_WORD("ffffffff" CHAIN_56_ZEROES)
#define CHAIN_NO_CONTRACT    CHAIN_WORD("")
#define CHAIN_FAILURE(error) "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{" error "}}"
#define CHAIN_REVERTED       CHAIN_FAILURE("\"code\":3,\"message\":\"execution reverted\"")
#define CHAIN_BEHIND         CHAIN_FAILURE("\"code\":-32000,\"message\":\"header not found\"")

struct fake_chain {
    struct fake_fetcher fetcher;
    const char *says; // NULL: it does not answer
};

static inline struct fake_answer fake_chain_decide(void *arg, const struct auth_fetch *what)
{
    const struct fake_chain *c = arg;

    (void)what;
    return c->says ? (struct fake_answer){.body = str_of(c->says)}
                   : (struct fake_answer){.r = AUTH_FETCH_FAILED};
}

static inline void fake_chain_init(struct fake_chain *c, struct job_queue *later)
{
    c->says = NULL;
    fake_fetcher_init(&c->fetcher, later);
    c->fetcher.decide = fake_chain_decide;
    c->fetcher.decide_arg = c;
}

static inline size_t fake_chain_n_asked(const struct fake_chain *c)
{
    return c->fetcher.n_fetched;
}
