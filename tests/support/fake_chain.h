/** The RPC of a chain, as auth/fetch.h: what its contracts say is up to the test. */
#pragma once

#include <stdio.h>

#include "auth/contracts.h"
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
    const struct auth_contracts_config *config; // which RPC is of which chain
    const char *says;                           // of a contract; NULL: it does not answer
    size_t n_calls;
    size_t calls[FAKE_FETCHES_MAX]; // among all that was fetched
    char chain[64];                 // what it has said of a chain
};

static inline struct fake_answer fake_chain_is(struct fake_chain *c, str url)
{
    const struct auth_rpc *rpc = c->config->rpcs;

    while (!str_eq(rpc->url, url))
        rpc++;
    (void)snprintf(c->chain, sizeof(c->chain), CHAIN_WORD("%llx"),
                   (unsigned long long)rpc->chain);
    return (struct fake_answer){.body = str_of(c->chain)};
}

static inline struct fake_answer fake_chain_decide(void *arg, const struct auth_fetch *what)
{
    struct fake_chain *c = arg;

    if (!c->says)
        return (struct fake_answer){.r = AUTH_FETCH_FAILED};
    if (memmem(what->body.ptr, what->body.len, "eth_chainId", 11))
        return fake_chain_is(c, what->url);
    c->calls[c->n_calls++] = c->fetcher.n_fetched - 1;
    return (struct fake_answer){.body = str_of(c->says)};
}

static inline void fake_chain_init(struct fake_chain *c, struct job_queue *later,
                                   const struct auth_contracts_config *config)
{
    c->config = config;
    c->says = NULL;
    fake_fetcher_init(&c->fetcher, later);
    c->fetcher.decide = fake_chain_decide;
    c->fetcher.decide_arg = c;
}

/** Call number i of a contract, from 0. */
static inline const struct auth_fetch *fake_chain_call(const struct fake_chain *c, size_t i)
{
    assert(i < c->n_calls);
    return fake_fetcher_asked(&c->fetcher, c->calls[i]);
}
