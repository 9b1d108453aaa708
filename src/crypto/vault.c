#include "crypto/vault.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "crypto/secret.h"

#define GRAIN 16 // bytes; sizes are multiples of it

/** Blocks stand one behind the other, up to the end. */
struct block {
    size_t size; // of what follows
    size_t is_taken;
};

static_assert(sizeof(struct block) == GRAIN, "what follows is aligned as malloc() aligns");

// There is one for the process: OpenSSL's hooks have no argument.
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char *vault; // NULL: not opened
static _Thread_local unsigned n_entered;

static struct block *block_at(size_t offset)
{
    return (struct block *)(void *)(vault + offset);
}

static struct block *block_of(const void *p)
{
    return block_at((size_t)((const char *)p - vault) - sizeof(struct block));
}

/** Past the sanitizers, with which mlock() does nothing. */
static int lock_pages(void *p, size_t size)
{
    return syscall(SYS_mlock, p, size) < 0 ? -errno : 0;
}

/** @return 0 or -errno */
static int lock(void *p, size_t size)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_MEMLOCK, &limit);
    }
    return lock_pages(p, size);
}

void vault_open(void)
{
    if (vault)
        return;
    char *p =
        mmap(NULL, VAULT_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED)
        mem_fail(VAULT_SIZE);
    (void)madvise(p, VAULT_SIZE, MADV_DONTDUMP);
    const int r = lock(p, VAULT_SIZE);
    if (r < 0) {
        log_warn(NULL, "crypto_not_locked",
                 "errno=%d bytes=%d then=\"keys may be swapped to a disk\" "
                 "fix=\"LimitMEMLOCK=8M, ulimit -l 8192\"",
                 -r, VAULT_SIZE);
    }
    vault = p;
    *block_at(0) = (struct block){.size = VAULT_SIZE - sizeof(struct block)};
}

/** What is free behind it is its own. */
static void join_next(struct block *b, size_t offset)
{
    size_t next = offset + sizeof(*b) + b->size;

    while (next < VAULT_SIZE && !block_at(next)->is_taken) {
        b->size += sizeof(*b) + block_at(next)->size;
        next = offset + sizeof(*b) + b->size;
    }
}

static void split(struct block *b, size_t offset, size_t size)
{
    if (b->size < size + 2 * sizeof(*b))
        return;
    *block_at(offset + sizeof(*b) + size) = (struct block){.size = b->size - size - sizeof(*b)};
    b->size = size;
}

static void *find(size_t size)
{
    for (size_t offset = 0; offset < VAULT_SIZE;) {
        struct block *b = block_at(offset);
        if (!b->is_taken)
            join_next(b, offset);
        if (!b->is_taken && b->size >= size) {
            split(b, offset, size);
            b->is_taken = 1;
            return b + 1;
        }
        offset += sizeof(*b) + b->size;
    }
    return NULL;
}

void *vault_take(size_t size)
{
    void *p = NULL;

    if (!vault || size > VAULT_SIZE)
        return NULL;
    pthread_mutex_lock(&mutex);
    p = find((size + GRAIN - 1) / GRAIN * GRAIN);
    pthread_mutex_unlock(&mutex);
    return p;
}

void vault_give(void *p)
{
    struct block *b = block_of(p);

    crypto_wipe(p, b->size);
    pthread_mutex_lock(&mutex);
    b->is_taken = 0;
    pthread_mutex_unlock(&mutex);
}

bool vault_has(const void *p)
{
    const uintptr_t at = (uintptr_t)p;

    return vault && at >= (uintptr_t)vault && at < (uintptr_t)vault + VAULT_SIZE;
}

size_t vault_size_of(const void *p)
{
    return block_of(p)->size;
}

void *vault_alloc(size_t size)
{
    void *p = vault_take(size);

    if (!p)
        return mem_calloc(1, size);
    memset(p, 0, size);
    return p;
}

void vault_free(void *p, size_t size)
{
    if (!p)
        return;
    if (vault_has(p)) {
        vault_give(p);
        return;
    }
    crypto_wipe(p, size);
    free(p);
}

void vault_enter(void)
{
    n_entered++;
}

void vault_leave(void)
{
    assert(n_entered > 0);
    n_entered--;
}

bool vault_is_entered(void)
{
    return n_entered > 0;
}

/** The pages that it is in. What can't be locked vault_open() has said. */
void vault_lock(void *p, size_t size)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    const size_t before = (uintptr_t)p % page;

    (void)lock_pages((char *)p - before, before + size);
    (void)madvise((char *)p - before, before + size, MADV_DONTDUMP);
}
