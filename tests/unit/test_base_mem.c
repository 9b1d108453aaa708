#include <pthread.h>
#include <stdio.h>

#include "base/mem.h"
#include "support/aborts.h"

#define LINE                                                                                   \
    "level=fatal layer=base event=base_no_memory bytes=%zu ends=\"the process: memory ran "    \
    "out;"

static void fail_of(void *arg)
{
    mem_fail(*(size_t *)arg);
}

static void expect_line(const char *said, size_t bytes)
{
    char want[sizeof(LINE) + 20];

    snprintf(want, sizeof(want), LINE, bytes);
    assert_non_null(strstr(said, want));
    assert_ptr_equal(strchr(said, '\n'), said + strlen(said) - 1); // it is one line
}

static void without_memory_it_says_so_in_one_line_and_aborts(void **state)
{
    static const size_t sizes[] = {0, 1, 4096, SIZE_MAX};
    char said[2048];

    (void)state;
    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        size_t size = sizes[i];
        assert_true(aborts(fail_of, &size, said, sizeof(said)));
        expect_line(said, size);
    }
}

static void *fail_too(void *arg)
{
    fail_of(arg);
    return NULL;
}

static void fail_in_threads(void *arg)
{
    pthread_t threads[8];

    for (size_t i = 0; i < COUNT_OF(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fail_too, arg), 0);
    for (size_t i = 0; i < COUNT_OF(threads); i++)
        pthread_join(threads[i], NULL);
}

static void several_threads_without_memory_say_it_once(void **state)
{
    size_t size = 7;
    char said[2048];

    (void)state;
    assert_true(aborts(fail_in_threads, &size, said, sizeof(said)));
    expect_line(said, size);
}

static void nothing_is_no_failure(void **state)
{
    (void)state;
    free(mem_malloc(0));
    free(mem_calloc(0, 8));
    free(mem_calloc(8, 0));
    free(mem_realloc(mem_malloc(8), 0)); // NULL: it was freed
}

static void a_library_gets_what_libc_would_give_it(void **state)
{
    (void)state;
    char *zeroes = mem_calloc(4, 2);
    assert_memory_equal(zeroes, "\0\0\0\0\0\0\0", 8);
    char *grown = mem_realloc(zeroes, 16);
    assert_memory_equal(grown, "\0\0\0\0\0\0\0", 8);
    free(grown);
    char *copy = mem_strdup("text");
    assert_string_equal(copy, "text");
    free(copy);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_memory_it_says_so_in_one_line_and_aborts),
        cmocka_unit_test(several_threads_without_memory_say_it_once),
        cmocka_unit_test(nothing_is_no_failure),
        cmocka_unit_test(a_library_gets_what_libc_would_give_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
