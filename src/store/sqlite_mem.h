/** SQLite's memory. */
#pragma once

/** What SQLite allocates can't fail (base/mem.h). Before its first use, or not at all. */
void sqlite_mem_set(void);
