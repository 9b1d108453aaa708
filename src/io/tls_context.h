/**
 * What a server shows those who come by TLS: a certificate, its key, and which versions and
 * ciphers it takes. All loops share one. It may be loaded anew at any time: who comes from then
 * on is shown the new one, and nobody who is connected notices.
 */
#pragma once

#include "base/base.h"

struct tls_context;
struct ssl_st; // OpenSSL's SSL

/**
 * @param cert_file  PEM: the certificate, then those between it and the authority
 * @param key_file   PEM, without a passphrase
 */
struct tls_files {
    const char *cert_file;
    const char *key_file;
};

enum tls_refusal {
    TLS_NO_CERT = 1, // there is no certificate in cert_file, or it can't be read
    TLS_NO_KEY,      // likewise the key; or it has a passphrase
    TLS_NO_PAIR,     // the key is another certificate's
    TLS_WEAK,        // a key, or a signature, of less than 112 bits
};

/** What to do about one. */
const char *tls_remedy(enum tls_refusal refusal);

/** @param out  owned; tls_context_free() @return 0, an enum tls_refusal, or a fault */
MUST_CHECK int tls_context_new(struct tls_context **out, const struct tls_files *files);

/** Load the same files anew. Thread: any. @return likewise: the one before stays */
MUST_CHECK int tls_context_reload(struct tls_context *c);

/** When the certificate ends, in seconds since 1970. Thread: any. */
int64_t tls_context_ends_s(struct tls_context *c);

/** A new connection, on the server's side. Thread: any. @return owned; SSL_free() */
struct ssl_st *tls_context_connection(struct tls_context *c);

/** Connections may be left. NULL is fine. */
void tls_context_free(struct tls_context *c);
