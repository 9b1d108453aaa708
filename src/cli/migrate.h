/** `parley migrate`: a data directory into PostgreSQL. */
#pragma once

int migrate_main(int argc, char **argv);
