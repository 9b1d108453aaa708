/** The checks, in the order of the table in doctor.c. */
#pragma once

#include "doctor/doctor.h"

void check_options(struct doctor *d);
void check_certificate(struct doctor *d);
void check_disk(struct doctor *d);
void check_keys(struct doctor *d);
void check_listen(struct doctor *d);
void check_files(struct doctor *d);
void check_memory(struct doctor *d);
void check_store(struct doctor *d);
void check_bus(struct doctor *d);
void check_media(struct doctor *d);
void check_issuers(struct doctor *d);
void check_rpcs(struct doctor *d);
void check_public(struct doctor *d);
void check_clock(struct doctor *d);
