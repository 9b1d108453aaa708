#include "base/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hex.h"

#define LINE_MAX_BYTES 1024 // a longer line is cut

static const char *const level_names[] = {"fatal", "error", "warn", "info", "debug", "trace"};

const char *log_level_name(enum log_level level)
{
    return level_names[level];
}

struct layer_level {
    char name[16];
    enum log_level level;
};

// The one piece of global state: where lines go, and which are wanted. The levels are
// set before threads start and only read from then on; the sink is behind the lock.
static struct {
    enum log_level level;
    enum log_level highest; // of level and all layers: what is above costs one comparison
    size_t n_layers;
    struct layer_level layers[LOG_LAYERS_MAX];
} levels = {.level = LOG_INFO, .highest = LOG_INFO};

static bool is_journal; // from before threads start

static atomic_bool has_said_fatal;

static pthread_mutex_t sink_lock = PTHREAD_MUTEX_INITIALIZER;
static log_sink_fn *sink_fn;
static void *sink_arg;

void log_set_sink(log_sink_fn *sink, void *arg)
{
    pthread_mutex_lock(&sink_lock);
    sink_fn = sink;
    sink_arg = arg;
    pthread_mutex_unlock(&sink_lock);
}

static bool find_level(str name, enum log_level *out)
{
    for (size_t i = LOG_ERROR; i < COUNT_OF(level_names); i++) {
        if (str_eq(name, str_of(level_names[i]))) {
            *out = (enum log_level)i;
            return true;
        }
    }
    return false;
}

int log_set_levels(str spec)
{
    __typeof__(levels) next = {.level = LOG_INFO};

    while (spec.len > 0) {
        str value = str_take_until(&spec, ',');
        str layer = {0};
        enum log_level level = LOG_INFO;

        if (str_find(value, '=') < value.len)
            layer = str_take_until(&value, '=');
        if (!find_level(value, &level) || layer.len >= sizeof(next.layers[0].name))
            return LOG_SPEC_BAD_LEVEL;
        if (!layer.ptr) {
            next.level = level;
            continue;
        }
        if (next.n_layers == LOG_LAYERS_MAX)
            return LOG_SPEC_TOO_MANY;
        struct layer_level *l = &next.layers[next.n_layers++];
        str_copy(l->name, layer);
        l->level = level;
    }
    next.highest = next.level;
    for (size_t i = 0; i < next.n_layers; i++) {
        if (next.layers[i].level > next.highest)
            next.highest = next.layers[i].level;
    }
    levels = next;
    return 0;
}

void log_find_journal(const char *stream)
{
    str rest = str_of(stream);
    const str device = str_take_until(&rest, ':');
    uint64_t numbers[2];
    struct stat st;

    // Of a unit whose output goes elsewhere by now the variable is still there.
    is_journal = str_to_u64(device, UINT64_MAX, &numbers[0]) == 0 &&
                 str_to_u64(rest, UINT64_MAX, &numbers[1]) == 0 &&
                 fstat(STDERR_FILENO, &st) == 0 && st.st_dev == numbers[0] &&
                 st.st_ino == numbers[1];
}

const char *log_prefix(enum log_level level)
{
    static const char *const prefixes[] = {"<2>", "<3>", "<4>", "<6>", "<7>", "<7>"};

    return is_journal ? prefixes[level] : "";
}

static str layer_of(const char *event)
{
    str rest = str_of(event);
    return str_take_until(&rest, '_');
}

bool log_is_on(enum log_level level, const char *event)
{
    if (level > levels.highest)
        return false;
    const str layer = layer_of(event);
    for (size_t i = 0; i < levels.n_layers; i++) {
        if (str_eq(layer, str_of(levels.layers[i].name)))
            return level <= levels.layers[i].level;
    }
    return level <= levels.level;
}

static void emit(str line)
{
    pthread_mutex_lock(&sink_lock);
    if (sink_fn) {
        sink_fn(sink_arg, line);
    } else {
        // A log that can't be written has nowhere to be reported.
        const ssize_t written = write(STDERR_FILENO, line.ptr, line.len);
        (void)written;
    }
    pthread_mutex_unlock(&sink_lock);
}

/** Append to a line that never overflows; what does not fit is left out. */
PRINTF_LIKE(3, 0)
static void add(char *line, size_t *len, const char *fmt, va_list ap)
{
    const size_t room = LINE_MAX_BYTES - 1 - *len; // the last byte is for the newline
    const int n = vsnprintf(line + *len, room, fmt, ap);
    if (n > 0)
        *len += (size_t)n < room ? (size_t)n : room - 1;
}

PRINTF_LIKE(3, 4)
static void addf(char *line, size_t *len, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    add(line, len, fmt, ap);
    va_end(ap);
}

/** For the reader of the log alone; nothing is decided by it. */
struct timespec log_time(void)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    return now;
}

void log_line(const struct log_ctx *ctx, enum log_level level, const char *event,
              const char *fmt, ...)
{
    char line[LINE_MAX_BYTES];
    size_t len = 0;
    const struct timespec now = log_time();
    struct tm utc;
    va_list ap;

    gmtime_r(&now.tv_sec, &utc);
    const str layer = layer_of(event);
    addf(line, &len,
         "%sts=%04d-%02d-%02dT%02d:%02d:%02d.%03ldZ level=%s layer=" STR_FMT " event=%s",
         log_prefix(level), utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour,
         utc.tm_min, utc.tm_sec, now.tv_nsec / 1000000, level_names[level], STR_ARG(layer),
         event);
    for (; ctx; ctx = ctx->up)
        addf(line, &len, " %s=%llu", ctx->key, (unsigned long long)ctx->id);
    if (fmt[0]) {
        addf(line, &len, " ");
        va_start(ap, fmt);
        add(line, &len, fmt, ap);
        va_end(ap);
    }
    line[len++] = '\n';
    emit((str){line, len});
    if (level == LOG_FATAL)
        atomic_store(&has_said_fatal, true);
}

bool log_has_said_fatal(void)
{
    return atomic_load(&has_said_fatal);
}

const char *log_quote(char out[LOG_QUOTE_SIZE], str text)
{
    const size_t end = LOG_QUOTE_SIZE - sizeof("\\xff...\""); // room for one more and the end
    size_t n = 0;

    out[n++] = '"';
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (n > end) {
            memcpy(out + n, "...", 3);
            n += 3;
            break;
        }
        if (c < 0x20 || c >= 0x7f) {
            out[n++] = '\\';
            out[n++] = 'x';
            out[n++] = hex_digit(c >> 4);
            out[n++] = hex_digit(c & 15U);
        } else {
            if (c == '"' || c == '\\')
                out[n++] = '\\';
            out[n++] = (char)c;
        }
    }
    out[n++] = '"';
    out[n] = '\0';
    return out;
}
