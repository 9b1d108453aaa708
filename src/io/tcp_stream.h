/** What listeners (tcp_listen.c) know of the streams that they make (tcp.c). */
#pragma once

#include <sys/socket.h>

#include "io/tcp.h"
#include "io/uv_loop.h"

/** A stream of the connection that waits at a listener. @return NULL: it is gone again */
struct stream *tcp_accept(struct uv_loop *l, uv_stream_t *from, size_t max_queued);

/** What it has of a limit: given back when it is gone. */
struct tcp_place *tcp_place_of(struct stream *s);

/** The client's, where a proxy has said so. @return false: it is gone, or it is of a UNIX
 * socket, where nobody has an address */
bool tcp_find_peer(struct stream *s, struct ip_port *out);

/** The proxy that it comes from speaks for a client. */
void tcp_set_client(struct stream *s, const struct ip_port *client);

struct addr tcp_addr_of(const struct sockaddr_storage *from);
