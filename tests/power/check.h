/**
 * Is all there that must be, and nothing else? A store is opened on what a disk has kept, and
 * held against what is known of the life that the power has cut.
 */
#pragma once

#include "power/script.h"

/** All that can be got from a store. */
struct power_state {
    struct buf port;   // what its ports say
    struct buf tables; // and its rows; empty: not known
};

void power_state_init(struct power_state *state);
void power_state_fini(struct power_state *state);

/** @param tables  whether the rows are said, too */
void power_state_say(struct power_state *state, struct store_world *w,
                     const struct power_script *script, bool tables);

/** A life of a store: what it began with, what it was asked, what its disk did. */
struct power_life {
    struct power_image from; // owned
    // What it may have begun with instead, borrowed. A commit that nobody was told of, and that
    // lacks a frame, may come back while the next one is not answered: where that one has
    // begun with the same frame, the rest of the other fits behind it again.
    const struct power_state *instead[2];
    size_t n_instead;
    struct power_log *log; // borrowed, as it is after the life
    struct power_script *script;
    struct power_book *book;
    size_t n_moments;
    struct {
        size_t sent_at;     // the batch that it is the state after; of the first: 0
        size_t answered_at; // likewise; of the first the opening
        struct power_state state;
    } moments[POWER_BATCHES_MAX + 1];
};

/** @return owned; power_life_free() */
struct power_life *power_life_new(struct power_log *log);
void power_life_free(struct power_life *life);

/** The state as it is now becomes its next moment. @param batch  or -1: it was opened */
void power_life_note(struct power_life *life, struct store_world *w, ptrdiff_t batch);

/** Which states there may be, of those that are in order. */
struct power_claim {
    const struct power_script *script;
    const struct power_book *book; // what is known
    const struct power_state *const *states;
    size_t n_states;
};

struct power_checker {
    struct store_world *w;
    struct power_log *log; // of the stores that it opens
    struct seeded chance;
    const char *tamper; // SQL that is run before anything is looked at, or NULL
    char why[2048];
    unsigned n_opened;
};

/** @return owned; power_checker_free() */
struct power_checker *power_checker_new(uint64_t seed);
void power_checker_free(struct power_checker *c);

/**
 * Open a store on an image, look, and go on with it.
 *
 * @param next  gets that life; power_life_free(). NULL: it is of no interest
 * @return NULL, or what is wrong: borrowed until the next call
 */
const char *power_check(struct power_checker *c, const struct power_image *image,
                        const struct power_claim *claim, struct power_life **next);

/** The same, after the first n operations of a life. */
const char *power_check_life(struct power_checker *c, const struct power_life *life, size_t n,
                             const struct power_image *image, struct power_life **next);
