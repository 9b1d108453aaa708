#include "api/errors.h"

enum use {
    RESERVED, // for what is still to come
    SENT,
};

static const struct {
    const char *code;
    const char *message;
    enum use use;
    unsigned status; // over HTTP
} errors[] = {
    // clang-format off
    [API_OK] = {"ok", "All is well.", RESERVED, 200},
    [API_BAD_REQUEST] = {"bad_request", "The request is not as it must be. Correct it; the same one will be refused again.", SENT, 400},
    [API_UNAUTHORIZED] = {"unauthorized", "This needs a signed-in wallet. Sign in first.", RESERVED, 401},
    [API_TOKEN_MISSING] = {"token_missing", "No token came with the connection. Sign in, and connect with the token in auth.token.", SENT, 401},
    [API_TOKEN_INVALID] = {"token_invalid", "This token is not valid here. Sign in again, and connect with the new token.", SENT, 401},
    [API_TOKEN_EXPIRED] = {"token_expired", "The token has expired. Get a new one, and connect again.", SENT, 401},
    [API_TOKEN_REVOKED] = {"token_revoked", "This session was ended. Sign in again.", SENT, 401},
    [API_ORIGIN_DENIED] = {"origin_denied", "This server does not take connections from pages of this origin. Its operator can allow the origin.", SENT, 403},
    [API_FORBIDDEN] = {"forbidden", "You may not do this.", SENT, 403},
    [API_RECIPIENT_INVALID] = {"recipient_invalid", "This is not a wallet that one can write to. Check the address.", SENT, 400},
    [API_NOT_FOUND] = {"not_found", "There is no such conversation. Send a message first, or take the id from one.", SENT, 404},
    [API_CONFLICT] = {"conflict", "This client_msg_id belongs to another message of yours. Send this one with a new id.", SENT, 409},
    [API_TOO_LARGE] = {"too_large", "The message is too long. Send it in parts.", SENT, 413},
    [API_RATE_LIMITED] = {"rate_limited", "Too many requests. Wait for retry_after_ms, then try again.", SENT, 429},
    [API_TOO_MANY_SOCKETS] = {"too_many_sockets", "Too many connections are open. Close one that is not needed, then connect again.", SENT, 429},
    [API_MAILBOX_FULL] = {"mailbox_full", "The recipient has too many messages that were not fetched yet. Try again once they are.", SENT, 409},
    [API_UNSUPPORTED_TYPE] = {"unsupported_type", "Messages of this type are not taken. Use text, or a type of your own that begins with x-.", SENT, 400},
    [API_UPLOAD_MISSING] = {"upload_missing", "There is no such upload of yours, or its file has not come. Upload the file first, then send the message.", SENT, 404},
    [API_UPLOAD_MISMATCH] = {"upload_mismatch", "The file is not what was announced, or is none of this type of message. Announce and upload it again.", SENT, 409},
    [API_QUOTA_EXCEEDED] = {"quota_exceeded", "You have uploaded as much as you may for now. Try again later.", SENT, 403},
    [API_STORAGE_UNAVAILABLE] = {"storage_unavailable", "Messages can't be stored or read at the moment. Nothing was done; try again soon.", SENT, 503},
    [API_UNKNOWN_EVENT] = {"unknown_event", "This server knows no event of this name. Check its spelling.", SENT, 404},
    [API_SLOW_CONSUMER] = {"slow_consumer", "More was sent to this client than it has read. Read what comes before you ask for more.", SENT, 503},
    [API_KICKED] = {"kicked", "The operator has ended this connection.", RESERVED, 403},
    [API_UPLOAD_REJECTED] = {"upload_rejected", "The file was checked, and is not taken. Send another one.", SENT, 403},
    [API_BUSY] = {"busy", "Too much is under way at once. Wait for answers, then try again.", SENT, 503},
    [API_INTERNAL] = {"internal", "Something broke in the server. Nothing was done; try again, and tell the operator if it stays so.", SENT, 500},
    [API_LOGIN_MALFORMED] = {"login_malformed", "This is not a sign-in message (EIP-4361). Make it anew.", SENT, 400},
    [API_LOGIN_DOMAIN] = {"login_domain", "The message was made for another site. Sign in on the site itself.", SENT, 401},
    [API_LOGIN_URI] = {"login_uri", "The message names another address of the site. Sign in on the site itself.", SENT, 401},
    [API_LOGIN_CHAIN] = {"login_chain", "Wallets of this chain can't sign in here. Switch to another chain.", SENT, 401},
    [API_LOGIN_NONCE] = {"login_nonce", "The nonce is unknown or was used. Get a new one, and sign again.", SENT, 401},
    [API_LOGIN_EXPIRED] = {"login_expired", "The message has expired. Get a new nonce, and sign again.", SENT, 401},
    [API_LOGIN_NOT_YET] = {"login_not_yet", "The message is not valid yet. Check the clock of this device.", SENT, 401},
    [API_LOGIN_ADDRESS] = {"login_address", "The address in the message is not one. Check it.", SENT, 400},
    [API_LOGIN_SIGNATURE] = {"login_signature", "The signature is not of this wallet. Sign again with the wallet that the message names.", SENT, 401},
    [API_LOGIN_UNAVAILABLE] = {"login_unavailable", "The signature can't be checked at the moment. Try again soon.", SENT, 503},
    // clang-format on
};

static_assert(COUNT_OF(errors) == API_N_ERRORS, "every error is in the table");

const char *api_error_code(enum api_error e)
{
    return errors[e].code;
}

const char *api_error_message(enum api_error e)
{
    return errors[e].message;
}

bool api_error_is_sent(enum api_error e)
{
    return errors[e].use == SENT;
}

unsigned api_error_status(enum api_error e)
{
    return errors[e].status;
}
