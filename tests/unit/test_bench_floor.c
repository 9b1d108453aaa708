#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/floor.h"
#include "bench/floor_server.h"
#include "bench/frame.h"
#include "support/folder.h"
#include "support/said.h"
#include "support/t.h"

#define PATIENCE_S 20
#define SIZE       200

/** Of four sizes, as the length stands in one byte or in three. */
static const size_t contents[] = {FLOOR_NUMBER_SIZE, 125, 126, SIZE, 60000};

static int connect_to(const struct floor_server *s)
{
    const struct timeval patience = {.tv_sec = PATIENCE_S};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&s->address.addr, s->address.len), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    return fd;
}

static void send_all(int fd, str bytes)
{
    while (bytes.len > 0) {
        const ssize_t n = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        assert_true(n > 0);
        str_take(&bytes, (size_t)n);
    }
}

/** A whole frame. @return its content, in bytes */
static str receive(int fd, char *bytes, size_t size)
{
    struct frame f;
    size_t used = 0;
    size_t n = 0;
    int r = FRAME_MORE;

    for (; r == FRAME_MORE; r = frame_read(&f, &used, bytes, n)) {
        const ssize_t more = recv(fd, bytes + n, size - n, 0);
        assert_true(more > 0);
        n += (size_t)more;
    }
    assert_int_equal(r, 0);
    assert_int_equal(used, n); // nothing else comes
    assert_int_equal(f.opcode, FRAME_BINARY);
    return (str){f.payload, f.len};
}

/** @return owned: a content for that connection */
static char *content_for(uint32_t number, size_t n)
{
    char *content = mem_alloc(n);

    for (size_t i = 0; i < n; i++)
        content[i] = (char)('a' + i % 26);
    memcpy(content, &number, FLOOR_NUMBER_SIZE);
    return content;
}

static void expect_forwarded(const int fds[2], uint32_t to, str content)
{
    static char bytes[1 << 16];

    const str answer = receive(fds[!to], bytes, sizeof(bytes));
    expect_str("answer", answer, STR("ok"));
    const str came = receive(fds[to], bytes, sizeof(bytes));
    assert_true(str_eq(came, content));
}

/** From the other of the two, in pieces that are cut at `cut`. */
static void check_forward(const int fds[2], uint32_t to, size_t n, size_t cut)
{
    char *content = content_for(to, n);
    struct buf frame;

    buf_init(&frame, 1 << 20);
    frame_write(&frame, FRAME_BINARY, 0x01a2b3c4, (str){content, n});
    str bytes = buf_str(&frame);
    send_all(fds[!to], str_take(&bytes, cut));
    if (cut > 0)
        usleep(1000); // so that the server most often sees the pieces by themselves
    send_all(fds[!to], bytes);
    expect_forwarded(fds, to, (str){content, n});
    buf_fini(&frame);
    free(content);
}

/** The number-th: when its frame to itself has come, and the answer, the server knows it. */
static int connect_known(const struct floor_server *s, uint32_t number)
{
    char bytes[64];
    struct buf frame;
    const int fd = connect_to(s);

    buf_init(&frame, sizeof(bytes));
    frame_write(&frame, FRAME_BINARY, 7, (str){(const char *)&number, sizeof(number)});
    send_all(fd, buf_str(&frame));
    for (size_t n = 0; n < 2 + sizeof(number) + 2 + FLOOR_ANSWER_SIZE;) {
        const ssize_t more = recv(fd, bytes + n, sizeof(bytes) - n, 0);
        assert_true(more > 0);
        n += (size_t)more;
    }
    buf_fini(&frame);
    return fd;
}

static void a_frame_is_forwarded_and_answered(void **state)
{
    struct floor_server s;
    int fds[2];

    (void)state;
    assert_int_equal(floor_server_start(&s), 0);
    fds[0] = connect_known(&s, 0);
    fds[1] = connect_known(&s, 1);
    for (size_t k = 0; k < COUNT_OF(contents); k++) {
        check_forward(fds, 1, contents[k], 0);
        check_forward(fds, 0, contents[k], 0);
    }
    for (size_t cut = 1; cut < 14; cut++)
        check_forward(fds, 1, SIZE, cut);
    (void)close(fds[0]);
    (void)close(fds[1]);
    floor_server_stop(&s);
    assert_int_equal(kill(s.pid, 0), -1);
    assert_int_equal(errno, ESRCH);
}

static struct floor_config config_in(const char *folder)
{
    return (struct floor_config){
        .n_sessions = 4, .window = 2, .size = SIZE, .folder = str_of(folder), .seed = 1};
}

static void check_append(const struct floor_append *a, uint32_t n_group)
{
    assert_int_equal(a->n_group, n_group);
    assert_true(a->n > 0 && a->n % n_group == 0);
    assert_int_equal(a->sync_us.n, a->n / n_group);
    assert_true(a->took_us > 0 && a->cpu_us >= 0);
    assert_true(floor_append_per_s(a) > 0);
}

static void the_floor_is_measured_and_nothing_stays(void **state)
{
    struct floor *f = NEW(struct floor);
    struct folder folder;
    struct said said;

    (void)state;
    folder_make(&folder);
    const struct floor_config config = config_in(folder.path);
    said_start(&said);
    const int r = floor_measure(f, &config);
    said_stop(&said);
    assert_int_equal(r, 0);
    assert_true(f->n_forwarded > 0 && f->forward_us >= FLOOR_FORWARD_US);
    assert_true(floor_forward_per_s(f) > 0 && floor_server_cpu_us(f) >= 0);
    check_append(&f->appends[0], 1);
    check_append(&f->appends[1], 128);
    check_append(&f->appends[2], 1024);
    assert_int_equal(rmdir(folder.path), 0); // it is empty
    said_free(&said);
    free(f);
}

static void without_a_folder_there_is_no_floor(void **state)
{
    struct floor *f = NEW(struct floor);
    const struct floor_config config = config_in("/nowhere/at/all");
    struct said said;

    (void)state;
    said_start(&said);
    const int r = floor_append(f, &config);
    said_stop(&said);
    assert_int_equal(r, FLOOR_FAILED);
    expect_in("said", said.err, "no file in /nowhere/at/all to append to: No such file");
    said_free(&said);
    free(f);
}

static void figures_are_of_what_was_counted(void **state)
{
    const struct floor f = {
        .n_forwarded = 500, .forward_us = 250000, .server_cpu_us = 100, .own_cpu_us = 2000};
    const struct floor_append a = {.n_group = 5, .n = 30, .took_us = 2000000};
    const struct floor nothing = {0};

    (void)state;
    assert_true(floor_forward_per_s(&f) == 2000);
    assert_true(floor_server_cpu_us(&f) == 0.2);
    assert_true(floor_own_cpu_us(&f) == 4);
    assert_true(floor_append_per_s(&a) == 15);
    assert_true(floor_forward_per_s(&nothing) == 0 && floor_server_cpu_us(&nothing) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_is_forwarded_and_answered),
        cmocka_unit_test(the_floor_is_measured_and_nothing_stays),
        cmocka_unit_test(without_a_folder_there_is_no_floor),
        cmocka_unit_test(figures_are_of_what_was_counted),
    };
    return cmocka_run_group_tests_name("bench/floor", tests, NULL, NULL);
}
