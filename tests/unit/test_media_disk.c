#include <errno.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "media/disk.h"
#include "support/folder.h"

#define ID   "abCD012345678901234-"
#define NAME "a"
#define SIZE 5

struct world {
    struct folder folder;
    struct disk disk;
};

// What the kernel is asked to make durable: counted, and at some time it fails.

static struct {
    unsigned n;
    unsigned failing; // 1: the next; 0: none
} syncs;

/** In place of libc's. */
int fsync(int fd)
{
    syncs.n++;
    if (syncs.failing > 0 && --syncs.failing == 0) {
        errno = EIO;
        return -1;
    }
    return (int)syscall(SYS_fsync, fd);
}

/** What write() says, one after the other; then it does as it is told. */
static struct {
    const int *errors; // 0: it takes one byte
    size_t n;
} writes;

/** In place of libc's. */
ssize_t write(int fd, const void *buf, size_t n)
{
    if (writes.n == 0)
        return syscall(SYS_write, fd, buf, n);
    const int error = *writes.errors++;
    writes.n--;
    if (error == 0)
        return syscall(SYS_write, fd, buf, 1);
    errno = error;
    return -1;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));

    assert_non_null(w);
    syncs.failing = 0;
    folder_make(&w->folder);
    assert_int_equal(disk_open(&w->disk, w->folder.path), 0);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    disk_close(&w->disk);
    folder_remove(&w->folder);
    free(w);
    return 0;
}

static bool is_there(const struct world *w, const char *name)
{
    char path[512];

    return access(folder_path(path, &w->folder, name), F_OK) == 0;
}

/** @param failing  this call of fsync(); 0: none */
static int publish(const struct world *w, unsigned failing)
{
    int fd;

    assert_int_equal(disk_create(&w->disk, &fd, NAME), 0);
    assert_int_equal(disk_write(fd, "hello", SIZE), 0);
    syncs.failing = failing;
    const int r = disk_publish(&w->disk, fd, NAME, ID);
    syncs.failing = 0;
    close(fd);
    disk_forget(&w->disk, NAME);
    return r;
}

static int take(const struct world *w, unsigned failing)
{
    syncs.failing = failing;
    syncs.n = 0;
    const int r = disk_take(&w->disk, ID, SIZE);
    syncs.failing = 0;
    return r;
}

static void all_is_written_or_it_is_said(void **state)
{
    static const struct {
        const char *name;
        int errors[3];
        size_t n;
        int r; // -1: a fault
    } rows[] = {
        {"in pieces", {0, 0, 0}, 3, 0},
        {"interrupted", {EINTR, 0, EINTR}, 3, 0},
        {"full", {ENOSPC}, 1, DISK_FULL},
        {"full in the middle", {0, EDQUOT}, 2, DISK_FULL},
        {"broken in the middle", {0, EIO}, 2, -1},
    };
    const struct world *w = *state;

    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char got[SIZE];
        char path[512];
        int fd;

        assert_int_equal(disk_create(&w->disk, &fd, NAME), 0);
        writes.errors = rows[i].errors;
        writes.n = rows[i].n;
        const int r = disk_write(fd, "hello", SIZE);
        writes.n = 0;
        expect_int(rows[i].name, r < 0 ? -1 : r, rows[i].r);
        close(fd);
        fd = open(folder_path(path, &w->folder, "media/tmp/" NAME), O_RDONLY | O_CLOEXEC);
        const ssize_t n = read(fd, got, sizeof(got));
        if (rows[i].r == 0)
            expect_str(rows[i].name, ((str){got, (size_t)n}), STR("hello"));
        close(fd);
        disk_forget(&w->disk, NAME);
    }
}

static void what_could_not_be_made_durable_may_be_put_again(void **state)
{
    const struct world *w = *state;

    assert_true(publish(w, 1) < 0); // of the folder, in in/
    assert_false(is_there(w, "media/in/ab"));
    assert_true(publish(w, 2) < 0); // of the name, in the folder
    assert_false(disk_has(&w->disk, ID));
    assert_int_equal(publish(w, 0), 0);
    assert_int_equal(publish(w, 0), DISK_TAKEN);
}

static void taking_again_makes_durable_what_failed_before(void **state)
{
    const struct world *w = *state;

    assert_int_equal(publish(w, 0), 0);
    assert_true(take(w, 1) < 0); // of the folder, in kept/
    assert_true(take(w, 2) < 0); // of the name
    assert_true(is_there(w, "media/kept/ab/" ID));
    assert_true(take(w, 1) < 0); // and so it is not said to be kept
    assert_int_equal(take(w, 0), 0);
    assert_true(syncs.n > 0);
}

static void dropping_again_makes_durable_what_failed_before(void **state)
{
    const struct world *w = *state;

    assert_int_equal(publish(w, 0), 0);
    for (int i = 0; i < 2; i++) {
        syncs.failing = 1;
        assert_true(disk_drop(&w->disk, ID) < 0);
        assert_false(disk_has(&w->disk, ID));
    }
    syncs.failing = 0;
    assert_int_equal(disk_drop(&w->disk, ID), 0);
}

/** As an operator moves it to a larger disk. */
static void media_may_be_a_link(void **state)
{
    struct world *w = *state;
    char at[512];
    char to[512];
    uint64_t bytes;

    assert_int_equal(publish(w, 0), 0);
    disk_close(&w->disk);
    assert_int_equal(
        rename(folder_path(at, &w->folder, "media"), folder_path(to, &w->folder, "large")), 0);
    assert_int_equal(symlink(to, at), 0);
    assert_int_equal(disk_open(&w->disk, w->folder.path), 0);
    assert_int_equal(take(w, 0), 0);
    assert_true(is_there(w, "large/kept/ab/" ID));
    assert_int_equal(disk_room(&w->disk, &bytes), 0);
}

/** The disk is not mounted, say. */
static void a_link_to_nothing_is_a_fault(void **state)
{
    struct world *w = *state;
    char at[512];
    char to[512];

    disk_close(&w->disk);
    assert_int_equal(
        rename(folder_path(at, &w->folder, "media"), folder_path(to, &w->folder, "large")), 0);
    assert_int_equal(symlink("none", at), 0);
    assert_true(disk_open(&w->disk, w->folder.path) < 0);
}

static void a_link_within_media_is_a_fault(void **state)
{
    static const char *const names[] = {"tmp", "in", "kept"};
    struct world *w = *state;
    char name[32];
    char at[512];
    char to[512];

    disk_close(&w->disk);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        (void)snprintf(name, sizeof(name), "media/%s", names[i]);
        assert_int_equal(
            rename(folder_path(at, &w->folder, name), folder_path(to, &w->folder, names[i])),
            0);
        assert_int_equal(symlink(to, at), 0);
        if (disk_open(&w->disk, w->folder.path) == 0)
            fail_msg("%s may be a link", name);
        assert_int_equal(unlink(at), 0);
        assert_int_equal(rename(to, at), 0);
    }
}

/** Only root may mount. */
static void what_is_in_two_file_systems_is_a_fault(void **state)
{
    struct world *w = *state;
    char at[512];

    disk_close(&w->disk);
    if (mount("parley-test", folder_path(at, &w->folder, "media/kept"), "tmpfs", 0,
              "size=64k") < 0) {
        skip();
    }
    const int r = disk_open(&w->disk, w->folder.path);
    disk_close(&w->disk);
    assert_int_equal(umount2(at, MNT_DETACH), 0);
    assert_true(r < 0);
}

/** The room is that of the disk that files are on. */
static void a_link_has_the_room_of_where_it_leads(void **state)
{
    struct world *w = *state;
    char at[512];
    char to[512];
    uint64_t bytes = 0;

    disk_close(&w->disk);
    assert_int_equal(mkdir(folder_path(to, &w->folder, "large"), 0700), 0);
    if (mount("parley-test", to, "tmpfs", 0, "size=64k") < 0)
        skip();
    assert_int_equal(
        rename(folder_path(at, &w->folder, "media"), folder_path(to, &w->folder, "before")), 0);
    assert_int_equal(symlink("large", at), 0);
    const int r = disk_open(&w->disk, w->folder.path);
    const int room = r == 0 ? disk_room(&w->disk, &bytes) : r;
    disk_close(&w->disk);
    assert_int_equal(umount2(folder_path(to, &w->folder, "large"), MNT_DETACH), 0);
    assert_int_equal(room, 0);
    assert_true(bytes > 0 && bytes <= 65536);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(all_is_written_or_it_is_said),
        TEST(what_could_not_be_made_durable_may_be_put_again),
        TEST(taking_again_makes_durable_what_failed_before),
        TEST(dropping_again_makes_durable_what_failed_before),
        TEST(media_may_be_a_link),
        TEST(a_link_to_nothing_is_a_fault),
        TEST(a_link_within_media_is_a_fault),
        TEST(what_is_in_two_file_systems_is_a_fault),
        TEST(a_link_has_the_room_of_where_it_leads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
