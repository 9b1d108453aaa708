#include "store/op.h"

#include "base/mem.h"

char *read_op_room(struct read_op *op, size_t size)
{
    struct op_strings *s = mem_alloc(sizeof(*s) + size);

    s->next = op->strings;
    op->strings = s;
    return s->bytes;
}

void *read_op_keep(struct read_op *op, const void *bytes, size_t size)
{
    return memcpy(read_op_room(op, size), bytes, size);
}

void *read_op_grow(struct read_op *op, size_t n, size_t size)
{
    if (n == 0 || (n & (n - 1)) == 0)
        op->items = mem_resize(op->items, (n > 0 ? 2 * n : 1) * size);
    return op->items;
}

void read_op_add_message(struct read_op *op, size_t n, const struct chat_message *m)
{
    struct chat_message *all = read_op_grow(op, n, sizeof(*all));
    all[n] = *m;
}

void read_op_reverse_messages(struct read_op *op, size_t n)
{
    struct chat_message *all = op->items;

    for (size_t i = 0; i < n / 2; i++) {
        const struct chat_message m = all[i];
        all[i] = all[n - 1 - i];
        all[n - 1 - i] = m;
    }
}

void read_op_forget(struct read_op *op)
{
    free(op->items);
    op->items = NULL;
    memset(&op->answer, 0, sizeof(op->answer));
}

void read_op_answer(struct read_op *op)
{
    const bool ok = op->r == 0;

    switch (op->kind) {
    case READ_DUE: op->done.read(op->arg, op->r, ok ? &op->answer.read : NULL); break;
    case READ_RECEIPTS:
        op->done.receipts(op->arg, op->r, ok ? &op->answer.receipts : NULL);
        break;
    case READ_HISTORY: op->done.history(op->arg, op->r, ok ? &op->answer.history : NULL); break;
    case READ_LIST: op->done.list(op->arg, op->r, ok ? &op->answer.list : NULL); break;
    case READ_CONVERSATION:
        op->done.conversation(op->arg, op->r, ok ? &op->answer.conversation : NULL);
        break;
    case READ_CHANGES: op->done.changes(op->arg, op->r, ok ? &op->answer.changes : NULL); break;
    case READ_RELATIONS:
        op->done.relations(op->arg, op->r, ok ? op->answer.relations : NULL);
        break;
    case READ_TOUCHED: op->done.touched(op->arg, op->r, ok ? &op->answer.touched : NULL); break;
    case READ_UNREAD: op->done.unread(op->arg, op->r, ok ? op->answer.unread : 0); break;
    case READ_REVOCATIONS:
        op->done.revocations(op->arg, op->r, ok ? &op->answer.revocations : NULL);
        break;
    case READ_UPLOAD: op->done.upload(op->arg, op->r, ok ? &op->answer.upload : NULL); break;
    }
}

void read_op_free(struct read_op *op)
{
    while (op->strings) {
        struct op_strings *s = op->strings;
        op->strings = s->next;
        free(s);
    }
    free(op->items);
    free(op);
}
