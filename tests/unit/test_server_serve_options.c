#include <stdio.h>

#include "server/serve_options.h"
#include "support/folder.h"
#include "support/said.h"
#include "support/t.h"

#define WORDS_MAX 4

/** A command line, whose words are borrowed. */
static int parse(struct serve_options *o, const char *const words[WORDS_MAX], struct said *said)
{
    char *env[] = {NULL};
    char *argv[WORDS_MAX];
    int argc = 0;

    memcpy((void *)argv, (const void *)words, sizeof(argv)); // which are only read
    while (argc < WORDS_MAX && words[argc])
        argc++;
    const struct options_from from = {.argc = argc, .argv = argv, .env = env};
    *o = (struct serve_options){0};
    said_start(said);
    const int r = options_parse(&serve_table, o, &from);
    said_stop(said);
    said_free(said);
    return r;
}

/** What one says that is right. */
static struct serve_options *read_words(const char *const words[WORDS_MAX], struct said *said)
{
    static struct serve_options o;

    assert_int_equal(parse(&o, words, said), 0);
    return &o;
}

// clang-format off
static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    uint64_t home;
    const char *chains; // in their order; NULL: refused
    const char *wrong;  // a part of what is said then
    str item;           // of what; empty: of no item
} chains[] = {
    {"nothing is said",         {NULL},                                       1,    "1 solana", NULL, {0}},
    {"one chain",               {"--chains=8453"},                            8453, "8453", NULL, {0}},
    {"the first is at home",    {"--chains=8453,1,137"},                      8453, "8453 1 137", NULL, {0}},
    {"and Solana",              {"--chains=1,solana"},                        1,    "1 solana", NULL, {0}},
    {"Solana first",            {"--chains=solana,8453"},                     8453, "8453 solana", NULL, {0}},
    {"a home alone",            {"--home-chain=5"},                           5,    "5 solana", NULL, {0}},
    {"a home that is not first", {"--home-chain=137", "--chains=8453,1,137"}, 137,  "137 8453 1", NULL, {0}},
    {"the same twice",          {"--chains=1,8453,1,8453"},                   1,    "1 8453", NULL, {0}},
    {"Solana twice",            {"--chains=1,solana,solana"},                 1,    "1 solana", NULL, {0}},
    {"the largest",             {"--chains=9007199254740991"},                9007199254740991, "9007199254740991", NULL, {0}},

    {"a home that is not there", {"--home-chain=5", "--chains=1,8453"},       5,    NULL, "does not name the home chain", {0}},
    {"Solana alone",            {"--chains=solana"},                          1,    NULL, "does not name the home chain", {0}},
    {"one too large",           {"--chains=1,9007199254740992"},              1,    NULL, "a chain id such as 1", STR("9007199254740992")},
    {"zero",                    {"--chains=0,1"},                             1,    NULL, "a chain id such as 1", STR("0")},
    {"a name",                  {"--chains=1,base"},                          1,    NULL, "a chain id such as 1", STR("base")},
    {"in capitals",             {"--chains=1,Solana"},                        1,    NULL, "a chain id such as 1", STR("Solana")},
    {"hexadecimal",             {"--chains=0x1"},                             1,    NULL, "a chain id such as 1", STR("0x1")},
    {"below zero",              {"--chains=1,-1"},                            1,    NULL, "a chain id such as 1", STR("-1")},
    {"CAIP-2",                  {"--chains=eip155:1"},                        1,    NULL, "a chain id such as 1", STR("eip155:1")},
};

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *domains; // NULL: refused
    bool loopback;
    str item;
} domains[] = {
    {"nothing is said",        {NULL},                                                        "", false, {0}},
    {"for development",        {"--dev"},                                                     "", true, {0}},
    {"domains",                {"--domains=shop.example,http://shop.internal:8080"},          "shop.example http://shop.internal:8080", false, {0}},
    {"origins",                {"--origins=https://Shop.example,http://b.test:80"},           "shop.example http://b.test", false, {0}},
    {"domains win",            {"--origins=https://a.test", "--domains=shop.example"},        "shop.example", false, {0}},
    {"any origin",             {"--origins=*"},                                               "", false, {0}},
    {"any origin and one",     {"--origins=*,https://a.test"},                                "a.test", false, {0}},
    {"an app's origin",        {"--origins=capacitor://localhost,https://a.test"},            "a.test", false, {0}},
    {"an extension's origin",  {"--origins=chrome-extension://abcdef", "--dev"},              "", true, {0}},
    {"any domain",             {"--domains=*"},                                               NULL, false, STR("*")},
    {"a path",                 {"--domains=a.test,https://a.test/"},                          NULL, false, STR("https://a.test/")},
    {"an app's",               {"--domains=capacitor://localhost"},                           NULL, false, STR("capacitor://localhost")},
};

#define CHAINS "--chains=1,8453"

static const struct {
    const char *name;
    const char *words[WORDS_MAX];
    const char *rpcs;  // NULL: refused
    const char *wrong; // a part of what is said then
    str item;          // the chain that it is about; empty: it has none
} rpcs[] = {
    {"nothing is said",        {CHAINS},                                                       "", NULL, {0}},
    {"one",                    {CHAINS, "--rpc=1=https://rpc.test/v1/KEY"},                    "1=https://rpc.test/v1/KEY", NULL, {0}},
    {"one of each",            {CHAINS, "--rpc=8453=https://b.test,1=https://a.test:8443/?k=KEY"}, "8453=https://b.test 1=https://a.test:8443/?k=KEY", NULL, {0}},
    {"on this machine",        {CHAINS, "--rpc=1=http://127.0.0.1:8545,8453=http://localhost:1"}, "1=http://127.0.0.1:8545 8453=http://localhost:1", NULL, {0}},
    {"of the home chain",      {"--rpc=1=https://rpc.test"},                                   "1=https://rpc.test", NULL, {0}},

    {"a URL alone",            {CHAINS, "--rpc=https://rpc.test/KEY"},                         NULL, "an item is a chain id", {0}},
    {"a URL with a query",     {CHAINS, "--rpc=https://rpc.test/?key=KEY"},                    NULL, "an item is a chain id", {0}},
    {"a chain alone",          {CHAINS, "--rpc=1"},                                            NULL, "no URL", STR("1")},
    {"solana",                 {CHAINS, "--rpc=solana=https://rpc.test"},                      NULL, "an item is a chain id", {0}},
    {"another chain",          {CHAINS, "--rpc=10=https://rpc.test"},                          NULL, "do not sign in here", STR("10")},
    {"one twice",              {CHAINS, "--rpc=1=https://a.test,1=https://b.test"},            NULL, "twice", STR("1")},
    {"in the open",            {CHAINS, "--rpc=1=http://rpc.test/KEY"},                        NULL, "must be https://", STR("1")},
    {"another scheme",         {CHAINS, "--rpc=1=wss://rpc.test/KEY"},                         NULL, "no URL", STR("1")},
    {"a path",                 {CHAINS, "--rpc=1=/var/run/geth.ipc"},                          NULL, "no URL", STR("1")},
    {"a password",             {CHAINS, "--rpc=8453=https://me:KEY@rpc.test"},                 NULL, "no URL", STR("8453")},
};
// clang-format on

/** "1 8453 solana". */
static void print_chains(char *out, size_t size, const struct serve_chains *c)
{
    size_t n = 0;

    for (size_t i = 0; i < c->n; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s%llu", i > 0 ? " " : "",
                              (unsigned long long)c->chains[i]);
    }
    (void)snprintf(out + n, size - n, "%s", c->solana ? " solana" : "");
}

static void each_list_of_chains_has_a_home(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        struct said said;
        struct serve_chains c;
        str item;
        char text[256];
        const struct serve_options *o = read_words(chains[i].words, &said);

        expect_int(chains[i].name, serve_home_chain(o), chains[i].home);
        if (!chains[i].chains)
            continue;
        expect_str(chains[i].name, str_of(serve_chains_of(o, &c, &item)), (str){0});
        print_chains(text, sizeof(text), &c);
        expect_str(chains[i].name, str_of(text), str_of(chains[i].chains));
        expect_int(chains[i].name, c.chains[0], chains[i].home);
    }
}

static void a_list_without_it_or_with_what_is_none_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(chains); i++) {
        struct said said;
        struct serve_chains c;
        str item;

        if (chains[i].chains)
            continue;
        const char *wrong = serve_chains_of(read_words(chains[i].words, &said), &c, &item);
        expect_in(chains[i].name, wrong ? wrong : "nothing", chains[i].wrong);
        expect_str(chains[i].name, item, chains[i].item);
        expect_int(chains[i].name, item.ptr != NULL, chains[i].item.len > 0);
    }
}

/** With a home that is none of them it would be one more. */
static void as_many_chains_as_a_list_may_have(void **state)
{
    char list[512] = "--chains=1";
    const char *const words[WORDS_MAX] = {list};
    struct said said;
    struct serve_chains c;
    str item;

    (void)state;
    for (int i = 2; i <= OPTIONS_LIST_MAX; i++) {
        const size_t n = strlen(list);
        (void)snprintf(list + n, sizeof(list) - n, ",%d", i);
    }
    assert_null(serve_chains_of(read_words(words, &said), &c, &item));
    assert_int_equal(c.n, OPTIONS_LIST_MAX);
    struct serve_options *o = read_words(words, &said);
    o->home_chain = 1000;
    assert_non_null(serve_chains_of(o, &c, &item));
    assert_int_equal(c.n, OPTIONS_LIST_MAX + 1);
}

static void print_rpcs(char *out, size_t size, const struct serve_rpcs *r)
{
    size_t n = 0;

    out[0] = '\0';
    for (size_t i = 0; i < r->n; i++) {
        n += (size_t)snprintf(out + n, size - n, "%s%llu=" STR_FMT, i > 0 ? " " : "",
                              (unsigned long long)r->rpcs[i].chain, STR_ARG(r->rpcs[i].url));
    }
}

static void each_list_of_rpcs_is_of_chains_that_sign_in(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rpcs); i++) {
        struct said said;
        struct serve_chains c;
        struct serve_rpcs r;
        str item;
        char text[256];
        const struct serve_options *o = read_words(rpcs[i].words, &said);

        assert_null(serve_chains_of(o, &c, &item));
        const char *wrong = serve_rpcs_of(o, &c, &r, &item);
        expect_int(rpcs[i].name, !wrong, rpcs[i].rpcs != NULL);
        if (wrong) {
            expect_in(rpcs[i].name, wrong, rpcs[i].wrong);
            expect_str("no more than its chain", item, rpcs[i].item);
        } else {
            print_rpcs(text, sizeof(text), &r);
            expect_str(rpcs[i].name, str_of(text), str_of(rpcs[i].rpcs));
        }
    }
}

static void one_signs_in_where_it_says_or_where_pages_come_from(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(domains); i++) {
        struct said said;
        struct auth_domains d;
        str item;
        char text[512] = "";
        size_t n = 0;
        const struct serve_options *o = read_words(domains[i].words, &said);
        const int r = serve_domains_of(o, &d, &item);

        expect_int(domains[i].name, r, domains[i].domains ? 0 : AUTH_DOMAINS_BAD);
        expect_str(domains[i].name, item, domains[i].item);
        if (r != 0)
            continue;
        for (size_t k = 0; k < d.n; k++) {
            n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s%s", k > 0 ? " " : "",
                                  d.list[k].is_plain ? "http://" : "", d.list[k].name);
        }
        expect_str(domains[i].name, str_of(text), str_of(domains[i].domains));
        expect_int(domains[i].name, d.loopback, domains[i].loopback);
    }
}

static void tokens_and_sessions_last_so_long_and_no_longer(void **state)
{
    static const char *const beyond[] = {"--access-ttl=3600001ms", "--access-ttl=999ms",
                                         "--session-ttl=34560000001ms", "--session-ttl=999ms"};
    const char *const longest[WORDS_MAX] = {"--access-ttl=1h", "--session-ttl=400d"};
    const char *const shortest[WORDS_MAX] = {"--access-ttl=1s", "--session-ttl=1s"};
    struct said said;
    struct serve_options *o = read_words(longest, &said);

    (void)state;
    assert_int_equal(o->access_ttl, AUTH_ACCESS_MS_MAX);
    assert_int_equal(o->session_ttl, AUTH_SESSION_MS_MAX);
    o = read_words(shortest, &said);
    assert_int_equal(o->access_ttl, 1000);
    assert_int_equal(o->session_ttl, 1000);
    for (size_t i = 0; i < COUNT_OF(beyond); i++) {
        const char *const words[WORDS_MAX] = {beyond[i]};
        expect_int(beyond[i], parse(o, words, &said), OPTIONS_BAD);
    }
}

static void each_issuer_has_its_own_place_for_its_keys(void **state)
{
    static struct serve_options o;
    char *env[] = {NULL};
    struct folder folder;
    char path[512];
    struct buf text;

    (void)state;
    folder_make(&folder);
    folder_path(path, &folder, "parley.conf");
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs("[issuer one]\njwks-url = https://one.test/keys?a=b\n"
                      "[issuer two]\niss = two\njwks-file = two.jwks\n",
                      file) >= 0);
    assert_int_equal(fclose(file), 0);
    buf_init(&text, 0);
    assert_int_equal(serve_options_read(&o, str_of(path), env, &text), 0);
    assert_int_equal(o.n_issuers, 2);
    expect_str("URL", o.issuers[0].jwks_url, STR("https://one.test/keys?a=b"));
    expect_str("no file", o.issuers[0].jwks_file, STR(""));
    expect_str("no URL", o.issuers[1].jwks_url, STR(""));
    expect_str("file", o.issuers[1].jwks_file, STR("two.jwks"));
    buf_fini(&text);
    folder_remove(&folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_list_of_chains_has_a_home),
        cmocka_unit_test(a_list_without_it_or_with_what_is_none_is_refused),
        cmocka_unit_test(as_many_chains_as_a_list_may_have),
        cmocka_unit_test(tokens_and_sessions_last_so_long_and_no_longer),
        cmocka_unit_test(each_list_of_rpcs_is_of_chains_that_sign_in),
        cmocka_unit_test(one_signs_in_where_it_says_or_where_pages_come_from),
        cmocka_unit_test(each_issuer_has_its_own_place_for_its_keys),
    };
    return cmocka_run_group_tests_name("server/serve_options", tests, NULL, NULL);
}
