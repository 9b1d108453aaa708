#include "server/options_credentials.h"

#include <dirent.h>
#include <errno.h>
#include <unistd.h>

#include "server/options_row.h"

#define PREFIX STR("parley.")

#ifndef PARLEY_CREDENTIALS_DIRECTORY
    #define PARLEY_CREDENTIALS_DIRECTORY                                                       \
        "" // of the service of this name, where it is installed
#endif

const char *options_credentials_dir(char *const *env)
{
    static const str name = {"CREDENTIALS_DIRECTORY=", 22};

    for (; *env; env++) {
        if (str_starts(str_of(*env), name))
            return (*env)[name.len] ? *env + name.len : NULL;
    }
    return access(PARLEY_CREDENTIALS_DIRECTORY, R_OK | X_OK) == 0 ? PARLEY_CREDENTIALS_DIRECTORY
                                                                  : NULL;
}

static int say_errno(const struct option_source *from, const char *what, int why)
{
    option_say_where(from);
    fprintf(from->err, "%s: %s\n", what, strerrordesc_np(why));
    return OPTIONS_BAD;
}

static int say_too_much(const struct option_source *from)
{
    option_say_where(from);
    fprintf(from->err, "with the file of options they have more than %d bytes\n",
            OPTIONS_TEXTS_MAX);
    return OPTIONS_BAD;
}

/** @return 0, or an errno; EFBIG where text has no room for it */
static int read_file(const char *path, struct buf *text)
{
    const size_t left = text->max - text->len; // with that for the byte that ends it
    char *room = buf_room(text, left);
    FILE *file = fopen(path, "re");

    if (!file)
        return errno;
    const size_t n = fread(room, 1, left, file);
    const int why = ferror(file) ? errno : 0;
    (void)fclose(file);
    if (why != 0)
        return why;
    if (n == left)
        return EFBIG;
    buf_added(text, n);
    return 0;
}

/** An editor, or echo, ends the last line. */
static str without_newline(str value)
{
    assert(value.ptr || value.len == 0);
    if (value.len > 0 && value.ptr[value.len - 1] == '\n')
        value.len--;
    if (value.len > 0 && value.ptr[value.len - 1] == '\r')
        value.len--;
    return value;
}

static bool has_control(str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if ((unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 127)
            return true;
    }
    return false;
}

/** What text has got since, as a string of C. */
static str end_str(struct buf *text, size_t before)
{
    const str value = {buf_ptr(text) + before, text->len - before};

    *buf_room(text, 1) = '\0';
    buf_added(text, 1);
    return value;
}

/** @param path  of the credential, at the end of text */
static int apply(const struct option_source *from, const struct option *o, void *into, str path,
                 struct buf *text)
{
    if (o->kind == OPTION_FILE)
        return option_set(from, o, into, path);
    const size_t before = text->len;
    const int why = read_file(path.ptr, text);
    if (why == EFBIG)
        return say_too_much(from);
    if (why != 0)
        return say_errno(from, path.ptr, why);
    text->len = before + without_newline((str){buf_ptr(text) + before, text->len - before}).len;
    const str value = end_str(text, before);
    if (!has_control(value))
        return option_set(from, o, into, value);
    option_say_where(from);
    option_say_name(from, str_of(o->name));
    fprintf(from->err, ": a byte in it is no text, or there is a second line\n");
    return OPTIONS_BAD;
}

static int apply_file(const struct option_source *from, void *into, str name, struct buf *text)
{
    const struct option_table *t = from->table;
    const size_t before = text->len;

    str_take(&name, PREFIX.len);
    const struct option *o = option_find(t->options, t->n_options, name);
    if (o && str_eq(name, str_of(t->file_option))) {
        option_say_where(from);
        option_say_name(from, name);
        fprintf(from->err, ": a credential is not the file of options\n");
        return OPTIONS_BAD;
    }
    if (!o) {
        option_say_where(from);
        fprintf(from->err, "there is no option for ");
        option_say_name(from, name);
        option_say_nearest(from, t->options, t->n_options, name);
        return OPTIONS_BAD;
    }
    if (buf_addf(text, "%s/" STR_FMT STR_FMT, from->path, STR_ARG(PREFIX), STR_ARG(name)) !=
            0 ||
        text->len == text->max)
        return say_too_much(from);
    return apply(from, o, into, end_str(text, before), text);
}

int options_credentials_apply(const struct option_table *t, void *into, const char *dir,
                              struct buf *text)
{
    const struct option_source from = {
        .table = t, .origin = OPTION_FROM_CREDENTIAL, .err = stderr, .path = dir};
    int r = 0;

    DIR *d = opendir(dir);
    if (!d)
        return errno == ENOENT ? 0 : say_errno(&from, "can't read them", errno);
    // NOLINTNEXTLINE(concurrency-mt-unsafe): d is of this function alone
    for (const struct dirent *e = readdir(d); e && r == 0; e = readdir(d)) {
        if (str_starts(str_of(e->d_name), PREFIX))
            r = apply_file(&from, into, str_of(e->d_name), text);
    }
    closedir(d);
    return r;
}
