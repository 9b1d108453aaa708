/** The file of a message: what its content says of it. */
#pragma once

#include "api/errors.h"
#include "chat/chat.h"
#include "json/json.h"

/** Messages of the types image, video, audio and file have one. @return false: type is another
 */
bool api_file_kind(enum chat_kind *out, str type);

struct api_file {
    struct json *content;     // owned; api_file_close()
    struct media_file upload; // its id is empty: it was not uploaded here
    str url;                  // of one that was not
};

/** What files are answered with where there is no media port. */
extern const struct api_problem api_takes_no_files;

/** The content of a message as a tree. @return owned; json_free(); NULL: it is no JSON */
struct json *api_file_parse(str content);

/** @return false: it has none, and there is nothing to be closed */
bool api_file_open(struct api_file *out, const struct chat_message *m);
void api_file_close(struct api_file *f);

/** For the history that api_file_find() looks into. */
struct chat_history api_file_where(const struct chat_place *place, uint64_t seq);

/**
 * The file of the one message that was asked for.
 *
 * @param media  NULL: files that were uploaded are out of reach
 * @return NULL; or why there is none, static
 */
const struct api_problem *api_file_find(struct api_file *out,
                                        const struct store_history_page *page,
                                        const struct media *media);
