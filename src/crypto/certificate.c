#include "crypto/certificate.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

int64_t crypto_certificate_time(const ASN1_TIME *t)
{
    ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
    int days = 0;
    int seconds = 0;

    const int r = ASN1_TIME_diff(&days, &seconds, epoch, t);
    ASN1_TIME_free(epoch);
    return r == 1 ? (int64_t)days * 86400 + seconds : 0;
}

static bool is_of(X509 *cert, str name)
{
    char *text = str_dup(name);
    const bool is = X509_check_ip_asc(cert, text, 0) == 1 ||
                    X509_check_host(cert, name.ptr, name.len, 0, NULL) == 1;

    free(text);
    return is;
}

static void look_at_first(struct crypto_certificate *out, X509 *cert, str name)
{
    out->begins_s = crypto_certificate_time(X509_get0_notBefore(cert));
    out->ends_s = crypto_certificate_time(X509_get0_notAfter(cert));
    out->is_own = X509_check_issued(cert, cert) == X509_V_OK;
    out->has_name = name.len == 0 || is_of(cert, name);
}

static void look(struct crypto_certificate *out, FILE *f, str name)
{
    X509 *before = NULL;
    X509 *cert = NULL;

    while ((cert = PEM_read_X509(f, NULL, NULL, NULL))) {
        if (out->n++ == 0) {
            look_at_first(out, cert, name);
        } else {
            out->is_in_order &= X509_check_issued(cert, before) == X509_V_OK;
        }
        X509_free(before);
        before = cert;
    }
    X509_free(before);
    ERR_clear_error(); // the end of the file is one
}

int crypto_certificate_look(struct crypto_certificate *out, const char *file, str name)
{
    FILE *f = fopen(file, "re");

    *out = (struct crypto_certificate){.is_in_order = true};
    if (!f)
        return CRYPTO_CERTIFICATE_NONE;
    look(out, f, name);
    fclose(f);
    return out->n > 0 ? 0 : CRYPTO_CERTIFICATE_NONE;
}
