#include "api/errors.h"
#include "support/t.h"

static bool is_of_code(char c)
{
    return (c >= 'a' && c <= 'z') || c == '_';
}

static void every_error_has_a_code_of_its_own(void **state)
{
    (void)state;
    for (int e = 0; e < API_N_ERRORS; e++) {
        const str code = str_of(api_error_code((enum api_error)e));
        assert_true(code.len > 0);
        for (size_t i = 0; i < code.len; i++)
            assert_true(is_of_code(code.ptr[i]));
        for (int other = 0; other < e; other++)
            assert_false(str_eq(code, str_of(api_error_code((enum api_error)other))));
    }
}

static void every_error_has_a_sentence(void **state)
{
    (void)state;
    for (int e = 0; e < API_N_ERRORS; e++) {
        const str message = str_of(api_error_message((enum api_error)e));
        if (message.len < 10 || message.ptr[0] < 'A' || message.ptr[0] > 'Z' ||
            message.ptr[message.len - 1] != '.')
            fail_msg("%s: %s", api_error_code((enum api_error)e), message.ptr);
    }
}

static void these_are_sent_and_no_others(void **state)
{
    static const enum api_error sent[] = {
        API_BAD_REQUEST,
        API_TOKEN_MISSING,
        API_TOKEN_INVALID,
        API_TOKEN_EXPIRED,
        API_TOKEN_REVOKED,
        API_ORIGIN_DENIED,
        API_FORBIDDEN,
        API_RECIPIENT_INVALID,
        API_NOT_FOUND,
        API_CONFLICT,
        API_TOO_LARGE,
        API_RATE_LIMITED,
        API_TOO_MANY_SOCKETS,
        API_MAILBOX_FULL,
        API_UNSUPPORTED_TYPE,
        API_UPLOAD_MISSING,
        API_UPLOAD_MISMATCH,
        API_QUOTA_EXCEEDED,
        API_STORAGE_UNAVAILABLE,
        API_UNKNOWN_EVENT,
        API_SLOW_CONSUMER,
        API_UPLOAD_REJECTED,
        API_BUSY,
        API_INTERNAL,
        API_LOGIN_MALFORMED,
        API_LOGIN_DOMAIN,
        API_LOGIN_URI,
        API_LOGIN_CHAIN,
        API_LOGIN_NONCE,
        API_LOGIN_EXPIRED,
        API_LOGIN_NOT_YET,
        API_LOGIN_ADDRESS,
        API_LOGIN_SIGNATURE,
        API_LOGIN_UNAVAILABLE,
    };
    size_t n_sent = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sent); i++)
        expect_int(api_error_code(sent[i]), api_error_is_sent(sent[i]), true);
    for (int e = 0; e < API_N_ERRORS; e++)
        n_sent += api_error_is_sent((enum api_error)e);
    assert_int_equal(n_sent, COUNT_OF(sent));
}

static void each_has_a_status_of_http(void **state)
{
    (void)state;
    assert_int_equal(api_error_status(API_OK), 200);
    for (int e = API_OK + 1; e < API_N_ERRORS; e++) {
        const unsigned status = api_error_status((enum api_error)e);
        expect_int(api_error_code((enum api_error)e), status >= 400 && status < 504, true);
    }
    assert_int_equal(api_error_status(API_TOKEN_EXPIRED), 401);
    assert_int_equal(api_error_status(API_RATE_LIMITED), 429);
    assert_int_equal(api_error_status(API_BUSY), 503);
}

/** Clients compare them: they are a contract, and no matter of taste. */
static void the_codes_are_those_of_the_contract(void **state)
{
    static const struct {
        enum api_error error;
        const char *code;
    } rows[] = {
        {API_BAD_REQUEST, "bad_request"},
        {API_TOKEN_EXPIRED, "token_expired"},
        {API_RECIPIENT_INVALID, "recipient_invalid"},
        {API_TOO_MANY_SOCKETS, "too_many_sockets"},
        {API_STORAGE_UNAVAILABLE, "storage_unavailable"},
        {API_UPLOAD_MISSING, "upload_missing"},
        {API_UPLOAD_MISMATCH, "upload_mismatch"},
        {API_QUOTA_EXCEEDED, "quota_exceeded"},
        {API_UPLOAD_REJECTED, "upload_rejected"},
        {API_INTERNAL, "internal"},
        {API_LOGIN_UNAVAILABLE, "login_unavailable"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        assert_string_equal(api_error_code(rows[i].error), rows[i].code);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_error_has_a_code_of_its_own),
        cmocka_unit_test(every_error_has_a_sentence),
        cmocka_unit_test(these_are_sent_and_no_others),
        cmocka_unit_test(each_has_a_status_of_http),
        cmocka_unit_test(the_codes_are_those_of_the_contract),
    };
    return cmocka_run_group_tests_name("api_errors", tests, NULL, NULL);
}
