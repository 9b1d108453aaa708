/**
 * A server of https on loopback, on a thread of its own, which answers each request alike; and
 * the authorities and certificates for it, made when the test runs.
 */
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "base/str.h"

#define TLS_GIVE_UP_S 20
#define TLS_DAY_S     86400L

struct tls_identity {
    EVP_PKEY *key;
    X509 *cert;
};

struct tls_cert {
    const char *name; // CN
    const char *alt;  // "DNS:localhost,IP:127.0.0.1"; NULL: an authority
    long from_s;      // from now on
    long until_s;
};

static inline void tls_add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX ctx = {0};

    X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
    assert(e && X509_add_ext(cert, e, -1) == 1);
    X509_EXTENSION_free(e);
}

/** @param issuer  NULL: itself */
static inline void tls_identity_init(struct tls_identity *i, const struct tls_cert *c,
                                     const struct tls_identity *issuer)
{
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    EVP_PKEY *key = EVP_EC_gen("P-256");

    assert(cert && key);
    *i = (struct tls_identity){.key = key, .cert = cert};
    if (!issuer)
        issuer = i;
    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), c->alt ? 2 : 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), c->from_s);
    X509_gmtime_adj(X509_getm_notAfter(cert), c->until_s);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)c->name, -1, -1,
                               0);
    X509_set_issuer_name(cert, X509_get_subject_name(issuer->cert));
    X509_set_pubkey(cert, key);
    tls_add_extension(cert, issuer->cert, NID_basic_constraints,
                      c->alt ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (c->alt)
        tls_add_extension(cert, issuer->cert, NID_subject_alt_name, c->alt);
    assert(X509_sign(cert, issuer->key, EVP_sha256()) > 0);
}

static inline void tls_identity_fini(struct tls_identity *i)
{
    X509_free(i->cert);
    EVP_PKEY_free(i->key);
}

static inline void tls_write_cert(const struct tls_identity *i, const char *path)
{
    FILE *f = fopen(path, "we");

    assert(f && PEM_write_X509(f, i->cert) == 1);
    assert(fclose(f) == 0);
}

struct tls_server {
    int version;  // TLS1_3_VERSION, say: no other one. Older ones than TLS 1.2, too
    str reply;    // to each request
    bool is_rude; // it closes behind that, without the close_notify of RFC 8446

    SSL_CTX *ctx;
    int fd;
    uint16_t port;
    pthread_t thread;
    atomic_uint n_conns; // that had a handshake
    atomic_uint n_requests;
    atomic_int reason;  // why the last handshake failed: of OpenSSL's SSL_R_
    char protocols[64]; // that the last one offered, as on the wire; read it when it is closed
};

/** Takes none of them. */
static inline int tls_on_protocols(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                                   const unsigned char *in, unsigned in_len, void *arg)
{
    struct tls_server *s = arg;

    (void)ssl;
    (void)out;
    (void)out_len;
    snprintf(s->protocols, sizeof(s->protocols), "%.*s", (int)in_len, (const char *)in);
    return SSL_TLSEXT_ERR_NOACK;
}

/** @return false: the client is gone */
static inline bool tls_read_head(SSL *ssl)
{
    char head[4096] = "";
    size_t n = 0;

    while (n < sizeof(head) - 1 && !strstr(head, "\r\n\r\n")) {
        const int r = SSL_read(ssl, head + n, (int)(sizeof(head) - 1 - n));
        if (r <= 0)
            return false;
        n += (size_t)r;
    }
    return true;
}

static inline void tls_serve(struct tls_server *s, SSL *ssl)
{
    ERR_clear_error();
    if (SSL_accept(ssl) != 1) {
        atomic_store(&s->reason, ERR_GET_REASON(ERR_peek_error()));
        return;
    }
    atomic_fetch_add(&s->n_conns, 1);
    while (tls_read_head(ssl)) {
        atomic_fetch_add(&s->n_requests, 1);
        SSL_write(ssl, s->reply.ptr, (int)s->reply.len);
        if (s->is_rude)
            return;
    }
    SSL_shutdown(ssl);
}

static inline void *tls_run(void *arg)
{
    struct tls_server *s = arg;
    const struct timeval give_up = {.tv_sec = TLS_GIVE_UP_S};

    for (int fd = 0; (fd = accept(s->fd, NULL, NULL)) >= 0; close(fd)) {
        SSL *ssl = SSL_new(s->ctx);
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &give_up, sizeof(give_up));
        SSL_set_fd(ssl, fd);
        tls_serve(s, ssl);
        SSL_free(ssl);
    }
    return NULL;
}

static inline void tls_listen(struct tls_server *s)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);

    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int r = bind(s->fd, (struct sockaddr *)&at, sizeof(at));
    r += listen(s->fd, 8);
    r += getsockname(s->fd, (struct sockaddr *)&at, &size);
    assert(r == 0);
    s->port = ntohs(at.sin_port);
}

/** Its first three are set. */
static inline void tls_server_open(struct tls_server *s, const struct tls_identity *i)
{
    s->ctx = SSL_CTX_new(TLS_server_method());
    assert(s->ctx);
    long r = SSL_CTX_set_min_proto_version(s->ctx, s->version);
    r &= SSL_CTX_set_max_proto_version(s->ctx, s->version);
    r &= SSL_CTX_set_cipher_list(s->ctx, "ALL:@SECLEVEL=0");
    r &= SSL_CTX_use_certificate(s->ctx, i->cert);
    r &= SSL_CTX_use_PrivateKey(s->ctx, i->key);
    assert(r == 1);
    SSL_CTX_set_alpn_select_cb(s->ctx, tls_on_protocols, s);
    tls_listen(s);
    r = pthread_create(&s->thread, NULL, tls_run, s);
    assert(r == 0);
}

/** Clients must have closed. */
static inline void tls_server_close(struct tls_server *s)
{
    shutdown(s->fd, SHUT_RDWR); // ends accept()
    pthread_join(s->thread, NULL);
    close(s->fd);
    SSL_CTX_free(s->ctx);
}
