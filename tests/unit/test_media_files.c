#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "media/files.h"
#include "support/folder.h"
#include "support/seeded.h"
#include "support/t.h"

#define ID       "abCD012345678901234-"
#define OTHER    "ab_D012345678901234-"
#define QUEUED   4096
#define PUTS_MAX 8
#define FAST     UINT64_C(1000000000)

struct world {
    struct loop *loop;
    struct folder folder;
    struct seeded rand;
    struct files *files;
    uint64_t bytes_per_s;
    uint64_t reserve_bytes;
    struct buf log;
};

struct answer {
    unsigned n_done;
    unsigned n_room;
    int r;
    struct files_opened file;
};

static void hear(void *arg, str line)
{
    struct world *w = arg;

    assert_int_equal(buf_add(&w->log, line), 0);
}

static int open_files(struct world *w)
{
    const struct files_config config = {
        .loop = w->loop,
        .rand = &w->rand.rand,
        .data = w->folder.path,
        .reserve_bytes = w->reserve_bytes,
        .write_bytes_per_s = w->bytes_per_s,
        .put_queued = QUEUED,
    };
    return files_new(&w->files, &config);
}

static void await_idle(struct world *w)
{
    while (!files_is_idle(w->files))
        loop_run_once(w->loop);
}

static void close_files(struct world *w)
{
    await_idle(w);
    files_free(w->files);
    w->files = NULL;
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);

    folder_make(&w->folder);
    buf_init(&w->log, 1 << 20);
    log_set_sink(hear, w);
    seeded_init(&w->rand, 1);
    w->bytes_per_s = FAST;
    assert_int_equal(loop_new(&w->loop), 0);
    assert_int_equal(open_files(w), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    if (w->files)
        close_files(w);
    loop_free(w->loop);
    log_set_sink(NULL, NULL);
    buf_fini(&w->log);
    folder_remove(&w->folder);
    free(w);
    return 0;
}

/** Start anew with what is set in w. */
static void reopen(struct world *w)
{
    close_files(w);
    assert_int_equal(open_files(w), 0);
}

static bool was_said(const struct world *w, const char *text)
{
    const str log = buf_str(&w->log);

    return log.len > 0 && memmem(log.ptr, log.len, text, strlen(text));
}

// What is on the disk.

static size_t count(const struct world *w, const char *name)
{
    char path[512];

    return folder_count(folder_path(path, &w->folder, name));
}

static bool is_there(const struct world *w, const char *name)
{
    char path[512];
    struct stat st;

    return lstat(folder_path(path, &w->folder, name), &st) == 0;
}

#define IN(id)   "media/in/ab/" id
#define KEPT(id) "media/kept/ab/" id

static unsigned mode_of(const struct world *w, const char *name)
{
    char path[512];
    struct stat st;

    assert_int_equal(lstat(folder_path(path, &w->folder, name), &st), 0);
    return st.st_mode & 0777;
}

static void write_raw(const struct world *w, const char *name, const char *text)
{
    char path[512];
    const int fd =
        open(folder_path(path, &w->folder, name), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

// Asking.

static void on_room(void *arg)
{
    ((struct answer *)arg)->n_room++;
}

static void on_end(void *arg, int r)
{
    struct answer *a = arg;

    a->n_done++;
    a->r = r;
}

static const struct files_put_events events = {.on_room = on_room, .on_end = on_end};

static void on_open(void *arg, int r, const struct files_opened *file)
{
    struct answer *a = arg;

    a->n_done++;
    a->r = r;
    assert_int_equal(file != NULL, r == 0);
    if (file)
        a->file = *file;
}

static void await(struct world *w, const struct answer *a)
{
    while (a->n_done == 0)
        loop_run_once(w->loop);
}

static struct files_put *begin(struct world *w, struct answer *a, const char *id, uint64_t size)
{
    *a = (struct answer){0};
    return files_put_begin(w->files,
                           &(struct files_put_config){
                               .id = str_of(id), .size = size, .events = &events, .arg = a});
}

static int put(struct world *w, const char *id, str bytes)
{
    struct answer a;
    struct files_put *p = begin(w, &a, id, bytes.len);

    files_put_write(p, bytes);
    files_put_finish(p);
    assert_int_equal(a.n_done, 0); // later
    await(w, &a);
    return a.r;
}

static int take(struct world *w, const char *id, uint64_t size)
{
    struct answer a = {0};

    files_take(w->files, str_of(id), size, on_end, &a);
    assert_int_equal(a.n_done, 0);
    await(w, &a);
    return a.r;
}

static int drop(struct world *w, const char *id)
{
    struct answer a = {0};

    files_drop(w->files, str_of(id), on_end, &a);
    assert_int_equal(a.n_done, 0);
    await(w, &a);
    return a.r;
}

/** @param text  what must be in it; NULL: it must not be there */
static void expect_file(struct world *w, const char *id, const char *text)
{
    struct answer a = {0};
    char bytes[256];

    files_open(w->files, str_of(id), on_open, &a);
    assert_int_equal(a.n_done, 0);
    await(w, &a);
    if (!text) {
        assert_int_equal(a.r, FILES_MISSING);
        return;
    }
    assert_int_equal(a.r, 0);
    assert_int_equal(a.file.size, strlen(text));
    assert_true(a.file.modified_ms > 0);
    const ssize_t n = read(a.file.fd, bytes, sizeof(bytes));
    expect_str(id, ((str){bytes, (size_t)n}), str_of(text));
    close(a.file.fd);
}

// Names.

static void only_ids_are_names(void **state)
{
    static const struct {
        const char *name;
        str id;
        bool is_id;
    } rows[] = {
        {"an id", STR(ID), true},
        {"all kinds of characters", STR("azAZ09-_azAZ09-_aaaa"), true},
        {"none", STR(""), false},
        {"one less", STR("aaaaaaaaaaaaaaaaaaa"), false},
        {"one more", STR("aaaaaaaaaaaaaaaaaaaaa"), false},
        {"up", STR("..aaaaaaaaaaaaaaaaaa"), false},
        {"up and away", STR("../../../../../../et"), false},
        {"a folder", STR("aa/aaaaaaaaaaaaaaaaa"), false},
        {"encoded", STR("%2e%2e%2faaaaaaaaaaa"), false},
        {"a backslash", STR("aa\\aaaaaaaaaaaaaaaaa"), false},
        {"a NUL", STR("aaaaaaaaaaaaaaaaaaa\0"), false},
        {"a NUL inside", STR("aaaaaaaaaa\0aaaaaaaaa"), false},
        {"a space", STR("aaaaaaaaaaaaaaaaaaa "), false},
        {"a line feed", STR("aaaaaaaaaaaaaaaaaaa\n"), false},
        {"two bytes of UTF-8", STR("aaaaaaaaaaaaaaaaaa\xc3\xa9"), false},
        {"full-width dots",
         STR("\xef\xbc\x8e\xef\xbc\x8e"
             "aaaaaaaaaaaaaa"),
         false},
        {"standard base64", STR("aaaaaaaaaaaaaaaaaaa+"), false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        expect_int(rows[i].name, rand_is_name(rows[i].id), rows[i].is_id);
}

// A life.

static void the_directories_are_ours_alone(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, ID, STR("x")), 0);
    assert_int_equal(mode_of(w, "media"), 0700);
    assert_int_equal(mode_of(w, "media/tmp"), 0700);
    assert_int_equal(mode_of(w, "media/in"), 0700);
    assert_int_equal(mode_of(w, "media/kept"), 0700);
    assert_int_equal(mode_of(w, "media/in/ab"), 0700);
    assert_int_equal(mode_of(w, IN(ID)), 0600);
}

static void a_file_is_put_taken_read_and_dropped(void **state)
{
    struct world *w = *state;

    expect_file(w, ID, NULL);
    assert_int_equal(put(w, ID, STR("hello")), 0);
    expect_file(w, ID, NULL); // only what is kept is read
    assert_true(is_there(w, IN(ID)));
    assert_int_equal(count(w, "media/tmp"), 0);
    assert_int_equal(take(w, ID, 5), 0);
    assert_false(is_there(w, IN(ID)));
    expect_file(w, ID, "hello");
    assert_int_equal(drop(w, ID), 0);
    expect_file(w, ID, NULL);
    assert_false(is_there(w, KEPT(ID)));
}

static void taking_and_dropping_may_be_repeated(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, ID, STR("hello")), 0);
    assert_int_equal(take(w, ID, 5), 0);
    assert_int_equal(take(w, ID, 5), 0);
    expect_file(w, ID, "hello");
    assert_int_equal(drop(w, ID), 0);
    assert_int_equal(drop(w, ID), 0);
    assert_int_equal(take(w, ID, 5), FILES_MISSING);
    assert_int_equal(drop(w, OTHER), 0);
}

static void what_was_taken_survives_a_new_start(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, ID, STR("hello")), 0);
    assert_int_equal(put(w, OTHER, STR("you")), 0);
    assert_int_equal(take(w, ID, 5), 0);
    reopen(w);
    expect_file(w, ID, "hello");
    assert_int_equal(take(w, OTHER, 3), 0);
    expect_file(w, OTHER, "you");
}

static void what_was_being_put_is_gone_after_a_new_start(void **state)
{
    struct world *w = *state;

    close_files(w);
    write_raw(w, "media/tmp/left-behind", "x");
    write_raw(w, "media/tmp/.hidden", "x");
    assert_int_equal(open_files(w), 0);
    assert_int_equal(count(w, "media/tmp"), 0);
}

static void only_the_announced_size_is_taken(void **state)
{
    struct world *w = *state;

    assert_int_equal(take(w, ID, 5), FILES_MISSING);
    assert_int_equal(put(w, ID, STR("hello")), 0);
    assert_int_equal(take(w, ID, 4), FILES_MISMATCH);
    assert_int_equal(take(w, ID, 6), FILES_MISMATCH);
    assert_int_equal(take(w, ID, 5), 0);
}

static void the_kept_one_wins_where_a_power_cut_has_left_both(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, ID, STR("hello")), 0);
    assert_int_equal(take(w, ID, 5), 0);
    write_raw(w, IN(ID), "worse");
    assert_int_equal(take(w, ID, 5), 0);
    expect_file(w, ID, "hello");
    assert_false(is_there(w, IN(ID)));
}

static void no_name_is_overwritten(void **state)
{
    struct world *w = *state;

    assert_int_equal(put(w, ID, STR("first")), 0);
    assert_int_equal(put(w, ID, STR("again")), FILES_TAKEN);
    assert_int_equal(count(w, "media/tmp"), 0);
    assert_int_equal(take(w, ID, 5), 0);
    assert_int_equal(put(w, ID, STR("again")), FILES_TAKEN);
    expect_file(w, ID, "first");
    assert_false(is_there(w, IN(ID)));
}

static void of_two_at_once_the_first_to_finish_wins(void **state)
{
    struct world *w = *state;
    struct answer a;
    struct answer b;
    struct files_put *first = begin(w, &a, ID, 1);
    struct files_put *second = begin(w, &b, ID, 1);

    files_put_write(first, STR("1"));
    files_put_write(second, STR("2"));
    for (int i = 0; i < 100; i++)
        loop_run_once(w->loop);
    files_put_finish(second);
    await(w, &b);
    files_put_finish(first);
    await(w, &a);
    assert_int_equal(b.r, 0);
    assert_int_equal(a.r, FILES_TAKEN);
    assert_int_equal(take(w, ID, 1), 0);
    expect_file(w, ID, "2");
}

// Sizes and digests.

static void a_put_has_the_size_that_was_announced(void **state)
{
    struct world *w = *state;
    struct answer a;

    static const struct {
        const char *name;
        uint64_t size;
        int r;
    } rows[] = {{"one less came", 6, FILES_MISMATCH},
                {"one more came", 4, FILES_MISMATCH},
                {"it came whole", 5, 0}};

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        struct files_put *p = begin(w, &a, ID, rows[i].size);
        files_put_write(p, STR("hello"));
        files_put_finish(p);
        await(w, &a);
        expect_int(rows[i].name, a.r, rows[i].r);
        expect_int(rows[i].name, count(w, "media/tmp"), 0);
        expect_int(rows[i].name, is_there(w, IN(ID)), rows[i].r == 0);
    }
}

static void a_put_has_the_digest_that_was_announced(void **state)
{
    struct world *w = *state;
    struct answer a;
    uint8_t sha256[FILES_SHA256_SIZE];

    for (int is_right = 0; is_right <= 1; is_right++) {
        a = (struct answer){0};
        crypto_sha256(sha256, STR("hello"));
        sha256[31] ^= (uint8_t)!is_right;
        struct files_put *p = files_put_begin(
            w->files,
            &(struct files_put_config){
                .id = STR(ID), .size = 5, .sha256 = sha256, .events = &events, .arg = &a});
        files_put_write(p, STR("he"));
        loop_run_once(w->loop);
        files_put_write(p, STR("llo"));
        files_put_finish(p);
        await(w, &a);
        assert_int_equal(a.r, is_right ? 0 : FILES_DIGEST);
        assert_int_equal(count(w, "media/tmp"), 0);
        assert_int_equal(is_there(w, IN(ID)), is_right);
    }
}

static void any_pieces_make_the_same_file(void **state)
{
    static const char text[] = "0123456789";
    struct world *w = *state;
    struct answer a;

    for (size_t cut = 0; cut < sizeof(text); cut++) {
        struct files_put *p = begin(w, &a, ID, sizeof(text) - 1);
        files_put_write(p, (str){text, cut});
        for (size_t i = 0; i < cut; i++)
            loop_run_once(w->loop);
        files_put_write(p, (str){text + cut, sizeof(text) - 1 - cut});
        files_put_finish(p);
        await(w, &a);
        assert_int_equal(a.r, 0);
        assert_int_equal(take(w, ID, sizeof(text) - 1), 0);
        expect_file(w, ID, text);
        assert_int_equal(drop(w, ID), 0);
    }
}

// What waits.

static void who_sends_faster_than_the_disk_is_told_to_wait(void **state)
{
    struct world *w = *state;
    struct answer a;
    char bytes[QUEUED] = {0};
    struct files_put *p = begin(w, &a, ID, 2 * sizeof(bytes));

    assert_true(files_put_write(p, (str){bytes, sizeof(bytes) - 1}));
    assert_false(files_put_write(p, (str){bytes, 1}));
    assert_false(files_put_write(p, (str){bytes, 1})); // one that was on its way
    while (a.n_room == 0)
        loop_run_once(w->loop);
    assert_true(files_put_write(p, (str){bytes, sizeof(bytes) - 1}));
    files_put_finish(p);
    await(w, &a);
    assert_int_equal(a.r, 0);
    assert_int_equal(a.n_room, 1);
}

static void many_are_written_in_turns(void **state)
{
    struct world *w = *state;
    struct answer a[PUTS_MAX];
    struct files_put *puts[PUTS_MAX];
    char ids[PUTS_MAX][FILES_ID_SIZE + 1];
    char bytes[1000];

    for (size_t i = 0; i < PUTS_MAX; i++) {
        memcpy(ids[i], ID, sizeof(ids[i]));
        ids[i][2] = (char)('0' + i);
        puts[i] = begin(w, &a[i], ids[i], 20 * sizeof(bytes));
    }
    for (int round = 0; round < 20; round++) {
        for (size_t i = 0; i < PUTS_MAX; i++) {
            memset(bytes, (int)i, sizeof(bytes));
            files_put_write(puts[i], (str){bytes, sizeof(bytes)});
        }
        loop_run_once(w->loop);
    }
    for (size_t i = 0; i < PUTS_MAX; i++)
        files_put_finish(puts[i]);
    await_idle(w);
    for (size_t i = 0; i < PUTS_MAX; i++) {
        assert_int_equal(a[i].r, 0);
        assert_int_equal(take(w, ids[i], 20 * sizeof(bytes)), 0);
    }
}

static void it_writes_no_faster_than_it_may(void **state)
{
    struct world *w = *state;
    struct answer a;
    const size_t size = 3 << 20; // of which the first MiB is the burst
    char *bytes = mem_alloc(1 << 18);

    w->bytes_per_s = 20 << 20;
    reopen(w);
    struct files_put *p = begin(w, &a, ID, size);
    const int64_t start_ns = loop_now_ns();
    for (size_t sent = 0; sent < size; sent += 1 << 18) {
        const unsigned n_room = a.n_room;
        if (files_put_write(p, (str){bytes, 1 << 18}))
            continue;
        while (a.n_room == n_room)
            loop_run_once(w->loop);
    }
    files_put_finish(p);
    await(w, &a);
    assert_int_equal(a.r, 0);
    assert_true(loop_now_ns() - start_ns >= 95 * INT64_C(1000000)); // 2 MiB of 20 a second
    free(bytes);
}

// Ends before the end.

static void what_is_dropped_in_the_middle_leaves_nothing(void **state)
{
    struct world *w = *state;

    for (int turns = 0; turns < 50; turns++) {
        struct answer a;
        struct files_put *p = begin(w, &a, ID, 5);
        files_put_write(p, STR("he"));
        for (int i = 0; i < turns; i++)
            loop_run_once(w->loop);
        files_put_drop(p);
        await_idle(w);
        assert_int_equal(a.n_done, 0);
        assert_int_equal(count(w, "media/tmp"), 0);
        assert_int_equal(is_there(w, IN(ID)), false);
    }
}

static void who_puts_what_is_dropped_meanwhile_is_told(void **state)
{
    struct world *w = *state;
    struct answer a;
    struct answer b;
    struct files_put *p = begin(w, &a, ID, 5);
    struct files_put *other = begin(w, &b, OTHER, 5);

    files_put_write(p, STR("hello"));
    files_put_write(other, STR("hello"));
    for (int i = 0; i < 50; i++)
        loop_run_once(w->loop);
    assert_int_equal(drop(w, ID), 0);
    await(w, &a);
    assert_int_equal(a.r, FILES_GONE);
    assert_false(is_there(w, IN(ID)));
    files_put_finish(other);
    await(w, &b);
    assert_int_equal(b.r, 0);
}

static void what_finishes_while_it_is_dropped_is_dropped(void **state)
{
    struct world *w = *state;
    struct answer a;
    struct files_put *p = begin(w, &a, ID, 5);

    files_put_write(p, STR("hello"));
    files_put_finish(p);
    for (int i = 0; i < 3; i++)
        loop_run_once(w->loop);
    if (a.n_done == 0) {
        assert_int_equal(drop(w, ID), 0);
        await(w, &a);
        assert_int_equal(a.r, FILES_GONE);
    } else {
        assert_int_equal(drop(w, ID), 0);
    }
    assert_false(is_there(w, IN(ID)));
    assert_int_equal(count(w, "media/tmp"), 0);
}

static void when_it_stops_all_is_answered(void **state)
{
    struct world *w = *state;
    struct answer resting;
    struct answer busy;
    struct answer late;
    struct answer taking = {0};
    struct answer opening = {0};
    static char bytes[1 << 20];

    w->bytes_per_s = 1; // it would take for ever
    reopen(w);
    struct files_put *p = begin(w, &resting, OTHER, 5);
    for (int i = 0; i < 100; i++)
        loop_run_once(w->loop);
    (void)p;
    struct files_put *q = begin(w, &busy, ID, sizeof(bytes) + 1);
    files_put_write(q, (str){bytes, sizeof(bytes)});
    loop_run_once(w->loop);
    files_take(w->files, STR(ID), 5, on_end, &taking);
    files_stop(w->files);
    assert_int_equal(resting.n_done + busy.n_done + taking.n_done, 0);
    begin(w, &late, ID, 5);
    files_open(w->files, STR(ID), on_open, &opening);
    await_idle(w);
    assert_int_equal(resting.r, FILES_STOPPED);
    assert_int_equal(busy.r, FILES_STOPPED);
    assert_int_equal(late.r, FILES_STOPPED);
    assert_int_equal(taking.r, FILES_STOPPED);
    assert_int_equal(opening.r, FILES_STOPPED);
    assert_int_equal(count(w, "media/tmp"), 0);
}

// The room on the disk.

static uint64_t room_of(const struct world *w)
{
    struct statvfs fs;

    assert_int_equal(statvfs(w->folder.path, &fs), 0);
    return (uint64_t)fs.f_bavail * fs.f_frsize;
}

static void files_leave_the_reserve_free(void **state)
{
    struct world *w = *state;
    struct answer a;
    const uint64_t gib = UINT64_C(1) << 30;

    begin(w, &a, ID, room_of(w) + gib);
    await(w, &a);
    assert_int_equal(a.r, FILES_FULL);
    begin(w, &a, ID, UINT64_MAX);
    await(w, &a);
    assert_int_equal(a.r, FILES_FULL);
    w->reserve_bytes = room_of(w) + gib;
    reopen(w);
    begin(w, &a, ID, 1);
    await(w, &a);
    assert_int_equal(a.r, FILES_FULL);
    w->reserve_bytes = UINT64_MAX;
    reopen(w);
    begin(w, &a, ID, 1);
    await(w, &a);
    assert_int_equal(a.r, FILES_FULL);
    assert_int_equal(count(w, "media/tmp"), 0);
}

static void what_others_have_still_to_write_is_not_free(void **state)
{
    struct world *w = *state;
    struct answer a;
    struct answer b;
    const uint64_t most = room_of(w) / 10 * 6;
    struct files_put *p = begin(w, &a, ID, most);

    for (int i = 0; i < 50; i++)
        loop_run_once(w->loop);
    begin(w, &b, OTHER, most);
    await(w, &b);
    assert_int_equal(b.r, FILES_FULL);
    files_put_drop(p);
    await_idle(w);
    p = begin(w, &b, OTHER, most); // and what was given up is
    for (int i = 0; i < 50; i++)
        loop_run_once(w->loop);
    assert_int_equal(b.n_done, 0);
    files_put_drop(p);
    await_idle(w);
}

static unsigned times_said(const struct world *w, const char *text)
{
    str log = buf_str(&w->log);
    unsigned n = 0;

    for (;;) {
        const char *at = log.len > 0 ? memmem(log.ptr, log.len, text, strlen(text)) : NULL;
        if (!at)
            return n;
        n++;
        str_take(&log, (size_t)(at - log.ptr) + strlen(text));
    }
}

static void an_operator_is_told_once_of_a_full_disk(void **state)
{
    struct world *w = *state;
    struct answer a;

    for (int i = 0; i < 3; i++) {
        begin(w, &a, ID, UINT64_MAX);
        await(w, &a);
        assert_int_equal(a.r, FILES_FULL);
    }
    assert_int_equal(times_said(w, "event=media_disk_full"), 1);
    assert_int_equal(times_said(w, "event=media_disk_failed"), 0);
}

static void an_operator_is_told_once_of_a_broken_disk(void **state)
{
    struct world *w = *state;
    char path[512];

    assert_int_equal(put(w, OTHER, STR("hello")), 0);
    assert_int_equal(mkfifo(folder_path(path, &w->folder, IN(ID)), 0600), 0);
    for (int i = 0; i < 3; i++)
        assert_int_equal(take(w, ID, 5), FILES_BROKEN);
    assert_int_equal(times_said(w, "event=media_disk_failed"), 1);
}

// What somebody has planted.

static void no_link_is_followed(void **state)
{
    struct world *w = *state;
    char to[512];
    char at[512];

    write_raw(w, "secret", "hello");
    assert_int_equal(put(w, OTHER, STR("hello")), 0); // makes the folder
    assert_int_equal(
        symlink(folder_path(to, &w->folder, "secret"), folder_path(at, &w->folder, IN(ID))), 0);
    assert_int_equal(take(w, ID, 5), FILES_BROKEN);
    assert_int_equal(put(w, ID, STR("other")), FILES_TAKEN);
    assert_int_equal(take(w, OTHER, 5), 0);
    assert_int_equal(symlink(to, folder_path(at, &w->folder, KEPT(ID))), 0);
    struct answer a = {0};
    files_open(w->files, STR(ID), on_open, &a);
    await(w, &a);
    assert_int_equal(a.r, FILES_BROKEN);
    assert_int_equal(drop(w, ID), 0); // the links go, and not what they name
    assert_false(is_there(w, KEPT(ID)));
    assert_true(is_there(w, "secret"));
}

static void no_folder_that_is_a_link_is_followed(void **state)
{
    struct world *w = *state;
    char to[512];
    char at[512];

    assert_int_equal(mkdir(folder_path(to, &w->folder, "elsewhere"), 0700), 0);
    assert_int_equal(symlink(to, folder_path(at, &w->folder, "media/in/ab")), 0);
    assert_int_equal(symlink(to, folder_path(at, &w->folder, "media/kept/ab")), 0);
    write_raw(w, "elsewhere/" ID, "hello");
    assert_int_equal(put(w, OTHER, STR("hello")), FILES_BROKEN);
    assert_int_equal(take(w, ID, 5), FILES_BROKEN);
    assert_int_equal(drop(w, ID), FILES_BROKEN);
    assert_int_equal(count(w, "elsewhere"), 1);
    assert_int_equal(count(w, "media/tmp"), 0);
}

static void what_is_no_file_is_none(void **state)
{
    struct world *w = *state;
    char path[512];
    struct answer a = {0};

    assert_int_equal(put(w, OTHER, STR("hello")), 0);
    assert_int_equal(take(w, OTHER, 5), 0);
    assert_int_equal(mkfifo(folder_path(path, &w->folder, KEPT(ID)), 0600), 0);
    files_open(w->files, STR(ID), on_open, &a); // which would wait for ever
    await(w, &a);
    assert_int_equal(a.r, FILES_BROKEN);
    assert_int_equal(take(w, ID, 5), FILES_BROKEN);
}

static void what_can_not_be_made_is_a_fault(void **state)
{
    struct world *w = *state;
    struct folder f = w->folder;

    close_files(w);
    strncat(w->folder.path, "/none", 8);
    assert_true(open_files(w) < 0);
    w->folder = f;
    write_raw(w, "file", "");
    strncat(w->folder.path, "/file", 8);
    assert_true(open_files(w) < 0);
    w->folder = f;
    w->files = NULL;
    assert_int_equal(open_files(w), 0);
}

static void the_path_is_that_of_what_is_kept(void **state)
{
    struct world *w = *state;
    struct buf path;

    buf_init(&path, 512);
    files_path(w->files, STR(ID), &path);
    assert_int_equal(put(w, ID, STR("hello")), 0);
    assert_int_equal(take(w, ID, 5), 0);
    assert_int_equal(buf_add(&path, (str){"", 1}), 0);
    const char *text = buf_ptr(&path);
    assert_true(text && access(text, R_OK) == 0);
    buf_fini(&path);
}

static void no_name_is_in_the_log(void **state)
{
    struct world *w = *state;
    char path[512];

    assert_int_equal(put(w, OTHER, STR("hello")), 0);
    assert_int_equal(mkfifo(folder_path(path, &w->folder, IN(ID)), 0600), 0);
    assert_int_equal(take(w, ID, 5), FILES_BROKEN);
    assert_true(was_said(w, "fault"));
    assert_false(was_said(w, ID)); // it opens the file
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_ids_are_names),
        TEST(the_directories_are_ours_alone),
        TEST(a_file_is_put_taken_read_and_dropped),
        TEST(taking_and_dropping_may_be_repeated),
        TEST(what_was_taken_survives_a_new_start),
        TEST(what_was_being_put_is_gone_after_a_new_start),
        TEST(only_the_announced_size_is_taken),
        TEST(the_kept_one_wins_where_a_power_cut_has_left_both),
        TEST(no_name_is_overwritten),
        TEST(of_two_at_once_the_first_to_finish_wins),
        TEST(a_put_has_the_size_that_was_announced),
        TEST(a_put_has_the_digest_that_was_announced),
        TEST(any_pieces_make_the_same_file),
        TEST(who_sends_faster_than_the_disk_is_told_to_wait),
        TEST(many_are_written_in_turns),
        TEST(it_writes_no_faster_than_it_may),
        TEST(what_is_dropped_in_the_middle_leaves_nothing),
        TEST(who_puts_what_is_dropped_meanwhile_is_told),
        TEST(what_finishes_while_it_is_dropped_is_dropped),
        TEST(when_it_stops_all_is_answered),
        TEST(files_leave_the_reserve_free),
        TEST(what_others_have_still_to_write_is_not_free),
        TEST(an_operator_is_told_once_of_a_full_disk),
        TEST(an_operator_is_told_once_of_a_broken_disk),
        TEST(no_link_is_followed),
        TEST(no_folder_that_is_a_link_is_followed),
        TEST(what_is_no_file_is_none),
        TEST(what_can_not_be_made_is_a_fault),
        TEST(the_path_is_that_of_what_is_kept),
        TEST(no_name_is_in_the_log),
    };
    return cmocka_run_group_tests_name("media_files", tests, NULL, NULL);
}
