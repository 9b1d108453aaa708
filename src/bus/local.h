/** The bus of one worker alone: what is published arrives at the end of the turn, in order. */
#pragma once

#include "base/job.h"
#include "base/rand.h"
#include "chat/bus.h"

struct bus *bus_local_new(struct job_queue *later, struct rand *rand);
