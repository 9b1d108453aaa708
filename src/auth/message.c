#include "auth/message.h"

#include "auth/account.h"
#include "auth/chars.h"
#include "auth/instant.h"
#include "auth/store.h"
#include "auth/uri.h"
#include "auth/why.h"

// What is yet to be read begins with the LF before the next line, or is empty: a label and the
// LF before it are read as one, and an LF at the end is an empty line too much.

#define NONCE_MIN 8 // of the grammar

static int bad(const char *text, const char **why)
{
    return auth_refuse(AUTH_MESSAGE_BAD, text, why);
}

static bool take(str *text, str prefix)
{
    if (!str_starts(*text, prefix))
        return false;
    str_take(text, prefix.len);
    return true;
}

/** What is left of the line. */
static str take_line(str *text)
{
    return str_take(text, str_find(*text, '\n'));
}

static bool take_empty_line(str *text)
{
    str rest = *text;

    if (!take(&rest, STR("\n")) || take_line(&rest).len > 0)
        return false;
    *text = rest;
    return true;
}

static bool is_printable(str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const char c = text.ptr[i];
        if (c != '\n' && (c < ' ' || c > '~'))
            return false;
    }
    return true;
}

static int read_header(struct auth_message *m, str *text, const char **why)
{
    static const str headers[] = {
        [AUTH_MESSAGE_ETHEREUM] = STR(" wants you to sign in with your Ethereum account:"),
        [AUTH_MESSAGE_SOLANA] = STR(" wants you to sign in with your Solana account:"),
    };
    str header = take_line(text);
    const str origin = str_take(&header, str_find(header, ' '));

    m->domain = origin;
    if (str_eq(header, headers[AUTH_MESSAGE_ETHEREUM])) {
        m->kind = AUTH_MESSAGE_ETHEREUM;
    } else if (str_eq(header, headers[AUTH_MESSAGE_SOLANA])) {
        m->kind = AUTH_MESSAGE_SOLANA;
    } else {
        return bad(
            "line 1 must be a domain, and that it wants you to sign in with your "
            "Ethereum (or Solana) account:",
            why);
    }
    return 0;
}

/** [ scheme "://" ] domain. Solana's has none: "/" is then no character of a domain. */
static int split_origin(struct auth_message *m, const char **why)
{
    str rest = m->domain;
    struct auth_authority domain;
    const str scheme = str_take(&rest, str_find(rest, ':'));

    if (m->kind == AUTH_MESSAGE_ETHEREUM && take(&rest, STR("://"))) {
        if (!auth_uri_is_scheme(scheme))
            return bad("what stands before the :// of line 1 is no scheme", why);
        m->scheme = scheme;
        m->domain = rest;
    }
    if (m->domain.len > AUTH_DOMAIN_MAX)
        return bad("the domain is too long", why);
    if (auth_authority_parse(&domain, m->domain) != 0 || domain.host.len == 0)
        return bad("the domain is none: a host, and maybe a port (RFC 3986, authority)", why);
    return 0;
}

/** What is not in the case of EIP-55 has no checksum, and a typing error is another wallet. */
static bool read_evm(account *out, str line)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    return str_starts(line, STR("0x")) && auth_account_parse(out, line, 0) == 0 &&
           str_eq(auth_account_text(text, out), line);
}

static int read_address(struct auth_message *m, str *text, const char **why)
{
    static const char *const reasons[] = {
        [AUTH_MESSAGE_ETHEREUM] =
            "line 2 must be an address: 0x and 40 hex digits, in the "
            "case that EIP-55 gives them",
        [AUTH_MESSAGE_SOLANA] = "line 2 must be an address: the base58 of 32 bytes",
    };

    if (!take(text, STR("\n")))
        return bad("line 2, the address, is missing", why);
    const str line = take_line(text);
    const bool is_one = m->kind == AUTH_MESSAGE_ETHEREUM
                            ? read_evm(&m->account, line)
                            : auth_account_parse_solana(&m->account, line) == 0;
    return is_one ? 0 : auth_refuse(AUTH_MESSAGE_ADDRESS, reasons[m->kind], why);
}

static int check_statement(str statement, const char **why)
{
    if (statement.len > AUTH_STATEMENT_MAX)
        return bad("the statement is too long", why);
    if (!auth_chars_are(statement, STR(CHARS_RESERVED CHARS_UNRESERVED " ")))
        return bad("the statement has one of \"%<>\\^`{|}, which EIP-4361 excludes", why);
    return 0;
}

/**
 * Ethereum: an empty line, the statement, an empty line; or two empty lines. A statement that
 * is there and empty makes three: the grammar has it, and it reads in no other way.
 */
static int read_ethereum_statement(str *text, const char **why)
{
    if (!take_empty_line(text))
        return bad("line 3 must be empty", why);
    if (!take(text, STR("\n")))
        return bad("line 4, the statement, is missing: without one it is empty", why);
    const str line = take_line(text);
    if (!take_empty_line(text) && line.len > 0)
        return bad("the statement must be one line, and the one behind it empty", why);
    return check_statement(line, why);
}

/** Solana: an empty line and the statement, or nothing; then an empty line and the fields. */
static int read_solana_statement(str *text, const char **why)
{
    if (text->len == 0)
        return 0;
    if (!take_empty_line(text))
        return bad("line 3 must be empty", why);
    str rest = *text;
    if (!take(&rest, STR("\n")))
        return bad("behind the last line there is an LF", why);
    const str line = take_line(&rest);
    if (line.len == 0)
        return bad("line 4 must be the statement, or without one the first field", why);
    if (!take_empty_line(&rest))
        return 0; // a field
    *text = rest;
    return check_statement(line, why);
}

static bool read_uri(struct auth_message *m, str value)
{
    struct auth_uri uri;

    if (value.len > AUTH_URI_MAX || auth_uri_parse(&uri, value) != 0)
        return false;
    m->uri = value;
    m->uri_host = uri.authority.host;
    return true;
}

static bool read_version(struct auth_message *m, str value)
{
    (void)m;
    return str_eq(value, STR("1"));
}

/** Names, and what CAIP-2 makes of them: "mainnet", "solana:mainnet", the hash of a genesis. */
static bool is_cluster(str value)
{
    take(&value, STR("solana:"));
    return value.len > 0 && value.len <= AUTH_CHAIN_NAME_MAX &&
           auth_chars_are(value, STR(CHARS_ALPHA CHARS_DIGIT "-_"));
}

static bool is_chain_number(str value)
{
    return value.len > 0 && value.len <= AUTH_CHAIN_DIGITS_MAX &&
           auth_chars_are(value, STR(CHARS_DIGIT));
}

static bool read_chain_id(struct auth_message *m, str value)
{
    m->chain_id = value;
    return m->kind == AUTH_MESSAGE_SOLANA ? is_cluster(value) : is_chain_number(value);
}

static bool read_nonce(struct auth_message *m, str value)
{
    m->nonce = value;
    return value.len >= NONCE_MIN && value.len <= AUTH_NONCE_MAX &&
           auth_chars_are(value, STR(CHARS_ALPHA CHARS_DIGIT));
}

static bool read_issued_at(struct auth_message *m, str value)
{
    return auth_instant_parse(&m->issued_at_ms, value) == 0;
}

static bool read_expires_at(struct auth_message *m, str value)
{
    return auth_instant_parse(&m->expires_at_ms, value) == 0;
}

static bool read_not_before(struct auth_message *m, str value)
{
    return auth_instant_parse(&m->not_before_ms, value) == 0;
}

static bool read_request_id(struct auth_message *m, str value)
{
    (void)m;
    return value.len <= AUTH_REQUEST_ID_MAX &&
           auth_chars_are_or_escaped(value, STR(CHARS_PCHAR));
}

/** In their order. */
static const struct field {
    str label; // and the LF before it
    bool (*read)(struct auth_message *m, str value);
    const char *bad;
    const char *missing; // NULL: it may be
    bool is_of_ethereum; // Solana's may be missing
} fields[] = {
    {STR("\nURI: "), read_uri, "URI is no URI (RFC 3986), or too long",
     "URI is missing, or not where it belongs", false},
    {STR("\nVersion: "), read_version, "Version must be 1",
     "Version is missing, or not where it belongs", false},
    {STR("\nChain ID: "), read_chain_id, "Chain ID is no number (Solana: no name), or too long",
     "Chain ID is missing, or not where it belongs", true},
    {STR("\nNonce: "), read_nonce,
     "Nonce must be letters and digits, at least 8 and not too many",
     "Nonce is missing, or not where it belongs", false},
    {STR("\nIssued At: "), read_issued_at, "Issued At is no date-time of RFC 3339",
     "Issued At is missing, or not where it belongs", false},
    {STR("\nExpiration Time: "), read_expires_at, "Expiration Time is no date-time of RFC 3339",
     NULL, false},
    {STR("\nNot Before: "), read_not_before, "Not Before is no date-time of RFC 3339", NULL,
     false},
    {STR("\nRequest ID: "), read_request_id,
     "Request ID has a character that RFC 3986 excludes from a segment, or is too long", NULL,
     false},
};

static int read_fields(struct auth_message *m, str *text, const char **why)
{
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        const struct field *f = &fields[i];
        const bool is_needed =
            f->missing && (m->kind == AUTH_MESSAGE_ETHEREUM || !f->is_of_ethereum);

        if (take(text, f->label)) {
            if (!f->read(m, take_line(text)))
                return bad(f->bad, why);
        } else if (is_needed) {
            return bad(f->missing, why);
        }
    }
    return 0;
}

static int read_resources(str *text, const char **why)
{
    struct auth_uri uri;
    size_t n = 0;

    if (!take(text, STR("\nResources:")))
        return 0;
    while (take(text, STR("\n- "))) {
        const str value = take_line(text);
        if (++n > AUTH_RESOURCES_MAX)
            return bad("there are too many resources", why);
        if (value.len > AUTH_RESOURCE_MAX || auth_uri_parse(&uri, value) != 0)
            return bad("a resource is no URI (RFC 3986), or too long", why);
    }
    return 0;
}

static int read_body(struct auth_message *m, str *text, const char **why)
{
    int r = m->kind == AUTH_MESSAGE_ETHEREUM ? read_ethereum_statement(text, why)
                                             : read_solana_statement(text, why);

    if (r == 0)
        r = read_fields(m, text, why);
    if (r == 0)
        r = read_resources(text, why);
    if (r == 0 && text->len > 0)
        r = bad("a line is empty, unknown, repeated, or not where it belongs", why);
    return r;
}

int auth_message_parse(struct auth_message *out, str text, const char **why)
{
    struct auth_message m = {.expires_at_ms = INT64_MAX, .not_before_ms = INT64_MIN};

    if (text.len > AUTH_MESSAGE_MAX)
        return bad("the message is too long", why);
    if (!is_printable(text))
        return bad("the message has a character that is neither printable ASCII nor LF", why);
    int r = read_header(&m, &text, why);
    if (r == 0)
        r = split_origin(&m, why);
    if (r == 0)
        r = read_address(&m, &text, why);
    if (r == 0)
        r = read_body(&m, &text, why);
    if (r == 0)
        *out = m;
    return r;
}
