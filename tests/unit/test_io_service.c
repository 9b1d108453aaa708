#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/service.h"
#include "support/manager.h"

/** What a server may be given, and is not. @return owned */
static int tcp_socket(int family, bool listens)
{
    const int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    if (listens)
        assert_int_equal(listen(fd, 1), 0); // where the kernel likes
    return fd;
}

static const char *own_pid(void)
{
    static char text[16];

    (void)snprintf(text, sizeof(text), "%d", (int)getpid());
    return text;
}

static bool is_closed_on_exec(int fd)
{
    return fcntl(fd, F_GETFD) == FD_CLOEXEC;
}

static void takes_a_socket_that_listens(void **state)
{
    const int fd = tcp_socket(AF_INET, true);
    const struct service_env env = {.listen_pid = own_pid(), .listen_fds = "1"};
    struct service s;
    struct sockaddr_in at = {0};
    socklen_t size = sizeof(at);

    (void)state;
    assert_int_equal(fcntl(fd, F_SETFD, 0), 0); // as it comes
    assert_int_equal(service_read(&s, &env, fd), 0);
    assert_int_equal(s.fd, fd);
    assert_true(is_closed_on_exec(fd));
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    assert_string_equal(s.addr.host, "0.0.0.0");
    assert_int_equal(s.addr.port, ntohs(at.sin_port));
    assert_string_equal(s.notify, "");
    assert_int_equal(s.watchdog_ms, 0);
    service_fini(&s);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    service_fini(&s); // harmless
}

static void takes_none_where_there_is_none(void **state)
{
    static const struct service_env rows[] = {
        {0},
        {.listen_fds = "1"},
        {.listen_pid = "1", .listen_fds = "1"}, // another process is meant
        {.listen_pid = "", .listen_fds = "1"},
        {.listen_pid = "x", .listen_fds = "1"},
    };
    struct service s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(service_read(&s, &rows[i], 99), 0);
        assert_int_equal(s.fd, -1);
    }
    const struct service_env none = {.listen_pid = own_pid(), .listen_fds = "0"};
    assert_int_equal(service_read(&s, &none, 99), 0);
    assert_int_equal(s.fd, -1);
}

static void refuses_what_it_can_not_listen_at(void **state)
{
    struct service s;
    const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int local = tcp_socket(AF_UNIX, false);
    const int deaf = tcp_socket(AF_INET, false);
    const int good = tcp_socket(AF_INET, true);
    const struct {
        const char *name;
        const char *fds;
        int first;
    } rows[] = {
        {"several", "2", good},        {"no number", "x", good},
        {"nothing", "", good},         {"UDP", "1", udp},
        {"a UNIX socket", "1", local}, {"one that does not listen", "1", deaf},
        {"no descriptor", "1", 999},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct service_env env = {.listen_pid = own_pid(), .listen_fds = rows[i].fds};
        expect_int(rows[i].name, service_read(&s, &env, rows[i].first), -EINVAL);
        expect_int(rows[i].name, s.fd, -1);
    }
    const int all[] = {udp, local, deaf, good};
    for (size_t i = 0; i < COUNT_OF(all); i++)
        close(all[i]);
}

static void knows_how_often_to_say_that_it_lives(void **state)
{
    static const struct {
        const char *name;
        struct service_env env;
        int64_t want_ms;
    } rows[] = {
        {"every 30 s", {.notify_socket = "@x", .watchdog_usec = "30000000"}, 30000},
        {"for another",
         {.notify_socket = "@x", .watchdog_usec = "30000000", .watchdog_pid = "1"},
         0},
        {"nowhere to say it", {.watchdog_usec = "30000000"}, 0},
        {"no number", {.notify_socket = "@x", .watchdog_usec = "often"}, 0},
        {"not at all", {.notify_socket = "@x"}, 0},
    };
    struct service s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(service_read(&s, &rows[i].env, 99), 0);
        expect_int(rows[i].name, s.watchdog_ms, rows[i].want_ms);
    }
    const struct service_env ours = {
        .notify_socket = "@x", .watchdog_usec = "2000000", .watchdog_pid = own_pid()};
    assert_int_equal(service_read(&s, &ours, 99), 0);
    assert_int_equal(s.watchdog_ms, 2000);
}

static void tells_who_wants_to_know(void **state)
{
    struct manager m;
    struct service s;

    (void)state;
    manager_open(&m);
    const struct service_env env = {.notify_socket = m.path};
    assert_int_equal(service_read(&s, &env, 99), 0);
    service_tell(&s, "READY=1");
    service_tell(&s, "STOPPING=1");
    assert_string_equal(manager_hears(&m), "READY=1");
    assert_string_equal(manager_hears(&m), "STOPPING=1");
    assert_string_equal(manager_hears(&m), "");
    manager_close(&m);
}

static unsigned n_logged;

static void count_line(void *arg, str line)
{
    (void)arg;
    (void)line;
    n_logged++;
}

/** Not worth more than a line: it serves all the same. */
static void goes_on_where_nobody_hears(void **state)
{
    static const char *const paths[] = {"@nobody", "/nowhere/at/all", "relative", "/", NULL};
    static const unsigned n_lines[] = {1, 1, 0, 0, 0};
    struct service s;
    char longest[2 * SERVICE_PATH_SIZE];

    (void)state;
    log_set_sink(count_line, NULL);
    for (size_t i = 0; i < COUNT_OF(paths); i++) {
        const struct service_env env = {.notify_socket = paths[i]};
        n_logged = 0;
        assert_int_equal(service_read(&s, &env, 99), 0);
        service_tell(&s, "READY=1");
        expect_int(paths[i] ? paths[i] : "none", n_logged, n_lines[i]);
    }
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[SERVICE_PATH_SIZE] = '\0';
    assert_int_equal(service_read(&s, &(struct service_env){.notify_socket = longest}, 99), 0);
    assert_string_equal(s.notify, ""); // it would be another one
    longest[SERVICE_PATH_SIZE - 1] = '\0';
    assert_int_equal(service_read(&s, &(struct service_env){.notify_socket = longest}, 99), 0);
    assert_string_equal(s.notify, longest);
    service_tell(&s, "READY=1"); // all of it is the name
    log_set_sink(NULL, NULL);
}

/** Who serves others meanwhile is not held up for long. */
static void does_not_wait_for_who_does_not_listen(void **state)
{
    struct manager m;
    struct service s;
    int64_t took_ns = 0;

    (void)state;
    manager_open(&m);
    log_set_sink(count_line, NULL);
    n_logged = 0;
    assert_int_equal(service_read(&s, &(struct service_env){.notify_socket = m.path}, 99), 0);
    for (int i = 0; i < 100000 && n_logged == 0; i++) { // until its queue is full
        const int64_t from_ns = loop_now_ns();
        service_tell(&s, "WATCHDOG=1");
        took_ns = loop_now_ns() - from_ns;
    }
    assert_int_equal(n_logged, 1);
    assert_in_range(took_ns / 1000000, 900, 5000); // a second
    log_set_sink(NULL, NULL);
    manager_close(&m);
}

// NOLINTBEGIN(concurrency-mt-unsafe): one thread
/** Children of ours are not meant. */
static void leaves_nothing_in_the_environment(void **state)
{
    static const char *const names[] = {"LISTEN_PID",    "LISTEN_FDS",   "LISTEN_FDNAMES",
                                        "NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"};
    struct service s;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_int_equal(setenv(names[i], "1", 1), 0);
    assert_int_equal(service_take(&s), 0); // process 1 is another one
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_null(getenv(names[i]));
    assert_int_equal(s.fd, -1);
}
// NOLINTEND(concurrency-mt-unsafe)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(takes_a_socket_that_listens),
        cmocka_unit_test(takes_none_where_there_is_none),
        cmocka_unit_test(refuses_what_it_can_not_listen_at),
        cmocka_unit_test(knows_how_often_to_say_that_it_lives),
        cmocka_unit_test(tells_who_wants_to_know),
        cmocka_unit_test(goes_on_where_nobody_hears),
        cmocka_unit_test(does_not_wait_for_who_does_not_listen),
        cmocka_unit_test(leaves_nothing_in_the_environment),
    };
    return cmocka_run_group_tests_name("io/service", tests, NULL, NULL);
}
