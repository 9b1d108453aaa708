#include <stdlib.h>

#include "base/mem.h"
#include "bus/nats_event.h"
#include "bus/nats_nodes.h"

/** What comes from NATS: an event, or a node that announces itself. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** What is taken is written as it was. */
static void event(str bytes)
{
    struct bus_event e;

    if (nats_event_decode(&e, bytes) != 0)
        return;
    char *again = mem_alloc(nats_event_room(&e));
    if (!str_eq((str){again, nats_event_encode(again, &e)}, bytes))
        abort();
    if (e.to.len == 0)
        abort();
    free(again);
}

static void node(str bytes)
{
    struct nats_node n;
    char again[NATS_NODE_SIZE];

    if (nats_node_decode(&n, bytes) != 0)
        return;
    if (!str_eq((str){again, nats_node_encode(again, &n)}, bytes))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str bytes = {(const char *)data, size};

    event(bytes);
    node(bytes);
    return 0;
}
