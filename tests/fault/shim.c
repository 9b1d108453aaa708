/**
 * Preloaded into the server by tests/fault/shim.mjs: the n-th allocation fails, and clocks
 * are ahead or behind. Orders come, and counts go, through a file that both have mapped; it is
 * named by FAULT_SHIM. Allocations are counted in all threads, from main() on.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

// libc's headers name parameters as only libc may.
// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name)

#define CALLER_SIZE 64
#define NS          1000000000LL

/** shim.mjs knows where each is. */
struct orders {
    _Atomic uint64_t fail_at;    // 0: never, and nothing is counted
    _Atomic uint64_t n_asked;    // since it was armed
    _Atomic uint64_t has_failed; // once the caller is known
    _Atomic int64_t wall_ns;     // ahead
    _Atomic int64_t steady_ns;   // ahead; never less than before
    char caller[CALLER_SIZE];    // the object that was refused
};

static struct orders *_Atomic orders; // NULL until main()

// glibc's own, which it exports for such as us.
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,readability-identifier-naming)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,readability-identifier-naming)

static void note_caller(struct orders *o, const void *caller)
{
    Dl_info info = {0};
    const char *path = dladdr(caller, &info) && info.dli_fname ? info.dli_fname : "?";
    const char *slash = strrchr(path, '/');

    snprintf(o->caller, sizeof(o->caller), "%s", slash ? slash + 1 : path);
}

static bool fails(const void *caller)
{
    struct orders *o = atomic_load(&orders);

    if (!o)
        return false;
    const uint64_t at = atomic_load(&o->fail_at);
    if (at == 0 || atomic_fetch_add(&o->n_asked, 1) + 1 != at)
        return false;
    note_caller(o, caller);
    atomic_store(&o->has_failed, 1);
    errno = ENOMEM;
    return true;
}

#define FAILS() fails(__builtin_return_address(0))

void *malloc(size_t size)
{
    return FAILS() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    return FAILS() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    return FAILS() ? NULL : __libc_realloc(p, size);
}

void *reallocarray(void *p, size_t n, size_t size)
{
    size_t all = 0;

    if (__builtin_mul_overflow(n, size, &all)) {
        errno = ENOMEM;
        return NULL;
    }
    return FAILS() ? NULL : __libc_realloc(p, all);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return FAILS() ? NULL : __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    if (FAILS())
        return ENOMEM;
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : ENOMEM;
}

// Clocks.

static int64_t ahead_ns(clockid_t id)
{
    const struct orders *o = atomic_load(&orders);

    if (!o)
        return 0;
    switch (id) {
    case CLOCK_REALTIME:
    case CLOCK_REALTIME_COARSE: return atomic_load(&o->wall_ns);
    case CLOCK_MONOTONIC:
    case CLOCK_MONOTONIC_COARSE:
    case CLOCK_MONOTONIC_RAW:
    case CLOCK_BOOTTIME: return atomic_load(&o->steady_ns);
    default: return 0; // of a process or a thread
    }
}

typedef int clock_gettime_fn(clockid_t id, struct timespec *out);

static clock_gettime_fn *real_clock_gettime(void)
{
    static clock_gettime_fn *_Atomic real;
    clock_gettime_fn *fn = atomic_load(&real);

    if (!fn) {
        *(void **)&fn = dlsym(RTLD_NEXT, "clock_gettime");
        atomic_store(&real, fn);
    }
    return fn;
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    const int r = real_clock_gettime()(id, out);
    const int64_t ahead = ahead_ns(id);

    if (r != 0 || ahead == 0)
        return r;
    int64_t ns = out->tv_nsec + ahead % NS;
    out->tv_sec += ahead / NS + (ns < 0 ? -1 : ns / NS);
    ns = (ns % NS + NS) % NS;
    out->tv_nsec = ns;
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    if (out)
        *out = now.tv_sec;
    return now.tv_sec;
}

// From main() on.

static void map_orders(void)
{
    const char *path = getenv("FAULT_SHIM"); // NOLINT(concurrency-mt-unsafe): the first thread
    const int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *p = MAP_FAILED;

    if (fd >= 0) {
        p = mmap(NULL, sizeof(struct orders), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (p == MAP_FAILED) {
        perror("FAULT_SHIM");
        abort();
    }
    (void)real_clock_gettime(); // which may allocate
    atomic_store(&orders, p);
}

typedef int main_fn(int argc, char **argv, char **envp);
static main_fn *real_main;

static int begin(int argc, char **argv, char **envp)
{
    map_orders();
    return real_main(argc, argv, envp);
}

typedef int start_fn(main_fn *main, int argc, char **argv, void (*init)(void),
                     void (*fini)(void), void (*rtld_fini)(void), void *stack_end);
extern start_fn
    __libc_start_main; // NOLINT(bugprone-reserved-identifier,cert-dcl37-c,readability-identifier-naming)

int __libc_start_main(main_fn *main, int argc, char **argv, void (*init)(void),
                      void (*fini)(void), void (*rtld_fini)(void), void *stack_end)
{
    start_fn *real = NULL;

    real_main = main;
    *(void **)&real = dlsym(RTLD_NEXT, "__libc_start_main");
    return real(begin, argc, argv, init, fini, rtld_fini, stack_end);
}

// NOLINTEND(readability-inconsistent-declaration-parameter-name)
