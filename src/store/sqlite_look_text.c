#include "store/sqlite_look_text.h"

#include "auth/account.h"
#include "base/buf.h"
#include "base/hex.h"
#include "store/sqlite_pack.h"

static str value_str(sqlite3_value *v)
{
    const char *ptr = sqlite3_value_blob(v); // NULL if it is empty
    return (str){ptr ? ptr : "", (size_t)sqlite3_value_bytes(v)};
}

bool sqlite_look_account(const struct sqlite_look_text *t, str text, account *out)
{
    return auth_account_parse_with(out, text, t->home_chain, t->cases) == 0;
}

bool sqlite_look_conversation(str text, int64_t *out)
{
    uint8_t bytes[HEX_U64 / 2];
    uint64_t id = 0;

    if (text.len != HEX_U64 || hex_decode(bytes, text) != 0)
        return false;
    for (size_t i = 0; i < sizeof(bytes); i++)
        id = id << 8 | bytes[i];
    *out = (int64_t)id;
    return true;
}

static void refuse(sqlite3_context *c, str what, const char *why)
{
    char *said = sqlite3_mprintf("'%.*s' %s", (int)(what.len < 100 ? what.len : 100),
                                 what.len > 0 ? what.ptr : "", why);
    sqlite3_result_error(c, said, -1);
    sqlite3_free(said);
}

/** @return false: it is NULL, or no account, which is said */
static bool take_text(sqlite3_context *c, sqlite3_value *v, account *out)
{
    if (sqlite3_value_type(v) == SQLITE_NULL)
        return false;
    const str text = value_str(v);
    if (sqlite_look_account(sqlite3_user_data(c), text, out))
        return true;
    refuse(c, text,
           "is no address: not 0x and 40 hex digits, nor CAIP-10, or a capital letter of it is "
           "wrong (EIP-55)");
    return false;
}

/** Likewise, as the store has it. */
static bool take_bytes(sqlite3_context *c, sqlite3_value *v, account *out)
{
    const str bytes = value_str(v);
    const bool is_one = (bytes.len == ACCOUNT_EVM_SIZE && bytes.ptr[0] == ACCOUNT_EVM) ||
                        (bytes.len == ACCOUNT_SOLANA_SIZE && bytes.ptr[0] == ACCOUNT_SOLANA);

    if (is_one) {
        *out = account_of(bytes);
    } else {
        sqlite3_result_error(c, "these bytes are no account", -1);
    }
    return is_one;
}

static void on_address(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    const struct sqlite_look_text *t = sqlite3_user_data(c);
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    account a;

    (void)argc;
    const bool is_bytes = sqlite3_value_type(argv[0]) == SQLITE_BLOB;
    if (!(is_bytes ? take_bytes(c, argv[0], &a) : take_text(c, argv[0], &a)))
        return;
    const str s = auth_account_text_with(text, &a, t->cases);
    sqlite3_result_text(c, s.ptr, (int)s.len, SQLITE_TRANSIENT);
}

static void on_account_bytes(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    account a;

    (void)argc;
    if (take_text(c, argv[0], &a))
        sqlite3_result_blob(c, a.bytes, a.len, SQLITE_TRANSIENT);
}

static void on_conversation_text(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    char text[HEX_U64];

    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    hex_u64(text, (uint64_t)sqlite3_value_int64(argv[0]));
    sqlite3_result_text(c, text, HEX_U64, SQLITE_TRANSIENT);
}

static void on_conversation_id(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    const str text = value_str(argv[0]);
    int64_t id = 0;

    (void)argc;
    if (sqlite3_value_type(argv[0]) == SQLITE_NULL)
        return;
    if (sqlite_look_conversation(text, &id)) {
        sqlite3_result_int64(c, id);
    } else {
        refuse(c, text, "is no conversation: not 16 hex digits");
    }
}

// Of the index.

/** @return false: it is damaged, which is said */
static bool take_kept(sqlite3_context *c, sqlite3_value *v, struct kept_places *out)
{
    const bool is_good = unpack_places(value_str(v), out) == 0;

    if (!is_good)
        sqlite3_result_error_code(c, SQLITE_CORRUPT);
    return is_good;
}

static void on_kept_positions(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    struct kept_places kept;
    struct buf text;
    const char *before = "[";
    int r = 0;

    (void)argc;
    if (!take_kept(c, argv[0], &kept))
        return;
    buf_init(&text, SIZE_MAX / 2);
    for (size_t i = 0; i < kept.n; i++) {
        if (kept.entries[i].position == 0) // there is none of this seq
            continue;
        r |= buf_addf(&text, "%s%lld", before, (long long)kept.entries[i].position);
        before = ",";
    }
    r |= buf_add(&text, before[0] == '[' ? STR("[]") : STR("]"));
    assert(r == 0);
    (void)r;
    sqlite3_result_text(c, buf_ptr(&text), (int)text.len, SQLITE_TRANSIENT);
    buf_fini(&text);
}

static void on_kept_last(sqlite3_context *c, int argc, sqlite3_value **argv)
{
    const int64_t upto = sqlite3_value_int64(argv[1]);
    struct kept_places kept;

    (void)argc;
    if (!take_kept(c, argv[0], &kept))
        return;
    for (size_t i = kept.n; i > 0; i--) {
        const int64_t position = kept.entries[i - 1].position;
        if (position > 0 && position <= upto) {
            sqlite3_result_int64(c, position);
            return;
        }
    }
}

void sqlite_look_text_init(struct sqlite_look_text *t, sqlite3 *db, uint64_t home_chain)
{
    static const struct {
        const char *name;
        int n_args;
        void (*fn)(sqlite3_context *c, int argc, sqlite3_value **argv);
    } functions[] = {
        {"address", 1, on_address},
        {"account_bytes", 1, on_account_bytes},
        {"conversation_text", 1, on_conversation_text},
        {"conversation_id", 1, on_conversation_id},
        {"kept_positions", 1, on_kept_positions},
        {"kept_last", 2, on_kept_last},
    };
    const int flags = SQLITE_UTF8 | SQLITE_DETERMINISTIC;

    *t = (struct sqlite_look_text){.home_chain = home_chain, .cases = auth_cases_new()};
    for (size_t i = 0; i < COUNT_OF(functions); i++) {
        const int r = sqlite3_create_function_v2(db, functions[i].name, functions[i].n_args,
                                                 flags, t, functions[i].fn, NULL, NULL, NULL);
        assert(r == SQLITE_OK);
        (void)r;
    }
}

void sqlite_look_text_fini(struct sqlite_look_text *t)
{
    auth_cases_free(t->cases);
    *t = (struct sqlite_look_text){0};
}
