#include "auth/rpc.h"
#include "support/exact.h"
#include "support/t.h"

#define OK(result)         "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"
#define FAILED(code, text) ERROR("{\"code\":" code ",\"message\":\"" text "\"}")
#define ERROR(error)       "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":" error "}"

#define TIMES_8(x)  x x x x x x x x
#define TIMES_64(x) TIMES_8(TIMES_8(x))

static const struct row {
    const char *name;
    str body;
    int r;
    str result;
} rows[] = {
    // clang-format off
    // results
    {"nothing",               STR(OK("\"0x\"")),                  0, STR("")},
    {"a byte",                STR(OK("\"0x01\"")),                0, STR("\1")},
    {"zero",                  STR(OK("\"0x00\"")),                0, STR("\0")},
    {"digits of either case", STR(OK("\"0xaBcDeF0123456789\"")),  0, STR("\xab\xcd\xef\x01\x23\x45\x67\x89")},
    {"a word",                STR(OK("\"0x1626ba7e" "00000000000000000000000000000000000000000000000000000000\"")),
                              0, STR("\x16\x26\xba\x7e\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0" "\0\0\0\0\0\0\0\0")},
    {"another order",         STR("{\"result\":\"0x02\",\"id\":1,\"jsonrpc\":\"2.0\"}"), 0, STR("\2")},
    {"white space",           STR(" {\n\"jsonrpc\" : \"2.0\" , \"id\" : 1 , \"result\" : \"0x02\" }\r\n"), 0, STR("\2")},
    {"members of its own",    STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x02\",\"node\":{\"is\":[7]}}"), 0, STR("\2")},
    {"an escape in it",       STR(OK("\"0x0\\u0032\"")),          0, STR("\2")},

    // results that are none
    {"no 0x",                 STR(OK("\"01\"")),                  AUTH_RPC_BAD, {0}},
    {"0X",                    STR(OK("\"0X01\"")),                AUTH_RPC_BAD, {0}},
    {"empty",                 STR(OK("\"\"")),                    AUTH_RPC_BAD, {0}},
    {"0 alone",               STR(OK("\"0\"")),                   AUTH_RPC_BAD, {0}},
    {"half a byte",           STR(OK("\"0x1\"")),                 AUTH_RPC_BAD, {0}},
    {"no digit first",        STR(OK("\"0xg1\"")),                AUTH_RPC_BAD, {0}},
    {"no digit second",       STR(OK("\"0x1g\"")),                AUTH_RPC_BAD, {0}},
    {"a space before",        STR(OK("\" 0x01\"")),               AUTH_RPC_BAD, {0}},
    {"a space behind",        STR(OK("\"0x01 \"")),               AUTH_RPC_BAD, {0}},
    {"a NUL in it",           STR(OK("\"0x01\\u0000\\u0000\"")),  AUTH_RPC_BAD, {0}},
    {"null",                  STR(OK("null")),                    AUTH_RPC_BAD, {0}},
    {"a number",              STR(OK("1")),                       AUTH_RPC_BAD, {0}},
    {"true",                  STR(OK("true")),                    AUTH_RPC_BAD, {0}},
    {"an object",             STR(OK("{\"data\":\"0x01\"}")),     AUTH_RPC_BAD, {0}},
    {"an array",              STR(OK("[\"0x01\"]")),              AUTH_RPC_BAD, {0}},

    // answers that are none
    {"no result",             STR("{\"jsonrpc\":\"2.0\",\"id\":1}"),                          AUTH_RPC_BAD, {0}},
    {"both",                  STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x01\",\"error\":{\"code\":3,\"message\":\"execution reverted\"}}"), AUTH_RPC_BAD, {0}},
    {"no error beside it",    STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x01\",\"error\":null}"), AUTH_RPC_BAD, {0}},
    {"no version",            STR("{\"id\":1,\"result\":\"0x01\"}"),                          AUTH_RPC_BAD, {0}},
    {"version 1.0",           STR("{\"jsonrpc\":\"1.0\",\"id\":1,\"result\":\"0x01\"}"),      AUTH_RPC_BAD, {0}},
    {"a number for it",       STR("{\"jsonrpc\":2.0,\"id\":1,\"result\":\"0x01\"}"),          AUTH_RPC_BAD, {0}},
    {"no id",                 STR("{\"jsonrpc\":\"2.0\",\"result\":\"0x01\"}"),               AUTH_RPC_BAD, {0}},
    {"another id",            STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x01\"}"),      AUTH_RPC_BAD, {0}},
    {"text for it",           STR("{\"jsonrpc\":\"2.0\",\"id\":\"1\",\"result\":\"0x01\"}"),  AUTH_RPC_BAD, {0}},
    {"null for it",           STR("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":3,\"message\":\"execution reverted\"}}"), AUTH_RPC_BAD, {0}},
    {"a fraction for it",     STR("{\"jsonrpc\":\"2.0\",\"id\":1.0,\"result\":\"0x01\"}"),    AUTH_RPC_BAD, {0}},
    {"two results",           STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x01\",\"result\":\"0x00\"}"), AUTH_RPC_BAD, {0}},
    {"two ids",               STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"id\":1,\"result\":\"0x01\"}"), AUTH_RPC_BAD, {0}},
    {"two codes",             STR(ERROR("{\"code\":-32005,\"code\":3}")),                     AUTH_RPC_BAD, {0}},
    {"a batch",               STR("[" OK("\"0x01\"") "]"),                                    AUTH_RPC_BAD, {0}},
    {"text",                  STR("\"0x01\""),                                                AUTH_RPC_BAD, {0}},
    {"more behind it",        STR(OK("\"0x01\"") "x"),                                        AUTH_RPC_BAD, {0}},
    {"another behind it",     STR(OK("\"0x01\"") OK("\"0x01\"")),                             AUTH_RPC_BAD, {0}},
    {"empty body",            STR(""),                                                        AUTH_RPC_BAD, {0}},
    {"a page",                STR("<html><body>execution reverted</body></html>"),            AUTH_RPC_BAD, {0}},
    {"too deep",              STR(OK(TIMES_64("[") TIMES_64("]"))),                           AUTH_RPC_BAD, {0}},
    {"no UTF-8",              STR(OK("\"0x01\xff\"")),                                        AUTH_RPC_BAD, {0}},

    // the call has failed
    {"geth",                  STR(FAILED("3", "execution reverted")),                         AUTH_RPC_REVERTED, {0}},
    {"geth, why",             STR(ERROR("{\"code\":3,\"message\":\"execution reverted: no owner\",\"data\":\"0x08c379a0\"}")), AUTH_RPC_REVERTED, {0}},
    {"whatever it says",      STR(FAILED("3", "")),                                           AUTH_RPC_REVERTED, {0}},
    {"geth, nothing with it", STR(FAILED("-32000", "execution reverted")),                    AUTH_RPC_REVERTED, {0}},
    {"geth, gas",             STR(FAILED("-32000", "out of gas")),                            AUTH_RPC_REVERTED, {0}},
    {"geth, opcode",          STR(FAILED("-32000", "invalid opcode: INVALID")),               AUTH_RPC_REVERTED, {0}},
    {"geth, jump",            STR(FAILED("-32000", "invalid jump destination")),              AUTH_RPC_REVERTED, {0}},
    {"geth, stack",           STR(FAILED("-32000", "stack underflow (0 <=> 1)")),             AUTH_RPC_REVERTED, {0}},
    {"geth, full stack",      STR(FAILED("-32000", "stack limit reached 1024 (1023)")),       AUTH_RPC_REVERTED, {0}},
    {"Besu",                  STR(FAILED("-32000", "Execution reverted: no owner")),          AUTH_RPC_REVERTED, {0}},
    {"Nethermind",            STR(ERROR("{\"code\":-32015,\"message\":\"VM execution error.\",\"data\":\"revert\"}")), AUTH_RPC_REVERTED, {0}},
    {"Nethermind, gas",       STR(FAILED("-32000", "OutOfGas")),                              AUTH_RPC_REVERTED, {0}},
    {"Nethermind, opcode",    STR(FAILED("-32000", "BadInstruction")),                        AUTH_RPC_REVERTED, {0}},
    {"Reth, gas",             STR(FAILED("-32003", "out of gas: gas required exceeds: 5000000")), AUTH_RPC_REVERTED, {0}},
    {"Reth, opcode",          STR(FAILED("-32003", "EVM error: OpcodeNotFound")),             AUTH_RPC_REVERTED, {0}},
    {"Reth, jump",            STR(FAILED("-32003", "EVM error: InvalidJump")),                AUTH_RPC_REVERTED, {0}},
    {"Reth, full stack",      STR(FAILED("-32003", "EVM error: StackOverflow")),              AUTH_RPC_REVERTED, {0}},
    {"anvil, gas",            STR(FAILED("-32003", "Out of gas: gas required exceeds allowance: 5000000")), AUTH_RPC_REVERTED, {0}},
    {"anvil, opcode",         STR(FAILED("-32603", "EVM error InvalidFEOpcode")),             AUTH_RPC_REVERTED, {0}},
    {"Hardhat",               STR(FAILED("-32603", "Error: VM Exception while processing transaction: reverted with an unrecognized custom error")), AUTH_RPC_REVERTED, {0}},
    {"Hardhat, no why",       STR(FAILED("-32603", "Error: Transaction reverted without a reason string")), AUTH_RPC_REVERTED, {0}},
    {"Ganache",               STR(FAILED("-32000", "VM Exception while processing transaction: revert")), AUTH_RPC_REVERTED, {0}},
    {"in capitals",           STR(FAILED("-32000", "EXECUTION REVERTED")),                    AUTH_RPC_REVERTED, {0}},
    {"at the end",            STR(FAILED("-32000", "eexeexecutionexecution reverted")),       AUTH_RPC_REVERTED, {0}},

    // the node has
    {"too many requests",     STR(FAILED("-32005", "limit exceeded")),                        AUTH_RPC_BAD, {0}},
    {"as the code says",      STR(FAILED("-32005", "execution reverted")),                    AUTH_RPC_BAD, {0}},
    {"as HTTP says it",       STR(FAILED("429", "Too many requests, out of gas")),            AUTH_RPC_BAD, {0}},
    {"no such method",        STR(FAILED("-32601", "the method eth_call does not exist")),    AUTH_RPC_BAD, {0}},
    {"other parameters",      STR(FAILED("-32602", "invalid argument 0: execution reverted")), AUTH_RPC_BAD, {0}},
    {"a request that is none", STR(FAILED("-32600", "invalid request")),                      AUTH_RPC_BAD, {0}},
    {"no header",             STR(FAILED("-32000", "header not found")),                      AUTH_RPC_BAD, {0}},
    {"no state",              STR(FAILED("-32000", "missing trie node 1626ba7e (path )")),    AUTH_RPC_BAD, {0}},
    {"no state, Besu",        STR(FAILED("-32000", "World state unavailable")),               AUTH_RPC_BAD, {0}},
    {"another revert, Besu",  STR(FAILED("-32000", "Unable to persist changes to allowlist configuration file. Changes reverted")), AUTH_RPC_BAD, {0}},
    {"in no time",            STR(FAILED("-32000", "execution aborted (timeout = 5s)")),      AUTH_RPC_BAD, {0}},
    {"no money",              STR(FAILED("-32000", "insufficient funds for gas * price + value")), AUTH_RPC_BAD, {0}},
    {"too little gas to begin", STR(FAILED("-32000", "intrinsic gas too low")),               AUTH_RPC_BAD, {0}},
    {"too much gas, Besu",    STR(FAILED("-32005", "Transaction gas limit exceeds block gas limit")), AUTH_RPC_BAD, {0}},
    {"no memory, Reth",       STR(FAILED("-32003", "out of memory: memory limit exceeded during memory expansion")), AUTH_RPC_BAD, {0}},
    {"a broken disk, anvil",  STR(FAILED("-32603", "EVM error FatalExternalError")),          AUTH_RPC_BAD, {0}},
    {"within",                STR(FAILED("-32603", "Internal error")),                        AUTH_RPC_BAD, {0}},
    {"behind a balancer",     STR(FAILED("-32603", "backend request failed")),                AUTH_RPC_BAD, {0}},
    {"while it catches up",   STR(FAILED("-32008", "Initial sync is still in progress")),     AUTH_RPC_BAD, {0}},
    {"no more than a half",   STR(FAILED("-32000", "execution revert")),                       AUTH_RPC_BAD, {0}},
    {"no message",            STR(ERROR("{\"code\":-32000}")),                                AUTH_RPC_BAD, {0}},
    {"a message that is none", STR(ERROR("{\"code\":-32000,\"message\":[\"execution reverted\"]}")), AUTH_RPC_BAD, {0}},
    {"no code",               STR(ERROR("{\"message\":\"execution reverted\"}")),             AUTH_RPC_BAD, {0}},
    {"text for it",           STR(ERROR("{\"code\":\"3\",\"message\":\"execution reverted\"}")), AUTH_RPC_BAD, {0}},
    {"a fraction for it",     STR(ERROR("{\"code\":3.0,\"message\":\"execution reverted\"}")), AUTH_RPC_BAD, {0}},
    {"an error that is text", STR(ERROR("\"execution reverted\"")),                           AUTH_RPC_BAD, {0}},
    {"an error that is null", STR(ERROR("null")),                                             AUTH_RPC_BAD, {0}},
    // clang-format on
};

static struct auth_rpc_result result;

static int parse(const char *what, str body)
{
    CLEANUP(exact_freep) char *copy = exact_copy(body);
    const char *why = NULL;
    const int r = auth_rpc_parse(&result, (str){copy, body.len}, &why);

    expect_int(what, why != NULL, r == AUTH_RPC_BAD);
    expect_str("the body", ((str){copy, body.len}), body);
    return r;
}

static str result_str(void)
{
    return (str){(const char *)result.bytes, result.len};
}

static void reads_each_row(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        expect_int(rows[i].name, parse(rows[i].name, rows[i].body), rows[i].r);
        if (rows[i].r == 0)
            expect_str(rows[i].name, result_str(), rows[i].result);
    }
}

static bool ends_with_white_space(str body)
{
    return body.ptr[body.len - 1] == '\n';
}

/** What was cut is no answer, and says nothing of the wallet. */
static void is_bad_when_cut_at_any_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].r == AUTH_RPC_BAD || ends_with_white_space(rows[i].body))
            continue;
        for (size_t n = 0; n < rows[i].body.len; n++)
            expect_int(rows[i].name, parse("cut", (str){rows[i].body.ptr, n}), AUTH_RPC_BAD);
    }
}

/** White space behind it, until there are len bytes. */
static int parse_padded(str body, size_t len)
{
    char text[AUTH_RPC_BYTES_MAX + 1];

    assert_in_range(len, body.len, sizeof(text));
    memset(text, ' ', sizeof(text));
    str_copy(text, body);
    return parse("padded", (str){text, len});
}

static void the_longest_is_read_and_one_more_is_not(void **state)
{
    (void)state;
    assert_int_equal(parse_padded(STR(OK("\"0x07\"")), AUTH_RPC_BYTES_MAX), 0);
    expect_str("result", result_str(), STR("\7"));
    assert_int_equal(parse_padded(STR(OK("\"0x07\"")), AUTH_RPC_BYTES_MAX + 1), AUTH_RPC_BAD);
    assert_int_equal(parse_padded(STR(FAILED("3", "")), AUTH_RPC_BYTES_MAX), AUTH_RPC_REVERTED);
    assert_int_equal(parse_padded(STR(FAILED("3", "")), AUTH_RPC_BYTES_MAX + 1), AUTH_RPC_BAD);
}

static void the_longest_result_has_room(void **state)
{
    static const str head = STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x");
    char text[AUTH_RPC_BYTES_MAX];
    const size_t n_digits = (sizeof(text) - head.len - 2) / 2 * 2;

    (void)state;
    memset(text, 'e', sizeof(text));
    str_copy(text, head);
    str_copy(text + head.len + n_digits, STR("\"}"));
    assert_int_equal(parse("long", (str){text, head.len + n_digits + 2}), 0);
    assert_int_equal(result.len, n_digits / 2);
    assert_true(result.len <= AUTH_RPC_RESULT_SIZE);
    for (size_t i = 0; i < result.len; i++)
        assert_int_equal(result.bytes[i], 0xee);
}

static const uint8_t wallet[AUTH_CONTRACT_ADDRESS_SIZE] = {0xa0, 0xa1, [18] = 0x0b, 0xff};

/** It has exactly the room that its size says. */
// Which chain it is of.

static const struct {
    const char *name;
    str body;
    int r;
    uint64_t chain;
} chain_rows[] = {
    // clang-format off
    {"mainnet",             STR(OK("\"0x1\"")),                    0, 1},
    {"Base",                STR(OK("\"0x2105\"")),                 0, 8453},
    {"of either case",      STR(OK("\"0xaBc\"")),                  0, 0xabc},
    {"zeroes before it",    STR(OK("\"0x00000000000000000001\"")), 0, 1},
    {"zero",                STR(OK("\"0x0\"")),                    0, 0},
    {"the largest",         STR(OK("\"0xffffffffffffffff\"")),     0, UINT64_MAX},
    {"one more",            STR(OK("\"0x10000000000000000\"")),    AUTH_RPC_BAD, 0},
    {"no digits",           STR(OK("\"0x\"")),                     AUTH_RPC_BAD, 0},
    {"no 0x",               STR(OK("\"1\"")),                      AUTH_RPC_BAD, 0},
    {"a number",            STR(OK("1")),                          AUTH_RPC_BAD, 0},
    {"null",                STR(OK("null")),                       AUTH_RPC_BAD, 0},
    {"no digit",            STR(OK("\"0x1g\"")),                   AUTH_RPC_BAD, 0},
    {"a sign",              STR(OK("\"0x-1\"")),                   AUTH_RPC_BAD, 0},
    {"an error",            STR(FAILED("-32601", "no such method")), AUTH_RPC_BAD, 0},
    {"that of a call",      STR(FAILED("3", "execution reverted")), AUTH_RPC_BAD, 0},
    {"to something else",   STR("{\"jsonrpc\":\"2.0\",\"id\":2,\"result\":\"0x1\"}"), AUTH_RPC_BAD, 0},
    {"a page",              STR("<html>"),                         AUTH_RPC_BAD, 0},
    // clang-format on
};

static int read_chain(uint64_t *chain, str body)
{
    CLEANUP(exact_freep) char *copy = exact_copy(body);
    const char *why = NULL;
    const int r = auth_rpc_parse_chain(chain, (str){copy, body.len}, &why);

    assert_int_equal(why != NULL, r != 0);
    return r;
}

static void reads_each_chain(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(chain_rows); i++) {
        uint64_t chain = 0;

        expect_int(chain_rows[i].name, read_chain(&chain, chain_rows[i].body), chain_rows[i].r);
        if (chain_rows[i].r == 0)
            expect_int(chain_rows[i].name, (int64_t)chain, (int64_t)chain_rows[i].chain);
    }
}

static void a_chain_is_bad_when_cut_at_any_byte(void **state)
{
    const str body = chain_rows[1].body;
    uint64_t chain = 0;

    (void)state;
    for (size_t n = 0; n < body.len; n++)
        expect_int("cut", read_chain(&chain, (str){body.ptr, n}), AUTH_RPC_BAD);
}

static void prints_the_question_for_the_chain(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, AUTH_RPC_REQUEST_SIZE(0));
    auth_rpc_print_chain(&out);
    expect_str("request", buf_str(&out),
               STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}"));
    buf_fini(&out);
}

static void expect_request(const uint8_t *to, str data, str want)
{
    struct buf out;

    buf_init(&out, AUTH_RPC_REQUEST_SIZE(data.len));
    auth_rpc_print(&out, to, data);
    expect_str("request", buf_str(&out), want);
    buf_fini(&out);
}

static void prints_a_call_of_a_wallet(void **state)
{
    (void)state;
    expect_request(wallet, STR("\x16\x26\xba\x7e\0\xff"),
                   STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"
                       "\"to\":\"0xa0a1000000000000000000000000000000000bff\","
                       "\"data\":\"0x1626ba7e00ff\",\"gas\":\"0x4c4b40\"},\"latest\"]}"));
}

static void prints_a_call_of_code_that_is_not_deployed(void **state)
{
    (void)state;
    expect_request(NULL, STR("\x60\x80"),
                   STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"
                       "\"data\":\"0x6080\",\"gas\":\"0x4c4b40\"},\"latest\"]}"));
    expect_request(NULL, STR(""),
                   STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"
                       "\"data\":\"0x\",\"gas\":\"0x4c4b40\"},\"latest\"]}"));
}

static void appends_to_what_is_there(void **state)
{
    struct buf out;

    (void)state;
    buf_init(&out, 1 + AUTH_RPC_REQUEST_SIZE(1));
    assert_int_equal(buf_add(&out, STR("x")), 0);
    auth_rpc_print(&out, wallet, STR("\1"));
    assert_true(str_starts(buf_str(&out), STR("x{\"jsonrpc\"")));
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_each_row),
        cmocka_unit_test(is_bad_when_cut_at_any_byte),
        cmocka_unit_test(the_longest_is_read_and_one_more_is_not),
        cmocka_unit_test(the_longest_result_has_room),
        cmocka_unit_test(reads_each_chain),
        cmocka_unit_test(a_chain_is_bad_when_cut_at_any_byte),
        cmocka_unit_test(prints_the_question_for_the_chain),
        cmocka_unit_test(prints_a_call_of_a_wallet),
        cmocka_unit_test(prints_a_call_of_code_that_is_not_deployed),
        cmocka_unit_test(appends_to_what_is_there),
    };
    return cmocka_run_group_tests_name("auth/rpc", tests, NULL, NULL);
}
