#include "base/base58.h"
#include "support/t.h"

// clang-format off
// draft-msporny-base58-03, section 5, and what a leading zero does
static const struct {
    str bytes;
    str text;
} vectors[] = {
    {STR("Hello World!"), STR("2NEpo7TZRRrLZSi2U")},
    {STR("The quick brown fox jumps over the lazy dog."),
     STR("USm3fpXnKG5EUBx2ndxBDMPVciP5hGey2Jh4NDv6gmeo1LkMeiKrLJUUBk6Z")},
    {STR("\x00\x00\x28\x7f\xb4\xcd"), STR("11233QC4")},
    {STR(""),             STR("")},
    {STR("\0"),           STR("1")},
    {STR("\0\0\0"),       STR("111")},
    {STR("\x01"),         STR("2")},
    {STR("\x39"),         STR("z")},
    {STR("\x3a"),         STR("21")},
    {STR("\xff"),         STR("5Q")},
};

// Of two bytes.
static const struct {
    const char *name;
    str text;
    int r;
} rows[] = {
    {"the smallest",             STR("11"),    0},
    {"the largest",              STR("LUv"),   0},
    {"one more than that",       STR("LUw"),   BASE58_BAD},
    {"nothing",                  STR(""),      BASE58_BAD},
    {"one byte",                 STR("5Q"),    BASE58_BAD},
    {"a 1 too few",              STR("2"),     BASE58_BAD},
    {"a small number",           STR("12"),    0},
    {"a 1 too many",             STR("112"),   BASE58_BAD},
    {"zero, a 1 too many",       STR("111"),   BASE58_BAD},
    {"too long",                 STR("2222"),  BASE58_BAD},
    {"no digit: zero",           STR("20"),    BASE58_BAD},
    {"no digit: capital O",      STR("2O"),    BASE58_BAD},
    {"no digit: capital I",      STR("2I"),    BASE58_BAD},
    {"no digit: small l",        STR("2l"),    BASE58_BAD},
    {"a space",                  STR(" 2"),    BASE58_BAD},
    {"a NUL",                    STR("2\0"),   BASE58_BAD},
    {"a byte above ASCII",       STR("2\xe9"), BASE58_BAD},
};
// clang-format on

static void encodes_and_decodes_the_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        char text[BASE58_LEN(BASE58_BYTES_SIZE)];
        uint8_t bytes[BASE58_BYTES_SIZE];
        const str want = vectors[i].bytes;

        expect_str(vectors[i].text.ptr, base58_encode(text, want), vectors[i].text);
        expect_int(vectors[i].text.ptr, base58_decode(bytes, want.len, vectors[i].text), 0);
        expect_str(vectors[i].text.ptr, ((str){(char *)bytes, want.len}), want);
    }
}

static void decodes_as_many_bytes_as_asked(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        uint8_t bytes[2];
        expect_int(rows[i].name, base58_decode(bytes, sizeof(bytes), rows[i].text), rows[i].r);
    }
}

/** The largest and the smallest of each length, which is where the room is short. */
static void every_length_has_room(void **state)
{
    (void)state;
    for (size_t n = 0; n <= BASE58_BYTES_SIZE; n++) {
        for (int byte = 0; byte <= 0xff; byte += 0xff) {
            char bytes[BASE58_BYTES_SIZE];
            char text[BASE58_LEN(BASE58_BYTES_SIZE)];
            uint8_t again[BASE58_BYTES_SIZE];

            memset(bytes, byte, n);
            const str encoded = base58_encode(text, (str){bytes, n});
            assert_true(encoded.len <= BASE58_LEN(n));
            expect_int("decoded", base58_decode(again, n, encoded), 0);
            expect_str("round trip", ((str){(char *)again, n}), ((str){bytes, n}));
            if (n > 0)
                expect_int("one byte less", base58_decode(again, n - 1, encoded), BASE58_BAD);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(encodes_and_decodes_the_vectors),
        cmocka_unit_test(decodes_as_many_bytes_as_asked),
        cmocka_unit_test(every_length_has_room),
    };
    return cmocka_run_group_tests_name("base/base58", tests, NULL, NULL);
}
