#include "doctor/said.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/str.h"

void said_begin(struct said *s)
{
    *s = (struct said){.before = stderr};
    s->stream = open_memstream(&s->text, &s->len);
    if (!s->stream)
        mem_fail(0);
    stderr = s->stream;
}

static str without_command(str line)
{
    static const str commands[] = {
        {"parley serve: ", 14}, {"parley doctor: ", 15}, {"parley: ", 8}};

    for (size_t i = 0; i < COUNT_OF(commands); i++) {
        if (str_starts(line, commands[i]))
            (void)str_take(&line, commands[i].len);
    }
    return line;
}

char *said_end(struct said *s)
{
    stderr = s->before;
    fclose(s->stream);

    str rest = {s->text, s->len};
    char *out = mem_alloc(s->len + 1);
    size_t n = 0;
    while (rest.len > 0) {
        const str line = without_command(str_take_until(&rest, '\n'));
        if (n > 0 && line.len > 0)
            out[n++] = ' ';
        n += str_copy(out + n, line).len;
    }
    free(s->text);
    return out;
}
