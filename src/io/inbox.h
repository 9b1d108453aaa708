/**
 * What any thread may put something into, and a loop takes out: all that has come at once.
 */
#pragma once

#include "base/list.h"
#include "io/loop.h"

struct inbox;

/** On the loop. @param items  not empty, in the order in which they were put; moved */
typedef void inbox_fn(void *arg, struct list *items);

/** @param out  owned; inbox_free() @return 0 or a fault */
MUST_CHECK int inbox_new(struct inbox **out, struct loop *l, inbox_fn *on_items, void *arg);

/** Put all of the list in, which is empty then. Thread: any. */
void inbox_put(struct inbox *b, struct list *items);

/** The same with one, which is in no list. */
void inbox_put_one(struct inbox *b, struct list *item);

/** Nobody puts anything any more. @param left  gets what was not taken out */
void inbox_free(struct inbox *b, struct list *left);
