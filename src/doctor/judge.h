/** What facts mean, without looking for them: pure. */
#pragma once

#include "doctor/finding.h"

// Of clocks: more is a warning, and more than the other is bad: tokens are refused, and what S3
// is asked.
#define DOCTOR_CLOCK_WARN_MS 2000
#define DOCTOR_CLOCK_BAD_MS  30000

enum verdict judge_clock(int64_t ahead_ms);

#define CERTIFICATE_WARN_DAYS 14

/** @param left_s  until it ends */
enum verdict judge_certificate(int64_t left_s);

struct judge_filesystem {
    const char *name; // "ext4"; "?" of one that is not known
    const char *harm; // what does not hold there; NULL: nothing
};

/** @param type  f_type of statfs(2) */
struct judge_filesystem judge_filesystem(uint64_t type);

#define DISK_FREE_BAD  67108864  // bytes
#define DISK_FREE_WARN 536870912 // bytes, beside what files leave to messages
#define DISK_FILES_MIN 1000      // that may still be made

/** @param n_files  that may still be made; UINT64_MAX: any number */
enum verdict judge_room(uint64_t free_bytes, uint64_t n_files, uint64_t reserve);

#define SYNC_WARN_US 50000 // of what each message waits for

/** As whose a request that came by the public URL has been seen. */
enum judge_whose {
    WHOSE_DIRECT,      // there is no proxy, or none that shows
    WHOSE_CLIENT,      // the proxy has said whose it is, and is believed
    WHOSE_NOT_TRUSTED, // it has, and is not believed
    WHOSE_NOT_SAID,    // it has not
};

struct judge_seen {
    bool has_forwarded;
    bool is_trusted; // the peer
    bool is_proxied; // somebody is between: another port, or another scheme
};

enum judge_whose judge_whose(const struct judge_seen *seen);

/** How a host and a port are written in a URL. */
struct judge_site {
    bool is_https;
    str host;   // without brackets
    str origin; // scheme, host and port as they stand
    uint16_t port;
};

/** @return false: it is no http:// or https:// URL */
bool judge_site(struct judge_site *out, str url);

/** Of clients, those on this machine alone reach it. @param host  of a site */
bool judge_is_loopback(str host);

/** The time of a Date field (RFC 9110, section 5.6.7). @return Unix seconds; -1: it is none */
int64_t judge_date(str field);
