#include <stdio.h>

#include "auth/account.h"
#include "auth/instant.h"
#include "auth/message.h"
#include "auth/store.h"
#include "base/buf.h"
#include "support/exact.h"
#include "support/t.h"

#define ADDRESS   "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"
#define KEY       "2S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaKv"
#define HEADER    " wants you to sign in with your Ethereum account:"
#define SOLANA    "service.org wants you to sign in with your Solana account:\n" KEY
#define STATEMENT "I accept the Terms of Service: https://service.org/tos"
#define URI       "\nURI: https://service.org/login"
#define VERSION   "\nVersion: 1"
#define CHAIN     "\nChain ID: 1"
#define NONCE     "\nNonce: 32891757"
#define ISSUED    "\nIssued At: 2021-09-30T16:25:24.000Z"
#define EXPIRES   "\nExpiration Time: 2021-09-30T16:35:24Z"
#define BEFORE    "\nNot Before: 2021-09-30T16:20:24Z"
#define REQUEST   "\nRequest ID: some_id"
#define FIRST     "\n- ipfs://Qme7ss3ARVgxv6rXqVPiikMJ8u2NLgmgszg13pYrDKEoiu"
#define SECOND    "\n- https://example.com/my-web2-claim.json"
#define RESOURCES "\nResources:" FIRST SECOND
#define TAIL      NONCE ISSUED EXPIRES BEFORE REQUEST RESOURCES

/** All that a message can have. */
static const str full[] = {
    [AUTH_MESSAGE_ETHEREUM] = STR("https://service.org:8443" HEADER "\n" ADDRESS
                                  "\n\n" STATEMENT "\n" URI VERSION CHAIN TAIL),
    [AUTH_MESSAGE_SOLANA] =
        STR("service.org:8443 wants you to sign in with your Solana account:\n" KEY
            "\n\n" STATEMENT "\n" URI VERSION "\nChain ID: mainnet" TAIL),
};

#define ISSUED_MS  1633019124000
#define EXPIRES_MS 1633019724000
#define BEFORE_MS  1633018824000

/** A refusal has words, and leaves alone what it should have filled. */
static int parse(struct auth_message *m, str text, const char **why)
{
    *why = NULL;
    *m = (struct auth_message){.domain = STR("as it was")};
    const int r = auth_message_parse(m, text, why);
    assert_int_equal(*why != NULL, r != 0);
    if (r != 0)
        expect_str("domain", m->domain, STR("as it was"));
    return r;
}

/** What becomes of a text, of which there is no byte more. */
static int result_of(str text, const char **why)
{
    CLEANUP(exact_freep) char *copy = exact_copy(text);
    struct auth_message m;

    return parse(&m, (str){copy, text.len}, why);
}

static size_t find(str text, str part)
{
    const char *at = memmem(text.ptr, text.len, part.ptr, part.len);

    if (!at)
        fail_msg("\"" STR_FMT "\" is not in the message", STR_ARG(part));
    return (size_t)(at - text.ptr);
}

/** The text with the first `from` replaced. */
static void edit(struct buf *out, str text, str from, str to)
{
    const str before = str_take(&text, find(text, from));

    str_take(&text, from.len);
    buf_clear(out);
    assert_int_equal(buf_add(out, before), 0);
    assert_int_equal(buf_add(out, to), 0);
    assert_int_equal(buf_add(out, text), 0);
}

/** But for the account, and the host of the URI. */
static void expect_message(const char *name, const struct auth_message *got,
                           const struct auth_message *want)
{
    expect_str(name, got->scheme, want->scheme);
    expect_str(name, got->domain, want->domain);
    expect_str(name, got->uri, want->uri);
    expect_str(name, got->chain_id, want->chain_id);
    expect_str(name, got->nonce, want->nonce);
    expect_int(name, got->issued_at_ms, want->issued_at_ms);
    expect_int(name, got->expires_at_ms, want->expires_at_ms);
    expect_int(name, got->not_before_ms, want->not_before_ms);
}

static void every_field_is_read(void **state)
{
    (void)state;
    for (int kind = AUTH_MESSAGE_ETHEREUM; kind <= AUTH_MESSAGE_SOLANA; kind++) {
        const bool is_solana = kind == AUTH_MESSAGE_SOLANA;
        const struct auth_message want = {
            .scheme = is_solana ? STR("") : STR("https"),
            .domain = STR("service.org:8443"),
            .uri = STR("https://service.org/login"),
            .chain_id = is_solana ? STR("mainnet") : STR("1"),
            .nonce = STR("32891757"),
            .issued_at_ms = ISSUED_MS,
            .expires_at_ms = EXPIRES_MS,
            .not_before_ms = BEFORE_MS,
        };
        char address[AUTH_ACCOUNT_TEXT_SIZE];
        struct auth_message m;
        const char *why;

        assert_int_equal(parse(&m, full[kind], &why), 0);
        assert_int_equal(m.kind, kind);
        expect_message("all that there can be", &m, &want);
        expect_str("account", auth_account_text(address, &m.account),
                   is_solana ? STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:" KEY)
                             : STR(ADDRESS));
    }
}

static void what_may_be_missing_is_always_and_never(void **state)
{
    struct auth_message m;
    const char *why;

    (void)state;
    assert_int_equal(
        parse(&m, STR("service.org" HEADER "\n" ADDRESS "\n\n" URI VERSION CHAIN NONCE ISSUED),
              &why),
        0);
    expect_str("scheme", m.scheme, STR(""));
    expect_int("issued", m.issued_at_ms, ISSUED_MS);
    assert_true(m.expires_at_ms == INT64_MAX);
    assert_true(m.not_before_ms == INT64_MIN);
    assert_int_equal(
        parse(&m,
              STR("service.org wants you to sign in with your Solana account:\n" KEY
                  "\n" URI VERSION NONCE ISSUED),
              &why),
        0);
    expect_str("chain", m.chain_id, STR(""));
    assert_true(m.expires_at_ms == INT64_MAX);
    assert_true(m.not_before_ms == INT64_MIN);
}

/** A message with another URI in it. */
static void the_host_of_a_uri_is_as_it_is_written(void **state)
{
    static const struct {
        str uri;
        str host;
    } rows[] = {
        {STR("https://Service.ORG/login"), STR("Service.ORG")},
        {STR("https://u:p@a.test:80"), STR("a.test")},
        {STR("https://[::cafe]:80/"), STR("[::cafe]")},
        {STR("https://127.0.0.1?a"), STR("127.0.0.1")},
        {STR("urn:a:b"), STR("")},
        {STR("file:///a"), STR("")},
    };
    struct buf text;

    (void)state;
    buf_init(&text, AUTH_MESSAGE_MAX);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct auth_message m;
        const char *why;

        edit(&text, full[AUTH_MESSAGE_ETHEREUM], STR("https://service.org/login"), rows[i].uri);
        expect_int(rows[i].uri.ptr, parse(&m, buf_str(&text), &why), 0);
        expect_str(rows[i].uri.ptr, m.uri, rows[i].uri);
        expect_str(rows[i].uri.ptr, m.uri_host, rows[i].host);
    }
    buf_fini(&text);
}

enum {
    E = 1,
    S = 2,
    BOTH = E | S
};

#define BAD        AUTH_MESSAGE_BAD
#define OF_ADDRESS AUTH_MESSAGE_ADDRESS

// clang-format off
/** Changes of the full messages: what becomes of them, and what the reason has in it. */
static const struct change {
    const char *name;
    int kinds;
    str from;
    str to;
    int r;
    const char *why;
} changes[] = {
    // line 1
    {"http",                       E, STR("https://service"), STR("http://service"), 0, ""},
    {"a scheme of its own",        E, STR("https://service"), STR("a+b-1.c://service"), 0, ""},
    {"a scheme of digits",         E, STR("https://service"), STR("1://service"), BAD, "no scheme"},
    {"an empty scheme",            E, STR("https://service"), STR("://service"), BAD, "no scheme"},
    {"half a scheme",              E, STR("https://service"), STR("https:/service"), BAD, "domain"},
    {"two schemes",                E, STR("https://service"), STR("https://https://service"), BAD, "domain"},
    {"a scheme for Solana",        S, STR("service.org:8443"), STR("https://service.org"), BAD, "domain"},
    {"no port",                    BOTH, STR("service.org:8443"), STR("service.org"), 0, ""},
    {"IPv4",                       BOTH, STR("service.org:8443"), STR("127.0.0.1:8080"), 0, ""},
    {"IPv6",                       BOTH, STR("service.org:8443"), STR("[::cafe]:8080"), 0, ""},
    {"a user",                     BOTH, STR("service.org:8443"), STR("u@service.org"), 0, ""},
    {"no domain",                  BOTH, STR("service.org:8443"), STR(""), BAD, "domain"},
    {"a port without a host",      BOTH, STR("service.org:8443"), STR(":8443"), BAD, "domain"},
    {"a user without a host",      BOTH, STR("service.org:8443"), STR("u@"), BAD, "domain"},
    {"a path",                     BOTH, STR("service.org:8443"), STR("service.org/a"), BAD, "domain"},
    {"a port of letters",          BOTH, STR("service.org:8443"), STR("service.org:a"), BAD, "domain"},
    {"two words",                  BOTH, STR("service.org:8443"), STR("evil service.org"), BAD, "line 1"},
    {"a second blank",             BOTH, STR(" wants"), STR("  wants"), BAD, "line 1"},
    {"a capital",                  BOTH, STR(" wants"), STR(" Wants"), BAD, "line 1"},
    {"another chain",              E, STR("Ethereum account"), STR("Starknet account"), BAD, "line 1"},
    {"no colon",                   BOTH, STR("account:"), STR("account"), BAD, "line 1"},
    {"a blank behind line 1",      BOTH, STR("account:"), STR("account: "), BAD, "line 1"},
    {"an empty line before",       E, STR("https://service"), STR("\nhttps://service"), BAD, "line 1"},
    {"a line before",              BOTH, STR("service.org:8443"), STR("Hello\nservice.org"), BAD, "line 1"},

    // line 2
    {"small letters",              E, STR(ADDRESS), STR("0xc02aaa39b223fe8d0a0e5c4f27ead9083c756cc2"), OF_ADDRESS, "EIP-55"},
    {"capitals",                   E, STR(ADDRESS), STR("0xC02AAA39B223FE8D0A0E5C4F27EAD9083C756CC2"), OF_ADDRESS, "EIP-55"},
    {"one letter wrong",           E, STR(ADDRESS), STR("0xc02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), OF_ADDRESS, "EIP-55"},
    {"small, and that is its form", E, STR(ADDRESS), STR("0xde709f2102306220921060314715629080e2fb77"), 0, ""},
    {"capital, and that is its form", E, STR(ADDRESS), STR("0x52908400098527886E0F7030069857D2E4169EE7"), 0, ""},
    {"digits alone",               E, STR(ADDRESS), STR("0x1234567890123456789012345678901234567890"), 0, ""},
    {"a large X",                  E, STR(ADDRESS), STR("0XC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), OF_ADDRESS, "line 2"},
    {"no 0x",                      E, STR(ADDRESS), STR("C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2"), OF_ADDRESS, "line 2"},
    {"a digit more",               E, STR(ADDRESS), STR(ADDRESS "0"), OF_ADDRESS, "line 2"},
    {"a blank behind the address", BOTH, STR("\n\nI"), STR(" \n\nI"), OF_ADDRESS, "line 2"},
    {"a contract's account",       E, STR(ADDRESS), STR("eip155:1:" ADDRESS), OF_ADDRESS, "line 2"},
    {"one of Solana",              E, STR(ADDRESS), STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:" KEY), OF_ADDRESS, "line 2"},
    {"a key of Solana",            E, STR(ADDRESS), STR(KEY), OF_ADDRESS, "line 2"},
    {"no address",                 E, STR(ADDRESS), STR(""), OF_ADDRESS, "line 2"},
    {"the line of it left out",    E, STR(ADDRESS "\n"), STR(""), OF_ADDRESS, "line 2"},
    {"a name",                     E, STR(ADDRESS), STR("vitalik.eth"), OF_ADDRESS, "line 2"},
    {"the system program",         S, STR(KEY), STR("11111111111111111111111111111111"), 0, ""},
    {"a byte too few",             S, STR(KEY), STR("1111111111111111111111111111111"), OF_ADDRESS, "32 bytes"},
    {"a byte too many",            S, STR(KEY), STR("111111111111111111111111111111111"), OF_ADDRESS, "32 bytes"},
    {"beyond 32 bytes",            S, STR(KEY), STR("JEKNVnkbo3jma5nREBBJCDoXFVeKkD56V3xKrvRmWxFH"), OF_ADDRESS, "32 bytes"},
    {"no digit of base58",         S, STR(KEY), STR("7S3P4HxJpyyigGzodYwHtCxZyUQe9JiBMHyRWXArAaK0"), OF_ADDRESS, "base58"},
    {"the account of a key",       S, STR(KEY), STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:" KEY), OF_ADDRESS, "base58"},
    {"an address of Ethereum",     S, STR(KEY), STR(ADDRESS), OF_ADDRESS, "base58"},
    {"no key",                     S, STR(KEY), STR(""), OF_ADDRESS, "base58"},

    // the statement
    {"none",                       E, STR(STATEMENT "\n"), STR(""), 0, ""},
    {"an empty one",               E, STR(STATEMENT), STR(""), 0, ""},
    {"one empty line more",        E, STR(STATEMENT), STR("\n"), BAD, "URI is missing"},
    {"no empty line before",       BOTH, STR("\n\nI"), STR("\nI"), BAD, "line 3"},
    {"no empty line behind",       E, STR("tos\n"), STR("tos"), BAD, "statement must be one line"},
    {"two empty lines before",     E, STR("\n\nI"), STR("\n\n\nI"), BAD, "URI is missing"},
    {"two empty lines behind",     BOTH, STR("tos\n"), STR("tos\n\n"), BAD, "URI is missing"},
    {"of two lines",               E, STR("I accept "), STR("I accept\n"), BAD, "statement must be one line"},
    {"of two paragraphs",          BOTH, STR("I accept "), STR("I accept\n\n"), BAD, "URI is missing"},
    {"no fields, no statement",    E, STR("\n\n" STATEMENT "\n" URI VERSION CHAIN TAIL), STR(""), BAD, "line 3"},
    {"an LF behind the address",   E, STR("\n\n" STATEMENT "\n" URI VERSION CHAIN TAIL), STR("\n"), BAD, "line 4"},
    {"two of them",                E, STR("\n\n" STATEMENT "\n" URI VERSION CHAIN TAIL), STR("\n\n"), BAD, "URI is missing"},
    {"none for Solana",            S, STR("\n\n" STATEMENT), STR(""), 0, ""},
    {"an empty one for Solana",    S, STR(STATEMENT), STR(""), BAD, "line 4"},
    {"as Ethereum says none",      S, STR(STATEMENT "\n"), STR(""), BAD, "line 4"},
    {"one that looks like a field", BOTH, STR(STATEMENT), STR("URI: https://evil.test"), 0, ""},
    {"no empty line behind, for Solana", S, STR("tos\n"), STR("tos"), BAD, "URI is missing"},
    {"of two lines, for Solana",   S, STR("I accept "), STR("I accept\n"), BAD, "URI is missing"},
    {"all that it may have",       BOTH, STR(STATEMENT), STR("azAZ09-._~ :/?#[]@!$&'()*+,;="), 0, ""},
    {"a blank alone",              BOTH, STR(STATEMENT), STR(" "), 0, ""},
    {"a quote",                    BOTH, STR("Terms"), STR("\"Terms\""), BAD, "excludes"},
    {"a percent sign",             BOTH, STR("Terms"), STR("100%"), BAD, "excludes"},
    {"an escape",                  BOTH, STR("Terms"), STR("%20"), BAD, "excludes"},
    {"angle brackets",             BOTH, STR("Terms"), STR("<b>"), BAD, "excludes"},
    {"a backslash",                BOTH, STR("Terms"), STR("\\"), BAD, "excludes"},
    {"a caret",                    BOTH, STR("Terms"), STR("^"), BAD, "excludes"},
    {"a backtick",                 BOTH, STR("Terms"), STR("`"), BAD, "excludes"},
    {"braces",                     BOTH, STR("Terms"), STR("{}"), BAD, "excludes"},
    {"a pipe",                     BOTH, STR("Terms"), STR("|"), BAD, "excludes"},
    {"no ASCII",                   BOTH, STR("Terms"), STR("T\xc3\xa9rms"), BAD, "neither printable"},
    {"a tab",                      BOTH, STR("Terms"), STR("\t"), BAD, "neither printable"},
    {"a NUL",                      BOTH, STR("Terms"), STR("\0"), BAD, "neither printable"},

    // URI
    {"a port in the URI",          BOTH, STR(URI), STR("\nURI: https://127.0.0.1:4361"), 0, ""},
    {"a query and a fragment",     BOTH, STR(URI), STR("\nURI: https://127.0.0.1/?query=one#begin"), 0, ""},
    {"a URN",                      BOTH, STR(URI), STR("\nURI: urn:a:b"), 0, ""},
    {"no scheme in the URI",       BOTH, STR(URI), STR("\nURI: service.org/login"), BAD, "URI is no URI"},
    {"an empty URI",               BOTH, STR(URI), STR("\nURI: "), BAD, "URI is no URI"},
    {"a blank in the URI",         BOTH, STR(URI), STR("\nURI: https://a/ b"), BAD, "URI is no URI"},
    {"a blank behind the URI",     BOTH, STR(URI), STR(URI " "), BAD, "URI is no URI"},
    {"two blanks before the URI",  BOTH, STR("URI: "), STR("URI:  "), BAD, "URI is no URI"},
    {"no blank before the URI",    BOTH, STR("URI: "), STR("URI:"), BAD, "URI is missing"},
    {"small letters of the label", BOTH, STR("URI: "), STR("uri: "), BAD, "URI is missing"},
    {"a blank before the label",   BOTH, STR("URI: "), STR(" URI: "), BAD, "URI is missing"},
    {"no URI",                     E, STR(URI), STR(""), BAD, "URI is missing"},
    {"no URI and no statement",    E, STR(STATEMENT "\n" URI), STR(""), BAD, "URI is missing"},
    {"an empty line for the URI",  BOTH, STR(URI), STR("\n"), BAD, "URI is missing"},

    // Version
    {"version 2",                  BOTH, STR(VERSION), STR("\nVersion: 2"), BAD, "Version must be 1"},
    {"version 10",                 BOTH, STR(VERSION), STR("\nVersion: 10"), BAD, "Version must be 1"},
    {"version 01",                 BOTH, STR(VERSION), STR("\nVersion: 01"), BAD, "Version must be 1"},
    {"version 1.0",                BOTH, STR(VERSION), STR("\nVersion: 1.0"), BAD, "Version must be 1"},
    {"an empty version",           BOTH, STR(VERSION), STR("\nVersion: "), BAD, "Version must be 1"},
    {"no version",                 BOTH, STR(VERSION), STR(""), BAD, "Version is missing"},
    {"version and URI swapped",    BOTH, STR(URI VERSION), STR(VERSION URI), BAD, "URI is missing"},

    // Chain ID
    {"chain 0",                    E, STR(CHAIN), STR("\nChain ID: 0"), 0, ""},
    {"a zero before",              E, STR(CHAIN), STR("\nChain ID: 01"), 0, ""},
    {"no chain",                   E, STR(CHAIN), STR(""), BAD, "Chain ID is missing"},
    {"an empty chain",             E, STR(CHAIN), STR("\nChain ID: "), BAD, "Chain ID is no number"},
    {"a negative chain",           E, STR(CHAIN), STR("\nChain ID: -1"), BAD, "Chain ID is no number"},
    {"a chain in hex",             E, STR(CHAIN), STR("\nChain ID: 0x1"), BAD, "Chain ID is no number"},
    {"a chain of CAIP-2",          E, STR(CHAIN), STR("\nChain ID: eip155:1"), BAD, "Chain ID is no number"},
    {"a name for a chain",         E, STR(CHAIN), STR("\nChain ID: mainnet"), BAD, "Chain ID is no number"},
    {"a question mark",            E, STR(CHAIN), STR("\nChain ID: ?"), BAD, "Chain ID is no number"},
    {"chain before version",       E, STR(VERSION CHAIN), STR(CHAIN VERSION), BAD, "Version is missing"},
    {"no chain, of Solana",        S, STR("\nChain ID: mainnet"), STR(""), 0, ""},
    {"devnet",                     S, STR("mainnet"), STR("devnet"), 0, ""},
    {"solana:mainnet",             S, STR("mainnet"), STR("solana:mainnet"), 0, ""},
    {"by CAIP-2",                  S, STR("mainnet"), STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"), 0, ""},
    {"its reference alone",        S, STR("mainnet"), STR("5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp"), 0, ""},
    {"another namespace",          S, STR("mainnet"), STR("eip155:1"), BAD, "Chain ID"},
    {"a namespace alone",          S, STR("mainnet"), STR("solana:"), BAD, "Chain ID"},
    {"a namespace twice",          S, STR("mainnet"), STR("solana:solana:a"), BAD, "Chain ID"},
    {"an empty chain, of Solana",  S, STR("mainnet"), STR(""), BAD, "Chain ID"},
    {"a blank in the chain",       S, STR("mainnet"), STR("main net"), BAD, "Chain ID"},
    {"where CAIP-122 has it",      S, STR("\nChain ID: mainnet" TAIL), STR(NONCE ISSUED REQUEST "\nChain ID: mainnet"), BAD, "not where it belongs"},

    // Nonce
    {"seven characters",           BOTH, STR("32891757"), STR("3289175"), BAD, "Nonce must be"},
    {"eight letters",              BOTH, STR("32891757"), STR("azAZ09aZ"), 0, ""},
    {"a dash",                     BOTH, STR("32891757"), STR("3289-1757"), BAD, "Nonce must be"},
    {"an underline",               BOTH, STR("32891757"), STR("3289_1757"), BAD, "Nonce must be"},
    {"a blank behind the nonce",   BOTH, STR("32891757"), STR("32891757 "), BAD, "Nonce must be"},
    {"a nonce of nothing",         BOTH, STR("32891757"), STR(""), BAD, "Nonce must be"},
    {"no nonce",                   BOTH, STR(NONCE), STR(""), BAD, "Nonce is missing"},
    {"two nonces",                 BOTH, STR(NONCE), STR(NONCE NONCE), BAD, "Issued At is missing"},
    {"nonce behind issued at",     BOTH, STR(NONCE ISSUED), STR(ISSUED NONCE), BAD, "Nonce is missing"},

    // the dates
    {"without a fraction",         BOTH, STR(ISSUED), STR("\nIssued At: 2021-09-30T16:25:24Z"), 0, ""},
    {"with an offset",             BOTH, STR(ISSUED), STR("\nIssued At: 2021-09-30T16:25:24-02:00"), 0, ""},
    {"a date alone",               BOTH, STR(ISSUED), STR("\nIssued At: 2021-09-30"), BAD, "Issued At is no"},
    {"a JavaScript date",          BOTH, STR(ISSUED), STR("\nIssued At: Wed Oct 05 2011 16:48:00 GMT+0200 (CEST)"), BAD, "Issued At is no"},
    {"an empty date",              BOTH, STR(ISSUED), STR("\nIssued At: "), BAD, "Issued At is no"},
    {"30 February",                BOTH, STR(ISSUED), STR("\nIssued At: 2021-02-30T16:25:24Z"), BAD, "Issued At is no"},
    {"a blank behind the date",    BOTH, STR(ISSUED), STR(ISSUED " "), BAD, "Issued At is no"},
    {"no issued at",               BOTH, STR(ISSUED), STR(""), BAD, "Issued At is missing"},
    {"issued twice",               BOTH, STR(ISSUED), STR(ISSUED ISSUED), BAD, "not where it belongs"},
    {"expires before it is issued, in order", BOTH, STR(ISSUED EXPIRES), STR(EXPIRES ISSUED), BAD, "Issued At is missing"},
    {"no expiration time",         BOTH, STR(EXPIRES), STR(""), 0, ""},
    {"an expiration that is none", BOTH, STR(EXPIRES), STR("\nExpiration Time: tomorrow"), BAD, "Expiration Time is no"},
    {"expires twice",              BOTH, STR(EXPIRES), STR(EXPIRES EXPIRES), BAD, "not where it belongs"},
    {"no not before",              BOTH, STR(BEFORE), STR(""), 0, ""},
    {"a not before that is none",  BOTH, STR(BEFORE), STR("\nNot Before: 0"), BAD, "Not Before is no"},
    {"not before, then expires",   BOTH, STR(EXPIRES BEFORE), STR(BEFORE EXPIRES), BAD, "not where it belongs"},

    // Request ID
    {"no request",                 BOTH, STR(REQUEST), STR(""), 0, ""},
    {"an empty one",               BOTH, STR("some_id"), STR(""), 0, ""},
    {"without its blank",          BOTH, STR(" some_id"), STR(""), BAD, "not where it belongs"},
    {"all that it may have",       BOTH, STR("some_id"), STR("azAZ09-._~!$&'()*+,;=:@%00%fF"), 0, ""},
    {"a slash in it",              BOTH, STR("some_id"), STR("some/id"), BAD, "Request ID"},
    {"a blank in it",              BOTH, STR("some_id"), STR("some id"), BAD, "Request ID"},
    {"half an escape in it",       BOTH, STR("some_id"), STR("some%2"), BAD, "Request ID"},
    {"before not before",          BOTH, STR(BEFORE REQUEST), STR(REQUEST BEFORE), BAD, "not where it belongs"},

    // Resources
    {"no resources",               BOTH, STR(RESOURCES), STR(""), 0, ""},
    {"an empty list",              BOTH, STR(RESOURCES), STR("\nResources:"), 0, ""},
    {"one",                        BOTH, STR(RESOURCES), STR("\nResources:" SECOND), 0, ""},
    {"a name of ours",             BOTH, STR(FIRST), STR("\n- urn:parley:device:ed25519:AAAA_-"), 0, ""},
    {"a blank behind Resources",   BOTH, STR("Resources:"), STR("Resources: "), BAD, "not where it belongs"},
    {"in the line of Resources",   BOTH, STR("Resources:\n-"), STR("Resources:"), BAD, "not where it belongs"},
    {"no blank behind the dash",   BOTH, STR("- ipfs"), STR("-ipfs"), BAD, "not where it belongs"},
    {"no dash",                    BOTH, STR("- ipfs"), STR("ipfs"), BAD, "not where it belongs"},
    {"a star",                     BOTH, STR("- ipfs"), STR("* ipfs"), BAD, "not where it belongs"},
    {"an empty resource",          BOTH, STR(FIRST), STR("\n- "), BAD, "a resource is no URI"},
    {"a resource that is no URI",  BOTH, STR(SECOND), STR("\n- :a"), BAD, "a resource is no URI"},
    {"two in a line",              BOTH, STR(FIRST), STR(FIRST " - https://a"), BAD, "a resource is no URI"},
    {"the list twice",             BOTH, STR(RESOURCES), STR(RESOURCES RESOURCES), BAD, "not where it belongs"},
    {"resources before the request", BOTH, STR(REQUEST RESOURCES), STR(RESOURCES REQUEST), BAD, "not where it belongs"},
    {"dashes without Resources",   BOTH, STR("\nResources:"), STR(""), BAD, "not where it belongs"},

    // the lines
    {"an LF at the end",           BOTH, STR(".json"), STR(".json\n"), BAD, "not where it belongs"},
    {"and no resources",           BOTH, STR(RESOURCES), STR("\n"), BAD, "not where it belongs"},
    {"and no optional field",      BOTH, STR(EXPIRES BEFORE REQUEST RESOURCES), STR("\n"), BAD, "not where it belongs"},
    {"a blank at the end",         BOTH, STR(".json"), STR(".json "), BAD, "a resource is no URI"},
    {"a CR before an LF",          BOTH, STR("\n\nI"), STR("\r\n\nI"), BAD, "neither printable"},
    {"a CR at the end",            BOTH, STR(".json"), STR(".json\r"), BAD, "neither printable"},
    {"a NUL at the end",           BOTH, STR(".json"), STR(".json\0"), BAD, "neither printable"},
    {"an empty line between fields", BOTH, STR(NONCE), STR("\n" NONCE), BAD, "Nonce is missing"},
    {"a field that is unknown",    BOTH, STR(REQUEST), STR("\nOrigin: a" REQUEST), BAD, "not where it belongs"},
    {"an unknown one at the end",  BOTH, STR(".json"), STR(".json\nOrigin: a"), BAD, "not where it belongs"},
};
// clang-format on

static void expect_reason(const char *name, const char *why, const char *part)
{
    if (!strstr(why, part))
        fail_msg("%s: the reason is \"%s\", without \"%s\"", name, why, part);
}

static void check_change(const struct change *change, enum auth_message_kind kind)
{
    struct buf text;
    const char *why;

    buf_init(&text, AUTH_MESSAGE_MAX);
    edit(&text, full[kind], change->from, change->to);
    expect_int(change->name, result_of(buf_str(&text), &why), change->r);
    if (change->r != 0)
        expect_reason(change->name, why, change->why);
    buf_fini(&text);
}

static void the_grammar_decides_each_change_of_a_message(void **state)
{
    (void)state;
    for (const struct change *c = changes; c < changes + COUNT_OF(changes); c++) {
        if (c->kinds & E)
            check_change(c, AUTH_MESSAGE_ETHEREUM);
        if (c->kinds & S)
            check_change(c, AUTH_MESSAGE_SOLANA);
    }
}

/** Templates and the example of Phantom's page: nothing but the domain must be there. */
static void what_phantom_leaves_out_is_named(void **state)
{
    static const struct {
        const char *name;
        str text;
        const char *why;
    } rows[] = {
        {"the minimal template", STR(SOLANA), "URI is missing"},
        {"a statement alone", STR(SOLANA "\n\n" STATEMENT), "URI is missing"},
        {"an LF behind the address", STR(SOLANA "\n"), "LF"},
        {"no URI in the page's example",
         STR(SOLANA "\n\nClicking Sign or Approve only means you have proved this "
                    "wallet is owned by you.\n" VERSION
                    "\nChain ID: mainnet\nNonce: oBbLoEldZs" ISSUED
                    "\nResources:\n- https://example.com\n- https://phantom.app/"),
         "URI is missing"},
        {"a nonce alone", STR(SOLANA "\n" NONCE), "URI is missing"},
        {"no version", STR(SOLANA "\n" URI NONCE ISSUED), "Version is missing"},
        {"no nonce", STR(SOLANA "\n" URI VERSION ISSUED), "Nonce is missing"},
        {"no date", STR(SOLANA "\n" URI VERSION NONCE), "Issued At is missing"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const char *why;
        expect_int(rows[i].name, result_of(rows[i].text, &why), AUTH_MESSAGE_BAD);
        expect_reason(rows[i].name, why, rows[i].why);
    }
}

/** Lengths, from the end of the one part to the end of the other, that make a message. */
static const struct {
    str from;
    str to;
} whole[] = {
    {STR(ISSUED), STR(ISSUED)},
    {STR(EXPIRES), STR(EXPIRES)},
    {STR(BEFORE), STR(BEFORE)},
    {STR("\nRequest ID: "), STR(REQUEST)},
    {STR("\nResources:"), STR("\nResources:")},
    {STR("\n- ipfs:"), STR(FIRST)},
    {STR("\n- https:"), STR(SECOND)},
};

static bool is_whole(str text, size_t n)
{
    for (size_t i = 0; i < COUNT_OF(whole); i++) {
        if (n >= find(text, whole[i].from) + whole[i].from.len &&
            n <= find(text, whole[i].to) + whole[i].to.len)
            return true;
    }
    return false;
}

static void a_cut_is_refused_or_is_a_shorter_message(void **state)
{
    (void)state;
    for (int kind = AUTH_MESSAGE_ETHEREUM; kind <= AUTH_MESSAGE_SOLANA; kind++) {
        const str text = full[kind];
        for (size_t n = 0; n <= text.len; n++) {
            CLEANUP(exact_freep) char *cut = exact_copy((str){text.ptr, n});
            struct auth_message m;
            const char *why;
            char name[32];

            (void)snprintf(name, sizeof(name), "%zu bytes of kind %d", n, kind);
            expect_int(name, parse(&m, (str){cut, n}, &why) == 0, is_whole(text, n));
            if (!is_whole(text, n))
                continue;
            expect_str(name, m.nonce, STR("32891757"));
            expect_int(name, m.expires_at_ms == EXPIRES_MS, n >= find(text, STR(BEFORE)));
            expect_int(name, m.not_before_ms == BEFORE_MS, n >= find(text, STR(REQUEST)));
        }
    }
}

static void check_byte(str text, size_t i, char c)
{
    CLEANUP(exact_freep) char *copy = exact_copy(text);
    const size_t statement = find(text, STR(STATEMENT));
    const bool is_in_statement = i >= statement && i < statement + sizeof(STATEMENT) - 1;
    struct auth_message m;
    const char *why;
    char name[48];

    copy[i] = c;
    (void)snprintf(name, sizeof(name), "byte %zu is %d", i, c);
    expect_int(name, parse(&m, (str){copy, text.len}, &why) == 0,
               text.ptr[i] == c || (c == ' ' && is_in_statement));
}

static void a_byte_that_is_none_of_the_grammar_is_refused_anywhere(void **state)
{
    static const char bytes[] = {'\0', '\t', '\n', '\r', ' ', '"', '\x7f', '\x80', '\xff'};

    (void)state;
    for (int kind = AUTH_MESSAGE_ETHEREUM; kind <= AUTH_MESSAGE_SOLANA; kind++) {
        for (size_t i = 0; i < full[kind].len; i++) {
            for (size_t k = 0; k < sizeof(bytes); k++)
                check_byte(full[kind], i, bytes[k]);
        }
    }
}

/** The line that begins at the byte; with the LF before it, if there is one. */
static str line_at(str text, size_t at)
{
    str rest = {text.ptr + at, text.len - at};
    const size_t start = str_starts(rest, STR("\n")) ? 1 : 0;
    str behind = {rest.ptr + start, rest.len - start};

    return (str){rest.ptr, start + str_find(behind, '\n')};
}

static bool is_result(struct buf *text)
{
    const char *why;

    return result_of(buf_str(text), &why) == 0;
}

/** Only resources may be there twice, or the other way round. */
static void no_line_may_be_there_twice_or_change_places(void **state)
{
    struct buf text;

    (void)state;
    buf_init(&text, AUTH_MESSAGE_MAX);
    for (int kind = AUTH_MESSAGE_ETHEREUM; kind <= AUTH_MESSAGE_SOLANA; kind++) {
        const str all = full[kind];
        for (size_t at = 0; at < all.len; at += line_at(all, at).len) {
            const str line = line_at(all, at);
            const str next = line_at(all, at + line.len);
            const str before = {all.ptr, at};
            const str behind = {line.ptr + line.len, all.len - at - line.len};
            const str behind_next = {behind.ptr + next.len, behind.len - next.len};
            const bool is_resource = str_starts(line, STR("\n- "));
            char name[64];

            (void)snprintf(name, sizeof(name), STR_FMT, STR_ARG(line));
            buf_clear(&text);
            assert_int_equal(buf_addf(&text, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(before),
                                      STR_ARG(line), STR_ARG(line), STR_ARG(behind)),
                             0);
            expect_int(name, is_result(&text), is_resource);
            if (next.len == 0)
                continue;
            buf_clear(&text);
            assert_int_equal(buf_addf(&text, STR_FMT STR_FMT STR_FMT STR_FMT, STR_ARG(before),
                                      STR_ARG(next), STR_ARG(line), STR_ARG(behind_next)),
                             0);
            expect_int(name, is_result(&text), is_resource);
        }
    }
    buf_fini(&text);
}

/** A part of a message, of which something is there n times. */
static const struct limit {
    const char *name;
    enum auth_message_kind kind;
    str from;
    str before;
    str repeated;
    str behind;
    size_t n; // and one more is refused
} limits[] = {
    {"domain", AUTH_MESSAGE_ETHEREUM, STR("service.org:8443 "), STR(""), STR("a"), STR(" "),
     AUTH_DOMAIN_MAX},
    {"domain of Solana", AUTH_MESSAGE_SOLANA, STR("service.org:8443 "), STR(""), STR("a"),
     STR(" "), AUTH_DOMAIN_MAX},
    {"statement", AUTH_MESSAGE_ETHEREUM, STR(STATEMENT), STR(""), STR("a"), STR(""),
     AUTH_STATEMENT_MAX},
    {"statement of Solana", AUTH_MESSAGE_SOLANA, STR(STATEMENT), STR(""), STR("a"), STR(""),
     AUTH_STATEMENT_MAX},
    {"URI", AUTH_MESSAGE_ETHEREUM, STR(URI), STR("\nURI: https://"), STR("a"), STR(""),
     AUTH_URI_MAX - 8},
    {"chain's digits", AUTH_MESSAGE_ETHEREUM, STR(CHAIN), STR("\nChain ID: "), STR("9"),
     STR(""), AUTH_CHAIN_DIGITS_MAX},
    {"chain's name", AUTH_MESSAGE_SOLANA, STR("mainnet"), STR(""), STR("a"), STR(""),
     AUTH_CHAIN_NAME_MAX},
    {"chain's name behind solana:", AUTH_MESSAGE_SOLANA, STR("mainnet"), STR("solana:"),
     STR("a"), STR(""), AUTH_CHAIN_NAME_MAX},
    {"nonce", AUTH_MESSAGE_ETHEREUM, STR(NONCE), STR("\nNonce: "), STR("a"), STR(""),
     AUTH_NONCE_MAX},
    {"fraction", AUTH_MESSAGE_ETHEREUM, STR(".000Z"), STR("."), STR("9"), STR("Z"),
     AUTH_FRACTION_MAX},
    {"request", AUTH_MESSAGE_ETHEREUM, STR("some_id"), STR(""), STR("a"), STR(""),
     AUTH_REQUEST_ID_MAX},
    {"resource", AUTH_MESSAGE_ETHEREUM, STR(SECOND), STR("\n- a:"), STR("a"), STR(""),
     AUTH_RESOURCE_MAX - 2},
    {"resources", AUTH_MESSAGE_ETHEREUM, STR(FIRST SECOND), STR(""), STR("\n- a:"), STR(""),
     AUTH_RESOURCES_MAX},
};

static int result_at(const struct limit *limit, size_t n)
{
    struct buf text;
    struct buf part;
    const char *why;

    buf_init(&text, AUTH_MESSAGE_MAX);
    buf_init(&part, AUTH_MESSAGE_MAX);
    assert_int_equal(buf_add(&part, limit->before), 0);
    for (size_t i = 0; i < n; i++)
        assert_int_equal(buf_add(&part, limit->repeated), 0);
    assert_int_equal(buf_add(&part, limit->behind), 0);
    edit(&text, full[limit->kind], limit->from, buf_str(&part));
    const int r = result_of(buf_str(&text), &why);
    buf_fini(&part);
    buf_fini(&text);
    return r;
}

static void each_part_may_be_as_long_as_its_limit_and_no_longer(void **state)
{
    (void)state;
    for (const struct limit *limit = limits; limit < limits + COUNT_OF(limits); limit++) {
        expect_int(limit->name, result_at(limit, limit->n), 0);
        expect_int(limit->name, result_at(limit, limit->n + 1), AUTH_MESSAGE_BAD);
    }
}

/** Of as many resources as there may be, and none of them too long. */
static void make_message_of(struct buf *out, size_t size)
{
    edit(out, full[AUTH_MESSAGE_ETHEREUM], STR(RESOURCES), STR("\nResources:"));
    const size_t each = (size - out->len) / AUTH_RESOURCES_MAX;
    for (size_t i = 1; i < AUTH_RESOURCES_MAX; i++)
        assert_int_equal(buf_addf(out, "\n- a:%0*d", (int)each - 5, 0), 0);
    assert_int_equal(buf_addf(out, "\n- a:%0*d", (int)(size - out->len) - 5, 0), 0);
    assert_int_equal(out->len, size);
}

static void a_message_may_be_as_long_as_its_limit_and_no_longer(void **state)
{
    struct buf text;
    const char *why;

    (void)state;
    buf_init(&text, AUTH_MESSAGE_MAX + 1);
    make_message_of(&text, AUTH_MESSAGE_MAX);
    assert_int_equal(result_of(buf_str(&text), &why), 0);
    make_message_of(&text, AUTH_MESSAGE_MAX + 1);
    assert_int_equal(result_of(buf_str(&text), &why), AUTH_MESSAGE_BAD);
    assert_string_equal(why, "the message is too long");
    buf_fini(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_is_read),
        cmocka_unit_test(what_may_be_missing_is_always_and_never),
        cmocka_unit_test(the_host_of_a_uri_is_as_it_is_written),
        cmocka_unit_test(the_grammar_decides_each_change_of_a_message),
        cmocka_unit_test(what_phantom_leaves_out_is_named),
        cmocka_unit_test(a_cut_is_refused_or_is_a_shorter_message),
        cmocka_unit_test(a_byte_that_is_none_of_the_grammar_is_refused_anywhere),
        cmocka_unit_test(no_line_may_be_there_twice_or_change_places),
        cmocka_unit_test(each_part_may_be_as_long_as_its_limit_and_no_longer),
        cmocka_unit_test(a_message_may_be_as_long_as_its_limit_and_no_longer),
    };
    return cmocka_run_group_tests_name("auth/message", tests, NULL, NULL);
}
