#include "auth/jws.h"

#include "auth/why.h"
#include "base/base64.h"
#include "base/mem.h"
#include "json/json.h"

/** A member that may be missing, but not be something else than a text. */
static bool take_text(str *out, const struct json *object, const char *name)
{
    const struct json *member = json_member(object, name);

    *out = json_text(member);
    return !member || out->ptr;
}

static int read_header(struct auth_jws *jws, char *text, size_t len, const char **why)
{
    if (json_parse_unique(&jws->header, text, len) != 0 ||
        json_kind(jws->header) != JSON_KIND_OBJECT) {
        return auth_refuse(
            AUTH_JWS_BAD, "its header is no JSON object, or has two members with the same name",
            why);
    }
    if (json_member(jws->header, "crit")) {
        return auth_refuse(AUTH_JWS_BAD,
                           "its header has crit: an extension that must be known, and is not",
                           why);
    }
    if (!take_text(&jws->kid, jws->header, "kid") || !take_text(&jws->typ, jws->header, "typ"))
        return auth_refuse(AUTH_JWS_BAD, "the kid or the typ of its header is no text", why);
    if (!auth_alg_find(json_text(json_member(jws->header, "alg")), &jws->alg)) {
        return auth_refuse(AUTH_JWS_BAD,
                           "its alg is none of HS256, RS256, PS256, ES256 and EdDSA", why);
    }
    return 0;
}

static int read_parts(struct auth_jws *jws, str text, const char **why)
{
    str rest = text;
    size_t n_header = 0;
    size_t n_signature = 0;

    const str first = str_take_until(&rest, '.');
    const str second = str_take_until(&rest, '.');
    const size_t n_input = first.len + 1 + second.len;
    if (n_input >= text.len || str_find(rest, '.') < rest.len)
        return auth_refuse(AUTH_JWS_BAD, "it has not three parts with dots between them", why);
    char *const header = jws->bytes;
    jws->payload = header + first.len; // decoding makes nothing longer
    char *const signature = jws->payload + second.len;
    if (base64_url_decode(header, &n_header, first) != 0 ||
        base64_url_decode(jws->payload, &jws->n_payload, second) != 0 ||
        base64_url_decode(signature, &n_signature, rest) != 0)
        return auth_refuse(AUTH_JWS_BAD, "a part of it is no base64url", why);
    jws->input = (str){text.ptr, n_input};
    jws->signature = (str){signature, n_signature};
    return read_header(jws, header, n_header, why);
}

int auth_jws_init(struct auth_jws *out, str text, const char **why)
{
    assert(text.len <= AUTH_TOKEN_MAX);
    *out = (struct auth_jws){.text = text, .bytes = mem_alloc(text.len)};
    const int r = read_parts(out, text, why);
    if (r != 0)
        auth_jws_fini(out);
    return r;
}

void auth_jws_fini(struct auth_jws *jws)
{
    json_free(jws->header);
    free(jws->bytes);
    *jws = (struct auth_jws){0};
}

/** kid is an index and no more: where only one side has it, every key of that alg may fit. */
static bool may_be_of(const struct auth_jws *jws, const struct auth_jwks_key *k)
{
    return crypto_key_alg(k->key) == jws->alg &&
           (!jws->kid.ptr || !k->kid || str_eq(jws->kid, str_of(k->kid)));
}

bool auth_jws_is_of(const struct auth_jws *jws, const struct auth_jwks *keys)
{
    for (size_t i = 0; i < keys->n; i++) {
        const struct auth_jwks_key *k = &keys->keys[i];
        if (may_be_of(jws, k) && crypto_key_verify(k->key, jws->input, jws->signature))
            return true;
    }
    return false;
}
