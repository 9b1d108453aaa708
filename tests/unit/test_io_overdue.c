#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/overdue.h"
#include "support/t.h"

/** A server that says nothing, and a connection to it. */
struct silent {
    int listener;
    int fd;
    uint16_t port;
};

static struct silent silent_open(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(at);
    struct silent s = {.listener = socket(AF_INET, SOCK_STREAM, 0),
                       .fd = socket(AF_INET, SOCK_STREAM, 0)};

    assert_int_equal(bind(s.listener, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(s.listener, 1), 0);
    assert_int_equal(getsockname(s.listener, (struct sockaddr *)&at, &size), 0);
    assert_int_equal(connect(s.fd, (struct sockaddr *)&at, sizeof(at)), 0);
    s.port = ntohs(at.sin_port);
    return s;
}

static void silent_close(const struct silent *s)
{
    close(s->fd);
    close(s->listener);
}

static void who_is_late_sees_an_end_and_nobody_else_does(void **state)
{
    const struct silent late = silent_open();
    const struct silent other = silent_open();
    struct overdue *o = NULL;
    char byte;

    (void)state;
    assert_int_equal(overdue_begin(&o, "localhost", late.port, 20), 0);
    assert_int_equal(read(late.fd, &byte, 1), 0); // it would wait for ever
    assert_true(overdue_end(o));
    assert_int_equal(recv(other.fd, &byte, 1, MSG_DONTWAIT), -1);
    silent_close(&late);
    silent_close(&other);
}

static void who_is_in_time_is_left_alone(void **state)
{
    const struct silent s = silent_open();
    struct overdue *o = NULL;
    char byte;

    (void)state;
    assert_int_equal(overdue_begin(&o, "127.0.0.1", s.port, 60000), 0);
    assert_false(overdue_end(o));
    assert_int_equal(recv(s.fd, &byte, 1, MSG_DONTWAIT), -1);
    silent_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(who_is_late_sees_an_end_and_nobody_else_does),
        cmocka_unit_test(who_is_in_time_is_left_alone),
    };
    return cmocka_run_group_tests_name("io_overdue", tests, NULL, NULL);
}
