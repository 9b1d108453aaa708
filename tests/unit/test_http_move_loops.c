#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "http/server.h"
#include "io/inbox.h"
#include "io/tcp.h"
#include "support/t.h"

// Two loops on two threads, each with a server, and one port: the first character of a path
// says who serves it, and connections move there. The clients are plain sockets.

#define N_PLACES   2
#define N_CLIENTS  8
#define N_REQUESTS 60 // of each
#define MAX_QUEUED 1000000u
#define LONG       300000 // bytes of a long answer, more than the kernel takes at once
#define NAME_SIZE  9      // "/1/00007", NUL included: what every answer begins with
#define WAIT_S     20

struct place {
    struct loop *loop;
    struct listener *listener;
    struct inbox *inbox;
    struct http_server *http;
    struct http_route route;
    int number;
    pthread_t thread;
};

/** What goes from thread to thread: a connection, or that it is over. */
struct item {
    struct list node;
    struct stream_parcel parcel;
    bool is_stop;
};

static struct place places[N_PLACES];
static struct tcp_limit limit;
static struct ips per_ip;
static char answer[LONG];
static atomic_uint n_misplaced;
static atomic_uint n_moved;
static atomic_uint n_accepted;

static void put(struct place *p, struct item *item)
{
    inbox_put_one(p->inbox, &item->node);
}

static void on_items(void *arg, struct list *items)
{
    struct place *p = arg;

    list_each (node, items) {
        struct item *item = container_of(node, struct item, node);
        struct stream *stream = NULL;
        if (item->is_stop) {
            loop_stop(p->loop);
        } else if (tcp_attach(&stream, p->loop, &item->parcel) == 0) {
            http_server_adopt(p->http, stream, buf_str(&item->parcel.unread));
            buf_fini(&item->parcel.unread);
        } else {
            stream_parcel_drop(&item->parcel);
        }
        free(item);
    }
    list_init(items);
}

static int number_in(str path)
{
    return path.ptr[1] - '0';
}

static int place_of(void *arg, const struct http_head *head)
{
    const struct place *p = arg;
    const int number = number_in(head->path);

    return number == p->number ? HTTP_HERE : number;
}

static void move(void *arg, int number, struct stream_parcel *parcel)
{
    struct item *item = NEW(struct item);

    (void)arg;
    item->parcel = *parcel;
    atomic_fetch_add(&n_moved, 1);
    put(&places[number], item);
}

/** Its path, and with ?long much behind it. */
static void on_head(void *arg, struct http_request *rq, const struct http_head *head)
{
    const struct place *p = arg;
    const bool is_long = str_eq(head->query, STR("long"));

    if (number_in(head->path) != p->number)
        atomic_fetch_add(&n_misplaced, 1);
    char *body = mem_alloc(LONG);
    memcpy(body, answer, LONG);
    const str name = str_copy(body, head->path);
    http_respond(
        rq, &(struct http_response){.status = 200, .body = {body, is_long ? LONG : name.len}});
    free(body);
}

static const struct http_handler handler = {.on_head = on_head};

static void on_accept(void *arg, struct stream *stream)
{
    struct place *p = arg;

    atomic_fetch_add(&n_accepted, 1);
    http_server_accept(p->http, stream);
}

static void *serve(void *arg)
{
    struct place *p = arg;

    loop_run(p->loop);
    return NULL;
}

static void no_chance(struct rand *r, void *out, size_t n)
{
    (void)r;
    memset(out, 7, n);
}

static void open_place(struct place *p, int number)
{
    *p = (struct place){.number = number, .route = {STR("/"), &handler, p}};
    assert_int_equal(loop_new(&p->loop), 0);
    assert_int_equal(inbox_new(&p->inbox, p->loop, on_items, p), 0);
    p->http = http_server_new(&(struct http_config){.timers = &p->loop->timers,
                                                    .later = &p->loop->later,
                                                    .clock = &p->loop->clock,
                                                    .routes = &p->route,
                                                    .n_routes = 1,
                                                    .place = place_of,
                                                    .move = move,
                                                    .move_arg = p});
    struct tcp_listen how = {.addr = {.host = "127.0.0.1"},
                             .share = number == 0 ? TCP_FIRST : TCP_NEXT,
                             .max_queued = MAX_QUEUED,
                             .limit = &limit,
                             .on_accept = on_accept,
                             .arg = p};
    if (number > 0)
        how.addr = listener_addr(places[0].listener);
    assert_int_equal(tcp_listen(&p->listener, p->loop, &how), 0);
}

static int open_world(size_t max, size_t max_per_ip)
{
    static struct rand chance = {.bytes = no_chance};

    memset(answer, 'x', sizeof(answer));
    ips_init(&per_ip, max_per_ip, &chance);
    limit = (struct tcp_limit){.max = max, .per_ip = &per_ip};
    atomic_store(&n_moved, 0);
    atomic_store(&n_accepted, 0);
    atomic_store(&n_misplaced, 0);
    for (int i = 0; i < N_PLACES; i++)
        open_place(&places[i], i);
    for (int i = 0; i < N_PLACES; i++)
        assert_int_equal(pthread_create(&places[i].thread, NULL, serve, &places[i]), 0);
    return 0;
}

static int setup(void **state)
{
    (void)state;
    return open_world(100, N_CLIENTS);
}

static int setup_for_two(void **state)
{
    (void)state;
    return open_world(2, 100);
}

/** Of what the threads do. */
#define WAIT_UNTIL(condition)                                                                  \
    for (int i_ = 0; !(condition); i_++) {                                                     \
        const struct timespec nap_ = {.tv_nsec = 1000000};                                     \
        assert_true(i_ < WAIT_S * 1000);                                                       \
        nanosleep(&nap_, NULL);                                                                \
    }

/** No connection is left anywhere, nor on its way. */
static void wait_until_empty(void)
{
    WAIT_UNTIL(atomic_load(&limit.n) == 0)
}

static void close_place(struct place *p)
{
    struct list left;

    list_init(&left);
    listener_close(p->listener);
    http_server_drain(p->http);
    while (p->loop->n_streams > 0 || p->loop->later.head)
        loop_run_once(p->loop);
    inbox_free(p->inbox, &left);
    assert_true(list_is_empty(&left));
    http_server_free(p->http);
    loop_free(p->loop);
}

static int teardown(void **state)
{
    (void)state;
    wait_until_empty();
    for (size_t i = 0; i < N_PLACES; i++) {
        struct item *item = NEW(struct item);
        item->is_stop = true;
        put(&places[i], item);
    }
    for (size_t i = 0; i < N_PLACES; i++)
        assert_int_equal(pthread_join(places[i].thread, NULL), 0);
    for (size_t i = 0; i < N_PLACES; i++)
        close_place(&places[i]);
    ips_fini(&per_ip);
    return 0;
}

static int dial(void)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons(listener_addr(places[0].listener).port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    const struct timeval patience = {.tv_sec = WAIT_S};
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
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

static void receive(int fd, char *out, size_t n)
{
    assert_int_equal(recv(fd, out, n, MSG_WAITALL), n);
}

static void skip_head(int fd)
{
    static const char end[] = "\r\n\r\n";
    char c = 0;

    for (size_t n = 0; n < sizeof(end) - 1; n = c == end[n] ? n + 1 : c == end[0] ? 1 : 0)
        receive(fd, &c, 1);
}

static bool is_long(unsigned i)
{
    return i % 11 == 5;
}

/** Which place each request is for looks random, and is the same in each run. */
static unsigned place_for(unsigned client, unsigned i)
{
    return ((client + 1) * 2654435761U * (i + 1) >> 13) % N_PLACES;
}

static void name_of(char out[NAME_SIZE], unsigned client, unsigned i)
{
    snprintf(out, NAME_SIZE, "/%u/%05u", place_for(client, i), i % 100000);
}

/** In pieces of some bytes, whose ends are anywhere. */
static void send_requests(int fd, unsigned client, size_t piece)
{
    struct buf all;
    char name[NAME_SIZE];

    buf_init(&all, 1 << 20);
    for (unsigned i = 0; i < N_REQUESTS; i++) {
        name_of(name, client, i);
        assert_int_equal(buf_addf(&all, "GET %s%s HTTP/1.1\r\nHost: a\r\n\r\n", name,
                                  is_long(i) ? "?long" : ""),
                         0);
    }
    for (str rest = buf_str(&all); rest.len > 0;)
        send_all(fd, str_take(&rest, rest.len < piece ? rest.len : piece));
    buf_fini(&all);
}

static void expect_answers(int fd, unsigned client)
{
    static char rest[LONG];
    char want[NAME_SIZE];
    char got[NAME_SIZE] = "";

    for (unsigned i = 0; i < N_REQUESTS; i++) {
        name_of(want, client, i);
        skip_head(fd);
        receive(fd, got, NAME_SIZE - 1);
        assert_string_equal(got, want);
        if (is_long(i))
            receive(fd, rest, LONG - (NAME_SIZE - 1));
    }
}

static void expect_turned_away(void)
{
    const int fd = dial();
    char byte = 0;
    const ssize_t n = recv(fd, &byte, 1, 0);

    assert_true(n == 0 || (n < 0 && errno == ECONNRESET));
    close(fd);
}

static void every_request_is_answered_in_order_where_it_is_served(void **state)
{
    int fds[N_CLIENTS];

    (void)state;
    for (unsigned i = 0; i < N_CLIENTS; i++) {
        fds[i] = dial();
        send_requests(fds[i], i, i == 0 ? 1 : 7 * i);
        expect_answers(fds[i], i);
    }
    assert_true(atomic_load(&n_moved) > N_CLIENTS * N_REQUESTS / 4);
    expect_int("served elsewhere", atomic_load(&n_misplaced), 0);
    expect_int("places taken", atomic_load(&limit.n), N_CLIENTS);
    expect_turned_away(); // by the limit of an address

    for (size_t i = 0; i < N_CLIENTS; i++)
        close(fds[i]);
}

static void so_many_at_once_and_no_more_wherever_they_are(void **state)
{
    int fds[2];

    (void)state;
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = dial();
        send_requests(fds[i], 3, 100);
        expect_answers(fds[i], 3);
    }
    expect_turned_away();
    for (size_t i = 0; i < 2; i++)
        close(fds[i]);
}

static void who_leaves_on_the_way_leaves_nothing_behind(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        const int fd = dial();
        send_requests(fd, i, 1000);
        close(fd);
        WAIT_UNTIL(atomic_load(&n_accepted) == i + 1) // or it is not there yet
        wait_until_empty();
    }
    expect_int("served elsewhere", atomic_load(&n_misplaced), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_request_is_answered_in_order_where_it_is_served),
        cmocka_unit_test_setup_teardown(so_many_at_once_and_no_more_wherever_they_are,
                                        setup_for_two, teardown),
        TEST(who_leaves_on_the_way_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("http/move_loops", tests, NULL, NULL);
}
