/**
 * TLS on the server's side: a stream over another one, whose owner knows no difference. The
 * handshake goes on by itself; what is written before its end waits.
 *
 * A connection that ends without the peer's close_notify (RFC 8446, section 6.1) was cut:
 * STREAM_LOST. Who speaks HTTP here, and no TLS, is told so in HTTP.
 */
#pragma once

#include "io/loop.h"
#include "io/stream.h"

struct ssl_st; // OpenSSL's SSL
struct tls_parcel;

/**
 * @param inner  moved. It is to be read from
 * @param ssl    of tls_context_connection(); moved
 * @return to be owned as any stream
 */
struct stream *tls_new(struct loop *l, struct stream *inner, struct ssl_st *ssl);

/**
 * One that has come to this loop: as tcp_attach(), whose stream is the inner one.
 *
 * @param parcel  of its stream_parcel; moved
 */
struct stream *tls_attach(struct loop *l, struct stream *inner, struct tls_parcel *parcel);

/** Drop what came with a parcel. NULL is fine. Thread: any. */
void tls_parcel_free(struct tls_parcel *p);
