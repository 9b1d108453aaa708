/**
 * A part of a file, piece by piece into memory, for what can't be given to the kernel as it is:
 * io/tls. As with io/send_file, libuv's threads wait for the disk, and take turns.
 */
#pragma once

#include "base/str.h"
#include "io/loop.h"
#include "io/send_file.h"

#define READ_FILE_AT_ONCE 65536 // bytes

struct read_file;

/** On the loop, for each read_file_next() once. @param piece  the next bytes, borrowed; none:
 * the file is too short, or can't be read, which was logged */
typedef void read_file_fn(void *arg, str piece);

/** @return owned; read_file_stop() */
struct read_file *read_file_new(struct loop *l, const struct send_file_what *what,
                                read_file_fn *fn, void *arg);

/** Read on: there is some left, and no piece on its way. */
void read_file_next(struct read_file *f);

/** Is a piece on its way? */
bool read_file_is_busy(const struct read_file *f);

/** Bytes that have not come yet. */
uint64_t read_file_left(const struct read_file *f);

/** No piece comes any more. What a thread has begun ends by itself; the loop runs until it has.
 * @param f  moved */
void read_file_stop(struct read_file *f);
