/**
 * Intrusive doubly linked list. The head is a node of its own; a node that is in
 * no list points at itself, so that list_remove() is always safe.
 */
#pragma once

#include "base/base.h"

struct list {
    struct list *next;
    struct list *prev;
};

static inline void list_init(struct list *l)
{
    l->next = l;
    l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
    return l->next == l;
}

static inline void list_push(struct list *head, struct list *node)
{
    node->prev = head->prev;
    node->next = head;
    head->prev->next = node;
    head->prev = node;
}

static inline void list_remove(struct list *node)
{
    node->prev->next = node->next;
    node->next->prev = node->prev;
    list_init(node);
}

/** The first node, taken out; NULL when there is none. */
static inline struct list *list_shift(struct list *head)
{
    if (list_is_empty(head))
        return NULL;
    struct list *node = head->next;
    list_remove(node);
    return node;
}

/** Move all of `from` to the end of `to`. */
static inline void list_move_all(struct list *to, struct list *from)
{
    if (list_is_empty(from))
        return;
    from->next->prev = to->prev;
    to->prev->next = from->next;
    from->prev->next = to;
    to->prev = from->prev;
    list_init(from);
}

/** The body may remove `it`, and no other node. */
// NOLINTBEGIN(bugprone-macro-parentheses): `it` is a name that is declared
#define list_each(it, head)                                                                    \
    for (struct list *it = (head)->next, *next_##it = it->next; it != (head);                  \
         it = next_##it, next_##it = it->next)
// NOLINTEND(bugprone-macro-parentheses)
