#include "crypto/pem.h"

#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "crypto/vault.h"

static int refuse_pass_phrase(char *out, int size, int is_writing, void *arg)
{
    (void)out;
    (void)size;
    (void)is_writing;
    (void)arg;
    return -1;
}

static EVP_PKEY *read_public(BIO *bio)
{
    return PEM_read_bio_PUBKEY(bio, NULL, refuse_pass_phrase, NULL);
}

static EVP_PKEY *read_certificate(BIO *bio)
{
    X509 *certificate = PEM_read_bio_X509(bio, NULL, refuse_pass_phrase, NULL);
    EVP_PKEY *pkey = certificate ? X509_get_pubkey(certificate) : NULL;

    X509_free(certificate);
    return pkey;
}

static EVP_PKEY *read_private(BIO *bio)
{
    return PEM_read_bio_PrivateKey(bio, NULL, refuse_pass_phrase, NULL);
}

static EVP_PKEY *read_with(EVP_PKEY *(*read)(BIO *bio), str pem)
{
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);

    if (!bio)
        abort();
    EVP_PKEY *pkey = read(bio);
    BIO_free(bio);
    ERR_clear_error(); // what is left there, a TLS connection would take for its own
    return pkey;
}

EVP_PKEY *pem_public(str pem)
{
    static EVP_PKEY *(*const forms[])(BIO *) = {read_public, read_certificate, read_private};
    EVP_PKEY *pkey = NULL;

    assert(pem.len <= INT32_MAX);
    for (size_t i = 0; i < COUNT_OF(forms) && pem.len > 0 && !pkey; i++)
        pkey = read_with(forms[i], pem);
    return pkey;
}

EVP_PKEY *pem_private(str pem)
{
    assert(pem.len <= INT32_MAX);
    vault_enter();
    EVP_PKEY *pkey = pem.len > 0 ? read_with(read_private, pem) : NULL;
    vault_leave();
    return pkey;
}
