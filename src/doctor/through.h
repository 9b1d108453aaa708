/** What goes through to the server by its public URL: polling, WebSockets, pages, files. */
#pragma once

#include "doctor/doctor.h"

#define THROUGH_BODY 2097152 // bytes of a body; what a proxy lets through by itself is less

void through_check(struct doctor *d);
