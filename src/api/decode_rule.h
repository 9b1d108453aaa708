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

/** @return NULL for null as well: some clients write it for what they leave out */
static inline const struct json *api_member(const struct json *payload, const char *name)
{
    const struct json *value = json_member(payload, name);

    return value && json_kind(value) != JSON_KIND_NULL ? value : NULL;
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

bool api_check_payload(struct api_decoder *d, const struct json *payload);

/** *out stays as it is where there is none. */
bool api_check_whole(uint64_t *out, struct api_decoder *d, const struct json *payload,
                     const struct whole *rule);

/** @param name  the field's, to say in a refusal */
bool api_check_account(account *out, struct api_decoder *d, str text, const char *name);

/** A page's next. */
bool api_check_next(int64_t *out, struct api_decoder *d, str text);

/** Add any JSON to d->content. @param with  n members to have instead, of an object */
bool api_print_content(struct api_decoder *d, const struct json *content,
                       const struct json_instead *with, size_t n);

/** Likewise what a message with a file has. @param out  its upload is set, if it has one */
bool api_print_media(struct chat_send *out, struct api_decoder *d, const struct json *content);
