#include "media/mime.h"
#include "support/exact.h"
#include "support/t.h"

// clang-format off
static const struct safe_row {
    str mime;
    bool is_safe;
} safe_rows[] = {
    {STR("image/png"),  true}, {STR("image/jpeg"),  true}, {STR("image/gif"),  true},
    {STR("image/webp"), true}, {STR("image/avif"),  true}, {STR("video/mp4"),  true},
    {STR("video/webm"), true}, {STR("video/ogg"),   true}, {STR("audio/mpeg"), true},
    {STR("audio/mp4"),  true}, {STR("audio/aac"),   true}, {STR("audio/ogg"),  true},
    {STR("audio/wav"),  true}, {STR("audio/x-wav"), true}, {STR("audio/webm"), true},
    {STR("audio/flac"), true},
    {STR("IMAGE/Png"), true},
    {STR("image/png;charset=utf-8"), true},
    {STR("image/png ; a=b;c=d"), true},
    {STR("audio/ogg; codecs=opus"), true},

    {STR("image/svg+xml"), false},
    {STR("text/html"), false},
    {STR("text/plain"), false},
    {STR("application/pdf"), false},
    {STR("application/octet-stream"), false},
    {STR("application/xhtml+xml"), false},
    {STR("image/tiff"), false},
    {STR("image/*"), false},
    {STR("*/*"), false},
    {STR("image/pn"), false},
    {STR("image/pngx"), false},
    {STR("image/png,text/html"), false},
    {STR("text/html;image/png"), false},
    {STR("image /png"), false},
    {STR("image/png\0"), false},
    {STR(";image/png"), false},
    {STR("image"), false},
    {STR(""), false},
};

#define PNG     "\x89PNG\r\n\x1a\n"
#define EBML    "\x1a\x45\xdf\xa3"
#define FTYP    "\0\0\0\x20" "ftyp"
#define OOXML   "application/vnd.openxmlformats-officedocument."
#define ODF     "application/vnd.oasis.opendocument."
#define OLE     "\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"

static const struct fits_row {
    const char *name;
    str mime;
    str head;
    bool fits;
} fits_rows[] = {
    {"PNG",                  STR("image/png"),  STR(PNG), true},
    {"PNG in capitals",      STR("IMAGE/PNG"),  STR(PNG "x"), true},
    {"PNG with a parameter", STR("image/png;a"), STR(PNG), true},
    {"PNG, one byte less",   STR("image/png"),  STR("\x89PNG\r\n\x1a"), false},
    {"PNG, ends of lines changed", STR("image/png"), STR("\x89PNG\n\x1a\n"), false},
    {"PNG not at the start", STR("image/png"),  STR(" " PNG), false},
    {"JPEG",                 STR("image/jpeg"), STR("\xff\xd8\xff\xe0"), true},
    {"JPEG, one byte less",  STR("image/jpeg"), STR("\xff\xd8"), false},
    {"JPEG that is PNG",     STR("image/jpeg"), STR(PNG), false},
    {"GIF of 1987",          STR("image/gif"),  STR("GIF87a"), true},
    {"GIF of 1989",          STR("image/gif"),  STR("GIF89a\1"), true},
    {"GIF of 1988",          STR("image/gif"),  STR("GIF88a"), false},
    {"WebP",                 STR("image/webp"), STR("RIFF\1\2\3\4WEBPVP8 "), true},
    {"WebP, one byte less",  STR("image/webp"), STR("RIFF\1\2\3\4WEB"), false},
    {"WebP, RIFF alone",     STR("image/webp"), STR("RIFF"), false},
    {"WebP that is WAV",     STR("image/webp"), STR("RIFF\1\2\3\4WAVE"), false},
    {"WAV",                  STR("audio/wav"),  STR("RIFF\1\2\3\4WAVEfmt "), true},
    {"WAV by its old name",  STR("audio/x-wav"), STR("RIFF\1\2\3\4WAVEfmt "), true},
    {"WAV that is WebP",     STR("audio/wav"),  STR("RIFF\1\2\3\4WEBP"), false},
    {"AVIF",                 STR("image/avif"), STR(FTYP "avif\0\0\0\0"), true},
    {"AVIF that moves",      STR("image/avif"), STR(FTYP "avis\0\0\0\0"), true},
    {"AVIF, a brand of many", STR("image/avif"), STR(FTYP "mif1\0\0\0\0" "miafavif"), true},
    {"AVIF, the last brand", STR("image/avif"), STR("\0\0\0\x14" "ftyp" "mif1\0\0\0\0" "avif"), true},
    {"AVIF behind its box",  STR("image/avif"), STR("\0\0\0\x13" "ftyp" "mif1\0\0\0\0" "avif"), false},
    {"AVIF in the version",  STR("image/avif"), STR(FTYP "mif1avif"), false},
    {"AVIF between brands",  STR("image/avif"), STR(FTYP "mif1\0\0\0\0xxavifxx"), false},
    {"AVIF that is HEIC",    STR("image/avif"), STR(FTYP "heic\0\0\0\0mif1heic"), false},
    {"AVIF of a huge box",   STR("image/avif"), STR("\xff\xff\xff\xff" "ftyp" "mif1\0\0\0\0"), false},
    {"AVIF of an empty box", STR("image/avif"), STR("\0\0\0\0" "ftyp" "avif"), true},
    {"MP4",                  STR("video/mp4"),  STR(FTYP "isom"), true},
    {"MP4 of any brand",     STR("video/mp4"),  STR(FTYP "zzzz"), true},
    {"MP4 of sound",         STR("audio/mp4"),  STR(FTYP "M4A "), true},
    {"MP4, one byte less",   STR("video/mp4"),  STR("\0\0\0\x20" "fty"), false},
    {"MP4 not at the start", STR("video/mp4"),  STR("ftypisom"), false},
    {"WebM",                 STR("video/webm"), STR(EBML), true},
    {"WebM of sound",        STR("audio/webm"), STR(EBML "\x9f"), true},
    {"WebM, one byte less",  STR("video/webm"), STR("\x1a\x45\xdf"), false},
    {"Ogg",                  STR("audio/ogg"),  STR("OggS"), true},
    {"Ogg, with its codec",  STR("audio/ogg; codecs=opus"), STR("OggS\0\2"), true},
    {"Ogg that moves",       STR("video/ogg"),  STR("OggS"), true},
    {"Ogg, small",           STR("audio/ogg"),  STR("oggs"), false},
    {"MPEG with tags",       STR("audio/mpeg"), STR("ID3\4"), true},
    {"MPEG 1, layer 3",      STR("audio/mpeg"), STR("\xff\xfb\x90"), true},
    {"MPEG 2, layer 3",      STR("audio/mpeg"), STR("\xff\xf3"), true},
    {"MPEG 2.5, layer 3",    STR("audio/mpeg"), STR("\xff\xe3"), true},
    {"MPEG 1, layer 2",      STR("audio/mpeg"), STR("\xff\xfd"), true},
    {"MPEG, ten bits",       STR("audio/mpeg"), STR("\xff\xdb"), false},
    {"MPEG, no version",     STR("audio/mpeg"), STR("\xff\xeb"), false},
    {"MPEG, no layer",       STR("audio/mpeg"), STR("\xff\xf1"), false},
    {"MPEG, one byte",       STR("audio/mpeg"), STR("\xff"), false},
    {"AAC of MPEG 4",        STR("audio/aac"),  STR("\xff\xf1"), true},
    {"AAC of MPEG 2, checked", STR("audio/aac"), STR("\xff\xf8"), true},
    {"AAC in one piece",     STR("audio/aac"),  STR("ADIF"), true},
    {"AAC with tags",        STR("audio/aac"),  STR("ID3\4"), true},
    {"AAC that is MP3",      STR("audio/aac"),  STR("\xff\xfb"), false},
    {"FLAC",                 STR("audio/flac"), STR("fLaC"), true},
    {"FLAC with tags",       STR("audio/flac"), STR("ID3\4"), true},
    {"FLAC, small",          STR("audio/flac"), STR("flac"), false},
    {"PDF",                  STR("application/pdf"), STR("%PDF-1.7"), true},
    {"PDF without a dash",   STR("application/pdf"), STR("%PDF"), false},
    {"ZIP",                  STR("application/zip"), STR("PK\3\4"), true},
    {"ZIP of nothing",       STR("application/zip"), STR("PK\5\6"), true},
    {"ZIP in pieces",        STR("application/zip"), STR("PK\7\x08"), true},
    {"ZIP that is a text",   STR("application/zip"), STR("PKO said"), false},
    {"Word",                 STR(OOXML "wordprocessingml.document"), STR("PK\3\4"), true},
    {"Word with a password", STR(OOXML "wordprocessingml.document"), STR(OLE), true},
    {"Excel",                STR(OOXML "spreadsheetml.sheet"), STR("PK\3\4"), true},
    {"PowerPoint",           STR(OOXML "presentationml.presentation"), STR("PK\3\4"), true},
    {"PowerPoint as HTML",   STR(OOXML "presentationml.presentation"), STR("<html>"), false},
    {"Writer",               STR(ODF "text"), STR("PK\3\4"), true},
    {"Writer in OLE",        STR(ODF "text"), STR(OLE), false},
    {"Calc",                 STR(ODF "spreadsheet"), STR("PK\3\4"), true},
    {"Impress",              STR(ODF "presentation"), STR("PK\3\4"), true},
    {"Writer as XML",        STR(ODF "text-flat-xml"), STR("<?xml "), true},
    {"PNG of no bytes",      STR("image/png"), STR(""), false},

    {"text",                 STR("text/plain"), STR("hello"), true},
    {"text of no bytes",     STR("text/plain"), STR(""), true},
    {"bytes",                STR("application/octet-stream"), STR("\0\1\2"), true},
    {"bytes that are PNG",   STR("application/octet-stream"), STR(PNG), true},
    {"any type",             STR("x/y"), STR("PK\3\4"), true},
    {"no type",              STR(""), STR("hello"), true},
    {"SVG",                  STR("image/svg+xml"), STR("<svg onload=a>"), true},

    {"HTML, its doctype",    STR("text/plain"), STR("<!DOCTYPE html>"), false},
    {"HTML, small",          STR("text/plain"), STR("<!doctype html "), false},
    {"HTML, mixed",          STR("text/plain"), STR("<ScRiPt>"), false},
    {"HTML behind blanks",   STR("text/plain"), STR("\t\n\f\r <html>"), false},
    {"HTML behind VT",       STR("text/plain"), STR("\v<html>"), true},
    {"HTML with attributes", STR("text/plain"), STR("<body onload=a>"), false},
    {"HTML, a tab for a blank", STR("text/plain"), STR("<body\tonload=a>"), true},
    {"HTML, a comment",      STR("text/plain"), STR("<!-- x -->"), false},
    {"HTML, no comment yet", STR("text/plain"), STR("<!--x-->"), true},
    {"HTML cut before its end", STR("text/plain"), STR("<html"), true},
    {"HTML behind a text",   STR("text/plain"), STR("a<html>"), true},
    {"HTML, another tag",    STR("text/plain"), STR("<abbr>"), true},
    {"HTML, <head",          STR("x/y"), STR("<head>"), false},
    {"HTML, <iframe",        STR("x/y"), STR("<iframe src=a>"), false},
    {"HTML, <h1",            STR("x/y"), STR("<h1>"), false},
    {"HTML, <div",           STR("x/y"), STR("<div>"), false},
    {"HTML, <font",          STR("x/y"), STR("<font>"), false},
    {"HTML, <table",         STR("x/y"), STR("<table>"), false},
    {"HTML, <a",             STR("x/y"), STR("<a href=x>"), false},
    {"HTML, <style",         STR("x/y"), STR("<style>"), false},
    {"HTML, <title",         STR("x/y"), STR("<title>"), false},
    {"HTML, <b",             STR("x/y"), STR("<b>"), false},
    {"HTML, <br",            STR("x/y"), STR("<br>"), false},
    {"HTML, <p",             STR("x/y"), STR("<p>"), false},
    {"HTML as bytes",        STR("application/octet-stream"), STR("<html>"), false},
    {"HTML of no type",      STR(""), STR("<html>"), false},
    {"HTML as PNG",          STR("image/png"), STR("<html>"), false},
    {"HTML as itself",       STR("text/html"), STR("<html>"), true},
    {"HTML as itself, in UTF-8", STR("Text/HTML; charset=utf-8"), STR("<html>"), true},
    {"XHTML as itself",      STR("application/xhtml+xml"), STR("<!DOCTYPE html >"), true},
    {"XML behind a comment", STR("application/xml"), STR("<!-- x -->"), true},
    {"XML of text",          STR("text/xml"), STR("<!-- x -->"), true},
    {"SVG behind a comment", STR("image/SVG+xml"), STR("<!-- x -->"), true},
    {"Markdown",             STR("text/markdown"), STR("<p align=\"center\">"), true},
    {"no XML",               STR("text/xmlx"), STR("<p>"), false},
};

static const struct disposition_row {
    const char *name;
    str file;
    str want; // behind "attachment"
} disposition_rows[] = {
    {"none",          STR(""),          STR("")},
    {"plain",         STR("a-b_c.png"), STR("; filename=\"a-b_c.png\"; filename*=UTF-8''a-b_c.png")},
    {"a blank",       STR("a b"),       STR("; filename=\"a b\"; filename*=UTF-8''a%20b")},
    {"a quote",       STR("a\"b"),      STR("; filename=\"a_b\"; filename*=UTF-8''a%22b")},
    {"a backslash",   STR("a\\b"),      STR("; filename=\"a_b\"; filename*=UTF-8''a%5Cb")},
    {"a slash",       STR("../a"),      STR("; filename=\".._a\"; filename*=UTF-8''..%2Fa")},
    {"a percent",     STR("100%41"),    STR("; filename=\"100_41\"; filename*=UTF-8''100%2541")},
    {"an apostrophe", STR("it's"),      STR("; filename=\"it's\"; filename*=UTF-8''it%27s")},
    {"a semicolon",   STR("a;b=c"),     STR("; filename=\"a;b=c\"; filename*=UTF-8''a%3Bb%3Dc")},
    {"lines",         STR("a\r\nb: c"), STR("; filename=\"a__b: c\"; filename*=UTF-8''a%0D%0Ab%3A%20c")},
    {"a NUL",         STR("a\0b"),      STR("; filename=\"a_b\"; filename*=UTF-8''a%00b")},
    {"DEL",           STR("\x7f"),      STR("; filename=\"_\"; filename*=UTF-8''%7F")},
    {"two bytes",     STR("\xc3\xbc"),  STR("; filename=\"_\"; filename*=UTF-8''%C3%BC")},
    {"three bytes",   STR("\xe2\x82\xac rates"), STR("; filename=\"_ rates\"; filename*=UTF-8''%E2%82%AC%20rates")},
    {"four bytes",    STR("\xf0\x9f\x98\x80.gif"), STR("; filename=\"_.gif\"; filename*=UTF-8''%F0%9F%98%80.gif")},
    {"no UTF-8",      STR("a\xff\x80z"), STR("; filename=\"a_z\"; filename*=UTF-8''a%FF%80z")},
};

// clang-format on

static void only_images_audio_and_video_are_safe(void **state)
{
    (void)state;
    for (const struct safe_row *row = safe_rows; row < safe_rows + COUNT_OF(safe_rows); row++)
        expect_int(row->mime.ptr, mime_is_safe(row->mime), row->is_safe);
}

static void a_file_must_begin_as_its_type_does(void **state)
{
    (void)state;
    for (const struct fits_row *row = fits_rows; row < fits_rows + COUNT_OF(fits_rows); row++) {
        CLEANUP(exact_freep) char *head = exact_copy(row->head);
        CLEANUP(exact_freep) char *mime = exact_copy(row->mime);

        expect_int(row->name, mime_fits((str){mime, row->mime.len}, (str){head, row->head.len}),
                   row->fits);
    }
}

/** Cut anywhere, a file is of its type from some length on, and never before. */
static void a_file_is_known_from_some_length_on(void **state)
{
    (void)state;
    for (const struct fits_row *row = fits_rows; row < fits_rows + COUNT_OF(fits_rows); row++) {
        bool did_fit = mime_fits(row->mime, STR(""));
        int n_changes = 0;

        for (size_t cut = 1; cut <= row->head.len; cut++) {
            CLEANUP(exact_freep) char *head = exact_copy((str){row->head.ptr, cut});
            const bool fits = mime_fits(row->mime, (str){head, cut});
            n_changes += fits != did_fit;
            did_fit = fits;
        }
        expect_int(row->name, n_changes <= 1, true);
        expect_int(row->name, did_fit, row->fits);
    }
}

static void only_the_first_bytes_are_looked_at(void **state)
{
    (void)state;
    char head[MIME_SNIFF_SIZE + 1];

    memset(head, ' ', sizeof(head));
    str_copy(head + MIME_SNIFF_SIZE - 3, STR("<p>"));
    assert_false(mime_fits(STR("text/plain"), (str){head, sizeof(head)}));
    memset(head, ' ', sizeof(head));
    str_copy(head + MIME_SNIFF_SIZE - 2, STR("<p>"));
    assert_true(mime_fits(STR("text/plain"), (str){head, sizeof(head)}));
}

static void check_disposition(const char *name, bool is_inline, str file, str want)
{
    struct buf out;
    char all[256];

    const str kind = is_inline ? STR("inline") : STR("attachment");
    const size_t n = str_copy(all, kind).len;
    str_copy(all + n, want);
    buf_init(&out, MIME_DISPOSITION_SIZE(file.len));
    mime_disposition(&out, is_inline, file);
    expect_str(name, buf_str(&out), ((str){all, n + want.len}));
    buf_fini(&out);
}

static void a_disposition_has_the_name_twice(void **state)
{
    (void)state;
    for (const struct disposition_row *row = disposition_rows;
         row < disposition_rows + COUNT_OF(disposition_rows); row++) {
        check_disposition(row->name, false, row->file, row->want);
        check_disposition(row->name, true, row->file, row->want);
    }
}

static void a_disposition_is_never_longer_than_is_said(void **state)
{
    (void)state;
    char name[255];

    for (unsigned c = 0; c < 256; c++) {
        struct buf out;
        memset(name, (int)c, sizeof(name));
        buf_init(&out, MIME_DISPOSITION_SIZE(sizeof(name)));
        mime_disposition(&out, false, (str){name, sizeof(name)});
        buf_fini(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_images_audio_and_video_are_safe),
        cmocka_unit_test(a_file_must_begin_as_its_type_does),
        cmocka_unit_test(a_file_is_known_from_some_length_on),
        cmocka_unit_test(only_the_first_bytes_are_looked_at),
        cmocka_unit_test(a_disposition_has_the_name_twice),
        cmocka_unit_test(a_disposition_is_never_longer_than_is_said),
    };
    return cmocka_run_group_tests_name("media/mime", tests, NULL, NULL);
}
