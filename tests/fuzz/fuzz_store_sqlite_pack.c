#include <stdlib.h>

#include "store/sqlite_pack.h"

/** What is in a file that somebody may have changed: a conversation, where its messages are,
 * and an account's list. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void unpack(str packed)
{
    struct thread_side sides[2] = {0};
    struct thread_keys keys;
    struct kept_places kept;
    uint8_t again[PACK_THREAD_SIZE];
    uint8_t places[PACK_PLACES_SIZE];

    if (unpack_thread(packed, sides, &keys) == 0)
        pack_thread(again, sides, &keys);
    if (unpack_places(packed, &kept) == 0)
        pack_places(places, &kept);
}

static void walk(str packed)
{
    struct member_list list = member_list_of(packed);
    struct member m;
    uint64_t before = 0;

    while (member_next(&list, &m) == 0) {
        uint8_t again[PACK_MEMBER_SIZE];
        if (conversation_number(m.id) <= before)
            abort(); // they rise
        pack_member(again, before, &m);
        before = conversation_number(m.id);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const str packed = {(const char *)data, size};

    unpack(packed);
    walk(packed);
    return 0;
}
