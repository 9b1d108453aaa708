#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "io/dial.h"
#include "io/tcp.h"
#include "support/t.h"

// Both ends are on one loop, which goes on turn by turn. Where a dial shall be late, the test
// runs the loop's timers ahead instead of waiting.

#define MAX_QUEUED 100000u
#define PATIENCE   5000
#define GIVE_UP_MS INT64_C(20000)
#define N_FILLERS  8

/** Our end of a connection. */
struct end {
    struct stream *stream;
    char text[16];
    size_t n;
    bool has_ended;
};

struct world {
    struct loop *loop;
    struct listener *listener;
    struct addr addr;
    struct tcp_limit limit;
    struct end accepted;
    struct end dialed;
    unsigned n_accepted;
    unsigned n_answers;
    int r;
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

#define UNTIL(w, condition)                                                                    \
    for (int64_t end_ = monotonic_ms() + GIVE_UP_MS; !(condition); turn(w)) {                  \
        if (monotonic_ms() > end_)                                                             \
            fail_msg("never came: %s", #condition);                                            \
    }

static void turns(struct world *w)
{
    for (int i = 0; i < 20; i++)
        turn(w);
}

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct end *e = owner;

    assert_true(e->n + n < sizeof(e->text));
    memcpy(e->text + e->n, bytes, n);
    e->n += n;
}

static void on_end(void *owner, enum stream_end end)
{
    struct end *e = owner;

    (void)end;
    e->has_ended = true;
}

static void own(struct end *e, struct stream *stream)
{
    static const struct stream_events events = {.on_bytes = on_bytes, .on_end = on_end};

    *e = (struct end){.stream = stream};
    stream_set_owner(stream, &events, e);
}

static void abort_end(struct end *e)
{
    if (e->stream)
        stream_abort(STEAL(e->stream));
}

static void on_accept(void *arg, struct stream *stream)
{
    struct world *w = arg;

    w->n_accepted++;
    abort_end(&w->accepted); // of a test that wants none of them
    own(&w->accepted, stream);
}

static void on_dialed(void *arg, int r, struct stream *stream)
{
    struct world *w = arg;

    w->n_answers++;
    w->r = r;
    assert_int_equal(r == 0, stream != NULL);
    if (stream)
        own(&w->dialed, stream);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    assert_int_equal(loop_new(&w->loop), 0);
    const struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                                   .max_queued = MAX_QUEUED,
                                   .on_accept = on_accept,
                                   .arg = w};
    assert_int_equal(tcp_listen(&w->listener, w->loop, &how), 0);
    w->addr = listener_addr(w->listener);
    *state = w;
    return 0;
}

static void refuse(struct world *w)
{
    if (w->listener)
        listener_close(STEAL(w->listener));
    loop_run_once(w->loop);
}

static int teardown(void **state)
{
    struct world *w = *state;

    refuse(w);
    abort_end(&w->accepted);
    abort_end(&w->dialed);
    while (w->loop->n_streams > 0)
        loop_run_once(w->loop);
    loop_free(w->loop);
    assert_int_equal(atomic_load(&w->limit.n), 0);
    free(w);
    return 0;
}

static struct dial *dial(struct world *w, const char *host)
{
    const struct dial_to to = {.host = host,
                               .port = w->addr.port,
                               .timeout_ms = PATIENCE,
                               .max_queued = MAX_QUEUED,
                               .limit = &w->limit};
    const unsigned n = w->n_answers;
    struct dial *d = dial_start(w->loop, &to, on_dialed, w);

    assert_int_equal(w->n_answers, n); // later
    return d;
}

static void expect_talk(struct world *w)
{
    UNTIL(w, w->n_answers == 1 && w->n_accepted == 1);
    assert_int_equal(w->r, 0);
    assert_int_equal(stream_write(w->dialed.stream, STR("who?")), 0);
    UNTIL(w, w->accepted.n == 4);
    assert_int_equal(stream_write(w->accepted.stream, STR("me")), 0);
    turns(w);
    assert_int_equal(w->dialed.n, 0); // nobody has asked for reading yet
    stream_set_reading(w->dialed.stream, true);
    UNTIL(w, w->dialed.n == 2);
    stream_close(STEAL(w->accepted.stream));
    UNTIL(w, w->dialed.has_ended);
}

static void connects_to_an_address(void **state)
{
    dial(*state, "127.0.0.1");
    expect_talk(*state);
}

/** On most machines it is ::1 first, where nobody listens. */
static void connects_to_a_name(void **state)
{
    dial(*state, "localhost");
    expect_talk(*state);
}

static void a_stream_holds_so_much_and_sends_at_once(void **state)
{
    static char much[MAX_QUEUED + 1];
    struct world *w = *state;
    char peer[STREAM_PEER_SIZE];
    char want[ADDR_TEXT_SIZE];

    dial(w, "127.0.0.1");
    UNTIL(w, w->n_answers == 1);
    assert_int_equal(stream_write(w->dialed.stream, (str){much, sizeof(much)}), STREAM_FULL);
    stream_peer(w->dialed.stream, peer);
    assert_string_equal(peer, addr_text(want, &w->addr));
}

static void tells_who_is_not_there(void **state)
{
    static const char *const hosts[] = {"127.0.0.1", "::1", "localhost"};
    struct world *w = *state;

    refuse(w);
    for (unsigned i = 0; i < COUNT_OF(hosts); i++) {
        dial(w, hosts[i]);
        UNTIL(w, w->n_answers == i + 1);
        expect_int(hosts[i], w->r, DIAL_UNREACHED);
    }
}

static void tells_what_is_no_name(void **state)
{
    static const char *const hosts[] = {"a..b", ""};
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(hosts); i++) {
        dial(w, hosts[i]);
        UNTIL(w, w->n_answers == i + 1);
        expect_int(hosts[i], w->r, DIAL_NO_NAME);
    }
}

static void takes_a_place_until_it_is_gone(void **state)
{
    struct world *w = *state;

    w->limit.max = 1;
    dial(w, "127.0.0.1");
    UNTIL(w, w->n_answers == 1);
    assert_int_equal(atomic_load(&w->limit.n), 1);
    dial(w, "127.0.0.1");
    UNTIL(w, w->n_answers == 2);
    assert_int_equal(w->r, DIAL_FULL);
    abort_end(&w->dialed);
    UNTIL(w, atomic_load(&w->limit.n) == 0);
    refuse(w);
    dial(w, "127.0.0.1");
    UNTIL(w, w->n_answers == 3);
    assert_int_equal(w->r, DIAL_UNREACHED);
    assert_int_equal(atomic_load(&w->limit.n), 0);
}

/** A listener that accepts nobody, and whose queue is full: who connects hears nothing. */
struct silent {
    int listener;
    int fillers[N_FILLERS];
    size_t n_fillers;
    struct sockaddr_in addr;
};

static void silent_open(struct silent *s)
{
    socklen_t n = sizeof(s->addr);

    *s = (struct silent){.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    s->addr =
        (struct sockaddr_in){.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    assert_int_equal(bind(s->listener, (const struct sockaddr *)&s->addr, n), 0);
    assert_int_equal(listen(s->listener, 0), 0);
    assert_int_equal(getsockname(s->listener, (struct sockaddr *)&s->addr, &n), 0);
    while (s->n_fillers < N_FILLERS) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        const int r = connect(fd, (const struct sockaddr *)&s->addr, n);
        assert_true(r == 0 || errno == EINPROGRESS);
        s->fillers[s->n_fillers++] = fd;
    }
}

static void silent_close(struct silent *s)
{
    while (s->n_fillers > 0)
        close(s->fillers[--s->n_fillers]);
    close(s->listener);
}

static void gives_up_on_who_does_not_answer(void **state)
{
    struct world *w = *state;
    struct silent silent;

    silent_open(&silent);
    w->addr.port = ntohs(silent.addr.sin_port);
    dial(w, "127.0.0.1");
    turns(w);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + PATIENCE / 2);
    turns(w);
    assert_int_equal(w->n_answers, 0);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + PATIENCE + 1);
    UNTIL(w, w->n_answers == 1);
    assert_int_equal(w->r, DIAL_LATE);
    silent_close(&silent);
}

static void who_is_cancelled_is_not_called_back(void **state)
{
    struct world *w = *state;

    dial_cancel(dial(w, "127.0.0.1"));
    dial_cancel(dial(w, "localhost"));
    struct dial *d = dial(w, "localhost");
    loop_run_once(w->loop);
    dial_cancel(d);
    turns(w);
    assert_int_equal(w->n_answers, 0);
}

/** The answer is on its way when it is cancelled. */
static void who_is_cancelled_last_of_all_is_not_called_back(void **state)
{
    struct world *w = *state;

    w->limit.max = 1;
    dial(w, "127.0.0.1");
    UNTIL(w, w->n_answers == 1);
    dial_cancel(dial(w, "127.0.0.1"));
    turns(w);
    assert_int_equal(w->n_answers, 1);
}

static void a_loop_may_go_with_what_was_cancelled(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct loop *loop = NULL;
        assert_int_equal(loop_new(&loop), 0);
        const struct dial_to to = {.host = i == 0 ? "localhost" : "127.0.0.1",
                                   .port = 1,
                                   .timeout_ms = PATIENCE,
                                   .max_queued = MAX_QUEUED};
        dial_cancel(dial_start(loop, &to, on_dialed, NULL));
        loop_free(loop);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(connects_to_an_address),
        TEST(connects_to_a_name),
        TEST(a_stream_holds_so_much_and_sends_at_once),
        TEST(tells_who_is_not_there),
        TEST(tells_what_is_no_name),
        TEST(takes_a_place_until_it_is_gone),
        TEST(gives_up_on_who_does_not_answer),
        TEST(who_is_cancelled_is_not_called_back),
        TEST(who_is_cancelled_last_of_all_is_not_called_back),
        cmocka_unit_test(a_loop_may_go_with_what_was_cancelled),
    };
    return cmocka_run_group_tests_name("io/dial", tests, NULL, NULL);
}
