#include "base/utf8.h"

// States: what may come next. The second byte decides about overlong forms,
// surrogates and the end of Unicode (RFC 3629, section 4), later ones are all alike.
enum {
    START,    // a new character
    TAIL_1,   // one more of 80..BF
    TAIL_2,   // two more
    TAIL_3,   // three more
    AFTER_E0, // A0..BF, then one more
    AFTER_ED, // 80..9F, then one more
    AFTER_F0, // 90..BF, then two more
    AFTER_F4, // 80..8F, then two more
    BAD,
};

static uint8_t after_lead(uint8_t c)
{
    if (c < 0x80)
        return START;
    if (c < 0xc2)
        return BAD;
    if (c < 0xe0)
        return TAIL_1;
    if (c == 0xe0)
        return AFTER_E0;
    if (c == 0xed)
        return AFTER_ED;
    if (c < 0xf0)
        return TAIL_2;
    if (c == 0xf0)
        return AFTER_F0;
    if (c < 0xf4)
        return TAIL_3;
    return c == 0xf4 ? AFTER_F4 : BAD;
}

static uint8_t after_tail(uint8_t state, uint8_t c)
{
    static const struct {
        uint8_t low;
        uint8_t high;
        uint8_t next;
    } rules[] = {
        [TAIL_1] = {0x80, 0xbf, START},    [TAIL_2] = {0x80, 0xbf, TAIL_1},
        [TAIL_3] = {0x80, 0xbf, TAIL_2},   [AFTER_E0] = {0xa0, 0xbf, TAIL_1},
        [AFTER_ED] = {0x80, 0x9f, TAIL_1}, [AFTER_F0] = {0x90, 0xbf, TAIL_2},
        [AFTER_F4] = {0x80, 0x8f, TAIL_2},
    };

    return c >= rules[state].low && c <= rules[state].high ? rules[state].next : BAD;
}

int utf8_feed(struct utf8 *u, str bytes)
{
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    size_t i = 0;

    while (i < bytes.len) {
        // Most text is ASCII: eight bytes at a time.
        while (u->state == START && bytes.len - i >= sizeof(uint64_t)) {
            uint64_t eight;
            memcpy(&eight, p + i, sizeof(eight));
            if (eight & UINT64_C(0x8080808080808080))
                break;
            i += sizeof(eight);
        }
        if (i == bytes.len)
            break;
        u->state = u->state == START ? after_lead(p[i]) : after_tail(u->state, p[i]);
        if (u->state == BAD)
            return UTF8_BAD;
        i++;
    }
    return 0;
}
