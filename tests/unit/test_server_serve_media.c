#include "server/serve_media.h"
#include "support/said.h"
#include "support/t.h"

#define WORDS_MAX 8

#define S3     "--media=s3", "--s3-access-key=id"
#define SECRET "--s3-secret-key=secret"

// clang-format off
static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *option; // NULL: all is well
    const char *wrong;  // a part of what is said
    str item;
} rows[] = {
    {"nothing is said", {NULL}, NULL, NULL, {0}},
    {"off", {"--media=off"}, NULL, NULL, {0}},
    {"somewhere", {"--media=ftp"}, "media", "local, s3 or off", STR("ftp")},
    {"a public URL", {"--public-url=https://chat.example"}, NULL, NULL, {0}},
    {"with a port", {"--public-url=http://10.0.0.1:8080/"}, NULL, NULL, {0}},
    {"with a path", {"--public-url=https://shop.example/chat"}, NULL, NULL, {0}},
    {"with a question", {"--public-url=https://chat.example?x"}, "public-url", "a URL such as", STR("https://chat.example?x")},
    {"no URL", {"--public-url=chat.example"}, "public-url", "a URL such as", STR("chat.example")},
    {"of another scheme", {"--public-url=ftp://chat.example"}, "public-url", "a URL such as", STR("ftp://chat.example")},
    {"files of others", {"--media-url-allow=https://a.test/x/,https://b.test"}, NULL, NULL, {0}},
    {"of anybody", {"--media-url-allow=https://a.test,*"}, "media-url-allow", "a URL that files begin with", STR("*")},

    {"an object store", {S3, SECRET, "--s3-endpoint=https://s3.test", "--s3-bucket=b"}, NULL, NULL, {0}},
    {"in this network", {S3, SECRET, "--s3-endpoint=http://minio:9000", "--s3-bucket=b"}, NULL, NULL, {0}},
    {"from outside", {S3, SECRET, "--s3-endpoint=http://minio:9000", "--s3-public-endpoint=https://s3.test", "--s3-bucket=my.bucket-1"}, NULL, NULL, {0}},
    {"at no endpoint", {S3, SECRET, "--s3-bucket=b"}, "s3-endpoint", "without the bucket", STR("")},
    {"below a path", {S3, SECRET, "--s3-endpoint=https://x.test/storage/v1/s3", "--s3-bucket=b"}, NULL, NULL, {0}},
    {"with a query", {S3, SECRET, "--s3-endpoint=https://s3.test/?b", "--s3-bucket=b"}, "s3-endpoint", "without the bucket", STR("https://s3.test/?b")},
    {"from outside at no URL", {S3, SECRET, "--s3-endpoint=http://minio:9000", "--s3-public-endpoint=s3.test", "--s3-bucket=b"}, "s3-public-endpoint", "a URL such as", STR("s3.test")},
    {"in no bucket", {S3, SECRET, "--s3-endpoint=https://s3.test"}, "s3-bucket", "the name of a bucket", STR("")},
    {"in a folder", {S3, SECRET, "--s3-endpoint=https://s3.test", "--s3-bucket=a/b"}, "s3-bucket", "the name of a bucket", STR("a/b")},
    {"above", {S3, SECRET, "--s3-endpoint=https://s3.test", "--s3-bucket=.."}, "s3-bucket", "the name of a bucket", STR("..")},
    {"without a key", {"--media=s3", SECRET, "--s3-endpoint=https://s3.test", "--s3-bucket=b"}, "s3-access-key", "needed", {0}},
    {"without its secret", {S3, "--s3-endpoint=https://s3.test", "--s3-bucket=b"}, "s3-secret-key", "PARLEY_S3_SECRET_KEY", {0}},
    {"all that, and not used", {"--s3-endpoint=nonsense"}, NULL, NULL, {0}},
};
// clang-format on

static void read_words(struct serve_options *o, const char *const words[WORDS_MAX])
{
    char *env[] = {NULL};
    char *argv[WORDS_MAX];
    int argc = 0;

    memcpy((void *)argv, (const void *)words, sizeof(argv)); // which are only read
    while (argc < WORDS_MAX && words[argc])
        argc++;
    const struct options_from from = {.argc = argc, .argv = argv, .env = env};
    *o = (struct serve_options){0};
    assert_int_equal(options_parse(&serve_table, o, &from), 0);
}

static void what_can_not_be_is_named_with_its_option(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct serve_options o;
        struct serve_media m;
        const char *option = NULL;
        str item = {0};

        read_words(&o, rows[i].words);
        const char *wrong = serve_media_of(&o.media, &m, &option, &item);
        expect_int(rows[i].name, !wrong, !rows[i].option);
        if (!wrong || !rows[i].option)
            continue;
        expect_str(rows[i].name, str_of(option), str_of(rows[i].option));
        expect_in(rows[i].name, wrong, rows[i].wrong);
        expect_str(rows[i].name, item, rows[i].item);
    }
}

static void a_slash_at_the_end_of_a_url_does_not_count(void **state)
{
    static const char *const words[WORDS_MAX] = {S3, SECRET, "--s3-bucket=b",
                                                 "--s3-endpoint=http://minio:9000/",
                                                 "--public-url=https://chat.example/"};
    struct serve_options o;
    struct serve_media m;
    const char *option = NULL;
    str item = {0};

    (void)state;
    read_words(&o, words);
    assert_null(serve_media_of(&o.media, &m, &option, &item));
    expect_str("endpoint", m.s3_endpoint, STR("http://minio:9000"));
    expect_str("public one", m.s3_public_endpoint, STR("http://minio:9000"));
    expect_str("public URL", m.public_url, STR("https://chat.example"));
}

static void the_largest_file_is_that_of_any_kind(void **state)
{
    static const struct {
        const char *words[WORDS_MAX];
        uint64_t max;
    } all[] = {
        {{NULL}, 100 << 20},
        {{"--image-bytes=1GiB"}, 1 << 30},
        {{"--video-bytes=5", "--file-bytes=6", "--image-bytes=7", "--audio-bytes=8"}, 8},
        {{"--media=off"}, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        struct serve_options o;
        struct serve_media m;
        const char *option = NULL;
        str item = {0};

        read_words(&o, all[i].words);
        assert_null(serve_media_of(&o.media, &m, &option, &item));
        assert_int_equal(serve_media_max_bytes(&m), all[i].max);
    }
}

static void each_kind_has_its_own_limit(void **state)
{
    static const char *const words[WORDS_MAX] = {"--image-bytes=1", "--video-bytes=2",
                                                 "--audio-bytes=3", "--file-bytes=4"};
    struct serve_options o;
    struct serve_media m;
    const char *option = NULL;
    str item = {0};

    (void)state;
    read_words(&o, words);
    assert_null(serve_media_of(&o.media, &m, &option, &item));
    assert_int_equal(m.uploads.max_bytes[CHAT_IMAGE], 1);
    assert_int_equal(m.uploads.max_bytes[CHAT_VIDEO], 2);
    assert_int_equal(m.uploads.max_bytes[CHAT_AUDIO], 3);
    assert_int_equal(m.uploads.max_bytes[CHAT_FILE], 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_not_be_is_named_with_its_option),
        cmocka_unit_test(a_slash_at_the_end_of_a_url_does_not_count),
        cmocka_unit_test(the_largest_file_is_that_of_any_kind),
        cmocka_unit_test(each_kind_has_its_own_limit),
    };
    return cmocka_run_group_tests_name("server/serve_media", tests, NULL, NULL);
}
