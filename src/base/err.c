#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

int err_fault_at(const char *file, int line, int code, const char *what, ...)
{
    char text[256];
    char quoted[LOG_QUOTE_SIZE];
    va_list ap;

    assert(code < 0);
    va_start(ap, what);
    vsnprintf(text, sizeof(text), what, ap);
    va_end(ap);

    log_error(NULL, "fault", "at=%s:%d what=%s errno=%s", file, line,
              log_quote(quoted, str_of(text)), strerrorname_np(-code));
    return code;
}

int err_up_at(const char *file, int line, int r)
{
    if (r > 0)
        return err_fault_at(file, line, -ENOTRECOVERABLE, "refusal %d was not handled", r);
    log_error(NULL, "fault_via", "at=%s:%d", file, line);
    return r;
}
