#include "api/decode.h"
#include "api/describe.h"
#include "api/file.h"
#include "auth/account.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "chat/media.h"

#define CONTENT 256 // bytes that a message may have: few, so that the limit is met

// Its links are "ours:" and an id, of whatever length.

static bool find_ours(struct media *m, str url, str *id)
{
    (void)m;
    if (!str_starts(url, STR("ours:")))
        return false;
    str_take(&url, STR("ours:").len);
    *id = url;
    return true;
}

/** With media, and files of one site beside. */
static void begin(struct api_decoder *d)
{
    static const struct media_ops ops = {.name = "fuzz", .find = find_ours};
    static struct media media = {&ops};
    static struct api_urls urls = {.n = 1, .list = {{"https://cdn.example/files", 25}}};

    api_decoder_init(d, &(struct api_decoder_config){
                            .home_chain = 1,
                            .content_bytes = CONTENT,
                            .media = &media,
                            .urls = &urls,
                        });
}

static void check_problem(const struct api_decoder *d)
{
    const struct api_problem *p = &d->problem;

    assert(p->error == API_BAD_REQUEST || p->error == API_RECIPIENT_INVALID ||
           p->error == API_NOT_FOUND || p->error == API_TOO_LARGE ||
           p->error == API_UNSUPPORTED_TYPE);
    assert(api_error_is_sent(p->error));
    assert(p->field || p->error == API_BAD_REQUEST);
    assert(p->retry_after_ms == 0);
}

static void check_account(const account *a)
{
    char text[AUTH_ACCOUNT_TEXT_SIZE];
    account again;

    assert(!auth_account_is_zero(a));
    const int r = auth_account_parse(&again, auth_account_text(text, a), 1);
    assert(r == 0 && account_eq(a, &again));
}

static void check_place(const struct chat_place *place)
{
    if (place->conversation == 0)
        check_account(&place->peer);
}

/** Parse text, which must be good. @return owned; json_free() */
static struct json *parse(str text)
{
    char *copy = mem_resize(NULL, text.len + 1);
    struct json *j = NULL;

    str_copy(copy, text);
    const int r = json_parse(&j, copy, text.len);
    assert(r == 0);
    free(copy);
    return j;
}

/** No two of these in one, and nothing that is ours to say. */
static void check_media(const struct chat_send *send, const struct json *content)
{
    const str upload = json_text(json_member(content, "upload"));
    const str url = json_text(json_member(content, "url"));

    assert(json_kind(content) == JSON_KIND_OBJECT && send->content.len <= CONTENT);
    assert(str_eq(upload, send->upload));
    assert(!json_member(content, "upload") != !json_member(content, "url"));
    assert(!json_member(content, "mime") && !json_member(content, "size"));
    assert(!json_member(content, "expires_at"));
    if (upload.ptr) {
        assert(rand_is_name(upload));
    } else {
        assert(url.len > 8 && str_eq_nocase((str){url.ptr, 8}, STR("https://")));
    }
}

/** What is stored of it is read back as it was. */
static void check_described(const struct chat_send *send)
{
    const struct chat_upload u = {.name = STR("n"), .mime = STR("a/b"), .size = 7};
    struct chat_message m = {.type = send->type};
    struct api_file f;
    struct buf out;

    if (send->upload.len == 0)
        return;
    buf_init(&out, SIZE_MAX / 2);
    api_describe(&out, send->content, &u);
    m.content = buf_str(&out);
    const bool is_file = api_file_open(&f, &m);
    assert(is_file && str_eq(f.upload.id, send->upload) && str_eq(f.upload.mime, u.mime));
    assert(f.upload.name.len >= 1 && f.url.len == 0);
    api_file_close(&f);
    buf_fini(&out);
}

static void check_content(const struct chat_send *send)
{
    const bool is_text = str_eq(send->type, STR("text"));
    enum chat_kind kind;
    struct json *j = parse(send->content);
    struct buf again;

    buf_init(&again, SIZE_MAX / 2);
    const int r = json_print_canonical(&again, j);
    assert(r == 0 && str_eq(buf_str(&again), send->content));
    assert(utf8_is_valid(send->content));
    if (is_text) {
        assert(json_text(j).len >= 1 && json_text(j).len <= CONTENT);
    } else if (api_file_kind(&kind, send->type)) {
        assert(kind == send->kind);
        check_media(send, j);
        check_described(send);
    } else {
        assert(send->content.len <= CONTENT && str_starts(send->type, STR("x-")));
    }
    buf_fini(&again);
    json_free(j);
}

static void check_send(const struct chat_send *send)
{
    check_account(&send->to);
    check_content(send);
    assert(send->type.len >= 1 && send->type.len <= CHAT_TYPE_MAX);
    assert(send->key.len <= CHAT_KEY_MAX);
    assert(str_find(send->key, CHAT_INTERNAL_KEY) == send->key.len);
    assert(send->reply_to <= API_SEQ_MAX);
}

static void check_upload(const struct chat_announce *what)
{
    assert(what->name.len >= 1 && what->name.len <= CHAT_FILE_NAME_MAX);
    assert(str_find(what->name, '/') == what->name.len && utf8_is_valid(what->name));
    assert(str_find(what->name, '\n') == what->name.len);
    assert(what->mime.len >= 3 && what->mime.len <= CHAT_MIME_MAX);
    for (size_t i = 0; i < what->mime.len; i++)
        assert(what->mime.ptr[i] > ' ' && what->mime.ptr[i] <= '~');
    assert(str_find(what->mime, '/') < what->mime.len);
    assert(what->size >= 1 && what->size <= API_SEQ_MAX);
}

static void check_decode_upload(struct api_decoder *d, const struct json *payload)
{
    struct chat_announce what;

    if (api_decode_upload(&what, d, payload) == 0) {
        check_upload(&what);
    } else {
        check_problem(d);
    }
}

static int check_decode(struct chat_send *send, struct api_decoder *d,
                        const struct json *payload)
{
    struct api_mark mark;
    struct chat_history history;
    struct api_accounts all;
    struct api_list list;

    check_decode_upload(d, payload);
    if (api_decode_mark(&mark, d, payload) == 0) {
        check_place(&mark.place);
        assert(mark.seq >= 1 && mark.seq <= API_SEQ_MAX);
    } else {
        check_problem(d);
    }
    if (api_decode_history(&history, d, payload) == 0) {
        check_place(&history.place);
        assert(history.before <= API_SEQ_MAX && history.after <= API_SEQ_MAX);
        assert(history.limit >= 1 && history.limit <= CHAT_HISTORY_MAX);
    } else {
        check_problem(d);
    }
    if (api_decode_list(&list, d, payload) == 0) {
        assert(list.limit >= 1 && list.limit <= CHAT_LIST_MAX && list.before >= 0);
    } else {
        check_problem(d);
    }
    if (api_decode_accounts(&all, d, payload) == 0) {
        assert(all.n >= 1 && all.n <= CHAT_WATCHES_MAX);
        for (size_t i = 0; i < all.n; i++)
            check_account(&all.accounts[i]);
    } else {
        check_problem(d);
    }
    const int r = api_decode_send(send, d, payload);
    if (r == 0) {
        check_send(send);
    } else {
        check_problem(d);
    }
    return r;
}

/** The payload in another form is the same message. */
static void check_resend(struct api_decoder *d, const struct chat_send *first,
                         const struct json *payload)
{
    struct api_decoder other;
    struct chat_send send;
    struct buf form;

    buf_init(&form, SIZE_MAX / 2);
    int r = json_print_canonical(&form, payload);
    assert(r == 0);
    struct json *j = parse(buf_str(&form));
    api_decoder_init(&other, &d->config);
    r = api_decode_send(&send, &other, j);
    assert(r == 0);
    assert(str_eq(send.content, first->content) && str_eq(send.key, first->key));
    assert(memcmp(send.digest, first->digest, sizeof(send.digest)) == 0);
    api_decoder_fini(&other);
    json_free(j);
    buf_fini(&form);
}

/** {…} with what was made of a path and its query. */
static struct json *twin_of(const struct chat_history *h)
{
    char account_text[AUTH_ACCOUNT_TEXT_SIZE];
    struct buf text;

    buf_init(&text, SIZE_MAX / 2);
    int r = buf_addf(&text, "{\"limit\":%zu,", h->limit);
    if (h->before > 0)
        r |= buf_addf(&text, "\"before\":%llu,", (unsigned long long)h->before);
    if (h->after > 0)
        r |= buf_addf(&text, "\"after\":%llu,", (unsigned long long)h->after);
    if (h->place.conversation > 0) {
        r |= buf_addf(&text, "\"conversation\":\"%016llx\"}",
                      (unsigned long long)h->place.conversation);
    } else {
        r |= buf_addf(&text, "\"peer\":\"%s\"}",
                      auth_account_text(account_text, &h->place.peer).ptr);
    }
    assert(r == 0);
    struct json *j = parse(buf_str(&text));
    buf_fini(&text);
    return j;
}

/** Its twin in a payload is the same request. */
static void check_twin(struct api_decoder *d, const struct chat_history *h)
{
    struct json *payload = twin_of(h);
    struct chat_history twin;

    const int r = api_decode_history(&twin, d, payload);
    assert(r == 0 && twin.before == h->before && twin.after == h->after);
    assert(twin.limit == h->limit && twin.place.conversation == h->place.conversation);
    assert(h->place.conversation > 0 || account_eq(&twin.place.peer, &h->place.peer));
    json_free(payload);
}

/** SEGMENT?QUERY of a call. */
static void check_call(str call)
{
    struct chat_history history;
    struct api_list list;
    struct api_decoder d;
    const str segment = str_take_until(&call, '?');

    begin(&d);
    if (api_decode_history_in(&history, &d, segment, call) == 0) {
        check_place(&history.place);
        check_twin(&d, &history);
    } else {
        check_problem(&d);
    }
    if (api_decode_list_in(&list, &d, call) == 0) {
        assert(list.limit >= 1 && list.limit <= CHAT_LIST_MAX && list.before >= 0);
    } else {
        check_problem(&d);
    }
    api_decoder_fini(&d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/** A payload; or, behind a slash, what a call has instead. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = mem_resize(NULL, size > 0 ? size : 1);
    struct api_decoder d;
    struct json *j = NULL;
    struct chat_send send;

    str_copy(text, (str){(const char *)data, size});
    if (size > 0 && text[0] == '/') {
        check_call((str){text + 1, size - 1});
    } else if (json_parse(&j, text, size) == 0) {
        const struct json *payload = json_item(j, 1); // behind the name, as in an event
        const str key = api_decode_key(payload);
        begin(&d);
        if (check_decode(&send, &d, payload) == 0) {
            assert(str_eq(send.key, key));
            check_resend(&d, &send, payload);
        }
        api_decoder_fini(&d);
        json_free(j);
    }
    free(text);
    return 0;
}
