#include "media/mime.h"

#include "media/sigv4.h"

/** Without the parameters. */
static str essence_of(str mime)
{
    return str_trim(str_take_until(&mime, ';'));
}

bool mime_is_safe(str mime)
{
    static const str safe[] = {
        STR("image/png"),  STR("image/jpeg"),  STR("image/gif"),  STR("image/webp"),
        STR("image/avif"), STR("video/mp4"),   STR("video/webm"), STR("video/ogg"),
        STR("audio/mpeg"), STR("audio/mp4"),   STR("audio/aac"),  STR("audio/ogg"),
        STR("audio/wav"),  STR("audio/x-wav"), STR("audio/webm"), STR("audio/flac"),
    };
    const str essence = essence_of(mime);
    size_t i = 0;

    while (i < COUNT_OF(safe) && !str_eq_nocase(safe[i], essence))
        i++;
    return i < COUNT_OF(safe);
}

// What files of a type begin with.

static uint8_t byte_at(str s, size_t i)
{
    return i < s.len ? (uint8_t)s.ptr[i] : 0;
}

static bool has_at(str s, size_t at, str want)
{
    return s.len >= at && str_starts((str){s.ptr + at, s.len - at}, want);
}

static bool is_png(str head)
{
    return str_starts(head, STR("\x89PNG\r\n\x1a\n"));
}

static bool is_jpeg(str head)
{
    return str_starts(head, STR("\xff\xd8\xff"));
}

static bool is_gif(str head)
{
    return str_starts(head, STR("GIF87a")) || str_starts(head, STR("GIF89a"));
}

static bool is_webp(str head)
{
    return str_starts(head, STR("RIFF")) && has_at(head, 8, STR("WEBP"));
}

static bool is_wav(str head)
{
    return str_starts(head, STR("RIFF")) && has_at(head, 8, STR("WAVE"));
}

/** ISO/IEC 14496-12, section 4.3: a box whose type is ftyp is the first. Its brands are many,
 * and new ones come. */
static bool is_mp4(str head)
{
    return has_at(head, 4, STR("ftyp"));
}

static bool is_avif_brand(str head, size_t at)
{
    return has_at(head, at, STR("avif")) || has_at(head, at, STR("avis"));
}

/** The size of the box, ftyp, the major brand, its version, then the brands that fit as well.
 * mif1 may be the major one, and HEIC has that, too. */
static bool is_avif(str head)
{
    const uint32_t size = (uint32_t)byte_at(head, 0) << 24 | (uint32_t)byte_at(head, 1) << 16 |
                          (uint32_t)byte_at(head, 2) << 8 | byte_at(head, 3);
    bool is_one = is_avif_brand(head, 8);

    for (size_t at = 16; at + 4 <= size && at < head.len; at += 4)
        is_one |= is_avif_brand(head, at);
    return is_mp4(head) && is_one;
}

/** EBML's: of WebM, and of Matroska. */
static bool is_webm(str head)
{
    return str_starts(head, STR("\x1a\x45\xdf\xa3"));
}

static bool is_ogg(str head)
{
    return str_starts(head, STR("OggS"));
}

/** Tags that are put before audio of any kind. */
static bool is_id3(str head)
{
    return str_starts(head, STR("ID3"));
}

/** ISO/IEC 11172-3: eleven bits are set, then come the version and the layer. A version 1 and
 * a layer 0 are none. */
static bool is_mpeg_audio(str head)
{
    const uint8_t second = byte_at(head, 1);
    const bool is_frame = byte_at(head, 0) == 0xff && (second & 0xe0) == 0xe0 &&
                          (second & 0x18) != 0x08 && (second & 0x06) != 0;
    return is_frame || is_id3(head);
}

/** ADTS has the layer 0. */
static bool is_aac(str head)
{
    const bool is_adts = byte_at(head, 0) == 0xff && (byte_at(head, 1) & 0xf6) == 0xf0;
    return is_adts || str_starts(head, STR("ADIF")) || is_id3(head);
}

static bool is_flac(str head)
{
    return str_starts(head, STR("fLaC")) || is_id3(head);
}

static bool is_pdf(str head)
{
    return str_starts(head, STR("%PDF-"));
}

/** The first entry; or the end, of an empty one; or the mark of one in several pieces. */
static bool is_zip(str head)
{
    return str_starts(head, STR("PK\x03\x04")) || str_starts(head, STR("PK\x05\x06")) ||
           str_starts(head, STR("PK\x07\x08"));
}

/** With a password it is a compound file, of OLE. */
static bool is_office(str head)
{
    return is_zip(head) || str_starts(head, STR("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"));
}

#define OFFICE "application/vnd.openxmlformats-officedocument."
#define OASIS  "application/vnd.oasis.opendocument."

static const struct kind {
    str mime;
    bool (*fits)(str head);
} kinds[] = {
    {STR("image/png"), is_png},
    {STR("image/jpeg"), is_jpeg},
    {STR("image/gif"), is_gif},
    {STR("image/webp"), is_webp},
    {STR("image/avif"), is_avif},
    {STR("video/mp4"), is_mp4},
    {STR("video/webm"), is_webm},
    {STR("video/ogg"), is_ogg},
    {STR("audio/mpeg"), is_mpeg_audio},
    {STR("audio/mp4"), is_mp4},
    {STR("audio/aac"), is_aac},
    {STR("audio/ogg"), is_ogg},
    {STR("audio/wav"), is_wav},
    {STR("audio/x-wav"), is_wav},
    {STR("audio/webm"), is_webm},
    {STR("audio/flac"), is_flac},
    {STR("application/pdf"), is_pdf},
    {STR("application/zip"), is_zip},
    {STR(OFFICE "wordprocessingml.document"), is_office},
    {STR(OFFICE "spreadsheetml.sheet"), is_office},
    {STR(OFFICE "presentationml.presentation"), is_office},
    {STR(OASIS "text"), is_zip},
    {STR(OASIS "spreadsheet"), is_zip},
    {STR(OASIS "presentation"), is_zip},
};

static bool ends_nocase(str s, str end)
{
    return s.len >= end.len && str_eq_nocase((str){s.ptr + (s.len - end.len), end.len}, end);
}

/** Files of these may well begin as HTML does, and nobody takes them for something else. */
static bool may_be_html(str essence)
{
    static const str types[] = {STR("text/html"), STR("text/markdown"), STR("text/xml"),
                                STR("application/xml")};
    bool may = ends_nocase(essence, STR("+xml"));

    for (size_t i = 0; i < COUNT_OF(types); i++)
        may |= str_eq_nocase(types[i], essence);
    return may;
}

static bool is_space(uint8_t c)
{
    return c == '\t' || c == '\n' || c == '\f' || c == '\r' || c == ' ';
}

static bool starts_with_tag(str s, str tag)
{
    if (s.len <= tag.len || !str_eq_nocase((str){s.ptr, tag.len}, tag))
        return false;
    return s.ptr[tag.len] == ' ' || s.ptr[tag.len] == '>';
}

/** WHATWG, MIME Sniffing, section 7.1. */
static bool is_html(str head)
{
    static const str tags[] = {
        STR("<!DOCTYPE HTML"),
        STR("<HTML"),
        STR("<HEAD"),
        STR("<SCRIPT"),
        STR("<IFRAME"),
        STR("<H1"),
        STR("<DIV"),
        STR("<FONT"),
        STR("<TABLE"),
        STR("<A"),
        STR("<STYLE"),
        STR("<TITLE"),
        STR("<B"),
        STR("<BODY"),
        STR("<BR"),
        STR("<P"),
        STR("<!--"),
    };
    size_t i = 0;

    while (head.len > 0 && is_space((uint8_t)head.ptr[0]))
        str_take(&head, 1);
    while (i < COUNT_OF(tags) && !starts_with_tag(head, tags[i]))
        i++;
    return i < COUNT_OF(tags);
}

bool mime_fits(str mime, str head)
{
    const str essence = essence_of(mime);

    if (head.len > MIME_SNIFF_SIZE)
        head.len = MIME_SNIFF_SIZE;
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (str_eq_nocase(kinds[i].mime, essence))
            return kinds[i].fits(head);
    }
    return may_be_html(essence) || !is_html(head);
}

static void add(struct buf *out, str s)
{
    const int r = buf_add(out, s);
    assert(r == 0);
    (void)r;
}

/** One '_' for each character that old clients read in ways of their own: '%' as well, says
 * RFC 6266 in appendix D. */
static void add_fallback(struct buf *out, str name)
{
    for (size_t i = 0; i < name.len; i++) {
        const uint8_t c = (uint8_t)name.ptr[i];
        const bool is_plain = c >= ' ' && c < 0x7f && !strchr("\"\\/%", c);
        if ((c & 0xc0) != 0x80) // it is not the rest of a character of UTF-8
            add(out, is_plain ? (str){name.ptr + i, 1} : STR("_"));
    }
}

void mime_disposition(struct buf *out, bool is_inline, str name)
{
    add(out, is_inline ? STR("inline") : STR("attachment"));
    if (name.len == 0)
        return;
    add(out, STR("; filename=\""));
    add_fallback(out, name);
    add(out, STR("\"; filename*=UTF-8''"));
    sigv4_encode(out, name, false); // what it leaves as it is, RFC 8187 does as well
}
