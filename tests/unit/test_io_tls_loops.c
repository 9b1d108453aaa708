/** TLS over TCP: listeners, loops, files; and OpenSSL's client, which blocks, on a thread. */
#include <fcntl.h>

#include "io/tcp.h"
#include "support/tls_client.h"

#define FILE_SIZE 3000000
#define STEPS_MAX 200000

struct world {
    struct folder folder;
    struct tls_context *context;
    struct loop *loops[2];
    struct listener *listener; // on the first
    struct stream *stream;     // NULL: over
    unsigned on;               // which loop
    unsigned n_moves;
    bool sends_file;
    uint16_t port;
    pthread_t thread;
    atomic_bool is_over; // the client
    bool is_good;        // and has heard what it should
};

static void go_on(struct world *w, str bytes);

static void on_bytes(void *owner, char *bytes, size_t n)
{
    go_on(owner, (str){bytes, n});
}

static void on_end(void *owner, enum stream_end end)
{
    struct world *w = owner;

    assert_int_equal(end, STREAM_FIN); // the client says when it is done
    stream_close(STEAL(w->stream));
}

static const struct stream_events events = {.on_bytes = on_bytes, .on_end = on_end};

static void move_over(struct world *w)
{
    struct stream_parcel parcel;

    assert_int_equal(stream_detach(STEAL(w->stream), (str){0}, &parcel), 0);
    buf_fini(&parcel.unread);
    w->on = 1 - w->on;
    w->n_moves++;
    assert_int_equal(tcp_attach(&w->stream, w->loops[w->on], &parcel), 0);
    assert_null(parcel.tls);
    stream_set_owner(w->stream, &events, w);
    stream_set_reading(w->stream, true);
}

/** It answers what it hears, with a file or alike, and then it moves: what it has written goes
 * along. */
static void go_on(struct world *w, str bytes)
{
    char path[512];

    if (w->sends_file) {
        const int fd = open(folder_path(path, &w->folder, "file"), O_RDONLY);
        assert_true(fd >= 0);
        stream_send_file(w->stream, fd, 0, FILE_SIZE);
        return;
    }
    assert_int_equal(stream_write(w->stream, bytes), 0);
    move_over(w);
}

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;

    w->stream = s;
    w->on = 0;
    stream_set_owner(s, &events, w);
}

// The client.

static int dial(uint16_t port)
{
    const struct sockaddr_in to = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct timeval give_up = {.tv_sec = TLS_GIVE_UP_S};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &give_up, sizeof(give_up));
    return fd;
}

/** @return whether all came as it should */
static bool hear(SSL *ssl, const char *want, size_t n)
{
    char *got = mem_alloc(n);
    size_t n_got = 0;
    size_t some = 0;

    while (n_got < n && SSL_read_ex(ssl, got + n_got, n - n_got, &some) == 1)
        n_got += some;
    const bool is_good = n_got == n && memcmp(got, want, n) == 0;
    free(got);
    return is_good;
}

static bool talk(SSL *ssl)
{
    bool is_good = true;

    for (unsigned i = 0; i < 50 && is_good; i++) {
        char text[3000];
        memset(text, (int)('a' + i % 26), sizeof(text));
        const size_t n = 1 + i * 59;
        is_good = SSL_write(ssl, text, (int)n) == (int)n && hear(ssl, text, n);
    }
    return is_good;
}

static bool fetch_file(const struct world *w, SSL *ssl)
{
    char path[512];
    char *want = mem_alloc(FILE_SIZE);
    const int fd = open(folder_path(path, &w->folder, "file"), O_RDONLY | O_CLOEXEC);

    bool is_good = read(fd, want, FILE_SIZE) == FILE_SIZE && SSL_write(ssl, "x", 1) == 1;
    is_good = is_good && hear(ssl, want, FILE_SIZE);
    close(fd);
    free(want);
    return is_good;
}

static void *run_client(void *arg)
{
    struct world *w = arg;
    const int fd = dial(w->port);
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
    SSL *ssl = SSL_new(ctx);
    char byte = 0;

    SSL_set_fd(ssl, fd);
    w->is_good = SSL_connect(ssl) == 1 && (w->sends_file ? fetch_file(w, ssl) : talk(ssl));
    // We say that it was all, and so does the server.
    w->is_good = w->is_good && SSL_shutdown(ssl) == 0 && SSL_read(ssl, &byte, 1) == 0 &&
                 SSL_get_error(ssl, 0) == SSL_ERROR_ZERO_RETURN;
    SSL_free(ssl);
    SSL_CTX_free(ctx);
    close(fd);
    atomic_store(&w->is_over, true);
    return NULL;
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    folder_make(&w->folder);
    tls_write_pair(&w->folder, "localhost", 30 * TLS_DAY_S);
    assert_int_equal(tls_load_pair(&w->context, &w->folder), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(loop_new(&w->loops[i]), 0);
    const struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                                   .max_queued = 1 << 20,
                                   .tls = w->context,
                                   .on_accept = on_accept,
                                   .arg = w};
    assert_int_equal(tcp_listen(&w->listener, w->loops[0], &how), 0);
    w->port = listener_addr(w->listener).port;
    *state = w;
    return 0;
}

static size_t n_streams(const struct world *w)
{
    return w->loops[0]->n_streams + w->loops[1]->n_streams;
}

static void run_loops(struct world *w)
{
    loop_run_once(w->loops[0]);
    loop_run_once(w->loops[1]);
    usleep(20);
}

static int teardown(void **state)
{
    struct world *w = *state;

    listener_close(w->listener);
    for (unsigned i = 0; n_streams(w) > 0 && i < STEPS_MAX; i++)
        run_loops(w);
    loop_free(w->loops[0]);
    loop_free(w->loops[1]);
    tls_context_free(w->context);
    folder_remove(&w->folder);
    free(w);
    return 0;
}

static void serve_one(struct world *w)
{
    assert_int_equal(pthread_create(&w->thread, NULL, run_client, w), 0);
    for (unsigned i = 0; !atomic_load(&w->is_over) && i < STEPS_MAX; i++)
        run_loops(w);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_true(w->is_good);
}

static void a_client_is_answered_wherever_it_moves(void **state)
{
    struct world *w = *state;

    serve_one(w);
    assert_true(w->n_moves >= 50);
}

static void a_large_file_comes_as_it_is(void **state)
{
    struct world *w = *state;
    char path[512];
    char *bytes = mem_alloc(FILE_SIZE);
    const int fd = open(folder_path(path, &w->folder, "file"), O_WRONLY | O_CREAT, 0600);

    for (size_t i = 0; i < FILE_SIZE; i++)
        bytes[i] = (char)(i * 31 + i / 257);
    assert_int_equal(write(fd, bytes, FILE_SIZE), FILE_SIZE);
    close(fd);
    free(bytes);
    w->sends_file = true;
    serve_one(w);
}

/** A parcel that nobody wants takes its TLS along. */
static void a_parcel_that_is_dropped_is_closed(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    assert_int_equal(pthread_create(&w->thread, NULL, run_client, w), 0);
    for (unsigned i = 0; w->n_moves == 0 && i < STEPS_MAX; i++)
        run_loops(w);
    int r = STREAM_BUSY;
    for (unsigned i = 0; r == STREAM_BUSY && i < STEPS_MAX; i++) {
        r = stream_detach(w->stream, (str){0}, &parcel);
        run_loops(w);
    }
    assert_int_equal(r, 0);
    w->stream = NULL;
    stream_parcel_drop(&parcel);
    for (unsigned i = 0; !atomic_load(&w->is_over) && i < STEPS_MAX; i++)
        run_loops(w);
    assert_int_equal(pthread_join(w->thread, NULL), 0);
    assert_false(w->is_good);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_client_is_answered_wherever_it_moves),
        TEST(a_large_file_comes_as_it_is),
        TEST(a_parcel_that_is_dropped_is_closed),
    };
    return cmocka_run_group_tests_name("io_tls_loops", tests, NULL, NULL);
}
