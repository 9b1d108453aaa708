#include "auth/rpc.h"
#include "base/hex.h"
#include "base/mem.h"

// NOLINTNEXTLINE(readability-identifier-naming): the fuzzer names it
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int parse(struct auth_rpc_result *out, str body)
{
    const char *why = NULL;
    const int r = auth_rpc_parse(out, body, &why);

    assert(r == 0 || r == AUTH_RPC_REVERTED || r == AUTH_RPC_BAD);
    assert((why != NULL) == (r == AUTH_RPC_BAD));
    return r;
}

/** What was read, said by a node that says nothing else, is read the same. */
static void check_again(const struct auth_rpc_result *result)
{
    static struct auth_rpc_result again;
    struct buf body;

    buf_init(&body, AUTH_RPC_BYTES_MAX);
    int r = buf_add(&body, STR("{\"id\":1,\"jsonrpc\":\"2.0\",\"result\":\"0x"));
    for (size_t i = 0; r == 0 && i < result->len; i++) {
        char digits[2];
        hex_encode(digits, &result->bytes[i], 1);
        r = buf_add(&body, (str){digits, sizeof(digits)});
    }
    assert(r == 0);
    r = buf_add(&body, STR("\"}"));
    assert(r == 0); // no other way to say it is shorter
    r = parse(&again, buf_str(&body));
    assert(r == 0 && again.len == result->len);
    assert(memcmp(again.bytes, result->bytes, result->len) == 0);
    buf_fini(&body);
}

/** An answer is whole: with less at its end, or with more, it is another one or none. */
static void check_ends(str body, int r)
{
    static struct auth_rpc_result result;
    char *longer = mem_alloc(body.len + 1);

    str_copy(longer, body);
    longer[body.len] = '}';
    const int r_longer = parse(&result, (str){longer, body.len + 1});
    assert(r == AUTH_RPC_BAD || r_longer == AUTH_RPC_BAD);
    free(longer);
    if (r == AUTH_RPC_BAD || body.ptr[body.len - 1] != '}')
        return;
    const int r_shorter = parse(&result, (str){body.ptr, body.len - 1});
    assert(r_shorter == AUTH_RPC_BAD);
}

/** A chain is a result as well, or half a byte more than one. */
static void check_chain(str body, int r_of_call)
{
    uint64_t chain = 0;
    const char *why = NULL;
    const int r = auth_rpc_parse_chain(&chain, body, &why);

    assert(r == 0 || r == AUTH_RPC_BAD);
    assert((why != NULL) == (r != 0));
    assert(r != 0 || r_of_call != AUTH_RPC_REVERTED);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct auth_rpc_result result;
    const str body = {(const char *)data, size};
    const int r = parse(&result, body);

    check_chain(body, r);

    assert(r == AUTH_RPC_BAD || size <= AUTH_RPC_BYTES_MAX);
    if (r == 0) {
        assert(result.len <= AUTH_RPC_RESULT_SIZE);
        check_again(&result);
    }
    check_ends(body, r);
    return 0;
}
