#include "api/identify.h"

static enum api_error error_of(int refusal)
{
    switch (refusal) {
    case AUTH_MISSING: return API_TOKEN_MISSING;
    case AUTH_EXPIRED: return API_TOKEN_EXPIRED;
    default: return API_TOKEN_INVALID;
    }
}

enum api_error api_identify(const struct api *a, str token, struct auth_identity *who,
                            const struct log_ctx *log)
{
    char quoted[LOG_QUOTE_SIZE];
    const char *why = NULL;

    const int r = auth_verify(a->config.auth, token, clock_unix_ms(a->config.clock), who, &why);
    if (r == 0)
        return auth_sessions_is_revoked(a->config.sessions, who) ? API_TOKEN_REVOKED : API_OK;
    log_debug(log, "api_token", "reason=%s why=%s", api_error_code(error_of(r)),
              log_quote(quoted, str_of(why)));
    return error_of(r);
}
