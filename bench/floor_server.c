#include "bench/floor_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "bench/put.h"

#define BACKLOG    4096
#define EVENTS     512 // of a turn
#define READ_SIZE  65536
#define QUEUE_MAX  (SIZE_MAX / 2) // what is under way is for the generator's window to say
#define FIN        0x80u
#define MASKED     0x80u
#define BINARY     0x2u
#define LEN_IN_2   126u
#define KEY_SIZE   4u
#define HEADER_MAX (4 + KEY_SIZE)

struct peer {
    int fd;
    struct buf in; // of a frame that is not whole
    struct buf out;
    struct list dirty;
    bool is_waiting; // for the kernel to have room
};

/** The child's own. */
struct forwarder {
    int epoll;
    int listener;
    struct peer **peers;
    uint32_t n_peers;
    struct list dirty;
    char read_buffer[READ_SIZE];
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "parley-bench: floor: %s: %m\n", what);
    _exit(1);
}

static void wait_for(struct forwarder *s, int how, struct peer *p, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.ptr = p};

    if (epoll_ctl(s->epoll, how, p ? p->fd : s->listener, &event) != 0)
        give_up("epoll_ctl");
}

static void accept_all(struct forwarder *s)
{
    const int on = 1;
    int fd;

    while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
        struct peer *p = NEW(struct peer);
        p->fd = fd;
        buf_init(&p->in, QUEUE_MAX);
        buf_init(&p->out, QUEUE_MAX);
        list_init(&p->dirty);
        if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
            give_up("TCP_NODELAY");
        s->peers = (struct peer **)mem_resize((void *)s->peers,
                                              (s->n_peers + 1) * sizeof(struct peer *));
        s->peers[s->n_peers++] = p;
        wait_for(s, EPOLL_CTL_ADD, p, EPOLLIN);
    }
    if (errno != EAGAIN)
        give_up("accept");
}

static void put_frame(struct forwarder *s, struct peer *to, const uint8_t *content, size_t n)
{
    const bool is_long = n >= LEN_IN_2;
    uint8_t *p = (uint8_t *)put_room(&to->out, 4 + n);
    size_t at = 0;

    p[at++] = FIN | BINARY;
    p[at++] = (uint8_t)(is_long ? LEN_IN_2 : n);
    if (is_long) {
        p[at++] = (uint8_t)(n >> 8);
        p[at++] = (uint8_t)n;
    }
    memcpy(p + at, content, n);
    buf_added(&to->out, at + n);
    if (list_is_empty(&to->dirty))
        list_push(&s->dirty, &to->dirty);
}

/** Eight bytes at a time. */
static void unmask(uint8_t *content, size_t n, const uint8_t key[KEY_SIZE])
{
    uint64_t key8;
    size_t i = 0;

    memcpy(&key8, key, KEY_SIZE);
    memcpy((char *)&key8 + KEY_SIZE, key, KEY_SIZE);
    for (; i + sizeof(key8) <= n; i += sizeof(key8)) {
        uint64_t eight;
        memcpy(&eight, content + i, sizeof(eight));
        eight ^= key8;
        memcpy(content + i, &eight, sizeof(eight));
    }
    for (; i < n; i++)
        content[i] ^= key[i % KEY_SIZE];
}

/** @return bytes of one whole frame, which has been handled; 0: there is none yet */
static size_t take_frame(struct forwarder *s, struct peer *from, uint8_t *bytes, size_t n)
{
    static const uint8_t answer[FLOOR_ANSWER_SIZE] = "ok";
    uint32_t number;

    if (n < HEADER_MAX)
        return 0;
    const bool is_long = (bytes[1] & ~MASKED) == LEN_IN_2;
    const size_t len = is_long ? (size_t)bytes[2] << 8 | bytes[3] : bytes[1] & ~MASKED;
    const size_t header = (is_long ? 4 : 2) + KEY_SIZE;
    errno = EPROTO;
    if (bytes[0] != (FIN | BINARY) || !(bytes[1] & MASKED) || len < sizeof(number))
        give_up("a frame that the generator has not sent");
    if (n - header < len)
        return 0;
    uint8_t *content = bytes + header;
    unmask(content, len, bytes + header - KEY_SIZE);
    memcpy(&number, content, sizeof(number));
    put_frame(s, s->peers[number % s->n_peers], content, len);
    put_frame(s, from, answer, sizeof(answer));
    return header + len;
}

static size_t take_frames(struct forwarder *s, struct peer *p, char *bytes, size_t n)
{
    size_t used = 0;

    for (size_t one = 1; one > 0; used += one)
        one = take_frame(s, p, (uint8_t *)bytes + used, n - used);
    return used;
}

/** The generator closes all its connections at once, or is gone. */
static void read_some(struct forwarder *s, struct peer *p)
{
    const ssize_t n = recv(p->fd, s->read_buffer, READ_SIZE, 0);

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        _exit(0);
    }
    const str bytes = {s->read_buffer, (size_t)n};
    if (p->in.len == 0) {
        const size_t used = take_frames(s, p, s->read_buffer, bytes.len);
        put(&p->in, (str){bytes.ptr + used, bytes.len - used});
        return;
    }
    put(&p->in, bytes);
    buf_consume(&p->in, take_frames(s, p, buf_ptr(&p->in), p->in.len));
    if (p->in.len == 0)
        buf_clear(&p->in);
}

static void flush(struct forwarder *s, struct peer *p)
{
    const ssize_t n = send(p->fd, buf_ptr(&p->out), p->out.len, MSG_NOSIGNAL);

    if (n < 0 && errno != EAGAIN) {
        buf_clear(&p->out); // it has gone
        return;
    }
    buf_consume(&p->out, n > 0 ? (size_t)n : 0);
    const bool is_waiting = p->out.len > 0;
    if (!is_waiting)
        buf_clear(&p->out);
    if (is_waiting != p->is_waiting)
        wait_for(s, EPOLL_CTL_MOD, p, is_waiting ? EPOLLIN | EPOLLOUT : EPOLLIN);
    p->is_waiting = is_waiting;
}

static void flush_all(struct forwarder *s)
{
    for (struct list *node = list_shift(&s->dirty); node; node = list_shift(&s->dirty)) {
        struct peer *p = container_of(node, struct peer, dirty);
        if (!p->is_waiting)
            flush(s, p);
    }
}

static _Noreturn void forward(int listener)
{
    struct forwarder *s = NEW(struct forwarder);
    struct epoll_event events[EVENTS];

    s->listener = listener;
    list_init(&s->dirty);
    s->epoll = epoll_create1(EPOLL_CLOEXEC);
    wait_for(s, EPOLL_CTL_ADD, NULL, EPOLLIN);
    for (;;) {
        const int n = epoll_wait(s->epoll, events, EVENTS, -1);
        if (n < 0 && errno != EINTR)
            give_up("epoll_wait");
        for (int i = 0; i < n; i++) {
            struct peer *p = events[i].data.ptr;
            if (!p) {
                accept_all(s);
                continue;
            }
            if (events[i].events & EPOLLOUT)
                flush(s, p);
            if (events[i].events & ~(uint32_t)EPOLLOUT)
                read_some(s, p);
        }
        flush_all(s);
    }
}

/** @return a socket, or -1 */
static int listen_somewhere(struct address *address)
{
    struct sockaddr_in *in = (struct sockaddr_in *)&address->addr;

    address->len = sizeof(*in);
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && bind(fd, (struct sockaddr *)in, sizeof(*in)) == 0 &&
        listen(fd, BACKLOG) == 0 && getsockname(fd, (struct sockaddr *)in, &address->len) == 0)
        return fd;
    if (fd >= 0)
        (void)close(fd);
    return -1;
}

int floor_server_start(struct floor_server *s)
{
    const pid_t parent = getpid();

    *s = (struct floor_server){0};
    const int listener = listen_somewhere(&s->address);
    s->pid = listener >= 0 ? fork() : -1;
    if (s->pid == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) // it has ended before that could be asked for
            _exit(1);
        forward(listener);
    }
    if (s->pid < 0)
        fprintf(stderr, "parley-bench: floor: no server: %m\n");
    if (listener >= 0)
        (void)close(listener);
    return s->pid > 0 ? 0 : FLOOR_SERVER_FAILED;
}

void floor_server_stop(struct floor_server *s)
{
    (void)kill(s->pid, SIGKILL);
    (void)waitpid(s->pid, NULL, 0);
}
