#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "doctor/checks.h"

#define NAME "listen"

/** Where this machine reaches one who listens everywhere. */
static struct addr reached(const struct addr *at)
{
    struct addr a = *at;

    if (strcmp(at->host, "0.0.0.0") == 0)
        str_copy(a.host, (str){"127.0.0.1", sizeof("127.0.0.1")});
    if (strcmp(at->host, "::") == 0)
        str_copy(a.host, (str){"::1", sizeof("::1")});
    return a;
}

/** "process 4711 (nginx)" */
static void print_holder(char out[64], const struct listener_found *l)
{
    if (l->pid > 0) {
        snprintf(out, 64, "process %lld (%s)", (long long)l->pid, l->name);
    } else {
        snprintf(out, 64, "another process");
    }
}

// While none runs.

static bool is_managers_perhaps(const struct listener_found *l)
{
    return l->is_there && l->pid == 0 && l->uid == 0 &&
           access("/run/systemd/system", F_OK) == 0;
}

static void say_taken(struct doctor *d, const char *at)
{
    char remedy[FINDING_REMEDY_SIZE];
    char holder[64];

    if (d->listener.pid == 1) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "%s is the service manager's, which starts the server for who comes", at);
        return;
    }
    if (is_managers_perhaps(&d->listener)) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "If it is the service manager's (systemctl status parley.socket), all is "
                    "well. Else stop who has it (ss -ltnp), or take another port.",
                    "%s is root's; run as root, this says whose", at);
        return;
    }
    print_holder(holder, &d->listener);
    snprintf(remedy, sizeof(remedy), "Stop that, or take another port with --listen.%s",
             d->listener.pid > 0 ? "" : " As root this says which it is; so does: ss -ltnp.");
    finding_add(&d->findings, VERDICT_BAD, NAME, remedy, "%s has %s already", holder, at);
}

static void say_not_bound(struct doctor *d, const char *at, int error)
{
    if (error == EADDRINUSE) {
        say_taken(d, at);
    } else if (error == EACCES || error == EPERM) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Take a port from 1024 on, behind a proxy; or a socket of the service "
                    "manager's; or let it: AmbientCapabilities=CAP_NET_BIND_SERVICE in the "
                    "unit.",
                    "%s can't be listened at by user %u: ports below 1024 are root's", at,
                    (unsigned)geteuid());
    } else if (error == EADDRNOTAVAIL) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Name one that it has (ip address), or 0.0.0.0 for all of them.",
                    "%s is no address of this machine", at);
    } else {
        finding_add(&d->findings, VERDICT_BAD, NAME, "Name another address with --listen.",
                    "%s can't be listened at: %s", at, strerrordesc_np(error));
    }
}

/** @return 0 or the errno of binding; nobody can connect meanwhile */
static int try_bind(const struct addr *a)
{
    struct sockaddr_storage at = {0};
    struct sockaddr_in *v4 = (void *)&at;
    struct sockaddr_in6 *v6 = (void *)&at;
    const bool is_v6 = strchr(a->host, ':') != NULL;
    const int one = 1;
    ip address;

    if (ip_parse(&address, str_of(a->host)) != 0)
        return EINVAL;
    const int fd = socket(is_v6 ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    if (is_v6) {
        *v6 = (struct sockaddr_in6){.sin6_family = AF_INET6, .sin6_port = htons(a->port)};
        memcpy(&v6->sin6_addr, address.bytes, sizeof(address.bytes));
    } else {
        *v4 = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons(a->port)};
        memcpy(&v4->sin_addr, address.bytes + 12, 4);
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    const socklen_t len = is_v6 ? sizeof(*v6) : sizeof(*v4);
    const int error = bind(fd, (void *)&at, len) == 0 && listen(fd, 0) == 0 ? 0 : errno;
    close(fd);
    return error;
}

static void check_free(struct doctor *d)
{
    char at[ADDR_TEXT_SIZE];
    const struct addr *listen = &d->options->listen;

    addr_text(at, listen);
    const int error = listen->port == 0 ? 0 : try_bind(listen);
    if (error != 0) {
        say_not_bound(d, at, error);
    } else {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "%s is free", at);
    }
}

// While one runs.

/** What it says of itself. */
static void ask_readiness(struct doctor *d, const char *to)
{
    char url[sizeof("http:///readyz") + ADDR_TEXT_SIZE];
    struct answer a;

    snprintf(url, sizeof(url), "http://%s/readyz", to);
    ask(&d->asker, &(struct fetch){.url = str_of(url), .is_plain = true}, &a);
    if (a.status == 503) {
        finding_add(&d->findings, VERDICT_BAD, "server",
                    "See to that, and it goes on by itself; its log says more.",
                    "it is not ready: " STR_FMT, STR_ARG(buf_str(&a.body)));
    }
    answer_fini(&a);
}

static void ask_it(struct doctor *d, const char *at, const char *name)
{
    char url[sizeof("http://") + ADDR_TEXT_SIZE + sizeof(PROBE_PREFIX) + PROBE_NAME_SIZE];
    char to[ADDR_TEXT_SIZE];
    const struct addr there = reached(&d->server.at);
    struct answer a;

    snprintf(url, sizeof(url), "http://%s" PROBE_PREFIX "%s", addr_text(to, &there), name);
    ask(&d->asker, &(struct fetch){.url = str_of(url), .is_plain = true}, &a);
    if (a.status == 204) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "%s: the server answers there, in %lld ms", at, (long long)a.took_ms);
    } else if (a.r != 0) {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Its log says what it does. A firewall of this machine may be in the way.",
                    "%s: the server listens there, and does not answer: %s", at, a.why);
    } else {
        finding_add(&d->findings, VERDICT_BAD, NAME,
                    "Find out who answers there (ss -ltnp), and stop that.",
                    "%s: another one answers there than the server", at);
    }
    const bool is_there = a.status == 204;
    answer_fini(&a);
    if (is_there)
        ask_readiness(d, to);
}

static bool is_for_proxies_alone(const struct doctor *d)
{
    const struct addr there = reached(&d->server.at);
    ip address;

    return d->config.proxy_protocol && ip_parse(&address, str_of(there.host)) == 0 &&
           http_proxies_trust(&d->config.proxies, &address);
}

static void check_running(struct doctor *d)
{
    char name[PROBE_NAME_SIZE];
    char at[ADDR_TEXT_SIZE];
    char want[ADDR_TEXT_SIZE];

    if (d->server.why || !server_probe(&d->server, d->data, name)) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL, "the server does not say where");
        return;
    }
    addr_text(at, &d->server.at);
    addr_text(want, &d->options->listen);
    if (!d->server.is_given && d->options->listen.port != 0 && strcmp(at, want) != 0) {
        finding_add(&d->findings, VERDICT_WARN, NAME,
                    "It has other options than these: restart it, or name its --config.",
                    "the server listens at %s, and --listen is %s", at, want);
    }
    if (d->server.is_tls) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL, "%s, with TLS", at);
    } else if (is_for_proxies_alone(d)) {
        finding_add(&d->findings, VERDICT_OK, NAME, NULL,
                    "%s, where this machine has to send a header of the PROXY protocol", at);
    } else {
        ask_it(d, at, name);
    }
}

void check_listen(struct doctor *d)
{
    if (d->server.is_unseen) {
        finding_add(&d->findings, VERDICT_SKIP, NAME, NULL,
                    "whether it is the server that has it can't be seen");
    } else if (d->server.pid == 0) {
        check_free(d);
    } else {
        check_running(d);
    }
}
