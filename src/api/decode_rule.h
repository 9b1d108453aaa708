/** What the files that decode share; nobody else may look. */
#pragma once

#include "api/decode.h"

#define API_ID_LEN 16 // hex digits of a conversation's id, and of a page's next

/** @return false */
static inline bool refuse(struct api_decoder *d, enum api_error error, const char *field,
                          const char *message)
{
    d->problem = (struct api_problem){error, field, message, 0};
    return false;
}

/** A whole number from 1 to max. */
struct whole {
    const char *name;
    int64_t max;
    const char *message;
};

extern const struct whole api_before_rule;
extern const struct whole api_after_rule;
extern const struct whole api_limit_rule;

/** @return false: not API_ID_LEN digits, which are written in one way only */
bool api_parse_id(uint64_t *out, str text);

// Each returns false where it has refused.

/** @param name  the field's, to say in a refusal */
bool api_check_account(account *out, struct api_decoder *d, str text, const char *name);

/** A page's next. */
bool api_check_next(int64_t *out, struct api_decoder *d, str text);
