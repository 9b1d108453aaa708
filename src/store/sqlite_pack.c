#include "store/sqlite_pack.h"

// Numbers: seven bits a byte, the least first; the last byte has no upper bit.

static uint8_t *put(uint8_t *at, uint64_t n)
{
    for (; n >= 0x80; n >>= 7)
        *at++ = (uint8_t)(n | 0x80);
    *at++ = (uint8_t)n;
    return at;
}

/** What is left to be read. */
struct unpacker {
    const uint8_t *at;
    const uint8_t *end;
    bool is_damaged;
};

static struct unpacker unpacker_of(str s)
{
    const uint8_t *at = (const uint8_t *)s.ptr;
    return (struct unpacker){.at = at, .end = s.len > 0 ? at + s.len : at};
}

static uint64_t take(struct unpacker *u)
{
    uint64_t n = 0;

    for (unsigned bits = 0; u->at < u->end && bits < 64; bits += 7) {
        const uint64_t byte = *u->at++;
        n |= (byte & 0x7f) << bits;
        if (byte < 0x80)
            return n;
    }
    u->is_damaged = true;
    return 0;
}

/** How far it is from the base; 0 stays what it is. */
static uint8_t *put_near(uint8_t *at, int64_t n, int64_t base)
{
    const uint64_t by = (uint64_t)n - (uint64_t)base;

    if (n == 0)
        return put(at, 0);
    return put(at, (by << 1 ^ (n < base ? UINT64_MAX : 0)) + 1);
}

static int64_t take_near(struct unpacker *u, int64_t base)
{
    const uint64_t n = take(u);
    const uint64_t by = (n - 1) >> 1 ^ ((n - 1) & 1 ? UINT64_MAX : 0);

    return n == 0 ? 0 : (int64_t)((uint64_t)base + by);
}

static void take_bytes(struct unpacker *u, void *out, size_t n)
{
    u->is_damaged |= n > (size_t)(u->end - u->at);
    if (u->is_damaged)
        return;
    memcpy(out, u->at, n);
    u->at += n;
}

// Conversations.

enum side_flag {
    SIDE_ACCEPTED = 1,
    SIDE_BLOCKED = 2,
    SIDE_HAS_CONTACT = 4, // what there is where somebody has blocked, or accepted by itself
    SIDE_KNOWS_ALL = 8,   // theirs are the peer's marks
};

/** What positions and times are told from: they are near the last message's. */
struct bases {
    int64_t position;
    int64_t at_ms;
};

static struct bases bases_of(const struct thread_side sides[2])
{
    const unsigned last = sides[0].message_pos < sides[1].message_pos;
    return (struct bases){sides[last].message_pos, sides[last].last_at_ms};
}

static bool has_contact(const struct thread_side *s)
{
    return s->contact_pos != 0 || s->block_seq != 0 || s->block_after.n != 0 ||
           s->block_after.bytes != 0 || s->withheld.n != 0 || s->withheld.bytes != 0;
}

static bool is_mark(const struct thread_mark *a, const struct thread_mark *b)
{
    return a->seq == b->seq && a->at_ms == b->at_ms && a->position == b->position;
}

static unsigned flags_of(const struct thread_side sides[2], unsigned side)
{
    const struct thread_side *s = &sides[side];
    const struct thread_mark *marks = sides[1 - side].marks;

    return (s->accepted ? SIDE_ACCEPTED : 0U) | (s->blocked ? SIDE_BLOCKED : 0U) |
           (has_contact(s) ? SIDE_HAS_CONTACT : 0U) |
           (is_mark(&s->theirs[0], &marks[0]) && is_mark(&s->theirs[1], &marks[1])
                ? SIDE_KNOWS_ALL
                : 0U);
}

static uint8_t *put_tally(uint8_t *at, struct tally t)
{
    return put(put(at, t.n), t.bytes);
}

static struct tally take_tally(struct unpacker *u)
{
    const uint64_t n = take(u);
    return (struct tally){.n = n, .bytes = take(u)};
}

static uint8_t *put_marks(uint8_t *at, const struct thread_mark marks[2],
                          const struct bases *base)
{
    for (unsigned which = 0; which < 2; which++) {
        at = put(at, marks[which].seq);
        at = put_near(at, marks[which].at_ms, base->at_ms);
        at = put_near(at, marks[which].position, base->position);
    }
    return at;
}

static void take_marks(struct unpacker *u, struct thread_mark marks[2],
                       const struct bases *base)
{
    for (unsigned which = 0; which < 2; which++) {
        marks[which].seq = take(u);
        marks[which].at_ms = take_near(u, base->at_ms);
        marks[which].position = take_near(u, base->position);
    }
}

static uint8_t *put_contact(uint8_t *at, const struct thread_side *s, const struct bases *base)
{
    at = put_near(at, s->contact_pos, base->position);
    at = put(at, s->block_seq);
    at = put_tally(at, s->block_after);
    return put_tally(at, s->withheld);
}

static void take_contact(struct unpacker *u, struct thread_side *s, const struct bases *base)
{
    s->contact_pos = take_near(u, base->position);
    s->block_seq = take(u);
    s->block_after = take_tally(u);
    s->withheld = take_tally(u);
}

static uint8_t *put_side(uint8_t *at, const struct thread_side sides[2], unsigned side,
                         const struct bases *base)
{
    const struct thread_side *s = &sides[side];
    const unsigned flags = flags_of(sides, side);

    *at++ = (uint8_t)flags;
    at = put_tally(at, s->sent);
    at = put_near(at, s->last_at_ms, base->at_ms);
    at = put_near(at, s->message_pos, base->position);
    at = put_near(at, s->receipt_pos, base->position);
    at = put_near(at, s->due_pos, base->position);
    at = put_marks(at, s->marks, base);
    at = put_tally(at, s->up_to[CHAT_MARK_DELIVERED]);
    at = put(at, s->up_to[CHAT_MARK_READ].n);
    if (!(flags & SIDE_KNOWS_ALL))
        at = put_marks(at, s->theirs, base);
    return flags & SIDE_HAS_CONTACT ? put_contact(at, s, base) : at;
}

/** @return its flags */
static unsigned take_side(struct unpacker *u, struct thread_side *s, const struct bases *base)
{
    const unsigned flags = (unsigned)take(u);

    *s = (struct thread_side){.account = s->account,
                              .id = s->id,
                              .accepted = flags & SIDE_ACCEPTED,
                              .blocked = flags & SIDE_BLOCKED};
    s->sent = take_tally(u);
    s->last_at_ms = take_near(u, base->at_ms);
    s->message_pos = take_near(u, base->position);
    s->receipt_pos = take_near(u, base->position);
    s->due_pos = take_near(u, base->position);
    take_marks(u, s->marks, base);
    s->up_to[CHAT_MARK_DELIVERED] = take_tally(u);
    s->up_to[CHAT_MARK_READ].n = take(u);
    if (!(flags & SIDE_KNOWS_ALL))
        take_marks(u, s->theirs, base);
    if (flags & SIDE_HAS_CONTACT)
        take_contact(u, s, base);
    for (unsigned which = 0; which < 2; which++)
        s->logged[which] = s->marks[which].position;
    return flags;
}

size_t pack_thread(uint8_t *out, const struct thread_side sides[2],
                   const struct thread_keys *keys)
{
    const struct bases base = bases_of(sides);
    uint8_t *at = put(put(out, (uint64_t)base.position), (uint64_t)base.at_ms);

    memcpy(at, keys->bits, sizeof(keys->bits));
    at += sizeof(keys->bits);
    at = put_side(at, sides, 0, &base);
    at = put_side(at, sides, 1, &base);
    assert(at - out <= PACK_THREAD_SIZE);
    return (size_t)(at - out);
}

int unpack_thread(str packed, struct thread_side sides[2], struct thread_keys *keys)
{
    struct unpacker u = unpacker_of(packed);
    struct bases base;
    unsigned flags[2];

    base.position = (int64_t)take(&u);
    base.at_ms = (int64_t)take(&u);
    take_bytes(&u, keys->bits, sizeof(keys->bits));
    for (unsigned side = 0; side < 2; side++)
        flags[side] = take_side(&u, &sides[side], &base);
    for (unsigned side = 0; side < 2; side++) {
        if (flags[side] & SIDE_KNOWS_ALL)
            memcpy(sides[side].theirs, sides[1 - side].marks, sizeof(sides[side].theirs));
    }
    return u.is_damaged || u.at != u.end ? PACK_DAMAGED : 0;
}

// Places.

size_t pack_places(uint8_t *out, const struct kept_places *kept)
{
    uint8_t *at = put(out, kept->first);
    int64_t before = 0;

    assert(kept->n <= PLACES_KEPT);
    for (size_t i = 0; i < kept->n; i++) {
        const struct tail_entry *entry = &kept->entries[i];
        at = put_near(at, entry->position, before);
        if (entry->position == 0)
            continue;
        before = entry->position;
        memcpy(at, &entry->hash, sizeof(entry->hash));
        at += sizeof(entry->hash);
    }
    assert(at - out <= PACK_PLACES_SIZE);
    return (size_t)(at - out);
}

int unpack_places(str packed, struct kept_places *out)
{
    struct unpacker u = unpacker_of(packed);
    int64_t before = 0;

    out->first = take(&u);
    for (out->n = 0; out->n < PLACES_KEPT && u.at < u.end; out->n++) {
        struct tail_entry *entry = &out->entries[out->n];
        *entry = (struct tail_entry){.position = take_near(&u, before)};
        if (entry->position == 0)
            continue;
        before = entry->position;
        take_bytes(&u, &entry->hash, sizeof(entry->hash));
    }
    return u.is_damaged || u.at != u.end ? PACK_DAMAGED : 0;
}

// Members.

#define MEMBER_SIDE   1U
#define MEMBER_UNREAD 2U

struct member member_of(conversation_id id, const struct thread_side sides[2], unsigned side)
{
    const struct thread_side *s = &sides[side];

    return (struct member){.id = id,
                           .side = side,
                           .is_unread = sides_above(sides, side, CHAT_MARK_READ).n > 0,
                           .message_pos = s->message_pos,
                           .receipt_pos = s->receipt_pos,
                           .contact_pos = s->contact_pos,
                           .due_pos = s->due_pos};
}

size_t pack_member(uint8_t *out, uint64_t before, const struct member *m)
{
    const uint64_t number = conversation_number(m->id);
    uint8_t *at = put(out, number - before);

    assert(number > before);
    at = put(at, (uint32_t)m->id);
    *at++ = (uint8_t)(m->side | (m->is_unread ? MEMBER_UNREAD : 0));
    at = put(at, (uint64_t)m->message_pos);
    at = put_near(at, m->receipt_pos, m->message_pos);
    at = put_near(at, m->contact_pos, m->message_pos);
    at = put_near(at, m->due_pos, m->message_pos);
    assert(at - out <= PACK_MEMBER_SIZE);
    return (size_t)(at - out);
}

int member_next(struct member_list *list, struct member *out)
{
    struct unpacker u = unpacker_of(list->rest);

    if (list->rest.len == 0)
        return PACK_END;
    const uint64_t step = take(&u);
    const uint64_t number = list->number + step;
    out->id = number << 32 | (uint32_t)take(&u);
    const unsigned flags = (unsigned)take(&u);
    out->side = flags & MEMBER_SIDE;
    out->is_unread = flags & MEMBER_UNREAD;
    out->message_pos = (int64_t)take(&u);
    out->receipt_pos = take_near(&u, out->message_pos);
    out->contact_pos = take_near(&u, out->message_pos);
    out->due_pos = take_near(&u, out->message_pos);
    if (u.is_damaged || step == 0 || step > UINT32_MAX || number > UINT32_MAX)
        return PACK_DAMAGED;
    list->rest = (str){(const char *)u.at, (size_t)(u.end - u.at)};
    list->number = number;
    return 0;
}
