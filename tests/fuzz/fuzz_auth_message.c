/** The messages that wallets sign, and what they are made of: URIs and points in time. */
#include <stdio.h>
#include <time.h>

#include "auth/account.h"
#include "auth/instant.h"
#include "auth/message.h"
#include "auth/store.h"
#include "auth/uri.h"
#include "base/mem.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define WANTS(chain) " wants you to sign in with your " chain " account:\n"

static void expect_next(str *text, str part)
{
    assert(str_starts(*text, part));
    str_take(text, part.len);
}

static bool is_within(str part, str text)
{
    return part.len == 0 ||
           (part.ptr >= text.ptr && part.ptr + part.len <= text.ptr + text.len);
}

static bool is_alphanumeric(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')))
            return false;
    }
    return true;
}

/** What is read of a time prints as UTC, and that reads back as the same. */
static void check_unix_ms(int64_t unix_ms)
{
    const int64_t ms = (unix_ms % 1000 + 1000) % 1000;
    const time_t seconds = (time_t)((unix_ms - ms) / 1000);
    struct tm tm;
    char text[64];
    int64_t again = 0;

    struct tm *utc = gmtime_r(&seconds, &tm);
    assert(utc && tm.tm_year + 1900 >= -1 && tm.tm_year + 1900 <= 10000);
    if (tm.tm_year + 1900 < 0 || tm.tm_year + 1900 > 9999)
        return; // an offset has moved it out of what can be written
    const int n =
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900,
                 tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)ms);
    const int r = auth_instant_parse(&again, (str){text, (size_t)n});
    assert(r == 0 && again == unix_ms);
}

static void check_instant(str text)
{
    int64_t unix_ms = 7;

    if (auth_instant_parse(&unix_ms, text) == 0) {
        assert(text.len >= sizeof("0000-00-00T00:00:00Z") - 1);
        check_unix_ms(unix_ms);
    } else {
        assert(unix_ms == 7);
    }
}

/** The parts, with what stands between them, are the text again. */
static void check_authority(const struct auth_authority *a, str *text)
{
    if (a->has_user) {
        expect_next(text, a->user);
        expect_next(text, STR("@"));
    }
    assert(str_find(a->host, '@') == a->host.len && str_find(a->host, '/') == a->host.len);
    expect_next(text, a->host);
    assert(str_starts(*text, STR(":")) || a->port.len == 0);
    if (str_starts(*text, STR(":")))
        str_take(text, 1);
    expect_next(text, a->port);
}

static void check_uri(str text)
{
    struct auth_authority authority;
    struct auth_uri u;

    if (auth_authority_parse(&authority, text) == 0) {
        str rest = text;
        check_authority(&authority, &rest);
        assert(rest.len == 0);
    }
    if (auth_uri_parse(&u, text) != 0)
        return;
    assert(auth_uri_is_scheme(u.scheme));
    expect_next(&text, u.scheme);
    expect_next(&text, STR(":"));
    if (!str_starts(text, STR("//"))) {
        assert(u.authority.host.len == 0 && u.authority.port.len == 0 && !u.authority.has_user);
        return;
    }
    str_take(&text, 2);
    check_authority(&u.authority, &text);
    assert(text.len == 0 || memchr("/?#", text.ptr[0], 3));
}

/** [ scheme "://" ] domain, and the address in the one form that it has. */
static void check_head(const struct auth_message *m, str text)
{
    const bool is_solana = m->kind == AUTH_MESSAGE_SOLANA;
    char address[AUTH_ACCOUNT_TEXT_SIZE];

    assert(!is_solana || m->scheme.len == 0);
    if (m->scheme.len > 0) {
        expect_next(&text, m->scheme);
        expect_next(&text, STR("://"));
    }
    assert(m->domain.len > 0 && m->domain.len <= AUTH_DOMAIN_MAX);
    expect_next(&text, m->domain);
    expect_next(&text, is_solana ? STR(WANTS("Solana")) : STR(WANTS("Ethereum")));
    str account_text = auth_account_text(address, &m->account);
    if (is_solana)
        expect_next(&account_text, STR("solana:5eykt4UsFv8P8NJdTREpY1vzqKqZKvdp:"));
    expect_next(&text, account_text);
    expect_next(&text, STR("\n\n"));
}

/** From the URI on. @return what stands behind Nonce */
static str check_fields(const struct auth_message *m, str text)
{
    const size_t label = sizeof("\nURI: ") - 1;
    const size_t at = (size_t)(m->uri.ptr - text.ptr) - label;

    str_take(&text, at);
    expect_next(&text, STR("\nURI: "));
    expect_next(&text, m->uri);
    expect_next(&text, STR("\nVersion: 1\n"));
    assert(m->kind == AUTH_MESSAGE_SOLANA || m->chain_id.len > 0);
    if (m->chain_id.len > 0) {
        expect_next(&text, STR("Chain ID: "));
        expect_next(&text, m->chain_id);
        expect_next(&text, STR("\n"));
    }
    assert(m->nonce.len >= 8 && m->nonce.len <= AUTH_NONCE_MAX && is_alphanumeric(m->nonce));
    expect_next(&text, STR("Nonce: "));
    expect_next(&text, m->nonce);
    expect_next(&text, STR("\n"));
    return text;
}

/** Each line is one of these, and behind those that stand before it. */
static void check_tail(str text)
{
    static const str labels[] = {
        STR("Issued At: "),  STR("Expiration Time: "), STR("Not Before: "),
        STR("Request ID: "), STR("Resources:"),        STR("- "),
    };
    size_t next = 0;
    size_t n_resources = 0;

    assert(text.ptr[text.len - 1] != '\n');
    while (text.len > 0) {
        const str line = str_take_until(&text, '\n');
        while (next < COUNT_OF(labels) && !str_starts(line, labels[next]))
            next++;
        assert(next < COUNT_OF(labels));
        const bool is_resource = next == COUNT_OF(labels) - 1; // there may be many
        n_resources += is_resource;
        next += !is_resource;
    }
    assert(n_resources <= AUTH_RESOURCES_MAX);
}

static void check_characters(str text)
{
    for (size_t i = 0; i < text.len; i++)
        assert(text.ptr[i] == '\n' || (text.ptr[i] >= ' ' && text.ptr[i] <= '~'));
}

static void check_parsed(const struct auth_message *m, str text)
{
    assert(text.len <= AUTH_MESSAGE_MAX);
    assert(is_within(m->scheme, text) && is_within(m->domain, text) && is_within(m->uri, text));
    assert(is_within(m->chain_id, text) && is_within(m->nonce, text));
    assert(is_within(m->uri_host, m->uri));
    check_characters(text);
    check_head(m, text);
    check_tail(check_fields(m, text));
    check_uri(m->uri);
    check_uri(m->domain);
    check_unix_ms(m->issued_at_ms);
    if (m->expires_at_ms != INT64_MAX)
        check_unix_ms(m->expires_at_ms);
    if (m->not_before_ms != INT64_MIN)
        check_unix_ms(m->not_before_ms);
}

/** What is a message is none with another LF, with a blank or with a CR behind it. */
static void check_longer(str text)
{
    static const char more[] = {'\n', ' ', '\r', '\0'};
    char *longer = mem_alloc(text.len + 1);
    struct auth_message m;
    const char *why = NULL;

    str_copy(longer, text);
    for (size_t i = 0; i < sizeof(more); i++) {
        longer[text.len] = more[i];
        const int r = auth_message_parse(&m, (str){longer, text.len + 1}, &why);
        assert(r == AUTH_MESSAGE_BAD);
    }
    free(longer);
}

static void check_message(str text)
{
    struct auth_message m = {.issued_at_ms = 7};
    const char *why = NULL;

    const int r = auth_message_parse(&m, text, &why);
    assert(r == 0 || r == AUTH_MESSAGE_BAD || r == AUTH_MESSAGE_ADDRESS);
    assert((why != NULL) == (r != 0));
    if (r == 0) {
        check_parsed(&m, text);
        check_longer(text);
    } else {
        assert(m.issued_at_ms == 7 && !m.domain.ptr);
    }
}

/** Behind lines that are right, so that what follows them is reached. */
static void check_behind(str head, str text)
{
    char *whole = mem_alloc(head.len + text.len);

    str_copy(whole, head);
    str_copy(whole + head.len, text);
    check_message((str){whole, head.len + text.len});
    free(whole);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str text = {(const char *)data, size};

    check_uri(text);
    check_instant(text);
    check_message(text);
    check_behind(STR("a.test" WANTS("Ethereum") "0xC02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2\n"),
                 text);
    check_behind(STR("a.test" WANTS("Solana") "11111111111111111111111111111111\n"), text);
    return 0;
}
