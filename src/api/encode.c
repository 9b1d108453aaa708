#include "api/encode.h"

#include "api/file.h"
#include "auth/account.h"
#include "base/base64.h"
#include "base/digits.h"
#include "base/hex.h"
#include "json/json.h"

#define DAY_MS     86400000
#define GRANT_ROOM 1024 // bytes of a grant, without its access token

static char *put_room(struct buf *out, size_t n)
{
    char *room = buf_room(out, n);

    assert(room);
    return room;
}

static void put(struct buf *out, str s)
{
    const int r = buf_add(out, s);
    assert(r == 0);
    (void)r;
}

/** In line, so that its length is known: there are many, and they are short. */
__attribute__((always_inline)) static inline void put_literal(struct buf *out, str s)
{
    memcpy(put_room(out, s.len), s.ptr, s.len);
    buf_added(out, s.len);
}

#define PUT(out, literal) put_literal((out), STR(literal))

static void put_str(struct buf *out, str s)
{
    const int r = json_print_str(out, s);
    assert(r == 0);
    (void)r;
}

/** What has nothing that JSON escapes. */
static void put_plain(struct buf *out, str s)
{
    char *at = put_room(out, s.len + 2);

    *at++ = '"';
    at += str_copy(at, s).len;
    *at = '"';
    buf_added(out, s.len + 2);
}

static void put_number(struct buf *out, uint64_t n)
{
    char digits[DIGITS_SIZE];

    put(out, digits_of(digits, n));
}

static void put_bool(struct buf *out, bool is_true)
{
    put(out, is_true ? STR("true") : STR("false"));
}

/** An id, without quotes. */
static void put_id(struct buf *out, uint64_t id)
{
    hex_u64(put_room(out, HEX_U64), id);
    buf_added(out, HEX_U64);
}

struct date {
    int64_t year;
    unsigned month;
    unsigned day;
};

/** Of a count of days since 1970, by the calendar of 400 years, which have as many days each
 * time; its years begin in March, so that the odd day is their last. */
static struct date date_of(int64_t days)
{
    const int64_t since_0000 = days + 719468;
    const int64_t era = since_0000 / 146097;
    const unsigned of_era = (unsigned)(since_0000 % 146097);
    const unsigned year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    const unsigned of_year = of_era - (365 * year + year / 4 - year / 100);
    const unsigned month = (5 * of_year + 2) / 153; // 0 is March
    const bool is_next_year = month >= 10;

    return (struct date){
        .year = era * 400 + year + is_next_year,
        .month = is_next_year ? month - 9 : month + 3,
        .day = of_year - (153 * month + 2) / 5 + 1,
    };
}

#define TIME_TAIL STR("-MM-DDTHH:MM:SS.mmmZ\"") // behind the year

/** @param unix_ms  from 1970 on */
static void put_time(struct buf *out, int64_t unix_ms)
{
    const uint64_t ms = (uint64_t)unix_ms % DAY_MS;
    const struct date date = date_of(unix_ms / DAY_MS);

    PUT(out, "\"");
    put_number(out, (uint64_t)date.year);
    char *at = put_room(out, TIME_TAIL.len);
    str_copy(at, TIME_TAIL);
    digits_fixed(at + 1, 2, date.month);
    digits_fixed(at + 4, 2, date.day);
    digits_fixed(at + 7, 2, ms / 3600000);
    digits_fixed(at + 10, 2, ms / 60000 % 60);
    digits_fixed(at + 13, 2, ms / 1000 % 60);
    digits_fixed(at + 16, 3, ms % 1000);
    buf_added(out, TIME_TAIL.len);
}

static void put_account(struct buf *out, const account *a, struct auth_cases *cases)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];

    put_plain(out, auth_account_text_with(text, a, cases));
}

// Messages.

static str status_name(enum chat_status status)
{
    static const str names[] = {
        [CHAT_UNDELIVERED] = {"undelivered", 11},
        [CHAT_DELIVERED] = {"delivered", 9},
        [CHAT_READ] = {"read", 4},
    };

    return names[status];
}

static void put_id_and_seq(struct buf *out, const struct chat_message *m)
{
    PUT(out, "{\"id\":\"");
    put_id(out, m->conversation);
    PUT(out, ":");
    put_number(out, m->seq);
    PUT(out, "\",\"conversation\":\"");
    put_id(out, m->conversation);
    PUT(out, "\",\"seq\":");
    put_number(out, m->seq);
}

/** Each text is made once. */
static void put_sides(struct buf *out, const struct chat_message *m,
                      const struct api_reader *reader, bool is_own)
{
    char from_text[AUTH_ACCOUNT_TEXT_SIZE];
    char to_text[AUTH_ACCOUNT_TEXT_SIZE];
    const str from = auth_account_text_with(from_text, &m->from, reader->cases);
    const str to = auth_account_text_with(to_text, &m->to, reader->cases);

    PUT(out, ",\"peer\":");
    put_plain(out, is_own ? to : from);
    PUT(out, ",\"from\":");
    put_plain(out, from);
    PUT(out, ",\"to\":");
    put_plain(out, to);
}

static bool is_shown(str key)
{
    return key.len > 0 && key.ptr[0] != CHAT_INTERNAL_KEY;
}

/** A link to get the file, and when it expires. */
static void put_link(struct buf *out, const struct media_file *f,
                     const struct api_reader *reader)
{
    struct buf url;

    buf_init(&url, SIZE_MAX / 2);
    const int64_t expires_at_ms = media_get_link(reader->media, f, reader->now_ms, &url);
    PUT(out, "\"url\":");
    put_str(out, buf_str(&url));
    PUT(out, ",\"expires_at\":");
    put_time(out, expires_at_ms);
    buf_fini(&url);
}

/** That of an upload has room for a link: its url was never stored. */
static void put_content(struct buf *out, const struct chat_message *m,
                        const struct api_reader *reader)
{
    struct api_file f = {0};
    str content = m->content;

    if (!reader->media || !api_file_open(&f, m) || f.upload.id.len == 0) {
        put(out, content);
    } else {
        put(out, str_take(&content, content.len - STR("}").len));
        PUT(out, ",");
        put_link(out, &f.upload, reader);
        PUT(out, "}");
    }
    api_file_close(&f);
}

void api_encode_message(struct buf *out, const struct chat_message *m,
                        const struct api_reader *reader, const str *cursor)
{
    const bool is_own = account_eq(&m->from, reader->account);

    put_id_and_seq(out, m);
    put_sides(out, m, reader, is_own);
    PUT(out, ",\"type\":");
    put_str(out, m->type);
    PUT(out, ",\"content\":");
    put_content(out, m, reader);
    if (m->reply_to > 0) {
        PUT(out, ",\"reply_to\":");
        put_number(out, m->reply_to);
    }
    if (is_own && is_shown(m->key)) {
        PUT(out, ",\"client_msg_id\":");
        put_str(out, m->key);
    }
    PUT(out, ",\"created_at\":");
    put_time(out, m->created_at_ms);
    PUT(out, ",\"status\":");
    put_plain(out, status_name(m->status));
    if (cursor) {
        PUT(out, ",\"cursor\":");
        put_plain(out, *cursor);
    }
    PUT(out, "}");
}

// Conversations.

static void put_marks(struct buf *out, const struct chat_marks *m)
{
    PUT(out, "{\"delivered_seq\":");
    put_number(out, m->delivered_seq);
    PUT(out, ",\"read_seq\":");
    put_number(out, m->read_seq);
    PUT(out, "}");
}

void api_encode_conversation(struct buf *out, const struct chat_conversation *c,
                             const struct api_reader *reader)
{
    PUT(out, "{\"conversation\":\"");
    put_id(out, c->id);
    PUT(out, "\",\"peer\":");
    put_account(out, &c->peer, reader->cases);
    PUT(out, ",\"accepted\":");
    put_bool(out, c->accepted);
    PUT(out, ",\"blocked\":");
    put_bool(out, c->blocked);
    PUT(out, ",\"first_seq\":");
    put_number(out, c->first_seq);
    PUT(out, ",\"last_seq\":");
    put_number(out, c->last_seq);
    PUT(out, ",\"last_message\":");
    if (c->last_message.seq > 0) {
        api_encode_message(out, &c->last_message, reader, NULL);
    } else {
        PUT(out, "null");
    }
    PUT(out, ",\"unread\":");
    put_number(out, c->unread);
    PUT(out, ",\"mine\":");
    put_marks(out, &c->mine);
    PUT(out, ",\"theirs\":");
    put_marks(out, &c->theirs);
    PUT(out, ",\"updated_at\":");
    if (c->updated_at_ms > 0) {
        put_time(out, c->updated_at_ms);
    } else {
        PUT(out, "null");
    }
    PUT(out, "}");
}

void api_encode_receipt(struct buf *out, const struct chat_receipt *r,
                        const struct api_reader *reader, str cursor)
{
    const bool is_own = account_eq(&r->by, reader->account);

    PUT(out, "{\"conversation\":\"");
    put_id(out, r->conversation);
    PUT(out, "\",\"peer\":");
    put_account(out, is_own ? &r->peer : &r->by, reader->cases);
    PUT(out, ",\"seq\":");
    put_number(out, r->seq);
    PUT(out, ",\"by\":");
    put_account(out, &r->by, reader->cases);
    PUT(out, ",\"at\":");
    put_time(out, r->at_ms);
    PUT(out, ",\"cursor\":");
    put_plain(out, cursor);
    PUT(out, "}");
}

void api_encode_changed(struct buf *out, const struct chat_conversation *c,
                        const struct api_reader *reader, str cursor)
{
    PUT(out, "{\"conversation\":");
    api_encode_conversation(out, c, reader);
    PUT(out, ",\"cursor\":");
    put_plain(out, cursor);
    PUT(out, "}");
}

// Who is there, and writes.

void api_encode_typing(struct buf *out, const struct chat_typing *t)
{
    PUT(out, "{\"conversation\":\"");
    put_id(out, t->conversation);
    PUT(out, "\",\"peer\":");
    put_account(out, &t->from, NULL);
    PUT(out, "}");
}

void api_encode_presence(struct buf *out, const struct chat_presence *p)
{
    PUT(out, "{\"account\":");
    put_account(out, &p->account, NULL);
    PUT(out, ",\"online\":");
    put_bool(out, p->is_online);
    PUT(out, ",\"last_seen\":");
    if (p->is_online || p->last_seen_ms == 0) {
        PUT(out, "null");
    } else {
        put_time(out, p->last_seen_ms);
    }
    PUT(out, "}");
}

// The life of a connection.

void api_encode_ready(struct buf *out, const struct api_ready *r)
{
    PUT(out, "{\"account\":");
    put_account(out, &r->account, NULL);
    PUT(out, ",\"session\":");
    put_str(out, r->session);
    PUT(out, ",\"server_time\":");
    put_time(out, r->server_time_ms);
    PUT(out, ",\"recovered\":");
    put_bool(out, r->is_recovered);
    PUT(out, ",\"unread\":");
    put_number(out, r->unread);
    PUT(out, ",\"limits\":{\"content_bytes\":");
    put_number(out, r->content_bytes);
    if (r->upload_bytes > 0) {
        PUT(out, ",\"upload_bytes\":");
        put_number(out, r->upload_bytes);
    }
    PUT(out, "}}");
}

void api_encode_synced(struct buf *out, str cursor)
{
    PUT(out, "{\"cursor\":");
    put_plain(out, cursor);
    PUT(out, "}");
}

void api_encode_warning(struct buf *out, str code, str message)
{
    PUT(out, "{\"code\":");
    put_str(out, code);
    PUT(out, ",\"message\":");
    put_str(out, message);
    PUT(out, "}");
}

void api_encode_expiry(struct buf *out, int64_t expires_at_ms)
{
    PUT(out, "{\"expires_at\":");
    put_time(out, expires_at_ms);
    PUT(out, "}");
}

// Signing in.

void api_encode_renewed(struct buf *out, int64_t expires_at_ms)
{
    PUT(out, "{\"status\":\"ok\",\"expires_at\":");
    put_time(out, expires_at_ms);
    PUT(out, "}");
}

void api_encode_challenge(struct buf *out, const struct auth_challenge *c)
{
    PUT(out, "{\"status\":\"ok\",\"nonce\":");
    put_str(out, str_of(c->nonce));
    PUT(out, ",\"issued_at\":");
    put_time(out, c->issued_at_ms);
    PUT(out, ",\"expires_at\":");
    put_time(out, c->expires_at_ms);
    PUT(out, ",\"domain\":");
    put_str(out, str_of(c->domain));
    PUT(out, ",\"chain_ids\":[");
    for (size_t i = 0; i < c->n_chains; i++) {
        if (i > 0)
            PUT(out, ",");
        put_number(out, c->chains[i]);
    }
    PUT(out, "]}");
}

void api_encode_grant(struct buf *out, const struct auth_grant *g)
{
    char *room = buf_room(out, GRANT_ROOM + g->access_token.len); // it must not move: secrets

    assert(room);
    (void)room;
    PUT(out, "{\"status\":\"ok\",\"account\":");
    put_account(out, &g->account, NULL);
    PUT(out, ",\"access_token\":");
    put_str(out, g->access_token);
    PUT(out, ",\"expires_at\":");
    put_time(out, g->expires_at_ms);
    PUT(out, ",\"refresh_token\":");
    put_str(out, g->refresh_token);
    PUT(out, ",\"session\":");
    put_str(out, g->session);
    PUT(out, "}");
}

// Errors.

void api_encode_problem(struct buf *out, const struct api_problem *p)
{
    const char *message = p->message ? p->message : api_error_message(p->error);

    PUT(out, "{\"code\":");
    put_str(out, str_of(api_error_code(p->error)));
    PUT(out, ",\"message\":");
    put_str(out, str_of(message));
    if (p->field) {
        PUT(out, ",\"field\":");
        put_str(out, str_of(p->field));
    }
    if (p->retry_after_ms > 0) {
        PUT(out, ",\"retry_after_ms\":");
        put_number(out, (uint64_t)p->retry_after_ms);
    }
    PUT(out, "}");
}

void api_encode_error(struct buf *out, const struct api_problem *p)
{
    PUT(out, "{\"status\":\"error\",\"error\":");
    api_encode_problem(out, p);
    PUT(out, "}");
}

void api_encode_error_event(struct buf *out, const struct api_problem *p, str event, str key)
{
    PUT(out, "{\"error\":");
    api_encode_problem(out, p);
    if (event.len > 0) {
        PUT(out, ",\"event\":");
        put_str(out, event);
    }
    if (key.len > 0) {
        PUT(out, ",\"client_msg_id\":");
        put_str(out, key);
    }
    PUT(out, "}");
}

// Answers.

void api_encode_ok(struct buf *out)
{
    PUT(out, "{\"status\":\"ok\"}");
}

void api_encode_watched(struct buf *out, const struct chat_presence *p, size_t n)
{
    PUT(out, "{\"status\":\"ok\",\"accounts\":[");
    for (size_t i = 0; i < n; i++) {
        if (i > 0)
            PUT(out, ",");
        api_encode_presence(out, &p[i]);
    }
    PUT(out, "]}");
}

void api_encode_found(struct buf *out, const struct chat_conversation *c,
                      const struct api_reader *reader)
{
    PUT(out, "{\"status\":\"ok\",\"conversation\":");
    api_encode_conversation(out, c, reader);
    PUT(out, "}");
}

void api_encode_sent(struct buf *out, const struct store_appended *a,
                     const struct api_reader *reader)
{
    PUT(out, "{\"status\":\"ok\",\"duplicate\":");
    put_bool(out, a->is_duplicate);
    PUT(out, ",\"message\":");
    api_encode_message(out, &a->message, reader, NULL);
    PUT(out, "}");
}

void api_encode_marked(struct buf *out, uint64_t seq)
{
    PUT(out, "{\"status\":\"ok\",\"seq\":");
    put_number(out, seq);
    PUT(out, "}");
}

void api_encode_history(struct buf *out, const struct store_history_page *page,
                        const struct api_reader *reader)
{
    PUT(out, "{\"status\":\"ok\",\"messages\":[");
    for (size_t i = 0; i < page->n_messages; i++) {
        if (i > 0)
            PUT(out, ",");
        api_encode_message(out, &page->messages[i], reader, NULL);
    }
    PUT(out, "],\"has_more\":");
    put_bool(out, page->has_more);
    PUT(out, ",\"first_seq\":");
    put_number(out, page->first_seq);
    PUT(out, "}");
}

void api_encode_list(struct buf *out, const struct store_list_page *page,
                     const struct api_reader *reader)
{
    PUT(out, "{\"status\":\"ok\",\"conversations\":[");
    for (size_t i = 0; i < page->n_conversations; i++) {
        if (i > 0)
            PUT(out, ",");
        api_encode_conversation(out, &page->conversations[i], reader);
    }
    PUT(out, "]");
    if (page->next > 0) {
        PUT(out, ",\"next\":\"");
        put_id(out, (uint64_t)page->next);
        PUT(out, "\"");
    }
    PUT(out, "}");
}

// Files.

static void put_headers(struct buf *out, const struct chat_upload *u)
{
    char text[BASE64_LEN(CHAT_SHA256_SIZE)];

    PUT(out, "{\"content-type\":");
    put_str(out, u->mime);
    if (u->has_sha256) {
        base64_encode(text, (str){(const char *)u->sha256, sizeof(u->sha256)});
        PUT(out, ",\"x-amz-checksum-sha256\":");
        put_str(out, (str){text, sizeof(text)});
    }
    PUT(out, "}");
}

void api_encode_upload(struct buf *out, const struct chat_upload *u,
                       const struct api_reader *reader)
{
    struct buf url;

    buf_init(&url, SIZE_MAX / 2);
    const int64_t expires_at_ms = media_put_link(reader->media, u, reader->now_ms, &url);
    PUT(out, "{\"status\":\"ok\",\"upload\":");
    put_str(out, u->id);
    PUT(out, ",\"method\":\"PUT\",\"url\":");
    put_str(out, buf_str(&url));
    PUT(out, ",\"headers\":");
    put_headers(out, u);
    PUT(out, ",\"expires_at\":");
    put_time(out, expires_at_ms);
    PUT(out, "}");
    buf_fini(&url);
}

void api_encode_attachment(struct buf *out, const struct api_file *f,
                           const struct api_reader *reader)
{
    PUT(out, "{\"status\":\"ok\",");
    if (f->upload.id.len > 0) {
        put_link(out, &f->upload, reader);
    } else {
        PUT(out, "\"url\":");
        put_str(out, f->url);
        PUT(out, ",\"expires_at\":null");
    }
    PUT(out, "}");
}
