/**
 * The reference model of chat/store.h, chat/uploads.h and auth/store.h: all in memory and slow,
 * but exact. The tests of the domain run on it, and the other backends are compared with it.
 *
 * An operation is done when it is answered, by a job of its own.
 */
#pragma once

#include "auth/store.h"
#include "base/job.h"
#include "base/rand.h"
#include "chat/store.h"
#include "chat/uploads.h"

/** @param later, rand  borrowed for its life @return owned; store_free() */
struct store *store_mem_new(struct job_queue *later, struct rand *rand,
                            const struct store_limits *limits);

/** Borrowed, for the store's life. */
struct auth_store *store_mem_auth(struct store *base);

/** Likewise. */
struct uploads *store_mem_uploads(struct store *base);

/** For tests: the next so many appends, receipts, contacts, seens and changes of uploads are
 * not done, and answered with r. */
void store_mem_fail(struct store *base, int r, unsigned times);

/** For tests: the next so many of these are done, and answered STORE_UNCERTAIN. */
void store_mem_lose(struct store *base, unsigned times);

/** For tests: the next so many other operations, finds of uploads included, are answered
 * STORE_UNAVAILABLE. */
void store_mem_fail_reads(struct store *base, unsigned times);

/** For tests: the same three of auth/store.h; r may be any refusal of a change. */
void store_mem_fail_auth(struct store *base, int r, unsigned times);
void store_mem_lose_auth(struct store *base, unsigned times);
void store_mem_fail_auth_reads(struct store *base, unsigned times);
