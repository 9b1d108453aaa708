/** Whose token is this, and is it still good? */
#pragma once

#include "api/client.h"

/**
 * @param log  what is wrong with it goes there, at debug; never the token
 * @return API_OK, API_TOKEN_REVOKED, with who filled; or API_TOKEN_MISSING, API_TOKEN_INVALID,
 *         API_TOKEN_EXPIRED
 */
MUST_CHECK enum api_error api_identify(const struct api *a, str token,
                                       struct auth_identity *who, const struct log_ctx *log);
