#include "auth/sign_in.h"

#include "auth/account.h"
#include "auth/why.h"
#include "base/base58.h"
#include "base/hex.h"
#include "base/mem.h"

#define CHAIN_MAX             ((UINT64_C(1) << 53) - 1)
#define SOLANA_SIGNATURE_SIZE 64

struct auth_sign_in {
    struct auth_sign_in_config config;
    size_t n_under_way;
};

/** A login whose signature is being checked, or whose session begins. */
struct login {
    struct auth_sign_in *sign_in;
    auth_login_fn *done;
    void *arg;
    struct auth_session_proof proof;  // for its contract; chain is 0: there is none to ask
    struct auth_sessions_begin begin; // its nonce is nonce
    char nonce[AUTH_NONCE_MAX];
    char signature[]; // if there is a contract to ask
};

struct auth_sign_in *auth_sign_in_new(const struct auth_sign_in_config *config)
{
    struct auth_sign_in *s = NEW(struct auth_sign_in);

    assert(config->n_chains > 0 && config->n_chains <= AUTH_CHAINS_MAX);
    s->config = *config;
    return s;
}

void auth_sign_in_free(struct auth_sign_in *s)
{
    assert(!s || auth_sign_in_is_idle(s));
    free(s);
}

bool auth_sign_in_is_idle(const struct auth_sign_in *s)
{
    return s->n_under_way == 0;
}

// The nonce.

int auth_sign_in_challenge(const struct auth_sign_in *s, str origin, bool is_contract,
                           struct auth_challenge *out)
{
    const struct auth_sign_in_config *c = &s->config;
    const char *first = auth_domains_first(c->domains);

    if (!first)
        return AUTH_CHALLENGE_NO_DOMAIN;
    *out = (struct auth_challenge){.n_chains = c->n_chains, .chains = c->chains};
    // By which scheme it will say itself: a message without one is fine for both.
    if (auth_domains_find(c->domains, origin, (str){0}, out->domain) != 0)
        out->domain[str_copy(out->domain, str_of(first)).len] = '\0';
    const int64_t now_ms = clock_unix_ms(c->clock);
    const struct auth_nonce nonce = auth_nonce_new(out->nonce, c->nonce_key, c->rand,
                                                   str_of(out->domain), now_ms, is_contract);
    out->issued_at_ms = now_ms;
    out->expires_at_ms = nonce.expires_at_ms;
    return 0;
}

// What a message says, in the order of EIP-4361's checks: from cheap to dear.

/** @param chain  0 of a wallet of Solana */
static int check_chain(const struct auth_sign_in *s, const struct auth_message *m,
                       uint64_t *chain, const char **why)
{
    *chain = 0;
    if (m->kind == AUTH_MESSAGE_SOLANA) {
        return s->config.solana ? 0
                                : auth_refuse(AUTH_LOGIN_CHAIN,
                                              "wallets of Solana do not sign in here", why);
    }
    if (m->chain_id.ptr[0] == '0' || str_to_u64(m->chain_id, CHAIN_MAX, chain) != 0)
        return auth_refuse(AUTH_LOGIN_CHAIN, "Chain ID is no chain's", why);
    for (size_t i = 0; i < s->config.n_chains; i++) {
        if (s->config.chains[i] == *chain)
            return 0;
    }
    return auth_refuse(AUTH_LOGIN_CHAIN, "Chain ID is not one of those that sign in here", why);
}

static int check_times(const struct auth_message *m, const struct auth_nonce *nonce,
                       int64_t now_ms, const char **why)
{
    const int64_t life_ms = nonce->expires_at_ms - nonce->made_at_ms;
    const int64_t age_ms = life_ms > AUTH_MESSAGE_AGE_MS ? life_ms : AUTH_MESSAGE_AGE_MS;

    if (m->issued_at_ms > now_ms + AUTH_MESSAGE_SKEW_MS)
        return auth_refuse(AUTH_LOGIN_NOT_YET, "Issued At is yet to come", why);
    if (m->issued_at_ms < now_ms - age_ms)
        return auth_refuse(AUTH_LOGIN_EXPIRED, "Issued At is too long ago", why);
    if (m->expires_at_ms <= now_ms)
        return auth_refuse(AUTH_LOGIN_EXPIRED, "Expiration Time has passed", why);
    if (m->not_before_ms > now_ms + AUTH_MESSAGE_SKEW_MS)
        return auth_refuse(AUTH_LOGIN_NOT_YET, "Not Before is yet to come", why);
    return 0;
}

/** The host of an authority, which may have a user and a port. */
static bool is_host_of(str host, str domain)
{
    if (host.len == 0 || domain.len < host.len ||
        !str_eq_nocase((str){domain.ptr, host.len}, host))
        return false;
    return domain.len == host.len || domain.ptr[host.len] == ':';
}

static int check_message(const struct auth_sign_in *s, const struct auth_message *m,
                         struct auth_nonce *nonce, uint64_t *chain, const char **why)
{
    const struct auth_sign_in_config *c = &s->config;
    const int64_t now_ms = clock_unix_ms(c->clock);
    char domain[AUTH_DOMAIN_SIZE];

    if (auth_domains_find(c->domains, m->domain, m->scheme, domain) != 0) {
        return auth_refuse(AUTH_LOGIN_DOMAIN,
                           "its domain, with its port and scheme, is none of ours", why);
    }
    if (!is_host_of(m->uri_host, m->domain))
        return auth_refuse(AUTH_LOGIN_URI, "the host of URI is not that of the domain", why);
    int r = check_chain(s, m, chain, why);
    if (r != 0)
        return r;
    switch (auth_nonce_check(nonce, c->nonce_key, m->nonce, str_of(domain), now_ms)) {
    case 0: break;
    case AUTH_NONCE_OVER: return auth_refuse(AUTH_LOGIN_NONCE, "the nonce has expired", why);
    default:
        return auth_refuse(AUTH_LOGIN_NONCE, "the nonce was not made here, for this domain",
                           why);
    }
    r = check_times(m, nonce, now_ms, why);
    if (r == 0 && auth_account_is_zero(&m->account))
        return auth_refuse(AUTH_LOGIN_ADDRESS, "the address of zeroes is nobody's", why);
    return r;
}

static int parse(struct auth_message *out, str text, const char **why)
{
    switch (auth_message_parse(out, text, why)) {
    case 0: return 0;
    case AUTH_MESSAGE_ADDRESS: return AUTH_LOGIN_ADDRESS;
    default: return AUTH_LOGIN_MALFORMED;
    }
}

// The signature.

/** @param out  room for AUTH_SIGNATURE_MAX */
static int decode_hex(char *out, str text, str *bytes)
{
    if (!str_starts(text, STR("0x")) || text.len > 2 + 2 * (size_t)AUTH_SIGNATURE_MAX)
        return AUTH_LOGIN_NO_SIGNATURE;
    str_take(&text, 2);
    if (hex_decode((uint8_t *)out, text) != 0)
        return AUTH_LOGIN_NO_SIGNATURE;
    *bytes = (str){out, text.len / 2};
    return 0;
}

static int decode_signature(char out[AUTH_SIGNATURE_MAX], enum auth_message_kind kind, str text,
                            str *bytes, const char **why)
{
    static const char of_ethereum[] = "signature is not 0x and hex digits, two a byte";
    static const char of_solana[] = "signature is not base58 of 64 bytes";

    *bytes = (str){out, SOLANA_SIGNATURE_SIZE};
    if (kind == AUTH_MESSAGE_SOLANA) {
        return base58_decode((uint8_t *)out, SOLANA_SIGNATURE_SIZE, text) == 0
                   ? 0
                   : auth_refuse(AUTH_LOGIN_NO_SIGNATURE, of_solana, why);
    }
    return decode_hex(out, text, bytes) == 0
               ? 0
               : auth_refuse(AUTH_LOGIN_NO_SIGNATURE, of_ethereum, why);
}

// The login.

static void end(struct login *l, int r, const struct auth_grant *grant)
{
    l->sign_in->n_under_way--;
    l->done(l->arg, r, grant);
    free(l);
}

static void on_begun(void *arg, int r, const struct auth_grant *grant)
{
    const int refusal =
        r == AUTH_SESSIONS_NONCE_USED ? AUTH_LOGIN_NONCE : AUTH_LOGIN_UNAVAILABLE;

    end(arg, r == 0 ? 0 : refusal, grant);
}

/** Of wallets that have shown that they are: of others nobody could hold one off. */
static void begin(struct login *l)
{
    if (auth_sessions_begin(l->sign_in->config.sessions, &l->begin, on_begun, l) != 0)
        end(l, AUTH_LOGIN_LIMITED, NULL);
}

/** It is not the wallet of a key: that would be the same on all chains. */
static void begin_contract(struct login *l)
{
    const uint64_t home = l->sign_in->config.chains[0];

    l->begin.proof = l->proof;
    if (l->proof.chain != home)
        l->begin.account = auth_account_on(&l->begin.account, l->proof.chain);
    begin(l);
}

static void on_contract(void *arg, int r)
{
    struct login *l = arg;

    switch (r) {
    case 0: begin_contract(l); break;
    case AUTH_CONTRACT_WRONG: end(l, AUTH_LOGIN_SIGNATURE, NULL); break;
    case AUTH_CONTRACT_BUSY: end(l, AUTH_LOGIN_BUSY, NULL); break;
    default: end(l, AUTH_LOGIN_UNCHECKED, NULL); break;
    }
}

static void ask_contract(struct login *l)
{
    const str key = account_key(&l->begin.account);

    auth_contracts_check(l->sign_in->config.contracts,
                         &(struct auth_contract_proof){
                             .chain = l->proof.chain,
                             .address = (const uint8_t *)key.ptr,
                             .digest = l->proof.digest,
                             .signature = l->proof.signature,
                         },
                         on_contract, l);
}

static void on_proof(void *arg, int r)
{
    struct login *l = arg;

    if (r == 0) {
        begin(l);
    } else if (r != AUTH_PROOF_WRONG) {
        end(l, AUTH_LOGIN_BUSY, NULL);
    } else if (l->proof.chain == 0) {
        end(l, AUTH_LOGIN_SIGNATURE, NULL);
    } else {
        ask_contract(l);
    }
}

static bool has_contracts(const struct auth_sign_in *s, uint64_t chain)
{
    return chain > 0 && s->config.contracts && auth_contracts_has(s->config.contracts, chain);
}

static void keep_for_contract(struct login *l, uint64_t chain, const struct auth_proof *proof)
{
    l->proof.chain = chain;
    l->proof.signature = str_copy(l->signature, proof->signature);
    auth_proof_digest(l->proof.digest, proof->message);
}

static struct login *login_new(struct auth_sign_in *s, const struct auth_message *m,
                               const struct auth_nonce *nonce, size_t n_signature)
{
    struct login *l = mem_alloc(sizeof(*l) + n_signature);

    *l = (struct login){.sign_in = s};
    l->begin = (struct auth_sessions_begin){
        .account = m->account,
        .nonce = str_copy(l->nonce, m->nonce),
        .nonce_until_ms = nonce->expires_at_ms,
        .expires_at_ms = m->expires_at_ms,
    };
    s->n_under_way++;
    return l;
}

int auth_sign_in_login(struct auth_sign_in *s, str message, str signature, auth_login_fn *done,
                       void *arg, const char **why)
{
    char bytes[AUTH_SIGNATURE_MAX];
    struct auth_message m;
    struct auth_nonce nonce;
    struct auth_proof proof = {.message = message};
    uint64_t chain = 0;

    int r = parse(&m, message, why);
    if (r == 0)
        r = check_message(s, &m, &nonce, &chain, why);
    if (r == 0)
        r = decode_signature(bytes, m.kind, signature, &proof.signature, why);
    if (r != 0)
        return r;
    const bool has_contract = has_contracts(s, chain);
    struct login *l = login_new(s, &m, &nonce, has_contract ? proof.signature.len : 0);
    l->done = done;
    l->arg = arg;
    if (has_contract)
        keep_for_contract(l, chain, &proof);
    proof.account = m.account;
    auth_prover_check(s->config.prover, &proof, on_proof, l);
    return 0;
}
