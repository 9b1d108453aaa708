#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/tcp.h"
#include "support/last_line.h"
#include "support/t.h"

// The peer is a plain socket, and the loop goes on turn by turn, in the same thread. Where
// a connection shall time out, the test runs the loop's timers ahead instead of waiting.

#define MAX_QUEUED (32UL << 20)
#define STUCK      (16UL << 20) // more than the kernel ever holds of a connection
#define ECHOED     (8UL << 20)
#define GIVE_UP_MS INT64_C(20000)
#define N_CONNS    6

struct conn;
typedef void hook_fn(struct conn *c);

/** Our end of a connection, and what it was told. */
struct conn {
    struct stream *stream; // NULL once it was given back
    uint64_t n_bytes;
    uint64_t hash; // of the bytes in their order
    unsigned n_ends;
    enum stream_end end;
    unsigned n_drained;
    size_t n_written;
    hook_fn *in_bytes;
    hook_fn *in_end;
    hook_fn *in_drained;
    char *bytes; // in in_bytes
    size_t n;
};

struct world {
    struct loop *loop;
    struct listener *listener; // NULL: the test closed it
    struct addr addr;
    struct conn conns[N_CONNS];
    size_t n_conns;
    hook_fn *in_accept;
    bool exempts; // loopback from the number that an address may have
    int peers[N_CONNS];
    size_t n_peers;
    struct last_line logged;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/** Turn the loop until the condition holds. */
#define UNTIL(w, condition)                                                                    \
    for (int64_t end_ = monotonic_ms() + GIVE_UP_MS; !(condition); turn(w)) {                  \
        if (monotonic_ms() > end_)                                                             \
            fail_msg("never came: %s", #condition);                                            \
    }

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

/** So many turns as anything that still was to come would need. */
static void turns(struct world *w)
{
    for (int i = 0; i < 20; i++)
        turn(w);
}

static uint64_t hash_on(uint64_t hash, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++)
        hash = (hash ^ (uint8_t)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    assert_int_equal(c->n_ends, 0);
    assert_true(n > 0 && n <= STREAM_READ_MAX);
    c->n_bytes += n;
    c->hash = hash_on(c->hash, bytes, n);
    c->bytes = bytes;
    c->n = n;
    if (c->in_bytes)
        c->in_bytes(c);
}

static void on_end(void *owner, enum stream_end end)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    c->n_ends++;
    c->end = end;
    if (c->in_end)
        c->in_end(c);
}

static void on_drained(void *owner)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    assert_int_equal(stream_queued(c->stream), 0);
    c->n_drained++;
    if (c->in_drained)
        c->in_drained(c);
}

static const struct stream_events conn_events = {
    .on_bytes = on_bytes, .on_end = on_end, .on_drained = on_drained};

static void close_conn(struct conn *c)
{
    struct stream *s = STEAL(c->stream);
    stream_close(s);
}

static void abort_conn(struct conn *c)
{
    struct stream *s = STEAL(c->stream);
    stream_abort(s);
}

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;

    assert_true(w->n_conns < N_CONNS);
    struct conn *c = &w->conns[w->n_conns++];
    c->stream = s;
    stream_set_owner(s, &conn_events, c);
    if (w->in_accept)
        w->in_accept(c);
}

static int listen_on(struct listener **out, struct world *w, const char *host, uint16_t port)
{
    struct tcp_listen how = {.max_queued = MAX_QUEUED, .on_accept = on_accept, .arg = w};

    str_copy(how.addr.host, (str){host, strlen(host) + 1});
    how.addr.port = port;
    return tcp_listen(out, w->loop, &how);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    log_set_sink(last_line_keep, &w->logged);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(listen_on(&w->listener, w, "127.0.0.1", 0), 0);
    w->addr = listener_addr(w->listener);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    for (size_t i = 0; i < w->n_conns; i++) {
        if (w->conns[i].stream)
            abort_conn(&w->conns[i]);
    }
    for (size_t i = 0; i < w->n_peers; i++) {
        if (w->peers[i] >= 0)
            close(w->peers[i]);
    }
    if (w->listener)
        listener_close(w->listener);
    UNTIL(w, w->loop->n_streams == 0);
    loop_free(w->loop);
    log_set_sink(NULL, NULL);
    free(w);
    return 0;
}

/** A peer that is connected, and not blocking. @return its socket, which teardown closes */
static int dial(struct world *w)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->addr.port)};
    const int small = 4096; // so that what it doesn't read stays on our side

    assert_true(w->n_peers < N_CONNS);
    const int fd = w->peers[w->n_peers++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(inet_pton(AF_INET, w->addr.host, &to.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return fd;
}

/** The same, once we have accepted it. */
static int connect_peer(struct world *w)
{
    const size_t n_before = w->n_conns;
    const int fd = dial(w);

    UNTIL(w, w->n_conns > n_before);
    return fd;
}

static char letter_at(uint64_t i)
{
    return (char)('a' + i % 23);
}

/** n letters, the first of which is number `from` of all. @return owned; free() */
static char *letters(uint64_t from, size_t n)
{
    char *all = mem_alloc(n);
    for (size_t i = 0; i < n; i++)
        all[i] = letter_at(from + i);
    return all;
}

/** Send n bytes from the peer. */
static void send_all(struct world *w, int fd, size_t n)
{
    const int64_t end_ms = monotonic_ms() + GIVE_UP_MS;
    char *all = letters(0, n);

    for (size_t sent = 0; sent < n; loop_run_once(w->loop)) {
        const ssize_t r = send(fd, all + sent, n - sent, MSG_NOSIGNAL);
        if (r < 0 && errno != EAGAIN)
            fail_msg("send: errno %d after %zu bytes", errno, sent);
        sent += r > 0 ? (size_t)r : 0;
        if (monotonic_ms() > end_ms)
            fail_msg("nobody took more than %zu bytes", sent);
    }
    free(all);
}

/** Write the next n letters to the peer. */
static void write_letters(struct conn *c, size_t n)
{
    char *all = letters(c->n_written, n);
    assert_int_equal(stream_write(c->stream, (str){all, n}), 0);
    c->n_written += n;
    free(all);
}

/** Give the peer's socket a large buffer, so that it can read fast. */
static void widen(int fd)
{
    const int large = 1 << 20;
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large)), 0);
}

/** Read up to the end and check the letters. @param err  0 at a FIN @return bytes */
static size_t read_to_end(struct world *w, int fd, int *err)
{
    static char buffer[1 << 16];
    const int64_t end_ms = monotonic_ms() + GIVE_UP_MS;
    size_t n = 0;

    widen(fd);
    for (;;) {
        const ssize_t r = recv(fd, buffer, sizeof(buffer), 0);
        if (r == 0 || (r < 0 && errno != EAGAIN)) {
            *err = r == 0 ? 0 : errno;
            return n;
        }
        for (ssize_t i = 0; i < r; i++) {
            if (buffer[i] != letter_at(n++))
                fail_msg("byte %zu is wrong", n - 1);
        }
        loop_run_once(w->loop);
        if (monotonic_ms() > end_ms)
            fail_msg("no end after %zu bytes", n);
    }
}

/** All that was written arrives, and then the FIN. */
static void expect_arrival(struct world *w, int fd, size_t n)
{
    int err = -1;

    assert_int_equal(read_to_end(w, fd, &err), n);
    assert_int_equal(err, 0);
}

/** Read and drop n bytes. */
static void take_bytes(struct world *w, int fd, size_t n)
{
    static char buffer[1 << 16];
    const int64_t end_ms = monotonic_ms() + GIVE_UP_MS;

    while (n > 0) {
        const ssize_t r = recv(fd, buffer, n < sizeof(buffer) ? n : sizeof(buffer), 0);
        assert_true(r > 0 || (r < 0 && errno == EAGAIN));
        n -= r > 0 ? (size_t)r : 0;
        loop_run_once(w->loop);
        if (monotonic_ms() > end_ms)
            fail_msg("%zu bytes never came", n);
    }
}

/** Fill the kernel's buffers, so that the rest has to wait here. */
static void get_stuck(struct world *w, struct conn *c)
{
    write_letters(c, STUCK);
    UNTIL(w, c->stream->in_flight > 0);
}

static void close_peer(struct world *w, size_t i)
{
    assert_int_equal(close(w->peers[i]), 0);
    w->peers[i] = -1;
}

/** Close with a reset instead of a FIN. */
static void reset_peer(struct world *w, size_t i)
{
    const struct linger at_once = {.l_onoff = 1};

    assert_int_equal(setsockopt(w->peers[i], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)),
                     0);
    close_peer(w, i);
}

// Bytes there and back

static void pause_reading(struct conn *c)
{
    stream_set_reading(c->stream, false);
}

static void resume_reading(struct conn *c)
{
    stream_set_reading(c->stream, true);
}

static void echo(struct conn *c)
{
    assert_int_equal(stream_write(c->stream, (str){c->bytes, c->n}), 0);
    if (stream_queued(c->stream) > STREAM_READ_MAX)
        pause_reading(c);
}

static void echoes_to_a_slow_reader(void **state)
{
    static char buffer[12345];
    struct world *w = *state;
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];
    char *all = letters(0, ECHOED);
    const int64_t end_ms = monotonic_ms() + GIVE_UP_MS;
    uint64_t hash = 0;
    size_t sent = 0;
    size_t received = 0;

    c->in_bytes = echo;
    c->in_drained = resume_reading;
    for (bool is_awake = false; received < ECHOED; loop_run_once(w->loop)) {
        if (monotonic_ms() > end_ms)
            fail_msg("%zu sent, %zu received", sent, received);
        const ssize_t out = send(fd, all + sent, ECHOED - sent, MSG_NOSIGNAL);
        assert_true(out >= 0 || errno == EAGAIN);
        sent += out > 0 ? (size_t)out : 0;
        // The peer reads nothing until all is stuck, then a little at a time.
        if (!is_awake && c->stream->in_flight > 0) {
            is_awake = true;
            widen(fd);
        }
        const ssize_t in = is_awake ? recv(fd, buffer, sizeof(buffer), 0) : 0;
        assert_true(in >= 0 || errno == EAGAIN);
        hash = hash_on(hash, buffer, in > 0 ? (size_t)in : 0);
        received += in > 0 ? (size_t)in : 0;
    }
    assert_int_equal(c->n_bytes, ECHOED);
    assert_true(c->hash == hash_on(0, all, ECHOED));
    assert_true(hash == c->hash);
    assert_true(c->n_drained > 0);
    UNTIL(w, stream_queued(c->stream) == 0);
    free(all);
}

static void drained_comes_once_the_kernel_has_all(void **state)
{
    static const size_t stuck[] = {0, STUCK, STUCK};
    static const size_t behind[] = {5, 0, 7}; // written while the others are on their way
    struct world *w = *state;
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];

    widen(fd);
    for (size_t i = 0; i < COUNT_OF(stuck); i++) {
        if (stuck[i] > 0)
            get_stuck(w, c);
        if (behind[i] > 0)
            write_letters(c, behind[i]);
        turns(w);
        assert_int_equal(c->n_drained, stuck[i] > 0 ? 0 : 1);
        take_bytes(w, fd, stuck[i] + behind[i]);
        UNTIL(w, c->n_drained > 0);
        turns(w);
        assert_int_equal(c->n_drained, 1);
        c->n_drained = 0;
    }
}

static void room_is_what_neither_waits_nor_is_on_its_way(void **state)
{
    struct world *w = *state;
    struct conn *c = &w->conns[0];

    connect_peer(w);
    for (int round = 0; round < 2; round++) {
        const size_t left = MAX_QUEUED - stream_queued(c->stream);

        assert_null(stream_room(c->stream, left + 1));
        assert_null(stream_room(c->stream, SIZE_MAX));
        write_letters(c, left);
        assert_int_equal(stream_queued(c->stream), MAX_QUEUED);
        assert_int_equal(stream_write(c->stream, STR("x")), STREAM_FULL);
        assert_int_equal(stream_write(c->stream, STR("")), 0);
        assert_int_equal(stream_queued(c->stream), MAX_QUEUED);
        UNTIL(w, c->stream->in_flight > 0);
    }
}

/** It shows at once what a slow peer takes, not only when it has all. */
static void what_is_queued_shrinks_as_the_peer_takes_it(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];

    get_stuck(w, c);
    turns(w);
    const size_t all = stream_queued(c->stream);
    widen(fd);
    take_bytes(w, fd, STUCK - all + 1);
    UNTIL(w, stream_queued(c->stream) < all);
    if (c->n_drained == 0)
        assert_in_range(stream_queued(c->stream), 1, all - 1);
    take_bytes(w, fd, all - 1);
    UNTIL(w, stream_queued(c->stream) == 0);
}

static void a_paused_stream_is_not_read(void **state)
{
    struct world *w = *state;

    w->in_accept = pause_reading;
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];

    assert_int_equal(send(fd, "abc", 3, 0), 3);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turns(w);
    assert_int_equal(c->n_bytes, 0);
    assert_int_equal(c->n_ends, 0);
    c->in_bytes = pause_reading;
    resume_reading(c);
    UNTIL(w, c->n_bytes == 3);
    turns(w);
    assert_int_equal(c->n_ends, 0);
    resume_reading(c);
    UNTIL(w, c->n_ends == 1);
}

// Ends

static void the_peers_fin_comes_once_and_does_not_stop_our_writing(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];

    assert_int_equal(send(fd, "abc", 3, 0), 3);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_FIN);
    assert_int_equal(c->n_bytes, 3);
    stream_set_reading(c->stream, true); // there is nothing more to read
    turns(w);
    assert_int_equal(c->n_ends, 1);
    write_letters(c, 1000);
    close_conn(c);
    expect_arrival(w, fd, 1000);
    UNTIL(w, w->loop->n_streams == 0); // both have closed: no lingering
}

static void the_peers_reset_comes_once(void **state)
{
    struct world *w = *state;
    struct conn *c = &w->conns[0];

    connect_peer(w);
    reset_peer(w, 0);
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_LOST);
    for (int i = 0; i < 3; i++) { // what is written now reaches nobody, and is dropped
        write_letters(c, 1000);
        turns(w);
        assert_int_equal(stream_queued(c->stream), 0);
    }
    assert_int_equal(c->n_ends, 1);
    close_conn(c);
    UNTIL(w, w->loop->n_streams == 0);
}

static void what_is_lost_after_the_fin_is_told_as_well(void **state)
{
    struct world *w = *state;
    struct conn *c = &w->conns[0];

    assert_int_equal(shutdown(connect_peer(w), SHUT_WR), 0);
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_FIN);
    reset_peer(w, 0);
    turns(w);
    assert_int_equal(c->n_ends, 1); // nobody reads
    write_letters(c, 1000);
    turns(w);
    write_letters(c, 1000);
    turns(w);
    assert_int_equal(c->n_ends, 2);
    assert_int_equal(c->end, STREAM_LOST);
}

static void a_write_that_fails_ends_a_paused_stream(void **state)
{
    struct world *w = *state;

    w->in_accept = pause_reading;
    connect_peer(w);
    struct conn *c = &w->conns[0];

    reset_peer(w, 0);
    turns(w);
    assert_int_equal(c->n_ends, 0);
    write_letters(c, 1000);
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_LOST);
    assert_int_equal(stream_queued(c->stream), 0);
    write_letters(c, 1000);
    turns(w);
    assert_int_equal(stream_queued(c->stream), 0);
    assert_int_equal(c->n_ends, 1);
}

static void a_stuck_write_that_fails_ends_the_stream(void **state)
{
    struct world *w = *state;

    w->in_accept = pause_reading;
    connect_peer(w);
    struct conn *c = &w->conns[0];

    get_stuck(w, c);
    write_letters(c, 1000);
    reset_peer(w, 0);
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_LOST);
    UNTIL(w, stream_queued(c->stream) == 0);
    assert_int_equal(c->n_ends, 1);
    assert_int_equal(c->n_drained, 0);
}

// stream_close()

static void close_delivers_what_is_queued_and_then_a_fin(void **state)
{
    static const size_t sizes[] = {0, 1, 1000, STUCK};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        const int fd = connect_peer(w);

        if (sizes[i] > 0)
            write_letters(&w->conns[i], sizes[i]);
        close_conn(&w->conns[i]);
        expect_arrival(w, fd, sizes[i]);
        assert_int_equal(w->loop->n_streams, 1); // it waits for the peer's FIN
        close_peer(w, i);
        UNTIL(w, w->loop->n_streams == 0);
        assert_int_equal(timers_next_ms(&w->loop->timers), INT64_MAX);
    }
}

static void unread_input_does_not_reset_what_close_sends(void **state)
{
    struct world *w = *state;

    w->in_accept = pause_reading;
    const int fd = connect_peer(w);

    send_all(w, fd, 50000); // lies in our kernel
    write_letters(&w->conns[0], 1000);
    close_conn(&w->conns[0]);
    send_all(w, fd, 50000); // comes after the close
    expect_arrival(w, fd, 1000);
    send_all(w, fd, 50000); // and after the FIN
    assert_int_equal(w->loop->n_streams, 1);
    assert_int_equal(w->conns[0].n_bytes, 0); // none of it for the former owner
    close_peer(w, 0);
    UNTIL(w, w->loop->n_streams == 0);
}

/** Run the timers, as they would be at the deadline of a stream's end; or just before. */
static void pass_ms(struct world *w, int64_t ms)
{
    timers_run(&w->loop->timers, w->loop->timers.now_ms + ms);
    turns(w);
}

static void lingering_ends_in_time(void **state)
{
    struct world *w = *state;
    struct timers *timers = &w->loop->timers;
    int err = -1;
    const int fd = connect_peer(w);

    close_conn(&w->conns[0]);
    assert_int_equal(read_to_end(w, fd, &err), 0);
    const int64_t deadline_ms = timers_next_ms(timers);
    assert_true(deadline_ms <= timers->now_ms + TCP_LINGER_MS);
    assert_true(deadline_ms > timers->now_ms + TCP_LINGER_MS - 1000);
    pass_ms(w, deadline_ms - 1 - timers->now_ms);
    assert_int_equal(w->loop->n_streams, 1);
    pass_ms(w, deadline_ms - timers->now_ms);
    assert_int_equal(w->loop->n_streams, 0);
    assert_int_equal(timers_next_ms(timers), INT64_MAX);
}

static void a_peer_that_does_not_take_the_rest_is_cut_in_time(void **state)
{
    struct world *w = *state;
    struct timers *timers = &w->loop->timers;
    const int fd = connect_peer(w);
    int err = 0;

    get_stuck(w, &w->conns[0]);
    const int64_t before_ms = timers->now_ms;
    close_conn(&w->conns[0]);
    assert_int_equal(timers_next_ms(timers), before_ms + TCP_CLOSE_MS);
    turns(w);
    pass_ms(w, before_ms + TCP_CLOSE_MS - 1 - timers->now_ms);
    assert_int_equal(w->loop->n_streams, 1);
    pass_ms(w, before_ms + TCP_CLOSE_MS - timers->now_ms);
    assert_int_equal(w->loop->n_streams, 0);
    assert_true(read_to_end(w, fd, &err) < STUCK);
}

static void lingering_drops_so_much_and_no_more(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);
    int err = -1;

    close_conn(&w->conns[0]);
    assert_int_equal(read_to_end(w, fd, &err), 0);
    send_all(w, fd, TCP_LINGER_MAX);
    turns(w);
    assert_int_equal(w->loop->n_streams, 1);
    send_all(w, fd, 1);
    UNTIL(w, w->loop->n_streams == 0);
}

static void what_comes_before_the_fin_is_dropped_without_a_limit(void **state)
{
    struct world *w = *state;

    w->in_accept = pause_reading; // dropping begins with the close all the same
    const int fd = connect_peer(w);
    struct conn *c = &w->conns[0];

    get_stuck(w, c);
    close_conn(c);
    send_all(w, fd, STUCK);
    turns(w);
    assert_int_equal(w->loop->n_streams, 1);
    expect_arrival(w, fd, STUCK);
    close_peer(w, 0);
    UNTIL(w, w->loop->n_streams == 0);
}

static void a_peer_that_ends_while_we_send_gets_all(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);

    get_stuck(w, &w->conns[0]);
    close_conn(&w->conns[0]);
    assert_int_equal(shutdown(fd, SHUT_WR), 0);
    turns(w);
    expect_arrival(w, fd, STUCK);
    UNTIL(w, w->loop->n_streams == 0);
}

static void a_peer_that_is_reset_while_we_send_is_given_up(void **state)
{
    struct world *w = *state;

    connect_peer(w);
    get_stuck(w, &w->conns[0]);
    close_conn(&w->conns[0]);
    turns(w);
    reset_peer(w, 0);
    UNTIL(w, w->loop->n_streams == 0);
}

static void abort_drops_what_is_queued(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);
    int err = -1;

    write_letters(&w->conns[0], 1000);
    abort_conn(&w->conns[0]);
    assert_int_equal(read_to_end(w, fd, &err), 0);
    UNTIL(w, w->loop->n_streams == 0);

    const int second = connect_peer(w);
    get_stuck(w, &w->conns[1]);
    abort_conn(&w->conns[1]);
    assert_true(read_to_end(w, second, &err) < STUCK);
    UNTIL(w, w->loop->n_streams == 0);
}

/** Wherever the owner gives the stream back, nothing of it is called any more. */
static void a_stream_may_be_given_back_in_any_callback(void **state)
{
    enum place {
        IN_ACCEPT,
        IN_BYTES,
        IN_FIN,
        IN_RESET,
        IN_DRAINED,
        N_PLACES
    };
    struct world *w = *state;
    hook_fn *const ways[] = {close_conn, abort_conn};

    for (size_t i = 0; i < (size_t)N_PLACES * COUNT_OF(ways); i++) {
        const enum place place = (enum place)(i / COUNT_OF(ways));
        hook_fn *way = ways[i % COUNT_OF(ways)];
        struct conn *c = &w->conns[0];

        w->n_conns = w->n_peers = 0;
        *c = (struct conn){.in_bytes = place == IN_BYTES ? way : NULL,
                           .in_end = place == IN_FIN || place == IN_RESET ? way : NULL,
                           .in_drained = place == IN_DRAINED ? way : NULL};
        w->in_accept = place == IN_ACCEPT ? way : NULL;
        const int fd = connect_peer(w);
        (void)send(fd, "abc", 3, MSG_NOSIGNAL); // on a stream that is aborted, it may fail
        if (place == IN_DRAINED) {
            get_stuck(w, c);
            widen(fd);
            take_bytes(w, fd, STUCK);
        }
        if (place == IN_RESET) {
            reset_peer(w, 0);
        } else {
            assert_true(shutdown(fd, SHUT_WR) == 0 || errno == ENOTCONN);
        }
        UNTIL(w, !c->stream && w->loop->n_streams == 0);
        turns(w);
        if (w->peers[0] >= 0)
            close_peer(w, 0);
    }
}

// Listeners

static void an_address_that_cannot_be_listened_on_is_a_fault(void **state)
{
    struct world *w = *state;
    struct listener *l = NULL;

    assert_int_equal(listen_on(&l, w, "127.0.0.1", w->addr.port), -EADDRINUSE);
    assert_non_null(strstr(w->logged.text, "event=fault"));
    assert_non_null(strstr(w->logged.text, "EADDRINUSE"));
    assert_int_equal(listen_on(&l, w, "192.0.2.1", 0), -EADDRNOTAVAIL); // RFC 5737
    assert_int_equal(listen_on(&l, w, "nowhere", 0), -EINVAL);
    assert_int_equal(w->logged.n, 3);
    assert_null(l);
}

static void a_listener_that_is_closed_accepts_nobody(void **state)
{
    struct world *w = *state;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->addr.port)};
    struct listener *again = NULL;

    connect_peer(w);
    listener_close(STEAL(w->listener));
    turns(w);
    const int fd = w->peers[w->n_peers++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), -1);
    assert_int_equal(errno, ECONNREFUSED);
    assert_non_null(w->conns[0].stream); // who is here may stay
    assert_int_equal(listen_on(&again, w, "127.0.0.1", w->addr.port), 0);
    listener_close(again);
}

static void knows_both_ends_addresses(void **state)
{
    struct world *w = *state;
    struct sockaddr_in ours = {0};
    socklen_t size = sizeof(ours);
    char peer[STREAM_PEER_SIZE];
    char want[STREAM_PEER_SIZE];

    assert_string_equal(w->addr.host, "127.0.0.1");
    assert_true(w->addr.port != 0);
    const int fd = connect_peer(w);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&ours, &size), 0);
    (void)snprintf(want, sizeof(want), "127.0.0.1:%u", ntohs(ours.sin_port));
    stream_peer(w->conns[0].stream, peer);
    assert_string_equal(peer, want);

    reset_peer(w, 0);
    UNTIL(w, w->conns[0].n_ends > 0);
    stream_peer(w->conns[0].stream, peer);
    assert_string_equal(peer, "-");
}

static void listens_at_a_socket_that_it_is_given(void **state)
{
    struct world *w = *state;
    const int given = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct tcp_listen how = {.share = TCP_GIVEN,
                                   .fd = given,
                                   .max_queued = MAX_QUEUED,
                                   .on_accept = on_accept,
                                   .arg = w};

    assert_int_equal(listen(given, 8), 0);
    for (size_t i = 1; i <= 2; i++) { // and again
        listener_close(w->listener);
        assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
        w->addr = listener_addr(w->listener);
        str_copy(w->addr.host, STR("127.0.0.1\0"));
        connect_peer(w);
        expect_int("accepted", w->n_conns, i);
    }
    listener_close(STEAL(w->listener));
    turns(w);
    dial(w); // it waits for the next one
    turns(w);
    expect_int("accepted", w->n_conns, 2);
    assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
    UNTIL(w, w->n_conns == 3);
    close(given);
}

static void small_writes_are_not_delayed(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;
    int is_on = 0;
    socklen_t size = sizeof(is_on);

    connect_peer(w);
    assert_int_equal(stream_detach(STEAL(w->conns[0].stream), STR(""), &parcel), 0);
    assert_int_equal(getsockopt(parcel.fd, IPPROTO_TCP, TCP_NODELAY, &is_on, &size), 0);
    assert_true(is_on);
    stream_parcel_drop(&parcel);
}

static void listens_on_ipv6(void **state)
{
    struct world *w = *state;
    struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    struct listener *six = NULL;
    char peer[STREAM_PEER_SIZE];

    const int r = listen_on(&six, w, "::1", 0);
    if (r == -EADDRNOTAVAIL || r == -EAFNOSUPPORT)
        skip(); // a machine without IPv6
    assert_int_equal(r, 0);
    const struct addr at = listener_addr(six);
    assert_string_equal(at.host, "::1");
    to.sin6_port = htons(at.port);
    const int fd = w->peers[w->n_peers++] = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    UNTIL(w, w->n_conns == 1);
    stream_peer(w->conns[0].stream, peer);
    assert_true(str_starts(str_of(peer), STR("[::1]:")));
    listener_close(six);
}

static bool is_exempt(void *arg, const ip *peer)
{
    const struct world *w = arg;
    return w->exempts && ip_is_loopback(peer);
}

/** Listen again, within a limit. */
static void listen_within(struct world *w, struct tcp_limit *limit)
{
    struct tcp_listen how = {.addr = w->addr,
                             .max_queued = MAX_QUEUED,
                             .limit = limit,
                             .is_exempt = is_exempt,
                             .on_accept = on_accept,
                             .arg = w};

    listener_close(w->listener);
    how.addr.port = 0;
    assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
    w->addr = listener_addr(w->listener);
}

/** No connection is left, and all places are free again. */
static void end_within(struct world *w, struct tcp_limit *limit, size_t first)
{
    for (size_t i = first; i < w->n_conns; i++)
        abort_conn(&w->conns[i]);
    UNTIL(w, w->loop->n_streams == 0);
    expect_int("places taken", atomic_load(&limit->n), 0);
}

static void turns_away_whom_it_has_no_room_for(void **state)
{
    struct world *w = *state;
    struct tcp_limit limit = {.max = 2};
    char byte = 0;

    listen_within(w, &limit);
    connect_peer(w);
    connect_peer(w);
    expect_int("nothing to say yet", w->logged.n, 0);
    const int third = dial(w);
    UNTIL(w, recv(third, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
    expect_int("two are enough", w->n_conns, 2);
    expect_int("said", w->logged.n, 1);
    assert_non_null(strstr(w->logged.text, "event=io_too_many_connections max=2"));

    abort_conn(&w->conns[0]);
    UNTIL(w, w->loop->n_streams == 1);
    connect_peer(w);
    expect_int("the place of the one that left", w->n_conns, 3);
    end_within(w, &limit, 1);
}

static void key_bytes(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

/** Listen again, two connections an address. */
static void listen_with_two_each(struct world *w, struct tcp_limit *limit, struct ips *per_ip)
{
    static struct rand chance = {.bytes = key_bytes};

    ips_init(per_ip, 2, &chance);
    *limit = (struct tcp_limit){.per_ip = per_ip};
    listen_within(w, limit);
}

static void end_with_two_each(struct world *w, struct tcp_limit *limit, size_t first)
{
    end_within(w, limit, first);
    ips_fini(limit->per_ip); // which has given all of them back
}

static void an_address_may_have_so_many_connections_and_no_more(void **state)
{
    struct world *w = *state;
    struct tcp_limit limit;
    struct ips per_ip;
    char byte = 0;

    listen_with_two_each(w, &limit, &per_ip);
    connect_peer(w);
    connect_peer(w);
    const int third = dial(w);
    UNTIL(w, recv(third, &byte, 1, MSG_DONTWAIT) == 0 || errno == ECONNRESET);
    expect_int("two are enough", w->n_conns, 2);

    abort_conn(&w->conns[0]);
    UNTIL(w, w->loop->n_streams == 1);
    connect_peer(w);
    expect_int("the place of the one that left", w->n_conns, 3);
    end_with_two_each(w, &limit, 1);
}

static void a_proxy_may_have_any_number(void **state)
{
    struct world *w = *state;
    struct tcp_limit limit;
    struct ips per_ip;

    listen_with_two_each(w, &limit, &per_ip);
    w->exempts = true;
    for (size_t i = 1; i <= 4; i++) {
        connect_peer(w);
        expect_int("a proxy's", w->n_conns, i);
    }
    end_with_two_each(w, &limit, 0);
}

static void turns_away_whom_it_has_no_descriptor_for(void **state)
{
    struct world *w = *state;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(w->addr.port)};
    struct rlimit before;
    char byte = 0;

    connect_peer(w);
    const int fd = w->peers[w->n_peers++] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    const int next = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    assert_int_equal(close(next), 0);
    const struct rlimit none = {.rlim_cur = (rlim_t)next, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    turns(w);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);

    assert_int_equal(w->n_conns, 1);
    assert_int_equal(recv(fd, &byte, 1, MSG_DONTWAIT), 0); // not left hanging
    connect_peer(w);
    assert_int_equal(w->n_conns, 2);
}

// The loop

static struct recorder {
    struct world *w;
    struct timer timer;
    struct job job;
    struct job second;
    char order[8];
    size_t n;
    int64_t fired_ms;
    unsigned n_jobs;
} recorder;

static void record(char c)
{
    assert_true(recorder.n < sizeof(recorder.order) - 1);
    recorder.order[recorder.n++] = c;
    recorder.order[recorder.n] = '\0';
}

static void record_second(struct job *job)
{
    (void)job;
    record('k');
}

static void record_job(struct job *job)
{
    (void)job;
    record('j');
    write_letters(&recorder.w->conns[0], 3);
}

static void record_timer(struct timer *t)
{
    (void)t;
    record('t');
    job_push(&recorder.w->loop->later, &recorder.second, record_second);
}

static void record_network(struct conn *c)
{
    const struct timespec held_up = {.tv_nsec = 5000000};

    (void)c;
    nanosleep(&held_up, NULL);
    record('n');
    job_push(&recorder.w->loop->later, &recorder.job, record_job);
}

static void a_turn_is_network_then_timers_then_jobs_then_writing(void **state)
{
    struct world *w = *state;
    const int fd = connect_peer(w);
    char got[4] = "";

    recorder = (struct recorder){.w = w};
    w->conns[0].in_bytes = record_network;
    timer_init(&recorder.timer, record_timer);
    timer_set(&w->loop->timers, &recorder.timer, w->loop->timers.now_ms + 4);
    assert_int_equal(send(fd, "x", 1, 0), 1);
    loop_run_once(w->loop);
    assert_string_equal(recorder.order, "ntjk");
    assert_int_equal(recv(fd, got, sizeof(got), 0), 3);
    assert_string_equal(got, "abc");
}

static void stop_the_loop(struct timer *t)
{
    (void)t;
    recorder.fired_ms = recorder.w->loop->timers.now_ms;
    loop_stop(recorder.w->loop);
}

static void the_loop_waits_for_the_next_timer(void **state)
{
    static const int64_t waits_ms[] = {-1, 0, 1, 30};
    struct world *w = *state;

    recorder = (struct recorder){.w = w};
    timer_init(&recorder.timer, stop_the_loop);
    for (size_t i = 0; i < COUNT_OF(waits_ms); i++) {
        const int64_t start_ms = monotonic_ms();
        const int64_t at_ms = w->loop->timers.now_ms + waits_ms[i];

        timer_set(&w->loop->timers, &recorder.timer, at_ms);
        loop_run(w->loop);
        assert_true(recorder.fired_ms >= at_ms);
        assert_true(monotonic_ms() - start_ms < GIVE_UP_MS);
    }
}

static void queue_again(struct job *job)
{
    if (++recorder.n_jobs == 100) {
        loop_stop(recorder.w->loop);
    } else {
        job_push(&recorder.w->loop->later, job, queue_again);
    }
}

static void the_loop_does_not_wait_while_there_are_jobs(void **state)
{
    struct world *w = *state;

    recorder = (struct recorder){.w = w};
    timer_init(&recorder.timer, stop_the_loop); // if nothing else does
    timer_set(&w->loop->timers, &recorder.timer, w->loop->timers.now_ms + GIVE_UP_MS);
    job_push(&w->loop->later, &recorder.job, queue_again);
    loop_run(w->loop);
    timer_cancel(&w->loop->timers, &recorder.timer);
    assert_int_equal(recorder.n_jobs, 100);
    assert_int_equal(recorder.fired_ms, 0);
}

static void freeing_the_loop_runs_the_last_jobs(void **state)
{
    struct world *w = *state;
    struct loop *second = NULL;
    struct loop *first = w->loop;

    assert_int_equal(loop_new(&second), 0);
    recorder = (struct recorder){.w = w};
    w->loop = second;
    job_push(&second->later, &recorder.job, queue_again);
    loop_free(second);
    w->loop = first;
    assert_int_equal(recorder.n_jobs, 100);
}

static void count_signal(void *arg, int signal)
{
    int *counts = arg;
    counts[signal == SIGUSR2]++;
}

static void signals_come_on_the_loop_as_often_as_they_are_sent(void **state)
{
    struct world *w = *state;
    int counts[2] = {0};

    assert_int_equal(loop_on_signal(w->loop, SIGUSR1, count_signal, counts), 0);
    assert_int_equal(loop_on_signal(w->loop, SIGUSR2, count_signal, counts), 0);
    for (int i = 1; i <= 3; i++) {
        assert_int_equal(raise(SIGUSR1), 0);
        assert_int_equal(counts[0], i - 1); // not from inside the signal
        UNTIL(w, counts[0] == i);
    }
    assert_int_equal(raise(SIGUSR2), 0);
    UNTIL(w, counts[1] == 1);
    assert_int_equal(counts[0], 3);
    assert_true(loop_on_signal(w->loop, SIGKILL, count_signal, counts) < 0);
    assert_non_null(strstr(w->logged.text, "event=fault"));
}

static void the_clock_tells_the_time(void **state)
{
    struct world *w = *state;
    struct timespec before;
    struct timespec after;

    clock_gettime(CLOCK_REALTIME, &before);
    const int64_t now_ms = clock_unix_ms(&w->loop->clock);
    clock_gettime(CLOCK_REALTIME, &after);
    assert_true(now_ms / 1000 >= before.tv_sec && now_ms / 1000 <= after.tv_sec);
}

static void abort_streams_cuts_the_closing_and_ends_the_open(void **state)
{
    struct world *w = *state;
    const int open = connect_peer(w);
    int err = -1;

    const int flushing = connect_peer(w);
    get_stuck(w, &w->conns[1]);
    close_conn(&w->conns[1]);
    connect_peer(w);
    close_conn(&w->conns[2]); // will linger
    turns(w);
    assert_int_equal(w->loop->n_streams, 3);

    listener_close(STEAL(w->listener));
    w->conns[0].in_end = close_conn;
    loop_abort_streams(w->loop);
    loop_run_once(w->loop);
    assert_int_equal(w->conns[0].n_ends, 1);
    assert_int_equal(w->conns[0].end, STREAM_LOST);
    UNTIL(w, w->loop->n_streams == 0);
    assert_int_equal(read_to_end(w, open, &err), 0);
    assert_true(read_to_end(w, flushing, &err) < STUCK);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(echoes_to_a_slow_reader),
        TEST(drained_comes_once_the_kernel_has_all),
        TEST(room_is_what_neither_waits_nor_is_on_its_way),
        TEST(what_is_queued_shrinks_as_the_peer_takes_it),
        TEST(a_paused_stream_is_not_read),
        TEST(the_peers_fin_comes_once_and_does_not_stop_our_writing),
        TEST(the_peers_reset_comes_once),
        TEST(what_is_lost_after_the_fin_is_told_as_well),
        TEST(a_write_that_fails_ends_a_paused_stream),
        TEST(a_stuck_write_that_fails_ends_the_stream),
        TEST(close_delivers_what_is_queued_and_then_a_fin),
        TEST(unread_input_does_not_reset_what_close_sends),
        TEST(lingering_ends_in_time),
        TEST(a_peer_that_does_not_take_the_rest_is_cut_in_time),
        TEST(lingering_drops_so_much_and_no_more),
        TEST(what_comes_before_the_fin_is_dropped_without_a_limit),
        TEST(a_peer_that_ends_while_we_send_gets_all),
        TEST(a_peer_that_is_reset_while_we_send_is_given_up),
        TEST(abort_drops_what_is_queued),
        TEST(a_stream_may_be_given_back_in_any_callback),
        TEST(an_address_that_cannot_be_listened_on_is_a_fault),
        TEST(a_listener_that_is_closed_accepts_nobody),
        TEST(knows_both_ends_addresses),
        TEST(listens_at_a_socket_that_it_is_given),
        TEST(small_writes_are_not_delayed),
        TEST(listens_on_ipv6),
        TEST(turns_away_whom_it_has_no_room_for),
        TEST(an_address_may_have_so_many_connections_and_no_more),
        TEST(a_proxy_may_have_any_number),
        TEST(turns_away_whom_it_has_no_descriptor_for),
        TEST(a_turn_is_network_then_timers_then_jobs_then_writing),
        TEST(the_loop_waits_for_the_next_timer),
        TEST(the_loop_does_not_wait_while_there_are_jobs),
        TEST(freeing_the_loop_runs_the_last_jobs),
        TEST(signals_come_on_the_loop_as_often_as_they_are_sent),
        TEST(the_clock_tells_the_time),
        TEST(abort_streams_cuts_the_closing_and_ends_the_open),
    };
    return cmocka_run_group_tests_name("io/tcp", tests, NULL, NULL);
}
