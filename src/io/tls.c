#include "io/tls.h"

#include <pthread.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/fsm.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/read_file.h"

#define RECORD_MAX SSL3_RT_MAX_PLAIN_LENGTH // bytes of plain text
#define AHEAD      65536 // bytes of cipher text that wait in the inner stream, and a record
#define CLOSE_MS   10000 // for the peer to take some of what is left, before it is cut

// OPEN, then (stream_close) CLOSING until the inner stream has all there is to send, and goes
// its own way to the end; then GONE. stream_abort(), moving away and errors go to GONE at once.
// Only OPEN has an owner.

enum tls_state {
    TLS_OPEN,
    TLS_CLOSING,
    TLS_GONE,
};

#define TO(state) FSM_TO(TLS_##state)
static const struct fsm_state states[] = {
    [TLS_OPEN] = {"tls_open", TO(CLOSING) | TO(GONE)},
    [TLS_CLOSING] = {"tls_closing", TO(GONE)},
    [TLS_GONE] = {"tls_gone", 0},
};
#undef TO

/** The end of a connection, as long as it takes. */
struct tls_ending {
    struct timer timer;
    struct tls *tls;
    size_t queued; // when the timer was set
};

struct tls {
    struct stream stream;
    struct stream *inner; // NULL: given back
    struct loop *loop;
    SSL *ssl; // NULL: over, or moved away
    struct fsm fsm;
    struct job job;         // goes on, or frees
    str input;              // cipher text of the callback that runs, and not taken yet
    struct buf kept;        // before that: it came while nobody read
    struct read_file *file; // behind all else; NULL: none
    struct tls_ending *ending;
    bool is_reading;
    bool is_stuck;       // what comes can't be read before there is room for what is to go
    bool has_peer_ended; // no plain text comes any more
    bool is_lost;        // and the owner was told
    bool is_told;        // the owner, that all is with the kernel
};

struct tls_parcel {
    SSL *ssl;
    struct buf kept;
};

static struct tls *tls_of(struct stream *s)
{
    return container_of(s, struct tls, stream);
}

// What OpenSSL reads and writes: straight from what has come, into what the inner stream has
// gathered.

static int bio_read(BIO *bio, char *out, size_t size, size_t *n)
{
    struct tls *t = BIO_get_data(bio);
    const str from = t->kept.len > 0 ? buf_str(&t->kept) : t->input;

    BIO_clear_retry_flags(bio);
    *n = size < from.len ? size : from.len;
    if (*n == 0) {
        BIO_set_retry_read(bio);
        return 0;
    }
    memcpy(out, from.ptr, *n);
    if (t->kept.len > 0) {
        buf_consume(&t->kept, *n);
    } else {
        str_take(&t->input, *n);
    }
    return 1;
}

static int bio_write(BIO *bio, const char *bytes, size_t size, size_t *n)
{
    struct stream *inner = ((const struct tls *)BIO_get_data(bio))->inner;
    const size_t queued = stream_queued(inner);
    const size_t room = queued < inner->out.max ? inner->out.max - queued : 0;

    BIO_clear_retry_flags(bio);
    *n = size < room ? size : room;
    if (*n > 0 && stream_write(inner, (str){bytes, *n}) == 0)
        return 1;
    BIO_set_retry_write(bio);
    return 0;
}

static long bio_ctrl(BIO *bio, int what, long n, void *arg)
{
    (void)bio, (void)n, (void)arg;
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP; // all else it does not do
}

static BIO_METHOD *bio_method;

static void make_bio_method(void)
{
    bio_method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "stream");
    if (!bio_method)
        mem_fail(0);
    BIO_meth_set_read_ex(bio_method, bio_read);
    BIO_meth_set_write_ex(bio_method, bio_write);
    BIO_meth_set_ctrl(bio_method, bio_ctrl);
}

static BIO *bio_new(struct tls *t)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    pthread_once(&once, make_bio_method);
    BIO *bio = BIO_new(bio_method);
    if (!bio)
        mem_fail(0);
    BIO_set_data(bio, t);
    BIO_set_init(bio, 1);
    return bio;
}

// Its end.

static void run_free(struct job *job)
{
    struct tls *t = container_of(job, struct tls, job);

    fsm_fini(&t->fsm);
    buf_fini(&t->stream.out);
    buf_fini(&t->kept);
    free(t);
}

/** What is on the stack below may look at it until it has unwound. */
static void go(struct tls *t)
{
    if (t->fsm.now == TLS_GONE)
        return;
    fsm_move(&t->fsm, TLS_GONE);
    if (t->inner)
        stream_abort(STEAL(t->inner));
    if (t->file)
        read_file_stop(STEAL(t->file));
    if (t->ending) {
        timer_cancel(&t->loop->timers, &t->ending->timer);
        free(STEAL(t->ending));
    }
    SSL_free(STEAL(t->ssl));
    job_push(&t->loop->later, &t->job, run_free);
}

/** Nobody hears us any more. */
static void lose(struct tls *t)
{
    if (t->fsm.now != TLS_OPEN) {
        go(t);
        return;
    }
    buf_clear(&t->stream.out);
    t->stream.in_flight = 0;
    if (t->file)
        read_file_stop(STEAL(t->file));
    if (t->is_lost)
        return;
    t->is_lost = t->has_peer_ended = true;
    if (t->inner)
        stream_set_reading(t->inner, false);
    t->stream.events->on_end(t->stream.owner, STREAM_LOST);
}

// To who speaks HTTP where TLS is spoken.
#define PLAIN_ANSWER                                                                           \
    "HTTP/1.1 400 Bad Request\r\n"                                                             \
    "Content-Type: text/plain\r\n"                                                             \
    "Connection: close\r\n"                                                                    \
    "Content-Length: 33\r\n\r\n"                                                               \
    "This port speaks HTTPS, not HTTP\n"

/** It broke TLS, or is not what we take. OpenSSL has sent the alert. */
static void fail(struct tls *t)
{
    const unsigned long error = ERR_peek_error();
    const char *why = ERR_reason_error_string(error);

    log_debug(NULL, "tls_failed", "why=\"%s\"", why ? why : "unknown");
    if (ERR_GET_LIB(error) == ERR_LIB_SSL && ERR_GET_REASON(error) == SSL_R_HTTP_REQUEST &&
        stream_write(t->inner, STR(PLAIN_ANSWER)) != 0)
        log_debug(NULL, "tls_unanswered", "queued=%zu", stream_queued(t->inner));
    ERR_clear_error();
    stream_close(STEAL(t->inner)); // with the alert
    lose(t);
}

// Out.

static void run(struct job *job);

static void tls_flush_later(struct stream *s)
{
    struct tls *t = tls_of(s);

    if (!job_is_queued(&t->job))
        job_push(&t->loop->later, &t->job, run);
}

enum encrypted {
    ENCRYPTED_SOME,
    ENCRYPTED_NONE, // it waits for the peer, or for room
    ENCRYPTED_NEVER // it is broken: fail()
};

static enum encrypted encrypt_some(struct tls *t)
{
    const str all = buf_str(&t->stream.out);
    size_t n = all.len < RECORD_MAX ? all.len : RECORD_MAX;

    ERR_clear_error();
    const int r = SSL_write_ex(t->ssl, all.ptr, n, &n);
    if (r == 1) {
        buf_consume(&t->stream.out, n);
        t->is_told = false;
        return ENCRYPTED_SOME;
    }
    const int error = SSL_get_error(t->ssl, r);
    return error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE ? ENCRYPTED_NONE
                                                                         : ENCRYPTED_NEVER;
}

static void close_inner(struct tls *t)
{
    ERR_clear_error();
    if (SSL_is_init_finished(t->ssl))
        (void)SSL_shutdown(t->ssl); // our close_notify; the peer's nobody waits for
    ERR_clear_error();
    stream_close(STEAL(t->inner));
    go(t);
}

static bool has_room(const struct tls *t)
{
    return t->inner && stream_queued(t->inner) < AHEAD;
}

static void flush(struct tls *t)
{
    enum encrypted r = ENCRYPTED_SOME;

    if (t->fsm.now == TLS_GONE || t->is_lost)
        return;
    while (r == ENCRYPTED_SOME && t->stream.out.len > 0 && has_room(t))
        r = encrypt_some(t);
    if (r == ENCRYPTED_NEVER) {
        fail(t);
        return;
    }
    if (t->stream.out.len == 0 && !t->file && t->fsm.now == TLS_CLOSING) {
        close_inner(t);
        return;
    }
    t->stream.in_flight =
        stream_queued(t->inner) + (t->file ? (size_t)read_file_left(t->file) : 0);
    if (t->stream.out.len > 0)
        return;
    buf_release(&t->stream.out);
    if (t->file && !read_file_is_busy(t->file) && has_room(t))
        read_file_next(t->file);
}

static void on_inner_drained(void *owner)
{
    struct tls *t = owner;

    flush(t);
    if (t->is_stuck)
        tls_flush_later(&t->stream);
    if (t->fsm.now != TLS_OPEN || t->is_lost || t->is_told || stream_queued(&t->stream) > 0)
        return;
    t->is_told = true;
    if (t->stream.events->on_drained)
        t->stream.events->on_drained(t->stream.owner);
}

static void on_piece(void *arg, str piece)
{
    struct tls *t = arg;

    if (piece.len == 0) {
        lose(t);
        return;
    }
    const int r = buf_add(&t->stream.out, piece); // it is empty
    assert(r == 0);
    (void)r;
    if (read_file_left(t->file) == 0)
        read_file_stop(STEAL(t->file));
    flush(t);
}

// In.

static void end_input(struct tls *t)
{
    t->has_peer_ended = true;
    stream_set_reading(t->inner, false);
    t->stream.events->on_end(t->stream.owner, STREAM_FIN);
}

/** @return false: there is no more for now, or nobody takes it */
static bool decrypt_some(struct tls *t)
{
    char plain[RECORD_MAX];
    size_t n = 0;

    ERR_clear_error();
    const int r = SSL_read_ex(t->ssl, plain, sizeof(plain), &n);
    if (r == 1) {
        t->stream.events->on_bytes(t->stream.owner, plain, n);
        return true;
    }
    switch (SSL_get_error(t->ssl, r)) {
    case SSL_ERROR_WANT_READ: break;
    case SSL_ERROR_WANT_WRITE:
        t->is_stuck = true;
        stream_set_reading(t->inner, false);
        break;
    case SSL_ERROR_ZERO_RETURN: end_input(t); break;
    default: fail(t); break;
    }
    return false;
}

static void decrypt(struct tls *t)
{
    while (t->fsm.now == TLS_OPEN && t->is_reading && !t->has_peer_ended && decrypt_some(t)) {
    }
    if (t->fsm.now == TLS_OPEN && !t->is_lost && !t->is_stuck && t->stream.out.len > 0)
        tls_flush_later(&t->stream); // that may have waited for the handshake
}

static void on_inner_bytes(void *owner, char *bytes, size_t n)
{
    struct tls *t = owner;

    if (t->fsm.now != TLS_OPEN || t->has_peer_ended)
        return;
    t->input = (str){bytes, n};
    decrypt(t);
    if (t->fsm.now == TLS_OPEN && !t->has_peer_ended && t->input.len > 0) {
        const int r = buf_add(&t->kept, t->input);
        assert(r == 0);
        (void)r;
    }
    t->input = (str){0};
}

static void on_inner_end(void *owner, enum stream_end end)
{
    struct tls *t = owner;

    if (end == STREAM_FIN && (t->has_peer_ended || t->fsm.now == TLS_CLOSING))
        return; // it had said so, or nobody listened
    lose(t);
}

static const struct stream_events inner_events = {
    .on_bytes = on_inner_bytes,
    .on_end = on_inner_end,
    .on_drained = on_inner_drained,
};

/** The inner stream is not read from meanwhile. */
static void catch_up(struct tls *t)
{
    t->is_stuck = false;
    decrypt(t);
    if (t->fsm.now != TLS_OPEN || !t->is_reading || t->is_stuck || t->kept.len > 0)
        return;
    buf_release(&t->kept);
    if (!t->has_peer_ended)
        stream_set_reading(t->inner, true);
}

/** At the end of a turn: what nobody read is read on, and what was written goes out. */
static void run(struct job *job)
{
    struct tls *t = container_of(job, struct tls, job);

    if (t->is_reading && !t->has_peer_ended && (t->kept.len > 0 || t->is_stuck))
        catch_up(t);
    flush(t);
}

// Its operations.

static void tls_set_reading(struct stream *s, bool on)
{
    struct tls *t = tls_of(s);

    t->is_reading = on;
    if (!t->inner || t->has_peer_ended)
        return;
    if (on && (t->kept.len > 0 || t->is_stuck)) {
        tls_flush_later(s);
    } else {
        stream_set_reading(t->inner, on);
    }
}

static size_t tls_in_flight(struct stream *s)
{
    const struct tls *t = tls_of(s);

    return (t->inner ? stream_queued(t->inner) : 0) +
           (t->file ? (size_t)read_file_left(t->file) : 0);
}

static void tls_send_file(struct stream *s, int fd, uint64_t offset, uint64_t n)
{
    struct tls *t = tls_of(s);
    const struct send_file_what what = {fd, offset, n};

    assert(!t->file && t->fsm.now == TLS_OPEN && n > 0);
    t->file = read_file_new(t->loop, &what, on_piece, t);
    s->in_flight = n; // or more
    tls_flush_later(s);
}

static void set_ending(struct tls *t)
{
    t->ending->queued = stream_queued(&t->stream);
    timer_set(&t->loop->timers, &t->ending->timer, t->loop->timers.now_ms + CLOSE_MS);
}

/** A large file takes its time, and may, while any of it is taken. */
static void on_ending_late(struct timer *timer)
{
    struct tls *t = container_of(timer, struct tls_ending, timer)->tls;

    if (stream_queued(&t->stream) < t->ending->queued) {
        set_ending(t);
    } else {
        go(t);
    }
}

static void tls_close(struct stream *s)
{
    struct tls *t = tls_of(s);

    fsm_move(&t->fsm, TLS_CLOSING);
    if (!t->inner || t->is_lost || !SSL_is_init_finished(t->ssl)) {
        if (t->inner && !t->is_lost)
            stream_close(STEAL(t->inner));
        go(t);
        return;
    }
    t->ending = NEW(struct tls_ending);
    t->ending->tls = t;
    timer_init(&t->ending->timer, on_ending_late);
    set_ending(t);
    stream_set_reading(t->inner, true); // to notice its end; what comes is dropped
    tls_flush_later(s);
}

static void tls_abort(struct stream *s)
{
    go(tls_of(s));
}

/** All that was written goes first. @return false: there is no room for it yet */
static bool encrypt_all(struct tls *t)
{
    while (t->stream.out.len > 0 && encrypt_some(t) == ENCRYPTED_SOME) {
    }
    return t->stream.out.len == 0;
}

static bool may_move(struct tls *t)
{
    return t->inner && !t->is_lost && !t->file && SSL_is_init_finished(t->ssl) &&
           encrypt_all(t);
}

static struct tls_parcel *pack(struct tls *t)
{
    struct tls_parcel *p = NEW(struct tls_parcel);

    p->ssl = STEAL(t->ssl);
    p->kept = t->kept;
    buf_init(&t->kept, 0);
    const int r = buf_add(&p->kept, t->input); // it is called from inside
    assert(r == 0);
    (void)r;
    return p;
}

static int tls_detach(struct stream *s, struct stream_parcel *out)
{
    struct tls *t = tls_of(s);

    const int r = may_move(t) ? t->inner->ops->detach(t->inner, out) : (int)STREAM_BUSY;
    if (r != 0) {
        t->is_told = false; // who waits for room is told of it
        return r;
    }
    out->tls = pack(t);
    t->inner = NULL;
    s->events = NULL;
    go(t);
    return 0;
}

static void tls_peer(struct stream *s, char *out)
{
    const struct tls *t = tls_of(s);

    if (t->inner) {
        stream_peer(t->inner, out);
    } else {
        memcpy(out, "-", sizeof("-"));
    }
}

static const struct stream_ops tls_ops = {
    .flush_later = tls_flush_later,
    .set_reading = tls_set_reading,
    .in_flight = tls_in_flight,
    .send_file = tls_send_file,
    .close = tls_close,
    .abort = tls_abort,
    .detach = tls_detach,
    .peer = tls_peer,
};

static struct tls *make(struct loop *l, struct stream *inner, SSL *ssl)
{
    struct tls *t = NEW(struct tls);
    BIO *bio = bio_new(t);

    t->stream.ops = &tls_ops;
    list_init(&t->stream.dirty);
    buf_init(&t->stream.out, inner->out.max);
    buf_init(&t->kept, (size_t)2 * STREAM_READ_MAX);
    fsm_init(&t->fsm, states, TLS_OPEN);
    t->inner = inner;
    t->loop = l;
    t->ssl = ssl;
    t->is_told = true;
    SSL_set_bio(ssl, bio, bio); // instead of the one that it had elsewhere
    stream_set_owner(inner, &inner_events, t);
    return t;
}

struct stream *tls_new(struct loop *l, struct stream *inner, SSL *ssl)
{
    struct tls *t = make(l, inner, ssl);

    t->is_reading = true;
    return &t->stream;
}

struct stream *tls_attach(struct loop *l, struct stream *inner, struct tls_parcel *parcel)
{
    struct tls *t = make(l, inner, parcel->ssl);

    t->kept = parcel->kept;
    free(parcel);
    return &t->stream;
}

void tls_parcel_free(struct tls_parcel *p)
{
    if (!p)
        return;
    SSL_free(p->ssl);
    buf_fini(&p->kept);
    free(p);
}
