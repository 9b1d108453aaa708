/** TLS over a stream in memory, against OpenSSL's client. */
#include <fcntl.h>

#include "io/tls.h"
#include "support/mem_stream.h"
#include "support/tls_client.h"

#define MAX_QUEUED 262144

struct world {
    struct folder folder;
    struct tls_context *context;
    struct loop *loop;
    struct mem_stream inner;
    struct stream *stream; // NULL: given back
    struct tls_client client;
    struct buf got;     // by the owner
    struct buf heard;   // by the client
    bool is_done;       // with the client's handshake
    bool has_heard_end; // a close_notify
    int n_ends;
    enum stream_end end;
    int n_drained;
    void (*on_bytes)(struct world *w); // what the owner does behind some bytes
};

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct world *w = owner;

    assert_non_null(w->stream);
    assert_int_equal(buf_add(&w->got, (str){bytes, n}), 0);
    if (w->on_bytes)
        w->on_bytes(w);
}

static void on_end(void *owner, enum stream_end end)
{
    struct world *w = owner;

    w->n_ends++;
    w->end = end;
}

static void on_drained(void *owner)
{
    ((struct world *)owner)->n_drained++;
}

static const struct stream_events events = {on_bytes, on_end, on_drained};

static void connect_client(struct world *w)
{
    mem_stream_init(&w->inner, MAX_QUEUED);
    tls_client_init(&w->client);
    w->stream = tls_new(w->loop, &w->inner.stream, tls_context_connection(w->context));
    stream_set_owner(w->stream, &events, w);
    w->is_done = w->has_heard_end = false;
    w->n_ends = w->n_drained = 0;
    buf_clear(&w->got);
    buf_clear(&w->heard);
}

static void run_jobs(struct world *w)
{
    while (w->loop->later.head)
        job_run_all(&w->loop->later);
}

static void disconnect_client(struct world *w)
{
    if (w->stream)
        stream_abort(STEAL(w->stream));
    run_jobs(w);
    mem_stream_fini(&w->inner);
    tls_client_fini(&w->client);
}

static void reconnect(struct world *w)
{
    disconnect_client(w);
    connect_client(w);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    folder_make(&w->folder);
    tls_write_pair(&w->folder, "first", 30 * TLS_DAY_S);
    assert_int_equal(tls_load_pair(&w->context, &w->folder), 0);
    assert_int_equal(loop_new(&w->loop), 0);
    buf_init(&w->got, SIZE_MAX / 2);
    buf_init(&w->heard, SIZE_MAX / 2);
    connect_client(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    disconnect_client(w);
    loop_free(w->loop);
    tls_context_free(w->context);
    folder_remove(&w->folder);
    buf_fini(&w->got);
    buf_fini(&w->heard);
    free(w);
    return 0;
}

// The client, step by step.

/** It reads what there is. */
static void client_goes_on(struct world *w)
{
    char bytes[20000];
    size_t n = 0;

    ERR_clear_error();
    if (!w->is_done)
        w->is_done = SSL_do_handshake(w->client.ssl) == 1;
    while (w->is_done && SSL_read_ex(w->client.ssl, bytes, sizeof(bytes), &n) == 1)
        assert_int_equal(buf_add(&w->heard, (str){bytes, n}), 0);
    w->has_heard_end |= SSL_get_shutdown(w->client.ssl) & SSL_RECEIVED_SHUTDOWN;
    ERR_clear_error();
}

/** What the server has written goes to the client. @return whether there was some */
static bool deliver(struct world *w)
{
    const str bytes = buf_str(&w->inner.stream.out);

    if (bytes.len == 0)
        return false;
    assert_int_equal(BIO_write(w->client.in, bytes.ptr, (int)bytes.len), (int)bytes.len);
    mem_stream_drain(&w->inner);
    return true;
}

/** What the client has written goes to the server, in pieces of so many bytes. */
static bool send_on(struct world *w, size_t at_once)
{
    char piece[65536];
    bool any = false;

    assert_true(at_once <= sizeof(piece));
    for (int n = 0; (n = BIO_read(w->client.out, piece, (int)at_once)) > 0;) {
        any = true;
        mem_stream_feed(&w->inner, (str){piece, (size_t)n});
        run_jobs(w);
    }
    return any;
}

static void settle_in(struct world *w, size_t at_once)
{
    bool any = true;

    while (any) {
        client_goes_on(w);
        any = send_on(w, at_once);
        run_jobs(w);
        any |= deliver(w);
        client_goes_on(w);
    }
}

static void settle(struct world *w)
{
    settle_in(w, 65536);
}

static void client_says(struct world *w, str text)
{
    size_t n = 0;

    assert_int_equal(SSL_write_ex(w->client.ssl, text.ptr, text.len, &n), 1);
    assert_int_equal(n, text.len);
}

static void server_says(struct world *w, str text)
{
    assert_int_equal(stream_write(w->stream, text), 0);
}

static void expect_got(const struct world *w, str want)
{
    expect_str("got", buf_str(&w->got), want);
}

static void expect_heard(const struct world *w, str want)
{
    expect_str("heard", buf_str(&w->heard), want);
}

// Tests.

static void text_goes_both_ways_however_it_is_cut(void **state)
{
    static const size_t sizes[] = {1, 2, 3, 5, 7, 100, 1000, 65536};
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(sizes); i++) {
        if (i > 0)
            connect_client(w);
        settle_in(w, sizes[i]);
        assert_true(w->is_done);
        client_says(w, STR("question"));
        settle_in(w, sizes[i]);
        expect_got(w, STR("question"));
        server_says(w, STR("an"));
        server_says(w, STR("swer"));
        settle_in(w, sizes[i]);
        expect_heard(w, STR("answer"));
        assert_int_equal(w->n_ends, 0);
        if (i + 1 < COUNT_OF(sizes))
            disconnect_client(w);
    }
}

/** What is written before the handshake is over waits. */
static void what_is_written_early_comes_later(void **state)
{
    struct world *w = *state;

    server_says(w, STR("early"));
    run_jobs(w);
    assert_int_equal(w->inner.stream.out.len, 0);
    assert_int_equal(stream_queued(w->stream), 5);
    settle(w);
    expect_heard(w, STR("early"));
    assert_int_equal(stream_queued(w->stream), 0);
    assert_int_equal(w->n_drained, 1);
}

/** Its answers to the handshake, and to what comes later, wait for room; so does the client. */
static void who_takes_nothing_is_not_read_from(void **state)
{
    struct world *w = *state;

    reconnect(w);
    w->inner.stream.out.max = 300;
    client_goes_on(w);
    send_on(w, 65536);
    assert_int_equal(w->inner.stream.out.len, 300);
    assert_false(w->inner.is_reading);
    settle(w); // 300 bytes at a time
    assert_true(w->is_done);
    assert_true(w->inner.is_reading);
    for (unsigned i = 0; i < 40; i++) { // each wants an answer
        assert_int_equal(SSL_key_update(w->client.ssl, SSL_KEY_UPDATE_REQUESTED), 1);
        assert_int_equal(SSL_do_handshake(w->client.ssl), 1);
        client_says(w, STR("x"));
    }
    send_on(w, 65536);
    assert_in_range(w->inner.stream.out.len, 280, 300);
    assert_false(w->inner.is_reading);
    assert_true(w->got.len < 40);
    settle(w);
    assert_int_equal(w->got.len, 40);
    assert_true(w->inner.is_reading);
    assert_int_equal(w->n_ends, 0);
}

/** After each number of the client's bytes the connection is lost. */
static void a_connection_may_be_cut_anywhere(void **state)
{
    struct world *w = *state;
    unsigned n_bytes = 0;

    for (unsigned at = 0; at <= n_bytes; at++) {
        unsigned n = 0;
        bool is_cut = false;
        if (at > 0)
            connect_client(w);
        for (unsigned step = 0; step < 4 && !is_cut; step++) {
            char byte = 0;
            client_goes_on(w);
            if (step == 2)
                client_says(w, STR("question"));
            while (!is_cut && BIO_read(w->client.out, &byte, 1) == 1) {
                is_cut = n++ == at;
                if (is_cut) {
                    mem_stream_end(&w->inner, at % 2 ? STREAM_FIN : STREAM_LOST);
                } else {
                    mem_stream_feed(&w->inner, (str){&byte, 1});
                }
                run_jobs(w);
            }
            deliver(w);
        }
        if (!is_cut)
            mem_stream_end(&w->inner, STREAM_LOST);
        n_bytes = is_cut ? n_bytes : n;
        n_bytes = n_bytes < at + 1 && is_cut ? at + 1 : n_bytes;
        assert_int_equal(w->n_ends, 1);
        assert_int_equal(w->end, STREAM_LOST); // nobody has said that it was all
        assert_true(w->got.len == 0 || w->got.len == 8);
        disconnect_client(w);
    }
    assert_true(n_bytes > 300);
    connect_client(w);
}

static void who_says_that_it_was_all_may_be_answered(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("question"));
    assert_int_equal(SSL_shutdown(w->client.ssl), 0);
    send_on(w, 65536);
    expect_got(w, STR("question"));
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->end, STREAM_FIN);
    mem_stream_end(&w->inner, STREAM_FIN);
    assert_int_equal(w->n_ends, 1);
    server_says(w, STR("answer"));
    stream_close(STEAL(w->stream));
    run_jobs(w);
    deliver(w);
    client_goes_on(w);
    expect_heard(w, STR("answer"));
    assert_true(w->has_heard_end);
    assert_true(w->inner.is_closed);
}

static void what_nobody_reads_waits(void **state)
{
    struct world *w = *state;
    struct buf all;

    settle(w);
    buf_init(&all, SIZE_MAX / 2);
    stream_set_reading(w->stream, false);
    assert_false(w->inner.is_reading);
    for (unsigned i = 0; i < 5; i++) {
        char text[9000];
        memset(text, (int)('a' + i), sizeof(text));
        client_says(w, (str){text, sizeof(text)});
        assert_int_equal(buf_add(&all, (str){text, sizeof(text)}), 0);
    }
    send_on(w, 65536); // it was on its way
    assert_int_equal(w->got.len, 0);
    stream_set_reading(w->stream, true);
    assert_false(w->inner.is_reading); // before what was kept
    run_jobs(w);
    expect_got(w, buf_str(&all));
    assert_true(w->inner.is_reading);
    buf_fini(&all);
}

static void stop_reading(struct world *w)
{
    stream_set_reading(w->stream, false);
}

static void an_owner_that_stops_gets_one_record(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("one"));
    client_says(w, STR("two"));
    client_says(w, STR("three"));
    w->on_bytes = stop_reading;
    send_on(w, 65536);
    expect_got(w, STR("one"));
    stream_set_reading(w->stream, true);
    run_jobs(w);
    expect_got(w, STR("onetwo"));
    w->on_bytes = NULL;
    stream_set_reading(w->stream, true);
    run_jobs(w);
    expect_got(w, STR("onetwothree"));
    client_says(w, STR("four"));
    settle(w);
    expect_got(w, STR("onetwothreefour"));
}

static void abort_it(struct world *w)
{
    stream_abort(STEAL(w->stream));
}

static void close_it(struct world *w)
{
    stream_close(STEAL(w->stream));
}

static void an_owner_may_end_it_from_inside(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("one"));
    client_says(w, STR("two"));
    w->on_bytes = abort_it;
    send_on(w, 65536);
    expect_got(w, STR("one"));
    assert_true(w->inner.is_aborted);
    reconnect(w);
    w->on_bytes = NULL;
    settle(w);
    client_says(w, STR("one"));
    client_says(w, STR("two"));
    w->on_bytes = close_it;
    send_on(w, 65536);
    expect_got(w, STR("one"));
    run_jobs(w);
    assert_true(w->inner.is_closed);
    deliver(w);
    client_goes_on(w);
    assert_true(w->has_heard_end);
    assert_int_equal(w->n_ends, 0);
}

/** Before its handshake is over, there is nobody to tell. */
static void one_that_is_closed_early_is_closed(void **state)
{
    struct world *w = *state;

    server_says(w, STR("early"));
    stream_close(STEAL(w->stream));
    run_jobs(w);
    assert_true(w->inner.is_closed);
    assert_int_equal(w->inner.stream.out.len, 0);
}

/** The inner stream gets some at a time; the owner is told once. */
static void much_waits_for_the_peer(void **state)
{
    static char much[200000];
    struct world *w = *state;

    settle(w);
    for (size_t i = 0; i < sizeof(much); i++)
        much[i] = (char)(i * 7 + i / 251);
    server_says(w, (str){much, sizeof(much)});
    assert_int_equal(stream_write(w->stream, (str){much, 100000}), STREAM_FULL);
    run_jobs(w);
    assert_in_range(w->inner.stream.out.len, 65536, 100000);
    assert_true(stream_queued(w->stream) >= sizeof(much));
    assert_int_equal(w->n_drained, 0);
    settle(w);
    expect_heard(w, (str){much, sizeof(much)});
    assert_int_equal(w->n_drained, 1);
    assert_int_equal(stream_queued(w->stream), 0);
}

#define MUCH 200000 // bytes, more than may wait as cipher text

static void close_with_much(struct world *w)
{
    static char much[MUCH];

    settle(w);
    server_says(w, (str){much, sizeof(much)});
    stream_close(STEAL(w->stream));
    run_jobs(w);
}

static void one_that_is_closed_sends_all_first(void **state)
{
    struct world *w = *state;

    close_with_much(w);
    assert_false(w->inner.is_closed);
    client_says(w, STR("nobody hears that"));
    mem_stream_end(&w->inner, STREAM_FIN); // it still reads
    settle(w);
    assert_int_equal(w->heard.len, MUCH);
    assert_true(w->has_heard_end);
    assert_true(w->inner.is_closed);
    assert_int_equal(w->got.len, 0);
}

static void who_takes_nothing_of_the_rest_is_cut(void **state)
{
    struct world *w = *state;

    close_with_much(w);
    deliver(w); // some of it
    timers_run(&w->loop->timers, w->loop->timers.now_ms + 10000);
    assert_false(w->inner.is_aborted);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + 10000);
    run_jobs(w);
    assert_true(w->inner.is_aborted);
}

static void who_speaks_http_is_told(void **state)
{
    struct world *w = *state;

    mem_stream_feed(&w->inner, STR("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_true(w->inner.is_closed);
    const str said = mem_stream_take(&w->inner);
    assert_true(str_starts(said, STR("HTTP/1.1 400 Bad Request\r\n")));
    const str end = STR("\r\n\r\nThis port speaks HTTPS, not HTTP\n");
    assert(said.ptr && said.len > end.len);
    expect_str("why", ((str){said.ptr + said.len - end.len, end.len}), end);
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->end, STREAM_LOST);
    char peer[STREAM_PEER_SIZE];
    stream_peer(w->stream, peer);
    assert_string_equal(peer, "-");
    assert_int_equal(stream_write(w->stream, STR("too late")), 0);
    run_jobs(w);
    stream_close(STEAL(w->stream));
}

static void what_is_no_tls_ends_it(void **state)
{
    static const str bad[] = {
        STR("\x16\x03\x01\x00\x04\xff\x00\x00\x00"), // no handshake
        STR("\x17\x03\x03\x00\x01"
            "a"),                                            // before one
        STR("\x80\x09\x01\x00\x02\x00\x00\x00\x00\x00\x00"), // SSL 2
        STR("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        mem_stream_feed(&w->inner, bad[i]);
        expect_int("ends", w->n_ends, 1);
        assert_int_equal(w->end, STREAM_LOST);
        assert_true(w->inner.is_closed);
        reconnect(w);
    }
    settle(w);
    assert_true(w->is_done);
}

/** A record that was changed on its way. */
static void what_was_changed_ends_it(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("question"));
    const str wire = tls_client_wire(&w->client);
    char *copy = mem_alloc(wire.len);
    str_copy(copy, wire);
    copy[wire.len - 1] ^= 1;
    mem_stream_feed(&w->inner, (str){copy, wire.len});
    free(copy);
    assert_int_equal(w->got.len, 0);
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->end, STREAM_LOST);
    assert_true(w->inner.is_closed);
    assert_true(w->inner.stream.out.len > 0); // the alert
}

// Moving.

static void move_it(struct world *w, str unread)
{
    struct stream_parcel parcel;
    struct mem_stream *inner = &w->inner;

    assert_int_equal(stream_detach(STEAL(w->stream), unread, &parcel), 0);
    assert_true(inner->is_detached);
    assert_non_null(parcel.tls);
    expect_str("unread", buf_str(&parcel.unread), unread);
    buf_fini(&parcel.unread);
    mem_stream_fini(inner);
    mem_stream_attach(inner, &parcel);
    w->stream = tls_attach(w->loop, &inner->stream, STEAL(parcel.tls));
    stream_set_owner(w->stream, &events, w);
}

static void move_from_inside(struct world *w)
{
    w->on_bytes = NULL;
    move_it(w, STR("left"));
}

static void one_that_moves_goes_on_elsewhere(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("one"));
    client_says(w, STR("two"));
    client_says(w, STR("three"));
    server_says(w, STR("before"));
    w->on_bytes = move_from_inside; // with two behind it that nobody has read
    send_on(w, 65536);
    expect_got(w, STR("one"));
    stream_set_reading(w->stream, true);
    run_jobs(w);
    expect_got(w, STR("onetwothree"));
    server_says(w, STR("after"));
    settle(w);
    expect_heard(w, STR("beforeafter"));
    client_says(w, STR("four"));
    settle(w);
    expect_got(w, STR("onetwothreefour"));
    move_it(w, (str){0});
    client_says(w, STR("five"));
    stream_set_reading(w->stream, true);
    settle(w);
    expect_got(w, STR("onetwothreefourfive"));
}

static void one_that_is_not_ready_to_move_stays(void **state)
{
    struct world *w = *state;
    struct stream_parcel parcel;

    assert_int_equal(stream_detach(w->stream, (str){0}, &parcel), STREAM_BUSY); // no handshake
    settle(w);
    w->inner.stream.in_flight = 1;
    assert_int_equal(stream_detach(w->stream, (str){0}, &parcel), STREAM_BUSY);
    const int n_drained = w->n_drained;
    mem_stream_drain(&w->inner);
    assert_int_equal(w->n_drained, n_drained + 1); // so that it tries again
    client_says(w, STR("one"));
    settle(w);
    expect_got(w, STR("one"));
}

// Files.

static int file_of(struct world *w, size_t n)
{
    char path[512];
    const int fd =
        open(folder_path(path, &w->folder, "file"), O_RDWR | O_CREAT | O_TRUNC, 0600);

    assert_true(fd >= 0);
    for (size_t i = 0; i < n; i++) {
        const char byte = (char)(i * 31 + i / 257);
        if (i < 100000 || i % 4096 == 0)
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)i), 1);
    }
    assert_int_equal(ftruncate(fd, (off_t)n), 0);
    return fd;
}

static void settle_file(struct world *w)
{
    for (unsigned i = 0; i < 3000 && (stream_queued(w->stream) > 0 || i < 3); i++) {
        loop_run_once(w->loop);
        settle(w);
        usleep(100);
    }
}

static void a_file_follows_what_is_written(void **state)
{
    const size_t n = 500000;
    struct world *w = *state;
    const int fd = file_of(w, n);

    settle(w);
    server_says(w, STR("head"));
    char *want = mem_alloc(n);
    assert_int_equal(pread(fd, want, n - 7, 7), (ssize_t)n - 7);
    stream_send_file(w->stream, fd, 7, n - 7);
    assert_true(stream_queued(w->stream) >= n - 7);
    settle_file(w);
    assert_int_equal(w->heard.len, 4 + n - 7);
    assert_memory_equal(buf_str(&w->heard).ptr + 4, want, n - 7);
    assert_int_equal(w->n_drained, 1);
    server_says(w, STR("tail"));
    settle(w);
    assert_int_equal(w->heard.len, 4 + n - 7 + 4);
    free(want);
}

static void a_file_that_is_too_short_ends_it(void **state)
{
    struct world *w = *state;

    settle(w);
    stream_send_file(w->stream, file_of(w, 100000), 0, 100001);
    for (unsigned i = 0; i < 3000 && w->n_ends == 0; i++) {
        loop_run_once(w->loop);
        settle(w);
        usleep(100);
    }
    assert_int_equal(w->n_ends, 1);
    assert_int_equal(w->end, STREAM_LOST);
}

static void a_file_may_be_left_at_any_time(void **state)
{
    struct world *w = *state;

    for (unsigned i = 0; i < 12; i++) {
        settle(w);
        stream_send_file(w->stream, file_of(w, 300000), 0, 300000);
        for (unsigned k = 0; k < i; k++) {
            run_jobs(w);
            loop_run_once(w->loop);
            deliver(w);
        }
        if (i % 2 == 0) {
            stream_abort(STEAL(w->stream));
        } else {
            stream_close(STEAL(w->stream)); // with what is left, if the peer is there
            mem_stream_end(&w->inner, STREAM_LOST);
        }
        reconnect(w);
    }
}

// Contexts.

static void what_can_not_be_loaded_is_refused(void **state)
{
    struct world *w = *state;
    struct tls_context *c = NULL;
    char cert[512];
    char key[512];
    char other[512];
    const char *none = folder_path(other, &w->folder, "none.pem");
    folder_path(cert, &w->folder, "cert.pem");
    folder_path(key, &w->folder, "key.pem");

    assert_int_equal(tls_context_new(&c, &(struct tls_files){none, key}), TLS_NO_CERT);
    assert_int_equal(tls_context_new(&c, &(struct tls_files){key, key}), TLS_NO_CERT);
    assert_int_equal(tls_context_new(&c, &(struct tls_files){cert, none}), TLS_NO_KEY);
    assert_int_equal(tls_context_new(&c, &(struct tls_files){cert, cert}), TLS_NO_KEY);
    struct tls_identity another;
    tls_identity_init(&another, &(struct tls_cert){"x", "DNS:x", 0, TLS_DAY_S}, NULL);
    folder_path(other, &w->folder, "other.pem");
    tls_write_key(&another, other);
    tls_identity_fini(&another);
    assert_int_equal(tls_context_new(&c, &(struct tls_files){cert, other}), TLS_NO_PAIR);
    for (int r = TLS_NO_CERT; r <= TLS_WEAK; r++)
        assert_true(strlen(tls_remedy((enum tls_refusal)r)) > 10);
    assert_null(c);
}

static void expect_shown(struct world *w, const char *name)
{
    char shown[64];
    X509 *cert = SSL_get1_peer_certificate(w->client.ssl);

    assert_non_null(cert);
    X509_NAME_get_text_by_NID(X509_get_subject_name(cert), NID_commonName, shown,
                              sizeof(shown));
    X509_free(cert);
    assert_string_equal(shown, name);
}

static void who_comes_after_a_reload_is_shown_the_new_one(void **state)
{
    struct world *w = *state;
    const int64_t ends_s = tls_context_ends_s(w->context);
    char path[512];

    settle(w);
    expect_shown(w, "first");
    assert_in_range(ends_s, time(NULL) + 29 * TLS_DAY_S, time(NULL) + 31 * TLS_DAY_S);
    tls_write_pair(&w->folder, "second", 60 * TLS_DAY_S);
    assert_int_equal(tls_context_reload(w->context), 0);
    assert_true(tls_context_ends_s(w->context) > ends_s + 29 * TLS_DAY_S);
    client_says(w, STR("still here"));
    settle(w);
    expect_got(w, STR("still here"));
    reconnect(w);
    settle(w);
    expect_shown(w, "second");
    assert_int_equal(unlink(folder_path(path, &w->folder, "key.pem")), 0);
    assert_int_equal(tls_context_reload(w->context), TLS_NO_KEY);
    reconnect(w);
    settle(w);
    expect_shown(w, "second");
}

static void only_what_is_sound_is_spoken(void **state)
{
    static const struct {
        const char *what;
        int version;
        const char *ciphers;
        const char *protocols; // ALPN, as on the wire
        bool is_spoken;
    } rows[] = {
        {"TLS 1.3", TLS1_3_VERSION, NULL, NULL, true},
        {"TLS 1.2", TLS1_2_VERSION, NULL, NULL, true},
        {"TLS 1.1", TLS1_1_VERSION, "ALL:@SECLEVEL=0", NULL, false},
        {"no forward secrecy", TLS1_2_VERSION, "AES128-GCM-SHA256", NULL, false},
        {"CBC", TLS1_2_VERSION, "ECDHE-ECDSA-AES128-SHA256", NULL, false},
        {"http/1.1", TLS1_3_VERSION, NULL, "\x02h2\x08http/1.1", true},
        {"h2 alone", TLS1_3_VERSION, NULL, "\x02h2", false},
    };
    struct world *w = *state;

    for (unsigned i = 0; i < COUNT_OF(rows); i++) {
        SSL *ssl = w->client.ssl;
        SSL_set_security_level(ssl, 0);
        assert_int_equal(SSL_set_min_proto_version(ssl, rows[i].version), 1);
        assert_int_equal(SSL_set_max_proto_version(ssl, rows[i].version), 1);
        if (rows[i].ciphers)
            assert_int_equal(SSL_set_cipher_list(ssl, rows[i].ciphers), 1);
        if (rows[i].protocols) {
            assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)rows[i].protocols,
                                                 (unsigned)strlen(rows[i].protocols)),
                             0);
        }
        settle(w);
        expect_int(rows[i].what, w->is_done, rows[i].is_spoken);
        expect_int(rows[i].what, w->n_ends, !rows[i].is_spoken);
        reconnect(w);
    }
}

/** With a ticket of the first time, there is no certificate to be shown again. */
static void who_comes_again_is_known(void **state)
{
    struct world *w = *state;

    settle(w);
    client_says(w, STR("one"));
    settle(w);
    SSL_SESSION *session = SSL_get1_session(w->client.ssl);
    assert_true(SSL_SESSION_is_resumable(session));
    assert_false(SSL_session_reused(w->client.ssl));
    (void)SSL_shutdown(w->client.ssl); // or the client would trust it no more
    reconnect(w);
    SSL_set_session(w->client.ssl, session);
    settle(w);
    assert_true(SSL_session_reused(w->client.ssl));
    SSL_SESSION_free(session);
}

static void renegotiation_is_refused(void **state)
{
    struct world *w = *state;

    assert_int_equal(SSL_set_max_proto_version(w->client.ssl, TLS1_2_VERSION), 1);
    settle(w);
    assert_true(w->is_done);
    assert_int_equal(SSL_renegotiate(w->client.ssl), 1);
    (void)SSL_do_handshake(w->client.ssl);
    settle(w);
    assert_true(SSL_renegotiate_pending(w->client.ssl) || w->n_ends == 0);
    assert_int_equal(w->got.len, 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(text_goes_both_ways_however_it_is_cut),
        TEST(what_is_written_early_comes_later),
        TEST(who_takes_nothing_is_not_read_from),
        TEST(a_connection_may_be_cut_anywhere),
        TEST(who_says_that_it_was_all_may_be_answered),
        TEST(what_nobody_reads_waits),
        TEST(an_owner_that_stops_gets_one_record),
        TEST(an_owner_may_end_it_from_inside),
        TEST(one_that_is_closed_early_is_closed),
        TEST(much_waits_for_the_peer),
        TEST(one_that_is_closed_sends_all_first),
        TEST(who_takes_nothing_of_the_rest_is_cut),
        TEST(who_speaks_http_is_told),
        TEST(what_is_no_tls_ends_it),
        TEST(what_was_changed_ends_it),
        TEST(one_that_moves_goes_on_elsewhere),
        TEST(one_that_is_not_ready_to_move_stays),
        TEST(a_file_follows_what_is_written),
        TEST(a_file_that_is_too_short_ends_it),
        TEST(a_file_may_be_left_at_any_time),
        TEST(what_can_not_be_loaded_is_refused),
        TEST(who_comes_after_a_reload_is_shown_the_new_one),
        TEST(only_what_is_sound_is_spoken),
        TEST(who_comes_again_is_known),
        TEST(renegotiation_is_refused),
    };
    return cmocka_run_group_tests_name("io_tls", tests, NULL, NULL);
}
