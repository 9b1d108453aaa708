/**
 * Where one may sign in: the sites whose name a wallet showed to its owner before it signed
 * (EIP-4361, domain binding). A message that was made for another site is another site's.
 */
#pragma once

#include "auth/message.h"

#define AUTH_DOMAINS_MAX 32

#define AUTH_DOMAIN_SIZE (AUTH_DOMAIN_MAX + 1) // bytes, NUL included

struct auth_domain {
    char name[AUTH_DOMAIN_SIZE]; // host or host:port, in lower case
    bool is_plain;               // reached by http, and not https
};

/** All zeroes: nowhere. */
struct auth_domains {
    bool loopback; // localhost, 127.0.0.1 and [::1] with any port, by http or https
    size_t n;
    struct auth_domain list[AUTH_DOMAINS_MAX];
};

enum auth_domains_refusal {
    AUTH_DOMAINS_BAD = 1, // neither host, host:port, https://host nor http://host
    AUTH_DOMAINS_TOO_MANY,
};

/** A site, as host or host:port, or as its origin. The default port of the scheme is left out
 * of the name, as browsers do. @return 0 or an enum auth_domains_refusal */
MUST_CHECK int auth_domains_add(struct auth_domains *d, str text);

enum auth_domains_find_refusal {
    AUTH_DOMAINS_OTHER = 1, // not one of these
};

/**
 * @param domain  of a message, or of an Origin; case does not matter, the port does
 * @param scheme  "https", "http" or empty, which is https
 * @param name    on 0 the domain in lower case
 * @return 0 or AUTH_DOMAINS_OTHER
 */
MUST_CHECK int auth_domains_find(const struct auth_domains *d, str domain, str scheme,
                                 char name[AUTH_DOMAIN_SIZE]);

/** Without a better one: the first, or localhost, or NULL if one can sign in nowhere. */
const char *auth_domains_first(const struct auth_domains *d);
