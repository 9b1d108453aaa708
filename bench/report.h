/** What a run has shown: as JSON for programs, as lines for people. */
#pragma once

#include <stdio.h>

#include "bench/floor.h"
#include "bench/load.h"
#include "bench/options.h"

struct report {
    const struct bench_options *options;
    const struct load_result *result; // NULL: only the floor was measured
    const struct floor *floors;       // before the runs, and behind them
    size_t n_floors;
};

/** What is wrong with the run, for a person; NULL if nothing is. Static. */
const char *report_verdict(const struct report *r);

/** One JSON object and a newline. What was not measured is null. Of several runs each figure is
 * the median; each run, the least and the most stand beside it. */
void report_json(FILE *out, const struct report *r);

/** Some lines; of several runs a table. */
void report_text(FILE *out, const struct report *r);
