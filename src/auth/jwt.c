#include "auth/jwt.h"

#include "auth/account.h"
#include "auth/why.h"
#include "base/hex.h"
#include "crypto/digest.h"
#include "json/json.h"

bool auth_jwt_is_typ(str typ)
{
    return !typ.ptr || str_eq_nocase(typ, STR("JWT")) || str_eq_nocase(typ, STR("at+jwt"));
}

#define DATE_MAX 253402300799.0 // seconds; beyond the year 9999 somebody has sent milliseconds

enum date_refusal {
    DATE_ABSENT = 1,
    DATE_BAD,
};

/** A NumericDate (RFC 7519, section 2): seconds, and maybe a fraction. */
static int date_of(int64_t *ms, const struct json *claims, const char *name)
{
    const struct json *member = json_member(claims, name);
    double seconds = 0;

    if (!member)
        return DATE_ABSENT;
    if (!json_number_of(member, &seconds) || seconds < 0 || seconds > DATE_MAX)
        return DATE_BAD;
    *ms = (int64_t)(seconds * 1000);
    return 0;
}

/** A date that may be missing, but not be later than now. @param ms  0 where it is missing */
static bool has_come(const struct json *claims, const char *name, int64_t latest_ms,
                     int64_t *ms)
{
    *ms = 0;
    switch (date_of(ms, claims, name)) {
    case 0: return *ms <= latest_ms;
    case DATE_ABSENT: return true;
    default: return false;
    }
}

static int check_times(struct auth_identity *out, const struct json *claims, int64_t unix_ms,
                       const char **why)
{
    int64_t not_before_ms;

    if (date_of(&out->expires_at_ms, claims, "exp") != 0)
        return auth_refuse(AUTH_INVALID, "exp is missing, or no date in seconds", why);
    if (!has_come(claims, "nbf", unix_ms + out->skew_ms, &not_before_ms))
        return auth_refuse(AUTH_INVALID, "nbf is yet to come, or no date in seconds", why);
    if (!has_come(claims, "iat", unix_ms + out->skew_ms, &out->issued_at_ms))
        return auth_refuse(AUTH_INVALID, "iat is yet to come, or no date in seconds", why);
    if (unix_ms - out->skew_ms >= out->expires_at_ms)
        return auth_refuse(AUTH_EXPIRED, "exp has passed", why);
    return 0;
}

/** Section 4.1.3: one audience, or an array of them. */
static bool is_for(const struct json *aud, str want)
{
    return str_eq(json_text(aud), want) || json_holds(aud, want);
}

int auth_jwt_check(struct auth_identity *out, const struct json *claims,
                   const struct auth_jwt_rules *rules, const char **why)
{
    struct auth_identity id = {.skew_ms = rules->skew_ms};
    const str address = json_text(json_member(claims, rules->claim));

    if (rules->aud.len > 0 && !is_for(json_member(claims, "aud"), rules->aud))
        return auth_refuse(AUTH_INVALID, "aud is another one's", why);
    const int r = check_times(&id, claims, rules->unix_ms, why);
    if (r != 0)
        return r;
    if (auth_account_parse(&id.account, address, rules->home_chain) != 0 ||
        auth_account_is_zero(&id.account))
        return auth_refuse(AUTH_INVALID, "the claim of the address holds no account", why);
    *out = id;
    return 0;
}

bool auth_is_session_name(str text)
{
    if (text.len == 0 || text.len >= AUTH_SESSION_SIZE)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~')
            return false;
    }
    return true;
}

static void digest_name(char out[AUTH_SESSION_SIZE], str s)
{
    uint8_t digest[CRYPTO_SHA256_SIZE];

    static_assert(2 * sizeof(digest) + 1 == AUTH_SESSION_SIZE, "its digits and NUL");
    crypto_sha256(digest, s);
    *hex_encode(out, digest, sizeof(digest)) = '\0';
}

/** Of what is signed, and not of the signature: of some there are two for the same text. */
static void print_name(char out[AUTH_SESSION_SIZE], const struct json *claims, str input)
{
    const str sid = json_text(json_member(claims, "sid"));
    const str jti = json_text(json_member(claims, "jti"));
    str name = sid.len > 0 ? sid : jti;

    if (name.len == 0)
        name = input;
    if (auth_is_session_name(name)) {
        out[str_copy(out, name).len] = '\0';
    } else {
        digest_name(out, name);
    }
}

void auth_jwt_name_session(struct auth_identity *out, const struct json *claims, bool is_own,
                           str input)
{
    char text[ACCOUNT_SIZE + AUTH_SESSION_SIZE]; // accounts are not each other's beginning
    size_t n = 0;

    print_name(out->session, claims, input);
    if (is_own) {
        memcpy(out->key, out->session, sizeof(out->key));
        return;
    }
    n += str_copy(text, account_str(&out->account)).len;
    n += str_copy(text + n, str_of(out->session)).len;
    digest_name(out->key, (str){text, n});
}
