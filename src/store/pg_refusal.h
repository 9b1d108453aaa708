/** What it means that a statement was refused, and how that is said. */
#pragma once

#include "store/pg_link.h"

/** @param r  neither done nor left out */
enum pg_refusal pg_refusal_of(const PGresult *r, bool is_read_only);

/** For the log. Never the detail of it, and of class 22 nothing: it may have values. Borrowed
 */
str pg_refusal_why(const PGresult *r);

/** The first line of what libpq says, without the server that it is about, which the log has
 * by itself and whose name may be long. What follows is advice. Borrowed */
str pg_refusal_line(const char *text);
