#include "auth/account.h"
#include "auth/instant.h"
#include "auth/message.h"
#include "support/vectors.h"

static int64_t instant_of(const struct json *fields, const char *name, int64_t missing)
{
    const struct json *text = json_member(fields, name);
    int64_t unix_ms = missing;

    if (text)
        assert_int_equal(auth_instant_parse(&unix_ms, json_text(text)), 0);
    return unix_ms;
}

static void expect_text(const char *name, const struct json *fields, const char *field, str got)
{
    char what[128];

    (void)snprintf(what, sizeof(what), "%s, %s", name, field);
    expect_str(what, got, vector_text(fields, field));
}

static void expect_fields(const char *name, const struct json *fields,
                          const struct auth_message *m)
{
    char address[AUTH_ACCOUNT_TEXT_SIZE];
    char chain[32];

    expect_text(name, fields, "scheme", m->scheme);
    expect_text(name, fields, "domain", m->domain);
    expect_text(name, fields, "address", auth_account_text(address, &m->account));
    expect_text(name, fields, "uri", m->uri);
    expect_text(name, fields, "nonce", m->nonce);
    (void)snprintf(chain, sizeof(chain), "%lld", (long long)vector_number(fields, "chainId"));
    expect_str(name, m->chain_id, str_of(chain));
    expect_int(name, m->issued_at_ms, instant_of(fields, "issuedAt", 0));
    expect_int(name, m->expires_at_ms, instant_of(fields, "expirationTime", INT64_MAX));
    expect_int(name, m->not_before_ms, instant_of(fields, "notBefore", INT64_MIN));
}

static bool agrees(void *arg, str name, const struct json *vector)
{
    size_t *n = arg;
    struct auth_message m;
    const char *why = NULL;

    if (auth_message_parse(&m, vector_text(vector, "message"), &why) != 0)
        fail_msg(STR_FMT ": %s", STR_ARG(name), why);
    expect_fields(name.ptr, json_member(vector, "fields"), &m);
    ++*n;
    return true;
}

static bool is_message(str text)
{
    struct auth_message m;
    const char *why;

    return auth_message_parse(&m, text, &why) == 0;
}

static bool disagrees(void *arg, str name, const struct json *message)
{
    size_t *n = arg;

    if (is_message(json_text(message)))
        fail_msg(STR_FMT ": taken", STR_ARG(name));
    ++*n;
    return true;
}

/** A label and what the member says, be it text or a number; nothing where it is missing. */
static void print_field(struct buf *out, const struct json *fields, const char *label,
                        const char *name)
{
    const struct json *value = json_member(fields, name);
    int64_t number = 0;

    if (!value)
        return;
    assert_int_equal(buf_add(out, str_of(label)), 0);
    assert_int_equal(json_integer_of(value, &number) ? buf_addf(out, "%lld", (long long)number)
                                                     : buf_add(out, json_text(value)),
                     0);
}

/** As the siwe library prints them. */
static void print_siwe(struct buf *out, const struct json *fields)
{
    const struct json *resources = json_member(fields, "resources");

    print_field(out, fields, "", "domain");
    assert_int_equal(buf_add(out, STR(" wants you to sign in with your Ethereum account:\n")),
                     0);
    print_field(out, fields, "", "address");
    print_field(out, fields, "\n\n", "statement");
    assert_int_equal(buf_add(out, STR("\n")), 0);
    print_field(out, fields, "\nURI: ", "uri");
    print_field(out, fields, "\nVersion: ", "version");
    print_field(out, fields, "\nChain ID: ", "chainId");
    print_field(out, fields, "\nNonce: ", "nonce");
    print_field(out, fields, "\nIssued At: ", "issuedAt");
    print_field(out, fields, "\nExpiration Time: ", "expirationTime");
    print_field(out, fields, "\nNot Before: ", "notBefore");
    print_field(out, fields, "\nRequest ID: ", "requestId");
    assert_int_equal(buf_add(out, STR("\nResources:")), 0);
    for (size_t i = 0; i < json_count(resources); i++) {
        const str resource = json_text(json_item(resources, i));
        assert_int_equal(buf_addf(out, "\n- " STR_FMT, STR_ARG(resource)), 0);
    }
}

static bool disagrees_as_object(void *arg, str name, const struct json *fields)
{
    size_t *n = arg;
    struct buf text;

    buf_init(&text, AUTH_MESSAGE_MAX);
    print_siwe(&text, fields);
    if (is_message(buf_str(&text)))
        fail_msg(STR_FMT ": taken", STR_ARG(name));
    buf_fini(&text);
    ++*n;
    return true;
}

static void each_vector(const char *path, json_member_fn *fn)
{
    struct json *file = vectors_open(path);
    size_t n = 0;

    if (!file)
        skip();
    json_each_member(file, fn, &n);
    assert_int_equal(n, json_count(file));
    assert_in_range(n, 1, 1000);
    json_free(file);
}

static void parsing_positive(void **state)
{
    (void)state;
    each_vector("siwe/parsing_positive.json", agrees);
}

static void parsing_negative(void **state)
{
    (void)state;
    each_vector("siwe/parsing_negative.json", disagrees);
}

static void parsing_negative_objects(void **state)
{
    (void)state;
    each_vector("siwe/parsing_negative_objects.json", disagrees_as_object);
}

/** The others are refused for what is wrong with them, and not for how they are printed. */
static void an_object_without_fault_is_taken(void **state)
{
    char text[] =
        "{\"domain\":\"service.org\",\"address\":\"0xe5A12547fe4E872D192E3eCecb76F2Ce1aeA4946"
        "\",\"statement\":\"Hello\",\"uri\":\"https://service.org/login\","
        "\"version\":\"1\",\"chainId\":1,\"nonce\":\"12341234\","
        "\"issuedAt\":\"2022-03-17T12:45:13.610Z\","
        "\"expirationTime\":\"2023-03-17T12:45:13.610Z\","
        "\"notBefore\":\"2022-03-17T12:45:13.610Z\",\"requestId\":\"some_id\","
        "\"resources\":[\"https://service.org/login\"]}";
    struct json *fields = NULL;
    struct buf printed;

    (void)state;
    assert_int_equal(json_parse(&fields, text, sizeof(text) - 1), 0);
    buf_init(&printed, AUTH_MESSAGE_MAX);
    print_siwe(&printed, fields);
    assert_true(is_message(buf_str(&printed)));
    buf_fini(&printed);
    json_free(fields);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_object_without_fault_is_taken),
        VECTORS_TEST(parsing_positive),
        VECTORS_TEST(parsing_negative),
        VECTORS_TEST(parsing_negative_objects),
    };
    return cmocka_run_group_tests_name("auth/siwe", tests, NULL, NULL);
}
