/**
 * A part of a file on its way into a socket, for io/tcp. The disk is waited for by libuv's
 * threads, and the socket by the loop: a file that nobody has read lately holds up no message.
 *
 * Files are sent SEND_FILE_AT_ONCE bytes at a time, and the threads take turns: many that are
 * sent at once all go on.
 */
#pragma once

#include "io/loop.h"

#define SEND_FILE_AT_ONCE 262144 // bytes

struct send_file;

struct send_file_what {
    int fd; // moved
    uint64_t offset;
    uint64_t n; // bytes, at least 1
};

/** On the loop, once, unless it was stopped; the struct is no more. @param is_sent  false: the
 * file is too short or can't be read, which was logged, or the peer is gone */
typedef void send_file_fn(void *arg, bool is_sent);

/** @return owned until done comes, or send_file_stop() */
struct send_file *send_file_new(struct loop *l, const struct send_file_what *what,
                                send_file_fn *done, void *arg);

/**
 * Begin, once; from then on the socket is written to by nobody else.
 *
 * @param socket  not blocking; borrowed: another descriptor of it is kept
 * @return 0 or a fault: nothing has begun
 */
MUST_CHECK int send_file_begin(struct send_file *f, int socket);

bool send_file_has_begun(const struct send_file *f);

/**
 * Bytes that the peer's side has not acknowledged: the kernel takes them a megabyte at a time,
 * which a slow peer needs minutes for. What a thread is just sending may count twice.
 */
uint64_t send_file_left(const struct send_file *f);

/** done does not come. What a thread has begun ends by itself, and is closed then; the loop
 * runs until it has. @param f  moved */
void send_file_stop(struct send_file *f);
