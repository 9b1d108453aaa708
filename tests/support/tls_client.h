/** The other side of io/tls: a context of a certificate made for it, and a client in memory. */
#pragma once

#include "io/tls_context.h"
#include "support/folder.h"
#include "support/tls_server.h"

static inline void tls_write_key(const struct tls_identity *i, const char *path)
{
    FILE *f = fopen(path, "we");

    assert(f && PEM_write_PrivateKey(f, i->key, NULL, NULL, 0, NULL, NULL) == 1);
    assert(fclose(f) == 0);
}

/** cert.pem and key.pem, for localhost. @param name  CN @param until_s  from now */
static inline void tls_write_pair(const struct folder *f, const char *name, long until_s)
{
    const struct tls_cert what = {name, "DNS:localhost,IP:127.0.0.1", -TLS_DAY_S, until_s};
    struct tls_identity i;
    char path[512];

    tls_identity_init(&i, &what, NULL);
    tls_write_cert(&i, folder_path(path, f, "cert.pem"));
    tls_write_key(&i, folder_path(path, f, "key.pem"));
    tls_identity_fini(&i);
}

/** Of these two files. @return as tls_context_new() */
static inline int tls_load_pair(struct tls_context **out, const struct folder *f)
{
    char cert[512];
    char key[512];

    return tls_context_new(out, &(struct tls_files){folder_path(cert, f, "cert.pem"),
                                                    folder_path(key, f, "key.pem")});
}

/** A client that checks nothing, with what is on the wire in two buffers. */
struct tls_client {
    SSL_CTX *ctx;
    SSL *ssl;
    BIO *in;  // to it
    BIO *out; // from it
};

static inline void tls_client_init(struct tls_client *c)
{
    c->ctx = SSL_CTX_new(TLS_client_method());
    c->ssl = SSL_new(c->ctx);
    c->in = BIO_new(BIO_s_mem());
    c->out = BIO_new(BIO_s_mem());
    assert(c->ctx && c->ssl && c->in && c->out);
    SSL_set_bio(c->ssl, c->in, c->out);
    SSL_set_connect_state(c->ssl);
}

static inline void tls_client_fini(struct tls_client *c)
{
    SSL_free(c->ssl);
    SSL_CTX_free(c->ctx);
}

/** Bytes for the wire, not taken yet; borrowed until it goes on. */
static inline str tls_client_wire(const struct tls_client *c)
{
    char *bytes = NULL;
    const long n = BIO_get_mem_data(c->out, &bytes);

    return (str){bytes, (size_t)n};
}
