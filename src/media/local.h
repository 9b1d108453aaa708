/**
 * Files on this machine's disk, and the small S3 that clients put them to and get them from:
 * PUT, GET and HEAD by pre-signed URLs, and nothing else.
 *
 * Under the data directory, media/in/ has what was put, media/kept/ what was taken, each file
 * in the folder of the first two characters of its name, and media/tmp/ what is being put. A
 * file has its name only once all of it is on the disk, and no name is ever overwritten: who
 * puts one again is told that it is there (412).
 *
 * A thread writes. It writes at most so many bytes a second, and has them on the disk before it
 * goes on: what the messages have to sync never stands behind a file.
 */
#pragma once

#include "base/rand.h"
#include "chat/media.h"
#include "chat/uploads.h"
#include "http/origin.h"
#include "http/proxy.h"
#include "http/server.h"
#include "io/loop.h"

#define MEDIA_LOCAL_PREFIX "/media/" // of the paths of its requests
#define MEDIA_LOCAL_BUCKET "files"
#define MEDIA_LOCAL_REGION "local"
#define MEDIA_LOCAL_ACCESS "parley" // the id of its access key

#define MEDIA_PUTS_MAX       64     // files being put at once
#define MEDIA_OWNER_PUTS_MAX 16     // by one account
#define MEDIA_PUT_QUEUED_MAX 262144 // bytes of one that wait for the disk; then its client does
#define MEDIA_GETS_MAX       400    // files being sent at once

// For one address, unless limits are off: who has a link can't take all places by being slow.
#define MEDIA_ADDRESS_PUTS_MAX 16 // files being put at once
#define MEDIA_ADDRESS_GETS_MAX 64 // being sent

struct media_local_config {
    struct loop *loop;
    struct uploads *uploads;            // what was announced: nothing else may be put
    const struct http_origins *origins; // whose pages may use it
    const struct http_proxies *proxies; // who speak for others
    bool rate_limits;                   // off: no limit for an address
    struct rand *rand;
    const char *data; // the data directory, which is there
    str secret;       // of the access key
    int64_t put_ms;   // how long a link is good
    int64_t get_ms;
    uint64_t reserve_bytes;     // of the disk that files leave free
    uint64_t write_bytes_per_s; // to the disk; at least 1
    const char *scan;           // a command, see media/scan.h; NULL: none
};

struct media_local;

/** @param config  copied with its texts; what it points to is borrowed @param out  owned, by
 * media_free() of its port @return 0 or a fault: the directory can't be made or written */
MUST_CHECK int media_local_new(struct media_local **out,
                               const struct media_local_config *config);

/** Where clients reach the server: "https://chat.example", or with a path that a proxy takes
 * off again. Before any link is made, and before another loop runs that has a front of it
 * (media/share.h): nothing that links read changes after this. */
void media_local_set_url(struct media_local *l, str url);

struct media *media_local_port(struct media_local *l);

/** For the route MEDIA_LOCAL_PREFIX; arg is the struct media_local. */
extern const struct http_handler media_local_http_handler;

struct media_local_counters {
    uint64_t puts; // files that came whole
    uint64_t put_bytes;
    uint64_t gets; // answered with a file, or a part of it
    uint64_t get_bytes;
    uint64_t refused; // requests
    uint64_t putting; // now
};

const struct media_local_counters *media_local_counters(const struct media_local *l);
