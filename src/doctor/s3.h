/** An object store, from the server's side and from that of clients: a probe is put, looked at,
 * and taken out again. */
#pragma once

#include "doctor/doctor.h"

#define S3_PROBE_EXPIRES_S 300 // of a signature; clocks differ

void s3_check(struct doctor *d);
