#include "support/sign_in_world.h"

#define MINUTE_MS INT64_C(60000)

// Nonces.

static void a_nonce_says_for_where_and_how_long(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("nonce", &r, 200, NULL);
    expect_json(r.json, "domain", "\"" SITE "\"");
    expect_json(r.json, "chain_ids", "[1,8453]");
    expect_json(r.json, "issued_at", "\"2023-11-14T22:13:20.000Z\"");
    expect_json(r.json, "expires_at", "\"2023-11-14T22:18:20.000Z\"");
    expect_str("cache", reply_field(&r, "Cache-Control"), STR("no-store"));
    ask_get(w, &r, "/v1/auth/nonce?contract=1", NULL);
    expect_json(r.json, "expires_at", "\"2023-11-14T22:28:20.000Z\"");
    reply_fini(&r);
}

static void a_page_of_one_of_our_sites_gets_a_nonce_for_it(void **state)
{
    static const struct {
        const char *name;
        const char *origin;
        const char *domain;
    } rows[] = {
        {"the first", "https://app.test", "\"app.test\""},
        {"the second, with its port", "https://Other.test:8443", "\"other.test:8443\""},
        {"none of ours", "https://elsewhere.test", "\"app.test\""},
        {"a port that is none of ours", "https://other.test", "\"app.test\""},
        {"no origin", "null", "\"app.test\""},
    };
    struct api_world *w = *state;
    struct reply r = {0};

    w->origins.any = true;
    assert_int_equal(auth_domains_add(&w->domains, STR(SITE)), 0);
    assert_int_equal(auth_domains_add(&w->domains, STR("other.test:8443")), 0);
    api_world_start(w);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char field[128];
        snprintf(field, sizeof(field), "Origin: %s\r\n", rows[i].origin);
        ask_get(w, &r, "/v1/auth/nonce", field);
        expect_reply(rows[i].name, &r, 200, NULL);
        expect_json(r.json, "domain", rows[i].domain);
    }
    reply_fini(&r);
}

/** Browsers send no Origin with a GET to the page's own server. */
static void a_page_of_the_server_itself_gets_a_nonce_for_its_host(void **state)
{
    struct api_world *w = *state;
    struct reply r = {0};

    assert_int_equal(auth_domains_add(&w->domains, STR(SITE)), 0);
    assert_int_equal(auth_domains_add(&w->domains, STR("localhost")), 0);
    api_world_start(w);
    ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("nonce", &r, 200, NULL);
    expect_json(r.json, "domain", "\"localhost\"");
    reply_fini(&r);
}

static void without_a_site_nobody_signs_in(void **state)
{
    struct api_world *w = start(state);
    struct reply r = {0};

    ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("nonce", &r, 401, "login_domain");
    assert_non_null(strstr(json_text(json_at(r.json, "error.message")).ptr, "--domains"));
    expect_str("how", reply_field(&r, "WWW-Authenticate"), STR("Bearer"));
    reply_fini(&r);
}

// Logging in.

static void whoever_signs_is_let_in(void **state)
{
    struct api_world *w = start_with_site(state);
    const account who = wallet_account(7);
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    struct auth_identity id;
    const char *why;
    struct reply r = {0};

    log_in_with(w, &r, &(struct draft){0}, 7);
    const struct granted g = granted_of(&r);
    expect_str("account", str_of(g.account), auth_account_text(text, &who));
    expect_json(r.json, "expires_at", "\"2023-11-14T22:23:20.000Z\"");
    assert_int_equal(
        auth_verify(w->auth, str_of(g.access), clock_unix_ms(&w->clock), &id, &why), 0);
    assert_true(account_eq(&id.account, &who));
    expect_str("session", str_of(id.session), str_of(g.session));
    assert_int_equal(id.issued_at_ms, API_WORLD_UNIX_MS);
    assert_int_equal(api_counters(w->api)->logins, 1);
    assert_int_equal(api_counters(w->api)->calls, 2);
    assert_int_equal(id.expires_at_ms, API_WORLD_UNIX_MS + 10 * MINUTE_MS);
    expect_str("cache", reply_field(&r, "Cache-Control"), STR("no-store"));
    reply_fini(&r);
}

static void what_a_message_may_say_besides(void **state)
{
    static const struct {
        const char *name;
        struct draft draft;
    } rows[] = {
        {"another chain of ours", {.chain = "8453"}},
        {"the scheme", {.domain = "https://app.test"}},
        {"capital letters in the domain", {.domain = "APP.test", .uri = "https://app.TEST"}},
        {"a port in the URI", {.uri = "https://app.test:8443/"}},
        {"some minutes ago", {.issued_at = "2023-11-14T22:03:20Z"}},
        {"a minute early", {.issued_at = "2023-11-14T22:14:20Z"}},
        {"an end", {.more = "\nExpiration Time: 2023-11-14T22:13:20.001Z"}},
        {"a beginning", {.more = "\nNot Before: 2023-11-14T22:14:20Z"}},
        {"resources", {.more = "\nResources:\n- https://a.test\n- urn:b"}},
    };
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        log_in_with(w, &r, &rows[i].draft, 7);
        expect_reply(rows[i].name, &r, 200, NULL);
    }
    reply_fini(&r);
}

static void each_refusal_has_its_code(void **state)
{
    static const char other_nonce[] = "A2345678901234567890123456789012";
    static const struct {
        const char *name;
        struct draft draft;
        unsigned status;
        const char *code;
    } rows[] = {
        {"a version of its own", {.version = "2"}, 400, "login_malformed"},
        {"an end of line too much", {.more = "\n"}, 400, "login_malformed"},
        {"another site", {.domain = "evil.test"}, 401, "login_domain"},
        {"a site below ours", {.domain = "x.app.test"}, 401, "login_domain"},
        {"another port", {.domain = "app.test:8443"}, 401, "login_domain"},
        {"a user", {.domain = "you@app.test"}, 401, "login_domain"},
        {"http", {.domain = "http://app.test"}, 401, "login_domain"},
        {"a URI elsewhere", {.uri = "https://evil.test/"}, 401, "login_uri"},
        {"a URI of a site below", {.uri = "https://x.app.test/"}, 401, "login_uri"},
        {"a URI that only begins so", {.uri = "https://app.tes/"}, 401, "login_uri"},
        {"a URI without a host", {.uri = "urn:app.test"}, 401, "login_uri"},
        {"another chain", {.chain = "137"}, 401, "login_chain"},
        {"a chain with a zero before it", {.chain = "01"}, 401, "login_chain"},
        {"a chain beyond a double", {.chain = "9007199254740993"}, 401, "login_chain"},
        {"a nonce of its own", {.nonce = other_nonce}, 401, "login_nonce"},
        {"too old", {.issued_at = "2023-11-14T22:03:19Z"}, 401, "login_expired"},
        {"over", {.more = "\nExpiration Time: 2023-11-14T22:13:20Z"}, 401, "login_expired"},
        {"to come", {.issued_at = "2023-11-14T22:14:21Z"}, 401, "login_not_yet"},
        {"begun later", {.more = "\nNot Before: 2023-11-14T22:14:21Z"}, 401, "login_not_yet"},
        {"nobody",
         {.address = "0x0000000000000000000000000000000000000000"},
         400,
         "login_address"},
        {"small letters",
         {.address = "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed"},
         400,
         "login_address"},
        {"another wallet", {.address = ALICE}, 401, "login_signature"},
    };
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        log_in_with(w, &r, &rows[i].draft, 7);
        expect_reply(rows[i].name, &r, rows[i].status, rows[i].code);
    }
    expect_int("store", w->store->counters.appended, 0);
    reply_fini(&r);
}

static void why_a_message_is_none_is_said_to_its_developer(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    log_in_with(w, &r, &(struct draft){.version = "2"}, 7);
    assert_non_null(memmem(json_text(json_at(r.json, "error.message")).ptr,
                           json_text(json_at(r.json, "error.message")).len, "Version", 7));
    reply_fini(&r);
}

static void a_nonce_is_good_once_and_for_five_minutes(void **state)
{
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct reply r = {0};

    take_nonce(w, nonce);
    log_in_with(w, &r, &(struct draft){.nonce = nonce}, 7);
    expect_reply("first", &r, 200, NULL);
    log_in_with(w, &r, &(struct draft){.nonce = nonce}, 7);
    expect_reply("again", &r, 401, "login_nonce");
    log_in_with(w, &r, &(struct draft){.nonce = nonce}, 8);
    expect_reply("of another wallet", &r, 401, "login_nonce");

    take_nonce(w, nonce);
    api_world_pass(w, AUTH_NONCE_MS - 1);
    log_in_with(w, &r, &(struct draft){.nonce = nonce}, 7);
    expect_reply("at its end", &r, 200, NULL);
    take_nonce(w, nonce);
    api_world_pass(w, AUTH_NONCE_MS);
    log_in_with(w, &r, &(struct draft){.nonce = nonce, .issued_at = "2023-11-14T22:20:00Z"}, 7);
    expect_reply("over", &r, 401, "login_nonce");
    reply_fini(&r);
}

/** The clock stands: what a wallet says of when is measured against the nonce's quarter hour.
 */
static void a_message_may_be_as_old_as_a_long_nonce(void **state)
{
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct reply r = {0};

    for (unsigned i = 0; i < 2; i++) {
        ask_get(w, &r, "/v1/auth/nonce?contract=1", NULL);
        const str made = json_text(json_at(r.json, "nonce"));
        nonce[str_copy(nonce, made).len] = '\0';
        log_in_with(w, &r,
                    &(struct draft){.nonce = nonce,
                                    .issued_at = i == 0 ? "2023-11-14T21:58:20Z"
                                                        : "2023-11-14T21:58:19.999Z"},
                    7);
        expect_reply(i == 0 ? "a quarter of an hour" : "a millisecond more", &r,
                     i == 0 ? 200 : 401, i == 0 ? NULL : "login_expired");
    }
    reply_fini(&r);
}

static void a_nonce_is_not_used_up_by_who_can_not_sign(void **state)
{
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct reply r = {0};

    take_nonce(w, nonce);
    log_in_with(w, &r, &(struct draft){.nonce = nonce, .address = ALICE}, 7);
    expect_reply("another's wallet", &r, 401, "login_signature");
    log_in_with(w, &r, &(struct draft){.nonce = nonce}, 7);
    expect_reply("its own", &r, 200, NULL);
    reply_fini(&r);
}

static void a_signature_has_one_form(void **state)
{
    static const struct {
        const char *name;
        const char *signature;
        unsigned status;
        const char *code;
    } rows[] = {
        {"nothing", "", 400, "bad_request"},
        {"no hex", "0xzz", 400, "bad_request"},
        {"half a byte", "0x1", 400, "bad_request"},
        {"no 0x", "1234", 400, "bad_request"},
        {"no byte", "0x", 401, "login_signature"},
        {"one byte", "0x00", 401, "login_signature"},
    };
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct buf message;
    struct reply r = {0};

    take_nonce(w, nonce);
    buf_init(&message, SIZE_MAX / 2);
    draft_print(&message, &(struct draft){.nonce = nonce}, 7);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        post_login(w, &r, buf_str(&message), str_of(rows[i].signature));
        expect_reply(rows[i].name, &r, rows[i].status, rows[i].code);
        if (rows[i].status == 400)
            expect_json(r.json, "error.field", "\"signature\"");
    }
    buf_fini(&message);
    reply_fini(&r);
}

static void a_signature_has_so_many_bytes(void **state)
{
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    struct buf message;
    struct buf signature;
    struct reply r = {0};

    take_nonce(w, nonce);
    buf_init(&message, SIZE_MAX / 2);
    buf_init(&signature, SIZE_MAX / 2);
    draft_print(&message, &(struct draft){.nonce = nonce}, 7);
    assert_int_equal(buf_addf(&signature, "0x%0*d", 2 * AUTH_SIGNATURE_MAX, 0), 0);
    post_login(w, &r, buf_str(&message), buf_str(&signature));
    expect_reply("the longest", &r, 401, "login_signature");
    assert_int_equal(buf_add(&signature, STR("00")), 0);
    post_login(w, &r, buf_str(&message), buf_str(&signature));
    expect_reply("longer", &r, 400, "bad_request");
    buf_fini(&signature);
    buf_fini(&message);
    reply_fini(&r);
}

static void print_solana(struct buf *out, uint8_t key, const char *nonce)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    const account a = wallet_solana_account(key);
    str address = auth_account_text(text, &a);

    str_take_until(&address, ':');
    str_take_until(&address, ':');
    const int r = buf_addf(out,
                           SITE " wants you to sign in with your Solana account:\n" STR_FMT
                                "\n\nHello.\n\nURI: https://app.test\nVersion: 1\nNonce: %s\n"
                                "Issued At: 2023-11-14T22:13:20Z",
                           STR_ARG(address), nonce);
    assert_int_equal(r, 0);
}

static void log_in_solana(struct api_world *w, struct reply *r, uint8_t key, uint8_t signer)
{
    char nonce[AUTH_NONCE_TEXT_SIZE];
    char signature[WALLET_SIGNATURE_SIZE];
    struct buf message;

    take_nonce(w, nonce);
    buf_init(&message, SIZE_MAX / 2);
    print_solana(&message, key, nonce);
    wallet_solana_sign_text(signature, signer, buf_str(&message));
    post_login(w, r, buf_str(&message), str_of(signature));
    buf_fini(&message);
}

static void a_wallet_of_solana_is_let_in(void **state)
{
    struct api_world *w = start_with_site(state);
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    const account a = wallet_solana_account(7);
    struct reply r = {0};

    log_in_solana(w, &r, 7, 7);
    const struct granted g = granted_of(&r);
    expect_str("account", str_of(g.account), auth_account_text(text, &a));
    log_in_solana(w, &r, 7, 8);
    expect_reply("another key", &r, 401, "login_signature");
    reply_fini(&r);
}

static void too_many_signatures_at_once_are_busy(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    w->prover.is_busy = true;
    log_in_with(w, &r, &(struct draft){0}, 7);
    expect_reply("busy", &r, 503, "busy");
    expect_str("when", reply_field(&r, "Retry-After"), STR("1"));
    w->prover.is_busy = false;
    log_in_with(w, &r, &(struct draft){0}, 7);
    expect_reply("then", &r, 200, NULL);
    reply_fini(&r);
}

static void a_store_out_of_reach_is_said(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 1);
    log_in_with(w, &r, &(struct draft){0}, 7);
    expect_reply("login", &r, 503, "storage_unavailable");
    const struct granted g = log_in(w, 7);
    store_mem_fail_auth(w->store, AUTH_STORE_UNAVAILABLE, 2);
    post_refresh(w, &r, g.refresh);
    expect_reply("refresh", &r, 503, "storage_unavailable");
    post_logout(w, &r, g.access, "{}");
    expect_reply("logout", &r, 503, "storage_unavailable");
    post_refresh(w, &r, g.refresh);
    expect_reply("then", &r, 200, NULL);
    reply_fini(&r);
}

// Requests.

static void a_body_is_an_object(void **state)
{
    static const struct {
        const char *name;
        const char *body;
        const char *field;
    } rows[] = {
        {"nothing", "", NULL},
        {"no JSON", "{", NULL},
        {"an array", "[]", NULL},
        {"two of a name", "{\"message\":\"a\",\"message\":\"b\",\"signature\":\"0x\"}", NULL},
        {"no message", "{\"signature\":\"0x\"}", "\"message\""},
        {"a number", "{\"message\":1,\"signature\":\"0x\"}", "\"message\""},
        {"no signature", "{\"message\":\"\"}", "\"signature\""},
    };
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ask_post(w, &r, "/v1/auth/login", NULL, str_of(rows[i].body));
        expect_reply(rows[i].name, &r, 400, "bad_request");
        expect_json(r.json, "error.field", rows[i].field);
    }
    reply_fini(&r);
}

static void a_body_has_64_kib_at_most(void **state)
{
    struct api_world *w = start_with_site(state);
    char *body = mem_alloc(API_BODY_MAX + 1);
    struct reply r = {0};

    memset(body, ' ', API_BODY_MAX + 1);
    str_copy(body, STR("{\"refresh_token\":\"x\"}"));
    ask_post(w, &r, "/v1/auth/refresh", NULL, (str){body, API_BODY_MAX});
    expect_reply("the longest", &r, 401, "token_invalid");
    ask_post(w, &r, "/v1/auth/refresh", NULL, (str){body, API_BODY_MAX + 1});
    expect_reply("longer", &r, 413, "too_large");
    free(body);
    reply_fini(&r);
}

static void a_path_takes_one_method(void **state)
{
    static const struct {
        const char *method;
        const char *path;
        unsigned status;
        const char *allow;
    } rows[] = {
        {"POST", "/v1/auth/nonce", 405, "GET, HEAD"},
        {"GET", "/v1/auth/login", 405, "POST"},
        {"PUT", "/v1/auth/login", 405, "POST"},
        {"DELETE", "/.well-known/jwks.json", 405, "GET, HEAD"},
        {"GET", "/v1/auth/", 404, ""},
        {"GET", "/v1/auth/nonce/", 404, ""},
        {"POST", "/v1/other", 404, ""},
        {"GET", "/.well-known/other", 404, ""},
    };
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        ask(w, &r, &(struct request){.method = rows[i].method, .path = rows[i].path});
        expect_reply(rows[i].path, &r, rows[i].status,
                     rows[i].status == 404 ? "not_found" : "bad_request");
        expect_str(rows[i].path, reply_field(&r, "Allow"), str_of(rows[i].allow));
    }
    struct client *c = client_new(&w->eio);
    client_send(c, &(struct request){.method = "HEAD", .path = "/.well-known/jwks.json"});
    api_world_settle(w);
    assert_true(str_starts(buf_str(&c->stream.stream.out), STR("HTTP/1.1 200 ")));
    reply_fini(&r);
}

static void a_refused_page_can_read_why(void **state)
{
    struct api_world *w = *state;
    struct reply r = {0};

    assert_int_equal(http_origins_add(&w->origins, STR("https://app.test")), 0);
    start_with_site(state);
    ask_get(w, &r, "/v1/auth/nonce", "Origin: https://app.test\r\n");
    expect_reply("ours", &r, 200, NULL);
    expect_str("it reads", reply_field(&r, "Access-Control-Allow-Origin"),
               STR("https://app.test"));
    ask_get(w, &r, "/v1/auth/nonce", "Origin: https://evil.test\r\n");
    expect_reply("another", &r, 403, "origin_denied");
    expect_str("it reads, too", reply_field(&r, "Access-Control-Allow-Origin"),
               STR("https://evil.test"));
    ask(w, &r,
        &(struct request){.method = "OPTIONS",
                          .path = "/v1/auth/login",
                          .fields = "Origin: https://app.test\r\n"
                                    "Access-Control-Request-Method: POST\r\n"
                                    "Access-Control-Request-Headers: content-type\r\n"});
    expect_int("preflight", r.status, 204);
    expect_str("fields", reply_field(&r, "Access-Control-Allow-Headers"), STR("content-type"));
    expect_str("for", reply_field(&r, "Access-Control-Max-Age"), STR("600"));
    reply_fini(&r);
}

static void the_key_is_published(void **state)
{
    struct api_world *w = start_with_site(state);
    struct reply r = {0};

    ask_get(w, &r, "/.well-known/jwks.json", NULL);
    expect_int("status", r.status, 200);
    expect_str("cache", reply_field(&r, "Cache-Control"), STR("public, max-age=300"));
    expect_json(r.json, "keys.0.kty", "\"OKP\"");
    expect_json(r.json, "keys.0.alg", "\"EdDSA\"");
    expect_json(r.json, "keys.0.d", NULL);
    expect_str("kid", json_text(json_at(r.json, "keys.0.kid")), str_of(w->keyring.signer.kid));
    expect_json(r.json, "keys.1", NULL);
    reply_fini(&r);
}

static void who_is_gone_is_not_answered(void **state)
{
    struct api_world *w = start_with_site(state);
    char nonce[AUTH_NONCE_TEXT_SIZE];
    char signature[WALLET_SIGNATURE_SIZE];
    struct buf message;
    struct buf body;
    struct client *c = client_new(&w->eio);

    take_nonce(w, nonce);
    buf_init(&message, SIZE_MAX / 2);
    buf_init(&body, SIZE_MAX / 2);
    draft_print(&message, &(struct draft){.nonce = nonce}, 7);
    wallet_sign_text(signature, 7, buf_str(&message));
    print_login(&body, buf_str(&message), str_of(signature));
    client_send(c, &(struct request){.method = "POST",
                                     .path = "/v1/auth/login",
                                     .body = buf_str(&body),
                                     .has_body = true});
    assert_false(api_is_idle(w->api));
    mem_stream_end(&c->stream, STREAM_LOST);
    api_world_settle(w);
    assert_true(api_is_idle(w->api));
    assert_true(auth_sign_in_is_idle(w->sign_in));

    struct client *half = client_new(&w->eio); // and this one in the middle of its body
    client_send(half, &(struct request){.method = "POST",
                                        .path = "/v1/auth/login",
                                        .fields = "Content-Length: 1000\r\n",
                                        .body = STR("{")});
    api_world_settle(w);
    client_lose(&w->eio, half);
    assert_true(api_is_idle(w->api));
    buf_fini(&body);
    buf_fini(&message);
}

// Rates.

static void start_with_rates(struct api_world *w)
{
    w->chat_config.sessions = 20;
    w->config.rate_limits = true;
    w->config.rates[API_RATE_LOGINS] = (struct rate){2, 1, 60000};
    w->config.rates[API_RATE_AUTHS] = (struct rate){4, 60, 60000};
    assert_int_equal(auth_domains_add(&w->domains, STR(SITE)), 0);
    api_world_start(w);
}

static void an_address_has_its_rates(void **state)
{
    struct api_world *w = *state;
    struct reply r = {0};

    start_with_rates(w);
    for (int i = 0; i < 2; i++) {
        ask_post(w, &r, "/v1/auth/login", NULL, STR("{}"));
        expect_reply("a login", &r, 400, "bad_request");
    }
    ask_post(w, &r, "/v1/auth/login", NULL, STR("{}"));
    expect_reply("one too many", &r, 429, "rate_limited");
    expect_json(r.json, "error.retry_after_ms", "60000");
    expect_str("when", reply_field(&r, "Retry-After"), STR("60"));
    for (int i = 0; i < 4; i++)
        ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("a nonce", &r, 200, NULL);
    ask_get(w, &r, "/v1/auth/nonce", NULL);
    expect_reply("one too many", &r, 429, "rate_limited");
    api_world_pass(w, MINUTE_MS);
    ask_post(w, &r, "/v1/auth/login", NULL, STR("{}"));
    expect_reply("a minute later", &r, 400, "bad_request");
    reply_fini(&r);
}

static void a_page_may_ask_before_it_asks_at_any_rate(void **state)
{
    struct api_world *w = *state;
    struct reply r = {0};

    start_with_rates(w);
    for (int i = 0; i < 9; i++) {
        ask(w, &r, &(struct request){.method = "OPTIONS", .path = "/v1/auth/login"});
        expect_int("preflight", r.status, 204);
    }
    reply_fini(&r);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_nonce_says_for_where_and_how_long),
        TEST(a_page_of_one_of_our_sites_gets_a_nonce_for_it),
        TEST(a_page_of_the_server_itself_gets_a_nonce_for_its_host),
        TEST(without_a_site_nobody_signs_in),
        TEST(whoever_signs_is_let_in),
        TEST(what_a_message_may_say_besides),
        TEST(each_refusal_has_its_code),
        TEST(why_a_message_is_none_is_said_to_its_developer),
        TEST(a_nonce_is_good_once_and_for_five_minutes),
        TEST(a_message_may_be_as_old_as_a_long_nonce),
        TEST(a_nonce_is_not_used_up_by_who_can_not_sign),
        TEST(a_signature_has_one_form),
        TEST(a_signature_has_so_many_bytes),
        TEST(a_wallet_of_solana_is_let_in),
        TEST(too_many_signatures_at_once_are_busy),
        TEST(a_store_out_of_reach_is_said),
        TEST(a_body_is_an_object),
        TEST(a_body_has_64_kib_at_most),
        TEST(a_path_takes_one_method),
        TEST(a_refused_page_can_read_why),
        TEST(the_key_is_published),
        TEST(who_is_gone_is_not_answered),
        TEST(an_address_has_its_rates),
        TEST(a_page_may_ask_before_it_asks_at_any_rate),
    };
    return cmocka_run_group_tests_name("api_sign_in", tests, NULL, NULL);
}
