/**
 * What `serve --dev` has beside the chat: two wallets that are nobody's, for the page at "/".
 * Their keys are for a page of this server in a browser on this machine, and for no other.
 */
#pragma once

#include "auth/account.h"
#include "http/proxy.h"
#include "http/server.h"
#include "server/keys.h"

#define DEMO_PREFIX "/dev/wallets/"

struct demo {
    const struct keys_demo *keys;       // borrowed
    const struct http_proxies *proxies; // borrowed
    char addresses[KEYS_DEMO_WALLETS][AUTH_ACCOUNT_TEXT_SIZE];
};

void demo_init(struct demo *d, const struct keys_demo *keys,
               const struct http_proxies *proxies);

/** For routes that begin with DEMO_PREFIX; arg is the struct demo. */
extern const struct http_handler demo_http_handler;

/** Tell people where they find it. @param at  where the server listens */
void demo_greet(const char *scheme, const struct addr *at);
