#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/tcp.h"
#include "support/last_line.h"
#include "support/t.h"

// The peer is a plain socket, and the loop goes on turn by turn, in the same thread; only
// libuv's own threads read the files.

#define MAX_QUEUED 65536
#define LARGE      (16U << 20) // more than the kernel ever holds of a connection
#define GIVE_UP_MS INT64_C(20000)
#define N_CONNS    64

/** Our end of a connection, what it was told, and its peer. */
struct conn {
    struct world *world;
    struct stream *stream; // NULL once it was given back
    unsigned n_ends;
    enum stream_end end;
    unsigned n_drained;
    int peer; // -1: closed
    uint64_t n_got;
};

struct world {
    struct loop *loop;
    struct listener *listener; // NULL: the test closed it
    size_t n_files_before;     // descriptors of the process
    struct conn conns[N_CONNS];
    size_t n_conns;
    struct last_line logged;
};

static int64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void turn(struct world *w)
{
    const struct timespec nap = {.tv_nsec = 100000};

    loop_run_once(w->loop);
    nanosleep(&nap, NULL);
}

static void turn_in_time(struct world *w, int64_t end_ms, const char *waits_for)
{
    if (monotonic_ms() > end_ms)
        fail_msg("never came: %s", waits_for);
    turn(w);
}

/** Turn the loop until the condition holds, and do what follows before each turn. */
#define EACH_TURN_UNTIL(w, condition)                                                          \
    for (int64_t end_ = monotonic_ms() + GIVE_UP_MS; !(condition);                             \
         turn_in_time((w), end_, #condition))

#define UNTIL(w, condition)                                                                    \
    EACH_TURN_UNTIL(w, condition)                                                              \
    {                                                                                          \
    }

/** So many turns as anything that still was to come would need. */
static void turns(struct world *w)
{
    for (int i = 0; i < 20; i++)
        turn(w);
}

static size_t count_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    size_t n = 0;

    assert_non_null(dir);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): no other thread has this directory
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void on_bytes(void *owner, char *bytes, size_t n)
{
    (void)owner, (void)bytes, (void)n;
    fail_msg("the peers say nothing");
}

static void on_end(void *owner, enum stream_end end)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    c->n_ends++;
    c->end = end;
}

static void on_drained(void *owner)
{
    struct conn *c = owner;

    assert_non_null(c->stream);
    assert_int_equal(stream_queued(c->stream), 0);
    c->n_drained++;
}

static const struct stream_events events = {
    .on_bytes = on_bytes, .on_end = on_end, .on_drained = on_drained};

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;
    struct conn *c = &w->conns[w->n_conns++];

    c->world = w;
    c->stream = s;
    stream_set_owner(s, &events, c);
}

static void open_world(struct world *w)
{
    const struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                                   .max_queued = MAX_QUEUED,
                                   .on_accept = on_accept,
                                   .arg = w};

    log_set_sink(last_line_keep, &w->logged);
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
    w->n_files_before = count_files();
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    open_world(w);
    *state = w;
    return 0;
}

static void close_peer(struct conn *c)
{
    assert_int_equal(close(c->peer), 0);
    c->peer = -1;
}

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

/** Each descriptor is closed in the end, that of a file too. */
static int teardown(void **state)
{
    struct world *w = *state;

    for (struct conn *c = w->conns; c < w->conns + w->n_conns; c++) {
        if (c->stream)
            abort_conn(c);
        if (c->peer >= 0)
            close_peer(c);
    }
    UNTIL(w, w->loop->n_streams == 0 && count_files() + !w->listener == w->n_files_before);
    if (w->listener)
        listener_close(w->listener);
    loop_free(w->loop);
    log_set_sink(NULL, NULL);
    free(w);
    return 0;
}

/** A peer that is connected, not blocking. @param room  bytes, for what it does not read */
static struct conn *connect_with(struct world *w, int room)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(listener_addr(w->listener).port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const size_t n_before = w->n_conns;

    assert_true(n_before < N_CONNS);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    UNTIL(w, w->n_conns > n_before);
    w->conns[n_before].peer = fd;
    return &w->conns[n_before];
}

static struct conn *connect_peer(struct world *w)
{
    return connect_with(w, 4096);
}

static char letter_at(uint64_t i)
{
    return (char)('a' + i % 23);
}

/** A file of n letters. @return its descriptor, owned */
static int make_file(size_t n)
{
    const int fd = memfd_create("file", MFD_CLOEXEC);
    char *all = mem_alloc(n);

    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++)
        all[i] = letter_at(i);
    assert_int_equal(write(fd, all, n), n);
    free(all);
    return fd;
}

static void send_whole(struct conn *c, size_t n)
{
    stream_send_file(c->stream, make_file(n), 0, n);
}

/** Give the peer's socket a large buffer, so that it can read fast. */
static void widen(const struct conn *c)
{
    const int large = 1 << 20;
    assert_int_equal(setsockopt(c->peer, SOL_SOCKET, SO_RCVBUF, &large, sizeof(large)), 0);
}

/** Read what is there, up to n bytes, and check that they are the file's, from `at` on.
 * @return bytes; SIZE_MAX: the end, or a reset */
static size_t take_some(const struct conn *c, uint64_t at, size_t n)
{
    static char buffer[1 << 16];

    const ssize_t r = recv(c->peer, buffer, n < sizeof(buffer) ? n : sizeof(buffer), 0);
    if (r < 0 && errno == EAGAIN)
        return 0;
    for (ssize_t i = 0; i < r; i++) {
        if (buffer[i] != letter_at(at + (uint64_t)i))
            fail_msg("byte %llu is wrong", (unsigned long long)(at + (uint64_t)i));
    }
    return r > 0 ? (size_t)r : SIZE_MAX;
}

/** Read n bytes of the file, from `at` on. */
static void expect_file(struct conn *c, uint64_t at, size_t n)
{
    const int64_t end_ms = monotonic_ms() + GIVE_UP_MS;

    widen(c);
    while (n > 0) {
        const size_t got = take_some(c, at, n);
        if (got == SIZE_MAX || monotonic_ms() > end_ms)
            fail_msg("%zu bytes never came", n);
        at += got;
        n -= got;
        loop_run_once(c->world->loop);
    }
}

static void expect_text(struct conn *c, str want)
{
    char got[64];
    size_t n = 0;

    assert_true(want.len <= sizeof(got));
    EACH_TURN_UNTIL(c->world, n == want.len)
    {
        const ssize_t r = recv(c->peer, got + n, want.len - n, 0);
        assert_true(r > 0 || (r < 0 && errno == EAGAIN));
        n += r > 0 ? (size_t)r : 0;
    }
    expect_str("text", ((str){got, n}), want);
}

/** Nothing more, but the end. @return bytes that came before it */
static size_t read_to_end(struct conn *c)
{
    static char buffer[1 << 16];
    size_t n = 0;

    widen(c);
    ssize_t r = 1;
    EACH_TURN_UNTIL(c->world, r == 0 || (r < 0 && errno != EAGAIN)) // FIN or reset
    {
        r = recv(c->peer, buffer, sizeof(buffer), 0);
        n += r > 0 ? (size_t)r : 0;
    }
    return n;
}

/** Send a large file, of which the peer has room for a part. */
static void get_stuck(struct world *w, struct conn *c)
{
    send_whole(c, LARGE);
    UNTIL(w, stream_queued(c->stream) < LARGE);
    turns(w);
    assert_int_not_equal(stream_queued(c->stream), 0);
    assert_int_equal(c->n_drained, 0);
}

// What arrives

static void a_part_of_a_file_arrives(void **state)
{
    static const struct {
        const char *name;
        size_t size;
        uint64_t offset;
        uint64_t n;
    } cases[] = {
        {"one byte", 1, 0, 1},
        {"whole", 100000, 0, 100000},
        {"the beginning", 100000, 0, 1},
        {"the middle", 100000, 3, 77777},
        {"the end", 100000, 99999, 1},
        {"as much as goes at once", 262144, 0, 262144},
        {"one more", 262145, 0, 262145},
        {"large", LARGE, 0, LARGE},
        {"large, a part", LARGE, 12345, LARGE - 12345 - 1},
    };
    struct world *w = *state;
    struct conn *c = connect_peer(w);

    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        stream_send_file(c->stream, make_file(cases[i].size), cases[i].offset, cases[i].n);
        expect_int(cases[i].name, stream_queued(c->stream), cases[i].n);
        expect_file(c, cases[i].offset, cases[i].n);
        UNTIL(w, c->n_drained > 0);
        turns(w);
        expect_int(cases[i].name, c->n_drained, 1); // also of files behind one another
        expect_int(cases[i].name, stream_queued(c->stream), 0);
        c->n_drained = 0;
    }
    assert_int_equal(c->n_ends, 0);
}

static void bytes_before_between_and_behind_files_keep_their_order(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);

    for (int round = 0; round < 3; round++) {
        assert_int_equal(stream_write(c->stream, STR("before")), 0);
        send_whole(c, 500000);
        assert_int_equal(stream_queued(c->stream), 500000 + 6);
        expect_text(c, STR("before"));
        expect_file(c, 0, 500000);
        UNTIL(w, c->n_drained == 1);
        c->n_drained = 0;
    }
    assert_int_equal(stream_write(c->stream, STR("behind")), 0);
    expect_text(c, STR("behind"));
}

static void a_file_waits_for_a_write_that_is_stuck(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    char bytes[MAX_QUEUED];
    size_t n = 0;

    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = letter_at(i);
    for (; c->stream->in_flight == 0; loop_run_once(w->loop)) {
        assert_int_equal(stream_write(c->stream, (str){bytes, sizeof(bytes)}), 0);
        n += sizeof(bytes);
    }
    const size_t stuck = stream_queued(c->stream);
    c->n_drained = 0;
    send_whole(c, 1000);
    assert_int_equal(stream_queued(c->stream), stuck + 1000);
    turns(w);
    assert_int_equal(c->n_drained, 0);
    for (; n > 0; n -= sizeof(bytes))
        expect_file(c, 0, sizeof(bytes));
    expect_file(c, 0, 1000);
    UNTIL(w, c->n_drained > 0);
    assert_int_equal(c->n_drained, 1);
}

static void what_is_queued_shrinks_as_a_slow_peer_takes_it(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    uint64_t at = 0;

    get_stuck(w, c);
    const size_t all = stream_queued(c->stream);
    while (stream_queued(c->stream) == all) {
        const size_t got = take_some(c, at, 10000);
        assert_int_not_equal(got, SIZE_MAX);
        at += got;
        turn(w);
    }
    assert_in_range(stream_queued(c->stream), 1, all - 1);
    expect_file(c, at, LARGE - at);
    UNTIL(w, c->n_drained == 1);
}

/** The kernel has much room for who was fast, and makes some only when a third of it is free.
 */
static void it_shrinks_also_while_the_kernel_has_no_room(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_with(w, 1 << 20);
    uint64_t at = 0;

    send_whole(c, 2 * (size_t)LARGE);
    EACH_TURN_UNTIL(w, at > LARGE)
    {
        at += take_some(c, at, LARGE);
    }
    turns(w);
    const size_t all = stream_queued(c->stream);
    const uint64_t before = at;
    while (stream_queued(c->stream) >= all) {
        const size_t got = take_some(c, at, 10000);
        assert_int_not_equal(got, SIZE_MAX);
        at += got;
        turn(w);
    }
    assert_in_range(at - before, 1, 500000);
}

static void many_are_sent_at_once(void **state)
{
    const size_t size = 2000000;
    struct world *w = *state;
    size_t n_left = N_CONNS;

    for (size_t i = 0; i < N_CONNS; i++) {
        struct conn *c = connect_peer(w);
        widen(c);
        send_whole(c, size);
    }
    EACH_TURN_UNTIL(w, n_left == 0)
    {
        for (struct conn *c = w->conns; c < w->conns + N_CONNS; c++) {
            if (c->n_got == size)
                continue;
            const size_t got = take_some(c, c->n_got, size);
            assert_int_not_equal(got, SIZE_MAX);
            c->n_got += got;
            n_left -= c->n_got == size ? 1 : 0;
        }
    }
    for (struct conn *c = w->conns; c < w->conns + N_CONNS; c++) {
        UNTIL(w, c->n_drained == 1);
    }
}

// Ends

static void expect_lost(struct world *w, struct conn *c)
{
    UNTIL(w, c->n_ends > 0);
    assert_int_equal(c->end, STREAM_LOST);
    assert_int_equal(stream_queued(c->stream), 0);
    UNTIL(w, count_files() == w->n_files_before + 1 + (c->peer >= 0));
    turns(w);
    assert_int_equal(c->n_ends, 1);
    assert_int_equal(c->n_drained, 0);
}

/** Close with a reset instead of a FIN. */
static void reset_peer(struct conn *c)
{
    const struct linger at_once = {.l_onoff = 1};

    assert_int_equal(setsockopt(c->peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
    close_peer(c);
}

static void a_peer_that_is_reset_in_the_middle_ends_the_stream(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 2; i++) {
        struct conn *c = connect_peer(w);
        if (i == 1)
            stream_set_reading(c->stream, false); // then it shows in sending
        get_stuck(w, c);
        reset_peer(c);
        if (i == 0) {
            // What is read is an end or a reset, by whether sending saw the reset before.
            UNTIL(w, c->n_ends > 0);
        } else {
            expect_lost(w, c);
        }
        abort_conn(c);
        UNTIL(w, count_files() == w->n_files_before);
    }
    assert_int_equal(w->logged.n, 0); // that peers leave is nothing to tell
}

static void a_peer_that_ends_its_half_takes_the_file(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);

    get_stuck(w, c);
    assert_int_equal(shutdown(c->peer, SHUT_WR), 0);
    UNTIL(w, c->n_ends == 1);
    assert_int_equal(c->end, STREAM_FIN);
    expect_file(c, 0, LARGE);
    UNTIL(w, c->n_drained == 1);
    assert_int_equal(c->n_ends, 1);
}

static void a_peer_that_is_lost_behind_its_fin_ends_the_stream_again(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);

    get_stuck(w, c);
    assert_int_equal(shutdown(c->peer, SHUT_WR), 0);
    UNTIL(w, c->n_ends == 1);
    reset_peer(c);
    UNTIL(w, c->n_ends == 2);
    assert_int_equal(c->end, STREAM_LOST);
    assert_int_equal(stream_queued(c->stream), 0);
    turns(w);
    assert_int_equal(c->n_ends, 2);
    assert_int_equal(c->n_drained, 0);
}

static void without_a_descriptor_the_stream_ends(void **state)
{
    struct world *w = *state;
    struct rlimit before;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    for (int is_closing = 0; is_closing < 2; is_closing++) {
        struct conn *c = connect_peer(w);
        send_whole(c, 1000);
        const struct rlimit none = {.rlim_cur = 3, .rlim_max = before.rlim_max};
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
        if (is_closing)
            close_conn(c);
        turns(w);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_int_equal(c->n_ends, !is_closing);
        assert_non_null(strstr(w->logged.text, "send a file"));
        if (!is_closing)
            abort_conn(c);
        assert_int_equal(read_to_end(c), 0);
        close_peer(c);
        UNTIL(w, w->loop->n_streams == 0);
    }
    assert_int_equal(w->logged.n, 2);
}

static void a_part_beyond_32_bits_is_sent(void **state)
{
    const off_t beyond = (off_t)5 << 30; // of a file that has no other bytes
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    const int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "abcdef", 6, beyond), 6);
    stream_send_file(c->stream, fd, (uint64_t)beyond, 6);
    expect_file(c, 0, 6);
    UNTIL(w, c->n_drained == 1);
}

static void a_file_too_short_ends_the_stream(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);

    stream_send_file(c->stream, make_file(1000), 1, 1000);
    expect_file(c, 1, 999);
    expect_lost(w, c);
    assert_int_equal(w->logged.n, 1);
    assert_non_null(strstr(w->logged.text, "event=io_file_too_short missing=1"));
}

static void a_file_that_is_cut_meanwhile_ends_the_stream(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    const int fd = make_file(LARGE);
    const int ours = fcntl(fd, F_DUPFD_CLOEXEC, 0);

    assert_true(ours >= 0);
    stream_send_file(c->stream, fd, 0, LARGE);
    UNTIL(w, stream_queued(c->stream) < LARGE);
    assert_int_equal(ftruncate(ours, 0), 0);
    assert_int_equal(close(ours), 0);
    widen(c);
    EACH_TURN_UNTIL(w, c->n_ends > 0)
    {
        char buffer[1 << 16];
        (void)!recv(c->peer, buffer, sizeof(buffer), 0);
    }
    expect_lost(w, c);
    assert_int_equal(w->logged.n, 1);
}

static void a_file_that_cannot_be_read_ends_the_stream(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    const int folder = open("/", O_RDONLY | O_CLOEXEC);

    assert_true(folder >= 0);
    stream_send_file(c->stream, folder, 0, 1);
    expect_lost(w, c);
    assert_int_equal(w->logged.n, 1);
    assert_non_null(strstr(w->logged.text, "send a file"));
}

static void a_stream_may_be_aborted_at_any_time(void **state)
{
    struct world *w = *state;

    for (int n_turns = 0; n_turns < 12; n_turns++) {
        struct conn *c = connect_peer(w);
        send_whole(c, LARGE);
        for (int i = 0; i < n_turns; i++)
            loop_run_once(w->loop);
        abort_conn(c);
        assert_true(read_to_end(c) < LARGE);
        close_peer(c);
        UNTIL(w, w->loop->n_streams == 0 && count_files() == w->n_files_before);
    }
}

static void the_loop_may_end_while_a_thread_is_sending(void **state)
{
    struct world *w = *state;

    for (int n_turns = 0; n_turns < 6; n_turns++) {
        struct conn *c = connect_peer(w);
        send_whole(c, LARGE);
        for (int i = 0; i < n_turns; i++)
            loop_run_once(w->loop);
        abort_conn(c);
        close_peer(c);
        UNTIL(w, w->loop->n_streams == 0);
        listener_close(w->listener);
        loop_free(w->loop);
        memset(w, 0, sizeof(*w));
        open_world(w);
    }
}

static void abort_streams_cuts_files_too(void **state)
{
    struct world *w = *state;
    struct conn *open = connect_peer(w);
    struct conn *flushing = connect_peer(w);

    get_stuck(w, open);
    get_stuck(w, flushing);
    close_conn(flushing);
    turns(w);
    assert_int_equal(w->loop->n_streams, 2);
    listener_close(STEAL(w->listener));
    loop_abort_streams(w->loop);
    UNTIL(w, w->loop->n_streams == 1);
    assert_int_equal(open->n_ends, 1);
    assert_int_equal(open->end, STREAM_LOST);
    assert_int_equal(stream_queued(open->stream), 0);
    close_conn(open);
    assert_true(read_to_end(open) < LARGE);
    assert_true(read_to_end(flushing) < LARGE);
}

static void close_delivers_the_file_and_then_a_fin(void **state)
{
    static const size_t sizes[] = {1, 1000, LARGE};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(sizes); i++) {
        struct conn *c = connect_peer(w);
        assert_int_equal(stream_write(c->stream, STR("head")), 0);
        send_whole(c, sizes[i]);
        close_conn(c);
        turns(w);
        expect_text(c, STR("head"));
        expect_file(c, 0, sizes[i]);
        assert_int_equal(read_to_end(c), 0);
        close_peer(c);
        UNTIL(w, w->loop->n_streams == 0);
        assert_int_equal(timers_next_ms(&w->loop->timers), INT64_MAX);
    }
}

/** Run the next timer, as it would be in its time. */
static void run_next_timer(struct world *w)
{
    const int64_t at_ms = timers_next_ms(&w->loop->timers);

    if (at_ms != INT64_MAX)
        timers_run(&w->loop->timers, at_ms);
}

static void a_closed_stream_has_time_while_its_file_is_taken(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    uint64_t at = 0;

    get_stuck(w, c);
    struct stream *s = c->stream; // it is there for as long as it is counted
    const size_t before = stream_queued(s);
    close_conn(c);
    turns(w);
    widen(c);
    EACH_TURN_UNTIL(w, stream_queued(s) < before && at > LARGE / 4)
    {
        at += take_some(c, at, LARGE / 2);
    }
    run_next_timer(w);
    turns(w);
    assert_int_equal(w->loop->n_streams, 1);
    EACH_TURN_UNTIL(w, w->loop->n_streams == 0) // once nothing of it is taken any more
    {
        run_next_timer(w);
    }
}

static void a_stream_that_sends_a_file_is_busy(void **state)
{
    struct world *w = *state;
    struct conn *c = connect_peer(w);
    struct stream_parcel parcel;

    send_whole(c, 1000);
    assert_int_equal(stream_detach(c->stream, STR(""), &parcel), STREAM_BUSY);
    expect_file(c, 0, 1000);
    UNTIL(w, c->n_drained == 1);
    assert_int_equal(stream_detach(c->stream, STR(""), &parcel), 0);
    c->stream = NULL;
    stream_parcel_drop(&parcel);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_part_of_a_file_arrives),
        TEST(bytes_before_between_and_behind_files_keep_their_order),
        TEST(a_file_waits_for_a_write_that_is_stuck),
        TEST(what_is_queued_shrinks_as_a_slow_peer_takes_it),
        TEST(it_shrinks_also_while_the_kernel_has_no_room),
        TEST(many_are_sent_at_once),
        TEST(a_peer_that_is_reset_in_the_middle_ends_the_stream),
        TEST(a_peer_that_ends_its_half_takes_the_file),
        TEST(a_peer_that_is_lost_behind_its_fin_ends_the_stream_again),
        TEST(without_a_descriptor_the_stream_ends),
        TEST(a_part_beyond_32_bits_is_sent),
        TEST(a_file_too_short_ends_the_stream),
        TEST(a_file_that_is_cut_meanwhile_ends_the_stream),
        TEST(a_file_that_cannot_be_read_ends_the_stream),
        TEST(a_stream_may_be_aborted_at_any_time),
        TEST(the_loop_may_end_while_a_thread_is_sending),
        TEST(abort_streams_cuts_files_too),
        TEST(close_delivers_the_file_and_then_a_fin),
        TEST(a_closed_stream_has_time_while_its_file_is_taken),
        TEST(a_stream_that_sends_a_file_is_busy),
    };
    return cmocka_run_group_tests_name("io/send_file", tests, NULL, NULL);
}
