#include "auth/rpc.h"

#include "auth/why.h"
#include "base/hex.h"
#include "base/mem.h"
#include "json/json.h"

// Requests.

static void add(struct buf *out, str text)
{
    const int r = buf_add(out, text);
    assert(r == 0);
}

static void add_hex(struct buf *out, str bytes)
{
    char *room = buf_room(out, bytes.len * 2);

    assert(room);
    hex_encode(room, (const uint8_t *)bytes.ptr, bytes.len);
    buf_added(out, bytes.len * 2);
}

void auth_rpc_print_chain(struct buf *out)
{
    add(out, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_chainId\",\"params\":[]}"));
}

void auth_rpc_print(struct buf *out, const uint8_t *to, str data)
{
    add(out, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"eth_call\",\"params\":[{"));
    if (to) {
        add(out, STR("\"to\":\"0x"));
        add_hex(out, (str){(const char *)to, AUTH_CONTRACT_ADDRESS_SIZE});
        add(out, STR("\","));
    }
    add(out, STR("\"data\":\"0x"));
    add_hex(out, data);
    const int r = buf_addf(out, "\",\"gas\":\"0x%x\"},\"latest\"]}", AUTH_RPC_GAS);
    assert(r == 0);
}

// Answers.

static int bad(const char *text, const char **why)
{
    return auth_refuse(AUTH_RPC_BAD, text, why);
}

/** Codes by which nodes say, among much else, that a call has failed. */
static bool is_loose(int64_t code)
{
    return code == -32000 || // geth, Erigon, Besu, Nethermind: whatever is not revert
           code == -32003 || // Reth, anvil: "transaction rejected" (EIP-1474)
           code == -32603;   // anvil, Hardhat, Frontier: "internal error" (JSON-RPC)
}

/**
 * What they say then, in lower case and without spaces. "Changes reverted" and "execution
 * aborted (timeout = 5s)" are other troubles, so none of these is cut any shorter.
 */
static const char *const failures[] = {
    "executionreverted",   // geth, Erigon and Besu, of old; ethermint
    "transactionreverted", // Hardhat
    "vmexception",         // Hardhat, Ganache, Frontier: "... processing transaction: revert"
    "outofgas",            // geth; Reth and anvil, with more behind; Nethermind, in one word
    "invalidopcode",       // geth
    "invalidfeopcode",     // Reth, anvil: "EVM error InvalidFEOpcode"
    "opcodenotfound",      // likewise
    "badinstruction",      // Nethermind
    "invalidjump",         // geth, Reth, anvil, Nethermind
    "stackunderflow",      // all
    "stackoverflow",       // Reth, anvil, Nethermind
    "stacklimitreached",   // geth
};

static char lower(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c | 0x20);
    return c;
}

static bool begins(str message, const char *words)
{
    while (*words && message.len > 0) {
        const char c = lower(*str_take(&message, 1).ptr);
        if (c == ' ')
            continue;
        if (c != *words++)
            return false;
    }
    return *words == '\0';
}

static bool says(str message, const char *words)
{
    while (message.len > 0) {
        if (begins(message, words))
            return true;
        str_take(&message, 1);
    }
    return false;
}

static bool is_failure(int64_t code, str message)
{
    if (code == 3 || code == -32015) // reverted (most); VM error (OpenEthereum, Nethermind)
        return true;
    for (size_t i = 0; is_loose(code) && i < COUNT_OF(failures); i++) {
        if (says(message, failures[i]))
            return true;
    }
    return false;
}

static int refusal_of(const struct json *error, const char **why)
{
    int64_t code;

    if (!json_integer_of(json_member(error, "code"), &code))
        return bad("an error without a code", why);
    if (is_failure(code, json_text(json_member(error, "message"))))
        return AUTH_RPC_REVERTED;
    return bad("an error that is not the call's", why);
}

/** A quantity: no more digits than it takes, or, as some have it, with zeroes before them. */
static int read_number(uint64_t *out, str text, const char **why)
{
    if (!str_starts(text, STR("0x")) || text.len == 2)
        return bad("a result that is no number", why);
    str_take(&text, 2);
    *out = 0;
    for (size_t i = 0; i < text.len; i++) {
        const int digit = hex_value(text.ptr[i]);
        if (digit < 0 || *out >> 60 != 0)
            return bad("a result that is no number", why);
        *out = *out << 4 | (unsigned)digit;
    }
    return 0;
}

static int unhex(struct auth_rpc_result *out, str text, const char **why)
{
    if (!str_starts(text, STR("0x")))
        return bad("a result that is no bytes", why);
    str_take(&text, 2);
    assert(text.len / 2 <= sizeof(out->bytes)); // the body is no longer than that
    if (hex_decode(out->bytes, text) != 0)
        return bad("a result that is no bytes", why);
    out->len = text.len / 2;
    return 0;
}

/** @param result  in hexadecimal; empty: it is no text */
static int read_answer(str *result, const struct json *answer, const char **why)
{
    const struct json *is = json_member(answer, "result");
    const struct json *error = json_member(answer, "error");
    int64_t id;

    if (!str_eq(json_text(json_member(answer, "jsonrpc")), STR("2.0")))
        return bad("no JSON-RPC 2.0", why);
    if (!json_integer_of(json_member(answer, "id"), &id) || id != 1)
        return bad("an answer to something else", why);
    if (!is == !error)
        return bad("not one of result and error", why);
    *result = json_text(is);
    return error ? refusal_of(error, why) : 0;
}

/** @param tree  owned; what *result lies in */
static int parse(struct json **tree, str *result, str body, const char **why)
{
    char text[AUTH_RPC_BYTES_MAX];

    if (body.len > sizeof(text))
        return bad("too long", why);
    str_copy(text, body);
    if (json_parse_unique(tree, text, body.len) != 0)
        return bad("no JSON, or two members with the same name", why);
    return read_answer(result, *tree, why);
}

int auth_rpc_parse_chain(uint64_t *out, str body, const char **why)
{
    CLEANUP(json_freep) struct json *tree = NULL;
    str result;

    switch (parse(&tree, &result, body, why)) {
    case 0: return read_number(out, result, why);
    case AUTH_RPC_REVERTED: return bad("an error", why); // of what is no call
    default: return AUTH_RPC_BAD;
    }
}

int auth_rpc_parse(struct auth_rpc_result *out, str body, const char **why)
{
    CLEANUP(json_freep) struct json *tree = NULL;
    str result;

    const int r = parse(&tree, &result, body, why);
    return r == 0 ? unhex(out, result, why) : r;
}
