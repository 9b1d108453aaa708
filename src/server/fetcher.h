/** auth/fetch.h by io/fetch.h: what it does not get it tells the log. */
#pragma once

#include "auth/fetch.h"
#include "io/fetch.h"

#define AUTH_FETCHER_RUNNING_MAX 16 // requests at once

struct auth_fetcher_http;

/** @param ca_file  PEM; NULL: the system's @param out  owned @return 0 or a fault */
MUST_CHECK int auth_fetcher_http_new(struct auth_fetcher_http **out, struct loop *l,
                                     const char *ca_file);

/** As in io/fetch.h. */
void auth_fetcher_http_stop(struct auth_fetcher_http *f);
bool auth_fetcher_http_is_idle(const struct auth_fetcher_http *f);
void auth_fetcher_http_free(struct auth_fetcher_http *f);

/** Borrowed for the life of f. */
struct auth_fetcher *auth_fetcher_http_port(struct auth_fetcher_http *f);
