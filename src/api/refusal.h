/** What the chat refuses, as clients are told. */
#pragma once

#include "api/errors.h"
#include "chat/chat.h"

#define API_REFUSAL_SIZE 128 // bytes of a sentence that has a number in it, NUL included

/**
 * @param text     room for a message that is made up; lives until it is answered
 * @param r        an enum chat_refusal or a fault, but for CHAT_UNANSWERED: after that nothing
 *                 may be said
 * @param is_send  of a message: its fields have other names
 */
struct api_problem api_refusal(char text[API_REFUSAL_SIZE], const struct chat_actor *a, int r,
                               bool is_send);
