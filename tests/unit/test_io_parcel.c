#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/tcp.h"
#include "support/t.h"

#define MAX_QUEUED 65536
#define STEPS_MAX  2000

/** A connection that moves from one loop to another, and its client. */
struct world {
    struct loop *first;
    struct loop *second;
    struct listener *listener; // on the first
    struct tcp_limit limit;
    struct ips per_ip;     // one
    struct stream *stream; // the last that was accepted
    unsigned n_accepted;
    int client;
    char got[64]; // by the owner
    size_t n_got;
};

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct world *w = owner;

    assert_true(w->n_got + n <= sizeof(w->got));
    str_copy(w->got + w->n_got, (str){bytes, n});
    w->n_got += n;
}

static void on_end(void *owner, enum stream_end end)
{
    (void)owner, (void)end;
    fail_msg("the connection is over");
}

static const struct stream_events events = {.on_bytes = on_bytes, .on_end = on_end};

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;

    w->stream = s;
    w->n_accepted++;
    stream_set_owner(s, &events, w);
}

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static int dial(const struct world *w)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(listener_addr(w->listener).port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    return fd;
}

static int setup(void **state)
{
    static struct rand chance = {.bytes = no_chance};
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    ips_init(&w->per_ip, 1, &chance);
    w->limit.per_ip = &w->per_ip;
    const struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                                   .max_queued = MAX_QUEUED,
                                   .limit = &w->limit,
                                   .on_accept = on_accept,
                                   .arg = w};

    assert_int_equal(loop_new(&w->first), 0);
    assert_int_equal(loop_new(&w->second), 0);
    assert_int_equal(tcp_listen(&w->listener, w->first, &how), 0);
    w->client = dial(w);
    for (int i = 0; !w->stream && i < STEPS_MAX; i++)
        loop_run_once(w->first);
    assert_non_null(w->stream);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    listener_close(w->listener);
    close(w->client);
    for (int i = 0; w->first->n_streams + w->second->n_streams > 0 && i < STEPS_MAX; i++) {
        loop_run_once(w->first);
        loop_run_once(w->second);
    }
    loop_free(w->first);
    loop_free(w->second);
    expect_int("places taken", atomic_load(&w->limit.n), 0);
    ips_fini(&w->per_ip); // none is taken there either
    free(w);
    return 0;
}

static void step_until_got(struct world *w, struct loop *l, size_t n)
{
    for (int i = 0; w->n_got < n && i < STEPS_MAX; i++) {
        loop_run_once(l);
        usleep(100);
    }
    expect_int("bytes from the client", w->n_got, n);
}

static void receive(struct world *w, struct loop *l, str want)
{
    char got[64];
    size_t n = 0;

    for (int i = 0; n < want.len && i < STEPS_MAX; i++) {
        loop_run_once(l);
        const ssize_t r = recv(w->client, got + n, sizeof(got) - n, MSG_DONTWAIT);
        n += r > 0 ? (size_t)r : 0;
        if (r <= 0)
            usleep(100);
    }
    expect_str("the client got", ((str){got, n}), want);
}

static void a_connection_moves_with_what_is_unsent_and_unread(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    assert_int_equal(send(w->client, "early", 5, 0), 5);
    step_until_got(w, w->first, 5);
    assert_int_equal(stream_write(w->stream, STR("before,")), 0);
    assert_int_equal(stream_detach(w->stream, STR("rly"), &parcel), 0);
    assert_int_equal(send(w->client, "late", 4, 0), 4);
    for (int i = 0; w->first->n_streams > 0 && i < STEPS_MAX; i++)
        loop_run_once(w->first);
    expect_int("the first loop has let go", w->first->n_streams, 0);
    expect_int("nothing was read in between", w->n_got, 5);

    expect_str("unread", buf_str(&parcel.unread), STR("rly"));
    buf_fini(&parcel.unread);
    assert_int_equal(tcp_attach(&w->stream, w->second, &parcel), 0);
    stream_set_owner(w->stream, &events, w);
    assert_int_equal(stream_write(w->stream, STR("after")), 0);
    stream_set_reading(w->stream, true);
    receive(w, w->second, STR("before,after"));
    step_until_got(w, w->second, 9);
    expect_str("all, in order", ((str){w->got, w->n_got}), STR("earlylate"));
    stream_abort(w->stream);
}

static void a_write_under_way_is_not_torn(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;
    static char lot[MAX_QUEUED];
    const int small = 1;

    // The client reads nothing: the kernel takes what it can, the rest is under way.
    assert_int_equal(setsockopt(w->client, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    for (int i = 0; w->stream->in_flight == 0 && i < STEPS_MAX; i++) {
        if (stream_write(w->stream, (str){lot, sizeof(lot)}) != 0)
            break;
        loop_run_once(w->first);
    }
    assert_true(w->stream->in_flight > 0);
    assert_int_equal(stream_detach(w->stream, STR(""), &parcel), STREAM_BUSY);
    stream_abort(w->stream);
}

static void a_parcel_that_nobody_wants_is_closed(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;
    char byte = 0;

    assert_int_equal(stream_write(w->stream, STR("unsent")), 0);
    assert_int_equal(stream_detach(w->stream, STR("unread"), &parcel), 0);
    stream_parcel_drop(&parcel);
    for (int i = 0; w->first->n_streams > 0 && i < STEPS_MAX; i++)
        loop_run_once(w->first);
    expect_int("end of file", recv(w->client, &byte, 1, 0), 0);
}

/** @return whether one more client finds a place; it leaves */
static bool has_place(struct world *w)
{
    const unsigned before = w->n_accepted;
    const int fd = dial(w);
    char byte = 0;
    bool is_over = false;

    for (int i = 0; w->n_accepted == before && !is_over; i++) {
        assert_true(i < STEPS_MAX);
        loop_run_once(w->first);
        is_over = recv(fd, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET;
        usleep(100);
    }
    if (!is_over)
        stream_abort(w->stream);
    close(fd);
    return !is_over;
}

static void move_to_second(struct world *w, struct stream **out)
{
    struct stream_parcel parcel;

    assert_int_equal(stream_detach(w->stream, STR(""), &parcel), 0);
    assert_false(has_place(w)); // while it is on its way
    assert_int_equal(tcp_attach(out, w->second, &parcel), 0);
    stream_set_owner(*out, &events, w);
}

static void expect_that_the_place_moves(struct world *w)
{
    struct stream *moved = NULL;

    assert_false(has_place(w));
    move_to_second(w, &moved);
    expect_int("streams of the second loop", w->second->n_streams, 1);
    assert_false(has_place(w));
    stream_abort(moved);
    for (int i = 0; w->second->n_streams > 0 && i < STEPS_MAX; i++)
        loop_run_once(w->second);
    assert_true(has_place(w));
}

static void a_moved_connection_still_counts_for_its_address(void **state)
{
    expect_that_the_place_moves(*state);
}

static void a_moved_connection_still_counts_among_all(void **state)
{
    struct world *w = *state;

    w->per_ip.max = 10;
    w->limit.max = 1;
    expect_that_the_place_moves(w);
}

static void a_dropped_parcel_gives_its_place_back(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    w->limit.max = 1;
    assert_int_equal(stream_detach(w->stream, STR(""), &parcel), 0);
    assert_false(has_place(w));
    stream_parcel_drop(&parcel);
    assert_true(has_place(w));
}

static void what_can_not_be_attached_keeps_its_place(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;
    struct stream *moved = NULL;

    assert_int_equal(stream_detach(w->stream, STR(""), &parcel), 0);
    const int fd = parcel.fd;
    parcel.fd = -1;
    assert_true(tcp_attach(&moved, w->second, &parcel) < 0);
    for (int i = 0; w->second->n_streams > 0 && i < STEPS_MAX; i++)
        loop_run_once(w->second);
    assert_false(has_place(w));
    parcel.fd = fd;
    stream_parcel_drop(&parcel);
    assert_true(has_place(w));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_connection_moves_with_what_is_unsent_and_unread,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_write_under_way_is_not_torn, setup, teardown),
        cmocka_unit_test_setup_teardown(a_parcel_that_nobody_wants_is_closed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_moved_connection_still_counts_for_its_address, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_moved_connection_still_counts_among_all, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_dropped_parcel_gives_its_place_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_can_not_be_attached_keeps_its_place, setup,
                                        teardown),
    };
    return cmocka_run_group_tests_name("io/parcel", tests, NULL, NULL);
}
