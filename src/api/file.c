#include "api/file.h"

#include "base/mem.h"

const struct api_problem api_takes_no_files = {API_UNSUPPORTED_TYPE, NULL,
                                               "This server takes no files.", 0};

bool api_file_kind(enum chat_kind *out, str type)
{
    static const str names[] = {
        [CHAT_IMAGE] = {"image", 5},
        [CHAT_VIDEO] = {"video", 5},
        [CHAT_AUDIO] = {"audio", 5},
        [CHAT_FILE] = {"file", 4},
    };

    static_assert(COUNT_OF(names) == CHAT_N_KINDS, "each kind has a type");
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (!str_eq(type, names[i]))
            continue;
        *out = (enum chat_kind)i;
        return true;
    }
    return false;
}

struct json *api_file_parse(str content)
{
    char *copy = mem_alloc(content.len + 1); // parsing changes it
    struct json *j = NULL;

    str_copy(copy, content);
    const int r = json_parse(&j, copy, content.len);
    free(copy);
    return r == 0 ? j : NULL;
}

/** An upload of which nothing is known is none. */
static bool read_file(struct api_file *f)
{
    f->upload = (struct media_file){
        .id = json_text(json_member(f->content, "upload")),
        .mime = json_text(json_member(f->content, "mime")),
        .name = json_text(json_member(f->content, "name")),
    };
    if (f->upload.id.len > 0)
        return f->upload.mime.len > 0 && f->upload.name.len > 0;
    f->url = json_text(json_member(f->content, "url"));
    return f->url.len > 0;
}

bool api_file_open(struct api_file *out, const struct chat_message *m)
{
    struct api_file f = {0};
    enum chat_kind kind;

    if (!api_file_kind(&kind, m->type))
        return false;
    f.content = api_file_parse(m->content);
    if (!f.content || !read_file(&f)) {
        json_free(f.content);
        return false;
    }
    *out = f;
    return true;
}

void api_file_close(struct api_file *f)
{
    json_free(f->content);
    *f = (struct api_file){0};
}

struct chat_history api_file_where(const struct chat_place *place, uint64_t seq)
{
    return (struct chat_history){
        .place = *place, .before = seq + 1, .after = seq - 1, .limit = 1};
}

const struct api_problem *api_file_find(struct api_file *out,
                                        const struct store_history_page *page,
                                        const struct media *media)
{
    static const struct api_problem no_message = {
        API_NOT_FOUND, "seq", "The conversation has no message of this number.", 0};
    static const struct api_problem no_file = {API_NOT_FOUND, "seq",
                                               "There is no file in this message.", 0};
    static const struct api_problem no_media = {
        API_NOT_FOUND, "seq", "The file can't be reached: this server has none any more.", 0};

    if (page->n_messages == 0)
        return &no_message;
    if (!api_file_open(out, &page->messages[0]))
        return &no_file;
    if (media || out->upload.id.len == 0)
        return NULL;
    api_file_close(out);
    return &no_media;
}
