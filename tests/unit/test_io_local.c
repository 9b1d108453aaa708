#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/log.h"
#include "base/mem.h"
#include "io/local.h"
#include "support/beside.h"
#include "support/folder.h"
#include "support/last_line.h"

#define MAX_QUEUED (1UL << 20)
#define ASKED_MS   10000 // far more than it takes
#define TURNS_MAX  200000

/** A server that sends back what it gets, in another thread than who asks. */
struct world {
    struct folder folder;
    char path[512];
    struct loop *loop;
    struct listener *listener; // NULL: the test closed it
    size_t n_accepted;
    bool is_silent;
    char peer[STREAM_PEER_SIZE];
    struct stream *stream; // open
    struct ips per_ip;
    struct tcp_limit limit;
    struct last_line logged;
};

static void on_bytes(void *owner, char *bytes, size_t n)
{
    struct world *w = owner;

    if (w->is_silent)
        return;
    assert_int_equal(stream_write(w->stream, (str){bytes, n}), 0);
    if (bytes[n - 1] == '\n') {
        struct stream *s = STEAL(w->stream);
        stream_close(s);
    }
}

static void on_end(void *owner, enum stream_end end)
{
    struct world *w = owner;
    struct stream *s = STEAL(w->stream);

    (void)end;
    stream_abort(s);
}

static const struct stream_events events = {.on_bytes = on_bytes, .on_end = on_end};

static void on_accept(void *arg, struct stream *s)
{
    struct world *w = arg;

    w->n_accepted++;
    w->stream = s;
    stream_set_owner(s, &events, w);
    stream_peer(s, w->peer);
}

static int listen_at(struct world *w, const char *path)
{
    const struct tcp_listen how = {
        .max_queued = MAX_QUEUED, .limit = &w->limit, .on_accept = on_accept, .arg = w};

    return local_listen(&w->listener, w->loop, path, &how);
}

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static int setup(void **state)
{
    static struct rand chance = {.bytes = no_chance};
    struct world *w = NEW(struct world);

    log_set_sink(last_line_keep, &w->logged);
    folder_make(&w->folder);
    folder_path(w->path, &w->folder, "socket");
    ips_init(&w->per_ip, 1, &chance);
    w->limit.per_ip = &w->per_ip;
    assert_int_equal(loop_new(&w->loop), 0);
    *state = w;
    return 0;
}

static void turn_until_idle(struct world *w)
{
    for (int i = 0; w->loop->n_streams > 0; i++) {
        assert_true(i < TURNS_MAX);
        loop_run_once(w->loop);
    }
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->stream)
        stream_abort(w->stream);
    if (w->listener)
        listener_close(w->listener);
    turn_until_idle(w);
    loop_free(w->loop);
    ips_fini(&w->per_ip);
    folder_remove(&w->folder);
    log_set_sink(NULL, NULL);
    free(w);
    return 0;
}

// Who asks.

struct asker {
    const char *path;
    str question;
    struct buf answer;
    int64_t timeout_ms;
    int r;
};

static void ask(void *arg)
{
    struct asker *a = arg;
    a->r = local_ask(a->path, a->question, &a->answer, a->timeout_ms);
}

/** With room for an answer of so many bytes. */
static void asker_run_for(struct world *w, struct asker *a, size_t max)
{
    buf_init(&a->answer, max);
    beside(w->loop, ask, a);
}

static void asker_run(struct world *w, struct asker *a)
{
    asker_run_for(w, a, MAX_QUEUED);
}

static mode_t mode_of(const char *path)
{
    struct stat st;

    assert_int_equal(lstat(path, &st), 0);
    assert_true(S_ISSOCK(st.st_mode));
    return st.st_mode & 07777;
}

static void answers_who_asks(void **state)
{
    struct world *w = *state;
    struct asker a = {.path = w->path, .question = STR("hello\n"), .timeout_ms = ASKED_MS};

    assert_int_equal(listen_at(w, w->path), 0);
    for (int i = 0; i < 3; i++) { // an address would have had one connection
        asker_run(w, &a);
        assert_int_equal(a.r, 0);
        expect_str("echo", buf_str(&a.answer), STR("hello\n"));
        assert_string_equal(w->peer, "-");
        buf_fini(&a.answer);
    }
    assert_int_equal(w->n_accepted, 3);
    assert_int_equal(w->logged.n, 0);
}

static void takes_much_and_gives_it_back(void **state)
{
    struct world *w = *state;
    char *text = mem_alloc(MAX_QUEUED);
    struct asker a = {.path = w->path, .question = {text, MAX_QUEUED}, .timeout_ms = ASKED_MS};

    memset(text, 'x', MAX_QUEUED - 1);
    text[MAX_QUEUED - 1] = '\n';
    assert_int_equal(listen_at(w, w->path), 0);
    asker_run(w, &a);
    // While it still sends nobody takes the answer, of which the stream holds as much.
    assert_int_equal(a.r, 0);
    expect_str("echo", buf_str(&a.answer), a.question);
    buf_fini(&a.answer);
    free(text);
}

static void a_longer_answer_than_there_is_room_for_is_a_fault(void **state)
{
    struct world *w = *state;
    struct asker a = {.path = w->path, .question = STR("hello\n"), .timeout_ms = ASKED_MS};

    assert_int_equal(listen_at(w, w->path), 0);
    asker_run_for(w, &a, 5);
    assert_int_equal(a.r, -EMSGSIZE);
    buf_fini(&a.answer);
}

static void who_gets_no_answer_waits_no_longer_than_it_said(void **state)
{
    struct world *w = *state;
    struct asker a = {.path = w->path, .question = STR("hello\n"), .timeout_ms = 50};

    w->is_silent = true;
    assert_int_equal(listen_at(w, w->path), 0);
    asker_run(w, &a);
    assert_int_equal(a.r, LOCAL_LATE);
    assert_int_equal(w->logged.n, 0);
    buf_fini(&a.answer);
}

// The socket.

static void nobody_but_its_owner_may_open_it(void **state)
{
    static const mode_t masks[] = {0, 022, 077};
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(masks); i++) {
        const mode_t before = umask(masks[i]);
        assert_int_equal(listen_at(w, w->path), 0);
        expect_int("mode", mode_of(w->path), 0600);
        expect_int("the mask is as it was", umask(before), masks[i]);
        listener_close(STEAL(w->listener));
        loop_run_once(w->loop);
        assert_int_equal(folder_count(w->folder.path), 0);
    }
}

/** Bound, and left there. */
static void leave_socket(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    const str name = {path, strlen(path)};
    assert_true(name.len < sizeof(at.sun_path));
    str_copy(at.sun_path, name);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    close(fd);
}

static void replaces_what_a_server_that_was_killed_has_left(void **state)
{
    struct world *w = *state;
    struct asker a = {.path = w->path, .question = STR("hello\n"), .timeout_ms = ASKED_MS};

    leave_socket(w->path);
    assert_true(mode_of(w->path) != 0600);
    assert_int_equal(listen_at(w, w->path), 0);
    expect_int("mode", mode_of(w->path), 0600);
    asker_run(w, &a);
    assert_int_equal(a.r, 0);
    buf_fini(&a.answer);
}

static void replaces_nothing_else(void **state)
{
    struct world *w = *state;

    const int fd = open(w->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(listen_at(w, w->path), -EEXIST);
    assert_non_null(strstr(w->logged.text, "is no socket"));
    assert_int_equal(access(w->path, F_OK), 0);
    assert_null(w->listener);
}

static void a_folder_that_is_not_there_is_a_fault(void **state)
{
    struct world *w = *state;
    char path[512];

    folder_path(path, &w->folder, "no/socket");
    assert_true(listen_at(w, path) < 0);
    assert_int_equal(w->logged.n, 1);
    assert_null(w->listener);
}

/** A path of so many bytes in the folder. */
static void path_of(char out[512], const struct world *w, size_t n)
{
    folder_path(out, &w->folder, "");
    const size_t at = strlen(out);

    assert_true(at < n && n < 512);
    memset(out + at, 'x', n - at);
    out[n] = '\0';
}

static void a_path_may_be_so_long_and_no_longer(void **state)
{
    struct world *w = *state;
    struct buf answer;
    char path[512];

    path_of(path, w, LOCAL_PATH_MAX + 1);
    assert_int_equal(listen_at(w, path), -ENAMETOOLONG);
    assert_non_null(strstr(w->logged.text, "event=fault"));
    assert_int_equal(folder_count(w->folder.path), 0);
    buf_init(&answer, MAX_QUEUED);
    assert_int_equal(local_ask(path, STR("x"), &answer, ASKED_MS), -ENAMETOOLONG);
    buf_fini(&answer);

    struct asker a = {.path = path, .question = STR("hello\n"), .timeout_ms = ASKED_MS};
    path_of(path, w, LOCAL_PATH_MAX);
    assert_int_equal(listen_at(w, path), 0);
    expect_int("mode", mode_of(path), 0600);
    asker_run(w, &a);
    assert_int_equal(a.r, 0);
    buf_fini(&a.answer);
}

static void knows_where_nobody_listens(void **state)
{
    struct world *w = *state;
    struct buf answer;
    char path[512];

    buf_init(&answer, MAX_QUEUED);
    assert_int_equal(local_ask(w->path, STR("x"), &answer, ASKED_MS), LOCAL_NOBODY);
    leave_socket(w->path);
    assert_int_equal(local_ask(w->path, STR("x"), &answer, ASKED_MS), LOCAL_NOBODY);
    folder_path(path, &w->folder, "no/socket");
    assert_int_equal(local_ask(path, STR("x"), &answer, ASKED_MS), LOCAL_NOBODY);
    assert_int_equal(w->logged.n, 0);
    folder_path(path, &w->folder, "socket/x");
    assert_int_equal(local_ask(path, STR("x"), &answer, ASKED_MS), -ENOTDIR);
    assert_int_equal(w->logged.n, 1);
    buf_fini(&answer);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(answers_who_asks),
        TEST(takes_much_and_gives_it_back),
        TEST(a_longer_answer_than_there_is_room_for_is_a_fault),
        TEST(who_gets_no_answer_waits_no_longer_than_it_said),
        TEST(nobody_but_its_owner_may_open_it),
        TEST(replaces_what_a_server_that_was_killed_has_left),
        TEST(replaces_nothing_else),
        TEST(a_folder_that_is_not_there_is_a_fault),
        TEST(a_path_may_be_so_long_and_no_longer),
        TEST(knows_where_nobody_listens),
    };
    return cmocka_run_group_tests_name("io/local", tests, NULL, NULL);
}
