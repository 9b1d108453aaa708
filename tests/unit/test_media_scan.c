#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "media/scan.h"
#include "support/folder.h"
#include "support/t.h"

#define WAITING   2 // until it may
#define ASKED_MAX (MEDIA_SCANS_MAX + MEDIA_SCAN_WAITING_MAX + 1)

struct world {
    struct loop *loop;
    struct folder folder;
    struct media_scan *scan;
    char command[512];
    char gate[512];
    int answers[ASKED_MAX];
    unsigned n_answered;
    struct buf log;
};

struct asked {
    struct world *w;
    unsigned i;
};

static struct asked asked[ASKED_MAX];

static void hear(void *arg, str line)
{
    struct world *w = arg;

    assert_int_equal(buf_add(&w->log, line), 0);
}

static bool was_said(const struct world *w, const char *text)
{
    const str log = buf_str(&w->log);

    return log.len > 0 && memmem(log.ptr, log.len, text, strlen(text));
}

static void on_done(void *arg, int r)
{
    struct asked *a = arg;

    a->w->answers[a->i] = r;
    a->w->n_answered++;
}

static void write_script(const char *path, const char *text)
{
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    folder_make(&w->folder);
    folder_path(w->command, &w->folder, "check it");
    folder_path(w->gate, &w->folder, "gate");
    buf_init(&w->log, 65536);
    log_set_sink(hear, w);
    assert_int_equal(loop_new(&w->loop), 0);
    w->scan = media_scan_new(w->loop, w->command);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    assert_true(media_scan_is_idle(w->scan));
    media_scan_free(w->scan);
    loop_free(w->loop);
    log_set_sink(NULL, NULL);
    buf_fini(&w->log);
    folder_remove(&w->folder);
    free(w);
    return 0;
}

static void ask(struct world *w, unsigned i, const char *place)
{
    const struct chat_upload u = {
        .id = STR("aaaaaaaaaaaaaaaaaaaa"), .mime = STR("image/png"), .size = 17};

    asked[i] = (struct asked){w, i};
    w->answers[i] = -1;
    media_scan_run(w->scan, str_of(place), &u, on_done, &asked[i]);
    assert_false(media_scan_is_idle(w->scan));
}

static void await(struct world *w, unsigned n)
{
    while (w->n_answered < n)
        loop_run_once(w->loop);
}

static int ask_one(struct world *w, const char *place)
{
    w->n_answered = 0;
    ask(w, 0, place);
    assert_int_equal(w->n_answered, 0);
    await(w, 1);
    return w->answers[0];
}

static void what_it_ends_with_is_the_answer(void **state)
{
    static const struct {
        const char *script;
        int r;
        bool is_logged;
    } rows[] = {
        {"exit 0", 0, false},
        {"exit 1", MEDIA_REJECTED, false},
        {"exit 2", MEDIA_UNAVAILABLE, true},
        {"kill -9 $$", MEDIA_UNAVAILABLE, true},
        {"test \"$#$1\" = '1a place'", 0, false},
        {"test \"$PARLEY_MIME $PARLEY_SIZE\" = 'image/png 17'", 0, false},
        {"test -n \"$PATH\" && test -z \"$HOME\"", 0, false},
    };
    struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[256];
        (void)snprintf(text, sizeof(text), "#!/bin/sh\n%s\n", rows[i].script);
        write_script(w->command, text);
        buf_clear(&w->log);
        expect_int(rows[i].script, ask_one(w, "a place"), rows[i].r);
        expect_int(rows[i].script, was_said(w, "media_scan_failed"), rows[i].is_logged);
        expect_int(rows[i].script, was_said(w, "a place"), false);
        media_scan_free(w->scan);
        w->scan = media_scan_new(w->loop, w->command); // which has said nothing yet
    }
}

static void a_command_that_is_not_there_says_nothing_of_the_file(void **state)
{
    struct world *w = *state;

    assert_int_equal(ask_one(w, "a place"), MEDIA_UNAVAILABLE);
}

static void an_operator_is_told_once_of_a_wrong_program(void **state)
{
    struct world *w = *state;

    write_script(w->command, "#!/bin/sh\nexit 2\n");
    assert_int_equal(ask_one(w, "a place"), MEDIA_UNAVAILABLE);
    assert_true(was_said(w, "event=media_scan_failed"));
    assert_true(was_said(w, "fix=\"run --media-scan by hand"));
    buf_clear(&w->log);
    assert_int_equal(ask_one(w, "a place"), MEDIA_UNAVAILABLE);
    assert_false(was_said(w, "media_scan_failed"));
}

/** Hold all of them up, until the gate is there. */
static void write_gate(struct world *w)
{
    char text[1024];

    (void)snprintf(text, sizeof(text),
                   "#!/bin/sh\necho >\"$1\"\nwhile ! test -e '%s'; do sleep 0.01; done\n",
                   w->gate);
    write_script(w->command, text);
}

static const char *place_of(char out[512], const struct world *w, unsigned i)
{
    char name[32];

    (void)snprintf(name, sizeof(name), "run-%u", i);
    return folder_path(out, &w->folder, name);
}

static bool runs(const struct world *w, unsigned i)
{
    char place[512];

    return access(place_of(place, w, i), F_OK) == 0;
}

static void so_many_run_at_once_and_the_others_wait(void **state)
{
    struct world *w = *state;
    char place[512];

    write_gate(w);
    for (unsigned i = 0; i < MEDIA_SCANS_MAX + WAITING; i++)
        ask(w, i, place_of(place, w, i));
    for (unsigned i = 0; i < MEDIA_SCANS_MAX; i++) {
        while (!runs(w, i))
            loop_run_once(w->loop);
    }
    for (unsigned i = MEDIA_SCANS_MAX; i < MEDIA_SCANS_MAX + WAITING; i++)
        assert_false(runs(w, i));
    write_script(w->gate, "");
    await(w, MEDIA_SCANS_MAX + WAITING);
    for (unsigned i = 0; i < MEDIA_SCANS_MAX + WAITING; i++) {
        assert_int_equal(w->answers[i], 0);
        assert_true(runs(w, i));
    }
}

static void so_many_may_wait_and_no_more(void **state)
{
    struct world *w = *state;
    char place[512];

    write_gate(w);
    for (unsigned i = 0; i < ASKED_MAX - 1; i++)
        ask(w, i, place_of(place, w, i));
    loop_run_once(w->loop);
    assert_int_equal(w->n_answered, 0);
    ask(w, ASKED_MAX - 1, place_of(place, w, 0));
    await(w, 1);
    assert_int_equal(w->answers[ASKED_MAX - 1], MEDIA_UNAVAILABLE);
    media_scan_stop(w->scan);
    await(w, ASKED_MAX);
}

static void when_it_stops_all_is_answered(void **state)
{
    struct world *w = *state;
    char place[512];

    write_gate(w);
    for (unsigned i = 0; i < MEDIA_SCANS_MAX + WAITING; i++)
        ask(w, i, place_of(place, w, i));
    while (!runs(w, 0))
        loop_run_once(w->loop);
    media_scan_stop(w->scan);
    assert_int_equal(w->n_answered, 0);
    ask(w, MEDIA_SCANS_MAX + WAITING, place);
    await(w, MEDIA_SCANS_MAX + WAITING + 1);
    for (unsigned i = 0; i <= MEDIA_SCANS_MAX + WAITING; i++)
        assert_int_equal(w->answers[i], MEDIA_UNAVAILABLE);
}

static void what_is_late_is_killed_and_what_waits_too_long_is_told(void **state)
{
    struct world *w = *state;
    char place[512];

    write_gate(w);
    for (unsigned i = 0; i < MEDIA_SCANS_MAX + WAITING; i++)
        ask(w, i, place_of(place, w, i));
    while (!runs(w, 0))
        loop_run_once(w->loop);
    timers_run(&w->loop->timers, w->loop->timers.now_ms + MEDIA_SCAN_MS);
    await(w, MEDIA_SCANS_MAX + WAITING);
    for (unsigned i = 0; i < MEDIA_SCANS_MAX + WAITING; i++)
        assert_int_equal(w->answers[i], MEDIA_UNAVAILABLE);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_it_ends_with_is_the_answer),
        TEST(a_command_that_is_not_there_says_nothing_of_the_file),
        TEST(an_operator_is_told_once_of_a_wrong_program),
        TEST(so_many_run_at_once_and_the_others_wait),
        TEST(so_many_may_wait_and_no_more),
        TEST(when_it_stops_all_is_answered),
        TEST(what_is_late_is_killed_and_what_waits_too_long_is_told),
    };
    return cmocka_run_group_tests_name("media_scan", tests, NULL, NULL);
}
