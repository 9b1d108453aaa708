#include "support/t.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/log.h"
#include "crypto/ed25519.h"
#include "crypto/mem.h"
#include "crypto/random.h"
#include "crypto/secret.h"
#include "crypto/vault.h"
#include "support/last_line.h"

#define MARK "a secret that is long enough to be looked for"

/** Flags of the mapping that p is in, of /proc/self/smaps. */
static void flags_of(char *out, size_t size, const void *p)
{
    FILE *file = fopen("/proc/self/smaps", "re");
    char line[512];
    bool is_it = false;
    unsigned long from;
    unsigned long to;

    assert_non_null(file);
    out[0] = '\0';
    while (fgets(line, sizeof(line), file)) {
        // NOLINTNEXTLINE(cert-err34-c): the kernel wrote it
        if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
            is_it = (unsigned long)p >= from && (unsigned long)p < to;
        if (is_it && strncmp(line, "VmFlags:", 8) == 0)
            (void)snprintf(out, size, "%s", line + 8);
    }
    (void)fclose(file);
}

static void is_locked_and_in_no_core(void **state)
{
    char flags[512];
    void *p = vault_alloc(100);

    (void)state;
    assert_true(vault_has(p));
    flags_of(flags, sizeof(flags), p);
    assert_non_null(strstr(flags, " lo "));
    assert_non_null(strstr(flags, " dd "));
    vault_free(p, 100);
}

static void what_is_given_back_is_wiped(void **state)
{
    struct secret *s = secret_new(STR(MARK));
    const char *bytes = s->bytes;

    (void)state;
    assert_true(vault_has(s));
    assert_memory_equal(bytes, MARK, sizeof(MARK) - 1);
    secret_free(s);
    for (size_t i = 0; i < sizeof(MARK) - 1; i++) // still ours to read: the vault's
        assert_int_equal(bytes[i], 0);
}

static void blocks_are_joined_again(void **state)
{
    void *blocks[64];

    (void)state;
    for (size_t round = 0; round < 3; round++) {
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            blocks[i] = vault_take(1 + i * 37);
            assert_non_null(blocks[i]);
            assert_int_equal((uintptr_t)blocks[i] % 16, 0);
            memset(blocks[i], (int)i, 1 + i * 37);
        }
        for (size_t i = 0; i < COUNT_OF(blocks); i++) {
            const unsigned char *bytes = blocks[i];
            assert_int_equal(bytes[0], i);
            assert_int_equal(bytes[i * 37], i);
        }
        for (size_t i = 0; i < COUNT_OF(blocks); i += 2)
            vault_give(blocks[i]);
        for (size_t i = 1; i < COUNT_OF(blocks); i += 2)
            vault_give(blocks[i]);
    }
    void *most = vault_take(VAULT_SIZE / 2); // in one piece
    assert_non_null(most);
    vault_give(most);
}

static void where_it_is_full_the_heap_is_used(void **state)
{
    void *all[VAULT_SIZE / 65536];
    size_t n = 0;

    (void)state;
    for (; n < COUNT_OF(all) && (all[n] = vault_take(65536)); n++) {
    }
    assert_true(n > 0 && n < COUNT_OF(all)); // one that has just no room
    char *p = vault_alloc(65536);
    assert_false(vault_has(p));
    for (size_t i = 0; i < 65536; i++)
        assert_int_equal(p[i], 0);
    vault_free(p, 65536);
    while (n > 0)
        vault_give(all[--n]);
    assert_null(vault_take(VAULT_SIZE));
    assert_null(vault_take(SIZE_MAX));
}

/** OpenSSL's parts of a private key, too, and nothing else. */
static void keys_are_in_it(void **state)
{
    struct crypto_ed25519 key;
    struct crypto_ed25519 again;
    struct buf pem;

    (void)state;
    buf_init(&pem, CRYPTO_ED25519_PEM_SIZE);
    crypto_ed25519_init(&key, crypto_random());
    crypto_ed25519_print(&pem, &key);
    vault_enter();
    void *within = OPENSSL_malloc(10);
    within = OPENSSL_realloc(within, 1000);
    vault_leave();
    void *without = OPENSSL_malloc(10);
    assert_true(vault_has(within));
    assert_false(vault_has(without));
    within = OPENSSL_realloc(within, 2000); // where it was
    assert_true(vault_has(within));
    OPENSSL_free(within);
    OPENSSL_free(without);
    assert_int_equal(crypto_ed25519_parse(&again, buf_str(&pem)), 0);
    assert_memory_equal(&again, &key, sizeof(key));
    assert_false(vault_is_entered());
    secret_buf_fini(&pem);
}

static int open_with_little(void)
{
    static struct last_line said;
    const struct rlimit little = {4096, 4096};

    log_set_sink(last_line_keep, &said);
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0)
        return 1;
    if (setrlimit(RLIMIT_MEMLOCK, &little) != 0)
        return 2;
    vault_open();
    void *p = vault_alloc(100);
    if (!vault_has(p) || said.n != 1)
        return 3;
    return strstr(said.text, " level=warn layer=crypto event=crypto_not_locked errno=") ? 0 : 4;
}

static void what_can_not_be_locked_is_said(void **state)
{
    int status = 0;
    const pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(open_with_little());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static int open_it(void **state)
{
    (void)state;
    vault_open();
    vault_open(); // harmless
    return 0;
}

int main(void)
{
    crypto_mem_set();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_not_be_locked_is_said), // before it is open
        cmocka_unit_test_setup(is_locked_and_in_no_core, open_it),
        cmocka_unit_test(what_is_given_back_is_wiped),
        cmocka_unit_test(blocks_are_joined_again),
        cmocka_unit_test(where_it_is_full_the_heap_is_used),
        cmocka_unit_test(keys_are_in_it),
    };
    return cmocka_run_group_tests_name("crypto_vault", tests, NULL, NULL);
}
