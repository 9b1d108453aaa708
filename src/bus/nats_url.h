/**
 * Where NATS is: "nats://[USER:PASSWORD@|TOKEN@]HOST[:PORT]" or tls://, several of them with
 * commas between. What is special in a user, a password or a token is written as %XX.
 */
#pragma once

#include "base/str.h"

#define NATS_URLS_MAX       16
#define NATS_URL_HOST_MAX   253 // bytes
#define NATS_URL_SECRET_MAX 256 // bytes of a user, of a password and of a token

struct nats_url {
    bool is_tls;
    bool is_here; // this machine: localhost, 127.0.0.0/8, ::1
    uint16_t port;
    char host[NATS_URL_HOST_MAX + 1];       // without brackets
    char user[NATS_URL_SECRET_MAX + 1];     // "": none, then there is no password either
    char password[NATS_URL_SECRET_MAX + 1]; // "": the user is a token
};

struct nats_urls {
    size_t n;
    struct nats_url all[NATS_URLS_MAX];
};

enum nats_url_refusal {
    NATS_URL_BAD = 1,     // not of that form
    NATS_URL_MIXED,       // some tls://, some not
    NATS_URL_NO_NAME,     // tls:// to an address: certificates are for names
    NATS_URL_NO_PASSWORD, // to another machine, and anybody there could forge what users see
};

/** Secrets are in there: wipe it. @return 0 or the first enum nats_url_refusal */
MUST_CHECK int nats_urls_read(struct nats_urls *out, str text);
