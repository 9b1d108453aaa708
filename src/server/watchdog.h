/** Tells the service manager again and again that every worker is alive. */
#pragma once

#include "io/service.h"
#include "server/posts.h"

/** Of the first worker, which ends last. All zeroes: nobody wants to know. */
struct watchdog {
    const struct service *service;
    struct posts *posts;
    struct timers *timers;
    struct timer timer;
    struct post post; // goes round, and must come back
};

/** Harmless where nobody wants to know. On the loop of the first worker. */
void watchdog_start(struct watchdog *w, const struct service *service, struct posts *posts,
                    struct timers *timers);

/** Once no post comes there any more. */
void watchdog_stop(struct watchdog *w);
