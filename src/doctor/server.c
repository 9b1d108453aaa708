#include "doctor/server.h"

#include <stdio.h>

#include "base/buf.h"
#include "io/local.h"
#include "json/json.h"
#include "server/admin_socket.h"
#include "store/dir.h"

#define ANSWER_MAX   16384 // bytes
#define QUESTION_MAX 256   // likewise

/** @return owned; NULL: why says why not */
static struct json *parse(struct buf *answer, const char **why)
{
    struct json *out = NULL;
    char *text = buf_ptr(answer);
    char *body = text && answer->len > 0 ? memmem(text, answer->len, "\r\n\r\n", 4) : NULL;

    *why = "it answers, and makes no sense";
    if (!body)
        return NULL;
    body += 4;
    if (json_parse(&out, body, answer->len - (size_t)(body - text)) != 0)
        return NULL;
    *why = NULL;
    return out;
}

static struct json *ask_socket(const char *data, const char *method, const char *path,
                               const char **why)
{
    char socket[ADMIN_SOCKET_PATH_SIZE];
    char question[QUESTION_MAX];
    struct json *out = NULL;
    struct buf answer;

    *why = "its socket has too long a path";
    if (admin_socket_path(socket, str_of(data)) != 0)
        return NULL;
    const int n = snprintf(question, sizeof(question),
                           "%s %s HTTP/1.1\r\nHost: parley\r\nConnection: close\r\n"
                           "Content-Length: 0\r\n\r\n",
                           method, path);
    buf_init(&answer, ANSWER_MAX);
    switch (local_ask(socket, (str){question, (size_t)n}, &answer, DOCTOR_SERVER_MS)) {
    case 0: out = parse(&answer, why); break;
    case LOCAL_NOBODY: *why = "nobody listens at its admin.sock"; break;
    case LOCAL_LATE: *why = "it does not answer in time"; break;
    default: *why = "its admin.sock can't be opened"; break;
    }
    buf_fini(&answer);
    return out;
}

static void keep(char *out, size_t size, const struct json *j)
{
    const str text = json_text(j);

    snprintf(out, size, STR_FMT, STR_ARG(text));
}

bool server_probe(struct server *s, const char *data, char name[PROBE_NAME_SIZE])
{
    CLEANUP(json_freep) struct json *answer = ask_socket(data, "POST", "/v1/probe", &s->why);

    keep(name, PROBE_NAME_SIZE, json_member(answer, "probe"));
    if (!answer || !name[0]) {
        s->is_old = !s->why;
        s->why = s->why ? s->why : "it is of an older version";
        return false;
    }
    keep(s->version, sizeof(s->version), json_member(answer, "version"));
    if (addr_parse(&s->at, json_text(json_member(answer, "listen"))) != 0)
        s->at = (struct addr){0};
    s->is_given = json_is_true(json_member(answer, "given"));
    s->is_tls = json_is_true(json_member(answer, "tls"));
    return true;
}

static bool take_ip(ip *out, const struct json *j)
{
    return ip_parse(out, json_text(j)) == 0;
}

bool server_seen(const char *data, const char *name, struct server_seen *out)
{
    char path[sizeof("/v1/probe/") + PROBE_NAME_SIZE];
    const char *why = NULL;

    snprintf(path, sizeof(path), "/v1/probe/%s", name);
    CLEANUP(json_freep) struct json *answer = ask_socket(data, "GET", path, &why);
    if (!json_is_true(json_member(answer, "seen")))
        return false;
    out->has_forwarded = json_is_true(json_member(answer, "forwarded"));
    keep(out->host, sizeof(out->host), json_member(answer, "host"));
    return take_ip(&out->peer, json_member(answer, "peer")) &&
           take_ip(&out->client, json_member(answer, "client"));
}

/** Is this process a Parley? */
static bool is_parley(pid_t pid)
{
    char path[64];
    char name[16] = "";

    snprintf(path, sizeof(path), "/proc/%lld/comm", (long long)pid);
    FILE *f = fopen(path, "re");
    if (!f)
        return false;
    const bool is = fgets(name, sizeof(name), f) && strncmp(name, "parley", 6) == 0;
    fclose(f);
    return is;
}

void server_find(struct server *out, const char *data)
{
    char name[PROBE_NAME_SIZE];

    *out = (struct server){0};
    out->is_unseen = store_dir_holder(&out->pid, data) < 0;
    if (out->is_unseen || out->pid == 0)
        return;
    out->is_local = out->pid > 0 && is_parley(out->pid);
    (void)server_probe(out, data, name);
}
