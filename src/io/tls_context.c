#include "io/tls_context.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/err.h"
#include "base/mem.h"
#include "crypto/certificate.h"
#include "crypto/vault.h"

#define KEY_MAX       65536 // bytes of the file
#define SIGNATURE_MAX 4096  // bytes

struct tls_context {
    char *cert_file;
    char *key_file;
    pthread_mutex_t mutex; // of what follows
    SSL_CTX *ctx;
    int64_t ends_s;
};

const char *tls_remedy(enum tls_refusal refusal)
{
    switch (refusal) {
    case TLS_NO_CERT:
        return "no certificate can be read there (PEM, as -----BEGIN CERTIFICATE-----)";
    case TLS_NO_KEY: return "no key can be read there (PEM, without a passphrase)";
    case TLS_NO_PAIR: return "the key is not the one of the first certificate";
    case TLS_WEAK:
        return "the key is too short, or the certificate signed with SHA-1: get another one";
    }
    return "?";
}

/** RFC 7301: an answer only to who offers what we speak. */
static int on_protocols(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                        const unsigned char *in, unsigned in_len, void *arg)
{
    static const unsigned char ours[] = "\x08http/1.1";
    unsigned char *chosen = NULL;

    (void)ssl, (void)arg;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof(ours) - 1, in, in_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

// TLS 1.3 has only ciphers that are good. Of TLS 1.2: those with forward secrecy and AEAD, as
// in Mozilla's "intermediate", which browsers of the last ten years have (RFC 9325,
// section 4.2).
#define CIPHERS                                                                                \
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"                               \
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"                               \
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"

static void set_up(SSL_CTX *ctx)
{
    long r = SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
    r &= SSL_CTX_set_cipher_list(ctx, CIPHERS);
    assert(r == 1);
    (void)r;
    SSL_CTX_set_security_level(ctx, 2);
    // Who is idle has no buffers; what is written next may be elsewhere, and taken in part.
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_PRIORITIZE_CHACHA | SSL_OP_CIPHER_SERVER_PREFERENCE);
    // Who comes again has a ticket; nothing is kept here.
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_alpn_select_cb(ctx, on_protocols, NULL);
}

static bool is_weak(unsigned long error)
{
    const int reason = ERR_GET_REASON(error);

    return ERR_GET_LIB(error) == ERR_LIB_SSL &&
           (reason == SSL_R_EE_KEY_TOO_SMALL || reason == SSL_R_CA_KEY_TOO_SMALL ||
            reason == SSL_R_CA_MD_TOO_WEAK);
}

/** No passphrase: nobody is there to be asked. */
static int no_passphrase(char *buf, int size, int is_for_writing, void *arg)
{
    (void)buf, (void)size, (void)is_for_writing, (void)arg;
    return -1;
}

/** The caches that signing makes are of the key as well: where it lies, once it has signed. */
static bool sign_once(EVP_PKEY *key)
{
    unsigned char signature[SIGNATURE_MAX];
    size_t n = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const EVP_MD *md = EVP_PKEY_get_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256();

    if (!ctx)
        mem_fail(0);
    const bool is_signed = EVP_DigestSignInit(ctx, NULL, md, NULL, key) == 1 &&
                           EVP_DigestSign(ctx, signature, &n, signature, 0) == 1;
    EVP_MD_CTX_free(ctx);
    return is_signed;
}

/** @param text  of n bytes @return 0 or an enum tls_refusal */
static int use_key(SSL_CTX *ctx, const char *text, size_t n)
{
    BIO *bio = BIO_new_mem_buf(text, (int)n);

    if (!bio)
        mem_fail(0);
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
    BIO_free(bio);
    if (!key)
        return TLS_NO_KEY;
    (void)sign_once(key); // what can't sign, nobody can use
    int r = 0;
    if (SSL_CTX_use_PrivateKey(ctx, key) != 1) {
        const unsigned long error = ERR_peek_last_error();
        r = ERR_GET_LIB(error) == ERR_LIB_X509 ? TLS_NO_PAIR : TLS_NO_KEY;
    }
    EVP_PKEY_free(key);
    return r;
}

/** Not by OpenSSL, which leaves what it has read in a buffer of stdio's. */
static int load_key(SSL_CTX *ctx, const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return TLS_NO_KEY;
    char *text = vault_alloc(KEY_MAX);
    size_t n = 0;
    for (ssize_t got = 1; got > 0 && n<KEY_MAX; n += got> 0 ? (size_t)got : 0)
        got = read(fd, text + n, KEY_MAX - n);
    close(fd);
    ERR_clear_error();
    vault_enter();
    const int r = use_key(ctx, text, n);
    vault_leave();
    vault_free(text, KEY_MAX);
    return r;
}

/** @return 0 or an enum tls_refusal */
static int load(SSL_CTX *ctx, const struct tls_files *files)
{
    ERR_clear_error();
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    if (SSL_CTX_use_certificate_chain_file(ctx, files->cert_file) != 1)
        return is_weak(ERR_peek_last_error()) ? TLS_WEAK : TLS_NO_CERT;
    const int r = load_key(ctx, files->key_file);
    if (r != 0)
        return r;
    return SSL_CTX_check_private_key(ctx) == 1 ? 0 : TLS_NO_PAIR;
}

static int64_t end_of(const SSL_CTX *ctx)
{
    return crypto_certificate_time(X509_get0_notAfter(SSL_CTX_get0_certificate(ctx)));
}

/** @return 0, an enum tls_refusal, or a fault */
static int make(SSL_CTX **out, const struct tls_files *files)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return err_fault(-ENOMEM, "TLS");
    set_up(ctx);
    const int r = load(ctx, files);
    ERR_clear_error();
    if (r != 0) {
        SSL_CTX_free(ctx);
        return r;
    }
    *out = ctx;
    return 0;
}

int tls_context_new(struct tls_context **out, const struct tls_files *files)
{
    SSL_CTX *ctx = NULL;

    const int r = make(&ctx, files);
    if (r != 0)
        return r < 0 ? err_up(r) : r;
    struct tls_context *c = NEW(struct tls_context);
    c->cert_file = mem_strdup(files->cert_file);
    c->key_file = mem_strdup(files->key_file);
    pthread_mutex_init(&c->mutex, NULL);
    c->ctx = ctx;
    c->ends_s = end_of(ctx);
    *out = c;
    return 0;
}

int tls_context_reload(struct tls_context *c)
{
    const struct tls_files files = {c->cert_file, c->key_file};
    SSL_CTX *ctx = NULL;

    const int r = make(&ctx, &files);
    if (r != 0)
        return r < 0 ? err_up(r) : r;
    pthread_mutex_lock(&c->mutex);
    SSL_CTX *before = c->ctx;
    c->ctx = ctx;
    c->ends_s = end_of(ctx);
    pthread_mutex_unlock(&c->mutex);
    SSL_CTX_free(before); // connections have it as long as they are there
    return 0;
}

int64_t tls_context_ends_s(struct tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    const int64_t ends_s = c->ends_s;
    pthread_mutex_unlock(&c->mutex);
    return ends_s;
}

struct ssl_st *tls_context_connection(struct tls_context *c)
{
    pthread_mutex_lock(&c->mutex);
    SSL *ssl = SSL_new(c->ctx);
    pthread_mutex_unlock(&c->mutex);
    if (!ssl)
        mem_fail(0);
    SSL_set_accept_state(ssl);
    return ssl;
}

void tls_context_free(struct tls_context *c)
{
    if (!c)
        return;
    SSL_CTX_free(c->ctx);
    pthread_mutex_destroy(&c->mutex);
    free(c->cert_file);
    free(c->key_file);
    free(c);
}
