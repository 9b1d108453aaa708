#include "server/own_keys.h"

#include "base/log.h"
#include "server/rotation.h"

static void use(struct own_keys *k)
{
    auth_set_own(k->config.auth, k->config.keyring);
    log_info(NULL, "server_keys", "kid=%s retired=%zu", k->config.keyring->signer.kid,
             k->config.keyring->n_retired);
}

static void on_look(struct timer *t)
{
    struct own_keys *k = container_of(t, struct own_keys, look);

    if (auth_keyring_forget(k->config.keyring, clock_unix_ms(k->config.clock)))
        use(k);
    timer_set(k->config.timers, &k->look, k->config.timers->now_ms + OWN_KEYS_LOOK_MS);
}

void own_keys_init(struct own_keys *k, const struct own_keys_config *config)
{
    *k = (struct own_keys){.config = *config};
    timer_init(&k->look, on_look);
    timer_set(config->timers, &k->look, config->timers->now_ms + OWN_KEYS_LOOK_MS);
}

void own_keys_fini(struct own_keys *k)
{
    timer_cancel(k->config.timers, &k->look);
}

int own_keys_load(struct own_keys *k)
{
    const struct own_keys_config *c = &k->config;
    struct auth_keyring found;

    if (rotation_load(&found, c->dir, clock_unix_ms(c->clock), c->rand) != 0) {
        log_error(NULL, "server_keys_kept", "kid=%s retired=%zu", c->keyring->signer.kid,
                  c->keyring->n_retired);
        return OWN_KEYS_KEPT;
    }
    auth_keyring_move(c->keyring, &found);
    use(k);
    return 0;
}
