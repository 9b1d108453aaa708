#include "auth/account.h"
#include "auth/erc1271.h"
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

/** Of contract wallets, and their digests by viem's hashMessage(). */
static const struct {
    const char *name;
    const char *digest;
} contracts[] = {
    {"argent", "13f64d354be469f23cf911231c7acf0b0faf781fbdef0eb1c463bdec229faf0b"},
    {"loopring", "1cb5137dfd79c082e5432187049328771de47a6e1c0e29cebaae186f3e1f7645"},
};

static const char *digest_of(str name)
{
    for (size_t i = 0; i < COUNT_OF(contracts); i++) {
        if (str_eq(name, str_of(contracts[i].name)))
            return contracts[i].digest;
    }
    fail_msg(STR_FMT ": nobody knows its digest", STR_ARG(name));
    return NULL;
}

static void add_hex(struct buf *out, str bytes)
{
    for (size_t i = 0; i < bytes.len; i++)
        assert_int_equal(buf_addf(out, "%02x", (unsigned)(uint8_t)bytes.ptr[i]), 0);
}

/** The call of ERC-1271, in digits: the selector, the digest, where the signature is, its
 * length, itself, and zeroes up to a whole word. */
static void print_call(struct buf *out, const char *digest, str signature)
{
    int r = buf_addf(out, "1626ba7e%s%064x%064zx", digest, 0x40U, signature.len);

    add_hex(out, signature);
    for (size_t n = signature.len; n % 32 != 0; n++)
        r |= buf_add(out, STR("00"));
    assert_int_equal(r, 0);
}

static void expect_call(const char *name, const struct auth_proof *p, const char *want_digest)
{
    uint8_t digest[AUTH_DIGEST_SIZE];
    struct buf call;
    struct buf got;
    struct buf want;

    auth_proof_digest(digest, p->message);
    const str address = account_key(&p->account);
    const struct auth_contract_proof proof = {.chain = 1,
                                              .address = (const uint8_t *)address.ptr,
                                              .digest = digest,
                                              .signature = p->signature};
    buf_init(&call, AUTH_ERC1271_DATA_SIZE);
    buf_init(&got, 2 * (size_t)AUTH_ERC1271_DATA_SIZE);
    buf_init(&want, 2 * (size_t)AUTH_ERC1271_DATA_SIZE);
    auth_erc1271_print(&call, &proof);
    add_hex(&got, buf_str(&call));
    print_call(&want, want_digest, p->signature);
    expect_str(name, buf_str(&got), buf_str(&want));
    buf_fini(&call);
    buf_fini(&got);
    buf_fini(&want);
}

/** The chain they are of is not here, but what it would be asked is known. */
static bool is_put_to_its_contract(void *arg, str name, const struct json *vector)
{
    size_t *n = arg;
    struct auth_message m;
    const char *why = NULL;
    size_t len = 0;
    char *bytes = vector_bytes(vector, "signature", &len); // "0x" is one of them

    expect_int("message", auth_message_parse(&m, vector_text(vector, "message"), &why), 0);
    const struct auth_proof proof = {.account = m.account,
                                     .message = vector_text(vector, "message"),
                                     .signature = {bytes + 1, len - 1}};
    expect_int("no key has signed it", auth_proof_check(&proof), AUTH_PROOF_WRONG);
    expect_call(name.ptr, &proof, digest_of(name));
    free(bytes);
    ++*n;
    return true;
}

static void eip1271(void **state)
{
    (void)state;
    each_vector("siwe/eip1271.json", is_put_to_its_contract);
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
        VECTORS_TEST(eip1271),
    };
    return cmocka_run_group_tests_name("auth/siwe", tests, NULL, NULL);
}
