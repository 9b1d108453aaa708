#include "server/demo.h"

#include <stdio.h>

#include "base/hex.h"
#include "crypto/secret.h"
#include "http/cors.h"

#define BODY_MAX 512 // bytes of a wallet as JSON, which has no texts but ours
#define HEX_SIZE ((size_t)2 * CRYPTO_WALLET_KEY_SIZE)

static const struct {
    str path; // behind the prefix, and of its page behind "#"
    const char *name;
} wallets[KEYS_DEMO_WALLETS] = {
    {{"alice", 5}, "Alice"},
    {{"bob", 3}, "Bob"},
};

/** @return which, or KEYS_DEMO_WALLETS: none */
static size_t find(str path)
{
    size_t i = 0;

    if (!str_starts(path, STR(DEMO_PREFIX)))
        return KEYS_DEMO_WALLETS;
    str_take(&path, sizeof(DEMO_PREFIX) - 1);
    while (i < KEYS_DEMO_WALLETS && !str_eq(path, wallets[i].path))
        i++;
    return i;
}

// Whose request it is. The client's address keeps off other machines. Of pages of somebody
// else's, on this one, each of the others keeps off those that it can tell: no single one has
// them all.

/** A page whose name has been made to lead here (DNS rebinding) still has its own name. */
static bool is_to_here(const struct http_head *head)
{
    return http_host_is_loopback(http_head_get(head, STR("Host")));
}

static bool is_of_our_page(const struct http_head *head)
{
    static const struct http_origins own = {.own = true};
    const str site = http_head_get(head, STR("Sec-Fetch-Site"));
    const bool is_same =
        !site.ptr || str_eq(site, STR("same-origin")) || str_eq(site, STR("none"));

    return is_same && http_cors_allows(&own, head);
}

/** By a proxy that we do not know: the client may be anywhere. */
static bool is_forwarded(const struct demo *d, const ip *peer, const struct http_head *head)
{
    return !http_proxies_trust(d->proxies, peer) &&
           (http_head_get(head, STR("X-Forwarded-For")).ptr ||
            http_head_get(head, STR("Forwarded")).ptr);
}

static bool is_let_in(const struct demo *d, struct http_request *rq,
                      const struct http_head *head)
{
    const ip peer = http_peer(rq);
    const ip client = http_proxies_client(d->proxies, peer, head);

    return ip_is_loopback(&client) && !is_forwarded(d, &peer, head) && is_to_here(head) &&
           is_of_our_page(head);
}

// Answers.

#define FIELDS                                                                                 \
    "Cache-Control: no-store\r\n"                                                              \
    "X-Content-Type-Options: nosniff\r\n"                                                      \
    "Cross-Origin-Resource-Policy: same-origin\r\n"

static void respond(struct http_request *rq, unsigned status, str type, str body)
{
    http_respond(
        rq, &(struct http_response){
                .status = status,
                .type = type,
                .headers = status == 405 ? STR(FIELDS "Allow: GET, HEAD\r\n") : STR(FIELDS),
                .body = body,
            });
}

static void refuse(struct http_request *rq, unsigned status, str why)
{
    respond(rq, status, STR("text/plain; charset=utf-8"), why);
}

static void add_wallet(struct buf *out, const struct demo *d, size_t i)
{
    const size_t peer = (i + 1) % KEYS_DEMO_WALLETS;
    const char *room = buf_room(out, BODY_MAX); // at once: no copy is left where it grew
    char key[HEX_SIZE + 1];

    *hex_encode(key, d->keys->keys[i], CRYPTO_WALLET_KEY_SIZE) = '\0';
    const int r =
        buf_addf(out,
                 "{\"name\":\"%s\",\"address\":\"%s\",\"key\":\"0x%s\","
                 "\"peer\":{\"name\":\"%s\",\"address\":\"%s\"}}",
                 wallets[i].name, d->addresses[i], key, wallets[peer].name, d->addresses[peer]);
    assert(room && r == 0);
    (void)room;
    (void)r;
    crypto_wipe(key, sizeof(key));
}

static void answer(const struct demo *d, struct http_request *rq, size_t i)
{
    struct buf body;

    buf_init(&body, BODY_MAX);
    add_wallet(&body, d, i);
    respond(rq, 200, STR("application/json"), buf_str(&body));
    secret_buf_fini(&body);
}

static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const size_t i = find(head->path);

    if (i == KEYS_DEMO_WALLETS) {
        refuse(rq, 404, STR("Not Found\n"));
    } else if (!is_let_in(arg, rq, head)) {
        refuse(rq, 403,
               STR("Only a page of this server gets these, in a browser on this machine: "
                   "open http://localhost and the port.\n"));
    } else if (head->method != HTTP_GET && head->method != HTTP_HEAD) {
        refuse(rq, 405, STR("Method Not Allowed\n"));
    } else {
        answer(arg, rq, i);
    }
}

const struct http_handler demo_http_handler = {.on_head = on_head};

/** The address of a key, with the checksum of EIP-55. */
static void print_address(char out[AUTH_ACCOUNT_TEXT_SIZE],
                          const uint8_t key[CRYPTO_WALLET_KEY_SIZE])
{
    account a = {.len = ACCOUNT_EVM_SIZE, .bytes = {ACCOUNT_EVM}};

    static_assert(ACCOUNT_EVM_SIZE - ACCOUNT_KEY_AT == CRYPTO_ADDRESS_SIZE, "");
    const int r = crypto_secp256k1_address(a.bytes + ACCOUNT_KEY_AT, key);
    assert(r == 0); // keys_demo() has none that are no keys
    (void)r;
    auth_account_text(out, &a);
}

void demo_init(struct demo *d, const struct keys_demo *keys, const struct http_proxies *proxies)
{
    *d = (struct demo){.keys = keys, .proxies = proxies};
    for (size_t i = 0; i < KEYS_DEMO_WALLETS; i++)
        print_address(d->addresses[i], keys->keys[i]);
}

void demo_greet(const char *scheme, const struct addr *at)
{
    char text[ADDR_TEXT_SIZE];

    addr_text(text, at);
    printf("\nThe chat is ready. Open both of these, each is a throw-away wallet:\n\n");
    for (size_t i = 0; i < KEYS_DEMO_WALLETS; i++)
        printf("    %s://%s/#" STR_FMT "\n", scheme, text, STR_ARG(wallets[i].path));
    printf(
        "\nREADME.md says how the chat comes into a page of yours, docs/ says the rest.\n\n");
}
