/**
 * The text that a wallet signs to sign in: EIP-4361 for Ethereum, and what Phantom made of it
 * for Solana (Sign-In With Solana, where all fields are optional; here domain, URI, Version,
 * Nonce and Issued At must be there). Strict: ASCII, LF, the order and the spelling of the
 * grammar, and the limits below.
 *
 * It says what is written there. Whether that is for us, and now, is auth/sign_in.h's.
 */
#pragma once

#include "base/account.h"

#define AUTH_MESSAGE_MAX      4096 // bytes, of all of it
#define AUTH_DOMAIN_MAX       255
#define AUTH_STATEMENT_MAX    1024
#define AUTH_URI_MAX          1024 // of the field URI
#define AUTH_CHAIN_DIGITS_MAX 20   // of Ethereum's Chain ID
#define AUTH_CHAIN_NAME_MAX   32   // bytes of Solana's, without "solana:"
#define AUTH_REQUEST_ID_MAX   128
#define AUTH_RESOURCES_MAX    16
#define AUTH_RESOURCE_MAX     256 // bytes of one of them

enum auth_message_kind {
    AUTH_MESSAGE_ETHEREUM,
    AUTH_MESSAGE_SOLANA,
};

/** Everything points into the text. */
struct auth_message {
    enum auth_message_kind kind;
    account account; // without a chain: what is written there as chain is chain_id
    str scheme;      // empty: none is written
    str domain;      // an authority (RFC 3986) with a host, as it stands: auth/uri.h
    str uri;
    str uri_host; // of uri, as it stands: without user and port, IPv6 in its brackets; may be
                  // empty
    str chain_id; // decimal digits, maybe with zeroes before; of Solana a name, or empty
    str nonce;    // letters and digits, from 8 to AUTH_NONCE_MAX of auth/store.h
    int64_t issued_at_ms;  // Unix
    int64_t expires_at_ms; // INT64_MAX: never
    int64_t not_before_ms; // INT64_MIN: always
};

enum auth_message_refusal {
    AUTH_MESSAGE_BAD = 1, // not in the grammar, over a limit, or Version is not 1
    AUTH_MESSAGE_ADDRESS, // its line is not 0x and 40 hex digits in the case that EIP-55 gives
                          // them (small letters throughout are not); or no Solana key
};

/**
 * The address and what stands before it are read first: a message that is wrong there and
 * elsewhere is refused for that.
 *
 * @return 0 or an enum auth_message_refusal; *why (static) says more, for a developer
 */
MUST_CHECK int auth_message_parse(struct auth_message *out, str text, const char **why);
